"""Where the length of an axis comes from."""

from __future__ import annotations

from collections.abc import Mapping

from ..ir.nodes import (
    Alloc,
    Call,
    Dim,
    If,
    ListGet,
    ListLen,
    ListNew,
    ListSet,
    Loop,
    Op,
    Pop,
    Push,
    Region,
    Value,
    View,
    While,
)
from ..ir.types import INT, List
from .bounds import Bounds
from .facts import pinned_lengths
from .permutation import cycle, permutation
from .structure import Structure
from .total import Sum

Length = Value | tuple[Value, int]
"""A length: a number, or the axis of an array."""


def source_axis(definition: Mapping[Value, Op], array: Value, axis: int) -> Length:
    """The length of an axis as the value that it is, or as the axis of an array that is given."""
    while True:
        op = definition.get(array)
        if isinstance(op, Alloc):
            return op.args[axis]
        step = None
        if isinstance(op, Call):
            step = result_axis(op, axis)
        elif isinstance(op, View) and op.kind != "reshape":
            seen = seen_axis(op, axis)
            step = None if seen is None or seen < 0 else (op.array, seen)
        if step is None:
            return array, axis
        array, axis = step


def carried_axis(structure: Structure, array: Value, axis: int) -> Length:
    """`source_axis`, which goes on before the loop for buffers of one shape that a loop exchanges."""
    found = source_axis(structure.definition, array, axis)
    if isinstance(found, Value):
        return found
    array, axis = found
    loop = structure.definition.get(array) or structure.owner.get(id(structure.home.get(array)))
    values = (*loop.carried, *loop.outs[: len(loop.inits)]) if isinstance(loop, Loop) else ()
    if not isinstance(loop, Loop) or array not in values:
        return found
    places = cycle(permutation(loop), values.index(array) % len(loop.inits))
    first = {carried_axis(structure, loop.inits[k], axis) for k in places}
    return first.pop() if len(first) == 1 else found


def result_axis(call: Call, axis: int) -> tuple[Value, int] | None:
    """The axis of an argument that has the length of an axis of a library call's result."""
    if call.name in ("copy", "cholesky", "cholesky_adjoint", "inv", "cofactor"):
        return call.args[0], axis
    if call.name in ("solve", "solve_lower", "solve_upper"):
        return call.args[1], axis
    if call.name == "dot":
        first, second = call.args
        if first.rank == 2 and axis == 0:
            return first, 0
        return second, second.rank - 1
    return None


def seen_axis(view: View, axis: int) -> int | None:
    """The source axis that an axis of a view shows whole; -1 for a new axis, None for a part."""
    if view.kind == "transpose":
        return int(view.spec[axis])
    source = 0
    shown: list[int | None] = []
    for entry in view.spec:
        if entry == "n":
            shown.append(-1)
        else:
            if entry != "i":
                shown.append(source if entry == ":" else None)
            source += 1
    return shown[axis]


