"""`Array`: what a user's NumPy code computes with when it runs on the tape.

An Array is a Tensor with NumPy's manners: NumPy's promotion of dtypes, attributes and methods by NumPy's
names and arguments. Only floats and complex numbers are Arrays; what has no derivative (comparisons, indices,
integers) is plain NumPy, so conditions and indices of a program work as they are.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import scipy.special

from ...compiler.errors import UnsupportedError
from ...compiler.prims.registry import PRIMS
from ..ops.pointwise import binary, prim_node, quiet, unary
from ..tape.node import Recorded, wrap
from ..tape.record import edge
from ..tape.views import write
from ..tensor import namespace as _installed  # noqa: F401 (puts the methods on Tensor)
from ..tensor import protocols
from ..tensor.pointwise.casting import cast
from ..tensor.table import FUNCTIONS, METHODS
from ..tensor.tensor import Tensor
from .folds import ufunc_method
from .special import RULES, special

_HINT = (
    "use NumPy's functions on it (np.sin, not math.sin), keep it as it is, or pb.stop_gradient it where no "
    "derivative is wanted"
)


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

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **kwargs: Any) -> Any:
        return on_ufunc(ufunc, method, inputs, kwargs)

    def __array_function__(self, function: Any, types: Any, args: Any, kwargs: Any) -> Any:
        return on_function(function, args, kwargs)


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


# ---- NumPy's ufuncs on Arrays: the same closures as for Tensors, with NumPy's promotion
_NODES: dict[Any, tuple[str, str]] = {
    np.add: ("add", "AddBackward0"), np.subtract: ("sub", "SubBackward0"),
    np.multiply: ("mul", "MulBackward0"),
    np.divide: ("div", "DivBackward0"), np.power: ("pow", "PowBackward1"),
    np.maximum: ("maximum", "MaximumBackward0"),
    np.minimum: ("minimum", "MinimumBackward0"), np.fmax: ("fmax", "FmaxBackward0"),
    np.fmin: ("fmin", "FminBackward0"), np.arctan2: ("arctan2", "Atan2Backward0"),
    np.hypot: ("hypot", "HypotBackward0"), np.logaddexp: ("logaddexp", "LogaddexpBackward0"),
    np.logaddexp2: ("logaddexp2", "Logaddexp2Backward0"), np.copysign: ("copysign", "CopysignBackward0"),
    np.remainder: ("mod", "RemainderBackward0"), np.fmod: ("fmod", "FmodBackward0"),
    np.floor_divide: ("floordiv", "FloorDivideBackward0"),
}  # fmt: skip
_UNARY: dict[Any, str] = {
    np.negative: "neg", np.exp: "exp", np.exp2: "exp2", np.expm1: "expm1", np.log: "log", np.log2: "log2",
    np.log10: "log10", np.log1p: "log1p", np.sqrt: "sqrt", np.cbrt: "cbrt", np.reciprocal: "reciprocal",
    np.square: "square", np.sin: "sin", np.cos: "cos", np.tan: "tan", np.arcsin: "arcsin",
    np.arccos: "arccos",
    np.arctan: "arctan", np.sinh: "sinh", np.cosh: "cosh", np.tanh: "tanh", np.arcsinh: "arcsinh",
    np.arccosh: "arccosh", np.arctanh: "arctanh", np.sign: "sign", np.floor: "floor", np.ceil: "ceil",
    np.trunc: "trunc", np.rint: "rint", np.absolute: "abs", np.fabs: "abs", np.positive: "pos",
}  # fmt: skip
# Without a derivative: computed by NumPy on the arrays.
PLAIN: set[Any] = {
    np.equal, np.not_equal, np.less, np.less_equal, np.greater, np.greater_equal, np.logical_and,
    np.logical_or, np.logical_xor, np.logical_not, np.isnan, np.isinf, np.isfinite, np.signbit, np.spacing,
    np.heaviside, np.nextafter,
}  # fmt: skip


_PLAIN_FUNCTIONS: set[Any] = {
    np.isclose, np.allclose, np.array_equal, np.array_equiv, np.argmax, np.argmin, np.argsort, np.argwhere,
    np.nonzero, np.flatnonzero, np.count_nonzero, np.searchsorted, np.digitize, np.any, np.all, np.lexsort,
    np.nanargmax, np.nanargmin, np.array_repr, np.array_str, np.array2string, np.shares_memory,
    np.result_type, np.can_cast, np.isin, np.isreal, np.iscomplex, np.isneginf, np.isposinf,
    np.histogram_bin_edges, np.may_share_memory, np.iscomplexobj, np.isrealobj, np.shape, np.ndim, np.size,
}  # fmt: skip


def table(face: type) -> dict[Any, Callable[..., Any]]:
    """NumPy's ufuncs on values of a class, as functions that give values of it."""
    found: dict[Any, Callable[..., Any]] = {}
    for ufunc, (prim, node) in _NODES.items():
        found[ufunc] = binary(face, prim, prim_node(node, prim, like_torch=False), ufunc)
    for function, prim in _UNARY.items():
        name = f"{prim.capitalize()}Backward0"
        found[function] = unary(face, prim, prim_node(name, prim, like_torch=False), PRIMS[prim].ref, False)
    for function, prim in (
        (scipy.special.erf, "erf"), (scipy.special.erfc, "erfc"), (scipy.special.gammaln, "lgamma"),
        (scipy.special.digamma, "digamma"), (scipy.special.psi, "digamma"), (scipy.special.gamma, "gamma"),
    ):  # fmt: skip
        name = f"{prim.capitalize()}Backward0"
        found[function] = unary(face, prim, prim_node(name, prim, like_torch=False), quiet(function), False)
    return found


