"""What a program sees of NumPy, `math` and Python's builtins while it runs on the tape.

Most of NumPy works on Arrays by itself. What does not: functions that make arrays (a plain array could not
hold Arrays), functions of lists of Arrays, and `math` and `float`, which would give plain numbers.
"""

from __future__ import annotations

import math
import statistics
import types
from collections.abc import Callable
from typing import Any

import numpy as np
import scipy.special

from ...compiler.errors import UnsupportedError
from ..tape.node import Recorded, wrap
from ..tape.record import edge, in_face
from . import routines
from .array import ARRAY, Array, is_array
from .number import NUMBERS, Number


def as_array(value: Any) -> Any:
    """A NumPy float array as an Array; anything else as it is."""
    if isinstance(value, np.ndarray) and value.dtype.kind in "fc":
        made = wrap(Array, value)
        if value.ndim == 0:
            made._extras().name = ARRAY
        return made
    return value


def number(value: Any) -> Any:
    """A value without axes as a Python number: an Array as a Number with the same history."""
    if not isinstance(value, Recorded) or type(value) is Number:
        return value
    plain: Any = value
    out = wrap(Number, value._a.reshape(()))
    out._fn = edge(np.reshape(plain, ()) if value._a.ndim else plain)
    out._r = out._fn is not None
    return out


def has_array(value: Any) -> bool:
    """Whether a list or tuple has Arrays in it, at any depth."""
    return isinstance(value, (list, tuple)) and any(isinstance(v, Recorded) or has_array(v) for v in value)


def stacked(value: Any, dtype: Any = None) -> Any:
    """Nested lists with Arrays in them as one Array."""
    if isinstance(value, (list, tuple)) and has_array(value):
        parts = [stacked(v) for v in value]
        arrays: Any = [p if isinstance(p, Recorded) else wrap(Array, np.asarray(p, float)) for p in parts]
        return np.stack(arrays)
    return value


def _array(object: Any, dtype: Any = None, copy: Any = True, ndmin: int = 0, **kwargs: Any) -> Any:
    made = _made(object, dtype, copy, **kwargs)
    if isinstance(made, Recorded) and made._a.ndim == 0 and made is not object:
        made = in_face(made, Array)
        made._extras().name = ARRAY
    missing = ndmin - np.ndim(made)
    return made if missing <= 0 else np.reshape(made, (1,) * missing + np.shape(made))


def _made(object: Any, dtype: Any, copy: Any, **kwargs: Any) -> Any:
    if isinstance(object, Recorded):
        if copy is not True and copy is not np._CopyMode.ALWAYS and dtype in (None, object._a.dtype):
            return object
        return object.astype(dtype or object._a.dtype)  # type: ignore[attr-defined]
    if has_array(object):
        made = stacked(object)
        return made if dtype is None else made.astype(dtype)
    return as_array(np.array(object, dtype=dtype, copy=copy, **kwargs))


def _asarray(a: Any, dtype: Any = None, **kwargs: Any) -> Any:
    if (
        isinstance(a, Recorded)
        and not kwargs.get("copy")
        and (dtype is None or np.dtype(dtype) == a._a.dtype)
    ):
        return a
    return _array(a, dtype)


def _fromiter(iter: Any, dtype: Any, count: int = -1, **kwargs: Any) -> Any:
    return _array([v for _, v in zip(range(count), iter, strict=False)] if count >= 0 else list(iter), dtype)


def _ascontiguousarray(a: Any, dtype: Any = None, **kwargs: Any) -> Any:
    made: Any = _asarray(a, dtype)
    return made.copy() if isinstance(made, Array) and not made._a.flags.c_contiguous else made


def _number(kind: type[Any]) -> Any:
    """`np.float64` and its kin, which leave an Array an Array."""

    class Number(type(kind)):  # type: ignore[misc]
        def __instancecheck__(cls, value: Any) -> bool:
            if isinstance(value, Array):
                return (
                    value._a.ndim == 0
                    and (kind is float or type(value) is Array)
                    and (value._a.dtype == np.dtype(kind))
                )
            return isinstance(value, kind)

        def __subclasscheck__(cls, other: type) -> bool:
            return issubclass(other, kind)

        def __eq__(cls, other: object) -> bool:
            return other is kind or other is cls

        def __hash__(cls) -> int:
            return hash(kind)

        def __call__(cls, value: Any = 0.0, *args: Any) -> Any:
            if isinstance(value, Array) and value._a.size == 1:
                return number(value) if kind is float else np.reshape(value, ()).astype(np.dtype(kind))
            return kind(value, *args)

    made: Any = types.new_class(kind.__name__, (kind,), {"metaclass": Number})
    if kind is not float:
        made.dtype = np.dtype(kind)
    return made


