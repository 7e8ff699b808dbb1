"""Scratch arrays lose the axes along which only one row is alive.

Before::

    saved: f64[:, :] = alloc empty(n, m)
    for i in range(0, n, 1) {
        for j in range(0, m, 1) {
            …
            saved[i, j] = t
        }
        for k in range(0, m, 1) {
            t_1: f64 = saved[i, k]
            …
        }
    }

After::

    saved: f64[:] = alloc empty(m)
    for i in range(0, n, 1) {
        for j in range(0, m, 1) {
            …
            saved[j] = t
        }
        for k in range(0, m, 1) {
            t_1: f64 = saved[k]
            …
        }
    }

No iteration reads what another has written, so the array stays in the cache, and the system need not find
pages for it. Fusing a loop of the reverse sweep with its own of the forward sweep leaves such arrays behind.
"""

from __future__ import annotations

from ..analysis.inside import Facts, Inside
from ..analysis.structure import Structure
from ..ir.axes import element_accesses
from ..ir.nodes import Alloc, Dim, For, Function, Load, Op, Region, Store, Value
from ..ir.types import Array
from ..ir.walk import defined, substitute, walk


def shrink(fn: Function) -> Function:
    """Drop axes of scratch arrays; the function itself where there are none to drop."""
    found = {
        op.out: op for op in walk(fn.body) if isinstance(op, Alloc) and op.fill == "empty" and op.out.rank > 1
    }
    if not found:
        return fn
    accesses = element_accesses(fn.body, found)
    rows = _Rows(fn.body)
    dropped = {array: axes for array in accesses if (axes := rows.axes(array, accesses[array]))}
    if not dropped:
        return fn
    replaced = {
        array: Value(Array(array.dtype, array.rank - len(axes)), array.name)
        for array, axes in dropped.items()
    }
    lengths = {
        op.out: found[op.args[0]].args[op.axis]
        for op in walk(fn.body)
        if isinstance(op, Dim) and op.args[0] in dropped
    }
    return Function(fn.name, substitute(_rebuilt(fn.body, dropped, replaced), lengths))


class _Rows:
    """Which axes are indexed by loops, one row in each iteration."""

    def __init__(self, body: Region) -> None:
        self._known = Inside(body)
        self._structure = Structure(body)
        self._loops = {op.index: op for op in walk(body) if isinstance(op, For)}

    def axes(self, array: Value, accesses: list[Load | Store]) -> tuple[int, ...]:
        """Axes with the index of one loop wherever the array is accessed; all but one at most.

        The loops between the array and its accesses must all be such: else one row is written again, or read
        later.
        """
        found = {axis: loop for axis in range(array.rank) if (loop := self._loop(array, axis, accesses))}
        home = self._structure.home[array]
        rows = set(found.values())
        axes = [
            axis
            for axis, loop in found.items()
            if rows.issuperset(self._structure.loops(loop.body, scope=home))
        ]
        return tuple(axes[: array.rank - 1])

    def _loop(self, array: Value, axis: int, accesses: list[Load | Store]) -> For | None:
        indices = {op.index[axis] for op in accesses}
        loop = self._loops.get(next(iter(indices))) if len(indices) == 1 else None
        if loop is None or loop.parallel or array in defined(loop.body):
            return None
        below = self._known.is_below(loop.index, array, axis, Facts([], {}))
        return loop if below and self._known.bounds.nonnegative(loop.index) else None


def _rebuilt(region: Region, dropped: dict[Value, tuple[int, ...]], replaced: dict[Value, Value]) -> Region:
    ops: list[Op] = []
    for op in region.ops:
        if op.regions:
            op = op.rebuild(regions=tuple(_rebuilt(r, dropped, replaced) for r in op.regions))
        if isinstance(op, Alloc) and op.out in dropped:
            kept = [axis for axis in range(op.out.rank) if axis not in dropped[op.out]]
            attrs = (op.fill, *(op.axes[axis] for axis in kept))
            op = Alloc(tuple(op.args[axis] for axis in kept), (replaced[op.out],), (), attrs, op.src)
        elif isinstance(op, Load | Store) and op.array in dropped:
            array, last = op.array, op.args[1 + op.array.rank :]
            index = (i for axis, i in enumerate(op.index) if axis not in dropped[array])
            op = op.rebuild((replaced[array], *index, *last))
        if not (isinstance(op, Dim) and op.args[0] in dropped):
            ops.append(op)
    return Region(region.params, ops, region.yields)
