"""The numerical functions under generated code, against NumPy, SciPy and mpmath."""

from __future__ import annotations

import mpmath
import numba
import numpy as np
import pytest
from pullback.runtime import support


@pytest.mark.parametrize("n", [1, 2, 3, 4, 5, 7, 8, 12, 17, 64, 97, 1000, 1024])
def test_fft_of_any_length(n, rng):
    x = rng.normal(size=n) + 1j * rng.normal(size=n)
    np.testing.assert_allclose(support.fft(x), np.fft.fft(x), 1e-12, 1e-12)
    np.testing.assert_allclose(support.ifft(x), np.fft.ifft(x), 1e-12, 1e-12)


def test_fft_keeps_its_argument_and_single_precision(rng):
    x = (rng.normal(size=24) + 1j * rng.normal(size=24)).astype(np.complex64)
    before = x.copy()
    assert support.fft(x).dtype == support.ifft(x[::2]).dtype == np.complex64
    np.testing.assert_allclose(support.fft(x[::2]), np.fft.fft(before[::2]), 1e-5, 1e-5)
    np.testing.assert_array_equal(x, before)


def test_fft_of_nothing_is_refused():
    with pytest.raises(ValueError, match="no data points"):
        support.fft(np.zeros(0, complex))


@pytest.mark.parametrize(
    "x", [-30.2, -5.3, -0.5, -1e-5, 1e-300, 1e-5, 0.3, 1.0, 1.4616, 2.5, 11.9, 12.0, 40.0, 1e5, 1e300]
)
def test_digamma(x):
    assert support.digamma(x) == pytest.approx(float(mpmath.digamma(x)), rel=1e-13, abs=1e-14)


def test_digamma_at_the_ends():
    assert support.digamma(0.0) == -np.inf
    assert support.digamma(-0.0) == np.inf
    assert support.digamma(np.inf) == np.inf
    assert all(np.isnan(support.digamma(x)) for x in (-1.0, -2.0, -np.inf, np.nan))


@pytest.mark.parametrize("n", [1, 2, 3, 5])
@pytest.mark.parametrize("x", [-3.3, -0.5, 0.01, 0.3, 1.0, 2.5, 7.0, 30.0, 1e6])
def test_polygamma(x, n):
    assert support.polygamma(x, float(n)) == pytest.approx(float(mpmath.polygamma(n, x)), rel=1e-13)


def test_polygamma_at_the_ends():
    assert support.polygamma(0.0, 1.0) == np.inf
    assert support.polygamma(np.inf, 1.0) == 0.0
    assert np.isnan(support.polygamma(-1.0, 2.0))
    assert np.isnan(support.polygamma(-1e6 - 0.5, 1.0))


def test_gamma_at_its_poles():
    assert support.gamma(0.0) == np.inf
    assert support.gamma(5.0) == 24.0
    assert support.lgamma(-1.0) == np.inf


def test_special_functions_keep_single_precision():
    @numba.njit
    def all_of(x):
        return support.gamma(x), support.lgamma(x), support.digamma(x), support.polygamma(x, x)

    all_of(np.float32(2.0))
    (signature,) = all_of.nopython_signatures
    assert set(signature.return_type) == {numba.float32}


def minors(a):
    out = np.empty_like(a)
    for i, j in np.ndindex(a.shape):
        out[i, j] = (-1) ** (i + j) * np.linalg.det(np.delete(np.delete(a, i, 0), j, 1))
    return out


@pytest.mark.parametrize("n", [1, 2, 3, 4, 6])
def test_cofactor(n, rng):
    a = rng.normal(size=(n, n))
    np.testing.assert_allclose(support.cofactor(a), minors(a), 1e-10, 1e-12)
    np.testing.assert_allclose(support.cofactor(a + 1j * a.T), minors(a + 1j * a.T), 1e-10, 1e-12)
    assert support.cofactor(a.astype(np.float32)).dtype == np.float32


@pytest.mark.parametrize("n", [2, 3, 5])
def test_cofactor_of_singular_matrices(n, rng):
    a = rng.normal(size=(n, n))
    a[-1] = 2 * a[0]
    np.testing.assert_allclose(support.cofactor(a), minors(a), 1e-10, 1e-12)
    a[:] = np.outer(a[0], a[0])
    np.testing.assert_allclose(support.cofactor(a), minors(a), 1e-10, 1e-12)
    np.testing.assert_array_equal(support.cofactor(np.zeros((n, n))), np.zeros((n, n)))


def test_cofactor_of_a_rectangle_is_refused():
    with pytest.raises(np.linalg.LinAlgError):
        support.cofactor(np.ones((2, 3)))
