"""Axes dropped, added, put in another order: always views of the same memory."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...tape.node import Node, Recorded
from ...tape.views import check_write, view
from ..table import METHODS, PROPERTIES, function, put
from ..tensor import Tensor, axis_of, tensor_of
from .shaping import (
    SqueezeBackward0,
    SqueezeBackward1,
    SqueezeBackward2,
    UnsqueezeBackward0,
    as_shape,
    sizes,
)


class PermuteBackward0(Node):
    """Axes in another order; `static` is the order back."""

    __slots__ = ()

    def backward(self, g: Any) -> Any:
        return (np.transpose(g, self.static),)


class TransposeBackward0(Node):
    """Two axes exchanged; `static` are these."""

    __slots__ = ()

    def backward(self, g: Any) -> Any:
        return (g.swapaxes(*self.static),)


class TBackward0(Node):
    """A matrix transposed."""

    __slots__ = ()

    def backward(self, g: Any) -> Any:
        return (g.swapaxes(0, 1),)


# ---- order
def permuted(x: Any, order: tuple[int, ...]) -> Any:
    """A value or an array with its axes in this order."""
    if not isinstance(x, Recorded):
        return x.transpose(order)
    back = order  # of two axes, either order is its own inverse
    if len(order) > 2:
        back = tuple([order.index(axis) for axis in range(len(order))])
    return view(PermuteBackward0, x._a.transpose(order), x, permuted, (order,), back)


def exchanged(x: Any, one: int, two: int, node: type[Node] = TransposeBackward0) -> Any:
    """A value or an array with two axes exchanged."""
    if not isinstance(x, Recorded):
        return x.swapaxes(one, two) if x.ndim else x
    array = x._a.swapaxes(one, two) if x._a.ndim else x._a.view()
    return view(node, array, x, exchanged, (one, two, node), (one, two) if x._a.ndim else (0, 0))


@function()
def transpose(input: Any, dim0: int, dim1: int) -> Tensor:
    """Two axes exchanged.

    Parameters
    ----------
    input
        A tensor.
    dim0, dim1
        The axes.

    Returns
    -------
    Tensor

    Raises
    ------
    IndexError
        If there is no such axis.

    Examples
    --------
    >>> import pullback as pb
    >>> pb.transpose(pb.tensor([[1, 2], [3, 4]]), 0, 1)
    tensor([[1, 3],
            [2, 4]])
    """
    x = tensor_of(input)
    rank = x._a.ndim
    if rank == 0:
        axis_of(dim0, 0), axis_of(dim1, 0)
        return as_shape(x, ())
    made: Tensor = exchanged(x, axis_of(dim0, rank), axis_of(dim1, rank))
    return made


for _name in ("swapaxes", "swapdims"):
    put(_name, transpose)


@function()
def permute(input: Any, *dims: Any) -> Tensor:
    """The axes in another order.

    Parameters
    ----------
    input
        A tensor.
    dims
        The axes in their new order.

    Returns
    -------
    Tensor

    Raises
    ------
    IndexError, RuntimeError
        If an axis is missing, named twice, or does not exist.

    Examples
    --------
    >>> import pullback as pb
    >>> pb.ones(2, 3, 4).permute(2, 0, 1).shape
    pullback.Size([4, 2, 3])
    """
    x = tensor_of(input)
    rank = x._a.ndim
    order = sizes(dims)
    if len(order) != rank:
        raise RuntimeError(
            "permute(sparse_coo): number of dimensions in the tensor input does not match the length of the "
            f"desired ordering of dimensions i.e. input.dim() = {rank} is not equal to len(dims) = "
            f"{len(order)}"
        )
    order = tuple([axis_of(k, rank) for k in order])
    if len(set(order)) != rank:
        raise RuntimeError("permute(): duplicate dims are not allowed.")
    made: Tensor = permuted(x, order)
    return made


@function()
def movedim(input: Any, source: Any, destination: Any) -> Tensor:
    """Axes at other places; the others keep their order.

    Parameters
    ----------
    input
        A tensor.
    source, destination
        An axis and its new place, or several.

    Returns
    -------
    Tensor

    Raises
    ------
    IndexError, RuntimeError
        If an axis does not exist or is named twice, or there are not as many places.

    Examples
    --------
    >>> import pullback as pb
    >>> pb.movedim(pb.ones(2, 3, 4), 0, -1).shape
    pullback.Size([3, 4, 2])
    """
    x = tensor_of(input)
    rank = x._a.ndim
    given = [(v,) if isinstance(v, int) else tuple(v) for v in (source, destination)]
    if len(given[0]) != len(given[1]):
        raise RuntimeError(
            f"movedim: Invalid source or destination dims: source ({list(given[0])} dims) should contain "
            f"the same number of dims as destination ({list(given[1])} dims)"
        )
    sources, places = (tuple(axis_of(k, rank) for k in ks) for ks in given)
    for name, axes in (("source", sources), ("destination", places)):
        if len(set(axes)) != len(axes):
            raise RuntimeError(f"movedim: repeated dim in `{name}` ({list(axes)})")
    order = [k for k in range(rank) if k not in sources]
    for place, axis in sorted(zip(places, sources, strict=True)):
        order.insert(place, axis)
    made: Tensor = permuted(x, tuple(order))
    return made


put("moveaxis", movedim)


@function()
def t(input: Any) -> Tensor:
    """A matrix transposed; vectors and scalars as they are.

    Parameters
    ----------
    input
        A tensor of two axes at most.

    Returns
    -------
    Tensor

    Raises
    ------
    RuntimeError
        If it has more.

    Examples
    --------
    >>> import pullback as pb
    >>> pb.ones(2, 3).t().shape
    pullback.Size([3, 2])
    """
    x = tensor_of(input)
    rank = x._a.ndim
    if rank > 2:
        raise RuntimeError(f"t() expects a tensor with <= 2 dimensions, but self is {rank}D")
    made: Tensor = exchanged(x, 0, 1, TBackward0) if rank == 2 else as_shape(x, x._a.shape)
    return made


def _reversed(x: Tensor) -> Tensor:
    """The axes in reversed order."""
    made: Tensor = permuted(x, tuple(range(x._a.ndim))[::-1])
    return made


def _matrices(x: Tensor) -> Tensor:
    """The last two axes exchanged."""
    if x._a.ndim < 2:
        raise RuntimeError(
            f"tensor.mT is only supported on matrices or batches of matrices. Got {x._a.ndim}-D"
        )
    made: Tensor = exchanged(x, x._a.ndim - 2, x._a.ndim - 1)
    return made


@function()
def adjoint(input: Any) -> Tensor:
    """The last two axes exchanged, and complex numbers conjugated.

    Parameters
    ----------
    input
        A tensor.

    Returns
    -------
    Tensor

    Raises
    ------
    RuntimeError
        If it has fewer than two axes.

    Examples
    --------
    >>> import pullback as pb
    >>> pb.adjoint(pb.ones(2, 3)).shape
    pullback.Size([3, 2])
    """
    x = _matrices(tensor_of(input))
    return x.conj() if x._a.dtype.kind == "c" else x


def _hermitian(x: Tensor) -> Tensor:
    """A matrix transposed and conjugated."""
    if x._a.ndim == 0:
        return x
    if x._a.ndim != 2:
        raise RuntimeError(f"tensor.H is only supported on matrices (2-D tensors). Got {x._a.ndim}-D tensor.")
    return adjoint(x)


PROPERTIES.update(T=property(_reversed), mT=property(_matrices), H=property(_hermitian), mH=property(adjoint))


# ---- axes of length 1
@function()
def unsqueeze(input: Any, dim: int) -> Tensor:
    """A new axis of length 1.

    Parameters
    ----------
    input
        A tensor.
    dim
        Its place.

    Returns
    -------
    Tensor

    Raises
    ------
    IndexError
        If there is no such place.

    Examples
    --------
    >>> import pullback as pb
    >>> pb.ones(3).unsqueeze(1).shape
    pullback.Size([3, 1])
    """
    x = tensor_of(input)
    shape = x._a.shape
    k = axis_of(dim, len(shape) + 1)
    full = (*shape[:k], 1, *shape[k:])  # of every layout a view
    made: Tensor = view(
        UnsqueezeBackward0, x._a.reshape(full), x, as_shape, (full, UnsqueezeBackward0), shape
    )
    return made


@function()
def squeeze(input: Any, dim: Any = None) -> Tensor:
    """Axes of length 1 dropped: all, or those named that have this length.

    Parameters
    ----------
    input
        A tensor.
    dim
        An axis, several, or None for all.

    Returns
    -------
    Tensor

    Raises
    ------
    IndexError
        If there is no such axis.

    Examples
    --------
    >>> import pullback as pb
    >>> pb.ones(1, 3, 1).squeeze().shape
    pullback.Size([3])
    >>> pb.ones(1, 3, 1).squeeze(0).shape
    pullback.Size([3, 1])
    """
    x = tensor_of(input)
    shape = x._a.shape
    if dim is None:
        return as_shape(x, tuple(n for n in shape if n != 1), SqueezeBackward0)
    if type(dim) is int:
        k = axis_of(dim, len(shape))
        if shape and shape[k] == 1:
            shape = shape[:k] + shape[k + 1 :]
        made: Tensor = as_shape(x, shape, SqueezeBackward1)
        return made
    one = isinstance(dim, int)
    axes = {axis_of(k, len(shape)) for k in ((dim,) if one else dim)}
    node = SqueezeBackward1 if one else SqueezeBackward2
    kept = tuple(n for k, n in enumerate(shape) if n != 1 or k not in axes)
    made = as_shape(x, kept, node)
    return made


# ---- changes of the tensor's own shape
def reseat(x: Any, changed: Any) -> Any:
    """Let x be what `changed(x)`, a view of it, is: the in-place twins of the functions above."""
    check_write(x)
    shows, result = x._view, changed(x)
    x._a = result._a
    x._shared_version().n += 1
    if shows is not None:
        x._view = result._view
        x._view.version = x._version
    if result._r:
        x._fn, x._r = result._fn, True
        if x._more is not None:
            x._history_changed()
    return x


for _name, _changed in (
    ("unsqueeze", unsqueeze), ("squeeze", squeeze), ("transpose", transpose), ("t", t),
    ("swapaxes", transpose), ("swapdims", transpose),
):  # fmt: skip

    def _inplace(input: Any, *args: Any, _changed: Any = _changed, **kwargs: Any) -> Any:
        return reseat(input, lambda x: _changed(x, *args, **kwargs))

    _inplace.__name__ = _inplace.__qualname__ = _name + "_"
    _inplace.__doc__ = f"`{_name}` that changes the tensor itself and gives it back."
    METHODS[_name + "_"] = _inplace
