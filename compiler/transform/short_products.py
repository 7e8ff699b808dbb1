"""Products of a vector with a few rows or columns, in a loop, are loops themselves.

Before, in a loop, if `w` has two columns and `v` two rows::

    t: f64[:] = call dot(w, y)
    …
    r: f64[:] = call dot(v, h)

After::

    t: f64[:] = empty(n)
    y0: f64 = y[0]
    y1: f64 = y[1]
    for i in range(0, n, 1) {
        t[i] = w[i, 0] * y0 + w[i, 1] * y1
    }
    …
    r: f64[:] = empty(2)
    for j in range(0, n, 1) carry (r0: f64 = 0.0, r1: f64 = 0.0) {
        h_j: f64 = h[j]
        yield r0 + v[0, j] * h_j, r1 + v[1, j] * h_j
    } -> r0_1, r1_1
    r[0] = r0_1
    r[1] = r1_1

The loops fuse with what makes the vector and with what reads the product, and so do their adjoints, while a
call needs all of its operands in memory. The library is no faster: there is as much to load as to compute.
Only for lengths that are known when compiling, which are those of small arrays and what is supposed of
arguments.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial, reduce

from ..analysis.facts import pinned_lengths
from ..analysis.lengths import source_axis
from ..ir.build import Builder
from ..ir.nodes import Alloc, Call, Const, Function, Loop, Op, Region, Value
from ..ir.types import INT, Scalar, is_float
from ..ir.walk import rewrite, walk
from ..prims.libcall import each
from ..prims.prim import emit

FEW = 4
"""The most rows, or columns, that are few."""


def short_products(fn: Function) -> Function:
    """Write out products in loops; the function itself where there are none."""
    found = {
        id(op)
        for loop in walk(fn.body)
        if isinstance(loop, Loop)
        for op in walk(loop.regions[-1])
        if _is_product(op)
    }
    if not found:
        return fn
    known = _Known(fn)
    return Function(fn.name, rewrite(fn.body, lambda op: known.loops(op) if id(op) in found else None))


def _is_product(op: Op) -> bool:
    """Whether an op multiplies a real matrix and a vector."""
    if not isinstance(op, Call) or op.name != "dot":
        return False
    return [a.rank for a in op.args] == [2, 1] and is_float(op.out.dtype)


class _Known:
    """Lengths that are literals, or that a check at the top of the function compares with one."""

    def __init__(self, fn: Function) -> None:
        self._definition: Mapping[Value, Op] = {out: op for op in walk(fn.body) for out in op.outs}
        self._checked = pinned_lengths(fn.body.ops, self._definition)

    def loops(self, op: Op) -> list[Op] | None:
        """The loops that stand for a product with few columns or rows."""
        matrix, vector = op.args
        rows = self._length(matrix, 0)
        columns = self._length(matrix, 1) or self._length(vector, 0)
        if 0 < columns <= FEW:
            return _over_rows(op, columns)
        return _over_columns(op, rows) if 0 < rows <= FEW else None

    def _length(self, array: Value, axis: int) -> int:
        """The length of an axis; 0 if it is not known."""
        length = source_axis(self._definition, array, axis)
        if not isinstance(length, Value):
            return self._checked.get(length, 0)
        op = self._definition.get(length)
        return int(op.value) if isinstance(op, Const) else 0


def _over_rows(op: Op, columns: int) -> list[Op]:
    """Each element as one expression of the few elements of the vector."""
    b = Builder(Region(()))
    b.src = op.src
    matrix, vector = op.args
    rows = b.dim(matrix, 0)
    b.add(Alloc((rows,), op.outs, (), ("empty",), op.src))
    elements = [b.load(vector, (b.int(j),)) for j in range(columns)]

    def store(index: tuple[Value, ...]) -> None:
        terms = [emit(b, "mul", b.load(matrix, (*index, b.int(j))), v) for j, v in enumerate(elements)]
        b.store(op.outs[0], index, reduce(partial(emit, b, "add"), terms))

    each(b, [rows], store)
    return b.region.ops


def _over_columns(op: Op, rows: int) -> list[Op]:
    """The sums of the few rows side by side."""
    b = Builder(Region(()))
    b.src = op.src
    matrix, vector = op.args
    (out,) = op.outs
    b.add(Alloc((b.int(rows),), op.outs, (), ("empty",), op.src))
    j, totals = Value(INT, "j"), [Value(Scalar(out.dtype), out.name) for _ in range(rows)]
    b.open([j, *totals])
    element = b.load(vector, (j,))
    terms = [emit(b, "mul", b.load(matrix, (b.int(i), j)), element) for i in range(rows)]
    body = b.close([emit(b, "add", total, term) for total, term in zip(totals, terms, strict=True)])
    sums = b.for_(b.int(0), b.dim(matrix, 1), b.int(1), [b.const(0, out.dtype)] * rows, body)
    for i, total in enumerate(sums):
        b.store(out, (b.int(i),), total)
    return b.region.ops
