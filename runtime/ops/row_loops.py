"""The compiled loops of `rows.py` and `normalisation.py`, which say what they compute.

Arrays are matrices, one row at a time, which stays in the cache from one loop over it to the next. Sums are
float64, in any order.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import vectormath as vm
from ..jitted import fast
from ..support import as_like


@fast
def softmax(x: Any, top: Any, out: Any) -> None:
    """exp(x - top) over its sum; `top` has the largest element of each row."""
    for i in range(x.shape[0]):
        row, made, shift = x[i], out[i], top[i]
        for j in range(row.size):
            made[j] = vm.exp(row[j] - shift)
        total = 0.0
        for j in range(row.size):
            total += made[j]
        share = as_like(1.0 / total, shift)
        for j in range(row.size):
            made[j] *= share


@fast
def log_softmax(x: Any, top: Any, out: Any) -> None:
    """x - top - log of the sum of exp(x - top)."""
    for i in range(x.shape[0]):
        row, made, shift = x[i], out[i], top[i]
        for j in range(row.size):
            made[j] = vm.exp(row[j] - shift)
        total = 0.0
        for j in range(row.size):
            total += made[j]
        log = as_like(np.log(total), shift)
        for j in range(row.size):
            made[j] = row[j] - shift - log


@fast
def softmax_slopes(g: Any, y: Any, out: Any) -> None:
    """The cotangent of x for g of y, the softmax of x."""
    for i in range(g.shape[0]):
        row, value, made = g[i], y[i], out[i]
        total = 0.0
        for j in range(row.size):
            total += row[j] * value[j]
        mean = as_like(total, g[0, 0])
        for j in range(row.size):
            made[j] = value[j] * (row[j] - mean)


@fast
def log_softmax_slopes(g: Any, y: Any, out: Any) -> None:
    """The cotangent of x for g of y, the logarithm of the softmax of x."""
    for i in range(g.shape[0]):
        row, value, made = g[i], y[i], out[i]
        total = 0.0
        for j in range(row.size):
            total += row[j]
        sum_ = as_like(total, g[0, 0])
        for j in range(row.size):
            made[j] = row[j] - vm.exp(value[j]) * sum_


# ---- normalisation: coefficients by row
@fast
def squares(x: Any, mean: Any, out: Any) -> None:
    """Sums of squares of x - mean."""
    for i in range(x.shape[0]):
        row, shift = x[i], mean[i]
        total = 0.0
        for j in range(row.size):
            centred = row[j] - shift
            total += centred * centred
        out[i] = total


@fast
def scaled(x: Any, mean: Any, scale: Any, bias: Any, out: Any) -> None:
    """(x - mean) · scale + bias."""
    for i in range(x.shape[0]):
        row, made, shift, factor, more = x[i], out[i], mean[i], scale[i], bias[i]
        for j in range(row.size):
            made[j] = (row[j] - shift) * factor + more


@fast
def sums(g: Any, x: Any, mean: Any, one: Any, two: Any) -> None:
    """Sums of g, and of g · (x - mean)."""
    for i in range(x.shape[0]):
        row, other, shift = x[i], g[i], mean[i]
        first = second = 0.0
        for j in range(row.size):
            first += other[j]
            second += other[j] * (row[j] - shift)
        one[i] = first
        two[i] = second


@fast
def combined(g: Any, x: Any, mean: Any, a: Any, b: Any, c: Any, out: Any) -> None:
    """g · a + (x - mean) · b + c."""
    for i in range(x.shape[0]):
        row, other, made, shift = x[i], g[i], out[i], mean[i]
        p, q, r = a[i], b[i], c[i]
        for j in range(row.size):
            made[j] = other[j] * p + (row[j] - shift) * q + r


# ---- normalisation of rows: weight and bias by column
@fast
def rows(x: Any, weight: Any, bias: Any, eps: Any, out: Any, means: Any, variances: Any) -> None:
    """(x - mean) / sqrt(variance + eps) · weight + bias of each row."""
    n = x.shape[1]
    for i in range(x.shape[0]):
        row, made = x[i], out[i]
        total = 0.0
        for j in range(n):
            total += row[j]
        mean = as_like(total / n, x[0, 0])
        total = 0.0
        for j in range(n):
            centred = row[j] - mean
            total += centred * centred
        variance = as_like(total / n, x[0, 0])
        scale = as_like(1.0 / np.sqrt(variance + eps), x[0, 0])
        means[i] = mean
        variances[i] = variance
        for j in range(n):
            made[j] = (row[j] - mean) * scale * weight[j] + bias[j]


@fast
def rows_slopes(
    g: Any, x: Any, weight: Any, means: Any, scales: Any, out: Any, for_weight: Any, for_bias: Any
) -> None:
    """The cotangents of x, weight and bias for g of `rows`."""
    n = x.shape[1]
    for i in range(x.shape[0]):
        row, other, made, mean, scale = x[i], g[i], out[i], means[i], scales[i]
        first = second = 0.0
        for j in range(n):
            weighed = other[j] * weight[j]
            first += weighed
            second += weighed * (row[j] - mean)
        one = as_like(first / n, x[0, 0])
        two = as_like(second / n, x[0, 0]) * scale * scale
        for j in range(n):
            centred = row[j] - mean
            made[j] = (other[j] * weight[j] - one - centred * two) * scale
            for_weight[j] += other[j] * (centred * scale)
            for_bias[j] += other[j]
