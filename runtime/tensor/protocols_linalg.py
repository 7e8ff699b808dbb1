"""`numpy.linalg` on tensors, by the functions that they are."""

from __future__ import annotations

from typing import Any

import numpy as np

from .protocols import HANDLED, _finish, _sequence, _tensor, handles
from .table import FUNCTIONS

EigResult = type(np.linalg.eig(np.eye(1)))
EighResult = type(np.linalg.eigh(np.eye(1)))
SVDResult = type(np.linalg.svd(np.eye(1)))
QRResult = type(np.linalg.qr(np.eye(1)))


@handles(np.linalg.eig)
def _eig(a: Any) -> Any:
    values, vectors = FUNCTIONS["linalg_eig"](a)
    if a._a.dtype.kind != "c" and not values._a.imag.any():
        return EigResult(np.real(values), np.real(vectors))
    return EigResult(values, vectors)


@handles(np.linalg.eigvals)
def _eigvals(a: Any) -> Any:
    values = FUNCTIONS["linalg_eigvals"](a)
    return np.real(values) if a._a.dtype.kind != "c" and not values._a.imag.any() else values


@handles(np.linalg.eigh)
def _eigh(a: Any, UPLO: str = "L") -> Any:
    return EighResult(*FUNCTIONS["linalg_eigh"](a, UPLO))


@handles(np.linalg.eigvalsh)
def _eigvalsh(a: Any, UPLO: str = "L") -> Any:
    return FUNCTIONS["linalg_eigvalsh"](a, UPLO)


@handles(np.linalg.svd)
def _svd(a: Any, full_matrices: bool = True, compute_uv: bool = True, hermitian: bool = False) -> Any:
    if not compute_uv:
        return FUNCTIONS["linalg_svdvals"](a)
    if full_matrices and a._a.shape[-1] != a._a.shape[-2]:
        return _full_svd(a)
    return SVDResult(*FUNCTIONS["linalg_svd"](a, full_matrices=False))


def _full_svd(a: Any) -> Any:
    """Square factors, of which those without a singular value are not determined and have no derivative."""
    made = FUNCTIONS["linalg_svd"](a, full_matrices=True)
    return SVDResult(made[0], FUNCTIONS["linalg_svdvals"](a), made[2])


@handles(np.linalg.svdvals)
def _svdvals(x: Any, /) -> Any:
    return FUNCTIONS["linalg_svdvals"](x)


@handles(np.linalg.qr)
def _qr(a: Any, mode: str = "reduced") -> Any:
    if mode == "r":
        return FUNCTIONS["linalg_qr"](a, "reduced")[1]
    return QRResult(*FUNCTIONS["linalg_qr"](a, mode))


@handles(np.linalg.lstsq)
def _lstsq(a: Any, b: Any, rcond: Any = None) -> Any:
    """The solution by the pseudo-inverse; what else NumPy tells of it."""
    first = next(v for v in (a, b) if hasattr(v, "_a"))
    x, y = _tensor(a, first), _tensor(b, first)
    solution = np.matmul(np.linalg.pinv(x), y)
    _, _, rank, values = np.linalg.lstsq(x._a, y._a, rcond)
    if int(rank) == min(x._a.shape) and x._a.shape[0] > x._a.shape[1]:
        rest = np.sum((np.matmul(x, solution) - y) ** 2, axis=0)
        residuals = np.reshape(rest, (-1,))
    else:
        residuals = np.zeros((0,), y._a.dtype)
    return solution, residuals, int(rank), values


@handles(np.linalg.multi_dot)
def _multi_dot(arrays: Any, *, out: Any = None) -> Any:
    return _finish(FUNCTIONS["linalg_multi_dot"](_sequence(arrays)), out)


@handles(np.linalg.cond)
def _cond(x: Any, p: Any = None) -> Any:
    return FUNCTIONS["linalg_cond"](x, p)


@handles(np.linalg.matrix_rank)
def _matrix_rank(A: Any, tol: Any = None, hermitian: bool = False, *, rtol: Any = None) -> Any:
    return np.linalg.matrix_rank(A._a, tol, hermitian, rtol=rtol)


@handles(np.linalg.vector_norm)
def _vector_norm(x: Any, /, *, axis: Any = None, keepdims: bool = False, ord: Any = 2) -> Any:
    return FUNCTIONS["linalg_vector_norm"](x, ord, axis, keepdims)


@handles(np.linalg.matrix_norm)
def _matrix_norm(x: Any, /, *, keepdims: bool = False, ord: Any = "fro") -> Any:
    return FUNCTIONS["linalg_matrix_norm"](x, ord, (-2, -1), keepdims)


@handles(np.linalg.tensorsolve)
def _tensorsolve(a: Any, b: Any, axes: Any = None) -> Any:
    first = next(v for v in (a, b) if hasattr(v, "_a"))
    x, y = _tensor(a, first), _tensor(b, first)
    if axes is not None:
        rest = [k for k in range(x._a.ndim) if k not in axes]
        x = np.transpose(x, rest + list(axes))
    shape = x._a.shape[y._a.ndim :]
    flat = np.reshape(x, (y._a.size, int(np.prod(shape))))
    return np.reshape(np.linalg.solve(flat, np.reshape(y, (-1,))), shape)


@handles(np.linalg.tensorinv)
def _tensorinv(a: Any, ind: int = 2) -> Any:
    shape = a._a.shape
    rows = int(np.prod(shape[:ind]))
    return np.reshape(np.linalg.inv(np.reshape(a, (rows, -1))), shape[ind:] + shape[:ind])


# The array API's names for functions of NumPy.
for _linalg, _plain in {
    np.linalg.outer: np.outer, np.linalg.cross: np.cross, np.linalg.matrix_transpose: np.matrix_transpose,
    np.linalg.tensordot: np.tensordot,
}.items():  # fmt: skip
    HANDLED[_linalg] = HANDLED[_plain]


@handles(np.linalg.matmul)
def _matmul(x1: Any, x2: Any, /) -> Any:
    return np.matmul(x1, x2)


@handles(np.linalg.vecdot)
def _vecdot(x1: Any, x2: Any, /, *, axis: int = -1) -> Any:
    return np.sum(np.conj(x1) * x2, axis=axis)


@handles(np.linalg.diagonal)
def _diagonal(x: Any, /, *, offset: int = 0) -> Any:
    return HANDLED[np.diagonal](x, offset, -2, -1)


@handles(np.linalg.trace)
def _trace(x: Any, /, *, offset: int = 0, dtype: Any = None) -> Any:
    return np.sum(_diagonal(x, offset=offset), axis=-1)


@handles(np.vdot)
def _vdot(a: Any, b: Any, /) -> Any:
    first = next(v for v in (a, b) if hasattr(v, "_a"))
    x, y = (np.reshape(_tensor(v, first), (-1,)) for v in (a, b))
    return np.sum(np.conj(x) * y)


@handles(np.ravel)
def _ravel(a: Any, order: str = "C") -> Any:
    return np.reshape(a, (-1,), order="F" if order == "F" else "C")


@handles(np.diff)
def _diff(a: Any, n: int = 1, axis: int = -1, prepend: Any = np._NoValue, append: Any = np._NoValue) -> Any:
    parts = [
        np.broadcast_to(v, (*a._a.shape[: axis % a._a.ndim], 1, *a._a.shape[axis % a._a.ndim + 1 :]))
        if v is not a and np.ndim(v) == 0
        else v
        for v in (prepend, a, append)
        if v is not np._NoValue
    ]
    return FUNCTIONS["diff"](np.concatenate(parts, axis=axis) if len(parts) > 1 else a, n, axis)
