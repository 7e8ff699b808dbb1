"""Which lengths of arguments to suppose known, so that short temporaries in loops have known lengths.

`x = points[o] - cameras[o, 3:6]` in a loop makes an array as long as the axes of two arguments say: of three
elements if the second axis of `points` is 3 long and that of `cameras` at least 6. What is supposed divides
all lengths into parts, and does not depend on earlier calls: lengths up to `EXACT`, each on its own, and the
rest; those for which a slice is cut short, and the rest.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterator, Mapping, Sequence

from ..ir.nodes import Alloc, Apply, Check, Const, Dim, For, Function, Loop, Op, Region, Value
from ..ir.types import INT
from ..ir.walk import walk
from ..specs import Length
from .small import MOST

EXACT = 4
"""The greatest length that has code of its own: points in space, quaternions."""
FAR = 1 << 40
"""Longer than any axis."""
TRIPS = 8
"""Trips of the longest loop over a slice whose length is worth knowing."""

Shapes = Sequence[tuple[int, ...] | None]
Axis = tuple[int, int]
Part = tuple[int, int | None]
"""The least and the greatest length that share code."""
Plain = int | Axis | None


def wanted(fn: Function, shapes: Shapes) -> tuple[Length, ...]:
    """What to suppose of the leaves whose shapes are at hand, in order; nothing for those without."""
    definition = {op.outs[0]: op for op in walk(fn.body) if isinstance(op, Const | Dim | Apply)}
    lengths = _Lengths(definition, {p: k for k, p in enumerate(fn.params)})
    found: dict[Axis, Part] = {}
    for value, is_array in _short(fn.body, lengths):
        axis = lengths.axis(value)
        now = _now(shapes, axis)
        if axis is None or now is None:
            continue
        part = _part(lengths, value, now, is_array)
        if part is not None:
            low, high = found.get(axis, (0, None))
            low, highs = max(low, part[0]), [h for h in (high, part[1]) if h is not None]
            found[axis] = low, min(highs, default=None)
    _tie(found, [(lengths.plain(a), lengths.plain(b)) for a, b in _compared(fn.body, definition)], shapes)
    return tuple(Length(*axis, *found[axis]) for axis in sorted(found))


def _part(lengths: _Lengths, value: Value, now: int, is_array: bool) -> Part | None:
    """The lengths of an axis, among them the one at hand, that share code because of one value."""
    end = lengths.at(value, FAR)
    most: int | None = None
    if end <= (MOST if is_array else TRIPS):  # a slice: all axes that are long enough are alike
        least = bisect_left(range(FAR), end, key=lambda n: lengths.at(value, n))
        if now >= least:
            return least, None
        most = least - 1
    if not is_array:
        return None if most is None else (0, most)
    return (now, now) if now <= EXACT else (EXACT + 1, most)


def _tie(found: dict[Axis, Part], equal: Sequence[tuple[Plain, Plain]], shapes: Shapes) -> None:
    """Adds the axes that must be as long as what is known, until there are no more."""
    pairs = [*equal, *((other, one) for one, other in equal)]
    count = -1
    while count != len(found):
        count = len(found)
        for one, other in pairs:
            length = _exact(found.get(one)) if isinstance(one, tuple) else one
            now = None if isinstance(other, int) else _now(shapes, other)
            if length is None or length > TRIPS or now is None or not isinstance(other, tuple):
                continue
            if now == length:
                found.setdefault(other, (length, length))
            else:
                found.setdefault(other, (length + 1, None) if now > length else (0, length - 1))


def _now(shapes: Shapes, axis: Axis | None) -> int | None:
    """How long an axis is in the call at hand."""
    shape = shapes[axis[0]] if axis is not None and axis[0] < len(shapes) else None
    return None if shape is None or axis is None else shape[axis[1]]


def _exact(part: Part | None) -> int | None:
    return part[0] if part is not None and part[0] == part[1] else None


def _compared(
    region: Region, definition: Mapping[Value, Op], inside: bool = False
) -> Iterator[tuple[Value, Value]]:
    """What checks in loops demand to be equal."""
    for op in region.ops:
        test = definition.get(op.args[0]) if inside and isinstance(op, Check) else None
        if isinstance(test, Apply) and test.prim == "eq":
            yield test.args[0], test.args[1]
        for inner in op.regions:
            yield from _compared(inner, definition, inside or isinstance(op, Loop))


def _short(region: Region, lengths: _Lengths, inside: bool = False) -> Iterator[tuple[Value, bool]]:
    """Lengths that matter in loops, and whether they are those of arrays."""
    for op in region.ops:
        if inside and isinstance(op, Alloc) and lengths.may_be_small(op):
            yield from ((n, True) for n in op.args)
        elif inside and isinstance(op, For):
            yield op.hi, False
        elif inside and isinstance(op, Apply) and op.prim == "pymin":
            yield op.out, False
        for inner in op.regions:
            yield from _short(inner, lengths, inside or isinstance(op, Loop))


class _Lengths:
    """Integers that are computed from lengths of parameters, never falling while a length grows."""

    def __init__(self, definition: Mapping[Value, Op], params: Mapping[Value, int]) -> None:
        self._definition = definition
        self._params = params
        self._axes: dict[Value, frozenset[Axis] | None] = {}

    def may_be_small(self, op: Alloc) -> bool:
        """Whether an array has few elements if the lengths of parameters are few."""
        literals = 1
        for length in op.args:
            axes = self._depends(length)
            if axes is None:
                return False
            literals *= 1 if axes else self.at(length, 0)
        return literals <= MOST

    def axis(self, value: Value) -> Axis | None:
        """The one axis that a value depends on."""
        axes = self._depends(value)
        return next(iter(axes)) if axes is not None and len(axes) == 1 else None

    def plain(self, value: Value) -> Plain:
        """The literal or the axis that a value is."""
        op = self._definition.get(value)
        if isinstance(op, Const) and op.out.type == INT:
            return int(op.value)
        return self.axis(value) if isinstance(op, Dim) else None

    def _depends(self, value: Value) -> frozenset[Axis] | None:
        """The axes that a value depends on; None where it depends on more, or may fall."""
        if value not in self._axes:
            self._axes[value] = self._found(self._definition.get(value))
        return self._axes[value]

    def _found(self, op: Op | None) -> frozenset[Axis] | None:
        if isinstance(op, Const):
            return frozenset()
        if isinstance(op, Dim):
            leaf = self._params.get(op.args[0])
            return None if leaf is None else frozenset(((leaf, op.axis),))
        if not isinstance(op, Apply) or op.out.type != INT or op.prim not in GROWING:
            return None
        parts = [self._depends(a) for a in op.args]
        if any(p is None for p in parts) or (op.prim == "sub" and parts[1]):
            return None
        return frozenset().union(*(p for p in parts if p is not None))

    def at(self, value: Value, length: int) -> int:
        """A value if the axis that it depends on has a length."""
        op = self._definition[value]
        if isinstance(op, Const):
            return int(op.value)
        if isinstance(op, Dim):
            return length
        assert isinstance(op, Apply)
        a, b = (self.at(arg, length) for arg in op.args)
        return GROWING[op.prim](a, b)


GROWING: dict[str, Callable[[int, int], int]] = {
    "add": lambda a, b: a + b,
    "sub": lambda a, b: a - b,
    "pymin": min,
    "pymax": max,
}
"""Primitives that do not fall while their first operand grows, nor, but for "sub", the second."""
