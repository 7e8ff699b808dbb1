"""Integrals, differences, polynomials and convolutions of samples."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..ir.build import Builder
from ..ir.nodes import Value
from ..ir.types import is_inexact
from ..prims.prim import cast, emit
from .core import Ctx, as_array, cast_to, elementwise, fill, lift, materialise, static, unify
from .elementwise import conj
from .indexing import basic_view
from .joining import join
from .promotion import emit_loop, result_dtype
from .reduce import carried, insert_axes, sum_
from .registry import Sample, lowers, mat, values, vec
from .shape import diff, flipped, full_range, one_axis
from .slicing import slice_range
from .value import AbstractValue, Arr, Index, Known, Num, SliceVal, Tup


def _part(ctx: Ctx, arr: Arr, axis: int, start: int | None, stop: int | None, step: int | None = None) -> Arr:
    """arr[start:stop] along an axis."""
    bounds = [None if k is None else Known(k) for k in (start, stop, step)]
    items: list[Any] = [full_range(ctx, n) for n in arr.shape]
    items[axis] = slice_range(ctx, arr.shape[axis], SliceVal(*bounds))
    return basic_view(ctx, arr, items)


def _float(ctx: Ctx, x: AbstractValue) -> Arr:
    arr = as_array(ctx, x)
    arr = as_array(ctx, arr if is_inexact(arr.dtype) else cast_to(ctx, arr, "float64"))
    return arr if arr.cheap else materialise(ctx, arr)


def _along(ctx: Ctx, line: Arr, axis: int, rank: int) -> Arr:
    """A vector as the given axis of arrays of some rank."""
    return insert_axes(ctx, line, [k for k in range(rank) if k != axis])


@lowers(
    np.trapezoid,
    samples=lambda: [
        Sample(vec()), Sample(mat(), dx=0.5, axis=0), Sample(mat(), np.array([0.0, 1.0, 1.5, 4.0])),
        Sample(values(4), values(4, seed=9)), Sample(mat(), mat(5)), Sample(np.arange(4)),
    ],
)  # fmt: skip
def trapezoid(
    ctx: Ctx,
    y: AbstractValue,
    x: AbstractValue | None = None,
    dx: AbstractValue = 1.0,
    axis: AbstractValue = -1,
) -> AbstractValue:
    """np.trapezoid."""
    arr = _float(ctx, y)
    k = one_axis(ctx, axis, arr.rank)
    width = dx
    if x is not None:
        places = _float(ctx, x)
        width = diff(ctx, places, Known(1), Known(-1 if places.rank == 1 else k))
        if places.rank == 1:
            width = _along(ctx, as_array(ctx, width), k, arr.rank)
    both = elementwise(ctx, "add", _part(ctx, arr, k, 1, None), _part(ctx, arr, k, None, -1))
    return sum_(ctx, elementwise(ctx, "mul", elementwise(ctx, "mul", width, both), Known(0.5)), Known(k))


@lowers(
    np.gradient,
    samples=lambda: [
        Sample(vec()), Sample(vec(), 0.5), Sample(values(4), np.array([0.0, 1.0, 1.5, 4.0])),
        Sample(mat()), Sample(mat(), 0.5, 2.0), Sample(mat(), 0.5, axis=1), Sample(mat(), axis=(1, 0)),
    ],
)  # fmt: skip
def gradient(
    ctx: Ctx,
    f: AbstractValue,
    *varargs: AbstractValue,
    axis: AbstractValue | None = None,
    edge_order: AbstractValue = 1,
) -> AbstractValue:
    """np.gradient, of first order at the ends."""
    if static(ctx, edge_order, "edge_order") != 1:
        raise ctx.no_rule("np.gradient with edge_order=2 is not supported")
    arr = _float(ctx, f)
    chosen = static(ctx, axis, "axis")
    axes = range(arr.rank) if chosen is None else [chosen] if isinstance(chosen, int) else chosen
    spacings = varargs or (Known(1.0),)
    if len(spacings) == 1:
        spacings = (*spacings,) * len(axes)
    if len(spacings) != len(axes):
        raise ctx.error(f"np.gradient: {len(varargs)} spacings for {len(axes)} axes")
    made = [_slope(ctx, arr, k % arr.rank, h) for k, h in zip(axes, spacings, strict=True)]
    single = arr.rank == 1 or isinstance(chosen, int)
    return made[0] if single else Tup(tuple(made))


def _slope(ctx: Ctx, arr: Arr, k: int, spacing: AbstractValue) -> Arr:
    n = arr.shape[k]
    ctx.require(
        emit(ctx.b, "ge", n, ctx.b.int(2)),
        "ValueError",
        "Shape of array too small to calculate a numerical gradient, at least 2 elements are required.",
    )
    places = lift(ctx, spacing)
    steps = as_array(ctx, diff(ctx, arr, Known(1), Known(k)))
    steps = materialise(ctx, steps)
    if isinstance(places, Num) or not places.rank:
        rises = materialise(ctx, as_array(ctx, elementwise(ctx, "div", steps, places)))
        early, late = _part(ctx, rises, k, None, -1), _part(ctx, rises, k, 1, None)
        middle = elementwise(ctx, "mul", elementwise(ctx, "add", early, late), Known(0.5))
    else:
        unify(ctx, places.shape[0], n, "np.gradient: the places do not fit the axis,")
        gaps = _along(ctx, materialise(ctx, as_array(ctx, diff(ctx, _float(ctx, places)))), k, arr.rank)
        rises = materialise(ctx, as_array(ctx, elementwise(ctx, "div", steps, gaps)))
        early, late = _part(ctx, rises, k, None, -1), _part(ctx, rises, k, 1, None)
        before, after = _part(ctx, gaps, k, None, -1), _part(ctx, gaps, k, 1, None)
        weighted = [elementwise(ctx, "mul", *pair) for pair in ((early, after), (late, before))]
        middle = elementwise(
            ctx, "div", elementwise(ctx, "add", *weighted), elementwise(ctx, "add", before, after)
        )
    ends = _part(ctx, rises, k, None, 1), _part(ctx, rises, k, -1, None)
    return join(ctx, [ends[0], as_array(ctx, middle), ends[1]], k)


@lowers(
    np.polyval,
    samples=lambda: [Sample(values(4), vec()), Sample(values(3), 0.7), Sample((1.0, -2.0, 0.5), mat())],
)
def polyval(ctx: Ctx, p: AbstractValue, x: AbstractValue) -> AbstractValue:
    """np.polyval, by Horner's rule."""
    powers, points = as_array(ctx, p), lift(ctx, x)
    powers = powers if powers.cheap else materialise(ctx, powers)
    dtype = result_dtype(ctx, powers, points)

    def at(b: Builder, point: Value) -> Value:
        def step(b: Builder, c: Value, i: Index) -> Value:
            grown = emit_loop(b, "mul", [c, point], dtype)
            return emit_loop(b, "add", [grown, cast(b, powers.at(b, i), dtype)], dtype)

        return carried(ctx, powers.shape, ctx.b.const(0, dtype), step)

    if isinstance(points, Num):
        return Num(at(ctx.b, cast(ctx.b, points.value, dtype)))
    found = points
    return fill(ctx, ctx.fresh(found.shape, dtype), lambda b, i: at(b, cast(b, found.at(b, i), dtype)))


