"""`conv1d` … `conv_transpose3d`, as `pb.nn.functional` has them."""

from __future__ import annotations

from typing import Any

from ...tensor.tensor import Tensor
from .correlation import convolve, convolve_transposed


def conv1d(
    input: Any, weight: Any, bias: Any = None, stride: Any = 1, padding: Any = 0, dilation: Any = 1,
    groups: int = 1,
) -> Tensor:  # fmt: skip
    """A convolution over one axis.

    Parameters
    ----------
    input
        (N, C, L) or (C, L).
    weight
        (features, C / groups, k…).
    bias
        One number a feature, or None.
    stride
        Steps of the kernel.
    padding
        Zeros added on both sides; or "same", "valid".
    dilation
        Steps between the elements of the kernel.
    groups
        Into how many groups the channels are divided, each with kernels of its own.

    Returns
    -------
    Tensor

    Raises
    ------
    RuntimeError
        If shapes, dtypes or steps do not fit.

    Examples
    --------
    >>> import pullback as pb
    >>> pb.nn.functional.conv1d(pb.ones(1, 1, 5), pb.ones(2, 1, 3)).shape
    pullback.Size([1, 2, 3])
    """
    return convolve(input, weight, bias, stride, padding, dilation, groups, 1)


def conv2d(
    input: Any, weight: Any, bias: Any = None, stride: Any = 1, padding: Any = 0, dilation: Any = 1,
    groups: int = 1,
) -> Tensor:  # fmt: skip
    """A convolution over two axes.

    Parameters
    ----------
    input
        (N, C, H, W) or (C, H, W).
    weight
        (features, C / groups, k…).
    bias
        One number a feature, or None.
    stride
        Steps of the kernel.
    padding
        Zeros added on both sides; or "same", "valid".
    dilation
        Steps between the elements of the kernel.
    groups
        Into how many groups the channels are divided, each with kernels of its own.

    Returns
    -------
    Tensor

    Raises
    ------
    RuntimeError
        If shapes, dtypes or steps do not fit.

    Examples
    --------
    >>> import pullback as pb
    >>> pb.nn.functional.conv2d(pb.ones(1, 1, 5, 5), pb.ones(2, 1, 3, 3)).shape
    pullback.Size([1, 2, 3, 3])
    """
    return convolve(input, weight, bias, stride, padding, dilation, groups, 2)


def conv3d(
    input: Any, weight: Any, bias: Any = None, stride: Any = 1, padding: Any = 0, dilation: Any = 1,
    groups: int = 1,
) -> Tensor:  # fmt: skip
    """A convolution over three axes.

    Parameters
    ----------
    input
        (N, C, D, H, W) or (C, D, H, W).
    weight
        (features, C / groups, k…).
    bias
        One number a feature, or None.
    stride
        Steps of the kernel.
    padding
        Zeros added on both sides; or "same", "valid".
    dilation
        Steps between the elements of the kernel.
    groups
        Into how many groups the channels are divided, each with kernels of its own.

    Returns
    -------
    Tensor

    Raises
    ------
    RuntimeError
        If shapes, dtypes or steps do not fit.

    Examples
    --------
    >>> import pullback as pb
    >>> pb.nn.functional.conv3d(pb.ones(1, 1, 5, 5, 5), pb.ones(2, 1, 3, 3, 3)).shape
    pullback.Size([1, 2, 3, 3, 3])
    """
    return convolve(input, weight, bias, stride, padding, dilation, groups, 3)


def conv_transpose1d(
    input: Any, weight: Any, bias: Any = None, stride: Any = 1, padding: Any = 0, output_padding: Any = 0,
    groups: int = 1, dilation: Any = 1,
) -> Tensor:  # fmt: skip
    """A transposed convolution, the transpose of `conv1d`, over one axis.

    Parameters
    ----------
    input
        (N, C, L) or (C, L).
    weight
        (C, features / groups, k…).
    bias
        One number a feature, or None.
    stride, padding, dilation
        As of the convolution that it transposes.
    output_padding
        How much longer the result is on one side.
    groups
        Into how many groups the channels are divided.

    Returns
    -------
    Tensor

    Raises
    ------
    RuntimeError
        If shapes, dtypes or steps do not fit.

    Examples
    --------
    >>> import pullback as pb
    >>> pb.nn.functional.conv_transpose1d(pb.ones(1, 1, 5), pb.ones(1, 2, 3)).shape
    pullback.Size([1, 2, 7])
    """
    return convolve_transposed(input, weight, bias, stride, padding, output_padding, groups, dilation, 1)


def conv_transpose2d(
    input: Any, weight: Any, bias: Any = None, stride: Any = 1, padding: Any = 0, output_padding: Any = 0,
    groups: int = 1, dilation: Any = 1,
) -> Tensor:  # fmt: skip
    """A transposed convolution, the transpose of `conv2d`, over two axes.

    Parameters
    ----------
    input
        (N, C, H, W) or (C, H, W).
    weight
        (C, features / groups, k…).
    bias
        One number a feature, or None.
    stride, padding, dilation
        As of the convolution that it transposes.
    output_padding
        How much longer the result is on one side.
    groups
        Into how many groups the channels are divided.

    Returns
    -------
    Tensor

    Raises
    ------
    RuntimeError
        If shapes, dtypes or steps do not fit.

    Examples
    --------
    >>> import pullback as pb
    >>> pb.nn.functional.conv_transpose2d(pb.ones(1, 1, 5, 5), pb.ones(1, 2, 3, 3)).shape
    pullback.Size([1, 2, 7, 7])
    """
    return convolve_transposed(input, weight, bias, stride, padding, output_padding, groups, dilation, 2)


def conv_transpose3d(
    input: Any, weight: Any, bias: Any = None, stride: Any = 1, padding: Any = 0, output_padding: Any = 0,
    groups: int = 1, dilation: Any = 1,
) -> Tensor:  # fmt: skip
    """A transposed convolution, the transpose of `conv3d`, over three axes.

    Parameters
    ----------
    input
        (N, C, D, H, W) or (C, D, H, W).
    weight
        (C, features / groups, k…).
    bias
        One number a feature, or None.
    stride, padding, dilation
        As of the convolution that it transposes.
    output_padding
        How much longer the result is on one side.
    groups
        Into how many groups the channels are divided.

    Returns
    -------
    Tensor

    Raises
    ------
    RuntimeError
        If shapes, dtypes or steps do not fit.

    Examples
    --------
    >>> import pullback as pb
    >>> pb.nn.functional.conv_transpose3d(pb.ones(1, 1, 5, 5, 5), pb.ones(1, 2, 3, 3, 3)).shape
    pullback.Size([1, 2, 7, 7, 7])
    """
    return convolve_transposed(input, weight, bias, stride, padding, output_padding, groups, dilation, 3)
