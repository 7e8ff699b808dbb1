"""Private scratch memory: what an iteration of a loop reads there, it has written before.

    buffer = empty(k)
    for i in range(n):
        for c in range(k): buffer[c] = f(i, c)       every element that is read was written in the same
        for c in range(k): s = s + g(buffer[c])      iteration, so iterations share nothing through it

An iteration is gone through in the order of the program. A store that is surely executed covers its element,
a counted loop around it a range of elements; a load must lie in what is covered by then.
"""

from __future__ import annotations

from dataclasses import dataclass

from ..ir.nodes import Call, Dim, For, If, Load, Loop, Op, Region, Store, Value, While
from ..ir.walk import walk
from .memory import Memory, is_reference
from .ranges import Affine, Ranges, Span
from .structure import Structure


@dataclass(frozen=True)
class Part:
    """A range of elements of an axis; `whole` says that these are all there are."""

    span: Span
    whole: bool


Box = tuple[Affine | Part, ...]


def _is_whole(box: Box) -> bool:
    return all(isinstance(part, Part) and part.whole for part in box)


def is_private(memory: Memory, loop: For, origin: Value) -> bool:
    """Whether iterations of `loop` exchange nothing through `origin`, which was made outside of it."""
    return _Iteration(memory, loop, origin).private()


def is_rewritten(memory: Memory, loop: For, origin: Value) -> bool:
    """Whether every iteration of `loop` first writes the same elements of `origin`, then reads any.

    The elements that are not written stay as they were made: iterations exchange nothing through them.
    """
    ops = list(walk(loop.body))
    if any(origin in region.yields for op in (loop, *ops) for region in op.regions):
        return False
    if any(origin in op.args and not isinstance(op, Load | Store | Dim | Call) for op in ops):
        return False
    ranges = Ranges(memory.structure)
    stores = [op for op in ops if isinstance(op, Store) and op.array is origin]
    if not all(not s.accumulate and _is_fixed(memory.structure, ranges, loop, s) for s in stores):
        return False
    first = next((k for k, op in enumerate(loop.body.ops) if _reads(op, origin)), len(loop.body.ops))
    return not any(op is store for op in walk(Region((), loop.body.ops[first:])) for store in stores)


def _reads(op: Op, origin: Value) -> bool:
    within = walk(Region((), [op]))
    return any(isinstance(o, Load | Call) and origin in o.args for o in within)


def _is_fixed(structure: Structure, ranges: Ranges, loop: For, store: Store) -> bool:
    """Whether a store runs in every iteration of the loop, over the same elements."""

    def outside(value: Value | None) -> bool:
        return value is None or not structure.contains(loop.body, structure.home[value])

    free: list[Value] = []
    region = structure.region_of(store)
    while region is not loop.body:
        owner = structure.owner[id(region)]
        if not isinstance(owner, For) or owner.stops:
            return False
        if not all(outside(ranges.affine(bound).base) for bound in owner.args[:3]):
            return False
        free.append(owner.index)
        region = structure.region_of(owner)
    bases = [ranges.affine(index).base for index in store.index]
    return all(outside(base) or base in free for base in bases)


class _Iteration:
    def __init__(self, memory: Memory, loop: For, origin: Value) -> None:
        self._memory = memory
        self._structure = memory.structure
        self._ranges = Ranges(memory.structure)
        self._loop = loop
        self._origin = origin

    def private(self) -> bool:
        """Go through one iteration."""
        return self._region(self._loop.body, []) is not None

    def _means(self, ref: Value) -> bool:
        return is_reference(ref) and self._origin in self._memory.origins(ref)

    def _region(self, region: Region, covered: list[Box]) -> list[Box] | None:
        """What is covered after a region; None if it reads anything else."""
        for op in region.ops:
            after = self._op(op, covered)
            if after is None:
                return None
            covered = after
        return covered

    def _op(self, op: Op, covered: list[Box]) -> list[Box] | None:
        match op:
            case Load() | Store() if self._means(op.array):
                if op.array is not self._origin:
                    return None
                box = tuple(self._ranges.affine(i) for i in op.index)
                if isinstance(op, Load) or op.accumulate:
                    return covered if self._holds(covered, box) else None
                return [*covered, box]
            case Dim():
                return covered
            case Call() if any(self._means(a) for a in op.args):
                named = all(a is self._origin for a in op.args if self._means(a))
                return covered if named and any(map(_is_whole, covered)) else None
            case For():
                return self._for(op, covered)
            case If() | While():
                inner = [self._region(r, list(covered)) for r in op.regions]
                if any(c is None for c in inner) or any(self._means(v) for v in op.outs):
                    return None
                then, orelse = inner
                return then if isinstance(op, If) and then == orelse else covered
        touched = any(self._means(v) for v in (*op.args, *op.outs))
        return None if touched else covered

    def _for(self, op: For, covered: list[Box]) -> list[Box] | None:
        if any(self._means(v) for v in (*op.inits, *op.outs)):
            return None
        inner = self._region(op.body, list(covered))
        span = None if op.stops else self._ranges.span(op)
        if inner is None or span is None:
            return None if inner is None else covered
        found = (self._leave(box, op, span) for box in inner[len(covered) :])
        return covered + [box for box in found if box is not None]

    def _leave(self, box: Box, loop: For, span: Span) -> Box | None:
        """What all iterations of an inner loop cover together, of what each one covers."""
        new: list[Affine | Part] = []
        for axis, part in enumerate(box):
            if isinstance(part, Affine) and part.base is loop.index:
                moved = Span(span.low.plus(part.offset), span.high.plus(part.offset))
                part = Part(moved, self._whole(axis, moved))
            new.append(part)
        inside = [v for part in new for v in self._bases(part) if self._inside(v, loop)]
        return None if inside else tuple(new)

    def _bases(self, part: Affine | Part) -> list[Value]:
        bounds = (part,) if isinstance(part, Affine) else (part.span.low, part.span.high)
        return [bound.base for bound in bounds if bound.base is not None]

    def _inside(self, value: Value, loop: Loop) -> bool:
        return self._structure.contains(loop.body, self._structure.home[value])

    def _whole(self, axis: int, span: Span) -> bool:
        """Whether a span is a whole axis of the memory."""
        return span.low == Affine(None, 0) and span.high in self._ranges.lengths(self._origin, axis)

    def _holds(self, covered: list[Box], box: Box) -> bool:
        return any(all(map(self._within, box, known)) for known in covered)

    def _within(self, index: Affine | Part, known: Affine | Part) -> bool:
        assert isinstance(index, Affine)
        if isinstance(known, Affine):
            return index == known
        low, high = known.span.low, known.span.high
        at_most = self._ranges.at_most
        return known.whole or (at_most(low, index) and at_most(index.plus(1), high))
