"""Activations with one bend: `relu` and its kin."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...ops.kernels import LARGE, Kernel, fused, fused_values
from ...ops.pointwise import unary
from ...tape.node import Node
from ...tape.record import record
from ...tensor.creation.random import source
from ...tensor.tensor import Tensor
from .operands import tensor_of
from .pointwise import applied, comparable, floats, zero_where


@fused
def _above_zero(g: Any, y: Any) -> Any:
    return zero_where(y <= 0, g)


@fused
def _above(g: Any, x: Any, bound: Any) -> Any:
    return zero_where(x <= bound, g)


@fused
def _leaky_slope(g: Any, x: Any, slope: Any) -> Any:
    return np.where(x > 0, g, slope * g)


class ReluBackward0(Node):
    """max(x, 0), from its result."""

    __slots__ = ()
    saves_results = 1
    operands = False

    def backward(self, g: Any, y: Any) -> Any:
        return (_above_zero(g, y),)


class ThresholdBackward0(Node):
    """x above a threshold, which `static` is, and a number elsewhere."""

    __slots__ = ()

    def backward(self, g: Any, x: Any) -> Any:
        return (_above(g, x, self.static),)


class ThresholdBackward1(ThresholdBackward0):
    """`ThresholdBackward0` in place."""

    __slots__ = ()


class LeakyReluBackward0(Node):
    """x, or slope · x below zero; `static` is the slope."""

    __slots__ = ()

    def backward(self, g: Any, x: Any) -> Any:
        return (_leaky_slope(g, x, self.static),)


class LeakyReluBackward1(LeakyReluBackward0):
    """`LeakyReluBackward0` in place."""

    __slots__ = ()


class PreluKernelBackward0(Node):
    """x, or w · x below zero."""

    __slots__ = ()

    def backward(self, g: Any, x: Any, w: Any) -> Any:
        return (
            np.where(x > 0, g, w * g) if self.wants(0) else None,
            np.where(x > 0, 0, x * g) if self.wants(1) else None,
        )


class RreluWithNoiseBackward0(Node):
    """x times what was drawn, which is 1 above zero."""

    __slots__ = ()

    def backward(self, g: Any, noise: Any) -> Any:
        return (g * noise,)


class RreluWithNoiseBackward1(RreluWithNoiseBackward0):
    """`RreluWithNoiseBackward0` in place."""

    __slots__ = ()


class MeanRrelu(LeakyReluBackward0):
    """`RreluWithNoiseBackward0` with the mean slope."""

    __slots__ = ()

    def name(self) -> str:
        return "RreluWithNoiseBackward0"


# NumPy takes twice as long with a Python number.
_ZEROS = {np.dtype(k): np.zeros((), k) for k in ("float32", "float64")}


def _positive(a: Any) -> Any:
    zero = _ZEROS.get(a.dtype)
    return np.maximum(comparable(a), 0) if zero is None else np.maximum(a, zero)


_positive_part = Kernel(lambda a: np.where(a <= 0, 0, a), ("a",), _positive)


def _relu_values(a: Any) -> Any:
    return _positive_part(a) if a.size >= LARGE else _positive(a)


_relu = unary(Tensor, "relu", ReluBackward0, _relu_values, False)


def relu(input: Any, inplace: bool = False) -> Tensor:
    """`max(input, 0)`.

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
    >>> pb.nn.functional.relu(pb.tensor([-1.0, 2.0]))
    tensor([0., 2.])
    """
    return applied(_relu, input, inplace)


def relu_(input: Any) -> Tensor:
    """`relu` in place."""
    return relu(input, True)


@fused_values
def _leaky_values(a: Any, slope: Any) -> Any:
    return np.where(a > 0, a, a * slope)


def _leaky(x: Tensor, slope: float, node: type[Node]) -> Any:
    a = floats(x, "leaky_relu_cpu")
    return record(node, _leaky_values(a, slope), (x,), (x,), slope)


def leaky_relu(input: Any, negative_slope: float = 0.01, inplace: bool = False) -> Tensor:
    """The input above zero, `negative_slope * input` below.

    Parameters
    ----------
    input
        A tensor.
    negative_slope
        The slope below zero.
    inplace
        Write the result to the input.

    Returns
    -------
    Tensor

    Examples
    --------
    >>> import pullback as pb
    >>> pb.nn.functional.leaky_relu(pb.tensor([-1.0, 2.0]), 0.5)
    tensor([-0.5000,  2.0000])
    """
    node = LeakyReluBackward1 if inplace else LeakyReluBackward0
    return applied(_leaky, input, inplace, negative_slope, node)


def leaky_relu_(input: Any, negative_slope: float = 0.01) -> Tensor:
    """`leaky_relu` in place."""
    return leaky_relu(input, negative_slope, True)


def prelu(input: Any, weight: Any) -> Tensor:
    """The input above zero, `weight * input` below.

    Parameters
    ----------
    input
        A tensor.
    weight
        One number, or one for each channel (axis 1).

    Returns
    -------
    Tensor

    Raises
    ------
    RuntimeError
        If there is another number of weights, in more than one axis or of another dtype.

    Examples
    --------
    >>> import pullback as pb
    >>> pb.nn.functional.prelu(pb.tensor([-1.0, 2.0]), pb.tensor([0.5]))
    tensor([-0.5000,  2.0000])
    """
    x, w = tensor_of(input), tensor_of(weight)
    a = floats(x, "prelu_cpu")
    if w._a.ndim > 1:
        raise RuntimeError(
            f"prelu: Expected `weight` to be a scalar or 1D tensor, but got: ndim = {w._a.ndim}"
        )
    if w._a.dtype != a.dtype:
        raise RuntimeError(f"prelu: Type promoting not supported. Got {x._title()} and {w._title()}")
    count = w._a.size
    if count != 1:
        channels = a.shape[1] if a.ndim > 1 else 1
        if channels != count:
            raise RuntimeError(
                f"Mismatch of parameter numbers and input channel size. Found parameter numbers = {count} "
                f"and channel size = {channels}."
            )
        w = w.reshape(-1, *(1,) * (a.ndim - 2))
    elif w._a.ndim:
        w = w.reshape(())
    made: Tensor = record(PreluKernelBackward0, np.where(a > 0, a, w._a * a), (x, w), (x, w))
    return made


def _rrelu(x: Tensor, lower: float, upper: float, node: type[Node]) -> Any:
    a = floats(x, "rrelu_with_noise_cpu")
    drawn = source(None).uniform(lower, upper, a.shape).astype(a.dtype)
    noise = np.where(a <= 0, drawn, 1).astype(a.dtype, copy=False)
    return record(node, a * noise, (x,), (noise,))


def rrelu(
    input: Any, lower: float = 1 / 8, upper: float = 1 / 3, training: bool = False, inplace: bool = False
) -> Tensor:
    """`leaky_relu` with slopes that are drawn in training, and their mean otherwise.

    Parameters
    ----------
    input
        A tensor.
    lower, upper
        Bounds of the slopes.
    training
        Draw a slope for every element.
    inplace
        Write the result to the input.

    Returns
    -------
    Tensor

    Examples
    --------
    >>> import pullback as pb
    >>> pb.nn.functional.rrelu(pb.tensor([-1.0, 2.0]), 0.25, 0.75)
    tensor([-0.5000,  2.0000])
    """
    if not training:
        return applied(_leaky, input, inplace, (lower + upper) / 2, MeanRrelu)
    node = RreluWithNoiseBackward1 if inplace else RreluWithNoiseBackward0
    return applied(_rrelu, input, inplace, lower, upper, node)


def rrelu_(input: Any, lower: float = 1 / 8, upper: float = 1 / 3, training: bool = False) -> Tensor:
    """`rrelu` in place."""
    return rrelu(input, lower, upper, training, True)


def _threshold(x: Tensor, threshold: float, value: float, node: type[Node]) -> Any:
    a = floats(x, "threshold_cpu", "fiub")
    result = np.where(a <= threshold, a.dtype.type(value), a)
    return record(node, result, (x,), (x,), threshold)


def threshold(input: Any, threshold: float, value: float, inplace: bool = False) -> Tensor:
    """The input where it is above `threshold`, `value` elsewhere.

    Parameters
    ----------
    input
        A tensor.
    threshold
        Up to here values are replaced.
    value
        By what.
    inplace
        Write the result to the input.

    Returns
    -------
    Tensor

    Examples
    --------
    >>> import pullback as pb
    >>> pb.nn.functional.threshold(pb.tensor([0.5, 2.0]), 1.0, 9.0)
    tensor([9., 2.])
    """
    node = ThresholdBackward1 if inplace else ThresholdBackward0
    return applied(_threshold, input, inplace, threshold, value, node)


def threshold_(input: Any, threshold_: float, value: float) -> Tensor:
    """`threshold` in place."""
    return threshold(input, threshold_, value, True)
