"""Products and exponential sums along axes, sums that leave out NaN."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...ops.pointwise import quiet
from ...ops.promotion import as_float
from ...tape.node import Node
from ...tape.quiet import quietly
from ...tape.record import array_of, like, record
from ..pointwise.pointwise import into
from ..table import function, put
from ..tensor import Tensor, axes_of, axis_of, tensor_of
from .reductions import in_dtype, restored, title


def other_factors(x: Any, axis: int) -> Any:
    """For each element, the product of all others along an axis: right where elements are zero."""
    ones = np.ones_like(_cut(x, axis, 0, 1))
    before = np.cumprod(np.concatenate((ones, _cut(x, axis, 0, -1)), axis), axis)
    flipped = np.flip(x, axis)
    after = np.cumprod(np.concatenate((ones, _cut(flipped, axis, 0, -1)), axis), axis)
    return before * np.flip(after, axis)


def _cut(x: Any, axis: int, start: int, stop: int) -> Any:
    return x[(slice(None),) * axis + (slice(start, stop),)]


def has_zero(x: Any) -> bool:
    """Whether an element is zero."""
    return not np.all(array_of(x))


class ProdBackward0(Node):
    """The product of all elements."""

    __slots__ = ()
    saves_results = 1

    def backward(self, g: Any, x: Any, y: Any) -> Any:
        usual = not has_zero(x)
        slope = y / x if usual else np.reshape(other_factors(np.reshape(x, (-1,)), 0), x.shape)
        return (g * (np.conj(slope) if g.dtype.kind == "c" else slope),)


class ProdBackward1(Node):
    """Products along an axis; `static` is the axis and whether it is kept."""

    __slots__ = ()
    saves_results = 1

    def backward(self, g: Any, x: Any, y: Any) -> Any:
        axis, keepdim = self.static
        if len(x.shape) == 0:
            return (g,)
        if not keepdim:
            g, y = np.expand_dims(g, axis), np.expand_dims(y, axis)
        slope = other_factors(x, axis) if has_zero(x) else y / x
        return (g * (np.conj(slope) if g.dtype.kind == "c" else slope),)


_multiplied = quiet(lambda a, axis, kind, keepdim: np.prod(a, axis=axis, dtype=kind, keepdims=keepdim))


@function()
def prod(
    input: Any, dim: int | None = None, keepdim: bool = False, *, dtype: Any = None, out: Any = None
) -> Tensor:
    """The product of the elements, of all or along an axis; integers multiply in int64.

    The derivative is right where elements are zero.

    Parameters
    ----------
    input
        A tensor.
    dim
        An axis, or None for all elements.
    keepdim
        Keep the axis with length 1.
    dtype
        The dtype to compute in.
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
    >>> pb.prod(pb.tensor([[1.0, 2.0], [3.0, 4.0]]), dim=1)
    tensor([ 2., 12.])
    """
    x = in_dtype(input, dtype)
    a = x._a
    kind = np.dtype(np.int64) if dtype is None and a.dtype.kind in "biu" else a.dtype
    if dim is None:
        return into(out, record(ProdBackward0, _multiplied(a, None, kind, False), (x,), (x,)))
    if not hasattr(dim, "__index__"):
        raise TypeError(
            "prod() received an invalid combination of arguments: dim must be an int, not "
            f"{type(dim).__name__}"
        )
    axis = axis_of(int(dim), a.ndim)
    result = _multiplied(a, axis if a.ndim else None, kind, keepdim)
    return into(out, record(ProdBackward1, result, (x,), (x,), (axis, keepdim)))


class LogsumexpBackward0(Node):
    """Logarithms of sums of exponentials; `static` is what `restored` needs."""

    __slots__ = ()
    saves_results = 1

    def backward(self, g: Any, x: Any, y: Any) -> Any:
        weights = np.exp(x - restored(y, *self.static))
        return (restored(g, *self.static) * (np.conj(weights) if g.dtype.kind == "c" else weights),)


def _log_sum_exp(a: Any, axes: Any, keepdim: Any) -> Any:
    if a.size == 0:
        return np.log(np.sum(np.exp(a), axis=axes, keepdims=keepdim))
    top = np.max(a.real, axis=axes, keepdims=True)
    top = np.where(np.isfinite(top), top, 0).astype(a.real.dtype)
    result = np.log(np.sum(np.exp(a - top), axis=axes, keepdims=True)) + top
    return result if keepdim else np.squeeze(result, axes)


_log_sum_exp = quiet(_log_sum_exp)


@function()
def logsumexp(input: Any, dim: Any, keepdim: bool = False, *, out: Any = None) -> Tensor:
    """`log(sum(exp(input)))` along axes, without overflow.

    Parameters
    ----------
    input
        A tensor.
    dim
        An axis or several.
    keepdim
        Keep the axes with length 1.
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
    >>> pb.logsumexp(pb.tensor([0.0, 0.0]), dim=0)
    tensor(0.6931)
    """
    x = tensor_of(input)
    a = as_float(x._a)
    axes = axes_of(dim, a.ndim)
    if axes is None or a.ndim == 0:
        axes = tuple(range(a.ndim))
    return into(
        out, record(LogsumexpBackward0, _log_sum_exp(a, axes, keepdim), (x,), (x,), (a.shape, axes, keepdim))
    )


class NansumBackward0(Node):
    """A sum that leaves out NaN; `static` is what `restored` needs."""

    __slots__ = ()

    def backward(self, g: Any, x: Any) -> Any:
        known = ~np.isnan(array_of(x))
        return (restored(g, *self.static) * like(known, x),)


@function()
@quietly
def nansum(
    input: Any, dim: Any = None, keepdim: bool = False, *, dtype: Any = None, out: Any = None
) -> Tensor:
    """The sum of the elements that are not NaN, of all or along axes.

    Parameters
    ----------
    input
        A tensor.
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
    IndexError
        If there is no such axis.

    Examples
    --------
    >>> import pullback as pb
    >>> pb.nansum(pb.tensor([1.0, float("nan"), 2.0]))
    tensor(3.)
    """
    x = in_dtype(input, dtype)
    a = x._a
    if a.dtype.kind == "c":
        raise RuntimeError("nansum on CPU does not support complex inputs")
    axes: Any = axes_of(dim, a.ndim) if a.ndim else None
    keep: Any = keepdim
    kind = np.dtype(np.int64) if dtype is None and a.dtype.kind in "biu" else a.dtype
    result = np.nansum(a, axis=axes, dtype=kind, keepdims=keep)
    return into(out, record(NansumBackward0, result, (x,), (x,), (a.shape, axes, keepdim)))


@function()
@quietly
def nanmean(
    input: Any, dim: Any = None, keepdim: bool = False, *, dtype: Any = None, out: Any = None
) -> Tensor:
    """The mean of the elements that are not NaN, of all or along axes.

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
        If there is no such axis, or the tensor holds integers.

    Examples
    --------
    >>> import pullback as pb
    >>> pb.nanmean(pb.tensor([1.0, float("nan"), 2.0]))
    tensor(1.5000)
    """
    given = tensor_of(input)._a.dtype
    if given.kind not in "fc":
        raise RuntimeError(
            f"nanmean(): expected input to have floating point or complex dtype but got {title(given)}"
        )
    x = in_dtype(input, dtype)
    a = x._a
    axes: Any = axes_of(dim, a.ndim) if a.ndim else None
    keep: Any = keepdim
    count = np.sum(~np.isnan(a), axis=axes, keepdims=keep)
    return into(out, nansum(x, dim, keepdim) / np.asarray(count).astype(a.dtype))


@function()
def count_nonzero(input: Any, dim: Any = None) -> Tensor:
    """How many elements are not zero, of all or along axes.

    Parameters
    ----------
    input
        A tensor.
    dim
        An axis, several, or None for all.

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
    >>> pb.count_nonzero(pb.tensor([[0, 1], [2, 3]]), dim=0)
    tensor([1, 2])
    """
    a = tensor_of(input)._a
    axes = axes_of(dim, a.ndim) if a.ndim else None
    return Tensor._constant(np.asarray(np.count_nonzero(a, axis=axes), np.int64))


put("special_logsumexp", logsumexp, method=False)

__all__ = ["count_nonzero", "logsumexp", "nanmean", "nansum", "prod"]
