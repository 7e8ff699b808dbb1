"""Parts of a tensor in place: diagonals, windows, rows. All are views."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...ops.linear import Linear, apply
from ...tape.node import Recorded
from ...tape.views import view
from ..creation.filling import put_into
from ..indexing.indexing import item
from ..table import function
from ..tensor import Tensor, axis_of, tensor_of


def _diagonal(a: Any, shape: Any, offset: int, one: int, two: int) -> Any:
    out = a.diagonal(offset, one, two)
    if a.flags.writeable:
        out.flags.writeable = True
    return out


def _on_diagonal(g: Any, shape: tuple[int, ...], offset: int, one: int, two: int) -> Any:
    whole = np.zeros(shape, g.dtype)
    _diagonal(whole, shape, offset, one, two)[...] = g
    return whole


class DiagonalBackward0(Linear):
    """A diagonal; `static` is the shape before, the offset and the two axes."""

    __slots__ = ()
    there, back = staticmethod(_diagonal), staticmethod(_on_diagonal)


class DiagonalBackward0_copy(Linear):
    """A diagonal in memory of its own."""

    __slots__ = ()
    there, back = staticmethod(lambda a, *rest: _diagonal(a, *rest).copy()), staticmethod(_on_diagonal)


class DiagEmbedBackward0(Linear):
    """Matrices with a given diagonal."""

    __slots__ = ()
    there, back = staticmethod(_on_diagonal), staticmethod(lambda g, *rest: _diagonal(g, *rest).copy())


def diagonal_view(x: Any, offset: int, one: int, two: int) -> Any:
    """A diagonal of a value or an array."""
    if not isinstance(x, Recorded):
        return _diagonal(x, None, offset, one, two)
    a = x._a
    array = _diagonal(a, None, offset, one, two)
    return view(DiagonalBackward0, array, x, diagonal_view, (offset, one, two), (a.shape, offset, one, two))


def _two_axes(dim1: int, dim2: int, rank: int) -> tuple[int, int]:
    one, two = axis_of(dim1, rank), axis_of(dim2, rank)
    if one == two:
        raise RuntimeError(f"diagonal dimensions cannot be identical {dim1}, {dim2}")
    return one, two


@function()
def diagonal(input: Any, offset: int = 0, dim1: int = 0, dim2: int = 1) -> Tensor:
    """A diagonal of matrices, along a last axis.

    Parameters
    ----------
    input
        A tensor of two axes at least.
    offset
        Which diagonal, counted upwards from the main one.
    dim1, dim2
        The axes of the matrices.

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
    >>> pb.diagonal(pb.tensor([[1, 2], [3, 4]]))
    tensor([1, 4])
    """
    x = tensor_of(input)
    made: Tensor = diagonal_view(x, offset, *_two_axes(dim1, dim2, x._a.ndim))
    return made


@function("linalg_diagonal", method=False)
def linalg_diagonal(A: Any, *, offset: int = 0, dim1: int = -2, dim2: int = -1) -> Tensor:
    """A diagonal of matrices, along a last axis.

    Parameters
    ----------
    A
        A matrix, or a stack of them.
    offset
        Which diagonal, counted upwards from the main one.
    dim1, dim2
        The axes of the matrices.

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
    >>> pb.linalg.diagonal(pb.tensor([[1, 2], [3, 4]]))
    tensor([1, 4])
    """
    return diagonal(A, offset, dim1, dim2)


@function()
def diag_embed(input: Any, offset: int = 0, dim1: int = -2, dim2: int = -1) -> Tensor:
    """Matrices whose diagonals are the rows of a tensor, and zero elsewhere.

    Parameters
    ----------
    input
        A tensor of one axis at least.
    offset
        Which diagonal, counted upwards from the main one.
    dim1, dim2
        Where the axes of the matrices are in the result.

    Returns
    -------
    Tensor

    Raises
    ------
    IndexError, RuntimeError
        If these are not two axes of the result.

    Examples
    --------
    >>> import pullback as pb
    >>> pb.diag_embed(pb.tensor([1, 2]))
    tensor([[1, 0],
            [0, 2]])
    """
    x = tensor_of(input)
    before = x._a.shape
    one, two = _two_axes(dim1, dim2, len(before) + 1)
    n = before[-1] + abs(offset)
    shape = list(before[:-1])
    for axis in sorted((one, two)):
        shape.insert(axis, n)
    made: Tensor = apply(DiagEmbedBackward0, x, tuple(shape), offset, one, two)
    return made


@function()
def diag(input: Any, diagonal: int = 0, *, out: Any = None) -> Tensor:
    """The diagonal of a matrix, copied; or a matrix with a vector as its diagonal.

    Parameters
    ----------
    input
        A matrix or a vector.
    diagonal
        Which diagonal, counted upwards from the main one.
    out
        A tensor to write the result to.

    Returns
    -------
    Tensor

    Raises
    ------
    RuntimeError
        If the tensor is neither.

    Examples
    --------
    >>> import pullback as pb
    >>> pb.diag(pb.tensor([1, 2]), 1)
    tensor([[0, 1, 0],
            [0, 0, 2],
            [0, 0, 0]])
    """
    from ..pointwise.pointwise import into

    x = tensor_of(input)
    if x._a.ndim == 1:
        return into(out, diag_embed(x, diagonal))
    if x._a.ndim != 2:
        raise RuntimeError(f"diag(): Supports 1D or 2D tensors. Got {x._a.ndim}D")
    return into(out, apply(DiagonalBackward0_copy, x, x._a.shape, diagonal, 0, 1))


@function()
def diagflat(input: Any, offset: int = 0) -> Tensor:
    """A matrix whose diagonal has all elements of a tensor.

    Parameters
    ----------
    input
        A tensor.
    offset
        Which diagonal, counted upwards from the main one.

    Returns
    -------
    Tensor

    Examples
    --------
    >>> import pullback as pb
    >>> pb.diagflat(pb.tensor([1, 2]))
    tensor([[1, 0],
            [0, 2]])
    """
    from .shaping import ravel

    return diag(ravel(input), offset)


def _windows(a: Any, shape: Any, axis: int, size: int, step: int) -> Any:
    """Windows along an axis; their elements along a last axis. Not to be written to where they overlap."""
    if a.ndim == 0:
        a = a.reshape(1)
    shown: Any = np.lib.stride_tricks.sliding_window_view(a, size, axis, writeable=a.flags.writeable)
    shown = shown[(*(slice(None),) * axis, slice(None, None, step))]
    if step < size and shown.shape[axis] > 1:
        shown.flags.writeable = False
    return shown


def _unfolded(g: Any, shape: tuple[int, ...], axis: int, size: int, step: int) -> Any:
    """The cotangents of windows summed."""
    whole = np.zeros(shape or (1,), g.dtype)
    count = g.shape[axis]
    before = (slice(None),) * axis
    for k in range(size):
        whole[(*before, slice(k, k + (count - 1) * step + 1, step))] += g[..., k]
    return whole.reshape(shape)


class UnfoldBackward0(Linear):
    """Windows along an axis; `static` is the shape before, the axis, and length and step of the windows."""

    __slots__ = ()
    there, back = staticmethod(_windows), staticmethod(_unfolded)


def windows(x: Any, axis: int, size: int, step: int) -> Any:
    """Windows of a value or an array."""
    if not isinstance(x, Recorded):
        return _windows(x, None, axis, size, step)
    array = _windows(x._a, None, axis, size, step)
    return view(UnfoldBackward0, array, x, windows, (axis, size, step), (x._a.shape, axis, size, step))


@function("unfold", root=False)
def unfold(input: Any, dimension: int, size: int, step: int) -> Tensor:
    """Windows along an axis; their elements along a new last axis.

    Parameters
    ----------
    input
        A tensor.
    dimension
        The axis.
    size
        The length of the windows.
    step
        From one to the next.

    Returns
    -------
    Tensor
        Not to be written to if windows overlap.

    Raises
    ------
    IndexError, RuntimeError
        If there is no such axis, or no such window fits.

    Examples
    --------
    >>> import pullback as pb
    >>> pb.arange(4).unfold(0, 2, 1)
    tensor([[0, 1],
            [1, 2],
            [2, 3]])
    """
    x = tensor_of(input)
    axis = axis_of(dimension, x._a.ndim)
    length = x._a.shape[axis] if x._a.ndim else 1
    if size < 0 or size > length:
        raise RuntimeError(f"maximum size for tensor at dimension {axis} is {length} but size is {size}")
    if step <= 0:
        raise RuntimeError(f"step is {step} but must be > 0")
    made: Tensor = windows(x, axis, size, step)
    return made


# ---- parts along an axis
@function()
def select(input: Any, dim: int, index: int) -> Tensor:
    """One entry along an axis.

    Parameters
    ----------
    input
        A tensor.
    dim
        The axis.
    index
        Which entry.

    Returns
    -------
    Tensor

    Raises
    ------
    IndexError
        If there is no such axis or entry.

    Examples
    --------
    >>> import pullback as pb
    >>> pb.select(pb.tensor([[1, 2], [3, 4]]), 1, 0)
    tensor([1, 3])
    """
    x = tensor_of(input)
    if x._a.ndim == 0:
        raise IndexError("select() cannot be applied to a 0-dim tensor.")
    axis, k = axis_of(dim, x._a.ndim), int(index)
    if not -x._a.shape[axis] <= k < x._a.shape[axis]:
        raise IndexError(
            f"select(): index {k} out of range for tensor of size {list(x._a.shape)} at dimension {axis}"
        )
    made: Tensor = item(x, (*(slice(None),) * axis, k, ...))
    return made


@function()
def narrow(input: Any, dim: int, start: Any, length: int) -> Tensor:
    """A slice along an axis.

    Parameters
    ----------
    input
        A tensor.
    dim
        The axis.
    start, length
        Its first entry and how many there are.

    Returns
    -------
    Tensor

    Raises
    ------
    IndexError, RuntimeError
        If there is no such axis or slice.

    Examples
    --------
    >>> import pullback as pb
    >>> pb.narrow(pb.arange(5), 0, 1, 3)
    tensor([1, 2, 3])
    """
    x = tensor_of(input)
    if x._a.ndim == 0:
        raise RuntimeError("narrow() cannot be applied to a 0-dim tensor.")
    axis, first = axis_of(dim, x._a.ndim), int(start)
    n = x._a.shape[axis]
    if length < 0:
        raise RuntimeError("narrow(): length must be non-negative.")
    if not -n <= first <= n:
        raise IndexError(f"start out of range (expected to be in range of [{-n}, {n}], but got {first})")
    first += n if first < 0 else 0
    if first + length > n:
        raise RuntimeError(f"start ({first}) + length ({length}) exceeds dimension size ({n}).")
    made: Tensor = item(x, (*(slice(None),) * axis, slice(first, first + length), ...))
    return made


@function()
def narrow_copy(input: Any, dim: int, start: Any, length: int) -> Tensor:
    """A slice along an axis, copied.

    Parameters
    ----------
    input
        A tensor.
    dim
        The axis.
    start, length
        Its first entry and how many there are.

    Returns
    -------
    Tensor

    Raises
    ------
    IndexError, RuntimeError
        If there is no such axis or slice.

    Examples
    --------
    >>> import pullback as pb
    >>> pb.narrow_copy(pb.arange(5), 0, 1, 3)
    tensor([1, 2, 3])
    """
    return narrow(input, dim, start, length).clone()


@function("fill_diagonal_", root=False)
def fill_diagonal_(input: Any, fill_value: Any, wrap: bool = False) -> Tensor:
    """Overwrite the diagonal of a matrix, or of a tensor whose axes have one length.

    Parameters
    ----------
    input
        The tensor to write to.
    fill_value
        A number.
    wrap
        In tall matrices, begin anew below: not supported.

    Returns
    -------
    Tensor
        `input`.

    Raises
    ------
    RuntimeError
        If the tensor has no such diagonal.
    """
    x = tensor_of(input)
    shape = x._a.shape
    if len(shape) < 2:
        raise RuntimeError("dimensions must larger than 1")
    if len(shape) > 2 and len(set(shape)) > 1:
        raise RuntimeError("all dimensions of input must be of equal length")
    if wrap and shape[0] > shape[1]:
        raise RuntimeError("fill_diagonal_ with wrap=True is not supported for tall matrices")
    part: Any = x
    for _ in shape[1:]:
        part = diagonal_view(part, 0, 0, 1) if part is x else diagonal_view(part, 0, 0, part._a.ndim - 1)
    put_into(part, fill_value)
    return x


def _scattered(name: str, part: Any, arguments: str, example: str) -> None:
    """`select_scatter` and its kin: a copy with a part replaced."""

    def scatter(input: Any, src: Any, *args: Any, **kwargs: Any) -> Tensor:
        whole: Tensor = tensor_of(input).clone()
        target, source = part(whole, *args, **kwargs), tensor_of(src)
        if target._a.shape != source._a.shape:
            raise RuntimeError(
                "expected src to have a size equal to the slice of self. src size = "
                f"{list(source._a.shape)}, slice size = {list(target._a.shape)}"
            )
        put_into(target, source)
        return whole

    scatter.__name__ = scatter.__qualname__ = name
    scatter.__doc__ = f"""A copy in which the part `{arguments}` is another tensor.

    Parameters
    ----------
    input, src
        A tensor, and what its part becomes.
    args, kwargs
        Which part.

    Returns
    -------
    Tensor

    Raises
    ------
    RuntimeError
        If the part has another shape than `src`.

    Examples
    --------
    >>> import pullback as pb
    >>> pb.{name}({example})
    tensor([[1., 0.],
            [0., 1.]])
    """
    from ..table import put

    put(name, scatter)


def _sliced(x: Any, dim: int = 0, start: Any = None, end: Any = None, step: int = 1) -> Any:
    axis = axis_of(dim, x._a.ndim)
    return item(x, (*(slice(None),) * axis, slice(start, end, step), ...))


_scattered("select_scatter", select, "select(dim, index)", "pb.eye(2), pb.tensor([0.0, 1.0]), 0, 1")
_scattered("diagonal_scatter", diagonal, "diagonal(offset, dim1, dim2)", "pb.zeros(2, 2), pb.ones(2)")
_scattered("slice_scatter", _sliced, "[start:end:step] of axis dim", "pb.zeros(2, 2), pb.eye(2)")
