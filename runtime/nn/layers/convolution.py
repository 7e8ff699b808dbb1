"""Convolutions as modules."""

from __future__ import annotations

import math
from typing import Any

from .. import functional as F
from .. import init
from ..functions.sizes import several
from ..module import Module
from ..parameter import Parameter
from .new import new

_MODES = ("zeros", "reflect", "replicate", "circular")


class _Conv(Module):
    """What convolutions have in common.

    Parameters
    ----------
    in_channels, out_channels
        Channels before and after.
    kernel_size
        Lengths of the kernel.
    stride
        Steps of the kernel.
    padding
        How much is added on both sides; "same" or "valid".
    dilation
        Steps between the elements of the kernel.
    groups
        Into how many groups the channels are divided.
    bias
        Whether there is a bias.
    padding_mode
        "zeros", "reflect", "replicate" or "circular".
    device, dtype
        The CPU; the dtype of the parameters.
    """

    _rank: int
    _transposed = False
    _operation: str

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Any,
        stride: Any = 1,
        padding: Any = 0,
        dilation: Any = 1,
        groups: int = 1,
        bias: bool = True,
        padding_mode: str = "zeros",
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__()
        self._check(in_channels, out_channels, groups, padding_mode)
        rank = self._rank
        self.in_channels, self.out_channels, self.groups = in_channels, out_channels, groups
        self.kernel_size = several(kernel_size, rank, "kernel_size")
        self.stride, self.dilation = several(stride, rank, "stride"), several(dilation, rank, "dilation")
        if isinstance(padding, str):
            if padding not in ("same", "valid"):
                raise ValueError(f"Invalid padding string {padding!r}, should be one of {{'valid', 'same'}}")
            if padding == "same" and any(s != 1 for s in self.stride):
                raise ValueError("padding='same' is not supported for strided convolutions")
            self.padding: Any = padding
        else:
            self.padding = several(padding, rank, "padding")
        self.output_padding = (0,) * rank
        self.padding_mode = padding_mode
        one, two = (in_channels, out_channels) if self._transposed else (out_channels, in_channels)
        self.weight = Parameter(new((one, two // groups, *self.kernel_size), device, dtype))
        self.register_parameter("bias", Parameter(new((out_channels,), device, dtype)) if bias else None)
        self.reset_parameters()

    def _check(self, in_channels: int, out_channels: int, groups: int, padding_mode: str) -> None:
        """Refuse channels that groups do not divide, and unknown modes.

        Raises
        ------
        ValueError
            For those.
        """
        if groups <= 0:
            raise ValueError("groups must be a positive integer")
        if in_channels % groups:
            raise ValueError("in_channels must be divisible by groups")
        if out_channels % groups:
            raise ValueError("out_channels must be divisible by groups")
        if padding_mode not in _MODES:
            raise ValueError(
                f"padding_mode must be one of {{'zeros', 'reflect', 'replicate', 'circular'}}, but got "
                f"padding_mode='{padding_mode}'"
            )

    def reset_parameters(self) -> None:
        """Draw new parameters."""
        init.kaiming_uniform_(self.weight, a=math.sqrt(5))
        if self.bias is not None:
            fan, _ = init._calculate_fan_in_and_fan_out(self.weight)
            if fan:
                init.uniform_(self.bias, -1 / math.sqrt(fan), 1 / math.sqrt(fan))

    def _around(self) -> list[int]:
        """The widths of the padding as `pad` takes them, the last axis first."""
        widths: list[int] = []
        for axis in reversed(range(self._rank)):
            if self.padding == "same":
                total = self.dilation[axis] * (self.kernel_size[axis] - 1)
                widths += [total // 2, total - total // 2]
            else:
                width = 0 if self.padding == "valid" else self.padding[axis]
                widths += [width, width]
        return widths

    def forward(self, input: Any) -> Any:
        padding = self.padding
        if self.padding_mode != "zeros":
            input = F.pad(input, self._around(), self.padding_mode)
            padding = 0
        return getattr(F, self._operation)(
            input, self.weight, self.bias, self.stride, padding, self.dilation, self.groups
        )

    def extra_repr(self) -> str:
        text = (
            f"{self.in_channels}, {self.out_channels}, kernel_size={self.kernel_size}, stride={self.stride}"
        )
        if self.padding != (0,) * self._rank:
            text += f", padding={self.padding}"
        if self.dilation != (1,) * self._rank:
            text += f", dilation={self.dilation}"
        if self.output_padding != (0,) * self._rank:
            text += f", output_padding={self.output_padding}"
        if self.groups != 1:
            text += f", groups={self.groups}"
        if self.bias is None:
            text += ", bias=False"
        return text if self.padding_mode == "zeros" else text + f", padding_mode={self.padding_mode}"


class Conv1d(_Conv):
    """A trained convolution over one axis."""

    _rank = 1
    _operation = "conv1d"


class Conv2d(_Conv):
    """A trained convolution over two axes.

    Parameters
    ----------
    in_channels, out_channels
        Channels before and after.
    kernel_size
        Lengths of the kernel.
    stride
        Steps of the kernel.
    padding
        How much is added on both sides; "same" or "valid".
    dilation
        Steps between the elements of the kernel.
    groups
        Into how many groups the channels are divided.
    bias
        Whether there is a bias.
    padding_mode
        "zeros", "reflect", "replicate" or "circular".
    device, dtype
        The CPU; the dtype of the parameters.

    Examples
    --------
    >>> import pullback as pb
    >>> pb.nn.Conv2d(3, 8, 3, padding=1)(pb.ones(1, 3, 5, 5)).shape
    pullback.Size([1, 8, 5, 5])
    """

    _rank = 2
    _operation = "conv2d"


class Conv3d(_Conv):
    """A trained convolution over three axes."""

    _rank = 3
    _operation = "conv3d"


class _ConvTranspose(_Conv):
    """What transposed convolutions have in common; parameters as those of convolutions.

    Parameters
    ----------
    output_padding
        How much longer the result is on one side.
    """

    _transposed = True

    def __init__(
        self, in_channels: int, out_channels: int, kernel_size: Any, stride: Any = 1, padding: Any = 0,
        output_padding: Any = 0, groups: int = 1, bias: bool = True, dilation: Any = 1,
        padding_mode: str = "zeros", device: Any = None, dtype: Any = None,
    ) -> None:  # fmt: skip
        if padding_mode != "zeros":
            raise ValueError(f'Only "zeros" padding mode is supported for {type(self).__name__}')
        super().__init__(
            in_channels, out_channels, kernel_size, stride, several(padding, self._rank, "padding"), dilation,
            groups, bias, padding_mode, device, dtype,
        )  # fmt: skip
        self.output_padding = several(output_padding, self._rank, "output_padding")

    def forward(self, input: Any, output_size: Any = None) -> Any:
        more = self.output_padding if output_size is None else self._for_size(input, output_size)
        return getattr(F, self._operation)(
            input, self.weight, self.bias, self.stride, self.padding, more, self.groups, self.dilation
        )

    def _for_size(self, input: Any, output_size: Any) -> tuple[int, ...]:
        """The output padding that gives results of a size.

        Raises
        ------
        ValueError
            If there is none.
        """
        wanted = tuple(output_size)[-self._rank :]
        lengths = tuple(input.shape)[-self._rank :]
        least = [
            (n - 1) * s - 2 * p + d * (k - 1) + 1
            for n, s, p, d, k in zip(
                lengths, self.stride, self.padding, self.dilation, self.kernel_size, strict=True
            )
        ]
        largest = [n + s - 1 for n, s in zip(least, self.stride, strict=True)]
        if any(not low <= n <= high for n, low, high in zip(wanted, least, largest, strict=True)):
            raise ValueError(
                f"requested an output size of {list(wanted)}, but valid sizes range from {least} to "
                f"{largest} (for an input of {list(lengths)})"
            )
        return tuple(n - low for n, low in zip(wanted, least, strict=True))


class ConvTranspose1d(_ConvTranspose):
    """A trained transposed convolution over one axis."""

    _rank = 1
    _operation = "conv_transpose1d"


class ConvTranspose2d(_ConvTranspose):
    """A trained transposed convolution over two axes."""

    _rank = 2
    _operation = "conv_transpose2d"


class ConvTranspose3d(_ConvTranspose):
    """A trained transposed convolution over three axes."""

    _rank = 3
    _operation = "conv_transpose3d"
