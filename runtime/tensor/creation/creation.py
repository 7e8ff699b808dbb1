"""Functions that make tensors."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...ops import promotion
from ...tape.node import Recorded, wrap
from ..dtypes import check_device, numpy_dtype
from ..table import function
from ..tensor import Tensor, as_tensor


def leaf(array: Any, requires_grad: bool) -> Tensor:
    """A tensor without history."""
    out: Tensor = wrap(Tensor, array)
    if requires_grad:
        out.requires_grad_(True)
    return out


def _data(data: Any, dtype: Any) -> np.ndarray[Any, Any]:
    """The elements of nested lists, arrays and tensors, copied; Python floats in the default float."""
    kind = None if dtype is None else numpy_dtype(dtype)
    if isinstance(data, Recorded):
        return np.array(data._a, dtype=kind)
    if isinstance(data, (np.ndarray, np.generic)):
        return np.array(data, dtype=kind)
    if isinstance(data, (list, tuple)) and any(isinstance(d, Recorded) for d in _leaves(data)):
        data = _plain(data)
    try:
        array = np.array(data, dtype=kind)
    except ValueError as error:
        raise ValueError(_ragged(data) or f"expected a rectangular array of numbers: {error}") from None
    if array.dtype.kind in "US":
        raise TypeError(f"new(): invalid data type {_first(data)!r}")
    if array.dtype == object:
        raise TypeError(f"not an array of numbers: {data!r:.60}")
    if kind is None and not _has_numpy(data):
        if array.dtype.kind == "f":
            array = array.astype(promotion.DEFAULT["float"])
        elif array.dtype.kind == "c":
            array = array.astype(promotion.DEFAULT["complex"])
    return array


def _leaves(data: Any) -> Any:
    for item in data:
        if isinstance(item, (list, tuple)):
            yield from _leaves(item)
        else:
            yield item


def _plain(data: Any) -> Any:
    if isinstance(data, (list, tuple)):
        return [_plain(d) for d in data]
    return data._a.item() if isinstance(data, Recorded) and data._a.size == 1 else data


def _has_numpy(data: Any) -> bool:
    if isinstance(data, (list, tuple)):
        return any(isinstance(d, (np.ndarray, np.generic)) for d in _leaves(data))
    return isinstance(data, (np.ndarray, np.generic))


@function(method=False)
def tensor(
    data: Any, *, dtype: Any = None, device: Any = None, requires_grad: bool = False, pin_memory: bool = False
) -> Tensor:
    """A tensor with a copy of the data.

    Parameters
    ----------
    data
        A number, nested lists, an array or a tensor.
    dtype
        The dtype; that of the data without, where Python floats are of the default float.
    device
        The CPU.
    requires_grad
        Record operations on it.
    pin_memory
        Has no effect.

    Returns
    -------
    Tensor

    Raises
    ------
    TypeError, ValueError
        If the data is no rectangular array of numbers.

    Examples
    --------
    >>> import pullback as pb
    >>> pb.tensor([[1, 2], [3, 4]])
    tensor([[1, 2],
            [3, 4]])
    """
    check_device(device)
    return leaf(_data(data, dtype), requires_grad)


@function(method=False)
def from_numpy(array: np.ndarray[Any, Any]) -> Tensor:
    """A tensor that shares memory with a NumPy array.

    Parameters
    ----------
    array
        A NumPy array.

    Returns
    -------
    Tensor

    Raises
    ------
    TypeError
        If it is no array, or of a dtype that tensors do not have.

    Examples
    --------
    >>> import numpy as np
    >>> import pullback as pb
    >>> pb.from_numpy(np.zeros(2))
    tensor([0., 0.], dtype=pullback.float64)
    """
    if not isinstance(array, np.ndarray):
        raise TypeError(f"expected np.ndarray (got {type(array).__name__})")
    numpy_dtype(array.dtype)
    return leaf(array, False)


def _ragged(data: Any) -> str:
    """Where nested lists are not of the same length."""
    axis, level = 0, [data]
    while level and all(isinstance(part, (list, tuple)) for part in level):
        for part in level:
            if len(part) != len(level[0]):
                return f"expected sequence of length {len(level[0])} at dim {axis} (got {len(part)})"
        axis, level = axis + 1, [inner for part in level for inner in part]
    return ""


def _first(data: Any) -> str:
    """The name of the class of the first element."""
    while isinstance(data, (list, tuple)):
        data = data[0]
    return type(data).__name__


def shape_of(size: tuple[Any, ...]) -> tuple[int, ...]:
    """A shape given as numbers or as one sequence.

    Raises
    ------
    TypeError, RuntimeError
        If a length is no integer, or negative.
    """
    if len(size) == 1 and isinstance(size[0], (tuple, list)):
        size = tuple(size[0])
    lengths = []
    for n in size:
        if isinstance(n, bool) or not hasattr(n, "__index__"):
            raise TypeError(f"a shape must be a sequence of ints, but found {type(n).__name__}")
        lengths.append(int(n))
        if lengths[-1] < 0:
            raise RuntimeError(f"Trying to create tensor with negative dimension {n}: {list(size)}")
    return tuple(lengths)


def filled(shape: tuple[int, ...], value: Any, dtype: Any, requires_grad: bool, device: Any = None) -> Tensor:
    """A tensor of one value, of the default float unless told."""
    check_device(device)
    kind = promotion.DEFAULT["float"] if dtype is None else numpy_dtype(dtype)
    return leaf(np.zeros(shape, kind) if value == 0 else np.full(shape, value, kind), requires_grad)


@function(method=False)
def zeros(
    *size: Any,
    dtype: Any = None,
    device: Any = None,
    requires_grad: bool = False,
    out: Any = None,
    layout: Any = None,
) -> Tensor:
    """A tensor of zeros.

    Parameters
    ----------
    size
        The shape: numbers, or one sequence.
    dtype
        The dtype; the default float without.
    device, layout
        The CPU, strided.
    requires_grad
        Record operations on it.
    out
        A tensor to write to.

    Returns
    -------
    Tensor

    Raises
    ------
    RuntimeError
        For a negative length.

    Examples
    --------
    >>> import pullback as pb
    >>> pb.zeros(2)
    tensor([0., 0.])
    """
    return filled(shape_of(size), 0, dtype, requires_grad, device)


@function(method=False)
def ones(
    *size: Any,
    dtype: Any = None,
    device: Any = None,
    requires_grad: bool = False,
    out: Any = None,
    layout: Any = None,
) -> Tensor:
    """A tensor of ones.

    Parameters
    ----------
    size
        The shape: numbers, or one sequence.
    dtype
        The dtype; the default float without.
    device, layout
        The CPU, strided.
    requires_grad
        Record operations on it.
    out
        A tensor to write to.

    Returns
    -------
    Tensor

    Raises
    ------
    RuntimeError
        For a negative length.

    Examples
    --------
    >>> import pullback as pb
    >>> pb.ones(2, dtype=pb.int64)
    tensor([1, 1])
    """
    return filled(shape_of(size), 1, dtype, requires_grad, device)


__all__ = ["as_tensor", "filled", "from_numpy", "leaf", "ones", "shape_of", "tensor", "zeros"]
