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

from dataclasses import dataclass
from itertools import product

from ..ir.nodes import Apply, Const, Dim, For, If, Load, Loop, Op, Region, Store, Value
from .memory import Memory

DEPTH, MOST_BOUNDS = 4, 40
"""How many bounds of loops are followed, one after the other and in all."""


@dataclass(frozen=True)
class Sum:
    """A sum of values, in the order of their identities, and a number."""

    bases: tuple[Value, ...]
    offset: int

    def plus(self, other: Sum) -> Sum:
        """The sum of two."""
        return Sum(tuple(sorted((*self.bases, *other.bases), key=id)), self.offset + other.offset)

    def replaced(self, base: Value, by: Sum) -> Sum:
        """The sum with one of its values replaced."""
        k = self.bases.index(base)
        return Sum((*self.bases[:k], *self.bases[k + 1 :]), self.offset).plus(by)


class Final:
    """Whether elements of arrays stay as they are until the end of a scope."""

    def __init__(self, memory: Memory) -> None:
        self._memory = memory
        self._structure = memory.structure
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
                later = self._bounds(after, low, region, loop)
                earlier = self._bounds(before, not low, region, loop)
                if any(self._beyond(w, r, low, loop) for w, r in product(later, earlier)):
                    return True
        return False

    def _beyond(self, w: Sum, r: Sum, above: bool, loop: Loop | None) -> bool:
        """Whether w, of the write, is above r, of the access (or below it)."""
        if w.bases != r.bases:
            return False
        gap = w.offset - r.offset
        turns = w.bases.count(loop.index) if isinstance(loop, For) else 0
        if isinstance(loop, For) and turns:
            step = self._step(loop)
            if step == 0 or (step > 0) is not above:
                return False
            gap += turns * step
        return gap > 0 if above else gap < 0

    def _step(self, loop: For) -> int:
        """The step of a loop; 0 if it is not known."""
        step = self._structure.definition.get(loop.step)
        return int(step.value) if isinstance(step, Const) else 0

    # -- bounds
    def _sum(self, value: Value) -> Sum:
        """An integer as a sum of others and a number."""
        op = self._structure.definition.get(value)
        if isinstance(op, Const):
            return Sum((), int(op.value))
        if isinstance(op, Apply) and op.prim == "add":
            return self._sum(op.args[0]).plus(self._sum(op.args[1]))
        if isinstance(op, Apply) and op.prim == "sub":
            left, right = (self._sum(a) for a in op.args)
            if not right.bases:
                return Sum(left.bases, left.offset - right.offset)
        return Sum((value,), 0)

    def _bounds(self, value: Value, low: bool, region: Region, loop: Loop | None) -> list[Sum]:
        """Lower (or upper) bounds of an index in terms of what is the same when both ops run, and of the
        index of `loop`."""
        found = self._beneath(self._sum(value), low)
        return [bound for bound in found if all(self._is_common(b, region, loop) for b in bound.bases)]

    def _is_common(self, base: Value, region: Region, loop: Loop | None) -> bool:
        if isinstance(loop, For) and base is loop.index:
            return True
        home = self._structure.home[base]
        return self._structure.contains(home, region) and (loop is None or home is not region)

    def _beneath(self, first: Sum, low: bool) -> list[Sum]:
        """The sum, and what it is at least (or at most) by the bounds of the loops whose indices are in it,
        and by minima and maxima."""
        found = {first: None}
        newest = [first]
        for _ in range(DEPTH):
            newest = [
                further
                for bound in newest
                for base in dict.fromkeys(bound.bases)
                for limit in self._limits(base, low)
                if (further := bound.replaced(base, limit)) not in found
            ]
            found.update(dict.fromkeys(newest))
            if len(found) > MOST_BOUNDS:
                break
        return list(found)

    def _limits(self, base: Value, low: bool) -> list[Sum]:
        home = self._structure.home.get(base)
        owner = None if home is None else self._structure.owner.get(id(home))
        op = self._structure.definition.get(base)
        if isinstance(owner, For) and owner.index is base and (step := self._step(owner)):
            up = step > 0
            if low is up:
                return [self._sum(owner.lo)]
            return [self._sum(self._reached(owner)).plus(Sum((), -1 if up else 1))]
        if isinstance(op, Apply) and op.prim in (("pymax", "maximum") if low else ("pymin", "minimum")):
            return [self._sum(a) for a in op.args]
        return []

    def _reached(self, loop: For) -> Value:
        """The end of a loop where its body runs: max(n, 0) is n in a loop from 0 on."""
        op = self._structure.definition.get(loop.hi)
        if self._step(loop) > 0 and isinstance(op, Apply) and op.prim == "pymax":
            lo, floor = self._sum(loop.lo), self._sum(op.args[1])
            if not lo.bases and not floor.bases and floor.offset <= lo.offset:
                return op.args[0]
        return loop.hi

    def _nonnegative(self, value: Value) -> bool:
        """Whether an index is surely not negative, which would count from the end."""
        found = self._beneath(self._sum(value), True)
        return any(b.offset >= 0 and all(map(self._is_length, b.bases)) for b in found)

    def _is_length(self, base: Value) -> bool:
        return isinstance(self._structure.definition.get(base), Dim)
