"""A function of NumPy code as it runs on the tape: as Python, with Arrays for its floats.

A value that the program would have lost the derivative of is refused with its line.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from ...compiler.call.signature import Target
from ...compiler.errors import OverlapError, Src
from ..tape.mode import enable_grad
from ..tape.node import Recorded, wrap
from ..tape.record import keeping_old
from ..tensor.tensor import Tensor
from .array import ARRAY, Array, is_array
from .code import refusal
from .number import Number
from .rebind import Rebound
from .trees import faced, leaves_of, with_leaves


class _Running(threading.local):
    """The runs under way in a thread, the outermost first: for each the leaves that its values hang on."""

    def __init__(self) -> None:
        self.runs: list[list[Any]] = []


running = _Running()


@contextmanager
def under_way(leaves: list[Any]) -> Iterator[None]:
    """While a program runs, whose values hang on these leaves; so do those of the run around it, then."""
    running.runs.append(leaves)
    try:
        yield
    finally:
        running.runs.pop()
        if running.runs:
            running.runs[-1].extend(leaves)


class Traced:
    """An argument as the function gets it.

    Attributes
    ----------
    value
        The argument with Arrays in it.
    leaves
        Those that want a gradient, as they were before the function could write to them.
    likes
        What they stand for in the user's argument.
    """

    def __init__(self, given: Any, *, differentiate: bool) -> None:
        self.leaves: list[Any] = []
        self.likes: list[Any] = []
        self.shared: list[tuple[Any, Any]] = []
        operands = []
        for part in leaves_of(given):
            leaf = _leaf(part, differentiate)
            operand = leaf
            if leaf._a.ndim or isinstance(part, np.ndarray):
                # The function may write to its arguments, which a leaf that wants a gradient does not allow.
                operand = +leaf if differentiate else leaf
            if isinstance(part, np.ndarray):
                self.shared.append((part, operand))
            if leaf._a.ndim == 0 and (isinstance(part, np.ndarray) or _is_array(part)):
                operand._extras().name = ARRAY
            operands.append(operand)
            if differentiate:
                self.leaves.append(leaf)
                self.likes.append(part)
        self.value = with_leaves(given, iter(operands))


def _leaf(part: Any, differentiate: bool) -> Any:
    """A leaf of an argument on the tape; of a recorded one a value that hangs on it."""
    face = Number if type(part) in (float, Number) else Array
    if not isinstance(part, Recorded):
        leaf = wrap(face, np.array(part))
        leaf._r = differentiate
        return leaf
    own = faced(part, face)
    if own._r:
        return +own
    leaf = wrap(face, part._a.copy())
    leaf._r = differentiate
    return leaf


def _is_array(part: Any) -> bool:
    return isinstance(part, Recorded) and is_array(part)


def on_tape(target: Target, args: Sequence[Any]) -> Any:
    """A function of Tensors, operation by operation with NumPy's manners; what it gives are Tensors."""
    values = [faced(value, Array) for value in args]
    with keeping_old(), located(target):
        return faced(Rebound().of(target.fn)(*target.before, *values), Tensor)


def called(target: Target, values: Sequence[Any], leaves: list[Any]) -> Any:
    """What the function gives for a value for each of its parameters, which hang on some leaves."""
    with enable_grad(), keeping_old(), under_way(leaves), located(target):
        rebound = Rebound()
        return _called(target, rebound.of(target.fn), [rebound.of(value) for value in values])


@contextmanager
def located(target: Target) -> Iterator[None]:
    """Give a refusal the line of the function at which it happened."""
    try:
        yield
    except Exception as error:
        reason = refusal(error)
        if reason is None or reason.src is not None:
            raise
        line = error.__traceback__
        place = target.src
        while line is not None:
            if line.tb_frame.f_code.co_filename == place.file:
                place = Src(place.file, line.tb_lineno, def_line=place.def_line)
            line = line.tb_next
        raise type(reason)(reason.message, place, reason.hint) from None


def _called(target: Target, function: Callable[..., Any], values: Sequence[Any]) -> Any:
    args: list[Any] = []
    named: dict[str, Any] = {}
    for param, value in zip(target.signature.parameters.values(), values, strict=True):
        if param.kind is param.VAR_POSITIONAL:
            args += value
        elif param.kind is param.VAR_KEYWORD:
            named |= value
        elif param.kind is param.KEYWORD_ONLY:
            named[param.name] = value
        else:
            args.append(value)
    return function(*args, **named)


def check_overlap(traced: Sequence[Traced]) -> None:
    """Refuse arguments that share memory if the function has written to one of them."""
    arrays = [pair for one in traced for pair in one.shared]
    for i, (first, seen) in enumerate(arrays):
        for second, other in arrays[i + 1 :]:
            if (seen._version or other._version) and np.shares_memory(first, second):
                raise OverlapError(
                    "two arguments share memory, and the function writes to one of them", hint="pass copies"
                )
