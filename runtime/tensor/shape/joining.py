"""Tensors put together along an axis: `cat`, `stack` and their kin."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from typing import Any

import numpy as np

from ...ops.promotion import result_type
from ...tape.node import Node
from ...tape.record import record
from ..pointwise.pointwise import into
from ..table import function, put
from ..tensor import Tensor, axis_of, tensor_of
from .axes import unsqueeze
from .shaping import reshaped

_array = operator.attrgetter("_a")


class CatBackward0(Node):
    """Pieces joined along an axis; `static` is the axis and the length of each."""

    __slots__ = ()

    def backward(self, g: Any) -> Any:
        axis, lengths = self.static
        before = (slice(None),) * (axis % g.ndim)
        parts, end = [], 0
        for e, length in zip(self.edges, lengths, strict=True):
            start, end = end, end + length
            parts.append(None if e is None else g[(*before, slice(start, end))])
        return tuple(parts)


class StackBackward0(Node):
    """Pieces put side by side along a new axis, which `static` is."""

    __slots__ = ()

    def backward(self, g: Any) -> Any:
        before = (slice(None),) * self.static
        return tuple([None if e is None else g[(*before, k)] for k, e in enumerate(self.edges)])


def _given(tensors: Any, name: str) -> list[Tensor]:
    """The tensors to join.

    Raises
    ------
    TypeError, RuntimeError
        If it is no sequence of tensors, or empty.
    """
    if type(tensors) not in (list, tuple) and (
        isinstance(tensors, Tensor) or not isinstance(tensors, Sequence)
    ):
        raise TypeError(
            f"{name}(): argument 'tensors' (position 1) must be tuple of Tensors, not "
            f"{type(tensors).__name__}"
        )
    return [tensor_of(t) for t in tensors]


@function(method=False)
def cat(tensors: Any, dim: int = 0, *, axis: Any = None, out: Any = None) -> Tensor:
    """Tensors joined along an axis that they have.

    Parameters
    ----------
    tensors
        Tensors of the same shape but for this axis; empty vectors are skipped.
    dim
        The axis.
    axis
        NumPy's name of `dim`.
    out
        A tensor to write the result to.

    Returns
    -------
    Tensor

    Raises
    ------
    IndexError, RuntimeError, TypeError, ValueError
        If there is no such axis, the shapes do not fit, or there are no tensors.

    Examples
    --------
    >>> import pullback as pb
    >>> pb.cat([pb.tensor([1, 2]), pb.tensor([3])])
    tensor([1, 2, 3])
    """
    if axis is not None:
        dim = axis
    made = _quickly(tensors, dim) if type(tensors) in (list, tuple) and type(dim) is int else None
    if made is None:
        found = _given(tensors, "cat")
        if not found:
            raise ValueError("torch.cat(): expected a non-empty list of Tensors")
        made = _of_all_kinds(found, [t._a for t in found], dim)
    return made if out is None else into(out, made)


def _quickly(tensors: Any, dim: int) -> Tensor | None:
    """Tensors joined by NumPy as they are; None if that does not do, to be told in PyTorch's words."""
    try:
        arrays = list(map(_array, tensors))
        result = np.concatenate(arrays, dim)
    except (AttributeError, TypeError, ValueError):
        return None
    if result.dtype is not arrays[0].dtype:  # else PyTorch's dtype is this one too
        return None
    lengths = [a.shape[dim] for a in arrays]
    made: Tensor = record(CatBackward0, result, tuple(tensors), None, (dim, lengths))
    return made


def _of_all_kinds(found: list[Tensor], arrays: list[Any], dim: int) -> Tensor:
    """Tensors joined whose dtypes differ, or some of which are empty."""
    kind = arrays[0].dtype
    for a in arrays:
        if a.dtype is not kind:
            kind = result_type(*arrays)
            break
    # An empty vector fits to everything.
    rank = max(a.ndim for a in arrays if a.shape != (0,)) if any(a.shape != (0,) for a in arrays) else 1
    place = axis_of(dim, rank)
    joined = [a for a in arrays if a.shape != (0,) or rank == 1]
    _check_cat(joined, arrays, place)
    result: Any = np.concatenate(joined, place, dtype=kind, casting="unsafe")
    parts = tuple([t for t in found if t._a.ndim == rank])
    lengths = [t._a.shape[place] for t in parts]
    made: Tensor = record(CatBackward0, result, parts, None, (place, lengths))
    return made


def _check_cat(joined: list[Any], arrays: list[Any], place: int) -> None:
    first = joined[0]
    if first.ndim == 0:
        raise RuntimeError("zero-dimensional tensor (at position 0) cannot be concatenated")
    for a in joined[1:]:
        if a.ndim == 0:
            k = next(i for i, b in enumerate(arrays) if b is a)
            raise RuntimeError(f"zero-dimensional tensor (at position {k}) cannot be concatenated")
        if a.ndim != first.ndim:
            raise RuntimeError(f"Tensors must have same number of dimensions: got {first.ndim} and {a.ndim}")
        for axis, (n, m) in enumerate(zip(first.shape, a.shape, strict=True)):
            if n != m and axis != place:
                k = next(i for i, b in enumerate(arrays) if b is a)
                raise RuntimeError(
                    f"Sizes of tensors must match except in dimension {place}. Expected size {n} but got "
                    f"size {m} for tensor number {k} in the list."
                )


for _name in ("concat", "concatenate"):
    put(_name, cat, method=False)


