"""Calls: user functions are inlined, library functions lowered by compiler.arrays, builtins by `builtin`."""

from __future__ import annotations

import ast
import dataclasses
import functools
import sys
import types
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..arrays.core import cast_to
from ..arrays.library import FUNCTIONS, METHODS, Entry, find
from ..arrays.value import AbstractValue, Arr, Known, Num, Tup
from ..errors import SourceError
from .branches import block
from .builtin import BUILTINS, MATH_MODULES, checkpointed
from .captures import outside
from .containers import as_items, call_method, to_array
from .custom import call_custom, stop_gradient
from .fence import check_fence
from .joins import is_number
from .lowerer import Frame, Lowerer, PathEnds, expression
from .objects import class_function, construct, replaced
from .operators import static
from .recursion import call_recursive, is_recursive, note_call
from .source import FunctionSource, function_source
from .values import Box, Closure, KnownAt, ListRef, Method, Path, RangeVal, Scope, describe

STATIC_CALLABLES = (np.dtype, np.finfo, np.iinfo, str, slice)


@expression(ast.Call)
def call(lw: Lowerer, node: ast.Call) -> AbstractValue:
    """fn(args)."""
    fn = lw.expr(node.func)
    args: list[AbstractValue] = []
    for arg in node.args:
        if isinstance(arg, ast.Starred):
            items = as_items(lw, lw.expr(arg.value))
            if items is None:
                lw.at(node)
                lw.syntax(
                    "a starred argument whose length is not known when compiling",
                    "index its elements one by one",
                )
            args += items
        else:
            args.append(lw.expr(arg))
    kwargs: dict[str, AbstractValue] = {}
    for keyword in node.keywords:
        value = lw.expr(keyword.value)
        if keyword.arg is not None:
            kwargs[keyword.arg] = value
        elif isinstance(value, Box) and value.kind == "dict":
            for key in as_items(lw, value) or ():
                assert isinstance(key, Known)
                kwargs[str(key.obj)] = lw.get((value.owner, key.obj), str(key.obj))
        else:
            lw.syntax("** of a value that is not a dict with known keys")
    lw.at(node)
    outer, lw.call_path = lw.call_path, (*lw.call_path, node)
    try:
        return call_value(lw, fn, args, kwargs, ast.unparse(node.func))
    finally:
        lw.call_path = outer


def call_value(
    lw: Lowerer, fn: AbstractValue, args: list[AbstractValue], kwargs: dict[str, AbstractValue], shown: str
) -> AbstractValue:
    """Call any value; `shown` is how the program writes it."""
    if isinstance(fn, Closure):
        return inline(lw, fn.source, fn.scope, None, None, fn.defaults, args, kwargs)
    if isinstance(fn, Method):
        return _method(lw, fn, args, kwargs, shown)
    if isinstance(fn, Known):
        return _known(lw, fn, args, kwargs, shown)
    lw.mismatch(f"{describe(fn)} is not callable")


def is_transparent(fn: AbstractValue) -> bool:
    """Decorators that change speed only."""
    module = getattr(fn.obj, "__module__", "") if isinstance(fn, Known) else ""
    return str(module).startswith("numba.")


