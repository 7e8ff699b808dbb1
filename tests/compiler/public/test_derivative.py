"""Derivative objects: guards, threads, processes, pickles, inspection, and their use in compiled code."""

from __future__ import annotations

import copy
import multiprocessing
import pickle
import threading
from pathlib import Path

import api_samples as samples
import numba
import numpy as np
import pytest
from numba.core import event

import pullback as pb


def test_changed_globals_are_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    g = pb.grad(samples.uses_globals, jit=False)
    assert g(1.0) == 6.0
    monkeypatch.setattr(samples, "RATE", 5.0)  # a float: passed at each call
    assert g(1.0) == 15.0
    monkeypatch.setattr(samples, "COUNT", 2)  # an int: compiled in
    assert g(1.0) == 10.0
    monkeypatch.setattr(samples, "helper", lambda x: x * x)
    assert g(3.0) == 12.0
    monkeypatch.undo()
    assert g(1.0) == 6.0 and len(g.signatures) == 3


def test_captured_arrays_are_passed(monkeypatch: pytest.MonkeyPatch) -> None:
    g = pb.grad(samples.weighted, jit=False)
    x = np.ones(3)
    assert g(x).tolist() == [2.0, 4.0, 6.0]
    monkeypatch.setattr(samples, "WEIGHTS", np.array([5.0, 5.0, 5.0], np.float32))
    assert g(x).tolist() == [10.0, 10.0, 10.0]
    monkeypatch.setattr(samples, "WEIGHTS", 4.0)
    assert g(x).tolist() == [8.0, 8.0, 8.0]


def test_closures_of_one_code_differ() -> None:
    def make(a, n):
        return lambda x: a * x**n

    assert [pb.grad(make(a, n), jit=False)(2.0) for a, n in ((1.0, 2), (3.0, 2), (1.0, 3))] == [
        4.0,
        12.0,
        12.0,
    ]


def test_function_arguments() -> None:
    def twice(f, x):
        return f(f(x))

    g = pb.grad(twice, argnums=1, jit=False)
    assert g(lambda x: x * x, 2.0) == 32.0
    assert g(lambda x: 3.0 * x, 2.0) == 9.0
    assert [g(lambda x, k=k: k * x, 2.0) for k in (2.0, 5.0)] == [4.0, 25.0]


def test_eight_threads() -> None:
    def f(x):
        return np.sum(np.sin(x) * x)

    g = pb.grad(f)
    x = np.linspace(0.0, 1.0, 5)
    expected = np.cos(x) * x + np.sin(x)
    wrong: list[object] = []
    start = threading.Barrier(8)

    def work() -> None:
        start.wait()
        for _ in range(20):
            if not np.allclose(g(x), expected):
                wrong.append(x)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong and len(g.signatures) == 1


@pytest.mark.parametrize(
    "made",
    [
        lambda: pb.grad(samples.product, 1, jit=False),
        lambda: pb.value_and_grad(samples.product, argnames="y", jit=False),
        lambda: samples.decorated,
        lambda: samples.offered,
        lambda: samples.offered.value_and_grad,
    ],
)
def test_pickle_and_copy(made) -> None:
    one = made()
    args = (2.0, 3.0) if "product" in repr(one) else (2.0,) if "decorated" in repr(one) else (np.ones(2),)
    expected = repr(one(*args))
    for other in (pickle.loads(pickle.dumps(one)), copy.deepcopy(one), copy.copy(one)):
        assert repr(other(*args)) == expected


def _in_a_worker(x: float) -> float:
    return float(samples.decorated(x))


@pytest.mark.parametrize("method", ["spawn", "fork"])
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_worker_processes(method: str) -> None:
    if method not in multiprocessing.get_all_start_methods():
        pytest.skip(f"no {method} here")
    assert samples.decorated(1.0) == 2.0
    with multiprocessing.get_context(method).Pool(2) as pool:
        assert pool.map(samples.decorated, [1.0, 2.0, 3.0]) == [2.0, 4.0, 6.0]


