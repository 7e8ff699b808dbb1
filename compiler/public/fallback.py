"""What a derivative does with a function that cannot be compiled: the one place that decides and warns."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, TypeVar

from ..call import doors
from ..call.signature import Target, without_source
from ..errors import (
    ArgumentError,
    FallbackWarning,
    NoDerivativeError,
    OverlapError,
    PullbackError,
    SourceError,
    TypeMismatchError,
    UnsupportedError,
)

FALLBACKS = ("auto", "tape", "error")
REFUSALS = (UnsupportedError, SourceError, TypeMismatchError)
"""The errors that may say that the compiler cannot do it, not that the program is wrong. Of types that do not
fit only a run can tell: `"%.3f" % x` does not compile, and is Python."""

_OF_TYPES = (TypeError, ValueError, IndexError, AttributeError, RuntimeError, PullbackError)
"""What a run of a program says whose types do not fit."""

_ONE_TYPE = "let every name and operand have one type, whatever path the program takes"

Answer = TypeVar("Answer")

_COMPILER = Path(__file__).parents[1]
_OURS = (str(_COMPILER), str(_COMPILER.with_name("runtime")), "<pullback")


class Fallback:
    """The choice of one derivative, and whether its user has been told.

    Parameters
    ----------
    how
        "auto" runs a function that cannot be compiled on the tape, with a warning; "error" refuses it; "tape"
        runs every function there.

    Attributes
    ----------
    reason
        Where and why the compiler refused the function of this derivative, if it did: as text, since an error
        would keep the arrays of the frames that it came through.
    """

    def __init__(self, how: str) -> None:
        if how not in FALLBACKS:
            raise ArgumentError(f"fallback={how!r}", hint="choose from 'auto', 'tape' and 'error'")
        self.how = how
        self.reason: str | None = None

    @property
    def always(self) -> bool:
        """Whether nothing is compiled."""
        return self.how == "tape"

    def run(
        self,
        target: Target,
        compiled: Callable[[], Answer],
        taped: Callable[[Any], Answer],
        values: Iterable[Any] = (),
        *,
        silent: bool = False,
    ) -> Answer:
        """What compiled code gives, or the tape.

        Parameters
        ----------
        target
            The function.
        compiled, taped
            What compiles and runs; what runs on the tape, called with what the door to it gives.
        values
            Arguments; those of the tape's own classes have it run there.
        silent
            Whether the user knows that it may run there.

        Raises
        ------
        TypeMismatchError
            If the compiler said so, and the program does not run on the tape either. What it had printed
            there stays printed.
        """
        if self.always or doors.foreign(values) is not None:
            return taped(doors.tape[0]())
        try:
            return compiled()
        except NoDerivativeError:
            raise
        except REFUSALS as error:
            refused = error
        return self._instead(without_source(target) if target.foreign else refused, target, taped, silent)

    def _instead(
        self, error: PullbackError, target: Target, taped: Callable[[Any], Answer], silent: bool
    ) -> Answer:
        """What the tape gives for a function that the compiler refused."""
        if self.how == "error" or not doors.tape:
            raise error
        tape = doors.tape[0]()
        if isinstance(error, TypeMismatchError):  # whether it is the program that is wrong, the run tells
            answer = _unless_wrong(error, tape, taped)
            self._tell(error, target, silent)
            return answer
        self._tell(error, target, silent)
        return taped(tape)

    def _tell(self, error: PullbackError, target: Target, silent: bool) -> None:
        """Tell once that the function runs on the tape, and why."""
        if self.reason is None and not silent:
            self.reason = _told(error, target)
            text = f"{self.reason}\nfallback='error' refuses it, fallback='tape' says nothing"
            warnings.warn(FallbackWarning(text), stacklevel=_level())


def chosen(how: str | Fallback, f: Any) -> Fallback:
    """The choice for a derivative of `f`: its own, or that of `f` if that is a derivative with one."""
    if isinstance(how, Fallback):
        return how
    inner = getattr(f, "_fallback", None)
    return Fallback(inner.how if how == "auto" and isinstance(inner, Fallback) else how)


def of_function(how: str | Fallback, f: Any, target: Target) -> Fallback:
    """The choice of a single call, such as `pb.jvp(f, ...)`: its user is told once for a function."""
    made = chosen(how, f)
    if made is how or made.how != "auto":
        return made
    kept = target.fn.__dict__.get("__pullback_fallback__")
    if kept is None or kept[0] is not target.fn:  # functools.wraps copies attributes
        kept = target.fn.__dict__["__pullback_fallback__"] = (target.fn, made)
    known: Fallback = kept[1]
    return known


def _unless_wrong(refused: PullbackError, tape: Any, taped: Callable[[Any], Answer]) -> Answer:
    """What the tape gives; if the program is wrong, the compiler's error, which names the line.

    Errors that the program raises itself stay what they are, and those that say nothing of types.
    """
    try:
        return taped(tape)
    except _OF_TYPES as error:
        if isinstance(error, (OverlapError, RecursionError)) or tape.raised_by_user(error):
            raise
        shown = None if isinstance(error, TypeMismatchError) else error
    raise refused from shown


def _told(error: PullbackError, target: Target) -> str:
    """Where and why a function runs on the tape, and what would make it compile."""
    src = error.src or target.src
    where = "" if target.foreign else f"{src}: "
    line = f"\n    {src.text}" if src.text else ""
    hint = error.hint or (_ONE_TYPE if isinstance(error, TypeMismatchError) else None)
    remedy = f"\nhint: {hint}" if hint else ""
    return (
        f"{where}{target.name} runs on the tape, operation by operation, because it cannot be compiled: "
        f"{error.message}{line}{remedy}"
    )


def _level() -> int:
    """How far up the caller's own line is, for `warnings.warn`."""
    frame, level = sys._getframe(1), 1
    while frame.f_back is not None and frame.f_code.co_filename.startswith(_OURS):
        frame, level = frame.f_back, level + 1
    return level
