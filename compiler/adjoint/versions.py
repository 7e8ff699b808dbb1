"""Copies of memory that is overwritten later: one for all that a loop nest reads, instead of each number.

    for t in range(steps):                       for t in range(steps):
        for i in …: v[i] = u[i-1] * u[i]    →        u_saved.append(u.copy())
        for i in …: u[i] = v[i]                      …
                                                 reverse: u_1 = u_saved.pop(); … u_1[i-1] … u_1[i] …

A load whose memory changes after it would be saved number by number. Where a whole nest reads the memory and
does not write it, or reads only elements that it has not written yet, the memory is copied once, before the
nest, if that is no more than the numbers would be: the nest must run over the lengths of the array, and read
more than one number for each element.
"""

from __future__ import annotations

from dataclasses import dataclass

from ..analysis.final import Final
from ..analysis.memory import Memory, is_reference
from ..analysis.ranges import Affine, Ranges
from ..ir.nodes import Load, Op, Region, Value
from ..ir.types import Array
from ..ir.walk import walk


@dataclass(frozen=True)
class Version:
    """The contents of the array `ref` before `at` runs."""

    ref: Value
    at: Op


def versions(memory: Memory, scope: Region, final: Final) -> dict[Value, Version]:
    """The results of loads that are to come from a copy."""
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
            if _is_less(memory, group):
                found.update((op.out, Version(op.array, at)) for op, at in group)
    return found


def _is_less(memory: Memory, group: list[tuple[Load, Op]]) -> bool:
    """Whether a copy of an array is less than all that the loads of a nest read."""
    ref, ranges = group[0][0].array, Ranges(memory.structure)
    deepest = max(_depth(memory, op, at) for op, at in group)
    enough = deepest > ref.rank or (deepest == ref.rank and len(group) > 1)
    whole = isinstance(ref.type, Array) and ref.rank and enough
    return bool(whole) and any(_sweeps(ranges, op) for op, _ in group)


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
