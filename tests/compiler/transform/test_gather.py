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


def buffers(derivative: Any) -> list[str]:
    """The kinds of buffers that a derivative makes."""
    return [kind for kind in ("near", "row") if f"_{kind} = mem.zeros(" in derivative.backward_source]


@pytest.mark.parametrize(("f", "shape"), GATHERED, ids=lambda v: getattr(v, "__name__", str(v)))
def test_gathered(f: Callable[..., float], shape: tuple[int, ...]) -> None:
    derivative, args = derived(f, shape)
    if f is not three_buffers:
        assert buffers(derivative)
    pb.check_grads(f, args, order=2)


def five_points(u0, k, steps):
    """Neighbours along both axes, and a term of its own for the middle."""
    v = np.zeros(u0.shape)
    for i in range(1, u0.shape[0] - 1):
        for j in range(2, u0.shape[1] - 1):
            around = u0[i - 1, j] + u0[i + 1, j] + u0[i, j - 1] + u0[i, j + 1]
            v[i, j] = k * around - 4.0 * u0[i, j] ** 2
    return np.sum(v**3)


def seven_points(u0, k, steps):
    """The loops are not in the order of the axes, and the ranges do not start at literals."""
    v = np.zeros(u0.shape)
    for j in range(u0.shape[0] + 1, u0.shape[1] - 1):
        for i in range(1, u0.shape[0] - 1):
            for m in range(1, u0.shape[2] - 1):
                around = u0[i - 1, j, m] + u0[i + 1, j, m] + u0[i, j - 1, m] + u0[i, j + 1, m]
                v[i, j, m] = np.sin(k * (around + u0[i, j, m - 1] + u0[i, j, m + 1]) - u0[i, j, m])
    return np.sum(v**2)


def two_rows(u0, k, steps):
    """The loop ends where the rows do: LLVM knows that they are apart."""
    v = np.zeros(u0.shape)
    for i in range(u0.shape[0] - 1):
        for j in range(u0.shape[1]):
            v[i, j] = (u0[i + 1, j] - k * u0[i, j]) ** 2
    return np.sum(v**2)


def parts_of_two_rows(u0, k, steps):
    """One of the two rows can be added to at once, and the other from a row."""
    w = longer_rows(u0, k, steps)
    v = np.zeros(u0.shape)
    for i in range(u0.shape[0] - 1):
        for j in range(u0.shape[1]):
            v[i, j] = (w[i + 1, j] - k * w[i, j]) ** 2
    return np.sum(v**2)


def parts_of_three_rows(u0, k, steps):
    w = longer_rows(u0, k, steps)
    v = np.zeros(u0.shape)
    for i in range(1, u0.shape[0] - 1):
        for j in range(u0.shape[1]):
            v[i, j] = np.sin(w[i + 1, j] - k * w[i, j] + w[i - 1, j])
    return np.sum(v**2)


def rows_far_apart(u0, k, steps):
    """No loop goes from one row to the other: addresses tell them apart."""
    w = longer_rows(u0, k, steps)
    v = np.zeros(u0.shape)
    for i in range(u0.shape[0]):
        for j in range(u0.shape[1]):
            v[i, j] = (w[i, j] - k * w[0, j]) ** 2
    return np.sum(v**2)


def longer_rows(u0, k, steps):
    w = np.zeros((u0.shape[0], u0.shape[1] + steps))
    for i in range(u0.shape[0]):
        for j in range(u0.shape[1]):
            w[i, j] = np.sin(k * u0[i, j])
    return w


def triangle(u0, k, steps):
    """The inner range depends on the outer index: there is no box of places."""
    v = np.zeros(u0.shape)
    for i in range(1, u0.shape[0] - 1):
        for j in range(i, u0.shape[1] - 1):
            v[i, j] = k * (u0[i - 1, j] + u0[i + 1, j] + u0[i, j - 1] + u0[i, j + 1])
    return np.sum(v**2)


