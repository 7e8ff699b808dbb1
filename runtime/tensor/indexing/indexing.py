"""`x[…]` and `x[…] = v`, as PyTorch reads indices.

An index has two parts. Integers, slices, None and the ellipsis give a view. Then tensors, arrays, lists and
masks pick elements of that view, which is a copy. (NumPy lets integers take part in the second step, which
differs where a slice lies between: `x[0, :, [1, 2]]` has its picked axis last here.)
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ...ops.linear import Linear, apply
from ...tape.node import Node, Recorded, Scattered
from ...tape.record import record
from ...tape.views import assign, copied, view, writable, written
from ..creation.filling import put_into, source
from ..table import METHODS

_ALL = slice(None)
_SIMPLE = {int, slice, type(None), type(Ellipsis)}


# ---- views
def _pick(a: Any, shape: tuple[int, ...], key: Any) -> Any:
    return a[key]


def placed(g: Any, shape: tuple[int, ...], key: Any) -> Any:
    """Zeros of a shape with g at `key`, which names no element twice."""
    whole = np.zeros(shape, g.dtype)
    whole[key] = g
    return whole


class SelectBackward0(Linear):
    """One entry along an axis; `static` is the shape before and the index."""

    __slots__ = ()
    there, back = staticmethod(_pick), staticmethod(placed)

    def backward(self, g: Any, *saved: Any) -> Any:
        if type(g) is np.ndarray:  # the engine adds it to what other reads of the same array gave
            return (Scattered(self.static[1], g, False),)
        return super().backward(g)


class SliceBackward0(SelectBackward0):
    """A slice."""

    __slots__ = ()


class UnsqueezeBackward0(SelectBackward0):
    """A new axis."""

    __slots__ = ()


class AliasBackward0(SelectBackward0):
    """All of it."""

    __slots__ = ()


def _node_of(key: tuple[Any, ...]) -> type[Linear]:
    """The node that PyTorch shows: that of the last step."""
    for item in reversed(key):
        if type(item) is int:
            return SelectBackward0
        if item is None:
            return UnsqueezeBackward0
        if item is not Ellipsis and item != _ALL:
            return SliceBackward0
    return AliasBackward0


def item(x: Any, key: tuple[Any, ...], node: type[Linear] | None = None) -> Any:
    """A view at a simple index that has an ellipsis, of a value or an array.

    Raises
    ------
    IndexError
        If the index does not fit.
    """
    if not isinstance(x, Recorded):
        return x[key]
    a = x._a
    try:
        array = a[key]
    except IndexError:
        raise _misfit(key, a.shape) from None
    return view(node or _node_of(key), array, x, item, (key,), (a.shape, key))


def _misfit(key: tuple[Any, ...], shape: tuple[int, ...]) -> IndexError:
    """What PyTorch says of an index that does not fit."""
    if not shape and any(type(k) is int or isinstance(k, slice) for k in key):
        if type(key[0]) is int:
            return IndexError(
                "invalid index of a 0-dim tensor. Use `tensor.item()` in Python or `tensor.item<T>()` in C++ "
                "to convert a 0-dim tensor to a number"
            )
        return IndexError("slice() cannot be applied to a 0-dim tensor.")
    used = [k for k in key if k is not None and k is not Ellipsis]
    if len(used) > len(shape):
        return IndexError(f"too many indices for tensor of dimension {len(shape)}")
    dim = 0
    for k in key:
        if k is Ellipsis:
            dim = len(shape) - sum(1 for other in key[key.index(Ellipsis) :] if other not in (None, Ellipsis))
        elif k is not None:
            if type(k) is int and not -shape[dim] <= k < shape[dim]:
                return IndexError(f"index {k} is out of bounds for dimension {dim} with size {shape[dim]}")
            dim += 1
    return IndexError(f"index {key} does not fit a tensor of shape {list(shape)}")


# ---- reading an index
class _Parts:
    """An index taken apart.

    Attributes
    ----------
    simple
        The part that gives a view, with an ellipsis; None if it is all of the tensor.
    picks
        The rest as NumPy's index of that view, or None.
    tensors
        The tensors whose arrays are in `picks`.
    """

    __slots__ = ("picks", "simple", "tensors")

    def __init__(self, key: Any, shape: tuple[int, ...]) -> None:
        items = list(key) if type(key) is tuple or _is_tuple_in_disguise(key) else [key]
        self.tensors: list[Any] = []
        items = [self._read(k) for k in items]
        taken = sum(_dims(k) for k in items)
        if taken > len(shape):
            if not shape and len(items) == 1:
                raise _misfit((items[0],), shape)
            raise IndexError(f"too many indices for tensor of dimension {len(shape)}")
        simple: list[Any] = []
        picks: list[Any] = []
        free, dim, picked = len(shape) - taken, 0, False
        if not any(k is Ellipsis for k in items):
            items.append(Ellipsis)
        for place, k in enumerate(items):
            if k is Ellipsis:
                simple += [_ALL] * free
                picks += [_ALL] * free
                dim += free
                free = 0
            elif k is None or isinstance(k, slice):
                simple.append(k)
                picks.append(_ALL)
            elif type(k) is int:
                simple.append(k)
            else:
                picked = True
                flag = k.ndim == 0
                if not flag:
                    _check_fit(k, place, dim, shape)
                simple += [None] if flag else [_ALL] * _dims(k)
                picks.append(np.zeros(int(k), np.intp) if flag else k)
            dim += _dims(k) if k is not Ellipsis else 0
        plain = all(k is _ALL or k == _ALL for k in simple)
        self.simple = None if picked and plain else (*simple, Ellipsis)
        while picks and picks[-1] is _ALL:
            picks.pop()
        self.picks = tuple(picks) if picked else None

    def _read(self, k: Any) -> Any:
        """One item: an int, a slice of ints, None, the ellipsis, or an array (without axes: a flag)."""
        kind = type(k)
        if kind is int or k is None or k is Ellipsis:
            return k
        if kind is slice:
            if _plain(k):
                return k
            return slice(*[None if p is None else p.__index__() for p in (k.start, k.stop, k.step)])
        if isinstance(k, Recorded):
            if k._a.ndim == 0 and k._a.dtype.kind in "iu":
                return int(k._a)
            if k._a.ndim:
                self.tensors.append(k)
            k = k._a
        elif isinstance(k, (bool, np.bool_)):
            return np.asarray(bool(k))
        elif isinstance(k, np.ndarray):
            k = k.copy()
        elif isinstance(k, (list, tuple, range)):
            k = np.array(_unwrapped(k))
            k = k.astype(np.intp) if k.size == 0 else k
        elif hasattr(k, "__index__"):
            return k.__index__()
        else:
            if isinstance(k, str):
                raise TypeError(f"new(): invalid data type '{kind.__name__}'")
            raise IndexError(
                "only integers, slices (`:`), ellipsis (`...`), None and long or byte Variables are valid "
                f"indices (got {kind.__name__})"
            )
        if k.dtype == np.uint8:
            k = k.astype(bool)
        if k.dtype.kind not in "biu":
            raise IndexError("tensors used as indices must be long, int, byte or bool tensors")
        return int(k) if k.ndim == 0 and k.dtype.kind != "b" else k


class _NumpyParts:
    """An index as NumPy reads it: integers beside arrays pick elements too."""

    __slots__ = ("picks", "simple", "tensors")

    def __init__(self, key: Any) -> None:
        items = key if type(key) is tuple else (key,)
        kept = [k.copy() if isinstance(k, np.ndarray) else k for k in items]
        self.tensors: list[Any] = []
        self.simple = self.picks = None
        if any(isinstance(k, (np.ndarray, list, bool, np.bool_)) for k in kept):
            self.picks = tuple([np.asarray(k) if isinstance(k, list) else k for k in kept])
        else:
            kept = [k.__index__() if isinstance(k, np.integer) else k for k in kept]
            self.simple = (*kept,) if any(k is Ellipsis for k in kept) else (*kept, Ellipsis)


def _unwrapped(k: Any) -> Any:
    """Nested lists with tensors in them as lists of numbers."""
    if isinstance(k, (list, tuple, range)):
        return [_unwrapped(e) for e in k]
    return k._a if isinstance(k, Recorded) else k


def _is_tuple_in_disguise(key: Any) -> bool:
    """Whether a list stands for a tuple of indices, as PyTorch has it: `x[[0, slice(2)]]`."""
    return (
        isinstance(key, list)
        and len(key) < 32
        and any(
            k is None or k is Ellipsis or isinstance(k, (slice, list, tuple, Recorded, np.ndarray))
            for k in key
        )
    )


def _dims(k: Any) -> int:
    """How many axes of the tensor an item takes."""
    if isinstance(k, np.ndarray):
        return k.ndim if k.dtype.kind == "b" else 1
    return 0 if k is None or k is Ellipsis else 1


def _check_fit(k: Any, place: int, dim: int, shape: tuple[int, ...]) -> None:
    """Refuse a mask of another shape, and integers out of bounds."""
    if k.dtype.kind == "b":
        for axis, n in enumerate(k.shape):
            if n != shape[dim + axis]:
                raise IndexError(
                    f"The shape of the mask {list(k.shape)} at index {axis} does not match the shape of the "
                    f"indexed tensor {list(shape)} at index {dim + axis}"
                )
    elif k.size:
        n = shape[dim]
        low, high = int(k.min()), int(k.max())
        if low < -n or high >= n:
            bad = high if high >= n else low
            raise IndexError(f"index {bad} is out of bounds for dimension {dim} with size {n}")


# ---- picked elements
def _picked(a: Any, shape: tuple[int, ...], key: Any) -> Any:
    try:
        return np.ascontiguousarray(a[key]) if a.ndim else a[key].copy()
    except IndexError as error:
        raise _unbroadcast(key, error) from None


def _unbroadcast(key: Any, error: Exception) -> Exception:
    shapes = [list(k.shape) for k in key if isinstance(k, np.ndarray)]
    if "broadcast" not in str(error):
        return error
    return IndexError(
        "shape mismatch: indexing tensors could not be broadcast together with shapes "
        + ", ".join(map(str, shapes))
    )


def collected(g: Any, shape: tuple[int, ...], key: Any) -> Any:
    """Zeros of a shape with g added at `key`, which may name elements many times."""
    if all(k.dtype.kind == "b" for k in key if isinstance(k, np.ndarray)):
        return placed(g, shape, key)
    where = np.arange(math.prod(shape)).reshape(shape)[key]
    return summed_at(where, g, shape)


def summed_at(where: Any, g: Any, shape: tuple[int, ...]) -> Any:
    """Zeros of a shape with the elements of g added at the places `where` of its flat form."""
    size = math.prod(shape)
    where = where.reshape(-1)
    flat = np.asarray(g).reshape(-1)
    if flat.dtype.kind == "f":
        total = np.bincount(where, flat, size)[:size]
    elif flat.dtype.kind == "c":
        total = np.bincount(where, flat.real, size)[:size] + 1j * np.bincount(where, flat.imag, size)[:size]
    else:
        total = np.zeros(size, flat.dtype)
        np.add.at(total, where, flat)
    return total.astype(flat.dtype, copy=False).reshape(shape)


class IndexBackward0(Linear):
    """Elements picked by tensors; `static` is the shape before and NumPy's index."""

    __slots__ = ()
    there, back = staticmethod(_picked), staticmethod(collected)


