"""Values that a function takes from outside: constants become guards, floats and arrays hidden parameters."""

from __future__ import annotations

import builtins
import copy
import inspect
import types
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from ..arrays.core import from_reference
from ..arrays.value import AbstractValue, Known, Num, Tup
from ..ir.nodes import Value
from ..ir.types import Array, Scalar
from .values import ArraySpec, Capture, KnownAt, Path, ScalarSpec, Scope

if TYPE_CHECKING:
    from .lowerer import Lowerer

CONSTANT = (bool, int, str, bytes, type(None), type(Ellipsis), complex, slice, np.dtype)
LIBRARY_MODULES = ("numpy", "math", "cmath", "builtins", "operator", "functools", "numba")


@dataclass
class Captures:
    """What has been captured so far, by path."""

    found: dict[Path, Capture] = field(default_factory=dict)
    guards: dict[Path, object] = field(default_factory=dict)


def global_value(lw: Lowerer, scope: Scope, name: str) -> AbstractValue | None:
    """What a name means in the closure, globals or builtins of a scope's function; None for nothing."""
    fn, path = scope.python, scope.path
    if fn is None:
        return None
    if name in fn.__code__.co_freevars:
        cell = (fn.__closure__ or ())[fn.__code__.co_freevars.index(name)]
        try:
            return outside(lw, cell.cell_contents, None if path is None else (*path, ("closure", name)), name)
        except ValueError:
            lw.fail(
                "NameError", f"cannot access free variable '{name}' where it is not associated with a value"
            )
    if name in fn.__globals__:
        return outside(lw, fn.__globals__[name], None if path is None else (*path, ("global", name)), name)
    if hasattr(builtins, name):
        return Known(getattr(builtins, name))
    return None


def outside(lw: Lowerer, obj: Any, path: Path | None, name: str) -> AbstractValue:
    """A value found at a path; without a path it is a constant."""
    if path is None:
        return Known(obj)
    if isinstance(obj, np.ndarray):
        return _array(lw, obj, path, name)
    if isinstance(obj, float | np.floating | np.integer | np.bool_ | np.complexfloating):
        return run_time(
            lw, path, ScalarSpec(np.asarray(obj).dtype.name, not isinstance(obj, np.generic)), name
        )
    if isinstance(obj, list | dict):
        lw.session.captures.guards.setdefault(path, copy.deepcopy(obj))
        return KnownAt(obj, path)
    if isinstance(obj, tuple) and not _plain(obj):
        items = tuple(outside(lw, v, (*path, ("item", k)), f"{name}_{k}") for k, v in enumerate(obj))
        return Tup(items, type(obj))
    lw.session.captures.guards.setdefault(path, obj)
    return KnownAt(obj, path)


def attribute(lw: Lowerer, owner: Known, name: str) -> AbstractValue:
    """`owner.name` of a constant object."""
    obj = owner.obj
    if not hasattr(obj, name):
        lw.mismatch(f"{type(obj).__name__!r} object has no attribute {name!r}")
    value = getattr(obj, name)
    if isinstance(obj, types.ModuleType) and obj.__name__.split(".")[0] in LIBRARY_MODULES:
        return Known(value)
    path = owner.path if isinstance(owner, KnownAt) else None
    return outside(lw, value, None if path is None else (*path, ("attr", name)), name)


def fetch(fn: types.FunctionType, path: Path, params: dict[str, Any]) -> Any:
    """The value that a path leads to now; `params` are the arguments of the call by name."""
    value: Any = fn
    for kind, name in path:
        if kind == "global":
            value = value.__globals__[name]
        elif kind == "closure":
            value = value.__closure__[value.__code__.co_freevars.index(name)].cell_contents
        elif kind == "default":
            value = inspect.signature(value).parameters[str(name)].default
        elif kind == "param":
            value = params[str(name)]
        elif kind == "item":
            value = value[name]
        else:
            value = getattr(value, str(name))
    return value


def _plain(obj: object) -> bool:
    if isinstance(obj, tuple):
        return all(_plain(v) for v in obj)
    return isinstance(obj, (*CONSTANT, float, types.FunctionType, types.BuiltinFunctionType, type, np.ufunc))


def _array(lw: Lowerer, obj: np.ndarray, path: Path, name: str) -> AbstractValue:
    if obj.dtype.kind not in "fiubc" or obj.dtype.name in ("float16", "longdouble", "clongdouble"):
        lw.refuse(
            f"the global array '{name}' has dtype {obj.dtype}", "convert it to float64 or an integer dtype"
        )
    if obj.dtype.byteorder not in "=|":
        lw.refuse(f"the global array '{name}' is not in native byte order")
    ones = tuple(n == 1 for n in obj.shape)
    return run_time(
        lw, path, ArraySpec(obj.dtype.name, obj.ndim, ones, "C" if obj.flags.c_contiguous else "A"), name
    )


def run_time(lw: Lowerer, path: Path, spec: ScalarSpec | ArraySpec, name: str) -> AbstractValue:
    """A hidden parameter, one per path in each IR function."""
    lw.session.captures.found.setdefault(path, Capture(path, spec))
    if path not in lw.captured:
        lw.captured[path] = parameter(lw, spec, name)
    return lw.captured[path]


def parameter(lw: Lowerer, spec: ScalarSpec | ArraySpec, name: str) -> AbstractValue:
    """A new parameter of the IR function."""
    if isinstance(spec, ScalarSpec):
        return Num(lw.b.param(Value(Scalar(spec.dtype), name)), spec.weak)
    ref = lw.b.param(Value(Array(spec.dtype, spec.rank), name))
    ones = spec.ones or (False,) * spec.rank
    shape = []
    for axis in range(spec.rank):
        shape.append(lw.b.one_at_top() if ones[axis] else lw.b.dim(ref, axis))
    return from_reference(lw.ctx, ref, shape, object(), spec.layout == "C")
