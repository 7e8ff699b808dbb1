"""Order: `sort`, `topk`, `unique` and their kin."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...ops.linear import apply
from ...tape.node import wrap
from ..indexing.picking import beside
from ..indexing.selecting import SortedBackward0
from ..return_types import VALUES_AND_INDICES
from ..table import function
from ..tensor import Tensor, axis_of, tensor_of


class SortBackward0(SortedBackward0):
    """Elements in order along an axis."""

    __slots__ = ()


class TopkBackward0(SortedBackward0):
    """The first elements in order along an axis."""

    __slots__ = ()


class KthvalueBackward0(SortedBackward0):
    """One element in order along an axis."""

    __slots__ = ()


def order_of(a: np.ndarray[Any, Any], axis: int, descending: bool) -> np.ndarray[Any, Any]:
    """The places of the elements in their order along an axis; equal ones keep theirs."""
    if a.ndim == 0:
        return np.zeros((), np.int64)
    if a.dtype.kind == "c":
        raise RuntimeError("Sort does not support complex dtypes on CPU")
    kind: Any = "stable"
    if not descending:
        return np.argsort(a, axis, kind=kind)
    found: np.ndarray[Any, Any] = (
        a.shape[axis] - 1 - np.flip(np.argsort(np.flip(a, axis), axis, kind=kind), axis)
    )
    return found


def _chosen(node: Any, x: Any, order: np.ndarray[Any, Any], axis: int) -> Any:
    key = beside(order, axis) if order.ndim else ()
    return apply(node, x, x._a.shape, key)


def _result(name: str, values: Any, order: Any, out: Any) -> Any:
    from ..pointwise.pointwise import into

    indices = wrap(Tensor, np.ascontiguousarray(order) if order.ndim else order)
    if out is not None:
        return VALUES_AND_INDICES[name](into(out[0], values), into(out[1], indices))
    return VALUES_AND_INDICES[name](values, indices)


@function()
def sort(
    input: Any, dim: int = -1, descending: bool = False, stable: bool = False, *, out: Any = None
) -> Any:
    """The elements in order along an axis.

    Parameters
    ----------
    input
        A tensor.
    dim
        The axis.
    descending
        The largest first.
    stable
        Equal elements keep their order: they always do here.
    out
        Two tensors to write the result to.

    Returns
    -------
    (values, indices)
        The elements, and where they were.

    Raises
    ------
    IndexError, RuntimeError
        If there is no such axis, or the elements are complex.

    Examples
    --------
    >>> import pullback as pb
    >>> values, indices = pb.sort(pb.tensor([3, 1, 2]))
    >>> values
    tensor([1, 2, 3])
    >>> indices
    tensor([1, 2, 0])
    """
    x = tensor_of(input)
    axis = axis_of(dim, x._a.ndim)
    order = order_of(x._a, axis, descending)
    return _result("sort", _chosen(SortBackward0, x, order, axis), order, out)


@function()
def argsort(input: Any, dim: int = -1, descending: bool = False, stable: bool = False) -> Tensor:
    """Where the elements in their order along an axis are.

    Parameters
    ----------
    input
        A tensor.
    dim
        The axis.
    descending
        The largest first.
    stable
        Equal elements keep their order: they always do here.

    Returns
    -------
    Tensor

    Raises
    ------
    IndexError, RuntimeError
        If there is no such axis, or the elements are complex.

    Examples
    --------
    >>> import pullback as pb
    >>> pb.argsort(pb.tensor([3, 1, 2]))
    tensor([1, 2, 0])
    """
    x = tensor_of(input)
    order = order_of(x._a, axis_of(dim, x._a.ndim), descending)
    made: Tensor = wrap(Tensor, np.ascontiguousarray(order) if order.ndim else order)
    return made


@function()
def msort(input: Any, *, out: Any = None) -> Tensor:
    """The elements in order along the first axis.

    Parameters
    ----------
    input
        A tensor.
    out
        A tensor to write the result to.

    Returns
    -------
    Tensor

    Raises
    ------
    RuntimeError
        If the elements are complex.

    Examples
    --------
    >>> import pullback as pb
    >>> pb.msort(pb.tensor([3, 1, 2]))
    tensor([1, 2, 3])
    """
    from ..pointwise.pointwise import into

    return into(out, sort(input, 0)[0])


@function()
def topk(
    input: Any, k: int, dim: int = -1, largest: bool = True, sorted: bool = True, *, out: Any = None
) -> Any:
    """The largest or smallest elements along an axis.

    Parameters
    ----------
    input
        A tensor.
    k
        How many.
    dim
        The axis.
    largest
        The largest, or the smallest.
    sorted
        In order: they always are here.
    out
        Two tensors to write the result to.

    Returns
    -------
    (values, indices)
        The elements, and where they were.

    Raises
    ------
    IndexError, RuntimeError
        If there is no such axis, or k is negative or more than its length.

    Examples
    --------
    >>> import pullback as pb
    >>> pb.topk(pb.tensor([3, 1, 2]), 2).values
    tensor([3, 2])
    """
    x = tensor_of(input)
    axis = axis_of(dim, x._a.ndim)
    if not 0 <= k <= (x._a.shape[axis] if x._a.ndim else 1):
        raise RuntimeError("selected index k out of range")
    order = order_of(x._a, axis, largest)
    if order.ndim:
        order = order[(*(slice(None),) * axis, slice(k))]
    return _result("topk", _chosen(TopkBackward0, x, order, axis), order, out)


@function()
def kthvalue(input: Any, k: int, dim: int = -1, keepdim: bool = False, *, out: Any = None) -> Any:
    """The k-th smallest element along an axis.

    Parameters
    ----------
    input
        A tensor.
    k
        Which one, from 1.
    dim
        The axis.
    keepdim
        Keep the axis with length 1.
    out
        Two tensors to write the result to.

    Returns
    -------
    (values, indices)
        The elements, and where they were.

    Raises
    ------
    IndexError, RuntimeError
        If there is no such axis, or k is not between 1 and its length.

    Examples
    --------
    >>> import pullback as pb
    >>> pb.kthvalue(pb.tensor([3.0, 1.0, 2.0]), 2).values
    tensor(2.)
    """
    x = tensor_of(input)
    axis = axis_of(dim, x._a.ndim)
    if not 1 <= k <= (x._a.shape[axis] if x._a.ndim else 1):
        raise RuntimeError("kthvalue(): selected number k out of range for dimension " + str(axis))
    order = order_of(x._a, axis, False)
    key: tuple[Any, ...] = ()
    if order.ndim:
        order = order[(*(slice(None),) * axis, slice(k - 1, k))]
        key = beside(order, axis)
        if not keepdim:
            order, key = order.squeeze(axis), tuple(part.squeeze(axis) for part in key)
    values = apply(KthvalueBackward0, x, x._a.shape, key)
    return _result("kthvalue", values, order, out)


@function()
def unique(
    input: Any,
    sorted: bool = True,
    return_inverse: bool = False,
    return_counts: bool = False,
    dim: int | None = None,
) -> Any:
    """The different elements, in order.

    Parameters
    ----------
    input
        A tensor.
    sorted
        In order: they always are here.
    return_inverse
        Tell for each element which one it is.
    return_counts
        Tell how often each occurs.
    dim
        Compare entries along this axis, instead of elements.

    Returns
    -------
    Tensor or tuple
        Without a derivative.

    Raises
    ------
    IndexError
        If there is no such axis.

    Examples
    --------
    >>> import pullback as pb
    >>> pb.unique(pb.tensor([3, 1, 3]))
    tensor([1, 3])
    """
    a = tensor_of(input)._a
    axis = None if dim is None else axis_of(dim, a.ndim)
    values, inverse, counts = np.unique(
        a, return_inverse=True, return_counts=True, axis=axis, equal_nan=False
    )
    inverse = inverse.reshape(a.shape if axis is None else -1)
    return _chosen_results(values, inverse, counts, return_inverse, return_counts)


def _chosen_results(values: Any, inverse: Any, counts: Any, wants_inverse: bool, wants_counts: bool) -> Any:
    found = [values]
    if wants_inverse:
        found.append(inverse.astype(np.int64))
    if wants_counts:
        found.append(counts.astype(np.int64))
    made = tuple(wrap(Tensor, v) for v in found)
    return made[0] if len(made) == 1 else made


@function()
def unique_consecutive(
    input: Any, return_inverse: bool = False, return_counts: bool = False, dim: int | None = None
) -> Any:
    """The elements without those that are equal to the one before.

    Parameters
    ----------
    input
        A tensor.
    return_inverse
        Tell for each element which one it is.
    return_counts
        Tell how often each occurs.
    dim
        Compare entries along this axis, instead of elements.

    Returns
    -------
    Tensor or tuple
        Without a derivative.

    Raises
    ------
    IndexError
        If there is no such axis.

    Examples
    --------
    >>> import pullback as pb
    >>> pb.unique_consecutive(pb.tensor([1, 1, 3, 1]))
    tensor([1, 3, 1])
    """
    a = tensor_of(input)._a
    rows = a.reshape(-1) if dim is None else np.moveaxis(a, axis_of(dim, a.ndim), 0)
    flat = rows.reshape(len(rows), -1)
    new = np.ones(len(rows), bool)
    new[1:] = (flat[1:] != flat[:-1]).any(axis=1)
    inverse = np.cumsum(new) - 1
    counts = np.bincount(inverse) if len(rows) else np.zeros(0, np.int64)
    values = rows[new]
    if dim is None:
        inverse = inverse.reshape(a.shape)
    else:
        values = np.ascontiguousarray(np.moveaxis(values, 0, axis_of(dim, a.ndim)))
    return _chosen_results(values, inverse, counts, return_inverse, return_counts)