def _plain(k: slice) -> bool:
    """Whether the bounds of a slice are numbers that nobody changes."""
    start, stop, step = k.start, k.stop, k.step
    return (
        (start is None or type(start) is int)
        and (stop is None or type(stop) is int)
        and (step is None or type(step) is int)
    )


def read_index(x: Any, key: Any) -> tuple[Any, tuple[Any, ...]]:
    """An index without simple parts but whole axes, as NumPy's, and the tensors in it."""
    parts = _Parts(key, x._a.shape)
    picks = (...,) if parts.picks is None else parts.picks
    return picks, tuple(parts.tensors)


def getitem(x: Any, key: Any) -> Any:
    """`x[key]`."""
    found = _quick(x, key)
    if found is not None:
        return found
    parts = _Parts(key, x._a.shape) if type(x)._promotes else _NumpyParts(key)
    if parts.simple is not None:
        x = item(x, parts.simple)
    if parts.picks is None:
        return x
    return apply(IndexBackward0, x, x._a.shape, parts.picks, saved=tuple(parts.tensors) or None)


def _quick(x: Any, key: Any) -> Any:
    """`x[key]` for the common indices that fit, taken as they are; None for all others."""
    kind, a = type(key), x._a
    try:
        if kind is int:
            simple: tuple[Any, ...] = (key, Ellipsis)
            return view(SelectBackward0, a[simple], x, item, (simple,), (a.shape, simple))
        if kind is tuple and is_simple(key):
            simple = key if Ellipsis in key else (*key, Ellipsis)
            return view(_node_of(simple), a[simple], x, item, (simple,), (a.shape, simple))
        if kind is slice and a.ndim and _plain(key):
            simple = (key, Ellipsis)
            return view(SliceBackward0, a[simple], x, item, (simple,), (a.shape, simple))
        if isinstance(key, Recorded) and a.size and a.ndim and type(x)._promotes:
            k = key._a
            if k.ndim and k.dtype.kind == "i":
                return record(IndexBackward0, np.ascontiguousarray(a[k]), (x,), (key,), (a.shape, (k,)))
    except IndexError:
        return None  # the long way says which item it was
    return None


