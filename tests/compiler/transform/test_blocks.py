"""Loops over points multiply matrices by blocks of points, unless points depend on each other."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from pullback.compiler.transform import block_products
from pullback.compiler.transform import blocks as module

import pullback as pb


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Blocks of three iterations and products of any matrices; what is tested is the text."""
    monkeypatch.setenv("PULLBACK_JIT", "0")
    monkeypatch.setenv("PULLBACK_CACHE", "0")
    monkeypatch.setattr(module, "BLOCK", 3)
    monkeypatch.setattr(module, "FEWEST", 2)
    monkeypatch.setattr(block_products, "FEWEST_ROWS", 1)
    monkeypatch.setattr(block_products, "SMALLEST", 1)


def packed(w, x):
    """A triangular matrix for each component, whose elements lie one after the other."""
    d = x.shape[1]
    centred, product, scores = np.empty(d), np.empty(d), np.empty(len(w))
    total = 0.0
    for i in range(len(x)):
        for c in range(len(w)):
            for a in range(d):
                centred[a] = x[i, a] - w[c, a]
                product[a] = w[c, a] * centred[a]
            position = d
            for b in range(d):
                for a in range(b + 1, d):
                    product[a] += w[c, position] * centred[b]
                    position += 1
            square = 0.0
            for a in range(d):
                square += product[a] ** 2
            scores[c] = w[c, 0] - square
        top = np.max(scores)
        weight = 0.0
        for c in range(len(w)):
            weight += np.exp(scores[c] - top)
        total += top + np.log(weight)
    return total


def layers(w, x):
    """Two layers of a network, a point at a time."""
    n, d = x.shape
    first, second = np.empty(d), np.empty(d)
    total = 0.0
    for i in range(n):
        for j in range(d):
            first[j] = np.tanh(x[i, j] * w[0, j])
        for j in range(d):
            z = w[1, j]
            for a in range(d):
                z += w[a, j] * first[a]
            second[j] = np.tanh(z)
        out = x[i, 1]
        for j in range(d):
            second[j] = second[j] ** 2
        for j in range(d):
            out += second[j] * w[2, j]
        total += (out - x[i, 0]) ** 2
    return total


def scaled(w, x):
    """A factor of the point, and a difference."""
    n, d = x.shape
    u, y = np.empty(d), np.empty(d)
    total = 0.0
    for i in range(n):
        s = np.sin(x[i, 0])
        for j in range(d):
            u[j] = np.cos(x[i, j])
            y[j] = 1.0
        for j in range(d):
            for a in range(d):
                y[a] -= s * w[j, a] * u[j] * 0.5
        for j in range(d):
            total += y[j] ** 3
    return total


def banded(w, x):
    """As many elements of each row as the matrix has rows, less three."""
    n, d = x.shape
    u, y = np.empty(d), np.empty(d)
    total = 0.0
    for i in range(n):
        for j in range(d):
            u[j] = np.cos(x[i, j])
            y[j] = 1.0
        for j in range(d):
            for a in range(j, j + len(w) - 3):
                y[a] += w[0, a] * u[j]
        for j in range(d):
            total += y[j] ** 3
    return total


def features(w, x):
    """The nest of the products carries a sum, which is read after it."""
    n, d = x.shape
    u = np.empty(d)
    total = 0.0
    for i in range(n):
        for j in range(d):
            u[j] = np.cos(x[i, j])
        square = 1.0
        for j in range(d):
            s = w[3, j]
            for a in range(j + 1):
                s += w[j, a] * u[a]
            square += np.tanh(s) * s
        total += np.log(square)
    return total


