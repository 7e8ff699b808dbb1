"""Arrays whose axes get the order of the loops that visit them."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from pullback.compiler.ir.build import Builder
from pullback.compiler.ir.nodes import Function, Region, Value
from pullback.compiler.ir.types import F64, Array
from pullback.compiler.prims.interp import run
from pullback.compiler.transform.layout import layout
from randprog.passes import before_after

import pullback as pb


def sweeps(x, a):
    c = np.zeros_like(x)
    c[:, 0] = x[:, 0] * a[0]
    for k in range(1, x.shape[1]):
        c[:, k] = np.tanh(c[:, k - 1]) * x[:, k] + x[:, k - 1]
    for k in range(x.shape[1] - 2, -1, -1):
        c[:, k] -= 0.5 * c[:, k + 1] * x[:, k]
    return np.sum(c[:, 0] ** 2)


def levels(x, a):
    c = np.empty((x.shape[0], x.shape[1], a.shape[0]))
    c[:, :, 0] = x
    for k in range(1, a.shape[0]):
        c[:, :, k] = np.sin(c[:, :, k - 1]) * a[k]
    return np.sum(c[:, :, a.shape[0] - 1] ** 2)


def one_column_at_a_time(x, a):
    total = 0.0
    for k in range(x.shape[1]):
        c = np.empty((x.shape[0], a.shape[0]))
        c[:, 0] = x[:, k]
        for j in range(1, a.shape[0]):
            c[:, j] = np.sin(c[:, j - 1]) * a[j]
        total = np.cos(total) + np.sum(c[:, 1])
    return total


CHANGED = [sweeps, levels, one_column_at_a_time]


def across_rows_of_another(x, a):
    p = x * a[0]
    q = x + a[1]
    for j in range(1, x.shape[1]):
        for i in range(1, x.shape[0]):
            p[i, j] = np.sin(p[i, j - 1]) * q[i, j]
    for j in range(1, x.shape[0]):
        for i in range(1, x.shape[1]):
            q[j, i] = np.sin(q[j - 1, i]) * q[j - 1, i - 1]
    return np.sum(p * q)


def used_whole(x, a):
    c = np.zeros_like(x)
    for k in range(1, x.shape[1]):
        c[:, k] = np.sin(c[:, k - 1]) + a[k]
    return np.sum(c @ x)


def few_columns(x, a):
    """The matrix may be much wider."""
    total = np.zeros(x.shape[0])
    for k in range(1, 3):
        total = np.sin(total) + x[:, k] * x[:, k - 1]
    for k in range(1, 3):
        total = np.cos(total) + x[:, k] * x[:, k - 1] * a[0]
    return np.sum(total)


def written_argument(x, a):
    for k in range(1, x.shape[1]):
        for i in range(x.shape[0]):
            x[i, k] = np.sin(x[i, k - 1]) + a[k] * x[i, k]
    return np.sum(x[:, 1])


def some_other_row(x, a):
    c = np.zeros_like(x)
    for k in range(1, x.shape[1]):
        for i in range(x.shape[0]):
            c[int(a[k]) % 3, k] += np.sin(c[i, 0] + x[i, k])
    return np.sum(c**2)


def beside_an_inner_loop(x, a):
    """Most of the time goes into the rows that the inner loop reads."""
    q = np.empty_like(x)
    total = 0.0
    for k in range(x.shape[1]):
        for i in range(x.shape[0]):
            q[i, k] = np.sin(total) * x[i, k]
            for j in range(a.shape[0]):
                total = np.cos(total) * q[i, k] + a[j]
    return total + np.sum(np.cos(q))


LEFT = [
    across_rows_of_another,
    used_whole,
    few_columns,
    some_other_row,
    written_argument,
    beside_an_inner_loop,
]


def point(n: int = 9, m: int = 9) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(3)
    return rng.standard_normal((n, m)), rng.standard_normal(m)


def source_of(f: Callable[..., float]) -> str:
    gradient = pb.value_and_grad(f, argnums=(0, 1), jit=False)
    gradient(*point())
    return str(gradient.backward_source)


@pytest.mark.parametrize("f", CHANGED + LEFT)
def test_gradients(f: Callable[..., float]) -> None:
    value, grads = pb.value_and_grad(f, argnums=(0, 1), jit=False)(*point())
    assert value == pytest.approx(f(*point()), rel=1e-12)
    assert grads[0].flags.c_contiguous
    rng = np.random.default_rng(1)
    steps = tuple(1e-6 * rng.standard_normal(v.shape) for v in point())
    ends = [f(*(v + sign * s for v, s in zip(point(), steps, strict=True))) for sign in (1, -1)]
    slope = sum(np.sum(g * s) for g, s in zip(grads, steps, strict=True))
    assert slope == pytest.approx((ends[0] - ends[1]) / 2, rel=1e-6)


def test_arrays_of_our_own_and_copies() -> None:
    source = source_of(sweeps)
    assert "x_1[j, i] = x[i, j]" in source
    assert "c[k, i]" in source and "c[i, k" not in source
    assert "c_bar[k" in source and "c_bar[i, k" not in source
    assert "c[k, i, j]" in source_of(levels)


@pytest.mark.parametrize("f", LEFT)
def test_what_stays(f: Callable[..., float]) -> None:
    source = source_of(f)
    moved = ["x_1[j, i] = x[i, j]", "c[k, i]", "p[j, i]", "q[k, i]", "p[j_1, i]", "x[k, i]"]
    assert not any(text in source for text in moved)


@pytest.mark.parametrize("shape", [(0, 4), (4, 1), (1, 5), (1, 1)])
def test_hardly_any_elements(shape: tuple[int, int]) -> None:
    value, (x_bar, _) = pb.value_and_grad(sweeps, argnums=(0, 1), jit=False)(*point(*shape))
    assert value == pytest.approx(sweeps(*point(*shape)), rel=1e-12)
    assert x_bar.shape == shape


def test_errors_tell_the_axis_that_the_user_knows() -> None:
    def beyond(x, a):
        c = np.zeros_like(x)
        for k in range(1, x.shape[1]):
            c[:, k] = np.sin(c[:, k - 1]) + x[:, k + 1] * a[0]
        for k in range(1, x.shape[1]):
            c[:, k] = np.cos(c[:, k - 1]) + x[:, k] * a[0]
        return np.sum(c[:, 1])

    gradient = pb.value_and_grad(beyond, argnums=(0, 1), jit=False)
    with pytest.raises(IndexError, match="index 11 is out of bounds for axis 1 with size 11"):
        gradient(*point(9, 11))
    assert "x_1[j, i] = x[i, j]" in gradient.backward_source


def recurrence(stride: bool) -> Builder:
    """c[i, k] = c[i, k - 1] + x[i, k], by columns; the loops may also be the other way round."""
    x = Value(Array("float64", 2), "x")
    b = Builder(Region((x,)))
    n, m, one = b.dim(x, 0), b.dim(x, 1), b.int(1)
    c = b.alloc((n, m), "float64", "zeros", "c")
    i, k = Value(one.type, "i"), Value(one.type, "k")
    outer, inner = (k, i) if stride else (i, k)
    b.open((outer,))
    b.open((inner,))
    before = b.load(c, (i, b.apply("sub", (k, one), "int64")))
    b.store(c, (i, k), b.apply("add", (before, b.load(x, (i, k))), "float64"))
    body = b.close()
    low, high = (b.int(0), n) if stride else (one, m)
    b.for_(low, high, one, [], body)
    body = b.close()
    low, high = (one, m) if stride else (b.int(0), n)
    b.for_(low, high, one, [], body)
    b.region.yields = (b.load(c, (b.int(-1), b.int(-1))),)
    return b


def test_a_recurrence(golden: Callable[[str], None]) -> None:
    golden(before_after(layout, recurrence(True)))


def test_the_recurrence_is_the_same() -> None:
    before = Function("f", recurrence(True).region)
    after = layout(before)
    x = np.arange(12.0).reshape(3, 4)
    assert run(after, [x], print) == run(before, [x], print) == (30.0,)
    assert layout(after) is after


def test_loops_in_order_stay() -> None:
    fn = Function("f", recurrence(False).region)
    assert layout(fn) is fn
    scalar = Function("g", Builder(Region((Value(F64, "x"),))).region)
    assert layout(scalar) is scalar
