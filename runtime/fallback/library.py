"""Functions of NumPy and SciPy that the tape has no operation for: compiled, one node on the tape each."""

from __future__ import annotations

import linecache
from collections.abc import Callable
from typing import Any

import numpy as np

from ...compiler.errors import PullbackError, UnsupportedError
from ...compiler.public.higher import vjp
from ..tape.mode import mode
from ..tape.node import Node, Recorded, wrap
from ..tape.record import edge, record, record_many


class CompiledBackward(Node):
    """A call whose adjoint is compiled; `static` maps a cotangent of the results to those of the operands."""

    __slots__ = ()

    def name(self) -> str:
        return f"{self.static[0]}Backward"

    def backward(self, g: Any) -> Any:
        _, pull, places = self.static
        if isinstance(g, Recorded) or (isinstance(g, list) and any(isinstance(part, Recorded) for part in g)):
            raise UnsupportedError(
                f"the derivative of {self.static[0]} cannot be recorded",
                hint="use pb.hessian or pb.hvp of a function that compiles: fallback='error' tells why not",
            )
        if isinstance(g, list):
            shapes = self.outputs or []
            full = [np.zeros(s, d) if part is None else part for part, (s, d) in zip(g, shapes, strict=True)]
            gradients = pull(tuple(full))
        else:
            gradients = pull(g[()] if g.ndim == 0 else g)
        return tuple([None if gradients[k] is None else np.asarray(gradients[k]) for k in places])


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
        value, pull = vjp(_text(function, args, variable, kwargs), *[_operand(a) for a in operands])
    except PullbackError as error:
        raise UnsupportedError(
            f"{name} has no derivative here: {error.message}",
            hint="python -m pullback ops lists what has one",
        ) from error
    static = (name, pull, tuple(range(len(operands))))
    if isinstance(value, tuple):
        return plain(record_many(CompiledBackward, tuple(map(np.asarray, value)), operands, None, static))
    return plain(record(CompiledBackward, np.asarray(value), operands, None, static))


def _operand(value: Any) -> Any:
    array = value._a if isinstance(value, Recorded) else value
    return array[()] if isinstance(array, np.ndarray) and array.ndim == 0 else array


_TEXTS: dict[Any, Callable[..., Any]] = {}


def _text(
    function: Any, args: tuple[Any, ...], variable: list[int], kwargs: dict[str, Any]
) -> Callable[..., Any]:
    """A function of the arrays and floats alone, with the rest of the arguments as part of it.

    It is written as text, because the compiler reads functions.
    """
    names = [f"x{k}" if k in variable else f"c{k}" for k in range(len(args))]
    constants = {f"c{k}": a for k, a in enumerate(args) if k not in variable} | kwargs
    key = (function, tuple(names), tuple(kwargs), repr(constants))
    if key not in _TEXTS:
        inside = ", ".join([*names, *[f"{name}={name}" for name in kwargs]])
        text = f"def call({', '.join(f'x{k}' for k in variable)}):\n    return library({inside})\n"
        file = f"<pullback call {len(_TEXTS)} of {getattr(function, '__name__', function)}>"
        linecache.cache[file] = (len(text), None, text.splitlines(True), file)
        space: dict[str, Any] = {"library": function, **constants}
        exec(
            compile(text, file, "exec"), space
        )  # names and numbers that stand above, nothing of the user's text
        _TEXTS[key] = space["call"]
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
