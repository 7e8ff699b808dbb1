"""Exceptions of compiled code, as the user's own program would raise them, with the user's file and line.

Compiled code raises `Exception(template, values…, number of the check)`; an IndexError of Numba's bounds
checks and an error inside a library call carry no place, which is then found by running a build that
always knows its line.
"""

from __future__ import annotations

import builtins
import traceback
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..code import Code
from ..errors import InternalError, PullbackError, Src

STRETCH = (
    "\n  an axis is stretched only if its length 1 is known when compiling (an argument's axis, a slice "
    "such as [:1], a new axis): write y[0] or np.sum(y) instead of y"
)
Locate = Callable[[], Src | None]


def translated(error: Exception, code: Code, path: str, locate: Locate) -> BaseException:
    """The exception to raise in place of one that left compiled code."""
    if isinstance(error, PullbackError):
        return error
    if type(error).__module__.startswith("numba."):
        return InternalError(
            f"Numba refused the generated code of {code.entry}: {type(error).__name__}: {error}",
            hint=f"please report this with the file {path}",
        )
    args = error.args
    if len(args) > 1 and isinstance(args[0], str) and isinstance(args[-1], int | np.integer):
        number = int(args[-1])
        if 0 <= number < len(code.checks) and code.checks[number][1] == args[0]:
            name, template, src = code.checks[number]
            message = _filled(template, args[1:-1])
            if "broadcast" in template and any(n == 1 for n in args[1:-1]):
                message += STRETCH
            return made(exception_class(name, code), message, src)
    place = _place_in_plain(error, code, path) or locate()
    if isinstance(error, RecursionError):
        return made(RecursionError, "maximum recursion depth exceeded", place)
    return made(type(error), _message(error), place) if place is not None else error


def _filled(template: str, values: Sequence[Any]) -> str:
    try:
        return template.format(*[v.item() if isinstance(v, np.generic) else v for v in values])
    except (IndexError, KeyError, ValueError):
        return template


def _message(error: Exception) -> str:
    return str(error.args[0]) if error.args else str(error)


def made(kind: type[BaseException], message: str, src: Src | None) -> BaseException:
    """An exception with a place; one whose constructor wants something else gets its message by `args`."""
    text = message
    if src is not None and src.line > 0:
        text = f"{message}\n  at {src}: {src.text}" if message else f"at {src}: {src.text}"
    try:
        error = kind(text)
    except Exception:
        error = kind.__new__(kind)
        error.args = (text,)
    return error


def exception_class(name: str, code: Code) -> type[BaseException]:
    """The class that the user's `raise` names: a builtin, NumPy's LinAlgError, or the user's own."""
    own: Any = code.custom.get(name)
    for path, value in code.guards:
        if path[-1][1] == name:
            own = value
    found = own if isinstance(own, type) else getattr(builtins, name, None)
    if isinstance(found, type) and issubclass(found, BaseException):
        return found
    return np.linalg.LinAlgError if name == "LinAlgError" else RuntimeError


def _place_in_plain(error: BaseException, code: Code, path: str) -> Src | None:
    """The user's line, where the generated file ran as plain Python."""
    lines = [f.lineno for f in traceback.extract_tb(error.__traceback__) if f.filename == path and f.lineno]
    for line in reversed(lines):
        at = line
        while at > 0 and at not in code.source_map:
            at -= 1
        if at:
            return code.source_map[at]
    return None
