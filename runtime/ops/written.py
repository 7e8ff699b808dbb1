"""Functions that are made from text: the compiler reads functions, so it must be able to find theirs."""

from __future__ import annotations

import linecache
from collections.abc import Callable
from typing import Any


def written(text: str, title: str, names: dict[str, Any]) -> Callable[..., Any]:
    """The one function that a text defines.

    Parameters
    ----------
    text
        Its definition. It must be made of names and numbers of this project, never of a user's text.
    title
        Where tracebacks and the compiler find it, one for each text.
    names
        What its names stand for.
    """
    file = f"<pullback {title}>"
    linecache.cache[file] = (len(text), None, text.splitlines(True), file)
    space = dict(names)
    exec(compile(text, file, "exec"), space)
    made: Callable[..., Any] = next(v for k, v in space.items() if k not in names and k != "__builtins__")
    return made
