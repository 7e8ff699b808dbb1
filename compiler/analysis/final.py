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
        self._bounds = Bounds(self._structure.definition, loops)
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
        ahead = loop if isinstance(loop, For) else None

        def common(base: Value) -> bool:
            if ahead is not None and base is ahead.index:
                return True
            home = self._structure.home[base]
            return self._structure.contains(home, region) and (loop is None or home is not region)

        pairs = zip(write.index, op.index, strict=True)
        return any(self._bounds.differ(after, before, common, ahead) for after, before in pairs)
