"""Bounds of slices that are known to hold are not applied again.

Before::

    k_1: i64 = k + 1
    low: i64 = pymin(k_1, n)
    length: i64 = n - low
    trips: i64 = pymax(length, 0)
    for i in range(0, trips, 1) {
        j: i64 = i + low
        t: f64 = x[j]
        …
    }

After::

    …
    for i in range(0, trips, 1) {
        j: i64 = i + k_1
        t: f64 = x[j]
        …
    }

The loop over x[k + 1:] runs only if k + 1 is less than n, and then the smaller of the two is k + 1. A minimum
is also dropped where the bounds of loops tell which operand it is.
"""

from __future__ import annotations

from ..analysis.bounds import Bounds
from ..analysis.structure import Structure
from ..ir.nodes import Apply, Const, For, Function, Op, Region, Value
from ..ir.types import INT
from ..ir.walk import substitute, walk


def narrow(fn: Function) -> Function:
    """Replace minima by the operand that they are; the function itself where there is none."""
    if not any(isinstance(op, Apply) and op.prim == "pymin" for op in walk(fn.body)):
        return fn
    pass_ = _Narrower(fn.body)
    body = substitute(pass_.region(fn.body), pass_.decided())
    return Function(fn.name, body) if pass_.changed else fn


class _Narrower:
    def __init__(self, body: Region) -> None:
        self._definition = Structure(body).definition
        self._bounds = Bounds(self._definition, {op.index: op for op in walk(body) if isinstance(op, For)})
        self._body = body
        self.changed = False

    def decided(self) -> dict[Value, Value]:
        """Minima that are one of their operands wherever they are computed."""
        found: dict[Value, Value] = {}
        for op in walk(self._body):
            if isinstance(op, Apply) and op.prim == "pymin" and op.out.type == INT:
                a, b = op.args
                if self._bounds.at_most(a, b):
                    found[op.out] = a
                elif self._bounds.at_most(b, a):
                    found[op.out] = b
        self.changed |= bool(found)
        return found

    def region(self, region: Region) -> Region:
        """The region with minima replaced in the bodies of loops that run only if they are known."""
        ops: list[Op] = []
        for op in region.ops:
            if op.regions:
                op = op.rebuild(regions=tuple(map(self.region, op.regions)))
            known = self._known(op) if isinstance(op, For) else None
            if known is not None:
                (body,) = op.regions
                op = op.rebuild(regions=(substitute(body, dict((known,))),))
                self.changed = True
            ops.append(op)
        return Region(region.params, ops, region.yields)

    def _known(self, loop: For) -> tuple[Value, Value] | None:
        """A minimum that is less than its other operand whenever the body runs, and its operand."""
        if self._number(loop.lo) != 0 or self._number(loop.step) != 1:
            return None
        trips = self._definition.get(loop.hi)
        if isinstance(trips, Apply) and trips.prim == "pymax" and self._number(trips.args[1]) == 0:
            trips = self._definition.get(trips.args[0])
        if not isinstance(trips, Apply) or trips.prim != "sub":
            return None
        length, low = trips.args
        least = self._definition.get(low)
        if not isinstance(least, Apply) or least.prim != "pymin" or length not in least.args:
            return None
        (start,) = [a for a in least.args if a is not length] or [length]
        used = any(low in (*op.args, *(y for r in op.regions for y in r.yields)) for op in walk(loop.body))
        return (low, start) if used else None

    def _number(self, value: Value) -> int | None:
        op = self._definition.get(value)
        return int(op.value) if isinstance(op, Const) else None
