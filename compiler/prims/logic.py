"""Comparisons, logic on bools, tests of numbers, and `select`."""

from __future__ import annotations

from typing import Any

import numpy as np

from .prim import Prim, prim

lt = prim("lt", "x z", np.less, "{0} < {1}", result="bool", differentiable=False)
le = prim("le", "x z", np.less_equal, "{0} <= {1}", result="bool", differentiable=False)
gt = prim("gt", "x z", np.greater, "{0} > {1}", result="bool", differentiable=False)
ge = prim("ge", "x z", np.greater_equal, "{0} >= {1}", result="bool", differentiable=False)
eq = prim("eq", "x z", np.equal, "{0} == {1}", result="bool", differentiable=False, holomorphic=True)
ne = prim("ne", "x z", np.not_equal, "{0} != {1}", result="bool", differentiable=False, holomorphic=True)

NEGATED = {"lt": "ge", "le": "gt", "gt": "le", "ge": "lt", "eq": "ne", "ne": "eq"}
"""not x < z is x >= z, for integers."""
MIRRORED = {"lt": "gt", "le": "ge", "gt": "lt", "ge": "le", "eq": "eq", "ne": "ne"}
"""x < z is z > x."""

and_ = prim("and", "x z", np.logical_and, "{0} and {1}", result="bool", differentiable=False)
or_ = prim("or", "x z", np.logical_or, "{0} or {1}", result="bool", differentiable=False)
not_ = prim("not", "x", np.logical_not, "not {0}", result="bool", differentiable=False)

isnan = prim("isnan", "x", np.isnan, "np.isnan({0})", result="bool", differentiable=False, holomorphic=True)
isinf = prim("isinf", "x", np.isinf, "np.isinf({0})", result="bool", differentiable=False, holomorphic=True)
isfinite = prim(
    "isfinite", "x", np.isfinite, "np.isfinite({0})", result="bool", differentiable=False, holomorphic=True
)


def _select(cond: Any, x: Any, z: Any) -> Any:
    return np.where(cond, x, z)[()]


select: Prim = prim(
    "select", "cond x z", _select, "{1} if {0} else {2}", holomorphic=True,
    x=lambda y_bar, cond: select(cond, y_bar, 0.0),
    z=lambda y_bar, cond: select(cond, 0.0, y_bar),
)  # fmt: skip
