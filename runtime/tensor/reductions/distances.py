"""Distances between the rows of matrices: of all pairs."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ....compiler.later import distance
from ...tape.node import Node, Recorded
from ...tape.record import array_of, like, record
from ..table import function
from ..tensor import Tensor, tensor_of
from .reductions import title

# How many differences of elements are held at once.
_BLOCK = 1 << 20


def _slopes(steps: Any, lengths: Any, p: float) -> Any:
    """The derivatives of the p-norms `lengths` by the differences `steps`; zero where they are the same."""
    if p == 1:
        return np.sign(steps)
    if math.isinf(p):
        return np.sign(steps) * like((abs(array_of(steps)) == array_of(lengths)) * 1.0, steps)
    zero = array_of(lengths) == 0
    lengths = np.where(like(zero, lengths), 1.0, lengths)
    if p == 2:
        return steps / lengths
    still = array_of(steps) == 0
    sizes = np.where(like(still, steps), 1.0, np.abs(steps))
    return np.sign(steps) * (sizes / lengths) ** (p - 1)


def _pulled(g: Any, one: Any, two: Any, lengths: Any, p: float) -> tuple[Any, Any]:
    """The cotangents of both matrices from that of the distances of their rows.

    Differences are taken before they are multiplied: `x (g 1) - g z` would lose their digits.
    """
    if p == 0 or not (one.shape[-1] and one.shape[-2]):
        return one * 0, two * 0
    rows = one.shape[-2]
    height = rows if isinstance(g, Recorded) else max(1, _BLOCK // max(1, math.prod(two.shape)))
    for_one: list[Any] = []
    for_two: Any = 0
    for k in range(0, rows, height):
        block = slice(k, k + height)
        steps = np.expand_dims(one[..., block, :], -2) - np.expand_dims(two, -3)
        slopes = _slopes(steps, np.expand_dims(lengths[..., block, :], -1), p)
        part = np.expand_dims(g[..., block, :], -1) * slopes
        for_one.append(np.sum(part, axis=-2))
        for_two = for_two - np.sum(part, axis=-3)
    return for_one[0] if len(for_one) == 1 else np.concatenate(for_one, -2), for_two


class CdistBackward0(Node):
    """Distances between the rows of two matrices; `static` is the p of their norm."""

    __slots__ = ()
    saves_results = 1

    def backward(self, g: Any, one: Any, two: Any, y: Any) -> Any:
        return _pulled(g, one, two, y, self.static)


def _distances(a: Any, b: Any, p: float) -> Any:
    """The distances between the rows of two matrices, computed in float64."""
    if not (a.size and b.size):
        return np.zeros((a.shape[0], b.shape[0]))
    if p == 0:
        return distance.cdist(a, b, "hamming") * a.shape[1]
    if p == 2:
        return distance.cdist(a, b)
    if p == 1:
        return distance.cdist(a, b, "cityblock")
    return distance.cdist(a, b, "chebyshev") if math.isinf(p) else distance.cdist(a, b, "minkowski", p=p)


def _norm(name: str, p: float) -> float:
    if p < 0:
        raise RuntimeError(f"{name} only supports non-negative p values")
    return float(p)


_MODES = ("use_mm_for_euclid_dist_if_necessary", "use_mm_for_euclid_dist", "donot_use_mm_for_euclid_dist")


@function(method=False)
def cdist(x1: Any, x2: Any, p: float = 2.0, compute_mode: str | None = None) -> Tensor:
    """The distances between all rows of one matrix and all rows of another one.

    The derivative is zero where two rows are the same.

    Parameters
    ----------
    x1, x2
        Matrices with as many columns, or stacks of them.
    p
        Of which norm.
    compute_mode
        Has no effect: distances are never computed by products of matrices, which lose digits.

    Returns
    -------
    Tensor

    Raises
    ------
    RuntimeError
        If the shapes do not fit, they hold no floats, or p is negative.

    Examples
    --------
    >>> import pullback as pb
    >>> pb.cdist(pb.tensor([[3.0, 4.0]]), pb.tensor([[0.0, 0.0], [3.0, 0.0]]))
    tensor([[5., 4.]])
    """
    one, two = tensor_of(x1), tensor_of(x2)
    a, b = one._a, two._a
    if compute_mode not in (None, 0, 1, 2, *_MODES):
        raise ValueError(f"{compute_mode} is not a valid value for compute_mode")
    for name, array in (("X1", a), ("X2", b)):
        if array.ndim < 2:
            raise RuntimeError(f"cdist only supports at least 2D tensors, {name} got: {array.ndim}D")
    if a.shape[-1] != b.shape[-1]:
        raise RuntimeError(
            f"X1 and X2 must have the same number of columns. X1: {a.shape[-1]} X2: {b.shape[-1]}"
        )
    for name, array in (("X1", a), ("X2", b)):
        if array.dtype.kind != "f":
            raise RuntimeError(f"cdist only supports floating-point dtypes, {name} got: {title(array.dtype)}")
    if a.dtype != b.dtype:
        raise RuntimeError(f"expected scalar type {title(a.dtype)} but found {title(b.dtype)}")
    p = _norm("cdist", p)
    shape = np.broadcast_shapes(a.shape[:-2], b.shape[:-2])
    made = np.empty((*shape, a.shape[-2], b.shape[-2]), a.dtype)
    rows, columns = np.broadcast_to(a, shape + a.shape[-2:]), np.broadcast_to(b, shape + b.shape[-2:])
    for index in np.ndindex(shape):
        made[index] = _distances(rows[index], columns[index], p)
    found: Tensor = record(CdistBackward0, made, (one, two), (one, two), p)
    return found


def _matrix(x: Any, places: Any) -> Any:
    """Numbers of pairs in a symmetric matrix with a diagonal of zeros."""
    zero = like(np.zeros(1, array_of(x).dtype), x)
    return np.concatenate((x, zero))[places]


class PdistBackward0(Node):
    """Distances between the rows of a matrix; `static` is the p of their norm."""

    __slots__ = ()
    saves_results = 1

    def backward(self, g: Any, x: Any, y: Any) -> Any:
        n = x.shape[0]
        places = np.full((n, n), g.shape[0])
        one, two = np.triu_indices(n, 1)
        places[one, two] = places[two, one] = np.arange(len(one))
        key = like(places, g)
        return (_pulled(_matrix(g, key), x, x, _matrix(y, key), self.static)[0],)


@function(method=False)
def pdist(input: Any, p: float = 2.0) -> Tensor:
    """The distances between the rows of a matrix: first with second, first with third, …

    The derivative is zero where two rows are the same.

    Parameters
    ----------
    input
        A matrix.
    p
        Of which norm.

    Returns
    -------
    Tensor

    Raises
    ------
    RuntimeError
        If it is no matrix of floats, or p is negative.

    Examples
    --------
    >>> import pullback as pb
    >>> pb.pdist(pb.tensor([[0.0, 0.0], [3.0, 4.0], [3.0, 0.0]]))
    tensor([5., 3., 4.])
    """
    x = tensor_of(input)
    a = x._a
    if a.ndim != 2:
        raise RuntimeError(f"pdist only supports 2D tensors, got: {a.ndim}D")
    if a.dtype.kind != "f":
        raise RuntimeError("pdist only supports floating-point dtypes")
    p = _norm("pdist", p)
    made = _distances(a, a, p)[np.triu_indices(a.shape[0], 1)].astype(a.dtype)
    found: Tensor = record(PdistBackward0, made, (x,), (x,), p)
    return found
