"""Products and systems by BLAS and LAPACK: every layout, sizes around those for loops, NumPy's errors."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from numba import njit
from pullback.runtime import blas, triangular

dot, dot_into, subtract_product = blas.dot, blas.dot_into, blas.subtract_product


@njit(error_model="numpy")  # type: ignore[untyped-decorator]
def product(a: Any, b: Any) -> Any:
    return dot(a, b)


@njit(error_model="numpy")  # type: ignore[untyped-decorator]
def product_into(a: Any, b: Any, out: Any) -> Any:
    return dot_into(a, b, out)


@njit(error_model="numpy")  # type: ignore[untyped-decorator]
def subtracted(out: Any, a: Any, b: Any) -> None:
    subtract_product(out, a, b)


def layouts(a: Any) -> Iterator[Any]:
    """The array in C and Fortran order, and with strides of other kinds."""
    yield a
    if a.ndim == 1:
        yield np.repeat(a, 2)[::2]
        yield a[::-1].copy()[::-1]
        return
    m, n = a.shape
    yield np.asfortranarray(a)
    for rows, columns in ((2, 1), (1, 2)):
        room = np.full((rows * m, columns * n), np.nan, a.dtype)
        room[::rows, ::columns] = a
        yield room[::rows, ::columns]
    for room in (np.empty((m, 3 * n), a.dtype)[:, :n], np.empty((n, 3 * m), a.dtype)[:, :m].T):
        room[:] = a
        yield room
    yield a[::-1].copy()[::-1]
    yield a[:, ::-1].copy()[:, ::-1]


SIZES = (
    (1, 1, 1),
    (3, 4, 5),
    (20, 15, 25),
    (1, 30, 40),
    (40, 30, 1),
    (1, 1100, 1),
    (0, 3, 3),
    (3, 0, 3),
    (60, 0, 50),
)


@pytest.mark.parametrize("dtype", [np.float64, np.complex128])
def test_products_of_all_layouts(dtype: Any, rng: np.random.Generator) -> None:
    for m, k, n in SIZES:
        for a in layouts(rng.normal(size=(m, k)).astype(dtype)):
            for b in layouts(rng.normal(size=(k, n)).astype(dtype)):
                np.testing.assert_allclose(product(a, b), a @ b, rtol=1e-10, atol=1e-12)
                out = np.full((m, n), np.nan, dtype)
                assert product_into(a, b, out) is not None
                np.testing.assert_allclose(out, a @ b, rtol=1e-10, atol=1e-12)
            for x in layouts(rng.normal(size=k).astype(dtype)):
                np.testing.assert_allclose(product(a, x), a @ x, rtol=1e-10, atol=1e-12)
            for x in layouts(rng.normal(size=m).astype(dtype)):
                np.testing.assert_allclose(product(x, a), x @ a, rtol=1e-10, atol=1e-12)


def test_single_precision_and_vectors(rng: np.random.Generator) -> None:
    a, x = rng.normal(size=(40, 40)).astype(np.float32), rng.normal(size=40).astype(np.float32)
    for result, wanted in ((product(a, a), a @ a), (product(a, x), a @ x), (product(x, x), x @ x)):
        assert result.dtype == np.float32 if isinstance(result, np.ndarray) else True
        np.testing.assert_allclose(result, wanted, rtol=1e-4, atol=1e-4)


def test_rows_that_are_one_row(rng: np.random.Generator) -> None:
    row = rng.normal(size=30)
    a, b = np.broadcast_to(row, (30, 30)), rng.normal(size=(30, 30))
    np.testing.assert_allclose(product(a, b), a @ b)
    np.testing.assert_allclose(product(b, a), b @ a)


def test_a_product_is_nobody_elses() -> None:
    a = np.ones((30, 30))
    held = sys.getrefcount(a)
    made = product(a, a)
    assert sys.getrefcount(a) == held and sys.getrefcount(made) == 2
    out = np.empty((30, 30))
    given = product_into(a, a, out)
    assert np.shares_memory(given, out)


@pytest.mark.parametrize(
    ("shapes", "message"),
    [
        (((2, 3), (2, 3)), r"incompatible array sizes for np.dot\(a, b\) \(matrix \* matrix\)"),
        (((2, 3), (2,)), r"\(matrix \* vector\)"),
        (((2,), (3, 2)), r"\(vector \* matrix\)"),
    ],
)
def test_what_does_not_fit(shapes: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        product(*map(np.ones, shapes))


def test_a_result_that_does_not_fit() -> None:
    with pytest.raises(ValueError, match="incompatible output array size"):
        product_into(np.ones((2, 3)), np.ones((3, 2)), np.ones((2, 3)))


def test_subtracting_a_product(rng: np.random.Generator) -> None:
    for m, k, n in SIZES:
        for a in (rng.normal(size=(m, k)), rng.normal(size=(k, m)).T, rng.normal(size=(m, 9 + k))[:, 9:]):
            b, room = rng.normal(size=(k, n)), rng.normal(size=(m, n + 7))
            out, wanted = room[:, 2 : n + 2], room.copy()
            wanted[:, 2 : n + 2] -= a @ b
            subtracted(out, a, b)
            np.testing.assert_allclose(room, wanted, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("dtype", [np.float64, np.complex128])
def test_systems_of_equations(dtype: Any, rng: np.random.Generator) -> None:
    for n in (1, 3, 40):
        matrix = (rng.normal(size=(n, n)) + 3 * np.sqrt(n) * np.eye(n)).astype(dtype)
        for a in layouts(matrix):
            for b in (*layouts(rng.normal(size=n).astype(dtype)), rng.normal(size=(n, 5)).astype(dtype)):
                kept = a.copy(), b.copy()
                np.testing.assert_allclose(blas.solve(a, b), np.linalg.solve(a, b), rtol=1e-8, atol=1e-10)
                np.testing.assert_array_equal(a, kept[0])
                np.testing.assert_array_equal(b, kept[1])


def test_a_system_without_equations() -> None:
    assert blas.solve(np.ones((0, 0)), np.ones(0)).shape == (0,)
    assert blas.solve(np.ones((0, 0)), np.ones((0, 3))).shape == (0, 3)
    assert blas.solve(np.eye(3), np.ones((3, 0))).shape == (3, 0)


@pytest.mark.parametrize(
    ("a", "b", "message"),
    [
        (np.zeros((2, 2)), np.ones(2), "singular"),
        (np.full((2, 2), np.nan), np.ones(2), "infs or NaNs"),
        (np.eye(2), np.array([1.0, np.inf]), "infs or NaNs"),
        (np.ones((2, 3)), np.ones(2), "square"),
        (np.eye(2), np.ones(3), "dimensionally valid"),
    ],
)
def test_systems_that_are_refused(a: Any, b: Any, message: str) -> None:
    with pytest.raises(np.linalg.LinAlgError, match=message):
        blas.solve(a, b)


@pytest.mark.parametrize("n", [3, 40])
def test_substitution_in_all_layouts(n: int, rng: np.random.Generator) -> None:
    matrix = rng.normal(size=(n, n)) + 3 * np.sqrt(n) * np.eye(n)
    b = rng.normal(size=(n, 7))
    for a in layouts(matrix):
        np.testing.assert_allclose(triangular.solve_lower(a, b), np.linalg.solve(np.tril(a), b), rtol=1e-8)
        np.testing.assert_allclose(triangular.solve_upper(a, b), np.linalg.solve(np.triu(a), b), rtol=1e-8)
    factor, bar = np.linalg.cholesky(matrix @ matrix.T), rng.normal(size=(n, n))
    adjoints = [triangular.cholesky_adjoint(lower, bar) for lower in layouts(factor)]
    for adjoint in adjoints[1:]:
        np.testing.assert_allclose(adjoint, adjoints[0], rtol=1e-8, atol=1e-12)


def test_plain_python() -> None:
    a, out = np.arange(9.0).reshape(3, 3), np.empty((3, 3))
    np.testing.assert_array_equal(dot(a, a), a @ a)
    assert dot_into(a, a, out) is out
    np.testing.assert_array_equal(out, a @ a)
