"""Functions of `scipy.linalg` and others of SciPy for programs on the tape, by functions of NumPy.

SciPy's are code around LAPACK, which takes arrays only. What an option asks for that NumPy's function has
not is refused.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy
import scipy.integrate
import scipy.linalg as sl

from ...compiler.errors import UnsupportedError
from ..tape.node import Recorded
from ..tensor.table import FUNCTIONS
from .array import plain

# The options that only tell how it is computed.
_HOW = {
    "overwrite_a", "overwrite_b", "overwrite_ab", "overwrite_x", "check_finite", "lapack_driver", "driver",
    "assume_a", "turbo", "type",
}  # fmt: skip

np: Any = numpy  # its stubs know of arrays only
TWINS: dict[Any, Callable[..., Any]] = {}


def twin(function: Any) -> Callable[[Any], Any]:
    """Declare what stands for a function of SciPy where its arguments are Arrays."""

    def declare(written: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(function)
        def call(*args: Any, **kwargs: Any) -> Any:
            if not any(_has_recorded(v) for v in (*args, *kwargs.values())):
                return function(*args, **kwargs)
            given = {name: value for name, value in kwargs.items() if name not in _HOW}
            try:
                return plain(written(*args, **given))
            except TypeError as error:
                if "unexpected keyword" not in str(error) and "positional argument" not in str(error):
                    raise
                raise UnsupportedError(
                    f"{function.__name__} with options that have no derivative here: {error}",
                    hint=f"use numpy.linalg, or {function.__name__} without the option",
                ) from None

        TWINS[function] = call
        return written

    return declare


def _has_recorded(value: Any) -> bool:
    if isinstance(value, (tuple, list)):
        return any(map(_has_recorded, value))
    return isinstance(value, Recorded)


@twin(sl.inv)
def _inv(a: Any) -> Any:
    return np.linalg.inv(a)


@twin(sl.det)
def _det(a: Any) -> Any:
    return np.linalg.det(a)


@twin(sl.solve)
def _solve(a: Any, b: Any, *, lower: bool = False, transposed: bool = False) -> Any:
    return np.linalg.solve(np.transpose(a) if transposed else a, b)


@twin(sl.cholesky)
def _cholesky(a: Any, lower: bool = False) -> Any:
    made = np.linalg.cholesky(a)
    return made if lower else np.transpose(made)


@twin(sl.cho_factor)
def _cho_factor(a: Any, lower: bool = False) -> Any:
    return _cholesky(a, lower), lower


@twin(sl.cho_solve)
def _cho_solve(c_and_lower: Any, b: Any) -> Any:
    factor, lower = c_and_lower
    first = np.tril(factor) if lower else np.transpose(np.triu(factor))
    return np.linalg.solve(np.matmul(first, np.transpose(first)), b)


@twin(sl.solve_triangular)
def _solve_triangular(
    a: Any, b: Any, trans: Any = 0, lower: bool = False, unit_diagonal: bool = False
) -> Any:
    factor = np.tril(a) if lower else np.triu(a)
    if unit_diagonal:
        factor = factor - np.diag(np.diagonal(factor)) + np.eye(len(factor))
    return np.linalg.solve(factor if trans in (0, "N") else np.transpose(factor), b)


@twin(sl.eigh)
def _eigh(a: Any, b: Any = None, *, lower: bool = True, eigvals_only: bool = False) -> Any:
    side = "L" if lower else "U"
    if b is not None:
        root = np.linalg.inv(np.linalg.cholesky(b))
        values, vectors = np.linalg.eigh(root @ a @ np.transpose(root), side)
        vectors = np.transpose(root) @ vectors
        return values if eigvals_only else (values, vectors)
    return np.linalg.eigvalsh(a, side) if eigvals_only else tuple(np.linalg.eigh(a, side))


@twin(sl.eigvalsh)
def _eigvalsh(a: Any, b: Any = None, *, lower: bool = True) -> Any:
    return _eigh(a, b, lower=lower, eigvals_only=True)


@twin(sl.eigvals)
def _eigvals(a: Any) -> Any:
    return np.linalg.eigvals(a) + 0j


@twin(sl.svd)
def _svd(a: Any, full_matrices: bool = True, compute_uv: bool = True) -> Any:
    made = np.linalg.svd(a, full_matrices, compute_uv)
    return tuple(made) if compute_uv else made


@twin(sl.svdvals)
def _svdvals(a: Any) -> Any:
    return np.linalg.svd(a, compute_uv=False)


@twin(sl.qr)
def _qr(a: Any, *, mode: str = "full") -> Any:
    names = {"full": "complete", "r": "r", "economic": "reduced"}
    if mode not in names:
        raise UnsupportedError(f"scipy.linalg.qr with mode={mode!r}", hint="use mode='economic'")
    made = np.linalg.qr(a, names[mode])
    return (made,) if mode == "r" else tuple(made)


@twin(sl.pinv)
def _pinv(a: Any) -> Any:
    return np.linalg.pinv(a)


@twin(sl.lstsq)
def _lstsq(a: Any, b: Any) -> Any:
    return np.linalg.lstsq(a, b, rcond=None)


@twin(sl.norm)
def _norm(a: Any, ord: Any = None, axis: Any = None, keepdims: bool = False) -> Any:
    return np.linalg.norm(a, ord, axis, keepdims)


@twin(sl.expm)
def _expm(A: Any) -> Any:
    return FUNCTIONS["linalg_matrix_exp"](A)


@twin(sl.block_diag)
def _block_diag(*arrs: Any) -> Any:
    blocks = [np.reshape(a, (1, -1)) if np.ndim(a) < 2 else a for a in arrs]
    widths = [np.shape(a)[1] for a in blocks]
    rows = []
    for k, block in enumerate(blocks):
        count = np.shape(block)[0]
        rows.append(
            np.concatenate(
                [np.zeros((count, sum(widths[:k]))), block, np.zeros((count, sum(widths[k + 1 :])))], axis=1
            )
        )
    return np.concatenate(rows)


@twin(sl.toeplitz)
def _toeplitz(c: Any, r: Any = None) -> Any:
    column = np.reshape(c, (-1,))
    row = column if r is None else np.reshape(r, (-1,))
    values = np.concatenate([np.flip(column), row[1:]])
    rows, columns = np.arange(np.size(column)), np.arange(np.size(row))
    return values[np.size(column) - 1 + columns[None, :] - rows[:, None]]


@twin(sl.circulant)
def _circulant(c: Any) -> Any:
    places = np.arange(np.size(c))
    return c[(places[:, None] - places[None, :]) % np.size(c)]


@twin(scipy.integrate.trapezoid)
def _trapezoid(y: Any, x: Any = None, dx: float = 1.0, axis: int = -1) -> Any:
    return np.trapezoid(y, x, dx, axis)


@twin(scipy.integrate.simpson)
def _simpson(y: Any, x: Any = None, *, dx: float = 1.0, axis: int = -1) -> Any:
    """Composite Simpson's rule, the last interval of an even number of points by Cartwright's correction."""
    y = np.moveaxis(y, axis, -1)
    count = np.shape(y)[-1]
    if x is None:
        steps = np.full(count - 1, dx)
    else:
        steps = np.diff(x if np.ndim(x) == 1 else np.moveaxis(x, axis, -1))
    if count == 2:
        return 0.5 * steps[..., 0] * (y[..., 0] + y[..., 1])
    even = count % 2 == 0
    end = count - even
    first, second = steps[..., 0 : end - 1 : 2], steps[..., 1 : end - 1 : 2]
    both = first + second
    total = np.sum(
        both
        / 6.0
        * (
            (2.0 - _over(second, first)) * y[..., 0 : end - 2 : 2]
            + both * _over(both, first * second) * y[..., 1 : end - 1 : 2]
            + (2.0 - _over(first, second)) * y[..., 2:end:2]
        ),
        axis=-1,
    )
    if not even:
        return total
    before, last = steps[..., -2], steps[..., -1]
    both = before + last
    return total + (
        _over(2.0 * last**2 + 3.0 * before * last, 6.0 * both) * y[..., -1]
        + _over(last**2 + 3.0 * before * last, 6.0 * before) * y[..., -2]
        - _over(last**3, 6.0 * before * both) * y[..., -3]
    )


def _over(a: Any, b: Any) -> Any:
    """a / b, and zero where points coincide."""
    return np.where(b != 0, a / np.where(b != 0, b, 1.0), 0.0)
