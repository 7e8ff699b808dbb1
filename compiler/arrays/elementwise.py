"""Elementwise functions of NumPy: ufuncs by table, and the ones made of several primitives."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..ir.build import Builder
from ..ir.nodes import Value
from ..ir.types import is_complex, is_float, is_inexact, is_integer, real_of
from ..prims.prim import PRIMS, Sym, cast, emit
from .core import Ctx, broadcast_shapes, cast_to, dtype_name, elementwise, lift, map_scalars, static
from .indexing import nonzero
from .power import float_power, power
from .promotion import emit_loop, loop_dtypes, result_dtype, truth
from .registry import Sample, attribute, lowers, values, vec
from .value import AbstractValue, Arr, Index, Known, Num, Tup

UFUNCS: dict[Any, str] = {
    np.add: "add", np.subtract: "sub", np.multiply: "mul", np.divide: "div", np.negative: "neg",
    np.positive: "pos",
    np.floor_divide: "floordiv", np.remainder: "mod", np.fmod: "fmod", np.absolute: "abs", np.sign: "sign",
    np.floor: "floor", np.ceil: "ceil", np.trunc: "trunc", np.rint: "rint", np.sqrt: "sqrt", np.cbrt: "cbrt",
    np.square: "square", np.reciprocal: "reciprocal", np.exp: "exp", np.exp2: "exp2", np.expm1: "expm1",
    np.log: "log", np.log2: "log2", np.log10: "log10", np.log1p: "log1p", np.sin: "sin", np.cos: "cos",
    np.tan: "tan", np.arcsin: "arcsin", np.arccos: "arccos", np.arctan: "arctan", np.sinh: "sinh",
    np.cosh: "cosh", np.tanh: "tanh", np.arcsinh: "arcsinh", np.arccosh: "arccosh", np.arctanh: "arctanh",
    np.arctan2: "arctan2", np.hypot: "hypot", np.copysign: "copysign", np.logaddexp: "logaddexp",
    np.logaddexp2: "logaddexp2", np.maximum: "maximum", np.minimum: "minimum", np.fmax: "fmax",
    np.fmin: "fmin",
    np.less: "lt", np.less_equal: "le", np.greater: "gt", np.greater_equal: "ge", np.equal: "eq",
    np.not_equal: "ne", np.logical_and: "and", np.logical_or: "or", np.logical_not: "not", np.isnan: "isnan",
    np.isinf: "isinf", np.isfinite: "isfinite", np.bitwise_and: "bitand", np.bitwise_or: "bitor",
    np.bitwise_xor: "bitxor", np.invert: "invert", np.left_shift: "lshift", np.right_shift: "rshift",
}  # fmt: skip
_BITS = {"bitand", "bitor", "bitxor", "invert", "lshift", "rshift"}


def strong(x: Arr | Num) -> Arr | Num:
    """A NumPy function gives NumPy scalars, also of Python numbers."""
    return Num(x.value) if isinstance(x, Num) and x.weak else x


def _samples(prim: str) -> Callable[[], list[Sample]]:
    """One call per way of passing arguments, inside the domain of the primitive."""

    def make() -> list[Sample]:
        record = PRIMS[prim]
        spans = [record.domain.get(name, (-1.5, 1.5)) for name in record.args]
        if prim in _BITS:
            whole = [np.array([5, 2, 7, 1]), np.array([3, 1, 2, 0])][: len(record.args)]
            return [Sample(*whole)]

        def draw(shapes: Sequence[tuple[int, ...]], dtype: str = "float64") -> list[Any]:
            spec = zip(spans, shapes, strict=False)
            return [
                values(*s, low=lo, high=hi, seed=k + 5, dtype=dtype) for k, ((lo, hi), s) in enumerate(spec)
            ]

        out = [Sample(*draw([(2, 3), (2, 3)])), Sample(*draw([(4,), (4,)], "float32"))]
        out.append(Sample(*[float(v[0]) for v in draw([(1,), (1,)])]))
        if len(record.args) == 2:
            out.append(Sample(*draw([(3, 1), (2,)])))
        return out

    return make


def _register_ufunc(function: Any, prim: str) -> None:
    def unary(ctx: Ctx, x: AbstractValue) -> AbstractValue:
        return strong(elementwise(ctx, prim, x))

    def binary(ctx: Ctx, x1: AbstractValue, x2: AbstractValue) -> AbstractValue:
        return strong(elementwise(ctx, prim, x1, x2))

    lowers(function, samples=_samples(prim))(unary if function.nin == 1 else binary)


for _function, _prim in UFUNCS.items():
    _register_ufunc(_function, _prim)

_POSITIVE = [
    Sample(values(4), values(4, seed=1)),
    Sample(values(3, 1), 3),
    Sample(vec(), 2),
    Sample(values(2), -1),
]
lowers(
    np.power,
    samples=lambda: [*_POSITIVE, Sample(np.array([2, 3]), 3), Sample(values(3), np.array([0, 2, 7]))],
)(lambda ctx, x1, x2: strong(power(ctx, x1, x2)))
lowers(np.float_power, samples=lambda: [Sample(values(4), 1.5), Sample(np.array([2, 3]), 2)])(
    lambda ctx, x1, x2: strong(float_power(ctx, x1, x2))
)


def by_rule(
    ctx: Ctx,
    ufunc_prim: str | None,
    operands: Sequence[AbstractValue],
    rule: Callable[..., Sym],
    cost: int = 4,
) -> Arr | Num:
    """A formula on scalars, in the dtypes of a ufunc's loop (or of np.result_type)."""
    lifted = [lift(ctx, x) for x in operands]
    if ufunc_prim is None:
        out = result_dtype(ctx, *lifted)
        ins: Sequence[str] = [out] * len(lifted)
    else:
        ins, out = loop_dtypes(ctx, ufunc_prim, lifted)

    def combine(b: Builder, args: list[Value]) -> Value:
        return cast(b, rule(*[Sym(b, a) for a in args]).value, out)

    return strong(map_scalars(ctx, lifted, ins, out, combine, cost))


