"""Activations of several straight pieces: `hardtanh`, `hardsigmoid`, `hardshrink` and their kin."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...ops.kernels import fused, fused_values
from ...ops.pointwise import quiet
from ...tape.node import Node
from ...tape.record import record
from ...tensor.tensor import Tensor
from .operands import tensor_of
from .pointwise import applied, comparable, elementwise, floats, zero_where


@fused
def _inside(g: Any, x: Any, low: Any, high: Any) -> Any:
    return zero_where((x <= low) | (x >= high), g)


@fused
def _outside(g: Any, x: Any, bound: Any) -> Any:
    return zero_where((x >= -bound) & (x <= bound), g)


@fused
def _hardsigmoid_slope(g: Any, x: Any) -> Any:
    return np.where((x > -3) & (x < 3), g * (1 / 6), 0)


@fused
def _hardswish_slope(g: Any, x: Any) -> Any:
    return np.where(x <= -3, 0, np.where(x < 3, g * (x / 3 + 0.5), g))


class HardtanhBackward0(Node):
    """x between two bounds, which `static` is."""

    __slots__ = ()

    def backward(self, g: Any, x: Any) -> Any:
        low, high = self.static
        return (_inside(g, x, low, high),)


class HardsigmoidBackward0(Node):
    """(x + 3) / 6 between 0 and 1."""

    __slots__ = ()

    def backward(self, g: Any, x: Any) -> Any:
        return (_hardsigmoid_slope(g, x),)


class HardswishBackward0(Node):
    """x times `hardsigmoid` of x."""

    __slots__ = ()

    def backward(self, g: Any, x: Any) -> Any:
        return (_hardswish_slope(g, x),)


class HardshrinkBackward0(Node):
    """x where |x| is larger than a number, which `static` is."""

    __slots__ = ()

    def backward(self, g: Any, x: Any) -> Any:
        return (_outside(g, x, self.static),)


class SoftshrinkBackward0(HardshrinkBackward0):
    """x moved towards zero by a number, which `static` is."""

    __slots__ = ()


def _hardtanh(x: Tensor, low: Any, high: Any) -> Any:
    kind = x._a.dtype
    result = np.clip(comparable(x._a), kind.type(low), kind.type(high))
    return record(HardtanhBackward0, result, (x,), (x,), (low, high))


def hardtanh(input: Any, min_val: float = -1.0, max_val: float = 1.0, inplace: bool = False) -> Tensor:
    """The input between two bounds.

    Parameters
    ----------
    input
        A tensor.
    min_val, max_val
        The bounds.
    inplace
        Write the result to the input.

    Returns
    -------
    Tensor

    Raises
    ------
    ValueError
        If the bounds are in the wrong order.

    Examples
    --------
    >>> import pullback as pb
    >>> pb.nn.functional.hardtanh(pb.tensor([-2.0, 0.5, 2.0]))
    tensor([-1.0000,  0.5000,  1.0000])
    """
    if min_val > max_val:
        raise ValueError("min_val cannot be greater than max_val")
    return applied(_hardtanh, input, inplace, min_val, max_val)


def hardtanh_(input: Any, min_val: float = -1.0, max_val: float = 1.0) -> Tensor:
    """`hardtanh` in place."""
    return hardtanh(input, min_val, max_val, True)


def relu6(input: Any, inplace: bool = False) -> Tensor:
    """`min(max(input, 0), 6)`.

    Parameters
    ----------
    input
        A tensor.
    inplace
        Write the result to the input.

    Returns
    -------
    Tensor

    Examples
    --------
    >>> import pullback as pb
    >>> pb.nn.functional.relu6(pb.tensor([-1.0, 2.0, 9.0]))
    tensor([0., 2., 6.])
    """
    return applied(_hardtanh, input, inplace, 0, 6)


@fused_values
def _hardsigmoid_values(a: Any) -> Any:
    return np.minimum(np.maximum(a + 3, 0), 6) / 6


@fused_values
def _hardswish_values(a: Any) -> Any:
    return a * np.minimum(np.maximum(a + 3, 0), 6) / 6


_hardsigmoid = elementwise(HardsigmoidBackward0, "hardsigmoid_cpu", _hardsigmoid_values)
_hardswish = elementwise(HardswishBackward0, "hardswish_cpu", _hardswish_values)


def hardsigmoid(input: Any, inplace: bool = False) -> Tensor:
    """`(input + 3) / 6` between 0 and 1.

    Parameters
    ----------
    input
        A tensor.
    inplace
        Write the result to the input.

    Returns
    -------
    Tensor

    Examples
    --------
    >>> import pullback as pb
    >>> pb.nn.functional.hardsigmoid(pb.tensor([-3.0, 0.0, 3.0]))
    tensor([0.0000, 0.5000, 1.0000])
    """
    return applied(_hardsigmoid, input, inplace)


def hardswish(input: Any, inplace: bool = False) -> Tensor:
    """`input * hardsigmoid(input)`.

    Parameters
    ----------
    input
        A tensor.
    inplace
        Write the result to the input.

    Returns
    -------
    Tensor

    Examples
    --------
    >>> import pullback as pb
    >>> pb.nn.functional.hardswish(pb.tensor([-3.0, 0.0, 3.0]))
    tensor([-0., 0., 3.])
    """
    return applied(_hardswish, input, inplace)


def hardshrink(input: Any, lambd: float = 0.5) -> Tensor:
    """The input where its absolute value is larger than `lambd`, zero elsewhere.

    Parameters
    ----------
    input
        A tensor.
    lambd
        The bound.

    Returns
    -------
    Tensor

    Examples
    --------
    >>> import pullback as pb
    >>> pb.nn.functional.hardshrink(pb.tensor([-1.0, 0.25, 1.0]))
    tensor([-1.,  0.,  1.])
    """
    x = tensor_of(input)
    a = floats(x, "hardshrink_cpu")
    result = np.where((a >= -lambd) & (a <= lambd), a.dtype.type(0), a)
    made: Tensor = record(HardshrinkBackward0, result, (x,), (x,), lambd)
    return made


_shrunk = quiet(lambda a, by: np.where(a > by, a - by, np.where(a < -by, a + by, a * 0)))


def softshrink(input: Any, lambd: float = 0.5) -> Tensor:
    """The input moved towards zero by `lambd`.

    Parameters
    ----------
    input
        A tensor.
    lambd
        By how much, not negative.

    Returns
    -------
    Tensor

    Raises
    ------
    RuntimeError
        If `lambd` is negative.

    Examples
    --------
    >>> import pullback as pb
    >>> pb.nn.functional.softshrink(pb.tensor([-1.0, 0.25, 1.0]))
    tensor([-0.5000,  0.0000,  0.5000])
    """
    x = tensor_of(input)
    a = floats(x, "softshrink_check")
    if lambd < 0:
        raise RuntimeError(f"lambda must be greater or equal to 0, but found to be {lambd}.")
    made: Tensor = record(SoftshrinkBackward0, _shrunk(a, lambd), (x,), (x,), lambd)
    return made
