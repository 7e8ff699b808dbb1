"""Functions of NumPy and SciPy that the tape has no operation for: compiled, one node on the tape each."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ...compiler.errors import PullbackError, UnsupportedError
from ...compiler.public.higher import vjp
from ..ops.written import written
from ..tape.mode import mode
from ..tape.node import Recorded, wrap
from ..tape.record import edge, record_many
from .calls import Call, CallBackward


class _Library(Call):
    """A call of a library's function."""

    def __init__(self, name: str, function: Callable[..., Any], operands: tuple[Any, ...]) -> None:
        self.name = name
        self.value, self.pull = vjp(function, *[_operand(a) for a in operands], fallback="error")

    def pulled(self, cotangents: list[Any]) -> tuple[Any, ...]:
        several = isinstance(self.value, tuple)
        found = self.pull(tuple(cotangents) if several else cotangents[0])
        return tuple([None if c is None else np.asarray(c) for c in found])


def compiled_call(function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """A library function as one node.

    Raises
    ------
    UnsupportedError
        If the compiler does not know it, and an operand wants a derivative.
    """
    from .array import plain, unwrapped, unwrapped_arguments

    wanted = mode.enabled and any(edge(a) is not None for a in _recorded([*args, *kwargs.values()]))
    if not wanted:
        return plain(_as_arrays(function(*unwrapped(args), **unwrapped_arguments(kwargs))))
    name = getattr(function, "__name__", str(function))
    if any(_recorded([v]) for v in kwargs.values()) or any(
        _recorded([a]) for a in args if isinstance(a, (list, tuple))
    ):
        raise UnsupportedError(
            f"{name} of differentiated values in lists or keyword arguments",
            hint="pass them as positional arguments, np.stack lists",
        )
    variable = [k for k, a in enumerate(args) if isinstance(a, (Recorded, np.ndarray, float, np.floating))]
    operands = tuple(args[k] for k in variable)
    try:
        made = _Library(name, _text(function, args, variable, kwargs), operands)
    except PullbackError as error:
        raise UnsupportedError(
            f"{name} has no derivative here: {error.message}",
            hint="python -m pullback ops lists what has one",
        ) from error
    several = isinstance(made.value, tuple)
    parts = tuple(map(np.asarray, made.value if several else (made.value,)))
    outs = record_many(CallBackward, parts, operands, None, made)
    return plain(outs if several else outs[0])


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