def test_inspection() -> None:
    g = pb.value_and_grad(samples.saves, jit=False)
    with pytest.raises(pb.ArgumentError, match="has not been compiled yet"):
        _ = g.backward_source
    g.compile(np.ones(4))
    assert g.signatures == ["(x: float64[:])"]
    assert g.source_path.read_text(encoding="utf-8") == g.backward_source
    assert g.backward_source.startswith("# pullback: reverse-mode adjoint of `saves`, with respect to x\n")
    assert "# +3  s = np.sin(s) * x[i]" in g.backward_source
    assert "def saves(x)" in g.forward_source and "x_bar" not in g.forward_source
    for stage in ("lowered", "optimised", "adjoint", "final"):
        assert "def " in g.ir(stage)
    with pytest.raises(pb.ArgumentError, match="no stage 'typed'"):
        g.ir("typed")


def test_explain() -> None:
    g = pb.grad(samples.saves, jit=False).compile(np.ones(4))
    text = g.explain()
    assert "x: float64[:]  active" in text
    assert "for i in range(1, len(x)):  plan SAVE" in text and "bytes" in text
    text = pb.grad(samples.picks, jit=False).compile(np.ones(4), 1).explain()
    assert "i: int64  constant: int64 carries no derivative" in text and "none: no tape" in text
    text = pb.grad(samples.mutates, jit=False).compile(np.ones(4)).explain()
    assert "copied on entry, because the function writes to it: x" in text


def test_dispatcher_in_compiled_code() -> None:
    g = pb.value_and_grad(samples.squares, jit=True).compile(np.ones(3))
    inner = g.dispatcher
    assert g.dispatcher_for(np.ones(5)) is inner

    @numba.njit
    def steps(x):
        for _ in range(3):
            _, gradient = inner(x)
            x = x - 0.25 * gradient
        return x

    np.testing.assert_allclose(steps(np.ones(3)), np.full(3, 0.125))


def test_check_mode(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PULLBACK_CHECK", "1")
    monkeypatch.setenv("PULLBACK_JIT", "0")
    assert pb.grad(samples.squares)(np.array([1.0, 2.0])).tolist() == [2.0, 4.0]
    with pytest.raises(
        pb.CheckError, match=r"with respect to 'x': the directional derivative is \S+ central differences"
    ):
        pb.grad(lambda x: pb.stop_gradient(x) * x)(2.0)


class Compilations(event.Listener):
    """The number of functions that Numba compiles."""

    def __init__(self) -> None:
        self.count = 0

    def on_start(self, event: event.Event) -> None:
        self.count += 1

    def on_end(self, event: event.Event) -> None:
        pass


def test_nothing_is_compiled_twice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PULLBACK_CACHE_DIR", str(tmp_path))

    def f(x, y):
        return np.sum(x * x) * y

    listener = Compilations()
    x = np.arange(4.0)
    with event.install_listener("numba:compile", listener):
        pb.value_and_grad(f, (0, 1))(x, 2.0)
        once = listener.count
        for again in (
            lambda: pb.grad(f, (0, 1))(x, 3.0),
            lambda: pb.differentiable(f, (0, 1)).grad(x, 3.0),
            lambda: pb.grad(f, (0, 1))(np.arange(8.0)[::2], 3.0),
            lambda: pb.grad(f, (0, 1))(x, np.float64(3.0)),
            lambda: pb.grad(f, (0, 1))(x.reshape(4), 3.0),
        ):
            again()
            assert listener.count == once
    assert once > 0


def test_the_build_that_finds_the_line_is_made_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PULLBACK_CACHE_DIR", str(tmp_path))

    def f(x, k):
        return x[k] * 2.0

    g = pb.grad(f)
    listener = Compilations()
    counts = []
    with event.install_listener("numba:compile", listener):
        for k in (7, 7, 9):
            with pytest.raises(IndexError, match="test_derivative"):
                g(np.ones(3), k)
            counts.append(listener.count)
    assert counts == [counts[0]] * 3 and counts[0] > 0
