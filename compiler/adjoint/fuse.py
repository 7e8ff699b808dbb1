"""The plan FUSE: a loop that only accumulates is reversed iteration by iteration, in one pass.

    for i in range(n):                    for i in range(n):
        p = f(w, x[i])                        p = f(w, x[i])
        s = s + p                   →         s = s + p
    out = -s                                  w_bar += s_bar * ∂f(w, x[i])
                                          out = -s

The adjoint of what such a loop gives is known before the loop starts, so each iteration is reversed right
after it has run, and its tape, which is that of one iteration, stays in the cache. The loop moves behind what
follows it and behind the reverse of that; what depends on its results runs last. So nothing that follows may
write what the loop reads, touch what it writes, or need its results in the reverse sweep.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ..analysis.accumulators import Accumulators
from ..analysis.activity import Activity
from ..analysis.memory import Memory, is_reference
from ..analysis.private import is_private
from ..ir.effects import is_random
from ..ir.nodes import Apply, CallFn, Dim, For, Op, Print, Region, Value
from ..ir.walk import free, walk
from .forward import Forward
from .recover import Frame, Recover
from .reverse import Reverse
from .shadow import bar_name


@dataclass
class Fused:
    """A loop with this plan: the values that depend on its results, the ops that compute them, and the loops
    in its body that have this plan too."""

    loop: For
    results: set[Value]
    after: list[Op]
    inner: FusedLoops
    saved: frozenset[Value] | None = None
    recover: Recover | None = None


class FusedLoops:
    """The loops at the top of one scope whose iterations are reversed one by one.

    The scope is the function body, or the body of such a loop. `outputs` are references read after it.
    """

    def __init__(
        self, memory: Memory, activity: Activity, sums: Accumulators, outputs: Sequence[Value] = ()
    ) -> None:
        self._memory = memory
        self._activity = activity
        self._sums = sums
        self._outputs = [v for v in outputs if is_reference(v)]
        self.plans: dict[int, Fused] = {}
        for position, op in enumerate(memory.scope.ops):
            if isinstance(op, For):
                plan = self._plan(op, memory.scope.ops[position + 1 :])
                if plan is not None:
                    self.plans[id(op)] = plan

    def drop_asked(self, recover: Recover) -> bool:
        """Give up the plan where the reverse sweep wants what depends on the loop; whether there was any."""
        wrong = [key for key, plan in self.plans.items() if any(map(recover.asked, plan.results))]
        for key in wrong:
            del self.plans[key]
        inner = [p.inner.drop_asked(p.recover) for p in self.plans.values() if p.recover is not None]
        return bool(wrong) or any(inner)

    def all(self) -> list[Fused]:
        """The plans of this scope and of the scopes in it."""
        return [found for plan in self.plans.values() for found in (plan, *plan.inner.all())]

    def moved(self) -> list[Op]:
        """The ops that the forward sweep leaves out."""
        return [plan.loop for plan in self.plans.values()] + self.last()

    def last(self) -> list[Op]:
        """What runs after the fused loops, in the order of the program."""
        late = {id(op) for plan in self.plans.values() for op in plan.after}
        return [op for op in self._memory.scope.ops if id(op) in late]

    # -- whether a loop may have the plan
    def _plan(self, loop: For, following: list[Op]) -> Fused | None:
        if loop.stops or loop.counted or any(map(is_reference, loop.carried)):
            return None
        active = [k for k, out in enumerate(loop.outs) if self._is_active(loop, k)]
        if not active or not all(self._sums.only_adds(loop, k) for k in active):
            return None
        if not self._movable(loop, following):
            return None
        results: set[Value] = set(loop.outs)
        after: list[Op] = []
        for op in following:
            if results.isdisjoint((*op.args, *free(op))):
                continue
            if not isinstance(op, Apply):
                return None
            results.add(op.out)
            after.append(op)
        inner = FusedLoops(self._memory.within(loop.body), self._activity, self._sums)
        return Fused(loop, results, after, inner)

    def _is_active(self, loop: For, k: int) -> bool:
        return self._activity.active(loop.carried[k]) or self._activity.active(loop.outs[k])

    def _movable(self, loop: For, following: list[Op]) -> bool:
        """Whether the loop may run after the ops that follow it, and iterations exchange no active memory."""
        inner = list(walk(loop.body))
        if any(isinstance(op, Print | CallFn) or is_random(op) for op in inner):
            return False
        later = list(walk(Region((), following)))
        if any(isinstance(op, Print) for op in later):
            return False
        made = {out for op in inner for out in op.outs}
        read = self._origins(op_refs(inner)) - made
        scope = self._memory.within(loop.body)
        written = scope.written() - made
        touched = self._origins([*op_refs(later), *self._outputs])
        if written & touched or self._written(later) & read:
            return False
        if any(o in self._memory.fn.params for o in written):
            return False
        return all(is_private(self._memory, loop, o) for o in written if self._activity.active(o))

    def _origins(self, refs: Sequence[Value]) -> set[Value]:
        found: set[Value] = set()
        for ref in refs:
            found |= self._memory.origins(ref)
            for origin in self._memory.origins(ref):
                found |= self._memory.contents(origin)
        return found

    def _written(self, ops: list[Op]) -> set[Value]:
        inside = {id(op) for op in ops}
        return {o for op, origins in self._memory.writes if id(op) in inside for o in origins}

    # -- building
    def reverse(self, outer: Reverse, op: For, frame: Frame) -> bool:
        """Build the fused loop; False if the loop has another plan."""
        plan = self.plans.get(id(op))
        if plan is None:
            return False
        out_bars = [frame.bars.pop(out, None) for out in op.outs]
        summed = [v for v in outer.captured(op) if self._activity.active(v)]
        sums = tuple(Value(v.type, bar_name(v)) for v in summed)
        recover = Recover(
            self._memory.within(op.body), op.body, outer.recover.given, plan.saved, outer.recover
        )
        reverse = outer.scoped(recover, plan.inner.reverse)
        inner = Frame(op.body, frame.b.nested((*op.body.params, *sums)), frame)
        inner.bars = dict(zip(summed, sums, strict=True))
        for k, bar in enumerate(out_bars):
            reverse.add(op.next[k], bar, inner)
        reverse.region(inner)
        plan.saved, plan.recover = recover.chosen(), recover
        yields = (*op.next, *(inner.bars[v] for v in summed))
        frame.b.src = op.src
        b = frame.b.nested((*op.body.params, *sums))
        Forward(recover, plan.inner.moved(), frame).run(b)
        b.region.ops += inner.b.region.ops + plan.inner.last()
        body = b.done(yields)
        inits = [*op.inits, *(frame.bars.get(v) or frame.b.const(0, v.dtype) for v in summed)]
        outs = frame.b.for_(op.lo, op.hi, op.step, inits, body)
        made = frame.b.region.ops[-1]
        made.outs = (*op.outs, *outs[len(op.outs) :])
        frame.b.defs.update(dict.fromkeys(op.outs, made))
        frame.bars.update(zip(summed, outs[len(op.outs) :], strict=True))
        for k, bar in enumerate(out_bars):
            reverse.add(op.inits[k], bar, frame)
        return True


def op_refs(ops: Sequence[Op]) -> list[Value]:
    """The references that ops use, lengths aside."""
    return [a for op in ops if not isinstance(op, Dim) for a in (*op.args, *op.outs) if is_reference(a)]
