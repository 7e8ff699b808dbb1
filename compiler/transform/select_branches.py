"""Branches that only choose between numbers become a select: one value, that the reverse sweep can compute
again.

    if c {
        t: i64 = i + 1
        yield t                    t: i64 = i + 1
    } else {                  →    k: i64 = select(c, t, 0)
        yield 0
    } -> k: i64

Needs and gives verified IR. The branches may compute a few integers and truth values without dividing; a
float that a branch computes stays there, where neither its cost nor a derivative like 0·inf leaks from the
branch not taken.
"""

from __future__ import annotations

from ..ir.nodes import Apply, Const, Dim, Function, If, Op, Region
from ..ir.types import Scalar, is_inexact_scalar
from ..ir.walk import rewrite
from ..prims.prim import PRIMS

MOST = 4
"""Ops that a branch may have: more are better not computed in vain."""


def select_branches(fn: Function) -> Function:
    """Replace cheap Ifs by selects."""
    return Function(fn.name, rewrite(fn.body, _change))


def _change(op: Op) -> list[Op] | None:
    if not isinstance(op, If) or not op.outs or not all(_simple(region) for region in op.regions):
        return None
    if not all(isinstance(out.type, Scalar) for out in op.outs):
        return None
    selects: list[Op] = []
    for out, a, b in zip(op.outs, op.then.yields, op.orelse.yields, strict=True):
        selects.append(Apply((op.cond, a, b), (out,), (), ("select",), op.src))
    return [*op.then.ops, *op.orelse.ops, *selects]


def _simple(region: Region) -> bool:
    work = [op for op in region.ops if not isinstance(op, Const)]
    return len(work) <= MOST and all(isinstance(op, Const) or _cheap(op) for op in region.ops)


def _cheap(op: Op) -> bool:
    if isinstance(op, Dim):
        return True
    if not isinstance(op, Apply) or op.prim in ("floordiv", "mod", "ipow", "pow", "div", "fmod"):
        return False
    return not any(is_inexact_scalar(v.type) for v in (*op.args, op.out)) and PRIMS[op.prim].cost <= 3
