"""Which elements certainly exist, and which loops certainly run, by the bounds of indices and lengths."""

from __future__ import annotations

from collections.abc import Sequence

from ..ir.nodes import Dim, For, Function, Value
from ..ir.walk import walk
from .bounds import Bounds
from .lengths import source_axis
from .structure import Structure


class Existing:
    """What is known of the indices of one function, whose `structure` and `bounds` these are."""

    def __init__(self, fn: Function, structure: Structure, bounds: Bounds) -> None:
        self._definition = structure.definition
        self._bounds = bounds
        self._lengths: dict[tuple[Value, int] | Value, list[Value]] = {}
        for op in walk(fn.body):
            if isinstance(op, Dim):
                self._lengths.setdefault(source_axis(self._definition, op.args[0], op.axis), []).append(
                    op.out
                )

    def exists(self, array: Value, index: Sequence[Value]) -> bool:
        """Whether an array certainly has an element, which is not counted from the end."""
        return all(self.lies_in(array, axis, i) for axis, i in enumerate(index))

    def lies_in(self, array: Value, axis: int, i: Value) -> bool:
        """Whether an axis certainly has an index, which is not counted from the end."""
        return self._bounds.nonnegative(i) and any(
            self._bounds.at_most(i, n, 1) for n in self._axis(array, axis)
        )

    def is_length(self, array: Value, axis: int, value: Value) -> bool:
        """Whether a value is the length of an axis."""
        return any(value is length for length in self._axis(array, axis))

    def fits(self, length: Value, array: Value, axis: int) -> bool:
        """Whether an axis is certainly at least so long."""
        return any(self._bounds.at_most(length, n) for n in self._axis(array, axis))

    def before(self, a: Value, b: Value) -> bool:
        """Whether an integer is certainly less than another."""
        return self._bounds.at_most(a, b, 1)

    def _axis(self, array: Value, axis: int) -> list[Value]:
        """Values for the length of an axis."""
        found = source_axis(self._definition, array, axis)
        return [*([found] if isinstance(found, Value) else []), *self._lengths.get(found, [])]

    def runs(self, loop: For, around: Sequence[For]) -> bool:
        """Whether a loop certainly has an iteration, inside the loops `around` that have one."""
        if not self._bounds.step(loop):
            return False
        (first, up), (last, down) = self._ends(loop)
        return self._bounds.at_most(first, last, up - down) or any(
            self._bounds.at_most(first, low, up - plus) and self._bounds.at_most(high, last, minus - down)
            for (low, plus), (high, minus) in map(self._ends, filter(self._bounds.step, around))
        )

    def _ends(self, loop: For) -> tuple[tuple[Value, int], tuple[Value, int]]:
        """The lowest and the highest index of a loop, each as a value and a number to be added."""
        if self._bounds.step(loop) > 0:
            return (loop.lo, 0), (loop.hi, -1)
        return (loop.hi, 1), (loop.lo, 0)
