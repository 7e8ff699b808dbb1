"""What does not change in a loop leaves it, if it may."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from pullback.compiler.ir.build import Builder
from pullback.compiler.ir.nodes import Region, Value
from pullback.compiler.ir.types import BOOL, F64, INT, Array
from pullback.compiler.transform.licm import licm
from randprog.passes import before_after, check_pass


@pytest.mark.parametrize("seed", range(40))
def test_random_programs(seed: int) -> None:
    check_pass(licm, seed)


def test_invariants_leave_nested_loops(golden: Callable[[str], None]) -> None:
    a, x, n, c = Value(Array("float64", 1), "a"), Value(F64, "x"), Value(INT, "n"), Value(BOOL, "c")
    i, j, s, u = Value(INT, "i"), Value(INT, "j"), Value(F64, "s"), Value(F64, "u")
    b = Builder(Region((a, x, n, c)))
    b.open((i, s))
    b.open((j, u))
    power = b.apply("exp", (x,), "float64")
    half = b.apply("floordiv", (n, b.int(2)), "int64", "half")
    risky = b.apply("floordiv", (half, n), "int64", "risky")
    fixed = b.load(a, [risky], "fixed")
    row = b.apply("add", (i, b.dim(a, 0)), "int64", "row")
    term = b.apply("mul", (power, b.apply("mul", (fixed, b.load(a, [row])), "float64")), "float64")
    inner = b.close([b.apply("add", (u, term), "float64")])
    (total,) = b.for_(b.int(0), b.dim(a, 0), b.int(1), [s], inner)
    b.open()
    then = b.close([b.apply("cast", (b.dim(a, 0),), "float64")])
    b.open()
    outs = b.if_(c, then, b.close([b.apply("log", (x,), "float64")]))
    body = b.close([b.apply("add", (total, outs[0]), "float64")])
    b.region.yields = b.for_(b.int(0), n, b.int(1), [b.const(0.0)], body)
    golden(before_after(licm, b))
