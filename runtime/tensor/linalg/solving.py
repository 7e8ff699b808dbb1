"""Inverses of square matrices and solutions of systems of equations."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from ....compiler.later import linalg
from ...ops.pointwise import quiet
from ...tape.node import Node, wrap
from ...tape.record import record
from ..pointwise.pointwise import into
from ..reductions.extrema import write_pair
from ..reductions.reductions import title
from ..return_types import structure
from ..shape.shaping import reshaped
from ..table import function, put
from ..tensor import Tensor, axis_of, tensor_of
from .linalg import LinAlgError, columnwise, square
from .linear import adjoint
from .lu import factors, solved

_inv_ex = structure("linalg_inv_ex", "inverse", "info")
_solve_ex = structure("linalg_solve_ex", "result", "info")


def singular(name: str, info: Any, words: str = "") -> LinAlgError:
    """What is raised for singular matrices, of which `info` says the first zero on the diagonal."""
    number = int(np.flatnonzero(info)[0])
    which = f"(Batch element {number}): " if info.ndim else ""
    words = words or (
        f"The diagonal element {info.ravel()[number]} is zero, the inversion could not be completed because "
        "the input matrix is singular."
    )
    return LinAlgError(f"{name}: {which}{words}")


class LinalgInvExBackward0(Node):
    """Inverses, from the result."""

    __slots__ = ()
    saves_results = 1

    def backward(self, g: Any, y: Any) -> Any:
        turned = adjoint(y)
        return (-np.matmul(turned, np.matmul(g, turned)),)


def inv(A: Any, *, out: Any = None) -> Tensor:
    """The inverses of square matrices.

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
        If they are not square, or singular (`LinAlgError`).

    Examples
    --------
    >>> import pullback as pb
    >>> pb.linalg.inv(pb.tensor([[2.0, 0.0], [0.0, 4.0]]))
    tensor([[0.5000, 0.0000],
            [0.0000, 0.2500]])
    """
    x = tensor_of(A)
    square("linalg.inv", x._a)
    try:
        result = np.linalg.inv(x._a)
    except np.linalg.LinAlgError:
        raise singular("linalg.inv", factors(x._a)[2]) from None
    return into(out, record(LinalgInvExBackward0, columnwise(result), (x,)))


put("linalg_inv", inv, method=False)
put("inverse", inv)


@function("linalg_inv_ex", method=False)
def inv_ex(A: Any, *, check_errors: bool = False, out: Any = None) -> Any:
    """The inverses of square matrices, and which have none.

    Parameters
    ----------
    A
        A square matrix, or a stack of them.
    check_errors
        Raise if one is singular.
    out
        A pair of tensors to write the results to.

    Returns
    -------
    named tuple (inverse, info)
        `info` is 0 for a matrix that has an inverse, else the first zero on the diagonal of its U.

    Raises
    ------
    RuntimeError
        If they are not square.

    Examples
    --------
    >>> import pullback as pb
    >>> pb.linalg.inv_ex(pb.zeros(2, 2)).info
    tensor(1, dtype=pullback.int32)
    """
    x = tensor_of(A)
    a = x._a
    square("linalg.inv", a)
    compact, pivots, info = factors(a)
    if check_errors and info.any():
        raise singular("linalg.inv_ex", info)
    if info.any() or not a.size:
        one = np.broadcast_to(np.eye(a.shape[-1], dtype=a.dtype), a.shape)
        result = _substituted(compact, pivots, one)
    else:
        result = np.linalg.inv(a)
    made = record(LinalgInvExBackward0, columnwise(result), (x,))
    return write_pair(out, _inv_ex(made, wrap(Tensor, info)))


@quiet
def _substituted(compact: Any, pivots: Any, b: Any) -> Any:
    """Solutions by substitution, which divides by the zeros of singular matrices."""
    shape = np.broadcast_shapes(compact.shape[:-2], b.shape[:-2])
    compact = np.broadcast_to(compact, shape + compact.shape[-2:])
    pivots, b = np.broadcast_to(pivots, shape + pivots.shape[-1:]), np.broadcast_to(b, shape + b.shape[-2:])
    made = np.empty(b.shape, b.dtype)
    if made.size:
        (solve_one,) = linalg.get_lapack_funcs(("getrs",), (compact, b))
        for index in np.ndindex(shape):
            made[index], _ = solve_one(compact[index], pivots[index] - 1, b[index])
    return made


class LinalgSolveExBackward0(Node):
    """Solutions of `A X = B` or `X A = B`; `static` is whether B is a vector for each matrix, and left."""

    __slots__ = ()
    saves_results = 1

    def backward(self, g: Any, A: Any, y: Any) -> Any:
        vector, left = self.static
        if vector:
            g, y = np.expand_dims(g, -1), np.expand_dims(y, -1)
        turned = adjoint(A)
        for_b = np.linalg.solve(turned, g) if left else _from_right(turned, g)
        for_a = None
        if self.edges[0] is not None:
            for_a = -(np.matmul(for_b, adjoint(y)) if left else np.matmul(adjoint(y), for_b))
        return for_a, np.squeeze(for_b, -1) if vector else for_b


def _from_right(a: Any, b: Any) -> Any:
    """The solutions X of `X A = B`."""
    turned = np.linalg.solve(np.swapaxes(a, -1, -2), np.swapaxes(b, -1, -2))
    return np.ascontiguousarray(np.swapaxes(turned, -1, -2)) if type(turned) is np.ndarray else turned.mT


def _fitting(a: Any, b: Any, left: bool) -> bool:
    """Whether B is a vector for each matrix.

    Raises
    ------
    RuntimeError
        If the shapes or dtypes do not fit.
    """
    square("linalg.solve", a)
    if a.dtype != b.dtype:
        raise RuntimeError(
            "linalg.solve: Expected A and B to have the same dtype, but found A of type "
            f"{title(a.dtype)} and B of type {title(b.dtype)} instead"
        )
    vector = b.ndim == 1 or (a.ndim - 1 == b.ndim and b.shape == a.shape[:-1])
    if vector and not left and a.shape[-1] == 1:
        raise RuntimeError(
            "linalg.solve: Vector broadcasting of the left hand side is not supported for left=False. In "
            "this case linalg.solve is equivalent to B / A.squeeze(-1)"
        )
    rows = b[..., None] if vector else b
    if rows.ndim < 2 or rows.shape[-2 if left else -1] != a.shape[-1]:
        one, two = f"{a.shape[-2]}x{a.shape[-1]}", "x".join(map(str, rows.shape[-2:]))
        raise RuntimeError(
            f"linalg.solve: Incompatible shapes of A and B for the equation {'AX' if left else 'XA'} = B "
            f"({one} and {two})"
        )
    return vector


@function("linalg_solve", method=False)
def solve(A: Any, B: Any, *, left: bool = True, out: Any = None) -> Tensor:
    """The solutions X of `A X = B`, or of `X A = B`.

    Parameters
    ----------
    A
        A square matrix, or a stack of them.
    B
        A matrix of right-hand sides, a vector, or stacks of them.
    left
        False solves `X A = B`.
    out
        A tensor to write the result to.

    Returns
    -------
    Tensor

    Raises
    ------
    RuntimeError
        If the shapes do not fit, or a matrix is singular (`LinAlgError`).

    Examples
    --------
    >>> import pullback as pb
    >>> pb.linalg.solve(pb.tensor([[2.0, 0.0], [0.0, 4.0]]), pb.tensor([1.0, 2.0]))
    tensor([0.5000, 0.5000])
    """
    x, z = tensor_of(A), tensor_of(B)
    a, b = x._a, z._a
    vector = _fitting(a, b, left)
    try:
        result = np.linalg.solve(a, b[..., None] if vector else b) if left else _from_right(a, b)
    except np.linalg.LinAlgError:
        raise singular("torch.linalg.solve", factors(a)[2], _UNSOLVED) from None
    result = result[..., 0] if vector else columnwise(result) if left else result
    return into(out, record(LinalgSolveExBackward0, result, (x, z), (x,), (vector, left)))


_UNSOLVED = "The solver failed because the input matrix is singular."


@function("linalg_solve_ex", method=False)
def solve_ex(A: Any, B: Any, *, left: bool = True, check_errors: bool = False, out: Any = None) -> Any:
    """The solutions X of `A X = B`, and for which matrices there is none.

    Parameters
    ----------
    A
        A square matrix, or a stack of them.
    B
        A matrix of right-hand sides, a vector, or stacks of them.
    left
        False solves `X A = B`.
    check_errors
        Raise if a matrix is singular.
    out
        A pair of tensors to write the results to.

    Returns
    -------
    named tuple (result, info)
        `info` is 0 for a matrix that has an inverse, else the first zero on the diagonal of its U.

    Raises
    ------
    RuntimeError
        If the shapes do not fit.

    Examples
    --------
    >>> import pullback as pb
    >>> pb.linalg.solve_ex(pb.zeros(1, 1), pb.ones(1)).info
    tensor(1, dtype=pullback.int32)
    """
    x, z = tensor_of(A), tensor_of(B)
    vector = _fitting(x._a, z._a, left)
    compact, pivots, info = factors(x._a)
    if not info.any():
        return write_pair(out, _solve_ex(solve(x, z, left=left), wrap(Tensor, info)))
    if check_errors:
        raise singular("torch.linalg.solve_ex", info, _UNSOLVED)
    b = z._a[..., None] if vector else z._a
    result = _substituted(compact, pivots, b) if left else solved(compact, pivots, b, False)
    result = result[..., 0] if vector else columnwise(result) if left else np.ascontiguousarray(result)
    made = record(LinalgSolveExBackward0, result, (x, z), (x,), (vector, left))
    return write_pair(out, _solve_ex(made, wrap(Tensor, info)))


@function("linalg_tensorinv", method=False)
def tensorinv(A: Any, ind: int = 2, *, out: Any = None) -> Tensor:
    """The inverse of a tensor as a linear map from its last axes to its first `ind` ones.

    Parameters
    ----------
    A
        A tensor whose first axes have as many elements together as its last ones.
    ind
        How many are the first.
    out
        A tensor to write the result to.

    Returns
    -------
    Tensor

    Raises
    ------
    RuntimeError
        If the axes do not fit.

    Examples
    --------
    >>> import pullback as pb
    >>> pb.linalg.tensorinv(pb.eye(4).reshape(2, 2, 4)).shape
    pullback.Size([4, 2, 2])
    """
    x = tensor_of(A)
    if ind <= 0:
        raise RuntimeError(f"Expected a strictly positive integer for 'ind', but got {ind}")
    first, last = x._a.shape[:ind], x._a.shape[ind:]
    rows, columns = math.prod(first), math.prod(last)
    if rows != columns:
        raise RuntimeError(
            "Expected self to satisfy the requirement prod(self.shape[ind:]) == prod(self.shape[:ind]), but "
            f"got {columns} != {rows}"
        )
    return into(out, reshaped(inv(reshaped(x, (rows, columns))), (*last, *first)))


@function("linalg_tensorsolve", method=False)
def tensorsolve(A: Any, B: Any, dims: Sequence[int] | None = None, *, out: Any = None) -> Tensor:
    """The tensor X with `tensordot(A, X, X.ndim) = B`.

    Parameters
    ----------
    A
        A tensor whose first axes are those of B, and whose others have as many elements together.
    B
        A tensor.
    dims
        Axes of A to move behind the others first.
    out
        A tensor to write the result to.

    Returns
    -------
    Tensor

    Raises
    ------
    RuntimeError
        If the axes do not fit, or the map has no inverse (`LinAlgError`).

    Examples
    --------
    >>> import pullback as pb
    >>> pb.linalg.tensorsolve(pb.eye(4).reshape(2, 2, 4), pb.tensor([[1.0, 2.0], [3.0, 4.0]]))
    tensor([1., 2., 3., 4.])
    """
    x: Any = tensor_of(A)
    z = tensor_of(B)
    if dims is not None:
        rank = x._a.ndim
        moved = [axis_of(d, rank) for d in dims]
        x = np.moveaxis(x, moved, range(rank - len(moved), rank))
    first, last = x._a.shape[: z._a.ndim], x._a.shape[z._a.ndim :]
    rows, columns = math.prod(first), math.prod(last)
    if rows != columns:
        raise RuntimeError(
            "Expected self to satisfy the requirement prod(self.shape[other.ndim:]) == "
            f"prod(self.shape[:other.ndim]), but got {columns} != {rows}"
        )
    return into(out, reshaped(solve(reshaped(x, (rows, columns)), reshaped(z, (rows,))), last))
