"""A compiled function called with Tensors: one node on the tape, whose backward is the compiled adjoint."""

from __future__ import annotations

import linecache
from collections.abc import Iterator
from typing import Any

import numpy as np

from ...compiler.call.custom import CustomVjp, stop_gradient
from ...compiler.call.trees import build
from ...compiler.errors import ArgumentError, NoRuleError, UnsupportedError
from ...compiler.public.derivative import Derivative
from ...compiler.public.differentiable import Differentiable
from ...compiler.public.higher import vjp
from ..tape.node import Node, Recorded, wrap
from ..tape.record import face_of, record_many
from ..tensor.tensor import Tensor
from .run import on_tape


class CompiledBackward(Node):
    """A compiled function; `static` is a `_Call`."""

    __slots__ = ()

    def name(self) -> str:
        return f"{self.static.name}Backward"

    def backward(self, g: Any) -> Any:
        call: _Call = self.static
        if any(isinstance(part, Recorded) for part in g):
            return call.recorded(g)
        full = [
            np.zeros(s, d) if part is None else part
            for part, (s, d) in zip(g, self.outputs or [], strict=True)
        ]
        return call.pulled(full)


class _Call:
    """One call of a compiled function: how its results and its operands are arranged."""

    def __init__(self, owner: Any, args: tuple[Any, ...]) -> None:
        self.owner, self.args = owner, args
        self.function = owner if isinstance(owner, Derivative) else owner.primal
        self.name = getattr(owner, "__name__", "compiled")
        self.operands = list(_tensors(args))
        self.value, self.pull = vjp(self.function, *_arrays(args))

    def pulled(self, cotangents: list[Any]) -> tuple[Any, ...]:
        """The cotangents of the operands."""
        parts = iter([c[()] if c.ndim == 0 else c for c in cotangents])
        found = self.pull(_filled(self.value, parts))
        return tuple(np.asarray(leaf) for leaf in _matching(self.args, found))

    def recorded(self, cotangents: list[Any]) -> tuple[Any, ...]:
        """The same, recorded: the gradient of the sum of the results weighed with their cotangents."""
        if isinstance(self.owner, Derivative) or len(cotangents) != 1 or len(self.operands) != len(self.args):
            raise UnsupportedError(
                f"the derivative of {self.name} cannot be recorded: only that of a function with one "
                f"result, of "
                "arguments that all are Tensors",
                hint="use pb.hessian or pb.hvp",
            )
        if self.owner not in _WEIGHED:
            _WEIGHED[self.owner] = _weighed(self.function, self.name, len(self.args))
        found = _WEIGHED[self.owner](cotangents[0], *self.args)
        return found if isinstance(found, tuple) else (found,)


_WEIGHED: dict[Any, Derivative] = {}


def _weighed(function: Any, name: str, count: int) -> Derivative:
    """The gradient of sum(c * function(x0, x1, ...)) for the x: as text, which the compiler can read."""
    names = ", ".join(f"x{k}" for k in range(count))
    text = f"def weighed(c, {names}):\n    return np.sum(c * function({names}))\n"
    file = f"<pullback cotangent of {name} {len(_WEIGHED)}>"
    linecache.cache[file] = (len(text), None, text.splitlines(True), file)
    space: dict[str, Any] = {"np": np, "function": function}
    exec(compile(text, file, "exec"), space)
    return Derivative(space["weighed"], tuple(range(1, count + 1)))


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
        return _custom(owner, args, kwargs)
    target = owner._target
    if kwargs:
        args = target.bind(args, kwargs)[len(target.before) :]
    how = owner._options["fallback"]
    if how == "tape" and isinstance(owner, Differentiable):
        return on_tape(target, args)
    try:
        made = _Call(owner, args)
    except UnsupportedError as error:
        if how == "error" or not isinstance(owner, Differentiable):
            raise
        refused = error
    else:
        return _results(made)
    owner.grad.warn(refused, stacklevel=4)
    return on_tape(target, args)


def _constant(value: Any) -> Any:
    """A value with its memory, but without its history."""
    if isinstance(value, Recorded):
        out = wrap(type(value), value._a)
        out._version_of = value._shared_version()
        return out
    found = _children(value)
    return value if found is None else build(type(value), [_constant(v) for v in found[0]], found[1])