def _of_lists(function: Callable[..., Any]) -> Callable[..., Any]:
    """A function of NumPy whose lists of Arrays become Arrays first."""

    def call(*args: Any, **kwargs: Any) -> Any:
        if args and has_array(args[0]):
            args = (stacked(args[0]), *args[1:])
        if len(args) > 1 and has_array(args[1]):
            args = (args[0], stacked(args[1]), *args[2:])
        return function(*args, **kwargs)

    return call


def _maker(function: Callable[..., Any]) -> Callable[..., Any]:
    """A function of NumPy that makes an array, which Arrays can be written to."""

    def make(*args: Any, **kwargs: Any) -> Any:
        return as_array(function(*args, **kwargs))

    return make


def _full(shape: Any, fill_value: Any, dtype: Any = None, **kwargs: Any) -> Any:
    if isinstance(fill_value, Recorded):
        made = as_array(np.empty(shape, dtype or fill_value._a.dtype))
        made[...] = fill_value
        return made
    return as_array(np.full(shape, fill_value, dtype=dtype, **kwargs))


_SEQUENCES = {
    "concatenate",
    "stack",
    "vstack",
    "hstack",
    "dstack",
    "column_stack",
    "block",
    "einsum",
    "shape",
    "ndim",
}
_MAKERS = ("zeros", "ones", "empty", "eye", "identity", "linspace", "logspace", "arange", "tri", "copy")


class Numpy(types.ModuleType):
    """NumPy, for a program on the tape."""

    def __getattr__(self, name: str) -> Any:
        value = getattr(np, name)
        if isinstance(value, types.ModuleType):
            from .library import module

            value = module(value)
        if isinstance(value, (type, np.ufunc, types.ModuleType)) or not callable(value) or name in _SEQUENCES:
            found = value
        else:
            found = _of_lists(value)
        setattr(self, name, found)
        return found


def _numpy() -> Numpy:
    made = Numpy("numpy")
    for name in _MAKERS:
        setattr(made, name, _maker(getattr(np, name)))
    made.__dict__.update(
        array=_array, asarray=_asarray, ascontiguousarray=_ascontiguousarray, asfarray=_asarray, full=_full,
        zeros_like=_like(np.zeros_like), ones_like=_like(np.ones_like), empty_like=_like(np.empty_like),
        full_like=lambda a, v, dtype=None, **k: _full(np.shape(a), v, dtype or a.dtype),
        isscalar=_isscalar, vectorize=_vectorize, fill_diagonal=_writer(np.fill_diagonal, _fill_diagonal),
        copyto=_writer(np.copyto, _copyto), put=_writer(np.put, _put),
        putmask=_writer(np.putmask, _putmask), place=_writer(np.place, _place),
        put_along_axis=_writer(np.put_along_axis, _put_along_axis),
        float64=_number(np.float64), float32=_number(np.float32),
    )  # fmt: skip
    made.__dict__.update(
        routines.MEMBERS, asanyarray=_asarray, asfortranarray=_ascontiguousarray, fromiter=_fromiter,
        asarray_chkfinite=_asarray,
    )  # fmt: skip
    made.double, made.single = made.float64, made.float32  # type: ignore[attr-defined]
    made.copy = lambda a, **k: a.copy() if isinstance(a, Recorded) else as_array(np.copy(a, **k))  # type: ignore[attr-defined]
    return made


def _fill_diagonal(a: Any, val: Any, wrap: bool = False) -> None:
    if np.ndim(a) != 2 or wrap:
        raise UnsupportedError("np.fill_diagonal of an array that has not two axes, or with wrap=True")
    count = min(np.shape(a))
    values = stacked(val)
    many = np.ndim(values) and np.size(values) != count
    a[np.diag_indices(count)] = np.resize(values, count) if many else values


def _copyto(dst: Any, src: Any, casting: Any = "same_kind", where: Any = True) -> None:
    if where is True:
        dst[...] = stacked(src)
    else:
        mask = np.broadcast_to(where, np.shape(dst))
        dst[mask] = np.broadcast_to(stacked(src), np.shape(dst))[mask]


