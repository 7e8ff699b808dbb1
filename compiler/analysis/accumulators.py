"""Carried scalars to which a loop only adds.

for i in range(n):            the adjoint of s is the same before, in and after the loop,
    s = s + f(x[i])           so the reverse of an iteration needs none of the other iterations
"""

from __future__ import annotations

from ..ir.nodes import Apply, For, If, Loop, Op, Region, Value
from ..ir.walk import regions


class Accumulators:
    """Answers for the loops of one function body."""

    def __init__(self, body: Region) -> None:
        self._uses: dict[Value, list[tuple[Region, Op | None, int]]] = {}
        self._owner: dict[int, tuple[Op, Region]] = {}
        for region in regions(body):
            for op in region.ops:
                for inner in op.regions:
                    self._owner[id(inner)] = (op, region)
                for position, arg in enumerate(op.args):
                    self._uses.setdefault(arg, []).append((region, op, position))
            for position, value in enumerate(region.yields):
                self._uses.setdefault(value, []).append((region, None, position))

    def only_adds(self, loop: Loop, k: int) -> bool:
        """Whether every iteration of a loop gives its carried value k plus or minus something that does not
        depend on it."""
        return isinstance(loop, For) and self._reaches(loop.carried[k], loop.body) == k + loop.stops

    def _reaches(self, value: Value, region: Region) -> int | None:
        """The position at which a region yields `value` plus something; None where it is used otherwise."""
        uses = self._uses.get(value, [])
        if len(uses) == 1 and uses[0][0] is region:
            return self._after(*uses[0][1:], region)
        return self._through_if(uses, region)

    def _through_if(self, uses: list[tuple[Region, Op | None, int]], region: Region) -> int | None:
        """The same for a value that each branch of one If uses once."""
        owners = [self._owner.get(id(part)) for part, _, _ in uses]
        if len(uses) != 2 or uses[0][0] is uses[1][0] or owners[0] is None or owners[0] != owners[1]:
            return None
        op, place = owners[0]
        if not isinstance(op, If) or place is not region:
            return None
        end, other = (self._after(*use[1:], use[0]) for use in uses)
        return None if end is None or end != other else self._reaches(op.outs[end], region)

    def _after(self, op: Op | None, position: int, region: Region) -> int | None:
        if op is None:
            return position
        if isinstance(op, Apply) and (op.prim == "add" or (op.prim == "sub" and position == 0)):
            return self._reaches(op.out, region)
        if isinstance(op, For) and position >= 3 and self.only_adds(op, position - 3):
            return self._reaches(op.outs[position - 3], region)
        return None
