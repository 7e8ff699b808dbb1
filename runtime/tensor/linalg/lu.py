"""The decomposition `A = P L U` into a permutation and two triangles, and solutions by it.

LAPACK keeps both triangles in one matrix: L below the diagonal, its own being ones, and U from it on. The
rows that it exchanged are numbered from 1, as in PyTorch.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ....compiler.later import linalg
from ...ops.pointwise import quiet
from ...tape.node import Node, Recorded, wrap
from ...tape.record import array_of, like, record, record_many
from ..pointwise.pointwise import into
from ..reductions.extrema import write_pair
from ..reductions.reductions import title
from ..return_types import structure
from ..table import function
from ..tensor import Tensor, tensor_of
from .linalg import columnwise, square
from .linear import adjoint
from .triangles import triangular

_lu_factor = structure("linalg_lu_factor", "LU", "pivots")
_lu_factor_ex = structure("linalg_lu_factor_ex", "LU", "pivots", "info")
_lu = structure("linalg_lu", "P", "L", "U")
_lu_unpack = structure("lu_unpack", "P", "L", "U")


def factors(a: Any) -> tuple[Any, Any, Any]:
    """The compact decompositions of matrices, their pivots, and the first zero of each diagonal."""
    rank = min(a.shape[-2:])
    compact = np.empty(a.shape, a.dtype)
    pivots = np.empty((*a.shape[:-2], rank), np.int32)
    info = np.zeros(a.shape[:-2], np.int32)
    if a.size:
        (factor,) = linalg.get_lapack_funcs(("getrf",), (a,))
        for index in np.ndindex(a.shape[:-2]):
            compact[index], found, info[index] = factor(a[index])
            pivots[index] = found + 1
    return columnwise(compact), pivots, info


def permutations(pivots: Any, rows: int, dtype: Any) -> Any:
    """The matrices P of the rows that were exchanged."""
    made = np.zeros((*pivots.shape[:-1], rows, rows), dtype)
    for index in np.ndindex(pivots.shape[:-1]):
        order = list(range(rows))
        for k, other in enumerate(pivots[index]):
            order[k], order[other - 1] = order[other - 1], order[k]
        made[(*index, order, range(rows))] = 1
    return made


def lower(compact: Any) -> Any:
    """L of compact decompositions, of arrays or tensors."""
    m, n = compact.shape[-2:]
    one = like(np.eye(m, min(m, n), dtype=array_of(compact).dtype), compact)
    return np.tril(compact[..., : min(m, n)], -1) + one


def upper(compact: Any) -> Any:
    """U of compact decompositions, of arrays or tensors."""
    return np.triu(compact[..., : min(compact.shape[-2:]), :])


def _of_matrix(for_low: Any, for_up: Any, p: Any, low: Any, up: Any) -> Any:
    """The cotangent of A from those of L and U, either of which may be None.

    Of a square matrix, `L^-1 P^H dA U^-1` has the change of L in its lower triangle and that of U in the
    upper one. The rows of a tall one below that are those of A over U, the further columns of a wide one
    those of A under L.
    """
    n = min(low.shape[-2], up.shape[-1])
    head, tail = low[..., :n, :], low[..., n:, :]
    left, right = up[..., :, :n], up[..., :, n:]
    for_head = for_tail = for_left = for_right = None
    if for_low is not None:
        for_head, for_tail = for_low[..., :n, :], for_low[..., n:, :]
    if for_up is not None:
        for_left, for_right = for_up[..., :, :n], for_up[..., :, n:]
    if for_tail is not None and tail.shape[-2]:
        for_tail = triangular(adjoint(left), for_tail, False, left=False)
        part = -np.matmul(adjoint(tail), for_tail)
        for_left = part if for_left is None else for_left + part
    if for_right is not None and right.shape[-1]:
        for_right = triangular(adjoint(head), for_right, True, unit=True)
        part = -np.matmul(for_right, adjoint(right))
        for_head = part if for_head is None else for_head + part
    core: Any = 0
    if for_head is not None:
        core = np.tril(np.matmul(adjoint(head), for_head), -1)
    if for_left is not None:
        core = core + np.triu(np.matmul(for_left, adjoint(left)))
    whole = triangular(adjoint(head), triangular(adjoint(left), core, False, left=False), True, unit=True)
    if tail.shape[-2]:
        whole = np.concatenate((whole, tail * 0 if for_tail is None else for_tail), -2)
    if right.shape[-1]:
        whole = np.concatenate((whole, right * 0 if for_right is None else for_right), -1)
    return np.matmul(like(p, whole), whole)


class LinalgLuFactorExBackward0(Node):
    """Compact decompositions; `static` is the permutations."""

    __slots__ = ()
    saves_results = 1

    def backward(self, g: Any, compact: Any) -> Any:
        g = g[0]
        n = min(g.shape[-2:])
        return (
            _of_matrix(np.tril(g[..., :n], -1), np.triu(g[..., :n, :]), self.static, lower(compact),
                       upper(compact)),
        )  # fmt: skip


class LinalgLuBackward0(Node):
    """L and U; `static` is the permutations."""

    __slots__ = ()
    saves_results = 2

    def backward(self, g: Any, low: Any, up: Any) -> Any:
        return (_of_matrix(g[0], g[1], self.static, low, up),)


class LuUnpackBackward0(Node):
    """L and U of compact decompositions; `static` is their shape."""

    __slots__ = ()

    def backward(self, g: Any) -> Any:
        lead, (m, n) = self.static[:-2], self.static[-2:]
        parts = []
        if g[1] is not None:
            parts.append(_filled(np.triu(g[1]), (*lead, max(m - n, 0), n), -2))
        if g[0] is not None:
            parts.append(_filled(np.tril(g[0], -1), (*lead, m, max(n - m, 0)), -1))
        return (parts[0] if len(parts) == 1 else parts[0] + parts[1],)


def _filled(g: Any, shape: Any, axis: int) -> Any:
    """The cotangent of a triangle, with zeros for what of the compact form is the other one's."""
    if not shape[axis]:
        return g
    return np.concatenate((g, like(np.zeros(shape, array_of(g).dtype), g)), axis)


