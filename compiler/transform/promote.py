"""Scalar promotion: an element that a loop reads or adds to in every iteration stays in a register.

Before::

    x[i] = b
    for j in range(0, i, 1) {
        t: f64 = a[i, j]
        u: f64 = x[j]
        p: f64 = t * u
        x[i] += p
    }

After::

    x[i] = b
    for j in range(0, i, 1) carry (sum: f64 = 0.0) {
        t: f64 = a[i, j]
        u: f64 = x[j]
        p: f64 = t * u
        sum_1: f64 = sum + p
        yield sum_1
    } -> sum_2
    x[i] += sum_2

The element must be known to exist, since the loop may have no iterations: it has been accessed before, its
index is less than the length of the array, or the loop is sure to run. With `guard`, loops of which nothing
is known are put under `if n > 0`. Nothing else in the loop may touch the element; x[j] is another one, as
j < i. LLVM can not know that of one array.
"""

from __future__ import annotations

import numpy as np

from ..analysis.dependence import ADD, READ, Access, Dependences
from ..analysis.memory import is_reference
from ..ir.nodes import Apply, Const, For, Function, If, Load, Op, Region, Store, Value
from ..ir.types import BOOL, Scalar
from ..ir.walk import defined, rewrite, substitute, walk

Place = tuple[Value, tuple[Value, ...]]


def promote(
    fn: Function,
    *,
    distinct_params: bool = True,
    reassociate: bool = True,
    visible: bool = True,
    guard: bool = False,
) -> Function:
    """Promote elements; the function itself where there are none. `guard`: under conditions, if need be."""
    if not any(isinstance(op, For) for op in walk(fn.body)):
        return fn
    known = Dependences(fn, distinct_params=distinct_params, reassociate=reassociate, visible=visible)
    pass_ = _Promoter(known, guard)
    body = pass_.region(fn.body, set())
    return Function(fn.name, body) if pass_.changed else fn


def promote_all(
    fn: Function, *, distinct_params: bool = True, reassociate: bool = True, visible: bool = True
) -> Function:
    """Promote elements, also where that takes a condition."""
    return promote(fn, distinct_params=distinct_params, reassociate=reassociate, visible=visible, guard=True)


