"""`scatter_reduce`: elements combined at the places that a tensor of indices tells."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...tape.node import Node, Recorded, wrap
from ...tape.record import record
from ..table import function
from ..tensor import Tensor, tensor_of
from .scattering import _embedded, _key, _same_dtype, scatter_add
from .selecting import gather

_WAYS = {"sum": np.add, "mean": np.add, "prod": np.multiply, "amax": np.maximum, "amin": np.minimum}
_START = {"sum": 0, "mean": 0, "prod": 1}


def _lift(value: Any) -> Any:
    """A value as a tensor, for rules that are written with functions of tensors."""
    return value if isinstance(value, Recorded) else wrap(Tensor, np.asarray(value))


class ScatterReduceBackward0(Node):
    """Elements combined; `static` is the way, the axis, NumPy's index, and whether what was there counts."""

    __slots__ = ()
    saves_results = 1

    def backward(self, g: Any, x: Any, index: Any, src: Any, result: Any) -> Any:
        way, dim, key, include = self.static
        plain = not isinstance(g, Recorded)
        g, x, index, src, result = (_lift(v) for v in (g, x, index, src, result))
        corner = tuple(slice(n) for n in index._a.shape)
        part = src[corner] if src._a.shape != index._a.shape else src
        rule = {"sum": _sum, "mean": _mean, "prod": _prod, "amax": _extreme, "amin": _extreme}[way]
        one, two = rule(g, x, dim, index, part, result, include)
        if not include:
            untouched = np.ones(x._a.shape, bool)
            untouched[key] = False
            one = one * wrap(Tensor, untouched)
        two = _embedded(two, src._a.shape)
        found = (one if self.edges[0] is not None else None, two if self.edges[1] is not None else None)
        return tuple(v._a if plain and v is not None else v for v in found)


def _sum(g: Any, x: Any, dim: int, index: Any, part: Any, result: Any, include: bool) -> Any:
    return g, gather(g, dim, index)


def _mean(g: Any, x: Any, dim: int, index: Any, part: Any, result: Any, include: bool) -> Any:
    shape, kind = x._a.shape, g._a.dtype
    counts = wrap(Tensor, np.full(shape, 1.0 if include else 0.0, kind))
    counts = scatter_add(counts, dim, index, wrap(Tensor, np.ones(part._a.shape, kind)))
    shared = g / wrap(Tensor, np.maximum(counts._a, 1))
    return shared, gather(shared, dim, index)


def _extreme(g: Any, x: Any, dim: int, index: Any, part: Any, result: Any, include: bool) -> Any:
    kind = g._a.dtype
    top = result._a
    mine = ((x._a == top) if include else np.zeros(x._a.shape)).astype(kind)
    theirs = (part._a == gather(wrap(Tensor, top), dim, index)._a).astype(kind)
    count = scatter_add(wrap(Tensor, mine), dim, index, wrap(Tensor, theirs))
    shared = g / wrap(Tensor, np.maximum(count._a, 1))
    kept = mine if include else np.ones(x._a.shape, kind)
    return shared * wrap(Tensor, kept), gather(shared, dim, index) * wrap(Tensor, theirs)


def _prod(g: Any, x: Any, dim: int, index: Any, part: Any, result: Any, include: bool) -> Any:
    """Each factor gets the product of the others, which division gives where it is not zero."""
    ones, zero_x = np.ones_like(x._a), x._a == 0
    divisor = x * wrap(Tensor, ~zero_x) + wrap(Tensor, zero_x.astype(x._a.dtype))
    without = scatter_reduce(divisor, dim, index, part, "prod")
    one = g * without / divisor  # the factor that was there is in the product, and taken out again
    zero = part._a == 0
    base = x if include else wrap(Tensor, ones)
    zeros = np.zeros(x._a.shape, np.int64)
    count = scatter_add(wrap(Tensor, zeros), dim, index, wrap(Tensor, zero.astype(np.int64)))
    alone = zero & (gather(count, dim, index)._a == 1)
    patched = part * wrap(Tensor, ~alone) + wrap(Tensor, alone.astype(x._a.dtype))
    others = scatter_reduce(base, dim, index, patched, "prod")
    dividend = part * wrap(Tensor, ~zero) + wrap(Tensor, zero.astype(x._a.dtype))
    product = scatter_reduce(base, dim, index, part, "prod")
    usual = gather(g * product, dim, index) / dividend
    single = gather(g * others, dim, index)
    two = usual * wrap(Tensor, ~alone) + single * wrap(Tensor, alone)
    return one, two


@function(inplace=True)
def scatter_reduce(
    input: Any, dim: int, index: Any, src: Any, reduce: str, *, include_self: bool = True
) -> Tensor:
    """A copy in which elements of another tensor are combined at the places of an index along an axis.

    Parameters
    ----------
    input
        A tensor.
    dim
        The axis.
    index
        A tensor of integers, of as many axes.
    src
        What to combine: a tensor of as many axes, not shorter than the index.
    reduce
        "sum", "prod", "mean", "amax" or "amin".
    include_self
        What was there counts too.

    Returns
    -------
    Tensor

    Raises
    ------
    IndexError, RuntimeError
        If there is no such axis or way, the shapes or dtypes do not fit, or an index is out of bounds.

    Examples
    --------
    >>> import pullback as pb
    >>> x, index = pb.tensor([1.0, 2.0]), pb.tensor([0, 0, 1])
    >>> pb.scatter_reduce(x, 0, index, pb.tensor([5.0, 7.0, 1.0]), "amax")
    tensor([7., 2.])
    """
    x, s = tensor_of(input), tensor_of(src)
    if reduce not in _WAYS:
        raise RuntimeError(f"reduce argument must be either sum, prod, mean, amax or amin, got {reduce}.")
    key, where = _key("scatter_reduce", x, dim, index, s)
    _same_dtype("scatter_reduce", x, s)
    result = x._a.copy()
    part = s._a[tuple(slice(n) for n in where.shape)]
    if not include_self:
        result[key] = _START[reduce] if reduce in _START else _lowest(x._a.dtype, reduce)
    _WAYS[reduce].at(result, key, part)
    if reduce == "mean":
        counts = np.full(x._a.shape, int(include_self))
        np.add.at(counts, key, 1)
        counts = np.maximum(counts, 1)
        result = result // counts if result.dtype.kind in "iu" else (result / counts).astype(x._a.dtype)
    made: Tensor = record(
        ScatterReduceBackward0, result, (x, s), (x, tensor_of(index), s), (reduce, dim, key, include_self)
    )
    return made


def _lowest(kind: Any, reduce: str) -> Any:
    """What every element is more than, or less than."""
    if kind.kind == "f":
        return -np.inf if reduce == "amax" else np.inf
    if kind.kind == "b":
        return reduce == "amin"
    limits = np.iinfo(kind)
    return limits.min if reduce == "amax" else limits.max
