"""The Cholesky decomposition, and systems and inverses by it."""

from __future__ import annotations

from typing import Any

import numpy as np

from ....compiler.later import linalg
from ...tape.node import Node, wrap
from ...tape.record import array_of, like, record
from ..pointwise.pointwise import into
from ..reductions.extrema import write_pair
from ..return_types import structure
from ..table import function
from ..tensor import Tensor, tensor_of
from .linalg import LinAlgError, columnwise, matrices, square
from .linear import adjoint
from .triangles import triangular

_cholesky_ex = structure("linalg_cholesky_ex", "L", "info")


class LinalgCholeskyExBackward0(Node):
    """Lower triangles L with `A = L L^H`, saved; or upper ones, as `static` says."""

    __slots__ = ()
    saves_results = 1

    def backward(self, g: Any, low: Any) -> Any:
        if self.static:
            g, low = adjoint(g), adjoint(low)
        core = np.tril(np.matmul(adjoint(low), g))
        n = low.shape[-1]
        one = like(np.eye(n, dtype=array_of(low).dtype), low)
        core = core - core * one / 2
        # L^-H core L^-1, of which the symmetric part counts.
        left = triangular(adjoint(low), core, True)
        whole = triangular(low, left, False, left=False)
        return ((whole + adjoint(whole)) / 2,)


class CholeskyBackward0(LinalgCholeskyExBackward0):
    """The same by another name."""

    __slots__ = ()


@function("linalg_cholesky", method=False)
def linalg_cholesky(A: Any, *, upper: bool = False, out: Any = None) -> Tensor:
    """Lower triangles L with `A = L L^H`.

    Parameters
    ----------
    A
        A symmetric (Hermitian) positive definite matrix, or a stack of them, of which the lower triangle
        counts.
    upper
        Give the upper triangle `L^H`.
    out
        A tensor to write the result to.

    Returns
    -------
    Tensor

    Raises
    ------
    RuntimeError
        If they are not square, or not positive definite (`LinAlgError`).

    Examples
    --------
    >>> import pullback as pb
    >>> pb.linalg.cholesky(pb.tensor([[4.0, 2.0], [2.0, 2.0]]))
    tensor([[2., 0.],
            [1., 1.]])
    """
    x = tensor_of(A)
    a = x._a
    square("linalg.cholesky", a)
    low, info = _lower(a)
    if info.any():
        raise _not_positive("linalg.cholesky", info)
    return into(out, record(LinalgCholeskyExBackward0, _turned(low, upper), (x,), None, upper))


def _turned(low: Any, upper: bool) -> Any:
    """The triangle that is asked for."""
    return columnwise(adjoint(low)) if upper else low


def _lower(a: Any) -> tuple[Any, Any]:
    """Lower triangles, and the order of the first minor that is not positive definite, or 0."""
    try:
        return columnwise(np.linalg.cholesky(a)), np.zeros(a.shape[:-2], np.int32)
    except np.linalg.LinAlgError:
        return _lower_one_by_one(a)  # NumPy says neither which matrix it was nor which minor


def _lower_one_by_one(a: Any) -> tuple[Any, Any]:
    low, info = np.empty(a.shape, a.dtype), np.zeros(a.shape[:-2], np.int32)
    (factor,) = linalg.get_lapack_funcs(("potrf",), (a,))
    for index in np.ndindex(a.shape[:-2]):
        found, info[index] = factor(a[index], lower=True)
        low[index] = np.tril(found)
    return columnwise(low), info


def _not_positive(name: str, info: Any) -> LinAlgError:
    number = int(np.flatnonzero(info)[0])
    which = f"(Batch element {number}): " if info.ndim else ""
    return LinAlgError(
        f"{name}: {which}The factorization could not be completed because the input is not positive-definite "
        f"(the leading minor of order {info.ravel()[number]} is not positive-definite)."
    )


@function("linalg_cholesky_ex", method=False)
def cholesky_ex(A: Any, *, upper: bool = False, check_errors: bool = False, out: Any = None) -> Any:
    """Lower triangles L with `A = L L^H`, and which matrices have none.

    Parameters
    ----------
    A
        A symmetric (Hermitian) matrix, or a stack of them, of which the lower triangle counts.
    upper
        Give the upper triangle `L^H`.
    check_errors
        Raise if one is not positive definite.
    out
        A pair of tensors to write the results to.

    Returns
    -------
    named tuple (L, info)
        `info` is 0 for a positive definite matrix, else the order of the first minor that is not.

    Raises
    ------
    RuntimeError
        If they are not square.

    Examples
    --------
    >>> import pullback as pb
    >>> pb.linalg.cholesky_ex(-pb.eye(2)).info
    tensor(1, dtype=pullback.int32)
    """
    x = tensor_of(A)
    a = x._a
    square("linalg.cholesky", a)
    low, info = _lower(a)
    if check_errors and info.any():
        raise _not_positive("linalg.cholesky_ex", info)
    made = record(LinalgCholeskyExBackward0, _turned(low, upper), (x,), None, upper)
    return write_pair(out, _cholesky_ex(made, wrap(Tensor, info)))