# -- convolutions
def _samples() -> list[Sample]:
    return [
        *[Sample(vec(), values(3), mode) for mode in ("full", "valid")],
        Sample(values(3), vec(), "full"),
        Sample(np.arange(4), np.arange(3), mode="valid"),
    ]


def _convolved(ctx: Ctx, a: Arr, v: Arr, mode: str) -> Arr:
    """out[k] = Σ a[i] v[k - i], for the k that a mode keeps."""
    b, dtype = ctx.b, result_dtype(ctx, a, v)
    a, v = (x if x.cheap else materialise(ctx, x) for x in (a, v))
    n, m, one = a.shape[0], v.shape[0], b.int(1)
    for length, name in ((n, "a"), (m, "v")):
        ctx.require(emit(b, "gt", length, b.int(0)), "ValueError", f"{name} cannot be empty")
    short, long = emit(b, "pymin", n, m), emit(b, "pymax", n, m)
    rest = emit(b, "sub", short, one)
    start, length = {
        "full": (b.int(0), emit(b, "add", long, rest)),
        "same": (emit(b, "floordiv", rest, b.int(2)), long),
        "valid": (rest, emit(b, "sub", long, rest)),
    }[mode]

    def element(b: Builder, index: Index) -> Value:
        k = emit(b, "add", start, index[0])
        low = emit(b, "pymax", emit(b, "sub", emit(b, "add", k, one), m), b.int(0))
        high = emit(b, "pymin", emit(b, "add", k, one), n)

        def step(b: Builder, c: Value, i: Index) -> Value:
            at = emit(b, "add", low, i[0])
            parts = [a.at(b, (at,)), v.at(b, (emit(b, "sub", k, at),))]
            term = emit_loop(b, "mul", [cast(b, x, dtype) for x in parts], dtype)
            return emit_loop(b, "add", [c, term], dtype)

        return carried(ctx, (emit(b, "sub", high, low),), b.const(0, dtype), step)

    return fill(ctx, ctx.fresh((length,), dtype), element)


def _operands(ctx: Ctx, name: str, a: AbstractValue, v: AbstractValue) -> tuple[Arr, Arr]:
    first, second = as_array(ctx, a), as_array(ctx, v)
    if first.rank != 1 or second.rank != 1:
        raise ctx.no_rule(f"np.{name} takes two vectors")
    return first, second


def _mode(ctx: Ctx, name: str, mode: AbstractValue, known: Sequence[str]) -> str:
    chosen = static(ctx, mode, "mode")
    if chosen not in known:
        hint = f"choose from {', '.join(known)}"
        raise ctx.no_rule(f"np.{name} with mode={chosen!r} is not supported", hint)
    return str(chosen)


@lowers(
    np.convolve,
    samples=lambda: [*_samples(), Sample(vec(), values(4), "same"), Sample(values(2), vec(), "same")],
)
def convolve(ctx: Ctx, a: AbstractValue, v: AbstractValue, mode: AbstractValue = "full") -> AbstractValue:
    """np.convolve."""
    chosen = _mode(ctx, "convolve", mode, ("full", "same", "valid"))
    first, second = _operands(ctx, "convolve", a, v)
    return _convolved(ctx, first, second, chosen)


@lowers(np.correlate, samples=_samples)
def correlate(ctx: Ctx, a: AbstractValue, v: AbstractValue, mode: AbstractValue = "valid") -> AbstractValue:
    """np.correlate."""
    chosen = _mode(ctx, "correlate", mode, ("full", "valid"))
    first, second = _operands(ctx, "correlate", a, v)
    return _convolved(ctx, first, flipped(ctx, as_array(ctx, conj(ctx, second)), (0,)), chosen)
