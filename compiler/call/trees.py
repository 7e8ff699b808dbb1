"""Trees of results: gradients in the shape of their arguments, and the values that a function returns.

In a container only the float leaves are differentiated; all other leaves have the gradient None.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from ..errors import ArgumentError
from ..ir.types import Scalar, Type, is_float
from ..specs import (
    ArraySpec,
    ConstOut,
    DictSpec,
    KnownSpec,
    Leaf,
    ListSpec,
    NodeOut,
    OutTree,
    ParamSpec,
    RecordSpec,
    ScalarSpec,
    TupleSpec,
)

PLAIN: dict[str, Callable[[Any], Any]] = {"float64": float, "int64": int, "bool": bool, "complex128": complex}
Make = Callable[[Iterator[Any]], Any]


def gradient_maker(spec: ParamSpec) -> Make:
    """A function that takes the gradients of the float leaves, in order, and gives the tree of the
    argument.
    """
    if isinstance(spec, ScalarSpec | ArraySpec):
        if not is_float(spec.dtype):
            return lambda leaves: None
        return number_maker(spec.dtype, spec.weak) if isinstance(spec, ScalarSpec) else next
    if isinstance(spec, KnownSpec):
        return lambda leaves: None
    if isinstance(spec, TupleSpec | ListSpec):
        makers = [gradient_maker(s) for s in spec.items]
        if isinstance(spec, ListSpec):
            return lambda leaves: [make(leaves) for make in makers]
        kind = spec.type
        return lambda leaves: build(kind, [make(leaves) for make in makers], ())
    keys, parts = (
        zip(*(spec.items if isinstance(spec, DictSpec) else spec.fields), strict=True)
        if _parts(spec)
        else ((), ())
    )
    makers = [gradient_maker(s) for s in parts]
    kind = spec.type if isinstance(spec, RecordSpec) else dict
    return lambda leaves: build(kind, [make(leaves) for make in makers], keys)


def _parts(spec: DictSpec | RecordSpec) -> tuple[Any, ...]:
    return spec.items if isinstance(spec, DictSpec) else spec.fields


def number_maker(dtype: str, weak: bool) -> Make:
    """Python's own number for a weak scalar, a NumPy scalar of the dtype for others."""
    if dtype == "float64":
        return (lambda leaves: float(next(leaves))) if weak else (lambda leaves: np.float64(next(leaves)))
    convert = np.dtype(dtype).type
    return lambda leaves: convert(next(leaves))


def build(kind: type, items: list[Any], keys: Sequence[Any]) -> Any:
    """A container of a type from its items, without running the constructor of a class."""
    if kind is tuple:
        return tuple(items)
    if issubclass(kind, tuple):
        return kind(*items) if hasattr(kind, "_fields") else kind(items)
    if issubclass(kind, list):
        return kind(items)
    if issubclass(kind, dict):
        return dict(zip(keys, items, strict=True))
    made = object.__new__(kind)
    for key, item in zip(keys, items, strict=True):
        object.__setattr__(made, key, item)
    return made


def float_leaves(spec: ParamSpec, value: Any, what: str) -> Iterator[Any]:
    """The leaves of a tangent that belong to float leaves of an argument; None stands for zero.

    Raises
    ------
    ArgumentError
        The structure, a shape or a type differs from the argument's.
    """
    if isinstance(spec, ScalarSpec):
        if is_float(spec.dtype):
            yield as_scalar(0.0 if value is None else value, spec.dtype, what)
    elif isinstance(spec, ArraySpec):
        if is_float(spec.dtype):
            yield value
    elif isinstance(spec, TupleSpec | ListSpec):
        values = _aligned(value, len(spec.items), what)
        for k, (part, item) in enumerate(zip(spec.items, values, strict=True)):
            yield from float_leaves(part, item, f"{what}[{k}]")
    elif isinstance(spec, DictSpec):
        if value is not None and (not isinstance(value, dict) or set(value) != {k for k, _ in spec.items}):
            raise ArgumentError(f"{what} must be a dict with the keys {[k for k, _ in spec.items]}")
        for key, part in spec.items:
            yield from float_leaves(part, None if value is None else value[key], f"{what}[{key!r}]")
    elif isinstance(spec, RecordSpec):
        for key, part in spec.fields:
            yield from float_leaves(
                part, None if value is None else getattr(value, key, None), f"{what}.{key}"
            )


def _aligned(value: Any, count: int, what: str) -> Sequence[Any]:
    if value is None:
        return [None] * count
    if not isinstance(value, tuple | list) or len(value) != count:
        raise ArgumentError(f"{what} must be a sequence of {count}, not {type(value).__name__}")
    return value


def as_scalar(value: Any, dtype: str, what: str) -> Any:
    """A cotangent or tangent as a number of a dtype."""
    array = np.asarray(value)
    if (
        array.ndim
        or array.dtype.kind not in "fiubc"
        or (array.dtype.kind == "c" and not dtype.startswith("c"))
    ):
        raise ArgumentError(f"{what} must be a number, not {_shown(value)}")
    return np.dtype(dtype).type(array)


def as_array(value: Any, like: np.ndarray[Any, Any], what: str) -> np.ndarray[Any, Any]:
    """A cotangent or tangent as a contiguous array of the dtype and shape of `like`; None stands for
    zeros.
    """
    if value is None:
        return np.zeros(like.shape, like.dtype)
    array = np.asarray(value)
    if array.dtype.kind not in "fiubc" or (array.dtype.kind == "c" and like.dtype.kind != "c"):
        raise ArgumentError(f"{what} must be an array of {like.dtype.name}, not {_shown(value)}")
    if array.shape != like.shape:
        raise ArgumentError(
            f"{what} has shape {array.shape}, but the argument it belongs to has {like.shape}"
        )
    return np.array(array, like.dtype, order="C")


def _shown(value: Any) -> str:
    return (
        f"an array of {value.dtype} with shape {value.shape}"
        if isinstance(value, np.ndarray)
        else type(value).__name__
    )


# -- what a function returned
def value_maker(tree: OutTree, results: Sequence[Type]) -> Callable[[Sequence[Any]], Any]:
    """A function that takes the results of compiled code and gives what the user's function returns."""
    if isinstance(tree, ConstOut):
        return lambda values: tree.obj
    if isinstance(tree, NodeOut):
        makers = [value_maker(t, results) for t in tree.items]
        kind, keys = tree.type, tree.keys
        return lambda values: build(kind, [make(values) for make in makers], keys)
    k, type_ = tree.index, results[tree.index]
    if isinstance(type_, Scalar):
        convert = PLAIN.get(type_.dtype) or np.dtype(type_.dtype).type
        return lambda values: convert(values[k])
    return lambda values: values[k]


def out_leaves(tree: OutTree) -> list[int]:
    """The numbers of the results in a tree, in order."""
    if isinstance(tree, Leaf):
        return [tree.index]
    return [k for item in tree.items for k in out_leaves(item)] if isinstance(tree, NodeOut) else []
