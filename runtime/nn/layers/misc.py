"""Dropout, padding, other sizes and distances as modules."""

from __future__ import annotations

from typing import Any

from .. import functional as F
from ..functions.dropout import check_probability
from ..module import Module


class _Dropout(Module):
    """Elements are zero with probability p in training."""

    _operation: str

    def __init__(self, p: float = 0.5, inplace: bool = False) -> None:
        super().__init__()
        check_probability(p)
        self.p, self.inplace = p, inplace

    def forward(self, input: Any) -> Any:
        return getattr(F, self._operation)(input, self.p, self.training, self.inplace)

    def extra_repr(self) -> str:
        return f"p={self.p}, inplace={self.inplace}"


class Dropout(_Dropout):
    """Elements are zero with probability p in training, the others are divided by 1 - p.

    Parameters
    ----------
    p
        The probability.
    inplace
        Write the result to the input.

    Raises
    ------
    ValueError
        If `p` is no probability.

    Examples
    --------
    >>> import pullback as pb
    >>> pb.nn.Dropout(0.5).eval()(pb.ones(2))
    tensor([1., 1.])
    """

    _operation = "dropout"


class Dropout1d(_Dropout):
    """Dropout of whole channels of (N, C, L)."""

    _operation = "dropout1d"


class Dropout2d(_Dropout):
    """Dropout of whole channels of (N, C, H, W)."""

    _operation = "dropout2d"


class Dropout3d(_Dropout):
    """Dropout of whole channels of (N, C, D, H, W)."""

    _operation = "dropout3d"


class AlphaDropout(_Dropout):
    """Dropout that keeps mean and variance of what goes through `SELU`."""

    _operation = "alpha_dropout"


class FeatureAlphaDropout(_Dropout):
    """`AlphaDropout` of whole channels."""

    _operation = "feature_alpha_dropout"


class _Pad(Module):
    """A frame around the last axes."""

    _rank: int
    _mode: str

    def __init__(self, padding: Any) -> None:
        super().__init__()
        count = 2 * self._rank
        self.padding = tuple(padding) if isinstance(padding, (tuple, list)) else (padding,) * count
        if len(self.padding) != count:
            raise RuntimeError(f"{type(self).__name__}: expected a number or {count} widths, got {padding}")

    def forward(self, input: Any) -> Any:
        return F.pad(input, self.padding, self._mode)

    def extra_repr(self) -> str:
        return f"{self.padding}"


class _ConstantPad(_Pad):
    """A frame of one number."""

    _mode = "constant"

    def __init__(self, padding: Any, value: float) -> None:
        super().__init__(padding)
        self.value = value

    def forward(self, input: Any) -> Any:
        return F.pad(input, self.padding, "constant", self.value)

    def extra_repr(self) -> str:
        return f"padding={self.padding}, value={self.value}"


class ConstantPad1d(_ConstantPad):
    """A frame of one number around the last axis."""

    _rank = 1


class ConstantPad2d(_ConstantPad):
    """A frame of one number around the last two axes."""

    _rank = 2


class ConstantPad3d(_ConstantPad):
    """A frame of one number around the last three axes."""

    _rank = 3


class ZeroPad1d(_Pad):
    """Zeros around the last axis."""

    _rank, _mode = 1, "constant"


class ZeroPad2d(_Pad):
    """Zeros around the last two axes."""

    _rank, _mode = 2, "constant"


class ZeroPad3d(_Pad):
    """Zeros around the last three axes."""

    _rank, _mode = 3, "constant"


class ReflectionPad1d(_Pad):
    """A reflection beyond both ends of the last axis."""

    _rank, _mode = 1, "reflect"


class ReflectionPad2d(_Pad):
    """A reflection beyond the edges of the last two axes."""

    _rank, _mode = 2, "reflect"


class ReflectionPad3d(_Pad):
    """A reflection beyond the faces of the last three axes."""

    _rank, _mode = 3, "reflect"


class ReplicationPad1d(_Pad):
    """The ends of the last axis repeated."""

    _rank, _mode = 1, "replicate"


class ReplicationPad2d(_Pad):
    """The edges of the last two axes repeated."""

    _rank, _mode = 2, "replicate"


class ReplicationPad3d(_Pad):
    """The faces of the last three axes repeated."""

    _rank, _mode = 3, "replicate"


class CircularPad1d(_Pad):
    """The last axis as a ring."""

    _rank, _mode = 1, "circular"


class CircularPad2d(_Pad):
    """The last two axes as rings."""

    _rank, _mode = 2, "circular"


class CircularPad3d(_Pad):
    """The last three axes as rings."""

    _rank, _mode = 3, "circular"


