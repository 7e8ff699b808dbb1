"""Colours Python text for a terminal, with the tokenizer of the standard library."""

from __future__ import annotations

import io
import keyword
import os
import tokenize
from typing import TextIO

KEYWORD = "\x1b[35m"
COMMENT = "\x1b[32m"
NUMBER = "\x1b[36m"
STRING = "\x1b[33m"
ADJOINT = "\x1b[1m"
RESET = "\x1b[0m"


def wants_colour(out: TextIO) -> bool:
    """Whether `out` is a terminal and the user has not set NO_COLOR."""
    return out.isatty() and not os.environ.get("NO_COLOR")


def _style(token: tokenize.TokenInfo) -> str:
    match token.type:
        case tokenize.COMMENT:
            return COMMENT
        case tokenize.NUMBER:
            return NUMBER
        case tokenize.STRING:
            return STRING
        case tokenize.NAME if keyword.iskeyword(token.string):
            return KEYWORD
        case tokenize.NAME if token.string.endswith("_bar"):
            return ADJOINT
        case _:
            return ""


def highlight(source: str) -> str:
    """Return valid Python `source` with ANSI colours; adjoints (`x_bar`) are bold."""
    lines = source.splitlines(keepends=True)
    coloured: list[str] = []
    row, column = 1, 0
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        style = _style(token)
        if not style:
            continue
        start_row, start_column = token.start
        if start_row > row:
            coloured += [lines[row - 1][column:], *lines[row : start_row - 1]]
            column = 0
        coloured += [lines[start_row - 1][column:start_column], style, token.string, RESET]
        row, column = token.end
    return "".join([*coloured, lines[row - 1][column:], *lines[row:]]) if lines else source
