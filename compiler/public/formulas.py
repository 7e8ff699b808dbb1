"""Sizes of tapes and costs of loops as `f.explain()` tells them: `8 bytes × steps × (len(u) - 2)`."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..adjoint.build import Plan
from ..adjoint.recover import Slot
from ..analysis.linear import Linear, Sums
from ..ir.nodes import Apply, Call, CallFn, For, Load, Loop, Region, Store, Value
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
        self._sums = None if recover is None else Sums(recover.body)

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
        if slot.copied is not None:
            found.append(f"size of {slot.copied.name or 'the array'}")
        return found

    def _trips(self, loop: Loop) -> str:
        """The trip count, where it is a sum of what has a name."""
        unknown = f"trips(line {loop.src.line})"
        if not isinstance(loop, For) or self._sums is None:
            return unknown
        ends = self._sums.ends(loop)
        if ends is None or abs(self._sums.step(loop)) != 1:
            return unknown
        return self._text(ends[1].plus(ends[0], -1).moved(1)) or unknown

    def _text(self, sum_: Linear) -> str:
        """A sum, or nothing if a part of it has no name."""
        text = ""
        for base, factor in sorted(sum_.terms.items(), key=lambda item: item[1] < 0):
            name = self._name(base)
            if not name:
                return ""
            times = name if abs(factor) == 1 else f"{abs(factor)}·{name}"
            sign = "-" if factor < 0 else "+"
            text = f"{text} {sign} {times}" if text else f"{sign if factor < 0 else ''}{times}"
        if sum_.number:
            text += f" {'-' if sum_.number < 0 else '+'} {abs(sum_.number)}" if text else str(sum_.number)
        return f"({text})" if " " in text else text or "0"

    def _name(self, base: Value) -> str:
        if self._sums is not None and base in self._sums.axis:
            array, axis = self._sums.axis[base]
            if not array.name:
                return ""
            return f"{array.name}.shape[{axis}]" if axis else f"len({array.name})"
        return base.name
