"""Pools of arrays: the largest element or the sum of each window.

Windows are seen with channels and batch as the last axis (`windows.py` says why), as one array for each
element of a window: nine passes of `maximum` over whole arrays for a window of 3 × 3.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from .windows import Array, Ints, Windows


def _spread(x: Array, windows: Windows, count: Ints, fill: Any) -> Array:
    """(…, *lengths) as (*padded lengths, planes), long enough for all windows."""
    lengths = x.shape[x.ndim - len(count) :]
    planes = math.prod(x.shape[: x.ndim - len(count)])
    last = x.reshape(planes, *lengths)
    needed = [
        max((n - 1) * s + extent, low + length)
        for n, s, extent, (low, _), length in zip(
            count, windows.stride, windows.extents(), windows.padding, lengths, strict=True
        )
    ]
    if tuple(needed) == lengths:
        return np.ascontiguousarray(np.moveaxis(last, 0, -1))
    out = np.full((*needed, planes), fill, x.dtype)
    out[_inside(windows, lengths)] = np.moveaxis(last, 0, -1)
    return out


def _inside(windows: Windows, lengths: Sequence[int]) -> tuple[slice, ...]:
    return tuple([slice(low, low + n) for (low, _), n in zip(windows.padding, lengths, strict=True)])


def _planes(a: Array, shape: tuple[int, ...]) -> Array:
    """(*lengths, planes) as (…, *lengths), where `shape` says what is in front."""
    front = shape[: len(shape) - a.ndim + 1]
    return np.ascontiguousarray(np.moveaxis(a, -1, 0)).reshape(*front, *a.shape[:-1])


def largest(x: Array, windows: Windows, count: Ints) -> tuple[Array, Array]:
    """The largest element of each window, and its place in the plane: the first of equals; NaN is largest."""
    low = -np.inf if x.dtype.kind == "f" else np.iinfo(x.dtype).min
    spread = _spread(x, windows, count, low)
    offsets = list(windows.offsets())
    parts = [spread[windows.slices(offset, count)] for offset in offsets]
    best = parts[0].copy()
    for part in parts[1:]:
        np.maximum(best, part, out=best)
    # The first element that equals the largest has the largest code.
    code = np.zeros(best.shape, np.uint8 if len(parts) < 256 else np.int32)
    for k, part in enumerate(parts):
        np.maximum(code, (part == best) * code.dtype.type(len(parts) - k), out=code)
    if x.dtype.kind == "f" and not code.all():
        for k, part in enumerate(parts):  # NaN equals nothing; the last one counts
            code[np.isnan(part)] = len(parts) - k
    return _planes(best, x.shape), _places(
        _planes(code, x.shape), windows, x.shape[x.ndim - len(count) :], offsets
    )


def _places(code: Array, windows: Windows, lengths: Ints, offsets: list[Ints]) -> Array:
    """Where in its plane the element of a code is."""
    steps = [math.prod(lengths[axis + 1 :]) for axis in range(len(lengths))]
    within = np.zeros(len(offsets) + 1, np.int64)
    for k, offset in enumerate(offsets):
        within[len(offsets) - k] = sum(
            i * d * s for i, d, s in zip(offset, windows.dilation, steps, strict=True)
        )
    out = within[code]
    for axis, step in enumerate(steps):
        n = code.shape[code.ndim - len(lengths) + axis]
        starts = (np.arange(n) * windows.stride[axis] - windows.padding[axis][0]) * step
        out += starts.reshape(-1, *(1,) * (len(lengths) - 1 - axis))
    return out


def gather(x: Array, places: Array, rank: int) -> Array:
    """The elements of planes of x, its last `rank` axes, at places."""
    front, count = x.shape[: x.ndim - rank], math.prod(places.shape[x.ndim - rank :])
    flat = x.reshape(*front, math.prod(x.shape[x.ndim - rank :]))
    return np.take_along_axis(flat, places.reshape(*front, count), -1).reshape(places.shape)


def scatter(g: Array, places: Array, lengths: Ints) -> Array:
    """Numbers added up at places of planes: the transpose of `gather`."""
    front = g.shape[: g.ndim - len(lengths)]
    planes, size = math.prod(front), math.prod(lengths)
    where = places.reshape(planes, math.prod(places.shape[len(front) :])) + np.arange(planes)[:, None] * size
    sums = np.bincount(where.reshape(-1), weights=g.reshape(-1), minlength=planes * size)
    return sums.astype(g.dtype).reshape(*front, *lengths)


def sums(x: Array, windows: Windows, count: Ints) -> Array:
    """The sum of each window."""
    spread = _spread(x, windows, count, 0)
    out: Any = None
    for offset in windows.offsets():
        part = spread[windows.slices(offset, count)]
        if out is None:
            out = part.copy()
        else:
            out += part
    return _planes(out, x.shape)


def sums_transposed(g: Array, windows: Windows, count: Ints, lengths: Ints) -> Array:
    """Numbers of windows added to all elements of each: the transpose of `sums`."""
    planes = math.prod(g.shape[: g.ndim - len(count)])
    last = np.ascontiguousarray(np.moveaxis(g.reshape(planes, *count), 0, -1))
    needed = [
        max((n - 1) * s + extent, low + length)
        for n, s, extent, (low, _), length in zip(
            count, windows.stride, windows.extents(), windows.padding, lengths, strict=True
        )
    ]
    out = np.zeros((*needed, planes), g.dtype)
    for offset in windows.offsets():
        out[windows.slices(offset, count)] += last
    return _planes(out[_inside(windows, lengths)], g.shape)


def sizes(windows: Windows, count: Ints, lengths: Ints, with_padding: bool) -> Array:
    """How many elements each window has, those of the padding too if they count."""
    axes = []
    for n, s, k, (low, high), length in zip(
        count, windows.stride, windows.kernel, windows.padding, lengths, strict=True
    ):
        starts = np.arange(n) * s - low
        ends = np.minimum(starts + k, length + high)
        if not with_padding:
            starts, ends = np.maximum(starts, 0), np.minimum(ends, length)
        axes.append(ends - starts)
    out = axes[0]
    for axis in axes[1:]:
        out = np.multiply.outer(out, axis)
    return out
