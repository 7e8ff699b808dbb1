"""Constants, copies, decided branches, merged carried values."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from pullback.compiler.ir.build import Builder
from pullback.compiler.ir.nodes import Function, Region, Value
from pullback.compiler.ir.text import show
from pullback.compiler.ir.types import BOOL, F64, INT, Array
from pullback.compiler.transform.fold import fold
from randprog.passes import before_after, check_pass


@pytest.mark.parametrize("seed", range(40))
def test_random_programs(seed: int) -> None:
    check_pass(fold, seed)


def test_carried_values_merge(golden: Callable[[str], None]) -> None:
    x, n, i = Value(F64, "x"), Value(INT, "n"), Value(INT, "i")
    s, k, u, v = (Value(F64, name) for name in "skuv")
    b = Builder(Region((x, n)))
    b.open((i, s, k, u, v))
    more = b.apply("add", (u, b.apply("mul", (k, b.const(1.0)), "float64")), "float64")
    body = b.close([b.apply("mul", (s, v), "float64"), k, more, more])
    outs = b.for_(b.int(0), n, b.int(1), [x, x, b.const(0.0), b.const(0.0)], body)
    b.region.yields = outs
    golden(before_after(fold, b))


def test_branches_join(golden: Callable[[str], None]) -> None:
    c, x, y = Value(BOOL, "c"), Value(F64, "x"), Value(F64, "y")
    b = Builder(Region((c, x, y)))
    b.open()
    doubled = b.apply("add", (x, y), "float64", "both")
    then = b.close([x, b.const(True), b.const(2.0), doubled, b.apply("not", (c,), "bool")])
    b.open()
    orelse = b.close([x, b.const(False), b.const(2.0), y, b.const(True)])
    outs = b.if_(c, then, orelse)
    last = b.apply("mul", (outs[2], b.apply("select", (outs[1], outs[0], outs[3]), "float64")), "float64")
    b.region.yields = (*outs, last)
    golden(before_after(fold, b))


def test_what_a_check_compares_with_a_literal(golden: Callable[[str], None]) -> None:
    """From the check on, and only from one at the top."""
    x, n = Value(Array("float64", 1), "x"), Value(INT, "n")
    b = Builder(Region((x, n)))
    length = b.dim(x, 0)
    before = b.apply("mul", (length, n), "int64", "before")
    b.check(b.apply("eq", (b.int(4), length), "bool"), "ValueError", "not 4 but {0}", (length,))
    after = b.apply("add", (length, n), "int64", "after")
    b.open((Value(INT, "i"),))
    b.check(b.apply("eq", (n, b.int(3)), "bool"), "ValueError", "not 3")
    b.store(x, (n,), b.const(0.0))
    body = b.close()
    b.for_(b.int(0), length, b.int(1), [], body)
    b.region.yields = (before, after, n)
    golden(before_after(fold, b))


def test_decided_control_goes(golden: Callable[[str], None]) -> None:
    x = Value(F64, "x")
    b = Builder(Region((x,)))
    b.open()
    then = b.close([b.apply("exp", (x,), "float64")])
    b.open()
    orelse = b.close([x])
    (taken,) = b.if_(b.apply("lt", (b.int(3), b.int(2)), "bool"), then, orelse)
    s = Value(F64, "s")
    b.open((Value(INT, "i"), s))
    body = b.close([b.apply("sin", (s,), "float64")])
    outs = b.for_(b.int(2), b.int(2), b.int(1), [taken], body, counted=True)
    b.check(b.apply("lt", (b.int(0), b.int(1)), "bool"), "ValueError", "never")
    b.region.yields = outs
    golden(before_after(fold, b))


def test_literals_keep_their_dtype() -> None:
    b = Builder()
    number = b.apply("cast", (b.const(float("nan")),), "int64")
    total = b.apply("add", (b.const(250, "uint8"), b.const(10, "uint8")), "uint8")
    b.region.yields = (number, total)
    assert show(fold(Function("f", b.region))) == "def f() {\n    t: i64 = i64(nan)\n    return t, u8(4)\n}"
