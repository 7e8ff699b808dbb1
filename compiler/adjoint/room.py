"""How long the tape of a loop must be, where a loop around it decides its trip count.

    for i in range(n):                        t_saved = empty(n, n)
        for j in range(i + 1):          →     for i in range(n):
            t = …                                 for j in range(i + 1):
                                                      t = …;  t_saved[i, j] = t

A triangle takes the room of its rectangle: twice the memory, but the loops stay loops over arrays, which
vectorise, where a list would be pushed and popped. One loop of a tape may be such a one; the other end of its
range must be known, and all of the range of the loop that decides.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ..analysis.bounds import Bounds
from ..analysis.structure import Structure
from ..analysis.total import Sum
from ..ir.build import Builder
from ..ir.nodes import For, Loop, Region, Value
from ..ir.walk import walk
from ..prims.prim import emit

Ends = tuple[Sum, Sum]
"""Bounds of a range whose step is 1 or -1: the least number in it, and one more than the greatest."""


class Room:
    """Ends of the loops of one scope. `present` says of a value that it is known before all of them."""

    def __init__(self, structure: Structure, body: Region, present: Callable[[Value], bool]) -> None:
        loops = {op.index: op for op in walk(body) if isinstance(op, For)}
        self._bounds = Bounds(structure.definition, loops)
        self._present = present

    def triangle(self, loop: For, around: Sequence[Loop]) -> Ends | None:
        """Ends of a loop of which one is the index of a loop around it, but for what is known."""
        inner = self._bounds.ends(loop)
        if inner is None:
            return None
        low, high = inner
        for outer in around:
            ends = self._bounds.ends(outer) if isinstance(outer, For) and outer is not loop else None
            if ends is None or not isinstance(outer, For):
                continue
            if (*low.bases, *high.bases).count(outer.index) != 1:  # i to i + 3 is no triangle but a band
                continue
            least, end = ends
            found = _at(low, outer.index, least), _at(high, outer.index, end.plus(Sum((), -1)))
            if all(self._present(base) for sum_ in found for base in sum_.bases):
                return found
        return None


def _at(end: Sum, index: Value, value: Sum) -> Sum:
    """An end where the index of a loop has a value."""
    return end.replaced(index, value) if index in end.bases else end


def longest(b: Builder, ends: Ends) -> Value:
    """How many numbers there are between two ends, as IR."""
    low, high = (end.build(b) for end in ends)
    return emit(b, "pymax", emit(b, "sub", high, low), b.int(0))
