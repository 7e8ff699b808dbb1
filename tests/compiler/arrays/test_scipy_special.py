"""Functions of `scipy.special` at the ends of their domains: values as SciPy's, and right derivatives."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import special

import pullback as pb

ENDS = np.array([-np.inf, -800.0, -40.0, -1.0, -0.0, 0.0, 0.5, 1.0, 40.0, 800.0, np.inf, np.nan])
PAIRS = np.array([(x, y) for x in ENDS for y in ENDS])
ONE = [special.expit, special.log_expit, special.logit, special.entr, special.ndtr, special.erfc]
TWO = [
    special.xlogy,
    special.xlog1py,
    special.rel_entr,
    special.kl_div,
    special.huber,
    special.pseudo_huber,
]


@pytest.mark.parametrize("f", ONE, ids=lambda f: f.__name__)
def test_values_at_the_ends(f) -> None:
    with np.errstate(all="ignore"):
        got, _ = pb.vjp(lambda x: f(x), ENDS, jit=False)
        np.testing.assert_allclose(got, f(ENDS), rtol=1e-12, atol=1e-300)


@pytest.mark.parametrize("f", TWO, ids=lambda f: f.__name__)
def test_values_of_pairs_at_the_ends(f) -> None:
    x, y = PAIRS.T.copy()
    with np.errstate(all="ignore"):
        expected = f(x, y)
        got, _ = pb.vjp(lambda x, y: f(x, y), x, y, jit=False)
    if f is special.pseudo_huber:  # SciPy's difference of infinite numbers is not a number
        got, expected = got[np.isfinite(expected)], expected[np.isfinite(expected)]
    np.testing.assert_allclose(got, expected, rtol=1e-12, atol=1e-300)


@pytest.mark.parametrize(
    ("f", "x", "slope"),
    [
        (lambda x: special.expit(x), 0.0, 0.25),
        (lambda x: special.expit(x), -800.0, 0.0),
        (lambda x: special.expit(x), 800.0, 0.0),
        (lambda x: special.log_expit(x), -800.0, 1.0),
        (lambda x: special.log_expit(x), 800.0, 0.0),
        (lambda x: special.xlogy(x, 2.0), 0.0, np.log(2.0)),
        (lambda x: special.xlogy(0.0, x), 0.0, 0.0),
        (lambda x: special.xlog1py(x, 1.0), 0.0, np.log(2.0)),
        (lambda x: special.xlog1py(0.0, x), -1.0, 0.0),
        (lambda x: special.rel_entr(0.0, x), 0.5, 0.0),
        (lambda x: special.huber(1.0, x), 0.0, 0.0),
        (lambda x: special.huber(1.0, x), 3.0, 1.0),
        (lambda x: special.pseudo_huber(1.0, x), 0.0, 0.0),
        (lambda x: special.logsumexp(np.array([-np.inf, 1.0]) + x), 0.5, 1.0),
        (lambda x: special.logsumexp(np.array([1e4, 1.0]) + x), 0.5, 1.0),
    ],
)
@pytest.mark.parametrize("jit", [False, True])
def test_derivatives_at_the_ends(f, x: float, slope: float, jit: bool) -> None:
    assert pb.grad(f, jit=jit)(x) == pytest.approx(slope, rel=1e-12, abs=1e-300)


def test_nothing_but_minus_infinity() -> None:
    nothing = np.full(3, -np.inf)
    with np.errstate(divide="ignore"):
        value, _ = pb.vjp(lambda x: special.logsumexp(x), nothing, jit=False)
    assert value == -np.inf == special.logsumexp(nothing)


def test_likelihood_of_a_classifier() -> None:
    rng = np.random.default_rng(0)
    x, y, w = rng.normal(size=(7, 3)), rng.integers(0, 4, 7), rng.normal(size=(3, 4))

    def loss(w):
        scores = special.log_softmax(x @ w, axis=1)
        total = 0.0
        for i in range(len(y)):
            total -= scores[i, y[i]]
        return total + np.sum(special.softmax(w, axis=0) ** 2) + special.logsumexp(w)

    pb.check_grads(loss, (w,), order=2)
    np.testing.assert_allclose(pb.grad(loss)(w), pb.grad(loss, jit=False)(w), rtol=1e-9)


def test_integers_become_floats() -> None:
    def f(x):
        return x * special.expit(2) * np.sum(special.softmax(np.arange(3)) * special.gammaln(np.arange(1, 4)))

    assert pb.grad(f, jit=False)(2.0) == pytest.approx(f(1.0), rel=1e-12)


@pytest.mark.parametrize("f", [lambda x: special.jv(1, x), lambda x: special.polygamma(x, 2.0)])
def test_what_is_refused(f) -> None:
    with pytest.raises(pb.PullbackError, match="special"):
        pb.grad(f, jit=False, fallback="error")(1.5)
