"""The supported part of Python: everything else is refused at its line, before anything is lowered."""

from __future__ import annotations

import ast

from ..errors import Src, UnsupportedSyntaxError
from .source import FunctionSource

# What is refused: node class -> what it is called, and what to write instead.
REFUSED: dict[type[ast.AST], tuple[str, str]] = {
    ast.GeneratorExp: ("a generator expression", "write a list comprehension: [...] instead of (...)"),
    ast.Yield: ("`yield`: a generator function", "collect the values in a list or an array and return it"),
    ast.YieldFrom: (
        "`yield from`: a generator function",
        "collect the values in a list or an array and return it",
    ),
    ast.AsyncFunctionDef: ("an async function", "write it as an ordinary function"),
    ast.AsyncFor: ("`async for`", "write it as an ordinary loop"),
    ast.AsyncWith: ("`async with`", "move it out of the function"),
    ast.Await: ("`await`: an async function", "write it as an ordinary function"),
    ast.Try: ("`try`", "test for the condition with `if` before it goes wrong"),
    ast.TryStar: ("`try`", "test for the condition with `if` before it goes wrong"),
    ast.With: ("`with`", "move it out of the function"),
    ast.Global: ("`global`: assignment to a global variable", "pass the value in and return the new one"),
    ast.Nonlocal: (
        "`nonlocal`: assignment to an outer variable",
        "return the new value, or keep it in an array",
    ),
    ast.Delete: ("`del`", "leave it out, or make a new list without the element"),
    ast.ClassDef: ("a class definition", "define the class outside of the function"),
    ast.Import: ("`import`", "import at the top of the file"),
    ast.ImportFrom: ("`import`", "import at the top of the file"),
    ast.Set: ("a set", "write a tuple"),
    ast.SetComp: ("a set comprehension", "write a list comprehension"),
    ast.DictComp: ("a dict comprehension", "write the dict out, or use a list or an array"),
    ast.Match: ("`match`", "write it with if and elif"),
}

ALLOWED: tuple[type[ast.AST], ...] = (
    *(ast.FunctionDef, ast.Lambda, ast.arguments, ast.arg, ast.keyword),
    *(
        ast.Return,
        ast.Assign,
        ast.AugAssign,
        ast.AnnAssign,
        ast.For,
        ast.While,
        ast.If,
        ast.Raise,
        ast.Assert,
    ),
    *(ast.Expr, ast.Pass, ast.Break, ast.Continue),
    *(
        ast.BoolOp,
        ast.NamedExpr,
        ast.BinOp,
        ast.UnaryOp,
        ast.IfExp,
        ast.Dict,
        ast.ListComp,
        ast.comprehension,
    ),
    *(ast.Compare, ast.Call, ast.FormattedValue, ast.JoinedStr, ast.Constant, ast.Attribute, ast.Subscript),
    *(ast.Starred, ast.Name, ast.List, ast.Tuple, ast.Slice, ast.expr_context),
    *(ast.boolop, ast.operator, ast.unaryop, ast.cmpop),
)


def check_fence(source: FunctionSource) -> None:
    """Refuse what is outside the supported language; further places are named in the hint."""
    problems: list[tuple[Src, str, str]] = []
    _visit(source, source.node, problems)
    if not problems:
        return
    problems.sort(key=lambda p: (p[0].line, p[0].col))
    place, what, hint = problems[0]
    if len(problems) > 1:
        more = ", ".join(f"line {p.line} ({what})" for p, what, _ in problems[1:6])
        hint += f"\nalso not supported: {more}"
    raise UnsupportedSyntaxError(f"{what} cannot be compiled", place, hint)


def _visit(source: FunctionSource, node: ast.AST, problems: list[tuple[Src, str, str]]) -> None:
    for kind, (what, hint) in REFUSED.items():
        if isinstance(node, kind):
            problems.append((source.src(node), what, hint))
            return
    if not isinstance(node, ALLOWED):
        problems.append((source.src(node), f"`{type(node).__name__}`", "write it in simpler statements"))
        return
    if isinstance(node, ast.comprehension) and node.is_async:
        problems.append((source.src(node.target), "an async comprehension", "write an ordinary one"))
    for child in _run(node):
        _visit(source, child, problems)


def _run(node: ast.AST) -> list[ast.AST]:
    """The children that run: no annotations, no decorators."""
    if isinstance(node, ast.FunctionDef):
        return [node.args, *node.body]
    if isinstance(node, ast.arguments):
        return [d for d in (*node.defaults, *node.kw_defaults) if d is not None]
    if isinstance(node, ast.AnnAssign):
        return [node.target, *([node.value] if node.value is not None else [])]
    return list(ast.iter_child_nodes(node))
