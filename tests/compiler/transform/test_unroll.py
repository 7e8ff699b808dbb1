"""Short loops over small arrays are written out, others stay loops."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from pullback.compiler.ir.build import Builder
from pullback.compiler.ir.nodes import For, Function, Region, Value
from pullback.compiler.ir.types import F64, INT, Array
from pullback.compiler.ir.walk import walk
from pullback.compiler.transform.unroll import unroll, unroll_tiny
from randprog.passes import before_after, check_pass

ROW = Array("float64", 1)


@pytest.mark.parametrize("seed", range(40))
@pytest.mark.parametrize("step", [unroll, unroll_tiny])
def test_random_programs(step: Callable[[Function], Function], seed: int) -> None:
    check_pass(step, seed)


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


def points(b: Builder, a: Value, length: int, work: int, *, inside: bool, branch: bool = False) -> None:
    """a[p] += the sum of the first elements, for all p or for one."""
    zero, one, count, start, rows = b.int(0), b.int(1), b.int(length), b.const(0.0), b.dim(a, 0)
    p, k, s = (Value(INT, "p") if inside else zero), Value(INT, "k"), Value(F64, "s")
    if inside:
        b.open((p,))
    b.open((k, s))
    term = b.load(a, [k])
    for _ in range(work):
        term = b.apply("exp", (term,), "float64")
    if branch:
        b.open()
        b.store(a, [k], term)
        then = b.close()
        b.open()
        b.if_(b.apply("lt", (term, s), "bool"), then, b.close())
    (total,) = b.for_(zero, count, one, [start], b.close([b.apply("add", (s, term), "float64")]))
    b.store(a, [p], total, True)
    if inside:
        b.for_(zero, rows, one, [], b.close())


def test_a_tiny_loop_inside_of_a_loop(golden: Callable[[str], None]) -> None:
    a = Value(ROW, "a")
    b = Builder(Region((a,)))
    points(b, a, 3, 0, inside=True)
    golden(before_after(unroll_tiny, b))
    assert unroll(Function("f", b.region)).body is b.region


@pytest.mark.parametrize(
    ("length", "work", "inside", "branch"),
    [(3, 0, False, False), (9, 0, True, False), (4, 20, True, False), (2, 0, True, True)],
)
def test_what_is_not_tiny_stays(length: int, work: int, inside: bool, branch: bool) -> None:
    a = Value(ROW, "a")
    b = Builder(Region((a,)))
    points(b, a, length, work, inside=inside, branch=branch)
    fn = Function("f", b.region)
    assert unroll_tiny(fn) is fn
