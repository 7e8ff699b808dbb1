"""Loops over lanes run over those lanes in which their tangents are other than zero.

Before::

    for j in range(0, n, 1) {
        for lane in range(0, lanes, 1) {
            a: f64 = x_dot[j, lane]
            t: f64 = s_dot[lane]
            t_1: f64 = t + a
            s_dot[lane] = t_1
            y_dot[j, lane] = t_1
        }
    }

After::

    for j in range(0, n, 1) {
        since: i64 = max(s_since[0], x_since[j])
        until: i64 = max(s_until[0], x_until[j])
        first: i64 = max(lanes - since, 0)
        for lane in range(first, until, 1) {
            …
        }
        for lane in range(0, first, 1) { y_dot[j, lane] = 0.0 }
        for lane in range(max(first, until), lanes, 1) { y_dot[j, lane] = 0.0 }
        s_since[0] = since
        s_until[0] = until
        y_since[j] = since
        y_until[j] = until
    }

The directions of a Jacobian are unit vectors: of the tangents of one element all but one lane are zero, and
what follows from few elements has few lanes, as in a recurrence, where the first results depend on the first
arguments only, or in a stencil. So each cell of an array of lanes (`analysis/lane_loops.py`) has two numbers:
only the last `since` and the first `until` of its lanes can be other than zero, so two zeros are none, and of
two cells together the numbers are maxima. The seeds are searched for them. Memory holds what it held before:
the other lanes of what is stored for the first time are zeroed, and what is stored again covers what it
replaces.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ..analysis.lane_loops import Cell, LaneLoop, LaneLoops
from ..errors import Src
from ..ir.build import Builder
from ..ir.nodes import Alloc, For, Function, Load, Op, Region, Store, Value
from ..ir.types import INT
from ..prims.libcall import each
from ..prims.prim import emit
from .scalarise import scalarise

BLOCK = 8
"""Ranges are whole blocks of lanes, as vectors are: what is left over runs one by one."""

MANY = 20
"""Ops of a loop over lanes from which on it is worth the search; short ones wait for memory."""

Bounds = tuple[Value, Value]
"""(since, until)."""


def lane_ranges(fn: Function, seeds: Sequence[Value]) -> Function:
    """Narrow the loops over lanes; the function itself where all tangents depend on the same few elements."""
    found = LaneLoops(fn, seeds)
    if not any(found.axes(seed) for seed in seeds) or not any(map(_is_worth_it, found.loops)):
        return fn
    return scalarise(Function(fn.name, _Ranges(fn, found).region(fn.body)))


def _is_worth_it(lane_loop: LaneLoop) -> bool:
    """Whether fewer lanes save more than ranges cost."""
    return bool(lane_loop.sources) and len(lane_loop.loop.body.ops) >= MANY


@dataclass(frozen=True)
class _Group:
    """Arrays that are written together, so that one range per cell does for all of them.

    `exact`: one store replaces all of a cell.
    """

    arrays: tuple[Value, ...]
    axes: tuple[int, ...]
    exact: bool


class _Ranges:
    def __init__(self, fn: Function, found: LaneLoops) -> None:
        self._found = found
        self._loops = {id(loop.loop): loop for loop in found.loops}
        self._dim = next(op for op in fn.body.ops if op.outs and op.outs[0] in found.lanes)
        self._read = {cell.array for loop in found.loops for cell in loop.sources or ()}
        self._zeroed = self._zeroed_arrays()
        self._group = self._groups()
        self._numbers: dict[_Group, Bounds] = {}

    # -- which arrays have ranges
    def _zeroed_arrays(self) -> set[Value]:
        """Arrays that are zeroed when they are made, not row by row: what is stored again, scalars."""
        found: set[Value] = set()
        for loop in self._found.loops:
            loaded = {op.array for op in loop.loop.body.ops if isinstance(op, Load)}
            found.update(cell.array for cell in loop.stored if cell.array in loaded)
        for array, alloc in self._found.arrays.items():
            if alloc.fill == "zeros" or array.rank == 1:
                found.add(array)
        return found

    def _has_range(self, array: Value) -> bool:
        return array in self._read or array in self._zeroed

    def _groups(self) -> dict[Value, _Group]:
        members: dict[object, list[Value]] = {}
        for seed in self._found.seeds:
            members[seed] = [seed]
        for array, alloc in self._found.arrays.items():
            if self._has_range(array):
                axes = self._found.axes(array)
                lengths = tuple(alloc.args[axis] for axis in axes)
                members.setdefault((lengths, self._is_exact(array), self._writes(array)), []).append(array)
        groups = {}
        for arrays in members.values():
            group = _Group(tuple(arrays), self._found.axes(arrays[0]), self._is_exact(arrays[0]))
            groups.update(dict.fromkeys(arrays, group))
        return groups

    def _is_exact(self, array: Value) -> bool:
        return len(self._found.axes(array)) == array.rank - 1

    def _writes(self, array: Value) -> tuple[object, ...]:
        """Which loops write which cells of an array."""
        return tuple(
            (k, kind, cell.index)
            for k, loop in enumerate(self._found.loops)
            for kind, cells in (("store", loop.stored), ("add", loop.added))
            for cell in cells
            if cell.array is array
        )

    # -- the function with ranges
    def region(self, region: Region) -> Region:
        """A region with its loops over lanes narrowed."""
        ops: list[Op] = []
        for op in region.ops:
            if id(op) in self._loops:
                ops += self._narrowed(self._loops[id(op)])
            elif isinstance(op, Alloc) and op.out in self._group:
                ops += [*self._ranges_of(op), self._allocated(op)]
            else:
                ops.append(op.rebuild(regions=tuple(map(self.region, op.regions))) if op.regions else op)
            if op is self._dim:
                for seed in self._found.seeds:
                    ops += self._searched(seed)
        return Region(region.params, ops, region.yields)

    def _allocated(self, op: Alloc) -> Alloc:
        fill = "zeros" if op.out in self._zeroed else op.fill
        return Alloc(op.args, op.outs, (), (fill, *op.attrs[1:]), op.src)

    def _ranges_of(self, op: Alloc) -> list[Op]:
        """Room for the ranges of a group, before the first of its arrays."""
        group = self._group[op.out]
        if group in self._numbers:
            return []
        b = _builder(op.src)
        self._make(b, group, [op.args[axis] for axis in group.axes])
        return b.region.ops

    def _make(self, b: Builder, group: _Group, lengths: Sequence[Value]) -> None:
        name = group.arrays[0].name.removesuffix("_dot")
        since, until = (
            b.alloc(lengths or [b.int(1)], "int64", "zeros", f"{name}_{which}")
            for which in ("since", "until")
        )
        self._numbers[group] = since, until

    def _searched(self, seed: Value) -> list[Op]:
        """The ranges of the cells of a seed."""
        if seed not in self._read:
            return []
        group = self._group[seed]
        b = _builder(self._dim.src)
        lanes, zero, one, block = self._dim.out, b.int(0), b.int(1), b.int(BLOCK)
        lengths = [b.dim(seed, axis) for axis in range(seed.rank - 1)]
        self._make(b, group, [lengths[axis] for axis in group.axes])

        def search(at: tuple[Value, ...]) -> None:
            cell = Cell(seed, tuple(at[axis] for axis in group.axes))
            before = self._load(b, cell)
            lane = Value(INT, "lane")
            carried = Value(INT, "since"), Value(INT, "until")
            b.open((lane, *carried))
            first = emit(b, "mul", emit(b, "floordiv", lane, block), block)
            last = emit(b, "pymin", emit(b, "add", first, block), lanes)
            some = emit(b, "ne", b.load(seed, (*at, lane)), b.const(0, seed.dtype))
            since = emit(b, "select", some, emit(b, "sub", lanes, first), zero)
            until = emit(b, "select", some, last, zero)
            after = _hull(b, [carried, (since, until)])
            self._store(b, cell, b.for_(zero, lanes, one, list(before), b.close(after)))

        each(b, lengths, search)
        return b.region.ops

    def _narrowed(self, lane_loop: LaneLoop) -> list[Op]:
        loop = lane_loop.loop
        b = _builder(loop.src)
        lanes, zero = loop.hi, loop.lo
        reads = lanes, lanes
        if lane_loop.sources:
            sources = self._ranged(lane_loop.sources)
            reads = _hull(b, [self._load(b, cell) for cell in sources])
            replaced = self._ranged([c for c in lane_loop.stored if c.array in self._zeroed])
            others = [self._load(b, cell) for cell in replaced if not self._is_among(cell, sources)]
            since, until = _hull(b, [reads, *others])
            first = emit(b, "pymax", emit(b, "sub", lanes, since), zero)
            b.add(loop.rebuild((first, until, loop.step)))
            self._zero_rest(b, loop, first, until)
        else:
            b.add(loop)
            if lane_loop.sources is not None:
                reads = zero, zero
        for cell in self._ranged(lane_loop.stored):
            whole = self._group[cell.array].exact
            self._store(b, cell, reads if whole else _hull(b, [reads, self._load(b, cell)]))
        for cell in self._ranged(lane_loop.added):
            self._store(b, cell, _hull(b, [reads, self._load(b, cell)]))
        return b.region.ops

    def _zero_rest(self, b: Builder, loop: For, first: Value, until: Value) -> None:
        """Zero the other lanes of what a loop stores for the first time."""
        fresh = [
            op
            for op in loop.body.ops
            if isinstance(op, Store) and not op.accumulate and op.array not in self._zeroed
        ]
        if not fresh:
            return
        for lo, hi in ((loop.lo, first), (emit(b, "pymax", first, until), loop.hi)):
            lane = Value(INT, loop.index.name)
            b.open((lane,))
            for op in fresh:
                b.store(op.array, (*op.index[:-1], lane), b.const(0, op.array.dtype))
            b.for_(lo, hi, loop.step, (), b.close())

    # -- the two numbers of a cell
    def _ranged(self, cells: Iterable[Cell]) -> list[Cell]:
        """One cell for each range that the cells have."""
        found: dict[tuple[_Group, tuple[Value, ...]], Cell] = {}
        for cell in cells:
            if cell.array in self._group:
                found.setdefault((self._group[cell.array], cell.index), cell)
        return list(found.values())

    def _is_among(self, cell: Cell, cells: Iterable[Cell]) -> bool:
        """Whether one of the cells has the same range."""
        return any(self._group[c.array] is self._group[cell.array] and c.index == cell.index for c in cells)

    def _place(self, b: Builder, cell: Cell) -> tuple[Bounds, tuple[Value, ...]]:
        return self._numbers[self._group[cell.array]], cell.index or (b.int(0),)

    def _load(self, b: Builder, cell: Cell) -> Bounds:
        (since, until), index = self._place(b, cell)
        return b.load(since, index, "since"), b.load(until, index, "until")

    def _store(self, b: Builder, cell: Cell, bounds: Sequence[Value]) -> None:
        arrays, index = self._place(b, cell)
        for array, number in zip(arrays, bounds, strict=True):
            b.store(array, index, number)


def _hull(b: Builder, ranges: Sequence[Bounds]) -> Bounds:
    """The range around some ranges."""
    (since, until), *others = ranges
    for other_since, other_until in others:
        since, until = emit(b, "pymax", since, other_since), emit(b, "pymax", until, other_until)
    return since, until


def _builder(src: Src) -> Builder:
    b = Builder()
    b.src = src
    return b
