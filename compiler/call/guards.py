"""Values outside of a function that its compiled form depends on: how to fetch them, and whether they
changed.

A path leads from the compiled function, and from the values of its parameters, to a value: see
`frontend.values.Path`.
"""

from __future__ import annotations

import types
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..errors import ArgumentError
from ..specs import ArraySpec, ScalarSpec

Path = tuple[tuple[str, Any], ...]
Fetch = Callable[[Sequence[Any]], Any]


WEAK: dict[str, type] = {"float64": float, "int64": int, "bool": bool, "complex128": complex}


class Gone:
    """What fetching gives where there is no value any more."""


GONE = Gone()


def fetcher(path: Path, fn: types.FunctionType, params: Sequence[str]) -> Fetch:
    """A function of the parameters' values that gives the value at a path, or GONE."""
    (kind, name), rest = path[0], path[1:]
    if kind == "param":
        position = list(params).index(name)
        return lambda values: _follow(values[position], rest)
    if kind == "global" and not rest:
        variables = fn.__globals__
        return lambda values: variables.get(name, GONE)
    if kind == "closure" and not rest:
        cell = cell_of(fn, name)
        return lambda values: _contents(cell)
    return lambda values: _follow(fn, path)


def _follow(obj: Any, path: Path) -> Any:
    for kind, name in path:
        obj = _step(obj, kind, name)
        if obj is GONE:
            return GONE
    return obj


def _step(obj: Any, kind: str, name: Any) -> Any:
    if kind == "attr":
        return getattr(obj, name, GONE)
    if kind == "item":
        try:
            return obj[name]
        except (KeyError, IndexError, TypeError):
            return GONE
    fn = plain_function(obj)
    if fn is None:
        return GONE
    if kind == "global":
        return fn.__globals__.get(name, GONE)
    if kind == "closure":
        return _contents(cell_of(fn, name))
    if kind == "default":
        return _default(fn, name)
    raise ArgumentError(f"unknown step {kind!r} in a path")


def plain_function(obj: Any) -> types.FunctionType | None:
    """The Python function behind a function, a method, or a Numba dispatcher."""
    for _ in range(8):
        if isinstance(obj, types.FunctionType):
            return obj
        obj = getattr(obj, "__func__", None) or getattr(obj, "py_func", None) or getattr(obj, "fn", None)
    return None


def cell_of(fn: types.FunctionType, name: str) -> types.CellType | None:
    """The cell of a closure's variable."""
    names = fn.__code__.co_freevars
    return (fn.__closure__ or ())[names.index(name)] if name in names else None


def _contents(cell: types.CellType | None) -> Any:
    try:
        return GONE if cell is None else cell.cell_contents
    except ValueError:
        return GONE


def _default(fn: types.FunctionType, name: str) -> Any:
    if fn.__kwdefaults__ and name in fn.__kwdefaults__:
        return fn.__kwdefaults__[name]
    code, defaults = fn.__code__, fn.__defaults__ or ()
    with_default = code.co_varnames[: code.co_argcount][code.co_argcount - len(defaults) :]
    return defaults[with_default.index(name)] if name in with_default else GONE


def unchanged(then: Any, now: Any) -> bool:
    """Whether a value means the same to the compiler as the one read at compile time."""
    if then is now:
        return True
    if type(then) is not type(now):
        return False
    if isinstance(then, types.FunctionType):
        return same_function(then, now)
    if isinstance(then, types.MethodType):
        return then.__self__ is now.__self__ and same_function(then.__func__, now.__func__)
    if isinstance(then, tuple | list):
        return len(then) == len(now) and all(map(unchanged, then, now))
    if isinstance(then, dict):
        return list(then) == list(now) and all(unchanged(then[k], now[k]) for k in then)
    if isinstance(then, np.ndarray):
        return then.dtype == now.dtype and np.array_equal(then, now, equal_nan=then.dtype.kind in "fc")
    if isinstance(then, float | complex | np.floating):
        return repr(then) == repr(now)  # tells 0.0 from -0.0, and nan is itself
    if isinstance(then, int | str | bytes | np.generic | np.dtype | slice | range):
        return bool(then == now)
    return False


def same_function(a: Any, b: Any) -> bool:
    """Whether two function objects run the same code on the same globals; what they close over is
    guarded by its own path.
    """
    if not isinstance(a, types.FunctionType) or not isinstance(b, types.FunctionType):
        return a is b
    return (
        a.__code__ is b.__code__
        and a.__globals__ is b.__globals__
        and unchanged(a.__defaults__, b.__defaults__)
        and unchanged(a.__kwdefaults__, b.__kwdefaults__)
    )


def fits(value: Any, spec: ScalarSpec | ArraySpec) -> bool:
    """Whether a captured value still has the type that the code was compiled for."""
    if isinstance(spec, ArraySpec):
        return (
            isinstance(value, np.ndarray)
            and value.dtype.name == spec.dtype
            and value.ndim == spec.rank
            and (spec.layout != "C" or value.flags.c_contiguous)
            and tuple(n == 1 for n in value.shape) == (spec.ones or (False,) * spec.rank)
        )
    if spec.weak:
        return type(value) is WEAK.get(spec.dtype)
    return isinstance(value, np.generic) and value.dtype.name == spec.dtype
