"""Covariances, medians and quantiles: compiled, with NaN, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest

import pullback as pb

DATA = np.random.default_rng(6).normal(size=(5, 7))


@pytest.mark.parametrize(
    "f",
    [
        lambda x: np.sum(np.cov(x) ** 2),
        lambda x: np.linalg.slogdet(np.cov(x[:3]))[1],
        lambda x: np.sum(np.corrcoef(x, rowvar=False)[0, 1:] ** 3),
        lambda x: np.sum(np.median(x, axis=1) ** 2),
        lambda x: np.quantile(x, 0.3) * np.percentile(x[2], 70.0),
    ],
)
def test_gradients(f) -> None:
    pb.check_grads(f, (DATA,))
    compiled, plain = (pb.grad(f, jit=jit)(DATA) for jit in (True, False))
    np.testing.assert_allclose(compiled, plain, rtol=1e-10, atol=1e-14)


def test_the_share_has_a_derivative() -> None:
    pb.check_grads(lambda q: np.quantile(DATA, q) ** 2, (0.37,))


@pytest.mark.parametrize("f", [lambda x: np.median(x), lambda x: np.quantile(x, 0.1)])
def test_a_nan_makes_the_result_nan(f) -> None:
    x = np.array([1.0, np.nan, 3.0, 2.0])
    assert np.isnan(f(x)) and np.isnan(pb.value_and_grad(f, jit=False)(x)[0])


def test_a_share_outside_raises_as_in_numpy() -> None:
    def f(x, q):
        return np.quantile(x, q)

    for call in (f, pb.grad(f, jit=False)):
        with pytest.raises(ValueError, match="range"):
            call(DATA, 1.5)


@pytest.mark.parametrize(
    ("f", "what"),
    [
        (lambda x: np.sum(np.cov(x, x)), "two arrays"),
        (lambda x: np.sum(np.quantile(x, 0.5, method="nearest")), "method"),
        (lambda x: np.sum(np.quantile(x, np.array([0.1, 0.2]))), "scalar"),
    ],
)
def test_what_is_refused(f, what: str) -> None:
    with pytest.raises(pb.PullbackError, match=what):
        pb.grad(f, jit=False, fallback="error")(DATA)
