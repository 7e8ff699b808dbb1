"""Printing of single statements: the one module that knows astor.

astor prints what it prints well; where its text is not the same program, breaks lines, or is longer than
that of `ast.unparse`, the latter is taken. Both leave out comments and layout, which `emit` adds.
"""

from __future__ import annotations

import ast
import re
import warnings

LIMIT = 110

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import astor


def expression(node: ast.expr) -> str:
    """The text of an expression."""
    return statement(ast.Expr(node))


def statement(node: ast.stmt) -> str:
    """The text of a simple statement, on one line."""
    node.lineno = 1  # `unparse` looks there for a type comment, and at no other place
    plain = ast.unparse(node)
    if isinstance(node, ast.Return) and isinstance(node.value, ast.Tuple) and len(node.value.elts) > 1:
        return _double_quoted("return " + plain.removeprefix("return ").removeprefix("(").removesuffix(")"))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        text = str(astor.to_source(node, pretty_string=_quote, pretty_source="".join)).rstrip("\n")
    if "\n" in text or len(text) > len(plain) or not _same(text, plain):
        text = plain
    return _double_quoted(text)


def _same(text: str, plain: str) -> bool:
    try:
        return text == plain or ast.dump(ast.parse(text)) == ast.dump(ast.parse(plain))
    except SyntaxError:
        return False


def _quote(text: str, *_: object, **__: object) -> str:
    return repr(text)


def _double_quoted(text: str) -> str:
    """'a' → "a" where that needs no escapes, as formatters write it."""
    if '"' in text or "\\" in text:
        return text
    return re.sub(r"'([^']*)'", r'"\1"', text)


def wrapped(text: str, indent: int) -> list[str]:
    """The lines of a statement; one that is too long is broken at its outermost bracket."""
    pad = " " * indent
    head, inner, tail = _outermost(text)
    if len(pad + text) <= LIMIT or not inner:
        return [pad + text]
    if len(pad) + 4 + len(inner) <= LIMIT:
        return [pad + head, f"{pad}    {inner}", pad + tail]
    return [pad + head, *(f"{pad}    {part}," for part in _parts(inner)), pad + tail]


def _outermost(text: str) -> tuple[str, str, str]:
    """Split `f(a, b):` into `f(`, `a, b`, `):`; empty inner where the last bracket is not a call."""
    end = text.rfind(")")
    depth = 0
    for k in range(end, -1, -1):
        depth += text[k] in ")]}"
        depth -= text[k] in "([{"
        if depth == 0 and k < end:
            is_call = (
                k > 0
                and (text[k - 1].isalnum() or text[k - 1] == "_")
                and "'" not in text
                and '"' not in text
            )
            return (text[: k + 1], text[k + 1 : end], text[end:]) if is_call else ("", "", "")
    return "", "", ""


def _parts(inner: str) -> list[str]:
    parts, depth, start = [], 0, 0
    for k, letter in enumerate(inner):
        depth += letter in "([{"
        depth -= letter in ")]}"
        if letter == "," and depth == 0:
            parts.append(inner[start:k].strip())
            start = k + 1
    return [*parts, inner[start:].strip()] if inner[start:].strip() else parts
