"""Loop-invariant code motion: what is the same in every iteration is computed before the loop.

Before::

    for i in range(0, n, 1) carry (s: f64 = 0.0) {
        t: f64 = exp(x)
        m: i64 = a.shape[0]
        ...

After::

    t: f64 = exp(x)
    m: i64 = a.shape[0]
    for i in range(0, n, 1) carry (s: f64 = 0.0) {
        ...

Only pure scalar ops move, so loads stay: in a loop of no trips they could be out of range. Integer
division moves when its divisor is a literal other than zero. Out of a branch only literals and lengths go
up, since nothing else is worth computing where it may not be needed.
"""

from __future__ import annotations

from ..ir.effects import may_raise
from ..ir.nodes import Const, Dim, Function, If, Loop, Op, Region, Undef, Value
from ..ir.walk import defined


def licm(fn: Function) -> Function:
    """Move invariant pure ops out of loops, and literals and lengths out of branches."""
    return Function(fn.name, _Mover().region(fn.body))


class _Mover:
    """Literals seen so far; moves from the inside outwards."""

    def __init__(self) -> None:
        self.literals: dict[Value, Const] = {}

    def region(self, region: Region) -> Region:
        ops: list[Op] = []
        for op in region.ops:
            if isinstance(op, Const):
                self.literals[op.out] = op
            ops.extend(self.op(op))
        return Region(region.params, ops, region.yields)

    def op(self, op: Op) -> list[Op]:
        """The ops that stand for an op: those that left it, and what remains of it."""
        if not op.regions:
            return [op]
        regions = [self.region(r) for r in op.regions]
        moved: list[Op] = []
        inside = {v for r in regions for v in defined(r)}
        for region in regions:
            staying = []
            for inner in region.ops:
                if self.may_leave(inner, op) and inside.isdisjoint(inner.args):
                    moved.append(inner)
                    inside.difference_update(inner.outs)
                else:
                    staying.append(inner)
            region.ops = staying
        return [*moved, op.rebuild(regions=tuple(regions))]

    def may_leave(self, inner: Op, outer: Op) -> bool:
        if isinstance(outer, If):
            return isinstance(inner, Const | Dim)
        if not isinstance(outer, Loop) or not inner.pure or isinstance(inner, Undef):
            return False
        return not may_raise(inner, self.literals)
