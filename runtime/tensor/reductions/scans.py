"""Running sums, products, extrema along an axis; differences and integrals."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...ops import logarithms
from ...ops.pointwise import quiet
from ...tape.node import Node, wrap
from ...tape.quiet import quietly
from ...tape.record import array_of, like, record, record_many
from ..arguments import one_axis
from ..indexing.picking import place
from ..linalg.linear import conj
from ..pointwise.pointwise import into
from ..return_types import VALUES_AND_INDICES
from ..table import function
from ..tensor import Tensor, axis_of, tensor_of
from .extrema import write_pair
from .products import has_zero
from .reductions import in_dtype, ordered, title


def _backwards(x: Any, axis: int) -> Any:
    """Running sums from the end."""
    return np.flip(np.cumsum(np.flip(x, axis), axis), axis)


class CumsumBackward0(Node):
    """Running sums; `static` is the axis."""

    __slots__ = ()

    def backward(self, g: Any) -> Any:
        return (g if len(g.shape) == 0 else _backwards(g, self.static),)


class CumprodBackward0(Node):
    """Running products; `static` is the axis."""

    __slots__ = ()
    saves_results = 1

    def backward(self, g: Any, x: Any, y: Any) -> Any:
        axis = self.static
        if len(g.shape) == 0:
            return (g,)
        if has_zero(x):
            return (_with_zeros(g, x, axis),)
        if g.dtype.kind == "c":
            return (_backwards(g * np.conj(y), axis) / np.conj(x),)
        return (_backwards(g * y, axis) / x,)


def _with_zeros(g: Any, x: Any, axis: int) -> Any:
    """The cotangent of running products with zeros: for each element, the products without it."""
    n = x.shape[axis]
    x, g = np.moveaxis(x, axis, -1), np.moveaxis(g, axis, -1)
    rows = np.expand_dims(x, -2)
    without = np.where(like(np.eye(n, dtype=bool), x), 1.0, rows)
    slopes = np.cumprod(without, -1) * like(np.triu(np.ones((n, n), bool)), x)
    if g.dtype.kind == "c":
        slopes = np.conj(slopes)
    return np.moveaxis(np.sum(slopes * np.expand_dims(g, -2), axis=-1), -1, axis)


def in_order(a: Any, result: Any) -> Any:
    """A result in memory as PyTorch has it: element after element if the operand has gaps."""
    return result if a.flags.forc else np.ascontiguousarray(result)


def _running(compute: Any, a: Any, axis: int, kind: Any) -> Any:
    return a.astype(kind) if a.ndim == 0 else in_order(a, compute(a, axis=axis, dtype=kind))


_products = quiet(lambda a, axis, kind: _running(np.cumprod, a, axis, kind))
_sums = quiet(lambda a, axis, kind: _running(np.cumsum, a, axis, kind))


_NAMES = {"CumsumBackward0": "cumsum", "CumprodBackward0": "cumprod"}


def _scanned(node: type[Node], scan: Any, input: Any, dim: int, dtype: Any, out: Any, saves: bool) -> Tensor:
    x = in_dtype(input, dtype)
    a = x._a
    axis = one_axis(_NAMES[node.__name__], dim, a.ndim)
    kind = np.dtype(np.int64) if dtype is None and a.dtype.kind in "biu" else a.dtype
    return into(out, record(node, scan(a, axis, kind), (x,), (x,) if saves else None, axis))


@function(inplace=True)
def cumsum(input: Any, dim: int, *, dtype: Any = None, out: Any = None) -> Tensor:
    """Running sums along an axis; integers add up in int64.

    Parameters
    ----------
    input
        A tensor.
    dim
        An axis.
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
    >>> pb.cumsum(pb.tensor([1.0, 2.0, 3.0]), dim=0)
    tensor([1., 3., 6.])
    """
    return _scanned(CumsumBackward0, _sums, input, dim, dtype, out, False)


@function(inplace=True)
def cumprod(input: Any, dim: int, *, dtype: Any = None, out: Any = None) -> Tensor:
    """Running products along an axis; the derivative is right where elements are zero.

    Parameters
    ----------
    input
        A tensor.
    dim
        An axis.
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
    >>> pb.cumprod(pb.tensor([1.0, 2.0, 3.0]), dim=0)
    tensor([1., 2., 6.])
    """
    return _scanned(CumprodBackward0, _products, input, dim, dtype, out, True)


class CummaxBackward0(Node):
    """Running extrema; `static` is where they are, the axis and its length."""

    __slots__ = ()

    def backward(self, g: Any) -> Any:
        index, axis, length = self.static
        return (g[0] if index.ndim == 0 else place(g[0], index, axis, length, True),)


class CumminBackward0(CummaxBackward0):
    """Running minima."""

    __slots__ = ()


def _extrema(name: str, node: type[Node], best: Any, input: Any, dim: int, out: Any) -> Any:
    x = tensor_of(input)
    a = x._a
    axis = one_axis(name, dim, a.ndim)
    ordered(f"{name}_cpu", a)
    if a.ndim == 0:
        values, index = a.copy(), np.asarray(0)
    else:
        values = in_order(a, best.accumulate(a, axis=axis))
        here = np.arange(a.shape[axis]).reshape([-1 if k == axis else 1 for k in range(a.ndim)])
        known = np.isnan(values) & np.isnan(a) if a.dtype.kind == "f" else False
        index = np.maximum.accumulate(np.where((a == values) | known, here, 0), axis=axis)
    made = record_many(
        node, (values, index), (x,), None, (index, axis, a.shape[axis] if a.ndim else 1), results=1
    )
    return write_pair(out, VALUES_AND_INDICES[name](made[0], wrap(Tensor, index.copy())))


@function()
def cummax(input: Any, dim: int, *, out: Any = None) -> Any:
    """Running maxima along an axis, and where each was seen last.

    Parameters
    ----------
    input
        A tensor.
    dim
        An axis.
    out
        A pair of tensors to write the results to.

    Returns
    -------
    named tuple (values, indices)

    Raises
    ------
    IndexError
        If there is no such axis.

    Examples
    --------
    >>> import pullback as pb
    >>> pb.cummax(pb.tensor([1.0, 3.0, 2.0]), dim=0).values
    tensor([1., 3., 3.])
    """
    return _extrema("cummax", CummaxBackward0, np.maximum, input, dim, out)


@function()
def cummin(input: Any, dim: int, *, out: Any = None) -> Any:
    """Running minima along an axis, and where each was seen last.

    Parameters
    ----------
    input
        A tensor.
    dim
        An axis.
    out
        A pair of tensors to write the results to.

    Returns
    -------
    named tuple (values, indices)

    Raises
    ------
    IndexError
        If there is no such axis.

    Examples
    --------
    >>> import pullback as pb
    >>> pb.cummin(pb.tensor([3.0, 1.0, 2.0]), dim=0).values
    tensor([3., 1., 1.])
    """
    return _extrema("cummin", CumminBackward0, np.minimum, input, dim, out)


# Up to which range of logarithms exponentials are added without trouble in float32.
_RANGE = 60.0


class LogcumsumexpBackward0(Node):
    """Running logarithms of sums of exponentials; `static` is the axis."""

    __slots__ = ()
    saves_results = 1

    def backward(self, g: Any, x: Any, y: Any) -> Any:
        axis = self.static
        if len(g.shape) == 0:
            return (g,)
        known = array_of(y)
        if known.dtype.kind == "c":
            return (_by_pairs(g, x, y, axis),)
        finite = known[np.isfinite(known)]
        middle = float((finite.max() + finite.min()) / 2) if finite.size else 0.0
        if finite.size == known.size and float(np.ptp(finite)) < _RANGE:
            return (np.exp(x - middle) * _backwards(g * np.exp(middle - y), axis),)
        return (_by_pairs(g, x, y, axis),)


def _by_pairs(g: Any, x: Any, y: Any, axis: int) -> Any:
    """The cotangent by the weight of each element in each sum, which takes memory for all pairs."""
    n = x.shape[axis]
    x, y, g = (np.moveaxis(v, axis, -1) for v in (x, y, g))
    # The first sum is its element; also where it is -inf, of which no difference can be taken.
    later = like(np.triu(np.ones((n, n), bool)) & (np.arange(n) > 0), x)
    first = like((np.arange(n * n).reshape(n, n) == 0).astype(array_of(x).dtype), x)
    exponent = np.expand_dims(x, -1) - np.expand_dims(y, -2)
    weights = conj(np.where(later, np.exp(np.where(later, exponent, 0.0)), first))
    return np.moveaxis(np.sum(weights * np.expand_dims(g, -2), axis=-1), -1, axis)


@function()
def logcumsumexp(input: Any, dim: int, *, out: Any = None) -> Tensor:
    """`log(cumsum(exp(input)))` along an axis, without overflow.

    Parameters
    ----------
    input
        A tensor.
    dim
        An axis.
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
    >>> pb.logcumsumexp(pb.tensor([0.0, 0.0]), dim=0)
    tensor([0.0000, 0.6931])
    """
    x = tensor_of(input)
    a = x._a
    axis = one_axis("logcumsumexp", dim, a.ndim)
    if a.dtype.kind in "biu":
        raise NotImplementedError(f'"logcumsumexp_out_cpu" not implemented for {title(a.dtype)!r}')
    result = a.copy() if a.ndim == 0 else _accumulate(a, axis)
    return into(out, record(LogcumsumexpBackward0, result, (x,), (x,), axis))


_accumulate = quiet(lambda a, axis: in_order(a, logarithms.logcumsumexp(a, axis)))


@function()
def diff(
    input: Any, n: int = 1, dim: int = -1, prepend: Any = None, append: Any = None, *, out: Any = None
) -> Tensor:
    """Differences of neighbours along an axis, `n` times over.

    Parameters
    ----------
    input
        A tensor.
    n
        How often.
    dim
        An axis.
    prepend, append
        Tensors to put before and behind it first.
    out
        A tensor to write the result to.

    Returns
    -------
    Tensor

    Raises
    ------
    IndexError, RuntimeError
        If there is no such axis, or `n` is negative.

    Examples
    --------
    >>> import pullback as pb
    >>> pb.diff(pb.tensor([1, 3, 2]))
    tensor([ 2, -1])
    """
    x: Any = tensor_of(input)
    if x._a.ndim == 0:
        raise RuntimeError("diff expects input to be at least one-dimensional")
    if n < 0:
        raise RuntimeError(f"order must be non-negative but got {n}")
    axis = axis_of(dim, x._a.ndim)
    parts = [tensor_of(p) for p in (prepend, input, append) if p is not None]
    if len(parts) > 1:
        x = np.concatenate(parts, axis)
    lead = (slice(None),) * axis
    for _ in range(n):
        if x._a.shape[axis] == 0:
            break
        later, earlier = x[(*lead, slice(1, None))], x[(*lead, slice(None, -1))]
        x = later.logical_xor(earlier) if x._a.dtype.kind == "b" else later - earlier
    return into(out, x)


@function("trapezoid", "trapz", method=False)
@quietly
def trapezoid(y: Any, x: Any = None, *, dx: Any = None, dim: int = -1) -> Tensor:
    """The integral along an axis by the trapezoidal rule.

    Parameters
    ----------
    y
        A tensor of values.
    x
        Where they are; evenly spaced without.
    dx
        How far apart they are, if there is no `x`; 1 without.
    dim
        An axis.

    Returns
    -------
    Tensor

    Raises
    ------
    IndexError, RuntimeError
        If there is no such axis, or `x` does not fit.

    Examples
    --------
    >>> import pullback as pb
    >>> pb.trapezoid(pb.tensor([1.0, 1.0, 0.0]))
    tensor(1.5000)
    """
    values, widths = _trapezoids(tensor_of(y), x, dx, dim)
    return (values * widths).sum(dim)


@function(method=False)
def cumulative_trapezoid(y: Any, x: Any = None, *, dx: Any = None, dim: int = -1) -> Tensor:
    """The running integral along an axis by the trapezoidal rule.

    Parameters
    ----------
    y
        A tensor of values.
    x
        Where they are; evenly spaced without.
    dx
        How far apart they are, if there is no `x`; 1 without.
    dim
        An axis.

    Returns
    -------
    Tensor

    Raises
    ------
    IndexError, RuntimeError
        If there is no such axis, or `x` does not fit.

    Examples
    --------
    >>> import pullback as pb
    >>> pb.cumulative_trapezoid(pb.tensor([1.0, 1.0, 0.0]))
    tensor([1.0000, 1.5000])
    """
    values, widths = _trapezoids(tensor_of(y), x, dx, dim)
    return cumsum(values * widths, dim)


def _trapezoids(y: Any, x: Any, dx: Any, dim: int) -> tuple[Any, Any]:
    """The mean heights of the strips, and their widths."""
    axis = axis_of(dim, y._a.ndim)
    lead = (slice(None),) * axis
    heights = (y[(*lead, slice(1, None))] + y[(*lead, slice(None, -1))]) / 2
    if x is None:
        return heights, 1 if dx is None else dx
    if dx is not None:
        raise RuntimeError("trapezoid(): give x or dx, not both")
    where = tensor_of(x)
    if where._a.ndim == 1:
        if where._a.size != y._a.shape[axis]:
            raise RuntimeError("trapezoid(): There must be one `x` value for each sample point")
        steps: Any = diff(where)
        return heights, np.reshape(steps, (-1,) + (1,) * (y._a.ndim - 1 - axis))
    return heights, diff(where, dim=dim - y._a.ndim if dim >= 0 else dim)