def choose(cond: Sym, a: Sym, b: Sym | float) -> Sym:
    """select on symbols."""
    builder = cond.builder
    other = b.value if isinstance(b, Sym) else builder.const(b, a.value.dtype)
    return Sym(builder, emit(builder, "select", cond.value, a.value, other))


def _unary(prim: str, x: Sym) -> Sym:
    return Sym(x.builder, emit(x.builder, prim, x.value))


@lowers(np.fabs, samples=lambda: [Sample(vec()), Sample(np.array([1, -2]))])
def fabs(ctx: Ctx, x: AbstractValue) -> AbstractValue:
    """np.fabs."""
    return by_rule(ctx, "sin", [x], lambda v: _unary("abs", v), 1)


@lowers(np.deg2rad, np.radians, samples=lambda: [Sample(vec()), Sample(np.array([1, 90]))])
def deg2rad(ctx: Ctx, x: AbstractValue) -> AbstractValue:
    """np.deg2rad, np.radians."""
    return by_rule(ctx, "sin", [x], lambda v: v * (math.pi / 180.0), 1)


@lowers(np.rad2deg, np.degrees, samples=lambda: [Sample(vec())])
def rad2deg(ctx: Ctx, x: AbstractValue) -> AbstractValue:
    """np.rad2deg, np.degrees."""
    return by_rule(ctx, "sin", [x], lambda v: v * (180.0 / math.pi), 1)


@lowers(np.heaviside, samples=lambda: [Sample(vec(), 0.5), Sample(np.array([0.0, -1.0, 2.0]), vec()[:3])])
def heaviside(ctx: Ctx, x1: AbstractValue, x2: AbstractValue) -> AbstractValue:
    """np.heaviside."""

    def rule(x: Sym, h: Sym) -> Sym:
        zero = x - x
        return choose(x.equals(0.0), h, choose(x < 0.0, zero, choose(x > 0.0, zero + 1.0, x)))

    return by_rule(ctx, "arctan2", [x1, x2], rule)


