"""Smaller programs that still fail: statements removed, blocks unwrapped, expressions cut down."""

from __future__ import annotations

import ast
import copy
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from randprog.grammar import Program

_BLOCKS = ("body", "orelse")


def _bodies(tree: ast.AST) -> list[tuple[ast.AST, str]]:
    found = []
    for node in ast.walk(tree):
        for name in _BLOCKS:
            if isinstance(getattr(node, name, None), list) and not isinstance(node, ast.Lambda):
                found.append((node, name))
    return found


def _without_statements(tree: ast.Module) -> Iterator[ast.Module]:
    for number, (node, name) in enumerate(_bodies(tree)):
        for position in reversed(range(len(getattr(node, name)))):
            statement = getattr(node, name)[position]
            if isinstance(statement, (ast.Import, ast.ImportFrom)):
                continue
            for replacement in _replacements(statement):
                changed = copy.deepcopy(tree)
                owner, field = _bodies(changed)[number]
                body = getattr(owner, field)
                body[position : position + 1] = copy.deepcopy(replacement)
                if not body and field == "body":
                    body.append(ast.Pass())
                yield changed


def _replacements(statement: ast.stmt) -> list[list[ast.stmt]]:
    options: list[list[ast.stmt]] = [] if isinstance(statement, ast.Return) else [[]]
    if isinstance(statement, (ast.If, ast.For, ast.While)):
        options += [statement.body, statement.orelse] if statement.orelse else [statement.body]
    return options


def _expression_places(tree: ast.AST) -> list[tuple[ast.AST, str, int | None]]:
    places: list[tuple[ast.AST, str, int | None]] = []
    for node in ast.walk(tree):
        for name, value in ast.iter_fields(node):
            if isinstance(value, ast.expr):
                places.append((node, name, None))
            elif isinstance(value, list):
                places += [(node, name, i) for i, item in enumerate(value) if isinstance(item, ast.expr)]
    return places


def _parts(expression: ast.expr) -> list[ast.expr]:
    if isinstance(expression, ast.BinOp):
        return [expression.left, expression.right]
    if isinstance(expression, ast.Call):
        return [item for item in expression.args if not isinstance(item, ast.Starred)]
    if isinstance(expression, ast.IfExp):
        return [expression.body, expression.orelse]
    if isinstance(expression, ast.BoolOp):
        return expression.values
    if isinstance(expression, ast.UnaryOp):
        return [expression.operand]
    return []


def _with_smaller_expressions(tree: ast.Module) -> Iterator[ast.Module]:
    for number, (node, name, position) in enumerate(_expression_places(tree)):
        value = getattr(node, name)
        for part in _parts(value if position is None else value[position]):
            changed = copy.deepcopy(tree)
            owner, field, _ = _expression_places(changed)[number]
            if position is None:
                setattr(owner, field, copy.deepcopy(part))
            else:
                getattr(owner, field)[position] = copy.deepcopy(part)
            yield changed


def variants(source: str) -> Iterator[str]:
    """All texts that are one step smaller, those with fewer statements first."""
    tree = ast.parse(source)
    for make in (_without_statements, _with_smaller_expressions):
        for changed in make(tree):
            try:
                text = ast.unparse(ast.fix_missing_locations(changed)) + "\n"
                compile(text, "<variant>", "exec")
            except (SyntaxError, ValueError):
                continue
            if len(text) < len(source):
                yield text


def minimise(program: Program | int, still_fails: Callable[[Program], bool], limit: int = 2000) -> Program:
    """Make a failing program small.

    Parameters
    ----------
    program : Program or int
        A failing program, or its seed.
    still_fails : callable
        Tells whether a smaller program still shows the failure. Programs that the oracle rejects, or that
        do not run, are never offered to it.
    limit : int
        The largest number of programs to try.

    Returns
    -------
    Program
        A program no single step of which can be undone without losing the failure.
    """
    from randprog.grammar import Program
    from randprog.oracle import check

    best = Program(program) if isinstance(program, int) else program
    tried = 0
    progress = True
    while progress and tried < limit:
        progress = False
        for candidate in best.variants():
            tried += 1
            try:
                check(candidate)
                smaller = still_fails(candidate)
            except Exception:
                # A variant that does not run (an unbound name, a wrong shape) is no variant.
                smaller = False
            if smaller:
                best, progress = candidate, True
                break
            if tried >= limit:
                break
    return best
