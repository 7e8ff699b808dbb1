"""Terms that are zero are dropped where nobody can tell, and only there."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import numpy as np
import pytest
from pullback.compiler.ir.build import Builder
from pullback.compiler.ir.nodes import Apply, Function, Region, Value
from pullback.compiler.ir.types import F64
from pullback.compiler.ir.walk import walk
from pullback.compiler.prims.interp import run
from pullback.compiler.prims.prim import PRIMS, Sym
from pullback.compiler.transform.dce import dce
from pullback.compiler.transform.zero_terms import zero_terms
from randprog.passes import before_after, check_pass

import pullback as pb

SPECIAL = (0.3, -2.0, np.inf, -np.inf, np.nan)


def built(expression: Callable[[Sym, Sym, Sym], Sym]) -> Builder:
    params = tuple(Value(F64, name) for name in "xyz")
    b = Builder(Region(params))
    b.region.yields = (expression(*(Sym(b, p) for p in params)).value,)
    return b


def cleaned(b: Builder) -> Function:
    return dce(zero_terms(Function("f", b.region)))


def products(fn: Function) -> int:
    return sum(isinstance(op, Apply) and op.prim == "mul" for op in walk(fn.body))


sin, cos, tanh, exp = (PRIMS[name] for name in ("sin", "cos", "tanh", "exp"))

DROPPED = [
    lambda x, y, z: cos(x) * 0.0 + sin(x),
    lambda x, y, z: sin(x) - cos(x) * 0.0,
    lambda x, y, z: cos(x) * 0.0 - sin(x),
    lambda x, y, z: tanh(x) * 0.0 + sin(x),
    lambda x, y, z: cos(sin(x)) * 0.0 + cos(x),
    # What stands further on in a sum spoils it too.
    lambda x, y, z: (cos(x) * cos(y) * 0.0 + sin(x)) + sin(y),
    lambda x, y, z: ((cos(x) * 0.0 + cos(y) * 0.0) + sin(y)) + sin(x),
]
KEPT = [
    lambda x, y, z: cos(x) * 0.0 + sin(y),
    lambda x, y, z: sin(x) * 0.0 + tanh(x),
    lambda x, y, z: x * 0.0 + sin(x),
    lambda x, y, z: exp(x) * 0.0 + sin(x),
    lambda x, y, z: cos(x) * 0.0 + z,
    lambda x, y, z: (cos(x) * 1e200) * 1e200 * 0.0 + sin(x),
    lambda x, y, z: cos(x) * 0.0 * cos(y) + sin(x),
]


@pytest.mark.parametrize("expression", [*DROPPED, *KEPT])
def test_the_value_is_the_same_everywhere(expression: Callable[[Sym, Sym, Sym], Sym]) -> None:
    before, after = Function("f", built(expression).region), cleaned(built(expression))
    for point in itertools.product(SPECIAL, repeat=3):
        with np.errstate(all="ignore"):
            one, other = (run(fn, list(point), print)[0] for fn in (before, after))
        np.testing.assert_array_equal(other, one, err_msg=str(point))


@pytest.mark.parametrize("expression", DROPPED)
def test_zeros_are_dropped(expression: Callable[[Sym, Sym, Sym], Sym]) -> None:
    assert products(cleaned(built(expression))) == 0


@pytest.mark.parametrize("expression", KEPT)
def test_what_may_be_nan_alone_is_kept(expression: Callable[[Sym, Sym, Sym], Sym]) -> None:
    fn = Function("f", built(expression).region)
    assert products(cleaned(built(expression))) == products(fn)


def test_a_sum(golden: Callable[[str], None]) -> None:
    golden(before_after(lambda fn: dce(zero_terms(fn)), built(DROPPED[5])))


@pytest.mark.parametrize("seed", range(20))
def test_random_programs(seed: int) -> None:
    check_pass(lambda fn: dce(zero_terms(fn)), seed)


def rotated(angles):
    cx, sx = np.cos(angles[0]), np.sin(angles[0])
    cy, sy = np.cos(angles[1]), np.sin(angles[1])
    about_x = np.array([[1.0, 0.0, 0.0], [0.0, cx, -sx], [0.0, sx, cx]])
    about_y = np.array([[cy, 0.0, sy], [0.0, 1.0, 0.0], [-sy, 0.0, cy]])
    return np.sum((about_y @ about_x) * np.array([1.0, 2.0, 3.0]))


@pytest.mark.parametrize("jit", [False, True])
def test_a_product_of_rotations_has_no_zeros(jit: bool) -> None:
    made = pb.value_and_grad(rotated, jit=jit)
    angles = np.array([0.3, -0.7])
    value, gradient = made(angles)
    np.testing.assert_allclose(value, rotated(angles), rtol=1e-14)
    h = 1e-6
    expected = [(rotated(angles + h * e) - rotated(angles - h * e)) / (2 * h) for e in np.eye(2)]
    np.testing.assert_allclose(gradient, expected, rtol=1e-8)
    assert "* 0.0" not in made.forward_source + made.backward_source
    spoilt = np.array([np.inf, 1.0])
    with np.errstate(all="ignore"):
        assert np.isnan(made(spoilt)[0]) and np.isnan(rotated(spoilt))
