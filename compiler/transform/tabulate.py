"""What is dear and the same in every iteration of a loop is computed before it, once for each inner index.

Before::

    for i in range(0, n, 1) {
        for c in range(0, k, 1) {
            t: f64 = logs[c]
            scale: f64 = exp(t)
            …
        }
    }

After::

    scales: f64[:] = empty(k)
    runs: bool = 0 < n
    if runs {
        for c in range(0, k, 1) {
            t: f64 = logs[c]
            scale: f64 = exp(t)
            scales[c] = scale
        }
    }
    for i in range(0, n, 1) {
        for c in range(0, k, 1) {
            scale: f64 = scales[c]
            …
        }
    }

The adjoint of the table is added up in the loop and multiplied by the derivative of `exp` once. A table is no
larger than an array that it is made of; what depends on no inner index is a scalar. Loads run earlier than
they did, so a loop that shows anything to the caller before it could meet a bad index keeps them. And nothing
is computed that the loop would not compute: what stands in a branch, or in a loop with a `break`, stays.
"""

from __future__ import annotations

from dataclasses import dataclass

from ..analysis.dependence import READ, Access, Dependences, Summary
from ..ir.build import Builder
from ..ir.effects import may_raise
from ..ir.nodes import Apply, Const, Dim, For, Function, Load, Op, Region, Value
from ..ir.types import is_inexact
from ..ir.walk import clone_op, defined, free, rewrite, walk
from ..prims.counting import iteration, trip_count
from ..prims.prim import PRIMS, emit

DEAR = 20
"""Additions that an entry of a table costs at least: an `exp`, or some divisions."""
FEWEST = 4
"""Iterations that are known to be fewer need no table."""


@dataclass(eq=False)
class Entry:
    """A value to be computed before a loop: by which ops, for all indices of some loops, if others run."""

    value: Value
    ops: list[Op]
    axes: tuple[For, ...]
    needed: tuple[For, ...]


def tabulate(
    fn: Function, *, distinct_params: bool = True, reassociate: bool = True, visible: bool = True
) -> Function:
    """Make tables; the function itself where there are none."""
    if not any(isinstance(op, For) for op in walk(fn.body)):
        return fn
    known = Dependences(fn, distinct_params=distinct_params, reassociate=reassociate, visible=visible)
    pass_ = _Tables(known)
    body = pass_.region(fn.body)
    return Function(fn.name, body) if pass_.changed else fn


class _Tables:
    """Rebuilds regions from the outside inwards, so that tables are made as early as they can be."""

    def __init__(self, known: Dependences) -> None:
        self._known = known
        self.changed = False

    def region(self, region: Region) -> Region:
        """A region with tables before its loops, and before loops inside."""
        ops: list[Op] = []
        for op in region.ops:
            before, read = self._loop(op) if isinstance(op, For) else ([], op)
            ops += before
            ops.append(read.rebuild(regions=tuple(map(self.region, read.regions))) if op.regions else op)
        return Region(region.params, ops, region.yields)

    def _loop(self, loop: For) -> tuple[list[Op], Op]:
        """What is computed before a loop, and the loop that reads it."""
        entries = [] if self._is_short(loop) else _Search(self._known, loop).entries()
        if not entries:
            return [], loop
        self.changed = True
        b = Builder()
        b.src = loop.src
        b.defs.update(self._known.definition)
        read: dict[Value, list[Op]] = {}
        for needed in dict.fromkeys(e.needed for e in entries):
            self._compute(b, needed, [e for e in entries if e.needed == needed], read)
        body = rewrite(loop.body, lambda op: read.get(op.out) if isinstance(op, Apply) else None)
        return b.region.ops, loop.rebuild(regions=(body,))

    def _is_short(self, loop: For) -> bool:
        ends = [self._known.literal(v) for v in (loop.lo, loop.hi, loop.step)]
        numbers = [n for n in ends if n is not None]
        return not ends[2] or (len(numbers) == 3 and len(range(*numbers)) < FEWEST)

    def _compute(
        self, b: Builder, needed: tuple[For, ...], entries: list[Entry], read: dict[Value, list[Op]]
    ) -> None:
        """Append what computes entries if some loops run, and note what reads them."""
        tables = {e.value: _table(b, e) for e in entries if e.axes}
        scalars = [e for e in entries if not e.axes]
        runs = b.const(True)
        for loop in needed:
            ends = (loop.lo, loop.hi) if (self._known.literal(loop.step) or 0) > 0 else (loop.hi, loop.lo)
            runs = emit(b, "and", runs, emit(b, "lt", *ends))
        b.open()
        found = [_fill(b, e, tables.get(e.value)) for e in entries]
        then = b.close([value for value, e in zip(found, entries, strict=True) if not e.axes])
        b.open()
        orelse = b.close([b.undef(e.value.type) for e in scalars])
        outs = b.if_(runs, then, orelse)
        for e, out in zip(scalars, outs, strict=True):
            read[e.value] = [Apply((out,), (e.value,), (), ("pos",), b.src)]
        for e in entries:
            if e.axes:
                inner = Builder()
                inner.defs = b.defs
                index = [iteration(inner, loop, loop.index, loop.lo, loop.step) for loop in e.axes]
                load = Load((tables[e.value], *index), (e.value,), (), (), e.ops[-1].src)
                read[e.value] = [*inner.region.ops, load]


