"""Neighbours on a ring become one comparison, and no remainder.

Before::

    for j in range(0, n, 1) {
        check nonzero, ZeroDivisionError          nonzero is n != 0
        t: i64 = j + 1
        k: i64 = t % n
        …

After::

    last: i64 = n - 1
    for j in range(0, n, 1) {
        t: i64 = j + 1
        c: bool = j < last
        k: i64 = t if c else 0
        …

A remainder takes as long as twenty sums, and the reverse sweep would rather load it than compute it again.
What `np.roll` reads for a shift of 1 or -1, and other ways to write the same, get this form too. A length is
not zero where a loop over it runs.
"""

from __future__ import annotations

from ..analysis.bounds import Bounds
from ..analysis.ring import Neighbour, neighbour, ring
from ..analysis.total import Sum
from ..ir.build import Builder
from ..ir.nodes import Apply, Check, For, Function, Op, Region, Value
from ..ir.types import INT
from ..ir.walk import walk


def rings(fn: Function) -> Function:
    """Rewrite neighbours on rings; the function itself where there are none."""
    if not any(isinstance(op, Apply) and op.prim in ("mod", "select") for op in walk(fn.body)):
        return fn
    pass_ = _Rings(fn.body)
    body = pass_.region(fn.body, ())
    return Function(fn.name, body) if pass_.changed else fn


class _Rings:
    def __init__(self, body: Region) -> None:
        definition = {out: op for op in walk(body) for out in op.outs}
        self._bounds = Bounds(definition, {op.index: op for op in walk(body) if isinstance(op, For)})
        self.changed = False

    def region(self, region: Region, around: tuple[Value, ...]) -> Region:
        """The region; `around` are the indices of the loops that it is in."""
        ops: list[Op] = []
        for op in region.ops:
            inner = (*around, op.index) if isinstance(op, For) else around
            if op.regions:
                op = op.rebuild(regions=tuple(self.region(r, inner) for r in op.regions))
            new = self._plain(op) if isinstance(op, Apply) else None
            if isinstance(op, Check) and any(self._nonzero(op.args[0], index) for index in around):
                new = []
            self.changed |= new is not None
            ops += [op] if new is None else new
        return Region(region.params, ops, region.yields)

    def _plain(self, op: Apply) -> list[Op] | None:
        """The canonical form of a neighbour; None for what is no neighbour, or has the form."""
        found = neighbour(op.out, self._bounds)
        if found is None or self._is_plain(op, found) or self._bounds.step(found.loop) < 0:
            return None
        b = Builder()
        b.src = op.src
        index, one = found.loop.index, b.int(1)
        last = found.length.plus(Sum((), -1)).build(b)
        if found.step < 0:
            parts = (b.apply("gt", (index, b.int(0)), "bool"), b.apply("sub", (index, one), "int64"), last)
        else:
            parts = (b.apply("lt", (index, last), "bool"), b.apply("add", (index, one), "int64"), b.int(0))
        return [*b.region.ops, Apply(parts, (op.out,), (), ("select",), op.src)]

    def _is_plain(self, op: Apply, found: Neighbour) -> bool:
        cond = self._bounds.definition.get(op.args[0])
        told = isinstance(cond, Apply) and cond.prim == ("gt" if found.step < 0 else "lt")
        return told and self._bounds.sum(op.args[1]) == Sum((found.loop.index,), found.step)

    def _nonzero(self, cond: Value, index: Value) -> bool:
        """Whether a condition says that the length of a loop's ring is not zero."""
        op, known = self._bounds.definition.get(cond), ring(index, self._bounds)
        if known is None or not isinstance(op, Apply) or op.prim != "ne" or op.args[0].type != INT:
            return False
        a, b = (self._bounds.sum(arg) for arg in op.args)
        return a == known[1] and not b.bases and b.offset == 0
