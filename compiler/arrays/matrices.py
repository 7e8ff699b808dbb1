"""Matrices with structure: the identity, diagonals, triangles, powers of a vector."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from ..ir.build import Builder
from ..ir.nodes import Value
from ..prims.prim import emit
from .core import (
    Ctx,
    as_array,
    as_index,
    assign,
    dtype_name,
    elementwise,
    nest,
    remap,
    static,
)
from .creation import filled
from .indexing import nonzero
from .joining import column_stack
from .reduce import sum_
from .registry import Sample, cube, lowers, mat, vec
from .shape import one_axis, permute
from .value import AbstractValue, Arr, Index, Known, Num, Tup


@lowers(np.eye, samples=lambda: [Sample(3), Sample(2, 3), Sample(3, k=1), Sample(3, 4, -1, dtype=np.float32)])
def eye(
    ctx: Ctx,
    N: AbstractValue,
    M: AbstractValue | None = None,
    k: AbstractValue = 0,
    dtype: AbstractValue | None = None,
) -> AbstractValue:
    """np.eye."""
    rows = as_index(ctx, N)
    shape = (rows, rows if M is None else as_index(ctx, M))
    name = dtype_name(ctx, dtype) or "float64"
    out = filled(ctx, shape, name, ctx.b.const(0, name))
    assign(ctx, diagonal_view(ctx, out, static(ctx, k, "k")), Num(ctx.b.const(1, name)))
    return out


@lowers(np.identity, samples=lambda: [Sample(3), Sample(2, dtype=int)])
def identity(ctx: Ctx, n: AbstractValue, dtype: AbstractValue | None = None) -> AbstractValue:
    """np.identity."""
    return eye(ctx, n, dtype=dtype)


def diagonal_view(ctx: Ctx, arr: Arr, k: int, axes: tuple[int, int] = (0, 1)) -> Arr:
    """The diagonal of two axes as the last axis, writeable if arr is."""
    b = ctx.b
    rest = tuple(a for a in range(arr.rank) if a not in axes)
    moved = permute(arr, (*rest, *axes))
    rows, columns = moved.shape[-2:]
    below, right = b.int(max(-k, 0)), b.int(max(k, 0))
    spare = [emit(b, "sub", n, s) for n, s in ((rows, below), (columns, right))]
    length = emit(b, "pymin", *spare)
    length = length if k == 0 else emit(b, "pymax", length, b.int(0))
    ctx.nonneg.add(length)

    def fn(b: Builder, index: Index) -> Index:
        return (*index[:-1], emit(b, "add", index[-1], below), emit(b, "add", index[-1], right))

    return remap(moved, (*moved.shape[:-2], length), fn, ("diagonal", k))


@lowers(
    np.diagonal,
    method="diagonal",
    samples=lambda: [Sample(mat()), Sample(mat(), 1), Sample(mat(), -1), Sample(cube(), 0, 1, 2)],
)
def diagonal(
    ctx: Ctx,
    a: AbstractValue,
    offset: AbstractValue = 0,
    axis1: AbstractValue = 0,
    axis2: AbstractValue = 1,
) -> AbstractValue:
    """np.diagonal."""
    arr = as_array(ctx, a)
    axes = (one_axis(ctx, axis1, arr.rank), one_axis(ctx, axis2, arr.rank))
    return replace(diagonal_view(ctx, arr, static(ctx, offset, "offset"), axes), writeable=False)


@lowers(np.diag, samples=lambda: [Sample(mat()), Sample(vec()), Sample(vec(), 1), Sample(mat(), -1)])
def diag(ctx: Ctx, v: AbstractValue, k: AbstractValue = 0) -> AbstractValue:
    """np.diag."""
    arr, offset = as_array(ctx, v), static(ctx, k, "k")
    if arr.rank != 1:
        return diagonal(ctx, arr, offset)
    n = emit(ctx.b, "add", arr.shape[0], ctx.b.int(abs(offset)))
    out = ctx.fresh((n, n), arr.dtype, "zeros")
    b, ref = ctx.b, out.memory.ref  # type: ignore[union-attr]
    below, right = b.int(max(-offset, 0)), b.int(max(offset, 0))

    def put(b: Builder, index: Index) -> None:
        place = (emit(b, "add", index[0], below), emit(b, "add", index[0], right))
        b.store(ref, place, arr.at(b, index))

    nest(ctx, arr.shape, put)
    return out


@lowers(np.fill_diagonal, samples=list)
def fill_diagonal(ctx: Ctx, a: AbstractValue, val: AbstractValue) -> AbstractValue:
    """np.fill_diagonal."""
    arr = as_array(ctx, a)
    if arr.rank != 2:
        raise ctx.no_rule("np.fill_diagonal of an array that is not a matrix is not supported")
    assign(ctx, diagonal_view(ctx, arr, 0), val)
    return Known(None)


def _triangle(lower_part: bool) -> Any:
    def lower(ctx: Ctx, m: AbstractValue, k: AbstractValue = 0) -> AbstractValue:
        arr = as_array(ctx, m)
        shift = as_index(ctx, k)

        def keep(b: Builder, index: Index) -> Value:
            edge = emit(b, "add", index[-2], shift)
            cond = emit(b, "le" if lower_part else "ge", index[-1], edge)
            return emit(b, "select", cond, arr.at(b, index), b.const(0, arr.dtype))

        return Arr(arr.dtype, arr.shape, keep, cheap=False, reads=arr.reads, writeable=False, steps=None)

    return lower


_MATRICES = lambda: [Sample(mat()), Sample(mat(), 1), Sample(mat(), k=-1), Sample(cube())]  # noqa: E731
lowers(np.tril, samples=_MATRICES)(_triangle(True))
lowers(np.triu, samples=_MATRICES)(_triangle(False))


@lowers(
    np.trace,
    method="trace",
    samples=lambda: [Sample(mat()), Sample(mat(), 1), Sample(np.arange(9).reshape(3, 3))],
)
def trace(ctx: Ctx, a: AbstractValue, offset: AbstractValue = 0) -> AbstractValue:
    """np.trace."""
    arr = as_array(ctx, a)
    if arr.rank != 2:
        raise ctx.no_rule("np.trace of an array that is not a matrix is not supported")
    return sum_(ctx, diagonal_view(ctx, arr, static(ctx, offset, "offset")))


@lowers(np.vander, samples=lambda: [Sample(vec(), 3), Sample(vec(), 3, increasing=True)])
def vander(ctx: Ctx, x: AbstractValue, N: AbstractValue, increasing: AbstractValue = False) -> AbstractValue:
    """np.vander."""
    arr, count = as_array(ctx, x), static(ctx, N, "N")
    columns = [elementwise(ctx, "pow", arr, Known(k)) for k in range(count)]
    return column_stack(ctx, Tup(tuple(columns if static(ctx, increasing) else columns[::-1])))


@lowers(np.tri, samples=lambda: [Sample(3), Sample(2, 4, 1), Sample(3, k=-1, dtype=int)])
def tri(
    ctx: Ctx,
    N: AbstractValue,
    M: AbstractValue | None = None,
    k: AbstractValue = 0,
    dtype: AbstractValue | None = None,
) -> Arr:
    """np.tri."""
    name = dtype_name(ctx, dtype) or "float64"
    rows = as_index(ctx, N)
    ones = filled(ctx, (rows, rows if M is None else as_index(ctx, M)), name, ctx.b.const(1, name))
    return as_array(ctx, _triangle(True)(ctx, ones, k))


def _places(lower_part: bool) -> Any:
    def lower(ctx: Ctx, n: AbstractValue, k: AbstractValue = 0, m: AbstractValue | None = None) -> Tup:
        rows = as_index(ctx, n)
        shape = (rows, rows if m is None else as_index(ctx, m))
        ones = filled(ctx, shape, "bool", ctx.b.const(True))
        return Tup(nonzero(ctx, as_array(ctx, _triangle(lower_part)(ctx, ones, k))))

    return lower


lowers(np.tril_indices, samples=lambda: [Sample(3), Sample(3, -1), Sample(2, 0, 4)])(_places(True))
lowers(np.triu_indices, samples=lambda: [Sample(3), Sample(3, 1), Sample(2, 0, 4)])(_places(False))
