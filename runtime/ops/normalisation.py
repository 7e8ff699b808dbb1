"""Normalisation of arrays to mean 0 and variance 1 over some axes, and its derivative.

    batch   x as (N, C, L), over the axes 0 and 2        layer   x as (rows, D), over the axis 1
    group   x as (N, G, C / G, L), over the axes 2 and 3

Large arrays are compiled loops over rows, the last axis (`row_loops.py`). NumPy's passes write to memory that
was made before: two arrays of the size of x at most. Factors and summands are numbers of rows for batches and
groups, and of columns for layers.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .rows import loops, suits

Array = np.ndarray[Any, Any]
Axes = tuple[int, ...]
_LETTERS = "abcd"
_SHORT = 32  # elements of rows for which NumPy's steps between rows count


def total(a: Array, axes: Axes) -> Array:
    """Sums over axes, of which the last is one; rows are added up in float64."""
    if axes[0] == 0 and a.shape[-1] < _SHORT:  # the batch first, along which NumPy has long loops
        made = np.add.reduce(a, axis=0, keepdims=True, dtype=np.float64)
        return np.add.reduce(made, axis=axes[1:], keepdims=True).astype(a.dtype)
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
    if suits(x):
        return (_by_columns if _of_columns(weight, bias) else _by_rows)(x, axes, weight, bias, eps)
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


# ---- large arrays
def _of_columns(*given: Array | None) -> bool:
    """Whether factors and summands are those of columns."""
    return any(a is not None and a.shape[-1] != 1 for a in given)


def _each(value: Any, x: Array) -> Array:
    """A number for each row of x."""
    out: Array = np.empty((*x.shape[:-1], 1), x.dtype)
    out[...] = value
    return out.reshape(-1)


def _rows(a: Array) -> Array:
    return a.reshape(-1, a.shape[-1])


def _by_rows(x: Array, axes: Axes, weight: Array | None, bias: Array | None, eps: float) -> Any:
    count = math.prod([x.shape[axis] for axis in axes])
    mean = total(x, axes) / x.dtype.type(count)
    means, squares = _each(mean, x), np.empty(x.size // x.shape[-1])
    loops().squares(_rows(x), means, squares)
    sums = np.add.reduce(squares.reshape(*x.shape[:-1], 1), axis=axes, keepdims=True)
    variance = (sums / count).astype(x.dtype)
    scale = 1 / np.sqrt(variance + x.dtype.type(eps))
    factor = scale if weight is None else scale * weight
    out = np.empty(x.shape, x.dtype)
    loops().scaled(_rows(x), means, _each(factor, x), _each(0 if bias is None else bias, x), _rows(out))
    return out, mean, variance


def _by_columns(x: Array, axes: Axes, weight: Array | None, bias: Array | None, eps: float) -> Any:
    n = x.shape[-1]
    w = np.ones(n, x.dtype) if weight is None else weight
    b = np.zeros(n, x.dtype) if bias is None else bias
    out = np.empty(x.shape, x.dtype)
    mean, variance = np.empty((len(x), 1), x.dtype), np.empty((len(x), 1), x.dtype)
    loops().rows(x, w, b, x.dtype.type(eps), out, mean.reshape(-1), variance.reshape(-1))
    return out, mean, variance


def scaled(x: Array, mean: Array, factor: Array, bias: Array | None) -> Array:
    """(x - mean) · factor + bias, all of them numbers of rows."""
    if suits(x):
        out = np.empty(x.shape, x.dtype)
        more = _each(0 if bias is None else bias, x)
        loops().scaled(_rows(x), _each(mean, x), _each(factor, x), more, _rows(out))
        return out
    out = x - mean
    out *= factor
    if bias is not None:
        out += bias
    return out


def sums(g: Array, x: Array, mean: Array) -> tuple[Array, Array]:
    """The sums of g and of g · (x - mean) over each row."""
    if suits(g, x):
        one, two = np.empty((*x.shape[:-1], 1)), np.empty((*x.shape[:-1], 1))
        loops().sums(_rows(g), _rows(x), _each(mean, x), one.reshape(-1), two.reshape(-1))
        return one, two
    centred = x - mean
    letters = _LETTERS[: x.ndim]
    two = np.einsum(f"{letters},{letters}->{letters[:-1]}", g, centred)[..., None]
    return np.add.reduce(g, axis=-1, keepdims=True), two


def cotangents(
    g: Array, x: Array, axes: Axes, weight: Array | None, mean: Array, scale: Array, seen: Axes
) -> tuple[Array, Array, Array] | None:
    """The cotangents of large x, weight and bias, which have the shape `seen`; None for small x."""
    if not suits(g, x):
        return None
    out = np.empty(x.shape, x.dtype)
    if seen[-1] != 1:
        w = np.ones(seen, x.dtype) if weight is None else weight
        for_weight, for_bias = np.zeros(seen), np.zeros(seen)
        loops().rows_slopes(g, x, w, mean.reshape(-1), scale.reshape(-1), out, for_weight, for_bias)
        return out, for_weight.astype(x.dtype), for_bias.astype(x.dtype)
    count = math.prod([x.shape[axis] for axis in axes])
    one, two = sums(g, x, mean)
    factor = 1 if weight is None else weight
    first = np.add.reduce(one * factor, axis=axes, keepdims=True) / count
    second = np.add.reduce(two * factor, axis=axes, keepdims=True) / count
    loops().combined(
        _rows(g), _rows(x), _each(mean, x), _each(factor * scale, x), _each(-second * scale**3, x),
        _each(-first * scale, x), _rows(out),
    )  # fmt: skip
    return out, folded(two * scale, seen).astype(x.dtype), folded(one, seen).astype(x.dtype)


def folded(a: Array, seen: Axes) -> Array:
    """Sums over the axes along which something of the shape `seen` is broadcast."""
    full = (1,) * (a.ndim - len(seen)) + seen
    made: Array = np.add.reduce(a, axis=tuple([k for k, n in enumerate(full) if n == 1]), keepdims=True)
    return made


# ---- NumPy's passes
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