def _known(
    lw: Lowerer, fn: Known, args: list[AbstractValue], kwargs: dict[str, AbstractValue], shown: str
) -> AbstractValue:
    obj: Any = fn.obj
    path = fn.path if isinstance(fn, KnownAt) else None
    prim = getattr(obj, "__pullback_prim__", None)
    if prim == "stop_gradient":
        return stop_gradient(lw, args[0])
    if prim == "checkpoint":
        return checkpointed(lw, args, kwargs)
    if prim == "custom_vjp":
        return call_custom(lw, obj, path, args, kwargs, shown)
    if obj is dataclasses.replace and len(args) == 1:
        return replaced(lw, args[0], kwargs)
    if _hashable(obj) and obj in BUILTINS:
        return BUILTINS[obj](lw, args, kwargs)
    if _hashable(obj) and (entry := find(obj)) is not None:
        return _library(lw, entry, obj, args, kwargs)
    if isinstance(obj, functools.partial):
        keywords = {k: Known(v) for k, v in obj.keywords.items()}
        inner = outside(lw, obj.func, None if path is None else (*path, ("attr", "func")), shown)
        fixed = [
            outside(lw, v, None if path is None else (*path, ("attr", "args"), ("item", k)), f"{shown}_{k}")
            for k, v in enumerate(obj.args)
        ]
        return call_value(lw, inner, [*fixed, *args], {**keywords, **kwargs}, shown)
    if callable(getattr(obj, "py_func", None)):
        return _known(lw, _at(obj.py_func, path, "py_func"), args, kwargs, shown)
    if isinstance(obj, types.MethodType):
        owner = _at(obj.__self__, path, "__self__")
        return _known(lw, _at(obj.__func__, path, "__func__"), [owner, *args], kwargs, shown)
    if isinstance(obj, type):
        if path is not None:
            lw.session.classes.setdefault(obj, path)
        return _type_call(lw, obj, args, kwargs, shown)
    if isinstance(obj, types.FunctionType) and _is_users(obj):
        wrapped = getattr(obj, "__wrapped__", None)
        if wrapped is not None and getattr(wrapped, "__code__", None) is obj.__code__:
            obj = wrapped
        return _inline_python(lw, obj, path, args, kwargs, shown)
    if (
        isinstance(obj, types.BuiltinFunctionType)
        and obj.__module__ in MATH_MODULES
        and _all_known(args, kwargs)
    ):
        return static(lw, obj, *[a.obj for a in args if isinstance(a, Known)])
    hook = next((vars(c)["__call__"] for c in type(obj).__mro__ if "__call__" in vars(c)), None)
    if (
        isinstance(hook, types.FunctionType)
        and not isinstance(obj, types.FunctionType | np.ufunc)
        and _is_users(hook)
    ):
        return _inline_python(lw, hook, None, [fn, *args], kwargs, shown)
    lw.no_rule(f"{shown} cannot be compiled: there is no lowering for it")


def _at(obj: object, path: Path | None, attr: str) -> Known:
    return Known(obj) if path is None else KnownAt(obj, (*path, ("attr", attr)))


def _hashable(obj: object) -> bool:
    try:
        hash(obj)
    except TypeError:
        return False
    return True


def _all_known(args: Sequence[AbstractValue], kwargs: dict[str, AbstractValue]) -> bool:
    return not kwargs and all(isinstance(a, Known) for a in args)


def _is_users(fn: types.FunctionType) -> bool:
    """A Python function that is not part of the standard library, NumPy or SciPy."""
    top = (fn.__module__ or "").split(".")[0]
    return top == "__main__" or top not in {*sys.stdlib_module_names, "numpy", "scipy", "numba"}


def _type_call(
    lw: Lowerer, cls: type, args: list[AbstractValue], kwargs: dict[str, AbstractValue], shown: str
) -> AbstractValue:
    if issubclass(cls, np.number | np.bool_) and len(args) == 1 and not kwargs:
        value = library_argument(lw, args[0])
        if isinstance(value, Known) and is_number(value):
            return static(lw, cls, value.obj)
        result = cast_to(lw.ctx, value, np.dtype(cls).name)
        return Num(result.value) if isinstance(result, Num) else result
    if cls in STATIC_CALLABLES and _all_known(args, kwargs):
        return static(lw, cls, *[a.obj for a in args if isinstance(a, Known)])
    if cls is str:
        lw.refuse(
            "a string made from run-time values",
            "strings are known when compiling; print and raise format numbers",
        )
    if cls.__module__ == "builtins" or cls.__module__.split(".")[0] in ("numpy", "scipy"):
        lw.no_rule(f"{shown} cannot be compiled: there is no lowering for it")
    return construct(lw, cls, args, kwargs, lw.call_path[-1] if lw.call_path else cls)


# -- libraries
def library_argument(lw: Lowerer, x: AbstractValue) -> AbstractValue:
    """A value as the array library takes it: lists become tuples of known length or arrays."""
    if isinstance(x, Tup):
        return Tup(tuple(library_argument(lw, v) for v in x.items), x.type)
    if isinstance(x, Box) and x.kind == "list":
        return Tup(tuple(library_argument(lw, v) for v in as_items(lw, x) or ()), list)
    if isinstance(x, ListRef):
        return to_array(lw, x)
    if isinstance(x, RangeVal):
        return FUNCTIONS[np.arange](lw.ctx, x.lo, x.hi, x.step)
    if isinstance(x, Known) and isinstance(x.obj, list):
        return Tup(tuple(library_argument(lw, Known(v)) for v in x.obj), list)
    if isinstance(x, Box | Closure | Method):
        lw.mismatch(f"{describe(x)} is not an array or a number")
    return x


