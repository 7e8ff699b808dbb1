"""The tangent of hand-built IR; whole programs are in tests/test_programs.py."""

from __future__ import annotations

import numpy as np
import pytest
from pullback.compiler.ir.build import Builder
from pullback.compiler.ir.nodes import Function, Module, Value
from pullback.compiler.ir.types import F64, INT, Array
from pullback.compiler.prims import registry  # noqa: F401 - fills PRIMS
from pullback.compiler.prims.interp import run
from pullback.compiler.prims.prim import PRIMS, Sym, emit
from pullback.compiler.tangent.build import tangent


def test_product_and_chain_rule():
    x, y = Value(F64, "x"), Value(F64, "y")
    b = Builder()
    b.region.params = (x, y)
    b.region.yields = (PRIMS["sin"](Sym(b, x) * Sym(b, y)).value,)
    module = tangent(Module(Function("f", b.region)), [0, 1], name="f_tangent")
    value, dot = run(module, [0.5, 2.0, 1.0, 3.0])
    assert value == pytest.approx(np.sin(1.0))
    assert dot == pytest.approx(np.cos(1.0) * (2.0 + 0.5 * 3.0))


def test_written_argument_and_its_tangent_are_copied():
    x, i = Value(Array("float64", 1), "x"), Value(INT, "i")
    b = Builder()
    b.region.params = (x,)
    bounds = (b.int(0), b.dim(x, 0), b.int(1))
    b.open((i,))
    v = b.load(x, (i,))
    b.store(x, (i,), emit(b, "mul", v, v))
    b.for_(*bounds, (), b.close())
    b.region.yields = (b.load(x, (b.int(1),)),)
    module = tangent(Module(Function("f", b.region)), [0], name="f_tangent")
    point, direction = np.array([2.0, 3.0]), np.array([1.0, 10.0])
    assert run(module, [point, direction]) == (9.0, 60.0)
    np.testing.assert_array_equal(point, [2.0, 3.0])
    np.testing.assert_array_equal(direction, [1.0, 10.0])


def test_what_does_not_depend_has_a_zero_tangent():
    x, y = Value(F64, "x"), Value(F64, "y")
    b = Builder()
    b.region.params = (x, y)
    b.region.yields = (emit(b, "mul", y, y),)
    assert run(tangent(Module(Function("f", b.region)), [0], name="t"), [1.0, 3.0, 5.0]) == (9.0, 0.0)