def is_simple(key: tuple[Any, ...]) -> bool:
    """Whether an index of several items has integers, plain slices, None and one ellipsis only."""
    dots = 0
    for k in key:
        kind = type(k)
        if kind is slice:
            if not _plain(k):
                return False
        elif kind is not int and k is not None:
            if k is not Ellipsis or dots:
                return False
            dots = 1
    return True


class IndexPutBackward0(Node):
    """Elements overwritten; `static` is NumPy's index."""

    __slots__ = ()

    def backward(self, g: Any, *tensors: Any) -> Any:
        key = self.static
        there: Any = None
        if self.edges[0] is not None:
            there = copied(g)
            there[key] = 0
        return (there, None if self.edges[1] is None else won(g, key))


def won(g: Any, key: Any) -> Any:
    """The cotangent of what was written at `key`: zero where something else was written there later."""
    part = g[key]
    shape = g._a.shape if isinstance(g, Recorded) else g.shape
    if all(k.dtype.kind == "b" for k in key if isinstance(k, np.ndarray)):
        return part
    last = np.empty(shape, np.intp)
    order = np.arange(part._a.size if isinstance(g, Recorded) else part.size).reshape(np.shape(last[key]))
    last[key] = order
    lasting = last[key] == order
    return part if lasting.all() else part * lasting


