"""Functions of `scipy.special`; `library.find` imports this file for a program that uses them.

Formulas are written so that no intermediate value overflows and derivatives stay right at the ends.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from scipy import special

from ..ir.types import is_integer
from ..prims.prim import Sym, emit
from .core import Ctx, as_array, elementwise, lift, materialise, static
from .elementwise import by_rule, choose, strong, where
from .extrema import extreme
from .reduce import sum_
from .registry import Sample, lowers, mat, values, vec
from .value import AbstractValue, Known

Rule = Callable[..., Sym]


def _of(prim: str) -> Rule:
    def rule(*args: Sym) -> Sym:
        b = args[0].builder
        return Sym(b, emit(b, prim, *[a.value for a in args]))

    return rule


exp, log, log1p, logaddexp, sqrt = map(_of, ("exp", "log", "log1p", "logaddexp", "sqrt"))
finite, both, erfc, lgamma = map(_of, ("isfinite", "and", "erfc", "lgamma"))


def _zero(x: Sym) -> Sym:
    return Sym(x.builder, x.builder.const(0.0, x.value.dtype))


def _expit(x: Sym) -> Sym:
    negative = x < 0.0
    t = exp(choose(negative, x, -x))
    return choose(negative, t, t - t + 1.0) / (t + 1.0)


def _log_expit(x: Sym) -> Sym:
    return -logaddexp(_zero(x), -x)


def _logit(x: Sym) -> Sym:
    return log(x) - log1p(-x)


def _xlogy(x: Sym, y: Sym) -> Sym:
    """0 where x is 0, whatever y is; its derivative is log y there, where that is a number."""
    regular = both(y > 0.0, finite(y))
    vanishing = both(both(x.equals(0.0), y.equals(y)), _of("not")(regular))
    return x * log(choose(vanishing, _zero(y) + 1.0, y))


def _xlog1py(x: Sym, y: Sym) -> Sym:
    regular = both(y > -1.0, finite(y))
    vanishing = both(both(x.equals(0.0), y.equals(y)), _of("not")(regular))
    return x * log1p(choose(vanishing, _zero(y), y))


def _entr(x: Sym) -> Sym:
    inside = choose(x > 0.0, x, _zero(x) + 1.0)
    return choose(x > 0.0, -(x * log(inside)), choose(x < 0.0, _zero(x) - math.inf, x))


def _entropy(x: Sym, y: Sym, inside: Callable[[Sym, Sym], Sym], at_zero: Sym) -> Sym:
    """A function of two positive numbers, with its value at x = 0, y >= 0; infinite elsewhere."""
    positive, one = both(x > 0.0, y > 0.0), _zero(x) + 1.0
    known = inside(choose(positive, x, one), choose(positive, y, one))
    edge = both(x.equals(0.0), _of("ge")(y, _zero(y)))
    outside = choose(both(x.equals(x), y.equals(y)), _zero(x) + math.inf, x + y)
    return choose(positive, known, choose(edge, at_zero, outside))


def _rel_entr(x: Sym, y: Sym) -> Sym:
    return _entropy(x, y, lambda x, y: x * log(x / y), _zero(x))


def _kl_div(x: Sym, y: Sym) -> Sym:
    return _entropy(x, y, lambda x, y: x * log(x / y) - x + y, y)


def _ndtr(x: Sym) -> Sym:
    return erfc(x * (-1.0 / math.sqrt(2.0))) * 0.5


def _huber(delta: Sym, r: Sym) -> Sym:
    size = choose(r < 0.0, -r, r)
    inside = r * r * 0.5
    made = choose(_of("le")(size, delta), inside, delta * (size - delta * 0.5))
    return choose(delta < 0.0, _zero(r) + math.inf, made)


def _pseudo_huber(delta: Sym, r: Sym) -> Sym:
    """delta² (√(1 + u²) - 1) with u = r / delta, without a difference of near numbers."""
    u = r / choose(delta > 0.0, delta, _zero(r) + 1.0)
    made = r * r / (sqrt(u * u + 1.0) + 1.0)
    bad = choose(delta < 0.0, _zero(r) + math.inf, _zero(r))
    return choose(delta > 0.0, made, bad)


def _betaln(a: Sym, b: Sym) -> Sym:
    return lgamma(a) + lgamma(b) - lgamma(a + b)


POSITIVE = (0.2, 3.0)
UNIT = (0.1, 0.9)
RULES: dict[Any, tuple[Rule, int, tuple[tuple[float, float], ...]]] = {
    special.expit: (_expit, 30, ((-3.0, 3.0),)),
    special.log_expit: (_log_expit, 40, ((-3.0, 3.0),)),
    special.logit: (_logit, 40, (UNIT,)),
    special.xlogy: (_xlogy, 25, (POSITIVE, POSITIVE)),
    special.xlog1py: (_xlog1py, 25, (POSITIVE, UNIT)),
    special.entr: (_entr, 25, (POSITIVE,)),
    special.rel_entr: (_rel_entr, 25, (POSITIVE, POSITIVE)),
    special.kl_div: (_kl_div, 27, (POSITIVE, POSITIVE)),
    special.ndtr: (_ndtr, 21, ((-3.0, 3.0),)),
    special.huber: (_huber, 8, ((0.5, 1.0), (-3.0, 3.0))),
    special.pseudo_huber: (_pseudo_huber, 12, ((0.5, 1.0), (-3.0, 3.0))),
    special.betaln: (_betaln, 120, (POSITIVE, POSITIVE)),
    special.exp2: (_of("exp2"), 20, ((-2.0, 2.0),)),
    special.exp10: (lambda x: exp(x * math.log(10.0)), 20, ((-2.0, 2.0),)),
    special.expm1: (_of("expm1"), 20, ((-2.0, 2.0),)),
    special.log1p: (log1p, 20, (UNIT,)),
    special.cbrt: (_of("cbrt"), 20, (POSITIVE,)),
    special.erf: (_of("erf"), 20, ((-2.0, 2.0),)),
    special.erfc: (erfc, 20, ((-2.0, 2.0),)),
    special.gamma: (_of("gamma"), 40, (POSITIVE,)),
    special.gammaln: (lgamma, 40, (POSITIVE,)),
    special.psi: (_of("digamma"), 40, (POSITIVE,)),
}


def _samples(spans: tuple[tuple[float, float], ...]) -> Callable[[], list[Sample]]:
    def make() -> list[Sample]:
        def draw(shapes: tuple[tuple[int, ...], ...], dtype: str) -> list[Any]:
            return [
                values(*s, low=low, high=high, seed=k + 7, dtype=dtype)
                for k, (s, (low, high)) in enumerate(zip(shapes, spans, strict=False))
            ]

        drawn = [draw(((2, 3), (2, 3)), "float64"), draw(((3, 1), (2,)), "float64")]
        return [*[Sample(*d) for d in drawn], Sample(*draw(((4,), (4,)), "float32"))]

    return make


def _register(function: Any, rule: Rule, cost: int, spans: tuple[tuple[float, float], ...]) -> None:
    def unary(ctx: Ctx, x: AbstractValue) -> AbstractValue:
        return by_rule(ctx, "sin", [x], rule, cost)

    def binary(ctx: Ctx, x: AbstractValue, y: AbstractValue) -> AbstractValue:
        return by_rule(ctx, "arctan2", [x, y], rule, cost)

    name = f"scipy.special.{function.__name__}"
    lowers(function, samples=_samples(spans), name=name)(unary if len(spans) == 1 else binary)


for _function, _entry in RULES.items():
    _register(_function, *_entry)


@lowers(special.polygamma, samples=lambda: [Sample(0, values(3, low=0.5)), Sample(2, values(3, low=0.5))])
def polygamma(ctx: Ctx, n: AbstractValue, x: AbstractValue) -> AbstractValue:
    """scipy.special.polygamma of one order, which must be a constant."""
    order = static(ctx, n, "the order of polygamma")
    if not isinstance(order, int) or order < 0:
        raise ctx.no_rule("scipy.special.polygamma takes an order that is a whole number, at least 0")
    if order == 0:
        return by_rule(ctx, "sin", [x], _of("digamma"), 40)

    def rule(v: Sym) -> Sym:
        return _of("polygamma")(v, _zero(v) + float(order))

    return by_rule(ctx, "sin", [x], rule, 60)


# -- along axes
def _shifted(ctx: Ctx, x: AbstractValue, axis: AbstractValue | None) -> tuple[AbstractValue, AbstractValue]:
    """x less its maximum, and that; the maximum is 0 where it is infinite, and a constant for derivatives."""
    arr = as_array(ctx, x)
    if is_integer(arr.dtype) or arr.dtype == "bool":
        arr = as_array(ctx, elementwise(ctx, "mul", arr, Known(1.0)))
    arr = arr if arr.cheap else materialise(ctx, arr)
    top = elementwise(ctx, "stop_gradient", extreme("maximum")(ctx, arr, axis, keepdims=Known(True)))
    top = where(ctx, elementwise(ctx, "isfinite", top), top, Known(0.0))
    return elementwise(ctx, "sub", arr, top), top


def _axes() -> list[Sample]:
    return [
    Sample(vec()), Sample(mat()), Sample(mat(), axis=0), Sample(mat() * 300.0, axis=1), Sample(np.arange(3)),
]  # fmt: skip


@lowers(special.softmax, samples=_axes, name="scipy.special.softmax")
def softmax(ctx: Ctx, x: AbstractValue, axis: AbstractValue | None = None) -> AbstractValue:
    """scipy.special.softmax."""
    shifted, _ = _shifted(ctx, x, axis)
    powers = materialise(ctx, as_array(ctx, elementwise(ctx, "exp", shifted)))
    return elementwise(ctx, "div", powers, sum_(ctx, powers, axis, keepdims=Known(True)))


@lowers(special.log_softmax, samples=_axes, name="scipy.special.log_softmax")
def log_softmax(ctx: Ctx, x: AbstractValue, axis: AbstractValue | None = None) -> AbstractValue:
    """scipy.special.log_softmax."""
    shifted, _ = _shifted(ctx, x, axis)
    total = sum_(ctx, elementwise(ctx, "exp", shifted), axis, keepdims=Known(True))
    return elementwise(ctx, "sub", shifted, elementwise(ctx, "log", total))


@lowers(
    special.logsumexp,
    samples=lambda: [*_axes(), Sample(mat(), axis=1, keepdims=True), Sample(mat(), b=values(3, 4, low=0.1))],
    name="scipy.special.logsumexp",
)
def logsumexp(
    ctx: Ctx,
    a: AbstractValue,
    axis: AbstractValue | None = None,
    b: AbstractValue | None = None,
    keepdims: AbstractValue = False,
) -> AbstractValue:
    """scipy.special.logsumexp."""
    shifted, top = _shifted(ctx, a, axis)
    powers = elementwise(ctx, "exp", shifted)
    if b is not None:
        powers = elementwise(ctx, "mul", powers, b)
    total = elementwise(ctx, "log", sum_(ctx, powers, axis, keepdims=keepdims))
    if not static(ctx, keepdims, "keepdims"):
        top = sum_(ctx, top, axis)  # of one number: without its axes of length 1
    return strong(lift(ctx, elementwise(ctx, "add", total, top)))