def _pivoted(name: str, a: Any, pivot: bool) -> None:
    if a.ndim < 2:
        raise RuntimeError(
            f"{name.removeprefix('linalg.')}: Expected tensor with 2 or more dimensions. Got size: "
            f"{list(a.shape)} instead"
        )
    if a.dtype.kind not in "fc" or a.dtype.itemsize == 2:
        raise NotImplementedError(f"\"lu_cpu\" not implemented for '{title(a.dtype)}'")
    if not pivot:
        raise RuntimeError("linalg.lu_factor: LU without pivoting is not implemented on the CPU")


def _factored(A: Any, pivot: bool, check: bool) -> Any:
    x = tensor_of(A)
    a = x._a
    _pivoted("torch.lu_factor", a, pivot)
    compact, pivots, info = factors(a)
    if check and info.any():
        number = int(np.flatnonzero(info)[0])
        which = f"(Batch element {number}): " if info.ndim else ""
        k = int(info.ravel()[number])
        raise RuntimeError(
            f"torch.linalg.lu_factor: {which}U[{k},{k}] is zero and using it on lu_solve would result in a "
            "division by zero. If you still want to perform the factorization, consider calling "
            "linalg.lu(A, pivot) or linalg.lu_factor_ex(A, pivot)"
        )
    static = permutations(pivots, a.shape[-2], a.dtype)
    made, rows = record_many(LinalgLuFactorExBackward0, (compact, pivots), (x,), None, static, 1)
    return made, rows, wrap(Tensor, info)


@function("linalg_lu_factor", method=False)
def lu_factor(A: Any, *, pivot: bool = True, out: Any = None) -> Any:
    """The decomposition `A = P L U`, both triangles in one matrix, for `pb.linalg.lu_solve`.

    Parameters
    ----------
    A
        A matrix, or a stack of them.
    pivot
        Must be true: rows are exchanged.
    out
        A pair of tensors to write the results to.

    Returns
    -------
    named tuple (LU, pivots)

    Raises
    ------
    RuntimeError
        If U has a zero on its diagonal, or they are no matrices.

    Examples
    --------
    >>> import pullback as pb
    >>> pb.linalg.lu_factor(pb.tensor([[1.0, 2.0], [2.0, 2.0]])).LU
    tensor([[2.0000, 2.0000],
            [0.5000, 1.0000]])
    """
    return write_pair(out, _lu_factor(*_factored(A, pivot, True)[:2]))


