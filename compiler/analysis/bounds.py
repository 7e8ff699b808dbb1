"""Bounds of integers, by the loops whose indices they are made of.

`i + j` with j in range(k, n) is at least i + k and at most i + n - 1. Two indices surely differ if one is
above a bound of the other, both bounds being made of what is the same for both.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import product

from ..ir.build import Builder
from ..ir.nodes import Apply, Const, Dim, For, If, ListLen, Loop, Op, Value
from ..ir.types import INT
from ..prims.prim import emit
from .ring import MIRRORED, neighbour

DEPTH, MOST_BOUNDS = 4, 40
"""How many bounds of loops are followed, one after the other and in all."""


@dataclass(frozen=True, eq=False)
class Sum:
    """A sum of values, in any order, and a number."""

    bases: tuple[Value, ...]
    offset: int

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sum) and self.offset == other.offset and self.apart_by(other) == 0

    def __hash__(self) -> int:
        return hash((frozenset(self.bases), self.offset))

    def apart_by(self, other: Sum) -> int | None:
        """This sum less the other, if their values are the same."""
        same = sorted(map(id, self.bases)) == sorted(map(id, other.bases))
        return self.offset - other.offset if same else None

    def plus(self, other: Sum) -> Sum:
        """The sum of two."""
        return Sum((*self.bases, *other.bases), self.offset + other.offset)

    def replaced(self, base: Value, by: Sum) -> Sum:
        """The sum with one of its values replaced."""
        return self.without(base).plus(by)

    def without(self, base: Value) -> Sum:
        """The sum without one of its values."""
        k = self.bases.index(base)
        return Sum((*self.bases[:k], *self.bases[k + 1 :]), self.offset)

    def build(self, b: Builder) -> Value:
        """The sum as IR."""
        if not self.bases:
            return b.int(self.offset)
        value = self.bases[0]
        for base in self.bases[1:]:
            value = emit(b, "add", value, base)
        return emit(b, "add", value, b.int(self.offset))


ONE = Sum((), 1)
NEGATED = {"lt": "ge", "le": "gt", "gt": "le", "ge": "lt", "eq": "ne", "ne": "eq"}


class Bounds:
    """`loops` has the loop of each index, `definition` the op of each other value."""

    def __init__(self, definition: Mapping[Value, Op], loops: Mapping[Value, For]) -> None:
        self.definition = definition
        self.loops = loops
        self._choices: dict[tuple[Value, bool], list[Sum]] = {}
        self._carried: dict[Value, tuple[Loop, int]] | None = None
        self._asked: set[Value] = set()

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
        first = self.sum(value)
        found = {first: None}
        newest = [first]
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

    def _further(self, bound: Sum, base: Value, low: bool) -> list[Sum]:
        """What a sum is at least (or at most) by what one of its values is."""
        found = [bound.replaced(base, limit) for limit in self._limits(base, low)]
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

    def _limits(self, base: Value, low: bool) -> list[Sum]:
        op, loop = self.definition.get(base), self.loops.get(base)
        if loop is not None and (step := self.step(loop)):
            if low:
                return [self.sum(loop.lo) if step > 0 else self.sum(loop.hi).plus(ONE)]
            return [self.reached(loop).plus(Sum((), -1))]
        if isinstance(op, Apply) and op.prim in (("pymax", "maximum") if low else ("pymin", "minimum")):
            return [self.sum(a) for a in op.args]
        if isinstance(op, Apply) and op.prim in ("select", "mod"):
            if (base, low) not in self._choices:
                self._choices[base, low] = self._chosen(op, low)
            return self._choices[base, low]
        if low and isinstance(op, Apply) and op.prim == "mul" and all(map(self.nonnegative, op.args)):
            return [Sum((), 0)]
        if isinstance(op, Apply) and op.prim == "sub":
            return self._difference(op.args[0], op.args[1], low)
        if not low and isinstance(op, For) and op.counted and base is op.outs[-1]:
            return self._trips(op)
        return self._begun(base) if low else []

    def _begun(self, base: Value) -> list[Sum]:
        """What a counter begins with, which no iteration makes less."""
        if self._carried is None:
            loops = {id(op): op for op in self.definition.values() if isinstance(op, Loop)}
            self._carried = {v: (op, k) for op in loops.values() for k, v in enumerate(op.carried)}
            self._carried |= {
                v: (op, k) for op in loops.values() for k, v in enumerate(op.outs[: len(op.inits)])
            }
        loop, k = self._carried.get(base, (None, 0))
        if loop is None or base.type != INT or base in self._asked:
            return []
        self._asked.add(base)
        grows = self._grows(loop.next[k], loop.carried[k])
        self._asked.remove(base)
        return [self.sum(loop.inits[k])] if grows else []

    def _grows(self, value: Value, first: Value) -> bool:
        """Whether a value is surely at least another that it is made of."""
        total = self.sum(value)
        if first in total.bases:
            rest = total.without(first)
            return rest.offset >= 0 and all(map(self.nonnegative, rest.bases))
        op = self.definition.get(value)
        if isinstance(op, If):
            k = op.outs.index(value)
            return all(self._grows(region.yields[k], first) for region in op.regions)
        if isinstance(op, Loop) and value in op.outs[: len(op.inits)]:
            k = op.outs.index(value)
            return self._grows(op.next[k], op.carried[k]) and self._grows(op.inits[k], first)
        return False

    def _difference(self, left: Value, right: Value, low: bool) -> list[Sum]:
        """Of j in range(k + 1, n), k + 1 less: at least 0; where k is not negative, at most n - 2."""
        if low:
            less = self.sum(right)
            return [
                Sum((), bound.offset - less.offset)
                for bound in self.beneath(left, True)
                if bound.apart_by(less) is not None
            ]
        numbers = [bound for bound in self.beneath(right, True) if not bound.bases]
        return [
            Sum(high.bases, high.offset - number.offset)
            for high in self.beneath(left, False)
            for number in numbers
        ]

    def _trips(self, loop: For) -> list[Sum]:
        """What the trip count of a loop from 0 to a length is at most."""
        from_zero = self.sum(loop.lo) == Sum((), 0) and self.step(loop) == 1
        return [self.sum(loop.hi)] if from_zero and self._is_length(loop.hi) else []

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

    def _chosen(self, op: Apply, low: bool) -> list[Sum]:
        """What a remainder, or one of two values, is at least (or else at most)."""
        around = neighbour(op.out, self)
        if around is not None:
            return [Sum((), 0) if low else around.length.plus(Sum((), -1))]
        if op.prim == "mod":
            n = self.sum(op.args[1])
            return [Sum((), 0) if low else n.plus(Sum((), -1))] if not n.bases and n.offset > 0 else []
        cond = self.definition.get(op.args[0])
        arms = []
        for arm, names in zip(op.args[1:], ({n: n for n in NEGATED}, NEGATED), strict=True):
            bounds = dict.fromkeys(self.beneath(arm, low))
            if isinstance(cond, Apply) and cond.prim in names and cond.args[0].type == arm.type:
                x, y = cond.args
                relation = names[cond.prim]
                bounds.update(dict.fromkeys(self._where(arm, x, relation, y, low)))
                bounds.update(dict.fromkeys(self._where(arm, y, MIRRORED[relation], x, low)))
            arms.append(bounds)
        found = [
            a if (gap <= 0) is low else b for a, b in product(*arms) if (gap := a.apart_by(b)) is not None
        ]
        return list(dict.fromkeys(found))

    def _where(self, value: Value, x: Value, relation: str, y: Value, low: bool) -> Iterator[Sum]:
        """What a value is at least (or else at most) where x < y, or as the relation is."""
        total, side = self.sum(value), 1 if low else -1
        near, far = self.beneath(x, low), self.beneath(x, not low)
        gap = total.apart_by(self.sum(x))
        if gap is not None:
            limit = self.sum(y)
            if relation == ("gt" if low else "lt") or (relation == "ne" and limit in near):
                yield limit.plus(Sum((), side + gap))
            elif relation in ("eq", "ge" if low else "le"):
                yield limit.plus(Sum((), gap))
        for end in far:  # there is an x between its bounds
            gap = total.apart_by(end)
            if gap is not None:
                yield from (limit.plus(Sum((), gap)) for limit in near)

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
        return any(b.offset >= 0 and all(map(self._is_length, b.bases)) for b in self.beneath(value, True))

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
        return all(map(self._is_length, rest))

    def _is_length(self, base: Value) -> bool:
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
