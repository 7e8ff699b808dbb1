"""Shapes of results that the shapes of the parameters, and integers among them, decide.

def f(x, n): return x[1:] * 2.0, np.zeros((n, 3))   →   (x.shape[0] - 1,), (n, 3)

A length is a number, or a length of a parameter or an integer parameter and a number.
"""

from __future__ import annotations

from ..ir.nodes import Function, Value
from ..ir.types import INT, List
from ..specs import Extent
from .inside import Inside


def result_shapes(fn: Function) -> list[tuple[Extent, ...] | None]:
    """The shape of every result; None where the parameters do not tell."""
    lengths = Inside(fn.body).lengths
    place = {p: k for k, p in enumerate(fn.params)}

    def extent(array: Value, axis: int) -> Extent | None:
        total = lengths.of(array, axis)
        terms = []
        for base in total.bases:
            source, seen = lengths.axis_of(base) or (base, -1)
            if source not in place or (seen < 0 and base.type != INT):
                return None
            terms.append((place[source], seen))
        return Extent(tuple(sorted(terms)), total.offset)

    def shape(result: Value) -> tuple[Extent, ...] | None:
        if isinstance(result.type, List):
            return None
        known = [e for axis in range(result.rank) if (e := extent(result, axis)) is not None]
        return tuple(known) if len(known) == result.rank else None

    return [shape(result) for result in fn.results]
