"""Elements written or added at places that a tensor of indices tells: `scatter`, `index_add` and their kin.

Where a place is told twice, the value that is written last stays, and only that one gets a cotangent.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ...tape.node import Node, Recorded, wrap
from ...tape.record import record
from ...tape.views import copied
from ..creation.filling import number_as
from ..table import function
from ..tensor import Tensor, axis_of, tensor_of
from .indexing import won
from .picking import beside
from .selecting import check_beside, index_of

_ALL = slice(None)


def _cleared(g: Any, key: Any) -> Any:
    """g with zeros at `key`."""
    there = copied(g)
    there[key] = 0
    return there


class ScatterBackward0(Node):
    """Elements overwritten along an axis; `static` is NumPy's index and the shape of the source."""

    __slots__ = ()

    def backward(self, g: Any, *index: Any) -> Any:
        key, shape = self.static
        one, two = self.edges
        return (
            None if one is None else _cleared(g, key),
            None if two is None else _embedded(won(g, key), shape),
        )


class ScatterBackward1(ScatterBackward0):
    """Elements overwritten with a number."""

    __slots__ = ()


class IndexCopyBackward0(ScatterBackward0):
    """Entries overwritten along an axis."""

    __slots__ = ()


class IndexFillBackward0(Node):
    """Entries overwritten with one value; `static` is NumPy's index."""

    __slots__ = ()

    def backward(self, g: Any, *index: Any) -> Any:
        key = self.static
        one, two = self.edges
        first = None if one is None else _cleared(g, key)
        if two is None:
            return (first, None)
        chosen = np.zeros(g.shape, bool)
        chosen[key] = True
        return (first, np.sum(np.where(chosen, g, 0)))


class IndexFillBackward1(IndexFillBackward0):
    """Entries overwritten with a tensor of one element."""

    __slots__ = ()


class ScatterAddBackward0(Node):
    """Elements added along an axis; `static` is NumPy's index and the shape of the source."""

    __slots__ = ()

    def backward(self, g: Any, *index: Any) -> Any:
        key, shape = self.static
        return (g, None if self.edges[1] is None else _embedded(g[key], shape))


class IndexAddBackward0(Node):
    """Entries added along an axis; `static` is NumPy's index and the factor."""

    __slots__ = ()

    def backward(self, g: Any, *index: Any) -> Any:
        key, alpha = self.static
        if self.edges[1] is None:
            return (g, None)
        part = g[key]
        return (g, part if alpha == 1 else part * alpha)


def _embedded(part: Any, shape: tuple[int, ...]) -> Any:
    """A cotangent of the first elements along each axis, with zeros for the rest."""
    if part.shape == shape:
        return part
    whole: Any = np.zeros(shape, part.dtype if not isinstance(part, Recorded) else part._a.dtype)
    corner = tuple(slice(n) for n in part.shape)
    if isinstance(part, Recorded):
        whole = wrap(Tensor, whole)
    whole[corner] = part
    return whole


def _saved(index: Any) -> Any:
    return (index,) if isinstance(index, Recorded) else None


def _same_dtype(name: str, x: Any, src: Any) -> None:
    if x._a.dtype != src._a.dtype:
        raise RuntimeError(f"{name}(): Expected self.dtype to be equal to src.dtype")


# ---- along an axis, beside the other axes
@function(inplace=True)
def scatter(
    input: Any, dim: int, index: Any, src: Any = None, *, value: Any = None, reduce: Any = None
) -> Tensor:
    """A copy in which elements of another tensor stand at the places of an index along an axis.

    Parameters
    ----------
    input
        A tensor.
    dim
        The axis.
    index
        A tensor of integers, of as many axes.
    src
        What to write: a tensor of as many axes, not shorter than the index; or a number.
    value
        A number to write.
    reduce
        "add" or "multiply" instead of overwriting.

    Returns
    -------
    Tensor

    Raises
    ------
    IndexError, RuntimeError
        If there is no such axis, the shapes or dtypes do not fit, or an index is out of bounds.

    Examples
    --------
    >>> import pullback as pb
    >>> pb.scatter(pb.zeros(3), 0, pb.tensor([2, 0]), pb.tensor([1.0, 2.0]))
    tensor([2., 0., 1.])
    """
    x = tensor_of(input)
    given = value if src is None else src
    if given is None:
        raise TypeError("scatter() needs `src` or `value`")
    if reduce is not None:
        if reduce not in ("add", "multiply"):
            raise RuntimeError("reduce argument must be either add or multiply.")
        if not isinstance(given, Recorded):
            given = wrap(Tensor, np.full(tensor_of(index)._a.shape, given, x._a.dtype))
        way = {"add": "sum", "multiply": "prod"}[reduce]
        from .scatter_reduce import scatter_reduce

        return scatter_reduce(x, dim, index, given, way)
    key, where = _key("scatter", x, dim, index, given)
    result = x._a.copy()
    if isinstance(given, Recorded):
        _same_dtype("scatter", x, given)
        result[key] = given._a[tuple(slice(n) for n in where.shape)]
        made: Tensor = record(ScatterBackward0, result, (x, given), _saved(index), (key, given._a.shape))
        return made
    result[key] = number_as(x._a.dtype, given)
    made = record(ScatterBackward1, result, (x, None), _saved(index), (key, ()))
    return made


