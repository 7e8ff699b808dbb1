"""Pools as modules: the functions of the same names in `pb.nn.functional`."""

from __future__ import annotations

from typing import Any

from .. import functional as F
from ..functions.sizes import several
from ..module import Module


class _MaxPool(Module):
    """The largest elements of windows."""

    _operation: str

    def __init__(
        self, kernel_size: Any, stride: Any = None, padding: Any = 0, dilation: Any = 1,
        return_indices: bool = False, ceil_mode: bool = False,
    ) -> None:  # fmt: skip
        super().__init__()
        self.kernel_size = kernel_size
        self.stride = kernel_size if stride is None else stride
        self.padding, self.dilation = padding, dilation
        self.return_indices, self.ceil_mode = return_indices, ceil_mode

    def forward(self, input: Any) -> Any:
        return getattr(F, self._operation)(
            input, self.kernel_size, self.stride, self.padding, self.dilation, self.ceil_mode,
            self.return_indices,
        )  # fmt: skip

    def extra_repr(self) -> str:
        return (
            f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}, "
            f"dilation={self.dilation}, ceil_mode={self.ceil_mode}"
        )


class _AvgPool(Module):
    """The means of windows."""

    _operation: str

    def __init__(
        self, kernel_size: Any, stride: Any = None, padding: Any = 0, ceil_mode: bool = False,
        count_include_pad: bool = True, divisor_override: int | None = None,
    ) -> None:  # fmt: skip
        super().__init__()
        self.kernel_size = kernel_size
        self.stride = kernel_size if stride is None else stride
        self.padding, self.ceil_mode = padding, ceil_mode
        self.count_include_pad, self.divisor_override = count_include_pad, divisor_override

    def forward(self, input: Any) -> Any:
        return getattr(F, self._operation)(
            input, self.kernel_size, self.stride, self.padding, self.ceil_mode, self.count_include_pad,
            self.divisor_override,
        )  # fmt: skip

    def extra_repr(self) -> str:
        return f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}"


class AvgPool1d(Module):
    """The means of windows over one axis."""

    def __init__(
        self, kernel_size: Any, stride: Any = None, padding: Any = 0, ceil_mode: bool = False,
        count_include_pad: bool = True,
    ) -> None:  # fmt: skip
        super().__init__()
        self.kernel_size = several(kernel_size, 1, "kernel_size")
        self.stride = self.kernel_size if stride is None else several(stride, 1, "stride")
        self.padding = several(padding, 1, "padding")
        self.ceil_mode, self.count_include_pad = ceil_mode, count_include_pad

    def forward(self, input: Any) -> Any:
        return F.avg_pool1d(
            input, self.kernel_size, self.stride, self.padding, self.ceil_mode, self.count_include_pad
        )

    def extra_repr(self) -> str:
        return f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}"


class _LPPool(Module):
    """The p-norms of windows."""

    _operation: str

    def __init__(
        self, norm_type: float, kernel_size: Any, stride: Any = None, ceil_mode: bool = False
    ) -> None:
        super().__init__()
        self.norm_type, self.kernel_size = norm_type, kernel_size
        self.stride, self.ceil_mode = stride, ceil_mode

    def forward(self, input: Any) -> Any:
        return getattr(F, self._operation)(
            input, float(self.norm_type), self.kernel_size, self.stride, self.ceil_mode
        )

    def extra_repr(self) -> str:
        return (
            f"norm_type={self.norm_type}, kernel_size={self.kernel_size}, stride={self.stride}, "
            f"ceil_mode={self.ceil_mode}"
        )


class _AdaptiveAvgPool(Module):
    """The means of as many windows as are wanted."""

    _operation: str

    def __init__(self, output_size: Any) -> None:
        super().__init__()
        self.output_size = output_size

    def forward(self, input: Any) -> Any:
        return getattr(F, self._operation)(input, self.output_size)

    def extra_repr(self) -> str:
        return f"output_size={self.output_size}"


class _AdaptiveMaxPool(_AdaptiveAvgPool):
    """The largest elements of as many windows as are wanted."""

    def __init__(self, output_size: Any, return_indices: bool = False) -> None:
        super().__init__(output_size)
        self.return_indices = return_indices

    def forward(self, input: Any) -> Any:
        return getattr(F, self._operation)(input, self.output_size, self.return_indices)


class MaxPool1d(_MaxPool):
    """The largest elements of windows over one axis."""

    _operation = "max_pool1d"


class MaxPool2d(_MaxPool):
    """The largest elements of windows over two axes."""

    _operation = "max_pool2d"


class MaxPool3d(_MaxPool):
    """The largest elements of windows over three axes."""

    _operation = "max_pool3d"


class AvgPool2d(_AvgPool):
    """The means of windows over two axes."""

    _operation = "avg_pool2d"


class AvgPool3d(_AvgPool):
    """The means of windows over three axes."""

    _operation = "avg_pool3d"


class LPPool1d(_LPPool):
    """The p-norms of windows over one axis."""

    _operation = "lp_pool1d"


class LPPool2d(_LPPool):
    """The p-norms of windows over two axes."""

    _operation = "lp_pool2d"


class LPPool3d(_LPPool):
    """The p-norms of windows over three axes."""

    _operation = "lp_pool3d"


class AdaptiveAvgPool1d(_AdaptiveAvgPool):
    """The means of as many windows as are wanted over one axis."""

    _operation = "adaptive_avg_pool1d"


class AdaptiveAvgPool2d(_AdaptiveAvgPool):
    """The means of as many windows as are wanted over two axes."""

    _operation = "adaptive_avg_pool2d"


class AdaptiveAvgPool3d(_AdaptiveAvgPool):
    """The means of as many windows as are wanted over three axes."""

    _operation = "adaptive_avg_pool3d"


class AdaptiveMaxPool1d(_AdaptiveMaxPool):
    """The largest elements of as many windows as are wanted over one axis."""

    _operation = "adaptive_max_pool1d"


class AdaptiveMaxPool2d(_AdaptiveMaxPool):
    """The largest elements of as many windows as are wanted over two axes."""

    _operation = "adaptive_max_pool2d"


class AdaptiveMaxPool3d(_AdaptiveMaxPool):
    """The largest elements of as many windows as are wanted over three axes."""

    _operation = "adaptive_max_pool3d"
