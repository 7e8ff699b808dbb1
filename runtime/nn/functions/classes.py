"""Losses of classes: `nll_loss`, `cross_entropy`, `kl_div`."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from ...ops.pointwise import quiet
from ...tape.node import Node, Recorded, wrap
from ...tape.record import like, record
from ...tensor.tensor import Tensor
from .operands import refuse_gradient, tensor_of
from .pointwise import floats
from .reduction import reduced, reduction_of
from .softmax import log_softmax

_divided = quiet(np.divide)


class NllLossBackward0(Node):
    """-x at the classes, weighed; `static` is the shape of x. The saved weights are divided by their sum
    for a mean.
    """

    __slots__ = ()

    def backward(self, g: Any, classes: Any, weights: Any) -> Any:
        places = np.expand_dims(np.asarray(classes), 1)
        slope = np.zeros(self.static, weights.dtype)
        if isinstance(g, Recorded):
            np.put_along_axis(slope, places, -np.expand_dims(weights, 1), 1)
            at: Any = g
            return (like(slope, g) * (at if g._a.ndim == 0 else np.expand_dims(at, 1)),)
        np.put_along_axis(slope, places, np.expand_dims(-weights * g, 1), 1)
        return (slope,)


class NllLoss2DBackward0(NllLossBackward0):
    """`NllLossBackward0` with axes behind that of the classes."""

    __slots__ = ()


def _check(x: Tensor, t: Tensor, weight: Any) -> None:
    """Refuse targets and weights that do not fit.

    Raises
    ------
    ValueError, RuntimeError
        If they do not.
    """
    a, b = x._a, t._a
    if b.dtype not in (np.int64, np.uint8, np.int32):
        raise RuntimeError(
            "expected target dtype to be Long or Byte, but got "
            f"{t._kind().removeprefix('torch.').removesuffix('Tensor')}"
        )
    if a.ndim == 1:
        if b.ndim > 0:
            raise ValueError("For 1D input, 0D target expected: one class index for one row of scores.")
    elif a.shape[0] != (b.shape[0] if b.ndim else 0):
        raise ValueError(
            f"Expected input batch_size ({a.shape[0]}) to match target batch_size "
            f"({b.shape[0] if b.ndim else 0})."
        )
    elif b.shape != (a.shape[0], *a.shape[2:]):
        raise RuntimeError(f"Expected target size {[a.shape[0], *a.shape[2:]]}, got {list(b.shape)}")
    count = a.shape[1] if a.ndim > 1 else a.shape[0]
    if weight is not None and weight._a.shape != (count,):
        raise RuntimeError(
            f"weight tensor should be defined either for all {count} classes or no classes but got weight "
            f"tensor of shape: {list(weight._a.shape)}"
        )


def nll_loss(
    input: Any, target: Any, weight: Any = None, size_average: bool | None = None, ignore_index: int = -100,
    reduce: bool | None = None, reduction: str = "mean",
) -> Tensor:  # fmt: skip
    """The mean of minus the log-probabilities of the target classes.

    Parameters
    ----------
    input
        Log-probabilities, (C), (N, C) or (N, C, …).
    target
        Classes, (), (N) or (N, …).
    weight
        A weight for each class; the mean is weighed.
    size_average, reduce
        What older code says in place of `reduction`.
    ignore_index
        A class that does not count.
    reduction
        "mean", "sum" or "none".

    Returns
    -------
    Tensor

    Raises
    ------
    IndexError
        If there is no such class.
    ValueError, RuntimeError
        If shapes or dtypes do not fit, or the weights require a gradient.

    Examples
    --------
    >>> import pullback as pb
    >>> pb.nn.functional.nll_loss(pb.tensor([[-0.5, -1.0]]), pb.tensor([1]))
    tensor(1.)
    """
    how = reduction_of(reduction, size_average, reduce)
    x, t = tensor_of(input), tensor_of(target)
    weight = None if weight is None else tensor_of(weight)
    floats(x, "nll_loss_out_frame")
    _check(x, t, weight)
    refuse_gradient("nll_loss2d_forward" if x._a.ndim > 2 else "nll_loss_forward", "weight", weight)
    a, classes = (x._a, t._a) if x._a.ndim > 1 else (x._a[None], t._a[None])
    counted = classes != ignore_index
    classes = np.where(counted, classes, 0).astype(np.int64)
    wrong = counted & ((classes < 0) | (classes >= a.shape[1]))
    if wrong.any():
        raise IndexError(f"Target {int(classes[wrong][0])} is out of bounds.")
    weights = (np.ones((), a.dtype) if weight is None else weight._a[classes]) * counted.astype(a.dtype)
    if how == "mean":
        weights = _divided(weights, weights.sum())
    losses = -weights * np.take_along_axis(a, classes[:, None], 1)[:, 0]
    result = reduced(losses, "none" if how == "none" else "sum")
    if x._a.ndim == 1:
        x = x.unsqueeze(0)
        result = result.reshape(())
    node = NllLossBackward0 if x._a.ndim < 3 else NllLoss2DBackward0
    made: Tensor = record(node, result, (x,), (classes, weights), a.shape)
    return made


def cross_entropy(
    input: Any, target: Any, weight: Any = None, size_average: bool | None = None, ignore_index: int = -100,
    reduce: bool | None = None, reduction: str = "mean", label_smoothing: float = 0.0,
) -> Tensor:  # fmt: skip
    """The cross entropy of `softmax(input)` with target classes, or with target probabilities.

    Parameters
    ----------
    input
        Logits, (C), (N, C) or (N, C, …).
    target
        Classes, (), (N) or (N, …); or probabilities of the shape of the input.
    weight
        A weight for each class.
    size_average, reduce
        What older code says in place of `reduction`.
    ignore_index
        A class that does not count.
    reduction
        "mean", "sum" or "none".
    label_smoothing
        Which share of the target is spread evenly over all classes.

    Returns
    -------
    Tensor

    Raises
    ------
    IndexError
        If there is no such class.
    ValueError, RuntimeError
        If shapes, dtypes or `label_smoothing` do not fit; if weights of target classes require a gradient.

    Examples
    --------
    >>> import pullback as pb
    >>> pb.nn.functional.cross_entropy(pb.tensor([[0.0, 0.0]]), pb.tensor([1]))
    tensor(0.6931)
    """
    how = reduction_of(reduction, size_average, reduce)
    x, t = tensor_of(input), tensor_of(target)
    if not 0 <= label_smoothing <= 1:
        raise RuntimeError(f"label_smoothing must be between 0.0 and 1.0. Got: {label_smoothing}")
    axis = 0 if x._a.ndim == 1 else 1
    if x._a.shape == t._a.shape:
        return _of_probabilities(x, t, weight, how, label_smoothing, ignore_index, axis)
    scores = log_softmax(x, axis)
    loss: Any = nll_loss(scores, t, weight, None, ignore_index, None, how)
    if not label_smoothing:
        return loss
    return (1 - label_smoothing) * loss + _evenly(scores, t, weight, how, ignore_index, axis) * (
        label_smoothing / x._a.shape[axis]
    )


def _evenly(scores: Tensor, t: Tensor, weight: Any, how: str, ignored: int, axis: int) -> Any:
    """The loss of a target spread evenly: what label smoothing mixes in, times the number of classes."""
    counted = t._a != ignored
    kind = scores._a.dtype
    if weight is not None:
        weight = tensor_of(weight)
        scores = scores * weight.reshape(-1, *(1,) * (scores._a.ndim - 1 - axis))
    losses = -scores.sum(axis) * wrap(Tensor, np.asarray(counted.astype(kind)))
    if how != "mean":
        return reduced(losses, how)
    classes = np.where(counted, t._a, 0)
    total = counted.sum() if weight is None else (weight._a[classes] * counted).sum()
    return losses.sum() / wrap(Tensor, np.asarray(total, kind))


def _of_probabilities(
    x: Tensor, t: Tensor, weight: Any, how: str, smoothing: float, ignored: int, axis: int
) -> Tensor:
    if t._a.dtype.kind not in "f":
        title = t._kind().removeprefix("torch.").removesuffix("Tensor")
        raise RuntimeError(f"Expected floating point type for target with class probabilities, got {title}")
    if ignored >= 0:
        raise RuntimeError("ignore_index is not supported for floating point target")
    count = x._a.shape[axis]
    wanted: Any = t
    if smoothing:
        wanted = wanted * (1 - smoothing) + smoothing / count
    terms: Any = log_softmax(x, axis) * wanted
    if weight is not None:
        terms = terms * tensor_of(weight).reshape(-1, *(1,) * (x._a.ndim - 1 - axis))
    if how == "none":
        return -terms.sum(axis)
    total = -terms.sum()
    return total / (x._a.size // count) if how == "mean" else total


def kl_div(
    input: Any, target: Any, size_average: bool | None = None, reduce: bool | None = None,
    reduction: str = "mean", log_target: bool = False,
) -> Tensor:  # fmt: skip
    """The Kullback–Leibler divergence `target * (log(target) - input)`.

    Parameters
    ----------
    input
        Log-probabilities.
    target
        Probabilities, or their logarithms.
    size_average, reduce
        What older code says in place of `reduction`.
    reduction
        "batchmean" divides by the length of axis 0, "mean" by the number of elements; "sum" or "none".
    log_target
        Whether the target is logarithms.

    Returns
    -------
    Tensor

    Raises
    ------
    ValueError, RuntimeError
        If there is no such reduction, or inputs are integers.

    Examples
    --------
    >>> import pullback as pb
    >>> pb.nn.functional.kl_div(pb.tensor([0.5]).log(), pb.tensor([0.5]), reduction="sum")
    tensor(0.)
    """
    if reduction == "batchmean" and size_average is None and reduce is None:
        how = "sum"
    else:
        how = reduction_of(reduction, size_average, reduce)
        if how == "mean":
            warnings.warn(
                "reduction: 'mean' divides the total loss by both the batch size and the support size."
                "'batchmean' divides only by the batch size, and aligns with the KL math definition."
                "'mean' will be changed to behave the same as 'batchmean' in the next major release.",
                UserWarning,
                stacklevel=2,
            )
    x, t = tensor_of(input), tensor_of(target)
    if x._a.dtype.kind not in "f" or t._a.dtype.kind not in "f":
        raise RuntimeError("kl_div: Integral inputs not supported.")
    losses: Any = t.exp() * (t - x) if log_target else xlogx(t) - t * x
    total = reduced(losses, how)
    return total / x._a.shape[0] if reduction == "batchmean" and x._a.ndim else total


class XlogyBackward0(Node):
    """x log x, 0 at 0."""

    __slots__ = ()

    def backward(self, g: Any, x: Any) -> Any:
        return (g * (np.log(x) + 1),)


def xlogx(x: Tensor) -> Any:
    """x log x, 0 at 0."""
    a = x._a
    safe = np.where(a == 0, 1, a)
    return record(XlogyBackward0, quiet(lambda: a * np.log(safe))().astype(a.dtype, copy=False), (x,), (x,))
