"""Drop the marks that only derivatives read, when no derivative is to be taken any more.

    m: f64 = attach(top, mean)         →    (uses of m read top; mean may be dead now)
    k: f64 = stop_gradient(x)          →    (uses of k read x)

Needs and gives verified IR. What computed the second operand of `attach` for its derivative alone is left to
dead code elimination.
"""

from __future__ import annotations

from ..ir.nodes import Apply, Function, Op, Region, Value
from ..ir.walk import rewrite, substitute

MARKS = frozenset({"attach", "stop_gradient"})


def settle(fn: Function) -> Function:
    """Replace marks by their first operand."""
    marked: dict[Value, Value] = {}

    def change(op: Op) -> list[Op] | None:
        if not isinstance(op, Apply) or op.prim not in MARKS:
            return None
        marked[op.out] = op.args[0]
        return []

    body = rewrite(fn.body, change)
    return Function(fn.name, substitute(Region(body.params, body.ops, body.yields), marked))
