"""`dropout` and its kin."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from ...tape.node import wrap
from ...tensor.creation.random import source
from ...tensor.tensor import Tensor
from .operands import tensor_of

_ALPHA = -1.7580993408473766  # what selu gives at minus infinity


def check_probability(p: float) -> None:
    """Refuse what is no probability.

    Raises
    ------
    ValueError
        For it.
    """
    if not 0 <= p <= 1:
        raise ValueError(f"dropout probability has to be between 0 and 1, but got {p}")


def _kept(shape: tuple[int, ...], p: float) -> Any:
    """Which elements are kept."""
    return source(None).random(shape, np.float32) >= p


def _factors_kind(x: Tensor, p: float) -> Any:
    """The dtype of the factors of elements.

    Raises
    ------
    RuntimeError
        If it has integers only, which cannot be 1 / (1 - p).
    """
    kind = x._a.dtype
    if kind.kind not in "fc" and p != 1:
        raise RuntimeError(f"result type Float can't be cast to the desired output type {x._title()}")
    return kind


def _dropped(x: Tensor, p: float, training: bool, inplace: bool, shape: Any) -> Tensor:
    """The tensor with some elements zero and the others larger; `shape` of the draws is broadcast."""
    check_probability(p)
    if not training or p == 0 or not x._a.size:
        return x
    kind = _factors_kind(x, p)
    factor = np.zeros(shape, kind) if p == 1 else _kept(shape, p).astype(kind) * kind.type(1 / (1 - p))
    mask = wrap(Tensor, factor)
    made: Tensor = x.mul_(mask) if inplace else x * mask
    return made


def dropout(input: Any, p: float = 0.5, training: bool = True, inplace: bool = False) -> Tensor:
    """Elements are zero with probability p, the others are divided by 1 - p.

    Parameters
    ----------
    input
        A tensor.
    p
        The probability.
    training
        Without, the input is given.
    inplace
        Write the result to the input.

    Returns
    -------
    Tensor

    Raises
    ------
    ValueError
        If `p` is no probability.

    Examples
    --------
    >>> import pullback as pb
    >>> pb.nn.functional.dropout(pb.ones(2), p=1.0)
    tensor([0., 0.])
    """
    x = tensor_of(input)
    return _dropped(x, p, training, inplace, x._a.shape)


def _channels(input: Any, p: float, training: bool, inplace: bool, rank: int) -> Tensor:
    """Dropout of whole channels: one draw for each plane."""
    x = tensor_of(input)
    name = f"dropout{rank}d"
    check_probability(p)
    ndim = x._a.ndim
    if ndim not in (rank + 1, rank + 2):
        warnings.warn(
            f"{name}: Received a {ndim}-D input to {name}, which is deprecated and will result in an error "
            "in a future release. To retain the behavior and silence this warning, please use dropout "
            "instead.",
            UserWarning,
            stacklevel=3,
        )
    batched = ndim != rank + 1
    if rank == 2 and ndim == 3:
        warnings.warn(
            "dropout2d: Received a 3D input to dropout2d and assuming that channel-wise 1D dropout "
            "behavior is desired - input is interpreted as shape (N, C, L), where C is the channel dim. "
            "This behavior will change in a future release to interpret the input as one without a batch "
            "dimension, i.e. shape (C, H, W). To maintain the 1D channel-wise dropout behavior, please "
            "switch to using dropout1d instead.",
            UserWarning,
            stacklevel=3,
        )
        batched = True
    drawn = x._a.shape[: 2 if batched else 1]
    return _dropped(x, p, training, inplace, drawn + (1,) * (ndim - len(drawn)))


def dropout1d(input: Any, p: float = 0.5, training: bool = True, inplace: bool = False) -> Tensor:
    """`dropout` of whole channels of (N, C, L) or (C, L).

    Parameters
    ----------
    input, p, training, inplace
        As for `dropout`.

    Returns
    -------
    Tensor

    Raises
    ------
    ValueError
        If `p` is no probability.

    Examples
    --------
    >>> import pullback as pb
    >>> planes = pb.nn.functional.dropout1d(pb.ones(2, 3, 4)).flatten(2)
    >>> bool((planes == planes[:, :, :1]).all())
    True
    """
    return _channels(input, p, training, inplace, 1)


def dropout2d(input: Any, p: float = 0.5, training: bool = True, inplace: bool = False) -> Tensor:
    """`dropout` of whole channels of (N, C, H, W); of three axes, the first is the batch.

    Parameters
    ----------
    input, p, training, inplace
        As for `dropout`.

    Returns
    -------
    Tensor

    Raises
    ------
    ValueError
        If `p` is no probability.

    Examples
    --------
    >>> import pullback as pb
    >>> planes = pb.nn.functional.dropout2d(pb.ones(2, 3, 4, 4)).flatten(2)
    >>> bool((planes == planes[:, :, :1]).all())
    True
    """
    return _channels(input, p, training, inplace, 2)


def dropout3d(input: Any, p: float = 0.5, training: bool = True, inplace: bool = False) -> Tensor:
    """`dropout` of whole channels of (N, C, D, H, W) or (C, D, H, W).

    Parameters
    ----------
    input, p, training, inplace
        As for `dropout`.

    Returns
    -------
    Tensor

    Raises
    ------
    ValueError
        If `p` is no probability.

    Examples
    --------
    >>> import pullback as pb
    >>> planes = pb.nn.functional.dropout3d(pb.ones(2, 3, 4, 4, 4)).flatten(2)
    >>> bool((planes == planes[:, :, :1]).all())
    True
    """
    return _channels(input, p, training, inplace, 3)


def _alpha(x: Tensor, p: float, training: bool, inplace: bool, shape: Any) -> Tensor:
    """Dropout to the lower limit of selu, which keeps mean and variance."""
    check_probability(p)
    if not training or p == 0 or not x._a.size:
        return x
    kind = _factors_kind(x, p)
    if p == 1:
        factor, offset = np.zeros(shape, kind), np.zeros(shape, kind)
    else:
        a = 1 / np.sqrt((1 - p) * (1 + p * _ALPHA**2))
        kept = _kept(shape, p)
        factor = np.where(kept, a, 0).astype(kind)
        offset = (np.where(kept, 0, a * _ALPHA) - a * _ALPHA * p).astype(kind)
    one, two = wrap(Tensor, factor), wrap(Tensor, offset)
    made: Tensor = x.mul_(one).add_(two) if inplace else x * one + two
    return made


def alpha_dropout(input: Any, p: float = 0.5, training: bool = False, inplace: bool = False) -> Tensor:
    """Dropout that keeps mean and variance of what goes through `selu` (Klambauer et al., 2017).

    Parameters
    ----------
    input
        A tensor.
    p
        The probability.
    training
        Without, the input is given.
    inplace
        Write the result to the input.

    Returns
    -------
    Tensor

    Raises
    ------
    ValueError
        If `p` is no probability.

    Examples
    --------
    >>> import pullback as pb
    >>> pb.nn.functional.alpha_dropout(pb.ones(2), p=0.5)
    tensor([1., 1.])
    """
    x = tensor_of(input)
    return _alpha(x, p, training, inplace, x._a.shape)


def feature_alpha_dropout(
    input: Any, p: float = 0.5, training: bool = False, inplace: bool = False
) -> Tensor:
    """`alpha_dropout` of whole channels.

    Parameters
    ----------
    input
        A tensor of shape (batch, channels, …).
    p
        The probability of a channel to be dropped.
    training
        Without, the input is given back.
    inplace
        Write to the input.

    Returns
    -------
    Tensor

    Raises
    ------
    ValueError, RuntimeError
        If `p` is no probability, or there are no channels.

    Examples
    --------
    >>> import pullback as pb
    >>> pb.nn.functional.feature_alpha_dropout(pb.ones(1, 2, 2)).shape
    pullback.Size([1, 2, 2])
    """
    x = tensor_of(input)
    if training and x._a.ndim < 2:
        raise RuntimeError("Feature dropout requires at least 2 dimensions in the input")
    return _alpha(x, p, training, inplace, x._a.shape[:2] + (1,) * (x._a.ndim - 2))
