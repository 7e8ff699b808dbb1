"""Maxima and minima, their positions and their derivative, shared equally among ties."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ..ir.build import Builder
from ..ir.nodes import Value
from ..ir.types import is_complex, is_inexact
from ..prims.prim import cast, emit
from .core import (
    Ctx,
    as_array,
    elementwise,
    materialise,
    reduce_nest,
    size_of,
)
from .elementwise import strong, where
from .promotion import emit_loop
from .reduce import Element, Line, Lines, axes_of, axis_samples, carried, reduce_lines, sum_
from .registry import Sample, lowers, mat, vec
from .value import AbstractValue, Index, Known


def _nonempty(ctx: Ctx, lines: Lines, what: str) -> None:
    size = size_of(ctx, lines.shape(lines.axes))
    ctx.require(emit(ctx.b, "gt", size, ctx.b.int(0)), "ValueError", what)


def _extreme_line(ctx: Ctx, prim: str, dtype: str) -> Line:
    """The extremum, whose derivative is shared equally among the elements that attain it.

    The extremum m is found without derivative, and the mean over ties of x, which is m, gives it its own.
    """

    def line(shape: tuple[Value, ...], element: Element) -> Value:
        b, smooth = ctx.b, is_inexact(dtype)

        def value(b: Builder, i: Index) -> Value:
            return emit(b, "stop_gradient", element(b, i)) if smooth else element(b, i)

        first = value(b, (b.int(0),) * len(shape))
        m = carried(ctx, shape, first, lambda b, c, i: emit_loop(b, prim, (c, value(b, i)), dtype))
        if not smooth:
            return m
        zero = b.const(0, dtype)

        def step(b: Builder, i: Index, c: tuple[Value, ...]) -> tuple[Value, Value]:
            x = element(b, i)
            tie = emit(b, "eq", x, m)
            return (
                emit(b, "add", c[0], emit(b, "select", tie, x, zero)),
                emit(b, "add", c[1], cast(b, tie, dtype)),
            )

        total, count = reduce_nest(ctx, shape, (zero, zero), step)
        count = emit(b, "maximum", count, b.const(1, dtype))
        return emit(b, "attach", m, emit(b, "div", total, count))

    return line


def extreme(prim: str) -> Callable[..., AbstractValue]:
    """The lowering of max ("maximum") or min ("minimum")."""

    def lower(
        ctx: Ctx, a: AbstractValue, axis: AbstractValue | None = None, *, keepdims: AbstractValue = False
    ) -> AbstractValue:
        arr = as_array(ctx, a)
        if is_complex(arr.dtype):
            raise ctx.no_rule("the extremum of a complex array is not supported")
        arr = arr if arr.cheap else materialise(ctx, arr)
        lines = Lines(arr, axes_of(ctx, axis, arr.rank))
        _nonempty(ctx, lines, f"zero-size array to reduction operation {prim} which has no identity")
        return reduce_lines(ctx, lines, arr.dtype, _extreme_line(ctx, prim, arr.dtype), keepdims)

    return lower


_TIES = (Sample(np.array([[1.0, 3.0, 3.0], [2.0, 2.0, np.nan]]), axis=1), Sample(np.array([1.0, np.inf])))
lowers(np.max, np.amax, method="max", samples=axis_samples(*_TIES))(extreme("maximum"))
lowers(np.min, np.amin, method="min", samples=axis_samples(*_TIES))(extreme("minimum"))


@lowers(np.ptp, samples=lambda: [Sample(vec()), Sample(mat(), axis=1)])
def ptp(
    ctx: Ctx, a: AbstractValue, axis: AbstractValue | None = None, *, keepdims: AbstractValue = False
) -> AbstractValue:
    """np.ptp."""
    arr = materialise(ctx, as_array(ctx, a))
    parts = [extreme(prim)(ctx, arr, axis, keepdims=keepdims) for prim in ("maximum", "minimum")]
    return strong(elementwise(ctx, "sub", *parts))


def _position(prim: str, name: str) -> Callable[..., AbstractValue]:
    """The first position of the extremum; a NaN comes first of all."""

    def line(ctx: Ctx) -> Line:
        def lower(shape: tuple[Value, ...], element: Element) -> Value:
            b = ctx.b
            first = element(b, (b.int(0),) * len(shape))

            def step(b: Builder, i: Index, c: tuple[Value, ...]) -> tuple[Value, ...]:
                best, where_, at = c
                x = element(b, i)
                better = emit(b, prim, x, best)
                if is_inexact(x.dtype):
                    new_nan = emit(b, "and", emit(b, "isnan", x), emit(b, "not", emit(b, "isnan", best)))
                    better = emit(b, "or", better, new_nan)
                pick = [emit(b, "select", better, new, old) for new, old in ((x, best), (at, where_))]
                return (*pick, emit(b, "add", at, b.int(1)))

            found = reduce_nest(ctx, shape, (first, b.int(0), b.int(0)), step)[1]
            ctx.nonneg.add(found)
            return found

        return lower

    def lower(
        ctx: Ctx, a: AbstractValue, axis: AbstractValue | None = None, *, keepdims: AbstractValue = False
    ) -> AbstractValue:
        arr = as_array(ctx, a)
        arr = as_array(ctx, elementwise(ctx, "stop_gradient", arr)) if is_inexact(arr.dtype) else arr
        lines = Lines(arr, axes_of(ctx, axis, arr.rank))
        _nonempty(ctx, lines, f"attempt to get {name} of an empty sequence")
        return reduce_lines(ctx, lines, "int64", line(ctx), keepdims)

    return lower


_PLACES = (Sample(np.array([1.0, np.nan, 3.0, np.nan])), Sample(np.array([2.0, 2.0, 1.0, 1.0])))
lowers(np.argmax, method="argmax", samples=axis_samples(*_PLACES, both=False))(_position("gt", "argmax"))
lowers(np.argmin, method="argmin", samples=axis_samples(*_PLACES, both=False))(_position("lt", "argmin"))


def _without_nan(prim: str, worst: float) -> Callable[..., AbstractValue]:
    """The extremum of what is a number; NaN where nothing is."""

    def lower(
        ctx: Ctx, a: AbstractValue, axis: AbstractValue | None = None, *, keepdims: AbstractValue = False
    ) -> AbstractValue:
        arr = materialise(ctx, as_array(ctx, a))
        if not is_inexact(arr.dtype):
            return extreme(prim)(ctx, arr, axis, keepdims=keepdims)
        missing = elementwise(ctx, "isnan", arr)
        found = extreme(prim)(ctx, where(ctx, missing, Known(worst), arr), axis, keepdims=keepdims)
        nothing = elementwise(
            ctx, "eq", sum_(ctx, elementwise(ctx, "not", missing), axis, keepdims=keepdims), Known(0)
        )
        return where(ctx, nothing, Known(np.nan), found)

    return lower


_HOLES = np.array([[1.0, np.nan, 2.0], [0.5, 4.0, np.nan]])
for _function, _prim, _worst in ((np.nanmax, "maximum", -np.inf), (np.nanmin, "minimum", np.inf)):
    lowers(_function, samples=lambda: [Sample(_HOLES), Sample(_HOLES, axis=1), Sample(mat(), axis=0)])(
        _without_nan(_prim, _worst)
    )
