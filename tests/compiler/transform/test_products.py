"""Sums of products that become products of matrices."""

from __future__ import annotations

import numpy as np
import pytest
from pullback.compiler.transform.products import products
from randprog.irloops import LoopProgram
from randprog.passes import check_pass

import pullback as pb


def carried_sum(a, b):
    total = 0.0
    for i in range(a.shape[0]):
        for j in range(b.shape[1]):
            s = 1.0
            for k in range(a.shape[1]):
                s += a[i, k] * b[k, j]
            total += np.sin(s)
    return total


def memory_sum(a, b):
    c = np.ones((b.shape[1], a.shape[0]))
    for i in range(a.shape[0]):
        for k in range(a.shape[1]):
            for j in range(b.shape[1]):
                c[j, i] -= 2.0 * (a[i, k] * b[k, j])
    return np.sum(c**2)


def rows(a, b):
    c = np.ones((a.shape[0], b.shape[1]))
    for i in range(a.shape[0]):
        for k in range(a.shape[1]):
            c[i, :] += a[0, 0] * a[i, k] * b[k, :]
    return np.sum(c**2)


def lower_triangle(a, b):
    c = np.ones((a.shape[0], a.shape[0]))
    for i in range(a.shape[0]):
        for k in range(a.shape[1]):
            c[i, : i + 1] += a[i, k] * a[: i + 1, k]
    return np.sum(c**2) * b[0, 0]


def upper_triangle(a, b):
    total = 0.0
    for i in range(a.shape[1]):
        for j in range(i + 1, a.shape[1]):
            total += np.dot(a[:, i], a[:, j]) ** 2
    return total * b[0, 0]


def two_terms(a, b):
    c = np.zeros((a.shape[0], a.shape[0]))
    for i in range(a.shape[0]):
        for k in range(a.shape[1]):
            for j in range(i + 1):
                c[i, j] += 0.5 * (a[i, k] * b[k, j] - a[j, k] * b[k, i])
    return np.sum(np.cos(c))


def two_updates(a, b):
    """c += a bᵀ + b aᵀ, of a square part of b."""
    c = np.ones((b.shape[0], b.shape[0]))
    for i in range(b.shape[0]):
        for k in range(b.shape[0]):
            for j in range(i + 1):
                c[i, j] += 2.0 * (a[j, k] * b[i, k] + b[j, k] * a[i, k])
    return np.sum(np.cos(c))


def both_transposed(a, b):
    total = 0.0
    for i in range(a.shape[1]):
        for j in range(b.shape[0]):
            s = 0.0
            for k in range(a.shape[0]):
                s -= b[j, k] * a[k, i]
            total += s**3
    return total


CALLED = [
    carried_sum,
    memory_sum,
    rows,
    lower_triangle,
    upper_triangle,
    two_terms,
    two_updates,
    both_transposed,
]


def in_place(a, b):
    b = b.copy()
    for i in range(b.shape[0]):
        for j in range(b.shape[1]):
            for k in range(a.shape[1]):
                b[i, j] += a[i, k] * b[k, j]
    return np.sum(b**2)


def inside_of_a_loop(a, b):
    total = 0.0
    for _ in range(3):
        for i in range(a.shape[0]):
            for j in range(b.shape[1]):
                for k in range(a.shape[1]):
                    total += np.sin(total) * a[i, k] * b[k, j]
    return total


def ragged(a, b):
    total = 0.0
    for i in range(a.shape[0]):
        for j in range(min(i, b.shape[1])):
            s = 0.0
            for k in range(a.shape[1]):
                s += a[i, k] * b[k, j]
            total += s**2
    return total


def one_vector(a, b):
    total = 0.0
    for i in range(a.shape[0]):
        s = 0.0
        for k in range(a.shape[1]):
            s += a[i, k] * b[k, 0]
        total += s**2
    return total


def part_of_the_rows(a, b):
    total = 0.0
    for i in range(1, a.shape[0]):
        for j in range(b.shape[1]):
            s = 0.0
            for k in range(a.shape[1]):
                s += a[i, k] * b[k, j]
            total += s**2
    return total


def only_some(a, b):
    total = 0.0
    for i in range(a.shape[0]):
        if a[i, 0] > 0.0:
            for j in range(b.shape[1]):
                s = 0.0
                for k in range(a.shape[1]):
                    s += a[i, k] * b[k, j]
                total += s**2
    return total