class Lengths:
    """Lengths of axes as sums: equal sums are equal lengths.

    Lengths that nothing is known about get a value of their own, which stands for them here only.
    """

    def __init__(self, body: Region, bounds: Bounds, definition: Mapping[Value, Op]) -> None:
        self._bounds = bounds
        self._definition = definition
        self._joined: dict[Value, tuple[Value, ...]] = {}
        self._carried: dict[Value, tuple[Value, Value]] = {}
        self._kept: dict[Value, list[Value] | None] = {}
        self._fixed = {*body.params, *(out for op in body.ops for out in op.outs)}
        self._unknown: dict[tuple[Value, int], Value] = {}
        self._made: dict[Value, tuple[Value, int]] = {}
        self._known: dict[tuple[Value, int], Sum] = {}
        self._sums: dict[Value, Sum] = {}
        self._collect(body)
        self._suppose(body)
        for array in self._carried:  # first: what is made of them, as long as they are, leads back to them
            for axis in range(array.rank):
                self.of(array, axis)

    def _collect(self, region: Region) -> None:
        for op in region.ops:
            for inner in op.regions:
                self._collect(inner)
            if isinstance(op, Loop):
                for param, init, following, out in zip(op.carried, op.inits, op.next, op.outs, strict=False):
                    self._carried[param] = self._carried[out] = (init, following)
                if isinstance(op, While):
                    for param, carried in zip(op.cond.params, op.carried, strict=True):
                        self._joined[param] = (carried,)
            elif isinstance(op, If):
                for out, a, b in zip(op.outs, op.then.yields, op.orelse.yields, strict=True):
                    self._joined[out] = (a, b)
            elif isinstance(op, Push | ListSet):
                self._keep(op.args[0], op.args[-1])
            whole = () if isinstance(op, Push | Pop | ListGet | ListSet | ListLen) else op.args
            for value in (*whole, *(y for inner in op.regions for y in inner.yields)):
                if isinstance(value.type, List):
                    self._kept[value] = None
        for value in region.yields:
            if isinstance(value.type, List):
                self._kept[value] = None

    def _suppose(self, body: Region) -> None:
        """What checks say of the lengths of parameters."""
        for (array, axis), number in pinned_lengths(body.ops, self._definition).items():
            if array in body.params:
                self._known[array, axis] = Sum((), number)

    def _keep(self, into: Value, value: Value) -> None:
        kept = self._kept.setdefault(into, [])
        if kept is not None:
            kept.append(value)

    def of(self, array: Value, axis: int) -> Sum:
        """The length of an axis."""
        key = (array, axis)
        if key not in self._known:
            self._known[key] = Sum((self._own(key),), 0)  # for references that lead back to this one
            found = self._found(array, axis)
            if found is not None:
                self._known[key] = found
        return self._known[key]

    def _own(self, key: tuple[Value, int]) -> Value:
        if key not in self._unknown:
            self._unknown[key] = own = Value(INT, "length")
            self._made[own] = key
        return self._unknown[key]

    def _found(self, array: Value, axis: int) -> Sum | None:
        if array in self._carried:
            return self._agreed(array, axis, *self._carried[array])
        if array in self._joined:
            lengths = [self.of(a, axis) for a in self._joined[array]]
            return lengths[0] if all(n == lengths[0] for n in lengths) else None
        op = self._definition.get(array)
        if isinstance(op, Alloc):
            return self.sum(op.args[axis])
        if isinstance(op, Pop | ListGet):
            return self._listed(op.args[0], axis)
        step = None
        if isinstance(op, Call):
            step = result_axis(op, axis)
        elif isinstance(op, View) and op.kind != "reshape":
            seen = seen_axis(op, axis)
            if seen == -1:
                return Sum((), 1)
            step = None if seen is None else (op.array, seen)
        return None if step is None else self.of(*step)

    def _agreed(self, array: Value, axis: int, init: Value, following: Value) -> Sum | None:
        """The length of what a loop carries: that of the first, if it leads to the same for the next."""
        first = self.of(init, axis)
        before = dict(self._known), dict(self._sums)
        self._known[array, axis] = first
        if self.of(following, axis) == first:
            return first
        self._known, self._sums = before
        return None

    def _listed(self, from_: Value, axis: int) -> Sum | None:
        """The length of an element of a list to which only arrays of one length are appended."""
        kept = self._kept.get(from_)
        if not kept or not isinstance(self._definition.get(from_), ListNew):
            return None
        lengths = [self.of(a, axis) for a in kept]
        same = all(n == lengths[0] for n in lengths)
        return lengths[0] if same and all(map(self._is_fixed, lengths[0].bases)) else None

    def _is_fixed(self, base: Value) -> bool:
        return self.origin(base) in self._fixed

    def origin(self, base: Value) -> Value:
        """The value that a sum is made of: for a length, the array."""
        return self._made[base][0] if base in self._made else base

    def axis_of(self, base: Value) -> tuple[Value, int] | None:
        """The axis whose length a value stands for."""
        return self._made.get(base)

    def sum(self, value: Value) -> Sum:
        """An integer as a sum, in which lengths are what they are elsewhere."""
        if value not in self._sums:
            self._sums[value] = self.canonical(self._bounds.sum(value))
        return self._sums[value]

    def canonical(self, total: Sum) -> Sum:
        """A sum with its lengths replaced."""
        for base in total.bases:
            op = self._definition.get(base)
            if isinstance(op, Dim):
                total = total.replaced(base, self.of(op.args[0], op.axis))
        return total

    def is_length(self, base: Value) -> bool:
        """Whether a value is a length, and so not negative."""
        return base in self._made or isinstance(self._definition.get(base), Dim | ListLen)
