"""Result dtypes, asked of NumPy itself, and the emission of one scalar loop step of a ufunc."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from ..ir.build import Builder
from ..ir.nodes import Value
from ..ir.types import is_complex, is_integer, real_of
from ..prims.prim import cast, emit
from .value import Arr, Num

if TYPE_CHECKING:
    from .core import Ctx

_SAME = {
    "sub": "subtract", "mul": "multiply", "div": "true_divide", "neg": "negative", "pos": "positive",
    "floordiv": "floor_divide", "mod": "remainder", "pow": "power", "lt": "less", "le": "less_equal",
    "gt": "greater", "ge": "greater_equal", "eq": "equal", "ne": "not_equal", "and": "logical_and",
    "or": "logical_or", "not": "logical_not", "bitand": "bitwise_and", "bitor": "bitwise_or",
    "bitxor": "bitwise_xor", "lshift": "left_shift", "rshift": "right_shift", "abs": "absolute",
    "pymin": "minimum", "pymax": "maximum",
}  # fmt: skip
# Primitives that NumPy has no ufunc of: real floating functions.
_FLOAT_ONLY = {"erf", "erfc", "gamma", "lgamma", "digamma", "polygamma"}
_BOOL = {"add": "or", "mul": "and", "maximum": "or", "minimum": "and", "pymax": "or", "pymin": "and"} | {
    "fmax": "or", "fmin": "and", "bitand": "and", "bitor": "or", "bitxor": "ne", "invert": "not",
}  # fmt: skip
# Python's bool is an int in arithmetic, NumPy's is not.
_ARITHMETIC = (
    "add",
    "sub",
    "mul",
    "neg",
    "pos",
    "floordiv",
    "mod",
    "pow",
    "abs",
    "lshift",
    "rshift",
    "pymin",
    "pymax",
)


def kind_of(x: Arr | Num) -> Any:
    """What stands for an operand in promotion: a dtype, or a Python type for a weak scalar."""
    if isinstance(x, Num) and x.weak:
        if x.dtype == "bool":
            return np.dtype(bool)
        return int if is_integer(x.dtype) else complex if is_complex(x.dtype) else float
    return np.dtype(x.dtype)


@lru_cache(maxsize=4096)
def _resolve(ufunc: np.ufunc, kinds: tuple[Any, ...]) -> tuple[str, ...]:
    return tuple(d.name for d in ufunc.resolve_dtypes((*kinds, *[None] * ufunc.nout)))


@lru_cache(maxsize=4096)
def _result_type(kinds: tuple[Any, ...]) -> str:
    samples = [k(0) if isinstance(k, type) else k for k in kinds]
    return np.result_type(*samples).name


def result_dtype(ctx: Ctx, *operands: Arr | Num) -> str:
    """np.result_type of operands, weak Python scalars included."""
    kinds = tuple(dict.fromkeys(kind_of(x) for x in operands))
    return _result_type(kinds)


def loop_dtypes(ctx: Ctx, prim: str, operands: Sequence[Arr | Num]) -> tuple[tuple[str, ...], str]:
    """To which dtypes the operands of a primitive are cast, and the dtype of its result."""
    kinds = [kind_of(x) for x in operands]
    if all(isinstance(x, Num) and x.weak for x in operands) and prim in _ARITHMETIC:
        kinds = [int if k == np.dtype(bool) else k for k in kinds]
    if prim in _FLOAT_ONLY:
        ufunc: Any = np.sin
    elif prim in ("real", "imag", "conj", "stop_gradient"):
        dtype = operands[0].dtype
        return (dtype,), real_of(dtype) if prim in ("real", "imag") else dtype
    else:
        ufunc = getattr(np, _SAME.get(prim, prim), None)
    if not isinstance(ufunc, np.ufunc):
        raise ctx.no_rule(f"no ufunc stands for {prim}")
    try:
        dtypes = _resolve(ufunc, tuple(kinds))
    except TypeError as err:
        raise ctx.error(str(err)) from err
    if "object" in dtypes and int in kinds:  # NumPy compares any Python int with integers
        other = next((k for k in kinds if k is not int and k.kind in "iu"), np.dtype("int64"))
        dtypes = _resolve(ufunc, tuple(other if k is int else k for k in kinds))
    if any(d in ("float16", "longdouble", "clongdouble", "object") for d in dtypes):
        raise ctx.error(
            f"{prim} of {', '.join(x.dtype for x in operands)} has dtype {dtypes[-1]}, which is unsupported"
        )
    return dtypes[: len(operands)], dtypes[-1]


def emit_loop(b: Builder, prim: str, values: Sequence[Value], dtype: str) -> Value:
    """One element of a ufunc; the values have the dtypes that `loop_dtypes` gave."""
    first = values[0].dtype
    if first == "bool" and all(v.dtype == "bool" for v in values):
        if prim in ("abs", "pos", "square", "conj", "real", "logical_not"):
            return values[0]
        prim = _BOOL.get(prim, prim)
    if prim in ("and", "or", "not"):
        values = [truth(b, v) for v in values]
    if is_integer(first) and prim in ("floor", "ceil", "trunc", "real", "conj"):
        return values[0]
    if prim in ("real", "conj") and not is_complex(first):
        return values[0]
    if prim == "imag" and not is_complex(first):
        return b.const(0, first)
    return cast(b, emit(b, prim, *values), dtype)


def truth(b: Builder, value: Value) -> Value:
    """value as a bool: unequal zero."""
    return value if value.dtype == "bool" else emit(b, "ne", value, b.const(0, value.dtype))
