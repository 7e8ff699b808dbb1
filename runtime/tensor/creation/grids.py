"""Tensors brought to a number of axes, and grids made of vectors."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...tape.node import Recorded, wrap
from ..reductions.scans import cumprod
from ..shape.broadcasting import expand
from ..shape.joining import _at_least, cat
from ..shape.shaping import reshaped
from ..table import function
from ..tensor import Tensor, tensor_of


def _declare_at_least(rank: int) -> None:
    name = f"atleast_{rank}d"

    def at_least(*tensors: Any) -> Any:
        given = tensors[0] if len(tensors) == 1 else tensors
        if isinstance(given, (tuple, list)):
            return tuple(_at_least(tensor_of(t), rank) for t in given)
        return _at_least(tensor_of(given), rank)

    at_least.__name__ = at_least.__qualname__ = name
    axes = "axis" if rank == 1 else "axes"
    at_least.__doc__ = f"""A tensor with {rank} {axes} at least; a tuple for several.

    Parameters
    ----------
    tensors
        Tensors.

    Returns
    -------
    Tensor or tuple

    Examples
    --------
    >>> import pullback as pb
    >>> pb.{name}(pb.tensor(1)).shape
    pullback.Size({[1] * rank})
    """
    function(name, method=False)(at_least)


for _rank in (1, 2, 3):
    _declare_at_least(_rank)


@function(method=False)
def meshgrid(*tensors: Any, indexing: str | None = None) -> tuple[Tensor, ...]:
    """The coordinates of the points of a grid.

    Parameters
    ----------
    tensors
        Vectors: the coordinates along each axis.
    indexing
        "ij": the first vector along the first axis (as without), "xy": along the second.

    Returns
    -------
    tuple
        Views that are not to be written to.

    Raises
    ------
    RuntimeError
        If a tensor has more than one axis, or for another order.

    Examples
    --------
    >>> import pullback as pb
    >>> pb.meshgrid(pb.tensor([1, 2]), pb.tensor([3, 4]), indexing="ij")[0]
    tensor([[1, 1],
            [2, 2]])
    """
    given = tensors[0] if len(tensors) == 1 and isinstance(tensors[0], (tuple, list)) else tensors
    found = [tensor_of(t) for t in given]
    if not found:
        raise RuntimeError("meshgrid expects a non-empty TensorList")
    if indexing not in (None, "ij", "xy"):
        raise RuntimeError(f'torch.meshgrid: indexing must be one of "xy" or "ij", but received: {indexing}')
    for t in found:
        if t._a.ndim > 1:
            raise RuntimeError(
                f"torch.meshgrid: Expected 0D or 1D tensor in the tensor list but got: {t._a.ndim}D"
            )
    order = list(range(len(found)))
    if indexing == "xy" and len(found) > 1:
        order[0], order[1] = 1, 0
    shape = [0] * len(found)
    for k, t in zip(order, found, strict=True):
        shape[k] = t._a.size
    return tuple(
        expand(reshaped(t, tuple(t._a.size if j == k else 1 for j in range(len(found)))), shape)
        for k, t in zip(order, found, strict=True)
    )


@function(method=False)
def vander(x: Any, N: int | None = None, increasing: bool = False) -> Tensor:
    """The powers of the elements of a vector, as columns.

    Parameters
    ----------
    x
        A vector.
    N
        How many powers; as many as elements without.
    increasing
        Begin with the power 0, instead of ending with it.

    Returns
    -------
    Tensor

    Raises
    ------
    RuntimeError
        If it is no vector, or N is negative.

    Examples
    --------
    >>> import pullback as pb
    >>> pb.vander(pb.tensor([1, 2, 3]))
    tensor([[1, 1, 1],
            [4, 2, 1],
            [9, 3, 1]])
    """
    t = tensor_of(x)
    if t._a.ndim != 1:
        raise RuntimeError("x must be a one-dimensional tensor.")
    count = t._a.size if N is None else N
    if count < 0:
        raise RuntimeError("N must be non-negative.")
    kind = np.int64 if t._a.dtype.kind in "biu" else t._a.dtype
    columns: list[Any] = [Tensor._constant(np.ones(t._a.size, kind))]
    while len(columns) < count:
        columns.append(columns[-1] * t)
    chosen = columns[:count] if increasing else list(reversed(columns[:count]))
    if not chosen:
        return Tensor._constant(np.ones((t._a.size, 0), kind))
    return cat([reshaped(c, (t._a.size, 1)) for c in chosen], 1)


@function("linalg_vander", method=False)
def linalg_vander(x: Any, *, N: int | None = None) -> Tensor:
    """The powers of the elements of vectors, 1 first, along a last axis.

    Parameters
    ----------
    x
        A vector, or a stack of them.
    N
        How many powers; as many as elements without.

    Returns
    -------
    Tensor

    Raises
    ------
    RuntimeError
        If there are less than two powers.

    Examples
    --------
    >>> import pullback as pb
    >>> pb.linalg.vander(pb.tensor([2, 3]), N=3)
    tensor([[1, 2, 4],
            [1, 3, 9]])
    """
    t: Any = tensor_of(x)
    if t._a.dtype.kind == "b":
        raise RuntimeError(
            "linalg.vander supports floating point, complex, and integer tensors, but got Bool"
        )
    count = (t._a.shape[-1] if t._a.ndim else 1) if N is None else N
    if count <= 1:
        raise RuntimeError("N must be greater than 1.")
    kind = np.dtype(np.int64) if t._a.dtype.kind in "biu" else t._a.dtype
    shape = (*t._a.shape, count - 1)
    powers = cumprod(np.broadcast_to(np.expand_dims(t, -1), shape), -1)
    return cat([wrap(Tensor, np.ones((*t._a.shape, 1), kind)), powers], -1)


@function(method=False)
def block_diag(*tensors: Any) -> Tensor:
    """Matrices along the diagonal of a large one, which is zero elsewhere.

    Parameters
    ----------
    tensors
        Matrices; vectors are rows.

    Returns
    -------
    Tensor

    Raises
    ------
    RuntimeError
        If a tensor has more than two axes.

    Examples
    --------
    >>> import pullback as pb
    >>> pb.block_diag(pb.tensor([[1, 2]]), pb.tensor([[3]]))
    tensor([[1, 2, 0],
            [0, 0, 3]])
    """
    found = []
    for k, t in enumerate(tensors):
        x = tensor_of(t) if isinstance(t, (Recorded, np.ndarray)) else Tensor._constant(np.asarray(t))
        if x._a.ndim > 2:
            raise RuntimeError(
                f"torch.block_diag: Input tensors must have 2 or fewer dimensions. Input {k} has "
                f"{x._a.ndim} dimensions"
            )
        found.append(_at_least(x, 2))
    if not found:
        return Tensor._constant(np.zeros((1, 0), np.float32))
    width = sum(x._a.shape[1] for x in found)
    rows, at = [], 0
    for x in found:
        height, own = x._a.shape
        left = Tensor._constant(np.zeros((height, at), x._a.dtype))
        right = Tensor._constant(np.zeros((height, width - at - own), x._a.dtype))
        rows.append(cat([left, x, right], 1))
        at += own
    return cat(rows, 0)
