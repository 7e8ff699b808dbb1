"""The derivative of the logarithm of a share of exponentials needs no division by the share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import pullback as pb


@pytest.fixture(autouse=True)
def unjitted(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is tested is the text; Numba would take minutes."""
    monkeypatch.setenv("PULLBACK_JIT", "0")


def rows(x, t):
    weights = np.exp(x - np.max(x, axis=1)[:, None])
    return -np.sum(t * np.log(weights / np.sum(weights, axis=1)[:, None]))


def columns(x, t):
    """The sums are complete only after all rows: two nests over the same range."""
    weights = np.exp(x)
    return -np.sum(t * np.log(weights / np.sum(weights, axis=0)))


def kept(x, t):
    """Shares that are stored as well, because they are used twice."""
    weights = np.exp(x)
    shares = weights / np.sum(weights)
    return np.sum(shares**2) - np.sum(t * np.log(shares))


def straight(x, t):
    total = 0.0
    for i in range(x.shape[0]):
        for j in range(x.shape[1]):
            total += t[i, j] * np.log(np.exp(x[i, j]) / (1.0 + t[i, j] ** 2))
    return total


ATTACHED = [rows, columns, kept, straight]


def stored_twice(x, t):
    weights = np.exp(x)
    weights[0] = 2.0
    return np.sum(t * np.log(weights / np.sum(weights)))


def other_elements(x, t):
    """The element that is loaded is not the one of the same iteration."""
    weights = np.exp(x)
    return np.sum(t * np.log(weights[::-1] / np.sum(weights)))


def part(x, t):
    """The loop that stores leaves ones."""
    n, m = x.shape
    weights = np.ones((n, m))
    total = 0.0
    for i in range(n):
        for j in range(m - 1):
            weights[i, j] = np.exp(x[i, j])
        for j in range(m):
            total += t[i, j] * np.log(weights[i, j])
    return total


def sometimes(x, t):
    n, m = x.shape
    weights = np.ones((n, m))
    total = 0.0
    for i in range(n):
        for j in range(m):
            if x[i, j] > 0.5:
                weights[i, j] = np.exp(x[i, j])
        for j in range(m):
            total += t[i, j] * np.log(weights[i, j])
    return total


def overwritten_argument(x, t):
    """What the exponential was taken of is gone."""
    y = x.copy()
    for i in range(1, x.shape[0]):
        y[i] += y[i - 1]
    weights = np.exp(y)
    y[0] = 0.3
    return np.sum(t * np.log(weights / np.sum(weights))) + np.sum(y**2)


def dear_argument(x, t):
    weights = np.exp(np.tanh(x * t))
    return np.sum(t * np.log(weights / np.sum(weights)))


def not_of_exp(x, t):
    weights = x**2 + 1.0
    return np.sum(t * np.log(weights / np.sum(weights))) + np.sum(np.exp(x))


LEFT = [stored_twice, other_elements, part, sometimes, overwritten_argument, dear_argument, not_of_exp]


def derived(f: Callable[..., float]) -> tuple[str, tuple[Any, ...]]:
    rng = np.random.default_rng(3)
    args = rng.uniform(0.2, 0.9, size=(3, 4)), rng.uniform(0.1, 0.6, size=(3, 4))
    derivative = pb.value_and_grad(f, argnums=(0, 1))
    value, _ = derivative(*args)
    assert value == pytest.approx(f(*args), rel=1e-12)
    return derivative.ir("optimised"), args


@pytest.mark.parametrize("f", ATTACHED, ids=lambda f: f.__name__)
def test_attached(f: Callable[..., float]) -> None:
    text, args = derived(f)
    assert text.count("attach(") == (2 if f is rows else 1)  # one is that of the maximum
    pb.check_grads(f, args, order=2)


@pytest.mark.parametrize("f", LEFT, ids=lambda f: f.__name__)
def test_left_as_it_is(f: Callable[..., float]) -> None:
    text, args = derived(f)
    assert "attach(" not in text
    pb.check_grads(f, args, order=2)


def test_nothing_is_divided_by_the_share() -> None:
    """The only quotient is the share itself."""
    derivative = pb.value_and_grad(straight)
    derivative(np.ones((2, 3)), np.ones((2, 3)))
    text = derivative.backward_source
    lines = [line for line in text.splitlines() if " / " in line and not line.strip().startswith("#")]
    assert len(lines) == 1 and "vm.log(" in lines[0]


def test_the_derivative_is_right_where_the_share_is_zero() -> None:
    """The value is NumPy's, which is infinite there."""
    x, t = np.array([[0.0, -800.0, 0.5]]), np.array([[0.3, 0.5, 0.2]])
    with np.errstate(divide="ignore"):
        value, x_bar = pb.value_and_grad(rows)(x, t)
    assert value == np.inf
    shares = np.exp(x - np.log(np.sum(np.exp(x))))
    np.testing.assert_allclose(x_bar, shares * np.sum(t) - t, atol=1e-12)
