"""Functions of networks that are also `pb.<name>` and methods of tensors: `pb.relu`, `t.softmax(0)`."""

from __future__ import annotations

from typing import Any

from ..tensor.tensor import Tensor
from . import functional as F


def softmax(input: Any, dim: int | None = None, dtype: Any = None) -> Tensor:
    """`exp(input)` over its sum along an axis.

    Parameters
    ----------
    input
        A tensor.
    dim
        The axis.
    dtype
        The dtype to compute in.

    Returns
    -------
    Tensor

    Examples
    --------
    >>> import pullback as pb
    >>> pb.softmax(pb.tensor([0.0, 0.0]), 0)
    tensor([0.5000, 0.5000])
    """
    return F.softmax(input, dim, dtype=dtype)


def log_softmax(input: Any, dim: int | None = None, dtype: Any = None) -> Tensor:
    """The logarithm of `softmax`, computed without overflow.

    Parameters
    ----------
    input
        A tensor.
    dim
        The axis.
    dtype
        The dtype to compute in.

    Returns
    -------
    Tensor

    Examples
    --------
    >>> import pullback as pb
    >>> pb.log_softmax(pb.tensor([0.0, 0.0]), 0)
    tensor([-0.6931, -0.6931])
    """
    return F.log_softmax(input, dim, dtype=dtype)


_METHODS = ("hardshrink", "prelu", "relu", "relu_")
_ROOT = (
    *_METHODS, "adaptive_avg_pool1d", "adaptive_max_pool1d", "alpha_dropout", "avg_pool1d", "bilinear",
    "binary_cross_entropy_with_logits", "celu", "celu_", "channel_shuffle", "conv1d", "conv2d", "conv3d",
    "conv_transpose1d", "conv_transpose2d", "conv_transpose3d", "cosine_embedding_loss", "cosine_similarity",
    "dropout", "feature_alpha_dropout", "group_norm", "hinge_embedding_loss", "kl_div",
    "margin_ranking_loss", "max_pool1d", "max_pool2d", "max_pool3d", "pairwise_distance", "pixel_shuffle",
    "pixel_unshuffle", "poisson_nll_loss", "rms_norm", "rrelu", "rrelu_", "selu", "selu_", "threshold",
    "threshold_", "triplet_margin_loss",
)  # fmt: skip

NAMES: dict[str, Any] = {name: getattr(F, name) for name in _ROOT}
NAMES |= {"softmax": softmax, "log_softmax": log_softmax}
"""What `pb.<name>` has of them."""


def install() -> None:
    """Put the methods on the class."""
    for name in (*_METHODS, "softmax", "log_softmax"):
        setattr(Tensor, name, NAMES[name])


install()
