"""Cross products of vectors of three numbers."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...tape.node import Node
from ...tape.record import record
from ..pointwise.pointwise import into
from ..table import function
from ..tensor import Tensor, axis_of, tensor_of
from .linear import conj


class LinalgCrossBackward0(Node):
    """Cross products; `static` is the axis."""

    __slots__ = ()

    def backward(self, g: Any, x: Any, z: Any) -> Any:
        axis = self.static
        return (
            _cross(conj(z), g, axis) if self.edges[0] is not None else None,
            _cross(g, conj(x), axis) if self.edges[1] is not None else None,
        )


def _cross(x: Any, z: Any, axis: int) -> Any:
    if isinstance(x, np.ndarray):
        return np.cross(x, z, axis=axis)
    return _crossed(x, z, axis)


def _crossed(x: Any, z: Any, axis: int) -> Tensor:
    try:
        shape = np.broadcast_shapes(x._a.shape, z._a.shape)
    except ValueError:
        shape = ()
    if len(x._a.shape) != len(z._a.shape) or not shape:
        raise RuntimeError("linalg.cross: inputs must have the same number of dimensions.")
    if x._a.shape[axis] != 3 or z._a.shape[axis] != 3:
        raise RuntimeError(
            f"linalg.cross: inputs dimension {axis} must have length 3. Got {x._a.shape[axis]} and "
            f"{z._a.shape[axis]}"
        )
    made: Tensor = record(LinalgCrossBackward0, np.cross(x._a, z._a, axis=axis), (x, z), (x, z), axis)
    return made


@function()
def cross(input: Any, other: Any, dim: int | None = None, *, out: Any = None) -> Tensor:
    """Cross products of vectors of length 3.

    Parameters
    ----------
    input
        A tensor.
    other
        A tensor that broadcasts.
    dim
        The axis of the vectors; without, the first one of length 3.
    out
        A tensor to write the result to.

    Returns
    -------
    Tensor

    Raises
    ------
    RuntimeError
        If the axis is not of length 3.

    Examples
    --------
    >>> import pullback as pb
    >>> pb.cross(pb.tensor([1.0, 0.0, 0.0]), pb.tensor([0.0, 1.0, 0.0]))
    tensor([0., 0., 1.])
    """
    x, z = tensor_of(input), tensor_of(other)
    if dim is None:
        found = [k for k, n in enumerate(x._a.shape) if n == 3]
        if not found:
            raise RuntimeError("no dimension of size 3 in input")
        dim = found[0]
    return into(out, _crossed(x, z, dim if dim < 0 else axis_of(dim, x._a.ndim)))


@function("linalg_cross", method=False)
def linalg_cross(input: Any, other: Any, *, dim: int = -1, out: Any = None) -> Tensor:
    """Cross products of vectors of length 3 along an axis.

    Parameters
    ----------
    input
        A tensor.
    other
        A tensor that broadcasts.
    dim
        The axis of the vectors.
    out
        A tensor to write the result to.

    Returns
    -------
    Tensor

    Raises
    ------
    RuntimeError
        If the axis is not of length 3.

    Examples
    --------
    >>> import pullback as pb
    >>> pb.linalg.cross(pb.tensor([1.0, 0.0, 0.0]), pb.tensor([0.0, 1.0, 0.0]))
    tensor([0., 0., 1.])
    """
    return into(out, _crossed(tensor_of(input), tensor_of(other), dim))
