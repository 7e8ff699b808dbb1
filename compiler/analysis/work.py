"""How much work an iteration of a loop is, as IR: to be computed before the loop, from lengths.

for i in range(n):                  an iteration costs 60 + 4 * m additions
for j in range(m):
z = z + X[i, j] * w[j]
loss = loss + log1p(exp(z))
"""

from __future__ import annotations

from collections.abc import Mapping

from ..ir.build import Builder
from ..ir.nodes import Apply, Call, Const, Dim, For, If, Op, Region, Store, Value, While
from ..ir.walk import defined, walk
from ..prims.counting import trip_count
from ..prims.prim import PRIMS, Sym, emit

LEAST = 10
"""Additions in some body of a nest of two loops; below, memory is what takes the time."""
UNKNOWN_TRIPS = 8


def is_long(loop: For) -> bool:
    """Whether an iteration does more than touch memory."""
    inner = [op for op in walk(loop.body) if isinstance(op, For | While)]
    bodies = [loop.body, *(op.body for op in inner)]
    calls = any(isinstance(op, Call) for op in walk(loop.body))
    return calls or max(map(_static, bodies)) >= LEAST or _depth(loop) > 2


def _depth(op: Op) -> int:
    """How deep loops are nested."""
    inner = max((_depth(o) for region in op.regions for o in region.ops), default=0)
    return inner + isinstance(op, For | While)


def _static(region: Region) -> int:
    """The cost of the ops of a region, in additions, without its loops."""
    total = 0
    for op in region.ops:
        if isinstance(op, Apply):
            total += PRIMS[op.prim].cost
        elif isinstance(op, If):
            total += max(map(_static, op.regions))
        else:
            total += isinstance(op, Store) or bool(op.outs and op.args and not isinstance(op, Dim))
    return total


class Work:
    """What an iteration of a loop costs, in additions, from what is known before the loop."""

    def __init__(self, b: Builder, definition: Mapping[Value, Op], loop: For) -> None:
        self._b = b
        self._definition = definition
        self._inside = defined(loop.body)
        self._loops = {op.index: op for op in (loop, *walk(loop.body)) if isinstance(op, For)}

    def of(self, region: Region) -> Value:
        """The cost of a region."""
        b = self._b
        total = b.int(_static(region))
        for op in region.ops:
            if isinstance(op, For):
                total = emit(b, "add", total, emit(b, "mul", self._trips(op), self.of(op.body)))
            elif op.regions:
                weight = b.int(UNKNOWN_TRIPS if isinstance(op, While) else 1)
                for inner in op.regions:
                    total = emit(b, "add", total, emit(b, "mul", weight, self.of(inner)))
        return total

    def _trips(self, loop: For) -> Value:
        lo, hi, step = (self._outside(v) for v in (loop.lo, loop.hi, loop.step))
        if lo is None or hi is None or step is None:
            return self._b.int(UNKNOWN_TRIPS)
        return trip_count(self._b, lo, hi, step)

    def _outside(self, value: Value) -> Value | None:
        """An integer as it is before the loop, an index halfway; None if it is not known there."""
        if value not in self._inside:
            return value
        if value in self._loops:
            lo, hi = (self._outside(v) for v in (self._loops[value].lo, self._loops[value].hi))
            return None if lo is None or hi is None else ((Sym(self._b, lo) + Sym(self._b, hi)) // 2).value
        op = self._definition.get(value)
        if isinstance(op, Const):
            return self._b.int(op.value)
        if isinstance(op, Dim) and op.args[0] not in self._inside:
            return self._b.dim(op.args[0], op.axis)
        if isinstance(op, Apply) and op.prim in ("add", "sub", "pymin", "pymax"):
            first, second = (self._outside(a) for a in op.args)
            if first is not None and second is not None:
                return emit(self._b, op.prim, first, second)
        return None
