"""What a program on the tape writes to outside of itself: as plain Python does, or refused."""

from __future__ import annotations

import math
import sys
import types
from typing import Any

import numpy as np
import pytest

import pullback as pb

X = np.array([1.0, 2.0, 3.0])
BUFFER, CALLS, LOG, LAST, CONFIG = np.zeros(3), 0, [], None, {"k": 2.0, "f": math.sin}


def on_tape(f: Any, x: np.ndarray = X) -> Any:
    return pb.grad(f, fallback="tape")(x)


def into_an_element(x):
    BUFFER[0] = x[0]
    return BUFFER[0] * x[1]


def into_all(x):
    BUFFER[:] = x
    return np.sum(BUFFER * x)


def in_place(x):
    BUFFER[:] = 1.0
    buffer = BUFFER
    buffer += x
    return np.sum(buffer * x)


def by_out(x):
    np.multiply(x, 2.0, out=BUFFER)
    return np.sum(BUFFER * x)


def by_copyto(x):
    np.copyto(BUFFER, x)
    BUFFER[1:] *= BUFFER[:-1].copy()
    return np.sum(BUFFER)


def by_at(x):
    BUFFER[:] = 0.0
    np.add.at(BUFFER, [0, 0, 1], x)
    return np.sum(BUFFER**2)


def by_methods(x):
    BUFFER.fill(x[0])
    np.put(BUFFER, [0], x[1])
    return np.sum(BUFFER * x)


class Scratch:
    def __init__(self) -> None:
        self.buffer, self.turn = np.zeros(3), math.cos

    def run(self, x):
        self.buffer[1:] = x[1:]
        self.total = self.buffer @ x
        return self.total * self.turn(x[0])


SCRATCH = Scratch()


def in_an_object(x):
    return SCRATCH.run(x)


@pytest.mark.parametrize(
    "f",
    (into_an_element, into_all, in_place, by_out, by_copyto, by_at, by_methods, in_an_object),
    ids=lambda f: f.__name__,
)
def test_arrays_are_written_as_in_python(f: Any) -> None:
    f(X)
    expected = BUFFER.copy(), SCRATCH.buffer.copy(), getattr(SCRATCH, "total", None)
    steps = 1e-6 * np.eye(3)
    slope = [(f(X + d) - f(X - d)) / 2e-6 for d in steps]
    BUFFER[:], SCRATCH.buffer[:], SCRATCH.total = 0.0, 0.0, None
    for _ in range(2):
        np.testing.assert_allclose(on_tape(f), slope, rtol=1e-7)
        np.testing.assert_array_equal(BUFFER, expected[0] if f is not in_an_object else 0.0)
        np.testing.assert_array_equal(SCRATCH.buffer, expected[1] if f is in_an_object else 0.0)
    if f is in_an_object:
        assert type(SCRATCH.total) is float and SCRATCH.total == expected[2]


def test_names_are_bound_as_in_python() -> None:
    def f(x):
        global CALLS, LAST
        CALLS += 1
        LAST = x[0] * 2.0
        LOG.append(x[1] * 3.0)
        LOG.append([x[0], (x[2], "text")])
        CONFIG["k"] = x[2] * CONFIG["f"](x[0])
        del CONFIG["f"]
        return LAST * LOG[0] * CONFIG["k"] * CALLS

    on_tape(f)
    assert CALLS == 1 and LAST == 2.0 and LOG == [6.0, [1.0, (3.0, "text")]]
    assert list(CONFIG) == ["k"] and math.isclose(CONFIG["k"], 3.0 * math.sin(1.0))
    assert all(type(v) is float for v in (LAST, LOG[0], LOG[1][1][0], CONFIG["k"]))


def test_functions_that_share_a_variable() -> None:
    def made():
        total, count = 0.0, 0

        def add(value):
            nonlocal total, count
            total += value
            count += 1

        def f(x):
            for value in x:
                add(value * value)
            return total * count

        return f, lambda: (total, count)

    f, seen = made()
    np.testing.assert_allclose(on_tape(f), 2.0 * X * 3)
    assert seen() == (14.0, 3)
    with pytest.raises(pb.UnsupportedError, match="an earlier call"):
        on_tape(f)
    assert seen() == (28.0, 6)