@function("cholesky")
def cholesky(input: Any, upper: bool = False, *, out: Any = None) -> Tensor:
    """Lower triangles L with `input = L L^H`.

    Parameters
    ----------
    input
        A symmetric (Hermitian) positive definite matrix, or a stack of them.
    upper
        Give the upper triangle `L^H`.
    out
        A tensor to write the result to.

    Returns
    -------
    Tensor

    Raises
    ------
    RuntimeError
        If they are not square, or not positive definite (`LinAlgError`).

    Examples
    --------
    >>> import pullback as pb
    >>> pb.cholesky(pb.tensor([[4.0, 2.0], [2.0, 2.0]]))
    tensor([[2., 0.],
            [1., 1.]])
    """
    x = tensor_of(input)
    square("cholesky", x._a)
    low, info = _lower(x._a)
    if info.any():
        raise _not_positive("cholesky", info)
    return into(out, record(CholeskyBackward0, _turned(low, upper), (x,), None, upper))


@function()
def cholesky_solve(input: Any, L: Any, upper: bool = False, *, out: Any = None) -> Tensor:
    """The solutions of `A X = input` from the Cholesky decomposition of A.

    Parameters
    ----------
    input
        The right-hand sides.
    L
        What `cholesky` gives.
    upper
        Whether it is the upper triangle.
    out
        A tensor to write the result to.

    Returns
    -------
    Tensor

    Raises
    ------
    RuntimeError
        If the shapes do not fit.

    Examples
    --------
    >>> import pullback as pb
    >>> pb.cholesky_solve(pb.tensor([[4.0], [2.0]]), pb.tensor([[2.0, 0.0], [1.0, 1.0]]))
    tensor([[1.],
            [0.]])
    """
    b, low = tensor_of(input), tensor_of(L)
    square("cholesky_solve", low._a)
    matrices("cholesky_solve", b._a)
    if b._a.shape[-2] != low._a.shape[-1]:
        raise RuntimeError(
            "cholesky_solve: Incompatible matrix sizes for cholesky_solve: each A matrix is "
            f"{low._a.shape[-1]} by {low._a.shape[-1]} but each b matrix is {b._a.shape[-2]} by "
            f"{b._a.shape[-1]}"
        )
    result = columnwise(_twice(low._a, b._a, upper))
    return into(out, record(CholeskySolveBackward0, result, (b, low), (low,), upper))


def _twice(low: Any, b: Any, upper: bool) -> Any:
    """Solutions by a Cholesky decomposition, of arrays or tensors."""
    factor = adjoint(low) if upper else low
    return triangular(adjoint(factor), triangular(factor, b, False), True)


def _of_factor(for_a: Any, low: Any, upper: bool) -> Any:
    """The cotangent of a factor, of which one triangle is read, from that of the matrix."""
    whole = for_a + adjoint(for_a)
    return np.triu(np.matmul(np.triu(low), whole)) if upper else np.tril(np.matmul(whole, np.tril(low)))


class CholeskySolveBackward0(Node):
    """Solutions by a Cholesky decomposition; `static` says whether it is the upper triangle."""

    __slots__ = ()
    saves_results = 1

    def backward(self, g: Any, low: Any, y: Any) -> Any:
        for_b = _twice(low, g, self.static)
        if self.edges[1] is None:
            return for_b, None
        return for_b, _of_factor(-np.matmul(for_b, adjoint(y)), low, self.static)


class CholeskyInverseBackward0(Node):
    """Inverses by a Cholesky decomposition; `static` says whether it is the upper triangle."""

    __slots__ = ()
    saves_results = 1

    def backward(self, g: Any, low: Any, y: Any) -> Any:
        return (_of_factor(-np.matmul(y, np.matmul(g, y)), low, self.static),)


@function()
def cholesky_inverse(input: Any, upper: bool = False, *, out: Any = None) -> Tensor:
    """The inverse of A from its Cholesky decomposition.

    Parameters
    ----------
    input
        What `cholesky` gives.
    upper
        Whether it is the upper triangle.
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
    >>> pb.cholesky_inverse(pb.eye(2))
    tensor([[1., 0.],
            [0., 1.]])
    """
    x = tensor_of(input)
    square("cholesky_inverse", x._a)
    result = columnwise(_twice(x._a, np.eye(x._a.shape[-1], dtype=x._a.dtype), upper))
    return into(out, record(CholeskyInverseBackward0, result, (x,), (x,), upper))
