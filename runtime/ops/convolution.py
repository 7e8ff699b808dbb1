"""Convolutions of arrays: windows copied to columns, and one product of matrices for all of them.

Three functions, the values and derivatives of one form that is linear in each of x, w and g:

    correlate(x, w) · g  =  x · correlate_input(g, w)  =  w · correlate_weight(g, x)

so the derivative of each of them is made of the other two. `correlate_input` is the transposed convolution.

Copies are NumPy's: with the batch as the last axis they take a tenth of the time of the product, and nothing
has to be compiled. Columns are made for a few rows or images at a time, so that they stay in the cache.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from .windows import Array, Ints, Windows, add_columns, batch_first, batch_last, columns, first, last

BLOCK = 1 << 20
"""How many elements of columns are made at a time."""

Ranges = list[tuple[int, int]]


class Convolution(NamedTuple):
    """What is static of a convolution.

    Attributes
    ----------
    windows
        Where the kernel is applied.
    groups
        Into how many groups the channels are divided, each with kernels of its own.
    lengths
        Spatial lengths of the input.
    results
        Spatial lengths of the result.
    """

    windows: Windows
    groups: int
    lengths: Ints
    results: Ints

    def groups_of(self, batch: int, channels: int, least: int = 0) -> Iterator[tuple[slice, Ranges]]:
        """Images that are taken together, and for each block of columns its first row and number of rows.

        A block has `BLOCK` elements, or `least`: a row of results of as many images as possible at least.
        """
        height, *rest = self.results
        room = max(BLOCK, least)
        row = max(channels * math.prod(self.windows.kernel) * math.prod(rest), 1)
        images = min(max(room // row, 1), max(batch, 1))
        rows = min(max(room // (row * images), 1), max(height, 1))
        ranges = [(r, min(rows, height - r)) for r in range(0, height, rows)]
        for n in range(0, batch, images):
            yield slice(n, n + images), ranges


def correlate(x: Array, w: Array, form: Convolution) -> Array:
    """The convolution (without turning kernels round) of x (N, C, …) with w (F, C / groups, …)."""
    windows, groups = form.windows, form.groups
    count = form.results
    out = np.empty((x.shape[0], w.shape[0], *count), x.dtype)
    if not x.shape[1]:
        out[...] = 0
    kernels = _kernels(w, groups)
    for images, ranges in form.groups_of(x.shape[0], x.shape[1]):
        padded = batch_last(x[images], windows)
        for row, rows in ranges:
            here = (rows, *count[1:])
            cols = columns(padded, windows, here, row).reshape(groups, kernels.shape[2], -1)
            made = np.matmul(kernels, cols).reshape(w.shape[0], *here, -1)
            out[images, :, row : row + rows] = first(made)
    return out


def correlate_input(g: Array, w: Array, form: Convolution) -> Array:
    """The transpose of `correlate` in x: cotangents g (N, F, …) of results as cotangents of x."""
    windows, groups = form.windows, form.groups
    count, channels = form.results, w.shape[1] * groups
    out = np.zeros((g.shape[0], channels, *form.lengths), g.dtype)
    transposed = np.swapaxes(_kernels(w, groups), 1, 2)
    for images, ranges in form.groups_of(g.shape[0], channels):
        part = g[images]
        padded = np.zeros((channels, *windows.padded(form.lengths), part.shape[0]), g.dtype)
        for row, rows in ranges:
            made = np.matmul(transposed, _results(part[:, :, row : row + rows], groups))
            here = (rows, *count[1:])
            cols = made.reshape(channels, *windows.kernel, *here, -1)
            add_columns(padded, cols, windows, here, row)
        out[images] = batch_first(padded, windows, form.lengths)
    return out


def correlate_weight(g: Array, x: Array, form: Convolution) -> Array:
    """The transpose of `correlate` in w: cotangents g (N, F, …) of results as cotangents of w."""
    windows, groups = form.windows, form.groups
    count = form.results
    shape = (g.shape[1], x.shape[1] // groups, *windows.kernel)
    out = np.zeros(shape, g.dtype)
    sums = _kernels(out, groups)
    for images, ranges in form.groups_of(x.shape[0], x.shape[1], out.size):
        padded = batch_last(x[images], windows)
        for row, rows in ranges:
            here = (rows, *count[1:])
            cols = columns(padded, windows, here, row).reshape(groups, sums.shape[2], -1)
            results = _results(g[images, :, row : row + rows], groups)
            if row == images.start == 0:
                np.matmul(results, np.swapaxes(cols, 1, 2), out=sums)
            else:
                sums += np.matmul(results, np.swapaxes(cols, 1, 2))
    return out


def _kernels(w: Array, groups: int) -> Array:
    """Kernels as a matrix a group: (groups, F / groups, C / groups · kernel)."""
    return w.reshape(groups, w.shape[0] // groups, math.prod(w.shape[1:]))


def _results(g: Array, groups: int) -> Array:
    """Results (n, F, …) as a matrix a group: (groups, F / groups, … n)."""
    flat = np.ascontiguousarray(last(g))
    return flat.reshape(groups, g.shape[1] // groups, -1)
