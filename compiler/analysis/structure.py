"""Where things stand: the region of a value, the loops around an op, which of two ops runs later."""

from __future__ import annotations

from collections.abc import Sequence

from ..ir.nodes import Apply, If, Loop, Op, Region, Value


class Structure:
    """Parents and positions of a function body.

    home:  the region that defines a value (as a parameter or as a result of one of its ops).
    owner: the op that a region belongs to, None for the body of the function.
    """

    def __init__(self, body: Region) -> None:
        self.body = body
        self.home: dict[Value, Region] = {}
        self.owner: dict[int, Op | None] = {id(body): None}
        self._place: dict[int, tuple[Region, int]] = {}
        self.definition: dict[Value, Op] = {}
        self._applied: dict[tuple[int, str, tuple[Value, ...]], Value] = {}
        self._index(body)

    def _index(self, region: Region) -> None:
        for param in region.params:
            self.home[param] = region
        for position, op in enumerate(region.ops):
            self._place[id(op)] = (region, position)
            for out in op.outs:
                self.home[out] = region
                self.definition[out] = op
            if isinstance(op, Apply):
                self._applied.setdefault((id(region), op.prim, op.args), op.out)
            for inner in op.regions:
                self.owner[id(inner)] = op
                self._index(inner)

    def region_of(self, op: Op) -> Region:
        """The region an op stands in."""
        return self._place[id(op)][0]

    def position(self, op: Op) -> int:
        """The index of an op in its region."""
        return self._place[id(op)][1]

    def beside(self, op: Op, prim: str, args: Sequence[Value | None]) -> Value | None:
        """What is computed by a primitive of these arguments in the region of an op."""
        known = tuple(a for a in args if a is not None)
        return self._applied.get((id(self.region_of(op)), prim, known)) if len(known) == len(args) else None

    def enclosing(self, region: Region) -> list[tuple[Region, int]]:
        """(region, position of the op that leads inwards) from the region's own owner outwards."""
        chain = []
        owner = self.owner[id(region)]
        while owner is not None:
            outer, position = self._place[id(owner)]
            chain.append((outer, position))
            owner = self.owner[id(outer)]
        return chain

    def path(self, op: Op) -> list[tuple[Region, int]]:
        """Places from the function body down to the op."""
        region, position = self._place[id(op)]
        return [*reversed(self.enclosing(region)), (region, position)]

    def loops(self, region: Region, scope: Region | None = None) -> list[Loop]:
        """The loops around a region, outermost first; those inside `scope` only, if it is given."""
        found = []
        while region is not scope and (owner := self.owner[id(region)]) is not None:
            if isinstance(owner, Loop):
                found.append(owner)
            region = self.region_of(owner)
        return found[::-1]

    def conditions(self, value: Value) -> list[tuple[Value, bool]]:
        """The conditions of the branches in which a value is made, and what they are there."""
        found: list[tuple[Value, bool]] = []
        region = self.home[value]
        while (owner := self.owner[id(region)]) is not None:
            if isinstance(owner, If):
                found.append((owner.cond, region is owner.then))
            region = self.region_of(owner)
        return found

    def contains(self, outer: Region, inner: Region) -> bool:
        """Whether `inner` is `outer` or lies inside it."""
        region: Region | None = inner
        while region is not None:
            if region is outer:
                return True
            owner = self.owner[id(region)]
            region = None if owner is None else self.region_of(owner)
        return False

    def inside(self, op: Op, owner: Op) -> bool:
        """Whether an op stands in a region of another."""
        home = self.region_of(op)
        return any(self.contains(region, home) for region in owner.regions)

    def common(self, a: Op, b: Op) -> tuple[Region, int, int]:
        """The innermost region that holds both ops, and the positions there of the ops that lead to them."""
        region, at_a, at_b = self.body, 0, 0
        for (region_a, position_a), (region_b, position_b) in zip(self.path(a), self.path(b), strict=False):
            if region_a is not region_b:
                break
            region, at_a, at_b = region_a, position_a, position_b
            if position_a != position_b:
                break
        return region, at_a, at_b
