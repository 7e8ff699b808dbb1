"""Solutions of systems with triangular matrices."""

from __future__ import annotations

from typing import Any

import numpy as np

from ....compiler.later import linalg
from ...ops.pointwise import quiet
from ...tape.node import Node, Recorded
from ...tape.record import record, record_many
from ..pointwise.pointwise import into
from ..reductions.extrema import write_pair
from ..reductions.reductions import title
from ..return_types import structure
from ..table import function
from ..tensor import Tensor, tensor_of
from .linalg import columnwise, matrices, square
from .linear import adjoint, conj

_triangular_solve = structure("triangular_solve", "solution", "cloned_coefficient")


class LinalgSolveTriangularBackward0(Node):
    """Solutions of triangular systems; `static` is (upper, left, unitriangular)."""

    __slots__ = ()
    saves_results = 1

    def backward(self, g: Any, A: Any, y: Any) -> Any:
        upper, left, unit = self.static
        for_b = triangular(adjoint(A), g, not upper, left, unit)
        for_a = None
        if self.edges[0] is not None:
            for_a = -(np.matmul(for_b, adjoint(y)) if left else np.matmul(adjoint(y), for_b))
            part = np.triu if upper else np.tril
            for_a = part(for_a, (1 if upper else -1) if unit else 0)
        return for_a, for_b


def triangular(A: Any, B: Any, upper: bool, left: bool = True, unit: bool = False) -> Any:
    """The solutions of triangular systems, of arrays or tensors."""
    if isinstance(A, Recorded) or isinstance(B, Recorded):
        return solve_triangular(A, B, upper=upper, left=left, unitriangular=unit)
    if not left:
        return np.swapaxes(
            triangular(np.swapaxes(A, -1, -2), np.swapaxes(B, -1, -2), not upper, True, unit), -1, -2
        )
    shape = np.broadcast_shapes(A.shape[:-2], B.shape[:-2])
    A, B = np.broadcast_to(A, shape + A.shape[-2:]), np.broadcast_to(B, shape + B.shape[-2:])
    made = np.empty(B.shape, np.result_type(A, B))
    for index in np.ndindex(shape):
        if B[index].size:
            made[index] = _triangle(A[index], B[index], upper, unit)
    return made


@quiet
def _triangle(a: Any, b: Any, upper: bool, unit: bool) -> Any:
    try:
        return linalg.solve_triangular(a, b, lower=not upper, unit_diagonal=unit, check_finite=False)
    except np.linalg.LinAlgError:  # PyTorch divides by zero
        return np.full(b.shape, np.nan, np.result_type(a, b)) + b / np.diagonal(a)[:, None]


@function("linalg_solve_triangular", method=False)
def solve_triangular(
    A: Any, B: Any, *, upper: bool, left: bool = True, unitriangular: bool = False, out: Any = None
) -> Tensor:
    """The solutions X of `A X = B` (or `X A = B`) for triangular matrices.

    Parameters
    ----------
    A
        A square matrix, or a stack of them, of which one triangle counts.
    B
        The right-hand sides.
    upper
        Which triangle.
    left
        False solves `X A = B`.
    unitriangular
        Take the diagonal as ones.
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
    >>> A = pb.tensor([[2.0, 0.0], [1.0, 1.0]])
    >>> pb.linalg.solve_triangular(A, pb.tensor([[2.0], [3.0]]), upper=False)
    tensor([[1.],
            [2.]])
    """
    x, z = tensor_of(A), tensor_of(B)
    square("linalg.solve_triangular", x._a)
    matrices("linalg.solve_triangular", z._a)
    if z._a.shape[-2 if left else -1] != x._a.shape[-1]:
        one, two = ("x".join(map(str, v._a.shape[-2:])) for v in (x, z))
        equation = "AX = B" if left else "XA = B"
        raise RuntimeError(
            f"linalg.solve_triangular: Incompatible shapes of A and B for the equation {equation} ({one} and "
            f"{two})"
        )
    result = columnwise(triangular(x._a, z._a, upper, left, unitriangular))
    static = (upper, left, unitriangular)
    return into(out, record(LinalgSolveTriangularBackward0, result, (x, z), (x,), static))


class TriangularSolveBackward0(Node):
    """Solutions of triangular systems, and the matrices; `static` is (upper, transpose, unitriangular)."""

    __slots__ = ()
    saves_results = 1

    def backward(self, g: Any, A: Any, y: Any) -> Any:
        upper, turned, unit = self.static
        for_y, for_a = g
        if for_y is None:
            return None, for_a
        matrix = conj(A) if turned else conj(np.swapaxes(A, -1, -2))
        for_b = triangular(matrix, for_y, upper if turned else not upper, True, unit)
        if self.edges[1] is not None:
            turn = np.swapaxes(for_b, -1, -2), np.swapaxes(y, -1, -2)
            part = -np.matmul(conj(y), turn[0]) if turned else -np.matmul(for_b, conj(turn[1]))
            part = (np.triu if upper else np.tril)(part, (1 if upper else -1) if unit else 0)
            for_a = part if for_a is None else for_a + part
        return for_b, for_a


@function()
def triangular_solve(
    input: Any, A: Any, upper: bool = True, transpose: bool = False, unitriangular: bool = False, *,
    out: Any = None,
) -> Any:  # fmt: skip
    """The solutions X of `A X = input` for triangular matrices, and the matrices.

    `pb.linalg.solve_triangular` has the same with its arguments in another order.

    Parameters
    ----------
    input
        The right-hand sides.
    A
        A square matrix, or a stack of them, of which one triangle counts.
    upper
        Which triangle.
    transpose
        Solve with the transposed matrix.
    unitriangular
        Take the diagonal as ones.
    out
        A pair of tensors to write the results to.

    Returns
    -------
    named tuple (solution, cloned_coefficient)

    Raises
    ------
    RuntimeError
        If the shapes do not fit.

    Examples
    --------
    >>> import pullback as pb
    >>> pb.triangular_solve(pb.tensor([[2.0], [3.0]]), pb.eye(2)).solution
    tensor([[2.],
            [3.]])
    """
    z, x = tensor_of(input), tensor_of(A)
    b, a = z._a, x._a
    for name, array in (("b", b), ("A", a)):
        if array.ndim < 2:
            raise RuntimeError(
                f"torch.triangular_solve: Expected {name} to have at least 2 dimensions, but it has "
                f"{array.ndim} dimensions instead"
            )
    square("triangular_solve", a)
    if a.dtype != b.dtype:
        raise RuntimeError(
            f"Expected b and A to have the same dtype, but found b of type {title(b.dtype)} and A of type "
            f"{title(a.dtype)} instead."
        )
    if a.shape[-1] != b.shape[-2]:
        raise RuntimeError(
            f"Incompatible matrix sizes for triangular_solve: each A matrix is {a.shape[-1]} by "
            f"{a.shape[-1]} but each b matrix is {b.shape[-2]} by {b.shape[-1]}"
        )
    matrix = np.swapaxes(a, -1, -2) if transpose else a
    result = columnwise(triangular(matrix, b, upper != transpose, True, unitriangular))
    copy = columnwise(np.broadcast_to(a, result.shape[:-2] + a.shape[-2:]))
    # The matrices themselves are the second result: what is saved of the results is the first.
    made = record_many(
        TriangularSolveBackward0, (result, copy), (z, x), (x,), (upper, transpose, unitriangular)
    )
    return write_pair(out, _triangular_solve(*made))
