"""Reductions and scans, as loops that carry a scalar per line (or accumulate into the result)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from ..ir.build import Builder
from ..ir.nodes import Value
from ..ir.types import is_complex
from ..prims.prim import cast, emit
from .core import (
    Ctx,
    as_array,
    dtype_name,
    elementwise,
    fill,
    lift,
    materialise,
    nest,
    reduce_nest,
    size_of,
    static,
)
from .elementwise import as_bool, strong, where
from .indexing import basic_view
from .promotion import emit_loop
from .registry import Sample, Samples, cube, lowers, mat, values, vec
from .slicing import NEW, Range
from .value import AbstractValue, Arr, Index, Known, Num

Element = Callable[[Builder, Index], Value]
Line = Callable[[tuple[Value, ...], Element], Value]


def axes_of(ctx: Ctx, axis: AbstractValue | None, rank: int) -> tuple[int, ...]:
    """An axis argument as sorted non-negative axes; None means all."""
    known = static(ctx, axis, "axis")
    if known is None:
        return tuple(range(rank))
    chosen = known if isinstance(known, tuple | list) else (known,)
    for a in chosen:
        if not -rank <= a < rank:
            raise ctx.error(f"axis {a} is out of bounds for an array of rank {rank}")
    normal = sorted({a % rank for a in chosen})
    if len(normal) != len(chosen):
        raise ctx.error("duplicate value in 'axis'")
    return tuple(normal)


@dataclass(frozen=True)
class Lines:
    """An array seen as lines along the reduced axes, one for each index of the kept axes."""

    arr: Arr
    axes: tuple[int, ...]

    @property
    def kept(self) -> tuple[int, ...]:
        """The axes that stay."""
        return tuple(a for a in range(self.arr.rank) if a not in self.axes)

    def shape(self, axes: Sequence[int]) -> tuple[Value, ...]:
        """The lengths of some axes."""
        return tuple(self.arr.shape[a] for a in axes)

    def element(self, outer: Index) -> Element:
        """The element function of one line."""
        order = self.kept + self.axes

        def at(b: Builder, inner: Index) -> Value:
            index = dict(zip(order, outer + inner, strict=True))
            return self.arr.at(b, tuple(index[a] for a in range(self.arr.rank)))

        return at


def insert_axes(ctx: Ctx, arr: Arr, axes: Sequence[int]) -> Arr:
    """The array with axes of length 1 at the given final positions."""
    rank = arr.rank + len(axes)
    source = iter(arr.shape)
    one, zero = ctx.b.int(1), ctx.b.int(0)
    items = [NEW if a in axes else Range(zero, next(source), one, True) for a in range(rank)]
    return basic_view(ctx, arr, items) if axes else arr


def reduce_lines(ctx: Ctx, lines: Lines, dtype: str, line: Line, keepdims: AbstractValue) -> Arr | Num:
    """One scalar for each line: a Num when all axes are reduced."""
    inner = lines.shape(lines.axes)
    if not lines.kept:
        value = cast(ctx.b, line(inner, lines.element(())), dtype)
        return with_kept(ctx, Num(value), lines.axes, keepdims)
    out = fill(
        ctx, ctx.fresh(lines.shape(lines.kept), dtype), lambda b, outer: line(inner, lines.element(outer))
    )
    return with_kept(ctx, out, lines.axes, keepdims)


def with_kept(ctx: Ctx, out: Arr | Num, axes: Sequence[int], keepdims: AbstractValue) -> Arr | Num:
    """The result with the reduced axes as length 1 where keepdims asks for them."""
    if not static(ctx, keepdims, "keepdims"):
        return out
    return insert_axes(ctx, as_array(ctx, out), axes)


def carried(
    ctx: Ctx, shape: Sequence[Value], init: Value, step: Callable[[Builder, Value, Index], Value]
) -> Value:
    """A loop nest that carries one scalar."""
    return reduce_nest(ctx, shape, (init,), lambda b, index, c: (step(b, c[0], index),))[0]


@lru_cache(maxsize=256)
def _dtype_of(name: str, dtype: str) -> str:
    with np.errstate(all="ignore"):
        return str(np.asarray(getattr(np, name)(np.ones(1, dtype))).dtype.name)


def result_of(ctx: Ctx, name: str, arr: Arr, dtype: AbstractValue | None) -> str:
    """The dtype of a reduction, as NumPy gives it."""
    out = dtype_name(ctx, dtype) or _dtype_of(name, arr.dtype)
    if out == "float16":
        raise ctx.error(f"np.{name} of {arr.dtype} has dtype float16, which is unsupported")
    return out


def axis_samples(*extra: Sample, both: bool = True) -> Samples:
    """The calls that test a reduction: ranks, dtypes, axes, keepdims."""

    def make() -> list[Sample]:
        out = [Sample(vec()), Sample(mat(), axis=0), Sample(mat(), axis=-1, keepdims=True)]
        out += [
            Sample(cube(), axis=1),
            Sample(mat().astype("float32")),
            Sample(np.arange(6).reshape(2, 3), axis=1),
        ]
        out += [Sample(cube(), axis=(0, 2)), Sample(cube(), axis=None, keepdims=True)] if both else []
        return [*out, *extra]

    return make


# -- sums
@lowers(
    np.sum,
    method="sum",
    samples=axis_samples(Sample(np.array([True, True])), Sample(vec(), dtype=np.float32)),
)
def sum_(
    ctx: Ctx,
    a: AbstractValue,
    axis: AbstractValue | None = None,
    dtype: AbstractValue | None = None,
    *,
    keepdims: AbstractValue = False,
    initial: AbstractValue | None = None,
) -> AbstractValue:
    """np.sum."""
    arr = as_array(ctx, a)
    out = result_of(ctx, "sum", arr, dtype)
    total = sum_over(ctx, Lines(arr, axes_of(ctx, axis, arr.rank)), out, keepdims)
    return total if initial is None else strong(elementwise(ctx, "add", total, initial))


def sum_over(ctx: Ctx, lines: Lines, dtype: str, keepdims: AbstractValue = False) -> Arr | Num:
    """The sum; where the last axis is kept, rows are accumulated into the result in memory order."""
    arr = lines.arr
    if not lines.kept or (arr.rank - 1) in lines.axes:

        def line(shape: tuple[Value, ...], element: Element) -> Value:
            zero = ctx.b.const(0, dtype)
            return carried(
                ctx,
                shape,
                zero,
                lambda b, c, i: emit_loop(b, "add", (c, cast(b, element(b, i), dtype)), dtype),
            )

        return reduce_lines(ctx, lines, dtype, line, keepdims)
    out = ctx.fresh(lines.shape(lines.kept), dtype, "zeros")
    ref = out.memory.ref  # type: ignore[union-attr]

    def add(b: Builder, index: Index) -> None:
        b.store(ref, tuple(index[a] for a in lines.kept), cast(b, arr.at(b, index), dtype), dtype != "bool")

    nest(ctx, arr.shape, add)
    return with_kept(ctx, out, lines.axes, keepdims)


def _divided(ctx: Ctx, total: Arr | Num, count: Value, dtype: str) -> Arr | Num:
    return strong(elementwise(ctx, "div", total, Num(cast(ctx.b, count, dtype))))


@lowers(np.mean, method="mean", samples=axis_samples(Sample(np.array([True, False]))))
def mean(
    ctx: Ctx,
    a: AbstractValue,
    axis: AbstractValue | None = None,
    dtype: AbstractValue | None = None,
    *,
    keepdims: AbstractValue = False,
) -> AbstractValue:
    """np.mean."""
    arr = as_array(ctx, a)
    out = result_of(ctx, "mean", arr, dtype)
    lines = Lines(arr, axes_of(ctx, axis, arr.rank))
    return _divided(ctx, sum_over(ctx, lines, out, keepdims), size_of(ctx, lines.shape(lines.axes)), out)


@lowers(np.average, samples=lambda: [Sample(vec()), Sample(vec(), weights=values(5)), Sample(mat(), axis=0)])
def average(
    ctx: Ctx, a: AbstractValue, axis: AbstractValue | None = None, weights: AbstractValue | None = None
) -> AbstractValue:
    """np.average."""
    if weights is None:
        return mean(ctx, a, axis)
    if lift(ctx, a).rank != lift(ctx, weights).rank:  # type: ignore[union-attr]
        raise ctx.no_rule("np.average with weights of another rank is not supported")
    weighted = sum_(ctx, elementwise(ctx, "mul", a, weights), axis)
    return strong(elementwise(ctx, "div", weighted, sum_(ctx, weights, axis)))


def _variance(
    ctx: Ctx,
    a: AbstractValue,
    axis: AbstractValue | None,
    ddof: AbstractValue,
    keepdims: AbstractValue,
    name: str,
) -> Arr | Num:
    arr = as_array(ctx, a)
    if is_complex(arr.dtype):
        raise ctx.no_rule(f"np.{name} of complex arrays is not supported")
    out = result_of(ctx, name, arr, None)
    arr = arr if arr.cheap else materialise(ctx, arr)
    lines = Lines(arr, axes_of(ctx, axis, arr.rank))
    count = size_of(ctx, lines.shape(lines.axes))
    free = elementwise(ctx, "sub", Num(cast(ctx.b, count, out)), Known(static(ctx, ddof, "ddof")))
    free = elementwise(ctx, "maximum", free, Known(0))
    assert isinstance(free, Num)

    def line(shape: tuple[Value, ...], element: Element) -> Value:
        zero = ctx.b.const(0, out)
        total = carried(ctx, shape, zero, lambda b, c, i: emit(b, "add", c, cast(b, element(b, i), out)))
        middle = emit(ctx.b, "div", total, cast(ctx.b, count, out))

        def step(b: Builder, c: Value, i: Index) -> Value:
            gap = emit(b, "sub", cast(b, element(b, i), out), middle)
            return emit(b, "add", c, emit(b, "mul", gap, gap))

        spread = emit(ctx.b, "div", carried(ctx, shape, zero, step), cast(ctx.b, free.value, out))
        return emit(ctx.b, "norm_sqrt", spread) if name == "std" else spread

    return reduce_lines(ctx, lines, out, line, keepdims)


def _spread(name: str) -> Callable[..., AbstractValue]:
    def lower(
        ctx: Ctx,
        a: AbstractValue,
        axis: AbstractValue | None = None,
        *,
        ddof: AbstractValue = 0,
        keepdims: AbstractValue = False,
    ) -> AbstractValue:
        return _variance(ctx, a, axis, ddof, keepdims, name)

    return lower


for _name in ("var", "std"):
    _extra = (Sample(vec(), ddof=1), Sample(mat(), axis=0, ddof=1, keepdims=True))
    lowers(getattr(np, _name), method=_name, samples=axis_samples(*_extra))(_spread(_name))


# -- products, any, all
@lowers(np.prod, method="prod", samples=axis_samples(Sample(np.array([2.0, 0.0, 3.0]))))
def prod(
    ctx: Ctx,
    a: AbstractValue,
    axis: AbstractValue | None = None,
    dtype: AbstractValue | None = None,
    *,
    keepdims: AbstractValue = False,
) -> AbstractValue:
    """np.prod."""
    arr = as_array(ctx, a)
    out = result_of(ctx, "prod", arr, dtype)

    def line(shape: tuple[Value, ...], element: Element) -> Value:
        one = ctx.b.const(1, out)
        return carried(ctx, shape, one, lambda b, c, i: emit(b, "mul", c, cast(b, element(b, i), out)))

    return reduce_lines(ctx, Lines(arr, axes_of(ctx, axis, arr.rank)), out, line, keepdims)


def _truth(prim: str, init: bool) -> Callable[..., AbstractValue]:
    def lower(
        ctx: Ctx, a: AbstractValue, axis: AbstractValue | None = None, *, keepdims: AbstractValue = False
    ) -> AbstractValue:
        arr = as_array(ctx, as_bool(ctx, a))

        def line(shape: tuple[Value, ...], element: Element) -> Value:
            return carried(ctx, shape, ctx.b.const(init), lambda b, c, i: emit(b, prim, c, element(b, i)))

        return reduce_lines(ctx, Lines(arr, axes_of(ctx, axis, arr.rank)), "bool", line, keepdims)

    return lower


_BOOLS = np.array([[True, False, True], [True, True, False]])
_BOOL_SAMPLES = [Sample(_BOOLS), Sample(_BOOLS, axis=0), Sample(_BOOLS, axis=1, keepdims=True), Sample(vec())]
lowers(np.any, method="any", samples=lambda: _BOOL_SAMPLES)(_truth("or", False))
lowers(np.all, method="all", samples=lambda: _BOOL_SAMPLES)(_truth("and", True))


@lowers(np.count_nonzero, samples=lambda: [*_BOOL_SAMPLES[:2], Sample(np.array([0.0, 2.0]))])
def count_nonzero(
    ctx: Ctx, a: AbstractValue, axis: AbstractValue | None = None, *, keepdims: AbstractValue = False
) -> AbstractValue:
    """np.count_nonzero."""
    return sum_(ctx, as_bool(ctx, a), axis, keepdims=keepdims)


@lowers(np.allclose, samples=lambda: [Sample(vec(), vec() + 1e-12), Sample(vec(), vec(2))])
def allclose(
    ctx: Ctx, a: AbstractValue, b: AbstractValue, rtol: AbstractValue = 1e-05, atol: AbstractValue = 1e-08
) -> AbstractValue:
    """np.allclose."""
    from .elementwise import isclose

    return _truth("and", True)(ctx, isclose(ctx, a, b, rtol, atol))


@lowers(np.array_equal, samples=lambda: [Sample(vec(), vec()), Sample(vec(), vec(2))])
def array_equal(ctx: Ctx, a1: AbstractValue, a2: AbstractValue) -> AbstractValue:
    """np.array_equal."""
    return _truth("and", True)(ctx, elementwise(ctx, "eq", a1, a2))


# -- scans
def _scan(prim: str, name: str) -> Callable[..., AbstractValue]:
    def lower(
        ctx: Ctx, a: AbstractValue, axis: AbstractValue | None = None, dtype: AbstractValue | None = None
    ) -> AbstractValue:
        from .shape import ravel

        arr = as_array(ctx, a)
        if axis is None and arr.rank != 1:
            arr, axis = ravel(ctx, arr), 0
        out_dtype = result_of(ctx, name, arr, dtype)
        lines = Lines(arr, axes_of(ctx, 0 if axis is None else axis, arr.rank))
        if len(lines.axes) != 1:
            raise ctx.error(f"np.{name} works along one axis")
        out = ctx.fresh(arr.shape, out_dtype)
        ref = out.memory.ref  # type: ignore[union-attr]
        init = ctx.b.const(0 if prim == "add" else 1, out_dtype)

        def whole_line(b: Builder, outer: Index) -> None:
            element = lines.element(outer)

            def step(b: Builder, c: Value, i: Index) -> Value:
                new = emit(b, prim, c, cast(b, element(b, i), out_dtype))
                place = list(outer)
                place.insert(lines.axes[0], i[0])
                b.store(ref, tuple(place), new)
                return new

            carried(ctx, lines.shape(lines.axes), init, step)

        nest(ctx, lines.shape(lines.kept), whole_line)
        return out

    return lower


_SCANS = lambda: [  # noqa: E731
    Sample(vec()), Sample(mat()), Sample(mat(), axis=0), Sample(cube(), axis=1), Sample(np.arange(4)),
    Sample(np.array([2.0, 0.0, 3.0])), Sample(np.array([True, True])),
]  # fmt: skip
lowers(np.cumsum, method="cumsum", samples=_SCANS)(_scan("add", "cumsum"))
lowers(np.cumprod, method="cumprod", samples=_SCANS)(_scan("mul", "cumprod"))


# -- without NaN
def _without_nan(ctx: Ctx, a: AbstractValue) -> tuple[Arr, AbstractValue]:
    arr = as_array(ctx, a)
    arr = arr if arr.cheap else materialise(ctx, arr)
    missing = elementwise(ctx, "isnan", arr)
    return arr, missing


_HOLES = np.array([[1.0, np.nan, 2.0], [0.5, 4.0, np.nan]])


@lowers(np.nansum, samples=lambda: [Sample(_HOLES), Sample(_HOLES, axis=0)])
def nansum(
    ctx: Ctx, a: AbstractValue, axis: AbstractValue | None = None, *, keepdims: AbstractValue = False
) -> AbstractValue:
    """np.nansum."""
    arr, missing = _without_nan(ctx, a)
    zero: Any = Num(ctx.b.const(0, arr.dtype))
    return sum_(ctx, where(ctx, missing, zero, arr), axis, keepdims=keepdims)


@lowers(np.nanmean, samples=lambda: [Sample(_HOLES), Sample(_HOLES, axis=1)])
def nanmean(
    ctx: Ctx, a: AbstractValue, axis: AbstractValue | None = None, *, keepdims: AbstractValue = False
) -> AbstractValue:
    """np.nanmean."""
    arr, missing = _without_nan(ctx, a)
    present = sum_(ctx, elementwise(ctx, "not", missing), axis, keepdims=keepdims)
    count = elementwise(ctx, "mul", present, Num(ctx.b.const(1, arr.dtype)))
    from .core import cast_to

    return strong(
        elementwise(ctx, "div", nansum(ctx, arr, axis, keepdims=keepdims), cast_to(ctx, count, arr.dtype))
    )
