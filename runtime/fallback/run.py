"""A function of NumPy code as it runs on the tape: as Python, with Arrays for its floats.

A value that the program would have lost the derivative of is refused with its line.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from ...compiler.call.signature import Target
from ...compiler.errors import Src, UnsupportedError
from ..tape.mode import enable_grad
from ..tape.node import Recorded, wrap
from ..tape.record import keeping_old
from ..tensor.tensor import Tensor
from .array import ARRAY, Array, is_array
from .code import raised_by_user, refusal
from .number import Number
from .outside import Outside, left
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
    rebound = Rebound(entry=target.fn)
    with keeping_old(), located(target), carried(rebound.outside, lambda value: faced(value, Tensor)):
        return faced(rebound.of(target.fn)(*target.before, *values), Tensor)


def called(target: Target, traced: Sequence[Traced], values: Sequence[Any], leaves: list[Any]) -> Any:
    """What the function gives for a value for each of its parameters, which hang on some leaves."""
    rebound = Rebound(entry=target.fn)
    shared = [pair for one in traced for pair in one.shared]
    shown = _as_outside(traced)
    with enable_grad(), keeping_old(), under_way(leaves), located(target), carried(rebound.outside, shown):
        made = _called(target, rebound.of(target.fn), [rebound.of(value) for value in values])
    rebound.outside.check_overlap(shared)
    return made


def _as_outside(traced: Sequence[Traced]) -> Callable[[Any], Any]:
    """What stands outside for a value of a run: itself for a run around it, else a number or an array, or a
    Tensor if some were given.
    """
    if running.runs:
        return lambda value: value
    if any(isinstance(like, Recorded) for one in traced for like in one.likes):
        return lambda value: faced(value, Tensor)
    return left


@contextmanager
def carried(outside: Outside, shown: Callable[[Any], Any]) -> Iterator[None]:
    """Carry back what a program does to what it finds outside, also if it raises."""
    try:
        yield
    finally:
        outside.carry(shown)


@contextmanager
def located(target: Target) -> Iterator[None]:
    """Give a refusal the line of the function at which it happened."""
    try:
        yield
    except Exception as error:
        reason = refusal(error) or _of_our_classes(error)
        if reason is None or reason.src is not None:
            raise
        line = error.__traceback__
        place = target.src
        while line is not None:
            if line.tb_frame.f_code.co_filename == place.file:
                place = Src(place.file, line.tb_lineno, def_line=place.def_line)
            line = line.tb_next
        raise type(reason)(reason.message, place, reason.hint) from None


def _of_our_classes(error: Exception) -> UnsupportedError | None:
    """The refusal that stands for an error of code which takes plain numbers and arrays only."""
    if not isinstance(error, TypeError) or raised_by_user(error) or not _OUR_CLASSES.search(str(error)):
        return None
    return UnsupportedError(
        f"what takes plain numbers or arrays only has got a value that is differentiated: {error}",
        hint="use NumPy's functions on it, or pb.stop_gradient it where no derivative is wanted",
    )


_OUR_CLASSES = re.compile(r"\b(Array|Number)\b")


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