def _put(a: Any, ind: Any, v: Any, mode: str = "raise") -> None:
    places = np.asarray(ind).reshape(-1)
    if mode != "raise":
        places = np.clip(places, 0, np.size(a) - 1) if mode == "clip" else places % np.size(a)
    values = np.reshape(stacked(v), -1)
    if np.size(values) != 1:
        values = values[np.arange(places.size) % np.size(values)]
    a[
        np.unravel_index(places % np.size(a) if mode == "raise" and _inside(places, a) else places, a.shape)
    ] = values


def _inside(places: Any, a: Any) -> bool:
    return bool(np.all((places >= -np.size(a)) & (places < np.size(a))))


def _putmask(a: Any, mask: Any, values: Any) -> None:
    full = np.reshape(stacked(values), -1)
    repeated = full[np.arange(np.size(a)) % np.size(full)]
    chosen = np.broadcast_to(mask, np.shape(a))
    a[chosen] = np.reshape(repeated, np.shape(a))[chosen]


def _place(arr: Any, mask: Any, vals: Any) -> None:
    chosen = np.reshape(np.asarray(mask), np.shape(arr)).astype(bool)
    full = np.reshape(stacked(vals), -1)
    arr[chosen] = full[np.arange(np.count_nonzero(chosen)) % np.size(full)]


def _put_along_axis(arr: Any, indices: Any, values: Any, axis: Any) -> None:
    raise UnsupportedError("np.put_along_axis", hint="write by an index: a[np.arange(n), k] = v")


def _writer(function: Any, write: Any) -> Any:
    """A function of NumPy that writes to its first argument."""

    def call(a: Any, *args: Any, **kwargs: Any) -> Any:
        if isinstance(a, Recorded):
            return write(a, *args, **kwargs)
        return function(a, *args, **kwargs)

    return call


def _vectorize(pyfunc: Any = None, otypes: Any = None, *args: Any, **kwargs: Any) -> Any:
    """`np.vectorize`; with options that are more than a dtype NumPy's own, which refuses Arrays."""
    if pyfunc is None or args or any(kwargs.get(name) for name in ("excluded", "signature")):
        own: Any = np.vectorize
        return own(*(() if pyfunc is None else (pyfunc,)), *args, otypes=otypes, **kwargs)
    return vectorized(pyfunc, otypes)


def vectorized(pyfunc: Any, otypes: Any = None) -> Any:
    """A function that calls another one for each element of its arguments."""
    plain_one = np.vectorize(pyfunc, otypes=otypes)

    def call(*args: Any, **named: Any) -> Any:
        names, values = list(named), [stacked(a) for a in (*args, *named.values())]
        if not any(isinstance(a, Recorded) for a in values):
            return plain_one(*args, **named)
        shape = np.broadcast_shapes(*[np.shape(a) for a in values])
        flat = [np.reshape(np.broadcast_to(a, shape), -1) for a in values]
        found = []
        for k in range(math.prod(shape)):
            each = [f[k] for f in flat]
            found.append(pyfunc(*each[: len(args)], **dict(zip(names, each[len(args) :], strict=True))))
        if found and isinstance(found[0], tuple):
            return tuple([np.reshape(_array(list(part)), shape) for part in zip(*found, strict=True)])
        return np.reshape(_array(found), shape)

    return call


def _isscalar(element: Any) -> bool:
    if isinstance(element, Array):
        return element._a.ndim == 0 and not is_array(element)
    return np.isscalar(element)


def _like(function: Any) -> Any:
    def make(a: Any, dtype: Any = None, **kwargs: Any) -> Any:
        return as_array(function(a._a if isinstance(a, Recorded) else a, dtype=dtype, **kwargs))

    return make


# `math` by NumPy's functions, for Arrays only: numbers go to `math` itself, with its errors.
_MATH = {
    "sin": np.sin, "cos": np.cos, "tan": np.tan, "asin": np.arcsin, "acos": np.arccos, "atan": np.arctan,
    "atan2": np.arctan2, "sinh": np.sinh, "cosh": np.cosh, "tanh": np.tanh, "asinh": np.arcsinh,
    "acosh": np.arccosh, "atanh": np.arctanh, "exp": np.exp, "exp2": np.exp2, "expm1": np.expm1,
    "log1p": np.log1p, "log2": np.log2, "log10": np.log10, "sqrt": np.sqrt, "cbrt": np.cbrt, "fabs": np.fabs,
    "fmod": np.fmod, "copysign": np.copysign, "hypot": np.hypot, "pow": np.power, "degrees": np.degrees,
    "radians": np.radians, "isnan": np.isnan, "isinf": np.isinf, "isfinite": np.isfinite,
}  # fmt: skip


