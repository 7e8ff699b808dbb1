"""The Builder: scopes, and equal pure ops made once."""

from __future__ import annotations

from pullback.compiler.errors import Src
from pullback.compiler.ir.build import Builder
from pullback.compiler.ir.nodes import Check, Const, Region, Value
from pullback.compiler.ir.types import BOOL, F64, INT, Array, Scalar

X, C = Value(F64, "x"), Value(BOOL, "c")


def test_equal_pure_ops_are_one() -> None:
    b = Builder(Region((X,)))
    assert b.apply("sin", (X,), "float64") is b.apply("sin", (X,), "float64")
    assert b.const(1.0) is b.const(1.0)


def test_literals_differ_by_type_and_sign() -> None:
    b = Builder()
    literals = [b.const(True), b.const(1), b.const(1.0), b.const(1, "int32"), b.const(0.0), b.const(-0.0)]
    assert len(set(literals)) == len(literals)
    assert [v.dtype for v in literals[:4]] == ["bool", "int64", "float64", "int32"]


def test_an_inner_region_sees_the_outer_one_and_not_the_reverse() -> None:
    b = Builder(Region((X,)))
    outer = b.apply("sin", (X,), "float64")
    b.open()
    assert b.apply("sin", (X,), "float64") is outer
    inner = b.apply("cos", (X,), "float64")
    b.close()
    assert b.apply("cos", (X,), "float64") is not inner


def test_loads_are_never_merged() -> None:
    a = Value(Array("float64", 1), "a")
    b = Builder(Region((a,)))
    assert b.load(a, [b.int(0)]) is not b.load(a, [b.int(0)])


def test_const_of_gives_the_literal() -> None:
    b = Builder(Region((X,)))
    assert b.const_of(b.const(2.5)) == 2.5
    assert b.const_of(X) is None


def test_a_check_that_cannot_fail_is_not_made() -> None:
    b = Builder(Region((C,)))
    b.check(b.const(True), "ValueError", "never")
    b.check(C, "ValueError", "perhaps")
    assert [type(op) for op in b.region.ops] == [Const, Check]


def test_ops_carry_the_position() -> None:
    b = Builder(Region((X,)))
    b.src = Src("model.py", 3)
    b.apply("sin", (X,), "float64")
    assert b.region.ops[0].src == Src("model.py", 3)


def test_results_of_control_have_the_types_of_what_is_carried() -> None:
    b = Builder(Region((X, C)))
    b.open()
    then = b.close([X])
    b.open()
    (joined,) = b.if_(C, then, b.close([b.const(1.0)]))
    assert (joined.type, joined.name) == (F64, "x")
    lo, hi = b.int(0), b.int(3)
    s = Value(Scalar("float64"), "s")
    b.open((Value(INT, "i"), s))
    total, trips = b.for_(lo, hi, hi, [X], b.close([s]), counted=True)
    assert (total.name, total.type, trips.type) == ("s", F64, INT)
