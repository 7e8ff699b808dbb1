"""Places of numbers in sorted sequences: `searchsorted`, `bucketize`."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...tape.node import Recorded, wrap
from ..pointwise.pointwise import into
from ..table import function
from ..tensor import Tensor, tensor_of


@function(method=False)
def searchsorted(
    sorted_sequence: Any,
    input: Any,
    *,
    out_int32: bool = False,
    right: bool = False,
    side: str | None = None,
    out: Any = None,
    sorter: Any = None,
) -> Tensor:
    """Where values belong in sorted rows.

    Parameters
    ----------
    sorted_sequence
        A vector, or a tensor whose rows along the last axis are sorted.
    input
        Values: a number, or a tensor with as many rows.
    out_int32
        Give int32.
    right, side
        Behind equal elements (`right=True`, `side="right"`) or before them.
    out
        A tensor to write the result to.
    sorter
        The order that sorts the rows.

    Returns
    -------
    Tensor

    Raises
    ------
    RuntimeError
        If the shapes do not fit, or `right` and `side` contradict.

    Examples
    --------
    >>> import pullback as pb
    >>> pb.searchsorted(pb.tensor([1, 3, 5]), pb.tensor([3, 4]))
    tensor([1, 2])
    """
    if side is not None and side not in ("left", "right"):
        raise RuntimeError(f"torch.searchsorted(): side can only be 'left' or 'right' but got {side}")
    if right and side == "left":
        raise RuntimeError(
            "torch.searchsorted(): side and right can't be set to opposites, got side of left while right "
            "was True"
        )
    rows = tensor_of(sorted_sequence)._a
    if sorter is not None:
        rows = np.take_along_axis(rows, tensor_of(sorter)._a, -1)
    values = input._a if isinstance(input, Recorded) else np.asarray(input)
    way: Any = "right" if right or side == "right" else "left"
    if rows.ndim == 1:
        found: Any = np.searchsorted(rows, values, way)
    else:
        if rows.shape[:-1] != values.shape[:-1]:
            raise RuntimeError(
                "torch.searchsorted(): boundaries tensor should be 1 dimension or the first N-1 dimensions "
                "of boundaries tensor and input value tensor must match, but we got boundaries tensor "
                f"{list(rows.shape)} and input value tensor {list(values.shape)}"
            )
        found = np.empty(values.shape, np.int64)
        for k in np.ndindex(rows.shape[:-1]):
            found[k] = np.searchsorted(rows[k], values[k], way)
    kind = np.int32 if out_int32 else np.int64
    return into(out, wrap(Tensor, np.asarray(found).astype(kind)))


@function()
def bucketize(
    input: Any, boundaries: Any, *, out_int32: bool = False, right: bool = False, out: Any = None
) -> Tensor:
    """Between which boundaries values lie.

    Parameters
    ----------
    input
        Values: a number or a tensor.
    boundaries
        A sorted vector.
    out_int32
        Give int32.
    right
        A value that is a boundary belongs above it.
    out
        A tensor to write the result to.

    Returns
    -------
    Tensor

    Raises
    ------
    RuntimeError
        If the boundaries are no vector.

    Examples
    --------
    >>> import pullback as pb
    >>> pb.bucketize(pb.tensor([3, 6, 9]), pb.tensor([1, 3, 5, 7, 9]))
    tensor([1, 3, 4])
    """
    if tensor_of(boundaries)._a.ndim != 1:
        raise RuntimeError(
            f"boundaries tensor must be 1 dimension, but got dim({tensor_of(boundaries)._a.ndim})"
        )
    return searchsorted(boundaries, input, out_int32=out_int32, right=right, out=out)
