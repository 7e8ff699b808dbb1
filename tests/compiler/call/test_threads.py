"""One Python thread at a time, where Numba's threads need that."""

from __future__ import annotations

import threading
import time

import numba
import pytest
from pullback.compiler.call.threads import one_by_one


def no_layer() -> str:
    raise ValueError("Threading layer is not initialized.")


@pytest.mark.parametrize(
    ("layer", "together"), [(lambda: "workqueue", 1), (no_layer, 1), (lambda: "omp", 4), (lambda: "tbb", 4)]
)
def test_threads_at_once(monkeypatch: pytest.MonkeyPatch, layer, together: int) -> None:
    monkeypatch.setattr(numba, "threading_layer", layer)
    inside: list[int] = []
    most: list[int] = []
    barrier = threading.Barrier(4)

    def run(x: int) -> int:
        inside.append(x)
        most.append(len(inside))
        time.sleep(0.05)
        inside.remove(x)
        return x

    def call(x: int) -> None:
        barrier.wait()
        assert one_by_one(run)(x) == x

    pool = [threading.Thread(target=call, args=(k,)) for k in range(4)]
    for thread in pool:
        thread.start()
    for thread in pool:
        thread.join()
    assert (max(most) == 1) is (together == 1)


def test_the_lock_is_open_after_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(numba, "threading_layer", no_layer)

    def fail() -> None:
        raise KeyError("x")

    for _ in range(2):
        with pytest.raises(KeyError):
            one_by_one(fail)()
