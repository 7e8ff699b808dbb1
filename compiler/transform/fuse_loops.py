"""Loop fusion: neighbouring loops over the same range become one.

Before::

    for i in range(0, n, 1) {
        t: f64 = x[i]
        h: f64 = tanh(t)
        a[i] = h
    }
    check n == m else ValueError('…')
    for i_1 in range(0, m, 1) carry (s: f64 = 0.0) {
        u: f64 = a[i_1]
        s_1: f64 = s + u
        yield s_1
    } -> total

After::

    check n == m else ValueError('…')
    for i in range(0, n, 1) carry (s: f64 = 0.0) {
        t: f64 = x[i]
        h: f64 = tanh(t)
        a[i] = h
        u: f64 = a[i]
        s_1: f64 = s + u
        yield s_1
    } -> total

Iteration k of the second loop then runs before iteration k + 1 of the first, so every dependence between
them must be at one iteration: an element that one writes and the other touches has the same, non-negative
index `i + c` in both. What stands between the loops moves before or after both. Lengths count as equal
where a Check has found them so. Loops are fused where they have elements in common, the outer ones first.
"""

from __future__ import annotations

from ..analysis.dependence import Dependences
from ..analysis.facts import Equalities
from ..ir.nodes import Check, For, Function, Op, Region, Store, Value
from ..ir.walk import defined, substitute, walk

MOST_OPS = 250
"""Ops in an innermost loop: longer ones have more values than registers."""
REACH = 40
"""How many ops back a partner is looked for."""


def fuse_loops(
    fn: Function,
    *,
    distinct_params: bool = True,
    reassociate: bool = True,
    visible: bool = True,
    parted: bool = False,
) -> Function:
    """Fuse loops; the function itself where there is nothing to fuse.

    `distinct_params`: array parameters never overlap; `reassociate`: sums may be added up in any order;
    `visible`: the caller sees what is written to parameters before an exception; `parted`: loops that write
    different elements of one array stay apart, as `gather` has parted them.
    """
    if sum(isinstance(op, For) for op in walk(fn.body)) < 2:
        return fn
    known = Dependences(fn, distinct_params=distinct_params, reassociate=reassociate, visible=visible)
    pass_ = _Fuser(known, parted)
    body = pass_.region(fn.body, Equalities(known.definition))
    return Function(fn.name, body) if pass_.fused else fn


def fuse_gathered(
    fn: Function, *, distinct_params: bool = True, reassociate: bool = True, visible: bool = True
) -> Function:
    """Fuse what can be now that sums go to elements of their own iteration only."""
    return fuse_loops(
        fn,
        distinct_params=distinct_params,
        reassociate=reassociate,
        visible=visible,
        parted=True,
    )


