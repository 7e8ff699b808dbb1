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
from typing import Any, NamedTuple

import numpy as np

from .windows import Array, Ints, Windows, add_columns, batch_first, batch_last, columns

BLOCK = 1 << 20
"""How many elements of columns are made at a time."""


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

    def blocks(self, batch: int, channels: int) -> Iterator[tuple[slice, int, int]]:
        """Images, first row and number of rows of the result, for one block of columns each."""
        first, *rest = self.results
        row = max(channels * math.prod(self.windows.kernel) * math.prod(rest), 1)
        images = max(BLOCK // (row * max(first, 1)), 1)
        rows = first if images > 1 else max(min(BLOCK // row, first), 1)
        for n in range(0, batch, images):
            for r in range(0, first, rows):
                yield slice(n, n + images), r, min(rows, first - r)


def correlate(x: Array, w: Array, form: Convolution) -> Array:
    """The convolution (without turning kernels round) of x (N, C, …) with w (F, C / groups, …)."""
    windows, groups = form.windows, form.groups
    count = form.results
    out = np.empty((x.shape[0], w.shape[0], *count), x.dtype)
    if not x.shape[1]:
        out[...] = 0
    kernels = _kernels(w, groups)
    for images, row, rows in form.blocks(x.shape[0], x.shape[1]):
        here = (rows, *count[1:])
        padded = batch_last(x[images], windows)
        cols = columns(padded, windows, here, row).reshape(groups, kernels.shape[2], -1)
        made = np.matmul(kernels, cols).reshape(w.shape[0], *here, -1)
        out[images, :, row : row + rows] = np.moveaxis(made, -1, 0)
    return out


def correlate_input(g: Array, w: Array, form: Convolution) -> Array:
    """The transpose of `correlate` in x: cotangents g (N, F, …) of results as cotangents of x."""
    windows, groups = form.windows, form.groups
    count, channels = form.results, w.shape[1] * groups
    out = np.zeros((g.shape[0], channels, *form.lengths), g.dtype)
    transposed = np.swapaxes(_kernels(w, groups), 1, 2)
    padded: Any = None
    for images, row, rows in form.blocks(g.shape[0], channels):
        here = (rows, *count[1:])
        made = np.matmul(transposed, _results(g[images, :, row : row + rows], groups))
        cols = made.reshape(channels, *windows.kernel, *here, -1)
        if row == 0:
            padded = np.zeros((channels, *windows.padded(form.lengths), cols.shape[-1]), g.dtype)
        add_columns(padded, cols, windows, here, row)
        if row + rows == count[0]:
            out[images] = batch_first(padded, windows, form.lengths)
    return out


def correlate_weight(g: Array, x: Array, form: Convolution) -> Array:
    """The transpose of `correlate` in w: cotangents g (N, F, …) of results as cotangents of w."""
    windows, groups = form.windows, form.groups
    count = form.results
    shape = (g.shape[1], x.shape[1] // groups, *windows.kernel)
    out = np.zeros(shape, g.dtype)
    sums = _kernels(out, groups)
    for k, (images, row, rows) in enumerate(form.blocks(x.shape[0], x.shape[1])):
        here = (rows, *count[1:])
        padded = batch_last(x[images], windows)
        cols = columns(padded, windows, here, row).reshape(groups, sums.shape[2], -1)
        results = _results(g[images, :, row : row + rows], groups)
        if k == 0:
            np.matmul(results, np.swapaxes(cols, 1, 2), out=sums)
        else:
            sums += np.matmul(results, np.swapaxes(cols, 1, 2))
    return out


def _kernels(w: Array, groups: int) -> Array:
    """Kernels as a matrix a group: (groups, F / groups, C / groups · kernel)."""
    return w.reshape(groups, w.shape[0] // groups, math.prod(w.shape[1:]))


def _results(g: Array, groups: int) -> Array:
    """Results (n, F, …) as a matrix a group: (groups, F / groups, … n)."""
    flat = np.ascontiguousarray(np.moveaxis(g, 0, -1))
    return flat.reshape(groups, g.shape[1] // groups, -1)
