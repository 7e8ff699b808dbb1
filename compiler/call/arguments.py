"""Arguments: their leaves and their key on every call, their specs and their checks when a key is new.

A leaf is a number or an array that the compiled code receives; everything else in an argument (bool,
str, None, functions, classes) is a compile-time constant and part of the key. Containers (tuple, list,
dict, NamedTuple, dataclass, an object with attributes) are taken apart in order.

The key of an argument is equal for two values exactly if the same compiled code serves both: type, dtype,
rank and the axes of length 1 of arrays and whether they are in C order, the structure of containers, the
values of constants.
"""

from __future__ import annotations

import types
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..errors import ArgumentError, UnsupportedArgumentError
from ..specs import (
    ArraySpec,
    DictSpec,
    KnownSpec,
    ListSpec,
    ParamSpec,
    RecordSpec,
    ScalarSpec,
    TupleSpec,
)

MAX_LEAVES = 2000
MAX_DEPTH = 16
INT_MIN, INT_MAX = -(2**63), 2**63 - 1
_CONSTANT = (type(None), bool, np.bool_, str, bytes, type(Ellipsis), np.dtype, range)
_OPAQUE = (type, types.ModuleType, types.BuiltinFunctionType, np.ufunc, np.random.Generator)


class Same:
    """A key that is equal for one and the same object only, and keeps it alive."""

    __slots__ = ("obj",)

    def __init__(self, obj: object) -> None:
        self.obj = obj

    def __hash__(self) -> int:
        return id(self.obj)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Same) and other.obj is self.obj


def scan(value: Any, leaves: list[Any], depth: int = 0) -> Any:
    """Append the leaves of an argument and return its key."""
    kind = type(value)
    if kind is float:
        leaves.append(value)
        return float
    if kind is np.ndarray:
        leaves.append(value)
        shape = value.shape
        ones = tuple([n == 1 for n in shape]) if 1 in shape else len(shape)
        return (value.dtype, ones) if value.flags.c_contiguous else (value.dtype, ones, "A")
    if kind is int:
        leaves.append(value)
        return int
    if kind is tuple or kind is list:
        return (kind, *[scan(v, leaves, depth + 1) for v in value])
    return _scan_rest(value, kind, leaves, depth)


def _scan_rest(value: Any, kind: type, leaves: list[Any], depth: int) -> Any:
    if isinstance(value, _CONSTANT):
        return (kind, value)
    if isinstance(value, np.generic) or kind is complex or isinstance(value, np.ndarray):
        leaves.append(value)
        if isinstance(value, np.ndarray):
            return (kind, value.dtype, tuple([n == 1 for n in value.shape]), value.flags.c_contiguous)
        return kind
    if depth > MAX_DEPTH:
        return Same(value)
    if isinstance(value, tuple):
        return (kind, *[scan(v, leaves, depth + 1) for v in value])
    if isinstance(value, list):
        return (kind, *[scan(v, leaves, depth + 1) for v in value])
    if isinstance(value, dict):
        return (kind, tuple(value), *[scan(v, leaves, depth + 1) for v in value.values()])
    if isinstance(value, types.FunctionType):
        return (kind, value.__code__, id(value.__globals__), Same(value) if value.__defaults__ else None)
    names = attribute_names(value)
    if names is None:
        return Same(value)
    return (kind, names, *[scan(getattr(value, n), leaves, depth + 1) for n in names])


def is_constant(value: Any) -> bool:
    """Whether a value is compiled in, and equal values have the same code."""
    return isinstance(value, _CONSTANT)


def attribute_names(value: Any) -> tuple[str, ...] | None:
    """The attributes of an object that is a container of values; None for an opaque one."""
    kind = type(value)
    if hasattr(kind, "__pullback_prim__"):
        return None
    if isinstance(value, _OPAQUE) or (callable(value) and not _is_record(kind)) or hasattr(kind, "__array__"):
        return None
    if hasattr(kind, "__dataclass_fields__"):
        return tuple(n for n in kind.__dataclass_fields__ if hasattr(value, n))
    own = getattr(value, "__dict__", None)
    if kind.__module__ in ("builtins", "numpy", "numba"):
        return None
    slots = [s for c in kind.__mro__ for s in _slots(c) if hasattr(value, s)]
    if own is None and not slots:
        return None
    return (*slots, *(own or ()))


def _slots(kind: type) -> tuple[str, ...]:
    slots = kind.__dict__.get("__slots__", ())
    names = (slots,) if isinstance(slots, str) else tuple(slots)
    return tuple(n for n in names if n not in ("__dict__", "__weakref__"))


def _is_record(kind: type) -> bool:
    return isinstance(kind.__dict__.get("__call__"), types.FunctionType) or hasattr(
        kind, "__dataclass_fields__"
    )


