"""Vectors are added up before they are multiplied, where nothing else is done with the products."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

import pullback as pb


@pytest.fixture(autouse=True)
def plain(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is tested is the text."""
    monkeypatch.setenv("PULLBACK_JIT", "0")
    monkeypatch.setenv("PULLBACK_CACHE", "0")


def squares(m, w, x):
    """Distances from a mean."""
    n, d = x.shape
    centred = np.empty(d)
    total = 0.0
    for i in range(n):
        for a in range(d):
            centred[a] = np.sin(x[i, a]) - m[0, a]
        for b in range(d):
            s = 0.0
            for a in range(b + 1):
                s += w[b, a] * centred[a]
            total += s**2
    return total


def columns(m, w, x):
    """The same column by column: the adjoint is a sum for each of them."""
    n, d = x.shape
    centred, product = np.empty(d), np.empty(d)
    total = 0.0
    for i in range(n):
        for a in range(d):
            centred[a] = x[i, a] - m[0, a]
            product[a] = 0.0
        for b in range(d):
            for a in range(b, d):
                product[a] -= w[a, b] * centred[b] * 0.5
        for a in range(d):
            total += np.tanh(product[a])
    return total


def components(m, w, x):
    """A mean for each of several components, and a weight of each point."""
    n, d = x.shape
    centred, scores = np.empty(d), np.empty(len(m))
    total = 0.0
    for i in range(n):
        for c in range(1, len(m)):
            for a in range(d):
                centred[a] = x[i, a] - m[c, a] * w[c, a]
            scores[c] = 0.0
            for b in range(d):
                s = 0.0
                for a in range(d):
                    s += w[b, a] * centred[a]
                scores[c] += s**2
        for c in range(1, len(m)):
            total += np.exp(-scores[c])
    return total


def partly(m, w, x):
    """The mean has another part in what is added up, which stays."""
    n, d = x.shape
    centred = np.empty(d)
    total = 0.0
    for i in range(n):
        for a in range(d):
            centred[a] = x[i, a] - m[0, a]
            total += np.cos(centred[a])
        for b in range(d):
            s = m[1, b]
            for a in range(d):
                s += w[b, a] * centred[a]
            total += s**3
    return total


def own_arrays(m, w, x):
    """Every point makes its arrays."""
    n, d = x.shape
    total = 0.0
    for i in range(n):
        for c in range(len(m)):
            centred, product = x[i] - m[c], np.zeros(d)
            for b in range(d):
                for a in range(b, d):
                    product[a] += w[a, b] * centred[b]
            total += np.log(1.0 + np.sum(product**2))
    return total


SPLIT = [squares, columns, components, partly, own_arrays]


def layers(m, w, x):
    """What is multiplied goes through a function that differs between points."""
    n, d = x.shape
    hidden = np.empty(d)
    total = 0.0
    for i in range(n):
        for a in range(d):
            hidden[a] = np.tanh(x[i, a] - m[0, a])
        for b in range(d):
            s = 0.0
            for a in range(d):
                s += w[b, a] * hidden[a]
            total += s**2
    return total


def chosen(m, w, x):
    """Each point has one of the means."""
    n, d = x.shape
    centred = np.empty(d)
    total = 0.0
    for i in range(n):
        k = int(2 * x[i, 0]) % len(m)
        for a in range(d):
            centred[a] = x[i, a] - m[k, a]
        for b in range(d):
            s = 0.0
            for a in range(d):
                s += w[b, a] * centred[a]
            total += s**2
    return total


def of_the_point(m, w, x):
    """The matrix depends on the point."""
    n, d = x.shape
    centred = np.empty(d)
    total = 0.0
    for i in range(n):
        for a in range(d):
            centred[a] = x[i, a] - m[0, a]
        for b in range(d):
            s = 0.0
            for a in range(d):
                s += np.exp(w[b, a] * x[i, a]) * centred[a]
            total += s**2
    return total


def some_points(m, w, x):
    """Not every point counts."""
    n, d = x.shape
    centred = np.empty(d)
    total = 0.0
    for i in range(n):
        if x[i, 0] > 0.3:
            for a in range(d):
                centred[a] = x[i, a] - m[0, a]
            for b in range(d):
                s = 0.0
                for a in range(d):
                    s += w[b, a] * centred[a]
                total += s**2
    return total


def few_points(m, w, x):
    """Known to be few."""
    d = x.shape[1]
    centred = np.empty(d)
    total = 0.0
    for i in range(3):
        for a in range(d):
            centred[a] = x[i, a] - m[0, a]
        for b in range(d):
            s = 0.0
            for a in range(d):
                s += w[b, a] * centred[a]
            total += s**2
    return total


LEFT = [layers, chosen, of_the_point, some_points, few_points]


def derived(f: Callable[..., float], n: int, d: int = 6) -> str:
    """The text; value and gradient are right."""
    rng = np.random.default_rng(n)
    args = tuple(rng.uniform(0.1, 0.6, size=shape) for shape in ((3, d), (d, d), (n, d)))
    derivative = pb.value_and_grad(f, argnums=(0, 1), fallback="error")
    value, _ = derivative(*args)
    assert value == pytest.approx(f(*args), rel=1e-12)
    pb.check_grads(lambda m, w: f(m, w, args[2]), args[:2])
    return derivative.backward_source


@pytest.mark.parametrize("n", [0, 2, 9])
@pytest.mark.parametrize("f", SPLIT, ids=lambda f: f.__name__)
def test_added_up_first(f: Callable[..., float], n: int) -> None:
    text = derived(f, n)
    assert "_sum = mem.zeros(" in text
    assert "if 0 < n:" in text


@pytest.mark.parametrize("f", LEFT, ids=lambda f: f.__name__)
def test_left_as_it_is(f: Callable[..., float]) -> None:
    assert "_sum = mem.zeros(" not in derived(f, 9)


def test_no_sums_in_the_order_of_the_program(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PULLBACK_FASTMATH", "0")
    assert "_sum = mem.zeros(" not in derived(squares, 9)


def test_second_derivatives() -> None:
    rng = np.random.default_rng(0)
    args = tuple(rng.uniform(0.1, 0.6, size=shape) for shape in ((3, 4), (4, 4), (9, 4)))
    pb.check_grads(partly, args, order=2)


def test_no_points_and_an_infinite_matrix() -> None:
    """Zero times infinity would be nan."""
    m, w, x = np.ones((3, 4)), np.full((4, 4), np.inf), np.empty((0, 4))
    assert np.array_equal(pb.grad(squares)(m, w, x), np.zeros((3, 4)))
