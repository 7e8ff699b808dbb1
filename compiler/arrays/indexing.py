"""Subscripts: loads, stores and views.

Basic subscripts are index maps on the base memory: an element of `u[1:-1]` is `u[i + 1]`, no View op is
made. Integer and boolean arrays make fresh values. Slice lengths have one normal form, so that `u[1:-1]`,
`u[2:]` and `u[:-2]` have the same length value.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ..errors import UnsupportedError
from ..ir.build import Builder
from ..ir.nodes import Value
from ..ir.types import is_inexact, is_integer
from ..prims.prim import cast, emit
from .core import (
    READ_ONLY,
    READ_ONLY_HINT,
    Ctx,
    as_index,
    assign,
    broadcast_shapes,
    broadcast_to,
    cast_to,
    copy,
    elementwise,
    from_nest,
    is_one,
    lift,
    materialise,
    nest,
    nonneg,
    overlaps,
    reduce_nest,
    remap,
    touches,
)
from .promotion import result_dtype
from .slicing import NEW, Fancy, Int, Item, Range, slice_range
from .value import AbstractValue, Arr, Index, Known, Num, SliceVal, Step, Tup


# -- items
def wrap(ctx: Ctx, b: Builder, i: Value, n: Value) -> Value:
    """An index with negative ones counted from the end, checked against the length."""
    zero = b.int(0)
    if nonneg(ctx, i):
        ok = emit(b, "lt", i, n)
        wrapped = i
    else:
        known = b.const_of(i)
        if known is not None:
            wrapped = emit(b, "add", n, i)
            ok = emit(b, "ge", wrapped, zero)
        else:
            wrapped = emit(b, "select", emit(b, "lt", i, zero), emit(b, "add", i, n), i)
            ok = emit(b, "and", emit(b, "ge", wrapped, zero), emit(b, "lt", wrapped, n))
    ctx.require(ok, "IndexError", "index {0} is out of bounds for axis of length {1}", i, n)
    return wrapped


def _flat_items(items: Sequence[AbstractValue]) -> list[AbstractValue]:
    out: list[AbstractValue] = []
    for item in items:
        if isinstance(item, Tup) and item.type is tuple and len(items) == 1:
            return _flat_items(item.items)
        out.append(item)
    return out


def _width(item: AbstractValue) -> int:
    """How many source axes an item takes."""
    if isinstance(item, Known) and item.obj is None:
        return 0
    return item.rank if isinstance(item, Arr) and item.dtype == "bool" else 1


def resolve(ctx: Ctx, arr: Arr, raw: Sequence[AbstractValue]) -> list[Item]:
    """One entry for each source axis, with new axes between them."""
    items = [_literal(ctx, item) for item in _flat_items(raw)]
    dots = [k for k, item in enumerate(items) if isinstance(item, Known) and item.obj is Ellipsis]
    used = sum(_width(item) for item in items) - len(dots)
    if len(dots) > 1 or used > arr.rank:
        raise ctx.error(f"too many indices: the array has rank {arr.rank}, but {used} were indexed")
    full: list[AbstractValue] = [SliceVal()] * (arr.rank - used)
    where = dots[0] if dots else len(items)
    items[where : where + len(dots)] = full
    out: list[Item] = []
    axis = 0
    for item in items:
        out.extend(_resolve_one(ctx, arr, axis, item))
        axis += _width(item)
    return out


def _literal(ctx: Ctx, item: AbstractValue) -> AbstractValue:
    if isinstance(item, Tup):
        return from_nest(ctx, item)
    if isinstance(item, Known) and isinstance(item.obj, slice):
        parts = (item.obj.start, item.obj.stop, item.obj.step)
        return SliceVal(*(None if p is None else Known(p) for p in parts))
    if isinstance(item, Known) and isinstance(item.obj, list | tuple):
        return lift(ctx, item)
    return item


def _resolve_one(ctx: Ctx, arr: Arr, axis: int, item: AbstractValue) -> list[Item]:
    if isinstance(item, SliceVal):
        return [slice_range(ctx, arr.shape[axis], item)]
    if isinstance(item, Known) and item.obj is None:
        return [NEW]
    if isinstance(item, Arr) and item.dtype == "bool":
        for k, n in enumerate(item.shape):
            m = arr.shape[axis + k]
            ok = emit(ctx.b, "eq", n, m)
            ctx.require(ok, "IndexError", "boolean index has length {0}, but the axis has length {1}", n, m)
        return [Fancy(found, True) for found in nonzero(ctx, item)]
    if isinstance(item, Arr) and item.rank:
        if not is_integer(item.dtype):
            raise ctx.error(f"arrays used as indices must be of integer or boolean type, not {item.dtype}")
        return [Fancy(item)]
    lifted = lift(ctx, item)
    if lifted.dtype == "bool":
        raise ctx.no_rule("a single bool as an index is not supported")
    value = as_index(ctx, lifted)
    return [Int(value if arr.is_direct(axis) else wrap(ctx, ctx.b, value, arr.shape[axis]))]


def nonzero(ctx: Ctx, mask: Arr) -> tuple[Arr, ...]:
    """Per axis, the indices of the true elements: count first, then fill."""
    b = ctx.b
    mask = mask if mask.cheap else materialise(ctx, mask)

    def count(b: Builder, index: Index, carried: tuple[Value, ...]) -> tuple[Value]:
        return (emit(b, "add", carried[0], cast(b, mask.at(b, index), "int64")),)

    (total,) = reduce_nest(ctx, mask.shape, (b.int(0),), count)
    ctx.nonneg.add(total)
    found = tuple(ctx.fresh((total,), "int64") for _ in mask.shape)

    def put(b: Builder, index: Index, carried: tuple[Value, ...]) -> tuple[Value]:
        cond = mask.at(b, index)
        b.open()
        for out, i in zip(found, index, strict=True):
            b.store(out.memory.ref, carried, i)  # type: ignore[union-attr]
        then = b.close((emit(b, "add", carried[0], b.int(1)),))
        b.open()
        return (b.if_(cond, then, b.close(carried))[0],)

    reduce_nest(ctx, mask.shape, (b.int(0),), put)
    return found


# -- views
def _affine(b: Builder, i: Value, r: Range) -> Value:
    return emit(b, "add", emit(b, "mul", i, r.step), r.start)


def basic_view(ctx: Ctx, arr: Arr, items: Sequence[Item]) -> Arr:
    """The view that ints, slices and new axes select."""
    shape: list[Value] = []
    direct: list[bool] = []
    axis = 0
    for item in items:
        if item is NEW:
            shape.append(ctx.b.int(1))
            direct.append(False)
            continue
        if isinstance(item, Range):
            shape.append(item.length)
            direct.append(item.full and arr.is_direct(axis))
        axis += 1
    if all(isinstance(item, Range) and item.full for item in items):
        return arr

    def fn(b: Builder, index: Index) -> Index:
        rest = iter(index)
        out = []
        for item in items:
            if item is NEW:
                next(rest)
            elif isinstance(item, Int):
                out.append(item.value)
            elif isinstance(item, Range):
                out.append(next(rest) if item.full else _affine(b, next(rest), item))
        return tuple(out)

    return remap(arr, shape, fn, _tag(items), _view_step(ctx, items, len(shape)), direct=direct)


def _tag(items: Sequence[Item]) -> tuple[object, ...]:
    parts: list[object] = ["index"]
    for item in items:
        if isinstance(item, Int):
            parts.append(item.value)
        elif isinstance(item, Range):
            parts.append(":" if item.full else (item.start, item.step))
        else:
            parts.append("n")
    return tuple(parts)


def _view_step(ctx: Ctx, items: Sequence[Item], rank: int) -> Step:
    b = ctx.b
    spec: list[str] = []
    operands: list[Value] = []
    for item in items:
        if item is NEW:
            spec.append("n")
        elif isinstance(item, Int):
            spec.append("i")
            operands.append(item.value)
        elif isinstance(item, Range) and item.full:
            spec.append(":")
        elif isinstance(item, Range):
            spec.append("s")
            operands += _slice_operands(b, item)
    return ("slice", tuple(spec), tuple(operands), rank)


def _slice_operands(b: Builder, r: Range) -> tuple[Value, Value, Value]:
    step = b.const_of(r.step)
    if step == -1 and emit(b, "sub", r.length, b.int(1)) is r.start:
        return emit(b, "pymax", r.start, b.int(0)), b.int(-1), r.step
    start = r.start if step is not None and step > 0 else emit(b, "pymax", r.start, b.int(0))
    stop = emit(b, "add", emit(b, "mul", r.length, r.step), start)
    if step is not None and step > 0:
        return start, stop, r.step
    return start, emit(b, "pymax", stop, b.int(-1)), r.step


# -- integer and boolean arrays
def gather(ctx: Ctx, arr: Arr, items: Sequence[Item]) -> Arr:
    """Indexing by arrays as an index map; where arr is memory, the result can be stored to."""
    fancy = [k for k, item in enumerate(items) if isinstance(item, Fancy | Int)]
    arrays = [item.index for item in items if isinstance(item, Fancy)]
    shape = broadcast_shapes(ctx, *[a.shape for a in arrays])
    spread = [broadcast_to(ctx, a, shape) for a in arrays]
    rest = [
        item.length if isinstance(item, Range) else ctx.b.int(1)
        for item in items
        if isinstance(item, Range | str)
    ]
    adjacent = fancy[-1] - fancy[0] + 1 == len(fancy)
    at = fancy[0] if adjacent else 0
    if rest:
        spread = [a if a.cheap else materialise(ctx, a) for a in spread]
    axes = [k for k, item in enumerate([i for i in items if i is not NEW]) if isinstance(item, Fancy)]

    def fn(b: Builder, index: Index) -> Index:
        inner, outer = index[at : at + len(shape)], iter(index[:at] + index[at + len(shape) :])
        picks = iter(zip(spread, axes, strict=True))
        out = []
        for item in items:
            if item is NEW:
                next(outer)
            elif isinstance(item, Int):
                out.append(item.value)
            elif isinstance(item, Range):
                out.append(_affine(b, next(outer), item))
            elif isinstance(item, Fancy):
                source, axis = next(picks)
                i = cast(b, source.at(b, inner), "int64")
                out.append(i if item.safe or arr.is_direct(axis) else wrap(ctx, b, i, arr.shape[axis]))
        return tuple(out)

    dims = (*rest[:at], *shape, *rest[at:])
    view = remap(arr, dims, fn, ("fancy", object()))
    return replace(view, reads=view.reads + tuple(r for a in spread for r in a.reads))


def subscript(ctx: Ctx, arr: Arr, items: Sequence[AbstractValue]) -> Arr | Num:
    """arr[items]: a scalar, a view, or (by arrays) fresh values."""
    resolved = resolve(ctx, arr, items)
    if any(isinstance(item, Fancy) for item in resolved):
        found = gather(ctx, arr, resolved)
        return replace(found, memory=None, place=None, map_key=None, writeable=False, steps=None, direct=None)
    scalar = all(isinstance(item, Int) for item in resolved)
    if scalar and not any(isinstance(item, Known) and item.obj is Ellipsis for item in items):
        return Num(arr.at(ctx.b, tuple(item.value for item in resolved)))  # type: ignore[union-attr]
    return basic_view(ctx, arr, resolved)


# -- stores
def store(
    ctx: Ctx, arr: Arr, items: Sequence[AbstractValue], value: AbstractValue, op: str | None = None
) -> None:
    """arr[items] = value, or arr[items] op= value with a primitive such as "add"."""
    if arr.memory is None:
        raise ctx.error("this array cannot be assigned to: it is a value, not memory")
    if not arr.writeable:
        raise UnsupportedError(READ_ONLY, ctx.src, READ_ONLY_HINT)
    lifted = lift(ctx, value)
    flat = _flat_items(items)
    if len(flat) == 1 and isinstance(lifted, Num) and isinstance(flat[0], Arr) and flat[0].dtype == "bool":
        mask = flat[0]
        if mask.rank == arr.rank:
            _store_mask(ctx, arr, mask, lifted, op)
            return
    resolved = resolve(ctx, arr, flat)
    if any(isinstance(item, Fancy) for item in resolved):
        _store_fancy(ctx, arr, resolved, lifted, op)
    elif all(isinstance(item, Int) for item in resolved):
        place = tuple(item.value for item in resolved)  # type: ignore[union-attr]
        _store_scalar(ctx, arr, place, lifted, op)
    else:
        update(ctx, basic_view(ctx, arr, resolved), lifted, op)


def update(ctx: Ctx, target: Arr, value: Arr | Num, op: str | None) -> None:
    """target[...] = value, or op=."""
    if op is None:
        assign(ctx, target, value)
    elif (parts := _accumulates(ctx, target, value, op)) is not None:
        assign(ctx, target, parts, accumulate=True)
    else:
        assign(ctx, target, _updated(ctx, target, value, op))


def _accumulates(ctx: Ctx, target: Arr, value: Arr | Num, op: str) -> Arr | Num | None:
    """The addend where op= is an accumulating store without loss, else None."""
    if op not in ("add", "sub") or not is_inexact(target.dtype):
        return None
    if result_dtype(ctx, Arr(target.dtype, (), target.at), value) != target.dtype:
        return None
    value = cast_to(ctx, value, target.dtype)
    return value if op == "add" else elementwise(ctx, "neg", value)


def _updated(ctx: Ctx, target: Arr | Num, value: Arr | Num, op: str, dtype: str | None = None) -> Arr | Num:
    new = elementwise(ctx, op, target, value)
    dtype = dtype or target.dtype
    kinds = {"b": 0, "i": 1, "u": 1, "f": 2, "c": 3}
    if kinds[new.dtype[0]] > kinds[dtype[0]]:
        raise ctx.error(
            f"cannot cast the {new.dtype} result of {op} to {dtype} in place", "use a float array"
        )
    return new


def _store_scalar(ctx: Ctx, arr: Arr, index: Index, value: Arr | Num, op: str | None) -> None:
    assert arr.memory is not None and arr.place is not None
    b = ctx.b
    place = arr.place(b, index)
    if isinstance(value, Arr):
        if not all(is_one(ctx, n) for n in value.shape):
            raise ctx.error("setting an array element with a sequence")
        value = Num(value.at(b, (b.int(0),) * value.rank))
    if op is None:
        b.store(arr.memory.ref, place, cast_to(ctx, value, arr.dtype).value)  # type: ignore[union-attr]
    elif (addend := _accumulates(ctx, arr, value, op)) is not None:
        b.store(arr.memory.ref, place, addend.value, accumulate=True)  # type: ignore[union-attr]
    else:
        new = _updated(ctx, Num(b.load(arr.memory.ref, place)), value, op, arr.dtype)
        b.store(arr.memory.ref, place, cast_to(ctx, new, arr.dtype).value)  # type: ignore[union-attr]


def _store_mask(ctx: Ctx, arr: Arr, mask: Arr, value: Num, op: str | None) -> None:
    """arr[mask] op= scalar: a conditional store per element."""
    for n, m in zip(mask.shape, arr.shape, strict=True):
        ok = emit(ctx.b, "eq", n, m)
        ctx.require(ok, "IndexError", "boolean index has length {0}, but the axis has length {1}", n, m)
    if overlaps(arr, mask):
        mask = copy(ctx, mask)

    def put(b: Builder, index: Index) -> None:
        cond = mask.at(b, index)
        b.open()
        _store_scalar(ctx, arr, index, value, op)
        then = b.close()
        b.open()
        b.if_(cond, then, b.close())

    nest(ctx, arr.shape, put)


def _store_fancy(ctx: Ctx, arr: Arr, items: list[Item], value: Arr | Num, op: str | None) -> None:
    """Of repeated indices the last one counts, as in NumPy: op= computes all values from the old elements
    first."""
    safe: list[Item] = []
    for item in items:
        if isinstance(item, Fancy) and not item.safe and (op is not None or touches(arr, item.index)):
            item = Fancy(copy(ctx, item.index))
        safe.append(item)
    target = gather(ctx, arr, safe)
    if op is not None:
        value = _updated(ctx, replace(target, memory=None, place=None), value, op)
        value = copy(ctx, value) if isinstance(value, Arr) else value
    indices = tuple(r for item in safe if isinstance(item, Fancy) for r in item.index.reads)
    assign(ctx, replace(target, reads=indices), value)
