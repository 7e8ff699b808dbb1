"""Functions such as exp are computed for a strip of iterations at once, where their loop has no vectors.

Before::

    for i in range(0, n, 1) carry (total: f64 = 0.0) {
        for j in range(0, d, 1) carry (z: f64 = b) { … } -> z_1
        h: f64 = tanh(z_1)
        total_1: f64 = total + h
        for j in range(0, d, 1) { t: f64 = h * x[i, j];  w[j] += t }
        yield total_1
    } -> sum

After::

    for first in range(0, n, 128) carry (total_2: f64 = 0.0) {
        count: i64 = pymin(n - first, 128)
        z_strip: f64[:] = empty(128)
        h_strip: f64[:] = empty(128)
        for k in range(0, count, 1) {
            i_1: i64 = first + k
            for j in range(0, d, 1) carry (z: f64 = b) { … } -> z_1
            z_strip[k] = z_1
        }
        for k_1 in range(0, count, 1) carry (total: f64 = total_2) {
            z_2: f64 = z_strip[k_1]
            h: f64 = tanh(z_2)
            total_1: f64 = total + h
            h_strip[k_1] = h
            yield total_1
        } -> total_3
        for k_2 in range(0, count, 1) { … }
        yield total_3
    } -> sum

LLVM calls the vector variants of libmvec, three to eight times as fast, only in loops that it vectorises. One
with loops inside, or with a recurrence, is none. What such functions wait for of that stands in a first loop
over the strip, they and what is computed element by element in a second, what waits for them in a third. What
costs little is computed again, the rest goes through buffers that stay in the nearest cache. No two
iterations may meet in memory in different parts, and none may raise.
"""

from __future__ import annotations

from ..analysis.dependence import Dependences
from ..analysis.parts import Parts
from ..ir.build import Builder
from ..ir.nodes import For, Function, Op, Region, Value
from ..ir.types import INT
from ..ir.walk import clone_op, substitute, walk
from ..prims.prim import emit

STRIP = 128
"""Iterations of a strip: a few kilobytes of buffers."""
FEWEST = 32
"""Iterations that are known to be fewer are not worth the further loops."""


def strips(
    fn: Function, *, distinct_params: bool = True, reassociate: bool = True, visible: bool = True
) -> Function:
    """Cut loops into strips; the function itself where there are none to cut."""
    if not any(isinstance(op, For) for op in walk(fn.body)):
        return fn
    known = Dependences(fn, distinct_params=distinct_params, reassociate=reassociate, visible=visible)
    pass_ = _Strips(known)
    body = pass_.region(fn.body)
    return Function(fn.name, body) if pass_.changed else fn


class _Strips:
    def __init__(self, known: Dependences) -> None:
        self._known = known
        self.changed = False

    def region(self, region: Region) -> Region:
        """A region with its loops cut; what is in a loop that is cut stays as it is."""
        ops: list[Op] = []
        for op in region.ops:
            parts = Parts(self._known, op) if isinstance(op, For) and self._is_long(op) else None
            if parts is not None and parts.worthwhile:
                self.changed = True
                ops += _Cut(parts).ops()
            else:
                ops.append(op.rebuild(regions=tuple(map(self.region, op.regions))) if op.regions else op)
        return Region(region.params, ops, region.yields)

    def _is_long(self, loop: For) -> bool:
        """Whether a loop goes up by one, and may have many iterations."""
        literal = self._known.literal
        lo, hi = literal(loop.lo), literal(loop.hi)
        return literal(loop.step) == 1 and (lo is None or hi is None or hi - lo >= FEWEST)


class _Cut:
    """A loop over strips around the parts of a loop."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._loop = parts.loop
        self._carried = {p: Value(p.type, p.name) for p in self._loop.carried}  # before a strip
        self._after: dict[Value, Value] = {}
        self._buffers: dict[Value, Value] = {}

    def ops(self) -> list[Op]:
        """What stands for the loop."""
        loop, b = self._loop, Builder()
        b.src = loop.src
        stride = b.int(STRIP)
        first = Value(INT, "first")
        b.open((first, *(self._carried[p] for p in loop.carried)))
        count = emit(b, "pymin", emit(b, "sub", loop.hi, first), b.int(STRIP))
        count.name = "count"
        for value in self._parts.crossing:
            name = f"{value.name}_strip" if value.name else "strip"
            self._buffers[value] = b.alloc([b.int(STRIP)], value.dtype, name=name)
        for level in self._parts.levels:
            self._part(b, level, first, count)
        body = b.close([self._after[p] for p in loop.carried])
        cut = For((loop.lo, loop.hi, stride, *loop.inits), loop.outs, (body,), (False, False, 0), loop.src)
        return [*b.region.ops, cut]

    def _part(self, b: Builder, level: int, first: Value, count: Value) -> None:
        """The loop of one part over a strip."""
        loop, parts = self._loop, self._parts
        ops = parts.ops(level)
        carried = [p for p in loop.carried if parts.level_of(p) == level]
        place = Value(INT, "k")
        b.open((place, *carried))
        index = emit(b, "add", first, place)
        index.name = loop.index.name
        now = {loop.index: index}
        for value, buffer in self._buffers.items():
            if parts.level_of(value) < level and parts.is_used(value, level):
                now[value] = b.load(buffer, (place,), value.name)
        for op in parts.again(ops):
            b.add(clone_op(op, now))
        for op in substitute(Region((), ops), now).ops:
            b.add(op)
        for value, buffer in self._buffers.items():
            if parts.level_of(value) == level:
                b.store(buffer, (place,), value)
        body = b.close([loop.next[loop.carried.index(p)] for p in carried])
        outs = b.for_(b.int(0), count, b.int(1), [self._carried[p] for p in carried], body)
        self._after.update(zip(carried, outs, strict=True))
