"""Bounds of integers, by the loops whose indices they are made of.

`i + j` with j in range(k, n) is at least i + k and at most i + n - 1. Two indices surely differ if one is
above a bound of the other, both bounds being made of what is the same for both.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import product

from ..ir.nodes import Apply, Const, Dim, For, ListLen, Op, Value
from .limits import Limits
from .structure import Structure
from .total import ONE, Sum

DEPTH, MOST_BOUNDS = 4, 40
"""How many bounds of loops are followed, one after the other and in all."""


class Bounds:
    """`loops` has the loop of each index, `definition` the op of each other value. With `structure`, a value
    made in a branch is also known by the condition of the branch, without which there is no such value.
    """

    def __init__(
        self,
        definition: Mapping[Value, Op],
        loops: Mapping[Value, For],
        structure: Structure | None = None,
    ) -> None:
        self.definition = definition
        self.loops = loops
        self._structure = structure
        self._limits = Limits(self)

    def sum(self, value: Value) -> Sum:
        """An integer as a sum of others and a number."""
        op = self.definition.get(value)
        if isinstance(op, Const):
            return Sum((), int(op.value))
        if isinstance(op, Apply) and op.prim == "add":
            return self.sum(op.args[0]).plus(self.sum(op.args[1]))
        if isinstance(op, Apply) and op.prim == "sub":
            left, right = (self.sum(a) for a in op.args)
            if not right.bases:
                return Sum(left.bases, left.offset - right.offset)
        return Sum((value,), 0)

    def beneath(self, value: Value, low: bool) -> list[Sum]:
        """What an integer is, and what it is at least (or else at most)."""
        newest = [self.sum(value), *self._by_branches(value, low)]
        found = dict.fromkeys(newest)
        for _ in range(DEPTH):
            newest = [
                further
                for bound in newest
                for base in dict.fromkeys(bound.bases)
                for further in self._further(bound, base, low)
                if further not in found
            ]
            found.update(dict.fromkeys(newest))
            if len(found) > MOST_BOUNDS:
                break
        return list(found)

    def _by_branches(self, value: Value, low: bool) -> list[Sum]:
        """What the branches in which a value is made say of it; of what they compare, they say nothing."""
        if self._structure is None or value not in self._structure.home:
            return []
        structure, self._structure = self._structure, None
        found = list(self._limits.in_branches(value, structure.conditions(value), low))
        self._structure = structure
        return found

    def _further(self, bound: Sum, base: Value, low: bool) -> list[Sum]:
        """What a sum is at least (or at most) by what one of its values is."""
        found = [bound.replaced(base, limit) for limit in self._limits.of(base, low)]
        rest = self.cancelled(bound, base)
        return found if rest is None else [rest, *found]

    def cancelled(self, total: Sum, base: Value) -> Sum | None:
        """(a - b) + b + c as a + c."""
        op = self.definition.get(base)
        if not isinstance(op, Apply) or op.prim != "sub":
            return None
        left, right = (self.sum(a) for a in op.args)
        rest = list(total.bases)
        rest.remove(base)
        for value in right.bases:
            if value not in rest:
                return None
            rest.remove(value)
        return Sum(tuple(rest), total.offset - right.offset).plus(left)

    def reached(self, loop: For) -> Sum:
        """One more than the greatest index, where a body runs: max(n, 0) is n in a loop from 0 on."""
        least, end = self.sum(loop.lo), self.sum(loop.hi)
        if self.step(loop) < 0:
            least, end = end.plus(ONE), least.plus(ONE)
        if least.bases or len(end.bases) != 1:
            return end
        (base,) = end.bases
        return end.replaced(base, self._above(base, least.offset - end.offset))

    def _above(self, value: Value, number: int) -> Sum:
        """What a value is where it is above a number: `max(n, 0)` and `n if n > 0 else 0` are n above 0."""
        op = self.definition.get(value)
        if isinstance(op, Apply) and op.prim == "pymax" and self._is_at_most(op.args[1], number):
            return self.sum(op.args[0])
        if isinstance(op, Apply) and op.prim == "select" and self._is_at_most(op.args[2], number):
            chosen, cond = self.sum(op.args[1]), self.definition.get(op.args[0])
            if isinstance(cond, Apply) and cond.prim == "gt" and cond.args[0] in chosen.bases:
                than = self.sum(cond.args[1])
                if not than.bases:
                    return chosen.replaced(cond.args[0], self._above(cond.args[0], than.offset))
            return chosen
        return Sum((value,), 0)

    def _is_at_most(self, value: Value, number: int) -> bool:
        """Whether a value is a number that is not above another."""
        total = self.sum(value)
        return not total.bases and total.offset <= number

    def step(self, loop: For) -> int:
        """The step of a loop; 0 if it is not known."""
        step = self.definition.get(loop.step)
        return int(step.value) if isinstance(step, Const) else 0

    def ends(self, loop: For) -> tuple[Sum, Sum] | None:
        """The least index of a loop, and one more than the greatest; None if its step is not 1 or -1."""
        step = self.step(loop)
        if abs(step) != 1:
            return None
        if step > 0:
            return self.sum(loop.lo), self.sum(loop.hi)
        return self.sum(loop.hi).plus(ONE), self.sum(loop.lo).plus(ONE)

    def nonnegative(self, value: Value) -> bool:
        """Whether an index is surely not negative, which would count from the end."""
        return any(b.offset >= 0 and all(map(self.is_length, b.bases)) for b in self.beneath(value, True))

    def at_most(self, a: Value, b: Value, gap: int = 0) -> bool:
        """Whether a + gap is surely not above b."""
        pairs = product(self.beneath(a, False), self.beneath(b, True))
        return any(
            high.offset + gap <= low.offset and self._within(high.bases, low.bases) for high, low in pairs
        )

    def _within(self, few: tuple[Value, ...], many: tuple[Value, ...]) -> bool:
        """Whether a sum of values is at most another, which has lengths besides."""
        rest = list(many)
        for base in few:
            if base not in rest:
                return False
            rest.remove(base)
        return all(map(self.is_length, rest))

    def is_length(self, base: Value) -> bool:
        """Whether a value is a length, and so not negative."""
        return isinstance(self.definition.get(base), Dim | ListLen)

    def differ(
        self, later: Value, earlier: Value, common: Callable[[Value], bool], ahead: For | None = None
    ) -> bool:
        """Whether two indices surely differ, and neither is negative.

        `common` says of a value that it is the same where both are computed. With `ahead`, whose index counts
        as common, the later one is computed in a later iteration of that loop.
        """
        if not (self.nonnegative(later) and self.nonnegative(earlier)):
            return False
        for low in (True, False):
            ends = (self.beneath(later, low), self.beneath(earlier, not low))
            kept = ([b for b in bounds if all(map(common, b.bases))] for bounds in ends)
            if any(self._beyond(w, r, low, ahead) for w, r in product(*kept)):
                return True
        return False

    def _beyond(self, w: Sum, r: Sum, above: bool, ahead: For | None) -> bool:
        """Whether w is above r (or else below it)."""
        gap = w.apart_by(r)
        if gap is None:
            return False
        turns = w.bases.count(ahead.index) if ahead is not None else 0
        if ahead is not None and turns:
            step = self.step(ahead)
            if step == 0 or (step > 0) is not above:
                return False
            gap += turns * step
        return gap > 0 if above else gap < 0