@function("linalg_lu_factor_ex", method=False)
def lu_factor_ex(A: Any, *, pivot: bool = True, check_errors: bool = False, out: Any = None) -> Any:
    """`pb.linalg.lu_factor`, which tells of zeros on the diagonal of U instead of raising.

    Parameters
    ----------
    A
        A matrix, or a stack of them.
    pivot
        Must be true: rows are exchanged.
    check_errors
        Raise all the same.
    out
        Three tensors to write the results to.

    Returns
    -------
    named tuple (LU, pivots, info)
        `info` is the number of the first zero on the diagonal, and 0 without.

    Raises
    ------
    RuntimeError
        If they are no matrices.

    Examples
    --------
    >>> import pullback as pb
    >>> pb.linalg.lu_factor_ex(pb.zeros(2, 2)).info
    tensor(1, dtype=pullback.int32)
    """
    return write_pair(out, _lu_factor_ex(*_factored(A, pivot, check_errors)))


@function("lu")
def lu(A: Any, pivot: bool = True, get_infos: bool = False, out: Any = None) -> Any:
    """`pb.linalg.lu_factor` by its old name.

    Parameters
    ----------
    A
        A matrix, or a stack of them.
    pivot
        Must be true: rows are exchanged.
    get_infos
        Give the number of the first zero on the diagonal of U too, instead of raising.
    out
        Tensors to write the results to.

    Returns
    -------
    tuple (LU, pivots) or (LU, pivots, info)

    Raises
    ------
    RuntimeError
        If U has a zero on its diagonal, or they are no matrices.

    Examples
    --------
    >>> import pullback as pb
    >>> pb.lu(pb.eye(2))[1]
    tensor([1, 2], dtype=pullback.int32)
    """
    found = _factored(A, pivot, not get_infos)
    wanted = found if get_infos else found[:2]
    return wanted if out is None else tuple([into(o, m) for o, m in zip(out, wanted, strict=True)])


@function("linalg_lu", method=False)
def linalg_lu(A: Any, *, pivot: bool = True, out: Any = None) -> Any:
    """The decomposition `A = P L U` into a permutation and two triangles.

    Parameters
    ----------
    A
        A matrix, or a stack of them.
    pivot
        Must be true: rows are exchanged.
    out
        Three tensors to write the results to.

    Returns
    -------
    named tuple (P, L, U)

    Raises
    ------
    RuntimeError
        If they are no matrices.

    Examples
    --------
    >>> import pullback as pb
    >>> pb.linalg.lu(pb.tensor([[1.0, 2.0], [2.0, 2.0]])).U
    tensor([[2., 2.],
            [0., 1.]])
    """
    x = tensor_of(A)
    _pivoted("linalg.lu", x._a, pivot)
    compact, pivots, _ = factors(x._a)
    p = permutations(pivots, x._a.shape[-2], x._a.dtype)
    low, up = record_many(LinalgLuBackward0, (lower(compact), upper(compact)), (x,), None, p)
    return write_pair(out, _lu(wrap(Tensor, p), low, up))


@function("lu_unpack", method=False)
def lu_unpack(
    LU_data: Any, LU_pivots: Any, unpack_data: bool = True, unpack_pivots: bool = True, *, out: Any = None
) -> Any:
    """P, L and U from what `pb.linalg.lu_factor` gives.

    Parameters
    ----------
    LU_data, LU_pivots
        Both triangles, and the rows that were exchanged.
    unpack_data
        False leaves L and U empty.
    unpack_pivots
        False leaves P empty.
    out
        Three tensors to write the results to.

    Returns
    -------
    named tuple (P, L, U)

    Raises
    ------
    RuntimeError
        If the pivots are not int32.

    Examples
    --------
    >>> import pullback as pb
    >>> pb.lu_unpack(*pb.linalg.lu_factor(pb.eye(2))).L
    tensor([[1., 0.],
            [0., 1.]])
    """
    x, pivots = tensor_of(LU_data), tensor_of(LU_pivots)
    if unpack_pivots and pivots._a.dtype != np.int32:
        raise RuntimeError(
            "torch.lu_unpack: LU_pivots is expected to be a contiguous tensor of torch.int32 dtype. Note: "
            "this function is intended to be used with the output produced by torch.linalg.lu_factor"
        )
    nothing = np.empty(0, x._a.dtype)
    p = permutations(pivots._a, x._a.shape[-2], x._a.dtype) if unpack_pivots else nothing
    pair = (lower(x._a), upper(x._a)) if unpack_data else (nothing, nothing)
    low, up = record_many(LuUnpackBackward0, pair, (x,), None, x._a.shape)
    return write_pair(out, _lu_unpack(wrap(Tensor, p), low, up))