class _Fuser:
    """Fuses region by region, from the outside inwards."""

    def __init__(self, known: Dependences, parted: bool) -> None:
        self.known = known
        self.parted = parted
        self.fused = 0

    def region(self, region: Region, outer: Equalities) -> Region:
        """A region whose loops are fused, and those inside them."""
        ops = region.ops
        while sum(isinstance(op, For) for op in ops) > 1:
            following = self._once(ops, outer)
            if following is None:
                break
            ops = following
        facts = Equalities(self.known.definition, outer)
        done: list[Op] = []
        for op in ops:
            if op.regions:
                op = op.rebuild(regions=tuple(self.region(r, facts.within(op)) for r in op.regions))
            elif isinstance(op, Check):
                facts.learn([op])
            done.append(op)
        return Region(region.params, done, region.yields)

    def _once(self, ops: list[Op], outer: Equalities) -> list[Op] | None:
        """The ops with the first two loops fused that can be; None where there are none."""
        facts = Equalities(self.known.definition, outer).learn(ops)
        for at, second in enumerate(ops):
            for place in range(at - 1, max(at - REACH, 0) - 1, -1):
                first = ops[place]
                if not isinstance(first, For) or not isinstance(second, For):
                    continue
                if not self._alike(first, second, facts) or not self._worthwhile(first, second):
                    continue
                parted = self._part(first, ops[place + 1 : at], second)
                if parted is None or not self._fusible(first, second):
                    continue
                before = [*ops[:place], *parted[0]]
                if self._alike(first, second, Equalities(self.known.definition, outer).learn(before)):
                    self.fused += 1
                    return [*before, self._fuse(first, second), *parted[1], *ops[at + 1 :]]
        return None

    def _alike(self, first: For, second: For, facts: Equalities) -> bool:
        """Whether two loops run over the same range and carry nothing that ends them."""
        if any(loop.stops or loop.counted for loop in (first, second)):
            return False
        return all(facts.same(a, b) for a, b in zip(first.args[:3], second.args[:3], strict=True))

    def _part(self, first: For, between: list[Op], second: For) -> tuple[list[Op], list[Op]] | None:
        """What stands between two loops, as what may run before both and what may run after both."""
        before: list[Op] = []
        after: list[Op] = []
        for op in between:
            if all(self.known.exchangeable(x, op) for x in (first, *after)):
                before.append(op)
            elif not self.known.summary(op).raises and self.known.exchangeable(op, second):
                after.append(op)
            else:
                return None
        return before, after

    def _fusible(self, first: For, second: For) -> bool:
        """Whether iteration k of the second loop may run before iteration k + 1 of the first."""
        known = self.known
        if first.segments or second.segments:
            return False
        a, b = known.summary(first), known.summary(second)
        if not b.used.isdisjoint(first.outs) or not known.quiet(a, b):
            return False
        inside = defined(first.body) | defined(second.body)
        return not any(
            known.matters(x, y)
            and known.overlap(x, y)
            and not known.apart(x, y)
            and not known.same_pass_only(x, y, first.index, second.index)
            and not known.never_meet(x, y, inside)
            for x in a.accesses
            for y in b.accesses
        )

    def _worthwhile(self, first: For, second: For) -> bool:
        """Whether the loops have elements in common, and neither keeps the other from being vectorised."""
        if self._elements(first).isdisjoint(self._elements(second)):
            return False
        inner = [_innermost(first), _innermost(second)]
        if not all(inner):
            return True
        if len(first.body.ops) + len(second.body.ops) > MOST_OPS:
            return False
        if self.parted and any(
            ref is other and index != at
            for ref, index in self._writes(first)
            for other, at in self._writes(second)
        ):
            return False
        return self.known.in_any_order(first) == self.known.in_any_order(second)

    def _writes(self, loop: For) -> list[tuple[Value, list[tuple[Value | str | None, int]]]]:
        """The elements that an innermost loop writes, as (array, index), with one name for its own index."""
        return [
            (op.array, [("own" if v is loop.index else v, n) for v, n in map(self.known.affine, op.index)])
            for op in loop.body.ops
            if isinstance(op, Store)
        ]

    def _elements(self, loop: For) -> set[tuple[Value, int, int]]:
        """(array, axis, offset) of what a loop touches at its index plus a constant."""
        found = set()
        for access in self.known.summary(loop).accesses:
            for axis, index in enumerate(access.index or ()):
                root, offset = self.known.affine(index)
                if root is loop.index:
                    found.add((access.ref, axis, offset))
        return found

    def _fuse(self, first: For, second: For) -> For:
        """One loop with both bodies."""
        moved = substitute(second.body, {second.index: first.index})
        self.known.stands_for[second.index] = first.index
        body = Region(
            (first.index, *first.carried, *second.carried),
            [*first.body.ops, *moved.ops],
            (*first.next, *moved.yields),
        )
        return For((*first.args, *second.inits), (*first.outs, *second.outs), (body,), first.attrs, first.src)


def _innermost(loop: For) -> bool:
    return not any(op.regions for op in loop.body.ops)
