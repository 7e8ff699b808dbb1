"""`avg_pool1d` … `lp_pool3d`, as `pb.nn.functional` has them."""

from __future__ import annotations

from typing import Any

from ...tensor.tensor import Tensor
from .pooling import avg_pool, lp_pool


def avg_pool1d(
    input: Any, kernel_size: Any, stride: Any = None, padding: Any = 0, ceil_mode: bool = False,
    count_include_pad: bool = True,
) -> Tensor:  # fmt: skip
    """The means of windows over one axis.

    Parameters
    ----------
    input
        (N, C, L) or (C, L).
    kernel_size
        Lengths of the windows.
    stride
        Steps from one to the next; their lengths without.
    padding
        How many zeros are added on both sides.
    ceil_mode
        Also take windows that reach over the end.
    count_include_pad
        Whether those zeros count in the means.

    Returns
    -------
    Tensor

    Raises
    ------
    RuntimeError
        If sizes do not fit.

    Examples
    --------
    >>> import pullback as pb
    >>> pb.nn.functional.avg_pool1d(pb.ones(1, 1, 4), 2).shape
    pullback.Size([1, 1, 2])
    """
    made: Tensor = avg_pool(input, 1, kernel_size, stride, padding, ceil_mode, count_include_pad, None)
    return made


def lp_pool1d(
    input: Any, norm_type: float, kernel_size: Any, stride: Any = None, ceil_mode: bool = False
) -> Tensor:
    """The p-norms of windows over one axis.

    Parameters
    ----------
    input
        (N, C, L) or (C, L).
    norm_type
        Which norm, p.
    kernel_size
        Lengths of the windows.
    stride
        Steps from one to the next; their lengths without.
    ceil_mode
        Also take windows that reach over the end.

    Returns
    -------
    Tensor

    Examples
    --------
    >>> import pullback as pb
    >>> pb.nn.functional.lp_pool1d(pb.ones(1, 1, 4), 1, 2).shape
    pullback.Size([1, 1, 2])
    """
    made: Tensor = lp_pool(input, 1, norm_type, kernel_size, stride, ceil_mode)
    return made


def avg_pool2d(
    input: Any, kernel_size: Any, stride: Any = None, padding: Any = 0, ceil_mode: bool = False,
    count_include_pad: bool = True, divisor_override: int | None = None,
) -> Tensor:  # fmt: skip
    """The means of windows over two axes.

    Parameters
    ----------
    input
        (N, C, H, W) or (C, H, W).
    kernel_size
        Lengths of the windows.
    stride
        Steps from one to the next; their lengths without.
    padding
        How many zeros are added on both sides.
    ceil_mode
        Also take windows that reach over the end.
    count_include_pad
        Whether those zeros count in the means.
    divisor_override
        What to divide sums by, instead of the number of elements.

    Returns
    -------
    Tensor

    Raises
    ------
    RuntimeError
        If sizes do not fit.

    Examples
    --------
    >>> import pullback as pb
    >>> pb.nn.functional.avg_pool2d(pb.ones(1, 1, 4, 4), 2).shape
    pullback.Size([1, 1, 2, 2])
    """
    made: Tensor = avg_pool(
        input, 2, kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override
    )
    return made


def lp_pool2d(
    input: Any, norm_type: float, kernel_size: Any, stride: Any = None, ceil_mode: bool = False
) -> Tensor:
    """The p-norms of windows over two axes.

    Parameters
    ----------
    input
        (N, C, H, W) or (C, H, W).
    norm_type
        Which norm, p.
    kernel_size
        Lengths of the windows.
    stride
        Steps from one to the next; their lengths without.
    ceil_mode
        Also take windows that reach over the end.

    Returns
    -------
    Tensor

    Examples
    --------
    >>> import pullback as pb
    >>> pb.nn.functional.lp_pool2d(pb.ones(1, 1, 4, 4), 1, 2).shape
    pullback.Size([1, 1, 2, 2])
    """
    made: Tensor = lp_pool(input, 2, norm_type, kernel_size, stride, ceil_mode)
    return made


def avg_pool3d(
    input: Any, kernel_size: Any, stride: Any = None, padding: Any = 0, ceil_mode: bool = False,
    count_include_pad: bool = True, divisor_override: int | None = None,
) -> Tensor:  # fmt: skip
    """The means of windows over three axes.

    Parameters
    ----------
    input
        (N, C, D, H, W) or (C, D, H, W).
    kernel_size
        Lengths of the windows.
    stride
        Steps from one to the next; their lengths without.
    padding
        How many zeros are added on both sides.
    ceil_mode
        Also take windows that reach over the end.
    count_include_pad
        Whether those zeros count in the means.
    divisor_override
        What to divide sums by, instead of the number of elements.

    Returns
    -------
    Tensor

    Raises
    ------
    RuntimeError
        If sizes do not fit.

    Examples
    --------
    >>> import pullback as pb
    >>> pb.nn.functional.avg_pool3d(pb.ones(1, 1, 4, 4, 4), 2).shape
    pullback.Size([1, 1, 2, 2, 2])
    """
    made: Tensor = avg_pool(
        input, 3, kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override
    )
    return made


def lp_pool3d(
    input: Any, norm_type: float, kernel_size: Any, stride: Any = None, ceil_mode: bool = False
) -> Tensor:
    """The p-norms of windows over three axes.

    Parameters
    ----------
    input
        (N, C, D, H, W) or (C, D, H, W).
    norm_type
        Which norm, p.
    kernel_size
        Lengths of the windows.
    stride
        Steps from one to the next; their lengths without.
    ceil_mode
        Also take windows that reach over the end.

    Returns
    -------
    Tensor

    Examples
    --------
    >>> import pullback as pb
    >>> pb.nn.functional.lp_pool3d(pb.ones(1, 1, 4, 4, 4), 1, 2).shape
    pullback.Size([1, 1, 2, 2, 2])
    """
    made: Tensor = lp_pool(input, 3, norm_type, kernel_size, stride, ceil_mode)
    return made