@lowers(np.sinc, samples=lambda: [Sample(vec()), Sample(np.array([0.0, 0.5]))])
def sinc(ctx: Ctx, x: AbstractValue) -> AbstractValue:
    """np.sinc."""

    def rule(v: Sym) -> Sym:
        zero = v.equals(0.0)
        angle = choose(zero, v + 1.0, v) * math.pi
        return choose(zero, v - v + 1.0, _unary("sin", angle) / angle)

    return by_rule(ctx, "sin", [x], rule)


@lowers(np.signbit, samples=lambda: [Sample(vec())])
def signbit(ctx: Ctx, x: AbstractValue) -> AbstractValue:
    """np.signbit."""
    sign = elementwise(ctx, "copysign", Known(1.0), x)
    return strong(elementwise(ctx, "lt", sign, Known(0.0)))


@lowers(np.logical_xor, samples=lambda: [Sample(np.array([True, False]), np.array([True, True]))])
def logical_xor(ctx: Ctx, x1: AbstractValue, x2: AbstractValue) -> AbstractValue:
    """np.logical_xor."""
    return strong(elementwise(ctx, "ne", as_bool(ctx, x1), as_bool(ctx, x2)))


def as_bool(ctx: Ctx, x: AbstractValue) -> Arr | Num:
    """x != 0 as bool."""
    x = lift(ctx, x)
    return x if x.dtype == "bool" else elementwise(ctx, "ne", x, Known(0))


@lowers(np.divmod, samples=lambda: [Sample(vec(), 0.7), Sample(np.array([7, -7]), 3)])
def divmod_(ctx: Ctx, x1: AbstractValue, x2: AbstractValue) -> AbstractValue:
    """np.divmod."""
    return Tup((strong(elementwise(ctx, "floordiv", x1, x2)), strong(elementwise(ctx, "mod", x1, x2))))


@lowers(np.modf, samples=lambda: [Sample(vec())])
def modf(ctx: Ctx, x: AbstractValue) -> AbstractValue:
    """np.modf."""
    whole = by_rule(ctx, "sin", [x], lambda v: _unary("trunc", v))
    return Tup((by_rule(ctx, "sin", [x], lambda v: v - _unary("trunc", v)), whole))


@lowers(
    np.where,
    samples=lambda: [
        Sample(np.array([True, False, True, False, False]), vec(), vec(2)),
        Sample(np.array([[True], [False]]), vec(), 0.0),
        Sample(np.array([1, 0, 2, 0, 0]), 1.0, vec()),
        Sample(np.array([0, 3, 1])),
    ],
)
def where(
    ctx: Ctx, condition: AbstractValue, x: AbstractValue | None = None, y: AbstractValue | None = None
) -> AbstractValue:
    """Branches that cost anything are computed only where they are taken: no NaN leaks into a gradient."""
    cond = as_bool(ctx, condition)
    if x is None or y is None:
        if not isinstance(cond, Arr):
            raise ctx.no_rule("np.where of a scalar alone is not supported")
        return Tup(nonzero(ctx, cond))
    a, b_ = lift(ctx, x), lift(ctx, y)
    dtype = result_dtype(ctx, a, b_)
    a, b_ = strong(cast_to(ctx, a, dtype)), strong(cast_to(ctx, b_, dtype))
    if not any(isinstance(v, Arr) and v.rank for v in (cond, a, b_)):
        return map_scalars(
            ctx, [cond, a, b_], ["bool", dtype, dtype], dtype, lambda b, v: emit(b, "select", *v), cost=1
        )
    return _branches(ctx, cond, a, b_)


