"""Arithmetic and the functions made of straight pieces: rounding, minimum and maximum, remainders, powers.

Conventions: abs'(0) = 0 and sign' = 0; NumPy's minimum and maximum share a tie, ½ each, and pass the
cotangent to both where a NaN decides; Python's min and max follow the branch taken; sqrt'(0) = inf; x**0 has
derivative 0 everywhere.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .complexes import abs_rule, abs_tangent
from .logic import eq, gt, isnan, lt, or_, select
from .prim import Prim, Sym, cast, prim


def cast_like(value: Any, like: Any) -> Any:
    """`value` in the dtype of `like`, for rules where a count meets a number."""
    if isinstance(like, Sym):
        return Sym(like.builder, cast(like.builder, value.value, like.value.dtype))
    return np.asarray(value).astype(np.asarray(like).dtype)[()]


def _over(x: Any, z: Any) -> Any:
    return x / np.where(np.logical_and(np.equal(x, 0.0), np.equal(z, 0.0)), np.ones_like(z), z)[()]


NONZERO = (0.4, 2.5)

add = prim(
    "add", "x z", np.add, "{0} + {1}", holomorphic=True,
    x=lambda y_bar: y_bar,
    z=lambda y_bar: y_bar,
)  # fmt: skip
sub = prim(
    "sub", "x z", np.subtract, "{0} - {1}", holomorphic=True,
    x=lambda y_bar: y_bar,
    z=lambda y_bar: -y_bar,
)  # fmt: skip
mul = prim(
    "mul", "x z", np.multiply, "{0} * {1}", holomorphic=True,
    x=lambda y_bar, z: y_bar * z,
    z=lambda y_bar, x: y_bar * x,
)  # fmt: skip
div = prim(
    "div", "x z", np.divide, "{0} / {1}", cost=4, holomorphic=True, domain={"z": NONZERO},
    x=lambda y_bar, z: y_bar / z,
    z=lambda y_bar, z, y: -(y_bar * y) / z,
)  # fmt: skip
# x / z, where 0 / 0 is 0: an unused root of zero must not turn its neighbours into NaN, nor what they depend
# on. It is linear in x as a whole, so the tangent of a derivative does not ask for the derivative.
over: Prim = prim(
    "over", "x z", _over, "support.over({0}, {1})", cost=4, holomorphic=True, domain={"z": NONZERO},
    emit_float="vm.over({0}, {1})",
    x=lambda y_bar, z: over(y_bar, z),
    z=lambda y_bar, z, y: select(eq(y, 0.0), 0.0, -over(y_bar * y, z)),
)  # fmt: skip
neg = prim("neg", "x", np.negative, "-{0}", holomorphic=True, x=lambda y_bar: -y_bar)
pos = prim("pos", "x", np.positive, "+{0}", holomorphic=True, x=lambda y_bar: y_bar)

# `cast` takes its target from the type of its result, so `emit` and `ref` are the backend's and the
# interpreter's own; the driver casts what the rule gives to the dtype of x.
to_dtype = prim("cast", "x", np.positive, "{0}", holomorphic=True, x=lambda y_bar: y_bar)
stop_gradient = prim("stop_gradient", "x", np.positive, "{0}", cost=0)
# The number x with the derivative of z: for what is easier to find than to differentiate, such as a maximum.
attach = prim("attach", "x z", lambda x, z: np.positive(x), "{0}", cost=0, z=lambda y_bar: y_bar)

floordiv: Prim = prim("floordiv", "x z", np.floor_divide, "{0} // {1}", cost=6, domain={"z": NONZERO})
mod = prim(
    "mod", "x z", np.remainder, "{0} % {1}", cost=8, domain={"z": NONZERO},
    x=lambda y_bar: y_bar,
    z=lambda y_bar, x, z: -(y_bar * floordiv(x, z)),
)  # fmt: skip
fmod = prim(
    "fmod", "x z", np.fmod, "np.fmod({0}, {1})", cost=8, domain={"z": NONZERO},
    x=lambda y_bar: y_bar,
    z=lambda y_bar, x, z: -(y_bar * trunc(x / z)),
)  # fmt: skip

absolute = prim("abs", "x", np.abs, "abs({0})", result="real", tangent={"x": abs_tangent}, x=abs_rule)
sign = prim("sign", "x", np.sign, "np.sign({0})")
floor = prim("floor", "x", np.floor, "np.floor({0})", cost=2)
ceil = prim("ceil", "x", np.ceil, "np.ceil({0})", cost=2)
trunc: Prim = prim("trunc", "x", np.trunc, "np.trunc({0})", cost=2)
rint = prim("rint", "x", np.rint, "np.rint({0})", cost=2)
round_ = prim("round", "x", np.rint, "np.rint({0})", cost=2)


def _less_share(y_bar: Any, x: Any, z: Any) -> Any:
    return select(eq(x, z), 0.5 * y_bar, select(lt(z, x), 0.0, y_bar))


def _more_share(y_bar: Any, x: Any, z: Any) -> Any:
    return select(eq(x, z), 0.5 * y_bar, select(gt(z, x), 0.0, y_bar))


def _fmin_share(y_bar: Any, x: Any, z: Any) -> Any:
    return select(eq(x, z), 0.5 * y_bar, select(or_(lt(x, z), isnan(z)), y_bar, 0.0))


def _fmax_share(y_bar: Any, x: Any, z: Any) -> Any:
    return select(eq(x, z), 0.5 * y_bar, select(or_(gt(x, z), isnan(z)), y_bar, 0.0))


minimum = prim(
    "minimum", "x z", np.minimum, "np.minimum({0}, {1})", emit_float="vm.minimum({0}, {1})",
    x=lambda y_bar, x, z: _less_share(y_bar, x, z),
    z=lambda y_bar, x, z: _less_share(y_bar, z, x),
)  # fmt: skip
maximum = prim(
    "maximum", "x z", np.maximum, "np.maximum({0}, {1})", emit_float="vm.maximum({0}, {1})",
    x=lambda y_bar, x, z: _more_share(y_bar, x, z),
    z=lambda y_bar, x, z: _more_share(y_bar, z, x),
)  # fmt: skip
fmin = prim(
    "fmin", "x z", np.fmin, "np.fmin({0}, {1})",
    x=lambda y_bar, x, z: _fmin_share(y_bar, x, z),
    z=lambda y_bar, x, z: _fmin_share(y_bar, z, x),
)  # fmt: skip
fmax = prim(
    "fmax", "x z", np.fmax, "np.fmax({0}, {1})",
    x=lambda y_bar, x, z: _fmax_share(y_bar, x, z),
    z=lambda y_bar, x, z: _fmax_share(y_bar, z, x),
)  # fmt: skip
pymin = prim(
    "pymin", "x z", lambda x, z: select.ref(np.less(z, x), z, x), "min({0}, {1})",
    x=lambda y_bar, x, z: select(lt(z, x), 0.0, y_bar),
    z=lambda y_bar, x, z: select(lt(z, x), y_bar, 0.0),
)  # fmt: skip
pymax = prim(
    "pymax", "x z", lambda x, z: select.ref(np.greater(z, x), z, x), "max({0}, {1})",
    x=lambda y_bar, x, z: select(gt(z, x), 0.0, y_bar),
    z=lambda y_bar, x, z: select(gt(z, x), y_bar, 0.0),
)  # fmt: skip
copysign: Prim = prim(
    "copysign", "x z", np.copysign, "np.copysign({0}, {1})",
    x=lambda y_bar, x, z: y_bar * (sign(x) * copysign(1.0, z)),
)  # fmt: skip

square = prim(
    "square", "x", np.square, "np.square({0})", holomorphic=True, x=lambda y_bar, x: y_bar * (2.0 * x)
)
reciprocal = prim(
    "reciprocal", "x", np.reciprocal, "np.reciprocal({0})", cost=4, holomorphic=True, domain={"x": NONZERO},
    x=lambda y_bar, y: -(y_bar * (y * y)),
)  # fmt: skip
sqrt = prim(
    "sqrt", "x", np.sqrt, "np.sqrt({0})", cost=4, holomorphic=True, domain={"x": NONZERO},
    x=lambda y_bar, y: over(y_bar, 2.0 * y),
)  # fmt: skip
# The root under norms and standard deviations, whose derivative at 0 is 0 by convention.
norm_sqrt = prim(
    "norm_sqrt", "x", np.sqrt, "np.sqrt({0})", cost=4, domain={"x": NONZERO},
    x=lambda y_bar, y: y_bar * select(eq(y, 0.0), 0.0, 0.5 / select(eq(y, 0.0), 1.0, y)),
)  # fmt: skip
cbrt = prim(
    "cbrt", "x", np.cbrt, "np.cbrt({0})", cost=20, domain={"x": NONZERO},
    x=lambda y_bar, y: over(y_bar, 3.0 * (y * y)),
)  # fmt: skip
hypot = prim(
    "hypot", "x z", np.hypot, "vm.hypot({0}, {1})", cost=8,
    x=lambda y_bar, x, y: y_bar * (x / select(eq(y, 0.0), 1.0, y)),
    z=lambda y_bar, z, y: y_bar * (z / select(eq(y, 0.0), 1.0, y)),
)  # fmt: skip


def _power_slope(y_bar: Any, x: Any, z: Any) -> Any:
    """z * x**(z - 1) with an exponent that is never -1, so that no derivative of x**0 is 0 * inf."""
    return y_bar * (z * power(x, select(eq(z, 0.0), 1.0, z) - 1.0))


def _integer_power_slope(y_bar: Any, x: Any, n: Any) -> Any:
    return y_bar * (cast_like(n, x) * integer_power(x, select(eq(n, 0), 1, n) - 1))


def _integer_power(x: Any, n: Any) -> Any:
    return np.power(x, np.asarray(n).astype(np.asarray(x).dtype))


power: Prim = prim(
    "pow", "x z", np.power, "{0} ** {1}", cost=30, holomorphic=True, domain={"x": NONZERO},
    emit_float="vm.power({0}, {1})",
    x=_power_slope,
    z=lambda y_bar, x, y: y_bar * (y * log(select(eq(x, 0.0), 1.0, x))),
)  # fmt: skip
# An inexact base and an int64 exponent: the one primitive of arithmetic whose operands differ in dtype.
integer_power: Prim = prim(
    "ipow", "x n", _integer_power, "{0} ** {1}", result="first", cost=3, holomorphic=True,
    domain={"x": NONZERO},
    x=_integer_power_slope,
)  # fmt: skip
log: Prim = prim(
    "log", "x", np.log, "vm.log({0})", cost=20, holomorphic=True, domain={"x": NONZERO},
    x=lambda y_bar, x: y_bar / x,
)  # fmt: skip

bitand = prim("bitand", "x z", np.bitwise_and, "{0} & {1}", differentiable=False)
bitor = prim("bitor", "x z", np.bitwise_or, "{0} | {1}", differentiable=False)
bitxor = prim("bitxor", "x z", np.bitwise_xor, "{0} ^ {1}", differentiable=False)
invert = prim("invert", "x", np.invert, "~{0}", differentiable=False)
lshift = prim("lshift", "x z", np.left_shift, "{0} << {1}", differentiable=False)
rshift = prim("rshift", "x z", np.right_shift, "{0} >> {1}", differentiable=False)
