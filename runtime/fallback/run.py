"""The gradient of a function that runs on the tape: `pb.grad` of a function that does not compile.

The function runs as Python; its float arguments are Arrays, which record. The gradient has the structure of
the arguments, as that of compiled code.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ...compiler.call.signature import Target
from ...compiler.call.trees import build
from ...compiler.errors import OverlapError, Src, TypeMismatchError, UnsupportedError
from ...compiler.public.verifying import float_parts, is_float, parts_of, replaced
from ..tape import engine
from ..tape.mode import enable_grad
from ..tape.node import Node, Recorded, node_of, wrap
from ..tape.record import edge, keeping_old
from ..tensor.tensor import Tensor
from .array import ARRAY, Array, is_array
from .classes import original
from .number import Number
from .rebind import Rebound


def value_and_gradients(
    target: Target, params: Sequence[Any], places: Sequence[tuple[int, int | None]], has_aux: bool
) -> tuple[Any, list[Any]]:
    """The value of a function, and its gradients for some of its arguments.

    Parameters
    ----------
    target
        The function.
    params
        A value for each of its parameters, *args as a tuple; they are not changed.
    places
        What to differentiate: a parameter, or an item of *args.
    has_aux
        Whether the function returns (value, auxiliary data).

    Returns
    -------
    value, gradients
        The value, with the auxiliary data if there is any; a gradient for each of `places`.

    Raises
    ------
    TypeMismatchError
        If the function does not return one real number, or an argument holds no floats.
    OverlapError
        If arguments share memory and the function writes to one of them.
    """
    given: dict[tuple[int, int | None], Any] = {(k, None): value for k, value in enumerate(params)}
    for k, item in places:
        if item is not None:
            given |= {(k, i): value for i, value in enumerate(given.pop((k, None), params[k]))}
            given.pop((k, None), None)
        if not any(True for _ in float_parts(given[k, item])):
            raise TypeMismatchError("an argument to differentiate holds no floats", hint="pass floats")
    traced = {place: _traced(value, differentiate=place in places) for place, value in given.items()}
    values = [
        traced[k, None].value
        if (k, None) in traced
        else tuple(traced[k, i].value for i in range(len(params[k])))
        for k in range(len(params))
    ]
    result = _run(target, values)
    _check_overlap(traced)
    value, aux = result if has_aux else (result, None)
    leaves = [leaf for place in places for leaf in traced[place].leaves]
    likes = [part for place in places for part in float_parts(given[place])]
    found = zip(leaves, _pulled(value, leaves), likes, strict=True)
    parts = iter([_gradient(leaf, g, like) for leaf, g, like in found])
    gradients = [_tree(given[place], parts) for place in places]
    shown = _plain(value)
    return ((shown, _plain(aux)) if has_aux else shown), gradients


def on_tape(target: Target, args: Sequence[Any]) -> Any:
    """A function of Tensors, operation by operation with NumPy's manners; what it gives are Tensors."""
    values = [_faced(value, Array) for value in args]
    with keeping_old():
        return _faced(Rebound().of(target.fn)(*target.before, *values), Tensor)


def _faced(value: Any, face: type) -> Any:
    """Recorded values, also in containers, as ones of another class with the same memory and history."""
    if isinstance(value, Recorded):
        out = wrap(face, value._a)
        out._version_of = value._shared_version()
        out._fn = edge(value)
        out._r = out._fn is not None
        return out
    if isinstance(value, dict):
        return {k: _faced(v, face) for k, v in value.items()}
    if type(value) in (tuple, list) or hasattr(value, "_fields"):
        return build(type(value), [_faced(v, face) for v in value], ())
    return wrap(face, value) if isinstance(value, np.ndarray) and value.dtype.kind in "fc" else value


def _run(target: Target, values: Sequence[Any]) -> Any:
    """What the function gives; a value that it would have lost the derivative of is refused with its line."""
    try:
        with enable_grad(), keeping_old():
            rebound = Rebound()
            return _called(target, rebound.of(target.fn), [rebound.of(value) for value in values])
    except Exception as error:
        reason: Any = error
        while reason is not None and not isinstance(reason, UnsupportedError):
            reason = reason.__cause__ or reason.__context__
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
    """The function on a value for each of its parameters."""
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


