"""Sums of what a branch gives, and the other branch does not, go into the branch.

Before::

    if c {
        t: f64 = y_bar[i, j]
        y_bar[i, j] = 0.0
        yield t
    } else {
        yield 0.0
    } -> s: f64
    x_bar[j] += s
    z_bar[i] += s * w

After::

    if c {
        t: f64 = y_bar[i, j]
        y_bar[i, j] = 0.0
        x_bar[j] += t
        z_bar[i] += t * w
    }

This is the adjoint of `if c: y[i, j] = x[j] + …` where the sum is computed before the branch, as in a minimum
over paths. Only branches that write memory are considered: they are jumps in any case, others may become
vector instructions. Adding zeros may be left out when sums may be reordered (it turns -0.0 into 0.0).
"""

from __future__ import annotations

from dataclasses import dataclass, field

from ..analysis.memory import Memory
from ..ir.nodes import Apply, Const, Function, If, Load, Op, Region, Store, Value
from ..ir.types import is_inexact_scalar
from ..ir.walk import substitute, use_counts, walk

LINEAR = {"mul": (0, 1), "neg": (0,), "div": (0,)}
"""Primitives that are zero where one of these operands is."""


@dataclass
class Move:
    """What goes into a branch, and what has to stand before it for that."""

    zero: int
    inside: list[Op] = field(default_factory=list)
    before: list[Op] = field(default_factory=list)


def sink(
    fn: Function, *, distinct_params: bool = True, reassociate: bool = True, visible: bool = True
) -> Function:
    """Move sums into branches; the function itself where there is nothing to move."""
    if not reassociate or not any(isinstance(op, If) and op.outs for op in walk(fn.body)):
        return fn
    pass_ = _Sink(Memory(fn, distinct_params=distinct_params), use_counts(fn.body))
    body = pass_.region(fn.body)
    return Function(fn.name, body) if pass_.changed else fn


class _Sink:
    def __init__(self, memory: Memory, uses: dict[Value, int]) -> None:
        self._memory = memory
        self._uses = uses
        self.changed = False

    def region(self, region: Region) -> Region:
        """A region with its branches filled, inner ones first."""
        ops = [
            op.rebuild(regions=tuple(map(self.region, op.regions))) if op.regions else op for op in region.ops
        ]
        for k in reversed(range(len(ops))):
            op = ops[k]
            move = self._move(op, ops[k + 1 :]) if isinstance(op, If) else None
            if isinstance(op, If) and move is not None:
                gone = {id(o) for o in (*move.inside, *move.before)}
                ops[k:] = [*move.before, _filled(op, move), *(o for o in ops[k + 1 :] if id(o) not in gone)]
                self.changed = True
        return Region(region.params, ops, region.yields)

    def _move(self, op: If, following: list[Op]) -> Move | None:
        """What is to be moved, if all uses of what the branch gives can be."""
        zero = next(
            (k for k, branch in enumerate(op.regions) if all(map(self._is_zero, branch.yields))), None
        )
        stores = [o for o in walk(Region((), [op])) if isinstance(o, Store)]
        if zero is None or not op.outs or not stores:
            return None
        if not all(is_inexact_scalar(out.type) for out in op.outs):
            return None
        move = Move(zero)
        scaled = set(op.outs)
        left = sum(self._uses.get(out, 0) for out in op.outs)
        for other in following:
            if not left:
                break
            used = [k for k, arg in enumerate(other.args) if arg in scaled]
            if not used and isinstance(other, Load | Apply | Const) and self._may_precede(other, op, move):
                move.before.append(other)
            elif used and isinstance(other, Apply) and set(used) <= set(LINEAR.get(other.prim, ())):
                move.inside.append(other)
                scaled.add(other.out)
                left += self._uses.get(other.out, 0) - len(used)
            elif isinstance(other, Store) and other.accumulate and used == [len(other.args) - 1]:
                move.inside.append(other)
                left -= 1
            else:
                return None
        return None if left else move

    def _is_zero(self, value: Value) -> bool:
        op = self._memory.structure.definition.get(value)
        return isinstance(op, Const) and op.value == 0

    def _may_precede(self, other: Op, op: If, move: Move) -> bool:
        """Whether what stands after a branch may be computed before it."""
        if not isinstance(other, Load):
            return True
        written = [o.args[0] for o in (*walk(Region((), [op])), *move.inside) if o.writes]
        return all(self._memory.apart(other.array, ref) for ref in written)


def _filled(op: If, move: Move) -> Op:
    """The branch with what has been moved, giving nothing."""
    regions = []
    for k, branch in enumerate(op.regions):
        given = dict(zip(op.outs, branch.yields, strict=True))
        moved = [] if k == move.zero else substitute(Region((), move.inside), given).ops
        regions.append(Region((), [*branch.ops, *moved]))
    return op.rebuild(outs=(), regions=tuple(regions))
