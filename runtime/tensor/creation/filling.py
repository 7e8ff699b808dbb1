"""Writes of whole tensors: `copy_`, `fill_`, `zero_`; and what numbers fit into which dtype."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...tape.node import Node, Recorded
from ...tape.views import assign
from ..shape.shaping import reshaped
from ..table import METHODS, function
from ..tensor import Tensor, tensor_of


class CopyBackwards(Node):
    """What was there is overwritten with another tensor."""

    __slots__ = ()

    def backward(self, g: Any) -> Any:
        return (None if self.edges[0] is None else np.zeros_like(g), g)


class ZeroBackward0(Node):
    """What was there is overwritten with zeros."""

    __slots__ = ()

    def backward(self, g: Any) -> Any:
        return (np.zeros_like(g),)


class FillBackward2(ZeroBackward0):
    """What was there is overwritten with a number."""

    __slots__ = ()


class FillBackward3(CopyBackwards):
    """What was there is overwritten with a tensor of one element."""

    __slots__ = ()


_CNAMES = {
    "float32": "float", "float64": "double", "float16": "at::Half", "int64": "int64_t", "int32": "int",
    "int16": "int16_t", "int8": "int8_t", "uint8": "uint8_t",
}  # fmt: skip


def number_as(kind: np.dtype[Any], value: Any) -> Any:
    """A Python number as an element of a dtype.

    Raises
    ------
    RuntimeError
        If it does not fit.
    """
    if kind.kind == "f":
        if type(value) is float or type(value) is int:
            if kind.itemsize == 8 or -65504.0 <= value <= 65504.0 or value != value:
                return value
            if abs(value) == np.inf or abs(value) <= np.finfo(kind).max:
                return value
        elif not isinstance(value, complex):
            return value
        elif value.imag == 0:
            return value.real
    elif kind.kind in "iu":
        if isinstance(value, complex) and value.imag == 0:
            value = value.real
        limits = np.iinfo(kind)
        if not isinstance(value, complex) and value == value and limits.min <= value <= limits.max:
            return int(value)
    else:
        return value
    raise RuntimeError(
        f"value cannot be converted to type {_CNAMES.get(kind.name, kind.name)} without overflow"
    )


def source(x: Any, value: Any) -> tuple[Any, Any]:
    """What is written to x: as an operand, and as an array or a number that NumPy assigns.

    Raises
    ------
    RuntimeError, TypeError
        If it does not fit into x, or is nothing to be written.
    """
    a = x._a
    if not isinstance(value, (Recorded, np.ndarray)):
        if not isinstance(value, (int, float, complex, np.generic)):
            raise TypeError(f"can't assign a {type(value).__name__} to a {x._kind()}")
        return None, number_as(a.dtype, value)
    array = value._a if isinstance(value, Recorded) else value
    extra = array.ndim - a.ndim
    if extra > 0 and array.shape[:extra] == (1,) * extra:  # leading axes of length 1 are dropped
        shape = array.shape[extra:]
        value = reshaped(value, shape) if isinstance(value, Recorded) else array.reshape(shape)
        array = array.reshape(shape)
    if array.dtype.kind == "c" and a.dtype.kind != "c":
        array = array.real
    return value if isinstance(value, Recorded) else None, array


def check_broadcast(x: Any, array: Any) -> None:
    """Refuse what does not broadcast to the shape of x.

    Raises
    ------
    RuntimeError
        If it does not.
    """
    before, shape = np.shape(array), x._a.shape
    extra = len(shape) - len(before)
    if extra < 0:
        raise RuntimeError(
            f"expand({x._kind()}{{{list(before)}}}, size={list(shape)}): the number of sizes provided "
            f"({len(shape)}) must be greater or equal to the number of dimensions in the tensor "
            f"({len(before)})"
        )
    for k, n in enumerate(before):
        if n not in (1, shape[extra + k]):
            raise RuntimeError(
                f"The expanded size of the tensor ({shape[extra + k]}) must match the existing size ({n}) at "
                f"non-singleton dimension {extra + k}.  Target sizes: {list(shape)}.  Tensor sizes: "
                f"{list(before)}"
            )


def put_into(x: Any, value: Any, node: type[Node] = CopyBackwards) -> Any:
    """x overwritten with a tensor, an array or a number, broadcast to its shape."""
    operand, array = source(x, value)
    if isinstance(array, np.ndarray) and array.shape != x._a.shape:
        check_broadcast(x, array)
    return assign(x, lambda a: a.__setitem__(..., array), node, (operand,))


@function("copy_", root=False)
def copy_(input: Any, src: Any, non_blocking: bool = False) -> Tensor:
    """Overwrite a tensor with another, broadcast and cast.

    Parameters
    ----------
    input
        The tensor to write to.
    src
        A tensor.
    non_blocking
        Has no effect.

    Returns
    -------
    Tensor
        `input`.

    Raises
    ------
    RuntimeError
        If the shapes do not fit, or `input` may not be written to.

    Examples
    --------
    >>> import pullback as pb
    >>> pb.zeros(2).copy_(pb.tensor([1, 2]))
    tensor([1., 2.])
    """
    made: Tensor = put_into(input, tensor_of(src))
    return made


@function("zero_")
def zero_(input: Any) -> Tensor:
    """Overwrite a tensor with zeros.

    Parameters
    ----------
    input
        The tensor to write to.

    Returns
    -------
    Tensor
        `input`.

    Raises
    ------
    RuntimeError
        If `input` may not be written to.

    Examples
    --------
    >>> import pullback as pb
    >>> pb.ones(2).zero_()
    tensor([0., 0.])
    """
    made: Any = assign(input, _zeros, ZeroBackward0)
    return made


def _zeros(array: np.ndarray[Any, Any]) -> None:
    array.fill(0)


@function("fill_")
def fill_(input: Any, value: Any) -> Tensor:
    """Overwrite a tensor with one value.

    Parameters
    ----------
    input
        The tensor to write to.
    value
        A number, or a tensor without axes.

    Returns
    -------
    Tensor
        `input`.

    Raises
    ------
    RuntimeError
        If `input` may not be written to, or the value does not fit.

    Examples
    --------
    >>> import pullback as pb
    >>> pb.zeros(2).fill_(3)
    tensor([3., 3.])
    """
    if not isinstance(value, Recorded):
        number = number_as(input._a.dtype, value)
        return assign(input, lambda a: a.fill(number), FillBackward2)  # type: ignore[return-value]
    if value._a.ndim:
        raise RuntimeError(
            f"fill_ only supports 0-dimension value tensor but got tensor with {value._a.ndim} dimensions."
        )
    made: Tensor = put_into(input, value, FillBackward3)
    return made


def _resize(input: Any, *size: Any, **kwargs: Any) -> Any:
    """Refused: a tensor keeps its memory.

    Raises
    ------
    RuntimeError
        Always, but for the shape that the tensor has.
    """
    shape = tuple(size[0]) if len(size) == 1 and isinstance(size[0], (tuple, list)) else size
    if shape == input._a.shape:
        return input
    if input.requires_grad:
        raise RuntimeError("cannot resize variables that require grad")
    raise RuntimeError(
        f"resize_ to {list(shape)} is not supported: a tensor of pullback keeps its memory. Use reshape for "
        "another shape of the same elements, or new_empty for other memory."
    )


METHODS["resize_"] = _resize
