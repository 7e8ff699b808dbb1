"""Elements in another order or several times over: `flip`, `roll`, `repeat`, triangles of matrices."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...ops.linear import Linear, apply
from ...tape.node import Recorded
from ..table import function, put
from ..tensor import Tensor, axis_of, tensor_of
from .shaping import reshaped, sizes


class FlipBackward0(Linear):
    """Axes reversed."""

    __slots__ = ()
    there = back = staticmethod(lambda a, axes: np.flip(a, axes).copy())


class RollBackward0(Linear):
    """Elements rotated along axes."""

    __slots__ = ()
    there = staticmethod(np.roll)
    back = staticmethod(lambda g, shifts, axes: np.roll(g, _negated(shifts), axes))


class Rot90Backward0(Linear):
    """Planes turned by right angles."""

    __slots__ = ()
    there = staticmethod(lambda a, k, axes: np.rot90(a, k, axes).copy())
    back = staticmethod(lambda g, k, axes: np.rot90(g, -k, axes).copy())


class TrilBackward0(Linear):
    """The lower triangle."""

    __slots__ = ()
    there = back = staticmethod(np.tril)


class TriuBackward0(Linear):
    """The upper triangle."""

    __slots__ = ()
    there = back = staticmethod(np.triu)


def _repeated(a: Any, shape: tuple[int, ...], counts: tuple[int, ...]) -> Any:
    return np.tile(a, counts)


def _folded(g: Any, shape: tuple[int, ...], counts: tuple[int, ...]) -> Any:
    full = (1,) * (len(counts) - len(shape)) + shape
    split = [n for pair in zip(counts, full, strict=True) for n in pair]
    summed = g.reshape(split).sum(axis=tuple(range(0, 2 * len(counts), 2)))
    return summed.reshape(shape)


class RepeatBackward0(Linear):
    """All of it, several times along axes."""

    __slots__ = ()
    there, back = staticmethod(_repeated), staticmethod(_folded)


def _interleaved(a: Any, counts: Any, axis: int) -> Any:
    return np.repeat(a, counts, axis)


def _gathered(g: Any, counts: Any, axis: int) -> Any:
    if isinstance(counts, int):
        length = g.shape[axis] // counts if counts else 0
        return g.reshape(*g.shape[:axis], length, counts, *g.shape[axis + 1 :]).sum(axis=axis + 1)
    total = np.zeros((*g.shape[:axis], len(counts), *g.shape[axis + 1 :]), g.dtype)
    key: Any = (*(slice(None),) * axis, np.repeat(np.arange(len(counts)), counts))
    np.add.at(total, key, g)
    return total


class RepeatInterleaveBackward0(Linear):
    """Each entry several times."""

    __slots__ = ()
    there, back = staticmethod(_interleaved), staticmethod(_gathered)


def _negated(shifts: Any) -> Any:
    return tuple(-s for s in shifts) if isinstance(shifts, tuple) else -shifts


def _axes(dims: Any, rank: int) -> tuple[int, ...]:
    axes = tuple(axis_of(int(k), rank) for k in dims)
    if len(set(axes)) != len(axes):
        twice = next(k for k in axes if axes.count(k) > 1)
        raise RuntimeError(f"dim {twice} appears multiple times in the list of dims")
    return axes


@function()
def flip(input: Any, *dims: Any) -> Tensor:
    """The elements in reversed order along axes; a copy.

    Parameters
    ----------
    input
        A tensor.
    dims
        The axes.

    Returns
    -------
    Tensor

    Raises
    ------
    IndexError, RuntimeError
        If an axis does not exist or is named twice.

    Examples
    --------
    >>> import pullback as pb
    >>> pb.flip(pb.tensor([1, 2, 3]), (0,))
    tensor([3, 2, 1])
    """
    x = tensor_of(input)
    made: Tensor = apply(FlipBackward0, x, _axes(sizes(dims), x._a.ndim))
    return made


@function()
def fliplr(input: Any) -> Tensor:
    """The columns in reversed order.

    Parameters
    ----------
    input
        A tensor of two axes at least.

    Returns
    -------
    Tensor

    Raises
    ------
    RuntimeError
        If it has fewer axes.

    Examples
    --------
    >>> import pullback as pb
    >>> pb.fliplr(pb.tensor([[1, 2], [3, 4]]))
    tensor([[2, 1],
            [4, 3]])
    """
    if tensor_of(input)._a.ndim < 2:
        raise RuntimeError("Input must be >= 2-d.")
    return flip(input, 1)


@function()
def flipud(input: Any) -> Tensor:
    """The rows in reversed order.

    Parameters
    ----------
    input
        A tensor of one axis at least.

    Returns
    -------
    Tensor

    Raises
    ------
    RuntimeError
        If it has none.

    Examples
    --------
    >>> import pullback as pb
    >>> pb.flipud(pb.tensor([[1, 2], [3, 4]]))
    tensor([[3, 4],
            [1, 2]])
    """
    if tensor_of(input)._a.ndim < 1:
        raise RuntimeError("Input must be >= 1-d.")
    return flip(input, 0)


@function()
def roll(input: Any, shifts: Any, dims: Any = None) -> Tensor:
    """The elements rotated along axes; what leaves at the end comes in at the start.

    Parameters
    ----------
    input
        A tensor.
    shifts
        By how many places, for each axis.
    dims
        The axes; None rotates the elements as if along one axis.

    Returns
    -------
    Tensor

    Raises
    ------
    IndexError, RuntimeError
        If there is no such axis, or not a shift for each.

    Examples
    --------
    >>> import pullback as pb
    >>> pb.roll(pb.tensor([1, 2, 3]), 1)
    tensor([3, 1, 2])
    """
    x = tensor_of(input)
    moves = (shifts,) if isinstance(shifts, int) else tuple(int(s) for s in shifts)
    if dims is None or dims == ():
        if len(moves) != 1:
            raise RuntimeError(f"shifts and dimensions must align. shifts: {len(moves)}, dims:0")
        made: Tensor = apply(RollBackward0, x, moves[0], None)
        return made
    axes = tuple(axis_of(k, x._a.ndim) for k in ((dims,) if isinstance(dims, int) else dims))
    if len(axes) != len(moves):
        raise RuntimeError(f"shifts and dimensions must align. shifts: {len(moves)}, dims:{len(axes)}")
    made = apply(RollBackward0, x, moves, axes)
    return made


@function()
def rot90(input: Any, k: int = 1, dims: Any = (0, 1)) -> Tensor:
    """Turned by right angles in a plane.

    Parameters
    ----------
    input
        A tensor of two axes at least.
    k
        How many right angles, from the first axis of the plane towards the second.
    dims
        The two axes of the plane.

    Returns
    -------
    Tensor

    Raises
    ------
    IndexError, RuntimeError
        If these are not two axes of the tensor.

    Examples
    --------
    >>> import pullback as pb
    >>> pb.rot90(pb.tensor([[1, 2], [3, 4]]))
    tensor([[2, 4],
            [1, 3]])
    """
    x = tensor_of(input)
    if len(dims) != 2:
        raise RuntimeError(f"expected total rotation dims == 2, but got dims = {len(dims)}")
    if x._a.ndim < 2:
        raise RuntimeError(f"expected total dims >= 2, but got total dims = {x._a.ndim}")
    axes = tuple(axis_of(d, x._a.ndim) for d in dims)
    if axes[0] == axes[1]:
        raise RuntimeError(
            f"expected rotation dims to be different, but got dim0 = {dims[0]} and dim1 = {dims[1]}"
        )
    made: Tensor = apply(Rot90Backward0, x, k, axes)
    return made


def _triangle(name: str, node: type[Linear], words: str, shown: str) -> None:
    def triangle(input: Any, diagonal: int = 0, *, out: Any = None) -> Tensor:
        from ..pointwise.pointwise import into

        x = tensor_of(input)
        if x._a.ndim < 2:
            raise RuntimeError(f"{name}: input tensor must have at least 2 dimensions")
        return into(out, apply(node, x, diagonal))

    triangle.__name__ = triangle.__qualname__ = name
    triangle.__doc__ = f"""The {words} triangle of matrices; the rest is zero.

    Parameters
    ----------
    input
        A tensor of two axes at least; the last two are those of the matrices.
    diagonal
        The last diagonal that belongs to the triangle, counted upwards from the main one.
    out
        A tensor to write the result to.

    Returns
    -------
    Tensor

    Raises
    ------
    RuntimeError
        If it has fewer axes.

    Examples
    --------
    >>> import pullback as pb
    >>> pb.{name}(pb.ones(2, 2))
    {shown}
    """
    put(name, triangle, inplace=True)


_triangle("tril", TrilBackward0, "lower", "tensor([[1., 0.],\n            [1., 1.]])")
_triangle("triu", TriuBackward0, "upper", "tensor([[1., 1.],\n            [0., 1.]])")


@function("repeat", root=False)
def repeat(input: Any, *repeats: Any) -> Tensor:
    """The tensor several times along its axes, and along new ones in front.

    Parameters
    ----------
    input
        A tensor.
    repeats
        How often, for each axis.

    Returns
    -------
    Tensor

    Raises
    ------
    RuntimeError
        If there are fewer numbers than axes, or one is negative.

    Examples
    --------
    >>> import pullback as pb
    >>> pb.tensor([1, 2]).repeat(2, 1)
    tensor([[1, 2],
            [1, 2]])
    """
    x = tensor_of(input)
    counts = sizes(repeats)
    if len(counts) < x._a.ndim:
        raise RuntimeError(
            "Number of dimensions of repeat dims can not be smaller than number of dimensions of tensor"
        )
    if any(n < 0 for n in counts):
        raise RuntimeError(f"Trying to create tensor with negative dimension: {list(counts)}")
    made: Tensor = apply(RepeatBackward0, x, x._a.shape, counts)
    return made


@function()
def tile(input: Any, *dims: Any) -> Tensor:
    """The tensor several times along its last axes.

    Parameters
    ----------
    input
        A tensor.
    dims
        How often, for each of the last axes.

    Returns
    -------
    Tensor

    Raises
    ------
    RuntimeError
        If a number is negative.

    Examples
    --------
    >>> import pullback as pb
    >>> pb.tile(pb.tensor([1, 2]), (2,))
    tensor([1, 2, 1, 2])
    """
    x = tensor_of(input)
    counts = sizes(dims)
    return repeat(x, (1,) * (x._a.ndim - len(counts)) + counts)


@function()
def repeat_interleave(
    input: Any, repeats: Any = None, dim: int | None = None, *, output_size: int | None = None
) -> Tensor:
    """Each entry several times, one after the other.

    Parameters
    ----------
    input
        A tensor. Without `repeats`: the numbers of repeats, of which the result tells the places.
    repeats
        How often, a number or a tensor with one for each entry.
    dim
        The axis; None takes the elements as if along one axis.
    output_size
        Has no effect.

    Returns
    -------
    Tensor

    Raises
    ------
    IndexError, RuntimeError
        If there is no such axis, or not a number for each entry.

    Examples
    --------
    >>> import pullback as pb
    >>> pb.repeat_interleave(pb.tensor([1, 2]), 2)
    tensor([1, 1, 2, 2])
    >>> pb.repeat_interleave(pb.tensor([1, 2]), pb.tensor([2, 1]))
    tensor([1, 1, 2])
    """
    x = tensor_of(input)
    if repeats is None:
        counts, x = x._a, Tensor._constant(np.arange(x._a.size))
    else:
        counts = repeats._a if isinstance(repeats, Recorded) else repeats
    if dim is None:
        x, dim = reshaped(x, (x._a.size,)), 0
    axis = axis_of(dim, x._a.ndim)
    if not isinstance(counts, int):
        counts = np.array(counts)
        if counts.dtype.kind not in "iu":
            raise RuntimeError("repeats has to be Long or Int tensor")
        if counts.ndim == 0 or counts.size == 1:
            counts = int(counts.reshape(())[()])
        elif counts.ndim > 1:
            raise RuntimeError("repeats must be 0-dim or 1-dim tensor")
        elif len(counts) != x._a.shape[axis]:
            raise RuntimeError(
                "repeats must have the same size as input along dim, but got repeats.size(0) = "
                f"{len(counts)} and input.size({axis}) = {x._a.shape[axis]}"
            )
    if np.any(np.less(counts, 0)):
        raise RuntimeError("repeats can not be negative")
    if x._a.ndim == 0:
        x = reshaped(x, (1,))
    made: Tensor = apply(RepeatInterleaveBackward0, x, counts, axis)
    return made
