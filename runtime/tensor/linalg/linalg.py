"""Inverses, solutions, determinants of square matrices, and what follows from them."""

from __future__ import annotations

from typing import Any

import numpy as np

from ....compiler.later import linalg
from ...ops.pointwise import quiet
from ...tape.node import Node, Recorded, wrap
from ...tape.record import array_of, like, record, record_many
from ..pointwise.pointwise import into
from ..reductions.reductions import title
from ..return_types import structure
from ..table import function
from ..tensor import Tensor, tensor_of
from .linear import adjoint, conj


class LinAlgError(RuntimeError, np.linalg.LinAlgError):
    """A matrix is singular, or not positive definite.

    Examples
    --------
    >>> import pullback as pb
    >>> try:
    ...     pb.linalg.inv(pb.zeros(2, 2))
    ... except pb.linalg.LinAlgError:
    ...     print("singular")
    singular
    """


def floats(name: str, a: Any) -> None:
    """Refuse what holds no floats of 32 or 64 bits.

    Raises
    ------
    RuntimeError
        For integers and halves.
    """
    if a.dtype.kind not in "fc":
        raise RuntimeError(
            f"{name}: Expected a floating point or complex tensor as input. Got {title(a.dtype)}"
        )
    if a.dtype.itemsize == 2:
        raise RuntimeError(f"{name}: Low precision dtypes not supported. Got Half")


def matrices(name: str, a: Any) -> None:
    """Refuse what is no stack of matrices.

    Raises
    ------
    RuntimeError
        If there are less than two axes, or no floats.
    """
    if a.ndim < 2:
        raise RuntimeError(f"{name}: The input tensor A must have at least 2 dimensions.")
    floats(name, a)


def square(name: str, a: Any) -> None:
    """Refuse what is no stack of square matrices.

    Raises
    ------
    RuntimeError
        If it is none.
    """
    if a.ndim < 2:
        raise RuntimeError(f"{name}: The input tensor A must have at least 2 dimensions.")
    if a.shape[-1] != a.shape[-2]:
        raise RuntimeError(
            f"{name}: A must be batches of square matrices, but they are {a.shape[-2]} by {a.shape[-1]} "
            "matrices"
        )
    if not name.endswith("matrix_power"):
        floats(name, a)


def columnwise(a: Any) -> Any:
    """Matrices in the order in memory that LAPACK gives them, column after column."""
    return np.ascontiguousarray(np.swapaxes(a, -1, -2)).swapaxes(-1, -2)


class LinalgDetBackward0(Node):
    """Determinants: their derivative is the matrix of cofactors, also where the matrix is singular."""

    __slots__ = ()
    saves_results = 1

    def backward(self, g: Any, A: Any, y: Any) -> Any:
        g = np.expand_dims(np.expand_dims(g, -1), -1)
        if _regular(array_of(A), array_of(y)):
            factors = np.expand_dims(np.expand_dims(y, -1), -1) * np.swapaxes(np.linalg.inv(A), -1, -2)
        elif isinstance(A, Recorded):
            factors = _cofactors_by_traces(A)
        else:
            factors = _cofactors(A)
        return (g * conj(factors),)


def _regular(a: Any, determinant: Any) -> bool:
    """Whether determinants are far from those of singular matrices: dividing by them costs few digits."""
    bound = np.prod(np.sqrt(np.sum(np.abs(a) ** 2, axis=-1)), axis=-1)
    return bool(np.all(np.abs(determinant) > bound * a.shape[-1] * np.sqrt(np.finfo(a.dtype).eps)))


def _cofactors(a: Any) -> Any:
    """The cofactors of matrices, by their singular values: products of all but one."""
    u, s, vh = np.linalg.svd(a)
    n = s.shape[-1]
    others = np.broadcast_to(s[..., None, :], (*s.shape, n)).copy()
    others[..., np.arange(n), np.arange(n)] = 1
    scale = np.prod(others, axis=-1) * (np.linalg.det(u) * np.linalg.det(vh))[..., None]
    return (
        np.conj(u) * scale[..., None, :] @ np.conj(vh)
        if a.dtype.kind == "c"
        else u * scale[..., None, :] @ vh
    )


def _cofactors_by_traces(A: Any) -> Any:
    """The cofactors of matrices as polynomials of their elements (Faddeev and LeVerrier), which can be
    differentiated at singular matrices too."""
    n = A.shape[-1]
    one = like(np.eye(n, dtype=array_of(A).dtype), A)
    m = one + A * 0
    for k in range(1, n):
        product = np.matmul(A, m)
        mean = np.sum(product * one, axis=(-2, -1), keepdims=True) * (-1 / k)
        m = product + mean * one
    return np.swapaxes(m, -1, -2) * (-1) ** (n - 1)


