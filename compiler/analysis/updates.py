"""Products of matrices that the iterations of a loop share: sums of products with factors that are the same
in every iteration, and sums over iterations.

    for i in range(n):                        i tells one iteration from another, b and a do not
        for b in range(d):
            g = f(v[b])                       v and y are scratch memory of an iteration
            for a in range(b, d):
                y[a] += m[b, a] * v[b]        FORWARD: v times a matrix that holds m[b, a] at (b, a)
                s += m[b, a] * v[a]           SUM: the same, an element for every b
                w[b, a] += g * v[a]           OUTER: the sum over i of products of a g and a v

The places in the matrix may be any integers that are the same in all iterations, and the nest may come to one
twice.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from ..ir.nodes import Apply, Check, Const, Dim, For, If, Load, Op, Region, Store, Undef, Value
from ..ir.types import is_float
from ..ir.walk import defined, walk
from .dependence import ADD, READ, Access, Dependences
from .races import Races

FORWARD, SUM, OUTER = "forward", "sum", "outer"


@dataclass(eq=False)
class Rows:
    """A factor that differs between iterations: a row of an array, or a value for each index of the nest.

    `axis` is that of the row in `source`, an element of it; `scalars` are further factors.
    """

    source: Load | None
    axis: int
    place: Value
    value: Value
    scalars: list[Value] = field(default_factory=list)


@dataclass(eq=False)
class Update:
    """A sum in a nest of two loops: what `op` adds is a product of `rows` and of `same` factors.

    `place` is what the sum is for: the index of the memory along `axis`, or that of the outer loop. The ops
    `trips` give the bounds of the `inner` loop.
    """

    kind: str
    op: Store | For
    inner: For
    trips: list[Op]
    rows: list[Rows]
    same: list[Value]
    negative: bool
    place: Value
    axis: int = 0


def varying(known: Dependences, loop: For) -> set[Value] | None:
    """Values that may differ between iterations; None if there are ops that do more than compute, or errors
    that depend on the iteration.
    """
    found = {loop.index, *loop.carried}
    written = [x for x in known.summary(loop).accesses if x.kind != READ]
    for op in walk(loop.body):
        differs = not found.isdisjoint(op.args)
        if isinstance(op, Load):
            read = Access(READ, op.array, op.index)
            differs = differs or any(known.overlap(read, w) for w in written)
        elif isinstance(op, For):
            if op.stops or op.counted or op.parallel or op.segments:
                return None
            found.update(op.carried)
            if differs and not found.isdisjoint(op.args[:3]):
                found.add(op.index)
        elif not isinstance(op, Apply | Const | Dim | Store | If | Undef | Check):
            return None
        if differs and isinstance(op, Apply | Check) and known.summary(op).raises:
            return None
        if differs or op.regions:
            found.update(op.outs)
    return found


def is_shared(op: Op, differing: set[Value]) -> bool:
    """Whether a loop has the same iterations in every iteration around."""
    return isinstance(op, For) and differing.isdisjoint(op.args[:3])


def without_sum(loop: For) -> For:
    """A loop that carries a sum, without it."""
    (param,), (following,) = loop.carried, loop.next
    ops = [op for op in loop.body.ops if following not in op.outs and param not in op.args]
    return For(loop.args[:3], (), (Region((loop.index,), ops),), loop.attrs, loop.src)


def updates_of(known: Dependences, races: Races, loop: For, fewest: int) -> Updates | None:
    """What finds updates in a loop whose iterations are independent but for sums; None for other loops, and
    for those that have certainly fewer iterations.
    """
    literal = known.literal
    if loop.stops or loop.counted or loop.parallel or loop.segments or literal(loop.step) != 1:
        return None
    lo, hi = literal(loop.lo), literal(loop.hi)
    few = lo is not None and hi is not None and hi - lo < fewest
    adds = any(isinstance(op, Store) and op.accumulate for op in walk(loop.body))
    if few or not (adds or any(isinstance(op, For) and op.inits for op in walk(loop.body))):
        return None
    differing = varying(known, loop)
    verdict = races.verdict(loop) if differing is not None else None
    if differing is None or verdict is None or verdict.obstacle or verdict.reach:
        return None
    return Updates(known, differing, dict.fromkeys(verdict.scratch), set(verdict.shared_sums))


class Updates:
    """Finds the updates of nests in one loop: `scratch` is memory of an iteration, to `sums` all add."""

    def __init__(
        self, known: Dependences, differing: set[Value], scratch: dict[Value, None], sums: set[Value]
    ) -> None:
        self._known = known
        self.differing = differing
        self.scratch = scratch
        self.sums = sums

    def of(self, nest: For) -> list[Update]:
        """The updates of a nest that may stand apart from the rest of it."""
        self._nest = nest
        self._inside = defined(nest.body)
        self._writes = [x for x in self._known.summary(nest).accesses if x.kind != READ]
        found: list[Update] = []
        for inner in nest.body.ops:
            if not isinstance(inner, For) or not self._may_count(inner):
                continue
            if any(op.regions for op in inner.body.ops):
                continue
            sums = self._sum(inner)
            stores = [self._store(op, inner) for op in inner.body.ops if isinstance(op, Store)]
            if inner.inits and sums is None:
                continue
            found += [u for u in (sums, *stores) if u is not None]
        return found

    def _trips(self, inner: For) -> list[Op] | None:
        """The ops in the nest by which the number of iterations of an inner loop is known."""
        wanted, ops = {inner.lo, inner.hi}, list[Op]()
        for op in reversed(self._nest.body.ops):
            if not wanted.isdisjoint(op.outs):
                if not isinstance(op, Apply | Const | Dim) or self._known.summary(op).raises:
                    return None
                wanted.update(op.args)
                ops.append(op)
        return ops[::-1]

    def _may_count(self, inner: For) -> bool:
        same = self.differing.isdisjoint(inner.args[:3]) and len(inner.inits) <= 1
        return same and self._known.literal(inner.step) == 1 and self._trips(inner) is not None

    def _counts_from_zero(self) -> bool:
        literal = self._known.literal
        return literal(self._nest.lo) == 0 and literal(self._nest.step) == 1

    # -- sums of products
    def _sum(self, inner: For) -> Update | None:
        """A loop that only carries a sum with one factor that differs."""
        if len(inner.inits) != 1 or not self._counts_from_zero() or not is_float(inner.outs[0].dtype):
            return None
        (param,), (following,) = inner.carried, inner.next
        add = next((op for op in inner.body.ops if following in op.outs), None)
        if not isinstance(add, Apply) or add.prim != "add" or add.args.count(param) != 1:
            return None
        if not self._known.is_sum(inner.body, param, following):
            return None
        value = add.args[1] if add.args[0] is param else add.args[0]
        made = self._product(value, inner)
        if made is None or len(made[0]) != 1 or made[0][0].source is None:
            return None
        return Update(SUM, inner, inner, self._trips(inner) or [], *made, self._nest.index)

    def _store(self, op: Store, inner: For) -> Update | None:
        """An addition to memory with one factor that differs, or to a sum of all iterations with two."""
        if not op.accumulate or not is_float(op.value.dtype) or not self._known.sums_commute(op.array):
            return None
        made = self._product(op.value, inner)
        if made is None or not self.differing.isdisjoint(op.index):
            return None
        if len(made[0]) == 2 and op.array in self.sums:
            return Update(OUTER, op, inner, self._trips(inner) or [], *made, made[0][1].place)
        others = [x for x in self._known.summary(self._nest).accesses if x.kind != ADD]
        written = Access(ADD, op.array, op.index)
        axis = self._axis(op.index)
        if len(made[0]) != 1 or op.array not in self.scratch or axis is None:
            return None
        if any(self._known.overlap(x, written) for x in others):
            return None
        return Update(FORWARD, op, inner, self._trips(inner) or [], *made, op.index[axis], axis)

    def _product(self, value: Value, inner: For) -> tuple[list[Rows], list[Value], bool] | None:
        """A value as (factors that differ, factors that do not, whether it is negated)."""
        rows: list[Rows] = []
        same: list[Value] = []
        scalars: list[Value] = []
        negative, left = False, [value]
        while left:
            value = left.pop()
            op = self._known.definition.get(value)
            if value not in self.differing:
                same.append(value)
            elif value not in self._inside:
                scalars.append(value)
            elif isinstance(op, Apply) and op.prim in ("mul", "neg") and op in inner.body.ops:
                negative ^= op.prim == "neg"
                left += op.args
            else:
                found = self._rows(value, op)
                if found is None:
                    return None
                rows.append(found)
        if not rows:
            return None
        rows[0].scalars += scalars
        return rows, same, negative

    def _rows(self, value: Value, op: Op | None) -> Rows | None:
        """A factor that differs, for each place in the nest."""
        if isinstance(op, Load):
            axis = self._axis(op.index)
            read = Access(READ, op.array, op.index)
            written = any(self._known.overlap(read, w) for w in self._writes)
            if axis is not None and not written and self._has_row(op, axis):
                return Rows(op, axis, op.index[axis], value)
        if op in self._nest.body.ops and self._counts_from_zero():
            return Rows(None, 0, self._nest.index, value)
        return None

    def _has_row(self, op: Load, axis: int) -> bool:
        """Whether the row of an element certainly exists, also if the nest has no iterations."""
        others = [(k, i) for k, i in enumerate(op.index) if k != axis]
        return all(self._known.existing.lies_in(op.array, k, i) for k, i in others)

    def _axis(self, index: tuple[Value, ...]) -> int | None:
        """The one axis along which the nest moves, to the same places in all iterations."""
        axes = [axis for axis, i in enumerate(index) if i in self._inside]
        return axes[0] if len(axes) == 1 and index[axes[0]] not in self.differing else None
