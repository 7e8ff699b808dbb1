"""Pools with windows of one size: `max_pool2d`, `avg_pool2d` and their kin."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ...ops import pooling as kernels
from ...ops.windows import Ints, Windows
from ...tape.node import Node, Recorded, wrap
from ...tape.record import like, record
from ...tensor.tensor import Tensor
from .activations import relu
from .operands import tensor_of
from .pointwise import floats
from .sizes import several


class _MaxPool(Node):
    """The largest elements of windows; `static` is the spatial lengths of x. Saved is where they are."""

    __slots__ = ()

    def backward(self, g: Any, places: Any) -> Any:
        return (scattered(g, places, self.static),)


class MaxPool2DWithIndicesBackward0(_MaxPool):
    """The largest elements of windows over two axes."""

    __slots__ = ()


class MaxPool3DWithIndicesBackward0(_MaxPool):
    """The largest elements of windows over three axes."""

    __slots__ = ()


class MaxUnpool2DBackward0(Node):
    """Numbers put to places of planes: the derivative of a maximum."""

    __slots__ = ()

    def backward(self, g: Any, places: Any) -> Any:
        return (chosen(g, places, self.static),)


def scattered(g: Any, places: Any, lengths: Ints) -> Any:
    """Numbers added up at places of planes, of tensors or arrays."""
    if isinstance(g, Recorded):
        sums = kernels.scatter(g._a, places, lengths)
        return record(MaxUnpool2DBackward0, sums, (g,), (places,), lengths)
    return kernels.scatter(g, places, lengths)


def chosen(x: Any, places: Any, lengths: Ints) -> Any:
    """The elements at places of planes, of tensors or arrays."""
    if isinstance(x, Recorded):
        found = kernels.gather(x._a, places, len(lengths))
        return record(MaxPool2DWithIndicesBackward0, found, (x,), (places,), lengths)
    return kernels.gather(x, places, len(lengths))


class AvgPool2DBackward0(Node):
    """Sums of windows; `static` is the windows, their numbers and the lengths of x."""

    __slots__ = ()

    def backward(self, g: Any, *divisor: Any) -> Any:
        return (_summed_back(g / like(divisor[0], g), *self.static),)


class AvgPool3DBackward0(AvgPool2DBackward0):
    """Sums of windows over three axes."""

    __slots__ = ()


class _SummedBack(Node):
    """The transpose of sums of windows; `static` is as that of `AvgPool2DBackward0`."""

    __slots__ = ()

    def backward(self, g: Any) -> Any:
        windows, count, _ = self.static
        if isinstance(g, Recorded):
            one = np.ones((), g._a.dtype)
            return (
                record(AvgPool2DBackward0, kernels.sums(g._a, windows, count), (g,), (one,), self.static),
            )
        return (kernels.sums(g, windows, count),)

    def name(self) -> str:
        return "AvgPool2DBackwardBackward0"


def _summed_back(g: Any, windows: Windows, count: Ints, lengths: Ints) -> Any:
    if isinstance(g, Recorded):
        result = kernels.sums_transposed(g._a, windows, count, lengths)
        return record(_SummedBack, result, (g,), None, (windows, count, lengths))
    return kernels.sums_transposed(g, windows, count, lengths)


# ---- checks
def _check_rank(x: Any, rank: int) -> None:
    """Refuse other tensors than (N, C, …) and (C, …).

    Raises
    ------
    RuntimeError
        If it has too many or too few axes, or a plane is empty.
    """
    if x._a.ndim not in (rank + 1, rank + 2) or 0 in x._a.shape[1 if x._a.ndim == rank + 2 else 0 :]:
        raise RuntimeError(f"non-empty {rank + 1}D or {rank + 2}D (batch mode) tensor expected for input")


def _windows(rank: int, kernel: Any, stride: Any, padding: Any, dilation: Any = 1) -> Windows:
    """Windows with checked sizes.

    Raises
    ------
    RuntimeError
        If a size is not positive, or the padding too large.
    """
    lengths = several(kernel, rank, "kernel_size")
    none = stride is None or (isinstance(stride, (tuple, list)) and not stride)
    steps = lengths if none else several(stride, rank, "stride")
    before, spread = several(padding, rank, "padding"), several(dilation, rank, "dilation")
    if min(lengths) <= 0:
        raise RuntimeError(f"kernel size should be greater than zero, but got {lengths}")
    if min(steps) <= 0:
        raise RuntimeError("stride should not be zero")
    if min(spread) <= 0:
        raise RuntimeError("dilation should be greater than zero")
    for p, k, d in zip(before, lengths, spread, strict=True):
        if p < 0:
            raise RuntimeError(f"pad must be non-negative, but got pad: {p}")
        if p > ((k - 1) * d + 1) // 2:
            raise RuntimeError(
                f"pad should be at most half of effective kernel size, but got pad={p}, kernel_size={k} and "
                f"dilation={d}"
            )
    return Windows(lengths, steps, tuple([(p, p) for p in before]), spread)


def _count(windows: Windows, lengths: Ints, ceil: bool, shape: Ints) -> Ints:
    """How many windows there are; with `ceil`, one more that begins inside of the input or its padding.

    Raises
    ------
    RuntimeError
        If there are none.
    """
    count = []
    for n, padded, extent, s, (low, _) in zip(
        lengths, windows.padded(lengths), windows.extents(), windows.stride, windows.padding, strict=True
    ):
        many = (padded - extent + (s - 1 if ceil else 0)) // s + 1
        if ceil and (many - 1) * s >= n + low:
            many -= 1
        count.append(many)
    if min(count) < 1:
        channels = shape[-len(lengths) - 1]
        raise RuntimeError(
            f"Given input size: ({'x'.join(map(str, (channels, *lengths)))}). Calculated output size: "
            f"({'x'.join(map(str, (channels, *[max(n, 0) for n in count])))}). Output size is too small"
        )
    return tuple(count)


def _over_two_axes(x: Any, windows: Windows) -> tuple[Any, Windows]:
    """A pool over one axis as one over two, of which the first has length 1."""
    return x.unsqueeze(-2), Windows(
        (1, *windows.kernel), (1, *windows.stride), ((0, 0), *windows.padding), (1, *windows.dilation)
    )


def max_pool(
    input: Any, rank: int, kernel: Any, stride: Any, padding: Any, dilation: Any, ceil: bool, indices: bool
) -> Any:
    """The largest elements of windows over `rank` axes, checked.

    Raises
    ------
    RuntimeError, NotImplementedError
        If sizes or the dtype do not fit.
    """
    x = tensor_of(input)
    windows = _windows(rank, kernel, stride, padding, dilation)
    _check_rank(x, rank)
    if rank == 1:
        x, windows = _over_two_axes(x, windows)
    a = floats(x, f"max_pool{max(rank, 2)}d", "fiu")
    lengths = a.shape[-max(rank, 2) :]
    count = _count(windows, lengths, ceil, a.shape)
    values, places = kernels.largest(a, windows, count)
    node = MaxPool3DWithIndicesBackward0 if rank == 3 else MaxPool2DWithIndicesBackward0
    out: Any = record(node, values, (x,), (places,), lengths)
    where: Any = wrap(Tensor, places)
    if rank == 1:
        out, where = out.squeeze(-2), where.squeeze(-2)
    return (out, where) if indices else out


def avg_pool(
    input: Any,
    rank: int,
    kernel: Any,
    stride: Any,
    padding: Any,
    ceil: bool,
    with_padding: bool,
    divisor: Any,
) -> Any:
    """The means of windows over `rank` axes, checked.

    Raises
    ------
    RuntimeError, NotImplementedError
        If sizes or the dtype do not fit.
    """
    x = tensor_of(input)
    windows = _windows(rank, kernel, stride, padding)
    if divisor is not None and divisor == 0:
        raise RuntimeError("divisor must be not zero")
    _check_rank(x, rank)
    if rank == 1:
        x, windows = _over_two_axes(x, windows)
    a = x._a
    lengths = a.shape[-max(rank, 2) :]
    count = _count(windows, lengths, ceil, a.shape)
    sizes = (
        np.asarray(divisor) if divisor is not None else kernels.sizes(windows, count, lengths, with_padding)
    )
    total = kernels.sums(a, windows, count)
    if a.dtype.kind == "f":
        sizes = sizes.astype(a.dtype)
        total /= sizes
    else:
        total //= sizes
    node = AvgPool3DBackward0 if rank == 3 else AvgPool2DBackward0
    out: Any = record(node, total, (x,), (sizes,), (windows, count, lengths))
    return out.squeeze(-2) if rank == 1 else out


def lp_pool(input: Any, rank: int, norm_type: float, kernel: Any, stride: Any, ceil: bool) -> Any:
    """The p-norms of windows over `rank` axes."""
    x = tensor_of(input)
    means = avg_pool(x**norm_type, rank, kernel, stride, 0, ceil, True, None)
    size = math.prod(several(kernel, rank, "kernel_size"))
    return ((means.sign() * relu(abs(means))) * size) ** (1.0 / norm_type)
