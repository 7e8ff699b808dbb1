"""Losses of differences: squared, absolute, and both in one."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from ...ops.kernels import fused, fused_values
from ...tape.node import Node
from ...tape.record import record
from ...tensor.dtypes import Size
from ...tensor.reductions.reductions import title
from ...tensor.tensor import Tensor
from .operands import tensor_of
from .reduction import reduced, reduction_of, share


@fused
def _square_slope(x: Any, t: Any, g: Any) -> Any:
    return g * (2 * (x - t))


@fused
def _smooth_slope(x: Any, t: Any, g: Any, beta: Any) -> Any:
    d = x - t
    return g * np.where(np.abs(d) < beta, d / beta, np.sign(d))


@fused
def _huber_slope(x: Any, t: Any, g: Any, delta: Any) -> Any:
    d = x - t
    return g * np.where(np.abs(d) <= delta, d, delta * np.sign(d))


class _Loss(Node):
    """A loss of x against t, element by element, and reduced; `static` is how, of how many, and settings."""

    __slots__ = ()

    def slope(self, x: Any, t: Any, g: Any) -> Any:
        """g times the derivative of each loss in x."""
        raise NotImplementedError

    def backward(self, g: Any, x: Any, t: Any) -> Any:
        reduction, count, _ = self.static
        slope = self.slope(x, t, share(g, reduction, count))
        return (slope if self.wants(0) else None, -slope if self.wants(1) else None)


class MseLossBackward0(_Loss):
    """(x - t)²."""

    __slots__ = ()

    def slope(self, x: Any, t: Any, g: Any) -> Any:
        return _square_slope(x, t, g)


class SmoothL1LossBackward0(_Loss):
    """|x - t|, with a parabola in the middle, up to `static[2]`."""

    __slots__ = ()

    def slope(self, x: Any, t: Any, g: Any) -> Any:
        beta = self.static[2]
        return _smooth_slope(x, t, g, beta) if beta else g * np.sign(x - t)


class HuberLossBackward0(_Loss):
    """(x - t)² / 2, with straight lines from `static[2]` on."""

    __slots__ = ()

    def slope(self, x: Any, t: Any, g: Any) -> Any:
        return _huber_slope(x, t, g, self.static[2])


def _compared(
    node: type[Node], kernel: str, compute: Any, input: Any, target: Any, reduction: str, setting: Any = None
) -> Tensor:
    """A loss of the difference of two tensors.

    Raises
    ------
    NotImplementedError
        If they have integers or complex numbers: PyTorch's words, with the name of its kernel.
    """
    x, t = tensor_of(input), tensor_of(target)
    if x._a.shape != t._a.shape:
        warnings.warn(
            f"Using a target size ({Size(t._a.shape)}) that is different to the input size "
            f"({Size(x._a.shape)}). This will likely lead to incorrect results due to broadcasting. Please "
            "ensure they have the same size.",
            UserWarning,
            stacklevel=3,
        )
    difference = (x - t)._a if x._a.dtype != t._a.dtype else _minus(x, t)
    if difference.dtype.kind != "f":
        raise NotImplementedError(f"\"{kernel}\" not implemented for '{title(difference.dtype)}'")
    result = reduced(compute(difference, setting), reduction)
    made: Tensor = record(node, result, (x, t), (x, t), (reduction, difference.size, setting))
    return made


def _minus(x: Any, t: Any) -> Any:
    try:
        return np.asarray(x._a - t._a)
    except (TypeError, ValueError):
        return (x - t)._a  # refuses shapes and bools in PyTorch's words


def _square(d: Any, _: Any) -> Any:
    return np.multiply(d, d, out=d)


def mse_loss(
    input: Any, target: Any, size_average: bool | None = None, reduce: bool | None = None,
    reduction: str = "mean", weight: Any = None,
) -> Tensor:  # fmt: skip
    """The mean of `(input - target)²`.

    Parameters
    ----------
    input, target
        Tensors of one shape.
    size_average, reduce
        What older code says in place of `reduction`.
    reduction
        "mean", "sum" or "none".
    weight
        Weights of the losses; the mean is weighed.

    Returns
    -------
    Tensor

    Raises
    ------
    ValueError, NotImplementedError
        If there is no such reduction, or the tensors have no floats.

    Examples
    --------
    >>> import pullback as pb
    >>> pb.nn.functional.mse_loss(pb.tensor([1.0, 2.0]), pb.tensor([0.0, 0.0]))
    tensor(2.5000)
    """
    how = reduction_of(reduction, size_average, reduce)
    if weight is None:
        return _compared(MseLossBackward0, "mse_cpu", _square, input, target, how)
    losses: Any = _compared(MseLossBackward0, "mse_cpu", _square, input, target, "none") * weight
    return losses.sum() / tensor_of(weight).sum() if how == "mean" else reduced(losses, how)


def l1_loss(
    input: Any, target: Any, size_average: bool | None = None, reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:  # fmt: skip
    """The mean of `abs(input - target)`.

    Parameters
    ----------
    input, target
        Tensors of one shape.
    size_average, reduce
        What older code says in place of `reduction`.
    reduction
        "mean", "sum" or "none".

    Returns
    -------
    Tensor

    Raises
    ------
    ValueError
        If there is no such reduction.

    Examples
    --------
    >>> import pullback as pb
    >>> pb.nn.functional.l1_loss(pb.tensor([1.0, 2.0]), pb.tensor([0.0, 0.0]))
    tensor(1.5000)
    """
    how = reduction_of(reduction, size_average, reduce)
    x, t = tensor_of(input), tensor_of(target)
    made: Tensor = reduced(abs(x - t), how)
    return made


@fused_values
def _smooth_values(d: Any, beta: Any) -> Any:
    d = np.abs(d)
    return np.where(d < beta, 0.5 * d * d / beta, d - 0.5 * beta)


def _smooth(d: Any, beta: float) -> Any:
    return _smooth_values(d, beta) if beta else np.abs(d)


def smooth_l1_loss(
    input: Any, target: Any, size_average: bool | None = None, reduce: bool | None = None,
    reduction: str = "mean", beta: float = 1.0,
) -> Tensor:  # fmt: skip
    """The mean of `abs(input - target)`, squared where it is below `beta`.

    Parameters
    ----------
    input, target
        Tensors of one shape.
    size_average, reduce
        What older code says in place of `reduction`.
    reduction
        "mean", "sum" or "none".
    beta
        Where the parabola ends.

    Returns
    -------
    Tensor

    Raises
    ------
    ValueError, RuntimeError, NotImplementedError
        If there is no such reduction, `beta` is negative, or the tensors have no floats.

    Examples
    --------
    >>> import pullback as pb
    >>> pb.nn.functional.smooth_l1_loss(pb.tensor([0.5, 2.0]), pb.tensor([0.0, 0.0]))
    tensor(0.8125)
    """
    how = reduction_of(reduction, size_average, reduce)
    if beta < 0:
        raise RuntimeError("smooth_l1_loss does not support negative values for beta.")
    return _compared(SmoothL1LossBackward0, "smooth_l1_cpu", _smooth, input, target, how, beta)


@fused_values
def _huber(d: Any, delta: Any) -> Any:
    d = np.abs(d)
    return np.where(d <= delta, 0.5 * d * d, delta * (d - 0.5 * delta))


def huber_loss(
    input: Any, target: Any, reduction: str = "mean", delta: float = 1.0, weight: Any = None
) -> Tensor:
    """The mean of `(input - target)² / 2`, straight from `delta` on.

    Parameters
    ----------
    input, target
        Tensors of one shape.
    reduction
        "mean", "sum" or "none".
    delta
        Where the parabola ends.
    weight
        Weights of the losses; the mean is over their number, not over the weights.

    Returns
    -------
    Tensor

    Raises
    ------
    ValueError, RuntimeError, NotImplementedError
        If there is no such reduction, `delta` is not positive, or the tensors have no floats.

    Examples
    --------
    >>> import pullback as pb
    >>> pb.nn.functional.huber_loss(pb.tensor([0.5, 2.0]), pb.tensor([0.0, 0.0]))
    tensor(0.8125)
    """
    how = reduction_of(reduction)
    if delta <= 0:
        raise RuntimeError("huber_loss does not support non-positive values for delta.")
    if weight is None:
        return _compared(HuberLossBackward0, "huber_cpu", _huber, input, target, how, delta)
    losses: Any = _compared(HuberLossBackward0, "huber_cpu", _huber, input, target, "none", delta) * weight
    return reduced(losses, how)
