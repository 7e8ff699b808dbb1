"""Simple statements: assignment, return, raise, assert, expressions, inner functions."""

from __future__ import annotations

import ast

from ..arrays.indexing import store
from ..arrays.value import AbstractValue, Arr, Known
from ..ir.nodes import Value
from .branches import branch
from .lowerer import Lowerer, PathEnds, statement
from .objects import get_attribute
from .operators import BINARY, binary, truth
from .source import FunctionSource
from .targets import assign_target, index_of, load_item, set_attribute, store_item
from .text import template
from .values import Closure


@statement(ast.Assign)
def assign(lw: Lowerer, node: ast.Assign) -> None:
    """a = b = value."""
    value = lw.expr(node.value)
    only_stored = len(node.targets) == 1 and isinstance(node.targets[0], ast.Subscript)
    if not (only_stored and isinstance(value, Arr)):
        value = lw.bound(value)
    for target in node.targets:
        assign_target(lw, target, value)


@statement(ast.AnnAssign)
def annotated(lw: Lowerer, node: ast.AnnAssign) -> None:
    """a: T = value."""
    if node.value is not None:
        assign_target(lw, node.target, lw.expr(node.value))


@statement(ast.AugAssign)
def augmented(lw: Lowerer, node: ast.AugAssign) -> None:
    """target op= value: in place on arrays, rebinding on numbers."""
    kind, target = type(node.op), node.target
    if isinstance(target, ast.Name):
        old = lw.expr(ast.copy_location(ast.Name(target.id, ast.Load()), target))
        value = lw.expr(node.value)
        lw.at(node)
        new = in_place(lw, kind, old, value)
        lw.at(target)
        lw.set((lw.scope, target.id), new)
        lw.at(node)
    elif isinstance(target, ast.Attribute):
        owner = lw.expr(target.value)
        old = get_attribute(lw, owner, target.attr)
        value = lw.expr(node.value)
        lw.at(node)
        new = in_place(lw, kind, old, value)
        if not (new is old and isinstance(owner, Known)):
            set_attribute(lw, owner, target.attr, new)
    else:
        assert isinstance(target, ast.Subscript)
        _augmented_item(lw, node, target)


def _augmented_item(lw: Lowerer, node: ast.AugAssign, target: ast.Subscript) -> None:
    kind = type(node.op)
    owner, index = lw.expr(target.value), index_of(lw, target.slice)
    prim = BINARY[kind][0]
    calls = any(isinstance(n, ast.Call) for n in ast.walk(node.value))
    if isinstance(owner, Arr) and prim != "matmul" and not calls:
        value = lw.expr(node.value)
        lw.at(node)
        store_item(lw, owner, index, value, prim)
        return
    lw.at(target)
    old = load_item(lw, owner, index)
    value = lw.expr(node.value)
    lw.at(node)
    if isinstance(owner, Arr) and isinstance(old, Arr) and prim != "matmul":
        store_item(lw, owner, index, value, prim)
        return
    new = in_place(lw, kind, old, value)
    if not (new is old and isinstance(new, Arr)):
        store_item(lw, owner, index, new)


def in_place(
    lw: Lowerer, kind: type[ast.operator], old: AbstractValue, value: AbstractValue
) -> AbstractValue:
    """old op= value; the array itself when it was changed in place."""
    from .calls import library_argument
    from .containers import as_items, extend
    from .values import Box, ListRef

    prim = BINARY[kind][0]
    if isinstance(old, Arr) and old.memory is not None:
        if as_items(lw, value) is not None or isinstance(value, ListRef):
            value = library_argument(lw, value)
        if prim == "matmul":
            store(lw.ctx, old, [Known(Ellipsis)], binary(lw, kind, old, value))
        else:
            store(lw.ctx, old, [Known(Ellipsis)], value, prim)
        return old
    if isinstance(old, Box | ListRef) and prim == "add":
        extend(lw, old, value)
        return old
    return binary(lw, kind, old, value)


