"""Sums of values and a number, as which integers are compared."""

from __future__ import annotations

from dataclasses import dataclass

from ..ir.build import Builder
from ..ir.nodes import Value
from ..prims.prim import emit


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
