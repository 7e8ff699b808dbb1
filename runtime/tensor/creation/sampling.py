"""New tensors of random numbers: evenly distributed, normal, integers, permutations."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...ops import promotion
from ..dtypes import check_device, numpy_dtype
from ..pointwise.pointwise import into
from ..reductions.reductions import title
from ..table import function, put
from ..tensor import Tensor
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
