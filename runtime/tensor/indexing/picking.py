"""Elements chosen along an axis, and cotangents put back where they were chosen: each other's adjoints."""

from __future__ import annotations

import functools
import math
from typing import Any

import numpy as np

from ...tape.node import Node, Recorded
from ...tape.record import record

_FEW = 4096  # elements of arrays for which steps around NumPy's calls count


def extreme(a: Any, largest: bool = True) -> Any:
    """The largest or smallest element as a number, NaN if there is one: of few, its place is found faster."""
    if a.size < _FEW:
        return a.item(a.argmax() if largest else a.argmin())
    return np.maximum.reduce(a, None) if largest else np.minimum.reduce(a, None)


def beside(index: np.ndarray[Any, Any], dim: int) -> tuple[Any, ...]:
    """NumPy's index of the elements at `index` along an axis, at their own places along the others."""
    if index.ndim == 1:
        return (index,)
    grid = _kept if index.size < _FEW else _grid
    places = [*grid(index.shape)]
    places[dim] = index
    return tuple(places)


def _grid(shape: tuple[int, ...]) -> tuple[np.ndarray[Any, Any], ...]:
    """The places of elements along each axis, as NumPy broadcasts them."""
    places = []
    for k, n in enumerate(shape):
        numbers = np.arange(n).reshape([n if j == k else 1 for j in range(len(shape))])
        numbers.flags.writeable = False
        places.append(numbers)
    return tuple(places)


_kept = functools.lru_cache(256)(_grid)


def flat_places(index: np.ndarray[Any, Any], dim: int, shape: tuple[int, ...]) -> np.ndarray[Any, Any]:
    """Where in the flat form of an array the elements at `index` along an axis lie, which must be there.

    One array of places picks twice as fast as one for each axis (`beside`).
    """
    index = index.astype(np.int64, copy=False)
    if index.ndim < 2:
        return index
    step, starts = (_kept_starts if index.size < _FEW else _starts)(index.shape, dim, shape)
    return index + starts if step == 1 else index * step + starts


def _starts(lengths: tuple[int, ...], dim: int, shape: tuple[int, ...]) -> tuple[int, Any]:
    """The step of an axis in the flat form of an array; where each element of an index starts to count."""
    step, starts = 1, np.zeros(lengths, np.int64)
    steps = [math.prod(shape[k + 1 :]) for k in range(len(shape))]
    for k, numbers in enumerate(_grid(lengths)):
        if k == dim:
            step = steps[k]
        else:
            starts += numbers * steps[k]
    starts.flags.writeable = False
    return step, starts


_kept_starts = functools.lru_cache(256)(_starts)


def chosen_along(a: Any, index: Any, dim: int) -> Any:
    """The elements of an array at `index` along an axis."""
    if a.flags.c_contiguous:
        return a.reshape(-1)[flat_places(index, dim, a.shape)]
    return a[beside(index, dim)]


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