def test_modules_keep_their_state(monkeypatch: pytest.MonkeyPatch) -> None:
    state: Any = types.ModuleType("users_state")
    exec("n = 0\ndef count():\n    global n\n    n += 1\n    return n\n", vars(state))
    state.count.__module__ = "users_state"
    monkeypatch.setitem(sys.modules, "users_state", state)

    def f(x):
        state.count()
        state.count()
        state.last = x[0] * state.n
        return state.last * x[1]

    np.testing.assert_allclose(on_tape(f), [4.0, 2.0, 0.0])
    assert state.n == 2 and state.last == 2.0 and type(state.last) is float


def test_objects_keep_what_they_are() -> None:
    chosen: list[Any] = []
    best = None

    def f(x):
        nonlocal best
        best = SCRATCH
        fresh = Scratch()
        fresh.buffer = x * 2.0
        chosen.append(fresh)
        return np.sum(fresh.buffer * x)

    np.testing.assert_allclose(on_tape(f), 4.0 * X)
    assert best is SCRATCH and type(chosen[0]) is Scratch
    assert type(chosen[0].buffer) is np.ndarray and chosen[0].buffer.tolist() == [2.0, 4.0, 6.0]


def test_what_was_done_before_an_error_is_done() -> None:
    count = 0

    def f(x):
        nonlocal count
        count += 1
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        on_tape(f)
    assert count == 1


def test_values_of_an_inner_run_keep_their_derivative() -> None:
    kept = 0.0

    def outer(x):
        def inner(y):
            nonlocal kept
            kept = y * x[0]
            return y**2

        return pb.grad(inner, fallback="tape")(x[1]) * kept

    np.testing.assert_allclose(on_tape(outer), [2 * 4.0, 2 * 2 * 2.0, 0.0])
    assert type(kept) is float and kept == 2.0


def test_tensors_that_are_kept_stay_tensors() -> None:
    kept: list[Any] = []

    def f(x):
        try:
            kept.append(x[0] * 2.0)
            return kept[-1] * x[1]
        finally:
            pass

    x = pb.tensor(X, requires_grad=True)
    with pytest.warns(pb.FallbackWarning):
        pb.differentiable(f)(x)
    assert type(kept[0]) is pb.Tensor and kept[0].requires_grad


def test_shared_memory_that_is_written_is_refused() -> None:
    whole = np.zeros(4)
    part = whole[1:]

    def f(x):
        part[0] = x[0]
        return np.sum(whole * x[0])

    def g(x):
        whole[0] = 1.0
        return np.sum(x) * whole[0]

    with pytest.raises(pb.OverlapError, match="share memory"):
        on_tape(f)
    with pytest.raises(pb.OverlapError, match="share memory"):
        on_tape(g, whole)


def test_what_cannot_be_followed_is_refused_at_its_line() -> None:
    class Slotted:
        __slots__ = ("buffer",)

    held = Slotted()
    held.buffer = np.zeros(3)

    def f(x):
        held.buffer[:] = x
        return np.sum(held.buffer)

    def g(x):
        np.multiply(x, 2.0, out=held.buffer)
        return np.sum(held.buffer)

    def h(x):
        np.add.at(held.buffer, [0, 1, 2], x)
        return np.sum(held.buffer)

    for write in (f, g, h):
        with pytest.raises(pb.UnsupportedError, match=r"test_outside\.py:\d+"):
            on_tape(write)


def test_what_is_only_kept_may_pile_up() -> None:
    log: list[Any] = [0.0] * 999
    best = None

    def f(x):
        nonlocal best
        log.append(x[0] * 2.0)
        if best is None or x[0] > best:
            best = pb.stop_gradient(x[0]) * 1.0
        return log[-1] * x[1]

    for _ in range(4):
        np.testing.assert_allclose(on_tape(f), [4.0, 2.0, 0.0])
    assert best == 1.0 and sum(log) == 8.0
    assert all(type(v) is float for v in log)


def test_arrays_that_an_earlier_call_has_left_are_refused() -> None:
    kept: dict[str, Any] = {}

    def f(x):
        if "y" not in kept:
            kept["y"] = np.sin(x)
        return kept["y"] @ x

    np.testing.assert_allclose(on_tape(f), np.sin(X) + X * np.cos(X))
    assert type(kept["y"]) is np.ndarray
    with pytest.raises(pb.UnsupportedError, match="an earlier call"):
        on_tape(f)
    kept["y"] = kept["y"] + 0.0  # the user's own
    np.testing.assert_allclose(on_tape(f), np.sin(X))