def _custom(owner: CustomVjp, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """A function with a derivative of the user's own: one node, whose backward is the user's."""
    if owner.fwd is None or owner.bwd is None:
        raise NoRuleError(f"{owner!r} has no derivative rule", hint="set one with defvjp(forward, backward)")
    if kwargs:
        raise UnsupportedError(f"{owner!r} with keyword arguments", hint="pass them by position")
    plain = tuple(_read_only(_arrays(a)) for a in args)
    operands = tuple(a for a in args if isinstance(a, Recorded))
    if len(operands) != sum(1 for _ in _tensors(args)):
        raise UnsupportedError(f"{owner!r} of containers of Tensors", hint="pass the Tensors themselves")
    try:
        value, residuals = owner.fwd(*plain)
    except ValueError as error:
        if "read-only" in str(error):
            raise UnsupportedError(
                f"{owner!r} writes to an argument", hint="let it work on a copy"
            ) from error
        raise
    parts = [np.asarray(part) for part in _floats(value)]
    static = (owner, residuals, value, tuple(isinstance(a, Recorded) for a in args))
    outs = record_many(CustomBackward, tuple(parts), operands, None, static)
    return _filled(value, iter(outs), face_of(operands))


class CustomBackward(Node):
    """A function with a rule of the user's own; `static`: it, residuals, value, what is recorded."""

    __slots__ = ()

    def name(self) -> str:
        return f"{getattr(self.static[0], '__name__', 'custom')}Backward"

    def backward(self, g: Any) -> Any:
        owner, residuals, value, recorded = self.static
        if any(isinstance(part, Recorded) for part in g):
            raise UnsupportedError(f"the derivative of {owner!r} cannot be recorded")
        full = [np.zeros(s, d) if p is None else p for p, (s, d) in zip(g, self.outputs or [], strict=True)]
        parts = iter([part[()] if part.ndim == 0 else part for part in full])
        found = owner.bwd(residuals, _filled(value, parts))
        if not isinstance(found, tuple) or len(found) != len(recorded):
            raise ArgumentError(f"the backward function of {owner!r} must give a tuple of {len(recorded)}")
        return tuple(None if c is None else np.asarray(c) for c, r in zip(found, recorded, strict=True) if r)


def _read_only(value: Any) -> Any:
    """An array that cannot be written to."""
    if isinstance(value, np.ndarray):
        value = value.view()
        value.flags.writeable = False
    return value


def _results(made: _Call) -> Any:
    """What a call gives, its floats and float arrays as Tensors."""
    parts = [np.asarray(part) for part in _floats(made.value)]
    operands = tuple(made.operands)
    if not parts:
        return made.value
    outs = record_many(CompiledBackward, tuple(parts), operands, None, made)
    return _filled(made.value, iter(outs), face_of(operands))


Tensor.__pullback_call__ = staticmethod(call)  # type: ignore[attr-defined]


def _children(value: Any) -> tuple[Any, tuple[Any, ...]] | None:
    """The items and keys of a container."""
    if isinstance(value, dict):
        return list(value.values()), tuple(value)
    if isinstance(value, (tuple, list)):
        return list(value), ()
    return None


def _tensors(value: Any) -> Iterator[Any]:
    if isinstance(value, Recorded):
        yield value
    else:
        for item in (_children(value) or ((), ()))[0]:
            yield from _tensors(item)


def _arrays(value: Any) -> Any:
    """The arguments with arrays for Tensors, NumPy's numbers for those without axes."""
    if isinstance(value, Recorded):
        return value._a if value._a.ndim else value._a[()]
    found = _children(value)
    return value if found is None else build(type(value), [_arrays(v) for v in found[0]], found[1])


def _matching(value: Any, gradient: Any) -> Iterator[Any]:
    """The gradients of the Tensors in an argument."""
    if isinstance(value, Recorded):
        yield gradient
        return
    found = _children(value)
    if found is not None and gradient is not None:
        for item, part in zip(found[0], _children(gradient)[0], strict=True):  # type: ignore[index]
            yield from _matching(item, part)


def _is_float(value: Any) -> bool:
    return type(value) is float or (isinstance(value, (np.ndarray, np.floating)) and value.dtype.kind == "f")


def _floats(value: Any) -> Iterator[Any]:
    if _is_float(value):
        yield value
    else:
        for item in (_children(value) or ((), ()))[0]:
            yield from _floats(item)


def _filled(value: Any, parts: Iterator[Any], face: Any = None) -> Any:
    """The value with other floats; arrays that are not floats become Tensors if a class is given."""
    if _is_float(value):
        return next(parts)
    found = _children(value)
    if found is not None:
        return build(type(value), [_filled(v, parts, face) for v in found[0]], found[1])
    return wrap(face, value) if face is not None and isinstance(value, np.ndarray) else value
