"""Builds the loop over blocks of iterations, and the loops over those of one block: `transform/blocks.py`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from ..ir.build import Builder
from ..ir.nodes import Alloc, Const, Dim, For, Load, Op, Region, Store, Value
from ..ir.types import INT
from ..ir.walk import mapped, walk
from ..prims.prim import emit

Now = dict[Value, Value]
"""What values of the loop are in a place of the block."""


def used(ops: Iterable[Op]) -> dict[Value, None]:
    """What ops and those inside of them read."""
    found: dict[Value, None] = {}
    for op in walk(Region((), list(ops))):
        found.update((v, None) for v in (*op.args, *(v for r in op.regions for v in r.yields)))
    return found


class Block:
    """Builds the loop over blocks; `wide` has scratch memory with a row for each iteration, `strips` the
    numbers that several loops over the block read.
    """

    def __init__(
        self,
        loop: For,
        rows: Value,
        wide: Now,
        strips: Now,
        differing: set[Value],
        definition: Mapping[Value, Op],
    ) -> None:
        self.loop = loop
        self.wide = wide
        self.strips = strips
        self.differing = differing
        self.now: Now = {}  # what values of the loop are, where they are the same for the block
        self.before = Builder()
        self.before.src = loop.src
        self._definition = definition
        self.b = Builder()
        self.b.src = loop.src
        self.b.defs.update((v, op) for v, op in definition.items() if isinstance(op, Const))
        self.most = rows
        self.zero, self.one = self.b.int(0), self.b.int(1)
        self._sums = {p: Value(p.type, p.name) for p in loop.carried}
        self.first = Value(INT, "first")
        self.b.open((self.first, *self._sums.values()))
        rest = emit(self.b, "sub", loop.hi, self.first)
        self.count = emit(self.b, "pymin", rest, rows)
        self.count.name = "count"

    def done(self) -> list[Op]:
        """The ops that stand for the loop."""
        loop = self.loop
        body = self.b.close([self._sums[p] for p in loop.carried])
        args = (loop.lo, loop.hi, self.most, *loop.inits)
        self.b.add(For(args, loop.outs, (body,), (False, False, 0), loop.src))
        return [*self.before.region.ops, *self.b.region.ops]

    # -- ops of the loop
    def once(self, op: Op) -> None:
        """An op that is the same for the block."""
        self.b.src = op.src
        self.b.add(self.copy(op, self.now))

    def open(self, loop: For) -> None:
        """Start a loop around loops over the block."""
        self.now[loop.index] = index = Value(INT, loop.index.name)
        self.b.open((index,))

    def close(self, loop: For) -> None:
        """End it."""
        body = self.b.close()
        lo, hi, step = (self.now.get(a, a) for a in loop.args)
        self.b.src = loop.src
        self.b.for_(lo, hi, step, (), body)

    def each(self, ops: list[Op], carried: Sequence[Value] = ()) -> None:
        """Ops for one iteration after the other."""
        params = {p: Value(p.type, p.name) for p in carried}
        k, now = self.rows(used(ops), params.values())
        now.update(params)
        for op in ops:
            self.b.add(self.copy(op, now, k))
        for op in ops:
            for out in op.outs:
                if out in self.strips:
                    self.b.store(self.strips[out], (k,), now[out])
        after = [now.get(v, v) for v in (self.loop.next[self.loop.carried.index(p)] for p in carried)]
        outs = self.end(after, [self._sums[p] for p in carried])
        self._sums.update(zip(carried, outs, strict=True))

    def rows(self, wanted: Iterable[Value], carried: Iterable[Value] = ()) -> tuple[Value, Now]:
        """Start a loop over the block: its index, and what values are in it."""
        k = Value(INT, "k")
        self.b.open((k, *carried))
        now = dict(self.now)
        now[self.loop.index] = index = emit(self.b, "add", self.first, k)
        index.name = self.loop.index.name
        for value in wanted:
            if value in self.strips:
                now[value] = self.b.load(self.strips[value], (k,), value.name)
        return k, now

    def end(self, yields: Sequence[Value] = (), inits: Sequence[Value] = ()) -> tuple[Value, ...]:
        """End a loop over the block."""
        body = self.b.close(yields)
        return self.b.for_(self.zero, self.count, self.one, inits, body)

    def copy(self, op: Op, now: Now, k: Value | None = None) -> Op:
        """A copy of an op of the loop, for row k of scratch memory."""
        args = [now.get(a, a) for a in op.args]
        attrs = op.attrs
        if isinstance(op, Load | Store | Dim) and op.args[0] in self.wide:
            args[0] = self.wide[op.args[0]]
            rank = op.args[0].rank
            if isinstance(op, Dim):
                attrs = (self.axis(op.args[0], op.axis),)
            else:
                assert k is not None
                args.insert(rank, k)
        regions = []
        for region in op.regions:
            params = tuple(self._fresh(p, now) for p in region.params)
            inner = [self.copy(o, now, k) for o in region.ops]
            regions.append(Region(params, inner, mapped(region.yields, now)))
        outs = tuple(self._fresh(out, now) for out in op.outs)
        return type(op)(tuple(args), outs, tuple(regions), attrs, op.src)

    def axis(self, array: Value, axis: int) -> int:
        """An axis of an array, where rows stand before the last one."""
        return axis + 1 if array in self.wide and axis == array.rank - 1 else axis

    def length(self, array: Value, axis: int) -> Value:
        """The length of an axis, known before the loop."""
        alloc = self._definition.get(array)
        return alloc.args[axis] if isinstance(alloc, Alloc) else self.before.dim(array, axis)

    def _fresh(self, value: Value, now: Now) -> Value:
        now[value] = new = Value(value.type, value.name)
        return new
