"""Largest and smallest elements, of all or along axes, and truth of all or any."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...tape.node import Node, Recorded, wrap
from ...tape.record import array_of, like, record, record_many
from ..arguments import one_axis
from ..indexing.picking import chosen_along, extreme, place
from ..pointwise.pointwise import QUICK, into
from ..return_types import VALUES_AND_INDICES, structure
from ..table import function
from ..tensor import Tensor, axes_of, axis_of, tensor_of
from .reductions import ordered, restored

_aminmax = structure("aminmax", "min", "max")


def _shared(g: Any, x: Any, y: Any, shape: Any, axes: Any, keepdim: bool) -> Any:
    """A cotangent of extrema y of x, shared evenly by the elements that are equal to them."""
    a, best = array_of(x), restored(array_of(y), shape, axes, keepdim)
    mask = (a == best) | (np.isnan(a) & np.isnan(best))
    share = mask / np.sum(mask, axis=axes, keepdims=True)
    return restored(g, shape, axes, keepdim) * like(share.astype(a.dtype), x)


class AmaxBackward0(Node):
    """Largest elements along axes; `static` is what `restored` needs."""

    __slots__ = ()
    saves_results = 1

    def backward(self, g: Any, x: Any, y: Any) -> Any:
        return (_shared(g, x, y, *self.static),)


class AminBackward0(AmaxBackward0):
    """Smallest elements along axes."""

    __slots__ = ()


class MaxBackward1(AmaxBackward0):
    """The largest of all elements."""

    __slots__ = ()


class MinBackward1(AmaxBackward0):
    """The smallest of all elements."""

    __slots__ = ()


class AminmaxBackward0(Node):
    """Smallest and largest elements."""

    __slots__ = ()
    saves_results = 2

    def backward(self, g: Any, x: Any, low: Any, high: Any) -> Any:
        parts = [
            _shared(part, x, y, *self.static)
            for part, y in zip(g, (low, high), strict=True)
            if part is not None
        ]
        return (parts[0] if len(parts) == 1 else parts[0] + parts[1],)


class MaxBackward0(Node):
    """Elements chosen along an axis; `static` is their index with the axis kept, the axis, its length and
    whether the results keep it."""

    __slots__ = ()

    def backward(self, g: Any) -> Any:
        index, axis, length, keepdim = self.static
        g = g[0]
        if index.ndim == 0:
            return (g,)
        return (place(g if keepdim else np.expand_dims(g, axis), index, axis, length),)


class MinBackward0(MaxBackward0):
    """The smallest element along an axis."""

    __slots__ = ()


def chosen(name: str, node: type[Node], x: Tensor, index: Any, axis: int, keepdim: bool) -> Any:
    """The elements at `index` (with the axis kept), and where they were found, as a named tuple."""
    a = x._a
    index = np.asarray(index, np.int64)
    values = chosen_along(a, index, axis) if a.ndim else a.copy()
    length = a.shape[axis] if a.ndim else 1
    static = (index, axis, length, keepdim)
    if a.ndim and not keepdim:
        values, shown = values.squeeze(axis), index.squeeze(axis)
    else:
        shown = index.copy()
    results = record_many(node, (values, shown), (x,), None, static, results=1)
    return VALUES_AND_INDICES[name](*results)


def write_pair(out: Any, made: Any) -> Any:
    """The results, written to the tensors `out` if there are any."""
    if out is None:
        return made
    return type(made)(*[into(o, m) for o, m in zip(out, made, strict=True)])


def nonempty(a: Any, name: str, axis: int | None = None) -> None:
    """Refuse to look for an element where there is none.

    Raises
    ------
    RuntimeError, IndexError
        If all elements, or an axis, are of length 0.
    """
    if axis is None:
        if a.size == 0:
            raise RuntimeError(
                f"{name}(): Expected reduction dim to be specified for input.numel() == 0. Specify the "
                "reduction dim with the 'dim' argument."
            )
    elif a.ndim and a.shape[axis] == 0:
        raise IndexError(f"{name}(): Expected reduction dim {axis} to have non-zero size.")


def _of_all(name: str, input: Any, out: Any) -> Any:
    """The largest or smallest of all elements."""
    x = tensor_of(input)
    a = x._a
    if not a.size:
        nonempty(a, name)
    largest = name == "max"
    node = MaxBackward1 if largest else MinBackward1
    best = np.array(extreme(a, largest), a.dtype)
    made = record(node, best, (x,), (x,), (a.shape, None, False))
    return made if out is None else into(out, made)


def _extremum(
    name: str, args: tuple[Any, ...], input: Any, dim: Any, keepdim: Any, out: Any, other: Any
) -> Any:
    """`max` and `min`, which are three functions each."""
    if args:
        if isinstance(args[0], (Recorded, np.ndarray)):
            other = args[0]
        else:
            dim, keepdim = args[0], args[1] if len(args) > 1 else keepdim
    if other is not None:
        return into(out, QUICK[f"{name}imum"](input, other))
    if dim is None:
        return _of_all(name, input, out)
    x = tensor_of(input)
    a = x._a
    largest = name == "max"
    if not hasattr(dim, "__index__"):
        raise TypeError(f"{name}() received an invalid combination of arguments: dim must be an int")
    if a.dtype.kind == "c":
        raise RuntimeError(f"{name}(): does not support complex input")
    axis = axis_of(int(dim), a.ndim)
    nonempty(a, name, axis)
    search = np.argmax if largest else np.argmin
    index = search(a, axis=axis, keepdims=True) if a.ndim else 0
    return write_pair(out, chosen(name, MaxBackward0 if largest else MinBackward0, x, index, axis, keepdim))


@function()
def max(
    input: Any, *args: Any, dim: Any = None, keepdim: bool = False, other: Any = None, out: Any = None
) -> Any:
    """The largest element: of all, along an axis with its index, or of two tensors pointwise.

    `max(input)` is a tensor; its gradient is shared evenly by equal elements. `max(input, dim)` gives
    values and indices; the gradient goes to the element at the index. `max(input, other)` is `maximum`.

    Parameters
    ----------
    input
        A tensor.
    args
        `dim` and `keepdim`, or `other`.
    dim
        An axis.
    keepdim
        Keep the axis with length 1.
    other
        A tensor to compare with.
    out
        A tensor, or a pair of them, to write the results to.

    Returns
    -------
    Tensor or named tuple (values, indices)

    Raises
    ------
    IndexError, RuntimeError
        If there is no such axis, or no element.

    Examples
    --------
    >>> import pullback as pb
    >>> x = pb.tensor([[1.0, 5.0], [7.0, 2.0]])
    >>> x.max()
    tensor(7.)
    >>> x.max(dim=1).indices
    tensor([1, 0])
    """
    if not args and dim is None and other is None:
        return _of_all("max", input, out)
    return _extremum("max", args, input, dim, keepdim, out, other)


@function()
def min(
    input: Any, *args: Any, dim: Any = None, keepdim: bool = False, other: Any = None, out: Any = None
) -> Any:
    """The smallest element: of all, along an axis with its index, or of two tensors pointwise.

    Parameters
    ----------
    input
        A tensor.
    args
        `dim` and `keepdim`, or `other`.
    dim
        An axis.
    keepdim
        Keep the axis with length 1.
    other
        A tensor to compare with.
    out
        A tensor, or a pair of them, to write the results to.

    Returns
    -------
    Tensor or named tuple (values, indices)

    Raises
    ------
    IndexError, RuntimeError
        If there is no such axis, or no element.

    Examples
    --------
    >>> import pullback as pb
    >>> x = pb.tensor([[1.0, 5.0], [7.0, 2.0]])
    >>> x.min()
    tensor(1.)
    >>> x.min(0).values
    tensor([1., 2.])
    """
    if not args and dim is None and other is None:
        return _of_all("min", input, out)
    return _extremum("min", args, input, dim, keepdim, out, other)


def _along(name: str, node: type[Node], reduce: Any, input: Any, dim: Any, keepdim: bool, out: Any) -> Tensor:
    x = tensor_of(input)
    a = x._a
    ordered(f"{name[1:]}_values_cpu", a)
    axes = axes_of(dim, a.ndim)
    if axes is None:
        nonempty(a, name)
    for axis in axes or ():
        nonempty(a, name, axis)
    if a.ndim == 0:
        axes = None
    result = reduce(a, axis=axes, keepdims=keepdim)
    return into(out, record(node, result, (x,), (x,), (a.shape, axes, keepdim)))


@function()
def amax(input: Any, dim: Any = (), keepdim: bool = False, *, out: Any = None) -> Tensor:
    """The largest element of all or along axes; its gradient is shared evenly by equal elements.

    Parameters
    ----------
    input
        A tensor.
    dim
        An axis, several, or () for all.
    keepdim
        Keep the axes with length 1.
    out
        A tensor to write the result to.

    Returns
    -------
    Tensor

    Raises
    ------
    IndexError
        If there is no such axis, or it has length 0.

    Examples
    --------
    >>> import pullback as pb
    >>> pb.amax(pb.tensor([[1.0, 5.0], [7.0, 2.0]]), dim=1)
    tensor([5., 7.])
    """
    return _along("amax", AmaxBackward0, np.max, input, dim, keepdim, out)


@function()
def amin(input: Any, dim: Any = (), keepdim: bool = False, *, out: Any = None) -> Tensor:
    """The smallest element of all or along axes; its gradient is shared evenly by equal elements.

    Parameters
    ----------
    input
        A tensor.
    dim
        An axis, several, or () for all.
    keepdim
        Keep the axes with length 1.
    out
        A tensor to write the result to.

    Returns
    -------
    Tensor

    Raises
    ------
    IndexError
        If there is no such axis, or it has length 0.

    Examples
    --------
    >>> import pullback as pb
    >>> pb.amin(pb.tensor([[1.0, 5.0], [7.0, 2.0]]), dim=1)
    tensor([1., 2.])
    """
    return _along("amin", AminBackward0, np.min, input, dim, keepdim, out)


@function()
def aminmax(input: Any, *, dim: int | None = None, keepdim: bool = False, out: Any = None) -> Any:
    """The smallest and the largest element, of all or along an axis.

    Parameters
    ----------
    input
        A tensor.
    dim
        An axis, or None for all.
    keepdim
        Keep the axis with length 1.
    out
        A pair of tensors to write the results to.

    Returns
    -------
    named tuple (min, max)

    Raises
    ------
    IndexError, RuntimeError
        If there is no such axis, or no element.

    Examples
    --------
    >>> import pullback as pb
    >>> pb.aminmax(pb.tensor([3.0, 1.0, 2.0]))
    torch.return_types.aminmax(
    min=tensor(1.),
    max=tensor(3.))
    """
    x = tensor_of(input)
    a = x._a
    axes = axes_of(dim, a.ndim) if a.ndim else None
    if axes is None and a.size == 0:
        raise RuntimeError(
            "aminmax(): cannot compute aminmax over an empty dimension as the operation has no identity."
        )
    nonempty(a, "aminmax", None if axes is None else axes[0])
    keep: Any = keepdim
    arrays = (np.min(a, axis=axes, keepdims=keep), np.max(a, axis=axes, keepdims=keep))
    made = record_many(AminmaxBackward0, arrays, (x,), (x,), (a.shape, axes, keepdim))
    return write_pair(out, _aminmax(*made))


def _position(search: Any, name: str, input: Any, dim: int | None, keepdim: bool, out: Any) -> Tensor:
    a = tensor_of(input)._a
    if a.dtype.kind in "bc":
        raise RuntimeError(f"{name}(): does not support {'bool' if a.dtype.kind == 'b' else 'complex'} input")
    if dim is None:
        if a.size == 0:
            raise IndexError(f"{name}(): Expected reduction dim to be specified for input.numel() == 0.")
        index = search(a, axis=None, keepdims=keepdim)
    else:
        axis = one_axis(name, dim, a.ndim)
        nonempty(a, name, axis)
        index = search(a, axis=axis, keepdims=keepdim) if a.ndim else 0
    return into(out, wrap(Tensor, np.asarray(index, np.int64)))


@function()
def argmax(input: Any, dim: int | None = None, keepdim: bool = False, *, out: Any = None) -> Tensor:
    """Where the largest element is, the first one of equals: in the flat tensor or along an axis.

    Parameters
    ----------
    input
        A tensor.
    dim
        An axis, or None for all elements.
    keepdim
        Keep the axis with length 1.
    out
        A tensor to write the result to.

    Returns
    -------
    Tensor

    Raises
    ------
    IndexError
        If there is no such axis, or no element.

    Examples
    --------
    >>> import pullback as pb
    >>> pb.argmax(pb.tensor([[1.0, 5.0], [7.0, 2.0]]))
    tensor(2)
    """
    return _position(np.argmax, "argmax", input, dim, keepdim, out)


@function()
def argmin(input: Any, dim: int | None = None, keepdim: bool = False, *, out: Any = None) -> Tensor:
    """Where the smallest element is, the first one of equals: in the flat tensor or along an axis.

    Parameters
    ----------
    input
        A tensor.
    dim
        An axis, or None for all elements.
    keepdim
        Keep the axis with length 1.
    out
        A tensor to write the result to.

    Returns
    -------
    Tensor

    Raises
    ------
    IndexError
        If there is no such axis, or no element.

    Examples
    --------
    >>> import pullback as pb
    >>> pb.argmin(pb.tensor([[1.0, 5.0], [7.0, 2.0]]), dim=1)
    tensor([0, 1])
    """
    return _position(np.argmin, "argmin", input, dim, keepdim, out)


def _truth(reduce: Any, input: Any, dim: Any, keepdim: bool, out: Any) -> Tensor:
    a = tensor_of(input)._a
    axes = axes_of(dim, a.ndim) if a.ndim else None
    result = np.asarray(reduce(a, axis=axes, keepdims=keepdim))
    return into(out, wrap(Tensor, result.astype(np.uint8 if a.dtype == np.uint8 else bool)))


@function()
def all(input: Any, dim: Any = None, keepdim: bool = False, *, out: Any = None) -> Tensor:
    """Whether all elements are true (not zero), of all or along axes.

    Parameters
    ----------
    input
        A tensor.
    dim
        An axis, several, or None for all.
    keepdim
        Keep the axes with length 1.
    out
        A tensor to write the result to.

    Returns
    -------
    Tensor
        Bools (uint8 for uint8).

    Raises
    ------
    IndexError
        If there is no such axis.

    Examples
    --------
    >>> import pullback as pb
    >>> pb.all(pb.tensor([[True, False], [True, True]]), dim=1)
    tensor([False,  True])
    """
    return _truth(np.all, input, dim, keepdim, out)


@function()
def any(input: Any, dim: Any = None, keepdim: bool = False, *, out: Any = None) -> Tensor:
    """Whether any element is true (not zero), of all or along axes.

    Parameters
    ----------
    input
        A tensor.
    dim
        An axis, several, or None for all.
    keepdim
        Keep the axes with length 1.
    out
        A tensor to write the result to.

    Returns
    -------
    Tensor
        Bools (uint8 for uint8).

    Raises
    ------
    IndexError
        If there is no such axis.

    Examples
    --------
    >>> import pullback as pb
    >>> pb.any(pb.tensor([[True, False], [True, True]]))
    tensor(True)
    """
    return _truth(np.any, input, dim, keepdim, out)
