"""What accesses take for granted of their indices."""

from __future__ import annotations

from dataclasses import dataclass

from ..errors import Src
from ..ir.nodes import Value
from .inside import Run, is_within
from .total import Sum


@dataclass(frozen=True)
class Need:
    """What an access takes for granted: -length <= low and high < length, if the loops `runs` have an
    iteration. A bound that surely holds is None.
    """

    array: Value
    axis: int
    low: Sum | None
    high: Sum | None
    src: Src
    runs: tuple[Run, ...] = ()

    @property
    def place(self) -> tuple[Value, int]:
        """The array and the axis."""
        return self.array, self.axis


def strongest(needs: list[Need]) -> list[Need]:
    """Needs without those that another one implies: of x[i] and x[i + 1] the latter."""
    kept: list[Need] = []
    for need in needs:
        if any(_implies(other, need) for other in kept):
            continue
        kept = [*(other for other in kept if not _implies(need, other)), need]
    return kept


def _implies(a: Need, b: Need) -> bool:
    if a.array is not b.array or a.axis != b.axis or a.runs != b.runs:
        return False
    low = b.low is None or (a.low is not None and is_within(b.low, a.low, False))
    return low and (b.high is None or (a.high is not None and is_within(b.high, a.high, True)))
