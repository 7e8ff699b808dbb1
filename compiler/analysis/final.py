"""Elements that nothing overwrites any more, of arrays that are still being written.

    for i in range(n):
        for j in range(i):
            x[i] -= a[i, j] * x[j]        x[j] is final here: later writes go to x[i], and i > j

A write may run after an access in the same iteration of the loops around both, or in a later iteration of one
of them. It misses the element if on one axis its index is surely larger, or surely smaller, and neither is
negative, which would count from the end. Indices are compared through the bounds of loops, down to what is
the same at both times.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

from ..ir.nodes import Apply, For, If, Load, Loop, Op, Region, Store, Value
from .memory import Memory
from .ranges import Affine, Ranges

DEPTH = 4
"""How many bounds of loops are followed."""


class Final:
    """Whether elements of arrays stay as they are until the end of a scope."""

    def __init__(self, memory: Memory, ranges: Ranges | None = None) -> None:
        self._memory = memory
        self._structure = memory.structure
        self._ranges = ranges or Ranges(memory.structure)
        self._known: dict[int, bool] = {}

    def stays(self, op: Load | Store) -> bool:
        """Whether the element that `op` loads or stores is not written again in the scope."""
        if id(op) not in self._known:
            origins = self._memory.origins(op.array)
            following = (
                write
                for write, written in self._memory.writes
                if not origins.isdisjoint(written) and self._memory.may_follow(write, op, origins & written)
            )
            self._known[id(op)] = all(self._misses(write, op) for write in following)
        return self._known[id(op)]

    def _misses(self, write: Op, op: Load | Store) -> bool:
        if not isinstance(write, Store) or write.array is not op.array:
            return False
        region, at_op, at_write = self._structure.common(op, write)
        if at_write == at_op and write is not op and not isinstance(region.ops[at_op], If):
            return False  # condition and body of a loop
        if at_write > at_op and not self._differ(write, op, region, None):
            return False
        origins = self._memory.origins(op.array)
        for loop in self._structure.loops(region, self._memory.scope):
            if all(self._memory.fresh_in(origin, loop) for origin in origins):
                continue
            if self._is_inside(op.array, loop.body) or not self._differ(write, op, loop.body, loop):
                return False
        return True

    def _is_inside(self, value: Value, region: Region) -> bool:
        return self._structure.contains(region, self._structure.home[value])

    def _differ(self, write: Store, op: Load | Store, region: Region, loop: Loop | None) -> bool:
        """Whether the indices differ when `write` runs after `op`: in the same run of `region`, or, with
        `loop`, in a later iteration of it, whose body is `region`."""
        for after, before in zip(write.index, op.index, strict=True):
            if not (self._nonnegative(after) and self._nonnegative(before)):
                continue
            for low in (True, False):
                pairs = product(
                    self._bounds(after, low, region, loop), self._bounds(before, not low, region, loop)
                )
                if any(w.base is r.base and self._beyond(w, r, low, loop) for w, r in pairs):
                    return True
        return False

    def _beyond(self, w: Affine, r: Affine, above: bool, loop: Loop | None) -> bool:
        """Whether w, of the write, is above r, of the access (or below it)."""
        gap = w.offset - r.offset
        if isinstance(loop, For) and w.base is loop.index:
            step = self._step(loop)
            if step == 0 or (step > 0) is not above:
                return False
            gap += step
        return gap > 0 if above else gap < 0

    def _step(self, loop: For) -> int:
        """The step of a loop; 0 if it is not known."""
        step = self._ranges.affine(loop.step)
        return step.offset if step.base is None else 0

    def _bounds(self, value: Value, low: bool, region: Region, loop: Loop | None) -> list[Affine]:
        """Lower (or upper) bounds of an index in terms of what is the same when both ops run, or of the index
        of `loop`."""
        return [b for b in self._chain(self._ranges.affine(value), low) if self._is_common(b, region, loop)]

    def _is_common(self, bound: Affine, region: Region, loop: Loop | None) -> bool:
        if bound.base is None or (isinstance(loop, For) and bound.base is loop.index):
            return True
        home = self._structure.home[bound.base]
        return self._structure.contains(home, region) and (loop is None or home is not region)

    def _chain(self, bound: Affine, low: bool, depth: int = DEPTH) -> Iterator[Affine]:
        """The bound, and what follows from it by the bounds of the loops whose indices it has, and by minima
        and maxima."""
        yield bound
        if bound.base is None or depth == 0:
            return
        for further in self._beneath(bound.base, low, depth - 1):
            yield from self._chain(further.plus(bound.offset), low, depth - 1)

    def _beneath(self, base: Value, low: bool, depth: int) -> Iterator[Affine]:
        owner, op = self._loop_of(base), self._structure.definition.get(base)
        if owner is not None and (step := self._step(owner)):
            first, beyond = self._ranges.affine(owner.lo), self._ranges.affine(owner.hi)
            up = step > 0
            yield first if low is up else beyond.plus(-1 if up else 1)
        elif isinstance(op, Apply) and op.prim in (("pymax", "maximum") if low else ("pymin", "minimum")):
            yield from map(self._ranges.affine, op.args)
        elif isinstance(op, Apply) and op.prim == "add":
            left, right = (list(self._chain(self._ranges.affine(a), low, depth)) for a in op.args)
            for known, other in ((left, right), (right, left)):
                number = next((b.offset for b in known if b.base is None), None)
                if number is not None:
                    yield from (b.plus(number) for b in other)

    def _loop_of(self, value: Value | None) -> For | None:
        home = None if value is None else self._structure.home.get(value)
        owner = None if home is None else self._structure.owner.get(id(home))
        return owner if isinstance(owner, For) and owner.index is value else None

    def _nonnegative(self, value: Value) -> bool:
        """Whether an index is surely not negative, which would count from the end."""
        return any(b.base is None and b.offset >= 0 for b in self._chain(self._ranges.affine(value), True))
