"""What the accesses of innermost loops cost: along a row, across rows, or of the same element."""

from __future__ import annotations

from collections.abc import Sequence

from ..ir.nodes import For, Load, Op, Region, Store
from ..ir.walk import walk
from .dependence import Dependences

STRIDED = 4
"""The cost of an access across rows; one along a row costs 1, one of the same element nothing."""


class Strides:
    """What accesses cost, each with one loop as the innermost one."""

    def __init__(self, known: Dependences) -> None:
        self._known = known
        self.strided = 0
        self.total = 0

    def add(self, ops: Sequence[Op], loop: For) -> None:
        """Count the accesses of ops inside of a loop."""
        moving = {loop.index, *loop.carried}
        for op in walk(loop.body):
            if not moving.isdisjoint(op.args):
                moving.update(op.outs)
                moving.update(v for region in op.regions for v in region.params)
            if isinstance(op, For) and moving.isdisjoint(op.args[:3]):
                moving.discard(op.index)
        for op in walk(Region((), list(ops))):
            if isinstance(op, Load | Store) and (moves := [i in moving for i in op.index]) and any(moves):
                along = (
                    moves.count(True) == 1 and moves[-1] and self._known.affine(op.index[-1])[0] is loop.index
                )
                times = 2 if isinstance(op, Store) and op.accumulate else 1
                self.strided += times * (not along)
                self.total += times * (1 if along else STRIDED)

    def better_than(self, other: Strides) -> bool:
        """Whether fewer accesses are strided, and all of them cost less."""
        return self.strided < other.strided and self.total < other.total
