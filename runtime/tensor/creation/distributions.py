"""Tensors drawn from distributions whose parameters are tensors."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...ops import promotion
from ...ops.pointwise import mismatch
from ...tape.node import FlatBackward, Recorded, wrap
from ...tape.quiet import quietly
from ...tape.record import record
from ..dtypes import check_device, numpy_dtype
from ..pointwise.pointwise import into
from ..reductions.reductions import title
from ..table import function
from ..tensor import Tensor, tensor_of
from .creation import leaf, shape_of
from .random import source
from .sampling import normals


class NormalBackward1(FlatBackward):
    """Random numbers, which do not depend on the operands."""

    __slots__ = ()


class BernoulliBackward0(NormalBackward1):
    """Zeros and ones, drawn."""

    __slots__ = ()


class PoissonBackward0(NormalBackward1):
    """Counts, drawn."""

    __slots__ = ()


@function(method=False)
@quietly
def normal(
    mean: Any = 0.0,
    std: Any = 1.0,
    size: Any = None,
    *,
    generator: Any = None,
    out: Any = None,
    dtype: Any = None,
    layout: Any = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """Normal random numbers, of the mean and standard deviation given for each or for all.

    Parameters
    ----------
    mean, std
        Tensors or numbers; both numbers if there is a `size`.
    size
        The shape.
    generator
        Where the numbers come from; the default generator without.
    out
        A tensor to write the result to.
    dtype
        The dtype, if there is a `size`; the default float without.
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
        If a standard deviation is negative, or the shapes do not fit.

    Examples
    --------
    >>> import pullback as pb
    >>> pb.normal(pb.tensor([0.0, 100.0]), 0.0)
    tensor([  0., 100.])
    """
    check_device(device)
    check_deviation(std)
    tensors = [v for v in (mean, std) if isinstance(v, Recorded)]
    if size is not None or not tensors:
        kind = promotion.DEFAULT["float"] if dtype is None else numpy_dtype(dtype)
        drawn = normals(source(generator), () if size is None else shape_of((size,)), kind)
        made = leaf((drawn * kind.type(std) + kind.type(mean)).astype(kind), requires_grad)
        return made if out is None else into(out, made)
    a, b = (v._a if isinstance(v, Recorded) else v for v in (mean, std))
    kind = a.dtype if isinstance(mean, Recorded) else b.dtype
    try:
        shape = np.broadcast_shapes(np.shape(a), np.shape(b))
    except ValueError as error:
        raise mismatch(a, b, error) from None
    result = (normals(source(generator), shape, kind) * b + a).astype(kind)
    return into(out, record(NormalBackward1, result, (mean, std), face=Tensor))


def check_deviation(std: Any) -> None:
    """Refuse negative standard deviations.

    Raises
    ------
    RuntimeError
        If there is one.
    """
    if isinstance(std, Recorded):
        if std._a.size and std._a.min() < 0:
            raise RuntimeError("normal expects all elements of std >= 0.0")
    elif std < 0:
        raise RuntimeError(f"normal expects std >= 0.0, but found std {std}")


def chances(p: Any) -> Any:
    """Probabilities, checked."""
    p = p._a if isinstance(p, Recorded) else np.asarray(p)
    if not np.all((p >= 0) & (p <= 1)):
        raise RuntimeError("Expected p_in >= 0 && p_in <= 1 to be true, but got false: p is no probability")
    return p


@function()
def bernoulli(input: Any, p: Any = None, *, generator: Any = None, out: Any = None) -> Tensor:
    """Zeros and ones: ones with the probability that the element of `input` says, or `p`.

    Parameters
    ----------
    input
        A tensor of probabilities; if `p` is given, just a shape and dtype.
    p
        The probability for all.
    generator
        Where the numbers come from; the default generator without.
    out
        A tensor to write the result to.

    Returns
    -------
    Tensor

    Raises
    ------
    RuntimeError
        If a probability is not in [0, 1].
    NotImplementedError
        If probabilities are integers.

    Examples
    --------
    >>> import pullback as pb
    >>> pb.bernoulli(pb.tensor([0.0, 1.0]))
    tensor([0., 1.])
    """
    x = tensor_of(input)
    a = x._a
    if p is None and a.dtype.kind != "f":
        raise NotImplementedError(f"\"bernoulli_tensor_cpu_p_\" not implemented for '{title(a.dtype)}'")
    drawn = source(generator).random(a.shape) < chances(a if p is None else p)
    return into(out, record(BernoulliBackward0, np.asarray(drawn).astype(a.dtype), (x,)))


@function(method=False)
def poisson(input: Any, generator: Any = None) -> Tensor:
    """Counts of the Poisson distributions whose rates are given.

    Parameters
    ----------
    input
        A tensor of rates.
    generator
        Where the numbers come from; the default generator without.

    Returns
    -------
    Tensor

    Raises
    ------
    RuntimeError
        If a rate is negative.

    Examples
    --------
    >>> import pullback as pb
    >>> pb.poisson(pb.zeros(2))
    tensor([0., 0.])
    """
    x = tensor_of(input)
    if x._a.size and x._a.min() < 0:
        raise RuntimeError("invalid Poisson rate, expected rate to be non-negative")
    drawn = np.asarray(source(generator).poisson(x._a))
    return record(PoissonBackward0, drawn.astype(x._a.dtype), (x,))


@function()
def multinomial(
    input: Any, num_samples: int, replacement: bool = False, *, generator: Any = None, out: Any = None
) -> Tensor:
    """Indices drawn with the probabilities that a vector, or each row of a matrix, says.

    Parameters
    ----------
    input
        Weights, not negative; they need not add up to 1.
    num_samples
        How many to draw of each row.
    replacement
        Whether an index may be drawn again.
    generator
        Where the numbers come from; the default generator without.
    out
        A tensor to write the result to.

    Returns
    -------
    Tensor
        Of int64.

    Raises
    ------
    RuntimeError
        If weights are none, or there are too few.

    Examples
    --------
    >>> import pullback as pb
    >>> pb.multinomial(pb.tensor([0.0, 1.0, 0.0]), 3, replacement=True)
    tensor([1, 1, 1])
    """
    a = tensor_of(input)._a
    if a.dtype.kind != "f":
        raise RuntimeError(
            f"multinomial only supports floating-point dtypes for input, got: {title(a.dtype)}"
        )
    if a.ndim not in (1, 2):
        raise RuntimeError("prob_dist must be 1 or 2 dim")
    if num_samples <= 0:
        raise RuntimeError("cannot sample n_sample <= 0 samples")
    if not replacement and num_samples > a.shape[-1]:
        raise RuntimeError("cannot sample n_sample > prob_dist.size(-1) samples without replacement")
    if not np.all(np.isfinite(a)) or np.any(a < 0):
        raise RuntimeError("probability tensor contains either `inf`, `nan` or element < 0")
    if np.any(a.sum(-1) <= 0):
        raise RuntimeError("invalid multinomial distribution (sum of probabilities <= 0)")
    rng, weights = source(generator), np.atleast_2d(a).astype(np.float64)
    if replacement:
        bounds = np.cumsum(weights, 1)
        drawn = rng.random((len(weights), num_samples)) * bounds[:, -1:]
        index = np.stack([np.searchsorted(b, d, "right") for b, d in zip(bounds, drawn, strict=True)])
    else:  # the earliest of events that happen at these rates
        times = rng.standard_exponential(weights.shape)
        index = np.argsort(-weights / np.maximum(times, np.finfo(float).tiny), 1, kind="stable")[
            :, :num_samples
        ]
    index = index.astype(np.int64)
    return into(out, wrap(Tensor, index[0] if a.ndim == 1 else index))
