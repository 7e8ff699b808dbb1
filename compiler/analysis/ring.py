"""Neighbours on a ring: the index before, or after, that of a loop over 0 … n - 1, where the ends meet.

    (j - 1) % n        j - 1 if j > 0 else n - 1        what np.roll reads for a shift of 1
    (j + 1) % n        j + 1 if j < n - 1 else 0        what np.roll reads for a shift of -1

As the loop has an iteration where it is computed, such an index is at least 0 and less than n.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..ir.nodes import Apply, For, Value
from ..ir.types import INT
from ..prims.logic import MIRRORED

if TYPE_CHECKING:
    from .bounds import Bounds
    from .total import Sum


@dataclass(frozen=True)
class Neighbour:
    """The index `step` from that of a loop, on the ring of all its indices; `step` is 1 or -1."""

    loop: For
    step: int
    length: Sum


def neighbour(value: Value, bounds: Bounds) -> Neighbour | None:
    """What an index is on the ring of a loop around it, if it is such a neighbour."""
    op = bounds.definition.get(value)
    if not isinstance(op, Apply) or op.prim not in ("mod", "select") or value.type != INT:
        return None
    return _remainder(op, bounds) if op.prim == "mod" else _chosen(op, bounds) or _rolled(op, bounds)


def ring(index: Value, bounds: Bounds) -> tuple[For, Sum] | None:
    """The loop of an index that runs over 0 … n - 1, and n."""
    loop = bounds.loops.get(index)
    ends = None if loop is None else bounds.ends(loop)
    if loop is None or ends is None or ends[0].bases or ends[0].offset:
        return None
    return loop, bounds.reached(loop)


def _remainder(op: Apply, bounds: Bounds) -> Neighbour | None:
    """(j ± 1) % n, and (j ± 1 + n) % n."""
    moved, length = (bounds.sum(a) for a in op.args)
    if op.args[1] in moved.bases:
        moved = moved.without(op.args[1])
    known = ring(moved.bases[0], bounds) if len(moved.bases) == 1 else None
    if known is None or known[1] != length:
        return None
    for step in (1, -1):
        gap = moved.offset - step
        if gap == 0 or (not length.bases and length.offset > 0 and gap % length.offset == 0):
            return Neighbour(known[0], step, length)
    return None


def _chosen(op: Apply, bounds: Bounds) -> Neighbour | None:
    """One of two, as an end has been reached or not."""
    cond = bounds.definition.get(op.args[0])
    if not isinstance(cond, Apply) or cond.prim not in MIRRORED:
        return None
    for prim, (index, bound) in ((cond.prim, cond.args), (MIRRORED[cond.prim], cond.args[::-1])):
        known = ring(index, bounds)
        if known is not None and bound.type == INT:
            parts = _parts(prim, bounds.sum(bound), known[1], op.args[1], op.args[2])
            step = None if parts is None else _step(index, known[1], bounds, *parts)
            if step is not None:
                return Neighbour(known[0], step, known[1])
    return None


def _parts(prim: str, bound: Sum, n: Sum, yes: Value, no: Value) -> tuple[int, Value, Value] | None:
    """Which end a condition tells from the rest (-1: the first index, 1: the last), what is chosen at it, and
    what elsewhere.
    """
    from_zero = bound.offset if not bound.bases else None
    from_last = bound.apart_by(n)
    from_last = None if from_last is None else from_last + 1
    if (prim, from_zero) in (("eq", 0), ("lt", 1), ("le", 0)):
        return -1, yes, no
    if (prim, from_zero) in (("ne", 0), ("ge", 1), ("gt", 0)):
        return -1, no, yes
    if (prim, from_last) in (("eq", 0), ("gt", -1), ("ge", 0)):
        return 1, yes, no
    if (prim, from_last) in (("ne", 0), ("le", -1), ("lt", 0)):
        return 1, no, yes
    return None


def _step(index: Value, n: Sum, bounds: Bounds, end: int, at_end: Value, elsewhere: Value) -> int | None:
    """The step to a neighbour: beyond the end that is told apart, one comes to the other end."""
    moved, other = bounds.sum(elsewhere), bounds.sum(at_end)
    if moved.bases != (index,) or moved.offset != end:
        return None
    if not n.bases and other.bases == (index,):
        return end if other.offset == end - end * n.offset else None
    joined = other.apart_by(n) == -1 if end < 0 else not other.bases and other.offset == 0
    return end if joined else None


def _rolled(op: Apply, bounds: Bounds) -> Neighbour | None:
    """i + (n - by) if i < by else i - by, with by = s % max(n, 1), as `np.roll` is lowered for s = ±1."""
    cond, up, down = (bounds.definition.get(a) for a in op.args)
    if not (isinstance(cond, Apply) and isinstance(up, Apply) and isinstance(down, Apply)):
        return None
    if (cond.prim, up.prim, down.prim) != ("lt", "add", "sub") or cond.args != down.args:
        return None
    index, by = cond.args
    back, shift = bounds.definition.get(up.args[1]), bounds.definition.get(by)
    known = ring(index, bounds)
    if (
        known is None
        or up.args[0] is not index
        or not isinstance(back, Apply)
        or not isinstance(shift, Apply)
    ):
        return None
    if (back.prim, shift.prim) != ("sub", "mod") or back.args[1] is not by:
        return None
    floor = bounds.definition.get(shift.args[1])
    if not isinstance(floor, Apply) or floor.prim != "pymax" or bounds.sum(floor.args[1]).bases:
        return None
    if bounds.sum(floor.args[1]).offset != 1:
        return None
    step = bounds.sum(shift.args[0])
    same = bounds.sum(floor.args[0]) == known[1] and bounds.sum(back.args[0]) == known[1]
    if not same or step.bases or abs(step.offset) != 1:
        return None
    return Neighbour(known[0], -step.offset, known[1])
