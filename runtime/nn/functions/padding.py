"""`pad`, and windows as columns: `unfold` and `fold`."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ...ops.windows import Ints, Windows, add_columns, batch_first, batch_last, columns
from ...tape.node import Node, Recorded
from ...tape.record import record
from ...tensor.tensor import Tensor
from .adaptive import mapped, matrix, node_class
from .operands import tensor_of
from .sizes import several


class ConstantPadNdBackward0(Node):
    """A tensor with a frame of one number; `static` is the widths, a pair an axis."""

    __slots__ = ()

    def backward(self, g: Any) -> Any:
        return (framed(g, tuple([(-low, -high) for low, high in self.static]), 0),)


def framed(x: Any, widths: tuple[tuple[int, int], ...], value: Any) -> Any:
    """A tensor or an array with a frame of one number; negative widths cut."""
    a = x._a if isinstance(x, Recorded) else x
    shape = [n + low + high for n, (low, high) in zip(a.shape, widths, strict=True)]
    out = np.full(shape, value, a.dtype) if value else np.zeros(shape, a.dtype)
    into = tuple(
        [slice(max(low, 0), n + low + min(high, 0)) for n, (low, high) in zip(a.shape, widths, strict=True)]
    )
    of = tuple(
        [slice(max(-low, 0), n + min(high, 0)) for n, (low, high) in zip(a.shape, widths, strict=True)]
    )
    if out.size:
        out[into] = a[of]
    return record(ConstantPadNdBackward0, out, (x,), None, widths) if isinstance(x, Recorded) else out


_NODES = {
    **{("reflect", rank): node_class(f"ReflectionPad{rank}DBackward0") for rank in (1, 2, 3)},
    **{("replicate", rank): node_class(f"ReplicationPad{rank}DBackward0") for rank in (1, 2, 3)},
    **{("circular", rank): node_class("CircularPadBackward0") for rank in (1, 2, 3)},
}


def _sources(n: int, low: int, high: int, mode: str, axis: int, shape: Any) -> Any:
    """From where each element of a padded axis comes.

    Raises
    ------
    RuntimeError
        If the padding is too wide.
    """
    k = np.arange(-low, n + high)
    if mode == "replicate":
        return np.clip(k, 0, n - 1)
    if mode == "reflect":
        if low >= n or high >= n:
            raise RuntimeError(
                "Argument #4: Padding size should be less than the corresponding input dimension, but got: "
                f"padding ({low}, {high}) at dimension {axis} of input {list(shape)}"
            )
        k = np.abs(k)
        return np.where(k >= n, 2 * (n - 1) - k, k)
    if low > n or high > n:
        raise RuntimeError("Padding value causes wrapping around more than once.")
    return k % n


def _widths(given: Any, shape: Any) -> list[tuple[int, int]]:
    """Pairs of widths of the last axes, in the order of the axes.

    Raises
    ------
    RuntimeError
        If they are no pairs, more than there are axes, or cut more than there is.
    """
    flat = [int(width) for width in given]
    if len(flat) % 2:
        raise RuntimeError("Padding length must be divisible by 2")
    if len(flat) // 2 > len(shape):
        raise RuntimeError(
            "Padding length should be less than or equal to two times the input dimension but got padding "
            f"length {len(flat)} and input of dimension {len(shape)}"
        )
    pairs = list(zip(flat[::2], flat[1::2], strict=True))[::-1]
    for axis, (low, high) in enumerate(pairs, len(shape) - len(pairs)):
        if shape[axis] + low + high < 0:
            raise RuntimeError(
                f"The input size {shape[axis]}, plus negative padding {low} and {high}, resulted in a "
                f"negative output size, which is invalid. Check dimension {axis} of your input."
            )
    return pairs


def _framed_by_itself(x: Tensor, widths: list[tuple[int, int]], mode: str) -> Tensor:
    """A tensor with a frame that repeats what is inside.

    Raises
    ------
    NotImplementedError, RuntimeError
        If the tensor has too many or too few axes, or the frame is too wide.
    """
    a, rank = x._a, len(widths)
    if a.ndim not in (rank + 1, rank + 2) or rank > 3:
        raise NotImplementedError(
            f"Padding size {2 * rank} is not supported for {a.ndim}D input tensor.\nSupported combinations "
            "for non-constant padding:\n  - 2D or 3D input: padding size = 2 (pads last dimension)\n  - 3D "
            "or 4D input: padding size = 4 (pads last 2 dimensions)\n  - 4D or 5D input: padding size = 6 "
            "(pads last 3 dimensions)"
        )
    matrices = []
    for axis, (low, high) in enumerate(widths, a.ndim - rank):
        at = _sources(a.shape[axis], low, high, mode, axis, a.shape)
        matrices.append(matrix(np.arange(len(at)), at, np.ones(len(at)), (len(at), a.shape[axis]), a.dtype))
    made: Tensor = record(_NODES[mode, rank], mapped(a, tuple(matrices)), (x,), None, tuple(matrices))
    return made


def pad(input: Any, pad: Any, mode: str = "constant", value: float | None = None) -> Tensor:
    """A tensor with a frame.

    Parameters
    ----------
    input
        A tensor.
    pad
        Widths (before, behind) of the last axis, then those of the axis before, and so on.
    mode
        "constant"; "reflect", "replicate" and "circular" take the frame from the tensor itself.
    value
        The constant; 0 without.

    Returns
    -------
    Tensor

    Raises
    ------
    RuntimeError, NotImplementedError
        If the widths do not fit, or there is no such mode.

    Examples
    --------
    >>> import pullback as pb
    >>> pb.nn.functional.pad(pb.tensor([1.0, 2.0]), (1, 2))
    tensor([0., 1., 2., 0., 0.])
    """
    x = tensor_of(input)
    widths = _widths(pad, x._a.shape)
    if mode == "constant":
        before = ((0, 0),) * (x._a.ndim - len(widths))
        made: Tensor = framed(x, (*before, *widths), 0 if value is None else value)
        return made
    if mode not in ("reflect", "replicate", "circular"):
        raise NotImplementedError(f"Unrecognised padding mode {mode}")
    if value is not None and value != 0:
        raise RuntimeError(f'Padding mode "{mode}" doesn\'t take in value argument')
    return _framed_by_itself(x, widths, mode)


# ---- windows as columns
class Im2ColBackward0(Node):
    """Windows as columns; `static` is the windows and the lengths of the image."""

    __slots__ = ()

    def backward(self, g: Any) -> Any:
        return (_folded(g, *self.static),)


class Col2ImBackward0(Node):
    """Columns added up where their windows lie; `static` is the windows and the lengths of the image."""

    __slots__ = ()

    def backward(self, g: Any) -> Any:
        return (_unfolded(g, *self.static),)


def _unfolded(x: Any, windows: Windows, lengths: Ints) -> Any:
    a = x._a if isinstance(x, Recorded) else x
    cols = columns(batch_last(a, windows), windows, windows.number(lengths))
    flat = cols.reshape(
        a.shape[1] * math.prod(windows.kernel), math.prod(windows.number(lengths)), a.shape[0]
    )
    out = np.ascontiguousarray(np.moveaxis(flat, -1, 0))
    return record(Im2ColBackward0, out, (x,), None, (windows, lengths)) if isinstance(x, Recorded) else out


def _folded(x: Any, windows: Windows, lengths: Ints) -> Any:
    a = x._a if isinstance(x, Recorded) else x
    count = windows.number(lengths)
    channels = a.shape[1] // math.prod(windows.kernel)
    padded = np.zeros((channels, *windows.padded(lengths), a.shape[0]), a.dtype)
    cols = np.moveaxis(a, 0, -1).reshape(channels, *windows.kernel, *count, a.shape[0])
    add_columns(padded, cols, windows, count)
    out = batch_first(padded, windows, lengths)
    return record(Col2ImBackward0, out, (x,), None, (windows, lengths)) if isinstance(x, Recorded) else out


def _sliding(kernel_size: Any, dilation: Any, padding: Any, stride: Any) -> Windows:
    before = several(padding, 2, "padding")
    return Windows(
        several(kernel_size, 2, "kernel_size"), several(stride, 2, "stride"), tuple([(p, p) for p in before]),
        several(dilation, 2, "dilation"),
    )  # fmt: skip


def unfold(input: Any, kernel_size: Any, dilation: Any = 1, padding: Any = 0, stride: Any = 1) -> Tensor:
    """What sliding windows show, as columns.

    Parameters
    ----------
    input
        (N, C, H, W) or (C, H, W).
    kernel_size
        Lengths of the windows.
    dilation
        Steps between the elements of a window.
    padding
        How many zeros are added on both sides.
    stride
        Steps from one window to the next.

    Returns
    -------
    Tensor
        (N, C · elements of a window, windows).

    Raises
    ------
    RuntimeError
        If no window fits.

    Examples
    --------
    >>> import pullback as pb
    >>> pb.nn.functional.unfold(pb.ones(1, 2, 3, 3), 2).shape
    pullback.Size([1, 8, 4])
    """
    x = tensor_of(input)
    if x._a.ndim not in (3, 4):
        raise RuntimeError(
            f"Expected 3D or 4D (batch mode) tensor, but got input of size: {list(x._a.shape)}"
        )
    windows = _sliding(kernel_size, dilation, padding, stride)
    batched = x if x._a.ndim == 4 else x.unsqueeze(0)
    lengths = batched._a.shape[2:]
    count = windows.number(lengths)
    if min(count) < 1:
        raise RuntimeError(
            f"Given input with spatial size {lengths}, kernel_size={windows.kernel}, "
            f"dilation={windows.dilation}, padding={padding}, stride={windows.stride}, calculated shape of "
            f"the array of sliding blocks as {count}, but its components must be at least one."
        )
    out = _unfolded(batched, windows, lengths)
    made: Tensor = out if batched is x else out.squeeze(0)
    return made


def fold(
    input: Any, output_size: Any, kernel_size: Any, dilation: Any = 1, padding: Any = 0, stride: Any = 1
) -> Tensor:
    """Columns added up where sliding windows lie: the transpose of `unfold`.

    Parameters
    ----------
    input
        (N, C · elements of a window, windows), or without N.
    output_size
        Height and width of the image.
    kernel_size
        Lengths of the windows.
    dilation
        Steps between the elements of a window.
    padding
        How much is cut off on both sides.
    stride
        Steps from one window to the next.

    Returns
    -------
    Tensor
        (N, C, H, W).

    Raises
    ------
    RuntimeError
        If shapes do not fit.

    Examples
    --------
    >>> import pullback as pb
    >>> pb.nn.functional.fold(pb.ones(1, 4, 1), (2, 2), 2).shape
    pullback.Size([1, 1, 2, 2])
    """
    x = tensor_of(input)
    if x._a.ndim not in (2, 3):
        raise RuntimeError(
            "Expected 2D or 3D (batch mode) tensor for input with possibly 0 batch size and non-zero "
            f"dimensions for input, but got: {list(x._a.shape)}"
        )
    lengths = several(output_size, 2, "output_size")
    windows = _sliding(kernel_size, dilation, padding, stride)
    batched = x if x._a.ndim == 3 else x.unsqueeze(0)
    size, count = math.prod(windows.kernel), windows.number(lengths)
    if batched._a.shape[1] % size:
        raise RuntimeError(
            "Expected size of input's dimension 1 to be divisible by the product of kernel_size, but got "
            f"input.size(1)={batched._a.shape[1]} and kernel_size={windows.kernel}."
        )
    if batched._a.shape[2] != math.prod(count):
        raise RuntimeError(
            f"Given output_size={lengths}, kernel_size={windows.kernel}, dilation={windows.dilation}, "
            f"padding={several(padding, 2, 'padding')}, stride={windows.stride}, expected size of input's "
            f"dimension 2 to match the calculated number of sliding blocks {count[0]} * {count[1]} = "
            f"{math.prod(count)}, but got input.size(2)={batched._a.shape[2]}."
        )
    out = _folded(batched, windows, lengths)
    made: Tensor = out if batched is x else out.squeeze(0)
    return made
