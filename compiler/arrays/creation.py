"""Functions that make arrays: filled, ranges, literals, copies; and what an array is."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from ..ir.build import Builder
from ..ir.nodes import Value
from ..ir.types import is_integer
from ..prims.prim import Sym, cast, emit
from .core import (
    Ctx,
    as_array,
    as_index,
    as_tup,
    assign,
    cast_to,
    copy,
    dtype_name,
    elementwise,
    from_nest,
    in_layout_of,
    is_contiguous,
    lift,
    nest,
    remap,
    static,
    to_value,
    zip_map,
)
from .promotion import result_dtype
from .registry import Sample, attribute, lowers, mat, values, vec
from .shape import lengths, one_axis, ravel
from .value import AbstractValue, Arr, Index, Known, Num, Tup, of_memory


def filled(ctx: Ctx, shape: tuple[Value, ...], dtype: str, value: Value | None) -> Arr:
    """A fresh array: uninitialised, zeros, or a value."""
    ctx.nonneg.update(shape)
    if value is None:
        return ctx.fresh(shape, dtype)
    if ctx.b.const_of(value) == 0:
        return ctx.fresh(shape, dtype, "zeros")
    out = ctx.fresh(shape, dtype)
    ref = out.memory.ref  # type: ignore[union-attr]
    nest(ctx, shape, lambda b, index: b.store(ref, index, value))
    return out


def _constant(number: int | None) -> Any:
    def lower(ctx: Ctx, shape: AbstractValue, dtype: AbstractValue | None = None) -> AbstractValue:
        name = dtype_name(ctx, dtype) or "float64"
        return filled(ctx, lengths(ctx, shape), name, None if number is None else ctx.b.const(number, name))

    return lower


def _constant_like(number: int | None) -> Any:
    def lower(
        ctx: Ctx, a: AbstractValue, dtype: AbstractValue | None = None, *, shape: AbstractValue | None = None
    ) -> AbstractValue:
        arr = as_array(ctx, a)
        name = dtype_name(ctx, dtype) or arr.dtype
        dims = arr.shape if shape is None else lengths(ctx, shape)
        made = filled(ctx, dims, name, None if number is None else ctx.b.const(number, name))
        return in_layout_of(made, arr)

    return lower


lowers(np.zeros, samples=lambda: [Sample(3), Sample((2, 3), dtype=np.float32), Sample((2,), int)])(
    _constant(0)
)
lowers(np.ones, samples=lambda: [Sample(3), Sample((2, 3), dtype=bool)])(_constant(1))
lowers(np.empty, samples=lambda: [Sample((0, 3))])(_constant(None))
lowers(np.zeros_like, samples=lambda: [Sample(mat()), Sample(np.arange(3)), Sample(mat(), dtype=int)])(
    _constant_like(0)
)
lowers(np.ones_like, samples=lambda: [Sample(mat()), Sample(vec().astype("float32"))])(_constant_like(1))
lowers(np.empty_like, samples=lambda: [Sample(values(0, 2))])(_constant_like(None))


@lowers(np.full, samples=lambda: [Sample(3, 2.5), Sample((2, 2), 1), Sample(2, 1, dtype=float)])
def full(
    ctx: Ctx, shape: AbstractValue, fill_value: AbstractValue, dtype: AbstractValue | None = None
) -> AbstractValue:
    """np.full."""
    value = lift(ctx, fill_value)
    name = dtype_name(ctx, dtype) or value.dtype
    if isinstance(value, Arr) and value.rank:
        out = filled(ctx, lengths(ctx, shape), name, None)
        assign(ctx, out, value)
        return out
    return filled(ctx, lengths(ctx, shape), name, to_value(ctx, value, name))


@lowers(np.full_like, samples=lambda: [Sample(mat(), 2.5), Sample(np.arange(3), 7)])
def full_like(
    ctx: Ctx, a: AbstractValue, fill_value: AbstractValue, dtype: AbstractValue | None = None
) -> AbstractValue:
    """np.full_like."""
    arr = as_array(ctx, a)
    name = dtype_name(ctx, dtype) or arr.dtype
    return in_layout_of(filled(ctx, arr.shape, name, to_value(ctx, fill_value, name)), arr)


@lowers(
    np.array,
    samples=lambda: [
        Sample((1.0, 2.0)), Sample(((1, 2), (3, 4))), Sample((1, 2.5), dtype=np.float32), Sample(vec()),
        Sample((vec(), vec(2))), Sample(2.0),
    ],
)  # fmt: skip
def array(
    ctx: Ctx, object: AbstractValue, dtype: AbstractValue | None = None, *, copy: AbstractValue = True
) -> AbstractValue:
    """np.array."""
    name = dtype_name(ctx, dtype)
    if isinstance(object, Known) and isinstance(object.obj, tuple | list):
        object = as_tup(object.obj)
    if isinstance(object, Tup):
        return from_nest(ctx, object, name)
    if static(ctx, copy, "copy") is not True:
        return asarray(ctx, object, dtype)
    arr = as_array(ctx, object)
    return _copied(ctx, arr, name)


def _copied(ctx: Ctx, arr: Arr, dtype: str | None = None) -> Arr:
    cast_arr = arr if dtype is None else as_array(ctx, cast_to(ctx, arr, dtype))
    return in_layout_of(copy(ctx, cast_arr), arr)


def from_list(ctx: Ctx, items: Value, dtype: str | None = None) -> Arr:
    """np.array of a run-time list of scalars."""
    out = ctx.fresh((ctx.b.list_len(items),), dtype or items.dtype)
    ref = out.memory.ref  # type: ignore[union-attr]
    nest(ctx, out.shape, lambda b, i: b.store(ref, i, cast(b, b.list_get(items, i[0]), ref.dtype)))
    return out


@lowers(np.asarray, samples=lambda: [Sample(vec()), Sample((1, 2)), Sample(vec(), dtype=np.float32)])
def asarray(ctx: Ctx, a: AbstractValue, dtype: AbstractValue | None = None) -> AbstractValue:
    """np.asarray."""
    name = dtype_name(ctx, dtype)
    if not isinstance(a, Arr):
        return array(ctx, a, dtype)
    return a if name in (None, a.dtype) else _copied(ctx, a, name)


@lowers(np.ascontiguousarray, samples=lambda: [Sample(mat().T), Sample(vec())])
def ascontiguousarray(ctx: Ctx, a: AbstractValue, dtype: AbstractValue | None = None) -> AbstractValue:
    """np.ascontiguousarray: the array itself where it lies in C order, else a copy."""
    arr = as_array(ctx, asarray(ctx, a, dtype))
    if arr.memory is None or is_contiguous(ctx, arr):
        return arr
    return replace(copy(ctx, arr), writeable=arr.memory.contiguous)  # an unknown layout may be aliased


@lowers(np.asfortranarray, samples=lambda: [Sample(mat()), Sample(vec())])
def asfortranarray(ctx: Ctx, a: AbstractValue, dtype: AbstractValue | None = None) -> AbstractValue:
    """np.asfortranarray: a copy to read, as its layout decides what NumPy aliases."""
    arr = as_array(ctx, asarray(ctx, a, dtype))
    if arr.rank < 2:
        return ascontiguousarray(ctx, arr)
    made = copy(ctx, arr).memory
    assert made is not None
    return replace(of_memory(replace(made, contiguous=False)), writeable=False)


@lowers(np.copy, samples=lambda: [Sample(mat()), Sample(mat().T)])
def copy_(ctx: Ctx, a: AbstractValue) -> AbstractValue:
    """np.copy, which keeps the layout."""
    return _copied(ctx, as_array(ctx, a))


@lowers(method="copy", samples=lambda: [Sample(mat()), Sample(mat().T)])
def copy_method(ctx: Ctx, a: AbstractValue) -> AbstractValue:
    """ndarray.copy, which is in C order."""
    return copy(ctx, as_array(ctx, a))


# -- ranges
@lowers(
    np.arange,
    samples=lambda: [
        Sample(5), Sample(2, 7), Sample(7, 2, -2), Sample(5.0), Sample(0.0, 1.0, 0.3),
        Sample(3, dtype=float), Sample(-1),
    ],
)  # fmt: skip
def arange(
    ctx: Ctx,
    start: AbstractValue,
    stop: AbstractValue | None = None,
    step: AbstractValue | None = None,
    dtype: AbstractValue | None = None,
) -> AbstractValue:
    """np.arange."""
    lo, hi = (Known(0), start) if stop is None else (start, stop)
    by = Known(1) if step is None else step
    parts = [lift(ctx, p) for p in (lo, hi, by)]
    if all(is_integer(p.dtype) for p in parts):
        first, last, jump = (as_index(ctx, p) for p in parts)
        length = _int_length(ctx, first, last, jump)
        name = dtype_name(ctx, dtype) or "int64"
        work = "int64"
    else:
        work = result_dtype(ctx, *parts)
        first, last, jump = (to_value(ctx, p, work) for p in parts)
        span = Sym(ctx.b, emit(ctx.b, "sub", last, first)) / Sym(ctx.b, jump)
        count = cast(ctx.b, emit(ctx.b, "ceil", emit(ctx.b, "stop_gradient", span.value)), "int64")
        length = emit(ctx.b, "pymax", count, ctx.b.int(0))
        jump = (
            emit(ctx.b, "sub", emit(ctx.b, "add", first, jump), first) if ctx.b.const_of(first) != 0 else jump
        )
        name = dtype_name(ctx, dtype) or work

    def at(b: Builder, index: Index) -> Value:
        return cast(b, emit(b, "add", emit(b, "mul", cast(b, index[0], work), jump), first), name)

    ctx.nonneg.add(length)
    return Arr(name, (length,), at, writeable=False, steps=None)


def _int_length(ctx: Ctx, first: Value, last: Value, jump: Value) -> Value:
    b = ctx.b
    span = emit(b, "sub", last, first)
    known = b.const_of(jump)
    if known == 1:
        return emit(b, "pymax", span, b.int(0))
    if known is None:
        ctx.require(emit(b, "ne", jump, b.int(0)), "ZeroDivisionError", "division by zero")
    slack = emit(b, "sub", jump, emit(b, "select", emit(b, "gt", jump, b.int(0)), b.int(1), b.int(-1)))
    return emit(b, "pymax", emit(b, "floordiv", emit(b, "add", span, slack), jump), b.int(0))


@lowers(
    np.linspace,
    samples=lambda: [
        Sample(0.5, 2.0, 5),
        Sample(0, 1, 1),
        Sample(0.0, 1.0, 4, endpoint=False),
        Sample(1.0, 3.0),
    ],
)
def linspace(
    ctx: Ctx,
    start: AbstractValue,
    stop: AbstractValue,
    num: AbstractValue = 50,
    endpoint: AbstractValue = True,
    *,
    dtype: AbstractValue | None = None,
) -> AbstractValue:
    """np.linspace."""
    b, with_end = ctx.b, static(ctx, endpoint, "endpoint")
    parts = [lift(ctx, p) for p in (start, stop)]
    work = result_dtype(ctx, *parts, Num(b.const(1.0), True))
    first, last = (to_value(ctx, p, work) for p in parts)
    count = as_index(ctx, num)
    steps = emit(b, "sub", count, b.int(1)) if with_end else count
    width = emit(b, "sub", last, first)
    step = emit(b, "div", width, cast(b, emit(b, "pymax", steps, b.int(1)), work))
    name = dtype_name(ctx, dtype) or work

    def at(b: Builder, index: Index) -> Value:
        i = index[0]
        x = emit(b, "add", emit(b, "mul", cast(b, i, work), step), first)
        if with_end:
            ends = emit(b, "and", emit(b, "eq", i, steps), emit(b, "gt", steps, b.int(0)))
            x = emit(b, "select", ends, last, x)
        return cast(b, x, name)

    ctx.nonneg.add(count)
    return Arr(name, (count,), at, writeable=False, steps=None)


@lowers(np.logspace, samples=lambda: [Sample(0.0, 2.0, 5), Sample(0.5, 1.0, 3, endpoint=False, base=2.0)])
def logspace(
    ctx: Ctx,
    start: AbstractValue,
    stop: AbstractValue,
    num: AbstractValue = 50,
    endpoint: AbstractValue = True,
    base: AbstractValue = 10.0,
) -> AbstractValue:
    """np.logspace."""
    return elementwise(ctx, "pow", base, linspace(ctx, start, stop, num, endpoint))


@lowers(np.meshgrid, samples=lambda: [Sample(vec(), values(3)), Sample(vec(), values(3), indexing="ij")])
def meshgrid(ctx: Ctx, *xi: AbstractValue, indexing: AbstractValue = "xy") -> AbstractValue:
    """np.meshgrid."""
    order = list(range(len(xi)))
    if static(ctx, indexing, "indexing") == "xy" and len(xi) > 1:
        order[:2] = [1, 0]
    arrays = [ravel(ctx, as_array(ctx, x)) for x in xi]
    shape = tuple(arrays[k].shape[0] for k in order)

    def spread(k: int) -> Arr:
        axis = order.index(k)
        return copy(ctx, remap(arrays[k], shape, lambda b, index: (index[axis],), ("mesh", k)))

    return Tup(tuple(spread(k) for k in range(len(xi))))


# -- what an array is
def _length(ctx: Ctx, n: Value) -> AbstractValue:
    known = ctx.b.const_of(n)
    return Num(n, True) if known is None else Known(int(known))


@lowers(np.shape, samples=lambda: [Sample(mat())])
def shape(ctx: Ctx, a: AbstractValue) -> AbstractValue:
    """np.shape."""
    return Tup(tuple(_length(ctx, n) for n in as_array(ctx, a).shape))


@lowers(np.ndim, samples=lambda: [Sample(mat())])
def ndim(ctx: Ctx, a: AbstractValue) -> AbstractValue:
    """np.ndim."""
    return Known(as_array(ctx, a).rank)


@lowers(np.size, samples=lambda: [Sample(mat()), Sample(mat(), 1)])
def size(ctx: Ctx, a: AbstractValue, axis: AbstractValue | None = None) -> AbstractValue:
    """np.size."""
    from .core import size_of

    dims = as_array(ctx, a).shape
    return _length(ctx, size_of(ctx, dims) if axis is None else dims[one_axis(ctx, axis, len(dims))])


attribute("shape")(shape)
attribute("ndim")(ndim)
attribute("size")(lambda ctx, a: size(ctx, a))
attribute("dtype")(lambda ctx, a: Known(np.dtype(as_array(ctx, a).dtype)))


@attribute("flat")
def flat(ctx: Ctx, a: AbstractValue) -> AbstractValue:
    """The attribute flat."""
    raise ctx.no_rule(".flat is not supported", "use .ravel()")


@lowers(method="fill", samples=list)
def fill_(ctx: Ctx, a: AbstractValue, value: AbstractValue) -> AbstractValue:
    """ndarray.fill."""
    assign(ctx, as_array(ctx, a), to_scalar(ctx, value))
    return Known(None)


def to_scalar(ctx: Ctx, x: AbstractValue) -> Num:
    """A scalar operand as a Num."""
    return Num(to_value(ctx, x))


@lowers(method="item", samples=lambda: [Sample(values(1)), Sample(vec(), 2), Sample(mat(), 1, 2)])
def item(ctx: Ctx, a: AbstractValue, *index: AbstractValue) -> AbstractValue:
    """ndarray.item."""
    from .indexing import subscript

    arr = as_array(ctx, a)
    if not index:
        arr = ravel(ctx, arr)
        ctx.require(
            emit(ctx.b, "eq", arr.shape[0], ctx.b.int(1)),
            "ValueError",
            "can only convert an array of size 1 to a Python scalar",
        )
        index = (Known(0),)
    found = subscript(ctx, arr, [Known(i) if isinstance(i, int) else i for i in index])
    return Num(to_value(ctx, found), True)


__all__ = ["arange", "array", "asarray", "from_list", "full", "zip_map"]
