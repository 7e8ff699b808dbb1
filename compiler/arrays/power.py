"""The power: constant small exponents are products, integer exponents stay integers."""

from __future__ import annotations

import numpy as np

from ..ir.build import Builder
from ..ir.nodes import Value
from ..ir.types import is_inexact, is_integer
from ..prims.prim import cast, emit
from .core import Ctx, lift, map_scalars
from .promotion import loop_dtypes
from .value import AbstractValue, Arr, Num


def power(ctx: Ctx, x: AbstractValue, n: AbstractValue) -> Arr | Num:
    """x ** n as Python and NumPy have it."""
    base, exponent = lift(ctx, x), lift(ctx, n)
    known = ctx.b.const_of(exponent.value) if isinstance(exponent, Num) else None
    python = isinstance(base, Num) and base.weak and isinstance(exponent, Num) and exponent.weak
    if python and is_integer(base.dtype) and isinstance(known, int) and known < 0:
        base = Num(cast(ctx.b, base.value, "float64"), True)  # type: ignore[union-attr]
    (base_dtype, exponent_dtype), out = loop_dtypes(ctx, "pow", (base, exponent))
    if known is not None and not isinstance(known, complex) and known == int(known) and abs(known) <= 4:
        k = int(known)
        if k >= 0 or is_inexact(out):
            return map_scalars(ctx, [base], [out], out, lambda b, v: _product(b, v[0], k), cost=2)
    if is_inexact(out) and is_integer(exponent.dtype):
        ins = [out, "int64"]
        return map_scalars(ctx, [base, exponent], ins, out, lambda b, v: emit(b, "ipow", *v), cost=4)
    if is_integer(out):
        return map_scalars(ctx, [base, exponent], [out, out], out, lambda b, v: _integers(ctx, b, v), cost=4)
    ins = [base_dtype, exponent_dtype]
    return map_scalars(ctx, [base, exponent], ins, out, lambda b, v: emit(b, "pow", *v), cost=30)


def _product(b: Builder, x: Value, k: int) -> Value:
    if k < 0:
        return emit(b, "div", b.const(1, x.dtype), _product(b, x, -k))
    if k == 0:
        return b.const(1, x.dtype)
    half = _product(b, x, k // 2) if k > 1 else x
    if k == 1:
        return x
    even = emit(b, "mul", half, half)
    return emit(b, "mul", even, x) if k % 2 else even


def _integers(ctx: Ctx, b: Builder, values: list[Value]) -> Value:
    known = b.const_of(values[1])
    if known is None or known < 0:
        ok = emit(b, "ge", values[1], b.const(0, values[1].dtype))
        ctx.require(ok, "ValueError", "Integers to negative integer powers are not allowed.")
    return emit(b, "pow", *values)


def float_power(ctx: Ctx, x: AbstractValue, n: AbstractValue) -> Arr | Num:
    """np.float_power: at least double precision."""
    operands = [lift(ctx, x), lift(ctx, n)]
    kinds = [np.dtype(o.dtype) for o in operands]
    ins = [d.name for d in np.float_power.resolve_dtypes((*kinds, None))]
    return map_scalars(ctx, operands, ins[:2], ins[2], lambda b, v: emit(b, "pow", *v), cost=30)
