"""Normalisation of arrays to mean 0 and variance 1 over some axes, and its derivative.

    batch   x as (N, C, L), over the axes 0 and 2        layer   x as (rows, D), over the axis 1
    group   x as (N, G, C / G, L), over the axes 2 and 3

Each pass writes to memory that it has made before: two arrays of the size of x at most.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]
Axes = tuple[int, ...]
_LETTERS = "abcd"


def total(a: Array, axes: Axes) -> Array:
    """Sums over axes, of which the last is one; rows are added up in float64."""
    rows = np.add.reduce(a, axis=-1, keepdims=True)
    return _over_rows(rows, a, axes)


def dot(a: Array, b: Array, axes: Axes) -> Array:
    """Sums of products over axes, of which the last is one."""
    letters = _LETTERS[: a.ndim]
    rows = np.einsum(f"{letters},{letters}->{letters[:-1]}", a, b)[..., None]
    return _over_rows(rows, a, axes)


def _over_rows(rows: Array, a: Array, axes: Axes) -> Array:
    others = tuple([axis for axis in axes if axis != a.ndim - 1])
    if not others:
        return rows
    return np.add.reduce(rows, axis=others, keepdims=True, dtype=np.float64).astype(a.dtype)


def normalised(
    x: Array, axes: Axes, weight: Array | None, bias: Array | None, eps: float
) -> tuple[Array, Array, Array]:
    """(x - mean) / sqrt(variance + eps) · weight + bias; the means; and the variances."""
    count = math.prod([x.shape[axis] for axis in axes])
    mean = total(x, axes) / x.dtype.type(count)
    out = x - mean
    variance = dot(out, out, axes) / x.dtype.type(count)
    scale = 1 / np.sqrt(variance + x.dtype.type(eps))
    if weight is not None and np.broadcast_shapes(scale.shape, weight.shape) == scale.shape:
        out *= scale * weight  # small: one pass over x
    else:
        out *= scale
        if weight is not None:
            out *= weight
    if bias is not None:
        out += bias
    return out, mean, variance


def slopes(
    g: Array, x: Array, axes: Axes, weight: Array | None, mean: Array, scale: Array
) -> tuple[Array, Array]:
    """The cotangent of x for g of the result, and x - mean."""
    count = x.dtype.type(math.prod([x.shape[axis] for axis in axes]))
    centred = x - mean
    weighed = g if weight is None else g * weight
    one = total(weighed, axes) / count
    two = dot(weighed, centred, axes) / count
    out = centred * (-two * scale * scale)
    out += weighed
    out -= one
    out *= scale
    return out, centred