class LinalgLuSolveBackward0(Node):
    """Solutions by a decomposition; `static` is (pivots, left, adjoint)."""

    __slots__ = ()
    saves_results = 1

    def backward(self, g: Any, compact: Any, y: Any) -> Any:
        pivots, left, turned = self.static
        for_b = solved(compact, pivots, g, left, not turned)
        if self.edges[0] is None:
            return None, for_b
        # Of `A X = B`, the cotangent of A is -for_b X^H; of the other three, turned accordingly.
        one, two = (for_b, y) if left != turned else (y, for_b)
        product = np.matmul(one, adjoint(two)) if left else np.matmul(adjoint(one), two)
        p = permutations(pivots, compact.shape[-1], array_of(compact).dtype)
        for_a = -np.matmul(like(np.swapaxes(p, -1, -2), product), product)
        low, up = lower(compact), upper(compact)
        return (
            np.tril(np.matmul(for_a, adjoint(up)), -1) + np.triu(np.matmul(adjoint(low), for_a)),
            for_b,
        )


@quiet
def solved(compact: Any, pivots: Any, b: Any, left: bool = True, turned: bool = False) -> Any:
    """The solutions of `A X = B` by the decomposition of A; `turned` takes its adjoint."""
    if isinstance(compact, Recorded) or isinstance(b, Recorded):
        return linalg_lu_solve(compact, wrap(Tensor, pivots), b, left=left, adjoint=turned)
    if not left:
        return adjoint(solved(compact, pivots, adjoint(b), True, not turned))
    p = permutations(pivots, compact.shape[-1], compact.dtype)
    if turned:
        half = triangular(adjoint(compact), b, False)
        return np.matmul(p, triangular(adjoint(compact), half, True, unit=True))
    half = triangular(compact, np.matmul(np.swapaxes(p, -1, -2), b), False, unit=True)
    return triangular(compact, half, True)


@function("linalg_lu_solve", method=False)
def linalg_lu_solve(
    LU: Any, pivots: Any, B: Any, *, left: bool = True, adjoint: bool = False, out: Any = None
) -> Tensor:
    """The solutions X of `A X = B` from the decomposition of A.

    Parameters
    ----------
    LU, pivots
        What `pb.linalg.lu_factor` gives for A.
    B
        The right-hand sides.
    left
        False solves `X A = B`.
    adjoint
        Take the adjoint of A.
    out
        A tensor to write the result to.

    Returns
    -------
    Tensor

    Raises
    ------
    RuntimeError
        If the shapes do not fit, or the pivots are not int32.

    Examples
    --------
    >>> import pullback as pb
    >>> LU, pivots = pb.linalg.lu_factor(pb.tensor([[1.0, 2.0], [2.0, 2.0]]))
    >>> pb.linalg.lu_solve(LU, pivots, pb.tensor([[5.0], [6.0]]))
    tensor([[1.],
            [2.]])
    """
    x, rows, z = tensor_of(LU), tensor_of(pivots), tensor_of(B)
    if rows._a.dtype != np.int32:
        raise RuntimeError("linalg.lu_solve: pivots should be a Tensor of scalar type torch.int32")
    square("linalg.lu_solve", x._a)
    if z._a.ndim < 2:
        raise RuntimeError("linalg.lu_solve: The input tensor B must have at least 2 dimensions.")
    if z._a.shape[-2 if left else -1] != x._a.shape[-1]:
        one, two = ("x".join(map(str, v._a.shape[-2:])) for v in (x, z))
        equation = "AX = B" if left else "XA = B"
        raise RuntimeError(
            f"linalg.lu_solve: Incompatible shapes of A and B for the equation {equation} ({one} and {two})"
        )
    result = solved(x._a, rows._a, z._a, left, adjoint)
    result = columnwise(result) if left else np.ascontiguousarray(result)
    static = (rows._a.copy(), left, adjoint)
    return into(out, record(LinalgLuSolveBackward0, result, (x, z), (x,), static))


@function("lu_solve")
def lu_solve(input: Any, LU_data: Any, LU_pivots: Any, *, out: Any = None) -> Tensor:
    """`pb.linalg.lu_solve` by its old name and with its old order of arguments.

    Parameters
    ----------
    input
        The right-hand sides.
    LU_data, LU_pivots
        What `pb.linalg.lu_factor` gives for the matrices.
    out
        A tensor to write the result to.

    Returns
    -------
    Tensor

    Raises
    ------
    RuntimeError
        If the shapes do not fit, or the pivots are not int32.

    Examples
    --------
    >>> import pullback as pb
    >>> pb.lu_solve(pb.tensor([[5.0], [6.0]]), *pb.linalg.lu_factor(pb.eye(2)))
    tensor([[5.],
            [6.]])
    """
    return linalg_lu_solve(LU_data, LU_pivots, input, out=out)
