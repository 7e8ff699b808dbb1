"""`max_pool1d` … `max_pool3d`, as `pb.nn.functional` has them."""

from __future__ import annotations

from typing import Any

from .pooling import max_pool


def max_pool1d(
    input: Any, kernel_size: Any, stride: Any = None, padding: Any = 0, dilation: Any = 1,
    ceil_mode: bool = False, return_indices: bool = False,
) -> Any:  # fmt: skip
    """The largest elements of windows over one axis.

    Parameters
    ----------
    input
        (N, C, L) or (C, L).
    kernel_size
        Lengths of the windows.
    stride
        Steps from one to the next; their lengths without.
    padding
        How much is added on both sides, which is never the largest.
    dilation
        Steps between the elements of a window.
    ceil_mode
        Also take windows that reach over the end.
    return_indices
        Also give where the largest elements are.

    Returns
    -------
    Tensor, or a pair of them

    Raises
    ------
    RuntimeError
        If sizes do not fit.

    Examples
    --------
    >>> import pullback as pb
    >>> pb.nn.functional.max_pool1d(pb.ones(1, 1, 4), 2).shape
    pullback.Size([1, 1, 2])
    """
    return max_pool(input, 1, kernel_size, stride, padding, dilation, ceil_mode, return_indices)


def max_pool1d_with_indices(
    input: Any, kernel_size: Any, stride: Any = None, padding: Any = 0, dilation: Any = 1,
    ceil_mode: bool = False, return_indices: bool = False,
) -> Any:  # fmt: skip
    """`max_pool1d` that also gives where the largest elements are."""
    return max_pool(input, 1, kernel_size, stride, padding, dilation, ceil_mode, True)


def max_pool2d(
    input: Any, kernel_size: Any, stride: Any = None, padding: Any = 0, dilation: Any = 1,
    ceil_mode: bool = False, return_indices: bool = False,
) -> Any:  # fmt: skip
    """The largest elements of windows over two axes.

    Parameters
    ----------
    input
        (N, C, H, W) or (C, H, W).
    kernel_size
        Lengths of the windows.
    stride
        Steps from one to the next; their lengths without.
    padding
        How much is added on both sides, which is never the largest.
    dilation
        Steps between the elements of a window.
    ceil_mode
        Also take windows that reach over the end.
    return_indices
        Also give where the largest elements are.

    Returns
    -------
    Tensor, or a pair of them

    Raises
    ------
    RuntimeError
        If sizes do not fit.

    Examples
    --------
    >>> import pullback as pb
    >>> pb.nn.functional.max_pool2d(pb.ones(1, 1, 4, 4), 2).shape
    pullback.Size([1, 1, 2, 2])
    """
    return max_pool(input, 2, kernel_size, stride, padding, dilation, ceil_mode, return_indices)


def max_pool2d_with_indices(
    input: Any, kernel_size: Any, stride: Any = None, padding: Any = 0, dilation: Any = 1,
    ceil_mode: bool = False, return_indices: bool = False,
) -> Any:  # fmt: skip
    """`max_pool2d` that also gives where the largest elements are."""
    return max_pool(input, 2, kernel_size, stride, padding, dilation, ceil_mode, True)


def max_pool3d(
    input: Any, kernel_size: Any, stride: Any = None, padding: Any = 0, dilation: Any = 1,
    ceil_mode: bool = False, return_indices: bool = False,
) -> Any:  # fmt: skip
    """The largest elements of windows over three axes.

    Parameters
    ----------
    input
        (N, C, D, H, W) or (C, D, H, W).
    kernel_size
        Lengths of the windows.
    stride
        Steps from one to the next; their lengths without.
    padding
        How much is added on both sides, which is never the largest.
    dilation
        Steps between the elements of a window.
    ceil_mode
        Also take windows that reach over the end.
    return_indices
        Also give where the largest elements are.

    Returns
    -------
    Tensor, or a pair of them

    Raises
    ------
    RuntimeError
        If sizes do not fit.

    Examples
    --------
    >>> import pullback as pb
    >>> pb.nn.functional.max_pool3d(pb.ones(1, 1, 4, 4, 4), 2).shape
    pullback.Size([1, 1, 2, 2, 2])
    """
    return max_pool(input, 3, kernel_size, stride, padding, dilation, ceil_mode, return_indices)


def max_pool3d_with_indices(
    input: Any, kernel_size: Any, stride: Any = None, padding: Any = 0, dilation: Any = 1,
    ceil_mode: bool = False, return_indices: bool = False,
) -> Any:  # fmt: skip
    """`max_pool3d` that also gives where the largest elements are."""
    return max_pool(input, 3, kernel_size, stride, padding, dilation, ceil_mode, True)
