"""Products of matrices: loops for small ones, BLAS for others, the same numbers from both."""

from __future__ import annotations

import numpy as np
import pytest
from numba import njit
from pullback.runtime import support


@njit
def compiled(a, b):
    return support.dot(a, b)


@pytest.mark.filterwarnings("ignore:.*np.dot.*faster on contiguous")
@pytest.mark.parametrize("turned", [False, True])
@pytest.mark.parametrize("dtype", ["float32", "float64", "complex128"])
@pytest.mark.parametrize(("m", "n", "p"), [(1, 1, 1), (2, 4, 3), (0, 3, 2), (3, 0, 2), (40, 30, 20)])
def test_products(m: int, n: int, p: int, dtype: str, turned: bool) -> None:
    rng = np.random.default_rng(m)
    a, b = rng.normal(size=(m, n)).astype(dtype), rng.normal(size=(n, p)).astype(dtype)
    if turned:
        a, b = np.asfortranarray(a), np.asfortranarray(b)
    for x in (b, np.ascontiguousarray(b[:, 0])):
        found = compiled(a, x)
        assert found.dtype == dtype
        assert found.shape == (a @ x).shape
        np.testing.assert_allclose(found, a @ x, rtol=1e-4 if dtype == "float32" else 1e-12, atol=1e-5)


def test_vectors_and_plain_python() -> None:
    x = np.arange(3.0)
    assert compiled(x, x) == support.dot(x, x) == 5.0
    np.testing.assert_array_equal(compiled(x, np.eye(3)), x)


def test_lengths_must_fit() -> None:
    with pytest.raises(ValueError, match="incompatible"):
        compiled(np.eye(3), np.ones(2))


@njit
def into(a, b, out):
    return support.dot_into(a, b, out)


@pytest.mark.parametrize("function", [into, support.dot_into])
def test_an_array_for_the_result(function) -> None:
    a, x = np.arange(6.0).reshape(2, 3), np.arange(3.0)
    pairs = [
        (a, x),
        (x, a.T.copy()),
        (a, a.T.copy()),
        (np.ones((40, 40)), np.ones(40)),
        (np.eye(9), np.eye(9)),
    ]
    for left, right in pairs:
        out = np.full((left @ right).shape, 7.0)
        assert function(left, right, out) is not None
        np.testing.assert_allclose(out, left @ right)
