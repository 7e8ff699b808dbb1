"""The syntax tree of a function, found in its file and compared with the code that runs.

The whole file is parsed, so that every position is absolute. The text that a file holds now is not always
the function that was imported: the tree is used only if it compiles to the same code object.
"""

from __future__ import annotations

import ast
import linecache
import types
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property, lru_cache

from ..errors import SourceError, Src

FunctionNode = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda


@dataclass(frozen=True, eq=False)
class FunctionSource:
    """A `def` or `lambda` with its place."""

    node: FunctionNode
    file: str

    @property
    def name(self) -> str:
        """The name of the function, `lambda` for a lambda."""
        return "lambda" if isinstance(self.node, ast.Lambda) else self.node.name

    def src(self, node: ast.AST) -> Src:
        """The place of a node, cut to its first line."""
        line, col = getattr(node, "lineno", self.node.lineno), getattr(node, "col_offset", 0)
        end = getattr(node, "end_col_offset", None) if getattr(node, "end_lineno", None) == line else None
        if end is None:
            end = len(linecache.getline(self.file, line).rstrip())
        return Src(self.file, line, col, max(end, col + 1), self.node.lineno)

    @property
    def body(self) -> list[ast.stmt]:
        """The statements; a lambda's expression is a return statement."""
        if isinstance(self.node, ast.Lambda):
            value = self.node.body
            return [ast.copy_location(ast.Return(value), value)]
        return self.node.body

    @cached_property
    def locals(self) -> frozenset[str]:
        """Names that belong to the function's own scope."""
        args = self.node.args
        names = {a.arg for a in (*args.posonlyargs, *args.args, *args.kwonlyargs)}
        names |= {a.arg for a in (args.vararg, args.kwarg) if a is not None}
        for stmt in self.body:
            names |= bound_names(stmt)
        return frozenset(names)

    @cached_property
    def loads(self) -> list[ast.Name]:
        """Every read of a name, in inner functions too."""
        return [n for n in ast.walk(self.node) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Load)]

    @cached_property
    def has_inner(self) -> bool:
        """Whether a function is defined inside, which may hold on to the scope."""
        return any(n is not self.node and isinstance(n, FunctionNode) for n in ast.walk(self.node))


def own_nodes(node: ast.AST) -> Iterator[ast.AST]:
    """A node and all below it, without the insides of functions and comprehensions."""
    yield node
    if isinstance(node, FunctionNode | ast.ListComp):
        return
    for child in ast.iter_child_nodes(node):
        yield from own_nodes(child)


def bound_names(node: ast.AST) -> set[str]:
    """Names that a statement binds in the scope it stands in."""
    names = set()
    for inner in own_nodes(node):
        if isinstance(inner, ast.Name) and isinstance(inner.ctx, ast.Store):
            names.add(inner.id)
        elif isinstance(inner, ast.FunctionDef):
            names.add(inner.name)
    return names


@lru_cache(maxsize=64)
def _parse(file: str, text: str) -> tuple[ast.Module, types.CodeType]:
    tree = ast.parse(text, file)
    return tree, compile(text, file, "exec", dont_inherit=True)


def function_source(fn: types.FunctionType) -> FunctionSource:
    """The tree of a Python function.

    Raises
    ------
    SourceError
        The file is missing, or holds another function than the one that runs.
    """
    code = fn.__code__
    lines = linecache.getlines(code.co_filename, fn.__globals__)
    place = Src(code.co_filename, code.co_firstlineno)
    if not lines:
        raise _missing(fn)
    try:
        tree, module = _parse(code.co_filename, "".join(lines))
    except SyntaxError as error:
        raise _edited(fn, place) from error
    node = _find_node(tree, code)
    if node is None or not _same_code_exists(module, code):
        linecache.checkcache(code.co_filename)
        raise _edited(fn, place)
    return FunctionSource(node, code.co_filename)


def _missing(fn: types.FunctionType) -> SourceError:
    return SourceError(
        f"the source of {fn.__qualname__!r} is not available",
        hint=f"its code came from {fn.__code__.co_filename!r}; define the function in a file",
    )


def _edited(fn: types.FunctionType, place: Src) -> SourceError:
    if place.file == "<string>":  # from exec(); what is known under that name is the code of `python -c`
        return _missing(fn)
    return SourceError(
        f"the file does not hold the function {fn.__qualname__!r} that runs",
        place,
        "it was edited after import: reload it",
    )


def _find_node(tree: ast.Module, code: types.CodeType) -> FunctionNode | None:
    found = _functions(tree).get((code.co_name, code.co_firstlineno), [])
    if len(found) > 1:
        found = [node for node in found if _covers(node, code)]
    return found[0] if len(found) == 1 else None


@lru_cache(maxsize=64)
def _functions(tree: ast.Module) -> dict[tuple[str, int], list[FunctionNode]]:
    """All functions of a file by name and first line."""
    found: dict[tuple[str, int], list[FunctionNode]] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Lambda):
            found.setdefault(("<lambda>", node.lineno), []).append(node)
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            first = node.decorator_list[0].lineno if node.decorator_list else node.lineno
            found.setdefault((node.name, first), []).append(node)
    return found


def _covers(node: FunctionNode, code: types.CodeType) -> bool:
    """Whether the code's instructions lie in the body of a lambda, and fill it."""
    if not isinstance(node, ast.Lambda):
        return False
    body = node.body
    starts = [(p[0], p[2]) for p in code.co_positions() if p[2] is not None and p[1] is not None and p[3]]
    ends = [(p[1], p[3]) for p in code.co_positions() if p[2] is not None and p[1] is not None and p[3]]
    if not starts:
        return False
    return min(starts) == (body.lineno, body.col_offset) and max(ends) == (
        body.end_lineno,
        body.end_col_offset,
    )


def _codes(code: types.CodeType) -> Iterator[types.CodeType]:
    for const in code.co_consts:
        if isinstance(const, types.CodeType):
            yield const
            yield from _codes(const)


def _same_code_exists(module: types.CodeType, code: types.CodeType) -> bool:
    if "@pytest_ar" in code.co_names:  # pytest rewrites the assertions of test modules
        return True
    same_place = (
        c for c in _codes(module) if c.co_firstlineno == code.co_firstlineno and c.co_name == code.co_name
    )
    return any(_same(c, code) for c in same_place)


def _same(a: types.CodeType, b: types.CodeType) -> bool:
    if (a.co_code, a.co_names, a.co_varnames, a.co_freevars) != (
        b.co_code,
        b.co_names,
        b.co_varnames,
        b.co_freevars,
    ):
        return False
    if len(a.co_consts) != len(b.co_consts):
        return False
    for x, y in zip(a.co_consts, b.co_consts, strict=True):
        if isinstance(x, types.CodeType) and isinstance(y, types.CodeType):
            if not _same(x, y):
                return False
        elif (type(x), repr(x)) != (type(y), repr(y)):
            return False
    return True
