"""`gradient`: the derivatives of a function that is known at points, by differences of neighbours."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ...tape.node import Recorded
from ..shape.joining import cat
from ..table import function
from ..tensor import Tensor, axis_of, tensor_of
from .scans import diff


@function(method=False)
def gradient(input: Any, *, spacing: Any = 1, dim: Any = None, edge_order: int = 1) -> tuple[Tensor, ...]:
    """Estimates of the derivatives along axes: central differences, at the ends one-sided ones.

    Parameters
    ----------
    input
        The values of a function on a grid.
    spacing
        How far apart the points are: one number, one for each axis, or a vector of coordinates for each axis.
    dim
        An axis, or several; all of them without.
    edge_order
        1 or 2: of which order the differences at the ends are.

    Returns
    -------
    tuple of Tensors

    Raises
    ------
    IndexError, RuntimeError
        If there are no such axes, too few points, or `spacing` does not fit.

    Examples
    --------
    >>> import pullback as pb
    >>> pb.gradient(pb.tensor([1.0, 4.0, 9.0, 16.0]))
    (tensor([3., 4., 6., 7.]),)
    """
    x = tensor_of(input)
    rank = x._a.ndim
    dims = list(range(rank)) if dim is None else [dim] if isinstance(dim, int) else list(dim)
    if x._a.dtype == np.uint8:
        raise RuntimeError("torch.gradient does not support uint8 input.")
    if edge_order not in (1, 2):
        raise RuntimeError("torch.gradient only supports edge_order=1 and edge_order=2.")
    steps = _steps(spacing, dims, rank, dim is None)
    axes = [axis_of(d, rank) for d in dims]
    for axis in axes:
        if axes.count(axis) > 1:
            raise RuntimeError(f"dim {axis} appears multiple times in the list of dims")
        if x._a.shape[axis] < edge_order + 1:
            raise RuntimeError("torch.gradient expected each dimension size to be at least edge_order+1")
    return tuple([_along(x, axis, step, edge_order) for axis, step in zip(axes, steps, strict=True)])


def _steps(spacing: Any, dims: list[int], rank: int, all_: bool) -> list[Any]:
    """A number or a vector of coordinates for each axis."""
    if isinstance(spacing, Recorded) and spacing._a.ndim == 0:
        spacing = spacing._a.item()
    if isinstance(spacing, (int, float, complex)):
        return [spacing] * len(dims)
    if not isinstance(spacing, Sequence):
        raise TypeError(
            "gradient() received an invalid combination of arguments: `spacing` must be a number, a list of "
            f"numbers or a list of tensors of one axis, not {type(spacing).__name__}"
        )
    if len(spacing) != len(dims):
        wanted = (
            f"of length equal to 'self.dim() = {rank}', since dim argument was not given" if all_
            else f"of length equal to the length of the dim argument, {len(dims)}"
        )  # fmt: skip
        raise RuntimeError(
            f"torch.gradient expected spacing to be unspecified, a scalar, or a list {wanted}, but got a "
            f"list of length {len(spacing)}"
        )
    return list(spacing)


def _along(x: Any, axis: int, step: Any, edge_order: int) -> Tensor:
    """The derivative along one axis."""
    n = x._a.shape[axis]
    lead = (slice(None),) * axis

    def at(start: int, stop: int) -> Any:
        return x[(*lead, slice(start, stop))]

    if isinstance(step, Recorded):
        gaps = diff(step)
        return _uneven(at, gaps, n, len(x._a.shape) - 1 - axis, axis, edge_order)
    first = (at(1, 2) - at(0, 1)) / step
    last = (at(n - 1, n) - at(n - 2, n - 1)) / step
    middle = (at(2, n) - at(0, n - 2)) / (2 * step)
    if edge_order == 2:
        first = (at(1, 2) * 4 - at(0, 1) * 3 - at(2, 3)) / (2 * step)
        last = (at(n - 1, n) * 3 - at(n - 2, n - 1) * 4 + at(n - 3, n - 2)) / (2 * step)
    return cat([first, middle, last], axis)


def _uneven(at: Any, gaps: Any, n: int, behind: int, axis: int, edge_order: int) -> Tensor:
    """The derivative along one axis on points with these gaps between them."""
    before = np.reshape(gaps[: n - 2], (-1,) + (1,) * behind)
    after = np.reshape(gaps[1 : n - 1], (-1,) + (1,) * behind)
    middle = (
        at(0, n - 2) * (-after / (before * (before + after)))
        + at(1, n - 1) * ((after - before) / (before * after))
        + at(2, n) * (before / (after * (before + after)))
    )
    one, two = gaps[0], gaps[n - 2]
    first = (at(1, 2) - at(0, 1)) / one
    last = (at(n - 1, n) - at(n - 2, n - 1)) / two
    if edge_order == 2:
        next_, other = gaps[1], gaps[n - 3]
        first = (
            at(0, 1) * (-(2 * one + next_) / (one * (one + next_)))
            + at(1, 2) * ((one + next_) / (one * next_))
            - at(2, 3) * (one / (next_ * (one + next_)))
        )
        last = (
            at(n - 3, n - 2) * (two / (other * (other + two)))
            - at(n - 2, n - 1) * ((two + other) / (other * two))
            + at(n - 1, n) * ((2 * two + other) / (two * (other + two)))
        )
    return cat([first, middle, last], axis)