def _branches(ctx: Ctx, cond: Arr | Num, a: Arr | Num, b_: Arr | Num) -> Arr:
    operands = [cond, a, b_]
    shape = broadcast_shapes(ctx, *[x.shape for x in operands if isinstance(x, Arr)])
    from .core import broadcast_to

    c, yes, no = (broadcast_to(ctx, x, shape) if isinstance(x, Arr) else x for x in operands)
    arrays = [x for x in (c, yes, no) if isinstance(x, Arr)]
    lazy = any(isinstance(x, Arr) and x.memory is None for x in (yes, no))

    def at(b: Builder, index: Index) -> Value:
        test = _element(c, b, index)
        if not lazy:
            return emit(b, "select", test, _element(yes, b, index), _element(no, b, index))
        b.open()
        then = b.close((_element(yes, b, index),))
        b.open()
        return b.if_(test, then, b.close((_element(no, b, index),)))[0]

    reads = tuple(r for x in arrays for r in x.reads)
    return Arr(a.dtype, shape, at, cheap=False, reads=reads, writeable=False, steps=None)


def _element(x: Arr | Num, b: Builder, index: Index) -> Value:
    return x.at(b, index) if isinstance(x, Arr) else x.value


@lowers(
    np.clip,
    method="clip",
    samples=lambda: [
        Sample(vec(), -1.0, 0.5), Sample(vec(), None, 0.5), Sample(vec(), vec(2) - 1.0, 3),
        Sample(vec(), a_max=None, a_min=0.0),
    ],
)  # fmt: skip
def clip(
    ctx: Ctx,
    a: AbstractValue,
    a_min: AbstractValue | None = None,
    a_max: AbstractValue | None = None,
    *,
    min: AbstractValue | None = None,
    max: AbstractValue | None = None,
) -> AbstractValue:
    """np.clip."""
    low, high = a_min if a_min is not None else min, a_max if a_max is not None else max
    out = lift(ctx, a)
    if low is not None:
        out = elementwise(ctx, "maximum", out, low)
    return strong(out if high is None else elementwise(ctx, "minimum", out, high))


@lowers(
    np.round,
    np.around,
    method="round",
    samples=lambda: [Sample(vec()), Sample(vec(), 1), Sample(np.array([3]))],
)
def round_(ctx: Ctx, a: AbstractValue, decimals: AbstractValue = 0) -> AbstractValue:
    """np.round, np.around."""
    x, digits = lift(ctx, a), static(ctx, decimals, "decimals")
    if is_integer(x.dtype) and digits >= 0:
        return strong(x)
    if digits == 0:
        return strong(elementwise(ctx, "rint", x))
    scale = Known(float(10 ** abs(digits)))
    first, last = ("mul", "div") if digits > 0 else ("div", "mul")
    return strong(elementwise(ctx, last, elementwise(ctx, "rint", elementwise(ctx, first, x, scale)), scale))


@lowers(
    np.nan_to_num,
    samples=lambda: [Sample(np.array([1.0, np.nan, np.inf, -np.inf])), Sample(vec()), Sample(vec(), nan=2.0)],
)
def nan_to_num(
    ctx: Ctx,
    x: AbstractValue,
    *,
    nan: AbstractValue = 0.0,
    posinf: AbstractValue | None = None,
    neginf: AbstractValue | None = None,
) -> AbstractValue:
    """np.nan_to_num."""
    a = lift(ctx, x)
    if not is_float(a.dtype):
        return strong(a)
    info = np.finfo(a.dtype)
    low = float(info.min) if neginf is None else neginf
    high = float(info.max) if posinf is None else posinf

    def rule(v: Sym, other: Sym, high: Sym, low: Sym) -> Sym:
        infinite = choose(v > 0.0, high, low)
        return choose(_unary("isnan", v), other, choose(_unary("isinf", v), infinite, v))

    return by_rule(ctx, None, [a, nan, high, low], rule)


