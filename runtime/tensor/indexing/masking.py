"""Elements chosen or replaced by conditions: `where`, `masked_fill` and their kin."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...ops.pointwise import mismatch
from ...ops.promotion import promoted
from ...tape.node import Node, Recorded
from ...tape.record import record
from ..creation.filling import number_as
from ..pointwise.pointwise import into
from ..table import function, put
from ..tensor import Tensor, as_tensor, tensor_of
from .indexing import getitem
from .selecting import nonzero


class WhereBackward0(Node):
    """A choice between two tensors."""

    __slots__ = ()

    def backward(self, g: Any, condition: Any) -> Any:
        one, two = self.edges
        return (
            None if one is None else np.where(condition, g, 0),
            None if two is None else np.where(condition, 0, g),
        )


class MaskedFillBackward0(Node):
    """A number where a mask is true."""

    __slots__ = ()

    def backward(self, g: Any, mask: Any) -> Any:
        return (np.where(mask, 0, g),)


class MaskedFillBackward1(Node):
    """A tensor of one element where a mask is true."""

    __slots__ = ()

    def backward(self, g: Any, mask: Any) -> Any:
        one, two = self.edges
        return (
            None if one is None else np.where(mask, 0, g),
            None if two is None else np.sum(np.where(mask, g, 0)),
        )


class MaskedScatterBackward0(Node):
    """The elements of a tensor, one after the other, where a mask is true; `static` is its shape."""

    __slots__ = ()

    def backward(self, g: Any, mask: Any) -> Any:
        one, two = self.edges
        first = None if one is None else np.where(mask, 0, g)
        if two is None:
            return (first, None)
        chosen = mask._a if isinstance(mask, Recorded) else mask
        part = getitem(g, chosen) if isinstance(g, Recorded) else g[chosen]
        size = int(np.prod(self.static))
        rest = np.zeros(size - int(np.count_nonzero(chosen)), g.dtype)
        return (first, np.reshape(np.concatenate([part, rest]), self.static))


def _fit(*arrays: Any) -> tuple[int, ...]:
    """The shape that arrays broadcast to, with PyTorch's error."""
    try:
        return np.broadcast_shapes(*[np.shape(a) for a in arrays])
    except ValueError as error:
        for k, a in enumerate(arrays):
            for b in arrays[k + 1 :]:
                found = mismatch(a, b, error)
                if found is not error:
                    raise found from None
        raise


def where(condition: Any, input: Any = None, other: Any = None, *, out: Any = None) -> Any:
    """The elements of one tensor where a condition is true, of another where it is not.

    Parameters
    ----------
    condition
        A tensor of bools. Alone: `nonzero(condition, as_tuple=True)`.
    input, other
        Tensors or numbers; shapes are broadcast.
    out
        A tensor to write the result to.

    Returns
    -------
    Tensor

    Raises
    ------
    RuntimeError
        If the condition has no bools, or the shapes do not fit.

    Examples
    --------
    >>> import pullback as pb
    >>> x = pb.tensor([1.0, -2.0])
    >>> pb.where(x > 0, x, 0.0)
    tensor([1., 0.])
    """
    c = tensor_of(condition)
    if input is None and other is None:
        return nonzero(c, as_tuple=True)
    chosen = c._a
    if chosen.dtype == np.uint8:
        chosen = chosen.astype(bool)
        c = as_tensor(chosen)
    if chosen.dtype.kind != "b":
        raise RuntimeError(
            f"where expected condition to be a boolean tensor, but got a tensor with dtype {c._kind()}"
        )
    face: Any = Tensor
    for v in (input, other, c):
        if isinstance(v, Tensor):
            face = type(v)._face
            break
    operands = [v._a if isinstance(v, Recorded) else v for v in (input, other)]
    one, two = promoted(*operands) if face._promotes else operands
    try:
        result = np.where(chosen, one, two)
    except ValueError:
        _fit(chosen, one, two)
        raise
    made = record(WhereBackward0, result, (input, other), (c,), None, face)
    return made if out is None else into(out, made)


put("where", where, method=False)


@function("where", root=False)
def where_method(input: Any, condition: Any, other: Any) -> Any:
    """The elements of this tensor where a condition is true, of another where it is not.

    Parameters
    ----------
    input
        A tensor.
    condition
        A tensor of bools.
    other
        A tensor or a number.

    Returns
    -------
    Tensor

    Raises
    ------
    RuntimeError
        If the condition has no bools, or the shapes do not fit.
    """
    return where(condition, input, other)


def _mask(mask: Any, name: str) -> Tensor:
    m = tensor_of(mask)
    if m._a.dtype.kind != "b":
        raise RuntimeError(f"{name} only supports boolean masks, but got mask with dtype {m._kind()}")
    return m


@function(inplace=True)
def masked_fill(input: Any, mask: Any, value: Any) -> Tensor:
    """A number where a mask is true.

    Parameters
    ----------
    input
        A tensor.
    mask
        A tensor of bools; broadcast with `input`.
    value
        A number, or a tensor without axes.

    Returns
    -------
    Tensor

    Raises
    ------
    RuntimeError
        If the mask has no bools, the shapes or the value do not fit.

    Examples
    --------
    >>> import pullback as pb
    >>> x = pb.tensor([1.0, -2.0])
    >>> x.masked_fill(x < 0, 0.0)
    tensor([1., 0.])
    """
    x, m = tensor_of(input), _mask(mask, "masked_fill_")
    _fit(x._a, m._a)
    if not isinstance(value, Recorded):
        number = np.asarray(number_as(x._a.dtype, value)).astype(x._a.dtype)
        made: Tensor = record(MaskedFillBackward0, np.where(m._a, number, x._a), (x,), (m,))
        return made
    if value._a.ndim:
        raise RuntimeError(
            "masked_fill_ only supports a 0-dimensional value tensor, but got tensor with "
            f"{value._a.ndim} dimension(s)."
        )
    number = value._a.astype(x._a.dtype)
    made = record(MaskedFillBackward1, np.where(m._a, number, x._a), (x, value), (m,))
    return made


@function(inplace=True)
def masked_scatter(input: Any, mask: Any, source: Any) -> Tensor:
    """The elements of a tensor, one after the other, where a mask is true.

    Parameters
    ----------
    input
        A tensor.
    mask
        A tensor of bools; broadcast with `input`.
    source
        A tensor with as many elements at least as the mask is true.

    Returns
    -------
    Tensor

    Raises
    ------
    RuntimeError
        If the mask has no bools, the dtypes differ, or `source` has too few elements.

    Examples
    --------
    >>> import pullback as pb
    >>> x = pb.tensor([1, -2, -3])
    >>> x.masked_scatter(x < 0, pb.tensor([8, 9]))
    tensor([1, 8, 9])
    """
    x, m, s = tensor_of(input), _mask(mask, "masked_scatter_"), tensor_of(source)
    if x._a.dtype != s._a.dtype:
        raise RuntimeError("masked_scatter: expected self and source to have same dtypes")
    shape = _fit(x._a, m._a)
    if m._a.shape != shape:
        m = as_tensor(np.broadcast_to(m._a, shape))
    result = np.array(np.broadcast_to(x._a, shape))
    count = int(np.count_nonzero(m._a))
    if count > s._a.size:
        raise RuntimeError("Number of elements of source < number of ones in mask")
    result[m._a] = s._a.reshape(-1)[:count]
    made: Tensor = record(MaskedScatterBackward0, result, (x, s), (m,), s._a.shape)
    return made
