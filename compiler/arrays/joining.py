"""Functions that join arrays, and np.split: fresh arrays filled piece by piece."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from ..prims.prim import emit
from .core import (
    Ctx,
    as_array,
    fill,
    static,
    unify,
)
from .indexing import basic_view
from .promotion import result_dtype
from .reduce import insert_axes
from .registry import Sample, cube, lowers, mat, values, vec
from .shape import full_range, one_axis, ravel
from .slicing import Int, Range, slice_range
from .value import AbstractValue, Arr, Known, SliceVal, Tup


def pieces(ctx: Ctx, arrays: AbstractValue) -> list[Arr]:
    """The arrays of a sequence argument."""
    if isinstance(arrays, Tup):
        return [as_array(ctx, a) for a in arrays.items]
    if isinstance(arrays, tuple | list):
        return [as_array(ctx, a) for a in arrays]
    if isinstance(arrays, Arr) and arrays.rank and (n := ctx.b.const_of(arrays.shape[0])) is not None:
        rest = [full_range(ctx, m) for m in arrays.shape[1:]]
        return [basic_view(ctx, arrays, [Int(ctx.b.int(k)), *rest]) for k in range(n)]
    raise ctx.no_rule("the arrays to join must be a tuple or list of known length")


def join(ctx: Ctx, parts: Sequence[Arr], axis: int) -> Arr:
    """The parts one after the other along an axis, in a fresh array."""
    if not parts:
        raise ctx.error("need at least one array to concatenate")
    b, first = ctx.b, parts[0]
    if any(p.rank != first.rank for p in parts):
        raise ctx.error("all the input arrays must have the same number of dimensions")
    total = b.int(0)
    for p in parts:
        total = emit(b, "add", total, p.shape[axis])
        for k in range(first.rank):
            if k != axis:
                unify(ctx, first.shape[k], p.shape[k], "all the input array dimensions must match exactly")
    shape = (*first.shape[:axis], total, *first.shape[axis + 1 :])
    out = ctx.fresh(shape, result_dtype(ctx, *parts))
    offset = b.int(0)
    for p in parts:
        item = Range(offset, p.shape[axis], b.int(1))
        items = [item if k == axis else full_range(ctx, n) for k, n in enumerate(shape)]
        fill(ctx, basic_view(ctx, out, items), p.at)
        offset = emit(b, "add", offset, p.shape[axis])
    return out


@lowers(
    np.concatenate,
    samples=lambda: [
        Sample((vec(), vec(2))), Sample((mat(), mat(5)), axis=1), Sample((mat(), mat(5)), axis=None),
        Sample((vec(), np.arange(3))),
    ],
)  # fmt: skip
def concatenate(ctx: Ctx, arrays: AbstractValue, axis: AbstractValue | None = 0) -> AbstractValue:
    """np.concatenate."""
    parts = pieces(ctx, arrays)
    if axis is None:
        return join(ctx, [ravel(ctx, p) for p in parts], 0)
    if any(not p.rank for p in parts):
        raise ctx.error("zero-dimensional arrays cannot be concatenated")
    return join(ctx, parts, one_axis(ctx, axis, parts[0].rank if parts else 1))


@lowers(
    np.stack,
    samples=lambda: [Sample((vec(), vec(2))), Sample((vec(), vec(2)), axis=-1), Sample((1.0, 2.0))],
)
def stack(ctx: Ctx, arrays: AbstractValue, axis: AbstractValue = 0) -> AbstractValue:
    """np.stack."""
    parts = pieces(ctx, arrays)
    if not parts:
        raise ctx.error("need at least one array to stack")
    k = one_axis(ctx, axis, parts[0].rank + 1)
    return join(ctx, [insert_axes(ctx, p, (k,)) for p in parts], k)


@lowers(np.atleast_1d, samples=lambda: [Sample(vec()), Sample(2.0)])
def atleast_1d(ctx: Ctx, a: AbstractValue) -> Arr:
    """np.atleast_1d."""
    arr = as_array(ctx, a)
    return arr if arr.rank else insert_axes(ctx, arr, (0,))


@lowers(np.atleast_2d, samples=lambda: [Sample(vec()), Sample(2.0), Sample(mat())])
def atleast_2d(ctx: Ctx, a: AbstractValue) -> Arr:
    """np.atleast_2d."""
    arr = atleast_1d(ctx, a)
    return arr if arr.rank > 1 else insert_axes(ctx, arr, (0,))


@lowers(np.hstack, samples=lambda: [Sample((vec(), vec(2))), Sample((mat(), mat(5))), Sample((1.0, vec()))])
def hstack(ctx: Ctx, tup: AbstractValue) -> AbstractValue:
    """np.hstack."""
    parts = [atleast_1d(ctx, p) for p in pieces(ctx, tup)]
    return join(ctx, parts, 0 if parts and parts[0].rank == 1 else 1)


@lowers(np.vstack, samples=lambda: [Sample((vec(), vec(2))), Sample((mat(), mat(5)))])
def vstack(ctx: Ctx, tup: AbstractValue) -> AbstractValue:
    """np.vstack."""
    return join(ctx, [atleast_2d(ctx, p) for p in pieces(ctx, tup)], 0)


@lowers(np.column_stack, samples=lambda: [Sample((vec(), vec(2))), Sample((mat(), mat(5)))])
def column_stack(ctx: Ctx, tup: AbstractValue) -> AbstractValue:
    """np.column_stack."""
    parts = [p if p.rank > 1 else insert_axes(ctx, atleast_1d(ctx, p), (1,)) for p in pieces(ctx, tup)]
    return join(ctx, parts, 1)


@lowers(np.append, samples=lambda: [Sample(vec(), 3.0), Sample(mat(), mat(5), axis=0), Sample(mat(), vec())])
def append(
    ctx: Ctx, arr: AbstractValue, values: AbstractValue, axis: AbstractValue | None = None
) -> AbstractValue:
    """np.append."""
    parts = [as_array(ctx, arr), as_array(ctx, values)]
    if axis is None:
        return join(ctx, [ravel(ctx, atleast_1d(ctx, p)) for p in parts], 0)
    return join(ctx, parts, one_axis(ctx, axis, parts[0].rank))


@lowers(np.split, samples=lambda: [Sample(values(6), 3), Sample(vec(), (1, 3)), Sample(cube(), 2, axis=2)])
def split(
    ctx: Ctx, ary: AbstractValue, indices_or_sections: AbstractValue, axis: AbstractValue = 0
) -> AbstractValue:
    """np.split."""
    arr, where = as_array(ctx, ary), static(ctx, indices_or_sections, "indices_or_sections")
    k, b = one_axis(ctx, axis, arr.rank), ctx.b
    if isinstance(where, int):
        n, count = arr.shape[k], b.int(where)
        ok = emit(b, "eq", emit(b, "mod", n, count), b.int(0))
        ctx.require(ok, "ValueError", "array split does not result in an equal division")
        size = emit(b, "floordiv", n, count)
        cuts = [Range(emit(b, "mul", size, b.int(i)), size, b.int(1)) for i in range(where)]
    else:
        edges: list[AbstractValue | None] = [None, *[Known(int(i)) for i in where], None]
        cuts = [slice_range(ctx, arr.shape[k], SliceVal(lo, hi)) for lo, hi in pairwise(edges)]
    items = [full_range(ctx, n) for n in arr.shape]
    return Tup(tuple(basic_view(ctx, arr, [*items[:k], cut, *items[k + 1 :]]) for cut in cuts), list)
