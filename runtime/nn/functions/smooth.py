"""Smooth activations: `gelu`, `silu`, `softplus`, `sigmoid` and their kin."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ...ops.kernels import fused, fused_values
from ...tape.mode import mode
from ...tape.node import Node
from ...tape.record import record, requires
from ...tensor.tensor import Tensor, axis_of
from .operands import tensor_of
from .pointwise import applied, elementwise, erf_of, floats, sigmoid_of

_ROOT_TWO = math.sqrt(2)
_NORMAL = 1 / math.sqrt(2 * math.pi)
_TANH = math.sqrt(2 / math.pi)
_CUBE = 0.044715


@fused
def _gelu_slope(g: Any, x: Any) -> Any:
    return g * (0.5 * (1 + erf_of(x / _ROOT_TWO)) + x * (_NORMAL * np.exp(-0.5 * (x * x))))


@fused
def _gelu_tanh_slope(g: Any, x: Any) -> Any:
    t = np.tanh(_TANH * (x + _CUBE * (x * x * x)))
    inner = _TANH * (1 + 3 * _CUBE * (x * x))
    return g * (0.5 * (1 + t) + 0.5 * (x * (1 - t * t) * inner))


@fused
def _silu_slope(g: Any, x: Any) -> Any:
    s = sigmoid_of(x)
    return g * (s * (1 + x * (1 - s)))


@fused
def _mish_slope(g: Any, x: Any) -> Any:
    t = np.tanh(np.logaddexp(x, 0.0))
    return g * (t + x * sigmoid_of(x) * (1 - t * t))


@fused
def _softplus_slope(g: Any, x: Any, beta: Any, threshold: Any) -> Any:
    return g * np.where(x * beta > threshold, 1, sigmoid_of(x * beta))


@fused
def _logsigmoid_slope(g: Any, x: Any) -> Any:
    return g * sigmoid_of(-x)


class GeluBackward0(Node):
    """x times the normal distribution function at x; `static` says whether tanh stands for it."""

    __slots__ = ()

    def backward(self, g: Any, x: Any) -> Any:
        return (_gelu_tanh_slope(g, x) if self.static else _gelu_slope(g, x),)


class SiluBackward0(Node):
    """x · sigmoid(x)."""

    __slots__ = ()

    def backward(self, g: Any, x: Any) -> Any:
        return (_silu_slope(g, x),)


class MishBackward0(Node):
    """x · tanh(log(1 + exp(x)))."""

    __slots__ = ()

    def backward(self, g: Any, x: Any) -> Any:
        return (_mish_slope(g, x),)


class SoftplusBackward0(Node):
    """log(1 + exp(beta · x)) / beta, and x above a threshold; `static` is both."""

    __slots__ = ()

    def backward(self, g: Any, x: Any) -> Any:
        return (_softplus_slope(g, x, *self.static),)


class LogSigmoidBackward0(Node):
    """log(sigmoid(x))."""

    __slots__ = ()

    def backward(self, g: Any, x: Any) -> Any:
        return (_logsigmoid_slope(g, x),)


class GluBackward0(Node):
    """One half of x times the sigmoid of the other; `static` is the axis and the half's length."""

    __slots__ = ()

    def backward(self, g: Any, x: Any) -> Any:
        axis, n = self.static
        before = (slice(None),) * axis
        one, gate = x[(*before, slice(0, n))], sigmoid_of(x[(*before, slice(n, 2 * n))])
        return (np.concatenate([g * gate, g * one * (gate * (1 - gate))], axis=axis),)


@fused_values
def _gelu_values(a: Any) -> Any:
    return 0.5 * a * (1 + erf_of(a / _ROOT_TWO))


@fused_values
def _gelu_tanh_values(a: Any) -> Any:
    return 0.5 * a * (1 + np.tanh(_TANH * (a + _CUBE * (a * a * a))))


def gelu(input: Any, approximate: str = "none") -> Tensor:
    """The input times the normal distribution function at it (Hendrycks and Gimpel, 2016).

    Parameters
    ----------
    input
        A tensor.
    approximate
        "none"; "tanh" takes a formula with tanh in its place.

    Returns
    -------
    Tensor

    Raises
    ------
    RuntimeError
        For another word.

    Examples
    --------
    >>> import pullback as pb
    >>> pb.nn.functional.gelu(pb.tensor([-1.0, 2.0]))
    tensor([-0.1587,  1.9545])
    """
    if approximate not in ("none", "tanh"):
        raise RuntimeError("approximate argument must be either none or tanh.")
    x = tensor_of(input)
    a = floats(x, "GeluKernelImpl")
    result = _gelu_values(a) if approximate == "none" else _gelu_tanh_values(a)
    made: Tensor = record(GeluBackward0, result, (x,), (x,), approximate == "tanh")
    return made


@fused_values
def _silu_values(a: Any) -> Any:
    return a * sigmoid_of(a)


def _silu(x: Tensor) -> Any:
    a = floats(x, "silu_cpu", "fc")
    if a.dtype.kind == "c" and mode.enabled and requires(x):
        raise RuntimeError("silu does not support automatic differentiation for outputs with complex dtype.")
    return record(SiluBackward0, _silu_values(a), (x,), (x,))


