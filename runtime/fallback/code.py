"""Whose code it is that runs on the tape, and what it refers to."""

from __future__ import annotations

import dis
import opcode
import sys
import types

from ...compiler.errors import UnsupportedError

_NUMERICAL = ("numpy", "scipy")
_REMAINDERS = [k for k, (_, text) in enumerate(getattr(opcode, "_nb_ops", ())) if text in ("%", "%=")]


def _top(module: str | None) -> str:
    return (module or "").partition(".")[0]


def is_numerical(module: str | None) -> bool:
    """Whether a module is of a library whose Python code can run on the tape."""
    return _top(module) in _NUMERICAL


def is_standard(module: str | None) -> bool:
    """Whether a module is Python's, Numba's or ours: its functions are called as they are."""
    top = _top(module)
    return top in sys.stdlib_module_names or top in ("numba", "pullback")


def is_foreign(module: str | None) -> bool:
    """Whether a module is not the user's: a library that works on Arrays as it is."""
    return is_standard(module) or is_numerical(module)


def names_of(code: types.CodeType) -> set[str]:
    """The names that a function and those inside of it refer to."""
    inside = [names_of(c) for c in code.co_consts if isinstance(c, types.CodeType)]
    return set(code.co_names).union(*inside)


def raised_by_user(error: BaseException) -> bool:
    """Whether a `raise` or an `assert` of the user's own code raised an error."""
    line = error.__traceback__
    while line is not None and line.tb_next is not None:
        line = line.tb_next
    if line is None or is_foreign(line.tb_frame.f_globals.get("__name__")):
        return False
    return dis.opname[line.tb_frame.f_code.co_code[line.tb_lasti]] == "RAISE_VARARGS"


def formats(frame: types.FrameType) -> bool:
    """Whether a line that asks a value for a float is at a `%`: there only text does, `"%.3f" % x`."""
    code = frame.f_code.co_code
    name, arg = dis.opname[code[frame.f_lasti]], code[frame.f_lasti + 1]
    return name == "BINARY_OP" and arg in _REMAINDERS


def refusal(error: BaseException | None) -> UnsupportedError | None:
    """The refusal that led to an error, if one did."""
    while error is not None and not isinstance(error, UnsupportedError):
        error = error.__cause__ or error.__context__
    return error
