"""Elements picked along an axis by a tensor of indices; and where elements are."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...ops.linear import Linear, apply
from ...tape.node import Recorded, wrap
from ...tape.record import record
from ..pointwise.pointwise import into
from ..table import function
from ..tensor import Tensor, axis_of, tensor_of
from .indexing import collected, placed, summed_at
from .picking import beside, extreme, flat_places

_ALL = slice(None)


_INT64, _UNSIGNED = np.dtype(np.int64), np.dtype(np.uint64)


def index_of(
    index: Any, name: str, x: Any = None, dim: int = 0, negative: bool = False
) -> np.ndarray[Any, Any]:
    """The array of an index tensor.

    Raises
    ------
    TypeError, RuntimeError, IndexError
        If it has no integers, or some that are out of bounds.
    """
    array: np.ndarray[Any, Any] = tensor_of(index)._a
    if array.dtype.kind not in "iu" or array.dtype.itemsize < 4:
        raise RuntimeError(f"{name}(): Expected dtype int64 for index")
    if x is not None and array.size:
        n = x._a.shape[dim] if x._a.ndim else 1
        if array.dtype is _INT64 and extreme(array.view(_UNSIGNED)) < n:
            return array  # negative numbers are large ones there
        low = -n if negative else 0
        if int(array.min()) < low or int(array.max()) >= n:
            bad = array[(array < low) | (array >= n)].reshape(-1)[0]
            kind = IndexError if negative else RuntimeError
            raise kind(f"index {bad} is out of bounds for dimension {dim} with size {n}")
    return array


def _gather(a: Any, shape: Any, key: Any) -> Any:
    return a[key]


class SortedBackward0(Linear):
    """Elements picked along an axis, none of them twice."""

    __slots__ = ()
    there, back = staticmethod(_gather), staticmethod(placed)


class IndexSelectBackward0(Linear):
    """Entries picked along an axis."""

    __slots__ = ()
    there, back = staticmethod(_gather), staticmethod(collected)


class TakeBackward0(Linear):
    """Elements picked as if along one axis; `static` is the shape before and the places."""

    __slots__ = ()
    there = staticmethod(lambda a, shape, where: a.reshape(-1)[where])
    back = staticmethod(lambda g, shape, where: summed_at(where, g, shape))


class GatherBackward0(TakeBackward0):
    """Elements picked along an axis; `static` is the shape before and the places as if along one."""

    __slots__ = ()


class MaskedSelectBackward0(Linear):
    """Elements picked by a mask; `static` is the shape of the mask and the mask."""

    __slots__ = ()
    there = staticmethod(lambda a, shape, mask: np.broadcast_to(a, shape)[mask])
    back = staticmethod(placed)


@function()
def gather(input: Any, dim: int, index: Any, *, sparse_grad: bool = False, out: Any = None) -> Tensor:
    """For each element of an index, the element of a tensor that it names along an axis.

    Parameters
    ----------
    input
        A tensor.
    dim
        The axis.
    index
        A tensor of integers, of as many axes, not longer than `input` along the others.
    sparse_grad
        Has no effect.
    out
        A tensor to write the result to.

    Returns
    -------
    Tensor

    Raises
    ------
    IndexError, RuntimeError
        If there is no such axis, the shapes do not fit, or an index is out of bounds.

    Examples
    --------
    >>> import pullback as pb
    >>> pb.gather(pb.tensor([[1, 2], [3, 4]]), 1, pb.tensor([[0, 0], [1, 0]]))
    tensor([[1, 1],
            [4, 3]])
    """
    x = tensor_of(input)
    axis = axis_of(dim, x._a.ndim)
    where = index_of(index, "gather", x, axis)
    a = x._a
    if where.shape != a.shape:
        check_beside("gather", x, axis, where)
    places = flat_places(where, axis, a.shape) if where.size else where
    picked = a.reshape(-1)[places] if a.flags.c_contiguous else a[beside(where, axis)]
    saved = (index,) if isinstance(index, Recorded) else None
    made: Tensor = record(GatherBackward0, picked, (x,), saved, (a.shape, places))
    return made if out is None else into(out, made)


def check_beside(name: str, x: Any, axis: int, index: Any, what: str = "input") -> None:
    """Refuse an index that does not fit beside a tensor.

    Raises
    ------
    RuntimeError
        If it has another number of axes, or is longer along one that is not `axis`.
    """
    shape = x._a.shape
    if max(index.ndim, 1) != max(len(shape), 1):
        if index.size == 0:
            return
        raise RuntimeError("Index tensor must have the same number of dimensions as " + what + " tensor")
    for k, n in enumerate(index.shape):
        if k != axis and n > (shape[k] if shape else 1):
            raise RuntimeError(
                f"Size does not match at dimension {k} expected index {list(index.shape)} to be no larger "
                f"than self {list(shape)} apart from dimension {axis}"
            )


@function()
def take_along_dim(input: Any, indices: Any, dim: int | None = None, *, out: Any = None) -> Tensor:
    """`gather` whose arguments are broadcast along the other axes.

    Parameters
    ----------
    input
        A tensor.
    indices
        A tensor of integers.
    dim
        The axis; None takes both as if along one axis.
    out
        A tensor to write the result to.

    Returns
    -------
    Tensor

    Raises
    ------
    IndexError, RuntimeError
        If there is no such axis, the shapes do not fit, or an index is out of bounds.

    Examples
    --------
    >>> import pullback as pb
    >>> x = pb.tensor([[3, 1], [2, 4]])
    >>> pb.take_along_dim(x, x.argsort(dim=1), dim=1)
    tensor([[1, 3],
            [2, 4]])
    """
    from ..shape.broadcasting import expand
    from ..shape.shaping import ravel

    x, where = tensor_of(input), tensor_of(indices)
    if dim is None:
        return gather(ravel(x), 0, ravel(where), out=out)
    if x._a.ndim != where._a.ndim:
        raise RuntimeError(
            "torch.take_along_dim(): input and indices should have the same number of dimensions, but got "
            f"{x._a.ndim} dimensions for input, and {where._a.ndim} dimensions for indices"
        )
    axis = axis_of(dim, x._a.ndim)
    one, two = (list(t._a.shape) for t in (x, where))
    for k in range(len(one)):
        if k != axis:
            one[k] = two[k] = max(one[k], two[k]) if 0 not in (one[k], two[k]) else 0
    n = x._a.shape[axis]
    if where._a.size and where._a.min() < 0:
        where = Tensor._constant(np.where(where._a < 0, where._a + n, where._a))
    return gather(expand(x, one), axis, expand(where, two), out=out)


@function()
def index_select(input: Any, dim: int, index: Any, *, out: Any = None) -> Tensor:
    """Entries picked along an axis.

    Parameters
    ----------
    input
        A tensor.
    dim
        The axis.
    index
        A vector of integers.
    out
        A tensor to write the result to.

    Returns
    -------
    Tensor

    Raises
    ------
    IndexError, RuntimeError
        If there is no such axis, or an index is out of bounds.

    Examples
    --------
    >>> import pullback as pb
    >>> pb.index_select(pb.tensor([[1, 2], [3, 4]]), 1, pb.tensor([1]))
    tensor([[2],
            [4]])
    """
    x = tensor_of(input)
    axis = axis_of(dim, x._a.ndim)
    where = index_of(index, "index_select")
    if where.ndim > 1:
        raise IndexError("index_select(): Index is supposed to be a vector")
    n = x._a.shape[axis] if x._a.ndim else 1
    if where.size and (where.min() < 0 or where.max() >= n):
        raise IndexError("index out of range in self")
    key = (*(_ALL,) * axis, where.reshape(-1)) if x._a.ndim else ()
    saved = (index,) if isinstance(index, Recorded) else None
    return into(out, apply(IndexSelectBackward0, x, x._a.shape, key, saved=saved))


@function()
def take(input: Any, index: Any) -> Tensor:
    """Elements picked as if the tensor had one axis.

    Parameters
    ----------
    input
        A tensor.
    index
        A tensor of integers.

    Returns
    -------
    Tensor
        Of the shape of `index`.

    Raises
    ------
    IndexError, RuntimeError
        If an index is out of bounds.

    Examples
    --------
    >>> import pullback as pb
    >>> pb.take(pb.tensor([[1, 2], [3, 4]]), pb.tensor([0, 3]))
    tensor([1, 4])
    """
    x = tensor_of(input)
    where = places(index, x._a.size, "take")
    saved = (index,) if isinstance(index, Recorded) else None
    made: Tensor = apply(TakeBackward0, x, x._a.shape, where, saved=saved)
    return made


def places(index: Any, size: int, name: str) -> Any:
    """Places of elements as if along one axis, counted from the front.

    Raises
    ------
    IndexError
        If one is out of bounds.
    """
    where = index_of(index, name)
    if where.size:
        low, high = int(where.min()), int(where.max())
        if low < -size or high >= size:
            raise IndexError("out of range: tried to access index " + str(high if high >= size else low))
        if low < 0:
            where = np.where(where < 0, where + size, where)
    return where


@function()
def masked_select(input: Any, mask: Any, *, out: Any = None) -> Tensor:
    """The elements where a mask is true, as a vector.

    Parameters
    ----------
    input
        A tensor.
    mask
        A tensor of bools; broadcast with `input`.
    out
        A tensor to write the result to.

    Returns
    -------
    Tensor

    Raises
    ------
    RuntimeError
        If the mask has no bools, or the shapes do not fit.

    Examples
    --------
    >>> import pullback as pb
    >>> x = pb.tensor([1, -2, 3])
    >>> pb.masked_select(x, x > 0)
    tensor([1, 3])
    """
    x, m = tensor_of(input), tensor_of(mask)
    if m._a.dtype.kind != "b":
        raise RuntimeError("masked_select: expected BoolTensor for mask")
    try:
        shape = np.broadcast_shapes(x._a.shape, m._a.shape)
    except ValueError as error:
        from ...ops.pointwise import mismatch

        raise mismatch(x._a, m._a, error) from None
    chosen = m._a if m._a.shape == shape else np.broadcast_to(m._a, shape)
    made = apply(MaskedSelectBackward0, x, shape, chosen, saved=(m,))
    return into(out, made if shape else made.reshape(-1))


# ---- where elements are
@function()
def nonzero(input: Any, *, as_tuple: bool = False, out: Any = None) -> Any:
    """The indices of the elements that are not zero.

    Parameters
    ----------
    input
        A tensor.
    as_tuple
        Give a tensor for each axis, with which the tensor can be indexed, instead of a row for each element.
    out
        A tensor to write the result to.

    Returns
    -------
    Tensor or tuple

    Examples
    --------
    >>> import pullback as pb
    >>> pb.nonzero(pb.tensor([0, 5, 6]))
    tensor([[1],
            [2]])
    """
    a = tensor_of(input)._a
    if as_tuple:
        return tuple(wrap(Tensor, k.copy()) for k in np.atleast_1d(a).nonzero())
    return into(out, wrap(Tensor, np.argwhere(a)))


@function()
def argwhere(input: Any) -> Tensor:
    """The indices of the elements that are not zero, a row for each.

    Parameters
    ----------
    input
        A tensor.

    Returns
    -------
    Tensor

    Examples
    --------
    >>> import pullback as pb
    >>> pb.argwhere(pb.tensor([0, 5, 6]))
    tensor([[1],
            [2]])
    """
    found: Tensor = nonzero(input)
    return found
