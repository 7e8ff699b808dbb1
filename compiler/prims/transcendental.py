"""Exponentials, logarithms, trigonometric, hyperbolic and special functions.

At the ends of a domain a derivative is what its formula gives: log'(0) = inf, arcsin'(±1) = inf. Two limits
are set by hand: arctan2 has derivative 0 at (0, 0), and logaddexp where both operands are -inf.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..later import special
from .arithmetic import hypot, sqrt
from .logic import and_, eq, isinf, lt, select
from .prim import Prim, prim

POSITIVE = (0.4, 2.5)
INSIDE = (-0.8, 0.8)


exp = prim("exp", "x", np.exp, "vm.exp({0})", cost=20, holomorphic=True, x=lambda y_bar, y: y_bar * y)
exp2 = prim(
    "exp2", "x", np.exp2, "vm.exp2({0})", cost=20, holomorphic=True,
    x=lambda y_bar, y: y_bar * (math.log(2.0) * y),
)  # fmt: skip
expm1 = prim(
    "expm1", "x", np.expm1, "vm.expm1({0})", cost=20, holomorphic=True, x=lambda y_bar, y: y_bar * (y + 1.0)
)
log2 = prim(
    "log2", "x", np.log2, "vm.log2({0})", cost=20, holomorphic=True, domain={"x": POSITIVE},
    x=lambda y_bar, x: y_bar / (math.log(2.0) * x),
)  # fmt: skip
log10 = prim(
    "log10", "x", np.log10, "np.log10({0})", cost=20, holomorphic=True, domain={"x": POSITIVE},
    x=lambda y_bar, x: y_bar / (math.log(10.0) * x),
)  # fmt: skip
log1p = prim(
    "log1p", "x", np.log1p, "vm.log1p({0})", cost=20, holomorphic=True, domain={"x": (-0.6, 2.5)},
    x=lambda y_bar, x: y_bar / (x + 1.0),
)  # fmt: skip

sin: Prim = prim(
    "sin", "x", np.sin, "vm.sin({0})", cost=20, holomorphic=True, x=lambda y_bar, x: y_bar * cos(x)
)
cos: Prim = prim(
    "cos", "x", np.cos, "vm.cos({0})", cost=20, holomorphic=True, x=lambda y_bar, x: -(y_bar * sin(x))
)
tan = prim(
    "tan", "x", np.tan, "vm.tan({0})", cost=20, holomorphic=True, domain={"x": (-1.3, 1.3)},
    x=lambda y_bar, y: y_bar * (y * y + 1.0),
)  # fmt: skip
arcsin = prim(
    "arcsin", "x", np.arcsin, "vm.arcsin({0})", cost=20, holomorphic=True, domain={"x": INSIDE},
    x=lambda y_bar, x: y_bar / sqrt((1.0 - x) * (1.0 + x)),
)  # fmt: skip
arccos = prim(
    "arccos", "x", np.arccos, "vm.arccos({0})", cost=20, holomorphic=True, domain={"x": INSIDE},
    x=lambda y_bar, x: -(y_bar / sqrt((1.0 - x) * (1.0 + x))),
)  # fmt: skip
arctan = prim(
    "arctan", "x", np.arctan, "vm.arctan({0})", cost=20, holomorphic=True,
    x=lambda y_bar, x: y_bar / (x * x + 1.0),
)  # fmt: skip
sinh: Prim = prim(
    "sinh", "x", np.sinh, "vm.sinh({0})", cost=20, holomorphic=True, x=lambda y_bar, x: y_bar * cosh(x)
)
cosh: Prim = prim(
    "cosh", "x", np.cosh, "vm.cosh({0})", cost=20, holomorphic=True, x=lambda y_bar, x: y_bar * sinh(x)
)
tanh = prim(
    "tanh", "x", np.tanh, "vm.tanh({0})", cost=20, holomorphic=True, x=lambda y_bar, y: y_bar * (1.0 - y * y)
)
arcsinh = prim(
    "arcsinh", "x", np.arcsinh, "vm.arcsinh({0})", cost=20, holomorphic=True,
    x=lambda y_bar, x: y_bar / sqrt(x * x + 1.0),
)  # fmt: skip
arccosh = prim(
    "arccosh", "x", np.arccosh, "vm.arccosh({0})", cost=20, holomorphic=True, domain={"x": (1.2, 3.0)},
    x=lambda y_bar, x: y_bar / (sqrt(x - 1.0) * sqrt(x + 1.0)),
)  # fmt: skip
arctanh = prim(
    "arctanh", "x", np.arctanh, "vm.arctanh({0})", cost=20, holomorphic=True, domain={"x": INSIDE},
    x=lambda y_bar, x: y_bar / ((1.0 - x) * (1.0 + x)),
)  # fmt: skip


def _angle_slope(y_bar: Any, along: Any, x: Any, z: Any) -> Any:
    """y_bar * along / (x² + z²), safe from underflow, and 0 at the origin."""
    r = hypot(x, z)
    r = select(eq(r, 0.0), 1.0, r)
    return y_bar * (along / r / r)


arctan2 = prim(
    "arctan2", "x z", np.arctan2, "vm.arctan2({0}, {1})", cost=25, domain={"x": POSITIVE},
    x=lambda y_bar, x, z: _angle_slope(y_bar, z, x, z),
    z=lambda y_bar, x, z: -_angle_slope(y_bar, x, x, z),
)  # fmt: skip


def _above(y: Any) -> Any:
    """y, with 0 for -inf: then x - y is -inf, not NaN, where x is -inf too."""
    return select(and_(isinf(y), lt(y, 0.0)), 0.0, y)


def _first_share(x: Any, z: Any) -> Any:
    share = 1.0 / (1.0 + np.exp(np.where(np.equal(x, z), np.zeros_like(x), z - x)))
    return np.where(np.maximum(x, z) == -np.inf, np.zeros_like(share), share)[()]


logaddexp = prim(
    "logaddexp", "x z", np.logaddexp, "vm.logaddexp({0}, {1})", cost=40,
    x=lambda y_bar, x, z: y_bar * first_share(x, z),
    z=lambda y_bar, x, z: y_bar * second_share(x, z),
)  # fmt: skip
# exp(x) / (exp(x) + exp(z)), and exp(z) / (exp(x) + exp(z)): compiled, they take the one exponential that
# logaddexp of the same operands takes.
first_share: Prim = prim(
    "first_share", "x z", _first_share, "vm.first_share({0}, {1})", cost=30,
    x=lambda y_bar, x, z, y: y_bar * (y * second_share(x, z)),
    z=lambda y_bar, x, z, y: -(y_bar * (y * second_share(x, z))),
)  # fmt: skip
second_share: Prim = prim(
    "second_share", "x z", lambda x, z: _first_share(z, x), "vm.second_share({0}, {1})", cost=30,
    x=lambda y_bar, x, z, y: -(y_bar * (y * first_share(x, z))),
    z=lambda y_bar, x, z, y: y_bar * (y * first_share(x, z)),
)  # fmt: skip
logaddexp2 = prim(
    "logaddexp2", "x z", np.logaddexp2, "np.logaddexp2({0}, {1})", cost=40,
    x=lambda y_bar, x, y: y_bar * exp2(x - _above(y)),
    z=lambda y_bar, z, y: y_bar * exp2(z - _above(y)),
)  # fmt: skip

erf = prim(
    "erf", "x", special.erf, "vm.erf({0})", cost=20,
    x=lambda y_bar, x: y_bar * (2.0 / math.sqrt(math.pi) * exp(-(x * x))),
)  # fmt: skip
erfc = prim(
    "erfc", "x", special.erfc, "vm.erfc({0})", cost=20,
    x=lambda y_bar, x: y_bar * (-2.0 / math.sqrt(math.pi) * exp(-(x * x))),
)  # fmt: skip
gamma = prim(
    "gamma", "x", special.gamma, "support.gamma({0})", cost=40, domain={"x": POSITIVE},
    x=lambda y_bar, x, y: y_bar * (y * digamma(x)),
)  # fmt: skip
lgamma = prim(
    "lgamma", "x", special.gammaln, "support.lgamma({0})", cost=40, domain={"x": POSITIVE},
    x=lambda y_bar, x: y_bar * digamma(x),
)  # fmt: skip
digamma: Prim = prim(
    "digamma", "x", special.digamma, "support.digamma({0})", cost=40, domain={"x": POSITIVE},
    x=lambda y_bar, x: y_bar * polygamma(x, 1.0),
)  # fmt: skip


def _polygamma(x: Any, n: Any) -> Any:
    return special.polygamma(np.asarray(n).astype(int), x).astype(np.asarray(x).dtype)[()]


# The n-th derivative of digamma, n >= 1; n has the dtype of x, and no derivative.
polygamma: Prim = prim(
    "polygamma", "x n", _polygamma, "support.polygamma({0}, {1})", cost=60, domain={"x": POSITIVE},
    x=lambda y_bar, x, n: y_bar * polygamma(x, n + 1.0),
)  # fmt: skip
