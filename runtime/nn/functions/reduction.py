"""The `reduction=` argument of losses."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np


def reduction_of(reduction: str, size_average: bool | None = None, reduce: bool | None = None) -> str:
    """The reduction that is meant: older code says it with two flags.

    Raises
    ------
    ValueError
        If there is no such reduction.
    """
    if size_average is not None or reduce is not None:
        average = size_average is None or size_average
        reduction = ("mean" if average else "sum") if reduce is None or reduce else "none"
        warnings.warn(
            f"size_average and reduce args will be deprecated, please use reduction='{reduction}' instead.",
            UserWarning,
            stacklevel=3,
        )
    if reduction not in ("none", "mean", "sum"):
        raise ValueError(f"{reduction} is not a valid value for reduction")
    return reduction


def reduced(losses: Any, reduction: str) -> Any:
    """The mean or the sum of losses, or the losses themselves: of arrays or tensors."""
    if reduction == "none":
        return losses
    if isinstance(losses, np.ndarray):
        return np.asarray(losses.mean() if reduction == "mean" else losses.sum())
    return losses.mean() if reduction == "mean" else losses.sum()


def share(g: Any, reduction: str, count: int) -> Any:
    """The cotangent of each loss, from that of what they were reduced to."""
    return g / count if reduction == "mean" else g