class _Promoter:
    def __init__(self, known: Dependences, guard: bool) -> None:
        self._known = known
        self._guard = guard
        self._around: list[For] = []
        self.changed = False

    def region(self, region: Region, exists: set[Place]) -> Region:
        """A region with its loops promoted; `exists` are the elements accessed before it."""
        exists = set(exists)
        ops: list[Op] = []
        for op in region.ops:
            if op.regions:
                outer = self._around
                self._around = [*outer, op] if isinstance(op, For) else outer
                op = op.rebuild(regions=tuple(self.region(r, exists) for r in op.regions))
                self._around = outer
            made = self._promoted(op, exists) if isinstance(op, For) else [op]
            exists.update((o.array, o.index) for o in made if isinstance(o, Load | Store))
            ops += made
        return Region(region.params, ops, region.yields)

    def _promoted(self, loop: For, exists: set[Place]) -> list[Op]:
        inside = defined(loop.body)
        runs = self._known.existing.runs(loop, self._around)
        guard = self._guard and not runs and self._worthwhile(loop)
        outs = loop.outs
        before: list[Op] = []
        after: list[Op] = []
        guarded = False
        for place in self._places(loop, inside):
            certain = place in exists or self._known.existing.exists(*place)
            if not certain and not ((runs or guard) and self._at_once(loop, place)):
                continue
            kinds, found = self._alone(loop, place, inside), len(before)
            if kinds == {READ}:
                loop = self._read(loop, place, before)
            elif kinds == {ADD} and self._summable(loop, place):
                loop = self._summed(loop, place, before, after)
            guarded |= not certain and not runs and len(before) > found
        self.changed |= bool(before)
        return self._guarded(loop, outs, before, after) if guarded else [*before, loop, *after]

    def _at_once(self, loop: For, place: Place) -> bool:
        """Whether the first iteration is sure to access an element, so that an index out of range may be
        noticed before it.
        """
        summary = self._known.summary(loop)
        touched = [
            op for op in loop.body.ops if isinstance(op, Load | Store) and (op.array, op.index) == place
        ]
        return bool(touched) and self._known.quiet(self._known.summary(touched[0]), summary)

    def _worthwhile(self, loop: For) -> bool:
        """Whether a loop is an innermost one that writes: of others LLVM knows as much."""
        if loop.counted or any(map(is_reference, loop.inits)) or any(op.regions for op in loop.body.ops):
            return False
        return any(isinstance(op, Store) for op in loop.body.ops)

    def _guarded(self, loop: For, outs: tuple[Value, ...], before: list[Op], after: list[Op]) -> list[Op]:
        """A loop and what was taken out of it, if it has iterations; `outs` are its results outside."""
        upwards = (self._known.literal(loop.step) or 0) > 0
        runs = Value(BOOL)
        ends = (loop.hi, loop.lo) if upwards else (loop.lo, loop.hi)
        inner = tuple(Value(v.type, v.name) for v in outs)
        within = loop.rebuild(outs=(*inner, *loop.outs[len(outs) :]))
        then = Region((), [*before, within, *after], inner)
        orelse = Region((), [], loop.inits[: len(outs)])
        return [
            Apply(ends, (runs,), (), ("gt",), loop.src),
            If((runs,), outs, (then, orelse), (), loop.src),
        ]

    def _places(self, loop: For, inside: set[Value]) -> list[Place]:
        """The elements that are the same in every iteration."""
        found: dict[Place, None] = {}
        for op in walk(loop.body):
            if isinstance(op, Load | Store) and inside.isdisjoint((op.array, *op.index)):
                found[op.array, op.index] = None
        return list(found)

    def _alone(self, loop: For, place: Place, inside: set[Value]) -> set[str]:
        """How the loop accesses the element; nothing if something else may touch it as well."""
        array, index = place
        kinds: set[str] = set()
        own = Access(READ, array, index)
        summary = self._known.summary(loop)
        if summary.opaque:
            return set()
        for access in summary.accesses:
            same = access.ref is array and access.index == index
            if same or (self._known.overlap(access, own) and not self._known.never_meet(access, own, inside)):
                kinds.add(access.kind)
        return kinds

    def _read(self, loop: For, place: Place, before: list[Op]) -> For:
        array, index = place
        loads = [op for op in walk(loop.body) if isinstance(op, Load) and (op.array, op.index) == place]
        out = Value(loads[0].out.type, loads[0].out.name)
        before.append(Load((array, *index), (out,), (), (), loads[0].src))
        gone = {id(op) for op in loads}
        body = rewrite(loop.body, lambda op: [] if id(op) in gone else None)
        return For(
            loop.args, loop.outs, (substitute(body, {op.out: out for op in loads}),), loop.attrs, loop.src
        )

    def _summable(self, loop: For, place: Place) -> bool:
        """Whether what is added to the element is added in the body itself, in any order."""
        array, _ = place
        stores = [op for op in walk(loop.body) if isinstance(op, Store) and (op.array, op.index) == place]
        if any(op not in loop.body.ops for op in stores) or loop.stops or loop.counted:
            return False
        return not self._known.is_shown(array) and self._known.sums_commute(array)

    def _summed(self, loop: For, place: Place, before: list[Op], after: list[Op]) -> For:
        array, index = place
        type_ = Scalar(array.dtype)
        zero, total, param = Value(type_, ""), Value(type_, array.name), Value(type_, array.name)
        ops: list[Op] = []
        sum_, src = param, loop.src
        for op in loop.body.ops:
            if isinstance(op, Store) and (op.array, op.index) == place:
                following = Value(type_, array.name)
                ops.append(Apply((sum_, op.value), (following,), (), ("add",), op.src))
                sum_, src = following, op.src
            else:
                ops.append(op)
        before.append(Const((), (zero,), (), (np.dtype(array.dtype).type(0).item(),), src))
        after.append(Store((array, *index, total), (), (), (True,), src))
        body = Region((*loop.body.params, param), ops, (*loop.body.yields, sum_))
        return For((*loop.args, zero), (*loop.outs, total), (body,), loop.attrs, loop.src)
