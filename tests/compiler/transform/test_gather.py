"""Loops that scatter into neighbours gather instead; buffers that change places change back."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from pullback.compiler.transform.gather import gather
from randprog.irloops import LoopProgram
from randprog.passes import check_pass

import pullback as pb


@pytest.fixture(autouse=True)
def unjitted(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is tested is the text; Numba would take minutes."""
    monkeypatch.setenv("PULLBACK_JIT", "0")


def swapped(u0, k, steps):
    u = u0.copy()
    v = u0.copy()
    n, m = u.shape
    for _ in range(steps):
        for i in range(1, n - 1):
            for j in range(1, m - 1):
                v[i, j] = u[i, j] * k + np.sin(u[i - 1, j]) - u[i, j - 1] * u[i, j + 1] + u[i + 1, j]
        u, v = v, u
    return np.sum(u**2)


def three_buffers(u0, k, steps):
    """A cycle of three, of which one is read after the loop."""
    a = u0.copy()
    b = 2.0 * u0
    c = np.zeros_like(u0)
    for _ in range(steps):
        for i in range(1, a.shape[0]):
            c[i] = np.sin(a[i]) * b[i - 1] + k * a[i - 1]
        a, b, c = b, c, a
    return np.sum(a * b) + c[1]


def forward_only(x, k, steps):
    """Distances 0 and 2 from the index."""
    y = np.zeros(x.shape[0])
    for i in range(x.shape[0] - 2):
        y[i] = np.sin(x[i]) * x[i + 2] * k
    return np.sum(y**2)


def several_rows(x, k, steps):
    y = np.zeros(x.shape)
    for i in range(2, x.shape[0]):
        for j in range(3, x.shape[1]):
            y[i, j] = x[i - 2, j] * k + x[i - 1, j - 3] * x[i, j]
    return np.sum(np.sin(y))


GATHERED = [
    (swapped, (6, 9)),
    (swapped, (3, 3)),
    (swapped, (2, 2)),
    (three_buffers, (9,)),
    (forward_only, (9,)),
    (forward_only, (2,)),
    (several_rows, (5, 9)),
    (several_rows, (2, 4)),
]


def wrapped(x, k, steps):
    """The index -1 is the last element: the neighbour of the first."""
    y = np.zeros(x.shape[0])
    for i in range(x.shape[0]):
        y[i] = x[i] * x[i - 1] * k
    return np.sum(y**2)


def in_place(x, k, steps):
    """Gauss–Seidel: an iteration reads what the one before has written."""
    y = x.copy()
    for _ in range(steps):
        for i in range(1, y.shape[0] - 1):
            y[i] = k * y[i] + 0.3 * y[i - 1] + 0.2 * y[i + 1] ** 2
    return np.sum(y**2)


LEFT = [(wrapped, (9,)), (in_place, (9,))]


def derived(f: Callable[..., float], shape: tuple[int, ...]) -> tuple[Any, tuple[Any, ...]]:
    args = (np.random.default_rng(1).uniform(0.2, 0.9, size=shape), 0.4, 3)
    derivative = pb.value_and_grad(f, argnums=(0, 1))
    value, _ = derivative(*args)
    assert value == pytest.approx(f(*args), rel=1e-12)
    return derivative, args


@pytest.mark.parametrize(("f", "shape"), GATHERED, ids=lambda v: getattr(v, "__name__", str(v)))
def test_gathered(f: Callable[..., float], shape: tuple[int, ...]) -> None:
    derivative, args = derived(f, shape)
    if f is not three_buffers:
        assert "_row" in derivative.backward_source
    pb.check_grads(f, args, order=2)


@pytest.mark.parametrize(("f", "shape"), LEFT, ids=lambda v: getattr(v, "__name__", str(v)))
def test_left_as_it_is(f: Callable[..., float], shape: tuple[int, ...]) -> None:
    derivative, args = derived(f, shape)
    assert "_row" not in derivative.backward_source
    pb.check_grads(f, args, order=2)


@pytest.mark.parametrize("f", [swapped, three_buffers], ids=lambda f: f.__name__)
def test_shadows_of_exchanged_buffers_need_no_tape(f: Callable[..., float]) -> None:
    derivative, _ = derived(f, (6, 9) if f is swapped else (9,))
    assert "_bar_saved" not in derivative.backward_source


@pytest.mark.parametrize("seed", range(40))
def test_random_loops(seed: int) -> None:
    check_pass(gather, seed, LoopProgram)