class Upsample(Module):
    """Images of another size: `interpolate`."""

    def __init__(
        self, size: Any = None, scale_factor: Any = None, mode: str = "nearest",
        align_corners: bool | None = None, recompute_scale_factor: bool | None = None,
    ) -> None:  # fmt: skip
        super().__init__()
        self.size = size
        if isinstance(scale_factor, (tuple, list)):
            self.scale_factor: Any = tuple(float(f) for f in scale_factor)
        else:
            self.scale_factor = float(scale_factor) if scale_factor else None
        self.mode, self.align_corners = mode, align_corners
        self.recompute_scale_factor = recompute_scale_factor

    def forward(self, input: Any) -> Any:
        return F.interpolate(
            input, self.size, self.scale_factor, self.mode, self.align_corners, self.recompute_scale_factor
        )

    def extra_repr(self) -> str:
        what = f"size={self.size!r}" if self.scale_factor is None else f"scale_factor={self.scale_factor!r}"
        return f"{what}, mode={self.mode!r}"


class UpsamplingNearest2d(Upsample):
    """Images of another size, of the nearest pixels."""

    def __init__(self, size: Any = None, scale_factor: Any = None) -> None:
        super().__init__(size, scale_factor, "nearest")


class UpsamplingBilinear2d(Upsample):
    """Images of another size, interpolated between corners."""

    def __init__(self, size: Any = None, scale_factor: Any = None) -> None:
        super().__init__(size, scale_factor, "bilinear", True)


class PixelShuffle(Module):
    """Channels moved into the image."""

    def __init__(self, upscale_factor: int) -> None:
        super().__init__()
        self.upscale_factor = upscale_factor

    def forward(self, input: Any) -> Any:
        return F.pixel_shuffle(input, self.upscale_factor)

    def extra_repr(self) -> str:
        return f"upscale_factor={self.upscale_factor}"


class PixelUnshuffle(Module):
    """Pixels moved into channels: the inverse of `PixelShuffle`."""

    def __init__(self, downscale_factor: int) -> None:
        super().__init__()
        self.downscale_factor = downscale_factor

    def forward(self, input: Any) -> Any:
        return F.pixel_unshuffle(input, self.downscale_factor)

    def extra_repr(self) -> str:
        return f"downscale_factor={self.downscale_factor}"


class ChannelShuffle(Module):
    """Channels of groups dealt out in turn."""

    def __init__(self, groups: int) -> None:
        super().__init__()
        self.groups = groups

    def forward(self, input: Any) -> Any:
        return F.channel_shuffle(input, self.groups)

    def extra_repr(self) -> str:
        return f"groups={self.groups}"


class Unfold(Module):
    """What sliding windows show, as columns."""

    def __init__(self, kernel_size: Any, dilation: Any = 1, padding: Any = 0, stride: Any = 1) -> None:
        super().__init__()
        self.kernel_size, self.dilation, self.padding, self.stride = kernel_size, dilation, padding, stride

    def forward(self, input: Any) -> Any:
        return F.unfold(input, self.kernel_size, self.dilation, self.padding, self.stride)

    def extra_repr(self) -> str:
        return (
            f"kernel_size={self.kernel_size}, dilation={self.dilation}, padding={self.padding}, "
            f"stride={self.stride}"
        )


class Fold(Module):
    """Columns added up where sliding windows lie."""

    def __init__(
        self, output_size: Any, kernel_size: Any, dilation: Any = 1, padding: Any = 0, stride: Any = 1
    ) -> None:
        super().__init__()
        self.output_size, self.kernel_size = output_size, kernel_size
        self.dilation, self.padding, self.stride = dilation, padding, stride

    def forward(self, input: Any) -> Any:
        return F.fold(input, self.output_size, self.kernel_size, self.dilation, self.padding, self.stride)

    def extra_repr(self) -> str:
        return (
            f"output_size={self.output_size}, kernel_size={self.kernel_size}, dilation={self.dilation}, "
            f"padding={self.padding}, stride={self.stride}"
        )


class CosineSimilarity(Module):
    """The cosine of the angle between vectors."""

    def __init__(self, dim: int = 1, eps: float = 1e-8) -> None:
        super().__init__()
        self.dim, self.eps = dim, eps

    def forward(self, x1: Any, x2: Any) -> Any:
        return F.cosine_similarity(x1, x2, self.dim, self.eps)


class PairwiseDistance(Module):
    """The p-norm of differences of vectors."""

    def __init__(self, p: float = 2.0, eps: float = 1e-6, keepdim: bool = False) -> None:
        super().__init__()
        self.norm, self.eps, self.keepdim = p, eps, keepdim

    def forward(self, x1: Any, x2: Any) -> Any:
        return F.pairwise_distance(x1, x2, self.norm, self.eps, self.keepdim)
