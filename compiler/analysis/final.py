"""Elements that nothing overwrites any more, or has not yet, of arrays that are still being written.

    for i in range(n):
        for j in range(i):
            x[i] -= a[i, j] * x[j]        x[j] is final here: later writes go to x[i], and i > j
        for j in range(i + 1, n):
            x[i] -= a[i, j] * x[j]        x[j] is what it was before the loop: i < j

One of two accesses may run after the other in the same iteration of the loops around both, or in a later
iteration of one of them. They miss each other if on one axis the index of the later one is surely larger, or
surely smaller, and neither is negative, which would count from the end. Indices are compared through the
bounds of loops, and the conditions of branches (`if k > 0`), down to what is the same at both times.
"""

from __future__ import annotations

from ..ir.nodes import For, If, Load, Loop, Op, Region, Store, Value
from ..ir.walk import walk
from .bounds import Bounds
from .memory import Memory


class Final:
    """Whether elements of arrays stay as they are until the end of a scope."""

    def __init__(self, memory: Memory) -> None:
        self._memory = memory
        self._structure = memory.structure
        loops = {op.index: op for op in walk(self._structure.body) if isinstance(op, For)}
        self.bounds = Bounds(self._structure.definition, loops, self._structure)
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
            self._known[id(op)] = all(self._misses(write, op, self._memory.scope) for write in following)
        return self._known[id(op)]

    def untouched(self, op: Load, around: Op) -> bool:
        """Whether the element that `op` loads inside of `around` is what it was before `around` ran."""
        origins, inside = self._memory.origins(op.array), self._structure.region_of(around)
        return all(
            self._misses(op, write, inside)
            for write, written in self._memory.writes
            if not origins.isdisjoint(written) and self._structure.inside(write, around)
        )

    def _misses(self, later: Op, earlier: Op, scope: Region) -> bool:
        """Whether `later`, wherever it runs after `earlier` in one run of `scope`, is at another element."""
        if not isinstance(later, Load | Store) or not isinstance(earlier, Load | Store):
            return False
        array = later.array
        if array is not earlier.array:
            return False
        region, at_earlier, at_later = self._structure.common(earlier, later)
        if at_later == at_earlier and later is not earlier and not isinstance(region.ops[at_later], If):
            return False  # condition and body of a loop
        if at_later > at_earlier and not self._differ(later, earlier, region, None):
            return False
        origins = self._memory.origins(array)
        for loop in self._structure.loops(region, scope):
            if all(self._memory.fresh_in(origin, loop) for origin in origins):
                continue
            if self._is_inside(array, loop.body) or not self._differ(later, earlier, loop.body, loop):
                return False
        return True

    def _is_inside(self, value: Value, region: Region) -> bool:
        return self._structure.contains(region, self._structure.home[value])

    def _differ(self, later: Load | Store, earlier: Load | Store, region: Region, loop: Loop | None) -> bool:
        """Whether the indices differ when `later` runs after `earlier`: in the same run of `region`, or, with
        `loop`, in a later iteration of it, whose body is `region`."""
        ahead = loop if isinstance(loop, For) else None

        def common(base: Value) -> bool:
            if ahead is not None and base is ahead.index:
                return True
            home = self._structure.home[base]
            return self._structure.contains(home, region) and (loop is None or home is not region)

        pairs = zip(later.index, earlier.index, strict=True)
        return any(self.bounds.differ(after, before, common, ahead) for after, before in pairs)
