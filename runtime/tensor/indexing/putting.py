"""Values written or added at an index of tensors, or at places counted along one axis."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...tape.node import Node
from ...tape.record import record
from ..creation.filling import source
from ..table import function
from ..tensor import Tensor, tensor_of
from .indexing import IndexPutBackward0, put_at, read_index, won
from .scattering import _cleared, _saved
from .selecting import places

_ALL = slice(None)


class PutBackward0(Node):
    """Elements overwritten as if along one axis; `static` are the places, and whether values were added."""

    __slots__ = ()

    def backward(self, g: Any, *index: Any) -> Any:
        places_, adds, shape = self.static
        one, two = self.edges
        flat = np.reshape(g, (-1,))
        key = (places_.reshape(-1),)
        first = None
        if one is not None:
            first = g if adds else np.reshape(_cleared(flat, key), g.shape)
        second = None
        if two is not None:
            second = np.reshape(flat[key] if adds else won(flat, key), shape)
        return (first, second)


class IndexPutAddBackward0(Node):
    """Elements added; `static` is NumPy's index."""

    __slots__ = ()

    def backward(self, g: Any, *tensors: Any) -> Any:
        return (g, None if self.edges[1] is None else g[self.static])


IndexPutAddBackward0.__name__ = IndexPutAddBackward0.__qualname__ = "IndexPutBackward0"


@function()
def index_put(input: Any, indices: Any, values: Any, accumulate: bool = False) -> Tensor:
    """A copy in which values are written, or added, at an index of tensors.

    Parameters
    ----------
    input
        A tensor.
    indices
        A tuple of tensors of integers or bools; None takes all of an axis.
    values
        A tensor or a number, broadcast to what the index picks.
    accumulate
        Add, also several times at one place.

    Returns
    -------
    Tensor

    Raises
    ------
    IndexError, RuntimeError
        If the index does not fit, or the values do not.

    Examples
    --------
    >>> import pullback as pb
    >>> pb.index_put(pb.zeros(2), (pb.tensor([1, 1]),), pb.tensor([1.0, 2.0]), accumulate=True)
    tensor([0., 3.])
    """
    x = tensor_of(input)
    picks, tensors = read_index(x, tuple(_ALL if k is None else k for k in indices))
    operand, array = source(x, values)
    if operand is not None and operand._a.dtype != x._a.dtype:
        raise RuntimeError(
            f"Index put requires the source and destination dtypes match, got {x._title()} for the "
            f"destination and {operand._title()} for the source."
        )
    result = x._a.copy()
    try:
        if accumulate:
            np.add.at(result, picks, array)
        else:
            result[picks] = array
    except ValueError:
        raise RuntimeError(
            f"shape mismatch: value tensor of shape {list(np.shape(array))} cannot be broadcast to indexing "
            f"result of shape {list(result[picks].shape)}"
        ) from None
    node = IndexPutAddBackward0 if accumulate else IndexPutBackward0
    made: Tensor = record(node, result, (x, operand), tensors or None, picks)
    return made


@function("index_put_")
def index_put_(input: Any, indices: Any, values: Any, accumulate: bool = False) -> Tensor:
    """`index_put` that overwrites its first argument and gives it back.

    Parameters
    ----------
    input
        The tensor to write to.
    indices
        A tuple of tensors of integers or bools; None takes all of an axis.
    values
        A tensor or a number, broadcast to what the index picks.
    accumulate
        Add, also several times at one place.

    Returns
    -------
    Tensor
        `input`.

    Raises
    ------
    IndexError, RuntimeError
        If the index or the values do not fit, or `input` may not be written to.

    Examples
    --------
    >>> import pullback as pb
    >>> pb.zeros(2).index_put_((pb.tensor([1]),), pb.tensor(3.0))
    tensor([0., 3.])
    """
    from ...tape.views import write

    if accumulate:
        return write(input, index_put, tuple(indices), values, True)  # type: ignore[return-value]
    picks, tensors = read_index(input, tuple(_ALL if k is None else k for k in indices))
    made: Tensor = put_at(input, picks, tensors, values)
    return made


@function("put", root=True, inplace=True)
def put(input: Any, index: Any, source: Any, accumulate: bool = False) -> Tensor:
    """A copy in which values are written, or added, at places counted as if the tensor had one axis.

    Parameters
    ----------
    input
        A tensor.
    index
        A tensor of integers.
    source
        A tensor of as many elements.
    accumulate
        Add, also several times at one place.

    Returns
    -------
    Tensor

    Raises
    ------
    IndexError, RuntimeError
        If an index is out of bounds, or there is not a value for each.

    Examples
    --------
    >>> import pullback as pb
    >>> pb.put(pb.zeros(2, 2), pb.tensor([3]), pb.tensor([1.0]))
    tensor([[0., 0.],
            [0., 1.]])
    """
    x, s = tensor_of(input), tensor_of(source)
    where = places(index, x._a.size, "put_")
    if where.size != s._a.size:
        raise RuntimeError(
            "put_(): Expected source and index to have the same number of elements, but got "
            f"source.numel() = {s._a.size}, index.numel() = {where.size}"
        )
    if x._a.dtype != s._a.dtype:
        raise RuntimeError("put_(): self and source expected to have the same dtype")
    flat = x._a.reshape(-1).copy()
    values = s._a.reshape(where.shape)
    if accumulate:
        np.add.at(flat, where, values)
    else:
        flat[where] = values
    result = flat.reshape(x._a.shape)
    made: Tensor = record(PutBackward0, result, (x, s), _saved(index), (where, accumulate, s._a.shape))
    return made
