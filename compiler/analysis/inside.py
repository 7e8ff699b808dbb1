"""Which indices are surely inside of their axis, by loops, lengths, and checks that have passed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import product

from ..ir.nodes import For, Op, Region, Value
from ..ir.walk import walk
from .bounds import Bounds
from .facts import equal_integers
from .lengths import Lengths
from .total import Sum

MOST_PASSED = 40
"""How many of the newest checks are compared with an index."""

Run = tuple[Sum, Sum]
"""(a, b): a loop has an iteration if a < b; what is a number stands on the right, 0 < n + 1."""


@dataclass(frozen=True)
class Passed:
    """A check that has passed, if the loops `runs` have an iteration."""

    limit: Sum
    length: Sum
    upper: bool
    runs: tuple[Run, ...]


@dataclass
class Facts:
    """What is known at a place: checks that have passed, lengths that are the same, loops around it.

    `later` are lengths that are the same if some loops have an iteration: a reverse sweep relies on what the
    forward sweep has found, and a check that stands before a loop says something if the loop runs.
    """

    passed: list[Passed]
    same: dict[Value, Sum]
    runs: tuple[Run, ...] = ()
    later: list[tuple[tuple[Run, ...], Value, Sum]] = field(default_factory=list)

    def inside(self, run: Run | None) -> Facts:
        """What is known in the regions of an op."""
        runs = self.runs if run is None else (*self.runs, run)
        inner = Facts(list(self.passed), dict(self.same), runs)
        for needed, base, total in self.later:
            rest = tuple(known for known in needed if known != run)
            if rest:
                inner.later.append((rest, base, total))
            else:
                inner.learn(base, total)
        return inner

    def learn(self, base: Value, total: Sum) -> None:
        """A value is equal to a sum."""
        total = self.same_as(total)
        if base in self.same or base in total.bases:
            return
        for other, known in self.same.items():
            if base in known.bases:
                self.same[other] = known.replaced(base, total)
        self.same[base] = total

    def same_as(self, total: Sum) -> Sum:
        """A sum with what is equal replaced by one of them."""
        for base in total.bases if self.same else ():
            if base in self.same:
                total = total.replaced(base, self.same[base])
        return total


class Inside:
    """What can be said of the indices of one function."""

    def __init__(self, body: Region) -> None:
        self.definition: dict[Value, Op] = {out: op for op in walk(body) for out in op.outs}
        self.bounds = Bounds(self.definition, {op.index: op for op in walk(body) if isinstance(op, For)})
        self.lengths = Lengths(body, self.bounds, self.definition)
        self._limits: dict[tuple[Value, bool], list[Sum]] = {}

    def sum(self, value: Value) -> Sum:
        """An integer as a sum of others and a number."""
        return self.bounds.sum(value)

    def run(self, loop: For) -> Run:
        """What says that a loop has an iteration."""
        ends = self.sum(loop.lo), self.sum(loop.hi)
        return _run(*(ends if self.bounds.step(loop) > 0 else ends[::-1]))

    def is_below(self, index: Value, array: Value, axis: int, facts: Facts) -> bool:
        """Whether an index is surely less than the length of its axis."""
        made = self.lengths.of(array, axis)
        lengths = [made, facts.same_as(made)]
        lengths += [over for length in lengths for base in length.bases for over in self._over(length, base)]
        lows = [self._canonical(length, facts) for length in lengths]
        highs = (self._canonical(h, facts) for h in self._beneath(index, False))
        return any(self._at_most(h, n) for h, n in product(highs, lows))

    def _over(self, length: Sum, base: Value) -> Iterator[Sum]:
        """What a length is at least: max(n, 0) is at least n."""
        for limit in self._beneath(base, True):
            if base not in limit.bases:
                yield length.replaced(base, limit)

    def _at_most(self, high: Sum, length: Sum) -> bool:
        rest = list(length.bases)
        for base in high.bases:
            if base not in rest:
                return False
            rest.remove(base)
        return high.offset < length.offset and all(map(self.lengths.is_length, rest))

    def is_above(self, index: Value, array: Value, axis: int, facts: Facts, below: bool) -> bool:
        """Whether an index is not negative, or -1 in an array that has elements."""
        if self._is_natural(index):
            return True
        total = self.sum(index)
        if total.offset != -1 or len(total.bases) != 1 or not below:
            return False
        (base,) = total.bases
        return self._is_natural(base) and self.is_below(base, array, axis, facts)

    def _is_natural(self, index: Value) -> bool:
        return any(s.offset >= 0 and self._are_lengths(s) for s in self._beneath(index, True))

    def _are_lengths(self, total: Sum) -> bool:
        return any(all(map(self.lengths.is_length, t.bases)) for t in (total, self.lengths.canonical(total)))

    def _beneath(self, value: Value, low: bool) -> list[Sum]:
        key = (value, low)
        if key not in self._limits:
            self._limits[key] = self.bounds.beneath(value, low)
        return self._limits[key]

    def _canonical(self, total: Sum, facts: Facts) -> Sum:
        return facts.same_as(self.lengths.canonical(total))

    def learn(self, cond: Value, facts: Facts, runs: tuple[Run, ...] = ()) -> None:
        """A Check has passed, if the loops `runs` have an iteration."""
        for *pair, ranges in equal_integers(cond, self.definition):
            a, b = (self._canonical(self.sum(value), facts) for value in pair)
            base, total = (a, b) if is_value(a) else (b, a)
            needed = (*runs, *(_run(self.sum(lo), self.sum(hi)) for lo, hi in ranges))
            if is_value(base) and needed:
                facts.later.append((needed, base.bases[0], total))
            elif is_value(base):
                facts.learn(base.bases[0], total)

    def follows(
        self,
        low: Sum | None,
        high: Sum | None,
        array: Value,
        axis: int,
        facts: Facts,
        runs: tuple[Run, ...] = (),
    ) -> bool:
        """Whether checks that have passed say that `low` and `high` are inside, if the loops `runs` run.

        What is inside of an array is inside of a longer one.
        """
        length = self._canonical(self.lengths.of(array, axis), facts)
        given = {*runs, *facts.runs}
        passed = [
            p
            for p in facts.passed[-MOST_PASSED:]
            if is_within(facts.same_as(p.length), length, True) and given.issuperset(p.runs)
        ]
        for total, upper in ((low, False), (high, True)):
            if total is None:
                continue
            limits = self._beneath(total.bases[0], not upper) if is_value(total) else [total]
            sums = [self._canonical(s, facts) for s in limits]
            known = [facts.same_as(p.limit) for p in passed if p.upper is upper]
            if not any(is_within(s, k, upper) for s, k in product(sums, known)):
                return False
        return True


def _run(first: Sum, last: Sum) -> Run:
    if first.bases:
        return first, last
    return Sum((), 0), Sum(last.bases, last.offset - first.offset)


def is_value(total: Sum) -> bool:
    """Whether a sum is a value and nothing else."""
    return len(total.bases) == 1 and total.offset == 0


def is_within(total: Sum, known: Sum, upper: bool) -> bool:
    """Whether a sum is surely at most another (or at least)."""
    gap = total.apart_by(known)
    return gap is not None and (gap <= 0 if upper else gap >= 0)