_determinants = quiet(np.linalg.det)


@function("det", "linalg_det")
def det(A: Any, *, out: Any = None) -> Tensor:
    """The determinants of square matrices; their derivative is right for singular ones.

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
    >>> pb.det(pb.tensor([[1.0, 2.0], [3.0, 4.0]]))
    tensor(-2.)
    """
    x = tensor_of(A)
    square("linalg.det", x._a)
    return into(out, record(LinalgDetBackward0, _determinants(x._a), (x,), (x,)))


_slogdet = structure("slogdet", "sign", "logabsdet")
_linalg_slogdet = structure("linalg_slogdet", "sign", "logabsdet")


class LinalgSlogdetBackward0(Node):
    """Signs and logarithms of the absolute values of determinants."""

    __slots__ = ()
    saves_results = 1

    def backward(self, g: Any, A: Any, sign: Any) -> Any:
        for_sign, for_log = g
        turned = adjoint(np.linalg.inv(A))
        total = 0 if for_log is None else for_log
        if for_sign is not None and A.dtype.kind == "c":
            # The sign turns: only what is orthogonal to it counts.
            total = total - 1j * np.imag(np.conj(for_sign) * sign)
        elif for_log is None:
            return (None,)
        return (np.expand_dims(np.expand_dims(total, -1), -1) * turned,)


def _signs(name: str, A: Any, face: Any, out: Any) -> Any:
    x = tensor_of(A)
    square(name, x._a)
    sign, logarithm = quiet(np.linalg.slogdet)(x._a)
    made = record_many(LinalgSlogdetBackward0, (sign, logarithm), (x,), (x,))
    return face(*made) if out is None else face(*[into(o, m) for o, m in zip(out, made, strict=True)])


@function("slogdet")
def slogdet(input: Any) -> Any:
    """The signs of determinants, and the logarithms of their absolute values.

    Parameters
    ----------
    input
        A square matrix, or a stack of them.

    Returns
    -------
    named tuple (sign, logabsdet)

    Raises
    ------
    RuntimeError
        If they are not square.

    Examples
    --------
    >>> import pullback as pb
    >>> pb.slogdet(pb.eye(2)).logabsdet
    tensor(0.)
    """
    return _signs("linalg.slogdet", input, _slogdet, None)


@function("linalg_slogdet", method=False)
def linalg_slogdet(A: Any, *, out: Any = None) -> Any:
    """The signs of determinants, and the logarithms of their absolute values.

    Parameters
    ----------
    A
        A square matrix, or a stack of them.
    out
        A pair of tensors to write the results to.

    Returns
    -------
    named tuple (sign, logabsdet)

    Raises
    ------
    RuntimeError
        If they are not square.

    Examples
    --------
    >>> import pullback as pb
    >>> pb.linalg.slogdet(pb.eye(2)).sign
    tensor(1.)
    """
    return _signs("linalg.slogdet", A, _linalg_slogdet, out)


@function()
def logdet(input: Any) -> Tensor:
    """The logarithms of determinants; NaN where they are negative.

    Parameters
    ----------
    input
        A square matrix, or a stack of them.

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
    >>> pb.logdet(pb.eye(2))
    tensor(0.)
    """
    sign, logarithm = _signs("linalg.logdet", input, _slogdet, None)
    made: Any
    if sign._a.dtype.kind == "c":
        made = logarithm + np.log(sign)
    else:
        made = np.where(wrap(Tensor, sign._a == -1), np.nan, logarithm)
    return made


class LinalgMatrixExpBackward0(Node):
    """Exponentials of matrices."""

    __slots__ = ()

    def backward(self, g: Any, A: Any) -> Any:
        # The exponential of a matrix of blocks has the derivative in a corner.
        n, turned = A.shape[-1], adjoint(A)
        top = np.concatenate((turned, g), -1)
        bottom = np.concatenate((turned * 0, turned), -1)
        whole = _exponential(np.concatenate((top, bottom), -2))
        return (whole[..., :n, n:],)


def _exponential(A: Any) -> Any:
    if isinstance(A, Recorded):
        return matrix_exp(A)
    return linalg.expm(A).astype(A.dtype, copy=False) if A.size else A.copy()


@function("matrix_exp", "linalg_matrix_exp")
def matrix_exp(input: Any) -> Tensor:
    """The exponentials of square matrices.

    Parameters
    ----------
    input
        A square matrix, or a stack of them.

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
    >>> pb.matrix_exp(pb.zeros(2, 2))
    tensor([[1., 0.],
            [0., 1.]])
    """
    x = tensor_of(input)
    square("linalg.matrix_exp", x._a)
    made: Tensor = record(LinalgMatrixExpBackward0, _exponential(x._a), (x,), (x,))
    return made
