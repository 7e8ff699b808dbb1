"""Which loops to checkpoint so that the tape of a gradient fits a limit, and into how many segments.

The tape of a loop is n iterations of so many bytes. Cut into s segments it is that of n/s iterations, and s
copies of the state of the loop: at least 2 √(n · bytes · state). There are as many segments as make the first
half of the limit, but never more than that least memory needs. All is computed when the gradient runs, from
trip counts and lengths; where those of an inner loop are not known before the loop, there are √n segments.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from ..analysis.memory import is_reference
from ..analysis.structure import Structure
from ..ir.build import Builder
from ..ir.nodes import Const, For, Region, Value
from ..ir.types import List
from ..ir.walk import free
from ..prims.counting import trip_count
from ..prims.prim import Sym, cast, emit
from .checkpoint import CountSegments, square_root
from .recover import Slot


def within(
    limit: int, body: Region, slots: list[Slot], original: Mapping[Value, Value]
) -> dict[Value, CountSegments]:
    """Index of a loop of `body` → how many segments the loop needs.

    `slots` is what the adjoint saves that was made of a clone of `body`; `original` has the values of the
    body for those of the clone.
    """
    tapes: dict[Value, _Tape] = {}
    structure = Structure(body)
    loops = {op.index: op for op in body.ops if isinstance(op, For)}
    for slot in slots:
        outer = slot.loops[0] if slot.loops else None
        index = original.get(outer.index) if isinstance(outer, For) else None
        if index in loops and not loops[index].stops:
            tapes.setdefault(index, _Tape(structure, original)).slots.append(slot)
    share = limit / max(len(tapes), 1)
    return {index: tape.counter(share) for index, tape in tapes.items()}


@dataclass
class _Tape:
    """What the tape of one loop takes."""

    structure: Structure
    original: Mapping[Value, Value]
    slots: list[Slot] = field(default_factory=list)

    def counter(self, limit: float) -> CountSegments:
        """How many segments, as IR before the loop."""

        def count(b: Builder, loop: For, trips: Value) -> Value:
            sizes = [self._bytes(b, slot) for slot in self.slots]
            known = [s for s in sizes if s is not None]
            if len(known) < len(sizes):
                return square_root(b, trips)
            total = Sym(b, cast(b, trips, "float64")) * sum(known[1:], known[0])
            least = emit(b, "sqrt", (total / self._state(b, loop)).value)
            segments = emit(b, "minimum", (total / (limit / 2)).value, least)
            return cast(b, emit(b, "ceil", segments), "int64")

        return count

    def _bytes(self, b: Builder, slot: Slot) -> Sym | None:
        """What one iteration of the loop saves in a slot; None if that is not known before the loop."""
        size = Sym(b, b.const(float(_itemsize(slot.value)), "float64"))
        for inner in slot.loops[1:]:
            bounds = [self._outside(b, v) for v in inner.args[:3]] if isinstance(inner, For) else []
            known = [v for v in bounds if v is not None]
            if len(known) < 3:
                return None
            size = size * Sym(b, cast(b, trip_count(b, *known), "float64"))
        for length in slot.lengths:
            source = self._outside(b, length if isinstance(length, Value) else length[0])
            if source is None:
                return None
            number = source if isinstance(length, Value) else b.dim(source, length[1])
            size = size * Sym(b, cast(b, number, "float64"))
        return None if slot.is_list and is_reference(slot.value) else size

    def _outside(self, b: Builder, value: Value) -> Value | None:
        """A value that the clone of the body has inside the loop, before the loop."""
        value = self.original.get(value, value)
        op = self.structure.definition.get(value)
        if isinstance(op, Const):
            return b.const(op.value, value.dtype)
        return value if self.structure.home.get(value) is self.structure.body else None

    def _state(self, b: Builder, loop: For) -> Sym:
        """The bytes of the arrays and numbers that the loop works on."""
        refs = [v for v in dict.fromkeys((*free(loop), *loop.inits)) if is_reference(v)]
        seen = [v for v in refs if not isinstance(v.type, List)]
        total = Sym(b, b.const(8.0 * max(len(loop.inits), 1), "float64"))
        for array in seen:
            total = total + _elements(b, array) * float(_itemsize(array))
        return total


def _elements(b: Builder, array: Value) -> Sym:
    size = Sym(b, b.const(1.0, "float64"))
    for axis in range(array.rank):
        size = size * Sym(b, cast(b, b.dim(array, axis), "float64"))
    return size


def _itemsize(value: Value) -> int:
    return int(np.dtype(value.dtype).itemsize)
