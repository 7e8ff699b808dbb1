"""Medians, modes, quantiles and histograms."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...tape.node import wrap
from ...tape.record import record
from ..arguments import one_axis
from ..indexing.picking import pick
from ..pointwise.pointwise import into
from ..table import function
from ..tensor import Tensor, axis_of, tensor_of
from .extrema import AmaxBackward0, MaxBackward0, chosen, nonempty, write_pair
from .reductions import ordered


class MedianBackward0(AmaxBackward0):
    """The median of all elements."""

    __slots__ = ()


class NanmedianBackward0(AmaxBackward0):
    """The median of all elements that are not NaN."""

    __slots__ = ()


class MedianBackward1(MaxBackward0):
    """Medians along an axis."""

    __slots__ = ()


class NanmedianBackward1(MaxBackward0):
    """Medians along an axis of what is not NaN."""

    __slots__ = ()


class ModeBackward0(MaxBackward0):
    """The most frequent elements along an axis."""

    __slots__ = ()


def _median_index(a: Any, axis: int, ignore: bool) -> Any:
    """Where the (lower) median is along an axis, which is kept."""
    order = np.argsort(a, axis=axis, kind="stable")
    n = a.shape[axis]
    if a.dtype.kind != "f":
        return np.take(order, [(n - 1) // 2], axis=axis)
    count = np.sum(~np.isnan(a), axis=axis, keepdims=True)
    middle = np.maximum(count - 1, 0) // 2 if ignore else np.where(count < n, count, (n - 1) // 2)
    return np.take_along_axis(order, middle, axis)


def _median(name: str, nodes: tuple[Any, Any], input: Any, dim: Any, keepdim: bool, out: Any) -> Any:
    x = tensor_of(input)
    a = x._a
    ignore = name == "nanmedian"
    if dim is None:
        if a.size == 0:
            if a.dtype.kind != "f":
                raise RuntimeError(f"{name}(): the median of no integers")
            return into(out, wrap(Tensor, np.asarray(np.nan, a.dtype)))
        flat = a.reshape(-1)
        result = flat[_median_index(flat, 0, ignore)[0]]
        return into(out, record(nodes[0], np.asarray(result), (x,), (x,), (a.shape, None, False)))
    axis = one_axis(name, dim, a.ndim)
    ordered("median_out", a, bools=False)
    nonempty(a, "median", axis)
    index = _median_index(a, axis, ignore) if a.ndim else 0
    return write_pair(out, chosen(name, nodes[1], x, index, axis, keepdim))


@function()
def median(input: Any, dim: int | None = None, keepdim: bool = False, *, out: Any = None) -> Any:
    """The median: of all, or along an axis with its index; the lower one of two. NaN if there is one.

    Parameters
    ----------
    input
        A tensor.
    dim
        An axis, or None for all elements.
    keepdim
        Keep the axis with length 1.
    out
        A tensor, or a pair of them, to write the results to.

    Returns
    -------
    Tensor or named tuple (values, indices)

    Raises
    ------
    IndexError
        If there is no such axis, or no element along it.

    Examples
    --------
    >>> import pullback as pb
    >>> pb.median(pb.tensor([3.0, 1.0, 2.0, 4.0]))
    tensor(2.)
    """
    return _median("median", (MedianBackward0, MedianBackward1), input, dim, keepdim, out)


@function()
def nanmedian(input: Any, dim: int | None = None, keepdim: bool = False, *, out: Any = None) -> Any:
    """The median of what is not NaN: of all, or along an axis with its index; the lower one of two.

    Parameters
    ----------
    input
        A tensor.
    dim
        An axis, or None for all elements.
    keepdim
        Keep the axis with length 1.
    out
        A tensor, or a pair of them, to write the results to.

    Returns
    -------
    Tensor or named tuple (values, indices)

    Raises
    ------
    IndexError
        If there is no such axis, or no element along it.

    Examples
    --------
    >>> import pullback as pb
    >>> pb.nanmedian(pb.tensor([3.0, 1.0, float("nan")]))
    tensor(1.)
    """
    return _median("nanmedian", (NanmedianBackward0, NanmedianBackward1), input, dim, keepdim, out)


@function()
def mode(input: Any, dim: int = -1, keepdim: bool = False, *, out: Any = None) -> Any:
    """The most frequent element along an axis, the smallest of several, and where it is last.

    Parameters
    ----------
    input
        A tensor.
    dim
        An axis.
    keepdim
        Keep the axis with length 1.
    out
        A pair of tensors to write the results to.

    Returns
    -------
    named tuple (values, indices)

    Raises
    ------
    IndexError
        If there is no such axis, or no element along it.

    Examples
    --------
    >>> import pullback as pb
    >>> pb.mode(pb.tensor([2, 1, 2, 3])).values
    tensor(2)
    """
    x = tensor_of(input)
    a = x._a
    axis = one_axis("mode", dim, a.ndim)
    ordered("mode_cpu", a)
    nonempty(a, "mode", axis)
    index = _last_along(a, axis) if a.ndim else np.asarray(0)
    index = np.expand_dims(index, axis) if a.ndim else index
    return write_pair(out, chosen("mode", ModeBackward0, x, index, axis, keepdim))


def _last_along(a: Any, axis: int) -> Any:
    """`_last_of_most` of each lane along an axis; there may be none."""
    lanes = a.shape[:axis] + a.shape[axis + 1 :]
    return np.apply_along_axis(_last_of_most, axis, a) if a.size else np.zeros(lanes, np.int64)


def _last_of_most(row: Any) -> int:
    values, counts = np.unique(row, return_counts=True)
    return int(np.flatnonzero(row == values[np.argmax(counts)])[-1])


_INTERPOLATIONS = "linear", "lower", "higher", "midpoint", "nearest"


@function()
def quantile(
    input: Any,
    q: Any,
    dim: int | None = None,
    keepdim: bool = False,
    *,
    interpolation: str = "linear",
    out: Any = None,
) -> Tensor:
    """Quantiles of all elements or along an axis; NaN if there is one.

    Parameters
    ----------
    input
        A tensor.
    q
        A number in [0, 1], or a vector of them, which the first axis of the result is for.
    dim
        An axis, or None for all elements.
    keepdim
        Keep the axis with length 1.
    interpolation
        Between two elements: linear, lower, higher, midpoint or nearest.
    out
        A tensor to write the result to.

    Returns
    -------
    Tensor

    Raises
    ------
    RuntimeError
        If `q` is not in [0, 1], there is no element, or they are no floats.

    Examples
    --------
    >>> import pullback as pb
    >>> pb.quantile(pb.tensor([0.0, 1.0, 2.0, 3.0]), 0.5)
    tensor(1.5000)
    """
    return _quantile("quantile", input, q, dim, keepdim, interpolation, out)


@function()
def nanquantile(
    input: Any,
    q: Any,
    dim: int | None = None,
    keepdim: bool = False,
    *,
    interpolation: str = "linear",
    out: Any = None,
) -> Tensor:
    """Quantiles of what is not NaN, of all elements or along an axis.

    Parameters
    ----------
    input
        A tensor.
    q
        A number in [0, 1], or a vector of them, which the first axis of the result is for.
    dim
        An axis, or None for all elements.
    keepdim
        Keep the axis with length 1.
    interpolation
        Between two elements: linear, lower, higher, midpoint or nearest.
    out
        A tensor to write the result to.

    Returns
    -------
    Tensor

    Raises
    ------
    RuntimeError
        If `q` is not in [0, 1], there is no element, or they are no floats.

    Examples
    --------
    >>> import pullback as pb
    >>> pb.nanquantile(pb.tensor([0.0, float("nan"), 2.0]), 0.5)
    tensor(1.)
    """
    return _quantile("nanquantile", input, q, dim, keepdim, interpolation, out)


def _checked_q(name: str, x: Tensor, q: Any, interpolation: str) -> Any:
    if x._a.dtype.kind != "f" or x._a.dtype.itemsize < 4:
        raise RuntimeError(f"{name}() input tensor must be either float or double dtype")
    if x._a.size == 0:
        raise RuntimeError(f"{name}() input tensor must be non-empty")
    if interpolation not in _INTERPOLATIONS:
        raise RuntimeError(
            f"{name}() interpolation must be one of linear, lower, higher, midpoint or nearest, but got "
            f"{interpolation}"
        )
    numbers = np.asarray(q._a if isinstance(q, Tensor) else q, x._a.dtype)
    if isinstance(q, Tensor) and q._a.dtype != x._a.dtype:
        raise RuntimeError(f"{name}() q tensor must be same dtype as the input tensor")
    if numbers.ndim > 1:
        raise RuntimeError(f"{name}() q must be a scalar or 1D tensor")
    if not np.all((numbers >= 0) & (numbers <= 1)):
        raise RuntimeError(
            f"{name}() q must be in the range [0, 1] but got {q if numbers.ndim == 0 else numbers}"
        )
    return numbers


def _ranks(a: Any, q: Any, ignore: bool, interpolation: str) -> tuple[Any, Any, Any]:
    """(rank below, rank above, weight of the one above) of each quantile along the last axis."""
    n = a.shape[-1]
    count = np.sum(~np.isnan(a), axis=-1, keepdims=True)
    rank = q * np.maximum((count if ignore else np.full_like(count, n)) - 1, 0).astype(q.dtype)
    if not ignore:  # the first NaN in the order is the quantile
        rank = np.where(count < n, count, rank)
    if interpolation == "nearest":
        rank = np.rint(rank)
    below = np.floor(rank)
    above = np.ceil(rank)
    if interpolation == "lower":
        above = below
    elif interpolation == "higher":
        below = above
    weight = np.full_like(rank, 0.5) if interpolation == "midpoint" else rank - below
    return below.astype(np.int64), above.astype(np.int64), weight.astype(a.dtype)


def _quantile(name: str, input: Any, q: Any, dim: Any, keepdim: bool, interpolation: str, out: Any) -> Tensor:
    x: Any = tensor_of(input)
    numbers = _checked_q(name, x, q, interpolation)
    rank = x._a.ndim
    axis = 0 if dim is None else axis_of(int(dim), rank)
    flat: Any = np.reshape(x, (-1,)) if dim is None or rank == 0 else np.moveaxis(x, axis, -1)
    a = flat._a
    order = np.argsort(a, axis=-1, kind="stable")
    below, above, weight = _ranks(a, np.atleast_1d(numbers), name == "nanquantile", interpolation)
    n = a.shape[-1]
    low: Any = pick(flat, np.take_along_axis(order, below, -1), a.ndim - 1, n, True)
    if not np.array_equal(below, above):
        high = pick(flat, np.take_along_axis(order, above, -1), a.ndim - 1, n, True)
        low = low.lerp(high, wrap(Tensor, weight))
    made = np.moveaxis(low, -1, 0)
    lead = numbers.shape
    if dim is None:
        shape = (1,) * rank if keepdim else ()
    else:
        shape = tuple(1 if k == axis else m for k, m in enumerate(x._a.shape) if keepdim or k != axis)
    return into(out, np.reshape(made, (*lead, *shape)))


@function()
def histc(input: Any, bins: int = 100, min: float = 0, max: float = 0, *, out: Any = None) -> Tensor:
    """How many elements lie in each of the bins of equal width between two numbers.

    Parameters
    ----------
    input
        A tensor.
    bins
        How many bins.
    min, max
        Their ends; those of the data if both are equal.
    out
        A tensor to write the result to.

    Returns
    -------
    Tensor

    Raises
    ------
    RuntimeError
        If there is no bin, or the ends are in the wrong order or infinite.

    Examples
    --------
    >>> import pullback as pb
    >>> pb.histc(pb.tensor([1.0, 2.0, 1.0]), bins=4, min=0, max=3)
    tensor([0., 2., 1., 0.])
    """
    a = tensor_of(input)._a
    if bins <= 0:
        raise RuntimeError(f"torch.histc(): bins must be > 0, but got {bins}")
    low, high = float(min), float(max)
    if low == high and a.size:
        low, high = float(a.min()), float(a.max())
    if low == high:
        low, high = low - 1, high + 1
    if not (np.isfinite(low) and np.isfinite(high)):
        raise RuntimeError(f"torch.histc(): range of [{low}, {high}] is not finite")
    if low > high:
        raise RuntimeError("torch.histc(): max must be larger than min")
    inside = a[(a >= low) & (a <= high)].astype(np.float64)
    index = np.minimum(((inside - low) * bins / (high - low)).astype(np.int64), bins - 1)
    return into(out, wrap(Tensor, np.bincount(index, minlength=bins).astype(a.dtype)))


@function()
def bincount(input: Any, weights: Any = None, minlength: int = 0) -> Tensor:
    """How often each number occurs in a vector of integers that are not negative.

    Parameters
    ----------
    input
        A tensor.
    weights
        What each occurrence counts; 1 without.
    minlength
        The least length of the result.

    Returns
    -------
    Tensor

    Raises
    ------
    RuntimeError
        If it is no such vector, or the weights do not fit.

    Examples
    --------
    >>> import pullback as pb
    >>> pb.bincount(pb.tensor([1, 1, 3]))
    tensor([0, 2, 0, 1])
    """
    a = tensor_of(input)._a
    if a.ndim != 1 or a.dtype.kind not in "iu" or (a.size and a.min() < 0):
        raise RuntimeError("bincount only supports 1-d non-negative integral inputs.")
    if minlength < 0:
        raise RuntimeError("minlength should be >= 0")
    if weights is None:
        return wrap(Tensor, np.bincount(a, minlength=minlength))
    w = tensor_of(weights)._a
    if w.shape != a.shape:
        raise RuntimeError("weights should be 1-d and have the same length as input")
    kind = w.dtype if w.dtype == np.float32 else np.dtype(np.float64)
    return wrap(Tensor, np.bincount(a, w, minlength).astype(kind))
