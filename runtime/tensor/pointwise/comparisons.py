"""Comparisons and logic, element by element: they give bools (or integers) and have no derivative."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...ops.pointwise import mismatch
from ...ops.promotion import promoted
from ...tape.node import Recorded, wrap
from ..table import METHODS, put
from ..tensor import Tensor
from .pointwise import documented, into

_COMPARISONS = {
    "eq": np.equal, "ne": np.not_equal, "lt": np.less, "le": np.less_equal, "gt": np.greater, "ge":
    np.greater_equal,
    "logical_and": np.logical_and, "logical_or": np.logical_or, "logical_xor": np.logical_xor,
    "bitwise_and": np.bitwise_and, "bitwise_or": np.bitwise_or, "bitwise_xor": np.bitwise_xor,
    "bitwise_left_shift": np.left_shift, "bitwise_right_shift": np.right_shift,
}  # fmt: skip


_OPERANDS = (int, float, complex, np.ndarray, np.generic)
_ndarray = np.ndarray
_F32, _F64 = np.dtype(np.float32), np.dtype(np.float64)


def _float(a: Any, b: Any) -> str:
    """How messages call the dtype of floats that are no operands."""
    return {"f4": "Float", "f8": "Double", "f2": "Half"}.get(np.result_type(a, b).str[1:], "ComplexFloat")


def _comparison(name: str, compute: Any) -> Any:
    shown = {"bitwise_left_shift": "lshift", "bitwise_right_shift": "rshift"}.get(name, name)
    ordering = name in ("lt", "le", "gt", "ge")

    def compare(x: Any, z: Any) -> Tensor:
        a = x._a if isinstance(x, Recorded) else x
        b = z._a if isinstance(z, Recorded) else z
        kind, other = getattr(a, "dtype", None), type(b)
        # The two ways that need no thought: floats of one dtype, and a float with a Python number.
        if not (
            (kind is _F32 or kind is _F64)
            and (b.dtype is kind if other is _ndarray else other is float or other is int)
        ):
            if not isinstance(a, _OPERANDS) or not isinstance(b, _OPERANDS):
                return NotImplemented
            if kind is not getattr(b, "dtype", None):
                a, b = promoted(a, b)
            if ordering and np.result_type(a).kind == "c":
                raise NotImplementedError(
                    f'"{name}_cpu" not implemented for complex numbers, which have no order'
                )
            if shown != name and np.result_type(a).kind == "b":
                raise NotImplementedError(f"\"{shown}_cpu\" not implemented for 'Bool'")
        try:
            made: Tensor = wrap(Tensor, compute(a, b))
        except ValueError as error:
            raise mismatch(a, b, error) from None
        except TypeError:
            raise NotImplementedError(f"\"{shown}_cpu\" not implemented for '{_float(a, b)}'") from None
        return made

    def function_(input: Any, other: Any, *, out: Any = None) -> Tensor:
        made = compare(input, other)
        if made is NotImplemented:
            raise TypeError(
                f"{name}(): expected Tensors or numbers, not {type(input).__name__}, {type(other).__name__}"
            )
        return into(out, made)

    documented(function_, name, f"`{name}` of two tensors", "input, other\n        Tensors, or one a number.")
    if name.startswith("bitwise"):
        function_.__doc__ = (function_.__doc__ or "").replace("[0.5]", "[5]").replace("[0.25]", "[2]")
    put(name, function_, inplace=True)
    return compare


_compared = {name: _comparison(name, compute) for name, compute in _COMPARISONS.items()}
METHODS.update(
    __eq__=_compared["eq"], __ne__=_compared["ne"], __lt__=_compared["lt"], __le__=_compared["le"],
    __gt__=_compared["gt"], __ge__=_compared["ge"],
    __and__=_compared["bitwise_and"], __rand__=_compared["bitwise_and"], __or__=_compared["bitwise_or"],
    __ror__=_compared["bitwise_or"], __xor__=_compared["bitwise_xor"], __rxor__=_compared["bitwise_xor"],
    __lshift__=_compared["bitwise_left_shift"], __rshift__=_compared["bitwise_right_shift"],
    __iand__=METHODS["bitwise_and_"], __ior__=METHODS["bitwise_or_"], __ixor__=METHODS["bitwise_xor_"],
)  # fmt: skip
