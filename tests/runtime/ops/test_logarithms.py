"""Logarithms of sums of exponentials of complex numbers."""

from __future__ import annotations

import numpy as np
import pytest
from pullback.runtime.ops.logarithms import logaddexp, logcumsumexp
from tensor_checks import leaf, torch

RNG = np.random.default_rng(0)
A, B = (RNG.standard_normal((3, 4)) + 1j * RNG.standard_normal((3, 4)) for _ in range(2))


def test_values():
    np.testing.assert_allclose(logaddexp(A, B), np.log(np.exp(A) + np.exp(B)))
    np.testing.assert_allclose(logaddexp(A + 800, B + 800), np.log(np.exp(A) + np.exp(B)) + 800)
    np.testing.assert_allclose(np.exp(logcumsumexp(A, 1)), np.cumsum(np.exp(A), 1))
    assert logaddexp(A.astype(np.complex64), B.astype(np.complex64)).dtype == np.complex64
    np.testing.assert_array_equal(logaddexp(A.real, B.real), np.logaddexp(A.real, B.real))


@pytest.mark.parametrize(
    ("a", "b", "expected"),
    [(complex(-np.inf, 0), complex(-np.inf, 0), complex(-np.inf, 0)), (1 + 2j, complex(-np.inf, 1), 1 + 2j)],
)
def test_at_infinity(a, b, expected):
    with np.errstate(all="ignore"):
        assert logaddexp(np.array(a), np.array(b)) == expected
        assert np.isnan(logaddexp(np.array(complex(np.nan, 0)), np.array(b))).all()


@pytest.mark.parametrize("f", [lambda x: torch.logaddexp(x, x * (0.5 + 1j)), lambda x: x.logcumsumexp(0)])
def test_gradients(f):
    x, g = leaf(A), RNG.standard_normal(A.shape) + 1j
    f(x).backward(torch.tensor(g))
    d = RNG.standard_normal(A.shape) + 1j * RNG.standard_normal(A.shape)
    moved = (f(leaf(A + 1e-6 * d)) - f(leaf(A - 1e-6 * d))).detach().numpy() / 2e-6
    expected = np.sum(np.real(np.conj(g) * moved))
    assert np.isclose(np.sum(np.real(np.conj(x.grad.numpy()) * d)), expected)
