"""Elements chosen along an axis, and cotangents put back where they were chosen: each other's adjoints."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..tape.node import Node, Recorded
from ..tape.record import record


def beside(index: np.ndarray[Any, Any], dim: int) -> tuple[Any, ...]:
    """NumPy's index of the elements at `index` along an axis, at their own places along the others."""
    rank = index.ndim
    if rank == 1:
        return (index,)
    ones = (1,) * rank
    return tuple(
        [
            index if k == dim else np.arange(n).reshape((*ones[:k], n, *ones[k + 1 :]))
            for k, n in enumerate(index.shape)
        ]
    )


class PickBackward(Node):
    """Elements chosen along an axis; `static` is (index, axis, length of the axis, whether chosen twice)."""

    __slots__ = ()

    def backward(self, g: Any) -> Any:
        index, axis, length, twice = self.static
        return (place(g, index, axis, length, twice),)


class PlaceBackward(Node):
    """Elements put along an axis of zeros; `static` as for `PickBackward`."""

    __slots__ = ()

    def backward(self, g: Any) -> Any:
        return (pick(g, *self.static),)


def pick(x: Any, index: Any, axis: int, length: int, twice: bool) -> Any:
    """The elements of x at `index` along `axis`."""
    if isinstance(x, Recorded):
        chosen = np.take_along_axis(x._a, index, axis)
        return record(PickBackward, chosen, (x,), None, (index, axis, length, twice))
    return np.take_along_axis(x, index, axis)


def place(g: Any, index: Any, axis: int, length: int, twice: bool = False) -> Any:
    """Zeros of `length` along `axis` with g added at `index`; `twice` if an index occurs more than once."""
    if isinstance(g, Recorded):
        spread = place(g._a, index, axis, length, twice)
        return record(PlaceBackward, spread, (g,), None, (index, axis, length, twice))
    shape = list(g.shape)
    shape[axis] = length
    whole = np.zeros(shape, g.dtype)
    if not twice:
        np.put_along_axis(whole, index, g, axis)
        return whole
    np.add.at(whole, beside(index, axis), g)
    return whole