QUICK = table(Array)


def on_ufunc(ufunc: Any, method: str, inputs: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """A ufunc with Arrays among its arguments."""
    if ufunc is np.matmul:
        inputs = _alike(inputs)
    if method == "__call__" and kwargs and _OPTIONS.intersection(kwargs):
        return _with_options(ufunc, inputs, kwargs)
    if method == "__call__":
        if ufunc in PLAIN:
            return getattr(ufunc, method)(*unwrapped(inputs), **unwrapped_arguments(kwargs))
        quick = QUICK.get(ufunc)
        if quick is not None and not kwargs:
            return quick(*inputs)
        if quick is not None and set(kwargs) == {"out"}:
            (out,) = kwargs["out"]
            if isinstance(out, Recorded):
                return write(out, lambda _, *operands: quick(*operands), *inputs)
    if method == "__call__" and ufunc in RULES and not kwargs:
        return plain(special(ufunc, *inputs))
    found = ufunc_method(ufunc, method, inputs, kwargs)
    if found is NotImplemented:
        found = protocols.on_ufunc(ufunc, method, inputs, kwargs)
    if found is not NotImplemented:
        return None if method == "at" else plain(found)
    from . import library

    return library.call(ufunc if method == "__call__" else getattr(ufunc, method), inputs, kwargs)


_PRODUCTS = {np.dot, np.inner, np.vdot, np.tensordot, np.linalg.solve}


def _alike(operands: tuple[Any, ...]) -> tuple[Any, ...]:
    """Operands of a product in the dtype that NumPy computes it in."""
    arrays: list[Any] = [v if isinstance(v, (Recorded, np.ndarray)) else np.asarray(v) for v in operands]
    kinds = [(v._a if isinstance(v, Recorded) else v).dtype for v in arrays]
    if len(set(kinds)) == 1:
        return operands
    common = np.result_type(*kinds)
    return tuple([v if k == common else v.astype(common) for v, k in zip(arrays, kinds, strict=True)])


_OPTIONS = {"dtype", "casting", "subok", "order", "where"}


def _with_options(ufunc: Any, inputs: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """A ufunc with options: those that tell how it is computed are done without."""
    dtype, where, out = kwargs.get("dtype"), kwargs.get("where", True), (kwargs.get("out") or (None,))[0]
    found = ufunc(*inputs)
    if dtype is not None and isinstance(found, Array):
        found = found.astype(dtype, copy=False)
    if where is not True:
        found = np.where(where, found, np.zeros_like(found) if out is None else out)
    if out is None:
        return found
    out[...] = found
    return out


def on_function(function: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """A function of NumPy with Arrays among its arguments."""
    if function in _PLAIN_FUNCTIONS:
        return function(*unwrapped(args), **unwrapped_arguments(kwargs))
    handler = protocols.HANDLED.get(function)
    if function in _PRODUCTS:
        args = (*_alike(args[:2]), *args[2:])
    if handler is not None:
        try:
            return plain(handler(*args, **kwargs))
        except TypeError as error:
            if "unexpected keyword" not in str(error):
                raise
    from . import library

    return library.call(function, args, kwargs)


def unwrapped_arguments(kwargs: dict[str, Any]) -> dict[str, Any]:
    """Keyword arguments with plain arrays."""
    return {name: unwrapped(value) for name, value in kwargs.items()}


def _dunder(ufunc: Any, swapped: bool = False) -> Any:
    if ufunc in PLAIN:

        def compare(x: Any, z: Any) -> Any:
            return ufunc(x._a, z._a if isinstance(z, Recorded) else z)

        return compare
    quick = QUICK[ufunc]
    if swapped:
        return lambda x, z: quick(z, x)
    return quick


def _in_place(ufunc: Any) -> Any:
    quick = QUICK[ufunc]

    def update(x: Any, z: Any) -> Any:
        # What NumPy computes without axes is a number, and `s += x` gives another number.
        if x._a.ndim == 0 and not is_array(x):
            return quick(x, z)
        return write(x, quick, z)

    return update


for _name, _ufunc in {
    "add": np.add, "sub": np.subtract, "mul": np.multiply, "truediv": np.divide, "pow": np.power,
    "floordiv": np.floor_divide, "mod": np.remainder,
}.items():  # fmt: skip
    setattr(Array, f"__{_name}__", _dunder(_ufunc))
    setattr(Array, f"__r{_name}__", _dunder(_ufunc, swapped=True))
    setattr(Array, f"__i{_name}__", _in_place(_ufunc))
for _name, _ufunc in {
    "eq": np.equal, "ne": np.not_equal, "lt": np.less, "le": np.less_equal, "gt": np.greater,
    "ge": np.greater_equal,
}.items():  # fmt: skip
    setattr(Array, f"__{_name}__", _dunder(_ufunc))
for _name, _operator in {
    "hash": Array.__hash__,
    "neg": QUICK[np.negative],
    "pos": QUICK[np.positive],
    "abs": QUICK[np.absolute],
    "matmul": lambda x, z: np.matmul(x, z),
    "rmatmul": lambda x, z: np.matmul(z, x),
}.items():
    setattr(Array, f"__{_name}__", _operator)
