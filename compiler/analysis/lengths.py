"""Where the length of an axis comes from."""

from __future__ import annotations

from collections.abc import Mapping

from ..ir.nodes import Alloc, Call, Op, Value, View

SHAPE_OF = {"copy": 0, "cholesky": 0, "inv": 0, "cofactor": 0, "solve": 1}
"""Library calls whose result has the shape of an argument, by the number of that argument."""


def source_axis(definition: Mapping[Value, Op], array: Value, axis: int) -> tuple[Value, int] | Value:
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


def result_axis(call: Call, axis: int) -> tuple[Value, int] | None:
    """The axis of an argument that has the length of an axis of a library call's result."""
    if call.name in SHAPE_OF:
        return call.args[SHAPE_OF[call.name]], axis
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
