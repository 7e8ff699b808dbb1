"""Maps that act on each spatial axis on its own: adaptive pools, and interpolation.

Each is a matrix an axis, `y = A x B'`; the derivative is the same with transposed matrices. They are sparse:
few elements of the input make an element of the result, and no others are touched (zero times infinity is
NaN).
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ...ops import pooling as kernels
from ...ops.windows import Ints
from ...tape.node import Node, Recorded, wrap
from ...tape.record import record
from ...tensor.tensor import Tensor
from .operands import tensor_of
from .pointwise import floats
from .pooling import MaxPool2DWithIndicesBackward0


def matrix(rows: Any, columns: Any, values: Any, shape: Ints, kind: Any) -> Any:
    """A sparse matrix with these entries, which add up."""
    from scipy.sparse import csr_array

    kind = np.dtype(np.float32) if kind == np.float16 else kind
    return csr_array((np.asarray(values, kind), (rows, columns)), shape)


def mapped(x: Any, matrices: tuple[Any, ...]) -> Any:
    """An array with a matrix applied to each of its last axes; None leaves an axis as it is."""
    kind = x.dtype
    for axis, a in enumerate(matrices, x.ndim - len(matrices)):
        if a is not None:
            front = np.ascontiguousarray(np.moveaxis(x, axis, 0), dtype=a.dtype)
            rest = front.shape[1:]
            made = (a @ front.reshape(front.shape[0], math.prod(rest))).reshape(a.shape[0], *rest)
            x = np.moveaxis(made, 0, axis)
    return np.ascontiguousarray(x, dtype=kind)


class _Mapped(Node):
    """Matrices applied to the last axes; `static` is them."""

    __slots__ = ()

    def backward(self, g: Any) -> Any:
        transposed = tuple([None if a is None else a.T for a in self.static])
        if isinstance(g, Recorded):
            return (record(type(self), mapped(g._a, transposed), (g,), None, transposed),)
        return (mapped(g, transposed),)


def node_class(name: str) -> type[Node]:
    """A node of matrices by the name that it prints."""
    return type(name, (_Mapped,), {"__slots__": (), "__doc__": "Matrices applied to the last axes."})


_MEANS = {rank: node_class(f"AdaptiveAvgPool{rank}DBackward0") for rank in (2, 3)}


class AdaptiveMaxPool2DBackward0(MaxPool2DWithIndicesBackward0):
    """The largest elements of windows of several sizes."""

    __slots__ = ()


def _ends(n: int, count: int) -> tuple[Any, Any]:
    """Where the windows of an adaptive pool begin and end."""
    k = np.arange(count)
    return k * n // count, -(-(k + 1) * n // count)


def _sizes(x: Tensor, output_size: Any, rank: int, name: str) -> Ints:
    """The lengths of the result.

    Raises
    ------
    RuntimeError
        If the tensor has too many or too few axes, or an empty one.
    """
    if x._a.ndim not in (rank + 1, rank + 2):
        raise RuntimeError(f"{name}: Expected {rank + 1}D or {rank + 2}D tensor, but got {list(x._a.shape)}")
    if 0 in x._a.shape[-rank:]:
        raise RuntimeError(
            f"{name}: Expected input to have non-zero size for non-batch dimensions, but input has sizes "
            f"{list(x._a.shape)}"
        )
    given = tuple(output_size) if isinstance(output_size, (tuple, list)) else (output_size,) * rank
    if len(given) == 1:
        given *= rank
    if len(given) != rank:
        raise RuntimeError(f"{name}: output_size must be {rank} integers")
    return tuple([n if k is None else int(k) for k, n in zip(given, x._a.shape[-rank:], strict=True)])


def adaptive_avg_pool(input: Any, output_size: Any, rank: int) -> Any:
    """The means of as many windows as are wanted, over `rank` axes."""
    x = tensor_of(input)
    floats(x, f"adaptive_avg_pool{max(rank, 2)}d", "fc")
    lengths = _sizes(x, output_size, rank, f"adaptive_avg_pool{rank}d()")
    if rank == 1:
        x, lengths = x.unsqueeze(-2), (1, *lengths)
    over = max(rank, 2)
    if all(n == 1 for n in lengths):
        out: Any = x.mean(tuple(range(-over, 0)), keepdim=True)
    else:
        matrices = tuple([_means(n, k, x._a.dtype) for n, k in zip(x._a.shape[-over:], lengths, strict=True)])
        out = record(_MEANS[over], mapped(x._a, matrices), (x,), None, matrices)
    return out.squeeze(-2) if rank == 1 else out


def _means(n: int, count: int, kind: Any) -> Any:
    if n == count:
        return None
    starts, ends = _ends(n, count)
    many = ends - starts
    rows = np.repeat(np.arange(count), many)
    columns = np.concatenate(
        [np.arange(a, b) for a, b in zip(starts, ends, strict=True)] or [np.zeros(0, int)]
    )
    return matrix(rows, columns, np.repeat(1 / np.maximum(many, 1), many), (count, n), kind)


def adaptive_max_pool(input: Any, output_size: Any, rank: int, indices: bool) -> Any:
    """The largest elements of as many windows as are wanted, over `rank` axes."""
    x = tensor_of(input)
    a = floats(x, f"adaptive_max_pool{max(rank, 2)}d", "fiu")
    lengths = _sizes(x, output_size, rank, f"adaptive_max_pool{rank}d()")
    front, spatial = a.shape[: a.ndim - rank], a.shape[a.ndim - rank :]
    places = np.zeros((*front, *lengths), np.int64)
    ends = [_ends(n, k) for n, k in zip(spatial, lengths, strict=True)]
    for where in np.ndindex(*lengths):
        parts = [slice(starts[k], stops[k]) for k, (starts, stops) in zip(where, ends, strict=True)]
        window = a[(..., *parts)]
        sides = window.shape[len(front) :]
        best = np.argmax(window.reshape(*front, math.prod(sides)), axis=-1)  # of NaN the first
        inside = np.unravel_index(best, sides)
        place: Any = 0
        for axis, part in enumerate(parts):
            place = place + (inside[axis] + part.start) * math.prod(spatial[axis + 1 :])
        places[(..., *where)] = place
    values = kernels.gather(a, places, rank)
    out: Any = record(AdaptiveMaxPool2DBackward0, values, (x,), (places,), spatial)
    found: Any = wrap(Tensor, places)
    return (out, found) if indices else out