def diagonal(u0, k, steps):
    """Both axes follow one index."""
    v = np.zeros(u0.shape[0])
    for m in range(steps):
        for i in range(1, u0.shape[0] - 1):
            v[i] += k * (u0[i - 1, i] + u0[i + 1, i] + u0[i, i]) * m
    return np.sum(v**2)


def read_meanwhile(u0, k, steps):
    """Each row reads what the row before has written: the cotangents do too."""
    v = u0.copy()
    for i in range(1, v.shape[0] - 1):
        for j in range(1, v.shape[1] - 1):
            v[i, j] = k * (v[i - 1, j] * v[i + 1, j] + u0[i, j - 1] * u0[i, j + 1])
    return np.sum(v**2)


def row_and_column(u0, k, steps):
    """The elements of a column are far apart: nothing vectorises."""
    v = np.zeros(u0.shape)
    for i in range(u0.shape[0]):
        for j in range(u0.shape[1]):
            for m in range(u0.shape[0]):
                v[i, j] += k * u0[i, m] * u0[m, j]
    return np.sum(v**2)


NESTS = [
    (five_points, (6, 9), "near"),
    (five_points, (3, 4), "near"),
    (five_points, (3, 3), "near"),
    (five_points, (2, 9), "near"),
    (seven_points, (4, 8, 6), "near"),
    (seven_points, (5, 2, 7), "near"),
    (two_rows, (4, 9), ""),
    (parts_of_two_rows, (4, 9), "row"),
    (parts_of_two_rows, (2, 2), "row"),
    (parts_of_three_rows, (4, 9), "near"),
    (parts_of_three_rows, (3, 2), "near"),
    (rows_far_apart, (4, 9), ""),
    (triangle, (7, 9), ""),
    (diagonal, (6, 6), ""),
    (row_and_column, (6, 6), ""),
    (read_meanwhile, (5, 6), "row"),
]


@pytest.mark.parametrize(("f", "shape", "kind"), NESTS, ids=lambda v: getattr(v, "__name__", str(v)))
def test_nests(f: Callable[..., float], shape: tuple[int, ...], kind: str) -> None:
    derivative, args = derived(f, shape)
    assert buffers(derivative) == kind.split()
    pb.check_grads(f, args, order=2)


def chosen_neighbours(u0, k, steps):
    """A ring along both axes, in place and with buffers."""
    u = u0.copy()
    n, m = u.shape
    for _ in range(steps):
        v = np.empty_like(u)
        for i in range(n):
            up = i - 1 if i > 0 else n - 1
            down = 0 if i == n - 1 else i + 1
            for j in range(m):
                left = j - 1 if j > 0 else m - 1
                right = j + 1 if j < m - 1 else 0
                v[i, j] = u[i, j] + k * np.sin(u[up, j] * u[i, left] + u[down, j] - u[i, right])
        u = v
    return np.sum(u**2)


def remainders(u0, k, steps):
    """All eight neighbours: corners too."""
    n, m = u0.shape
    v = np.zeros((n, m))
    for i in range(n):
        for j in range(m):
            up, down, left, right = (i - 1) % n, (i + 1) % n, (j - 1) % m, (j + 1) % m
            edges = u0[up, j] + 2.0 * u0[down, j] + 3.0 * u0[i, left] + 4.0 * u0[i, right]
            corners = u0[up, left] - 2.0 * u0[up, right] + 3.0 * u0[down, left] - 4.0 * u0[down, right]
            v[i, j] = np.exp(k * (edges + corners))
    return np.sum(v)


def rolled(u0, k, steps):
    u = u0
    for _ in range(steps):
        around = np.roll(u, 1, 0) + np.roll(u, -1, 0) * np.roll(u, 1, 1) + np.roll(u, -1, 1)
        u = u + k * around
    return np.sum(u**2)


def ring_of_columns(u0, k, steps):
    """A ring along one axis, walls along the other."""
    n, m = u0.shape
    v = np.zeros((n, m))
    for i in range(1, n - 1):
        for j in range(m):
            v[i, j] = k * (u0[i - 1, j] + u0[i + 1, j] * u0[i, (j + 1) % m] + u0[i, (j - 1) % m])
    return np.sum(v**2)


