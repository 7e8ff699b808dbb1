"""`Array`: what a user's NumPy code computes with when it runs on the tape.

An Array is a Tensor with NumPy's manners: NumPy's promotion of dtypes, attributes and methods by NumPy's
names and arguments. Only floats and complex numbers are Arrays; what has no derivative (comparisons, indices,
integers) is plain NumPy, so conditions and indices of a program work as they are. Its operators and NumPy's
functions on it are in `ufuncs.py`.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable
from typing import Any

import numpy as np

from ...compiler.errors import UnsupportedError
from ..tape.node import Recorded, wrap
from ..tape.record import edge
from ..tensor import namespace as _installed  # noqa: F401 (puts the methods on Tensor)
from ..tensor.pointwise.casting import cast
from ..tensor.table import FUNCTIONS, METHODS
from ..tensor.tensor import Tensor
from .code import formats

_HINT = (
    "use NumPy's functions on it (np.sin, not math.sin), keep it as it is, write it to arrays that "
    "names of the function stand for, or pb.stop_gradient it where no derivative is wanted"
)


_CONSTANT = {"itemsize", "nbytes", "is_integer"}

# The mark of an array without axes that the program made as an array: it is written to in place.
ARRAY = "array"


def is_array(value: Recorded) -> bool:
    """Whether a value without axes is an array of the program, not a number."""
    return value._more is not None and value._more.name == ARRAY


class Array(Tensor):
    """An array of floats in a program that runs on the tape."""

    __slots__ = ()
    _promotes = False
    _keeps_old = True  # NumPy's programs overwrite what they like
    _class_for: Callable[[Any, Any], type]  # what `x.__class__` is for who asks: set in builtin.py

    @property
    def __class__(self) -> Any:
        return Array._class_for(self, sys._getframe(1))

    @__class__.setter
    def __class__(self, cls: type) -> None:
        object.__dict__["__class__"].__set__(self, cls)

    @classmethod
    def _constant(cls, value: Any) -> Any:
        made = np.array(value)  # a copy: its owner may write to it
        if made.dtype.kind == "O":
            raise UnsupportedError(
                f"arithmetic of an array with {type(value).__name__} objects",
                hint="write the object first: Vector * number, not number * Vector",
            )
        return wrap(Array, made)

    # ---- attributes by NumPy's names
    @property
    def shape(self) -> Any:
        return self._a.shape

    @property
    def dtype(self) -> Any:
        return self._a.dtype

    @property
    def size(self) -> Any:
        return self._a.size

    @property
    def strides(self) -> Any:
        return self._a.strides

    @property
    def flags(self) -> Any:
        return self._a.flags

    @property
    def T(self) -> Any:
        return np.transpose(self)

    @property
    def mT(self) -> Any:
        return np.matrix_transpose(self)

    @property
    def real(self) -> Any:
        return np.real(self) if self._a.dtype.kind == "c" else self

    @property
    def imag(self) -> Any:
        return np.imag(self) if self._a.dtype.kind == "c" else np.zeros_like(self)

    @property
    def flat(self) -> Any:
        return Flat(self)

    @property
    def base(self) -> Any:
        return self._base

    def __getattr__(self, name: str) -> Any:
        """What else NumPy's values have: it has no derivative."""
        shown = self._shown()
        if name.startswith("__") or not hasattr(shown, name):  # NumPy asks for its protocols
            raise AttributeError(f"'{type(shown).__name__}' object has no attribute '{name}'")
        if name not in _CONSTANT:
            self._refuse(f"{name}, by its attribute")
        return getattr(shown, name)

    # ---- methods by NumPy's names
    def reshape(self, *shape: Any, order: Any = "C") -> Any:
        return np.reshape(self, shape[0] if len(shape) == 1 else shape, order=order)

    def transpose(self, *axes: Any) -> Any:
        chosen = axes[0] if len(axes) == 1 and not isinstance(axes[0], int) else axes
        return np.transpose(self, chosen or None)

    def ravel(self, order: str = "C") -> Any:
        return np.reshape(self, -1, order="F" if order == "F" else "C")

    def flatten(self, order: str = "C") -> Any:
        return np.copy(np.reshape(self, -1, order="F" if order == "F" else "C"))

    def copy(self, order: str = "C") -> Any:
        return FUNCTIONS["clone"](self)

    def __copy__(self) -> Any:
        return self.copy()

    def __deepcopy__(self, memo: dict[int, Any]) -> Any:
        made = memo[id(self)] = self.copy()
        return made

    def astype(self, dtype: Any, copy: bool = True, **kwargs: Any) -> Any:
        kind = np.dtype(dtype() if isinstance(dtype, type(np.dtypes.Float64DType)) else dtype)
        if kind.kind == "O":
            self._refuse("an array of objects")
        if kind.kind not in "fc":
            return self._a.astype(kind)[()]
        return cast(self, kind) if kind != self._a.dtype or not copy else self.copy()

    def item(self, *place: Any) -> Any:
        """The element, still an Array: a Python number would have no derivative."""
        if not place:
            return np.reshape(self, ())
        return np.reshape(self, -1)[place[0]] if len(place) == 1 else self[place]

    def tolist(self) -> Any:
        return self if self._a.ndim == 0 else [row.tolist() for row in self]

    def fill(self, value: Any) -> None:
        self[...] = value

    def sort(self, axis: int = -1, kind: Any = None, order: Any = None) -> None:
        self[...] = np.sort(self, axis=axis)

    def partition(self, kth: Any, axis: int = -1, kind: Any = None, order: Any = None) -> None:
        self[...] = np.partition(self, kth, axis=axis)

    def compress(self, condition: Any, axis: Any = None, out: Any = None) -> Any:
        return np.take(self, np.flatnonzero(unwrapped(condition)), axis=axis)

    def put(self, indices: Any, values: Any, mode: str = "raise") -> None:
        from .modules import NUMPY

        NUMPY.put(self, indices, values, mode)

    def view(self, dtype: Any = None, type: Any = None) -> Any:
        if dtype not in (None, self._a.dtype, np.ndarray) or type is not None:
            raise UnsupportedError("a view of other dtype or class", hint="use astype, which copies")
        return self[...]

    def dot(self, b: Any) -> Any:
        return np.dot(self, b)

    def nonzero(self) -> Any:
        return self._a.nonzero()

    def argmax(self, axis: Any = None, out: Any = None, *, keepdims: Any = False) -> Any:
        return np.argmax(self._a, axis=axis, keepdims=keepdims)

    def argmin(self, axis: Any = None, out: Any = None, *, keepdims: Any = False) -> Any:
        return np.argmin(self._a, axis=axis, keepdims=keepdims)

    def argsort(self, axis: int = -1, kind: Any = None, order: Any = None) -> Any:
        return np.argsort(self._a, axis=axis, kind=kind)

    def searchsorted(self, v: Any, side: Any = "left", sorter: Any = None) -> Any:
        return np.searchsorted(self._a, v._a if isinstance(v, Recorded) else v, side=side, sorter=sorter)

    def all(self, axis: Any = None, **kwargs: Any) -> Any:
        return np.all(self._a, axis=axis, **kwargs)

    def any(self, axis: Any = None, **kwargs: Any) -> Any:
        return np.any(self._a, axis=axis, **kwargs)

    def conj(self) -> Any:
        return np.conj(self)

    conjugate = conj

    # ---- conversions that would lose a derivative
    def __hash__(self) -> int:
        # Equal values would be two keys, as they are told apart by what they depend on.
        if sys._getframe(1).f_globals.get("__name__", "").startswith("pullback."):
            return object.__hash__(self)  # the tape's own tables are of leaves
        if self._fn is not None or self._r:
            self._refuse("a key of a dictionary or set")
        return object.__hash__(self) if self._a.ndim else hash(self._a.item())

    def __float__(self) -> float:
        if not formats(sys._getframe(1)):
            self._refuse("float")
        return float(self._a)

    def __complex__(self) -> complex:
        self._refuse("complex")
        return complex(self._a)

    def __int__(self) -> int:
        return int(self._a)

    def __round__(self, digits: int | None = None) -> Any:
        return round(self._a.item()) if digits is None else np.round(self, digits)

    def __floor__(self) -> int:
        return math.floor(self._a.item())

    def __ceil__(self) -> int:
        return math.ceil(self._a.item())

    def __trunc__(self) -> int:
        return math.trunc(self._a.item())

    def __divmod__(self, other: Any) -> Any:
        return self // other, self % other

    def __rdivmod__(self, other: Any) -> Any:
        return other // self, other % self

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Any:
        self._refuse("a NumPy array")
        return np.array(self._a, dtype=dtype, copy=copy)

    def numpy(self, *, force: bool = False) -> Any:
        self._refuse("a NumPy array")
        return self._a

    def _refuse(self, target: str) -> None:
        if edge(self) is not None:
            raise UnsupportedError(
                f"a value that depends on differentiated arguments was converted to {target}, which has no "
                "derivative",
                hint=_HINT,
            )

    # ---- the rest
    def __bool__(self) -> bool:
        return bool(self._a)

    def __len__(self) -> int:
        return len(self._a)

    def __iter__(self) -> Any:
        if self._a.ndim == 0:
            raise TypeError("iteration over a 0-d array")
        return (self[i] for i in range(len(self._a)))

    def __contains__(self, element: Any) -> bool:
        return (element._a if isinstance(element, Recorded) else element) in self._a

    def __getitem__(self, key: Any) -> Any:
        key = _plain_key(key)
        try:
            out = METHODS["__getitem__"](self, key)
        except (IndexError, TypeError, ValueError, RuntimeError):
            self._a[key]  # NumPy's own words
            raise
        if out._a.ndim == 0 and not _keeps_array(key):
            # NumPy gives a number here, which later writes to the array do not change.
            out._a = out._a.copy()
            out._view = out._version_of = None
        return out

    def __setitem__(self, key: Any, value: Any) -> None:
        if not isinstance(value, Recorded):
            value = wrap(Array, np.asarray(value))
        METHODS["__setitem__"](self, _plain_key(key), value)

    def __repr__(self, **kwargs: Any) -> str:  # type: ignore[override]
        return repr(self._shown())

    def __str__(self) -> str:
        return str(self._shown())

    def _shown(self) -> Any:
        """What it is in a program without derivatives."""
        return self._a if self._a.ndim or is_array(self) else self._a[()]

    def __format__(self, spec: str) -> str:
        return format(self._a[()] if self._a.ndim == 0 else self._a, spec)


