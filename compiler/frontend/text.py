"""Strings with run-time numbers in them: only as messages of exceptions and in print."""

from __future__ import annotations

import ast

from ..arrays.core import reference
from ..arrays.value import AbstractValue, Arr, Known, Num
from ..ir.nodes import Value
from .containers import as_items
from .lowerer import Lowerer, expression
from .values import Box, describe


def escape(text: str) -> str:
    """Text as part of a template."""
    return text.replace("{", "{{").replace("}", "}}")


def template(lw: Lowerer, node: ast.expr, first: int) -> tuple[str, list[Value]]:
    """The template of an expression used as a message, values numbered from `first`."""
    if isinstance(node, ast.JoinedStr):
        text = ""
        values: list[Value] = []
        for part in node.values:
            if isinstance(part, ast.Constant):
                text += escape(str(part.value))
                continue
            assert isinstance(part, ast.FormattedValue)
            piece, more = _formatted(lw, part, first + len(values))
            text += piece
            values += more
        return text, values
    return show(lw, lw.expr(node), first)


def _formatted(lw: Lowerer, part: ast.FormattedValue, first: int) -> tuple[str, list[Value]]:
    value = lw.expr(part.value)
    spec = ""
    if part.format_spec is not None:
        known = lw.expr(part.format_spec)
        assert isinstance(known, Known)
        spec = str(known.obj)
    conversion = "" if part.conversion == -1 else f"!{chr(part.conversion)}"
    if isinstance(value, Known):
        return escape(("{" + conversion + ":" + spec + "}").format(value.obj)), []
    if isinstance(value, Num):
        return "{" + f"{first}{conversion}" + (f":{spec}" if spec else "") + "}", [value.value]
    return show(lw, value, first)


def show(lw: Lowerer, value: AbstractValue, first: int) -> tuple[str, list[Value]]:
    """str(value) as a template."""
    if isinstance(value, Known):
        return escape(str(value.obj)), []
    if isinstance(value, Num):
        return f"{{{first}}}", [value.value]
    if isinstance(value, Arr):
        return f"{{{first}}}", [reference(lw.ctx, value)]
    items = as_items(lw, value)
    if items is None:
        lw.refuse(f"{describe(value)} cannot be printed")
    texts: list[str] = []
    values: list[Value] = []
    for item in items:
        text, more = show(lw, item, first + len(values))
        texts.append(text)
        values += more
    left, right = "[]" if isinstance(value, Box) else "()"
    return left + ", ".join(texts) + right, values


@expression(ast.JoinedStr)
def joined(lw: Lowerer, node: ast.JoinedStr) -> AbstractValue:
    """An f-string of constants."""
    text, values = template(lw, node, 0)
    if values:
        lw.refuse(
            "a string made from run-time numbers", "f-strings of numbers work in print, raise and assert only"
        )
    return Known(text.replace("{{", "{").replace("}}", "}"))
