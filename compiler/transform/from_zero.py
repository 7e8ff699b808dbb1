"""Innermost loops count from zero, so that LLVM drops the tests whether an index is negative.

Before::

    for a in range(b_1, d, 1) {
        k: i64 = start + a
        t: f64 = packed[k]
        y[a] += t
    }

After::

    trips: i64 = d - b_1
    for j in range(0, trips, 1) {
        a: i64 = b_1 + j
        k: i64 = k_1 + j
        t: f64 = packed[k]
        y[a] += t
    }

A negative index counts from the end of its axis, so machine code tests every index that may be negative, and
a loop with such tests runs at half its speed or has no vectors. LLVM finds that the index of Numba's
`range(lo, hi)` is not negative only where lo is a literal, and nothing about lengths; but it knows that a sum
of what is not negative is not. So an index is written as the place where the loop begins plus the number of
the iteration. A place that `analysis/bounds.py` knows not to be negative, though LLVM may not, is written as
the maximum of it and zero. So is an index that an innermost loop does not change, such as that of a
descending loop around it: one test of it makes two loops for LLVM, of which it vectorises the wrong one::

    for k in range(steps - 1, -1, -1):           for k in range(steps - 1, -1, -1):
        for i in range(n):                           k_1 = max(k, 0)
            y[i] += saved[k, i]                      for i in range(n):
                                                         y[i] += saved[k_1, i]
"""

from __future__ import annotations

from ..analysis.bounds import Bounds
from ..errors import NOWHERE, Src
from ..ir.build import Builder
from ..ir.nodes import Apply, Const, For, Function, Load, Op, Region, Store, Value
from ..ir.types import INT
from ..ir.walk import defined, substitute, walk
from ..prims.prim import Sym, emit


def from_zero(fn: Function) -> Function:
    """The function with such loops."""
    return Function(fn.name, _Counting(fn.body).region(fn.body))


class _Counting:
    def __init__(self, body: Region) -> None:
        self._definition: dict[Value, Op] = {out: op for op in walk(body) for out in op.outs}
        self._loops = {op.index: op for op in walk(body) if isinstance(op, For)}
        self._bounds = Bounds(self._definition, self._loops)
        self._doubtful = {
            v for loop in self._loops.values() if _is_innermost(loop) for v in self._fixed(loop)
        }
        self._natural: dict[Value, Value] = {}

    def region(self, region: Region) -> Region:
        """The region with its innermost loops from zero."""
        ops: list[Op] = []
        for value in region.params:
            ops += self._at_least_zero(value, NOWHERE)
        for op in region.ops:
            if op.regions:
                op = op.rebuild(regions=tuple(map(self.region, op.regions)))
            if isinstance(op, Load | Store):
                index = tuple(self._natural.get(i, i) for i in op.index)
                op = op.rebuild((op.array, *index, *op.args[1 + len(index) :]))
            ops += self._counted(op) if isinstance(op, For) and _is_innermost(op) else [op]
            for value in op.outs:
                ops += self._at_least_zero(value, op.src)
        return Region(region.params, ops, region.yields)

    def _fixed(self, loop: For) -> list[Value]:
        """Indices that a loop does not change, and that LLVM takes for negative perhaps."""
        inside = defined(loop.body)
        return [
            index
            for index in self._indices(loop)
            if index not in inside and not self._is_seen(index) and self._bounds.nonnegative(index)
        ]

    def _at_least_zero(self, value: Value, src: Src) -> list[Op]:
        """What follows the definition of a value for those who use it as an index."""
        if value not in self._doubtful:
            return []
        b = Builder()
        b.src = src
        self._natural[value] = b.apply("pymax", (value, b.int(0)), "int64", value.name)
        return b.region.ops

    def _counted(self, loop: For) -> list[Op]:
        """A loop, and before it the places where its indices begin."""
        if loop.stops or loop.parallel or self._bounds.step(loop) != 1:
            return [loop]
        before, within = (Builder(src=loop.src, defs=self._definition) for _ in range(2))
        count = Value(INT, loop.index.name)
        index = Sym(within, loop.lo) + Sym(within, count)
        index.value.name = loop.index.name
        now = {loop.index: index.value}
        useful = False
        for place in self._indices(loop):
            start = self._start(loop, place, before)
            if start is not None:
                seen = self._is_seen(start)
                useful |= not seen or not isinstance(self._definition.get(loop.lo), Const)
                start = start if seen else emit(before, "pymax", start, before.int(0))
                now[place] = (Sym(within, start) + Sym(within, count)).value
        if not useful:
            return [loop]
        body = substitute(loop.body, now)
        body = Region((count, *loop.carried), [*within.region.ops, *body.ops], body.yields)
        trips = (Sym(before, loop.hi) - Sym(before, loop.lo)).value
        made = loop.rebuild((before.int(0), trips, loop.step, *loop.inits), regions=(body,))
        return [*before.region.ops, made]

    def _indices(self, loop: For) -> list[Value]:
        found = (i for op in walk(loop.body) if isinstance(op, Load | Store) for i in op.index)
        return list(dict.fromkeys(found))

    def _start(self, loop: For, index: Value, before: Builder) -> Value | None:
        """What an index is in the first iteration, if it goes up by one and is never negative."""
        total = self._bounds.sum(index)
        if total.bases.count(loop.index) != 1 or not defined(loop.body).isdisjoint(
            base for base in total.bases if base is not loop.index
        ):
            return None
        if total == self._bounds.sum(loop.index):
            return loop.lo if self._bounds.nonnegative(loop.lo) else None
        start = total.replaced(loop.index, self._bounds.sum(loop.lo))
        for base in start.bases:
            start = (base in start.bases and self._bounds.cancelled(start, base)) or start
        place = start.build(before)
        return place if self._bounds.nonnegative(place) else None

    def _is_seen(self, value: Value) -> bool:
        """Whether LLVM finds that an integer is not negative."""
        op, loop = self._definition.get(value), self._loops.get(value)
        if loop is not None:
            return self._bounds.step(loop) > 0 and isinstance(self._definition.get(loop.lo), Const)
        if isinstance(op, Const):
            return bool(op.value >= 0)
        if not isinstance(op, Apply):
            return False
        if op.prim in ("add", "mul"):
            return all(map(self._is_seen, op.args))
        return op.prim == "pymax" and any(map(self._is_seen, op.args))


def _is_innermost(loop: For) -> bool:
    return not any(isinstance(op, For) for op in walk(loop.body))