def _key(name: str, x: Any, dim: int, index: Any, src: Any) -> tuple[Any, Any]:
    """NumPy's index of the elements that an index tensor tells along an axis."""
    axis = axis_of(dim, x._a.ndim)
    where = index_of(index, name, x, axis)
    check_beside(name, x, axis, where, "self")
    if isinstance(src, Recorded):
        if src._a.ndim != where.ndim and where.size:
            raise RuntimeError("Index tensor must have the same number of dimensions as src tensor")
        for k, (n, m) in enumerate(zip(where.shape, src._a.shape, strict=True)):
            if n > m:
                raise RuntimeError(
                    f"Expected index {list(where.shape)} to be no larger than self {list(x._a.shape)} apart "
                    f"from dimension {axis} and to be no larger size than src {list(src._a.shape)} (at "
                    f"dimension {k})"
                )
    if x._a.ndim == 0:
        return (), where
    return beside(where, axis), where


@function(inplace=True)
def scatter_add(input: Any, dim: int, index: Any, src: Any) -> Tensor:
    """A copy to which elements of another tensor are added at the places of an index along an axis.

    Parameters
    ----------
    input
        A tensor.
    dim
        The axis.
    index
        A tensor of integers, of as many axes.
    src
        What to add: a tensor of as many axes, not shorter than the index.

    Returns
    -------
    Tensor

    Raises
    ------
    IndexError, RuntimeError
        If there is no such axis, the shapes or dtypes do not fit, or an index is out of bounds.

    Examples
    --------
    >>> import pullback as pb
    >>> pb.scatter_add(pb.zeros(2), 0, pb.tensor([1, 1]), pb.tensor([1.0, 2.0]))
    tensor([0., 3.])
    """
    x, s = tensor_of(input), tensor_of(src)
    key, where = _key("scatter_add", x, dim, index, s)
    _same_dtype("scatter_add", x, s)
    result = x._a.copy()
    np.add.at(result, key, s._a[tuple(slice(n) for n in where.shape)])
    made: Tensor = record(ScatterAddBackward0, result, (x, s), _saved(index), (key, s._a.shape))
    return made


# ---- entries along an axis
def _entries(name: str, x: Any, dim: int, index: Any) -> tuple[Any, int, Any]:
    """NumPy's index of entries along an axis, the axis, and their numbers."""
    axis = axis_of(dim, x._a.ndim)
    where = index_of(index, name, x, axis, negative=name == "index_fill_")
    if where.ndim > 1:
        raise IndexError(f"{name}(): Index should have dimension 1 or 0 (got {where.ndim})")
    return ((*(_ALL,) * axis, where.reshape(-1)) if x._a.ndim else ()), axis, where


