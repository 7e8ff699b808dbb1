"""The error tree, and positions in the user's source.

    PullbackError
    ├── UnsupportedError              the compiler cannot translate this
    │   ├── UnsupportedSyntaxError    (SyntaxError) a Python construct
    │   └── NoRuleError               (NotImplementedError) no lowering, or no derivative rule
    ├── TypeMismatchError             (TypeError) types or ranks that do not fit
    │   └── NoDerivativeError         an argument or a result that has no derivative: an integer, a tuple
    ├── ArgumentError                 (TypeError) wrong count, argnums, layout of an argument
    │   └── UnsupportedArgumentError  (UnsupportedError) an argument of a kind that is not compiled
    ├── SourceError                   (OSError) the source of a function is not to be had
    ├── OverlapError                  (ValueError) a written argument shares memory with another
    ├── CheckError                    (AssertionError) a gradient differs from finite differences
    ├── CacheError                    (OSError) the cache folder cannot be trusted
    └── InternalError                 a bug of pullback: a pass broke the IR

    FallbackWarning (UserWarning)     a function runs on the tape, because it cannot be compiled

Errors that the user's own program raises at run time (IndexError, ValueError, ZeroDivisionError,
AssertionError …) keep their Python type; the user's file and line are in their message.
"""

from __future__ import annotations

import linecache
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Src:
    """A place in the user's source: absolute 1-based line, 0-based columns, and the line counted from its
    `def`."""

    file: str
    line: int
    col: int = 0
    end_col: int = 0
    def_line: int = 1

    @property
    def relative(self) -> int:
        """Lines below the `def` line: what generated comments show, so that moving a function changes no
        text."""
        return self.line - self.def_line

    @property
    def text(self) -> str:
        """The source line without its indentation and line end."""
        return linecache.getline(self.file, self.line).strip()

    def __str__(self) -> str:
        return f"{self.file}:{self.line}"


NOWHERE = Src("<pullback>", 0)


class PullbackError(Exception):
    """Base of every error of ours: message, place, and what to do."""

    def __init__(self, message: str, src: Src | None = None, hint: str | None = None) -> None:
        self.message = message
        self.src = src
        self.hint = hint
        super().__init__(self._render())
        if isinstance(self, SyntaxError) and src is not None:
            _place(self, message, src)

    def _render(self) -> str:
        if self.src is None:
            return self.message + (f"\nhint: {self.hint}" if self.hint else "")
        line = linecache.getline(self.src.file, self.src.line).rstrip("\n")
        parts = [f"{self.src}: {self.message}"]
        if line.strip():
            indent = len(line) - len(line.lstrip())
            width = max(1, self.src.end_col - self.src.col)
            parts += [f"    {line.strip()}", "    " + " " * max(0, self.src.col - indent) + "^" * width]
        if self.hint:
            parts.append(f"hint: {self.hint}")
        return "\n".join(parts)

    def __str__(self) -> str:
        return self._render()

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.message, self.src, self.hint)


def _place(error: SyntaxError, message: str, src: Src) -> None:
    """Fill in what Python shows of a SyntaxError."""
    error.msg, error.filename, error.lineno = message, src.file, src.line
    error.offset, error.end_offset = src.col + 1, src.end_col + 1
    error.end_lineno = src.line
    error.text = linecache.getline(src.file, src.line)


class UnsupportedError(PullbackError):
    """The compiler cannot translate this."""


class UnsupportedSyntaxError(UnsupportedError, SyntaxError):
    """A Python construct outside the supported language."""


class NoRuleError(UnsupportedError, NotImplementedError):
    """A function for which there is no lowering or no derivative rule."""


class TypeMismatchError(PullbackError, TypeError):
    """Types, ranks or dtypes that do not fit together."""


class NoDerivativeError(TypeMismatchError):
    """The program is understood, but its argument or result has no derivative, or a rule does not fit."""


class ArgumentError(PullbackError, TypeError):
    """A derivative was called, or made, with arguments that do not fit."""


class UnsupportedArgumentError(ArgumentError, UnsupportedError):
    """An argument of a kind that the compiler does not know."""


class SourceError(PullbackError, OSError):
    """The source of a function is not available, or is not what runs."""


class OverlapError(PullbackError, ValueError):
    """Two arguments overlap in memory and the function writes to one of them."""


class CheckError(PullbackError, AssertionError):
    """A gradient differs from finite differences."""


class CacheError(PullbackError, OSError):
    """The cache folder is not private to the user, or cannot be used."""


class InternalError(PullbackError):
    """A bug of pullback itself."""


class FallbackWarning(UserWarning):
    """A function cannot be compiled, and its gradient is computed on the tape: right, but slower."""
