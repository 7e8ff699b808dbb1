"""Tensors of one value or of none, of the shape of another one or of one's own; tensors that share memory."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...ops import promotion
from ...tape.node import Recorded
from ..dtypes import check_device, numpy_dtype
from ..pointwise.pointwise import into
from ..table import function, put
from ..tensor import Tensor, tensor_of
from .creation import _data, leaf, shape_of
from .ranges import number


@function("as_tensor", method=False)
def shared_tensor(data: Any, dtype: Any = None, device: Any = None) -> Tensor:
    """The data as a tensor, sharing memory (and history) if it is a tensor or an array of this dtype.

    Parameters
    ----------
    data
        A number, nested lists, an array or a tensor.
    dtype
        The dtype; that of the data without.
    device
        The CPU.

    Returns
    -------
    Tensor

    Raises
    ------
    TypeError, ValueError
        If the data is no rectangular array of numbers.

    Examples
    --------
    >>> import numpy as np
    >>> import pullback as pb
    >>> a = np.zeros(2)
    >>> t = pb.as_tensor(a)
    >>> t[0] = 1.0
    >>> a.tolist()
    [1.0, 0.0]
    """
    check_device(device)
    if isinstance(data, Tensor):
        same = dtype is None or numpy_dtype(dtype) == data._a.dtype
        return data if same else data.to(dtype)
    if isinstance(data, np.ndarray):
        kind = numpy_dtype(data.dtype if dtype is None else dtype)
        return leaf(data.astype(kind, copy=False), False)
    return leaf(_data(data, dtype), False)


@function(method=False)
def asarray(
    obj: Any, *, dtype: Any = None, device: Any = None, copy: bool | None = None, requires_grad: bool = False
) -> Tensor:
    """The data as a tensor.

    Parameters
    ----------
    obj
        A number, nested lists, an array or a tensor.
    dtype
        The dtype; that of the data without.
    device
        The CPU.
    copy
        True copies; False shares memory or refuses; None shares where possible.
    requires_grad
        Whether the result requires a gradient; False detaches a tensor from its graph.

    Returns
    -------
    Tensor

    Raises
    ------
    TypeError, ValueError
        If the data is no rectangular array of numbers, or cannot share memory and must.

    Examples
    --------
    >>> import pullback as pb
    >>> pb.asarray([1.0, 2.0], requires_grad=True)
    tensor([1., 2.], requires_grad=True)
    """
    made = shared_tensor(obj, dtype, device)
    shares = isinstance(obj, (Recorded, np.ndarray)) and np.may_share_memory(
        made._a, obj._a if isinstance(obj, Recorded) else obj
    )
    if copy is False and not shares:
        raise ValueError("can't alias arbitrary sequence into a tensor. Use copy=None or copy=True")
    if copy and shares:
        made = made.clone()
    if not requires_grad:
        return made.detach() if made.requires_grad else made
    return made if made.requires_grad else made.requires_grad_(True)


@function(method=False)
def full(
    size: Any,
    fill_value: Any,
    *,
    out: Any = None,
    dtype: Any = None,
    layout: Any = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """A tensor of one value.

    Parameters
    ----------
    size
        The shape, a sequence.
    fill_value
        The value.
    out
        A tensor to write the result to.
    dtype
        The dtype; that of the value without.
    layout, device
        Strided, the CPU.
    requires_grad
        Record operations on it.

    Returns
    -------
    Tensor

    Raises
    ------
    TypeError, RuntimeError
        If the shape is no sequence of integers, or has a negative one.

    Examples
    --------
    >>> import pullback as pb
    >>> pb.full((2,), 3.5)
    tensor([3.5000, 3.5000])
    """
    check_device(device)
    if not isinstance(size, (tuple, list)):
        raise TypeError(
            f"full(): argument 'size' (position 1) must be tuple of ints, not {type(size).__name__}"
        )
    value = number(fill_value)
    kind = promotion.scalar_dtype(value) if dtype is None else numpy_dtype(dtype)
    made = leaf(np.full(shape_of((size,)), value, kind), requires_grad)
    return made if out is None else into(out, made)


@function(method=False)
def empty(
    *size: Any,
    out: Any = None,
    dtype: Any = None,
    layout: Any = None,
    device: Any = None,
    requires_grad: bool = False,
    pin_memory: bool = False,
    memory_format: Any = None,
) -> Tensor:
    """A tensor whose elements are whatever is in memory.

    Parameters
    ----------
    size
        The shape: numbers, or one sequence.
    out
        A tensor to give this shape.
    dtype
        The dtype; the default float without.
    layout, device, pin_memory, memory_format
        Strided, the CPU; have no effect.
    requires_grad
        Record operations on it.

    Returns
    -------
    Tensor

    Raises
    ------
    TypeError, RuntimeError
        If a length is no integer, or negative.

    Examples
    --------
    >>> import pullback as pb
    >>> pb.empty(2, 3).shape
    pullback.Size([2, 3])
    """
    check_device(device)
    kind = promotion.DEFAULT["float"] if dtype is None else numpy_dtype(dtype)
    made = leaf(np.empty(shape_of(size), kind), requires_grad)
    return made if out is None else into(out, made)


def alike(input: Any, dtype: Any, device: Any) -> np.ndarray[Any, Any]:
    """Uninitialised memory of the shape, and unless told the dtype, of a tensor."""
    check_device(device)
    x = tensor_of(input)
    return np.empty_like(x._a, dtype=None if dtype is None else numpy_dtype(dtype), subok=False)


def _declare_like(name: str, summary: str, value: Any, shown: str) -> None:
    def like_(
        input: Any,
        *,
        dtype: Any = None,
        layout: Any = None,
        device: Any = None,
        requires_grad: bool = False,
        memory_format: Any = None,
    ) -> Tensor:
        array = alike(input, dtype, device)
        if value is not None:
            array.fill(value)
        return leaf(array, requires_grad)

    like_.__name__ = like_.__qualname__ = name
    like_.__doc__ = f"""{summary} of the shape of another one.

    Parameters
    ----------
    input
        A tensor.
    dtype
        The dtype; that of `input` without.
    layout, device, memory_format
        Strided, the CPU; have no effect.
    requires_grad
        Record operations on it.

    Returns
    -------
    Tensor

    Examples
    --------
    >>> import pullback as pb
    >>> pb.{name}(pb.tensor([1, 2])){shown}
    """
    put(name, like_, method=False)


_declare_like("zeros_like", "A tensor of zeros", 0, "\n    tensor([0, 0])")
_declare_like("ones_like", "A tensor of ones", 1, "\n    tensor([1, 1])")
_declare_like("empty_like", "A tensor with whatever is in memory", None, ".shape\n    pullback.Size([2])")


@function(method=False)
def full_like(
    input: Any,
    fill_value: Any,
    *,
    dtype: Any = None,
    layout: Any = None,
    device: Any = None,
    requires_grad: bool = False,
    memory_format: Any = None,
) -> Tensor:
    """A tensor of one value, of the shape of another one.

    Parameters
    ----------
    input
        A tensor.
    fill_value
        The value.
    dtype
        The dtype; that of `input` without.
    layout, device, memory_format
        Strided, the CPU; have no effect.
    requires_grad
        Record operations on it.

    Returns
    -------
    Tensor

    Examples
    --------
    >>> import pullback as pb
    >>> pb.full_like(pb.zeros(2), 3)
    tensor([3., 3.])
    """
    array = alike(input, dtype, device)
    array.fill(number(fill_value))
    return leaf(array, requires_grad)


@function("new_tensor", root=False)
def new_tensor(
    self: Tensor, data: Any, *, dtype: Any = None, device: Any = None, requires_grad: bool = False
) -> Tensor:
    """A tensor with a copy of the data, of this tensor's dtype unless told.

    Parameters
    ----------
    self
        A tensor.
    data
        A number, nested lists, an array or a tensor.
    dtype, device
        The dtype; the CPU.
    requires_grad
        Record operations on it.

    Returns
    -------
    Tensor
    """
    check_device(device)
    return leaf(_data(data, self.dtype if dtype is None else dtype), requires_grad)


@function("new_full", root=False)
def new_full(
    self: Tensor,
    size: Any,
    fill_value: Any,
    *,
    dtype: Any = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """A tensor of one value, of this tensor's dtype unless told.

    Parameters
    ----------
    self
        A tensor.
    size
        The shape, a sequence.
    fill_value
        The value.
    dtype, device
        The dtype; the CPU.
    requires_grad
        Record operations on it.

    Returns
    -------
    Tensor
    """
    return full(size, fill_value, dtype=dtype or self.dtype, device=device, requires_grad=requires_grad)


def _declare_new(name: str, what: str, value: Any) -> None:
    def new(
        self: Tensor, *size: Any, dtype: Any = None, device: Any = None, requires_grad: bool = False
    ) -> Tensor:
        check_device(device)
        array = np.empty(shape_of(size), self._a.dtype if dtype is None else numpy_dtype(dtype))
        if value is not None:
            array.fill(value)
        return leaf(array, requires_grad)

    new.__name__ = new.__qualname__ = name
    new.__doc__ = f"""A tensor of {what}, of this tensor's dtype unless told.

    Parameters
    ----------
    size
        The shape: numbers, or one sequence.
    dtype, device
        The dtype; the CPU.
    requires_grad
        Record operations on it.

    Returns
    -------
    Tensor
    """
    put(name, new, root=False)


_declare_new("new_zeros", "zeros", 0)
_declare_new("new_ones", "ones", 1)
_declare_new("new_empty", "whatever is in memory", None)


@function(method=False)
def scalar_tensor(s: Any, *, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """A number as a tensor without axes, of the default float unless told.

    Parameters
    ----------
    s
        The number.
    dtype, device
        The dtype; the CPU.
    requires_grad
        Record operations on it.

    Returns
    -------
    Tensor

    Examples
    --------
    >>> import pullback as pb
    >>> pb.scalar_tensor(2)
    tensor(2.)
    """
    check_device(device)
    kind = promotion.DEFAULT["float"] if dtype is None else numpy_dtype(dtype)
    return leaf(np.asarray(number(s), kind), requires_grad)


__all__ = ["alike", "full", "shared_tensor"]
