"""Functions of NumPy and SciPy that the tape has no operation for: compiled, one node on the tape each."""

from __future__ import annotations

import functools
import os
import types
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

from ...compiler.errors import PullbackError, UnsupportedError
from ...compiler.public.higher import vjp
from ..ops.written import written
from ..tape.mode import mode
from ..tape.node import Recorded, wrap
from ..tape.record import edge, record_many, snapshot
from .calls import Call, CallBackward, weighed
from .code import is_standard, refusal


class _Library(Call):
    """A call of a library's function."""

    def __init__(self, name: str, function: Callable[..., Any], operands: tuple[Any, ...]) -> None:
        self.name, self.function = name, function
        self.kept = tuple([snapshot(a) if isinstance(a, Recorded) else a for a in operands])
        self.value, self.pull = vjp(function, *[_operand(a) for a in operands], fallback="error")

    def pulled(self, cotangents: list[Any]) -> tuple[Any, ...]:
        several = isinstance(self.value, (tuple, list))
        found = self.pull(tuple(cotangents) if several else cotangents[0])
        return tuple([None if c is None else np.asarray(c) for c in found])

    def recorded(self, cotangents: list[Any]) -> tuple[Any, ...]:
        """The gradient of the sum of the result weighed with its cotangent."""
        if len(cotangents) != 1:
            return super().recorded(cotangents)
        numbers = tuple(k for k, a in enumerate(self.kept) if isinstance(a, Recorded))
        gradient = weighed(self.function, self.function, self.name, numbers)
        found = dict(zip(numbers, gradient(cotangents[0], *self.kept), strict=True))
        return tuple([found.get(k) for k in range(len(self.kept))])


