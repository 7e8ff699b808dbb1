"""Types of the IR: a scalar, an array (dtype and rank), a list of either.

A dtype is its NumPy name ("float64", "int64", "bool", "complex128" …). Shapes are not part of a type: lengths
are run-time values, so a new shape never compiles again.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, slots=True)
class Scalar:
    """One number."""

    dtype: str

    def __str__(self) -> str:
        return self.dtype


@dataclass(frozen=True, slots=True)
class Array:
    """A reference to strided memory of `rank` dimensions."""

    dtype: str
    rank: int

    def __str__(self) -> str:
        return f"{self.dtype}[{', '.join(':' * self.rank)}]"


@dataclass(frozen=True, slots=True)
class List:
    """A reference to a growable list, all elements of one type."""

    elem: Scalar | Array

    def __str__(self) -> str:
        return f"list[{self.elem}]"


Type = Scalar | Array | List

BOOL = Scalar("bool")
INT = Scalar("int64")
F64 = Scalar("float64")


def is_float(dtype: str) -> bool:
    """Real floating dtypes: what a gradient can be taken with respect to."""
    return dtype in ("float32", "float64")


def is_complex(dtype: str) -> bool:
    """Complex dtypes."""
    return dtype in ("complex64", "complex128")


def is_inexact(dtype: str) -> bool:
    """Dtypes that can carry a derivative."""
    return is_float(dtype) or is_complex(dtype)


def is_integer(dtype: str) -> bool:
    """Signed and unsigned integers, not bool."""
    return dtype.startswith(("int", "uint"))


def real_of(dtype: str) -> str:
    """The real dtype of a complex one: complex64 → float32."""
    return {"complex64": "float32", "complex128": "float64"}.get(dtype, dtype)


def complex_of(dtype: str) -> str:
    """The complex dtype of a real one: float32 → complex64."""
    return {"float32": "complex64"}.get(dtype, "complex128")


def promote(*dtypes: str) -> str:
    """NumPy's promotion of strong dtypes."""
    return np.result_type(*dtypes).name


def is_inexact_scalar(t: Type) -> bool:
    """Whether values of this type are numbers that can be active."""
    return isinstance(t, Scalar) and is_inexact(t.dtype)


def carries_derivative(t: Type) -> bool:
    """Whether values of this type can be active."""
    inner = t.elem if isinstance(t, List) else t
    return is_inexact(inner.dtype)
