"""Which dtype operands are computed in: PyTorch's rules and NumPy's.

PyTorch promotes by category (bool < integer < float < complex): arrays with dimensions decide, then arrays
without, then Python numbers, and a later group only matters if its category is higher. NumPy 2 knows just
arrays and Python numbers, and an integer array with a float32 array gives float64.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..tape.views import CATEGORY

DEFAULT: dict[str, np.dtype[Any]] = {"float": np.dtype(np.float32), "complex": np.dtype(np.complex64)}
INT = np.dtype(np.int64)


def set_default(dtype: np.dtype[Any]) -> None:
    """The dtype of Python floats and of the results of float functions on integers."""
    DEFAULT["float"] = dtype
    DEFAULT["complex"] = np.dtype(np.complex128 if dtype.itemsize == 8 else np.complex64)


def promote_types(a: np.dtype[Any], b: np.dtype[Any]) -> np.dtype[Any]:
    """The dtype of two dtypes of the same group: an integer does not widen a float."""
    if a is b:
        return a
    x, z = CATEGORY[a.kind], CATEGORY[b.kind]
    if x != z and max(x, z) >= 2 and min(x, z) < 2:
        return a if x > z else b
    return np.promote_types(a, b)


def result_type(*operands: Any) -> np.dtype[Any]:
    """PyTorch's dtype for an operation on arrays and Python numbers."""
    groups: list[np.dtype[Any] | None] = [None, None, None]
    for operand in operands:
        if isinstance(operand, np.ndarray):
            dtype, group = operand.dtype, 0 if operand.ndim else 1
        else:
            dtype, group = scalar_dtype(operand), 2
        known = groups[group]
        groups[group] = dtype if known is None else promote_types(known, dtype)
    result: np.dtype[Any] | None = None
    for dtype in groups:
        if dtype is None:
            continue
        if result is None:
            result = dtype
        elif CATEGORY[dtype.kind] > CATEGORY[result.kind]:
            if dtype.kind == "c" and result.kind == "f":
                result = np.dtype(np.complex128 if result.itemsize == 8 else np.complex64)
            else:
                result = dtype
    assert result is not None
    return result


def scalar_dtype(value: Any) -> np.dtype[Any]:
    """The dtype that a Python number has in PyTorch."""
    if isinstance(value, (bool, np.bool_)):
        return np.dtype(bool)
    if isinstance(value, (int, np.integer)):
        return INT
    if isinstance(value, (float, np.floating)):
        return DEFAULT["float"]
    if isinstance(value, (complex, np.complexfloating)):
        return DEFAULT["complex"]
    raise TypeError(f"expected a number or a Tensor, not {type(value).__name__}")


def promoted(*operands: Any) -> list[Any]:
    """Operands in the dtype of their operation; numbers stay numbers, which NumPy takes in that dtype."""
    dtype = result_type(*operands)
    return [x.astype(dtype, copy=False) if isinstance(x, np.ndarray) else dtype.type(x) for x in operands]


def as_float(array: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Integers and bools in the default float, for functions that give floats."""
    return array if array.dtype.kind in "fc" else array.astype(DEFAULT["float"])
