"""The same elements in another shape: views of the same memory, where the layout allows it."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ...tape.mode import mode
from ...tape.node import Node, Recorded
from ...tape.record import record
from ...tape.views import OF_BITS, shown, view
from ..dtypes import dtype as Dtype
from ..dtypes import numpy_dtype
from ..table import function, put
from ..tensor import Tensor, axis_of, tensor_of


# ---- view, reshape and their kin
class ViewBackward0(Node):
    """A view of another shape; `static` is the shape before."""

    __slots__ = ()

    def backward(self, g: Any) -> Any:
        return (g.reshape(self.static),)


class ReshapeAliasBackward0(ViewBackward0):
    """A view of another shape, of a value whose elements do not lie in order."""

    __slots__ = ()


class UnsafeViewBackward0(ViewBackward0):
    """A copy in another shape."""

    __slots__ = ()


class SqueezeBackward0(ViewBackward0):
    """All axes of length 1 dropped."""

    __slots__ = ()


class SqueezeBackward1(ViewBackward0):
    """One axis of length 1 dropped."""

    __slots__ = ()


class SqueezeBackward2(ViewBackward0):
    """Several axes of length 1 dropped."""

    __slots__ = ()


class UnsqueezeBackward0(ViewBackward0):
    """A new axis of length 1."""

    __slots__ = ()


class CloneBackward0(Node):
    """The same elements in memory of their own."""

    __slots__ = ()

    def backward(self, g: Any) -> Any:
        return (g,)


def sizes(given: tuple[Any, ...]) -> tuple[int, ...]:
    """Numbers given one by one, or as one sequence.

    Raises
    ------
    TypeError
        If one is no integer.
    """
    if len(given) == 1 and isinstance(given[0], (tuple, list)):
        given = tuple(given[0])
    for n in given:
        if type(n) is not int:
            break
    else:
        return given
    try:
        return tuple([n if type(n) is int else n.__index__() for n in given])
    except AttributeError:
        raise TypeError(f"a shape must be a sequence of ints, but found {list(given)}") from None


def inferred(shape: tuple[int, ...], size: int) -> tuple[int, ...]:
    """A shape whose -1 is what `size` elements leave for it.

    Raises
    ------
    RuntimeError
        If the shape has another number of elements, or cannot be inferred.
    """
    unknown, known = None, 1
    for k, n in enumerate(shape):
        if n == -1:
            if unknown is not None:
                raise RuntimeError("only one dimension can be inferred")
            unknown = k
        elif n < 0:
            raise RuntimeError(f"invalid shape dimension {n}")
        else:
            known *= n
    if unknown is not None:
        if known == 0 and size == 0:
            raise RuntimeError(
                f"cannot reshape tensor of 0 elements into shape {list(shape)} because the unspecified "
                "dimension size -1 can be any value and is ambiguous"
            )
        if known and size % known == 0:
            return (*shape[:unknown], size // known, *shape[unknown + 1 :])
    elif known == size:
        return shape
    raise RuntimeError(f"shape '{list(shape)}' is invalid for input of size {size}")


def fitted(array: np.ndarray[Any, Any], shape: tuple[Any, ...]) -> np.ndarray[Any, Any]:
    """An array in a shape as users give it: numbers one by one or as one sequence, one of which may be -1.

    Raises
    ------
    RuntimeError, TypeError
        If the shape does not fit, or is none.
    """
    try:
        made = array.reshape(shape)
    except (TypeError, ValueError):
        pass  # a sequence in the tuple, or a mistake: what follows names it in PyTorch's words
    else:
        if made.shape == shape:
            return made
    return array.reshape(inferred(sizes(shape), array.size))


def as_shape(x: Any, shape: tuple[int, ...], node: type[Node] = ViewBackward0) -> Any:
    """A value or an array in another shape, without a copy.

    Raises
    ------
    RuntimeError
        If the layout does not allow it.
    """
    recorded = isinstance(x, Recorded)
    before = x._a if recorded else x
    array = before.reshape(shape)
    if not before.flags.c_contiguous and array.size > 1 and not np.may_share_memory(array, before):
        raise RuntimeError(
            "view size is not compatible with input tensor's size and stride (at least one dimension spans "
            "across two contiguous subspaces). Use .reshape(...) instead."
        )
    return view(node, array, x, as_shape, (shape, node), before.shape) if recorded else array


def _bits(x: Any, kind: np.dtype[Any]) -> Any:
    """The same memory read as another dtype."""
    array = x._a if isinstance(x, Recorded) else x
    if kind.itemsize == array.dtype.itemsize:
        array = array.view(kind)
    elif array.ndim == 0 or array.strides[-1] != array.itemsize:
        raise RuntimeError(
            "self.stride(-1) must be 1 to view a tensor as a dtype with another size of its elements"
        )
    elif array.shape[-1] * array.itemsize % kind.itemsize:
        raise RuntimeError(
            f"self.size(-1) must be divisible by {kind.itemsize // array.itemsize} to view "
            f"{array.dtype.name} as {kind.name} (different element sizes), but got {array.shape[-1]}"
        )
    else:
        array = array.view(kind)
    return array


def _as_dtype(x: Tensor, kind: np.dtype[Any]) -> Tensor:
    if kind == x._a.dtype:
        return as_shape(x, x._a.shape)
    before = mode.enabled
    mode.enabled = False  # bits of another dtype have no derivative
    try:
        out: Tensor = record(ViewBackward0, _bits(x, kind), (x,))
        shown(out, x, _bits, (kind,), OF_BITS)
    finally:
        mode.enabled = before
    return out


def view_(input: Any, *shape: Any) -> Tensor:
    """The same memory in another shape; or read as another dtype, without a derivative.

    Parameters
    ----------
    input
        A tensor.
    shape
        Lengths, one of which may be -1; or a dtype.

    Returns
    -------
    Tensor

    Raises
    ------
    RuntimeError
        If the shape does not fit, or needs a copy (`reshape` makes one).

    Examples
    --------
    >>> import pullback as pb
    >>> pb.arange(6).view(2, -1)
    tensor([[0, 1, 2],
            [3, 4, 5]])
    """
    if len(shape) == 1 and isinstance(shape[0], (Dtype, np.dtype, type)):
        return _as_dtype(input, numpy_dtype(shape[0]))
    made: Tensor = as_shape(input, inferred(sizes(shape), input._a.size))
    return made


put("view", view_, root=False)


@function("view_as", root=False)
def view_as(input: Any, other: Any) -> Tensor:
    """The same memory in the shape of another tensor.

    Parameters
    ----------
    input, other
        Tensors.

    Returns
    -------
    Tensor

    Raises
    ------
    RuntimeError
        If the shape does not fit, or needs a copy.
    """
    made: Tensor = as_shape(input, inferred(other._a.shape, input._a.size))
    return made


def reshaped(x: Any, shape: tuple[int, ...]) -> Any:
    """A tensor in another shape: a view if the layout allows it, else a copy."""
    return _shaped(x, x._a.reshape(shape))


def _shaped(x: Any, array: np.ndarray[Any, Any]) -> Any:
    """The array of a tensor in another shape as a tensor."""
    before = x._a
    if before.flags.c_contiguous:
        return view(ViewBackward0, array, x, as_shape, (array.shape,), before.shape)
    if array.size <= 1 or np.may_share_memory(array, before):
        return view(ReshapeAliasBackward0, array, x, as_shape, (array.shape,), before.shape)
    return record(UnsafeViewBackward0, array, (x,), None, before.shape)


@function()
def reshape(input: Any, *shape: Any) -> Tensor:
    """The same elements in another shape: a view if the layout allows it, else a copy.

    Parameters
    ----------
    input
        A tensor.
    shape
        Lengths, one of which may be -1.

    Returns
    -------
    Tensor

    Raises
    ------
    RuntimeError
        If the shape does not fit.

    Examples
    --------
    >>> import pullback as pb
    >>> pb.reshape(pb.arange(4), (2, 2))
    tensor([[0, 1],
            [2, 3]])
    """
    x = tensor_of(input)
    made: Tensor = _shaped(x, fitted(x._a, shape))
    return made


@function("reshape_as", root=False)
def reshape_as(input: Any, other: Any) -> Tensor:
    """The same elements in the shape of another tensor.

    Parameters
    ----------
    input, other
        Tensors.

    Returns
    -------
    Tensor

    Raises
    ------
    RuntimeError
        If the shape does not fit.
    """
    made: Tensor = reshaped(input, inferred(other._a.shape, input._a.size))
    return made


@function()
def flatten(input: Any, start_dim: int = 0, end_dim: int = -1) -> Tensor:
    """Several axes joined to one.

    Parameters
    ----------
    input
        A tensor.
    start_dim, end_dim
        The first and the last of these axes.

    Returns
    -------
    Tensor

    Raises
    ------
    IndexError, RuntimeError
        If there are no such axes, or the last comes before the first.

    Examples
    --------
    >>> import pullback as pb
    >>> pb.ones(2, 3, 4).flatten(1).shape
    pullback.Size([2, 12])
    """
    x = tensor_of(input)
    shape = x._a.shape
    start, end = axis_of(start_dim, len(shape)), axis_of(end_dim, len(shape))
    if start > end:
        raise RuntimeError("flatten() has invalid args: start_dim cannot come after end_dim")
    if start == end and shape:
        return x
    joined = math.prod(shape[start : end + 1])
    made: Tensor = reshaped(x, (*shape[:start], joined, *shape[end + 1 :]))
    return made


@function()
def unflatten(input: Any, dim: int, sizes: Any) -> Tensor:
    """One axis split into several.

    Parameters
    ----------
    input
        A tensor.
    dim
        The axis.
    sizes
        Their lengths, one of which may be -1.

    Returns
    -------
    Tensor

    Raises
    ------
    IndexError, RuntimeError
        If there is no such axis, or the lengths do not fit.

    Examples
    --------
    >>> import pullback as pb
    >>> pb.ones(2, 6).unflatten(1, (3, -1)).shape
    pullback.Size([2, 3, 2])
    """
    x = tensor_of(input)
    shape = x._a.shape
    axis = axis_of(dim, len(shape))
    try:
        split = inferred(tuple(sizes), shape[axis])
    except RuntimeError:
        raise RuntimeError(
            f"unflatten: Provided sizes {list(sizes)} don't multiply up to the size of dim {axis} "
            f"({shape[axis]}) in the input tensor"
        ) from None
    made: Tensor = as_shape(x, (*shape[:axis], *split, *shape[axis + 1 :]))
    return made


@function()
def ravel(input: Any) -> Tensor:
    """All elements along one axis.

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
    >>> pb.ravel(pb.ones(2, 3)).shape
    pullback.Size([6])
    """
    x = contiguous(tensor_of(input))
    made: Tensor = as_shape(x, (x._a.size,))
    return made


@function()
def clone(input: Any, *, memory_format: Any = None) -> Tensor:
    """A copy, through which gradients flow.

    Parameters
    ----------
    input
        A tensor.
    memory_format
        Has no effect but `contiguous_format`, which puts elements in the order of the axes.

    Returns
    -------
    Tensor

    Examples
    --------
    >>> import pullback as pb
    >>> x = pb.ones(2, requires_grad=True)
    >>> x.clone()
    tensor([1., 1.], grad_fn=<CloneBackward0>)
    """
    x = tensor_of(input)
    order = "C" if memory_format and str(memory_format).endswith("contiguous_format") else "K"
    made: Tensor = record(CloneBackward0, x._a.copy(order), (x,))
    return made


@function("contiguous", root=False)
def contiguous(input: Any, memory_format: Any = None) -> Tensor:
    """The tensor if its elements lie in the order of its axes, else a copy in which they do.

    Parameters
    ----------
    input
        A tensor.
    memory_format
        Has no effect.

    Returns
    -------
    Tensor
    """
    if input._a.flags.c_contiguous:
        return input
    made: Tensor = record(CloneBackward0, np.ascontiguousarray(input._a), (input,))
    return made
