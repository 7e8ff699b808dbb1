"""Losses of one number against another: squared, absolute, logistic."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from ...ops.kernels import fused, fused_values
from ...ops.pointwise import quiet
from ...ops.promotion import promoted
from ...tape.node import Node
from ...tape.record import record
from ...tensor.dtypes import Size
from ...tensor.reductions.reductions import title
from ...tensor.tensor import Tensor
from .operands import refuse_gradient, tensor_of
from .pointwise import floats, sigmoid_of
from .reduction import reduced, reduction_of, share


# ---- g times the derivatives in x
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


@fused
def _logistic_slope(x: Any, t: Any, g: Any) -> Any:
    return g * (sigmoid_of(x) - t)


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


# ---- of probabilities
class BinaryCrossEntropyBackward0(Node):
    """-(t log x + (1 - t) log(1 - x)) w; `static` is the reduction and the number of losses."""

    __slots__ = ()

    def backward(self, g: Any, x: Any, t: Any, w: Any) -> Any:
        g = share(g, *self.static)
        if w is not None:
            g = g * w
        return (
            g * ((x - t) / np.maximum(x * (1 - x), 1e-12)) if self.wants(0) else None,
            g * (np.log(1 - x) - np.log(x)) if self.wants(1) else None,
        )


@quiet
def _crossed(a: Any, t: Any) -> Any:
    return (t - 1) * np.maximum(np.log1p(-a), -100) - t * np.maximum(np.log(a), -100)


def binary_cross_entropy(
    input: Any, target: Any, weight: Any = None, size_average: bool | None = None, reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:  # fmt: skip
    """The mean of `-(t log x + (1 - t) log(1 - x))`: logarithms are at least -100.

    Parameters
    ----------
    input
        Probabilities x.
    target
        The probabilities t that they should be.
    weight
        Weights of the losses.
    size_average, reduce
        What older code says in place of `reduction`.
    reduction
        "mean", "sum" or "none".

    Returns
    -------
    Tensor

    Raises
    ------
    ValueError, RuntimeError
        If shapes or dtypes differ, an input is not between 0 and 1, or the weights require a gradient.

    Examples
    --------
    >>> import pullback as pb
    >>> pb.nn.functional.binary_cross_entropy(pb.tensor([0.5]), pb.tensor([1.0]))
    tensor(0.6931)
    """
    how = reduction_of(reduction, size_average, reduce)
    x, t = tensor_of(input), tensor_of(target)
    if x._a.shape != t._a.shape:
        raise ValueError(
            f"Using a target size ({Size(t._a.shape)}) that is different to the input size "
            f"({Size(x._a.shape)}) is deprecated. Please ensure they have the same size."
        )
    a = floats(x, "binary_cross_entropy")
    if t._a.dtype != a.dtype:
        raise RuntimeError(f"Found dtype {t._title()} but expected {x._title()}")
    if not np.all((a >= 0) & (a <= 1)):
        raise RuntimeError("all elements of input should be between 0 and 1")
    losses = _crossed(a, t._a)
    if weight is not None:
        refuse_gradient("binary_cross_entropy", "weight", weight)
        weight = tensor_of(weight)
        losses = losses * weight._a
    result = reduced(np.asarray(losses), how)
    made: Tensor = record(BinaryCrossEntropyBackward0, result, (x, t), (x, t, weight), (how, losses.size))
    return made


class BinaryCrossEntropyWithLogitsBackward0(Node):
    """Binary cross entropy of sigmoid(x); `static` is the reduction and the number of losses."""

    __slots__ = ()

    def backward(self, g: Any, x: Any, t: Any, w: Any, p: Any) -> Any:
        g = share(g, *self.static)
        if w is not None:
            g = g * w
        one = two = None
        if p is None:
            one = _logistic_slope(x, t, g) if self.wants(0) else None
            two = -(g * x) if self.wants(1) else None
        else:
            s = sigmoid_of(x)
            one = g * ((1 + (p - 1) * t) * s - p * t) if self.wants(0) else None
            two = g * ((p - 1) * np.logaddexp(-x, 0.0) - x) if self.wants(1) else None
        return one, two


@fused_values
def _logistic(a: Any, t: Any) -> Any:
    return (1 - t) * a + np.maximum(-a, 0) + np.log1p(np.exp(-np.abs(a)))


@quiet
def _logistic_weighed(a: Any, t: Any, p: Any) -> Any:
    tail = np.log1p(np.exp(-np.abs(a)))
    return (1 - t) * a + (1 + (p - 1) * t) * (tail + np.maximum(-a, 0))


def binary_cross_entropy_with_logits(
    input: Any, target: Any, weight: Any = None, size_average: bool | None = None, reduce: bool | None = None,
    reduction: str = "mean", pos_weight: Any = None,
) -> Tensor:  # fmt: skip
    """`binary_cross_entropy` of `sigmoid(input)`, computed without overflow.

    Parameters
    ----------
    input
        Logits.
    target
        The probabilities that their sigmoid should be.
    weight
        Weights of the losses.
    size_average, reduce
        What older code says in place of `reduction`.
    reduction
        "mean", "sum" or "none".
    pos_weight
        Weights of the positive part.

    Returns
    -------
    Tensor

    Raises
    ------
    ValueError, RuntimeError
        If shapes differ, the target has integers, or weights require a gradient.

    Examples
    --------
    >>> import pullback as pb
    >>> pb.nn.functional.binary_cross_entropy_with_logits(pb.tensor([0.0]), pb.tensor([1.0]))
    tensor(0.6931)
    """
    how = reduction_of(reduction, size_average, reduce)
    x, t = tensor_of(input), tensor_of(target)
    if x._a.shape != t._a.shape:
        raise ValueError(
            f"Target size ({Size(t._a.shape)}) must be the same as input size ({Size(x._a.shape)})"
        )
    if t._a.dtype.kind not in "fc":
        raise RuntimeError(f"result type Float can't be cast to the desired output type {t._title()}")
    for one in (x, t):
        if one._a.dtype.kind == "c":
            raise NotImplementedError(f"\"log_sigmoid_cpu\" not implemented for '{one._title()}'")
    refuse_gradient("binary_cross_entropy_with_logits", "weight", weight)
    refuse_gradient("binary_cross_entropy_with_logits", "pos_weight", pos_weight)
    weight = None if weight is None else tensor_of(weight)
    positive = None if pos_weight is None else tensor_of(pos_weight)
    a, b = promoted(x._a, t._a)
    losses = np.asarray(_logistic(a, b) if positive is None else _logistic_weighed(a, b, positive._a))
    if weight is not None:
        losses = losses * weight._a
    made: Tensor = record(
        BinaryCrossEntropyWithLogitsBackward0, reduced(losses, how), (x, t), (x, t, weight, positive),
        (how, losses.size),
    )  # fmt: skip
    return made


class SoftMarginLossBackward0(Node):
    """log(1 + exp(-t x)); `static` is the reduction and the number of losses."""

    __slots__ = ()

    def backward(self, g: Any, x: Any, t: Any) -> Any:
        return (share(g, *self.static) * (-t * sigmoid_of(-(t * x))),)


def soft_margin_loss(
    input: Any, target: Any, size_average: bool | None = None, reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:  # fmt: skip
    """The mean of `log(1 + exp(-target * input))`, for targets 1 and -1.

    Parameters
    ----------
    input
        Scores.
    target
        1 or -1 each.
    size_average, reduce
        What older code says in place of `reduction`.
    reduction
        "mean", "sum" or "none".

    Returns
    -------
    Tensor

    Raises
    ------
    RuntimeError
        If the target requires a gradient.

    Examples
    --------
    >>> import pullback as pb
    >>> pb.nn.functional.soft_margin_loss(pb.tensor([0.0]), pb.tensor([1.0]))
    tensor(0.6931)
    """
    how = reduction_of(reduction, size_average, reduce)
    x, t = tensor_of(input), tensor_of(target)
    refuse_gradient("soft_margin_loss", "target", t)
    a = floats(x, "soft_margin_loss")
    losses = np.logaddexp((-(t * x.detach()))._a, a.dtype.type(0)).astype(a.dtype, copy=False)
    made: Tensor = record(SoftMarginLossBackward0, reduced(losses, how), (x,), (x, t), (how, losses.size))
    return made