def spec_of(value: Any, name: str, depth: int = 0) -> ParamSpec:
    """What the frontend is told about an argument; raises for arguments that cannot be compiled for."""
    if isinstance(value, np.ndarray):
        return _array_spec(value, name)
    if isinstance(value, _CONSTANT):
        return KnownSpec(bool(value) if isinstance(value, np.bool_) else value)
    if isinstance(value, np.generic):
        check_dtype(value.dtype, name)
        return ScalarSpec(value.dtype.name, weak=False)
    if type(value) in (float, int, complex):
        return ScalarSpec({float: "float64", int: "int64", complex: "complex128"}[type(value)])
    if depth > MAX_DEPTH:
        return KnownSpec(value)
    if isinstance(value, tuple):
        names = getattr(value, "_fields", None)
        parts = [f"{name}.{names[k]}" if names else f"{name}[{k}]" for k in range(len(value))]
        return TupleSpec(
            tuple(spec_of(v, p, depth + 1) for v, p in zip(value, parts, strict=True)), type(value)
        )
    if isinstance(value, list):
        if len(value) > MAX_LEAVES:
            raise UnsupportedArgumentError(
                f"argument '{name}' is a list of {len(value)}", hint="pass an array: np.array(...)"
            )
        return ListSpec(tuple(spec_of(v, f"{name}[{k}]", depth + 1) for k, v in enumerate(value)))
    if isinstance(value, dict):
        return DictSpec(tuple((k, spec_of(v, f"{name}[{k!r}]", depth + 1)) for k, v in value.items()))
    names = None if isinstance(value, types.FunctionType) else attribute_names(value)
    if names is None:
        if hasattr(value, "__array__"):
            raise UnsupportedArgumentError(
                f"argument '{name}' is a {type(value).__module__}.{type(value).__qualname__}",
                hint="pass a NumPy array: np.asarray(...)",
            )
        return KnownSpec(value)
    fields = []
    for n in names:
        try:
            fields.append((n, spec_of(getattr(value, n), f"{name}.{n}", depth + 1)))
        except ArgumentError:  # matters only if the function uses it, and is refused there
            fields.append((n, KnownSpec(getattr(value, n))))
    return RecordSpec(type(value), tuple(fields))


def _array_spec(value: np.ndarray[Any, Any], name: str) -> ArraySpec:
    if type(value) not in (np.ndarray, np.memmap):
        raise ArgumentError(
            f"argument '{name}' is a {type(value).__module__}.{type(value).__name__}, a subclass of ndarray "
            "whose arithmetic may differ",
            hint=f"pass a plain array: np.asarray({name})",
        )
    check_dtype(value.dtype, name)
    layout = "C" if value.flags.c_contiguous else "A"
    return ArraySpec(value.dtype.name, value.ndim, tuple(n == 1 for n in value.shape), layout)


def check_dtype(dtype: np.dtype[Any], name: str) -> None:
    """Refuse dtypes that compiled code does not have, with what to do about it."""
    if dtype.names is not None:
        raise ArgumentError(
            f"argument '{name}' is a structured array of {dtype.names}", hint="pass its fields as arrays"
        )
    if dtype.byteorder not in "=|":
        order = "big" if dtype.byteorder == ">" else "little"
        raise ArgumentError(
            f"argument '{name}' has dtype {dtype.str}: {order}-endian numbers on another kind of machine",
            hint=f"pass {name}.astype(np.{dtype.newbyteorder('=').name})",
        )
    if dtype.name in ("float16", "float128", "longdouble", "complex256", "clongdouble", "float96"):
        better = (
            "np.float32"
            if dtype.name == "float16"
            else "np.float64"
            if dtype.kind == "f"
            else "np.complex128"
        )
        raise ArgumentError(
            f"argument '{name}' has dtype {dtype.name}, for which there is no compiled arithmetic",
            hint=f"pass {name}.astype({better})",
        )
    if dtype.kind not in "fiubc":
        hint = f"pass {name}.astype(np.float64)" if dtype.kind == "O" else "pass numbers"
        raise ArgumentError(
            f"argument '{name}' has dtype {dtype.name}: it does not hold plain numbers", hint=hint
        )


# -- leaves of a spec
@dataclass(frozen=True, slots=True)
class LeafSpec:
    """One run-time leaf: its spec, and its name as an expression of the argument."""

    spec: ScalarSpec | ArraySpec
    name: str


def leaf_specs(spec: ParamSpec, name: str) -> Iterator[LeafSpec]:
    """The run-time leaves of a parameter, in the order of `scan`."""
    if isinstance(spec, ScalarSpec | ArraySpec):
        yield LeafSpec(spec, name)
    else:
        for part, label in children(spec, name):
            yield from leaf_specs(part, label)


def children(spec: ParamSpec, name: str) -> list[tuple[ParamSpec, str]]:
    """The parts of a container spec with their names."""
    if isinstance(spec, TupleSpec | ListSpec):
        names = getattr(spec.type, "_fields", None) if isinstance(spec, TupleSpec) else None
        return [(s, f"{name}.{names[k]}" if names else f"{name}[{k}]") for k, s in enumerate(spec.items)]
    if isinstance(spec, DictSpec):
        return [(s, f"{name}[{k!r}]") for k, s in spec.items]
    if isinstance(spec, RecordSpec):
        return [(s, f"{name}.{k}") for k, s in spec.fields]
    return []


def part(specs: Sequence[ParamSpec], place: tuple[int, int | None]) -> ParamSpec:
    """The spec of a differentiated parameter, or of an item of one that takes many."""
    param, item = place
    return specs[param] if item is None else children(specs[param], "")[item][0]


def known_leaves(specs: Sequence[ParamSpec]) -> list[int] | None:
    """Which of the leaves that `scan` finds have a spec; None for all of them.

    An attribute of an object that cannot be compiled for, such as an array of float16, is a constant that the
    function does not use.
    """
    kept: list[int] = []
    total = 0

    def walk(spec: ParamSpec, depth: int) -> None:
        nonlocal total
        if isinstance(spec, ScalarSpec | ArraySpec):
            kept.append(total)
            total += 1
        elif isinstance(spec, KnownSpec):
            stray: list[Any] = []
            scan(spec.obj, stray, depth)
            total += len(stray)
        else:
            for part, _ in children(spec, ""):
                walk(part, depth + 1)

    for spec in specs:
        walk(spec, 0)
    return kept if len(kept) < total else None


def count_leaves(specs: Sequence[ParamSpec]) -> int:
    """The number of run-time leaves."""
    return sum(1 for s in specs for _ in leaf_specs(s, ""))
