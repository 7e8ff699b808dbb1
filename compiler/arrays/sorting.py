"""Sorting, searching, interpolation, scattered accumulation and random draws."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..ir.build import Builder
from ..ir.nodes import Value
from ..ir.types import INT, Array, Scalar, is_complex
from ..prims.prim import Sym, cast, emit
from .core import (
    Ctx,
    as_array,
    as_index,
    assign,
    cast_to,
    contiguous,
    copy,
    elementwise,
    fit,
    from_reference,
    lift,
    materialise,
    overlaps,
    remap,
    static,
    to_value,
    touches,
    zip_map,
)
from .elementwise import strong
from .fourier import along
from .indexing import gather, nonzero, resolve
from .registry import Sample, lowers, mat, values, vec
from .shape import lengths, one_axis, ravel
from .slicing import Fancy
from .value import AbstractValue, Arr, Index, Known, Num, Tup


# -- sorting
def order(ctx: Ctx, line: Arr) -> Arr:
    """The stable argsort of a line."""
    (out,) = ctx.b.call("argsort", (contiguous(ctx, line),), (Array("int64", 1),))
    return from_reference(ctx, out, line.shape, object(), True)


def _sorted_along(ctx: Ctx, a: AbstractValue, axis: AbstractValue | None, positions: bool) -> Arr:
    arr = as_array(ctx, a)
    if is_complex(arr.dtype):
        raise ctx.no_rule("sorting complex arrays is not supported")
    if axis is None:
        arr, axis = ravel(ctx, arr), -1
    arr = materialise(ctx, arr)
    k = one_axis(ctx, axis, arr.rank)

    def one(line: Arr) -> Arr:
        places = order(ctx, line)
        if positions:
            return places
        return copy(ctx, remap(line, line.shape, lambda b, i: (places.at(b, i),), ("sorted", object())))

    return along(ctx, arr, k, arr.shape[k], "int64" if positions else arr.dtype, one)


_SORTS = lambda: [Sample(vec()), Sample(mat()), Sample(mat(), axis=0), Sample(mat(), axis=None)]  # noqa: E731


@lowers(np.sort, samples=_SORTS)
def sort(ctx: Ctx, a: AbstractValue, axis: AbstractValue | None = -1) -> AbstractValue:
    """np.sort."""
    return _sorted_along(ctx, a, axis, False)


@lowers(np.argsort, method="argsort", samples=_SORTS)
def argsort(ctx: Ctx, a: AbstractValue, axis: AbstractValue | None = -1) -> AbstractValue:
    """np.argsort."""
    return _sorted_along(ctx, a, axis, True)


@lowers(method="sort", samples=list)
def sort_in_place(ctx: Ctx, a: AbstractValue, axis: AbstractValue = -1) -> AbstractValue:
    """ndarray.sort."""
    arr = as_array(ctx, a)
    assign(ctx, arr, _sorted_along(ctx, arr, axis, False))
    return Known(None)


@lowers(np.nonzero, method="nonzero", samples=lambda: [Sample(np.array([0, 3, 1])), Sample(mat() > 0)])
def nonzero_(ctx: Ctx, a: AbstractValue) -> AbstractValue:
    """np.nonzero."""
    from .elementwise import as_bool

    return Tup(nonzero(ctx, as_array(ctx, as_bool(ctx, a))))


@lowers(np.flatnonzero, samples=lambda: [Sample(mat() > 0)])
def flatnonzero(ctx: Ctx, a: AbstractValue) -> AbstractValue:
    """np.flatnonzero."""
    from .elementwise import as_bool

    return nonzero(ctx, ravel(ctx, as_array(ctx, as_bool(ctx, a))))[0]


@lowers(
    np.take,
    method="take",
    samples=lambda: [Sample(vec(), np.array([0, -1, 2])), Sample(mat(), np.array([2, 0]), axis=1)],
)
def take(
    ctx: Ctx, a: AbstractValue, indices: AbstractValue, axis: AbstractValue | None = None
) -> AbstractValue:
    """np.take."""
    from .indexing import subscript
    from .value import SliceVal

    arr = as_array(ctx, a)
    arr = ravel(ctx, arr) if axis is None else arr
    k = one_axis(ctx, 0 if axis is None else axis, arr.rank)
    return subscript(ctx, arr, [*[SliceVal()] * k, lift(ctx, indices)])


# -- searching
def _bisect(ctx: Ctx, b: Builder, a: Arr, v: Value, right: bool) -> Value:
    """How many elements of a sorted array are < v (or <= v)."""
    low, high = Value(INT, "lo"), Value(INT, "hi")
    b.open((low, high))
    cond = b.close((emit(b, "lt", low, high),))
    low, high = Value(INT, "lo"), Value(INT, "hi")
    b.open((low, high))
    middle = emit(b, "floordiv", emit(b, "add", low, high), b.int(2))
    x = emit(b, "stop_gradient", a.at(b, (middle,))) if a.dtype.startswith("float") else a.at(b, (middle,))
    before = emit(b, "le" if right else "lt", x, v)
    body = b.close(
        (
            emit(b, "select", before, emit(b, "add", middle, b.int(1)), low),
            emit(b, "select", before, high, middle),
        )
    )
    return b.while_((b.int(0), a.shape[0]), cond, body)[0]


_STEPS = np.array([0.0, 1.0, 2.0, 4.0])


@lowers(
    np.searchsorted,
    samples=lambda: [Sample(_STEPS, 1.0), Sample(_STEPS, np.array([1.5, 2.0, 9.0]), side="right")],
)
def searchsorted(ctx: Ctx, a: AbstractValue, v: AbstractValue, side: AbstractValue = "left") -> AbstractValue:
    """np.searchsorted."""
    from .promotion import result_dtype

    arr, query = as_array(ctx, a), lift(ctx, v)
    arr = arr if arr.cheap else materialise(ctx, arr)
    dtype = result_dtype(ctx, arr, query)
    keys = as_array(ctx, cast_to(ctx, arr, dtype))
    right = static(ctx, side, "side") == "right"

    def find(b: Builder, x: Value) -> Value:
        fixed = emit(b, "stop_gradient", x) if dtype.startswith("float") else x
        return _bisect(ctx, b, keys, fixed, right)

    if isinstance(query, Num) or not query.rank:
        return Num(find(ctx.b, to_value(ctx, query, dtype)))
    return copy(ctx, zip_map(ctx, query.shape, [query], [dtype], "int64", lambda b, x: find(b, x[0]), 9))


@lowers(
    np.interp,
    samples=lambda: [
        Sample(np.array([-1.0, 0.3, 1.7, 3.9, 9.0]), _STEPS, values(4)), Sample(0.7, _STEPS, values(4)),
    ],
)  # fmt: skip
def interp(ctx: Ctx, x: AbstractValue, xp: AbstractValue, fp: AbstractValue) -> AbstractValue:
    """Piecewise linear, constant outside; differentiable in all three arguments."""
    grid, heights = (as_array(ctx, cast_to(ctx, v, "float64")) for v in (xp, fp))
    grid, heights = (v if v.cheap else materialise(ctx, v) for v in (grid, heights))
    b, n = ctx.b, grid.shape[0]
    ctx.require(emit(b, "eq", n, heights.shape[0]), "ValueError", "fp and xp are not of the same length.")
    ctx.require(emit(b, "gt", n, b.int(0)), "ValueError", "array of sample points is empty")

    def one(b: Builder, x: Value) -> Value:
        count = _bisect(ctx, b, grid, emit(b, "stop_gradient", x), True)
        top = emit(b, "pymax", emit(b, "sub", n, b.int(2)), b.int(0))
        i = emit(b, "pymin", emit(b, "pymax", emit(b, "sub", count, b.int(1)), b.int(0)), top)
        j = emit(b, "pymin", emit(b, "add", i, b.int(1)), emit(b, "sub", n, b.int(1)))
        (x0, x1), (y0, y1) = ([Sym(b, v.at(b, (k,))) for k in (i, j)] for v in (grid, heights))
        inside = (y1 - y0) / (x1 - x0) * (Sym(b, x) - x0) + y0
        low = emit(b, "eq", count, b.int(0))
        high = emit(b, "ge", count, n)
        flat = emit(b, "select", low, y0.value, y1.value)
        outside = emit(b, "or", low, high)
        b.open()
        then = b.close((flat,))
        b.open()
        return b.if_(outside, then, b.close((inside.value,)))[0]

    query = lift(ctx, x)
    if isinstance(query, Num) or not query.rank:
        return Num(one(ctx.b, to_value(ctx, query, "float64")))
    return copy(ctx, zip_map(ctx, query.shape, [query], ["float64"], "float64", lambda b, v: one(b, v[0]), 9))


# -- accumulation at repeated places
@lowers(np.add.at, samples=list, name="np.add.at")
def add_at(ctx: Ctx, a: AbstractValue, indices: AbstractValue, b: AbstractValue) -> AbstractValue:
    """Repeated indices accumulate, unlike in `a[indices] += b`."""
    arr = as_array(ctx, a)
    items = resolve(
        ctx, arr, indices.items if isinstance(indices, Tup) and indices.type is tuple else [indices]
    )
    items = [
        Fancy(copy(ctx, i.index)) if isinstance(i, Fancy) and touches(arr, i.index) else i for i in items
    ]
    target = gather(ctx, arr, items)
    source = cast_to(ctx, b, arr.dtype)
    if isinstance(source, Arr):
        source = fit(ctx, source, target.shape)
        source = copy(ctx, source) if overlaps(target, source) else source
    assign(ctx, target, source, accumulate=True)
    return Known(None)


@lowers(np.bincount, samples=lambda: [Sample(np.array([0, 1, 1, 3]), minlength=4)])
def bincount(
    ctx: Ctx, x: AbstractValue, weights: AbstractValue | None = None, minlength: AbstractValue = 0
) -> AbstractValue:
    """np.bincount."""
    from .core import nest
    from .extrema import extreme

    arr = materialise(ctx, as_array(ctx, x))
    b = ctx.b
    top = to_value(ctx, extreme("maximum")(ctx, arr), "int64")
    length = emit(b, "pymax", emit(b, "add", top, b.int(1)), as_index(ctx, minlength))
    ctx.nonneg.add(length)
    values = None if weights is None else as_array(ctx, cast_to(ctx, weights, "float64"))
    out = ctx.fresh((length,), "int64" if values is None else "float64", "zeros")
    ref = out.memory.ref  # type: ignore[union-attr]

    def put(b: Builder, index: Index) -> None:
        amount = b.int(1) if values is None else values.at(b, index)
        b.store(ref, (cast(b, arr.at(b, index), "int64"),), amount, accumulate=True)

    nest(ctx, arr.shape, put)
    return out


# -- random draws: constants of the derivative
def draw(
    ctx: Ctx, name: str, args: tuple[Value, ...], size: AbstractValue | None, dtype: str = "float64"
) -> Any:
    """A library draw: a scalar without a size, else an array."""
    if size is None:
        return Num(ctx.b.call(name, args, (Scalar(dtype),))[0])
    shape = lengths(ctx, size)
    (out,) = ctx.b.call(name, (*args, *shape), (Array(dtype, len(shape)),))
    return from_reference(ctx, out, shape, object(), True)


def _scaled(ctx: Ctx, drawn: Any, scale: AbstractValue, shift: AbstractValue) -> AbstractValue:
    return strong(elementwise(ctx, "add", elementwise(ctx, "mul", drawn, scale), shift))


def _size_or_broadcast(ctx: Ctx, size: AbstractValue | None, *params: AbstractValue) -> None:
    if size is None and any(isinstance(lift(ctx, p), Arr) for p in params):
        raise ctx.no_rule("random draws with array parameters need an explicit size=")


@lowers(np.random.random, np.random.random_sample, np.random.ranf, np.random.sample)
def random(ctx: Ctx, size: AbstractValue | None = None) -> AbstractValue:
    """np.random.random, np.random.random_sample, np.random.ranf, np.random.sample."""
    return draw(ctx, "random_random", (), size)


@lowers(np.random.rand)
def rand(ctx: Ctx, *shape: AbstractValue) -> AbstractValue:
    """np.random.rand."""
    return draw(ctx, "random_random", (), Tup(shape) if shape else None)


@lowers(np.random.randn)
def randn(ctx: Ctx, *shape: AbstractValue) -> AbstractValue:
    """np.random.randn."""
    return draw(ctx, "random_normal", (), Tup(shape) if shape else None)


@lowers(np.random.standard_normal)
def standard_normal(ctx: Ctx, size: AbstractValue | None = None) -> AbstractValue:
    """np.random.standard_normal."""
    return draw(ctx, "random_normal", (), size)


@lowers(np.random.normal)
def normal(
    ctx: Ctx, loc: AbstractValue = 0.0, scale: AbstractValue = 1.0, size: AbstractValue | None = None
) -> AbstractValue:
    """np.random.normal."""
    _size_or_broadcast(ctx, size, loc, scale)
    return _scaled(ctx, draw(ctx, "random_normal", (), size), scale, loc)


@lowers(np.random.uniform)
def uniform(
    ctx: Ctx, low: AbstractValue = 0.0, high: AbstractValue = 1.0, size: AbstractValue | None = None
) -> AbstractValue:
    """np.random.uniform."""
    _size_or_broadcast(ctx, size, low, high)
    return _scaled(ctx, draw(ctx, "random_random", (), size), elementwise(ctx, "sub", high, low), low)


@lowers(np.random.exponential)
def exponential(ctx: Ctx, scale: AbstractValue = 1.0, size: AbstractValue | None = None) -> AbstractValue:
    """np.random.exponential."""
    _size_or_broadcast(ctx, size, scale)
    return _scaled(ctx, draw(ctx, "random_exponential", (), size), scale, Known(0.0))


@lowers(np.random.randint)
def randint(
    ctx: Ctx, low: AbstractValue, high: AbstractValue | None = None, size: AbstractValue | None = None
) -> AbstractValue:
    """np.random.randint."""
    lo, hi = (ctx.b.int(0), low) if high is None else (as_index(ctx, low), high)
    return draw(ctx, "random_randint", (lo, as_index(ctx, hi)), size, "int64")


@lowers(np.random.permutation)
def permutation(ctx: Ctx, x: AbstractValue) -> AbstractValue:
    """np.random.permutation."""
    n = as_index(ctx, x)
    (out,) = ctx.b.call("random_permutation", (n,), (Array("int64", 1),))
    return from_reference(ctx, out, (n,), object(), True)
