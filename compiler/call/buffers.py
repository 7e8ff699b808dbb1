"""Gradients that are written into the caller's arrays: `Derivative.into`.

Memory that the system has just given away costs a page fault per 4 KB, as much as a simple gradient itself. A
caller who asks for gradients again and again keeps one set of arrays and passes it to every call.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from ..errors import ArgumentError, OverlapError
from ..ir.types import is_float
from ..specs import ArraySpec, DictSpec, ListSpec, ParamSpec, RecordSpec, ScalarSpec, TupleSpec
from .arguments import children
from .signature import Target
from .specialise import Specialisation

FRESH = "pass an array of its own: np.empty(x.shape, x.dtype)"


def buffers(spec: ParamSpec, value: Any, given: Any, what: str) -> Iterator[Any]:
    """The arrays of `out` for the float leaves of an argument that are arrays; fresh ones for None.

    Raises
    ------
    ArgumentError
        The structure is not that of the gradient, or an array does not fit.
    """
    if isinstance(spec, ArraySpec) and is_float(spec.dtype):
        yield np.empty(value.shape, value.dtype) if given is None else _checked(value, given, what)
        return
    parts = children(spec, what)
    if not parts:
        if given is not None:
            wanted = "a number, which has no memory" if isinstance(spec, ScalarSpec) else "None"
            raise ArgumentError(f"{what}: the gradient is {wanted}", hint="pass None in its place")
        return
    ones = [None] * len(parts) if given is None else _items(spec, given, what, len(parts))
    for (part, label), inner, one in zip(parts, _items(spec, value, what, len(parts)), ones, strict=True):
        yield from buffers(part, inner, one, label)


def _items(spec: ParamSpec, value: Any, what: str, count: int) -> Sequence[Any]:
    """The parts of a container that should be like its spec."""
    if isinstance(spec, DictSpec):
        keys = [k for k, _ in spec.items]
        if isinstance(value, dict) and len(value) == count and all(k in value for k in keys):
            return [value[k] for k in keys]
        raise ArgumentError(f"{what} must be a dict with the keys {keys}")
    if isinstance(spec, RecordSpec):
        if isinstance(value, spec.type):
            return [getattr(value, k, None) for k, _ in spec.fields]
        raise ArgumentError(f"{what} must be a {spec.type.__name__}, not {type(value).__name__}")
    assert isinstance(spec, TupleSpec | ListSpec)
    if isinstance(value, tuple | list) and len(value) == count:
        return value
    raise ArgumentError(f"{what} must be a sequence of {count}, not {type(value).__name__}")


def _checked(value: np.ndarray[Any, Any], out: Any, what: str) -> np.ndarray[Any, Any]:
    if type(out) is not np.ndarray:
        raise ArgumentError(f"{what} must be an array, not {type(out).__name__}", hint=FRESH)
    if out.dtype != value.dtype:
        raise ArgumentError(f"{what} has dtype {out.dtype}, but the gradient has {value.dtype}")
    if out.shape != value.shape:
        raise ArgumentError(f"{what} has shape {out.shape}, but the gradient has {value.shape}")
    if not out.flags.carray:
        problem = "is read-only" if not out.flags.writeable else "is not contiguous in C order"
        raise ArgumentError(
            f"{what} {problem}, and the gradient is to be written there", hint="np.empty_like(x)"
        )
    return out


def inputs_by_name(found: Specialisation, inputs: Sequence[Any]) -> list[tuple[str, Any]]:
    """The inputs of compiled code with their names: leaves of the arguments, and what the code captures."""
    names = [leaf.name for leaf in found.leaf_specs]
    names += [str(capture.path[-1][1]) for capture in found.code.captures]
    return list(zip(names, inputs, strict=True))


def refuse_overlap(target: Target, outs: Sequence[Any], inputs: Sequence[tuple[str, Any]]) -> None:
    """Refuse arrays for the gradient that share memory with an input, or with each other.

    Raises
    ------
    OverlapError
        The gradient would be written over what is still to be read.
    """
    for k, out in enumerate(outs):
        for name, leaf in inputs:
            if isinstance(leaf, np.ndarray) and _overlap(out, leaf):
                raise OverlapError(
                    f"out shares memory with '{name}' of {target.fn.__qualname__}", target.src, FRESH
                )
        if any(_overlap(out, other) for other in outs[:k]):
            raise OverlapError("two arrays of out share memory", hint=FRESH)


def _overlap(a: np.ndarray[Any, Any], b: np.ndarray[Any, Any]) -> bool:
    return np.may_share_memory(a, b) and np.shares_memory(a, b)


def woven(found: Specialisation, outs: Sequence[Any], numbers: Sequence[Any]) -> Iterator[Any]:
    """The gradients of the float leaves in order: the caller's arrays, and the results that are numbers."""
    arrays, scalars = iter(outs), iter(numbers)
    for leaf in found.code.recipe.wrt:
        yield next(arrays if isinstance(found.leaf_specs[leaf].spec, ArraySpec) else scalars)
