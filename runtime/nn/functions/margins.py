"""Losses made of other functions: of margins, distances and distributions."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ...tensor.tensor import Tensor
from .distances import cosine_similarity, pairwise_distance
from .operands import tensor_of
from .reduction import reduced, reduction_of
from .smooth import logsigmoid


def _clamped(x: Any, low: float = 0.0) -> Any:
    return x.clamp_min(low)


def poisson_nll_loss(
    input: Any, target: Any, log_input: bool = True, full: bool = False, size_average: bool | None = None,
    eps: float = 1e-8, reduce: bool | None = None, reduction: str = "mean",
) -> Tensor:  # fmt: skip
    """Minus the log-likelihood of counts under Poisson distributions.

    Parameters
    ----------
    input
        Rates, or their logarithms.
    target
        Counts.
    log_input
        Whether the input is logarithms.
    full
        Add Stirling's formula for the factorials.
    size_average, reduce
        What older code says in place of `reduction`.
    eps
        Added to rates before taking logarithms.
    reduction
        "mean", "sum" or "none".

    Returns
    -------
    Tensor

    Examples
    --------
    >>> import pullback as pb
    >>> pb.nn.functional.poisson_nll_loss(pb.tensor([0.0]), pb.tensor([2.0]))
    tensor(1.)
    """
    how = reduction_of(reduction, size_average, reduce)
    x, t = tensor_of(input), tensor_of(target)
    losses: Any = x.exp() - t * x if log_input else x - t * (x + eps).log()
    if full:
        many = (t > 1)._a
        factorial: Any = t * t.log() - t + 0.5 * (2 * math.pi * t).log()
        losses = losses + factorial.masked_fill(tensor_of(~many), 0)
    made: Tensor = reduced(losses, how)
    return made


def gaussian_nll_loss(
    input: Any, target: Any, var: Any, full: bool = False, eps: float = 1e-6, reduction: str = "mean"
) -> Tensor:
    """Minus the log-likelihood under normal distributions.

    Parameters
    ----------
    input
        Means.
    target
        Samples.
    var
        Variances: of the shape of the input, or without its last axis, or a number.
    full
        Add the constant.
    eps
        The smallest variance.
    reduction
        "mean", "sum" or "none".

    Returns
    -------
    Tensor

    Raises
    ------
    ValueError
        If a variance is negative, or their shape does not fit.

    Examples
    --------
    >>> import pullback as pb
    >>> pb.nn.functional.gaussian_nll_loss(pb.zeros(2), pb.ones(2), pb.ones(2))
    tensor(0.5000)
    """
    how = reduction_of(reduction)
    x, t = tensor_of(input), tensor_of(target)
    if not isinstance(var, Tensor):
        var = x.new_full((), var) if isinstance(var, (int, float)) else tensor_of(var)
    if (var._a < 0).any():
        raise ValueError("var has negative entry/entries")
    shape, given = x._a.shape, var._a.shape
    if given != shape and var._a.ndim:
        if given == shape[:-1]:
            var = var.unsqueeze(-1)
        elif not (shape[:-1] == given[:-1] and given[-1:] == (1,)):
            raise ValueError("var is of incorrect size")
    # The bound has no derivative: below it, that of the variance goes through.
    spread: Any = var + (np.maximum(var._a, eps) - var._a).astype(var._a.dtype)
    losses: Any = 0.5 * (spread.log() + (x - t) ** 2 / spread)
    if full:
        losses = losses + 0.5 * math.log(2 * math.pi)
    made: Tensor = reduced(losses, how)
    return made


def hinge_embedding_loss(
    input: Any,
    target: Any,
    margin: float = 1.0,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """The input for targets 1, `max(0, margin - input)` for targets -1.

    Parameters
    ----------
    input
        Distances.
    target
        1 or -1 each.
    margin
        How far apart is enough.
    size_average, reduce
        What older code says in place of `reduction`.
    reduction
        "mean", "sum" or "none".

    Returns
    -------
    Tensor

    Examples
    --------
    >>> import pullback as pb
    >>> pb.nn.functional.hinge_embedding_loss(pb.tensor([0.25]), pb.tensor([-1.0]))
    tensor(0.7500)
    """
    how = reduction_of(reduction, size_average, reduce)
    x, t = tensor_of(input), tensor_of(target)
    far: Any = _clamped(margin - x).masked_fill(t == 1, 0)
    near: Any = x.masked_fill(t == -1, 0)
    made: Tensor = reduced(far + near, how)
    return made


def margin_ranking_loss(
    input1: Any, input2: Any, target: Any, margin: float = 0.0, size_average: bool | None = None,
    reduce: bool | None = None, reduction: str = "mean",
) -> Tensor:  # fmt: skip
    """`max(0, -target * (input1 - input2) + margin)`: which of two is to be larger.

    Parameters
    ----------
    input1, input2
        Scores.
    target
        1 if the first is to be larger, -1 if the second.
    margin
        By how much.
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
        If the inputs have other dimensions than the target.

    Examples
    --------
    >>> import pullback as pb
    >>> one, two = pb.tensor([1.0]), pb.tensor([3.0])
    >>> pb.nn.functional.margin_ranking_loss(one, two, pb.tensor([1.0]))
    tensor(2.)
    """
    how = reduction_of(reduction, size_average, reduce)
    x, z, t = tensor_of(input1), tensor_of(input2), tensor_of(target)
    if not x._a.ndim == z._a.ndim == t._a.ndim:
        raise RuntimeError(
            "margin_ranking_loss : All input tensors should have same dimension but got sizes: input1: "
            f"{x.shape}, input2: {z.shape}, target: {t.shape} "
        )
    made: Tensor = reduced(_clamped(-t * (x - z) + margin), how)
    return made


def cosine_embedding_loss(
    input1: Any, input2: Any, target: Any, margin: float = 0, size_average: bool | None = None,
    reduce: bool | None = None, reduction: str = "mean",
) -> Tensor:  # fmt: skip
    """`1 - cos` for targets 1, `max(0, cos - margin)` for targets -1.

    Parameters
    ----------
    input1, input2
        Vectors, (N, D) or (D).
    target
        1 or -1 each, (N) or ().
    margin
        From which cosine on vectors are too similar.
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
        If shapes do not fit.

    Examples
    --------
    >>> import pullback as pb
    >>> one, two = pb.tensor([[1.0, 0.0]]), pb.tensor([[0.0, 1.0]])
    >>> pb.nn.functional.cosine_embedding_loss(one, two, pb.tensor([1]))
    tensor(1.)
    """
    how = reduction_of(reduction, size_average, reduce)
    x, z, t = tensor_of(input1), tensor_of(input2), tensor_of(target)
    if t._a.ndim not in (0, 1):
        raise RuntimeError("0D or 1D target tensor expected, multi-target not supported")
    if x._a.ndim != t._a.ndim + 1 or z._a.ndim != t._a.ndim + 1:
        raise RuntimeError(
            f"{t._a.ndim}D target tensor expects {t._a.ndim + 1}D input tensors, but found inputs with sizes "
            f"{list(x._a.shape)} and {list(z._a.shape)}."
        )
    # 1e-12 stands within the roots, as PyTorch has it here and not in cosine_similarity.
    tiny = 1e-12
    cosine: Any = (x * z).sum(-1) / (((x * x).sum(-1) + tiny) * ((z * z).sum(-1) + tiny)).sqrt()
    near: Any = (1 - cosine).masked_fill(t != 1, 0)
    far: Any = _clamped(cosine - margin).masked_fill(t != -1, 0)
    made: Tensor = reduced(near + far, how)
    return made


def triplet_margin_loss(
    anchor: Any, positive: Any, negative: Any, margin: float = 1.0, p: float = 2, eps: float = 1e-6,
    swap: bool = False, size_average: bool | None = None, reduce: bool | None = None, reduction: str = "mean",
) -> Tensor:  # fmt: skip
    """`max(0, |anchor - positive| - |anchor - negative| + margin)`.

    Parameters
    ----------
    anchor, positive, negative
        Vectors, (N, D) or (D).
    margin
        How much farther the negative is to be.
    p
        The norm of the distances.
    eps
        Added to differences.
    swap
        Take the distance of positive and negative, if that is smaller.
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
        If the tensors have other numbers of dimensions.
    ValueError
        If the margin is not positive.

    Examples
    --------
    >>> import pullback as pb
    >>> a, b = pb.zeros(1, 2), pb.ones(1, 2)
    >>> pb.nn.functional.triplet_margin_loss(a, a, b, margin=1.0)
    tensor(0.)
    """
    how = reduction_of(reduction, size_average, reduce)
    if margin <= 0:
        raise ValueError(f"margin must be greater than 0, got {margin}")
    x, near, far = tensor_of(anchor), tensor_of(positive), tensor_of(negative)
    ranks = [v._a.ndim for v in (x, near, far)]
    if len(set(ranks)) > 1:
        raise RuntimeError(
            "The anchor, positive, and negative tensors are expected to have the same number of dimensions, "
            f"but got: anchor {ranks[0]}D, positive {ranks[1]}D, and negative {ranks[2]}D inputs"
        )
    apart: Any = pairwise_distance(x, far, p, eps)
    if swap:
        apart = apart.minimum(pairwise_distance(near, far, p, eps))
    made: Tensor = reduced(_clamped(pairwise_distance(x, near, p, eps) - apart + margin), how)
    return made


def multi_margin_loss(
    input: Any, target: Any, p: int = 1, margin: float = 1.0, weight: Any = None,
    size_average: bool | None = None, reduce: bool | None = None, reduction: str = "mean",
) -> Tensor:  # fmt: skip
    """The mean over classes of `max(0, margin - input[target] + input[class]) ** p`.

    Parameters
    ----------
    input
        Scores, (N, C) or (C).
    target
        Classes, (N) or ().
    p
        1 or 2.
    margin
        How much larger the target's score is to be.
    weight
        A weight for each class.
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
        If `p` is neither 1 nor 2, or shapes do not fit.

    Examples
    --------
    >>> import pullback as pb
    >>> pb.nn.functional.multi_margin_loss(pb.tensor([[0.0, 0.5]]), pb.tensor([1]))
    tensor(0.2500)
    """
    how = reduction_of(reduction, size_average, reduce)
    if p not in (1, 2):
        raise ValueError("only p == 1 and p == 2 supported")
    x, t = tensor_of(input), tensor_of(target)
    if x._a.ndim not in (1, 2):
        raise RuntimeError(
            f"Expected non-empty vector or matrix with optional 0-dim batch size, but got: {list(x._a.shape)}"
        )
    rows, classes = (x, t._a) if x._a.ndim == 2 else (x.unsqueeze(0), np.atleast_1d(t._a))
    samples, count = rows._a.shape
    if classes.shape != (samples,):
        raise RuntimeError(
            "multi_margin_loss: target tensor should be 1-D with size equal to the number of input samples "
            f"(batch size). Expected target size [{samples}], but got {list(t._a.shape)}. Input has shape "
            f"{list(x._a.shape)}."
        )
    if weight is not None and tensor_of(weight)._a.shape != (count,):
        given = list(tensor_of(weight)._a.shape)
        raise RuntimeError(f"inconsistent weight size, expected {count} but got {given}")
    places = tensor_of(classes[:, None].astype(np.int64))
    terms: Any = _clamped(margin - rows.gather(1, places) + rows)
    if p == 2:
        terms = terms * terms
    if weight is not None:
        terms = terms * tensor_of(weight)[tensor_of(classes)].unsqueeze(1)
    own = np.arange(count) == classes[:, None]
    losses = terms.masked_fill(tensor_of(own), 0).sum(1) / count
    made: Tensor = reduced(losses if x._a.ndim == 2 else losses.squeeze(0), how)
    return made


def multilabel_soft_margin_loss(
    input: Any, target: Any, weight: Any = None, size_average: bool | None = None, reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:  # fmt: skip
    """The mean over classes of the binary cross entropy of `sigmoid(input)`.

    Parameters
    ----------
    input
        Logits, (N, C).
    target
        0 or 1 for each class.
    weight
        A weight for each class.
    size_average, reduce
        What older code says in place of `reduction`.
    reduction
        "mean", "sum" or "none".

    Returns
    -------
    Tensor

    Examples
    --------
    >>> import pullback as pb
    >>> pb.nn.functional.multilabel_soft_margin_loss(pb.zeros(1, 2), pb.tensor([[0.0, 1.0]]))
    tensor(0.6931)
    """
    how = reduction_of(reduction, size_average, reduce)
    x, t = tensor_of(input), tensor_of(target)
    terms: Any = -(t * logsigmoid(x) + (1 - t) * logsigmoid(-x))
    if weight is not None:
        terms = terms * tensor_of(weight)
    made: Tensor = reduced(terms.sum(-1) / x._a.shape[-1], how)
    return made


__all__ = [
    "cosine_embedding_loss", "cosine_similarity", "gaussian_nll_loss", "hinge_embedding_loss",
    "margin_ranking_loss", "multi_margin_loss", "multilabel_soft_margin_loss", "pairwise_distance",
    "poisson_nll_loss", "triplet_margin_loss",
]  # fmt: skip
