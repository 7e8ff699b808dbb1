"""One copy of an array that is overwritten later, in place of the numbers that are read of it."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

import pullback as pb


@pytest.fixture(autouse=True)
def unjitted(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is tested is the text."""
    monkeypatch.setenv("PULLBACK_JIT", "0")


def before_a_nest(a, b):
    b = b.copy()
    for _ in range(2):
        c = np.zeros_like(b)
        for i in range(1, b.shape[0]):
            for j in range(b.shape[1]):
                c[i, j] = b[i - 1, j] * b[i, j]
        for i in range(b.shape[0]):
            for j in range(b.shape[1]):
                b[i, j] += c[i, j] * a[0, 0]
    return np.sum(b**2)


def rows_below(a, b):
    """What is read has not been written yet."""
    b = b.copy()
    for i in range(b.shape[0]):
        for k in range(i + 1, b.shape[0]):
            for j in range(b.shape[1]):
                b[i, j] += a[k, i] * b[k, j]
    return np.sum(b**2)


def rows_above(a, b):
    b = b.copy()
    for i in range(b.shape[0] - 1, -1, -1):
        for k in range(i):
            for j in range(b.shape[1]):
                b[i, j] += a[k, i] * b[k, j]
    return np.sum(b**2)


def again_and_again(a, b):
    """One copy for each of the outer iterations."""
    b = b.copy()
    for _ in range(3):
        for i in range(b.shape[0]):
            for k in range(i + 1, b.shape[0]):
                for j in range(b.shape[1]):
                    b[i, j] += a[k, i] * b[k, j]
    return np.sum(b**2)


def the_row_itself(a, b):
    """The row i is read too, which has been written."""
    b = b.copy()
    for i in range(b.shape[0]):
        for k in range(i, b.shape[0]):
            for j in range(b.shape[1]):
                b[i, j] += a[k, i] * b[k, j]
    return np.sum(b**2)


def two_writes(a, b):
    """A second store writes ahead of what is read."""
    b = b.copy()
    for i in range(b.shape[0]):
        for k in range(i + 1, b.shape[0]):
            for j in range(b.shape[1]):
                b[i, j] += a[k, i] * b[k, j]
                b[b.shape[0] - 1, j] *= 0.5
    return np.sum(b**2)


def arguments() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(4)
    return rng.normal(size=(6, 6)), rng.normal(size=(6, 5))


COPIED = [before_a_nest, rows_below, rows_above, again_and_again]
NUMBERS = [the_row_itself, two_writes]


@pytest.mark.parametrize("f", COPIED + NUMBERS)
def test_gradient(f: Callable[..., float]) -> None:
    args = arguments()
    value, _ = pb.value_and_grad(f, argnums=(0, 1))(*args)
    assert value == pytest.approx(f(*args), rel=1e-12)
    pb.check_grads(f, args, order=2)


@pytest.mark.parametrize(("f", "copies"), [*((f, True) for f in COPIED), *((f, False) for f in NUMBERS)])
def test_rank_of_the_tape(f: Callable[..., float], copies: bool) -> None:
    """One copy has the array's rank, one for each iteration of a loop a rank more; a number for each of three
    nested iterations has three, and four in a loop."""
    derivative = pb.value_and_grad(f, argnums=(0, 1))
    derivative(*arguments())
    lines = derivative.backward_source.splitlines()
    tapes = [line for line in lines if "_saved" in line and ("mem." in line or ".copy()" in line)]
    assert tapes
    deep = [line for line in tapes if line.count(",") >= 2 + (f in (before_a_nest, again_and_again))]
    assert bool(deep) is not copies, tapes


def over_a_part(a, b):
    """The loops run over the lengths of another array."""
    b = b.copy()
    n, m = a.shape
    c = np.empty_like(a)
    for _ in range(2):
        for i in range(n):
            for j in range(m):
                c[i, j] = a[i, j] * b[i, j] * b[(i + 1) % n, j] + np.sin(b[i, j + 1 if j < m - 1 else 0])
        for i in range(n):
            for j in range(m):
                b[i, j] += c[i, j]
    return np.sum(b**2)


def over_a_part_in_while(a, b):
    """The tape is a list of copies."""
    b = b.copy()
    n, m = a.shape
    c = np.empty_like(a)
    while b[0, 0] < 3.0:
        for i in range(n):
            for j in range(m):
                c[i, j] = a[i, j] * b[i, j] * b[(i + 1) % n, j] + np.sin(b[i, j + 1 if j < m - 1 else 0])
        for i in range(n):
            for j in range(m):
                b[i, j] += c[i, j] + 1.0
    return np.sum(b)


def not_all_of_it(a, b):
    """A branch skips elements, which need not be there."""
    b = b.copy()
    n, m = a.shape
    c = np.empty_like(a)
    for _ in range(2):
        for i in range(n):
            for j in range(m):
                if i < n - 2:
                    c[i, j] = np.sin(a[i, j] * b[i, j] * b[i, (j + 1) % m])
        for i in range(n - 2):
            for j in range(m):
                b[i, j] += c[i, j]
    return np.sum(b**2)


@pytest.mark.parametrize("f", [over_a_part, over_a_part_in_while, not_all_of_it])
@pytest.mark.parametrize("shape", [(4, 3), (6, 7)])
def test_parts_have_the_gradient(f: Callable[..., float], shape: tuple[int, int]) -> None:
    rng = np.random.default_rng(1)
    args = rng.uniform(0.1, 0.5, size=(4 + 2 * (f is not_all_of_it), 3)), rng.uniform(0.1, 0.5, size=shape)
    value, _ = pb.value_and_grad(f, argnums=(0, 1))(*args)
    assert value == pytest.approx(f(*args), rel=1e-12)
    pb.check_grads(f, args, order=2)


def test_only_the_part_is_copied() -> None:
    a, b = np.full((4, 3), 0.3), np.full((9, 8), 0.2)
    derivative = pb.value_and_grad(over_a_part, argnums=(0, 1))
    derivative(a, b)
    (made,) = (line for line in derivative.backward_source.splitlines() if "b_saved = mem." in line)
    assert "(2, n, m)" in made
    with pytest.raises(IndexError):
        derivative(a, b[:3])
    with pytest.raises(IndexError):
        over_a_part(a, b[:3])
    derivative = pb.value_and_grad(over_a_part_in_while, argnums=(0, 1))
    derivative(a, b)
    lines = derivative.backward_source.splitlines()
    assert not any(".copy()" in line and "#" not in line for line in lines)