def _library(
    lw: Lowerer, entry: Entry, obj: Any, args: list[AbstractValue], kwargs: dict[str, AbstractValue]
) -> AbstractValue:
    known = _all_known(args, kwargs) and all(is_number(a) for a in args)
    in_math = getattr(obj, "__module__", None) in MATH_MODULES
    if known and (in_math or isinstance(obj, np.ufunc)):
        return static(lw, obj, *[a.obj for a in args if isinstance(a, Known)])
    plain = [library_argument(lw, a) for a in args]
    result = entry(lw.ctx, *plain, **{k: library_argument(lw, v) for k, v in kwargs.items()})
    if in_math and isinstance(result, Num):
        return Num(result.value, True)
    return result


def _method(
    lw: Lowerer, fn: Method, args: list[AbstractValue], kwargs: dict[str, AbstractValue], shown: str
) -> AbstractValue:
    owner = fn.owner
    if isinstance(owner, Arr | Num) or (isinstance(owner, Known) and is_number(owner)):
        return _array_method(lw, owner, fn.name, args, kwargs, shown)
    if fn.name == "_replace" and isinstance(owner, Tup):
        return replaced(lw, owner, kwargs)
    cls = owner.cls if isinstance(owner, Box) else owner.type if isinstance(owner, Tup) else None
    if cls not in (None, list, dict, tuple):
        assert cls is not None
        return call_value(lw, class_function(lw, cls, fn.name), [owner, *args], kwargs, shown)
    if kwargs:
        lw.no_rule(f"{shown}() with keyword arguments cannot be compiled")
    assert isinstance(owner, Box | ListRef | Tup | Known)
    return call_method(lw, owner, fn.name, [lw.bound(a) for a in args])


def _array_method(
    lw: Lowerer,
    owner: Arr | Num | Known,
    name: str,
    args: list[AbstractValue],
    kwargs: dict[str, AbstractValue],
    shown: str,
) -> AbstractValue:
    if not isinstance(owner, Arr):
        if name in ("conjugate", "conj"):
            from ..arrays.core import elementwise

            return elementwise(lw.ctx, "conj", owner)
        if name == "item" and not args:
            return Num(lw.num(owner).value, True)
        if name == "is_integer":
            lw.no_rule(f"{shown}() cannot be compiled")
    if name == "item" and isinstance(owner, Arr) and not args and not owner.rank:
        return Num(lw.num(owner).value, True)
    if name not in METHODS:
        lw.no_rule(f"the method .{name}() of {describe(owner)} cannot be compiled")
    plain = [library_argument(lw, a) for a in args]
    return METHODS[name](lw.ctx, owner, *plain, **{k: library_argument(lw, v) for k, v in kwargs.items()})


# -- inlining
def _inline_python(
    lw: Lowerer,
    fn: types.FunctionType,
    path: Path | None,
    args: list[AbstractValue],
    kwargs: dict[str, AbstractValue],
    shown: str,
) -> AbstractValue:
    source = source_of(lw, fn, shown)
    return inline(lw, source, None, fn, path, python_defaults(lw, fn, path), args, kwargs)


def source_of(lw: Lowerer, fn: types.FunctionType, shown: str) -> FunctionSource:
    """The syntax tree of a Python function, checked."""
    source = lw.session.sources.get(fn.__code__)
    if source is None:
        try:
            source = function_source(fn)
        except SourceError as error:
            lw.no_rule(f"{shown} cannot be compiled: {error.message}", error.hint)
        check_fence(source)
        lw.session.sources[fn.__code__] = source
    return source


def python_defaults(lw: Lowerer, fn: types.FunctionType, path: Path | None) -> dict[str, AbstractValue]:
    """Default values of a Python function."""
    code = fn.__code__
    positional = code.co_varnames[: code.co_argcount]
    values = fn.__defaults__ or ()
    pairs: list[tuple[str, object]] = list(
        zip(positional[len(positional) - len(values) :], values, strict=True)
    )
    pairs += list((fn.__kwdefaults__ or {}).items())
    if path is None:
        return {name: Known(value) for name, value in pairs}
    return {name: Lazy(lw, value, (*path, ("default", name)), name) for name, value in pairs}


