"""Operators and NumPy's functions on Arrays: the same closures as for Tensors, with NumPy's promotion."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

import numpy as np
import scipy.special

from ...compiler.prims.registry import PRIMS
from ..ops.pointwise import binary, prim_node, quiet, unary
from ..tape.node import Recorded
from ..tape.views import write
from ..tensor import protocols
from .array import Array, is_array, plain, unwrapped, unwrapped_arguments
from .folds import ufunc_method
from .special import RULES, special

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
    if (kwargs or method == "at") and _writes_outside(method, inputs, kwargs):
        return getattr(ufunc, method)(*unwrapped(inputs), **unwrapped_arguments(kwargs))
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


def _writes_outside(method: str, inputs: tuple[Any, ...], kwargs: dict[str, Any]) -> bool:
    """Whether it writes to a NumPy array, which cannot hold Arrays: then none may want a derivative."""
    outs = inputs[:1] if method == "at" else kwargs.get("out", ())
    if not any(isinstance(out, np.ndarray) for out in outs):
        return False
    for value in inputs:
        if isinstance(value, Array):
            value._refuse("a NumPy array")
    return True


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


_COMPARED = {
    np.equal: operator.eq, np.not_equal: operator.ne, np.less: operator.lt, np.less_equal: operator.le,
    np.greater: operator.gt, np.greater_equal: operator.ge,
}  # fmt: skip


def _dunder(ufunc: Any, swapped: bool = False) -> Any:
    if ufunc in PLAIN:
        python = _COMPARED[ufunc]  # as the ufunc, but other types are unequal

        def compare(x: Any, z: Any) -> Any:
            return python(x._a[()], z._a[()] if isinstance(z, Recorded) else z)

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
for _name, _function in {
    "neg": QUICK[np.negative],
    "pos": QUICK[np.positive],
    "abs": QUICK[np.absolute],
    "matmul": lambda x, z: np.matmul(x, z),
    "rmatmul": lambda x, z: np.matmul(z, x),
}.items():
    setattr(Array, f"__{_name}__", _function)


def _array_ufunc(self: Array, ufunc: Any, method: str, *inputs: Any, **kwargs: Any) -> Any:
    return on_ufunc(ufunc, method, inputs, kwargs)


def _array_function(self: Array, function: Any, types: Any, args: Any, kwargs: Any) -> Any:
    return on_function(function, args, kwargs)


setattr(Array, "__array_ufunc__", _array_ufunc)  # noqa: B010 (mypy refuses to assign to a method)
setattr(Array, "__array_function__", _array_function)  # noqa: B010