@function(inplace=True)
def index_add(input: Any, dim: int, index: Any, source: Any, *, alpha: Any = 1, out: Any = None) -> Tensor:
    """A copy to which entries of another tensor are added at the places of an index along an axis.

    Parameters
    ----------
    input
        A tensor.
    dim
        The axis.
    index
        A vector of integers.
    source
        What to add: as long as the index along the axis.
    alpha
        A factor of `source`.
    out
        A tensor to write the result to.

    Returns
    -------
    Tensor

    Raises
    ------
    IndexError, RuntimeError
        If there is no such axis, the shapes or dtypes do not fit, or an index is out of bounds.

    Examples
    --------
    >>> import pullback as pb
    >>> pb.index_add(pb.zeros(2), 0, pb.tensor([1, 1]), pb.tensor([1.0, 2.0]))
    tensor([0., 3.])
    """
    from ..pointwise.pointwise import into

    x, s = tensor_of(input), tensor_of(source)
    key, _, _ = _source_entries("index_add", x, dim, index, s)
    if x._a.dtype != s._a.dtype:
        raise RuntimeError(
            "index_add_(): self and source expected to have the same dtype, but got (self) "
            f"{x._kind()} and (source) {s._kind()}"
        )
    result = x._a.copy()
    amount = s._a if alpha == 1 else (s._a * alpha).astype(x._a.dtype)
    np.add.at(result, key, amount if x._a.ndim else amount.reshape(()))
    return into(out, record(IndexAddBackward0, result, (x, s), _saved(index), (key, alpha)))


def _source_entries(name: str, x: Any, dim: int, index: Any, s: Any) -> tuple[Any, int, Any]:
    key, axis, where = _entries(name, x, dim, index)
    count = s._a.shape[axis] if s._a.ndim else 1
    if count != where.size:
        kind = RuntimeError if name == "index_add" else IndexError
        raise kind(
            f"{name}_(): Number of indices ({where.size}) should be equal to source.size(dim): ({count}), "
            f"for dim: {axis}"
        )
    others = [tuple(n for k, n in enumerate(t._a.shape) if k != axis) for t in (x, s)]
    if others[0] != others[1]:
        raise RuntimeError(
            f"{name}(): source tensor shape must match self tensor shape, excluding the specified dimension. "
            f"Got self.shape = {list(x._a.shape)} source.shape = {list(s._a.shape)}"
        )
    return key, axis, where


@function(inplace=True)
def index_copy(input: Any, dim: int, index: Any, source: Any) -> Tensor:
    """A copy in which entries of another tensor stand at the places of an index along an axis.

    Parameters
    ----------
    input
        A tensor.
    dim
        The axis.
    index
        A vector of integers.
    source
        What to write: as long as the index along the axis.

    Returns
    -------
    Tensor

    Raises
    ------
    IndexError, RuntimeError
        If there is no such axis, the shapes or dtypes do not fit, or an index is out of bounds.

    Examples
    --------
    >>> import pullback as pb
    >>> pb.index_copy(pb.zeros(3), 0, pb.tensor([2, 0]), pb.tensor([1.0, 2.0]))
    tensor([2., 0., 1.])
    """
    x, s = tensor_of(input), tensor_of(source)
    key, _, _ = _source_entries("index_copy", x, dim, index, s)
    if x._a.dtype != s._a.dtype:
        raise RuntimeError(
            "index_copy_(): self and source expected to have the same dtype, but got (self) "
            f"{x._kind()} and (source) {s._kind()}"
        )
    result = x._a.copy()
    result[key] = s._a if x._a.ndim else s._a.reshape(())
    made: Tensor = record(IndexCopyBackward0, result, (x, s), _saved(index), (key, s._a.shape))
    return made


@function(inplace=True)
def index_fill(input: Any, dim: int, index: Any, value: Any) -> Tensor:
    """A copy in which one value stands in the entries that an index tells along an axis.

    Parameters
    ----------
    input
        A tensor.
    dim
        The axis.
    index
        A vector of integers.
    value
        A number, or a tensor without axes.

    Returns
    -------
    Tensor

    Raises
    ------
    IndexError, RuntimeError
        If there is no such axis, the value does not fit, or an index is out of bounds.

    Examples
    --------
    >>> import pullback as pb
    >>> pb.index_fill(pb.zeros(3), 0, pb.tensor([0, 2]), 1)
    tensor([1., 0., 1.])
    """
    x = tensor_of(input)
    key, _, _ = _entries("index_fill_", x, dim, index)
    result = x._a.copy()
    if not isinstance(value, Recorded):
        result[key] = number_as(x._a.dtype, value)
        made: Tensor = record(IndexFillBackward0, result, (x, None), _saved(index), key)
        return made
    if value._a.ndim:
        raise RuntimeError(
            "index_fill_ only supports a 0-dimensional value tensor, but got tensor with "
            f"{value._a.ndim} dimension(s)."
        )
    result[key] = value._a
    made = record(IndexFillBackward1, result, (x, value), _saved(index), key)
    return made