def _table(b: Builder, entry: Entry) -> Value:
    shape = [trip_count(b, loop.lo, loop.hi, loop.step) for loop in entry.axes]
    name = entry.value.name
    return b.alloc(shape, entry.value.dtype, name=f"{name}_table" if name else "table")


def _fill(b: Builder, entry: Entry, table: Value | None) -> Value:
    """Append the loops that compute the entries of a table, or the one entry; its value."""
    mapping: dict[Value, Value] = {}
    for loop in entry.axes:
        mapping[loop.index] = Value(loop.index.type, loop.index.name)
        b.open((mapping[loop.index],))
    for op in entry.ops:
        b.add(clone_op(op, mapping))
    value = mapping[entry.value]
    if table is not None:
        index = [iteration(b, loop, mapping[loop.index], loop.lo, loop.step) for loop in entry.axes]
        b.store(table, index, value)
    for loop in reversed(entry.axes):
        b.for_(loop.lo, loop.hi, loop.step, (), b.close())
    return value


class _Search:
    """What can be computed before one loop."""

    def __init__(self, known: Dependences, loop: For) -> None:
        self._known = known
        self._loop = loop
        self._inside = defined(loop.body)
        self._writes = [a for a in known.summary(loop).accesses if a.kind != READ]
        self._made: dict[Value, Op] = {}
        self._around: dict[Value, tuple[For, ...]] = {}  # the loops around what stands in no branch
        self._loops: dict[Value, For] = {}
        self._axes: dict[Value, frozenset[Value] | None] = {}
        self._users: dict[Value, list[Op | None]] = {}
        self._visit(loop.body, ())

    def _visit(self, region: Region, around: tuple[For, ...]) -> None:
        for op in region.ops:
            for out in op.outs:
                self._made[out], self._around[out] = op, around
            if isinstance(op, For) and not op.stops:
                self._loops[op.index] = op
                self._visit(op.body, (*around, op))
        for op in region.ops:
            for value in (*op.args, *(() if isinstance(op, For) and not op.stops else free(op))):
                self._users.setdefault(value, []).append(op)
        for value in region.yields:
            self._users.setdefault(value, []).append(None)

    def entries(self) -> list[Entry]:
        """What is dear, of each expression all that is the same."""
        early = Summary([Access(READ, self._loop.index, None)])
        if not self._known.quiet(early, self._known.summary(self._loop)):
            return []
        found = {value: entry for value in self._made if (entry := self._entry(value)) is not None}
        return [
            entry
            for value, entry in found.items()
            if any(self._ends(value, u, found) for u in self._users.get(value, ()))
        ]

    def _ends(self, value: Value, user: Op | None, found: dict[Value, Entry]) -> bool:
        """Whether a user of a value can not be computed before the loop in the same table."""
        other = found.get(user.out) if isinstance(user, Apply) else None
        return other is None or other.axes != found[value].axes

    def _entry(self, value: Value) -> Entry | None:
        """How a value is computed before the loop; None if it can not be, or need not."""
        op, axes = self._made[value], self.axes(value)
        if axes is None or not isinstance(op, Apply) or not is_inexact(value.dtype):
            return None
        ops = self._slice(value)
        loads = [o for o in ops if isinstance(o, Load)]
        if sum(PRIMS[o.prim].cost for o in ops if isinstance(o, Apply)) < DEAR or not loads:
            return None
        if axes and not any(axes.issubset(o.index) for o in loads):
            return None
        around = self._around[value]
        others = tuple(loop for loop in around if loop.index not in axes)
        if not all(map(self._is_fixed, others)):
            return None
        certain = all(self._known.existing.exists(o.array, o.index) for o in loads)
        needed = () if certain else (self._loop, *others)
        return Entry(value, ops, tuple(loop for loop in around if loop.index in axes), needed)

    def _is_fixed(self, loop: For) -> bool:
        """Whether a loop has the same range in every iteration of the outer one."""
        return bool(self._known.literal(loop.step)) and self._inside.isdisjoint((loop.lo, loop.hi, loop.step))

    def axes(self, value: Value) -> frozenset[Value] | None:
        """The inner indices that a value depends on, if it depends on nothing else of the loop."""
        if value not in self._inside:
            return frozenset()
        if value not in self._axes:
            self._axes[value] = self._found_axes(value)
        return self._axes[value]

    def _found_axes(self, value: Value) -> frozenset[Value] | None:
        loop, op = self._loops.get(value), self._made.get(value)
        if loop is not None:
            return (
                frozenset((value,)) if self._is_fixed(loop) and self._known.literal(loop.step) == 1 else None
            )
        if not isinstance(op, Apply | Const | Dim | Load) or may_raise(op, self._known.definition):
            return None
        if isinstance(op, Load):
            own = Access(READ, op.array, op.index)
            if any(self._known.overlap(own, w) for w in self._writes):
                return None
        parts = [self.axes(a) for a in op.args]
        known = [p for p in parts if p is not None]
        return frozenset().union(*known) if len(known) == len(parts) else None

    def _slice(self, value: Value) -> list[Op]:
        """The ops of the loop that compute a value, in order."""
        found: dict[int, Op] = {}
        waiting = [value]
        while waiting:
            op = self._made.get(waiting.pop())
            if op is not None and id(op) not in found:
                found[id(op)] = op
                waiting += op.args
        return [op for op in dict.fromkeys(self._made.values()) if id(op) in found]