class Lazy:
    """A default value that is captured only when a call needs it."""

    def __init__(self, lw: Lowerer, obj: object, path: Path, name: str) -> None:
        self.fetch: Callable[[], AbstractValue] = lambda: outside(lw, obj, path, name)


def inline(
    lw: Lowerer,
    source: FunctionSource,
    parent: Scope | None,
    python: types.FunctionType | None,
    path: Path | None,
    defaults: dict[str, AbstractValue],
    args: list[AbstractValue],
    kwargs: dict[str, AbstractValue],
) -> AbstractValue:
    """Lower the body of a function here, with its own variables."""
    bound = bind(lw, source, defaults, args, kwargs)
    if is_recursive(lw, source, parent, bound):
        return call_recursive(lw, source, parent, python, path, bound)
    src = lw.src
    with_note = note_call(lw, source, parent, bound)
    lw.calls.append(with_note)
    try:
        return run_body(lw, source, parent, python, path, bound)
    finally:
        lw.calls.pop()
        lw.src = lw.b.src = src


def run_body(
    lw: Lowerer,
    source: FunctionSource,
    parent: Scope | None,
    python: types.FunctionType | None,
    path: Path | None,
    bound: dict[str, AbstractValue],
) -> AbstractValue:
    """The return value of a body whose arguments are bound."""
    if parent is not None and python is None:
        root: Scope | None = parent
        while root is not None and root.python is None:
            root = root.parent
        python, path = (root.python, root.path) if root is not None else (None, None)
    scope = Scope(source, parent, python, path, source.locals)
    for name, value in bound.items():
        lw.set((scope, name), value)
    lw.frames.append(Frame(scope))
    lw.set_flag("%return", Known(False))
    try:
        block(lw, source.body)
        if lw.state.dead:
            raise PathEnds
        return _result(lw, scope, source)
    finally:
        lw.frames.pop()
        if not source.has_inner:
            for key in [k for k in lw.state.values if k[0] is scope]:
                del lw.state.values[key]
                lw.state.where.pop(key, None)


def _result(lw: Lowerer, scope: Scope, source: FunctionSource) -> AbstractValue:
    returned = lw.flag("%return")
    if isinstance(returned, Known) and not returned.obj:
        return Known(None)
    if isinstance(returned, Num):
        lw.refuse(
            f"{source.name}() returns a value on some paths and falls off its end on others",
            "end the function with a return",
        )
    return lw.get((scope, "%retval"), "return")


def bind(
    lw: Lowerer,
    source: FunctionSource,
    defaults: dict[str, AbstractValue],
    args: list[AbstractValue],
    kwargs: dict[str, AbstractValue],
) -> dict[str, AbstractValue]:
    """Parameters and their values, as Python binds them."""
    spec = source.node.args
    positional = [a.arg for a in (*spec.posonlyargs, *spec.args)]
    names = {a.arg for a in (*spec.args, *spec.kwonlyargs)}
    bound = dict(zip(positional, args, strict=False))
    extra = dict(kwargs)
    if len(args) > len(positional):
        if spec.vararg is None:
            lw.mismatch(f"{source.name}() takes {len(positional)} arguments, but {len(args)} were given")
        bound[spec.vararg.arg] = Tup(tuple(args[len(positional) :]))
    elif spec.vararg is not None:
        bound[spec.vararg.arg] = Tup(())
    for name in list(extra):
        if name in names:
            if name in bound:
                lw.mismatch(f"{source.name}() got multiple values for argument '{name}'")
            bound[name] = extra.pop(name)
    if extra and spec.kwarg is None:
        lw.mismatch(f"{source.name}() got an unexpected argument '{next(iter(extra))}'")
    if spec.kwarg is not None:
        from .containers import new_dict

        bound[spec.kwarg.arg] = new_dict(lw, list(extra.items()), (lw.src, "**"))
    for name in (*positional, *(a.arg for a in spec.kwonlyargs)):
        if name not in bound:
            if name not in defaults:
                lw.mismatch(f"{source.name}() misses the argument '{name}'")
            default = defaults[name]
            bound[name] = default.fetch() if isinstance(default, Lazy) else default
    return {name: lw.bound(value) for name, value in bound.items()}
