"""Nests in a loop have sums of their own, which each iteration adds up at its end.

Before::

    for i in range(0, n, 1) carry (total: f64 = 0.0) {
        for b in range(0, d, 1) carry (s: f64 = total) { … yield s + y[b] } -> total_1
        for b in range(0, d, 1) carry (s: f64 = total_1) { … yield s + z[b] } -> total_2
        yield total_2
    }

After::

    for i in range(0, n, 1) carry (total: f64 = 0.0) {
        for b in range(0, d, 1) carry (s: f64 = 0.0) { … yield s + y[b] } -> own
        for b in range(0, d, 1) carry (s: f64 = 0.0) { … yield s + z[b] } -> own_1
        yield total + own + own_1
    }

So `transform/blocks.py` can run each nest for many iterations at once.
"""

from __future__ import annotations

from ..analysis.dependence import Dependences
from ..ir.nodes import Apply, Const, For, Function, Op, Region, Value
from ..ir.types import is_float
from ..ir.walk import substitute


def own_sums(fn: Function, *, reassociate: bool = True) -> Function:
    """Split sums that nests in the loops at the top go on with; the function itself where none do."""
    if not reassociate or not any(isinstance(op, For) and _has_nests(op) for op in fn.body.ops):
        return fn
    known = Dependences(fn, reassociate=True)
    ops = [_split(known, op) if isinstance(op, For) and _has_nests(op) else op for op in fn.body.ops]
    return Function(fn.name, Region(fn.body.params, ops, fn.body.yields))


def _has_nests(loop: For) -> bool:
    return any(isinstance(op, For) and op.inits for op in loop.body.ops) and bool(loop.inits)


def _split(known: Dependences, loop: For) -> For:
    """A loop whose nests have sums of their own."""
    pairs = zip(loop.carried, loop.next, strict=True)
    # What each partial sum of an iteration is part of.
    parts = {p: p for p, v in pairs if is_float(p.dtype) and known.is_sum(loop.body, p, v)}
    before: dict[Value, Value] = {}
    added: dict[Value, list[Value]] = {p: [] for p in parts}
    ops: list[Op] = []
    for op in loop.body.ops:
        if isinstance(op, Apply) and not parts.keys().isdisjoint(op.args):
            (total,) = (a for a in op.args if a in parts)
            parts[op.out] = parts[total]
        if isinstance(op, For) and not op.stops and not op.counted and not parts.keys().isdisjoint(op.inits):
            inits, outs = list(op.inits), list(op.outs)
            for k, init in enumerate(op.inits):
                if init in parts:
                    zero = Const((), (Value(init.type),), (), (0.0,), op.src)
                    ops.append(zero)
                    outs[k] = Value(init.type, "own")
                    inits[k] = zero.out
                    parts[op.outs[k]] = parts[init]
                    before[op.outs[k]] = init
                    added[parts[init]].append(outs[k])
            op = op.rebuild((*op.args[:3], *inits), tuple(outs))
        ops.append(op)
    after: list[Value] = []
    for param, total in zip(loop.carried, loop.next, strict=True):
        for own in added.get(param, []):
            ops.append(Apply((total, own), (Value(total.type, total.name),), (), ("add",), loop.src))
            total = ops[-1].out
        after.append(total)
    body = substitute(Region(loop.body.params, ops, tuple(after)), before)
    return For(loop.args, loop.outs, (body,), loop.attrs, loop.src)