Array._face = Array


class Flat:
    """`a.flat`: the elements in order, to be read and written."""

    def __init__(self, array: Array) -> None:
        self.array = array

    def __len__(self) -> int:
        return int(self.array._a.size)

    def __iter__(self) -> Any:
        return iter(np.reshape(self.array, -1))

    def __getitem__(self, key: Any) -> Any:
        return np.reshape(self.array, -1)[key]

    def __setitem__(self, key: Any, value: Any) -> None:
        places = np.unravel_index(np.arange(len(self))[key], self.array._a.shape)
        self.array[places] = value


def _method(function: Callable[..., Any]) -> Any:
    def method(self: Array, *args: Any, **kwargs: Any) -> Any:
        return function(self, *args, **kwargs)

    return method


for _function in (
    np.sum, np.mean, np.prod, np.max, np.min, np.std, np.var, np.cumsum, np.cumprod, np.squeeze, np.swapaxes,
    np.repeat, np.take, np.clip, np.round, np.trace, np.diagonal,
):  # fmt: skip
    setattr(Array, _function.__name__, _method(_function))
Array.max, Array.min = _method(np.max), _method(np.min)  # type: ignore[attr-defined]


def _plain_key(key: Any) -> Any:
    """An index with plain arrays in it."""
    if isinstance(key, tuple):
        return tuple(_plain_key(k) for k in key)
    return key._a if isinstance(key, Recorded) else key


