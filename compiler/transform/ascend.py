"""Descending loops whose iterations may run in any order become ascending.

Before::

    last: i64 = n + (-1)
    for i in range(last, (-1), (-1)) {
        t: f64 = y_bar[i]
        x_bar[i] += t
    }

After::

    last: i64 = n + (-1)
    for i in range(0, n, 1) {
        t: f64 = y_bar[i]
        x_bar[i] += t
    }

The reverse sweep of an array expression reads like the forward sweep then, and may be fused with it. An
iteration may touch what it alone touches, and add to anything; sums that are carried may be added up in
another order if `reassociate` allows it.
"""

from __future__ import annotations

from ..analysis.dependence import Dependences
from ..errors import Src
from ..ir.nodes import Apply, Const, For, Function, Op, Region, Value
from ..ir.types import INT
from ..ir.walk import walk


def ascend(
    fn: Function, *, distinct_params: bool = True, reassociate: bool = True, visible: bool = True
) -> Function:
    """Turn descending loops round; the function itself where there are none."""
    literals = {op.out: op.value for op in walk(fn.body) if isinstance(op, Const)}
    if not any(isinstance(op, For) and literals.get(op.step) == -1 for op in walk(fn.body)):
        return fn
    known = Dependences(fn, distinct_params=distinct_params, reassociate=reassociate, visible=visible)
    return Function(fn.name, _Turner(known).region(fn.body))


class _Turner:
    def __init__(self, known: Dependences) -> None:
        self.known = known

    def region(self, region: Region) -> Region:
        ops: list[Op] = []
        for op in region.ops:
            turn = isinstance(op, For) and self.known.literal(op.step) == -1 and self.known.in_any_order(op)
            if op.regions:
                op = op.rebuild(regions=tuple(self.region(r) for r in op.regions))
            if turn and isinstance(op, For):
                ops.extend(self.turned(op))
            else:
                ops.append(op)
        return Region(region.params, ops, region.yields)

    def turned(self, op: For) -> list[Op]:
        """range(a, b, -1) backwards is range(b + 1, a + 1, 1)."""
        new: list[Op] = []
        low, high = (self.after(v, new, op.src) for v in (op.hi, op.lo))
        new.append(step := Const((), (Value(INT),), (), (1,), op.src))
        return [*new, op.rebuild((low, high, step.out, *op.inits))]

    def after(self, value: Value, new: list[Op], src: Src) -> Value:
        """value + 1, by as few ops as that takes, appended to `new`."""
        root, offset = self.known.affine(value)
        number = Const((), (Value(INT),), (), (offset + 1,), src)
        if root is None:
            new.append(number)
            return number.out
        if offset == -1:
            return root
        total = Apply((root, number.out), (Value(INT),), (), ("add",), src)
        new.extend((number, total))
        return total.out
