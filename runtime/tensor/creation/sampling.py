"""New tensors of random numbers."""

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
from ..table import function, put
from ..tensor import Tensor, tensor_of
from .creation import leaf, shape_of
from .likes import alike
from .random import source


def uniform(rng: np.random.Generator, shape: Any, kind: np.dtype[Any]) -> Any:
    """Numbers in [0, 1) of a float or complex dtype."""
    if kind.kind == "c":
        part = np.dtype(f"f{kind.itemsize // 2}")
        return (uniform(rng, shape, part) + 1j * uniform(rng, shape, part)).astype(kind)
    if kind.kind != "f":
        raise NotImplementedError(f"\"check_uniform_bounds\" not implemented for '{title(kind)}'")
    if kind.itemsize == 2:  # a rounded float could be 1
        return (rng.integers(0, 2048, shape) / 2048).astype(kind)
    return rng.random(shape, kind)


def normals(rng: np.random.Generator, shape: Any, kind: np.dtype[Any]) -> Any:
    """Standard normal numbers; complex ones of variance 1."""
    if kind.kind == "c":
        part = np.dtype(f"f{kind.itemsize // 2}")
        both = normals(rng, shape, part) + 1j * normals(rng, shape, part)
        return (both * np.sqrt(0.5)).astype(kind)
    if kind.kind != "f":
        raise NotImplementedError(f"\"normal_kernel_cpu\" not implemented for '{title(kind)}'")
    if kind.itemsize == 2:
        return np.asarray(rng.standard_normal(shape, np.float32)).astype(kind)
    return rng.standard_normal(shape, kind)


_DRAWN = {
    "rand": (uniform, "Random numbers, evenly distributed in [0, 1)"),
    "randn": (normals, "Random numbers of the standard normal distribution"),
}


def _declare(name: str, draw: Any, summary: str) -> None:
    def new(
        *size: Any,
        generator: Any = None,
        out: Any = None,
        dtype: Any = None,
        layout: Any = None,
        device: Any = None,
        requires_grad: bool = False,
        pin_memory: bool = False,
    ) -> Tensor:
        check_device(device)
        kind = promotion.DEFAULT["float"] if dtype is None else numpy_dtype(dtype)
        made = leaf(draw(source(generator), shape_of(size), kind), requires_grad)
        return made if out is None else into(out, made)

    def like_(
        input: Any,
        *,
        generator: Any = None,
        dtype: Any = None,
        layout: Any = None,
        device: Any = None,
        requires_grad: bool = False,
        memory_format: Any = None,
    ) -> Tensor:
        array = alike(input, dtype, device)
        return leaf(draw(source(generator), array.shape, array.dtype), requires_grad)

    ending = """
    generator
        Where the numbers come from; the default generator without.
    dtype
        The dtype.
    layout, device, {more}
        Strided, the CPU; have no effect.
    requires_grad
        Record operations on it.

    Returns
    -------
    Tensor

    Raises
    ------
    NotImplementedError
        If the dtype is none of floats or complex numbers.

    Examples
    --------
    >>> import pullback as pb
    >>> pb.{call}.shape
    pullback.Size([2, 3])
    """
    new.__name__ = new.__qualname__ = name
    new.__doc__ = f"""{summary}.

    Parameters
    ----------
    size
        The shape: numbers, or one sequence.
    out
        A tensor to write the result to.""" + ending.format(more="pin_memory", call=f"{name}(2, 3)")
    like_.__name__ = like_.__qualname__ = f"{name}_like"
    like_.__doc__ = f"""{summary}, of the shape of a tensor.

    Parameters
    ----------
    input
        A tensor.""" + ending.format(more="memory_format", call=f"{name}_like(pb.zeros(2, 3))")
    put(name, new, method=False)
    put(f"{name}_like", like_, method=False)


for _name, (_draw, _summary) in _DRAWN.items():
    _declare(_name, _draw, _summary)