@statement(ast.Return)
def return_(lw: Lowerer, node: ast.Return) -> None:
    """return value."""
    value = Known(None) if node.value is None else lw.expr(node.value)
    lw.at(node)
    scope = lw.frame.scope
    lw.set((scope, "%retval"), value)
    lw.set_flag("%return", Known(True))


@statement(ast.Pass)
def pass_(lw: Lowerer, node: ast.Pass) -> None:
    """pass."""


@statement(ast.Expr)
def expression_statement(lw: Lowerer, node: ast.Expr) -> None:
    """An expression for its effect; docstrings have none."""
    if not isinstance(node.value, ast.Constant):
        lw.expr(node.value)


@statement(ast.FunctionDef)
def inner_function(lw: Lowerer, node: ast.FunctionDef) -> None:
    """def inside the function."""
    if node.decorator_list:
        lw.at(node.decorator_list[0])
        for decorator in node.decorator_list:
            from .calls import is_transparent

            if not is_transparent(lw.expr(decorator)):
                lw.refuse(
                    "a decorator on an inner function", "call the decorator on a function defined outside"
                )
        lw.at(node)
    lw.set((lw.scope, node.name), closure(lw, node))


def closure(lw: Lowerer, node: ast.FunctionDef | ast.Lambda) -> Closure:
    """The function value; defaults are evaluated now."""
    args = node.args
    positional = [*args.posonlyargs, *args.args]
    defaults = dict(
        zip([a.arg for a in positional[len(positional) - len(args.defaults) :]], args.defaults, strict=True)
    )
    for arg, default in zip(args.kwonlyargs, args.kw_defaults, strict=True):
        if default is not None:
            defaults[arg.arg] = default
    values = {name: lw.bound(lw.expr(default)) for name, default in defaults.items()}
    source = _source(lw, node)
    return Closure(source, lw.scope, values)


def _source(lw: Lowerer, node: ast.FunctionDef | ast.Lambda) -> FunctionSource:
    return lw.session.sources.setdefault(node, FunctionSource(node, lw.scope.source.file))


# -- exceptions
@statement(ast.Raise)
def raise_(lw: Lowerer, node: ast.Raise) -> None:
    """raise E(message)."""
    if node.exc is None:
        lw.syntax("a bare raise")
    name, message, values = _exception(lw, node.exc)
    lw.at(node)
    lw.b.check(lw.b.const(False), name, message, values)
    raise PathEnds


def _exception(lw: Lowerer, node: ast.expr) -> tuple[str, str, list[Value]]:
    called = isinstance(node, ast.Call)
    cls = lw.expr(node.func if isinstance(node, ast.Call) else node)
    obj = cls.obj if isinstance(cls, Known) else None
    if isinstance(obj, BaseException):
        return type(obj).__name__, str(obj).replace("{", "{{").replace("}", "}}"), []
    if not (isinstance(obj, type) and issubclass(obj, BaseException)):
        lw.refuse("only exceptions can be raised: raise SomeError(message)")
    args = node.args if called and isinstance(node, ast.Call) else []
    parts: list[str] = []
    values: list[Value] = []
    for arg in args:
        text, more = template(lw, arg, len(values))
        parts.append(text)
        values += more
    message = parts[0] if len(parts) == 1 else "(" + ", ".join(parts) + ")" if parts else ""
    return obj.__name__, message, values


@statement(ast.Assert)
def assert_(lw: Lowerer, node: ast.Assert) -> None:
    """assert test, message."""
    cond = truth(lw, lw.expr(node.test))
    lw.at(node)

    def failed() -> None:
        message, values = template(lw, node.msg, 0) if node.msg is not None else ("", [])
        lw.at(node)
        lw.b.check(lw.b.const(False), "AssertionError", message, values)
        raise PathEnds

    if isinstance(cond, Known):
        if not cond.obj:
            failed()
        return
    branch(lw, cond.value, lambda: None, failed)
