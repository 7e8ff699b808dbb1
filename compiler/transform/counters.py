"""Integers that loops count with are made of the indices of the loops.

Before::

    for b in range(0, d, 1) carry (k: i64 = 0) {
        b_1: i64 = b + 1
        for a in range(b_1, d, 1) carry (k_1: i64 = k) {
            t: f64 = packed[k_1]
            …
            k_2: i64 = k_1 + 1
            yield k_2
        } -> k_3
        yield k_3
    } -> k_4

After, where a triangle takes d - 1, d - 2, … numbers::

    for b in range(0, d, 1) {
        b_1: i64 = b + 1
        k: i64 = pymax((d - 1) * b - (b * (b - 1) >> 1), 0)
        start: i64 = k - b_1
        for a in range(b_1, d, 1) {
            k_1: i64 = start + a
            t: f64 = packed[k_1]
            …
        }
    }

A loop that carries nothing has iterations that may trade places and need no tape: the reverse sweep makes the
counter of its own indices. What an iteration adds is the same in all of them, or a multiple of the index
besides; other counters, as those of a condition, stay. The maximum tells later passes, and LLVM, what the
closed form hides: that a counter which begins at no less than zero and never goes down is not negative.
"""

from __future__ import annotations

from ..analysis.bounds import Bounds
from ..analysis.linear import Linear, added, linear
from ..ir.build import Builder
from ..ir.nodes import For, Function, Op, Region, Value
from ..ir.types import INT
from ..ir.walk import defined, mapped, substitute, walk
from ..prims.counting import iteration
from ..prims.prim import Sym, emit


def counters(fn: Function) -> Function:
    """Carried counters become formulas; the function itself where there are none."""
    while any(isinstance(op, For) and any(c.type == INT for c in op.carried) for op in walk(fn.body)):
        pass_ = _Counters(fn.body)
        body = pass_.region(fn.body)
        if not pass_.changed:
            break
        fn = Function(fn.name, body)  # what counts with another counter may be a formula now
    return fn


class _Counters:
    """Rebuilds regions from the inside outwards; `now` is what stands for a result of a loop."""

    def __init__(self, body: Region) -> None:
        self._definition: dict[Value, Op] = {out: op for op in walk(body) for out in op.outs}
        self._bounds = Bounds(self._definition, {op.index: op for op in walk(body) if isinstance(op, For)})
        self._now: dict[Value, Value] = {}
        self.changed = False

    def region(self, region: Region) -> Region:
        """The region with the counters of its loops, and of those inside, as formulas."""
        ops: list[Op] = []
        for op in region.ops:
            if op.regions:
                op = op.rebuild(regions=tuple(map(self.region, op.regions)))
            op = op.rebuild(mapped(op.args, self._now))
            ops += self._loop(op) if isinstance(op, For) else [op]
        return Region(region.params, ops, mapped(region.yields, self._now))

    def _loop(self, loop: For) -> list[Op]:
        """A loop without its counters, and what they are made of before and after it."""
        step = self._bounds.step(loop)
        if loop.stops or abs(step) != 1:
            return [loop]
        inside = defined(loop.body)
        found = {
            k: more
            for k in range(len(loop.carried))
            if (more := added(loop, k, self._definition, inside)) is not None
        }
        if not found:
            return [loop]
        self.changed = True
        before, within, after = (Builder(src=loop.src, defs=self._definition) for _ in range(3))
        mapping: dict[Value, Value] = {}
        for k, more in found.items():
            counter = _Counter(loop, step, k, more, self._rises(loop, k, more))
            mapping[loop.carried[k]] = counter.now(before, within)
            self._now[loop.outs[k]] = counter.end(after, self._trips(after, loop, step))
        kept = [k for k in range(len(loop.carried)) if k not in found]
        body = substitute(loop.body, mapping)
        region = Region(
            (loop.index, *(loop.carried[k] for k in kept)),
            [*within.region.ops, *body.ops],
            tuple(body.yields[k] for k in kept),
        )
        outs = (*(loop.outs[k] for k in kept), *loop.outs[len(loop.inits) :])
        plain = loop.rebuild((*loop.args[:3], *(loop.inits[k] for k in kept)), outs, (region,))
        return [*before.region.ops, plain, *after.region.ops]

    def _rises(self, loop: For, k: int, more: Linear) -> bool:
        """Whether a counter begins at no less than zero and surely never goes down."""
        if not self._bounds.nonnegative(loop.inits[k]):
            return False
        turn = more.factor(loop.index)
        up = self._bounds.step(loop) > 0
        last = Linear(((loop.hi, 1),), -1 if up else 1)
        least = more.replaced(loop.index, Linear(((loop.lo, 1),)) if up is (turn > 0) else last)
        for value, _ in least.terms:
            least = least.replaced(value, linear(self._definition, value))
        return least.offset >= 0 and all(f > 0 and self._bounds.nonnegative(v) for v, f in least.terms)

    def _trips(self, b: Builder, loop: For, step: int) -> Sym:
        """How many iterations a loop has."""
        first, last = (loop.lo, loop.hi) if step > 0 else (loop.hi, loop.lo)
        span = Sym(b, last) - Sym(b, first)
        return span if self._bounds.at_most(first, last) else Sym(b, emit(b, "pymax", span.value, b.int(0)))


class _Counter:
    """The carried integer k of a loop, to which an iteration adds `more`."""

    def __init__(self, loop: For, step: int, k: int, more: Linear, rises: bool) -> None:
        self._loop = loop
        self._step = step
        self._init = loop.inits[k]
        self._name = loop.carried[k].name
        self._first = more.replaced(loop.index, Linear(((loop.lo, 1),)))
        self._turn = more.factor(loop.index) * step  # how much more each iteration adds than the last
        self._rises = rises

    def now(self, before: Builder, within: Builder) -> Value:
        """The counter in an iteration."""
        loop = self._loop
        if self._is_even:
            each = self._first.offset * self._step
            start = Linear(((self._init, 1),)).plus(linear(before.defs, loop.lo, lambda _: False), -each)
            now = Sym(within, start.build(before).value) + Sym(within, loop.index) * each
            return self._named(within, now)
        turns = Sym(within, iteration(within, loop, loop.index, loop.lo, loop.step))
        return self._after(before, within, turns)

    def end(self, b: Builder, trips: Sym) -> Value:
        """The counter after the loop."""
        if self._is_even:
            return self._named(b, Sym(b, self._init) + trips * self._first.offset)
        return self._after(b, b, trips)

    @property
    def _is_even(self) -> bool:
        """Whether all iterations add the same literal."""
        return not self._first.terms and not self._turn

    def _after(self, before: Builder, b: Builder, turns: Sym) -> Value:
        """The counter after t iterations: first t, or with turns t (2 first + (t - 1) turn) / 2."""
        if self._turn:
            twice = self._first.plus(self._first).plus(Linear((), -self._turn)).build(before)
            twofold = turns * Linear(((twice.value, 1), (turns.value, self._turn))).build(b)
            sums = Sym(b, emit(b, "rshift", twofold.value, b.int(1)))
        else:
            sums = Sym(b, self._first.build(before).value) * turns
        total = Sym(b, self._init) + sums
        return self._named(b, Sym(b, emit(b, "pymax", total.value, b.int(0))) if self._rises else total)

    def _named(self, b: Builder, made: Sym) -> Value:
        if b.region.ops and made.value in b.region.ops[-1].outs:
            made.value.name = self._name
        return made.value
