"""Copies of memory that is overwritten later: one for all that a loop nest reads, instead of each number.

    for t in range(steps):                       for t in range(steps):
        for i in …: v[i] = u[i-1] * u[i]    →        u_saved.append(u.copy())
        for i in …: u[i] = v[i]                      …
                                                 reverse: u_1 = u_saved.pop(); … u_1[i-1] … u_1[i] …

A load whose memory changes after it would be saved number by number. Where a whole nest reads the memory and
does not write it, or reads only elements that it has not written yet, the memory is copied once, before the
nest, if that is no more than the numbers would be: the nest must run over the lengths of the array, and read
more than one number for each element. Where it is not known to run over the lengths of the array, the part
that it does run over is copied, if it reads all of that part and nothing else.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ..analysis.bounds import Bounds
from ..analysis.final import Final
from ..analysis.memory import Memory, is_reference
from ..analysis.ranges import Affine, Ranges, Span
from ..ir.nodes import For, Load, Op, Region, Value
from ..ir.types import Array
from ..ir.walk import walk


@dataclass(frozen=True)
class Version:
    """The contents of the array `ref` before `at` runs.

    `part` has the lengths of what is copied, from the first element on; empty, it is all of the array.
    """

    ref: Value
    at: Op
    part: tuple[Value, ...] = ()


def versions(
    memory: Memory, scope: Region, final: Final, known: Callable[[Value], bool]
) -> dict[Value, Version]:
    """The results of loads that are to come from a copy. `known` says of a value that it is there before all
    loops of the scope.
    """
    changing = [
        op
        for op in walk(scope)
        if isinstance(op, Load)
        and not memory.stable_after(memory.origins(op.array), op)
        and not final.stays(op)
    ]
    found: dict[Value, Version] = {}
    for before_writes in (final, None):
        readers: dict[tuple[Value, int], list[tuple[Load, Op]]] = {}
        for op in changing:
            if op.out not in found:
                at = _nest(memory, op, before_writes)
                readers.setdefault((op.array, id(at)), []).append((op, at))
        for group in readers.values():
            if not _are_many(memory, group):
                continue
            ranges = Ranges(memory.structure)
            whole = any(_sweeps(ranges, op) for op, _ in group)
            part = () if whole else _part(memory, group, final.bounds, known)
            if whole or part:
                found.update((op.out, Version(op.array, at, part)) for op, at in group)
    return found


def _are_many(memory: Memory, group: list[tuple[Load, Op]]) -> bool:
    """Whether the loads of a nest read more numbers than one for each element that they run over."""
    ref = group[0][0].array
    deepest = max(_depth(memory, op, at) for op, at in group)
    enough = deepest > ref.rank or (deepest == ref.rank and len(group) > 1)
    return isinstance(ref.type, Array) and bool(ref.rank) and enough


def _part(
    memory: Memory, group: list[tuple[Load, Op]], bounds: Bounds, known: Callable[[Value], bool]
) -> tuple[Value, ...]:
    """The lengths of the part that one load of a nest runs over, outside of which there is no load; empty if
    there is no such part.
    """
    ranges = Ranges(memory.structure)
    for load, at in group:
        part = _run_over(memory, ranges, load, at)
        if part and all(map(known, part)) and all(_is_inside(bounds, op, part) for op, _ in group):
            return part
    return ()


def _run_over(memory: Memory, ranges: Ranges, load: Load, at: Op) -> tuple[Value, ...]:
    """The ends of the loops around a load, which run from 0 on, one for each axis; empty if a branch may skip
    it, or a loop end early: the copy must read no element that the program does not.
    """
    structure = memory.structure
    ends: dict[Value, Value] = {}
    region = structure.region_of(load)
    while region is not structure.region_of(at):
        loop = structure.owner[id(region)]
        if not isinstance(loop, For) or loop.stops:
            return ()
        if ranges.span(loop) != Span(Affine(None, 0), ranges.affine(loop.hi)):
            return ()
        ends[loop.index] = loop.hi
        region = structure.region_of(loop)
    each = len(load.index) == len(ends) and ends.keys() == set(load.index)
    return tuple(ends[i] for i in load.index) if each else ()


def _is_inside(bounds: Bounds, load: Load, part: tuple[Value, ...]) -> bool:
    """Whether the indices of a load are surely inside of a part."""
    pairs = zip(load.index, part, strict=True)
    return all(bounds.nonnegative(i) and bounds.at_most(i, n, 1) for i, n in pairs)


def _sweeps(ranges: Ranges, load: Load) -> bool:
    """Whether loops around a load run over about the whole array, a triangle of it at least."""
    return all(_reaches(ranges, ranges.affine(i), load.array, axis) for axis, i in enumerate(load.index))


def _reaches(ranges: Ranges, index: Affine, ref: Value, axis: int) -> bool:
    span = ranges.index_span(index.base)
    if span is None:
        return False
    lengths = ranges.lengths(ref, axis)
    if span.high.base is None:
        return any(n.base is None and 2 * (span.high.offset - span.low.offset) >= n.offset for n in lengths)
    return any(n.base is span.high.base for n in lengths) or _reaches(ranges, span.high, ref, axis)


def _nest(memory: Memory, load: Load, final: Final | None) -> Op:
    """The outermost op around a load that sees the array and does not write its memory; or, with `final`, has
    not written the element when the load runs."""
    structure = memory.structure
    writers = [op for op, _ in memory.writes if _may_write(memory, op, load.array)]
    at: Op = load
    region = structure.region_of(load)
    while region is not memory.scope and region is not structure.home[load.array]:
        owner = structure.owner[id(region)]
        if owner is None:
            break
        written = any(structure.inside(op, owner) for op in writers)
        if written and (final is None or not final.untouched(load, owner)):
            break
        at, region = owner, structure.region_of(owner)
    return at


def _may_write(memory: Memory, op: Op, ref: Value) -> bool:
    return any(not memory.apart(a, ref) for a in (op.args[:1] if op.writes else op.args) if is_reference(a))


def _depth(memory: Memory, load: Load, at: Op) -> int:
    """How many loops of the nest stand around a load."""
    structure = memory.structure
    return len(structure.loops(structure.region_of(load), structure.region_of(at)))
