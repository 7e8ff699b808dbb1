"""Functions that rearrange elements: views where NumPy gives views, copies where it copies."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..ir.build import Builder
from ..ir.nodes import Value
from ..prims.prim import emit
from .core import (
    Ctx,
    as_array,
    as_index,
    at_most_one,
    broadcast_to,
    copy,
    elementwise,
    is_contiguous,
    is_one,
    lift,
    materialise,
    nest,
    reference,
    remap,
    size_of,
    static,
    stretch,
)
from .indexing import basic_view
from .reduce import axes_of, insert_axes
from .registry import Sample, attribute, cube, lowers, mat, values, vec
from .slicing import Int, Range, slice_range
from .value import AbstractValue, Arr, Index, Known, Memory, SliceVal, Tup, of_memory


def full_range(ctx: Ctx, n: Value) -> Range:
    """The whole of an axis as an index item."""
    return Range(ctx.b.int(0), n, ctx.b.int(1), True)


def one_axis(ctx: Ctx, axis: AbstractValue, rank: int) -> int:
    """A single axis argument, non-negative."""
    (found,) = axes_of(ctx, static(ctx, axis, "axis"), rank)
    return found


def lengths(ctx: Ctx, shape: AbstractValue) -> tuple[Value, ...]:
    """A shape argument: an int or a tuple of ints, run-time ones included."""
    if isinstance(shape, Known) and isinstance(shape.obj, tuple | list):
        shape = Tup(tuple(Known(n) for n in shape.obj))
    if isinstance(shape, tuple | list):
        shape = Tup(tuple(Known(n) if isinstance(n, int) else n for n in shape))
    items = shape.items if isinstance(shape, Tup) else (shape,)
    return tuple(as_index(ctx, Known(n) if isinstance(n, int) else n) for n in items)


# -- axes
@lowers(
    np.transpose,
    method="transpose",
    samples=lambda: [Sample(mat()), Sample(cube()), Sample(cube(), (1, 0, 2)), Sample(vec())],
)
def transpose(
    ctx: Ctx, a: AbstractValue, axes: AbstractValue | None = None, *more: AbstractValue
) -> AbstractValue:
    """np.transpose."""
    arr = as_array(ctx, a)
    known = static(ctx, axes, "axes")
    if more:
        known = (known, *[static(ctx, m, "axes") for m in more])
    if known is None:
        return permute(arr, tuple(range(arr.rank))[::-1])
    perm = tuple(int(k) % max(arr.rank, 1) for k in known)
    if sorted(perm) != list(range(arr.rank)):
        raise ctx.error("axes don't match array")
    return permute(arr, perm)


def permute(arr: Arr, perm: tuple[int, ...]) -> Arr:
    """The view whose axis k is axis perm[k] of arr."""
    if perm == tuple(range(arr.rank)):
        return arr

    def fn(b: Builder, index: Index) -> Index:
        return tuple(index[perm.index(k)] for k in range(arr.rank))

    shape = [arr.shape[k] for k in perm]
    direct = [arr.is_direct(k) for k in perm]
    return remap(arr, shape, fn, ("transpose", perm), ("transpose", perm, (), arr.rank), direct=direct)


attribute("T")(lambda ctx, a: transpose(ctx, a))


@attribute("mT")
def matrix_transpose(ctx: Ctx, a: AbstractValue) -> AbstractValue:
    """The attribute mT."""
    return swapaxes(ctx, a, -1, -2)


@lowers(np.swapaxes, method="swapaxes", samples=lambda: [Sample(cube(), 0, 2), Sample(mat(), -1, 0)])
def swapaxes(ctx: Ctx, a: AbstractValue, axis1: AbstractValue, axis2: AbstractValue) -> AbstractValue:
    """np.swapaxes."""
    arr = as_array(ctx, a)
    i, k = one_axis(ctx, axis1, arr.rank), one_axis(ctx, axis2, arr.rank)
    perm = list(range(arr.rank))
    perm[i], perm[k] = k, i
    return permute(arr, tuple(perm))


@lowers(np.moveaxis, samples=lambda: [Sample(cube(), 0, -1), Sample(cube(), (0, 1), (1, 2))])
def moveaxis(ctx: Ctx, a: AbstractValue, source: AbstractValue, destination: AbstractValue) -> AbstractValue:
    """np.moveaxis."""
    arr = as_array(ctx, a)
    src, dst = (
        [k] if isinstance(k, int) else list(k) for k in (static(ctx, source), static(ctx, destination))
    )
    src, dst = [k % arr.rank for k in src], [k % arr.rank for k in dst]
    order = [k for k in range(arr.rank) if k not in src]
    for d, s in sorted(zip(dst, src, strict=True)):
        order.insert(d, s)
    return permute(arr, tuple(order))


@lowers(np.expand_dims, samples=lambda: [Sample(vec(), 0), Sample(vec(), -1), Sample(mat(), (0, 2))])
def expand_dims(ctx: Ctx, a: AbstractValue, axis: AbstractValue) -> AbstractValue:
    """np.expand_dims."""
    arr, known = as_array(ctx, a), static(ctx, axis, "axis")
    count = len(known) if isinstance(known, tuple | list) else 1
    return insert_axes(ctx, arr, axes_of(ctx, known, arr.rank + count))


@lowers(
    np.squeeze,
    method="squeeze",
    samples=lambda: [Sample(values(1, 3, 1)), Sample(values(1, 3, 1), axis=0), Sample(vec())],
)
def squeeze(ctx: Ctx, a: AbstractValue, axis: AbstractValue | None = None) -> AbstractValue:
    """np.squeeze."""
    arr = as_array(ctx, a)
    if axis is None:
        drop: tuple[int, ...] = tuple(
            k for k, n in enumerate(arr.shape) if is_one(ctx, n) or at_most_one(ctx, n)
        )
    else:
        drop = axes_of(ctx, axis, arr.rank)
    one, zero = ctx.b.int(1), ctx.b.int(0)
    for k in drop:
        ok = emit(ctx.b, "eq", arr.shape[k], one)
        message = "cannot select an axis to squeeze out which has size {0}, not equal to one"
        ctx.require(ok, "ValueError", message, arr.shape[k])
    return basic_view(
        ctx, arr, [Int(zero) if k in drop else full_range(ctx, n) for k, n in enumerate(arr.shape)]
    )


@lowers(
    np.broadcast_to, samples=lambda: [Sample(vec(), (3, 5)), Sample(values(3, 1), (3, 4)), Sample(2.0, (2,))]
)
def broadcast(ctx: Ctx, array: AbstractValue, shape: AbstractValue) -> AbstractValue:
    """np.broadcast_to."""
    arr, target = as_array(ctx, array), lengths(ctx, shape)
    if arr.rank > len(target):
        raise ctx.error("input operand has more dimensions than allowed")
    for n, m in zip(arr.shape[::-1], target[::-1], strict=False):
        stretch(ctx, n, m)
    return broadcast_to(ctx, arr, target)


# -- reshape
@lowers(
    np.reshape,
    method="reshape",
    samples=lambda: [
        Sample(mat(), (4, 3)), Sample(mat(), -1), Sample(mat()[:, 1:], (3, -1)), Sample(vec(), (5, 1)),
        Sample(cube(), (6, 4)),
    ],
)  # fmt: skip
def reshape(ctx: Ctx, a: AbstractValue, shape: AbstractValue, *more: AbstractValue) -> AbstractValue:
    """np.reshape."""
    arr = as_array(ctx, a)
    target = list(lengths(ctx, Tup((shape, *more)) if more else shape))
    total = size_of(ctx, arr.shape)
    message = "cannot reshape array of size {0} into the given shape"
    unknown = [k for k, n in enumerate(target) if ctx.b.const_of(n) == -1]
    if len(unknown) > 1:
        raise ctx.error("can only specify one unknown dimension")
    if unknown:
        rest = size_of(ctx, [n for k, n in enumerate(target) if k not in unknown])
        ok = emit(ctx.b, "eq", emit(ctx.b, "mul", emit(ctx.b, "floordiv", total, rest), rest), total)
        target[unknown[0]] = emit(ctx.b, "floordiv", total, rest)
    else:
        ok = emit(ctx.b, "eq", total, size_of(ctx, target))
    ctx.require(ok, "ValueError", message, total)
    ctx.nonneg.update(target)
    return reshaped(ctx, arr, target)


def reshaped(ctx: Ctx, arr: Arr, target: Sequence[Value]) -> Arr:
    """The elements in C order under another shape: a view of contiguous memory, else a copy as in NumPy."""
    if [n for n in arr.shape if not is_one(ctx, n)] == [n for n in target if not is_one(ctx, n)]:
        return _ones_moved(ctx, arr, target)
    if arr.memory is None:
        arr = copy(ctx, arr)
    if is_contiguous(ctx, arr):
        return _viewed(ctx, arr, target)
    # NumPy may give a view here (an axis of a strided array split in two), so writing is refused.
    fresh = _viewed(ctx, copy(ctx, arr), target)
    return fresh if arr.steps is None else _frozen(fresh)


def _frozen(arr: Arr) -> Arr:
    from dataclasses import replace

    return replace(arr, writeable=False)


def _viewed(ctx: Ctx, arr: Arr, target: Sequence[Value]) -> Arr:
    assert arr.memory is not None
    ref = ctx.b.view(reference(ctx, arr), "reshape", (), tuple(target), len(target))
    view = of_memory(Memory(ref, tuple(target), arr.memory.origin))
    return view if arr.writeable else _frozen(view)


def _ones_moved(ctx: Ctx, arr: Arr, target: Sequence[Value]) -> Arr:
    """Only axes of length 1 come and go: a view whatever the strides."""
    zero = ctx.b.int(0)
    items = [Int(zero) if is_one(ctx, n) else full_range(ctx, n) for n in arr.shape]
    dropped = basic_view(ctx, arr, items)
    return insert_axes(ctx, dropped, [k for k, n in enumerate(target) if is_one(ctx, n)])


@lowers(
    np.ravel, method="ravel", samples=lambda: [Sample(mat()), Sample(mat().T), Sample(vec()), Sample(cube())]
)
def ravel(ctx: Ctx, a: AbstractValue) -> Arr:
    """np.ravel: a view of contiguous memory, else a copy."""
    arr = as_array(ctx, a)
    if arr.rank == 1 and (arr.memory is None or is_contiguous(ctx, arr)):
        return arr
    if is_contiguous(ctx, arr):
        return _viewed(ctx, arr, (size_of(ctx, arr.shape),))
    # Memory of unknown layout may turn out contiguous, where NumPy gives a view: writing is refused.
    unsure = arr.memory is not None and not arr.memory.contiguous
    fresh = copy(ctx, arr)
    flat = fresh if arr.rank == 1 else _viewed(ctx, fresh, (size_of(ctx, arr.shape),))
    return _frozen(flat) if unsure else flat


@lowers(method="flatten", samples=lambda: [Sample(mat()), Sample(vec())])
def flatten(ctx: Ctx, a: AbstractValue) -> AbstractValue:
    """ndarray.flatten."""
    return ravel(ctx, copy(ctx, as_array(ctx, a)))


# -- repeating and moving
@lowers(
    np.tile,
    samples=lambda: [Sample(vec(), 3), Sample(mat(), (2, 2)), Sample(vec(), (2, 1)), Sample(mat(), 2)],
)
def tile(ctx: Ctx, A: AbstractValue, reps: AbstractValue) -> AbstractValue:
    """np.tile."""
    arr, times = as_array(ctx, A), list(lengths(ctx, reps))
    b = ctx.b
    times = [b.int(1)] * (arr.rank - len(times)) + times
    arr = insert_axes(ctx, arr, tuple(range(len(times) - arr.rank)))
    arr = arr if arr.cheap else materialise(ctx, arr)
    ctx.nonneg.update(times)
    out = ctx.fresh([emit(b, "mul", n, r) for n, r in zip(arr.shape, times, strict=True)], arr.dtype)
    rank, ref = arr.rank, out.memory.ref  # type: ignore[union-attr]

    def put(b: Builder, index: Index) -> None:
        again, inner = index[:rank], index[rank:]
        place = [
            emit(b, "add", emit(b, "mul", r, n), i) for r, n, i in zip(again, arr.shape, inner, strict=True)
        ]
        b.store(ref, tuple(place), arr.at(b, inner))

    nest(ctx, (*times, *arr.shape), put)
    return out


@lowers(
    np.repeat,
    method="repeat",
    samples=lambda: [Sample(vec(), 2), Sample(mat(), 2), Sample(mat(), 3, axis=1), Sample(mat(), 2, axis=0)],
)
def repeat(
    ctx: Ctx, a: AbstractValue, repeats: AbstractValue, axis: AbstractValue | None = None
) -> AbstractValue:
    """np.repeat."""
    arr = as_array(ctx, a)
    if isinstance(lift(ctx, repeats), Arr):
        raise ctx.no_rule("np.repeat with an array of counts is not supported")
    arr = ravel(ctx, arr) if axis is None else arr
    k, count = one_axis(ctx, 0 if axis is None else axis, arr.rank), as_index(ctx, repeats)
    arr = arr if arr.cheap else materialise(ctx, arr)
    ctx.nonneg.add(count)
    shape = list(arr.shape)
    shape[k] = emit(ctx.b, "mul", shape[k], count)
    out = ctx.fresh(shape, arr.dtype)
    ref = out.memory.ref  # type: ignore[union-attr]

    def put(b: Builder, index: Index) -> None:
        place = list(index[:-1])
        place[k] = emit(b, "add", emit(b, "mul", place[k], count), index[-1])
        b.store(ref, tuple(place), arr.at(b, index[:-1]))

    nest(ctx, (*arr.shape, count), put)
    return out


@lowers(
    np.roll,
    samples=lambda: [
        Sample(vec(), 1), Sample(vec(), -7), Sample(mat(), 1, axis=0), Sample(mat(), -1, axis=1),
        Sample(mat(), 5),
        Sample(mat(), (1, -1), axis=(0, 1)),
    ],
)  # fmt: skip
def roll(
    ctx: Ctx, a: AbstractValue, shift: AbstractValue, axis: AbstractValue | None = None
) -> AbstractValue:
    """np.roll."""
    arr = as_array(ctx, a)
    if axis is None and arr.rank != 1:
        flat = rolled(ctx, ravel(ctx, arr), as_index(ctx, shift), 0)
        return reshaped(ctx, flat, arr.shape)
    known = static(ctx, 0 if axis is None else axis, "axis")
    chosen = known if isinstance(known, tuple | list) else (known,)
    if isinstance(shift, Known) and isinstance(shift.obj, tuple):
        shift = Tup(tuple(Known(s) for s in shift.obj))
    shifts = shift.items if isinstance(shift, Tup) else (shift,) * len(chosen)
    for s, k in zip(shifts, chosen, strict=True):
        arr = rolled(ctx, arr, as_index(ctx, s), one_axis(ctx, k, arr.rank))
    return arr


def rolled(ctx: Ctx, arr: Arr, shift: Value, axis: int) -> Arr:
    """Delayed: element i is element i - shift, or i - shift + n where that is negative."""
    b, n = ctx.b, arr.shape[axis]
    by = emit(b, "mod", shift, emit(b, "pymax", n, b.int(1)))
    back = emit(b, "sub", n, by)

    def fn(b: Builder, index: Index) -> Index:
        i = index[axis]
        j = emit(b, "select", emit(b, "lt", i, by), emit(b, "add", i, back), emit(b, "sub", i, by))
        return (*index[:axis], j, *index[axis + 1 :])

    return _value_only(remap(arr, arr.shape, fn, ("roll", axis, by)))


def _value_only(arr: Arr) -> Arr:
    """The same elements, as a value that shares no memory."""
    from dataclasses import replace

    return replace(arr, memory=None, place=None, map_key=None, writeable=False, steps=None, direct=None)


def flipped(ctx: Ctx, arr: Arr, axes: Sequence[int]) -> Arr:
    """The view that runs backwards along some axes."""
    back = SliceVal(None, None, Known(-1))
    items = [slice_range(ctx, n, back) if k in axes else full_range(ctx, n) for k, n in enumerate(arr.shape)]
    return basic_view(ctx, arr, items)


@lowers(np.flip, samples=lambda: [Sample(vec()), Sample(mat()), Sample(mat(), 0), Sample(cube(), (0, 2))])
def flip(ctx: Ctx, m: AbstractValue, axis: AbstractValue | None = None) -> AbstractValue:
    """np.flip."""
    arr = as_array(ctx, m)
    return flipped(ctx, arr, axes_of(ctx, axis, arr.rank))


@lowers(np.fliplr, samples=lambda: [Sample(mat())])
def fliplr(ctx: Ctx, m: AbstractValue) -> AbstractValue:
    """np.fliplr."""
    return flipped(ctx, as_array(ctx, m), (1,))


@lowers(np.flipud, samples=lambda: [Sample(mat())])
def flipud(ctx: Ctx, m: AbstractValue) -> AbstractValue:
    """np.flipud."""
    return flipped(ctx, as_array(ctx, m), (0,))


@lowers(np.diff, samples=lambda: [Sample(vec()), Sample(mat(), axis=0), Sample(mat()), Sample(vec(), 2)])
def diff(ctx: Ctx, a: AbstractValue, n: AbstractValue = 1, axis: AbstractValue = -1) -> AbstractValue:
    """np.diff."""
    arr = as_array(ctx, a)
    k = one_axis(ctx, axis, arr.rank)
    items = [full_range(ctx, m) for m in arr.shape]
    for _ in range(static(ctx, n, "n")):
        arr = arr if arr.cheap else materialise(ctx, arr)
        ends = [SliceVal(Known(1)), SliceVal(None, Known(-1))]
        cuts = [slice_range(ctx, arr.shape[k], s) for s in ends]
        late, early = (basic_view(ctx, arr, [*items[:k], cut, *items[k + 1 :]]) for cut in cuts)
        arr = as_array(ctx, elementwise(ctx, "ne" if arr.dtype == "bool" else "sub", late, early))
    return arr