def call(function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """A function of a library on Arrays: as one compiled node, or as the Python code that it is.

    Raises
    ------
    UnsupportedError
        If neither can be done, and an operand wants a derivative.
    """
    from .array import plain, unwrapped, unwrapped_arguments

    given = [*args, *kwargs.values()]
    if not (mode.enabled and any(edge(a) is not None for a in _recorded(given))) and not any(
        map(_is_code, given)
    ):
        return plain(_as_arrays(function(*unwrapped(args), **unwrapped_arguments(kwargs))))
    key = (function, *map(_kind, given), *kwargs)
    refused = _REFUSED.get(key)
    if refused is None:
        try:
            return _compiled(function, args, kwargs)
        except PullbackError as error:
            refused = _REFUSED[key] = error.message
    return _as_python(function, args, kwargs, refused)


_REFUSED: dict[Any, str] = {}
"""Why calls were refused: the text, as an error would keep the arrays of the frames that it came through."""


def _kind(value: Any) -> Any:
    """What decides whether a call compiles."""
    if isinstance(value, (Recorded, np.ndarray)):
        return (value._a if isinstance(value, Recorded) else value).ndim
    return value if isinstance(value, (str, int)) else type(value)


def _is_code(value: Any) -> bool:
    return isinstance(value, (types.FunctionType, types.MethodType))


def _compiled(function: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    from .array import plain

    name = _name(function)
    if any(_recorded([v]) for v in kwargs.values()) or any(
        _recorded([a]) for a in args if isinstance(a, (list, tuple))
    ):
        raise UnsupportedError(
            f"{name} of differentiated values in lists or keyword arguments",
            hint="pass them as positional arguments, np.stack lists",
        )
    variable = [k for k, a in enumerate(args) if isinstance(a, (Recorded, np.ndarray, float, np.floating))]
    operands = tuple(args[k] for k in variable)
    made = _Library(name, _text(function, args, variable, kwargs), operands)
    several = isinstance(made.value, (tuple, list))
    parts = tuple(map(np.asarray, made.value if several else (made.value,)))
    outs = record_many(CallBackward, parts, operands, None, made)
    return plain(
        type(made.value)(outs) if type(made.value) in (tuple, list) else outs if several else outs[0]
    )


def _name(function: Any) -> str:
    return str(getattr(function, "__name__", function))


def _as_python(function: Any, args: tuple[Any, ...], kwargs: dict[str, Any], reason: str) -> Any:
    """The function's own Python code, with what its names stand for replaced, as a user's."""
    from .array import plain, unwrapped, unwrapped_arguments

    code = getattr(function, "_implementation", function)  # behind NumPy's dispatcher
    hint = _HINTS.get(_name(function), "write it with functions of NumPy, or give it a rule by pb.custom_vjp")
    if isinstance(code, types.FunctionType):
        try:
            return plain(_rebound().of(code)(*args, **kwargs))
        except Exception as error:
            cause = refusal(error)
            if cause is None:
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")
                    function(*unwrapped(args), **unwrapped_arguments(kwargs))  # its errors are the program's
                reason = f"in {_place(error)}, its code takes arrays only ({type(error).__name__})"
            else:
                reason = f"in {_place(error)}, {cause.message}"
    raise UnsupportedError(f"{_name(function)} has no derivative here: {reason}", hint=hint)


_HINTS = {
    "quad": "use scipy.integrate.fixed_quad, or np.trapezoid of values at points of your own",
    "odeint": "use scipy.integrate.solve_ivp, or steps of your own",
    "minimize": "differentiate the solution by pb.custom_vjp, or write the iteration out",
    "curve_fit": "solve it by np.linalg.lstsq, or write the iteration out",
    "lu_factor": "use scipy.linalg.solve",
}


def _place(error: BaseException) -> str:
    """The library's line at which an error happened."""
    found, line = "its code", error.__traceback__
    while line is not None:
        code = line.tb_frame.f_code
        if not code.co_filename.startswith(_OURS):
            found = f"{code.co_filename}:{line.tb_lineno}"
        line = line.tb_next
    return found


_OURS = os.path.dirname(os.path.dirname(os.path.dirname(__file__))) + os.sep


@functools.cache
def _rebound() -> Any:
    """The functions of libraries as they run on the tape; they keep nothing of a run."""
    from .rebind import Rebound

    return Rebound(is_standard)


def module(value: types.ModuleType) -> Any:
    """A module of a library as users' programs see it."""
    from .rebind import Module

    return Module(value, _users())


@functools.cache
def _users() -> Any:
    from .rebind import Rebound

    return Rebound()


_FUNCTIONS: dict[int, Any] = {}


def function(value: types.FunctionType) -> Any:
    """A function of a library as users' programs see it: itself for plain arguments."""
    from . import roots  # noqa: F401 (adds to them)
    from .scipy_linalg import TWINS

    known = _FUNCTIONS.get(id(value)) or TWINS.get(value)
    if known is None:

        @functools.wraps(value)
        def run(*args: Any, **kwargs: Any) -> Any:
            given = [*args, *kwargs.values()]
            if _recorded(given) or any(map(_is_code, given)):
                return call(value, args, kwargs)
            return value(*args, **kwargs)

        known = _FUNCTIONS[id(value)] = run
    return known


def _operand(value: Any) -> Any:
    array = value._a if isinstance(value, Recorded) else value
    return array[()] if isinstance(array, np.ndarray) and array.ndim == 0 else array


_TEXTS: dict[Any, Callable[..., Any]] = {}


def _text(
    function: Any, args: tuple[Any, ...], variable: list[int], kwargs: dict[str, Any]
) -> Callable[..., Any]:
    """A function of the arrays and floats alone, with the rest of the arguments as part of it."""
    names = [f"x{k}" if k in variable else f"c{k}" for k in range(len(args))]
    constants = {f"c{k}": a for k, a in enumerate(args) if k not in variable} | kwargs
    key = (function, tuple(names), tuple(kwargs), repr(constants))
    if key not in _TEXTS:
        inside = ", ".join([*names, *[f"{name}={name}" for name in kwargs]])
        text = f"def call({', '.join(f'x{k}' for k in variable)}):\n    return library({inside})\n"
        title = f"call {len(_TEXTS)} of {getattr(function, '__name__', function)}"
        _TEXTS[key] = written(text, title, {"library": function, **constants})
    return _TEXTS[key]


def _recorded(values: Any) -> list[Any]:
    found = []
    for value in values:
        if isinstance(value, Recorded):
            found.append(value)
        elif isinstance(value, (list, tuple)):
            found += _recorded(value)
    return found


def _as_arrays(value: Any) -> Any:
    from .array import Array

    if isinstance(value, tuple):
        return tuple(_as_arrays(v) for v in value)
    if isinstance(value, (np.ndarray, np.floating, np.complexfloating)):
        return wrap(Array, np.asarray(value))
    return value
