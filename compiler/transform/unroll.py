"""Short loops over small arrays are written out, so that `scalarise` finds literals for indices.

Before::

    d: f64[:] = empty(2)
    for i in range(0, 2, 1) carry (s: f64 = 0.0) {
        t: f64 = a[i]
        d[i] = t
        t_1: f64 = s + t
        yield t_1
    } -> s_1

After::

    d: f64[:] = empty(2)
    t: f64 = a[0]
    d[0] = t
    t_1: f64 = 0.0 + t
    t_2: f64 = a[1]
    d[1] = t_2
    t_3: f64 = t_1 + t_2

A loop is written out if an array that can become scalars is indexed by its index, its trip count is a
literal, and what remains is not long. Others stay: they are easier to read and to compile.

For derivatives, and once loops are fused, `unroll_tiny` writes out those that do little inside of other
loops too, as the product of a matrix of 3 × 3 and a point: what they carry, its adjoint and its tangents
along many directions are scalars then.
"""

from __future__ import annotations

import math

from ..analysis.small import SmallArrays
from ..ir.nodes import Apply, Const, For, Function, Load, Loop, Op, Region, Store, Value, View
from ..ir.types import INT
from ..ir.walk import clone_op, mapped, walk

TRIPS = 8
"""Trips of the longest loop that is written out."""
BUDGET = 96
"""Ops that all trips of a nest of loops may have, without loads, stores and work on indices."""
TINY = 64
"""Ops that all trips of a nest may have that is written out for its own sake."""


def unroll(fn: Function, *, budget: int = BUDGET) -> Function:
    """Write out short loops whose index is one of an array that can become scalars."""
    choice = _Choice(fn, budget)
    choice.loops = choice.needed(fn) if choice.short else set()
    return _written(fn, choice)


def unroll_tiny(fn: Function) -> Function:
    """Write out short nests that do little inside of other loops."""
    choice = _Choice(fn, BUDGET)
    choice.loops = choice.tiny(fn.body)
    return _written(fn, choice)


def _written(fn: Function, choice: _Choice) -> Function:
    return Function(fn.name, _Writer(choice).region(fn.body)) if choice.loops else fn


class _Choice:
    """The loops to write out."""

    def __init__(self, fn: Function, budget: int) -> None:
        self.budget = budget
        self.literals = {
            op.out: int(op.value) for op in walk(fn.body) if isinstance(op, Const) and op.out.type == INT
        }
        self.short: dict[Value, For] = {}
        self._measure(fn.body)
        self.depends: dict[Value, frozenset[Value]] = {index: frozenset((index,)) for index in self.short}
        for op in walk(fn.body):
            if isinstance(op, Apply) and op.out.type == INT and op.prim in ("add", "sub", "mul", "neg"):
                self._derived(op)
        self.loops: set[int] = set()

    def trips(self, op: For) -> range | None:
        """The values of the index, if they are few and known."""
        bounds = [self.literals.get(v) for v in (op.lo, op.hi, op.step)]
        known = [b for b in bounds if b is not None]
        if len(known) < 3 or not known[2] or any(op.attrs):
            return None
        values = range(*known)
        return values if 0 < len(values) <= TRIPS else None

    def _measure(self, region: Region) -> int:
        """The ops of a region once short loops are written out; notes those that may be."""
        size = 0
        for op in region.ops:
            inner = sum(self._measure(r) for r in op.regions)
            trips = self.trips(op) if isinstance(op, For) else None
            if isinstance(op, For) and trips is not None and inner * len(trips) <= self.budget:
                self.short[op.index] = op
                inner *= len(trips)
            size += inner + _cost(op)
        return size

    def tiny(self, region: Region, *, nested: bool = False) -> set[int]:
        """The loops of short nests that do little inside of other loops."""
        found: set[int] = set()
        for op in region.ops:
            work, loops = self._nest(op) if nested and op.regions else (math.inf, set())
            if work <= TINY:
                found |= loops
                continue
            for inner in op.regions:
                found |= self.tiny(inner, nested=nested or isinstance(op, Loop))
        return found

    def _nest(self, op: Op) -> tuple[float, set[int]]:
        """How many ops all trips of a nest of short loops run, and its loops."""
        if not op.regions:
            return not isinstance(op, Const), set()
        trips = self.trips(op) if isinstance(op, For) else None
        if trips is None:
            return math.inf, set()
        work, loops = 0.0, {id(op)}
        for inner in op.regions[0].ops:
            more, nested = self._nest(inner)
            work, loops = work + more, loops | nested
        return work * len(trips), loops

    def _derived(self, op: Apply) -> None:
        """What is computed from literals and the indices of short loops is a literal afterwards."""
        if all(a in self.depends or a in self.literals for a in op.args):
            self.depends[op.out] = frozenset().union(*(self.depends.get(a, frozenset()) for a in op.args))

    def needed(self, fn: Function) -> set[int]:
        """The short loops by whose index an array is indexed that can become scalars."""
        small = SmallArrays(fn, lambda index, length: index in self.depends)
        found: set[int] = set()
        for op in walk(fn.body):
            if isinstance(op, Load | Store) and op.array in small.root:
                for index in op.index:
                    found.update(id(self.short[i]) for i in self.depends.get(index, ()))
        return found


def _cost(op: Op) -> int:
    """What an op adds to code in which small arrays are scalars."""
    free = isinstance(op, Load | Store | Const | View) or (isinstance(op, Apply) and op.out.type == INT)
    return 0 if free else 1


class _Writer:
    """Rebuilds regions with the chosen loops written out; `now` is what stands for a result of theirs."""

    def __init__(self, choice: _Choice) -> None:
        self.choice = choice
        self.now: dict[Value, Value] = {}

    def region(self, region: Region) -> Region:
        ops: list[Op] = []
        for op in region.ops:
            inner = tuple(self.region(r) for r in op.regions)
            rebuilt = op.rebuild(mapped(op.args, self.now), regions=inner)
            if isinstance(op, For) and id(op) in self.choice.loops:
                assert isinstance(rebuilt, For)
                ops.extend(self.trips(rebuilt, self.choice.trips(op) or range(0)))
            else:
                ops.append(rebuilt)
        return Region(region.params, ops, mapped(region.yields, self.now))

    def trips(self, op: For, indices: range) -> list[Op]:
        """A loop written out."""
        ops: list[Op] = []
        carried = op.inits
        for number in indices:
            index = Value(INT)
            ops.append(Const((), (index,), (), (number,), op.src))
            mapping = dict(zip(op.body.params, (index, *carried), strict=True))
            ops.extend(clone_op(inner, mapping) for inner in op.body.ops)
            carried = mapped(op.next, mapping)
        self.now.update(zip(op.outs, carried, strict=False))
        if op.counted:
            count = op.outs[-1]
            ops.append(Const((), (count,), (), (len(indices),), op.src))
        return ops
