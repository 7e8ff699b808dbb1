"""Tapes of loops whose trip count a loop around them decides: the rectangle around a triangle."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

import pullback as pb


@pytest.fixture(autouse=True)
def unjitted(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is tested is the text, and that no index leaves its tape, as NumPy says."""
    monkeypatch.setenv("PULLBACK_JIT", "0")


def shrinking(x, k):
    y = x.copy()
    for t in range(x.shape[0] - 1, -1, -1):
        for i in range(t + 1):
            y[i] = np.sin(y[i] * k) + y[i]
    return np.sum(y**2)


def upper(x, k):
    y = x.copy()
    for t in range(x.shape[0]):
        for i in range(t + 1, x.shape[0]):
            y[i] = np.cos(y[i] * y[t]) * k
    return np.sum(y**2)


def downwards(x, k):
    y = x.copy()
    for t in range(1, x.shape[0]):
        for i in range(t, 0, -1):
            y[i] = np.cos(y[i] * y[i - 1]) * k
    return np.sum(y**2)


def repeated(x, k):
    """The loop that decides is not the outermost one, nor the next."""
    y = x.copy()
    for _ in range(2):
        for t in range(x.shape[0]):
            for _ in range(2):
                for i in range(t):
                    y[i] = np.cos(y[i] * y[t]) * k
    return np.sum(y**2)


def per_row(x, k):
    """Each iteration of the outer loop is reversed at once: the tape is that of one, and is made once."""
    total = 0.0
    for row in range(3):
        y = x * row
        for t in range(x.shape[0]):
            for i in range(t):
                y[i] = np.sin(y[i] * y[t]) * k
        total += np.sum(y**2)
    return total


def band(x, k):
    """The rectangle around a band would be much larger than the band."""
    y = x.copy()
    for t in range(x.shape[0] - 2):
        for i in range(t, t + 3):
            y[i] = np.cos(y[i] * k) * k
    return np.sum(y**2)


def pyramid(x, k):
    """Two loops whose trip counts vary would take six times the memory."""
    y = x.copy()
    for t in range(x.shape[0]):
        for i in range(t):
            for j in range(i):
                y[i] = np.cos(y[j] * y[i]) * k
    return np.sum(y**2)


def strided(x, k):
    y = x.copy()
    for t in range(x.shape[0]):
        for i in range(0, t, 2):
            y[i] = np.cos(y[i] * y[t]) * k
    return np.sum(y**2)


def read_from_memory(x, k):
    """Trip counts that nothing bounds."""
    y = x.copy()
    for t in range(x.shape[0]):
        for i in range(int(x[t] > 0.0)):
            y[i] = np.cos(y[i] * y[t]) * k
    return np.sum(y**2)


@pytest.mark.parametrize("f", [shrinking, upper, downwards, repeated, per_row])
@pytest.mark.parametrize("n", [0, 2, 6])
def test_triangles_are_arrays(f: Callable[..., float], n: int) -> None:
    args = (np.random.default_rng(n).normal(size=n), 0.7)
    derivative = pb.value_and_grad(f, argnums=(0, 1))
    assert derivative(*args)[0] == pytest.approx(f(*args), rel=1e-12)
    if n > 4:  # shorter ones have code of their own
        assert "_saved = mem.empty(" in derivative.backward_source
    assert ".pop()" not in derivative.backward_source
    pb.check_grads(f, args, order=2)


@pytest.mark.parametrize("f", [band, pyramid, strided, read_from_memory])
def test_others_are_lists(f: Callable[..., float]) -> None:
    args = (np.random.default_rng(3).normal(size=6), 0.7)
    derivative = pb.value_and_grad(f, argnums=(0, 1))
    derivative(*args)
    assert ".pop()" in derivative.backward_source
    pb.check_grads(f, args, order=2)


def test_explain_says_so() -> None:
    derivative = pb.value_and_grad(upper, argnums=(0, 1))
    derivative(np.ones(3), 0.7)
    assert "array, sized from the largest trip counts" in derivative.explain()
