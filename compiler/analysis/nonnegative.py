"""Linear sums of integers, and what is known not to be negative.

    hi - 1 - i ≥ 0   in the body of `for i in range(lo, hi)`
    n - m ≥ 0        behind a Check that m <= n, and in the branch of an If that says so
    c - a ≥ 0        where c = max(a, b)

A sum is not negative if it is a known one, or several of them, plus lengths and a number: i + 1 < n follows
from i <= m - 2 and m <= n.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from ..ir.nodes import Value
from .linear import Linear, Sums

DEPTH, MOST = 6, 60
"""How many known sums are taken together, and how many ways are tried."""


class Facts:
    """Sums that are not negative in one region, besides those of the regions around it."""

    def __init__(self, sums: Sums, outer: Facts | None = None) -> None:
        self._sums = sums
        self._outer = outer
        self._about: dict[Value, list[Linear]] = {}

    def learn(self, facts: Iterable[Linear]) -> Facts:
        """Add what is known; gives itself."""
        for fact in facts:
            for base in fact.terms:
                self._about.setdefault(base, []).append(fact)
        return self

    def _all_about(self, base: Value) -> Iterator[Linear]:
        facts: Facts | None = self
        while facts is not None:
            yield from facts._about.get(base, ())
            facts = facts._outer
        yield from self._sums.implied(base)

    def hold(self, goal: Linear) -> bool:
        """Whether a sum is surely not negative."""
        newest, seen = [goal], {goal.key}
        for _ in range(DEPTH):
            if any(map(self._plain, newest)):
                return True
            further = []
            for sum_ in newest:
                for rest in self._less(sum_):
                    if rest.key not in seen and len(seen) < MOST:
                        seen.add(rest.key)
                        further.append(rest)
            newest = further
        return any(map(self._plain, newest))

    def _plain(self, goal: Linear) -> bool:
        return goal.number >= 0 and all(c > 0 and self._sums.is_length(b) for b, c in goal.terms.items())

    def _less(self, goal: Linear) -> Iterator[Linear]:
        """The sum less multiples of known ones, each of which rids it of a value that may be negative."""
        for base, factor in goal.terms.items():
            if factor > 0 and self._sums.is_length(base):
                continue
            for fact in self._all_about(base):
                times, rest = divmod(factor, fact.terms[base])
                if times > 0 and not rest:
                    yield goal.plus(fact, -times)


@dataclass(frozen=True)
class Lesson:
    """What is known behind loops and branches: for all values of `about`, the conclusion is not
    negative where no premise is.
    """

    about: tuple[Value, ...]
    premises: tuple[Linear, ...]
    conclusion: Linear

    def of(self, values: Sequence[Linear]) -> list[Linear]:
        """Premises and conclusion for these values."""
        sums = [*self.premises, self.conclusion]
        for base, value in zip(self.about, values, strict=True):
            sums = [sum_.replaced(base, value) for sum_ in sums]
        return sums

    def behind(self, index: Value | None, inside: Sequence[Linear], runs: Sequence[Linear]) -> Lesson:
        """The lesson of a region, behind it."""
        mentioned = any(index in sum_.terms for sum_ in (*self.premises, self.conclusion))
        about = (*self.about, index) if mentioned and index is not None else self.about
        return Lesson(about, (*self.premises, *(inside if mentioned else runs)), self.conclusion)
