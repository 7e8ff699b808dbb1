"""Integers as a base plus a known number, and the values that loop indices take."""

from __future__ import annotations

from dataclasses import dataclass

from ..ir.nodes import Alloc, Apply, Call, Const, Dim, For, Loop, Value
from ..ir.walk import walk
from .permutation import cycle, permutation
from .structure import Structure


@dataclass(frozen=True)
class Affine:
    """base + offset; a base of None stands for a known number."""

    base: Value | None
    offset: int

    def plus(self, number: int) -> Affine:
        """The same, moved."""
        return Affine(self.base, self.offset + number)


@dataclass(frozen=True)
class Span:
    """The numbers low <= index < high."""

    low: Affine
    high: Affine


class Ranges:
    """Index arithmetic of one function body."""

    def __init__(self, structure: Structure) -> None:
        self._structure = structure
        self._lengths: dict[tuple[Value, int], set[Affine]] = {}
        for op in walk(structure.body):
            if isinstance(op, Dim):
                self._lengths.setdefault((op.args[0], op.axis), set()).add(Affine(op.out, 0))

    def affine(self, value: Value) -> Affine:
        """A value as a base plus a known number."""
        op = self._structure.definition.get(value)
        if isinstance(op, Const):
            return Affine(None, int(op.value))
        if isinstance(op, Apply) and op.prim in ("add", "sub"):
            left, right = (self.affine(a) for a in op.args)
            if right.base is None:
                return left.plus(right.offset if op.prim == "add" else -right.offset)
            if left.base is None and op.prim == "add":
                return right.plus(left.offset)
        return Affine(value, 0)

    def span(self, loop: For) -> Span | None:
        """The values that the index of a loop takes, if it counts by one; none if high <= low."""
        step = self.affine(loop.step)
        low, high = self.affine(loop.lo), self.affine(loop.hi)
        if step == Affine(None, 1):
            return Span(low, high)
        return Span(high.plus(1), low.plus(1)) if step == Affine(None, -1) else None

    def index_span(self, value: Value | None) -> Span | None:
        """The range of a loop index, while its loop runs."""
        home = None if value is None else self._structure.home.get(value)
        owner = None if home is None else self._structure.owner.get(id(home))
        return self.span(owner) if isinstance(owner, For) and owner.index is value else None

    def at_most(self, a: Affine, b: Affine) -> bool:
        """Whether a <= b surely, by the ranges of loop indices."""
        if a.base is b.base:
            return a.offset <= b.offset
        span = self.index_span(b.base)
        if span is not None and self.at_most(a, span.low.plus(b.offset)):
            return True
        span = self.index_span(a.base)
        return span is not None and self.at_most(span.high.plus(a.offset - 1), b)

    def lengths(self, ref: Value, axis: int) -> set[Affine]:
        """What is known to be the length of an axis."""
        made = self._structure.definition.get(ref)
        found = set(self._lengths.get((ref, axis), ()))
        if isinstance(made, Alloc):
            found.add(self.affine(made.args[axis]))
        elif isinstance(made, Call) and made.name == "copy":
            found |= self.lengths(made.args[0], axis)
        owner = self._structure.owner.get(id(self._structure.home.get(ref)))
        if isinstance(owner, Loop) and ref in owner.carried:
            group = cycle(permutation(owner), owner.carried.index(ref))
            if group:
                found |= set.intersection(*(self.lengths(owner.inits[k], axis) for k in group))
        return found
