"""Short loops over small arrays are written out, others stay loops."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from pullback.compiler.ir.build import Builder
from pullback.compiler.ir.nodes import For, Function, Region, Value
from pullback.compiler.ir.types import F64, INT, Array
from pullback.compiler.ir.walk import walk
from pullback.compiler.transform.unroll import unroll
from randprog.passes import before_after, check_pass

ROW = Array("float64", 1)


@pytest.mark.parametrize("seed", range(40))
def test_random_programs(seed: int) -> None:
    check_pass(unroll, seed)


def product(b: Builder, a: Value, length: int, work: int) -> Value:
    """d[i] = a[i] and what its elements sum up to, with some more work in each trip."""
    d, i, s = b.alloc([b.int(length)], "float64", name="d"), Value(INT, "i"), Value(F64, "s")
    b.open((i, s))
    term = b.load(a, [i])
    for _ in range(work):
        term = b.apply("exp", (term,), "float64")
    b.store(d, [i], term)
    body = b.close([b.apply("add", (s, b.load(d, [i])), "float64")])
    total, trips = b.for_(b.int(0), b.int(length), b.int(1), [b.const(0.0)], body, counted=True)
    return b.apply("add", (total, b.apply("cast", (trips,), "float64")), "float64")


def test_a_short_loop(golden: Callable[[str], None]) -> None:
    a = Value(ROW, "a")
    b = Builder(Region((a,)))
    b.region.yields = (product(b, a, 2, 0),)
    golden(before_after(unroll, b))


def test_a_nest(golden: Callable[[str], None]) -> None:
    a, i, j, s = Value(ROW, "a"), Value(INT, "i"), Value(INT, "j"), Value(F64, "s")
    b = Builder(Region((a,)))
    zero, one, two = (b.int(k) for k in range(3))
    r = b.alloc([two, two], "float64", "zeros", "r")
    b.open((i,))
    b.open((j, s))
    inner = b.close([b.apply("add", (s, b.load(r, [i, j])), "float64")])
    (total,) = b.for_(zero, two, one, [b.const(0.0)], inner)
    b.store(r, [i, b.apply("sub", (one, i), "int64")], total)
    b.for_(zero, two, one, [], b.close())
    b.region.yields = (b.load(r, [zero, one]),)
    golden(before_after(unroll, b))


@pytest.mark.parametrize(("length", "work"), [(9, 0), (4, 40)])
def test_long_ones_stay(length: int, work: int) -> None:
    a = Value(ROW, "a")
    b = Builder(Region((a,)))
    b.region.yields = (product(b, a, length, work),)
    fn = Function("f", b.region)
    assert unroll(fn) is fn


def test_a_loop_that_does_not_index_a_small_array_stays() -> None:
    a, i = Value(ROW, "a"), Value(INT, "i")
    b = Builder(Region((a,)))
    zero, one, two = (b.int(k) for k in range(3))
    d = b.alloc([two], "float64", "zeros", "d")
    b.open((i,))
    b.store(d, [zero], b.load(a, [i]), True)
    b.for_(zero, two, one, [], b.close())
    b.region.yields = (b.load(d, [zero]),)
    fn = Function("f", b.region)
    assert unroll(fn) is fn


def test_an_array_that_stays_memory_keeps_its_loops() -> None:
    a = Value(ROW, "a")
    b = Builder(Region((a,)))
    total = product(b, a, 2, 0)
    (store,) = (op for op in walk(b.region) if type(op).__name__ == "Store")
    b.region.yields = (total, store.args[0])
    fn = Function("f", b.region)
    assert unroll(fn) is fn
    assert any(isinstance(op, For) for op in walk(fn.body))
