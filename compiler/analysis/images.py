"""What a loop makes of a product of a vector by linear steps only, and adds to sums of all iterations.

for i in range(n):
    for b in range(d):
        s = 0.0
        for a in range(d):
            s += m[b, a] * v[a]       the product: an update of `analysis/updates.py`
        w[b] = -s                     linear in v, by factors that are the same in every iteration
    for b in range(d):
        total[b] += w[b] + x[i, b]    a sum; what is not made of v may stand beside
"""

from __future__ import annotations

from dataclasses import dataclass, field

from ..ir.nodes import Apply, Const, Dim, For, Load, Op, Region, Store, Value
from ..ir.walk import defined, walk
from .dependence import Dependences
from .updates import SUM, Update, Updates, is_shared


@dataclass(eq=False)
class Image:
    """The values and the scratch arrays that are linear in an update of `nest`, and what it takes to compute
    them once more: the `loops` around, and values that are the same in every iteration. The loops `around`
    the nest go up or down by one, between bounds that are known before.
    """

    update: Update
    nest: For
    around: list[For]
    values: set[Value] = field(default_factory=set)
    arrays: dict[Value, None] = field(default_factory=dict)
    loops: dict[For, None] = field(default_factory=dict)
    needed: set[Value] = field(default_factory=set)
    is_summed: bool = False

    def touches(self, op: Op) -> bool:
        """Whether an op reads or writes what is linear."""
        arrays = not isinstance(op, Dim) and not self.arrays.keys().isdisjoint(op.args)
        return arrays or not self.values.isdisjoint(op.args)


class Images:
    """Finds the images of updates in one loop."""

    def __init__(self, known: Dependences, loop: For, updates: Updates) -> None:
        self._known = known
        self._loop = loop
        self._updates = updates
        self._inside = defined(loop.body)

    def first(self) -> Image | None:
        """The image of the first update that has one."""
        return self._first(self._loop.body, [])

    def _first(self, region: Region, around: list[For]) -> Image | None:
        for op in region.ops:
            if not isinstance(op, For) or not is_shared(op, self._updates.differing):
                continue
            updates = self._updates.of(op)
            images = (self._of(u, [*around, op]) for u in updates if len(u.rows) == 1)
            found = next((image for image in images if image is not None), None)
            if found is None and not updates:
                found = self._first(op.body, [*around, op])
            if found is not None:
                return found
        return None

    def _of(self, update: Update, around: list[For]) -> Image | None:
        """What is linear in an update, if it is added to sums and nothing else is done with it."""
        axes = around[:-1] if update.rows[0].source else around
        if not all(map(self._may_be_axis, axes)):
            return None
        image = Image(update, around[-1], around[:-1], loops=dict.fromkeys(around))
        if update.kind == SUM:
            image.values.update(update.op.outs)
        else:
            image.arrays[update.op.args[0]] = None
        size = -1
        while size != len(image.values) + len(image.arrays):
            size = len(image.values) + len(image.arrays)
            if not self._follow(image, self._loop.body, []):
                return None
        return image if image.is_summed and self._may_be_computed_again(image) else None

    def _may_be_axis(self, loop: For) -> bool:
        """Whether the number of iterations of a loop is known before."""
        literal = self._known.literal
        bounds = (a not in self._inside or literal(a) is not None for a in (loop.lo, loop.hi))
        return literal(loop.step) in (1, -1) and all(bounds)

    def _follow(self, image: Image, region: Region, around: list[For] | None) -> bool:
        """Follow what is linear through a region; `around` are the loops that are the same in every
        iteration, None inside of anything else. Whether all is well.
        """
        if not image.values.isdisjoint(region.yields):
            return False
        for op in region.ops:
            if image.touches(op):
                if around is None or not self._is_linear(image, op):
                    return False
                image.loops.update(dict.fromkeys(around))
            for inner in op.regions:
                within = None
                if isinstance(op, For) and around is not None and is_shared(op, self._updates.differing):
                    within = [*around, op]
                if not self._follow(image, inner, within):
                    return False
        return True

    def _is_linear(self, image: Image, op: Op) -> bool:
        """Whether an op that touches the image is a linear step; what it gives belongs to the image."""
        differing = self._updates.differing
        match op:
            case Load():
                image.values.add(op.out)
                return differing.isdisjoint(op.index)
            case Store() if op.array in self._updates.sums:
                image.is_summed = True
                return op.accumulate and differing.isdisjoint(op.index)
            case Store():
                image.arrays[op.array] = None
                return op.array in self._updates.scratch and differing.isdisjoint(op.index)
            case Apply(prim="add" | "sub" | "neg"):
                image.values.add(op.out)
                return True
            case Apply(prim="mul"):
                image.values.add(op.out)
                others = [a for a in op.args if a not in image.values]
                return len(others) == 1 and differing.isdisjoint(others)
        return False

    def _may_be_computed_again(self, image: Image) -> bool:
        """Whether all that the image is computed by is at hand after the loop; notes what is needed."""
        update = image.update
        wanted = [update.place, update.rows[0].place, *update.inner.args[:3], *update.same]
        wanted += [a for loop in image.loops for a in loop.args[:3]]
        for op in walk(self._loop.body):
            if image.touches(op):
                factors = op.args if isinstance(op, Apply) and op.prim == "mul" else ()
                index = op.index if isinstance(op, Load | Store) else factors
                wanted += [a for a in index if a not in image.values]
        loops = {*image.loops, update.inner}
        while wanted:
            value = wanted.pop()
            if value not in self._inside or value in image.needed or self._known.index_of.get(value) in loops:
                continue
            made = self._known.definition.get(value)
            if value in self._updates.differing or not isinstance(made, Apply | Const | Dim | Load):
                return False
            image.needed.add(value)
            wanted += [a for a in made.args if a.rank == 0]
        return True