def silu(input: Any, inplace: bool = False) -> Tensor:
    """`input * sigmoid(input)`, also called swish.

    Parameters
    ----------
    input
        A tensor.
    inplace
        Write the result to the input.

    Returns
    -------
    Tensor

    Raises
    ------
    RuntimeError
        If a complex input requires a gradient.

    Examples
    --------
    >>> import pullback as pb
    >>> pb.nn.functional.silu(pb.tensor([-1.0, 2.0]))
    tensor([-0.2689,  1.7616])
    """
    return applied(_silu, input, inplace)


@fused_values
def _mish_values(a: Any) -> Any:
    return a * np.tanh(np.logaddexp(a, 0.0))


_mish = elementwise(MishBackward0, "mish_cpu", _mish_values)


def mish(input: Any, inplace: bool = False) -> Tensor:
    """`input * tanh(softplus(input))` (Misra, 2019).

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
    >>> pb.nn.functional.mish(pb.tensor([-1.0, 2.0]))
    tensor([-0.3034,  1.9440])
    """
    return applied(_mish, input, inplace)


@fused_values
def _softplus_values(a: Any, beta: Any, threshold: Any) -> Any:
    inner = a * beta
    return np.where(inner > threshold, a, np.log1p(np.exp(inner)) / beta)


def softplus(input: Any, beta: float = 1.0, threshold: float = 20.0) -> Tensor:
    """`log(1 + exp(beta * input)) / beta`; the input itself where `beta * input` is above `threshold`.

    Parameters
    ----------
    input
        A tensor.
    beta
        How sharp the bend is.
    threshold
        From where on the input is given.

    Returns
    -------
    Tensor

    Examples
    --------
    >>> import pullback as pb
    >>> pb.nn.functional.softplus(pb.tensor([0.0, 30.0]))
    tensor([ 0.6931, 30.0000])
    """
    x = tensor_of(input)
    a = floats(x, "softplus_cpu")
    result = _softplus_values(a, beta, threshold).astype(a.dtype, copy=False)
    made: Tensor = record(SoftplusBackward0, result, (x,), (x,), (beta, threshold))
    return made


@fused_values
def _logsigmoid_values(a: Any) -> Any:
    return np.minimum(a, 0) - np.log1p(np.exp(-np.abs(a)))


_logsigmoid = elementwise(LogSigmoidBackward0, "log_sigmoid_cpu", _logsigmoid_values)


def logsigmoid(input: Any) -> Tensor:
    """`log(sigmoid(input))`.

    Parameters
    ----------
    input
        A tensor.

    Returns
    -------
    Tensor

    Examples
    --------
    >>> import pullback as pb
    >>> pb.nn.functional.logsigmoid(pb.tensor([0.0, 30.0]))
    tensor([-6.9315e-01, -9.3576e-14])
    """
    return applied(_logsigmoid, input, False)


def glu(input: Any, dim: int = -1) -> Tensor:
    """The first half along an axis times the sigmoid of the second.

    Parameters
    ----------
    input
        A tensor.
    dim
        The axis, of even length.

    Returns
    -------
    Tensor

    Raises
    ------
    RuntimeError
        If its length is odd.

    Examples
    --------
    >>> import pullback as pb
    >>> pb.nn.functional.glu(pb.tensor([2.0, 0.0]))
    tensor([1.])
    """
    x = tensor_of(input)
    a = floats(x, "glu_cpu")
    if a.ndim == 0:
        raise RuntimeError("glu does not support 0-dimensional tensors")
    axis = axis_of(dim, a.ndim)
    if a.shape[axis] % 2:
        raise RuntimeError(f"Halving dimension must be even, but dimension {axis} is size {a.shape[axis]}")
    one, gate = np.split(a, 2, axis)
    made: Tensor = record(GluBackward0, one * sigmoid_of(gate), (x,), (x,), (axis, a.shape[axis] // 2))
    return made


def softsign(input: Any) -> Tensor:
    """`input / (1 + abs(input))`.

    Parameters
    ----------
    input
        A tensor.

    Returns
    -------
    Tensor

    Examples
    --------
    >>> import pullback as pb
    >>> pb.nn.functional.softsign(pb.tensor([-1.0, 3.0]))
    tensor([-0.5000,  0.7500])
    """
    x = tensor_of(input)
    made: Tensor = x / (abs(x) + 1)
    return made


def tanhshrink(input: Any) -> Tensor:
    """`input - tanh(input)`.

    Parameters
    ----------
    input
        A tensor.

    Returns
    -------
    Tensor

    Examples
    --------
    >>> import pullback as pb
    >>> pb.nn.functional.tanhshrink(pb.tensor([0.0, 3.0]))
    tensor([0.0000, 2.0049])
    """
    x = tensor_of(input)
    made: Tensor = x - x.tanh()
    return made


def tanh(input: Any) -> Tensor:
    """`tanh` of a tensor.

    Parameters
    ----------
    input
        A tensor.

    Returns
    -------
    Tensor

    Examples
    --------
    >>> import pullback as pb
    >>> pb.nn.functional.tanh(pb.tensor([0.0]))
    tensor([0.])
    """
    made: Tensor = tensor_of(input).tanh()
    return made


def sigmoid(input: Any) -> Tensor:
    """`1 / (1 + exp(-input))`.

    Parameters
    ----------
    input
        A tensor.

    Returns
    -------
    Tensor

    Examples
    --------
    >>> import pullback as pb
    >>> pb.nn.functional.sigmoid(pb.tensor([0.0]))
    tensor([0.5000])
    """
    made: Tensor = tensor_of(input).sigmoid()
    return made
