"""Convolutions and transposed convolutions: their nodes, and the checks of their arguments.

Each is an operation whose derivatives are operations too, so that derivatives of any order can be recorded
(`runtime/ops/convolution.py` says which is the derivative of which).
"""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from ...ops import convolution as kernels
from ...ops.convolution import Convolution
from ...ops.windows import Windows
from ...tape.node import Node, Recorded
from ...tape.record import record
from ...tensor.tensor import Tensor
from .operands import tensor_of
from .sizes import several


class ConvolutionBackward0(Node):
    """A convolution with or without bias; `static` is its `Convolution`."""

    __slots__ = ()

    def backward(self, g: Any, x: Any, w: Any) -> Any:
        return (
            transposed(g, w, self.static) if self.wants(0) else None,
            for_weight(g, x, self.static) if self.wants(1) else None,
            _bias(g) if len(self.edges) > 2 and self.wants(2) else None,
        )[: len(self.edges)]


class TransposedConvolution(Node):
    """A transposed convolution, which is the derivative of a convolution in its input too."""

    __slots__ = ()

    def name(self) -> str:
        return "ConvolutionBackward0"

    def backward(self, g: Any, x: Any, w: Any) -> Any:
        return (
            convolved(g, w, self.static) if self.wants(0) else None,
            for_weight(x, g, self.static) if self.wants(1) else None,
            _bias(g) if len(self.edges) > 2 and self.wants(2) else None,
        )[: len(self.edges)]


class ConvolutionBackwardBackward0(Node):
    """The derivative of a convolution in its weight."""

    __slots__ = ()

    def backward(self, g: Any, cotangent: Any, x: Any) -> Any:
        return (
            convolved(x, g, self.static) if self.wants(0) else None,
            transposed(cotangent, g, self.static) if self.wants(1) else None,
        )


def _bias(g: Any) -> Any:
    return np.sum(g, axis=(0, *range(2, len(g.shape))))


def convolved(x: Any, w: Any, form: Convolution, bias: Any = None) -> Any:
    """x convolved with w, of tensors or arrays."""
    return _product(ConvolutionBackward0, kernels.correlate, x, w, form, bias)


def transposed(g: Any, w: Any, form: Convolution, bias: Any = None) -> Any:
    """The transpose of the convolution with w, at g."""
    return _product(TransposedConvolution, kernels.correlate_input, g, w, form, bias)


def for_weight(g: Any, x: Any, form: Convolution) -> Any:
    """The transpose of the convolution of x, at g: what is due to w."""
    return _product(ConvolutionBackwardBackward0, kernels.correlate_weight, g, x, form, None)


def _product(node: type[Node], compute: Any, one: Any, two: Any, form: Convolution, bias: Any) -> Any:
    """A product of two values by a kernel."""
    if not isinstance(one, Recorded) and not isinstance(two, Recorded):
        return compute(one, two, form)
    a, b = (v._a if isinstance(v, Recorded) else v for v in (one, two))
    if a.dtype == np.float16:  # without BLAS; and sums would overflow
        result = compute(a.astype(np.float32), b.astype(np.float32), form)
    else:
        result = compute(a, b, form)
    if bias is not None:
        result += bias._a.reshape(-1, *(1,) * (result.ndim - 2))
    operands = (one, two) if bias is None else (one, two, bias)
    return record(node, result.astype(a.dtype, copy=False), operands, (one, two), form)


# ---- what users call
def _checked(x: Any, w: Any, bias: Any, rank: int, groups: int, back: bool) -> tuple[Tensor, Tensor]:
    """The operands, the input with a batch axis.

    Raises
    ------
    RuntimeError
        If shapes or dtypes do not fit.
    """
    x, w = tensor_of(x), tensor_of(w)
    name = f"conv_transpose{rank}d" if back else f"conv{rank}d"
    if x._a.ndim not in (rank + 1, rank + 2):
        raise RuntimeError(
            f"Expected {rank + 1}D (unbatched) or {rank + 2}D (batched) input to {name}, but got input of "
            f"size: {list(x._a.shape)}"
        )
    if w._a.ndim != rank + 2:
        raise RuntimeError(f"{name}: expected a weight of {rank + 2} dimensions, but got {list(w._a.shape)}")
    if x._a.dtype != w._a.dtype:
        raise RuntimeError(f"expected scalar type {x._title()} but found {w._title()}")
    if x._a.dtype.kind == "c":
        raise RuntimeError(f"{name} of complex tensors is not supported: convolve real and imaginary parts")
    if groups <= 0:
        raise RuntimeError("non-positive groups is not supported")
    batched = x if x._a.ndim == rank + 2 else x.unsqueeze(0)
    _check_channels(batched._a.shape, w._a.shape, bias, groups, back)
    return batched, w


