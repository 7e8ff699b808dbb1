"""Sizes of tapes and costs of loops as `f.explain()` tells them: `8 bytes × steps × (len(u) - 2)`."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..adjoint.build import Plan
from ..adjoint.recover import Slot
from ..analysis.bounds import Bounds
from ..analysis.lengths import source_axis
from ..ir.nodes import Apply, Call, CallFn, Dim, For, Load, Loop, Region, Store, Value
from ..ir.walk import walk
from ..prims.libcall import CALLS
from ..prims.prim import PRIMS


def own_cost(region: Region) -> int:
    """What a region costs without its inner loops, in additions; a library call counts as for one element."""
    total = 0
    for op in region.ops:
        if isinstance(op, Apply):
            total += PRIMS[op.prim].cost if op.prim in PRIMS else 1
        elif isinstance(op, Load | Store):
            total += 1
        elif isinstance(op, Call | CallFn):
            total += CALLS[op.name].cost if op.name in CALLS else 1
        elif not isinstance(op, Loop):
            total += sum(map(own_cost, op.regions))
    return round(total)


class Formulas:
    """Formulas in the names of the user's program."""

    def __init__(self, plan: Plan | None) -> None:
        recover = None if plan is None else plan.recover
        body = Region() if recover is None else recover.body
        self._definition = {out: op for op in walk(body) for out in op.outs}
        loops = {op.index: op for op in walk(body) if isinstance(op, For)}
        self._bounds = Bounds(self._definition, loops)

    def size(self, slot: Slot) -> str:
        """The bytes of a tape."""
        return " × ".join([f"{self._item(slot)} bytes", *self._factors(slot)])

    def total(self, slots: Sequence[Slot]) -> str:
        """The bytes of several tapes, those of the same shape together."""
        found: dict[tuple[str, ...], int] = {}
        for slot in slots:
            factors = tuple(self._factors(slot))
            found[factors] = found.get(factors, 0) + self._item(slot)
        return " + ".join(" × ".join([f"{item} bytes", *factors]) for factors, item in found.items())

    def _item(self, slot: Slot) -> int:
        return np.dtype(slot.value.dtype).itemsize

    def _factors(self, slot: Slot) -> list[str]:
        found = [self._trips(loop) for loop in slot.loops]
        if slot.lengths:
            found.append(f"size of {(slot.copied or slot.value).name or 'the array'}")
        return found

    def _trips(self, loop: Loop) -> str:
        """The trip count, where it is a sum of what has a name."""
        unknown = f"trips(line {loop.src.line})"
        ends = self._bounds.ends(loop) if isinstance(loop, For) else None
        if ends is None:
            return unknown
        low, high = ends
        more, less = list(high.bases), []
        for base in low.bases:
            if base in more:
                more.remove(base)
            else:
                less.append(base)
        return self._text(more, less, high.offset - low.offset) or unknown

    def _text(self, more: Sequence[Value], less: Sequence[Value], number: int) -> str:
        """A sum, or nothing if a part of it has no name."""
        parts = [(self._name(base), "+") for base in more] + [(self._name(base), "-") for base in less]
        if not all(name for name, _ in parts):
            return ""
        if number or not parts:
            parts.append((str(abs(number)), "-" if number < 0 else "+"))
        text = " ".join(f"{sign} {name}" for name, sign in parts).removeprefix("+ ")
        return f"({text})" if len(parts) > 1 else text

    def _name(self, base: Value) -> str:
        op = self._definition.get(base)
        if not isinstance(op, Dim):
            return base.name
        found = source_axis(self._definition, op.args[0], op.axis)
        if isinstance(found, Value):
            return found.name
        array, axis = found
        if not array.name:
            return ""
        return f"{array.name}.shape[{axis}]" if axis else f"len({array.name})"
