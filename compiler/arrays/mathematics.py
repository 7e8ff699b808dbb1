"""The math module: functions of Python numbers, whose results are Python numbers (weak)."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

from ..ir.nodes import Value
from ..ir.types import is_integer
from ..prims.prim import PRIMS, Sym, cast, emit
from .core import Ctx, as_array, elementwise, reduce_nest, to_value
from .registry import Sample, lowers, vec
from .value import AbstractValue, Known, Num, Tup

_FLOAT: dict[Callable[..., Any], str] = {
    math.sin: "sin", math.cos: "cos", math.tan: "tan", math.asin: "arcsin", math.acos: "arccos",
    math.atan: "arctan",
    math.sinh: "sinh", math.cosh: "cosh", math.tanh: "tanh", math.asinh: "arcsinh", math.acosh: "arccosh",
    math.atanh: "arctanh", math.atan2: "arctan2", math.exp: "exp", math.exp2: "exp2", math.expm1: "expm1",
    math.log2: "log2", math.log10: "log10", math.log1p: "log1p", math.sqrt: "sqrt", math.cbrt: "cbrt",
    math.fabs: "abs", math.copysign: "copysign", math.fmod: "fmod", math.pow: "pow", math.gamma: "gamma",
    math.lgamma: "lgamma", math.erf: "erf", math.erfc: "erfc", math.isnan: "isnan", math.isinf: "isinf",
    math.isfinite: "isfinite",
}  # fmt: skip


def _floats(ctx: Ctx, args: Sequence[AbstractValue]) -> list[Value]:
    return [to_value(ctx, a, "float64") for a in args]


def _python(value: Value) -> Num:
    return Num(value, weak=True)


def _samples(prim: str) -> Callable[[], list[Sample]]:
    def make() -> list[Sample]:
        record = PRIMS[prim]
        spans = [record.domain.get(name, (-1.5, 1.5)) for name in record.args]
        return [
            Sample(*[lo + 0.7 * (hi - lo) for lo, hi in spans]),
            Sample(*[lo + 0.6 * (hi - lo) for lo, hi in spans]),
        ]

    return make


def _register(function: Callable[..., Any], prim: str) -> None:
    def unary(ctx: Ctx, x: AbstractValue) -> AbstractValue:
        return _python(emit(ctx.b, prim, *_floats(ctx, [x])))

    def binary(ctx: Ctx, x: AbstractValue, y: AbstractValue) -> AbstractValue:
        return _python(emit(ctx.b, prim, *_floats(ctx, [x, y])))

    two = prim in ("arctan2", "copysign", "fmod", "pow")
    lowers(function, samples=_samples(prim))(binary if two else unary)


for _function, _prim in _FLOAT.items():
    _register(_function, _prim)


@lowers(math.log, samples=lambda: [Sample(2.5), Sample(2.5, 3.0)])
def log(ctx: Ctx, x: AbstractValue, base: AbstractValue | None = None) -> AbstractValue:
    """math.log."""
    b = ctx.b
    out = emit(b, "log", *_floats(ctx, [x]))
    return _python(out if base is None else emit(b, "div", out, emit(b, "log", *_floats(ctx, [base]))))


@lowers(math.hypot, samples=lambda: [Sample(3.0, 4.0), Sample(1.0, 2.0, 3.0), Sample(-2.0)])
def hypot(ctx: Ctx, *coordinates: AbstractValue) -> AbstractValue:
    """math.hypot."""
    parts = _floats(ctx, coordinates)
    if len(parts) == 2:
        return _python(emit(ctx.b, "hypot", *parts))
    total = ctx.b.const(0.0)
    for part in parts:
        total = emit(ctx.b, "add", total, emit(ctx.b, "mul", part, part))
    return _python(emit(ctx.b, "norm_sqrt", total))


@lowers(math.dist, samples=lambda: [Sample((1.0, 2.0), (3.0, 5.0))])
def dist(ctx: Ctx, p: AbstractValue, q: AbstractValue) -> AbstractValue:
    """math.dist."""

    def step(b: Any, index: Any, c: Any) -> tuple[Value]:
        gap = emit(b, "sub", *[cast(b, v.at(b, index), "float64") for v in points])
        return (emit(b, "add", c[0], emit(b, "mul", gap, gap)),)

    points = [as_array(ctx, v) for v in (p, q)]
    same = emit(ctx.b, "eq", points[0].shape[0], points[1].shape[0])
    ctx.require(same, "ValueError", "both points must have the same number of dimensions")
    return _python(emit(ctx.b, "norm_sqrt", reduce_nest(ctx, points[0].shape, (ctx.b.const(0.0),), step)[0]))


def _whole(prim: str) -> Callable[..., AbstractValue]:
    def lower(ctx: Ctx, x: AbstractValue) -> AbstractValue:
        value = to_value(ctx, x)
        if is_integer(value.dtype) or value.dtype == "bool":
            return _python(cast(ctx.b, value, "int64"))
        return _python(cast(ctx.b, emit(ctx.b, prim, value), "int64"))

    return lower


for _function, _prim in ((math.floor, "floor"), (math.ceil, "ceil"), (math.trunc, "trunc")):
    lowers(_function, samples=lambda: [Sample(2.5), Sample(-2.5), Sample(3)])(_whole(_prim))


@lowers(math.degrees, samples=lambda: [Sample(2.5)])
def degrees(ctx: Ctx, x: AbstractValue) -> AbstractValue:
    """math.degrees."""
    return _python((Sym(ctx.b, _floats(ctx, [x])[0]) * (180.0 / math.pi)).value)


@lowers(math.radians, samples=lambda: [Sample(25.0)])
def radians(ctx: Ctx, x: AbstractValue) -> AbstractValue:
    """math.radians."""
    return _python((Sym(ctx.b, _floats(ctx, [x])[0]) * (math.pi / 180.0)).value)


@lowers(
    math.isclose, samples=lambda: [Sample(1.0, 1.0 + 1e-12), Sample(1.0, 1.1), Sample(1.0, 1.1, abs_tol=0.2)]
)
def isclose(
    ctx: Ctx,
    a: AbstractValue,
    b: AbstractValue,
    *,
    rel_tol: AbstractValue = 1e-09,
    abs_tol: AbstractValue = 0.0,
) -> AbstractValue:
    """math.isclose."""
    x, y = _floats(ctx, [a, b])
    rel, tol = _floats(ctx, [rel_tol, abs_tol])
    bld = ctx.b
    gap = emit(bld, "abs", emit(bld, "sub", x, y))
    largest = emit(bld, "pymax", emit(bld, "abs", x), emit(bld, "abs", y))
    near = emit(bld, "le", gap, emit(bld, "pymax", emit(bld, "mul", rel, largest), tol))
    finite = emit(bld, "and", emit(bld, "isfinite", x), emit(bld, "isfinite", y))
    return _python(emit(bld, "or", emit(bld, "and", near, finite), emit(bld, "eq", x, y)))


@lowers(math.fsum, samples=lambda: [Sample(vec()), Sample((1.0, 2.0, 3.5))])
def fsum(ctx: Ctx, seq: AbstractValue) -> AbstractValue:
    """math.fsum."""
    arr = as_array(ctx, seq)

    def step(b: Any, index: Any, c: Any) -> tuple[Value]:
        return (emit(b, "add", c[0], cast(b, arr.at(b, index), "float64")),)

    return _python(reduce_nest(ctx, arr.shape, (ctx.b.const(0.0),), step)[0])


@lowers(math.prod, samples=lambda: [Sample((1.0, 2.0, 3.5)), Sample((2, 3)), Sample(vec(), start=2.0)])
def prod(ctx: Ctx, iterable: AbstractValue, *, start: AbstractValue = 1) -> AbstractValue:
    """math.prod."""
    if isinstance(iterable, tuple | list):
        iterable = Tup(tuple(Known(i) for i in iterable))
    if isinstance(iterable, Tup):
        total: Any = Known(start) if isinstance(start, int | float) else start
        for item in iterable.items:
            total = elementwise(ctx, "mul", total, item)
        return total
    from .reduce import prod as array_prod

    return elementwise(ctx, "mul", array_prod(ctx, iterable), start)
