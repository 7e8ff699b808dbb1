"""Tensors of evenly spaced numbers, of ones on a diagonal, of indices and of combinations."""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np

from ...ops import promotion
from ...ops.pointwise import quiet
from ...tape.node import Recorded, wrap
from ..dtypes import check_device, numpy_dtype
from ..pointwise.pointwise import into
from ..table import function
from ..tensor import Tensor, tensor_of
from .creation import leaf


def number(value: Any) -> Any:
    """A Python number, of a tensor or array with one element."""
    if isinstance(value, Recorded):
        return value._a.item()
    return value.item() if isinstance(value, (np.ndarray, np.generic)) else value


def _kind_of(dtype: Any, *values: Any) -> np.dtype[Any]:
    """The dtype asked for, or that of a range between these numbers."""
    if dtype is not None:
        return numpy_dtype(dtype)
    if any(isinstance(v, complex) for v in values):
        return promotion.DEFAULT["complex"]
    return promotion.INT if all(isinstance(v, int) for v in values) else promotion.DEFAULT["float"]


@function(method=False)
def arange(
    *args: Any,
    start: Any = 0,
    end: Any = None,
    step: Any = 1,
    out: Any = None,
    dtype: Any = None,
    layout: Any = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """The numbers from `start` up to, but without, `end`: `arange(end)`, `arange(start, end, step)`.

    Parameters
    ----------
    args
        `end`; or `start`, `end` and perhaps `step`.
    start, end, step
        Where to start, where to stop, and how far one is from the next.
    out
        A tensor to write the result to.
    dtype
        The dtype: int64 without if all arguments are integers, else the default float.
    layout, device
        Strided, the CPU.
    requires_grad
        Record operations on it.

    Returns
    -------
    Tensor

    Raises
    ------
    RuntimeError
        If the step is 0 or leads away from the end.
    TypeError
        If there is no end.

    Examples
    --------
    >>> import pullback as pb
    >>> pb.arange(3)
    tensor([0, 1, 2])
    >>> pb.arange(1, 2.5, 0.5)
    tensor([1.0000, 1.5000, 2.0000])
    """
    check_device(device)
    if len(args) == 1:
        end = args[0] if end is None else end
        start = args[0] if end is not args[0] else start
    elif args:
        start, end, step = (*args, step) if len(args) == 2 else args
    if end is None:
        raise TypeError("arange(): where does it end? Give arange(end) or arange(start, end)")
    start, end, step = number(start), number(end), number(step)
    kind = _kind_of(dtype, start, end, step)
    if step == 0:
        raise RuntimeError("step must be nonzero")
    if (end - start) * step < 0:
        raise RuntimeError("upper bound and lower bound inconsistent with step sign")
    count = math.ceil((end - start) / step)
    wide = np.int64 if all(isinstance(v, int) for v in (start, step)) else np.float64
    made = leaf((wide(start) + wide(step) * np.arange(count)).astype(kind), requires_grad)
    return made if out is None else into(out, made)


def spaced(start: Any, end: Any, steps: int, kind: np.dtype[Any]) -> np.ndarray[Any, Any]:
    """Evenly spaced numbers, counted from the start up to the middle and from the end beyond it.

    PyTorch fuses the product with the sum, which rounds once: here it is done in a wider format. In the
    dtype itself many of the numbers would differ from PyTorch's in the last bit.
    """
    if steps < 2:
        return np.full(steps, start, kind)
    wide: Any = {"f4": np.float64, "f8": np.longdouble, "c8": np.complex128, "c16": np.clongdouble}.get(
        kind.str[1:], np.float64
    )
    first, last = (np.asarray(v, kind if kind.kind in "fc" else np.float64)[()] for v in (start, end))
    step = wide((last - first) / type(first)(steps - 1))
    k = np.arange(steps)
    forward, backward = wide(first) + step * k, wide(last) - step * (steps - 1 - k)
    return np.where(k < steps // 2, forward, backward).astype(kind)


def _steps(start: Any, end: Any, steps: int, dtype: Any) -> tuple[Any, Any, np.dtype[Any]]:
    start, end = number(start), number(end)
    if steps < 0:
        raise RuntimeError("number of steps must be non-negative")
    if dtype is not None:
        return start, end, numpy_dtype(dtype)
    given = any(isinstance(v, complex) for v in (start, end))
    return start, end, promotion.DEFAULT["complex" if given else "float"]


@function(method=False)
def linspace(
    start: Any,
    end: Any,
    steps: int,
    *,
    out: Any = None,
    dtype: Any = None,
    layout: Any = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """Evenly spaced numbers from `start` to `end`, both included.

    Parameters
    ----------
    start, end
        The first and the last number.
    steps
        How many.
    out
        A tensor to write the result to.
    dtype
        The dtype; the default float without.
    layout, device
        Strided, the CPU.
    requires_grad
        Record operations on it.

    Returns
    -------
    Tensor

    Raises
    ------
    RuntimeError
        If `steps` is negative.

    Examples
    --------
    >>> import pullback as pb
    >>> pb.linspace(0, 1, steps=5)
    tensor([0.0000, 0.2500, 0.5000, 0.7500, 1.0000])
    """
    check_device(device)
    start, end, kind = _steps(start, end, steps, dtype)
    made = leaf(spaced(start, end, steps, kind), requires_grad)
    return made if out is None else into(out, made)


_power = quiet(np.power)


@function(method=False)
def logspace(
    start: Any,
    end: Any,
    steps: int,
    base: float = 10.0,
    *,
    out: Any = None,
    dtype: Any = None,
    layout: Any = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """`base` to the powers of evenly spaced numbers from `start` to `end`, both included.

    Parameters
    ----------
    start, end
        The first and the last exponent.
    steps
        How many.
    base
        What to raise to them.
    out
        A tensor to write the result to.
    dtype
        The dtype; the default float without.
    layout, device
        Strided, the CPU.
    requires_grad
        Record operations on it.

    Returns
    -------
    Tensor

    Raises
    ------
    RuntimeError
        If `steps` is negative.

    Examples
    --------
    >>> import pullback as pb
    >>> pb.logspace(0, 2, steps=3)
    tensor([  1.,  10., 100.])
    """
    check_device(device)
    start, end, kind = _steps(start, end, steps, dtype)
    wide = kind if kind.kind in "fc" else np.dtype(np.float64)
    exponents = spaced(start, end, steps, wide)
    made = leaf(_power(wide.type(base), exponents).astype(kind), requires_grad)
    return made if out is None else into(out, made)


@function(method=False)
def eye(
    n: int,
    m: int | None = None,
    *,
    out: Any = None,
    dtype: Any = None,
    layout: Any = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """A matrix with ones on the diagonal and zeros elsewhere.

    Parameters
    ----------
    n, m
        Rows and columns; a square without `m`.
    out
        A tensor to write the result to.
    dtype
        The dtype; the default float without.
    layout, device
        Strided, the CPU.
    requires_grad
        Record operations on it.

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
    >>> pb.eye(2)
    tensor([[1., 0.],
            [0., 1.]])
    """
    check_device(device)
    for name, length in (("n", n), ("m", m)):
        if length is not None and length < 0:
            raise RuntimeError(f"{name} must be greater or equal to 0, got {length}")
    kind = promotion.DEFAULT["float"] if dtype is None else numpy_dtype(dtype)
    made = leaf(np.eye(n, m, dtype=kind), requires_grad)
    return made if out is None else into(out, made)


@function(method=False)
def tril_indices(row: int, col: int, offset: int = 0, *, dtype: Any = None, device: Any = None) -> Tensor:
    """The indices of the lower triangle of a matrix: a row of row numbers and one of column numbers.

    Parameters
    ----------
    row, col
        The shape of the matrix.
    offset
        Up to which diagonal.
    dtype
        The dtype; int64 without.
    device
        The CPU.

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
    >>> pb.tril_indices(2, 2)
    tensor([[0, 1, 1],
            [0, 0, 1]])
    """
    return _triangle(np.tril_indices, row, col, offset, dtype, device)


@function(method=False)
def triu_indices(row: int, col: int, offset: int = 0, *, dtype: Any = None, device: Any = None) -> Tensor:
    """The indices of the upper triangle of a matrix: a row of row numbers and one of column numbers.

    Parameters
    ----------
    row, col
        The shape of the matrix.
    offset
        From which diagonal.
    dtype
        The dtype; int64 without.
    device
        The CPU.

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
    >>> pb.triu_indices(2, 2)
    tensor([[0, 0, 1],
            [0, 1, 1]])
    """
    return _triangle(np.triu_indices, row, col, offset, dtype, device)


def _triangle(indices: Any, row: int, col: int, offset: int, dtype: Any, device: Any) -> Tensor:
    check_device(device)
    if row < 0 or col < 0:
        raise RuntimeError(f"row and col must be non-negative, got {row} and {col}")
    kind = promotion.INT if dtype is None else numpy_dtype(dtype)
    return leaf(np.stack(indices(row, offset, col)).astype(kind), False)


@function(method=False)
def cartesian_prod(*tensors: Any) -> Tensor:
    """All tuples of elements, one of each vector, as rows.

    Parameters
    ----------
    tensors
        Vectors.

    Returns
    -------
    Tensor

    Raises
    ------
    RuntimeError
        If one is no vector.

    Examples
    --------
    >>> import pullback as pb
    >>> pb.cartesian_prod(pb.tensor([1, 2]), pb.tensor([3, 4])).tolist()
    [[1, 3], [1, 4], [2, 3], [2, 4]]
    """
    items = [tensor_of(t) for t in (tensors[0] if isinstance(tensors[0], (list, tuple)) else tensors)]
    for item in items:
        if item._a.ndim != 1:
            raise RuntimeError(f"Expect a 1D vector, but got shape {list(item._a.shape)}")
    if len(items) == 1:
        return items[0]
    rows = np.stack(
        [m.ravel() for m in np.meshgrid(*[np.arange(t._a.size) for t in items], indexing="ij")], 1
    )
    columns = [items[k][wrap(Tensor, rows[:, k])] for k in range(len(items))]  # type: ignore[index]
    made: Any = np.stack(columns, 1)
    return made


@function()
def combinations(input: Any, r: int = 2, with_replacement: bool = False) -> Tensor:
    """All choices of `r` elements of a vector, as rows.

    Parameters
    ----------
    input
        A vector.
    r
        How many to choose.
    with_replacement
        Whether an element may be chosen again.

    Returns
    -------
    Tensor

    Raises
    ------
    RuntimeError
        If it is no vector, or `r` is negative.

    Examples
    --------
    >>> import pullback as pb
    >>> pb.combinations(pb.tensor([1, 2, 3])).tolist()
    [[1, 2], [1, 3], [2, 3]]
    """
    x = tensor_of(input)
    if x._a.ndim != 1:
        raise RuntimeError(f"Expect a 1D vector, but got shape {list(x._a.shape)}")
    if r < 0:
        raise RuntimeError(f"Expect a non-negative number, but got {r}")
    choose: Any = itertools.combinations_with_replacement if with_replacement else itertools.combinations
    rows = np.array(list(choose(range(x._a.size), r)), np.int64).reshape(-1, r)
    if r == 0:
        return leaf(np.empty(0, x._a.dtype), False)
    made: Tensor = x[wrap(Tensor, rows)]  # type: ignore[index]
    return made