def _check_channels(x: Any, w: Any, bias: Any, groups: int, back: bool) -> None:
    if w[0] % groups:
        raise RuntimeError(
            f"Given groups={groups}, expected weight to be divisible by {groups} at dimension 0, but got "
            f"weight of size [{list(w)}] instead"
        )
    channels = w[0] if back else w[1] * groups
    if x[1] != channels:
        raise RuntimeError(
            f"Given {'transposed=1' if back else f'groups={groups}'}, weight of size {list(w)}, expected "
            f"input{list(x)} to have {channels} channels, but got {x[1]} channels instead"
        )
    features = w[1] * groups if back else w[0]
    if bias is not None and tensor_of(bias)._a.shape != (features,):
        raise RuntimeError(
            f"Given {'transposed=1, ' if back else ''}weight of size {list(w)}, expected bias to be "
            f"1-dimensional with {features} elements, but got bias of size {list(bias._a.shape)} instead"
        )


def _positive(stride: tuple[int, ...], dilation: tuple[int, ...]) -> None:
    if any(s <= 0 for s in stride):
        raise RuntimeError("non-positive stride is not supported")
    if any(d <= 0 for d in dilation):
        raise RuntimeError("dilation should be greater than zero")


def _padding(padding: Any, kernel: Any, stride: Any, dilation: Any) -> tuple[tuple[int, int], ...]:
    """How much is added before and behind each axis.

    Raises
    ------
    RuntimeError
        If it is negative, no such word, or "same" with strides.
    """
    if isinstance(padding, str):
        if padding == "valid":
            return ((0, 0),) * len(kernel)
        if padding != "same":
            raise RuntimeError(f"Invalid padding string: {padding!r}")
        if any(s != 1 for s in stride):
            raise RuntimeError("padding='same' is not supported for strided convolutions")
        totals = [d * (k - 1) for k, d in zip(kernel, dilation, strict=True)]
        if any(total % 2 for total in totals):
            warnings.warn(
                "Using padding='same' with even kernel lengths and odd dilation may require a zero-padded "
                "copy of the input be created",
                UserWarning,
                stacklevel=4,
            )
        return tuple([(total // 2, total - total // 2) for total in totals])
    given = several(padding, len(kernel), "padding")
    if any(p < 0 for p in given):
        raise RuntimeError("negative padding is not supported")
    return tuple([(p, p) for p in given])


def convolve(
    x: Any, w: Any, bias: Any, stride: Any, padding: Any, dilation: Any, groups: int, rank: int
) -> Tensor:
    """A convolution over `rank` spatial axes, checked.

    Raises
    ------
    RuntimeError
        If shapes, dtypes or steps do not fit.
    """
    batched, w = _checked(x, w, bias, rank, groups, False)
    steps, spread = several(stride, rank, "stride"), several(dilation, rank, "dilation")
    _positive(steps, spread)
    kernel = w._a.shape[2:]
    windows = Windows(kernel, steps, _padding(padding, kernel, steps, spread), spread)
    lengths = batched._a.shape[2:]
    padded = windows.padded(lengths)
    if any(n < k for n, k in zip(padded, windows.extents(), strict=True)):
        raise RuntimeError(
            f"Calculated padded input size per channel: ({_by(padded)}). Kernel size: "
            f"({_by(windows.extents())}). Kernel size can't be greater than actual input size"
        )
    form = Convolution(windows, groups, lengths, windows.number(lengths))
    out = convolved(batched, w, form, None if bias is None else tensor_of(bias))
    made: Tensor = out if batched is x else out.squeeze(0)
    return made


def convolve_transposed(
    x: Any, w: Any, bias: Any, stride: Any, padding: Any, output_padding: Any, groups: int, dilation: Any,
    rank: int,
) -> Tensor:  # fmt: skip
    """A transposed convolution over `rank` spatial axes, checked.

    Raises
    ------
    RuntimeError
        If shapes, dtypes or steps do not fit.
    """
    batched, w = _checked(x, w, bias, rank, groups, True)
    steps, spread = several(stride, rank, "stride"), several(dilation, rank, "dilation")
    _positive(steps, spread)
    more = several(output_padding, rank, "output_padding")
    if any(m < 0 or (m >= s and m >= d) for m, s, d in zip(more, steps, spread, strict=True)):
        raise RuntimeError(
            f"output padding must be smaller than either stride or dilation, but got output_padding: {more} "
            f"stride: {steps} dilation: {spread}"
        )
    kernel = w._a.shape[2:]
    padding = _padding(several(padding, rank, "padding"), kernel, steps, spread)
    windows = Windows(kernel, steps, padding, spread)
    lengths = tuple(
        [
            (n - 1) * s - low - high + extent + m
            for n, s, (low, high), extent, m in zip(
                batched._a.shape[2:], steps, padding, windows.extents(), more, strict=True
            )
        ]
    )
    if any(n < 1 for n in lengths):
        raise RuntimeError(
            f"Given input size per channel: ({_by(batched._a.shape[2:])}). Calculated output size per "
            f"channel: ({_by(lengths)}). Output size is too small"
        )
    form = Convolution(windows, groups, lengths, batched._a.shape[2:])
    out = transposed(batched, w, form, None if bias is None else tensor_of(bias))
    made: Tensor = out if batched is x else out.squeeze(0)
    return made


def _by(lengths: Any) -> str:
    return " x ".join(map(str, lengths))
