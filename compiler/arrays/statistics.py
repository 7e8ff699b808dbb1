"""Covariances, medians and quantiles."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..ir.nodes import Value
from ..ir.types import is_complex, is_inexact
from ..prims.prim import Sym, cast, emit
from .core import Ctx, as_array, cast_to, elementwise, lift, materialise, static, to_value
from .elementwise import strong, where
from .indexing import basic_view
from .linalg import product
from .matrices import diagonal_view
from .reduce import insert_axes, mean, sum_, with_kept
from .registry import Sample, lowers, mat, values, vec
from .shape import full_range, one_axis, permute, ravel
from .slicing import Int
from .sorting import sort
from .value import AbstractValue, Arr, Known, Num


def _deviations(ctx: Ctx, m: AbstractValue, rowvar: AbstractValue, name: str) -> Arr:
    arr = as_array(ctx, m)
    if arr.rank > 2 or is_complex(arr.dtype):
        raise ctx.no_rule(f"np.{name} takes a real matrix or vector")
    if not is_inexact(arr.dtype):
        arr = as_array(ctx, cast_to(ctx, arr, "float64"))
    if arr.rank == 2 and not static(ctx, rowvar, "rowvar"):
        arr = permute(arr, (1, 0))
    arr = arr if arr.cheap else materialise(ctx, arr)
    middle = mean(ctx, arr, Known(-1), keepdims=Known(True))
    return materialise(ctx, as_array(ctx, elementwise(ctx, "sub", arr, middle)))


def _covariance(ctx: Ctx, gaps: Arr, ddof: int) -> Arr | Num:
    count = emit(ctx.b, "sub", gaps.shape[-1], ctx.b.int(ddof))
    free = Num(cast(ctx.b, emit(ctx.b, "pymax", count, ctx.b.int(0)), gaps.dtype))
    if gaps.rank == 1:
        total: Any = sum_(ctx, elementwise(ctx, "square", gaps))
    else:
        total = product(ctx, gaps, permute(gaps, (1, 0)))
    return strong(elementwise(ctx, "div", total, free))


def _samples() -> list[Sample]:
    return [Sample(mat()), Sample(mat(), rowvar=False), Sample(vec())]


@lowers(np.cov, samples=lambda: [*_samples(), Sample(mat(), ddof=0), Sample(mat(), bias=True)])
def cov(
    ctx: Ctx,
    m: AbstractValue,
    y: AbstractValue | None = None,
    rowvar: AbstractValue = True,
    bias: AbstractValue = False,
    ddof: AbstractValue | None = None,
) -> AbstractValue:
    """np.cov of one array."""
    if y is not None:
        raise ctx.no_rule("np.cov of two arrays is not supported", "stack them")
    chosen = static(ctx, ddof, "ddof")
    if chosen is None:
        chosen = 0 if static(ctx, bias, "bias") else 1
    return _covariance(ctx, _deviations(ctx, m, rowvar, "cov"), chosen)


@lowers(np.corrcoef, samples=lambda: _samples()[:2])
def corrcoef(
    ctx: Ctx, x: AbstractValue, y: AbstractValue | None = None, rowvar: AbstractValue = True
) -> AbstractValue:
    """np.corrcoef of a matrix; NumPy clips to [-1, 1] what rounding puts outside."""
    if y is not None:
        raise ctx.no_rule("np.corrcoef of two arrays is not supported", "stack them")
    covariance = as_array(ctx, _covariance(ctx, _deviations(ctx, x, rowvar, "corrcoef"), 1))
    if covariance.rank != 2:
        raise ctx.no_rule("np.corrcoef of a vector is not supported")
    spread = as_array(ctx, elementwise(ctx, "sqrt", diagonal_view(ctx, covariance, 0)))
    spread = materialise(ctx, spread)
    rows = elementwise(ctx, "div", covariance, insert_axes(ctx, spread, (1,)))
    scaled = elementwise(ctx, "div", rows, insert_axes(ctx, spread, (0,)))
    return elementwise(ctx, "maximum", elementwise(ctx, "minimum", scaled, Known(1.0)), Known(-1.0))


@dataclass(frozen=True)
class Ordered:
    """An array sorted along an axis."""

    arr: Arr
    axis: int
    last: Value

    def at(self, ctx: Ctx, place: Value) -> Arr | Num:
        """The elements at one place of every line."""
        items: list[Any] = [full_range(ctx, m) for m in self.arr.shape]
        items[self.axis] = Int(place)
        view = basic_view(ctx, self.arr, items)
        return view if view.rank else Num(view.at(ctx.b, ()))

    def unless_nan(self, ctx: Ctx, value: Arr | Num, keepdims: AbstractValue) -> Arr | Num:
        """The value of every line, NaN where the line has one: they are sorted to its end."""
        end = self.at(ctx, self.last)
        made = where(ctx, elementwise(ctx, "isnan", end), end, value)
        return with_kept(ctx, strong(lift(ctx, made)), (self.axis,), keepdims)


def _ordered(
    ctx: Ctx, a: AbstractValue, axis: AbstractValue | None, keepdims: AbstractValue, name: str
) -> Ordered:
    b, arr = ctx.b, as_array(ctx, a)
    if axis is None and arr.rank > 1 and static(ctx, keepdims, "keepdims"):
        raise ctx.no_rule(f"np.{name} with keepdims=True and no axis is not supported")
    line = ravel(ctx, arr) if axis is None else arr
    k = 0 if axis is None else one_axis(ctx, axis, arr.rank)
    dtype = arr.dtype if is_inexact(arr.dtype) else "float64"
    ordered = as_array(ctx, cast_to(ctx, as_array(ctx, sort(ctx, line, Known(k))), dtype))
    n = ordered.shape[k]
    ctx.require(emit(b, "gt", n, b.int(0)), "ValueError", f"{name} of an empty array")
    return Ordered(ordered, k, emit(b, "sub", n, b.int(1)))


@lowers(
    np.median,
    samples=lambda: [
        Sample(vec()), Sample(values(6)), Sample(mat(), axis=0), Sample(mat(), axis=1, keepdims=True),
        Sample(np.array([[1.0, np.nan], [2.0, 3.0]]), axis=1), Sample(np.array([-np.inf, 1.0])),
    ],
)  # fmt: skip
def median(
    ctx: Ctx, a: AbstractValue, axis: AbstractValue | None = None, *, keepdims: AbstractValue = False
) -> AbstractValue:
    """np.median."""
    b, ordered = ctx.b, _ordered(ctx, a, axis, keepdims, "median")
    after = emit(b, "add", ordered.last, b.int(1))
    low, high = (ordered.at(ctx, emit(b, "floordiv", m, b.int(2))) for m in (ordered.last, after))
    middle = elementwise(ctx, "mul", elementwise(ctx, "add", low, high), Known(0.5))
    return ordered.unless_nan(ctx, middle, keepdims)


def _quantile(scale: float, name: str) -> Callable[..., AbstractValue]:
    def lower(
        ctx: Ctx,
        a: AbstractValue,
        q: AbstractValue,
        axis: AbstractValue | None = None,
        *,
        keepdims: AbstractValue = False,
    ) -> AbstractValue:
        b, ordered = ctx.b, _ordered(ctx, a, axis, keepdims, name)
        dtype = ordered.arr.dtype
        share = Sym(b, to_value(ctx, q, dtype)) / scale
        low, high = (
            emit(b, prim, share.value, b.const(end, dtype)) for prim, end in (("ge", 0.0), ("le", 1.0))
        )
        ctx.require(
            emit(b, "and", low, high), "ValueError", f"{name.title()}s must be in the range [0, {scale:g}]"
        )
        place = share * Sym(b, cast(b, ordered.last, dtype))
        below = cast(b, emit(b, "floor", emit(b, "stop_gradient", place.value)), "int64")
        below = emit(b, "pymin", emit(b, "pymax", below, b.int(0)), ordered.last)
        above = emit(b, "pymin", emit(b, "add", below, b.int(1)), ordered.last)
        part = place - Sym(b, cast(b, below, dtype))
        first, second = ordered.at(ctx, below), ordered.at(ctx, above)
        rise = elementwise(ctx, "mul", elementwise(ctx, "sub", second, first), Num(part.value))
        return ordered.unless_nan(ctx, elementwise(ctx, "add", first, rise), keepdims)

    return lower


def _quantiles(scale: float) -> list[Sample]:
    return [
        Sample(vec(), 0.3 * scale),
        Sample(mat(), 0.8 * scale, axis=0),
        Sample(values(4), 0.9 * scale),
        Sample(mat(), 0.25 * scale, axis=1, keepdims=True),
        Sample(mat(), 0.5 * scale),
        Sample(np.array([[1.0, np.nan], [2.0, 3.0]]), 0.2 * scale, axis=1),
    ]


lowers(np.quantile, samples=lambda: _quantiles(1.0))(_quantile(1.0, "quantile"))
lowers(np.percentile, samples=lambda: _quantiles(100.0))(_quantile(100.0, "percentile"))