def _math_function(name: str) -> Callable[..., Any]:
    original = getattr(math, name)
    ufunc = _MATH.get(name)

    def call(*args: Any, **kwargs: Any) -> Any:
        if not any(isinstance(a, Recorded) or has_array(a) for a in args):
            return original(*args, **kwargs)
        if all(not has_array(a) and (not isinstance(a, Recorded) or a._a.size == 1) for a in args):
            original(
                *[a._a.item() if isinstance(a, Recorded) else a for a in args]
            )  # its errors are the program's
            args = tuple([number(a) for a in args])
        if name in ("isclose", "gcd", "isqrt"):
            return original(*map(_value, args), **{k: _value(v) for k, v in kwargs.items()})
        if name == "ldexp":
            return args[0] * 2.0 ** args[1]
        if name == "modf":
            whole = float(original(args[0]._a.item())[1])
            return args[0] - whole, whole
        if ufunc is not None and len(args) == ufunc.nin:
            return NUMBERS[ufunc](*args) if ufunc in NUMBERS else ufunc(*args)
        if name == "log":
            return NUMBERS[np.log](args[0]) if len(args) == 1 else call(args[0]) / call(args[1])
        if name in ("erf", "erfc", "gamma", "lgamma"):
            return NUMBERS[getattr(scipy.special, {"lgamma": "gammaln"}.get(name, name))](*args)
        if name in ("fsum", "prod"):
            return (np.sum if name == "fsum" else np.prod)(stacked(list(args[0])))
        if name == "dist":
            return np.sqrt(np.sum(np.square(np.subtract(stacked(args[0]), stacked(args[1])))))
        if name == "hypot":
            return np.sqrt(np.sum(np.square(stacked(list(args)))))
        return original(*args, **kwargs)  # floor, ceil, isclose …: what has no derivative, or refuses

    call.__name__ = name
    return call


def _value(value: Any) -> Any:
    return value._a.item() if isinstance(value, Recorded) else value


class Math(types.ModuleType):
    """`math`, for a program on the tape."""

    def __getattr__(self, name: str) -> Any:
        value = getattr(math, name)
        found = _math_function(name) if callable(value) else value
        setattr(self, name, found)
        return found


NUMPY = _numpy()
MATH = Math("math")
FLOAT = _number(float)


def _statistic(own: Any, function: Callable[[Any], Any]) -> Any:
    """A function of `statistics`, for Arrays by NumPy's."""

    def of(data: Any, *args: Any, **kwargs: Any) -> Any:
        values = data if isinstance(data, Recorded) else list(data)
        if args or kwargs or not (isinstance(values, Recorded) or has_array(values)):
            return own(values, *args, **kwargs)
        return function(stacked(values))

    return of


_STATISTICS: dict[str, Callable[[Any], Any]] = {
    "mean": np.mean, "fmean": np.mean, "pvariance": np.var, "pstdev": np.std,
    "variance": lambda values: np.var(values, ddof=1), "stdev": lambda values: np.std(values, ddof=1),
}  # fmt: skip
STATISTICS = types.ModuleType("statistics")
STATISTICS.__dict__.update(vars(statistics))
for _name, _function in _STATISTICS.items():
    setattr(STATISTICS, _name, _statistic(getattr(statistics, _name), _function))


def COMPLEX(real: Any = 0.0, imag: Any = 0.0) -> Any:
    """`complex`, of Arrays too."""
    if isinstance(real, Recorded) or isinstance(imag, Recorded):
        return number(real) + number(imag) * 1j
    return complex(real, imag) if not isinstance(real, str) else complex(real)


# What stands for an object that a program refers to by name.
REPLACED: dict[int, Any] = {
    id(statistics): STATISTICS,
    **{id(getattr(statistics, name)): getattr(STATISTICS, name) for name in _STATISTICS},
    id(np): NUMPY,
    id(math): MATH,
    id(routines.CONVERTER): routines.Converter,
}
for _name in (*_MAKERS, "array", "asarray", "full", "zeros_like", "ones_like", "empty_like", "full_like",
              "isscalar", "vectorize", "fill_diagonal", "copyto", "put", "putmask", "place",
              "put_along_axis", "float64", "float32", "asanyarray", "ascontiguousarray", "asfortranarray",
              "fromiter", "asarray_chkfinite", "r_", "c_", "ndenumerate"):  # fmt: skip
    REPLACED[id(getattr(np, _name))] = getattr(NUMPY, _name)
for _name in dir(math):
    if callable(getattr(math, _name)) and not _name.startswith("_"):
        REPLACED[id(getattr(math, _name))] = getattr(MATH, _name)
