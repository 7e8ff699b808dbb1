"""Arguments and results of programs on the tape: containers with recorded values or NumPy's in them."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from ...compiler.call.trees import as_array, as_scalar, build
from ...compiler.errors import ArgumentError
from ...compiler.public.higher import parts_like
from ...compiler.public.verifying import is_float, parts_of
from ..tape.node import Recorded, wrap
from ..tape.record import in_face
from .array import ARRAY, Array, is_array
from .classes import original
from .modules import number
from .number import Number


def items_of(value: Any) -> tuple[Any, Any]:
    """The keys and the items of a container; none for a leaf."""
    return ((), ()) if isinstance(value, Recorded) else parts_of(value)


def rebuilt(value: Any, leaf: Callable[[Any], Any]) -> Any:
    """A container with `leaf` of its items; `leaf` is called again on containers in it."""
    keys, items = items_of(value)
    return build(type(value), [leaf(item) for item in items], keys) if items else value


# ---- arguments: their leaves are floats, arrays of floats, recorded values
def is_leaf(value: Any) -> bool:
    """Whether an argument may be differentiated as it is."""
    return value._a.dtype.kind in "fc" if isinstance(value, Recorded) else is_float(value)


def leaves_of(value: Any) -> Iterator[Any]:
    """The leaves of an argument, in order."""
    if is_leaf(value):
        yield value
    else:
        for part in items_of(value)[1]:
            yield from leaves_of(part)


def with_leaves(value: Any, leaves: Iterator[Any]) -> Any:
    """The argument with other leaves; other arrays and lists are copied, as programs may write."""
    if is_leaf(value):
        return next(leaves)
    if isinstance(value, np.ndarray):
        return value.copy()
    keys, parts = items_of(value)
    if not parts:
        return copy.copy(value) if isinstance(value, (list, dict)) else value
    return build(type(value), [with_leaves(p, leaves) for p in parts], keys)


def by_leaf(value: Any, parts: Iterator[Any]) -> Any:
    """One part for each leaf, in the structure of the argument; None for what is no leaf."""
    if is_leaf(value):
        return next(parts)
    keys, items = items_of(value)
    if isinstance(value, (tuple, list, dict)) or any(True for _ in leaves_of(value)):
        return build(type(value), [by_leaf(v, parts) for v in items], keys)
    return None


def tangents_of(value: Any, tangent: Any, what: str) -> Iterator[Any]:
    """An array for each leaf of an argument, from a tangent of its structure; None stands for zeros.

    Raises
    ------
    ArgumentError
        The structure, a shape or a type differs from the argument's.
    """
    if is_leaf(value):
        yield seed(value, tangent, what)
        return
    keys, items = items_of(value)
    if not items:
        return
    if tangent is None:
        parts: Any = [None] * len(items)
    elif isinstance(value, dict):
        if not isinstance(tangent, dict) or set(tangent) != set(keys):
            raise ArgumentError(f"{what} must be a dict with the keys {list(keys)}")
        parts = [tangent[key] for key in keys]
    elif isinstance(value, (tuple, list)):
        if not isinstance(tangent, (tuple, list)) or len(tangent) != len(items):
            raise ArgumentError(f"{what} must be a sequence of {len(items)}, not {type(tangent).__name__}")
        parts = tangent
    else:
        parts = [getattr(tangent, key, None) for key in keys]
    names = [f".{k}" for k in keys] if keys and not isinstance(value, dict) else [f"[{k!r}]" for k in keys]
    for k, (item, part) in enumerate(zip(items, parts, strict=True)):
        yield from tangents_of(item, part, what + (names[k] if names else f"[{k}]"))


# ---- results: containers are tuples, lists, dictionaries and dataclasses; anything else is opaque
def is_result(value: Any) -> bool:
    """Whether a result has a derivative: floats and complex numbers, also constant ones."""
    if isinstance(value, (Recorded, np.ndarray, np.generic)):
        return (value._a if isinstance(value, Recorded) else value).dtype.kind in "fc"
    return type(value) in (float, complex)


def result_items(value: Any) -> tuple[Any, Any]:
    """The keys and items of a container that a program gives."""
    container = isinstance(value, (tuple, list, dict)) or hasattr(type(value), "__dataclass_fields__")
    return items_of(value) if container else ((), ())


def results_of(value: Any) -> Iterator[Any]:
    """What of a result has a derivative, in order."""
    if is_result(value):
        yield value
    else:
        for item in result_items(value)[1]:
            yield from results_of(item)


def by_result(value: Any, parts: Iterator[Any]) -> Any:
    """One part for everything that has a derivative, in the structure of the result; None for the rest."""
    if is_result(value):
        return next(parts)
    keys, items = result_items(value)
    if not items and not isinstance(value, (tuple, list, dict)):
        return None
    return build(original(type(value)), [by_result(v, parts) for v in items], keys)


def cotangents_of(value: Any, cotangent: Any, what: str = "the cotangent") -> Iterator[Any]:
    """An array for everything in a result that has a derivative; None stands for zeros."""
    if is_result(value):
        yield seed(value, cotangent, what)
        return
    keys, items = result_items(value)
    if not items and not isinstance(value, (tuple, list, dict)):
        return
    parts = parts_like(type(value), keys, len(items), cotangent, what)
    for k, (item, part) in enumerate(zip(items, parts, strict=True)):
        yield from cotangents_of(item, part, f"{what}[{k}]")


def seed(value: Any, given: Any, what: str) -> Any:
    """A cotangent or tangent of a leaf as an array of its dtype and shape, recorded if it was given so."""
    like = value._a if isinstance(value, Recorded) else np.asarray(value)
    if isinstance(given, Recorded):
        return _faced_seed(given, like, what)
    if isinstance(value, np.ndarray) or like.ndim or (isinstance(value, Array) and is_array(value)):
        return as_array(given, like, what)
    return np.asarray(as_scalar(0.0 if given is None else given, like.dtype.name, what))


def _faced_seed(given: Any, like: Any, what: str) -> Any:
    if given._a.shape != like.shape:
        raise ArgumentError(f"{what} has shape {given._a.shape}, but what it belongs to has {like.shape}")
    return faced(given, Array)


# ---- from and to the classes that programs compute with
def faced(value: Any, face: type) -> Any:
    """Recorded values, also in containers, as ones of another class with the same memory and history."""
    if isinstance(value, Recorded):
        return in_face(value, face)
    if isinstance(value, dict):
        return {k: faced(v, face) for k, v in value.items()}
    if type(value) in (tuple, list) or hasattr(value, "_fields"):
        return build(type(value), [faced(v, face) for v in value], ())
    if hasattr(type(value), "__dataclass_fields__"):
        return rebuilt(value, lambda item: faced(item, face))
    return wrap(face, value) if isinstance(value, np.ndarray) and value.dtype.kind in "fc" else value


def plain(value: Any) -> Any:
    """A result without its history, as compiled code gives it."""
    if isinstance(value, Recorded):
        if value._a.ndim or is_array(value):
            return value._a.copy()
        return value._a.item() if type(value) is Number else plain(value._a[()])
    if isinstance(value, (np.float64, np.complex128)):
        return value.item()
    if isinstance(value, dict):
        return {k: plain(v) for k, v in value.items()}
    if isinstance(value, (tuple, list)):
        return build(type(value), [plain(v) for v in value], ())
    if hasattr(type(value), "__dataclass_fields__") and any(map(_is_recorded, results_of(value))):
        keys, items = items_of(value)
        return build(original(type(value)), [plain(v) for v in items], keys)
    if original(type(value)) is not type(value):
        value.__class__ = original(type(value))
    return value


def _is_recorded(value: Any) -> bool:
    return isinstance(value, Recorded)


def typed(g: Any, like: Any) -> Any:
    """The gradient of an argument as an array without history, by the argument's type."""
    if isinstance(like, np.ndarray):
        return g.copy() if g.base is not None or not g.flags.writeable else g
    return float(g) if type(like) is float else type(like)(g)


def typed_record(g: Any, like: Any) -> Any:
    """The same for a recorded gradient, which stays one."""
    if type(like) in (float, Number):
        return number(g)
    if g._a.ndim == 0 and (isinstance(like, np.ndarray) or (isinstance(like, Recorded) and is_array(like))):
        g._extras().name = ARRAY
    return g