def the_next_row(a, b):
    """The other row is none of a loop's."""
    total = 0.0
    for i in range(a.shape[0]):
        for j in range(b.shape[1]):
            s = b[0, j]
            for k in range(a.shape[1]):
                s += a[i, k] * a[(i + 1) % a.shape[0], k]
            total += s**2
    return total


LEFT = [in_place, inside_of_a_loop, ragged, one_vector, part_of_the_rows, only_some, the_next_row]


def point() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(5)
    return rng.standard_normal((4, 3)), rng.standard_normal((3, 4))


@pytest.mark.parametrize(("f", "called"), [(f, True) for f in CALLED] + [(f, False) for f in LEFT])
def test_gradients(f, called: bool) -> None:
    gradient = pb.value_and_grad(f, argnums=(0, 1), jit=False)
    value, grads = gradient(*point())
    assert value == pytest.approx(f(*point()), rel=1e-12)
    rng = np.random.default_rng(1)
    steps = tuple(1e-6 * rng.standard_normal(v.shape) for v in point())
    ends = [f(*(v + sign * s for v, s in zip(point(), steps, strict=True))) for sign in (1, -1)]
    slope = sum(np.sum(g * s) for g, s in zip(grads, steps, strict=True))
    assert slope == pytest.approx((ends[0] - ends[1]) / 2, rel=1e-6)
    assert ("product = support.dot(" in gradient.backward_source) is called


@pytest.mark.parametrize(("f", "count"), [(two_terms, 3), (two_updates, 3), (carried_sum, 3)])
def test_a_transpose_is_not_multiplied_again(f, count: int) -> None:
    """One product, and two in the reverse sweep."""
    gradient = pb.value_and_grad(f, argnums=(0, 1), jit=False)
    gradient(*point())
    assert gradient.backward_source.count("support.dot(") == count


@pytest.mark.parametrize("f", CALLED)
def test_compiled(f) -> None:
    args = point()
    value, grads = pb.value_and_grad(f, argnums=(0, 1))(*args)
    plain, expected = pb.value_and_grad(f, argnums=(0, 1), jit=False)(*args)
    assert value == pytest.approx(plain, rel=1e-12)
    for one, other in zip(grads, expected, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("f", [carried_sum, memory_sum, rows, both_transposed])
@pytest.mark.parametrize("shapes", [((0, 3), (3, 4)), ((4, 0), (0, 4)), ((4, 3), (3, 0)), ((1, 1), (1, 1)),
                                    ((4, 0), (2, 4)), ((4, 3), (5, 4))])  # fmt: skip
def test_lengths(f, shapes: tuple[tuple[int, int], tuple[int, int]]) -> None:
    """Also where matrices are larger than the loops, or empty."""
    a, b = (np.arange(1.0, 1.0 + np.prod(shape)).reshape(shape) for shape in shapes)
    if f is both_transposed:
        a, b = a.T.copy(), b.T.copy()
    if f is rows and not a.size:
        return
    value, (a_bar, b_bar) = pb.value_and_grad(f, argnums=(0, 1), jit=False)(a, b)
    assert value == pytest.approx(f(a, b), rel=1e-12)
    assert (a_bar.shape, b_bar.shape) == (a.shape, b.shape)
    assert not b_bar[a.shape[1] :].any() or f is both_transposed


def test_out_of_range() -> None:
    gradient = pb.grad(carried_sum, jit=False)
    with pytest.raises(IndexError):
        gradient(np.ones((4, 3)), np.ones((2, 4)))
    with pytest.raises(IndexError):  # where the loops read nothing; NumPy's product raises as well
        gradient(np.ones((0, 3)), np.ones((2, 4)))


def test_rows_that_are_not_read_may_hold_anything() -> None:
    a, b = point()
    a[0] = np.nan
    gradient = pb.grad(part_of_the_rows, argnums=1, jit=False)(a, b)
    assert np.isfinite(gradient).all()


@pytest.mark.parametrize("seed", range(40))
def test_random_loops_mean_the_same(seed: int) -> None:
    check_pass(products, seed, LoopProgram)
    fn = LoopProgram(seed).build()
    assert products(fn, reassociate=False) is fn
