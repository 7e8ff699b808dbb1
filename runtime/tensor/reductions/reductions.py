"""Sums, means, extrema and their kin, over all elements or along axes."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ...tape.node import Node
from ...tape.quiet import IGNORING, between, end, quiet, start
from ...tape.record import record
from ..dtypes import numpy_dtype
from ..pointwise.pointwise import into
from ..shape.broadcasting import stretched
from ..table import function
from ..tensor import Tensor, axes_of, tensor_of


def spread(g: Any, shape: tuple[int, ...]) -> Any:
    """A cotangent, an array or a recorded value, broadcast to a shape."""
    return stretched(g, shape) if type(g) is np.ndarray else np.broadcast_to(g, shape)


def restored(g: Any, shape: tuple[int, ...], axes: tuple[int, ...] | None, keepdim: bool) -> Any:
    """A cotangent of a reduction, broadcast to the shape that was reduced."""
    if axes is not None and not keepdim:
        g = np.reshape(g, [1 if k in axes else n for k, n in enumerate(shape)])
    return spread(g, shape)


class SumBackward0(Node):
    """The sum of all elements; `static` is the shape."""

    __slots__ = ()

    def backward(self, g: Any) -> Any:
        return (spread(g, self.static),)


class SumBackward1(Node):
    """A sum along axes; `static` is the shape, the axes and whether they are kept."""

    __slots__ = ()

    def backward(self, g: Any) -> Any:
        return (restored(g, *self.static),)


_sum: Any = np.add.reduce
_add, _total = quiet(_sum), between(_sum)
_INT64 = np.dtype(np.int64)


@function()
def sum(input: Any, dim: Any = None, keepdim: bool = False, *, dtype: Any = None, out: Any = None) -> Tensor:
    """The sum of the elements, of all or along axes; integers add up in int64.

    Parameters
    ----------
    input
        A tensor.
    dim
        An axis, several, or None for all.
    keepdim
        Keep summed axes with length 1.
    dtype
        The dtype to add in.
    out
        A tensor to write the result to.

    Returns
    -------
    Tensor

    Raises
    ------
    IndexError
        If there is no such axis.

    Examples
    --------
    >>> import pullback as pb
    >>> x = pb.tensor([[1.0, 2.0], [3.0, 4.0]])
    >>> x.sum()
    tensor(10.)
    >>> x.sum(dim=1)
    tensor([3., 7.])
    """
    x = tensor_of(input)
    a = x._a
    if dtype is not None:
        kind = numpy_dtype(dtype)
        if kind != a.dtype:
            x = x.to(dtype)
            a = x._a
    elif a.dtype.kind in "biu":
        kind = _INT64
    else:
        kind = a.dtype
    if dim is None and not keepdim:
        token = start(IGNORING)
        try:
            result = _total(a, None, kind, np.empty((), kind))
        finally:
            end(token)
        made: Tensor = record(SumBackward0, result, (x,), None, a.shape)
    else:
        axes = axes_of(dim, a.ndim)
        result = _add(a, axes if a.ndim else None, kind, None, keepdim)
        if axes is None and not keepdim:
            made = record(SumBackward0, result, (x,), None, a.shape)
        else:
            made = record(SumBackward1, result, (x,), None, (a.shape, axes, keepdim))
    return made if out is None else into(out, made)


class MeanBackward0(Node):
    """The mean of all elements; `static` is the shape and how many they are."""

    __slots__ = ()

    def backward(self, g: Any) -> Any:
        shape, count = self.static
        return (spread(_share(g, count), shape),)


class MeanBackward1(Node):
    """A mean along axes; `static` is what `restored` needs, and how many elements a mean has."""

    __slots__ = ()

    def backward(self, g: Any) -> Any:
        shape, axes, keepdim, count = self.static
        return (restored(_share(g, count), shape, axes, keepdim),)


def _share(g: Any, count: int) -> Any:
    return g / count if count else g * np.nan


def counted(shape: tuple[int, ...], axes: tuple[int, ...] | None) -> int:
    """How many elements a reduction along these axes takes together."""
    return math.prod(shape if axes is None else [shape[k] for k in axes if shape])


@quiet
def _mean(a: Any, axes: Any, keepdim: bool, count: int) -> Any:
    return _sum(a, axes, None, None, keepdim) / a.dtype.type(count)


@quiet
def _mean_of_halves(a: Any, axes: Any, keepdim: Any, count: int) -> Any:
    return np.mean(a, axis=axes, keepdims=keepdim)


@function()
def mean(input: Any, dim: Any = None, keepdim: bool = False, *, dtype: Any = None, out: Any = None) -> Tensor:
    """The mean of the elements, of all or along axes; NaN if there are none.

    Parameters
    ----------
    input
        A tensor of floats or complex numbers.
    dim
        An axis, several, or None for all.
    keepdim
        Keep the axes with length 1.
    dtype
        The dtype to compute in.
    out
        A tensor to write the result to.

    Returns
    -------
    Tensor

    Raises
    ------
    IndexError, RuntimeError
        If there is no such axis, or the tensor holds integers and no dtype is given.

    Examples
    --------
    >>> import pullback as pb
    >>> x = pb.tensor([[1.0, 2.0], [3.0, 6.0]])
    >>> x.mean()
    tensor(3.)
    >>> x.mean(dim=0)
    tensor([2., 4.])
    """
    x = in_dtype(input, dtype)
    a = x._a
    if a.dtype.kind not in "fc":
        raise RuntimeError(
            "mean(): could not infer output dtype. Input dtype must be either a floating point or complex "
            f"dtype. Got: {title(a.dtype)}"
        )
    axes = None if dim is None else axes_of(dim, a.ndim)
    count = a.size if axes is None else counted(a.shape, axes)
    result = average(a, axes, keepdim, count)
    if axes is None and not keepdim:
        made: Tensor = record(MeanBackward0, result, (x,), None, (a.shape, count))
    else:
        made = record(MeanBackward1, result, (x,), None, (a.shape, axes, keepdim, count))
    return made if out is None else into(out, made)


def average(a: Any, axes: tuple[int, ...] | None, keepdim: bool, count: int) -> Any:
    """The mean of an array, `count` elements each; of nothing, NaN without a warning."""
    if not a.ndim:
        axes = None
    if not count:
        return _add(a, axes, None, None, keepdim) * a.dtype.type(np.nan)
    return (_mean if a.dtype.itemsize > 2 else _mean_of_halves)(a, axes, keepdim, count)


def in_dtype(input: Any, dtype: Any) -> Tensor:
    """A tensor in the dtype that an argument `dtype=` asks for."""
    x = tensor_of(input)
    if dtype is not None and numpy_dtype(dtype) != x._a.dtype:
        x = x.to(dtype)
    return x


def ordered(name: str, a: Any, bools: bool = True) -> None:
    """Refuse complex numbers, and bools unless `bools`.

    Raises
    ------
    NotImplementedError
        For them.
    """
    if a.dtype.kind == "c" or (a.dtype.kind == "b" and not bools):
        raise NotImplementedError(f'"{name}" not implemented for {title(a.dtype)!r}')


def title(dtype: Any) -> str:
    """How messages call a dtype: `Long`, `Float`."""
    return _TITLES.get(np.dtype(dtype).name, str(dtype))


_TITLES = {
    "float32": "Float", "float64": "Double", "float16": "Half", "int64": "Long", "int32": "Int",
    "int16": "Short", "int8": "Char", "uint8": "Byte", "bool": "Bool", "complex64": "ComplexFloat",
    "complex128": "ComplexDouble",
}  # fmt: skip

__all__ = ["average", "counted", "in_dtype", "mean", "ordered", "restored", "sum", "title"]
