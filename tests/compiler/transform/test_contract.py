"""Needless zeros and stores go; others stay."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import pytest
from pullback.compiler.ir.build import Builder
from pullback.compiler.ir.nodes import Alloc, Function, Store, Value
from pullback.compiler.ir.types import INT
from pullback.compiler.ir.walk import walk
from pullback.compiler.transform.ascend import ascend
from pullback.compiler.transform.contract import contract
from pullback.compiler.transform.cse import cse
from pullback.compiler.transform.dce import dce
from pullback.compiler.transform.fuse_loops import fuse_loops
from randprog.irloops import LoopProgram
from randprog.loops import Loops, adding, copying, moved
from randprog.passes import assert_same, before_after, check_pass, outcome


@pytest.mark.parametrize("seed", range(30))
def test_random_programs(seed: int) -> None:
    check_pass(partial(contract, reassociate=False), seed)


@pytest.mark.parametrize("reassociate", [True, False])
@pytest.mark.parametrize("seed", range(60))
def test_random_loops(seed: int, reassociate: bool) -> None:
    check_pass(partial(contract, reassociate=reassociate), seed, LoopProgram)


@pytest.mark.parametrize("seed", range(80))
def test_random_loops_through_all_passes(seed: int) -> None:
    fn = LoopProgram(seed).build()
    expected = outcome(fn)
    for step in (cse, ascend, fuse_loops, cse, contract, cse, dce):
        fn = step(fn)
    assert_same(expected, outcome(fn), f"seed {seed}")


def fills(fn: Function) -> list[str]:
    return [op.fill for op in walk(fn.body) if isinstance(op, Alloc)]


def stores(fn: Function) -> list[bool]:
    """Of every store, whether it adds."""
    return [op.accumulate for op in walk(fn.body) if isinstance(op, Store)]


def test_before_and_after(golden: Callable[[str], None]) -> None:
    p = Loops()
    a = p.array("zeros")

    def body(b: Builder, i: Value) -> None:
        adding(a, p.x)(b, i)
        b.store(a, [i], b.const(1.0), accumulate=True)
        copying(p.y, a)(b, i)
        b.store(a, [i], b.const(0.0))

    p.each(body)
    golden(before_after(contract, p.b))


@pytest.mark.parametrize("loop", ["each", "down"])
def test_the_first_sum_over_a_whole_array_is_a_store(loop: str) -> None:
    p = Loops()
    a = p.array("zeros")
    getattr(p, loop)(adding(a, p.x))
    p.each(adding(a, p.y))
    fn = p.function(a)
    assert (fills(contract(fn)), stores(contract(fn))) == (["empty"], [False, True])
    assert contract(fn, reassociate=False) is fn


def test_zeros_that_are_overwritten() -> None:
    p = Loops()
    a = p.array("zeros")
    p.each(copying(a, p.x))
    assert fills(contract(p.function(a), reassociate=False)) == ["empty"]


def test_a_grid_with_an_axis_of_one_and_rows_that_are_used_when_complete() -> None:
    p = Loops()
    one = p.b.int(1)
    grid = p.b.alloc([p.n, one, p.m], "float64", "zeros", "grid")
    zero = p.b.int(0)

    def row(b: Builder, i: Value) -> None:
        p.each(lambda b, j: b.store(grid, [i, zero, j], b.load(p.x, [j]), accumulate=True), p.m)
        p.each(lambda b, j: b.store(p.y, [j], b.load(grid, [i, zero, moved(b, j, -1)])), p.m)

    p.each(row)
    fn = contract(p.function(grid))
    assert (fills(fn), stores(fn)) == (["empty"], [False, False])


def whole(p: Loops, a: Value, i: Value) -> None:
    adding(a, p.x)(p.b, i)


def nested(p: Loops, a: Value) -> None:
    p.each(lambda b, i: p.each(lambda b, j: whole(p, a, i), p.m))


def in_a_branch(p: Loops, a: Value) -> None:
    def body(b: Builder, i: Value) -> None:
        cond = b.apply("lt", (i, p.m), "bool")
        b.open()
        whole(p, a, i)
        then = b.close()
        b.open()
        b.if_(cond, then, b.close())

    p.each(body)


def until(p: Loops, a: Value) -> None:
    i = Value(INT, "i")
    lo, by = p.b.int(0), p.b.int(1)
    p.b.open((i,))
    whole(p, a, i)
    stop = p.b.apply("lt", (p.b.load(p.x, [i]), p.b.const(0.0)), "bool")
    p.b.for_(lo, p.n, by, (), p.b.close((stop,)), stops=True)


KEPT = {
    "a shorter loop": lambda p, a: p.each(adding(a, p.x), p.m),
    "a later start": lambda p, a: p.each(adding(a, p.x), low=1),
    "every other element": lambda p, a: p.each(adding(a, p.x), step=2),
    "another index": lambda p, a: p.each(adding(a, p.x, to=-1)),
    "more than once": nested,
    "not always": in_a_branch,
    "not to the end": until,
    "read before": lambda p, a: p.each(lambda b, i: [copying(p.y, a)(b, i), whole(p, a, i)]),
    "another element read": lambda p, a: p.each(lambda b, i: [whole(p, a, i), copying(p.y, a, at=-1)(b, i)]),
    "a load before": lambda p, a: [p.b.store(p.y, [p.n], p.b.load(a, [p.n])), p.each(adding(a, p.x))],
    "a view before": lambda p, a: [p.b.view(a, "slice", (":",), (), 1), p.each(adding(a, p.x))],
    "seen whole in the loop": lambda p, a: p.each(
        lambda b, i: [whole(p, a, i), b.call("copy", (a,), (a.type,))]
    ),
}


@pytest.mark.parametrize("case", KEPT)
def test_zeros_that_are_needed(case: str) -> None:
    p = Loops()
    a = p.array("zeros")
    KEPT[case](p, a)
    assert fills(contract(p.function(a))) == ["zeros"]


def test_a_store_that_a_later_iteration_reads_stays() -> None:
    p = Loops()
    a = p.array("zeros")
    p.each(lambda b, i: [copying(p.y, a)(b, i), b.store(a, [b.int(0)], b.load(p.x, [i]))])
    fn = p.function()
    assert contract(fn) is fn


def test_a_store_that_a_later_loop_reads_stays() -> None:
    p = Loops()
    a = p.array("empty")
    p.each(copying(a, p.x))
    p.each(copying(p.y, a))
    fn = p.function()
    assert contract(fn) is fn


def test_a_store_in_a_time_loop_that_the_next_step_reads_stays() -> None:
    p = Loops()
    a = p.array("zeros")
    p.each(lambda b, k: p.each(lambda b, i: [copying(p.y, a)(b, i), copying(a, p.x)(b, i)]), p.m)
    fn = p.function()
    assert contract(fn) is fn


def test_stores_that_somebody_else_sees_stay() -> None:
    p = Loops()
    a = p.array("empty")
    p.b.store(a, [p.b.int(0)], p.b.const(1.0))
    p.b.store(p.y, [p.b.int(0)], p.b.const(1.0))
    p.b.store(p.y, [p.b.int(0)], p.b.const(2.0))
    fn = p.function(a)
    assert contract(fn) is fn


def test_stores_to_one_place_are_one() -> None:
    p = Loops()
    a = p.array("empty")

    def body(b: Builder, i: Value) -> None:
        for number in (1.0, 2.0):
            b.store(a, [i], b.const(number))
        b.store(a, [i], b.load(p.x, [i]), accumulate=True)

    p.each(body)
    p.each(copying(p.y, a))
    assert stores(contract(p.function())) == [False, False]


def test_sums_whose_order_counts_are_two() -> None:
    p = Loops()
    a = p.array("zeros")
    p.each(adding(a, p.x), p.m)
    p.each(lambda b, i: [adding(a, p.x)(b, i), adding(a, p.y)(b, i)])
    p.each(copying(p.y, a))
    fn = p.function()
    assert stores(contract(fn)) == [True, True, False]
    assert contract(fn, reassociate=False) is fn


def copied(p: Loops, source: Value) -> Value:
    """A copy of an array."""
    target = p.array("zeros")
    p.each(adding(target, source))
    return target


def test_a_copy_of_what_is_not_used_again_is_that_itself(golden: Callable[[str], None]) -> None:
    p = Loops()
    a = p.array()
    p.each(copying(a, p.x))
    p.b.region.yields = (copied(p, a),)
    golden(before_after(contract, p.b))


def test_the_result_of_a_product_is_not_copied() -> None:
    p = Loops()
    grid = p.b.alloc([p.n, p.m], "float64", "zeros", "grid")
    (product,) = p.b.call("dot", (grid, p.y), (p.y.type,))
    fn = contract(p.function(copied(p, product)))
    assert fn.results == (product,) and stores(fn) == []


USED_AGAIN = {
    "read after": lambda p, a, c: p.each(copying(p.y, a)),
    "written and read after": lambda p, a, c: [
        p.b.store(a, [p.b.int(0)], p.b.const(1.0)),
        p.each(copying(p.y, a)),
    ],
    "seen through a view": lambda p, a, c: p.b.view(a, "slice", (":",), (), 1),
}


@pytest.mark.parametrize("case", USED_AGAIN)
def test_copies_that_are_needed(case: str) -> None:
    p = Loops()
    a = p.array()
    p.each(copying(a, p.x))
    c = copied(p, a)
    USED_AGAIN[case](p, a, c)
    assert len(fills(contract(p.function(c)))) == 2


def test_a_copy_of_a_longer_array_or_of_a_parameter_stays() -> None:
    for source in (lambda p: p.array(length=p.m), lambda p: p.x):
        p = Loops()
        made = source(p)
        p.b.store(made, [p.b.int(0)], p.b.const(1.0))
        fn = contract(p.function(copied(p, made)))
        assert fn.results[0] is not made and len(stores(fn)) == 2


def test_a_copy_in_a_loop_of_what_is_made_outside_stays() -> None:
    p = Loops()
    a = p.array()
    p.each(copying(a, p.x))

    def body(b: Builder, k: Value) -> None:
        c = copied(p, a)
        b.store(c, [k], b.const(2.0), accumulate=True)
        p.each(copying(p.y, c))

    p.each(body, p.m)
    assert len(fills(contract(p.function()))) == 2
