"""Losses of probabilities: binary cross entropy, of probabilities or logits, and `soft_margin_loss`."""

from __future__ import annotations

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


@fused
def _logistic_slope(x: Any, t: Any, g: Any) -> Any:
    return g * (sigmoid_of(x) - t)


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
    for name, given in (("weight", weight), ("pos_weight", pos_weight)):
        if given is not None:
            refuse_gradient("binary_cross_entropy_with_logits", name, given)
    weight = None if weight is None else tensor_of(weight)
    positive = None if pos_weight is None else tensor_of(pos_weight)
    a, b = promoted(x._a, t._a)
    if a.dtype.kind == "c":
        raise NotImplementedError(f"\"log_sigmoid_cpu\" not implemented for '{title(a.dtype)}'")
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