@function(method=False)
def stack(tensors: Any, dim: int = 0, *, out: Any = None) -> Tensor:
    """Tensors put side by side along a new axis.

    Parameters
    ----------
    tensors
        Tensors of one shape.
    dim
        The place of the new axis.
    out
        A tensor to write the result to.

    Returns
    -------
    Tensor

    Raises
    ------
    IndexError, RuntimeError, TypeError
        If there is no such place, the shapes differ, or there are no tensors.

    Examples
    --------
    >>> import pullback as pb
    >>> pb.stack([pb.tensor([1, 2]), pb.tensor([3, 4])])
    tensor([[1, 2],
            [3, 4]])
    """
    found = _given(tensors, "stack")
    if not found:
        raise RuntimeError("stack expects a non-empty TensorList")
    arrays = [t._a for t in found]
    shape, kind = arrays[0].shape, arrays[0].dtype
    for k, a in enumerate(arrays):
        if a.shape != shape:
            raise RuntimeError(
                f"stack expects each tensor to be equal size, but got {list(shape)} at entry 0 and "
                f"{list(a.shape)} at entry {k}"
            )
        if a.dtype is not kind:
            kind = result_type(*arrays)
    place = axis_of(dim, len(shape) + 1)
    if place:
        new: Any = (slice(None),) * place + (None,)
        result: Any = np.concatenate([a[new] for a in arrays], place, dtype=kind, casting="unsafe")
    else:
        result = np.array(arrays, kind)
    made: Tensor = record(StackBackward0, result, tuple(found), None, place)
    return made if out is None else into(out, made)


def _at_least(x: Tensor, rank: int) -> Tensor:
    """A tensor with axes of length 1 added, as `atleast_2d` and `atleast_3d` do."""
    shape = x._a.shape
    if len(shape) >= rank:
        return x
    if not shape:
        made: Tensor = reshaped(x, (1,) * rank)
        return made
    if len(shape) == 1:
        x = unsqueeze(x, 0)
    return x if x._a.ndim == rank else unsqueeze(x, -1)


@function(method=False)
def hstack(tensors: Any, *, out: Any = None) -> Tensor:
    """Tensors joined along their second axis; vectors along their only one.

    Parameters
    ----------
    tensors
        Tensors.
    out
        A tensor to write the result to.

    Returns
    -------
    Tensor

    Raises
    ------
    RuntimeError, TypeError
        If the shapes do not fit, or there are no tensors.

    Examples
    --------
    >>> import pullback as pb
    >>> pb.hstack([pb.ones(2, 1), pb.zeros(2, 2)])
    tensor([[1., 0., 0.],
            [1., 0., 0.]])
    """
    found = [_at_least(t, 1) for t in _given(tensors, "hstack")]
    if not found:
        raise RuntimeError("hstack expects a non-empty TensorList")
    return cat(found, 0 if found[0]._a.ndim == 1 else 1, out=out)


@function(method=False)
def vstack(tensors: Any, *, out: Any = None) -> Tensor:
    """Tensors joined along their first axis; vectors as rows.

    Parameters
    ----------
    tensors
        Tensors.
    out
        A tensor to write the result to.

    Returns
    -------
    Tensor

    Raises
    ------
    RuntimeError, TypeError
        If the shapes do not fit, or there are no tensors.

    Examples
    --------
    >>> import pullback as pb
    >>> pb.vstack([pb.tensor([1, 2]), pb.tensor([3, 4])])
    tensor([[1, 2],
            [3, 4]])
    """
    found = [_at_least(t, 2) for t in _given(tensors, "vstack")]
    if not found:
        raise RuntimeError("vstack expects a non-empty TensorList")
    return cat(found, 0, out=out)


put("row_stack", vstack, method=False)


@function(method=False)
def dstack(tensors: Any, *, out: Any = None) -> Tensor:
    """Tensors joined along their third axis, which they get if they have none.

    Parameters
    ----------
    tensors
        Tensors.
    out
        A tensor to write the result to.

    Returns
    -------
    Tensor

    Raises
    ------
    RuntimeError, TypeError
        If the shapes do not fit, or there are no tensors.

    Examples
    --------
    >>> import pullback as pb
    >>> pb.dstack([pb.tensor([1, 2]), pb.tensor([3, 4])])
    tensor([[[1, 3],
             [2, 4]]])
    """
    found = [_at_least(t, 3) for t in _given(tensors, "dstack")]
    if not found:
        raise RuntimeError("dstack expects a non-empty TensorList")
    return cat(found, 2, out=out)


@function(method=False)
def column_stack(tensors: Any, *, out: Any = None) -> Tensor:
    """Tensors joined along their second axis; vectors as columns.

    Parameters
    ----------
    tensors
        Tensors.
    out
        A tensor to write the result to.

    Returns
    -------
    Tensor

    Raises
    ------
    RuntimeError, TypeError
        If the shapes do not fit, or there are no tensors.

    Examples
    --------
    >>> import pullback as pb
    >>> pb.column_stack([pb.tensor([1, 2]), pb.tensor([3, 4])])
    tensor([[1, 3],
            [2, 4]])
    """
    found = [t if t._a.ndim > 1 else reshaped(t, (t._a.size, 1)) for t in _given(tensors, "column_stack")]
    if not found:
        raise RuntimeError("column_stack expects a non-empty TensorList")
    return cat(found, 1, out=out)
