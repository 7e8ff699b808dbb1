"""Arrays seen through windows: what convolutions and pools have in common.

    x (N, C, H, W)  ──▶  (C, H + padding, W + padding, N)  ──▶  windows (C, KH, KW, OH, OW, N)

The batch is the last axis in here: neighbours in a row of windows then lie in memory in one long run, where
NumPy copies and adds at the speed of memory, though rows of images may be short.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

Array = np.ndarray[Any, Any]
Ints = tuple[int, ...]


class Windows(NamedTuple):
    """How windows lie on the spatial axes of an array, one entry an axis.

    Attributes
    ----------
    kernel
        Lengths of a window.
    stride
        Steps from one window to the next.
    padding
        How much is added before and behind.
    dilation
        Steps between the elements of a window.
    """

    kernel: Ints
    stride: Ints
    padding: tuple[tuple[int, int], ...]
    dilation: Ints

    def padded(self, lengths: Sequence[int]) -> Ints:
        """The spatial lengths with padding."""
        return tuple([n + low + high for n, (low, high) in zip(lengths, self.padding, strict=True)])

    def extents(self) -> Ints:
        """From the first to the last element of a window."""
        return tuple([d * (k - 1) + 1 for k, d in zip(self.kernel, self.dilation, strict=True)])

    def number(self, lengths: Sequence[int]) -> Ints:
        """How many windows there are."""
        sizes = zip(self.padded(lengths), self.extents(), self.stride, strict=True)
        return tuple([(n - extent) // s + 1 for n, extent, s in sizes])

    def offsets(self) -> Iterator[Ints]:
        """The elements of a window, the last axis fastest."""
        return itertools.product(*map(range, self.kernel))

    def slices(self, offset: Ints, count: Ints, first: int = 0) -> tuple[slice, ...]:
        """Where element `offset` of all windows is in the padded array; from window `first` of axis 0 on."""
        starts = [i * d for i, d in zip(offset, self.dilation, strict=True)]
        starts[0] += first * self.stride[0]
        return tuple(
            [slice(a, a + s * (n - 1) + 1, s) for a, s, n in zip(starts, self.stride, count, strict=True)]
        )


@functools.lru_cache(256)
def _parts(windows: Windows, count: Ints, first: int) -> list[tuple[Any, Any]]:
    """For each element of a window its place in columns, and where it is in the padded array."""
    every = slice(None)
    return [((every, *o), (every, *windows.slices(o, count, first))) for o in windows.offsets()]


def last(x: Array) -> Array:
    """(N, …) seen as (…, N)."""
    return x.transpose((*range(1, x.ndim), 0))


def first(x: Array) -> Array:
    """(…, N) seen as (N, …)."""
    return x.transpose((x.ndim - 1, *range(x.ndim - 1)))


def batch_last(x: Array, windows: Windows, fill: Any = 0) -> Array:
    """(N, C, *lengths) as (C, *padded lengths, N)."""
    inside = last(x)
    if not any(low or high for low, high in windows.padding):
        return np.ascontiguousarray(inside)
    lengths = windows.padded(x.shape[2:])
    shape = (x.shape[1], *lengths, x.shape[0])
    out = np.zeros(shape, x.dtype) if fill == 0 else np.full(shape, fill, x.dtype)
    out[(slice(None), *_inside(windows, x.shape[2:]))] = inside
    return out


def batch_first(padded: Array, windows: Windows, lengths: Sequence[int]) -> Array:
    """(C, *padded lengths, N) as (N, C, *lengths)."""
    inside = padded[(slice(None), *_inside(windows, lengths))]
    return np.ascontiguousarray(first(inside))


def _inside(windows: Windows, lengths: Sequence[int]) -> tuple[slice, ...]:
    return tuple([slice(low, low + n) for n, (low, _) in zip(lengths, windows.padding, strict=True)])


def columns(padded: Array, windows: Windows, count: Ints, start: int = 0) -> Array:
    """What each window shows: (C, *kernel, *count, N), a copy.

    Only the windows from `start` to `start + count[0]` of the first spatial axis.
    """
    channels, batch = padded.shape[0], padded.shape[-1]
    out = np.empty((channels, *windows.kernel, *count, batch), padded.dtype)
    for part, where in _parts(windows, count, start):
        out[part] = padded[where]
    return out


def add_columns(padded: Array, cols: Array, windows: Windows, count: Ints, start: int = 0) -> None:
    """Add what each window holds to where it lies: the transpose of `columns`."""
    for part, where in _parts(windows, count, start):
        padded[where] += cols[part]
