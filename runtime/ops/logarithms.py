"""`log(exp(a) + exp(b))` for complex numbers too, which NumPy does not have."""

from __future__ import annotations

from typing import Any

import numpy as np


def logaddexp(a: Any, b: Any) -> Any:
    """The logarithm of the sum of two exponentials, without overflow."""
    if np.result_type(a, b).kind != "c":
        return np.logaddexp(a, b)
    a, b = np.broadcast_arrays(a, b)
    lower = a.real < b.real
    high, low = np.where(lower, b, a), np.where(lower, a, b)
    result = high + np.log1p(np.exp(low - high))
    # Of equal infinite real parts no difference can be taken: -inf stays, of +inf the directions are added.
    result = np.where(np.isneginf(low.real), high, result)
    both = np.isposinf(low.real)
    if both.any():
        result = np.where(both, np.log(np.exp(high) + np.exp(low)), result)
    unknown = np.isnan(a) | np.isnan(b)
    if unknown.any():
        infinite = np.isinf(a) | np.isinf(b)
        result = np.where(
            unknown, np.where(infinite, complex(np.inf, np.nan), complex(np.nan, np.nan)), result
        )
    return result.astype(np.result_type(a, b), copy=False)


def logcumsumexp(a: Any, axis: int) -> Any:
    """The logarithms of running sums of exponentials."""
    if a.dtype.kind != "c":
        return np.logaddexp.accumulate(a, axis=axis)
    made = np.moveaxis(a, axis, 0).copy()
    for k in range(1, made.shape[0]):
        made[k] = logaddexp(made[k - 1], made[k])
    return np.ascontiguousarray(np.moveaxis(made, 0, axis))
