"""What is known of integers by the loops that count with them."""

from __future__ import annotations

import pytest
from pullback.compiler.analysis.bounds import Bounds
from pullback.compiler.ir.build import Builder
from pullback.compiler.ir.nodes import For, Value
from pullback.compiler.ir.types import BOOL, INT, Array

X = Value(Array("float64", 1), "x")
COND, ANY = Value(BOOL, "cond"), Value(INT, "k")


def counter(first: int, step: str) -> tuple[Bounds, Value, Value]:
    """A counter in a loop over x, and after it."""
    b = Builder()
    n = b.dim(X, 0)
    i, p = Value(INT, "i"), Value(INT, "p")
    b.open((i, p))
    if step == "branch":
        b.open()
        then = b.close((b.apply("add", (p, n), "int64"),))
        b.open()
        after: Value = b.if_(COND, then, b.close((p,)))[0]
    elif step == "inner":
        j, q = Value(INT, "j"), Value(INT, "q")
        b.open((j, q))
        body = b.close((b.apply("add", (q, j), "int64"),))
        after = b.for_(b.int(0), n, b.int(1), (p,), body)[0]
    else:
        more = {"one": b.int(1), "less": b.int(-1), "any": ANY, "index": i}[step]
        after = b.apply("add", (p, more), "int64")
    body = b.close((after,))
    out = b.for_(b.int(0), n, b.int(1), (b.int(first),), body)[0]
    loops = {op.index: op for op in b.defs.values() if isinstance(op, For)}
    return Bounds(b.defs, loops), p, out


@pytest.mark.parametrize("step", ["one", "index", "branch", "inner"])
def test_a_counter_that_goes_up_is_no_less_than_its_beginning(step: str) -> None:
    bounds, inside, after = counter(0, step)
    assert bounds.nonnegative(inside) and bounds.nonnegative(after)
    bounds, inside, after = counter(-1, step)
    assert not bounds.nonnegative(inside) and not bounds.nonnegative(after)


@pytest.mark.parametrize("step", ["less", "any"])
def test_others_may_be_negative(step: str) -> None:
    bounds, inside, after = counter(0, step)
    assert not bounds.nonnegative(inside) and not bounds.nonnegative(after)


def test_counters_that_add_each_other_are_found_in_finite_time() -> None:
    b = Builder()
    i, p, q = (Value(INT, name) for name in "ipq")
    b.open((i, p, q))
    body = b.close((b.apply("add", (p, q), "int64"), b.apply("add", (q, p), "int64")))
    b.for_(b.int(0), b.dim(X, 0), b.int(1), (b.int(0), b.int(0)), body)
    assert not Bounds(b.defs, {}).nonnegative(p)


def test_what_is_subtracted_and_added_again() -> None:
    b = Builder()
    n, k = b.dim(X, 0), b.apply("add", (ANY, b.int(1)), "int64")
    rest = b.apply("sub", (n, k), "int64")
    bounds = Bounds(b.defs, {})
    assert bounds.nonnegative(b.apply("add", (rest, k), "int64"))
    assert bounds.nonnegative(b.apply("add", (b.apply("add", (rest, ANY), "int64"), b.int(1)), "int64"))
    assert not bounds.nonnegative(b.apply("add", (rest, ANY), "int64"))
    assert not bounds.nonnegative(rest)


def test_a_product() -> None:
    b = Builder()
    n = b.dim(X, 0)
    bounds = Bounds(b.defs, {})
    assert bounds.nonnegative(b.apply("mul", (n, b.int(3)), "int64"))
    assert not bounds.nonnegative(b.apply("mul", (n, ANY), "int64"))