@lowers(np.isclose, samples=lambda: [Sample(vec(), vec() + 1e-9), Sample(vec(), vec(2), atol=1.0)])
def isclose(
    ctx: Ctx, a: AbstractValue, b: AbstractValue, rtol: AbstractValue = 1e-05, atol: AbstractValue = 1e-08
) -> AbstractValue:
    """np.isclose."""
    gap = elementwise(ctx, "abs", elementwise(ctx, "sub", a, b))
    allowed = elementwise(ctx, "add", atol, elementwise(ctx, "mul", rtol, elementwise(ctx, "abs", b)))
    near = elementwise(ctx, "and", elementwise(ctx, "le", gap, allowed), elementwise(ctx, "isfinite", b))
    return strong(elementwise(ctx, "or", near, elementwise(ctx, "eq", a, b)))


# -- dtypes and complex parts
@lowers(
    method="astype",
    samples=lambda: [Sample(vec(), np.float32), Sample(vec(), int), Sample(np.array([1]), "f8")],
)
def astype(ctx: Ctx, a: AbstractValue, dtype: AbstractValue) -> AbstractValue:
    """ndarray.astype."""
    name = dtype_name(ctx, dtype)
    assert name is not None
    x = lift(ctx, a)
    if name == "bool" and x.dtype != "bool":
        return strong(as_bool(ctx, x))
    out = strong(cast_to(ctx, x, name))
    if isinstance(out, Arr) and out.memory is not None:
        from .core import copy, in_layout_of

        return in_layout_of(copy(ctx, out), out)
    return out


def _scalar_type(dtype: Any) -> None:
    name = np.dtype(dtype).name

    def convert(ctx: Ctx, x: AbstractValue = 0) -> AbstractValue:
        return astype(ctx, x, Known(name))

    lowers(dtype, samples=lambda: [Sample(1.5) if is_inexact(name) else Sample(2)], name=f"np.{name}")(
        convert
    )


for _dtype in (np.float64, np.float32, np.int64, np.int32, np.int16, np.int8, np.uint8, np.uint16, np.uint32,
               np.uint64, np.bool_, np.complex128, np.complex64):  # fmt: skip
    _scalar_type(_dtype)


def _complex_samples() -> list[Sample]:
    return [Sample(vec()), Sample(vec() + 1j * vec(2))]


@lowers(np.real, samples=_complex_samples)
def real(ctx: Ctx, val: AbstractValue) -> AbstractValue:
    """np.real."""
    x = lift(ctx, val)
    return strong(elementwise(ctx, "real", x) if is_complex(x.dtype) else x)


@lowers(np.imag, samples=_complex_samples)
def imag(ctx: Ctx, val: AbstractValue) -> AbstractValue:
    """np.imag."""
    return strong(elementwise(ctx, "imag", val))


attribute("real")(real)
attribute("imag")(imag)


@lowers(np.conjugate, method="conj", samples=_complex_samples)
def conj(ctx: Ctx, x: AbstractValue) -> AbstractValue:
    """np.conjugate."""
    a = lift(ctx, x)
    return strong(elementwise(ctx, "conj" if is_complex(a.dtype) else "pos", a))


lowers(method="conjugate", samples=_complex_samples)(conj)


@lowers(np.angle, samples=lambda: [Sample(vec() + 1j * vec(2)), Sample(vec())])
def angle(ctx: Ctx, z: AbstractValue) -> AbstractValue:
    """np.angle."""
    x = lift(ctx, z)
    dtype = real_of(x.dtype) if is_inexact(x.dtype) else "float64"
    parts = [cast_to(ctx, elementwise(ctx, p, x), dtype) for p in ("imag", "real")]
    return strong(elementwise(ctx, "arctan2", *parts))


@lowers(np.iscomplexobj, samples=lambda: [Sample(vec())])
def iscomplexobj(ctx: Ctx, x: AbstractValue) -> AbstractValue:
    """np.iscomplexobj."""
    return Known(is_complex(lift(ctx, x).dtype))


__all__ = ["as_bool", "by_rule", "choose", "emit_loop", "strong", "truth", "where"]