def integers(rng: np.random.Generator, low: int, high: int, shape: Any, kind: np.dtype[Any]) -> Any:
    """Integers in [low, high)."""
    if low >= high:
        raise RuntimeError(f"random_ expects 'from' to be less than 'to', but got from={low} >= to={high}")
    wide = np.uint64 if high > 1 << 63 else np.int64
    return rng.integers(low, high, shape, wide).astype(kind)


@function(method=False)
def randint(
    *args: Any,
    low: Any = None,
    high: Any = None,
    size: Any = None,
    generator: Any = None,
    out: Any = None,
    dtype: Any = None,
    layout: Any = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """Random integers, evenly distributed: `randint(high, size)`, `randint(low, high, size)`.

    Parameters
    ----------
    args
        `high` and `size`, or `low`, `high` and `size`.
    low, high
        The smallest number, 0 without, and the end, which is not drawn.
    size
        The shape.
    generator
        Where the numbers come from; the default generator without.
    out
        A tensor to write the result to.
    dtype
        The dtype; int64 without.
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
        If there is no number to draw.
    TypeError
        If the end or the shape is missing.

    Examples
    --------
    >>> import pullback as pb
    >>> bool((pb.randint(3, 5, (10,)) < 5).all())
    True
    """
    check_device(device)
    given = list(args)
    if size is None and given:
        size = given.pop()
    if high is None and given:
        high = given.pop()
    if low is None:
        low = given.pop() if given else 0
    if high is None or size is None or given:
        raise TypeError("randint(): expected randint(high, size) or randint(low, high, size)")
    kind = promotion.INT if dtype is None else numpy_dtype(dtype)
    made = leaf(integers(source(generator), int(low), int(high), shape_of((size,)), kind), requires_grad)
    return made if out is None else into(out, made)


@function(method=False)
def randint_like(
    input: Any,
    *args: Any,
    low: Any = None,
    high: Any = None,
    generator: Any = None,
    dtype: Any = None,
    layout: Any = None,
    device: Any = None,
    requires_grad: bool = False,
    memory_format: Any = None,
) -> Tensor:
    """Random integers of the shape of a tensor: `randint_like(input, high)`, `(input, low, high)`.

    Parameters
    ----------
    input
        A tensor.
    args
        `high`, or `low` and `high`.
    low, high
        The smallest number, 0 without, and the end, which is not drawn.
    generator
        Where the numbers come from; the default generator without.
    dtype
        The dtype; that of `input` without.
    layout, device, memory_format
        Strided, the CPU; have no effect.
    requires_grad
        Record operations on it.

    Returns
    -------
    Tensor

    Raises
    ------
    RuntimeError
        If there is no number to draw.

    Examples
    --------
    >>> import pullback as pb
    >>> pb.randint_like(pb.zeros(2), 1)
    tensor([0., 0.])
    """
    array = alike(input, dtype, device)
    made = randint(*args, low=low, high=high, size=array.shape, generator=generator)
    return leaf(made._a.astype(array.dtype), requires_grad)


@function(method=False)
def randperm(
    n: int,
    *,
    generator: Any = None,
    out: Any = None,
    dtype: Any = None,
    layout: Any = None,
    device: Any = None,
    requires_grad: bool = False,
    pin_memory: bool = False,
) -> Tensor:
    """The integers below n in random order.

    Parameters
    ----------
    n
        How many.
    generator
        Where the order comes from; the default generator without.
    out
        A tensor to write the result to.
    dtype
        The dtype; int64 without.
    layout, device, pin_memory
        Strided, the CPU; have no effect.
    requires_grad
        Record operations on it.

    Returns
    -------
    Tensor

    Raises
    ------
    RuntimeError
        If n is negative.

    Examples
    --------
    >>> import pullback as pb
    >>> sorted(pb.randperm(4).tolist())
    [0, 1, 2, 3]
    """
    check_device(device)
    if n < 0:
        raise RuntimeError(f"Trying to create tensor with negative dimension {n}: [{n}]")
    kind = promotion.INT if dtype is None else numpy_dtype(dtype)
    made = leaf(source(generator).permutation(n).astype(kind), requires_grad)
    return made if out is None else into(out, made)


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
