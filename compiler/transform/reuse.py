"""Scratch arrays of a loop are made once, before it.

Before::

    for t in range(0, steps, 1) {
        a: f64[:] = empty(n)
        …
        b: f64[:] = zeros(m)
        …
        c: f64[:] = call dot(w, a)
        …
    }

After::

    a: f64[:] = empty(n)
    b: f64[:] = empty(m)
    c_1: f64[:] = empty(k)
    for t in range(0, steps, 1) {
        …
        for i in range(0, m, 1) {
            b[i] = 0.0
        }
        …
        c: f64[:] = call dot_into(w, a, c_1)
        …
    }

No iteration may leave its array to the next, to a list or to a function that is called, and the lengths must
be known before the loop. It is the last pass on loops, as iterations share memory after it, though they
exchange nothing through it.
"""

from __future__ import annotations

from ..analysis.lengths import Length, source_axis
from ..analysis.memory import Memory, is_reference
from ..ir.build import Builder
from ..ir.nodes import Alloc, Call, CallFn, Const, Dim, For, Function, Loop, Op, Region, Value
from ..ir.walk import walk
from ..prims.libcall import fill
from ..prims.prim import emit


def reuse(fn: Function, *, calls: bool = True) -> Function:
    """Allocate before loops, also what library calls give; the function itself where nothing can be."""
    pass_ = _Pass(fn, calls)
    if not pass_.made:
        return fn
    return Function(fn.name, pass_.region(fn.body))


class _Pass:
    """`made` has the ops whose arrays go before a loop, by the loop, with the lengths."""

    def __init__(self, fn: Function, calls: bool) -> None:
        self._calls = calls
        self._memory = Memory(fn)
        self._structure = self._memory.structure
        self._kept = self._outside(fn)
        self.made: dict[int, list[tuple[Op, tuple[Length, ...]]]] = {}
        self._scratch: dict[int, Value] = {}
        for op in walk(fn.body):
            self._find(op)

    def _outside(self, fn: Function) -> set[Value]:
        """Memory that lists hold, or that is given to functions."""
        found: set[Value] = set()
        for origin in self._memory.references():
            found |= self._memory.contents(origin)
        for op in walk(fn.body):
            if isinstance(op, CallFn):
                found.update(o for a in op.args if is_reference(a) for o in self._memory.origins(a))
        return found

    def _find(self, op: Op) -> None:
        if not (isinstance(op, Alloc) or (self._calls and isinstance(op, Call) and op.name == "dot")):
            return
        array = op.out
        if not array.rank or array in self._kept:
            return
        lengths = tuple(source_axis(self._structure.definition, array, axis) for axis in range(array.rank))
        region, before = self._structure.region_of(op), None
        while isinstance(loop := self._structure.owner[id(region)], Loop) and self._may_leave(
            array, lengths, loop
        ):
            region, before = self._structure.region_of(loop), loop
        if before is not None:
            self.made.setdefault(id(before), []).append((op, lengths))

    def _may_leave(self, array: Value, lengths: tuple[Length, ...], loop: Loop) -> bool:
        if isinstance(loop, For) and loop.parallel:  # iterations at the same time share nothing
            return False
        known = all(self._is_known(length, loop) for length in lengths)
        return known and self._memory.fresh_in(array, loop)

    def _is_known(self, length: Length, loop: Loop) -> bool:
        """Whether a length is known before a loop."""
        if not isinstance(length, Value):
            return not self._is_inside(length[0], loop)
        return isinstance(self._structure.definition.get(length), Const) or not self._is_inside(length, loop)

    def _is_inside(self, value: Value, loop: Loop) -> bool:
        home = self._structure.home[value]
        return any(self._structure.contains(region, home) for region in loop.regions)

    # -- rebuilding
    def region(self, region: Region) -> Region:
        """A region with its allocations before its loops."""
        b = Builder(Region(region.params))
        for op in region.ops:
            b.src = op.src
            for reused, lengths in self.made.get(id(op), ()):
                self._allocate(b, reused, lengths)
            if id(op) in self._scratch:
                self._reuse(b, op)
            else:
                b.add(op.rebuild(regions=tuple(map(self.region, op.regions))) if op.regions else op)
        return Region(region.params, b.region.ops, region.yields)

    def _allocate(self, b: Builder, op: Op, lengths: tuple[Length, ...]) -> None:
        """The array, or scratch for the call, by lengths that may be negative if the loop does not run."""
        out = op.out if isinstance(op, Alloc) else Value(op.out.type, op.out.name)
        b.src = op.src
        b.add(Alloc(tuple(self._length(b, n) for n in lengths), (out,), (), ("empty",), op.src))
        self._scratch[id(op)] = out

    def _length(self, b: Builder, length: Length) -> Value:
        if not isinstance(length, Value):
            return b.dim(*length)
        op = self._structure.definition.get(length)
        if isinstance(op, Const):
            return b.int(op.value)
        return length if isinstance(op, Dim) else emit(b, "pymax", length, b.int(0))

    def _reuse(self, b: Builder, op: Op) -> None:
        if isinstance(op, Call):
            b.add(Call((*op.args, self._scratch[id(op)]), op.outs, (), ("dot_into",), op.src))
        elif op.attrs == ("zeros",):
            fill(b, op.out, None)