def _keeps_array(key: Any) -> bool:
    """Whether an index with Ellipsis or None: then an element is an array without axes."""
    parts = key if isinstance(key, tuple) else (key,)
    return not parts or any(k is Ellipsis for k in parts)


def plain(value: Any) -> Any:
    """A result with what has no derivative as plain NumPy."""
    if isinstance(value, Recorded):
        if value._a.dtype.kind not in "fc":
            return value._a[()]
        if not isinstance(value, Array):
            value.__class__ = Array  # functions of tensors that make theirs; the layout is the same
        return value
    if isinstance(value, tuple) and type(value) is tuple:
        return tuple(plain(v) for v in value)
    if isinstance(value, list):
        return [plain(v) for v in value]
    return value


def unwrapped(value: Any) -> Any:
    """The arrays in a value or its nested sequences, without derivative; Python's numbers for numbers."""
    if isinstance(value, Recorded):
        return value._a.item() if value._weak else value._a
    if isinstance(value, (tuple, list)):
        return type(value)(unwrapped(v) for v in value) if type(value) in (tuple, list) else value
    return value


def unwrapped_arguments(kwargs: dict[str, Any]) -> dict[str, Any]:
    """Keyword arguments with plain arrays."""
    return {name: unwrapped(value) for name, value in kwargs.items()}