def own_arrays(w, x):
    """Every point makes its arrays, some of them for each component."""
    n, d = x.shape
    total = 0.0
    for i in range(n):
        scores = np.empty(len(w))
        for c in range(len(w)):
            centred, product = np.empty(d), np.zeros(d)
            for a in range(d):
                centred[a] = np.exp(x[i, a] - w[c, a])
            for b in range(d):
                for a in range(b, d):
                    product[a] += w[a // 2, b + c] * centred[b]
            scores[c] = -np.sum(product**2)
        total += np.log(np.sum(np.exp(scores)))
    return total


def filters(w, x):
    """The next point needs what this one leaves."""
    n, d = x.shape
    state, y = np.zeros(d), np.empty(d)
    total = 0.0
    for i in range(n):
        for j in range(d):
            s = x[i, j]
            for a in range(d):
                s += w[j, a] * state[a]
            y[j] = np.tanh(s)
        for j in range(d):
            state[j] = y[j]
            total += y[j]
    return total


def of_the_point(w, x):
    """The matrix depends on the point."""
    n, d = x.shape
    y = np.empty(d)
    total = 0.0
    for i in range(n):
        for j in range(d):
            y[j] = np.sin(x[i, j])
        for j in range(d):
            s = 0.0
            for a in range(d):
                s += np.tanh(w[j, a] * x[i, a]) * y[a]
            total += s * s
    return total


def ragged(w, x):
    """How many terms there are depends on the point."""
    n, d = x.shape
    y = np.empty(d)
    total = 0.0
    for i in range(n):
        for j in range(d):
            y[j] = np.sin(x[i, j])
        for j in range(d):
            s = 0.0
            for a in range(min(i, d)):
                s += w[j, a] * y[a]
            total += s * s
    return total


def in_place(w, x):
    """The nest reads what it writes."""
    n, d = x.shape
    y = np.empty(d)
    total = 0.0
    for i in range(n):
        for j in range(d):
            y[j] = np.sin(x[i, j])
        for j in range(1, d):
            for a in range(j):
                y[j] += w[j, a] * y[a]
        for j in range(d):
            total += y[j] ** 2
    return total


def squares(w, x):
    """The nest goes on with the sum over all points."""
    n, d = x.shape
    u = np.empty(d)
    total = 0.0
    for i in range(n):
        for j in range(d):
            u[j] = np.cos(x[i, j])
            total += u[j]
        for j in range(d):
            s = w[3, j]
            for a in range(d):
                s += w[j, a] * u[a]
            total += s**2
    return total


CUT = [packed, layers, scaled, squares]


LEFT = [filters, of_the_point, ragged, in_place]


def arguments(n: int, d: int = 4) -> tuple[Any, ...]:
    rng = np.random.default_rng(n)
    return rng.uniform(0.1, 0.6, size=(4, 10)), rng.uniform(0.1, 0.6, size=(n, d))


def derived(f: Callable[..., float], n: int, d: int = 4) -> str:
    """The text; value and gradient are right."""
    args = arguments(n, d)
    derivative = pb.value_and_grad(f, argnums=(0, 1))
    value, _ = derivative(*args)
    assert value == pytest.approx(f(*args), rel=1e-12)
    pb.check_grads(f, args)
    return derivative.backward_source


@pytest.mark.parametrize("n", [0, 2, 3, 7])
@pytest.mark.parametrize("f", CUT, ids=lambda f: f.__name__)
def test_cut(f: Callable[..., float], n: int) -> None:
    text = derived(f, n)
    assert "matrix = mem.zeros(" in text and "support.dot(" in text


@pytest.mark.parametrize("n", [0, 2, 3, 7])
def test_arrays_of_an_iteration(n: int) -> None:
    """Too long to be scalars; those that the adjoint needs are rows of a tape."""
    text = derived(own_arrays, n, 6)
    assert "matrix = mem.zeros(" in text
    assert "_saved_rows = mem.empty(" in text


@pytest.mark.parametrize("n", [0, 2, 3, 7])
def test_a_nest_may_carry_sums(n: int) -> None:
    w, x = arguments(n)
    derivative = pb.value_and_grad(features)
    value, w_bar = derivative(w, x)
    text = derivative.backward_source
    assert "square_strip" in text
    assert "matrix = mem.zeros(" in text
    assert value == pytest.approx(features(w, x), rel=1e-12)
    step = 1e-6 * np.random.default_rng(1).standard_normal(w.shape)
    slope = (features(w + step, x) - features(w - step, x)) / 2
    assert np.sum(w_bar * step) == pytest.approx(slope, rel=1e-6, abs=1e-12)


def test_second_derivatives() -> None:
    pb.check_grads(layers, arguments(4), order=2)


@pytest.mark.parametrize("f", LEFT, ids=lambda f: f.__name__)
def test_left_as_it_is(f: Callable[..., float]) -> None:
    assert "matrix" not in derived(f, 7)


def test_an_infinite_factor_stays_with_its_element() -> None:
    """Zero times infinity in the empty half of the matrix would be nan for all."""

    def upper(w, x):
        n, d = x.shape
        u, y = np.empty(d), np.empty(d)
        smallest = 0.0
        for i in range(n):
            for a in range(d):
                u[a] = x[i, a] * w[0, a]
                y[a] = 0.0
            for b in range(d):
                for a in range(b + 1, d):
                    y[a] += w[b, a] * u[b]
            for a in range(d):
                smallest += np.exp(-y[a])
        return smallest

    w, x = arguments(7)
    x[4, 2] = np.inf
    derivative = pb.value_and_grad(upper)
    value, w_bar = derivative(w, x)
    assert "matrix" in derivative.backward_source
    assert value == pytest.approx(upper(w, x), rel=1e-12)
    assert np.isfinite(value)
    assert np.isfinite(w_bar[0, 3])


def test_rows_of_a_band_are_multiplied_one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """The text has the product, but it names few elements of its matrix."""
    called = []
    original = np.dot
    monkeypatch.setattr(np, "dot", lambda *args: called.append(args) or original(*args))
    assert "matrix" in derived(banded, 7, 8)
    assert not called
    derived(scaled, 7)
    assert called


@pytest.mark.parametrize("f", CUT, ids=lambda f: f.__name__)
def test_scratch_memory_is_bounded(f: Callable[..., float], monkeypatch: pytest.MonkeyPatch) -> None:
    """An iteration that has much of it is a block of its own."""
    monkeypatch.setattr(module, "BUDGET", 1)
    derived(f, 4)


def test_an_index_out_of_range_is_an_error() -> None:
    def reads(w, x, m):
        n, d = x.shape
        u = np.empty(d)
        total = 0.0
        for i in range(n):
            for a in range(d):
                u[a] = np.sin(x[i, a])
            for b in range(d):
                s = 0.0
                for a in range(d):
                    s += w[b + m, a] * u[a]
                u[b] += 0.0
                total += s * s
        return total

    for call in (reads, pb.value_and_grad(reads)):
        with pytest.raises(IndexError):
            call(*arguments(5), 1)
