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
_SHORT = 16  # elements of rows for which NumPy's steps between rows count
_FEW = 4096  # elements of arrays for which the steps around NumPy's loops count
_F32, _F64 = np.dtype(np.float32), np.dtype(np.float64)
_MODERATE = 36.0  # exp(-2 * 36) / _FEW is a normal float32


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
    """The sums along an axis, to be broadcast against g: an array or a recorded value."""
    return _sums(g, axis) if type(g) is np.ndarray else np.sum(g, axis=axis, keepdims=True)


def softmax(a: Array, axis: int) -> Array:
    """exp(a) over its sum along an axis."""
    kind = a.dtype
    if (
        0 < a.size < _FEW
        and (kind is _F32 or kind is _F64)
        and a.item(a.argmax()) < _MODERATE
        and a.item(a.argmin()) > -_MODERATE
    ):  # without the shift, which costs as much as the rest, all is normal numbers too
        out: Array = np.exp(a)
        out /= _sums(out, axis)
        return out
    return _shifted_softmax(a, axis)


def _sums(a: Array, axis: int) -> Any:
    """The sums along an axis, to be broadcast against the array: along rows as a product, if they are few."""
    kind = a.dtype
    if a.size < _FEW and axis == a.ndim - 1 and (kind is _F32 or kind is _F64) and a.flags.c_contiguous:
        return a.dot(_ones(a.shape[axis], kind))
    return _sum(a, axis, None, None, True)


@functools.lru_cache(256)
def _ones(n: int, kind: np.dtype[Any]) -> Array:
    """Ones: the product with a column of them adds up rows in a third of the time of NumPy's sum.

    That with a square gives each element the sum of its row, so that nothing is broadcast along short rows.
    """
    made = np.ones((n, n if n <= _SHORT else 1), kind)
    made.flags.writeable = False
    return made


@quiet
def _shifted_softmax(a: Array, axis: int) -> Array:
    if a.size >= LARGE:
        made = _by_rows("softmax", axis, (a,), True)
        if made is not None:
            return made
    out = _shifted(a, axis)
    np.exp(out, out)
    out /= _sums(out, axis)
    return out


@quiet
def log_softmax(a: Array, axis: int) -> Array:
    """The logarithm of the softmax."""
    if a.size >= LARGE:
        made = _by_rows("log_softmax", axis, (a,), True)
        if made is not None:
            return made
    out = _shifted(a, axis)
    out -= np.log(_sums(np.exp(out), axis))
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
