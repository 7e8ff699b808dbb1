"""Substitution and the adjoint of a Cholesky factor, at lengths around that of a block."""

from __future__ import annotations

import numpy as np
import pytest
from pullback.compiler.prims.registry import CALLS
from pullback.runtime import triangular

LENGTHS = [0, 1, 5, 31, 32, 33, 70]


def factor(n: int, dtype: str = "float64") -> np.ndarray:
    """A well-conditioned lower triangle, with other numbers above it."""
    x = np.random.default_rng(n).normal(size=(n, n)).astype(dtype)
    return x / (1 + n) + 2 * np.eye(n, dtype=dtype)


@pytest.mark.parametrize("n", LENGTHS)
@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("columns", [(), (1,), (3,)])
def test_solves(n: int, order: str, columns: tuple[int, ...]) -> None:
    a, b = factor(n), np.random.default_rng(1).normal(size=(n, *columns))
    a, b = np.array(a, order=order), np.array(b, order=order)
    before = a.copy(), b.copy()
    np.testing.assert_allclose(triangular.solve_lower(a, b), np.linalg.solve(np.tril(a), b), 1e-12, 1e-12)
    np.testing.assert_allclose(triangular.solve_upper(a, b), np.linalg.solve(np.triu(a), b), 1e-12, 1e-12)
    np.testing.assert_array_equal(a, before[0])
    np.testing.assert_array_equal(b, before[1])


@pytest.mark.parametrize("dtype", ["float32", "complex128"])
def test_other_types(dtype: str) -> None:
    a, b = factor(40, dtype), np.ones((40, 2), dtype)
    for solve, part in ((triangular.solve_lower, np.tril), (triangular.solve_upper, np.triu)):
        assert solve(a, b).dtype == solve(a, b[:, 0]).dtype == dtype
        np.testing.assert_allclose(solve(a, b), np.linalg.solve(part(a), b), 1e-5)
        np.testing.assert_allclose(solve(a, b[:, 0].copy()), np.linalg.solve(part(a), b)[:, 0], 1e-5)


def test_a_pivot_of_zero_is_an_error() -> None:
    a = factor(3)
    a[1, 1] = 0.0
    for solve in (triangular.solve_lower, triangular.solve_upper):
        with pytest.raises(np.linalg.LinAlgError, match="singular"):
            solve(a, np.ones(3))


@pytest.mark.parametrize("n", LENGTHS)
def test_adjoint_of_a_factor(n: int) -> None:
    lower, bar = np.tril(factor(n)), np.random.default_rng(2).normal(size=(n, n))
    expected = CALLS["cholesky_adjoint"].ref(lower, bar)
    np.testing.assert_allclose(triangular.cholesky_adjoint(lower, bar), expected, 1e-11, 1e-11)


def test_adjoint_in_single_precision() -> None:
    lower, bar = np.tril(factor(40, "float32")), np.ones((40, 40), "float32")
    found = triangular.cholesky_adjoint(lower, bar)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, CALLS["cholesky_adjoint"].ref(lower, bar), 1e-4, 1e-5)
