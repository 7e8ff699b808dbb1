"""Recurrences across rows run along them: the loop over the steps moves inside of the loops over the rows.

Before::

    for t in range(1, n, 1) {
        t_1: i64 = t + (-1)
        for i in range(0, m, 1) {
            u: f64 = x[i, t_1]
            v: f64 = a[i, t]
            w: f64 = u + v
            x[i, t] = w
        }
    }

After::

    for i in range(0, m, 1) {
        for t in range(1, n, 1) {
            t_1: i64 = t + (-1)
            u: f64 = x[i, t_1]
            v: f64 = a[i, t]
            w: f64 = u + v
            x[i, t] = w
        }
    }

As statements on whole columns (`x[:, t] = x[:, t - 1] + a[:, t]`) such a nest walks through all memory in
each step; one row after the other stays in the cache, and fuses with what is made of the rows before and
after. It is done where nothing but index arithmetic stands between the loops, where rows have nothing to do
with each other, so that each still sees its steps in their order, and where it makes strided accesses
fewer. A step then waits for the one before, and should take no more than a sum of it: with a product besides,
or a division, many rows at once are faster. `interchange` has the nests whose steps are independent, and
which may be cut into pieces.
"""

from __future__ import annotations

from collections.abc import Sequence

from ..analysis.dependence import READ, Dependences
from ..analysis.memory import is_reference
from ..analysis.strides import Strides
from ..ir.effects import may_raise
from ..ir.nodes import Apply, Const, For, Function, Load, Loop, Op, Region, Store, Value
from ..ir.types import INT
from ..ir.walk import defined, rewrite, walk
from ..prims.prim import PRIMS

LONGEST_WAIT = 1
"""What a step may make of the one before it, in additions one after the other."""


def recurrences(
    fn: Function, *, distinct_params: bool = True, reassociate: bool = True, visible: bool = True
) -> Function:
    """Turn such nests; the function itself where there are none."""
    if not reassociate:
        return fn
    known = Dependences(fn, distinct_params=distinct_params, reassociate=True, visible=visible)
    turned = 0

    def turn(op: Op) -> list[Op] | None:
        nonlocal turned
        nest = _Nest(known, op) if isinstance(op, For) else None
        if nest is None or not nest.worthwhile() or not nest.turnable():
            return None
        turned += 1
        return [nest.turned()]

    body = rewrite(fn.body, turn)
    return Function(fn.name, body) if turned else fn


class _Nest:
    """Loops each of which is all that the one around it does, but for index arithmetic."""

    def __init__(self, known: Dependences, loop: For) -> None:
        self.known = known
        self.loops = [loop]
        self.arithmetic: list[Op] = []  # what stands between the loops
        while (inner := self._only_loop(self.loops[-1].body.ops)) is not None:
            self.arithmetic += [op for op in self.loops[-1].body.ops if op is not inner]
            self.loops.append(inner)

    def _only_loop(self, ops: Sequence[Op]) -> For | None:
        loops = [op for op in ops if isinstance(op, For)]
        others = [op for op in ops if not isinstance(op, For)]
        return loops[0] if len(loops) == 1 and all(map(_is_index_arithmetic, others)) else None

    def worthwhile(self) -> bool:
        """Whether the outermost loop is the better innermost one."""
        first, last = self.loops[0], self.loops[-1]
        if (
            first is last
            or any(isinstance(op, Loop) for op in walk(last.body))
            or self._wait() > LONGEST_WAIT
        ):
            return False
        before, after = Strides(self.known), Strides(self.known)
        before.add(last.body.ops, last)
        after.add(last.body.ops, first)
        return after.better_than(before)

    def _wait(self) -> int:
        """How many additions, or what costs as much, a step makes one by one of what others wrote."""
        ops = list(walk(self.loops[-1].body))
        stores = [op for op in ops if isinstance(op, Store)]
        own = {(op.array, op.index) for op in stores if self.loops[0].index in op.index}
        since: dict[Value, int] = {}
        for op in ops:
            if isinstance(op, Load) and (op.array, op.index) not in own:
                if any(not self.known.memory.apart(op.array, store.array) for store in stores):
                    since[op.out] = 0
            elif isinstance(op, Apply) and any(a in since for a in op.args):
                since[op.out] = PRIMS[op.prim].cost + max(since.get(a, 0) for a in op.args)
        return max((since[op.value] + op.accumulate for op in stores if op.value in since), default=0)

    def turnable(self) -> bool:
        """Whether the outermost loop may become the innermost one: what two iterations both touch belongs to
        one row, by each of the other loops, or commutes.
        """
        known, loops = self.known, self.loops
        inside = defined(loops[0].body)
        if any(loop.stops or loop.counted or loop.parallel or loop.segments for loop in loops):
            return False
        if any(map(is_reference, inside)) or not all(inside.isdisjoint(loop.args[:3]) for loop in loops[1:]):
            return False
        summary = known.summary(loops[0])
        if summary.raises or summary.prints or summary.draws or summary.opaque:
            return False
        if any(known.is_shown(x.ref) for x in summary.accesses if x.kind != READ):
            return False
        if not self._hands_on_sums():
            return False
        return not any(
            known.conflict(x, y, loop.index, inside)
            for x in summary.accesses
            for y in summary.accesses
            if x.kind != READ
            for loop in loops[1:]
        )

    def _hands_on_sums(self) -> bool:
        """Whether what the loops carry are sums, handed from each loop to the next one as they are."""
        outermost = self.loops[0]
        body, carried = outermost.body, outermost.carried
        if not all(self.known.is_sum(body, p, v) for p, v in zip(carried, outermost.next, strict=True)):
            return False
        pairs = zip(self.loops, self.loops[1:], strict=False)
        return all(inner.inits == loop.carried and inner.outs == loop.next for loop, inner in pairs)

    def turned(self) -> Op:
        """The nest with the range of its outermost loop inside; each place keeps what it carries."""
        ranges = [*self.loops[1:], self.loops[0]]
        ops = [*self.arithmetic, *self.loops[-1].body.ops]
        for place, source in zip(reversed(self.loops), reversed(ranges), strict=True):
            body = Region((source.index, *place.carried), ops, place.body.yields)
            made = For((*source.args[:3], *place.inits), place.outs, (body,), source.attrs, source.src)
            ops = [made]
        return made


def _is_index_arithmetic(op: Op) -> bool:
    return (
        isinstance(op, Apply | Const)
        and not may_raise(op)
        and all(isinstance(out, Value) and out.type == INT for out in op.outs)
    )
