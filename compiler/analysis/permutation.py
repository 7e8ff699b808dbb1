"""Buffers that a loop only exchanges, such as `u, v = v, u` at the end of a time step.

Different buffers stay different, and an iteration's buffers are known from those of the next one.
"""

from __future__ import annotations

from ..ir.nodes import Loop
from ..ir.types import Scalar


def permutation(loop: Loop) -> dict[int, int]:
    """k → j for the carried references of which next k is carried j, as far as they only change places."""
    position = {param: k for k, param in enumerate(loop.carried)}
    found = {
        k: position[value]
        for k, value in enumerate(loop.next)
        if not isinstance(value.type, Scalar) and value in position
    }
    while True:
        targets = list(found.values())
        kept = {k: j for k, j in found.items() if j in found and k in targets and targets.count(j) == 1}
        if len(kept) == len(found):
            return found
        found = kept


def cycle(exchanged: dict[int, int], k: int) -> list[int]:
    """The places that the buffer in place k comes to; none if it is not exchanged."""
    found: list[int] = []
    while k in exchanged and k not in found:
        found.append(k)
        k = exchanged[k]
    return found
