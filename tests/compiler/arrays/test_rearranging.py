"""Padding, splits and choices: compiled, writes through views, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest

import pullback as pb

RNG = np.random.default_rng(12)
FIELD, LINE = RNG.normal(size=(4, 5)), RNG.normal(size=6)
ROWS = np.array([[0, -1, 2, 1, 3], [1, 1, 0, 0, -4]])


@pytest.mark.parametrize(
    ("f", "x"),
    [
        (lambda x: np.sum(np.pad(x, 2)[1:-1] ** 2), LINE),
        (lambda x: np.sum(np.diff(np.pad(x, ((1, 1), (0, 2)), mode="wrap")) ** 3), FIELD),
        (lambda x: np.sum(np.sin(np.pad(x, 3, "reflect"))), LINE),
        (lambda x: np.pad(x, 1, constant_values=2.0)[0, 0] * np.sum(np.pad(x, 1, "edge") ** 2), FIELD),
        (lambda x: np.sum(np.take_along_axis(x, ROWS, 0) ** 2), FIELD),
        (lambda x: np.sum(np.select([x > 0.5, x > 0.0], [x**2, x**3], -x)), LINE),
        (lambda x: np.sum(np.rot90(x)[0] * np.hsplit(x, 5)[0][:, 0].sum()), FIELD),
    ],
)
def test_gradients(f, x) -> None:
    pb.check_grads(f, (x,))
    np.testing.assert_allclose(pb.grad(f)(x), pb.grad(f, jit=False)(x), rtol=1e-11, atol=1e-14)


def test_widths_may_depend_on_the_run() -> None:
    def f(x, width):
        return np.sum(np.cumsum(np.pad(x, (width, 1), "edge")) ** 2)

    for width in (0, 3):
        value, gradient = pb.value_and_grad(f, jit=False)(LINE, width)
        assert value == pytest.approx(f(LINE, width))
        pb.check_grads(lambda x, w=width: f(x, w), (LINE,))
        assert gradient.shape == LINE.shape


def test_a_quarter_turn_is_a_view() -> None:
    def f(x):
        x = x.copy()
        turned = np.rot90(x)
        turned[0] = 3.0 * turned[0]
        return np.sum(x**2)

    assert pb.value_and_grad(f, jit=False)(FIELD)[0] == pytest.approx(f(FIELD))
    pb.check_grads(f, (FIELD,))


@pytest.mark.parametrize(
    ("f", "error"),
    [
        (lambda x: np.sum(np.pad(x, -1)), ValueError),
        (lambda x: np.sum(np.take_along_axis(x, np.array([9]), 0)), IndexError),
    ],
)
def test_errors_are_those_of_numpy(f, error: type[Exception]) -> None:
    for call in (f, pb.grad(f, jit=False)):
        with pytest.raises(error):
            call(LINE)


@pytest.mark.parametrize(
    ("f", "what"),
    [
        (lambda x: np.sum(np.pad(x, 1, "linear_ramp")), "linear_ramp"),
        (lambda x: np.sum(np.select([x > 0.0], [x, x])), "lists"),
    ],
)
def test_what_is_refused(f, what: str) -> None:
    with pytest.raises(pb.PullbackError, match=what):
        pb.grad(f, jit=False, fallback="error")(LINE)
