"""Factors and substitution of `scipy.linalg`: values as SciPy's, derivatives by differences, refusals."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.linalg
from pullback.compiler.errors import NoRuleError
from scipy.linalg import cho_factor, cho_solve, solve_triangular

import pullback as pb

RNG = np.random.default_rng(2)
POINTS = RNG.uniform(-1.0, 1.0, (6, 2))
SEEN = np.sin(POINTS[:, 0])
MATRIX = RNG.normal(size=(4, 4)) + 5.0 * np.eye(4)
VECTOR = RNG.normal(size=4)


def kernel(scale, noise):
    gaps = POINTS[:, None, :] - POINTS[None, :, :]
    return np.exp(-np.sum(gaps**2, axis=2) / scale**2) + noise * np.eye(len(POINTS))


def by_pair(scale, noise):
    factor = cho_factor(kernel(scale, noise))
    return SEEN @ cho_solve(factor, SEEN) + 2.0 * np.sum(np.log(np.diag(factor[0])))


def by_lower_pair(scale, noise):
    c, low = cho_factor(kernel(scale, noise), lower=True, check_finite=False)
    return SEEN @ cho_solve((c, low), SEEN) + 2.0 * np.sum(np.log(np.diag(c)))


def by_substitution(scale, noise):
    factor = scipy.linalg.cholesky(kernel(scale, noise))
    half = solve_triangular(factor, SEEN, trans="T")
    return half @ half + 2.0 * np.sum(np.log(np.diag(factor)))


@pytest.mark.parametrize("f", [by_pair, by_lower_pair, by_substitution])
def test_likelihood_of_a_gaussian_process(f) -> None:
    value, gradient = pb.value_and_grad(f, argnums=(0, 1), jit=False)(0.8, 0.1)
    assert value == pytest.approx(f(0.8, 0.1), rel=1e-12)
    np.testing.assert_allclose(
        gradient, pb.grad(by_substitution, argnums=(0, 1), jit=False)(0.8, 0.1), rtol=1e-9
    )
    pb.check_grads(f, (0.8, 0.1))


def test_compiled() -> None:
    expected = pb.value_and_grad(by_pair, jit=False)(0.8, 0.1)
    assert pb.value_and_grad(by_pair)(0.8, 0.1) == pytest.approx(expected, rel=1e-10)


@pytest.mark.parametrize("lower", [False, True])
@pytest.mark.parametrize("trans", [0, 1, 2])
def test_the_other_triangle_has_no_derivative(lower: bool, trans: int) -> None:
    def f(a, b):
        return np.sum(solve_triangular(a, b, trans, lower) ** 2)

    pb.check_grads(f, (MATRIX, VECTOR))
    gradient = pb.grad(f, jit=False)(MATRIX, VECTOR)
    unread = np.triu(gradient, 1) if lower else np.tril(gradient, -1)
    assert not unread.any() and gradient.any()


@pytest.mark.parametrize("f", [scipy.linalg.inv, lambda a: scipy.linalg.solve(a, VECTOR)])
def test_general_matrices(f) -> None:
    pb.check_grads(lambda a: np.sum(f(a) ** 2) + scipy.linalg.det(a), (MATRIX,))


@pytest.mark.parametrize("jit", [False, True])
def test_infinite_numbers_are_refused_as_scipy_does(jit: bool) -> None:
    def checked(a, b):
        return np.sum(solve_triangular(a, b))

    def unchecked(a, b):
        return np.sum(solve_triangular(a, b, check_finite=False))

    bad = np.array([1.0, np.nan, 1.0, 1.0])
    for f in (checked, pb.value_and_grad(checked, jit=jit)):
        with pytest.raises(ValueError, match="array must not contain infs or NaNs"):
            f(MATRIX, bad)
    assert np.isnan(pb.value_and_grad(unchecked, jit=jit)(MATRIX, bad)[0])


@pytest.mark.parametrize(
    ("f", "why"),
    [
        (lambda a: np.sum(solve_triangular(a, VECTOR, unit_diagonal=True)), "unit_diagonal"),
        (lambda a: np.sum(scipy.linalg.solve(a, VECTOR, assume_a="pos")), "assume_a"),
        (lambda a: np.sum(scipy.linalg.solve(a, VECTOR, transposed=True)), "transposed"),
        (lambda a: np.sum(scipy.linalg.expm(a)), "expm"),
    ],
)
def test_what_is_refused(f, why: str) -> None:
    with pytest.raises(Exception, match=why) as caught:
        pb.grad(f, jit=False, fallback="error")(MATRIX)
    assert isinstance(caught.value, pb.PullbackError)


def test_a_factor_of_a_complex_matrix_is_refused() -> None:
    with pytest.raises(NoRuleError, match="complex"):
        f = lambda x: np.sum(np.abs(scipy.linalg.cholesky(MATRIX * (1.0 + x * 1j))))  # noqa: E731
        pb.grad(f, jit=False, fallback="error")(0.1)
