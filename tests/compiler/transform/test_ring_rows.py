"""Rows that are read on a ring are copied with their ends around them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from pullback.compiler.transform.ring_rows import ring_rows
from randprog.irloops import LoopProgram
from randprog.passes import check_pass

import pullback as pb


@pytest.fixture(autouse=True)
def unjitted(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is tested is the text; Numba would take minutes."""
    monkeypatch.setenv("PULLBACK_JIT", "0")


def five_points(u0, k):
    """Two rows of two arrays, of which the middle is read too, and other rows as they are."""
    u, v = u0.copy(), u0**2
    n, m = u.shape
    new = np.zeros_like(u)
    for _ in range(2):
        for i in range(n):
            up, down = (i - 1) % n, (i + 1) % n
            for j in range(m):
                left = j - 1 if j > 0 else m - 1
                right = j + 1 if j < m - 1 else 0
                new[i, j] = u[i, j] + k * np.sin(
                    u[up, j] * u[i, left] + u[down, j] - u[i, right] * v[i, left]
                )
        for i in range(n):
            for j in range(m):
                u[i, j] = new[i, j]
    return np.sum(u**2)


def line(u0, k):
    """All of an array of one axis, from one side only."""
    u, n = u0[0].copy(), u0.shape[1]
    for _ in range(3):
        v = np.empty(n)
        for j in range(n):
            v[j] = u[j] * u[(j + 1) % n] * k
        u = v
    return np.sum(u)


def recurrence(u0, k):
    """The loop of the reverse sweep goes down."""
    u, total = u0[0].copy(), 0.5
    m = u.shape[0]
    for j in range(m):
        total = np.sin(total * u[(j + 1) % m]) + k * u[(j - 1) % m]
    return total


def downwards(u0, k):
    u, total = u0[0].copy(), 0.5
    m = u.shape[0]
    for j in range(m - 1, -1, -1):
        total = np.sin(total * u[(j + 1) % m]) + k * u[(j - 1) % m]
    return total


COPIED = [(five_points, (5, 9)), (five_points, (2, 2)), (five_points, (3, 3)), (line, (2, 9))]
COPIED += [(recurrence, (2, 9)), (downwards, (2, 9))]


def rows_only(u0, k):
    """The ring is that of the loop around: rows are chosen once."""
    n, m = u0.shape
    v = np.zeros((n, m))
    for i in range(n):
        for j in range(m):
            v[i, j] = np.sin(u0[(i - 1) % n, j] * k) * u0[(i + 1) % n, j]
    return np.sum(v)


def in_place(u0, k):
    """The row is written while it is read."""
    u = u0.copy()
    n, m = u.shape
    for i in range(n):
        for j in range(m):
            u[i, j] = k * u[i, j] + 0.3 * u[i, (j - 1) % m] * u[i, (j + 1) % m]
    return np.sum(u**2)


def columns(u0, k):
    """What is read on the ring is a column."""
    n, m = u0.shape
    v = np.zeros((m, n))
    for j in range(m):
        for i in range(n):
            v[j, i] = np.sin(k * u0[(i - 1) % n, 0] * u0[(i + 1) % n, 1]) + u0[i, j]
    return np.sum(v)


def no_neighbours(u0, k):
    n, m = u0.shape
    v = np.zeros((n, m))
    for i in range(n):
        for j in range(m):
            v[i, j] = u0[i, j] * u0[i, (2 * j) % m] * k
    return np.sum(v)


def sometimes(u0, k):
    """The neighbour is read by some iterations only."""
    m = u0.shape[1]
    total = 0.0
    for j in range(m):
        if u0[0, j] > 0.5:
            total += u0[1, (j + 1) % m] * k
    return total


def few(u0, k):
    """A loop of few iterations."""
    total = 0.0
    for j in range(7):
        total += u0[0, j] * u0[1, (j + 1) % 7] * k
    return total


LEFT = [(rows_only, (5, 9)), (in_place, (4, 9)), (columns, (4, 9)), (no_neighbours, (4, 9))]
LEFT += [(sometimes, (2, 9)), (few, (2, 9))]


def derived(f: Callable[..., float], shape: tuple[int, ...]) -> tuple[str, tuple[Any, ...]]:
    args = (np.random.default_rng(1).uniform(0.2, 0.9, size=shape), 0.4)
    derivative = pb.value_and_grad(f, argnums=(0, 1))
    value, _ = derivative(*args)
    assert value == pytest.approx(f(*args), rel=1e-12)
    return derivative.backward_source, args


@pytest.mark.parametrize(("f", "shape"), COPIED, ids=lambda v: getattr(v, "__name__", str(v)))
def test_copied(f: Callable[..., float], shape: tuple[int, ...]) -> None:
    text, args = derived(f, shape)
    assert "u_row = mem.empty(" in text
    pb.check_grads(f, args, order=2)


@pytest.mark.parametrize(("f", "shape"), COPIED, ids=lambda v: getattr(v, "__name__", str(v)))
def test_in_the_order_of_the_program(
    f: Callable[..., float], shape: tuple[int, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Loops of the reverse sweep go down then."""
    monkeypatch.setenv("PULLBACK_FASTMATH", "0")
    _, args = derived(f, shape)
    pb.check_grads(f, args)


def test_each_row_is_copied_once() -> None:
    text, _ = derived(five_points, (5, 9))
    lines = [line.strip() for line in text[: text.index("# ---- reverse")].splitlines()]
    assert sum("_row = mem.empty(" in line for line in lines) == 2
    assert "u_row[j + 1] = u[i, j]" in lines and "v_row[j + 1] = v[i, j]" in lines
    assert not any("if j " in line for line in lines if not line.startswith("#"))


@pytest.mark.parametrize(("f", "shape"), LEFT, ids=lambda v: getattr(v, "__name__", str(v)))
def test_left_as_it_is(f: Callable[..., float], shape: tuple[int, ...]) -> None:
    text, args = derived(f, shape)
    assert "_row = mem.empty(" not in text
    pb.check_grads(f, args, order=2)


@pytest.mark.parametrize("n", [-3, 0, 1, 4])
def test_without_iterations(n: int) -> None:
    """Nothing is read of an array that has fewer elements than the loop would ask for."""

    def f(x, n):
        total = 0.0
        for j in range(n):
            total += np.sin(x[(j + 1) % n]) * x[(j - 1) % n]
        return total

    x = np.random.default_rng(1).uniform(size=max(n, 0))
    value, gradient = pb.value_and_grad(f)(x, n)
    assert value == pytest.approx(f(x, n)) and gradient.shape == x.shape
    pb.check_grads(f, (np.ones(4), n))


def test_an_index_out_of_range_is_noticed() -> None:
    def f(x, n):
        total = 0.0
        for j in range(n):
            total += x[(j + 1) % n] * x[j]
        return total

    derivative = pb.value_and_grad(f)
    derivative(np.ones(9), 9)
    with pytest.raises(IndexError):
        derivative(np.ones(8), 9)


@pytest.mark.parametrize("seed", range(20))
def test_random_loops(seed: int) -> None:
    check_pass(ring_rows, seed, LoopProgram)
