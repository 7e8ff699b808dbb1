"""Arrays whose last axis is not that of the innermost loop get their axes in the order of the loops.

Before::

    c: f64[:, :] = alloc empty(n, m)
    for k in range(1, m, 1) {
        for i in range(0, n, 1) {
            t: f64 = c[i, k - 1]
            u: f64 = x[i, k]
            v: f64 = x[i, k - 1]
            …
            c[i, k] = t_1
        }
    }

After::

    x_1: f64[:, :] = alloc empty(m, n)
    for i in range(0, n, 1) {
        for k in range(0, m, 1) {
            x_1[k, i] = x[i, k]
        }
    }
    c: f64[:, :] = alloc empty(m, n)
    for k in range(1, m, 1) {
        for i in range(0, n, 1) {
            t: f64 = c[k - 1, i]
            u: f64 = x_1[k, i]
            v: f64 = x_1[k - 1, i]
            …
            c[k, i] = t_1
        }
    }

For recurrences in k that are written a slice at a time, whose loops can not change places: along rows, their
loops become vector instructions, and each line of memory is read once. The adjoint is made of that, so the
shadows have the same layout. Arrays of our own change where more loops run along their rows afterwards, and
those loops across no rows of others. Parameters are copied where that is so for several loops that read about
all of them, if the function writes to none.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from ..analysis.dependence import Dependences
from ..analysis.scatter import is_long
from ..ir.axes import Order, element_accesses, reordered
from ..ir.build import Builder
from ..ir.nodes import Alloc, CallFn, Dim, For, Function, Load, Loop, Op, Region, Store, Value
from ..ir.types import INT
from ..ir.walk import walk

GAIN_OF_COPY = 2
"""How many more accesses have to run along rows for a copy of a parameter."""


def layout(
    fn: Function, *, distinct_params: bool = True, reassociate: bool = True, visible: bool = True
) -> Function:
    """Change the order of axes; the function itself where it is right."""
    own = [op.out for op in walk(fn.body) if isinstance(op, Alloc) and op.out.rank > 1]
    read = [p for p in fn.params if p.rank > 1] if distinct_params and _only_writes(fn, own) else []
    accesses = element_accesses(fn.body, (*own, *read))
    if not accesses:
        return fn
    known = Dependences(fn, distinct_params=distinct_params, reassociate=reassociate, visible=visible)
    visits = _Visits(known, accesses)
    chosen = {a: order for a in own if a in accesses and (order := visits.order(a, 1))}
    chosen = visits.unspoiled(chosen, own)
    for array in read:
        order = visits.order(array, GAIN_OF_COPY) if array in accesses else None
        if order is not None and visits.cover(array):
            chosen[array] = order
    if not chosen:
        return fn
    orders = {array: (Value(array.type, array.name), order) for array, order in chosen.items()}
    b = Builder()
    for array in read:
        if array in orders:
            _copy(b, array, *orders[array])
    body = reordered(fn.body, orders)
    return Function(fn.name, Region(body.params, [*b.region.ops, *body.ops], body.yields))


def _only_writes(fn: Function, arrays: list[Value]) -> bool:
    """Whether the function writes to no other memory."""
    mine = set(arrays)
    return all(
        not isinstance(op, CallFn) and (not isinstance(op, Store) or op.array in mine) for op in walk(fn.body)
    )


@dataclass(frozen=True)
class _Visit:
    """What an innermost loop reads of an array, or writes: the axes, that of the outermost loop first."""

    order: Order
    kind: type[Op]
    loop: Loop


class _Visits:
    """In which order loops visit the elements of arrays."""

    def __init__(self, known: Dependences, accesses: dict[Value, list[Load | Store]]) -> None:
        self._known = known
        self._structure = known.memory.structure
        self._deepest = {array: self._deep(found) for array, found in accesses.items()}
        self._of = {array: self._visits(found) for array, found in self._deepest.items()}

    def _deep(self, accesses: list[Load | Store]) -> list[Load | Store]:
        """Those with the most loops around."""
        depths = [len(self._loops(op)) for op in accesses]
        return [op for op, depth in zip(accesses, depths, strict=True) if depth == max(depths)]

    def _visits(self, accesses: list[Load | Store]) -> list[_Visit]:
        """What loops do; neighbouring elements are one visit."""
        orders = [(op, order) for op in accesses if (order := self._visited(op)) is not None]
        return list(dict.fromkeys(_Visit(order, type(op), self._loops(op)[-1]) for op, order in orders))

    def _loops(self, op: Op) -> list[Loop]:
        return self._structure.loops(self._structure.region_of(op))

    def order(self, array: Value, gain: int) -> Order | None:
        """The order of axes with which most visits run along rows, by `gain` more than now at least."""
        visits = self._of[array]
        rows = Counter(visit.order[-1] for visit in visits)
        for order, _ in Counter(visit.order for visit in visits).most_common(1):
            if rows[order[-1]] - rows[array.rank - 1] >= gain:
                return order
        return None

    def unspoiled(self, chosen: dict[Value, Order], own: list[Value]) -> dict[Value, Order]:
        """Those orders that leave nothing of our own arrays strided in the loops they are good for.

        A loop that runs along some rows and across others is no faster, as vector or not.
        """
        while True:
            last = {array: chosen[array][-1] if array in chosen else array.rank - 1 for array in own}
            spoiled = {
                visit.loop
                for array in own
                for visit in self._of.get(array, ())
                if visit.order[-1] != last[array]
            }
            kept = {
                array: order
                for array, order in chosen.items()
                if not any(v.loop in spoiled for v in self._of[array] if v.order[-1] == order[-1])
            }
            if len(kept) == len(chosen):
                return kept
            chosen = kept

    def _visited(self, op: Load | Store) -> Order | None:
        """The axes, that of the outermost loop first; what no loop changes is before that.

        None if an index is computed, two axes have the index of one loop, or there is no innermost loop that
        changes one.
        """
        loops = self._loops(op)
        if not loops or not isinstance(loops[-1], For) or not is_long(loops[-1], self._known):
            return None
        if any(isinstance(inner, Loop) for inner in walk(loops[-1].body)):
            return None
        depth = {loop.index: k for k, loop in enumerate(loops) if isinstance(loop, For)}
        found: list[int] = []
        for index in op.index:
            root, _ = self._known.affine(index)
            if root is not None and root not in depth and self._changes(root):
                return None
            found.append(-1 if root is None else depth.get(root, -1))
        moving = [k for k in found if k >= 0]
        if len(set(moving)) != len(moving) or len(loops) - 1 not in moving:
            return None
        return tuple(sorted(range(len(found)), key=found.__getitem__))

    def _changes(self, value: Value) -> bool:
        """Whether a value is made in a loop."""
        return bool(self._structure.loops(self._structure.home[value]))

    def cover(self, array: Value) -> bool:
        """Whether every visit comes to about all of an array: every axis has a loop over some length."""
        return all(map(self._covers, self._deepest[array]))

    def _covers(self, op: Load | Store) -> bool:
        for index in op.index:
            loop = self._known.index_of.get(self._known.affine(index)[0] or index)
            if loop is None or not is_long(loop, self._known):
                return False
            ends = [self._known.affine(end)[0] for end in (loop.lo, loop.hi)]
            if not any(isinstance(self._known.definition.get(end), Dim) for end in ends if end is not None):
                return False
        return True


def _copy(b: Builder, array: Value, copied: Value, order: Order) -> None:
    """The array, its axes in another order."""
    lengths = [b.dim(array, axis) for axis in range(array.rank)]
    b.add(Alloc(tuple(lengths[axis] for axis in order), (copied,), (), ("empty", *order)))
    zero, one = b.int(0), b.int(1)
    indices = [Value(INT, name) for name in "ijklmnop"[: array.rank]]
    for index in indices:
        b.open((index,))
    b.store(copied, [indices[axis] for axis in order], b.load(array, indices))
    for length in reversed(lengths):
        body = b.close()
        b.add(For((zero, length, one), (), (body,), (False, False, 0), b.src))
