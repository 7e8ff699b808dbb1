"""Integrals, slopes, polynomials, convolutions: compiled, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest

import pullback as pb

RNG = np.random.default_rng(8)
LINE, WINDOW, FIELD = RNG.normal(size=9), RNG.normal(size=4), RNG.normal(size=(4, 5))
PLACES = np.cumsum(RNG.uniform(0.1, 1.0, 9))


@pytest.mark.parametrize(
    ("f", "args"),
    [
        (lambda y, x: np.trapezoid(y**2, x), (LINE, PLACES)),
        (lambda y, x: np.sum(np.gradient(y, x) ** 2), (LINE, PLACES)),
        (lambda y, h: np.sum(np.gradient(y, h)[0] * np.gradient(y, h)[1]), (FIELD, 0.3)),
        (lambda p, x: np.sum(np.sin(np.polyval(p, x))), (WINDOW, LINE)),
        (lambda a, v: np.sum(np.convolve(a, v) ** 2), (LINE, WINDOW)),
        (lambda a, v: np.sum(np.convolve(a, v, mode="same") ** 3), (WINDOW, LINE)),
        (lambda a, v: np.sum(np.correlate(a, v) ** 2), (LINE, WINDOW)),
    ],
)
def test_gradients(f, args) -> None:
    pb.check_grads(f, args)
    compiled, plain = (pb.grad(f, argnums=(0, 1), jit=jit)(*args) for jit in (True, False))
    for one, two in zip(compiled, plain, strict=True):
        np.testing.assert_allclose(one, two, rtol=1e-11)


@pytest.mark.parametrize(
    ("f", "what"),
    [
        (lambda x: np.sum(np.gradient(x, edge_order=2)), "edge_order"),
        (lambda x: np.sum(np.correlate(x, x, "same")), "same"),
        (lambda x: np.sum(np.convolve(x, np.ones((2, 2)))), "vectors"),
    ],
)
def test_what_is_refused(f, what: str) -> None:
    with pytest.raises(pb.PullbackError, match=what):
        pb.grad(f, jit=False, fallback="error")(LINE)


@pytest.mark.parametrize("f", [lambda x: np.sum(np.gradient(x)), lambda x: np.sum(np.convolve(x[1:], x))])
def test_too_few_samples_raise_as_in_numpy(f) -> None:
    for call in (f, pb.grad(f, jit=False)):
        with pytest.raises(ValueError):
            call(np.ones(1))