def put_at(x: Any, picks: Any, tensors: tuple[Any, ...], value: Any) -> Any:
    """x with its elements at NumPy's index `picks` overwritten."""
    operand, array = source(x, value)

    def store(a: Any) -> None:
        try:
            a[picks] = array
        except IndexError as error:
            raise _unbroadcast(picks, error) from None
        except ValueError:
            raise RuntimeError(
                f"shape mismatch: value tensor of shape {list(np.shape(array))} cannot be broadcast to "
                f"indexing result of shape {list(a[picks].shape)}"
            ) from None

    return assign(x, store, IndexPutBackward0, (operand,), tensors or None, picks)


def _put_number(x: Any, key: Any, value: Any) -> None:
    """A number written to the elements at a simple index of a value that has no history."""
    number = source(x, value)[1]
    try:
        writable(x)[key] = number
    except IndexError:
        raise _misfit(key, x._a.shape) from None
    written(x)


def setitem(x: Any, key: Any, value: Any) -> None:
    """`x[key] = value`."""
    kind = type(key)
    if (
        key is Ellipsis or (kind is tuple and not key) or (kind is slice and key == _ALL and x._a.ndim)
    ) and type(x)._promotes:
        put_into(x, value)
        return
    simple: Any
    picks, tensors = None, ()
    if kind is int or (kind is slice and x._a.ndim and _plain(key)):
        simple = (key, Ellipsis)
    elif kind is tuple and is_simple(key) and len(key) <= x._a.ndim:
        simple = key if Ellipsis in key else (*key, Ellipsis)
    else:
        parts = _Parts(key, x._a.shape) if type(x)._promotes else _NumpyParts(key)
        simple, picks, tensors = parts.simple, parts.picks, tuple(parts.tensors)
    if picks is None and x._view is None and not x._r and not isinstance(value, (Recorded, np.ndarray)):
        _put_number(x, simple, value)  # nobody records it: no view of the part is needed
        return
    target = x if simple is None else item(x, simple)
    if picks is None:
        put_into(target, value)
    else:
        put_at(target, picks, tensors, value)


METHODS["__getitem__"] = getitem
METHODS["__setitem__"] = setitem
