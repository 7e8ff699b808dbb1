"""Softmax of arrays along an axis, and its derivative: NumPy's passes, or compiled loops over large rows."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

from ..tape.quiet import quiet
from .kernels import LARGE

Array = np.ndarray[Any, Any]
_largest: Any = np.maximum.reduce
_sum: Any = np.add.reduce


@functools.cache
def loops() -> Any:
    """The compiled loops: importing them takes a while."""
    from . import row_loops

    return row_loops


def suits(*arrays: Array) -> bool:
    """Whether compiled loops are worth their call, and take these arrays: of one dtype, without gaps."""
    first = arrays[0]
    if first.size < LARGE or first.dtype.kind != "f" or first.itemsize < 4:
        return False
    return all(a.dtype == first.dtype and a.flags.c_contiguous for a in arrays)


def _by_rows(name: str, axis: int | None, given: tuple[Array, ...], top: bool = False) -> Array | None:
    """What a loop makes of arrays of one shape; None if they do not suit. `top` gives it the largest elements
    of the rows of the first.
    """
    first = given[0]
    if axis != first.ndim - 1 or not suits(*given):
        return None
    flat = [a.reshape(-1, first.shape[-1]) for a in given]
    if top:
        flat.append(_largest(flat[0], 1))
    out = np.empty(flat[0].shape, first.dtype)
    getattr(loops(), name)(*flat, out)
    return out.reshape(first.shape)


def _shifted(a: Array, axis: int) -> Any:
    """a minus its largest element along an axis: exp of it is at most 1."""
    if not a.size:
        return a.copy()
    return a - _largest(a, axis, None, None, True)


def total(g: Any, axis: Any) -> Any:
    """The sums along an axis, which is kept, of an array or a recorded value."""
    return _sum(g, axis, None, None, True) if type(g) is np.ndarray else np.sum(g, axis=axis, keepdims=True)


@quiet
def softmax(a: Array, axis: int) -> Array:
    """exp(a) over its sum along an axis."""
    if a.size >= LARGE:
        made = _by_rows("softmax", axis, (a,), True)
        if made is not None:
            return made
    out = _shifted(a, axis)
    np.exp(out, out)
    out /= _sum(out, axis, None, None, True)
    return out


@quiet
def log_softmax(a: Array, axis: int) -> Array:
    """The logarithm of the softmax."""
    if a.size >= LARGE:
        made = _by_rows("log_softmax", axis, (a,), True)
        if made is not None:
            return made
    out = _shifted(a, axis)
    out -= np.log(_sum(np.exp(out), axis, None, None, True))
    return out


def softmax_slope(g: Any, y: Any, axis: Any) -> Any:
    """The cotangent of x for g of its softmax y: arrays or recorded values."""
    if type(g) is np.ndarray:
        made = _by_rows("softmax_slopes", axis, (g, y))
        if made is not None:
            return made
    weighed = g * y
    return weighed - y * total(weighed, axis)


def log_softmax_slope(g: Any, y: Any, axis: Any) -> Any:
    """The cotangent of x for g of its log_softmax y: arrays or recorded values."""
    if type(g) is np.ndarray:
        made = _by_rows("log_softmax_slopes", axis, (g, y))
        if made is not None:
            return made
    return g - np.exp(y) * total(g, axis)
