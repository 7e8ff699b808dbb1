"""`adaptive_avg_pool1d` … `adaptive_max_pool3d`, as `pb.nn.functional` has them."""

from __future__ import annotations

from typing import Any

from .adaptive import adaptive_avg_pool, adaptive_max_pool


def adaptive_avg_pool1d(input: Any, output_size: Any) -> Any:
    """The means of as many windows as are wanted over one axis.

    Parameters
    ----------
    input
        (N, C, L) or (C, L).
    output_size
        How many windows; None for as many as there are elements.

    Returns
    -------
    Tensor

    Raises
    ------
    RuntimeError
        If shapes do not fit.

    Examples
    --------
    >>> import pullback as pb
    >>> pb.nn.functional.adaptive_avg_pool1d(pb.ones(1, 1, 6), 3).shape
    pullback.Size([1, 1, 3])
    """
    return adaptive_avg_pool(input, output_size, 1)


def adaptive_avg_pool2d(input: Any, output_size: Any) -> Any:
    """The means of as many windows as are wanted over two axes.

    Parameters
    ----------
    input
        (N, C, H, W) or (C, H, W).
    output_size
        How many windows; None for as many as there are elements.

    Returns
    -------
    Tensor

    Raises
    ------
    RuntimeError
        If shapes do not fit.

    Examples
    --------
    >>> import pullback as pb
    >>> pb.nn.functional.adaptive_avg_pool2d(pb.ones(1, 1, 6, 6), 3).shape
    pullback.Size([1, 1, 3, 3])
    """
    return adaptive_avg_pool(input, output_size, 2)


def adaptive_avg_pool3d(input: Any, output_size: Any) -> Any:
    """The means of as many windows as are wanted over three axes.

    Parameters
    ----------
    input
        (N, C, D, H, W) or (C, D, H, W).
    output_size
        How many windows; None for as many as there are elements.

    Returns
    -------
    Tensor

    Raises
    ------
    RuntimeError
        If shapes do not fit.

    Examples
    --------
    >>> import pullback as pb
    >>> pb.nn.functional.adaptive_avg_pool3d(pb.ones(1, 1, 6, 6, 6), 3).shape
    pullback.Size([1, 1, 3, 3, 3])
    """
    return adaptive_avg_pool(input, output_size, 3)


def adaptive_max_pool1d(input: Any, output_size: Any, return_indices: bool = False) -> Any:
    """The largest elements of as many windows as are wanted over one axis.

    Parameters
    ----------
    input
        (N, C, L) or (C, L).
    output_size
        How many windows; None for as many as there are elements.
    return_indices
        Also give where the largest elements are.

    Returns
    -------
    Tensor, or a pair of them

    Raises
    ------
    RuntimeError
        If shapes do not fit.

    Examples
    --------
    >>> import pullback as pb
    >>> pb.nn.functional.adaptive_max_pool1d(pb.ones(1, 1, 6), 3).shape
    pullback.Size([1, 1, 3])
    """
    return adaptive_max_pool(input, output_size, 1, return_indices)


def adaptive_max_pool1d_with_indices(input: Any, output_size: Any, return_indices: bool = False) -> Any:
    """`adaptive_max_pool1d` that also gives where the largest elements are."""
    return adaptive_max_pool(input, output_size, 1, True)


def adaptive_max_pool2d(input: Any, output_size: Any, return_indices: bool = False) -> Any:
    """The largest elements of as many windows as are wanted over two axes.

    Parameters
    ----------
    input
        (N, C, H, W) or (C, H, W).
    output_size
        How many windows; None for as many as there are elements.
    return_indices
        Also give where the largest elements are.

    Returns
    -------
    Tensor, or a pair of them

    Raises
    ------
    RuntimeError
        If shapes do not fit.

    Examples
    --------
    >>> import pullback as pb
    >>> pb.nn.functional.adaptive_max_pool2d(pb.ones(1, 1, 6, 6), 3).shape
    pullback.Size([1, 1, 3, 3])
    """
    return adaptive_max_pool(input, output_size, 2, return_indices)


def adaptive_max_pool2d_with_indices(input: Any, output_size: Any, return_indices: bool = False) -> Any:
    """`adaptive_max_pool2d` that also gives where the largest elements are."""
    return adaptive_max_pool(input, output_size, 2, True)


def adaptive_max_pool3d(input: Any, output_size: Any, return_indices: bool = False) -> Any:
    """The largest elements of as many windows as are wanted over three axes.

    Parameters
    ----------
    input
        (N, C, D, H, W) or (C, D, H, W).
    output_size
        How many windows; None for as many as there are elements.
    return_indices
        Also give where the largest elements are.

    Returns
    -------
    Tensor, or a pair of them

    Raises
    ------
    RuntimeError
        If shapes do not fit.

    Examples
    --------
    >>> import pullback as pb
    >>> pb.nn.functional.adaptive_max_pool3d(pb.ones(1, 1, 6, 6, 6), 3).shape
    pullback.Size([1, 1, 3, 3, 3])
    """
    return adaptive_max_pool(input, output_size, 3, return_indices)


def adaptive_max_pool3d_with_indices(input: Any, output_size: Any, return_indices: bool = False) -> Any:
    """`adaptive_max_pool3d` that also gives where the largest elements are."""
    return adaptive_max_pool(input, output_size, 3, True)
