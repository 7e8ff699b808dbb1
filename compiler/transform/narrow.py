"""Bounds of slices and remainders that the bounds of loops decide.

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

A remainder of an index that leaves its axis by one, as at a periodic edge, is a choice::

    for j in range(0, n, 1) {                for j in range(0, n, 1) {
        j_1: i64 = j + 1                         j_1: i64 = j + 1
        east: i64 = j_1 % n            →         last: bool = j_1 == n
                                                 east: i64 = select(last, 0, j_1)

That is cheap enough not to be saved, and vectorises. That n is not 0 need not be checked there.
"""

from __future__ import annotations

from ..analysis.bounds import Bounds, Sum
from ..analysis.structure import Structure
from ..ir.build import Builder
from ..ir.nodes import Apply, Check, Const, For, Function, Op, Region, Value
from ..ir.types import INT
from ..ir.walk import substitute, walk


def narrow(fn: Function) -> Function:
    """Replace minima by the operand that they are, and remainders; the function itself if none is."""
    if not any(isinstance(op, Apply) and op.prim in ("pymin", "mod") for op in walk(fn.body)):
        return fn
    pass_ = _Narrower(fn.body)
    body = substitute(pass_.region(fn.body), pass_.decided())
    return Function(fn.name, body) if pass_.changed else fn


class _Narrower:
    def __init__(self, body: Region) -> None:
        self._definition = Structure(body).definition
        self._bounds = Bounds(self._definition, {op.index: op for op in walk(body) if isinstance(op, For)})
        self._body = body
        self._around: list[For] = []
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
        """The region with remainders replaced, and minima in the bodies of loops that run only if they are
        known.
        """
        ops: list[Op] = []
        for op in region.ops:
            if isinstance(op, Apply) and op.prim == "mod" and op.out.type == INT:
                ops += self._remainder(op)
                continue
            if isinstance(op, Check) and self._is_divisor(op.args[0]):
                self.changed = True
                continue
            if isinstance(op, For):
                self._around.append(op)
            if op.regions:
                op = op.rebuild(regions=tuple(map(self.region, op.regions)))
            if isinstance(op, For):
                self._around.pop()
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

    def _is_divisor(self, cond: Value) -> bool:
        """Whether a condition is n != 0, in a loop such as `for j in range(n)`."""
        op = self._definition.get(cond)
        if not isinstance(op, Apply) or op.prim != "ne" or op.args[0].type != INT:
            return False
        n, zero = map(self._bounds.sum, op.args)
        for loop in self._around if zero == Sum((), 0) else ():
            least, end = self._bounds.ends(loop) or (zero, zero)
            more = end.apart_by(n)
            if more is not None and not least.bases and least.offset >= more:
                return True
        return False

    def _remainder(self, op: Apply) -> list[Op]:
        """x % n as a choice, if x is in range(-1, n) or range(n + 1), and n surely above 0."""
        x, n = op.args
        total, length = self._bounds.sum(x), self._bounds.sum(n)
        while n in total.bases:  # (x + n) % n is x % n
            total = total.replaced(n, Sum((), 0))
        b = Builder()
        b.src = op.src
        x = x if total == self._bounds.sum(x) else total.value(b)
        self._definition.update(b.defs)  # bounds of x, and of what depends on the choice, are asked for
        least = max((low.offset for low in self._bounds.beneath(x, True) if not low.bases), default=None)
        over = [gap for high in self._bounds.beneath(x, False) if (gap := high.apart_by(length)) is not None]
        if least is None or not over or least - min(over) < 1:
            return [op]
        if least == -1 and min(over) < 0:
            kept, other = b.apply("lt", (x, b.int(0)), "bool"), length.plus(Sum((), -1)).value(b)
        elif least >= 0 and min(over) <= 0:
            kept, other = b.apply("eq", (x, n), "bool"), b.int(0)
        else:
            return [op]
        b.add(Apply((kept, other, x), op.outs, (), ("select",), op.src))
        self._definition.update(b.defs)
        self.changed = True
        return b.region.ops

    def _number(self, value: Value) -> int | None:
        op = self._definition.get(value)
        return int(op.value) if isinstance(op, Const) else None
