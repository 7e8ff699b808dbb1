"""`as_strided`: elements of the memory of a tensor at any strides."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...ops.linear import Linear
from ...tape.node import Recorded
from ...tape.views import view
from ..indexing.indexing import summed_at
from ..table import function
from ..tensor import Tensor, tensor_of


def _places(size: tuple[int, ...], stride: tuple[int, ...], offset: int) -> Any:
    """Where in memory the elements of strides lie."""
    where: Any = np.asarray(offset)
    for n, s in zip(size, stride, strict=True):
        where = where[..., None] + np.arange(n) * s
    return where


def _strided(a: Any, size: tuple[int, ...], stride: tuple[int, ...], offset: int, *rest: Any) -> Any:
    """Elements of an array at strides, counted from its first element."""
    if offset:
        a = np.lib.stride_tricks.as_strided(a, (offset + 1,), (a.itemsize,))[offset:]
    steps = tuple(s * a.itemsize for s in stride)
    return np.lib.stride_tricks.as_strided(a, size, steps, writeable=a.flags.writeable)


def _unstrided(
    g: Any, size: tuple[int, ...], stride: tuple[int, ...], offset: int, shape: Any, strides: Any
) -> Any:
    """The cotangents of elements at strides, summed at the elements of the array that they were taken of."""
    extent = 1 + sum((n - 1) * s for n, s in zip(shape, strides, strict=True))
    memory = summed_at(_places(size, stride, offset), g, (extent,))
    return np.ascontiguousarray(_strided(memory, shape, strides, 0))


class AsStridedBackward0(Linear):
    """Elements at strides; `static` says which, and the layout of the array that they were taken of."""

    __slots__ = ()
    there, back = staticmethod(_strided), staticmethod(_unstrided)


def strided(x: Any, size: Any, stride: Any, offset: int, shape: Any, strides: Any) -> Any:
    """Elements at strides of a value or an array, which must have the layout that is told."""
    recorded = isinstance(x, Recorded)
    a = x._a if recorded else x
    if tuple(s // a.itemsize for s in a.strides) != strides:
        raise RuntimeError(
            "as_strided of a tensor that is a part of another one, or has gaps, cannot be written to in "
            "place: clone() it first"
        )
    array = _strided(a, size, stride, offset)
    if array.flags.writeable and not _distinct(size, stride):
        array.flags.writeable = False
    if not recorded:
        return array
    static = (size, stride, offset, shape, strides)
    return view(AsStridedBackward0, array, x, strided, static, static)


def _distinct(size: tuple[int, ...], stride: tuple[int, ...]) -> bool:
    """Whether strides lead to no element twice."""
    reach = 0
    for s, n in sorted((s, n) for n, s in zip(size, stride, strict=True) if n > 1):
        if s <= reach:
            return False
        reach += s * (n - 1)
    return True


@function()
def as_strided(input: Any, size: Any, stride: Any, storage_offset: int | None = None) -> Tensor:
    """Elements of the memory of a tensor at any strides.

    Parameters
    ----------
    input
        A tensor whose elements lie without gaps.
    size
        The shape of the result.
    stride
        How many elements to step along each axis.
    storage_offset
        The first element, counted in the memory of the tensor, or of what it is a view of.

    Returns
    -------
    Tensor
        Not to be written to if elements are there twice.

    Raises
    ------
    RuntimeError
        If it reaches beyond the memory of the tensor, or that has gaps.

    Examples
    --------
    >>> import pullback as pb
    >>> pb.as_strided(pb.arange(6), (2, 2), (3, 1))
    tensor([[0, 1],
            [3, 4]])
    """
    x = tensor_of(input)
    lengths, steps = tuple(int(n) for n in size), tuple(int(s) for s in stride)
    if len(lengths) != len(steps):
        raise RuntimeError("mismatch in length of strides and shape")
    if any(s < 0 for s in steps):
        raise RuntimeError(
            "as_strided: Negative strides are not supported at the moment, got strides: " + str(list(steps))
        )
    strides = tuple(s // x._a.itemsize for s in x._a.strides)
    dense = sorted((s, n) for s, n in zip(strides, x._a.shape, strict=True) if n > 1)
    expected = 1
    for s, n in dense:
        if s != expected:
            raise RuntimeError(
                "as_strided of a tensor whose elements do not lie without gaps is not supported: take it of "
                "x.contiguous(), or use slices"
            )
        expected *= n
    offset = 0 if storage_offset is None else storage_offset - x.storage_offset()
    last = offset + sum((n - 1) * s for n, s in zip(lengths, steps, strict=True))
    if 0 not in lengths and (offset < 0 or last >= x._a.size):
        raise RuntimeError(
            f"setStorage: sizes {list(lengths)}, strides {list(steps)}, storage offset {offset}, and "
            f"itemsize {x._a.itemsize} requiring a storage size of {(last + 1) * x._a.itemsize} are out of "
            f"bounds for storage of size {x._a.nbytes}"
        )
    made: Tensor = strided(x, lengths, steps, offset, x._a.shape, strides)
    return made
