"""What the loops over the lanes of many tangents read and write, and where that can be other than zero.

    for lane in range(0, lanes, 1) {            sources: x_dot[i], t_dot
        a: f64 = x_dot[i, lane]                 a lane of y_dot[j] is zero where those of both are
        b: f64 = a * cos_x
        c: f64 = t_dot[lane]
        y_dot[j, lane] = b + c
    }

Tangents are linear in tangents: what a loop stores is zero in the lanes in which all that it loads is zero. A
*cell* is an element of an array with its lanes. Of axes with literal indices only the cells together are told
apart from others: nine elements `frames_dot[j, 0, 0]` … of a matrix are one cell `frames_dot[j]`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ..ir.axes import element_accesses
from ..ir.nodes import Alloc, Apply, Const, Dim, For, Function, Load, Op, Region, Store, Value
from ..ir.walk import defined, walk

LINEAR = {
    "add": (0, 1), "sub": (0, 1), "neg": (0,), "pos": (0,), "cast": (0,), "div": (0,), "select": (1, 2),
    "real": (0,), "imag": (0,), "conj": (0,),
}  # fmt: skip
"""Primitives that give zero if these arguments are zero; a product does if one of them is."""


@dataclass(frozen=True)
class Cell:
    """Elements of an array, by the indices on the axes that tell them apart."""

    array: Value
    index: tuple[Value, ...]


@dataclass(frozen=True)
class LaneLoop:
    """A loop over all lanes. `sources` is None where what it stores may be other than zero in any lane."""

    loop: For
    sources: tuple[Cell, ...] | None
    stored: tuple[Cell, ...]
    added: tuple[Cell, ...]


class LaneLoops:
    """The loops over lanes of a function, in order.

    `seeds` are parameters that the function only reads, with the lanes as their last axis. Of the arrays that
    the function makes, those in `arrays` are accessed element by element, written by loops over lanes only,
    and made outside of loops.
    """

    def __init__(self, fn: Function, seeds: Sequence[Value]) -> None:
        self.seeds = tuple(seeds)
        self._definition = {out: op for op in walk(fn.body) for out in op.outs}
        self.lanes = {
            op.out
            for op in fn.body.ops
            if isinstance(op, Dim) and op.args[0] in self.seeds and op.axis == op.args[0].rank - 1
        }
        over = [op for op in walk(fn.body) if isinstance(op, For) and self._is_over_lanes(op)]
        self.arrays = self._arrays(fn, over)
        self._axes = {array: self._told_apart(array, over) for array in (*self.seeds, *self.arrays)}
        self.loops = [self._lane_loop(loop) for loop in over]

    def axes(self, array: Value) -> tuple[int, ...]:
        """The axes that tell cells apart."""
        return self._axes[array]

    def literal(self, value: Value) -> object:
        """The literal behind a value, or None."""
        op = self._definition.get(value)
        return op.value if isinstance(op, Const) else None

    # -- what there is
    def _is_over_lanes(self, op: For) -> bool:
        plain = all(isinstance(o, Apply | Const | Dim | Load | Store) for o in op.body.ops)
        if not plain or op.inits or op.stops or op.counted or op.parallel:
            return False
        return op.hi in self.lanes and self.literal(op.lo) == 0 and self.literal(op.step) == 1

    def _arrays(self, fn: Function, over: list[For]) -> dict[Value, Alloc]:
        made = {
            op.out: op
            for op in fn.body.ops
            if isinstance(op, Alloc) and op.args and op.args[-1] in self.lanes
        }
        home = {id(op): loop for loop in over for op in loop.body.ops}
        found = element_accesses(Region((), fn.body.ops), made)
        return {
            array: made[array]
            for array, accesses in found.items()
            if all(_is_lane_of(home.get(id(op)), op) for op in accesses if isinstance(op, Store))
        }

    def _told_apart(self, array: Value, over: list[For]) -> tuple[int, ...]:
        accesses = [
            op for loop in over for op in loop.body.ops if isinstance(op, Load | Store) and op.array is array
        ]
        return tuple(
            axis
            for axis in range(array.rank - 1)
            if any(self.literal(op.index[axis]) is None for op in accesses)
        )

    # -- what one loop does
    def _lane_loop(self, loop: For) -> LaneLoop:
        stores = [op for op in loop.body.ops if isinstance(op, Store)]
        stored = dict.fromkeys(c for op in stores if not op.accumulate and (c := self._cell(loop, op)))
        added = dict.fromkeys(c for op in stores if op.accumulate and (c := self._cell(loop, op)))
        return LaneLoop(loop, self._sources(loop), tuple(stored), tuple(added))

    def _cell(self, loop: For, op: Load | Store) -> Cell | None:
        """The cell that an op touches one lane of."""
        if op.array not in self._axes or not _is_lane_of(loop, op):
            return None
        return Cell(op.array, tuple(op.index[axis] for axis in self._axes[op.array]))

    def _sources(self, loop: For) -> tuple[Cell, ...] | None:
        """The cells outside of whose lanes all that a loop stores is zero."""
        origins: dict[Value, dict[Cell, None]] = {}
        found: dict[Cell, None] = {}
        for op in loop.body.ops:
            if isinstance(op, Store):
                origin = self._origin(op.value, origins)
                if origin is None or self._cell(loop, op) is None:
                    return None
                found |= origin
            elif isinstance(op, Load) and (cell := self._cell(loop, op)):
                origins[op.out] = {cell: None}
            elif isinstance(op, Apply):
                origin = self._of_result(op, origins)
                if origin is not None:
                    origins[op.out] = origin
        return tuple(found)

    def _of_result(self, op: Apply, origins: dict[Value, dict[Cell, None]]) -> dict[Cell, None] | None:
        args = [self._origin(a, origins) for a in op.args]
        if op.prim == "mul":
            known = [a for a in args if a is not None]
            return known[0] if known else None
        if op.prim not in LINEAR:
            return None
        total: dict[Cell, None] = {}
        for k in LINEAR[op.prim]:
            origin = args[k]
            if origin is None:
                return None
            total |= origin
        return total

    def _origin(self, value: Value, origins: dict[Value, dict[Cell, None]]) -> dict[Cell, None] | None:
        return {} if self.literal(value) == 0 else origins.get(value)


def _is_lane_of(loop: For | None, op: Op) -> bool:
    """Whether an op in a loop over lanes touches one lane of what the loop does not change."""
    if loop is None or not isinstance(op, Load | Store) or op.index[-1] is not loop.index:
        return False
    return defined(loop.body).isdisjoint(op.index[:-1])
