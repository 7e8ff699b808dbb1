"""Images of other sizes: `interpolate`, `pixel_shuffle`, and their kin."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ...tape.record import record
from ...tensor.tensor import Tensor
from .adaptive import adaptive_avg_pool, mapped, matrix, node_class
from .operands import tensor_of
from .pointwise import floats

_LINEAR = {1: "linear", 2: "bilinear", 3: "trilinear"}
_NODES = {
    **{("nearest", rank): node_class(f"UpsampleNearest{rank}DBackward0") for rank in (1, 2, 3)},
    **{("nearest-exact", rank): node_class(f"UpsampleNearestExact{rank}DBackward0") for rank in (1, 2, 3)},
    ("linear", 1): node_class("UpsampleLinear1DBackward0"),
    ("bilinear", 2): node_class("UpsampleBilinear2DBackward0"),
    ("trilinear", 3): node_class("UpsampleTrilinear3DBackward0"),
}


def _axis(n: int, count: int, mode: str, corners: bool, factor: float | None, kind: Any) -> Any:
    """The matrix that makes `count` elements of n."""
    k = np.arange(count)
    scale = 1 / factor if factor else n / count
    if mode == "nearest":
        at = np.minimum(np.floor(k * scale).astype(int), n - 1)
        return matrix(k, at, np.ones(count), (count, n), kind)
    if mode == "nearest-exact":
        at = np.minimum(np.floor((k + 0.5) * scale).astype(int), n - 1)
        return matrix(k, at, np.ones(count), (count, n), kind)
    if corners:
        source = k * ((n - 1) / (count - 1)) if count > 1 else k * 0.0
    else:
        source = np.maximum((k + 0.5) * scale - 0.5, 0)
    low = np.minimum(source.astype(int), n - 1)
    high = np.minimum(low + 1, n - 1)
    share = source - low
    rows = np.concatenate([k, k])
    return matrix(rows, np.concatenate([low, high]), np.concatenate([1 - share, share]), (count, n), kind)


def _counts(shape: Any, size: Any, scale_factor: Any, rank: int) -> tuple[list[int], list[Any]]:
    """Lengths of the result, and the factors where they were given.

    Raises
    ------
    ValueError
        If there is no size, or two.
    """
    if size is not None and scale_factor is not None:
        raise ValueError("only one of size or scale_factor should be defined")
    if size is None and scale_factor is None:
        raise ValueError("either size or scale_factor should be defined")
    given = size if size is not None else scale_factor
    parts = list(given) if isinstance(given, (tuple, list)) else [given] * rank
    if len(parts) != rank:
        what = "output size" if size is not None else "scale_factor"
        raise ValueError(
            f"Input and {what} must have the same number of spatial dimensions, but got input with spatial "
            f"dimensions of {list(shape)} and {what} of {parts}."
        )
    if size is not None:
        return [int(n) for n in parts], [None] * rank
    return [math.floor(float(n * f)) for n, f in zip(shape, parts, strict=True)], [float(f) for f in parts]


def _check_mode(x: Tensor, mode: str, align_corners: bool | None, antialias: bool) -> None:
    """Refuse modes that there are not, or not for this tensor.

    Raises
    ------
    ValueError, NotImplementedError
        For those.
    """
    ndim = x._a.ndim
    if antialias or mode in ("bicubic", "lanczos"):
        raise NotImplementedError(
            "interpolate: antialias=True and the modes bicubic and lanczos are not supported; use bilinear"
        )
    linear = mode in _LINEAR.values()
    if align_corners is not None and not linear:
        raise ValueError(
            "align_corners option can only be set with the interpolating modes: linear | bilinear | "
            "bicubic | trilinear"
        )
    if ndim not in (3, 4, 5) or not (linear or mode in ("nearest", "nearest-exact", "area")):
        raise NotImplementedError(
            f"Input Error: Only 3D, 4D and 5D input Tensors supported (got {ndim}D) for the modes: nearest | "
            f"linear | bilinear | bicubic | trilinear | lanczos | area | nearest-exact (got {mode})"
        )
    if linear and mode != _LINEAR[ndim - 2]:
        wanted = next(rank for rank, name in _LINEAR.items() if name == mode)
        raise NotImplementedError(f"Got {ndim}D input, but {mode} mode needs {wanted + 2}D input")
    if linear:
        floats(x, "compute_indices_weights_linear", "fc")


def interpolate(
    input: Any, size: Any = None, scale_factor: Any = None, mode: str = "nearest",
    align_corners: bool | None = None, recompute_scale_factor: bool | None = None, antialias: bool = False,
) -> Tensor:  # fmt: skip
    """Images of another size.

    Parameters
    ----------
    input
        (N, C, L), (N, C, H, W) or (N, C, D, H, W).
    size
        Lengths of the result.
    scale_factor
        Or by which factor they are larger.
    mode
        "nearest", "nearest-exact", "linear", "bilinear", "trilinear" or "area".
    align_corners
        Whether the corners of linear modes stay where they are, rather than the edges.
    recompute_scale_factor
        Take the factor that the lengths have after rounding.
    antialias
        Not supported.

    Returns
    -------
    Tensor

    Raises
    ------
    ValueError, NotImplementedError
        If the arguments contradict each other, or the mode does not fit.

    Examples
    --------
    >>> import pullback as pb
    >>> pb.nn.functional.interpolate(pb.tensor([[[1.0, 2.0]]]), scale_factor=2)
    tensor([[[1., 1., 2., 2.]]])
    """
    x = tensor_of(input)
    _check_mode(x, mode, align_corners, antialias)
    rank = x._a.ndim - 2
    counts, factors = _counts(x._a.shape[2:], size, scale_factor, rank)
    if mode == "area":
        pooled: Tensor = adaptive_avg_pool(x, counts, rank)
        return pooled
    if recompute_scale_factor:
        factors = [None] * rank
    if min(counts) < 1:
        raise RuntimeError(
            f"Input and output sizes should be greater than 0, but got input {list(x._a.shape[2:])} and "
            f"output {counts}"
        )
    axes = zip(x._a.shape[2:], counts, factors, strict=True)
    matrices = tuple([_axis(n, k, mode, bool(align_corners), f, x._a.dtype) for n, k, f in axes])
    made: Tensor = record(_NODES[mode, rank], mapped(x._a, matrices), (x,), None, matrices)
    return made


def upsample(
    input: Any, size: Any = None, scale_factor: Any = None, mode: str = "nearest", align_corners: Any = None
) -> Tensor:
    """The old name of `interpolate`.

    Examples
    --------
    >>> import pullback as pb
    >>> pb.nn.functional.upsample(pb.tensor([[[1.0, 2.0]]]), scale_factor=2)
    tensor([[[1., 1., 2., 2.]]])
    """
    return interpolate(input, size, scale_factor, mode, align_corners)


def _checked(name: str, input: Any, argument: str, factor: int) -> tuple[Any, int]:
    """The operands of a shuffle.

    Raises
    ------
    RuntimeError
        If there is no image, or the factor is not positive.
    """
    x, r = tensor_of(input), int(factor)
    if x._a.ndim < 3:
        raise RuntimeError(
            f"{name} expects input to have at least 3 dimensions, but got input with {x._a.ndim} dimension(s)"
        )
    if r <= 0:
        raise RuntimeError(f"{name} expects a positive {argument}, but got {r}")
    return x, r


def pixel_shuffle(input: Any, upscale_factor: int) -> Tensor:
    """Channels moved into the image: (…, C r², H, W) to (…, C, H r, W r).

    Parameters
    ----------
    input
        A tensor.
    upscale_factor
        The factor r.

    Returns
    -------
    Tensor

    Raises
    ------
    RuntimeError
        If the channels cannot be divided.

    Examples
    --------
    >>> import pullback as pb
    >>> pb.nn.functional.pixel_shuffle(pb.arange(4.0).reshape(4, 1, 1), 2)
    tensor([[[0., 1.],
             [2., 3.]]])
    """
    x, r = _checked("pixel_shuffle", input, "upscale_factor", upscale_factor)
    *front, channels, height, width = x._a.shape
    if channels % (r * r):
        raise RuntimeError(
            "pixel_shuffle expects its input's 'channel' dimension to be divisible by the square of "
            f"upscale_factor, but input.size(-3)={channels} is not divisible by {r * r}"
        )
    n, c = len(front), channels // (r * r)
    parts = x.reshape(*front, c, r, r, height, width)
    order = (*range(n), n, n + 3, n + 1, n + 4, n + 2)
    made: Tensor = parts.permute(*order).reshape(*front, c, height * r, width * r)
    return made


def pixel_unshuffle(input: Any, downscale_factor: int) -> Tensor:
    """The inverse of `pixel_shuffle`: (…, C, H r, W r) to (…, C r², H, W).

    Parameters
    ----------
    input
        A tensor.
    downscale_factor
        The factor r.

    Returns
    -------
    Tensor

    Raises
    ------
    RuntimeError
        If height or width cannot be divided.

    Examples
    --------
    >>> import pullback as pb
    >>> pb.nn.functional.pixel_unshuffle(pb.ones(1, 2, 2), 2).shape
    pullback.Size([4, 1, 1])
    """
    x, r = _checked("pixel_unshuffle", input, "downscale_factor", downscale_factor)
    *front, c, height, width = x._a.shape
    if height % r or width % r:
        raise RuntimeError(
            "pixel_unshuffle expects height and width to be divisible by downscale_factor, but "
            f"input.size(-2)={height}, input.size(-1)={width} are not divisible by {r}"
        )
    n = len(front)
    parts = x.reshape(*front, c, height // r, r, width // r, r)
    order = (*range(n), n, n + 2, n + 4, n + 1, n + 3)
    made: Tensor = parts.permute(*order).reshape(*front, c * r * r, height // r, width // r)
    return made


def channel_shuffle(input: Any, groups: int) -> Tensor:
    """Channels of groups dealt out in turn.

    Parameters
    ----------
    input
        (N, C, …).
    groups
        How many groups the channels have.

    Returns
    -------
    Tensor

    Raises
    ------
    RuntimeError
        If the channels cannot be divided, or there are less than three axes.

    Examples
    --------
    >>> import pullback as pb
    >>> pb.nn.functional.channel_shuffle(pb.arange(4.0).reshape(1, 4, 1), 2).flatten()
    tensor([0., 2., 1., 3.])
    """
    x = tensor_of(input)
    if x._a.ndim < 3:
        raise RuntimeError(
            f"channel_shuffle expects input with > 2 dims, but got input with sizes {list(x._a.shape)}"
        )
    n, c, *rest = x._a.shape
    if groups <= 0 or c % groups:
        raise RuntimeError(
            f"Number of channels must be divisible by groups. Got {c} channels and {groups} groups."
        )
    made: Tensor = x.reshape(n, groups, c // groups, *rest).transpose(1, 2).reshape(n, c, *rest)
    return made
