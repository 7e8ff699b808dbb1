"""Norms of vectors and matrices, and distances."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ...ops.pointwise import mismatch, quiet
from ...ops.promotion import promoted
from ...tape.node import Node
from ...tape.quiet import quietly
from ...tape.record import array_of, like, record
from ..pointwise.pointwise import into
from ..table import function
from ..tensor import Tensor, axes_of, axis_of, tensor_of
from .reductions import in_dtype, restored, title


def norms(a: Any, p: float, axes: Any, keepdim: Any) -> Any:
    """The p-norms of an array along axes."""
    sizes = np.abs(a)
    if p == 2:
        return np.sqrt(np.sum(sizes * sizes, axis=axes, keepdims=keepdim))
    if p == math.inf:
        return np.max(sizes, axis=axes, keepdims=keepdim)
    if p == -math.inf:
        return np.min(sizes, axis=axes, keepdims=keepdim)
    if p == 0:
        return np.sum(sizes != 0, axis=axes, keepdims=keepdim).astype(sizes.dtype)
    if p == 1:
        return np.sum(sizes, axis=axes, keepdims=keepdim)
    return np.sum(sizes**p, axis=axes, keepdims=keepdim) ** sizes.dtype.type(1 / p)


_norms = quiet(norms)


def slope(g: Any, x: Any, y: Any, p: float, axes: Any) -> Any:
    """The cotangent of x, from those of its norms y, broadcast like x: zero where the norm has a corner."""
    if p == 0:
        return x * 0
    if p == 1:
        return g * np.sign(x)
    if p == 2:
        return x * (g / _nonzero(y, y))
    sizes = np.abs(x)
    if math.isinf(p):
        there = array_of(sizes) == array_of(y)
        share = there / np.sum(there, axis=axes, keepdims=True)
        return g * np.sign(x) * like(np.asarray(share, array_of(sizes).dtype), x)
    if p < 2:
        return np.sign(x) * _where(x, _nonzero(sizes, x) ** (p - 1)) * (g * _nonzero(y, y) ** (1 - p))
    return x * _where(x, _nonzero(sizes, x) ** (p - 2)) * (g / _nonzero(y, y) ** (p - 1))


def _nonzero(value: Any, x: Any) -> Any:
    """`value`, but 1 where x is zero."""
    zero = array_of(x) == 0
    return np.where(like(zero, x), 1.0, value) if np.any(zero) else value


def _where(x: Any, value: Any) -> Any:
    """`value`, but 0 where x is zero."""
    zero = array_of(x) == 0
    return np.where(like(zero, x), 0.0, value) if np.any(zero) else value


class LinalgVectorNormBackward0(Node):
    """Norms along axes; `static` is the order and what `restored` needs."""

    __slots__ = ()
    saves_results = 1

    def backward(self, g: Any, x: Any, y: Any) -> Any:
        p, shape, axes, keepdim = self.static
        if p == 0:
            return (None,)
        return (slope(restored(g, shape, axes, keepdim), x, restored(y, shape, axes, keepdim), p, axes),)


class NormBackward1(LinalgVectorNormBackward0):
    """Distances of pairs, by the name that they have in PyTorch."""

    __slots__ = ()


class DistBackward0(Node):
    """The norm of a difference; `static` is the order."""

    __slots__ = ()
    saves_results = 1

    def backward(self, g: Any, x: Any, z: Any, y: Any) -> Any:
        for_x = slope(g, x - z, y, self.static, None)
        return for_x, -for_x


@function("linalg_vector_norm", method=False)
def vector_norm(
    x: Any, ord: float = 2, dim: Any = None, keepdim: bool = False, *, dtype: Any = None, out: Any = None
) -> Tensor:
    """The norm of the elements as one vector, or along axes.

    Parameters
    ----------
    x
        A tensor of floats or complex numbers.
    ord
        The order: any number, also infinite.
    dim
        An axis, several, or None for all.
    keepdim
        Keep the axes with length 1.
    dtype
        The dtype to compute in.
    out
        A tensor to write the result to.

    Returns
    -------
    Tensor

    Raises
    ------
    IndexError, RuntimeError
        If there is no such axis, or the tensor holds integers.

    Examples
    --------
    >>> import pullback as pb
    >>> pb.linalg.vector_norm(pb.tensor([3.0, 4.0]))
    tensor(5.)
    """
    return into(out, vector_norms(in_dtype(x, dtype), ord, dim, keepdim))


def vector_norms(
    v: Tensor, ord: float, dim: Any, keepdim: bool, node: type[Node] = LinalgVectorNormBackward0
) -> Tensor:
    """The norms of vectors, recorded as `node`."""
    a = v._a
    if a.dtype.kind not in "fc":
        raise RuntimeError(
            f"linalg.vector_norm: Expected a floating point or complex tensor as input. Got {title(a.dtype)}"
        )
    axes = axes_of(dim, a.ndim) if a.ndim else None
    p = float(ord)
    lengths = [a.shape[k] for k in (range(a.ndim) if axes is None else axes)]
    if 0 in lengths and (p < 0 or p == math.inf):
        order = "inf" if p == math.inf else f"{p:g}"
        raise RuntimeError(
            f"linalg.vector_norm cannot compute the {order} norm on an empty tensor because the operation "
            "does not have an identity"
        )
    result = _norms(a.astype(np.float32) if a.dtype == np.float16 else a, p, axes, keepdim)
    result = np.asarray(result).astype(a.real.dtype)
    made: Tensor = record(node, result, (v,), (v,), (p, a.shape, axes, keepdim))
    return made


_MATRIX_ORDERS = "fro", "nuc", math.inf, -math.inf, 1, -1, 2, -2


@function("linalg_matrix_norm", method=False)
def matrix_norm(
    A: Any,
    ord: Any = "fro",
    dim: Any = (-2, -1),
    keepdim: bool = False,
    *,
    dtype: Any = None,
    out: Any = None,
) -> Tensor:
    """The norms of matrices: Frobenius, nuclear, spectral, of rows or columns.

    Parameters
    ----------
    A
        A matrix, or a stack of them.
    ord
        "fro", "nuc", 2, -2 (singular values), 1, -1 (columns), inf, -inf (rows).
    dim
        The two axes of the matrices.
    keepdim
        Keep the axes with length 1.
    dtype
        The dtype to compute in.
    out
        A tensor to write the result to.

    Returns
    -------
    Tensor

    Raises
    ------
    RuntimeError
        For another order, or less than two axes.

    Examples
    --------
    >>> import pullback as pb
    >>> pb.linalg.matrix_norm(pb.tensor([[3.0, 0.0], [0.0, 4.0]]), ord=2)
    tensor(4.)
    """
    x: Any = in_dtype(A, dtype)
    rank = x._a.ndim
    if rank < 2:
        raise RuntimeError("linalg.matrix_norm: The input tensor A must have at least 2 dimensions.")
    if ord not in _MATRIX_ORDERS:
        raise RuntimeError(f"linalg.matrix_norm: Order {ord} not supported.")
    row, column = (axis_of(int(k), rank) for k in dim)
    if row == column:
        raise RuntimeError(f"linalg.matrix_norm: dims must be different. Got ({dim[0]}, {dim[1]})")
    if ord == "fro":
        return vector_norm(x, 2, (row, column), keepdim, out=out)
    if ord in ("nuc", 2, -2):
        from ..linalg.decompositions import svdvals  # which needs norms

        values = svdvals(np.moveaxis(x, (row, column), (-2, -1)))
        made: Any = values.sum(-1) if ord == "nuc" else values.amax(-1) if ord == 2 else values.amin(-1)
    else:
        sums = np.sum(np.abs(x), axis=row if abs(ord) == 1 else column, keepdims=True)
        made = (sums.amax if ord > 0 else sums.amin)((row, column))
    if keepdim:
        made = np.reshape(made, [1 if k in (row, column) else n for k, n in enumerate(x._a.shape)])
    return into(out, made)


@function("linalg_norm", method=False)
def linalg_norm(
    A: Any, ord: Any = None, dim: Any = None, keepdim: bool = False, *, out: Any = None, dtype: Any = None
) -> Tensor:
    """The norm of vectors or matrices, as NumPy's `linalg.norm`.

    Parameters
    ----------
    A
        A tensor of floats or complex numbers.
    ord
        None for the norm of all elements as a vector; else an order for vectors or matrices.
    dim
        One axis for vectors, two for matrices, None for all of a tensor with one or two axes.
    keepdim
        Keep the axes with length 1.
    out
        A tensor to write the result to.
    dtype
        The dtype to compute in.

    Returns
    -------
    Tensor

    Raises
    ------
    RuntimeError
        For an order that there is not, or axes that do not fit.

    Examples
    --------
    >>> import pullback as pb
    >>> pb.linalg.norm(pb.tensor([[1.0, 2.0], [3.0, 4.0]]), ord=1)
    tensor(6.)
    """
    x = tensor_of(A)
    if dim is not None:
        axes = (dim,) if isinstance(dim, int) else tuple(dim)
        if len(axes) not in (1, 2):
            raise RuntimeError(
                f"linalg.norm: If dim is specified, it must be of length 1 or 2. Got {list(axes)}"
            )
    elif ord is not None:
        if x._a.ndim not in (1, 2):
            raise RuntimeError(
                "linalg.norm: If dim is not specified but ord is, the input must be 1D or 2D. Got "
                f"{x._a.ndim}D."
            )
        axes = tuple(range(x._a.ndim))
    if ord is None:
        return vector_norm(x, 2, dim, keepdim, dtype=dtype, out=out)
    if len(axes) == 2 or isinstance(ord, str):
        return matrix_norm(x, ord, axes if len(axes) == 2 else (-2, -1), keepdim, dtype=dtype, out=out)
    return vector_norm(x, ord, axes, keepdim, dtype=dtype, out=out)


@function()
def norm(
    input: Any, p: Any = "fro", dim: Any = None, keepdim: bool = False, out: Any = None, dtype: Any = None
) -> Tensor:
    """The norm of all elements or along axes.

    Parameters
    ----------
    input
        A tensor of floats or complex numbers.
    p
        The order; "fro" is 2 and "nuc" the sum of the singular values of matrices.
    dim
        An axis, several, or None for all.
    keepdim
        Keep the axes with length 1.
    out
        A tensor to write the result to.
    dtype
        The dtype to compute in.

    Returns
    -------
    Tensor

    Raises
    ------
    IndexError, RuntimeError
        If there is no such axis, or the tensor holds integers.

    Examples
    --------
    >>> import pullback as pb
    >>> pb.norm(pb.tensor([[1.0, 2.0], [2.0, 4.0]]))
    tensor(5.)
    """
    if p == "nuc":
        return matrix_norm(input, "nuc", (-2, -1) if dim is None else dim, keepdim, dtype=dtype, out=out)
    return vector_norm(input, 2 if p is None or p == "fro" else p, dim, keepdim, dtype=dtype, out=out)


@function()
@quietly
def dist(input: Any, other: Any, p: float = 2) -> Tensor:
    """The norm of `input - other`.

    Parameters
    ----------
    input
        A tensor.
    other
        A tensor that broadcasts.
    p
        The order.

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
    >>> pb.dist(pb.tensor([0.0, 0.0]), pb.tensor([3.0, 4.0]))
    tensor(5.)
    """
    x, z = tensor_of(input), tensor_of(other)
    a, b = promoted(x._a, z._a)
    try:
        apart = a - b
    except ValueError as error:
        raise mismatch(a, b, error) from None
    return record(DistBackward0, np.asarray(_norms(apart, float(p), None, False)), (x, z), (x, z), float(p))


@function(inplace=True)
def renorm(input: Any, p: float, dim: int, maxnorm: float, *, out: Any = None) -> Tensor:
    """The slices of a tensor along an axis, scaled down to a norm where theirs is larger.

    Parameters
    ----------
    input
        A tensor.
    p
        The order of the norm.
    dim
        An axis.
    maxnorm
        The largest norm.
    out
        A tensor to write the result to.

    Returns
    -------
    Tensor

    Raises
    ------
    RuntimeError
        If there are less than two axes.

    Examples
    --------
    >>> import pullback as pb
    >>> pb.renorm(pb.tensor([[3.0, 4.0], [0.0, 1.0]]), 2, 0, 1.0)
    tensor([[0.6000, 0.8000],
            [0.0000, 1.0000]])
    """
    x: Any = tensor_of(input)
    if x._a.ndim < 2:
        raise RuntimeError(f"renorm: input needs at least 2 dimensions, got {x._a.ndim} dimensions")
    axis = axis_of(dim, x._a.ndim)
    others = tuple(k for k in range(x._a.ndim) if k != axis)
    lengths: Any = vector_norm(x, p, others, True)
    factors = np.where(lengths > maxnorm, maxnorm / (lengths + 1e-7), 1.0)
    return into(out, x * factors)


__all__ = ["dist", "linalg_norm", "matrix_norm", "norm", "renorm", "vector_norm"]
