"""Loop nests that write every element of an array before anything reads it.

    for i in range(n):                      for i in range(n):
        for j in range(m):                      for j in range(1, m):
            a[i, j] += x[i, j]                      a[i, j] += x[i, j]
            y[i] += a[i, j]                     a[i, 0] += x[i, 0]
        z[i] = a[i, 0] + a[i, 1]                z[i] = a[i, 0] + a[i, 1]

Each loop runs over one whole axis; the first or the last element of the innermost one may stand apart. An
axis of known length may be written out: `a[i, 0] = …; a[i, 1] = …; a[i, 2] = …`. What follows in an iteration
touches its row only.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from ..ir.nodes import For, Op, Region, Store, Value
from ..ir.walk import walk
from .dependence import Dependences
from .facts import Equalities


class FirstWrites:
    """Finds such nests for one array, of these lengths."""

    def __init__(
        self, known: Dependences, array: Value, lengths: tuple[Value, ...], facts: Equalities
    ) -> None:
        self._known = known
        self._array = array
        self._lengths = lengths
        self._facts = facts

    def stores(self, nest: For) -> list[Store]:
        """The stores by which a loop nest first writes each element, once; none if it does not."""
        loops: list[For] = []
        later: list[tuple[int, Op]] = []
        rest: list[Op] = [nest]
        while True:
            found = self._both_parts(rest, loops) or self._whole_rows(rest, loops)
            if found:
                stores, axes = found
                break
            first = rest[0] if rest else None
            if not isinstance(first, For) or not self._plain(first):
                return []
            loops.append(first)
            rest = self._touching(first.body.ops)
            later += [(len(loops), op) for op in rest[1:]]
        within = (self._stays(stores[0], op, axes[:depth]) for depth, op in later)
        return stores if all(within) else []

    def _whole_rows(self, rest: Sequence[Op], loops: Sequence[For]) -> tuple[list[Store], list[int]] | None:
        """Stores in loops that run over all elements: one for each element of the axes of known length."""
        store = rest[0] if rest else None
        axes = self._axes(store, loops) if isinstance(store, Store) else None
        if axes is None:
            return None
        apart = [axis for axis in range(len(self._lengths)) if axis not in axes]
        lengths = [self._known.literal(self._lengths[axis]) for axis in apart]
        places: dict[tuple[int | None, ...], Store] = {}
        for store in rest:
            if not isinstance(store, Store) or store.array is not self._array:
                return None
            place = tuple(self._known.literal(store.index[axis]) for axis in apart)
            inside = all(
                i is not None and n is not None and 0 <= i < n for i, n in zip(place, lengths, strict=True)
            )
            if not inside or place in places or self._axes(store, loops) != axes:
                return None
            places[place] = store
            if len(places) == math.prod(n for n in lengths if n is not None):
                return list(places.values()), axes
        return None

    def _both_parts(self, rest: Sequence[Op], loops: Sequence[For]) -> tuple[list[Store], list[int]] | None:
        """Two neighbours that write all of a row together: a store of the first or last element, and a loop
        over the others. The element exists, so the loop has as many trips as there are others.
        """
        single = next((op for op in rest[:2] if isinstance(op, Store)), None)
        loop = next((op for op in rest[:2] if isinstance(op, For)), None)
        inner = self._touching(loop.body.ops) if loop is not None and self._plain(loop) else []
        store = inner[0] if inner else None
        if loop is None or single is None or not isinstance(store, Store):
            return None
        if store.array is not self._array or single.array is not self._array:
            return None
        axes = self._axes(store, loops)
        left = [axis for axis in range(len(self._lengths)) if axis not in (axes or ())]
        if axes is None or axes != self._axes(single, loops) or len(left) != 1:
            return None
        axis = left[0]
        if store.index[axis] is not loop.index or not self._others(loop, single.index[axis], axis):
            return None
        alone = all(self._stays(store, op, [*axes, axis]) for op in inner[1:])
        return ([single, store], axes) if alone else None

    def _axes(self, store: Store, loops: Sequence[For]) -> list[int] | None:
        """The axis that each loop runs over, all of it."""
        axes: list[int] = []
        for loop in loops:
            found = [k for k, i in enumerate(store.index) if k not in axes and i is loop.index]
            if not found or not self._covers(loop, found[0]):
                return None
            axes.append(found[0])
        return axes

    def _covers(self, loop: For, axis: int) -> bool:
        """Whether a loop runs over a whole axis, in either direction."""
        literal = self._known.literal
        if literal(loop.step) == 1:
            return literal(loop.lo) == 0 and self._is_end(loop.hi, axis, 0)
        return literal(loop.step) == literal(loop.hi) == -1 and self._is_end(loop.lo, axis, -1)

    def _others(self, loop: For, apart: Value, axis: int) -> bool:
        """Whether a loop runs over all of an axis but the index `apart`, the first or the last one."""
        literal = self._known.literal
        step = literal(loop.step)
        if step not in (1, -1):
            return False
        first, last = (loop.lo, loop.hi) if step == 1 else (loop.hi, loop.lo)
        below = 0 if step == 1 else 1  # how far the bounds lie below the range in ascending order
        if literal(apart) == 0:
            return literal(first) == 1 - below and self._is_end(last, axis, -below)
        return (
            self._is_end(apart, axis, -1)
            and literal(first) == -below
            and self._is_end(last, axis, -1 - below)
        )

    def _is_end(self, value: Value, axis: int, offset: int) -> bool:
        """Whether a value is the length of an axis and an offset."""
        length = self._lengths[axis]
        if offset == 0 and self._facts.same(value, length):
            return True
        (root, m), (other, n) = self._known.affine(value), self._known.affine(length)
        if root is None or other is None:
            return root is other and m == n + offset
        return m == n + offset and self._facts.same(root, other)

    def _plain(self, loop: For) -> bool:
        return not loop.stops and self._array not in (*loop.args, *loop.body.yields)

    def _touching(self, ops: Sequence[Op]) -> list[Op]:
        return [op for op in ops if self._array in self._known.summary(op).used]

    def _stays(self, store: Store, later: Op, axes: Sequence[int]) -> bool:
        """Whether an op touches only elements of the row of a store (along `axes`)."""
        ours = [x for x in self._known.summary(later).accesses if x.ref is self._array]
        named = sum(
            op.args.count(self._array) + sum(r.yields.count(self._array) for r in op.regions)
            for op in walk(Region((), [later]))
        )
        rows = all(x.index is not None and all(x.index[k] is store.index[k] for k in axes) for x in ours)
        return rows and named == len(ours)
