"""Least squares, pseudoinverses, ranks and condition numbers."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...tape.node import Node, wrap
from ...tape.record import array_of, record
from ..pointwise.pointwise import into
from ..reductions.norms import matrix_norm
from ..return_types import structure
from ..table import function
from ..tensor import Tensor, tensor_of
from .decompositions import svdvals
from .linalg import LinAlgError, matrices, square
from .linear import adjoint, matmul
from .solving import inv

_lstsq = structure("linalg_lstsq", "solution", "residuals", "rank", "singular_values")


class LinalgPinvBackward0(Node):
    """Pseudoinverses, from operand and result."""

    __slots__ = ()
    saves_results = 1

    def backward(self, g: Any, A: Any, y: Any) -> Any:
        turned, gh = adjoint(y), adjoint(g)
        m, n = A.shape[-2:]
        yt = np.matmul(y, turned)  # y y^H
        ty = np.matmul(turned, y)  # y^H y
        middle = -np.matmul(turned, np.matmul(g, turned))
        if m == n == 0:
            return (middle,)
        left = np.matmul(gh, yt)
        left = left - np.matmul(np.matmul(A, y), left)
        right = np.matmul(ty, gh)
        right = right - np.matmul(np.matmul(right, y), A)
        return (middle + left + right,)


@function("linalg_pinv", "pinverse", method=False)
def pinv(
    A: Any, rcond: Any = None, hermitian: bool = False, *, atol: Any = None, rtol: Any = None, out: Any = None
) -> Tensor:
    """The pseudoinverses of matrices (Moore and Penrose).

    Parameters
    ----------
    A
        A matrix, or a stack of them.
    rcond
        The old name of `rtol`.
    hermitian
        Has no effect.
    atol, rtol
        Singular values below `max(atol, rtol * largest)` count as zero.
    out
        A tensor to write the result to.

    Returns
    -------
    Tensor

    Raises
    ------
    RuntimeError
        If they are no matrices of floats.

    Examples
    --------
    >>> import pullback as pb
    >>> pb.linalg.pinv(pb.tensor([[2.0], [0.0]]))
    tensor([[0.5000, 0.0000]])
    """
    x = tensor_of(A)
    a = x._a
    matrices("linalg.pinv", a)
    if a.size == 0:
        return into(out, np.swapaxes(x, -1, -2) * 1)
    u, s, vh = np.linalg.svd(a, full_matrices=False)
    floor = _threshold(a, s, atol, rtol if rcond is None else rcond)
    inverse = np.where(s > floor, 1 / np.where(s > floor, s, 1), 0).astype(s.dtype)
    result = (np.conj(np.swapaxes(vh, -1, -2)) * inverse[..., None, :]) @ np.conj(np.swapaxes(u, -1, -2))
    return into(out, record(LinalgPinvBackward0, result, (x,), (x,)))


def _threshold(a: Any, s: Any, atol: Any, rtol: Any) -> Any:
    """Below which singular values count as zero."""
    absolute = 0.0 if atol is None else np.asarray(array_of(atol))[..., None]
    if rtol is None:
        rtol = 0.0 if atol is not None and np.all(absolute > 0) else max(a.shape[-2:]) * np.finfo(a.dtype).eps
    relative = np.asarray(array_of(rtol))[..., None] * s.max(-1, keepdims=True)
    return np.maximum(absolute, relative)


@function("linalg_matrix_rank", method=False)
def matrix_rank(
    A: Any, tol: Any = None, hermitian: bool = False, *, atol: Any = None, rtol: Any = None, out: Any = None
) -> Tensor:
    """The ranks of matrices: how many singular values are not (nearly) zero.

    Parameters
    ----------
    A
        A matrix, or a stack of them.
    tol
        The old name of `atol`.
    hermitian
        Has no effect.
    atol, rtol
        Singular values below `max(atol, rtol * largest)` count as zero.
    out
        A tensor to write the result to.

    Returns
    -------
    Tensor

    Raises
    ------
    RuntimeError
        If they are no matrices of floats.

    Examples
    --------
    >>> import pullback as pb
    >>> pb.linalg.matrix_rank(pb.eye(3))
    tensor(3)
    """
    a = tensor_of(A)._a
    matrices("linalg.matrix_rank", a)
    if a.size == 0:
        return into(out, wrap(Tensor, np.zeros(a.shape[:-2], np.int64)))
    s = np.linalg.svd(a, compute_uv=False)
    floor = _threshold(a, s, atol if tol is None else tol, rtol)
    return into(out, wrap(Tensor, np.asarray(np.sum(s > floor, axis=-1))))


@function("linalg_lstsq", method=False)
def lstsq(A: Any, B: Any, rcond: Any = None, *, driver: str | None = None) -> Any:
    """The solutions X of least `|A X - B|`.

    Parameters
    ----------
    A
        A matrix, or a stack of them.
    B
        The right-hand sides: a matrix or a vector for each matrix.
    rcond
        Singular values below `rcond * largest` count as zero.
    driver
        "gelsy" gives the rank, "gelsd" and "gelss" the singular values too, all but it the residuals.

    Returns
    -------
    named tuple (solution, residuals, rank, singular_values)

    Raises
    ------
    RuntimeError
        If the shapes do not fit.

    Examples
    --------
    >>> import pullback as pb
    >>> pb.linalg.lstsq(pb.tensor([[1.0], [0.0]]), pb.tensor([[2.0], [3.0]])).solution
    tensor([[2.]])
    """
    x: Any = tensor_of(A)
    z: Any = tensor_of(B)
    matrices("torch.linalg.lstsq", x._a)
    vector = z._a.ndim == 1 or (x._a.ndim - 1 == z._a.ndim and z._a.shape == x._a.shape[:-1])
    b: Any = np.expand_dims(z, -1) if vector else z
    if b._a.ndim < 2 or b._a.shape[-2] != x._a.shape[-2]:
        raise RuntimeError("torch.linalg.lstsq: input.size(-2) should match other.size(-2)")
    solution: Any = matmul(pinv(x, rcond), b)
    m, n = x._a.shape[-2:]
    ranks = matrix_rank(x, rtol=rcond)._a
    residuals = np.empty(0, x._a.dtype)
    if m > n and driver not in (None, "gelsy") and np.all(ranks == n):
        residuals = np.sum(np.abs(x._a @ solution._a - b._a) ** 2, axis=-2)
        residuals = residuals[..., 0] if vector else residuals
    rank = np.empty(0, np.int64) if driver == "gels" else ranks
    values = (
        np.linalg.svd(x._a, compute_uv=False)
        if driver in ("gelsd", "gelss")
        else np.empty(0, x._a.real.dtype)
    )
    return _lstsq(
        np.squeeze(solution, -1) if vector else solution,
        *[wrap(Tensor, np.asarray(v)) for v in (residuals, rank, values)],
    )


@function("linalg_cond", method=False)
def cond(A: Any, p: Any = None, *, out: Any = None) -> Tensor:
    """The condition numbers of matrices: how much they stretch at most, relative to the least.

    Parameters
    ----------
    A
        A matrix, or a stack of them.
    p
        The order of the norm; None (2) divides the largest singular value by the smallest.
    out
        A tensor to write the result to.

    Returns
    -------
    Tensor

    Raises
    ------
    RuntimeError
        If they are no matrices of floats.

    Examples
    --------
    >>> import pullback as pb
    >>> pb.linalg.cond(pb.tensor([[4.0, 0.0], [0.0, 1.0]]))
    tensor(4.)
    """
    x: Any = tensor_of(A)
    matrices("linalg.cond", x._a)
    if p is None or p in (2, -2):
        values: Any = svdvals(x)
        first, last = values[..., 0], values[..., -1]
        return into(out, last / first if p == -2 else first / last)
    square(f"linalg.cond(ord={p})", x._a)
    try:
        norm: Any = matrix_norm(x, p)
        return into(out, norm * matrix_norm(inv(x), p))
    except LinAlgError:
        if x._a.ndim > 2:
            rows = [cond(x[k], p) for k in range(x._a.shape[0])]
            return into(out, np.stack(rows))
        return into(out, wrap(Tensor, np.asarray(np.inf, x._a.real.dtype)))