def _pulled(value: Any, leaves: list[Any]) -> list[Any]:
    """The cotangents of the leaves for a cotangent 1 of the value."""
    number = value if isinstance(value, Recorded) else wrap(Array, np.asarray(value))
    if number._a.shape != () or number._a.dtype.kind not in "fiub":
        raise TypeMismatchError(
            f"a gradient needs a function that returns one number, and it returned {value!r:.60}",
            hint="return a float, or use pb.vjp",
        )
    start = edge(number)
    if start is None:
        return [None] * len(leaves)
    _check_leaves(start, leaves)
    return engine.run([start], [np.ones((), number._a.dtype)], targets=leaves, accumulate=False)


def _check_leaves(start: Any, leaves: list[Any]) -> None:
    """Refuse a value that hangs on arguments of another run: their derivative would be lost.

    Raises
    ------
    UnsupportedError
        If the program kept a value of an earlier call, in a global dictionary for example.
    """
    own = {id(leaf) for leaf in leaves}
    stack, seen = [node_of(start)], set()
    while stack:
        node = stack.pop()
        if id(node) in seen:
            continue
        seen.add(id(node))
        if isinstance(node, Array) and id(node) not in own:
            raise UnsupportedError(
                "the program uses a value that an earlier call computed and kept",
                hint="keep values in local variables, or pb.stop_gradient what is kept",
            )
        if isinstance(node, Node):
            stack += [node_of(e) for e in node.edges if e is not None]


class _Traced:
    """An argument as the function gets it, and its leaves that want a gradient."""

    def __init__(self, value: Any, leaves: list[Any], shared: list[tuple[Any, Any]]) -> None:
        self.value, self.leaves, self.shared = value, leaves, shared


def _traced(value: Any, *, differentiate: bool) -> _Traced:
    leaves, operands, shared = [], [], []
    for part in float_parts(value):
        leaf = wrap(Number if type(part) is float else Array, np.array(part))
        leaf._r = differentiate
        # The function may write to its arguments, which a leaf that wants a gradient does not allow.
        operand = +leaf if isinstance(part, np.ndarray) and differentiate else leaf
        if isinstance(part, np.ndarray):
            if part.ndim == 0:
                operand._extras().name = ARRAY
            shared.append((part, operand))
        leaves.append(leaf)
        operands.append(operand)
    return _Traced(replaced(value, iter(operands)), leaves if differentiate else [], shared)


def _check_overlap(traced: dict[Any, _Traced]) -> None:
    arrays = [pair for one in traced.values() for pair in one.shared]
    for i, (first, seen) in enumerate(arrays):
        for second, other in arrays[i + 1 :]:
            if (seen._version or other._version) and np.shares_memory(first, second):
                raise OverlapError(
                    "two arguments share memory, and the function writes to one of them", hint="pass copies"
                )


def _gradient(leaf: Any, g: Any, like: Any) -> Any:
    """A gradient of the type of its argument."""
    array = np.zeros_like(leaf._a) if g is None else np.asarray(g)
    if isinstance(like, np.ndarray):
        return array.copy() if array.base is not None or not array.flags.writeable else array
    return float(array) if type(like) is float else type(like)(array)


def _tree(value: Any, parts: Any) -> Any:
    """The gradients of an argument in its structure, None for what is no float."""
    if is_float(value):
        return next(parts)
    keys, items = parts_of(value)
    if isinstance(value, (tuple, list, dict)) or any(True for _ in float_parts(value)):
        return build(type(value), [_tree(v, parts) for v in items], keys)
    return None


def _plain(value: Any) -> Any:
    """A result without its history: NumPy's arrays and numbers."""
    if isinstance(value, Recorded):
        if type(value) is Number:
            return value._a.item()
        return value._a.copy() if value._a.ndim or is_array(value) else value._a[()]
    if isinstance(value, dict):
        return {k: _plain(v) for k, v in value.items()}
    if isinstance(value, (tuple, list)):
        return build(type(value), [_plain(v) for v in value], ())
    if original(type(value)) is not type(value):
        value.__class__ = original(type(value))
    return value
