"""Products of vectors with few rows or columns."""

from __future__ import annotations

from collections.abc import Callable
from types import FunctionType

import numpy as np
import pytest
from pullback.compiler.ir.build import Builder
from pullback.compiler.ir.nodes import Function, Region, Value
from pullback.compiler.ir.types import INT, Array
from pullback.compiler.transform.short_products import short_products
from randprog.passes import before_after

import pullback as pb


def layers(w, v, c, y):
    """A hidden layer of any width between vectors of three."""
    total = 0.0
    for k in range(4):
        z = y + 0.1 * k
        z = v @ np.tanh(w @ z + c) + z
        total += np.sum(z * z)
    return total


def turned(w, v, c, y):
    """The same through transposes."""
    total = 0.0
    for k in range(4):
        z = y + 0.1 * k
        z = w.T @ np.tanh(v.T @ z + c) + z
        total += np.sum(z * z)
    return total


def carried(w, v, c, y):
    for _ in range(4):
        y = v @ np.sin(w @ y + c)
    return np.sum(y * y)


def once(w, v, c, y):
    return np.sum(v @ np.tanh(w @ y + c))


def arguments(width: int, length: int) -> tuple[np.ndarray, ...]:
    rng = np.random.default_rng(width)
    shapes = (width, length), (length, width), width, length
    return tuple(0.5 * rng.normal(size=shape) for shape in shapes)


@pytest.mark.parametrize("f", [layers, turned, carried, once])
@pytest.mark.parametrize(("width", "length"), [(7, 3), (3, 3), (7, 4), (9, 6), (2, 5), (1, 2)])
def test_means_the_same(f, width: int, length: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PULLBACK_JIT", "0")
    args = arguments(width, length)
    assert pb.value_and_grad(f, (0, 1, 2, 3), jit=False)(*args)[0] == pytest.approx(f(*args), rel=1e-12)
    pb.check_grads(f, args)


@pytest.mark.parametrize(
    ("f", "length", "calls"), [(layers, 3, False), (layers, 6, True), (turned, 3, False), (once, 3, True)]
)
def test_what_is_written_out(f, length: int, calls: bool) -> None:
    fresh = FunctionType(f.__code__, f.__globals__)  # for these lengths only
    gradient = pb.grad(fresh, (0, 1, 2, 3), jit=False)
    gradient(*arguments(9, length))
    assert ("support.dot" in gradient.forward_source) is calls
    assert ("support.dot" in gradient.backward_source) is calls


@pytest.mark.parametrize("f", [layers, carried])
def test_compiled_and_second_order(f) -> None:
    w, *rest = arguments(9, 3)
    gradient, step, h = pb.grad(f), np.cos(w), 1e-6
    slope = (gradient(w + h * step, *rest) - gradient(w - h * step, *rest)) / (2 * h)
    np.testing.assert_allclose(
        pb.hvp(f, (w, *rest), (step, None, None, None))[0], slope, rtol=1e-5, atol=1e-6
    )


@pytest.mark.parametrize("f", [layers, carried])
def test_lengths_that_do_not_fit_are_the_same_error(f) -> None:
    w, v, c, y = arguments(7, 3)
    for args in ((w, v[:, 1:], c, y), (w[:, 1:], v, c, y), (w, v[1:], c, y)):
        with pytest.raises(ValueError, match=r"do not fit|could not be broadcast"):
            pb.grad(f, jit=False)(*args)


def test_no_rows() -> None:
    w, v, c, y = arguments(0, 3)
    value, gradient = pb.value_and_grad(layers, 3, jit=False)(w, v, c, y)
    assert value == pytest.approx(layers(w, v, c, y))
    np.testing.assert_allclose(gradient, 2.0 * sum(y + 0.1 * k for k in range(4)))


def products(dtype: str = "float64", inside: bool = True) -> Builder:
    """A matrix of any height times a vector of two, and one of two rows times a vector."""
    a, c, h = Value(Array(dtype, 2), "a"), Value(Array(dtype, 2), "c"), Value(Array(dtype, 1), "h")
    b = Builder(Region((a, c, h)))
    rows = b.dim(c, 0)
    b.check(b.apply("eq", (rows, b.int(2)), "bool"), "ValueError", "not 2")
    y = b.alloc([b.int(2)], dtype, "zeros", "y")
    if inside:
        b.open((Value(INT, "k"),))
    (t,) = b.call("dot", (a, y), (Array(dtype, 1),))
    (r,) = b.call("dot", (c, h), (Array(dtype, 1),))
    for x in (t, r):
        b.store(y, (b.int(1),), b.load(x, (b.int(0),)))
    if inside:
        body = b.close()
        b.for_(b.int(0), b.int(3), b.int(1), [], body)
    b.region.yields = (y,)
    return b


def test_over_rows_and_over_columns(golden: Callable[[str], None]) -> None:
    golden(before_after(short_products, products()))


@pytest.mark.parametrize("builder", [products("complex128"), products(inside=False)])
def test_other_products_stay(builder: Builder) -> None:
    fn = Function("f", builder.region)
    assert short_products(fn).body.ops == fn.body.ops
