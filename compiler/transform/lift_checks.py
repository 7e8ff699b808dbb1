"""Checks of what a loop does not change stand before it.

Before::

    for i in range(0, n, 1) {
        check fits, ValueError
        for j in range(0, m, 1) {
            …

After::

    idle: bool = n <= 0
    fine: bool = idle or fits
    check fine, ValueError
    for i in range(0, n, 1) {
        for j in range(0, m, 1) {
            …

The loop can be interchanged and fused with others then. Only what comes first in an iteration is lifted:
before it nothing may be seen from outside, raise, or touch memory. `analysis/facts.py` and
`analysis/inside.py` know what such a check says inside of the loop.
"""

from __future__ import annotations

from ..ir.build import Builder
from ..ir.effects import may_raise
from ..ir.nodes import Alloc, Check, Const, For, Function, Op, Region, Undef, Value
from ..ir.walk import defined, walk


def lift_checks(fn: Function) -> Function:
    """Move checks before loops; the function itself where there are none in loops."""
    if not any(
        isinstance(op, Check) for loop in walk(fn.body) if isinstance(loop, For) for op in walk(loop.body)
    ):
        return fn
    return Function(fn.name, _Lifter(fn.body).region(fn.body))


class _Lifter:
    def __init__(self, body: Region) -> None:
        self._literals = {op.out: op.value for op in walk(body) if isinstance(op, Const)}

    def region(self, region: Region) -> Region:
        """The region, its inner loops first: what stands before those may go on."""
        ops: list[Op] = []
        for op in region.ops:
            if op.regions:
                op = op.rebuild(regions=tuple(map(self.region, op.regions)))
            before: list[Op] = []
            if isinstance(op, For) and self._literals.get(op.step, 0) > 0:
                before, op = self._lifted(op)
            ops += [*before, op]
        return Region(region.params, ops, region.yields)

    def _lifted(self, loop: For) -> tuple[list[Op], Op]:
        """What goes before a loop, and the loop without it."""
        inside = defined(loop.body)
        before: list[Op] = []
        staying: list[Op] = []
        first = True  # nothing has been seen so far in the iteration
        for op in loop.body.ops:
            fixed = inside.isdisjoint(op.args)
            if fixed and _is_plain(op):
                before.append(op)
                inside.difference_update(op.outs)
            elif fixed and first and isinstance(op, Check):
                before += self._check(op, loop)
            else:
                staying.append(op)
                first = first and (_is_plain(op) or isinstance(op, Alloc | Undef))
        if not any(isinstance(op, Check) for op in before):
            return [], loop
        body = Region(loop.body.params, staying, loop.body.yields)
        return before, loop.rebuild(regions=(body,))

    def _check(self, check: Check, loop: For) -> list[Op]:
        """The check for a loop that has an iteration."""
        b = Builder()
        b.src = check.src
        cond: Value = b.apply("le", (loop.hi, loop.lo), "bool")
        cond = b.apply("or", (cond, check.args[0]), "bool")
        return [*b.region.ops, check.rebuild((cond, *check.args[1:]))]


def _is_plain(op: Op) -> bool:
    """Whether an op only computes numbers, and can not fail."""
    return op.pure and not may_raise(op) and not isinstance(op, Undef)
