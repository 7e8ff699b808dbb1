"""What generated source imports as `triangular`: substitution, and the adjoint of a Cholesky factor.

Matrices are worked on in blocks, products of blocks by BLAS. For 300 equations this takes a hundredth of the
time of LAPACK's general solver, and for 300 right-hand sides a quarter.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba.extending import overload

from .blas import subtract_product
from .jitted import fast, jit
from .shared import shared

BLOCK = 32


@shared
@jit
def solve_lower(a: Any, b: Any) -> Any:
    """x with tril(a) @ x = b; what is above the diagonal is not read."""
    _check_pivots(a)
    if b.ndim == 1:
        return _lower_vector(a, b)
    return _lower_matrix(a, b)


@shared
@jit
def solve_upper(a: Any, b: Any) -> Any:
    """x with triu(a) @ x = b; what is below the diagonal is not read."""
    _check_pivots(a)
    if b.ndim == 1:
        return _upper_vector(a, b)
    return _upper_matrix(a, b)


@jit
def _check_pivots(a: Any) -> None:
    """The error of `np.linalg.solve` in compiled code."""
    for i in range(a.shape[0]):
        if a[i, i] == 0:
            raise np.linalg.LinAlgError("Matrix is singular to machine precision.")


@fast
def _lower_vector(a: Any, b: Any) -> Any:
    x = b.copy()
    n = x.shape[0]
    if a.strides[1] <= a.strides[0]:
        for i in range(n):
            total = x[i]
            for k in range(i):
                total -= a[i, k] * x[k]
            x[i] = total / a[i, i]
    else:
        for k in range(n):
            solved = x[k] / a[k, k]
            x[k] = solved
            for i in range(k + 1, n):
                x[i] -= a[i, k] * solved
    return x


@fast
def _upper_vector(a: Any, b: Any) -> Any:
    x = b.copy()
    n = x.shape[0]
    if a.strides[1] <= a.strides[0]:
        for i in range(n - 1, -1, -1):
            total = x[i]
            for k in range(i + 1, n):
                total -= a[i, k] * x[k]
            x[i] = total / a[i, i]
    else:
        for k in range(n - 1, -1, -1):
            solved = x[k] / a[k, k]
            x[k] = solved
            for i in range(k):
                x[i] -= a[i, k] * solved
    return x


@fast
def _lower_matrix(a: Any, b: Any) -> Any:
    a, x = _compact(a), _in_order(b)
    n = x.shape[0]
    for start in range(0, n, BLOCK):
        end = min(start + BLOCK, n)
        if start > 0:
            subtract_product(x[start:end, :], a[start:end, :start], x[:start, :])
        for i in range(start, end):
            for k in range(start, i):
                _subtract(x[i], a[i, k], x[k])
            _divide(x[i], a[i, i])
    return x


@fast
def _upper_matrix(a: Any, b: Any) -> Any:
    a, x = _compact(a), _in_order(b)
    n = x.shape[0]
    for end in range(n, 0, -BLOCK):
        start = max(end - BLOCK, 0)
        if end < n:
            subtract_product(x[start:end, :], a[start:end, end:], x[end:, :])
        for i in range(end - 1, start - 1, -1):
            for k in range(i + 1, end):
                _subtract(x[i], a[i, k], x[k])
            _divide(x[i], a[i, i])
    return x


@jit
def _in_order(b: Any) -> Any:
    """A copy in C order."""
    x = np.empty(b.shape, b.dtype)
    for i in range(b.shape[0]):
        for j in range(b.shape[1]):
            x[i, j] = b[i, j]
    return x


def _compact(a: Any) -> Any:
    """`a`, or a copy where its rows and its columns may have gaps."""
    raise NotImplementedError


@overload(_compact, strict=False)  # type: ignore[untyped-decorator]
def _choose_compact(a: Any) -> Any:
    return (lambda a: a) if a.layout in "CF" else (lambda a: _in_order(a))


@fast
def _subtract(row: Any, factor: Any, other: Any) -> None:
    for j in range(row.shape[0]):
        row[j] -= factor * other[j]


@fast
def _divide(row: Any, pivot: Any) -> None:
    for j in range(row.shape[0]):
        row[j] /= pivot


# -- the adjoint of the Cholesky factor


@shared
@jit
def cholesky_adjoint(lower: Any, lower_bar: Any) -> Any:
    """The adjoint of `a` in lower = cholesky(a), which reads the lower triangle of `a`; zeros above.

    Murray (2016), Differentiation of the Cholesky decomposition: column blocks from right to left, each

        lower = | …          |     with the rows of the block r and d (its triangle), of those below b and c
                | r  d       |
                | b  c  …    |
    """
    lower = _compact(lower)
    n = lower.shape[0]
    bar = np.zeros((n, n), lower.dtype)
    for i in range(n):
        for j in range(i + 1):
            bar[i, j] = lower_bar[i, j]
    for end in range(n, 0, -BLOCK):
        start = max(end - BLOCK, 0)
        d, d_bar = lower[start:end, start:end], bar[start:end, start:end]
        r, r_bar = lower[start:end, :start], bar[start:end, :start]
        if end < n:
            b, b_bar = lower[end:, :start], bar[end:, :start]
            c, c_bar = lower[end:, start:end], bar[end:, start:end]
            _solve_rows(d, c_bar)
            subtract_product(b_bar, c_bar, r)
            subtract_product(d_bar, c_bar.T, c)
            subtract_product(r_bar, c_bar.T, b)
        _block_adjoint(d, d_bar)
        subtract_product(r_bar, _symmetric(d_bar), r)
    return bar


@jit
def _symmetric(d_bar: Any) -> Any:
    """d_bar + d_barᵀ of a lower triangle; what is above it becomes zero."""
    both = np.empty(d_bar.shape, d_bar.dtype)
    for i in range(d_bar.shape[0]):
        for j in range(i):
            both[i, j] = both[j, i] = d_bar[i, j]
            d_bar[j, i] = 0
        both[i, i] = 2 * d_bar[i, i]
    return both


@fast
def _solve_rows(d: Any, c: Any) -> None:
    """c = c @ d⁻¹ in place, d lower triangular."""
    for row in range(c.shape[0]):
        for k in range(c.shape[1] - 1, -1, -1):
            solved = c[row, k] / d[k, k]
            c[row, k] = solved
            for j in range(k):
                c[row, j] -= solved * d[k, j]


@fast
def _block_adjoint(d: Any, bar: Any) -> None:
    """The adjoint of the factor of one block, in place, in the lower triangle."""
    for j in range(d.shape[0] - 1, -1, -1):
        pivot = bar[j, j]
        for i in range(j + 1, d.shape[0]):
            bar[i, j] /= d[j, j]
            pivot -= d[i, j] * bar[i, j]
        pivot /= d[j, j]
        bar[j, j] = 0.5 * pivot
        for k in range(j):
            bar[j, k] -= pivot * d[j, k]
        for i in range(j + 1, d.shape[0]):
            factor = bar[i, j]
            for k in range(j):
                bar[j, k] -= factor * d[i, k]
                bar[i, k] -= factor * d[j, k]