def walls_and_ring(u0, k, steps):
    """Along one axis some places are on a ring, and some are not: those stay."""
    n, m = u0.shape[0], u0.shape[1] - 2
    v = np.zeros((n, m))
    for i in range(n):
        for j in range(m):
            v[i, j] = k * (u0[i, (j + 1) % m] + u0[i, (j - 1) % m]) * u0[i, j + 2]
    return np.sum(v**2)


def one_neighbour(u0, k, steps):
    """The place of the index itself needs no buffer."""
    v = np.zeros(u0.shape[0])
    for j in range(u0.shape[0]):
        v[j] = np.sin(k * u0[j]) * u0[(j + 1) % u0.shape[0]]
    return np.sum(v**2)


def no_ring(u0, k, steps):
    """The loop does not run over all of the ring."""
    v = np.zeros(u0.shape[0])
    for j in range(1, u0.shape[0]):
        v[j] = np.sin(k * u0[j]) * u0[(j + 1) % u0.shape[0]] * u0[(j - 1) % u0.shape[0]]
    return np.sum(v**2)


RINGS = [
    (chosen_neighbours, (5, 9), "near"),
    (chosen_neighbours, (1, 6), "row"),
    (chosen_neighbours, (5, 1), ""),
    (chosen_neighbours, (2, 2), ""),
    (remainders, (4, 9), "near"),
    (remainders, (1, 6), "near"),
    (rolled, (4, 9), "near"),
    (rolled, (5, 2), ""),
    (ring_of_columns, (4, 9), "near"),
    (ring_of_columns, (3, 2), "near"),
    (ring_of_columns, (2, 4), "near"),
    (walls_and_ring, (3, 9), "row"),
    (one_neighbour, (9,), "row"),
    (no_ring, (9,), ""),
]


@pytest.mark.parametrize(("f", "shape", "kind"), RINGS, ids=lambda v: getattr(v, "__name__", str(v)))
def test_rings(f: Callable[..., float], shape: tuple[int, ...], kind: str) -> None:
    derivative, args = derived(f, shape)
    assert buffers(derivative) == kind.split()
    pb.check_grads(f, args, order=2)


@pytest.mark.parametrize("n", [-100, -1, 0, 1, 4])
def test_a_ring_without_elements(n: int) -> None:
    def f(x, n):
        total = 0.0
        for j in range(n):
            total += np.sin(x[(j + 1) % n]) * x[(j - 1) % n]
        return total

    x = np.random.default_rng(1).uniform(size=4)
    value, gradient = pb.value_and_grad(f)(x, n)
    assert value == pytest.approx(f(x, n))
    assert n > 0 or not gradient.any()
    pb.check_grads(f, (x, n))


def test_what_nothing_else_needs_has_no_buffer() -> None:
    derivative, _ = derived(five_points, (6, 9))
    text = derivative.backward_source
    assert text.count("_near = mem.zeros(") == 1 and "u0_bar[i, j] +=" in text


@pytest.mark.parametrize(("f", "shape"), LEFT, ids=lambda v: getattr(v, "__name__", str(v)))
def test_left_as_it_is(f: Callable[..., float], shape: tuple[int, ...]) -> None:
    derivative, args = derived(f, shape)
    assert not buffers(derivative)
    pb.check_grads(f, args, order=2)


@pytest.mark.parametrize("f", [swapped, three_buffers], ids=lambda f: f.__name__)
def test_shadows_of_exchanged_buffers_need_no_tape(f: Callable[..., float]) -> None:
    derivative, _ = derived(f, (6, 9) if f is swapped else (9,))
    assert "_bar_saved" not in derivative.backward_source


@pytest.mark.parametrize("seed", range(40))
def test_random_loops(seed: int) -> None:
    check_pass(gather, seed, LoopProgram)
