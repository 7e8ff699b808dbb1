"""A compiled function called with Tensors: one node on the tape, whose backward is the compiled adjoint."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from ...compiler.call.custom import CustomVjp, stop_gradient
from ...compiler.errors import ArgumentError, NoRuleError, UnsupportedError
from ...compiler.public.derivative import Derivative
from ...compiler.public.differentiable import Differentiable
from ...compiler.public.fallback import Fallback
from ...compiler.public.higher import base_of, places, vjp
from ...compiler.public.verifying import float_parts, is_float, replaced
from ..tape.node import Recorded, wrap
from ..tape.record import face_of, record_many, snapshot
from . import derivatives
from .calls import Call, CallBackward, weighed
from .run import on_tape, running
from .trees import faced, items_of, rebuilt


class _Compiled(Call):
    """A call of a compiled function: how its results and its operands are arranged."""

    def __init__(self, owner: Any, args: tuple[Any, ...]) -> None:
        self.owner, self.args = owner, args
        self.function = owner if isinstance(owner, Derivative) else owner.primal
        self.name = getattr(owner, "__name__", "compiled")
        self.kept = tuple(map(_snapshot, args))
        self.value, self.pull = vjp(self.function, *_arrays(args), fallback="error")

    def pulled(self, cotangents: list[Any]) -> tuple[Any, ...]:
        found = self.pull(replaced(self.value, iter(cotangents)))
        return tuple(np.asarray(leaf) for leaf in _matching(self.args, found))

    def recorded(self, cotangents: list[Any]) -> tuple[Any, ...]:
        """The gradient of the sum of the results weighed with their cotangents.

        It is compiled for a function with one result, of arguments that all are Tensors. Else, and where a
        gradient is differentiated, the function runs on the tape.
        """
        plain = all(isinstance(a, Recorded) for a in self.kept)
        if isinstance(self.owner, Derivative) or len(cotangents) != 1 or not plain:
            return self._on_tape(cotangents)
        numbers = tuple(range(len(self.kept)))
        return weighed(self.owner, self.function, self.name, numbers)(cotangents[0], *self.kept)

    def _on_tape(self, cotangents: list[Any]) -> tuple[Any, ...]:
        target, inner = base_of(self.function)
        step = None if inner is None else (places(target, inner.numbers), inner.single)
        numbers = [k for k, a in enumerate(self.kept) if any(True for _ in _tensors(a))]
        at = places(target, numbers)
        _, pull, _ = derivatives.vjp(target, target.bind(self.kept, {}), at, step)
        found = pull(replaced(self.value, iter(cotangents)))
        each = zip(numbers, found, strict=True)
        return tuple([leaf for k, part in each for leaf in _matching(self.kept[k], part)])


class _Custom(Call):
    """A call of a function with a derivative of the user's own."""

    def __init__(self, owner: CustomVjp, args: tuple[Any, ...]) -> None:
        if owner.fwd is None or owner.bwd is None:
            raise NoRuleError(
                f"{owner!r} has no derivative rule", hint="set one with defvjp(forward, backward)"
            )
        self.owner, self.bwd = owner, owner.bwd
        self.name = getattr(owner, "__name__", "custom")
        self.recorded_args = [isinstance(a, Recorded) for a in args]
        if sum(self.recorded_args) != sum(1 for _ in _tensors(args)):
            raise UnsupportedError(f"{owner!r} of containers of Tensors", hint="pass the Tensors themselves")
        try:
            self.value, self.residuals = owner.fwd(*[_read_only(_arrays(a)) for a in args])
        except ValueError as error:
            if "read-only" not in str(error):
                raise
            raise UnsupportedError(
                f"{owner!r} writes to an argument", hint="let it work on a copy"
            ) from error

    def pulled(self, cotangents: list[Any]) -> tuple[Any, ...]:
        found = self.bwd(self.residuals, replaced(self.value, iter(cotangents)))
        wanted = self.recorded_args
        if not isinstance(found, tuple) or len(found) != len(wanted):
            raise ArgumentError(f"the backward function of {self.owner!r} must give a tuple of {len(wanted)}")
        return tuple(None if c is None else np.asarray(c) for c, w in zip(found, wanted, strict=True) if w)


def call(owner: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """A compiled function on Tensors.

    Parameters
    ----------
    owner
        What was called.
    args, kwargs
        Its arguments, Tensors among them or in their containers.

    Returns
    -------
    The value, its floats and float arrays as Tensors.

    Raises
    ------
    UnsupportedError
        If the function cannot be compiled.
    """
    if owner is stop_gradient:
        return _constant(args[0])
    if isinstance(owner, CustomVjp):
        if kwargs:
            raise UnsupportedError(f"{owner!r} with keyword arguments", hint="pass them by position")
        return _results(_Custom(owner, args), args)
    target = owner._target
    if kwargs:
        args = target.bind(args, kwargs)[len(target.before) :]
    fallback: Fallback = owner._fallback

    def in_face(value: Any) -> Any:  # Tensors for Tensors, Arrays in a program on Arrays
        return faced(value, face_of(tuple(_tensors(args))))

    def taped(tape: Any) -> Any:
        if isinstance(owner, Differentiable):
            return in_face(on_tape(target, args))
        return owner._taped(tape, target.bind(args, {})).answer

    # Who runs on the tape has been told so.
    made = fallback.run(target, lambda: _Compiled(owner, args), taped, silent=bool(running.runs))
    return _results(made, args) if isinstance(made, _Compiled) else made


def _results(made: Any, args: tuple[Any, ...]) -> Any:
    """What a call gives, its floats and arrays as Tensors."""
    parts = tuple([np.asarray(part) for part in float_parts(made.value)])
    if not parts:
        return made.value
    operands = tuple(_tensors(args))
    outs = record_many(CallBackward, parts, operands, None, made)
    return _with_tensors(made.value, iter(outs), face_of(operands))


def _constant(value: Any) -> Any:
    """A value with its memory, but without its history."""
    if isinstance(value, Recorded):
        out = wrap(type(value), value._a)
        out._version_of = value._shared_version()
        return out
    return rebuilt(value, _constant)


def _snapshot(value: Any) -> Any:
    """An argument as it is now, whatever is written to its Tensors later."""
    return snapshot(value) if isinstance(value, Recorded) else rebuilt(value, _snapshot)


def _read_only(value: Any) -> Any:
    """An array that cannot be written to."""
    if isinstance(value, np.ndarray):
        value = value.view()
        value.flags.writeable = False
    return value


# ---- containers, in which Tensors are leaves
def _tensors(value: Any) -> Iterator[Any]:
    if isinstance(value, Recorded):
        yield value
    else:
        for item in items_of(value)[1]:
            yield from _tensors(item)


def _arrays(value: Any) -> Any:
    """The arguments with arrays for Tensors, NumPy's numbers for those without axes."""
    if isinstance(value, Recorded):
        return value._a if value._a.ndim else value._a[()]
    return rebuilt(value, _arrays)


def _matching(value: Any, gradient: Any) -> Iterator[Any]:
    """The gradients of the Tensors in an argument."""
    if isinstance(value, Recorded):
        yield gradient
    elif gradient is not None:
        for item, part in zip(items_of(value)[1], items_of(gradient)[1], strict=True):
            yield from _matching(item, part)


def _with_tensors(value: Any, parts: Iterator[Any], face: type) -> Any:
    """A result with Tensors for its floats and arrays."""
    if is_float(value):
        return next(parts)
    if isinstance(value, np.ndarray):
        return wrap(face, value)
    return rebuilt(value, lambda item: _with_tensors(item, parts, face))
