"""Decompositions of matrices: singular values, eigenvalues, QR.

Vectors of a decomposition are determined up to a sign or phase only. Their derivatives take the one that the
result has; a loss that depends on the phase has no derivative.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ...tape.node import Node, wrap
from ...tape.record import array_of, like, record_many
from ..pointwise.pointwise import into
from ..reductions.extrema import write_pair
from ..return_types import structure
from ..table import function
from ..tensor import Tensor, tensor_of
from .linalg import LinAlgError, columnwise, matrices, square
from .linear import adjoint, conj
from .triangles import triangular

_svd_linalg = structure("linalg_svd", "U", "S", "Vh")
_svd_root = structure("svd", "U", "S", "V")
_eigh = structure("linalg_eigh", "eigenvalues", "eigenvectors")
_eig = structure("linalg_eig", "eigenvalues", "eigenvectors")
_qr_linalg = structure("linalg_qr", "Q", "R")
_qr_root = structure("qr", "Q", "R")


def columns(x: Any) -> Any:
    """Numbers for each column of matrices."""
    return np.expand_dims(x, -2)


def rows(x: Any) -> Any:
    """Numbers for each row of matrices."""
    return np.expand_dims(x, -1)


def skew(x: Any) -> Any:
    """The part of matrices that is the negative of its adjoint, doubled."""
    return x - adjoint(x)


def _off_diagonal(n: int, x: Any) -> Any:
    """A mask without the diagonal."""
    return like(~np.eye(n, dtype=bool), x)


def _inverse_gaps(gaps: Any, n: int) -> Any:
    """1 / gaps, and 0 on the diagonal."""
    mask = _off_diagonal(n, gaps)
    return np.where(mask, 1.0 / np.where(mask, gaps, 1.0), 0.0)


class LinalgSvdBackward0(Node):
    """Singular values and vectors; `static` says whether the vectors are there."""

    __slots__ = ()
    saves_results = 3

    def backward(self, g: Any, u: Any, s: Any, vh: Any) -> Any:
        k = s.shape[-1]
        g_u, g_s, g_vh = g
        u, vh = u[..., :, :k], vh[..., :k, :]
        if g_u is None and g_vh is None:
            return (np.matmul(u * columns(g_s), vh),)
        g_u = None if g_u is None else g_u[..., :, :k]
        g_v = None if g_vh is None else adjoint(g_vh[..., :k, :])
        v = adjoint(vh)
        gaps = (columns(s) - rows(s)) * (columns(s) + rows(s))
        over = _inverse_gaps(gaps, k)
        one = like(np.eye(k, dtype=array_of(s).dtype), s)
        core: Any = 0 if g_s is None else columns(g_s) * one
        phase: Any = 0
        if g_u is not None:
            turning = skew(np.matmul(adjoint(u), g_u))
            core = core + turning * over * columns(s)
            phase = phase + turning
        if g_v is not None:
            turning = skew(np.matmul(vh, g_v))
            core = core + rows(s) * (turning * over)
        if array_of(u).dtype.kind == "c" and g_u is not None:
            core = core + phase * one / (2 * columns(s))
        total = np.matmul(u, np.matmul(core, vh))
        if g_u is not None and u.shape[-2] > k:
            outside = (g_u - np.matmul(u, np.matmul(adjoint(u), g_u))) / columns(s)
            total = total + np.matmul(outside, vh)
        if g_v is not None and v.shape[-2] > k:
            outside = (g_v - np.matmul(v, np.matmul(vh, g_v))) / columns(s)
            total = total + np.matmul(u, adjoint(outside))
        return (total,)


def _svd(x: Tensor, full: bool) -> Any:
    matrices("linalg.svd", x._a)
    try:
        u, s, vh = np.linalg.svd(x._a, full_matrices=full)
    except np.linalg.LinAlgError:
        raise LinAlgError("linalg.svd: The algorithm failed to converge: check the matrix for NaN") from None
    return record_many(LinalgSvdBackward0, (columnwise(u), s, columnwise(vh)), (x,), None)


@function("linalg_svd", method=False)
def linalg_svd(A: Any, full_matrices: bool = True, *, driver: Any = None, out: Any = None) -> Any:
    """The singular value decomposition `A = U diag(S) Vh`.

    Parameters
    ----------
    A
        A matrix, or a stack of them.
    full_matrices
        Whether U and Vh are square; their further vectors have no derivative.
    driver
        Has no effect.
    out
        Three tensors to write the results to.

    Returns
    -------
    named tuple (U, S, Vh)

    Raises
    ------
    RuntimeError
        If they are no matrices of floats.

    Examples
    --------
    >>> import pullback as pb
    >>> pb.linalg.svd(pb.tensor([[3.0, 0.0], [0.0, 4.0]])).S
    tensor([4., 3.])
    """
    return write_pair(out, _svd_linalg(*_svd(tensor_of(A), full_matrices)))


@function("svd")
def svd(input: Any, some: bool = True, compute_uv: bool = True, *, out: Any = None) -> Any:
    """The singular value decomposition `input = U diag(S) V^H`.

    Parameters
    ----------
    input
        A matrix, or a stack of them.
    some
        Whether U and V have only the columns that belong to singular values.
    compute_uv
        False gives zeros for U and V.
    out
        Three tensors to write the results to.

    Returns
    -------
    named tuple (U, S, V)

    Raises
    ------
    RuntimeError
        If they are no matrices of floats.

    Examples
    --------
    >>> import pullback as pb
    >>> pb.svd(pb.tensor([[3.0, 0.0], [0.0, 4.0]])).S
    tensor([4., 3.])
    """
    u, s, vh = _svd(tensor_of(input), not some)
    if not compute_uv:
        u, vh = (wrap(Tensor, np.zeros_like(v._a)) for v in (u, vh))
    return write_pair(out, _svd_root(u, s, adjoint(vh)))


@function("linalg_svdvals", method=False)
def svdvals(A: Any, *, driver: Any = None, out: Any = None) -> Tensor:
    """The singular values, the largest first.

    Parameters
    ----------
    A
        A matrix, or a stack of them.
    driver
        Has no effect.
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
    >>> pb.linalg.svdvals(pb.tensor([[3.0, 0.0], [0.0, 4.0]]))
    tensor([4., 3.])
    """
    x = tensor_of(A)
    if x.requires_grad:
        return into(out, _svd(x, False)[1])
    matrices("linalg.svd", x._a)
    return into(out, wrap(Tensor, np.linalg.svd(x._a, compute_uv=False)))


class LinalgEighBackward0(Node):
    """Eigenvalues and eigenvectors of matrices that are their own adjoints."""

    __slots__ = ()
    saves_results = 2

    def backward(self, g: Any, values: Any, vectors: Any) -> Any:
        for_values, for_vectors = g
        core: Any = 0
        if for_vectors is not None:
            n = values.shape[-1]
            over = _inverse_gaps(columns(values) - rows(values), n)
            core = skew(np.matmul(adjoint(vectors), for_vectors)) / 2 * over
        if for_values is not None:
            core = core + columns(for_values) * like(
                np.eye(values.shape[-1], dtype=array_of(values).dtype), values
            )
        return (np.matmul(vectors, np.matmul(core, adjoint(vectors))),)


def _symmetric(A: Any, UPLO: str) -> Any:
    x = tensor_of(A)
    square("linalg.eigh", x._a)
    if UPLO.upper() not in ("L", "U"):
        raise RuntimeError(f"Expected UPLO argument to be 'L' or 'U', but got {UPLO}")
    try:
        arrays = np.linalg.eigh(x._a, "U" if UPLO.upper() == "U" else "L")
    except np.linalg.LinAlgError:
        raise LinAlgError("linalg.eigh: The algorithm failed to converge") from None
    return record_many(LinalgEighBackward0, (arrays[0], columnwise(arrays[1])), (x,), None)


@function("linalg_eigh", method=False)
def eigh(A: Any, UPLO: str = "L", *, out: Any = None) -> Any:
    """Eigenvalues and eigenvectors of symmetric (Hermitian) matrices.

    Parameters
    ----------
    A
        A square matrix, or a stack of them.
    UPLO
        Which triangle to read.
    out
        A pair of tensors to write the results to.

    Returns
    -------
    named tuple (eigenvalues, eigenvectors)

    Raises
    ------
    RuntimeError
        If they are not square.

    Examples
    --------
    >>> import pullback as pb
    >>> pb.linalg.eigh(pb.tensor([[2.0, 0.0], [0.0, 1.0]])).eigenvalues
    tensor([1., 2.])
    """
    return write_pair(out, _eigh(*_symmetric(A, UPLO)))


@function("linalg_eigvalsh", method=False)
def eigvalsh(A: Any, UPLO: str = "L", *, out: Any = None) -> Tensor:
    """Eigenvalues of symmetric (Hermitian) matrices, the smallest first.

    Parameters
    ----------
    A
        A square matrix, or a stack of them.
    UPLO
        Which triangle to read.
    out
        A tensor to write the result to.

    Returns
    -------
    Tensor

    Raises
    ------
    RuntimeError
        If they are not square.

    Examples
    --------
    >>> import pullback as pb
    >>> pb.linalg.eigvalsh(pb.tensor([[2.0, 0.0], [0.0, 1.0]]))
    tensor([1., 2.])
    """
    return into(out, _symmetric(A, UPLO)[0])


class LinalgEigBackward0(Node):
    """Eigenvalues and eigenvectors, of length 1."""

    __slots__ = ()
    saves_results = 2

    def backward(self, g: Any, values: Any, vectors: Any) -> Any:
        for_values, for_vectors = g
        turned = adjoint(vectors)
        n = values.shape[-1]
        one = like(np.eye(n, dtype=array_of(values).dtype), values)
        core: Any = 0
        if for_vectors is not None:
            inner = np.matmul(turned, for_vectors)
            lengths = np.matmul(turned, vectors * np.real(np.sum(one * inner, axis=-2, keepdims=True)))
            core = (inner - lengths) * _inverse_gaps(columns(conj(values)) - rows(conj(values)), n)
        if for_values is not None:
            core = core + columns(for_values) * one
        return (np.linalg.solve(turned, np.matmul(core, turned)),)


def _eigen(A: Any) -> Any:
    x: Any = tensor_of(A)
    square("linalg.eig", x._a)
    if not np.isfinite(x._a).all():
        raise RuntimeError("torch.linalg.eig: input tensor should not contain infs or NaNs.")
    kind = np.result_type(x._a.dtype, np.complex64)
    values, vectors = np.linalg.eig(x._a)
    arrays = (values.astype(kind), columnwise(vectors.astype(kind)))
    return record_many(LinalgEigBackward0, arrays, (x,), None)


@function("linalg_eig", method=False)
def eig(A: Any, *, out: Any = None) -> Any:
    """Eigenvalues and eigenvectors of square matrices, complex.

    Parameters
    ----------
    A
        A square matrix, or a stack of them.
    out
        A pair of tensors to write the results to.

    Returns
    -------
    named tuple (eigenvalues, eigenvectors)

    Raises
    ------
    RuntimeError
        If they are not square.

    Examples
    --------
    >>> import pullback as pb
    >>> pb.linalg.eig(pb.tensor([[2.0, 0.0], [0.0, 1.0]])).eigenvalues
    tensor([2.+0.j, 1.+0.j])
    """
    return write_pair(out, _eig(*_eigen(A)))


@function("linalg_eigvals", method=False)
def eigvals(A: Any, *, out: Any = None) -> Tensor:
    """Eigenvalues of square matrices, complex.

    Parameters
    ----------
    A
        A square matrix, or a stack of them.
    out
        A tensor to write the result to.

    Returns
    -------
    Tensor

    Raises
    ------
    RuntimeError
        If they are not square.

    Examples
    --------
    >>> import pullback as pb
    >>> pb.linalg.eigvals(pb.tensor([[2.0, 0.0], [0.0, 1.0]]))
    tensor([2.+0.j, 1.+0.j])
    """
    return into(out, _eigen(A)[0])


class LinalgQrBackward0(Node):
    """Q and R; `static` is the mode."""

    __slots__ = ()
    saves_results = 2

    def backward(self, g: Any, q: Any, r: Any) -> Any:
        m, n = self.static[1:]
        if self.static[0] == "r":
            raise RuntimeError(
                "The derivative of linalg.qr depends on Q, which is not computed when mode='r'. Please use "
                "linalg.qr(A, mode='reduced') if you are going to differentiate through linalg.qr."
            )
        if self.static[0] == "complete" and m > n:
            raise RuntimeError(
                "The QR decomposition is not differentiable when mode='complete' and nrows > ncols."
            )
        if m >= n:
            return (_of_tall(g[0], g[1], q, r),)
        # A wide matrix: Q and the first columns of R are those of its first columns, the others are Q^H A.
        g_q, g_r = g
        one, two = r[..., :, :m], r[..., :, m:]
        if g_r is None:
            first, rest = _of_tall(g_q, None, q, one), np.matmul(q, two * 0)
        else:
            turned = np.matmul(q, np.matmul(two, adjoint(g_r[..., :, m:])))
            first = _of_tall(turned if g_q is None else turned + g_q, g_r[..., :, :m], q, one)
            rest = np.matmul(q, g_r[..., :, m:])
        return (np.concatenate((first, rest), -1),)


def _of_tall(g_q: Any, g_r: Any, q: Any, r: Any) -> Any:
    """The cotangent of a matrix with at least as many rows as columns."""
    core: Any = 0
    if g_r is not None:
        core = np.matmul(r, adjoint(g_r))
    if g_q is not None:
        core = core - np.matmul(adjoint(g_q), q)
    low = np.tril(core, -1)
    whole = np.matmul(q, low + adjoint(low) + _real_diagonal(core))
    if g_q is not None:
        whole = whole + g_q
    return adjoint(triangular(r, adjoint(whole), True))


def _real_diagonal(x: Any) -> Any:
    """The real part of the diagonal of matrices, as diagonal matrices."""
    diagonal = x * like(np.eye(x.shape[-1], dtype=array_of(x).real.dtype), x)
    return np.real(diagonal) if array_of(x).dtype.kind == "c" else diagonal


def _qr(A: Any, mode: str) -> Any:
    x = tensor_of(A)
    matrices("linalg.qr", x._a)
    if mode not in ("reduced", "complete", "r"):
        raise RuntimeError(
            f"qr received unrecognized mode '{mode}' but expected one of 'reduced' (default), 'r', or "
            "'complete'"
        )
    arrays: Any = np.linalg.qr(x._a, mode)  # type: ignore[call-overload]
    pair = (np.empty(0, x._a.dtype), arrays) if mode == "r" else (columnwise(arrays[0]), arrays[1])
    pair = (pair[0], columnwise(pair[1]))
    return record_many(LinalgQrBackward0, pair, (x,), None, (mode, *x._a.shape[-2:]))


@function("linalg_qr", method=False)
def linalg_qr(A: Any, mode: str = "reduced", *, out: Any = None) -> Any:
    """The decomposition `A = Q R` into orthonormal columns and an upper triangle.

    Parameters
    ----------
    A
        A matrix, or a stack of them.
    mode
        "reduced"; "complete", where Q is square; "r", which leaves Q empty.
    out
        A pair of tensors to write the results to.

    Returns
    -------
    named tuple (Q, R)

    Raises
    ------
    RuntimeError
        If they are no matrices of floats, or for another mode.

    Examples
    --------
    >>> import pullback as pb
    >>> pb.linalg.qr(pb.eye(2)).R.abs()
    tensor([[1., 0.],
            [0., 1.]])
    """
    return write_pair(out, _qr_linalg(*_qr(A, mode)))


@function("qr")
def qr(input: Any, some: bool = True, *, out: Any = None) -> Any:
    """The decomposition `input = Q R` into orthonormal columns and an upper triangle.

    Parameters
    ----------
    input
        A matrix, or a stack of them.
    some
        False makes Q square.
    out
        A pair of tensors to write the results to.

    Returns
    -------
    named tuple (Q, R)

    Raises
    ------
    RuntimeError
        If they are no matrices of floats.

    Examples
    --------
    >>> import pullback as pb
    >>> pb.qr(pb.eye(2)).R.abs()
    tensor([[1., 0.],
            [0., 1.]])
    """
    return write_pair(out, _qr_root(*_qr(input, "reduced" if some else "complete")))
