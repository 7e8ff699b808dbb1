"""Tensors taken apart along an axis: `split`, `chunk`, `unbind` and their kin, all of them views."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...tape.node import Node, Recorded
from ...tape.record import record_many
from ...tape.views import OF_MANY, shown
from ..indexing.indexing import item
from ..table import function, put
from ..tensor import Tensor, axis_of, tensor_of


class UnbindBackward0(Node):
    """The entries along an axis; `static` is the axis and the shape."""

    __slots__ = ()

    def backward(self, g: Any) -> Any:
        axis, shape = self.static
        entry = (*shape[:axis], *shape[axis + 1 :])
        return (np.stack([_zeros(g, entry) if part is None else part for part in g], axis),)


class SplitBackward0(Node):
    """Pieces along an axis; `static` is the axis and the shapes of the pieces."""

    __slots__ = ()

    def backward(self, g: Any) -> Any:
        axis, shapes = self.static
        parts = [_zeros(g, s) if p is None else p for p, s in zip(g, shapes, strict=True)]
        return (np.concatenate(parts, axis),)


class SplitWithSizesBackward0(SplitBackward0):
    """Pieces of given lengths."""

    __slots__ = ()


def _zeros(g: Any, shape: tuple[int, ...]) -> Any:
    """The cotangent of a piece that was not used."""
    dtype = next(p for p in g if p is not None).dtype
    return np.zeros(shape, dtype)


def _pieces(x: Tensor, keys: list[Any], node: type[Node], static: Any) -> tuple[Any, ...]:
    """Several views of one operation, which must not be written to in place."""
    outs = record_many(node, tuple([x._a[key] for key in keys]), (x,), None, static)
    for key, out in zip(keys, outs, strict=True):
        shown(out, x, item, (key,), OF_MANY)
    return outs


@function()
def unbind(input: Any, dim: int = 0) -> tuple[Tensor, ...]:
    """The entries along an axis.

    Parameters
    ----------
    input
        A tensor.
    dim
        The axis.

    Returns
    -------
    tuple

    Raises
    ------
    IndexError
        If there is no such axis.

    Examples
    --------
    >>> import pullback as pb
    >>> pb.unbind(pb.tensor([[1, 2], [3, 4]]))
    (tensor([1, 2]), tensor([3, 4]))
    """
    x = tensor_of(input)
    shape = x._a.shape
    if not shape:
        raise IndexError("Dimension specified as 0 but tensor has no dimensions")
    axis = axis_of(dim, len(shape))
    before = (slice(None),) * axis
    return _pieces(x, [(*before, k, ...) for k in range(shape[axis])], UnbindBackward0, (axis, shape))


put("unstack", unbind)


def _cut(x: Tensor, lengths: list[int], axis: int, node: type[Node]) -> tuple[Any, ...]:
    shape, before = x._a.shape, (slice(None),) * axis
    keys, shapes, at = [], [], 0
    for n in lengths:
        keys.append((*before, slice(at, at + n), ...))
        shapes.append((*shape[:axis], n, *shape[axis + 1 :]))
        at += n
    return _pieces(x, keys, node, (axis, shapes))


@function()
def split(tensor: Any, split_size_or_sections: Any, dim: int = 0) -> tuple[Tensor, ...]:
    """Pieces along an axis.

    Parameters
    ----------
    tensor
        A tensor.
    split_size_or_sections
        The length of the pieces, of which the last may be shorter; or the length of each.
    dim
        The axis.

    Returns
    -------
    tuple

    Raises
    ------
    IndexError, RuntimeError
        If there is no such axis, or the lengths do not add up to its length.

    Examples
    --------
    >>> import pullback as pb
    >>> pb.split(pb.arange(5), 2)
    (tensor([0, 1]), tensor([2, 3]), tensor([4]))
    >>> pb.split(pb.arange(5), [1, 4])
    (tensor([0]), tensor([1, 2, 3, 4]))
    """
    x = tensor_of(tensor)
    shape = x._a.shape
    if not shape:
        raise RuntimeError("split expects at least a 1-dimensional tensor")
    axis = axis_of(dim, len(shape))
    length = shape[axis]
    if isinstance(split_size_or_sections, (tuple, list)):
        lengths = [int(n) for n in split_size_or_sections]
        if sum(lengths) != length or any(n < 0 for n in lengths):
            raise RuntimeError(
                f"split_with_sizes expects split_sizes to sum exactly to {length} (input tensor's size at "
                f"dimension {axis}), but got split_sizes={lengths}"
            )
        return _cut(x, lengths, axis, SplitWithSizesBackward0)
    return _cut(x, _equal(length, int(split_size_or_sections)), axis, SplitBackward0)


def _equal(length: int, size: int) -> list[int]:
    """The lengths of pieces of one size, the last of which may be shorter."""
    if size < 0:
        raise RuntimeError(f"split expects split_size be non-negative, but got split_size={size}")
    if size == 0:
        if length:
            raise RuntimeError(
                f"split_size can only be 0 if dimension size is 0, but got dimension size of {length}"
            )
        return [0]
    return [min(size, length - at) for at in range(0, length, size)] or [0]


@function()
def chunk(input: Any, chunks: int, dim: int = 0) -> tuple[Tensor, ...]:
    """At most this many pieces of one length along an axis, the last of which may be shorter.

    Parameters
    ----------
    input
        A tensor.
    chunks
        How many.
    dim
        The axis.

    Returns
    -------
    tuple

    Raises
    ------
    IndexError, RuntimeError
        If there is no such axis, or `chunks` is not positive.

    Examples
    --------
    >>> import pullback as pb
    >>> pb.chunk(pb.arange(5), 2)
    (tensor([0, 1, 2]), tensor([3, 4]))
    """
    x = tensor_of(input)
    shape = x._a.shape
    if not shape:
        raise RuntimeError("chunk expects at least a 1-dimensional tensor")
    if chunks <= 0:
        raise RuntimeError(f"chunk expects `chunks` to be greater than 0, got: {chunks}")
    axis = axis_of(dim, len(shape))
    length = shape[axis]
    lengths = [0] * chunks if length == 0 else _equal(length, -(-length // chunks))
    return _cut(x, lengths, axis, SplitBackward0)


@function()
def tensor_split(input: Any, indices_or_sections: Any, dim: int = 0) -> tuple[Tensor, ...]:
    """Pieces along an axis, of almost one length or cut at given places, as `np.array_split` cuts.

    Parameters
    ----------
    input
        A tensor.
    indices_or_sections
        How many pieces, or where to cut.
    dim
        The axis.

    Returns
    -------
    tuple

    Raises
    ------
    IndexError, RuntimeError
        If there is no such axis, or the number of pieces is not positive.

    Examples
    --------
    >>> import pullback as pb
    >>> pb.tensor_split(pb.arange(5), 2)
    (tensor([0, 1, 2]), tensor([3, 4]))
    >>> pb.tensor_split(pb.arange(5), (1, 3))
    (tensor([0]), tensor([1, 2]), tensor([3, 4]))
    """
    x = tensor_of(input)
    shape = x._a.shape
    if not shape:
        raise RuntimeError(
            "tensor_split expected at least a 1-dimensional tensor, but got a tensor with 0 dims"
        )
    axis = axis_of(dim, len(shape))
    length = shape[axis]
    if isinstance(indices_or_sections, Recorded):
        indices_or_sections = indices_or_sections._a.tolist()
    if isinstance(indices_or_sections, (int, np.integer)):
        count = int(indices_or_sections)
        if count <= 0:
            raise RuntimeError(f"number of sections must be larger than 0, got {count}")
        size, longer = divmod(length, count)
        ends = list(np.cumsum([size + 1] * longer + [size] * (count - longer)).tolist())[:-1]
    else:
        ends = [int(k) for k in indices_or_sections]
    before = (slice(None),) * axis
    starts = [0, *ends]
    return tuple(item(x, (*before, slice(a, b), ...)) for a, b in zip(starts, [*ends, length], strict=True))


def _along(name: str, rank: int, axis_for: Any) -> None:
    """`hsplit` and its kin: `tensor_split` along a fixed axis."""

    def apart(input: Any, indices_or_sections: Any) -> tuple[Tensor, ...]:
        x = tensor_of(input)
        if x._a.ndim < rank:
            raise RuntimeError(
                f"torch.{name} requires a tensor with at least {rank} dimension{'s' * (rank > 1)}, but got a "
                f"tensor with {x._a.ndim} dimensions!"
            )
        axis = axis_for(x._a.ndim)
        if isinstance(indices_or_sections, int) and (
            indices_or_sections <= 0 or x._a.shape[axis] % indices_or_sections
        ):
            raise RuntimeError(
                f"torch.{name} attempted to split along dimension {axis}, but the size of the dimension "
                f"{x._a.shape[axis]} is not divisible by the split_size {indices_or_sections}!"
            )
        return tensor_split(x, indices_or_sections, axis)

    apart.__name__ = apart.__qualname__ = name
    apart.__doc__ = f"""Pieces along axis {axis_for(3)}, as `tensor_split` gives them.

    Parameters
    ----------
    input
        A tensor.
    indices_or_sections
        How many pieces, or where to cut.

    Returns
    -------
    tuple

    Raises
    ------
    RuntimeError
        If the tensor has too few axes, or the pieces would not have one length.

    Examples
    --------
    >>> import pullback as pb
    >>> len(pb.{name}(pb.ones(4, 4, 4), 2))
    2
    """
    put(name, apart)


_along("hsplit", 1, lambda rank: 0 if rank == 1 else 1)
_along("vsplit", 2, lambda rank: 0)
_along("dsplit", 3, lambda rank: 2)
