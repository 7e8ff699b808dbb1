"""Expressions: names, constants, operators, containers, conditional expressions."""

from __future__ import annotations

import ast
from collections.abc import Sequence

from ..arrays.value import AbstractValue, Known, Num, Tup
from .branches import choose
from .captures import global_value
from .containers import as_items, new_dict, new_list
from .lowerer import Lowerer, expression
from .operators import binary, both, compare, truth, unary
from .statements import closure
from .targets import assign_target, index_of, load_item
from .values import Closure, Scope


@expression(ast.Constant)
def constant(lw: Lowerer, node: ast.Constant) -> AbstractValue:
    """A literal."""
    return Known(node.value)


@expression(ast.Name)
def name(lw: Lowerer, node: ast.Name) -> AbstractValue:
    """A variable, looked up through the scopes, then outside."""
    scope: Scope | None = lw.scope
    while scope is not None:
        if node.id in scope.names:
            return lw.get((scope, node.id), node.id)
        root, scope = scope, scope.parent
    value = global_value(lw, root, node.id)
    if value is None:
        lw.refuse(f"name '{node.id}' is not defined")
    return value


@expression(ast.BinOp)
def binop(lw: Lowerer, node: ast.BinOp) -> AbstractValue:
    """a op b."""
    a, b = lw.expr(node.left), lw.expr(node.right)
    lw.at(node)
    return binary(lw, type(node.op), a, b)


@expression(ast.UnaryOp)
def unop(lw: Lowerer, node: ast.UnaryOp) -> AbstractValue:
    """op a."""
    return unary(lw, type(node.op), lw.expr(node.operand))


@expression(ast.BoolOp)
def boolop(lw: Lowerer, node: ast.BoolOp) -> AbstractValue:
    """a and b, a or b: the later operands are evaluated only if they decide."""
    return _logic(lw, isinstance(node.op, ast.And), node.values)


def _logic(lw: Lowerer, is_and: bool, values: Sequence[ast.expr]) -> AbstractValue:
    first = lw.expr(values[0])
    if len(values) == 1:
        return first
    cond = truth(lw, first)
    if isinstance(cond, Known):
        return _logic(lw, is_and, values[1:]) if bool(cond.obj) is is_and else first

    def keep() -> AbstractValue:
        return first

    def rest() -> AbstractValue:
        return _logic(lw, is_and, values[1:])

    if isinstance(first, Num) and first.dtype == "bool" and all(_cheap(v) for v in values[1:]):
        other = rest()
        if isinstance(other, Num | Known):
            return both(lw, "and" if is_and else "or", first, other)
    return choose(lw, cond.value, rest, keep) if is_and else choose(lw, cond.value, keep, rest)


def _cheap(node: ast.expr) -> bool:
    """Comparisons of names and constants: evaluating them is harmless."""
    if isinstance(node, ast.Compare):
        allowed = (ast.Lt, ast.LtE, ast.Gt, ast.GtE, ast.Eq, ast.NotEq)
        parts = [node.left, *node.comparators]
        return all(isinstance(op, allowed) for op in node.ops) and all(_simple(p) for p in parts)
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        return _cheap(node.operand)
    return isinstance(node, ast.BoolOp) and all(_cheap(v) for v in node.values)


def _simple(node: ast.expr) -> bool:
    if isinstance(node, ast.UnaryOp):
        return isinstance(node.op, ast.USub) and _simple(node.operand)
    return isinstance(node, ast.Constant)


@expression(ast.Compare)
def comparison(lw: Lowerer, node: ast.Compare) -> AbstractValue:
    """a < b < c."""
    return _chain(lw, lw.expr(node.left), node.ops, node.comparators)


def _chain(
    lw: Lowerer, left: AbstractValue, ops: Sequence[ast.cmpop], comparators: Sequence[ast.expr]
) -> AbstractValue:
    right = lw.expr(comparators[0])
    result = compare(lw, ops[0], left, right)
    if len(ops) == 1:
        return result
    cond = truth(lw, result)
    if isinstance(cond, Known):
        return _chain(lw, right, ops[1:], comparators[1:]) if cond.obj else Known(False)
    if all(_simple(c) or isinstance(c, ast.Name) for c in comparators[1:]):
        return both(lw, "and", result, _chain(lw, right, ops[1:], comparators[1:]))
    return choose(lw, cond.value, lambda: _chain(lw, right, ops[1:], comparators[1:]), lambda: Known(False))


@expression(ast.IfExp)
def conditional(lw: Lowerer, node: ast.IfExp) -> AbstractValue:
    """a if test else b."""
    cond = truth(lw, lw.expr(node.test))
    if isinstance(cond, Known):
        return lw.expr(node.body if cond.obj else node.orelse)
    return choose(lw, cond.value, lambda: lw.expr(node.body), lambda: lw.expr(node.orelse))


@expression(ast.Tuple)
def tuple_(lw: Lowerer, node: ast.Tuple) -> AbstractValue:
    """(a, b)."""
    return Tup(tuple(_elements(lw, node.elts)))


@expression(ast.List)
def list_(lw: Lowerer, node: ast.List) -> AbstractValue:
    """[a, b]."""
    items = [lw.bound(v) for v in _elements(lw, node.elts)]
    lw.at(node)
    return new_list(lw, items, node)


def _elements(lw: Lowerer, nodes: Sequence[ast.expr]) -> list[AbstractValue]:
    values: list[AbstractValue] = []
    for node in nodes:
        if isinstance(node, ast.Starred):
            items = as_items(lw, lw.expr(node.value))
            if items is None:
                lw.at(node)
                lw.syntax("a starred value whose length is not known when compiling")
            values += items
        else:
            values.append(lw.expr(node))
    return values


@expression(ast.Dict)
def dict_(lw: Lowerer, node: ast.Dict) -> AbstractValue:
    """{"a": b} with constant keys."""
    entries: list[tuple[object, AbstractValue]] = []
    for key_node, value_node in zip(node.keys, node.values, strict=True):
        key = lw.expr(key_node) if key_node is not None else None
        if not isinstance(key, Known):
            lw.refuse("a dict with a key that is not a constant")
        entries.append((key.obj, lw.bound(lw.expr(value_node))))
    return new_dict(lw, entries, node)


@expression(ast.Subscript)
def subscript(lw: Lowerer, node: ast.Subscript) -> AbstractValue:
    """owner[index]."""
    owner, index = lw.expr(node.value), index_of(lw, node.slice)
    lw.at(node)
    return load_item(lw, owner, index)


@expression(ast.Slice)
def slice_(lw: Lowerer, node: ast.Slice) -> AbstractValue:
    """start:stop:step."""
    return index_of(lw, node)


@expression(ast.Lambda)
def lambda_(lw: Lowerer, node: ast.Lambda) -> Closure:
    """lambda args: value."""
    return closure(lw, node)


@expression(ast.NamedExpr)
def walrus(lw: Lowerer, node: ast.NamedExpr) -> AbstractValue:
    """(name := value)."""
    value = lw.bound(lw.expr(node.value), node.target.id)
    assign_target(lw, node.target, value)
    return value


@expression(ast.Starred)
def starred(lw: Lowerer, node: ast.Starred) -> AbstractValue:
    """Only in calls and displays."""
    lw.syntax("a starred expression here")
