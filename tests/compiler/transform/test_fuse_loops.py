"""Neighbouring loops become one where nobody can tell, and stay apart where somebody could."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
import pytest
from pullback.compiler.ir.build import Builder
from pullback.compiler.ir.nodes import For, Function, Module, Value
from pullback.compiler.ir.types import INT, Array, List
from pullback.compiler.ir.verify import verify
from pullback.compiler.prims.interp import run
from pullback.compiler.prims.registry import PRIMS
from pullback.compiler.transform.fuse_loops import fuse_gathered, fuse_loops
from randprog.irloops import LoopProgram
from randprog.loops import Loops, adding, copying, loops
from randprog.passes import before_after, check_pass

hidden = partial(fuse_loops, visible=False)


@pytest.mark.parametrize("seed", range(30))
def test_random_programs(seed: int) -> None:
    check_pass(fuse_loops, seed)


@pytest.mark.parametrize("reassociate", [True, False])
@pytest.mark.parametrize("seed", range(60))
def test_random_loops(seed: int, reassociate: bool) -> None:
    check_pass(partial(fuse_loops, reassociate=reassociate), seed, LoopProgram)


def test_random_loops_are_fused() -> None:
    """The random programs are of use only if a good part of them change."""
    made = [LoopProgram(seed).build() for seed in range(120)]
    assert sum(loops(fuse_loops(fn)) < loops(fn) for fn in made) >= 10


def test_chain_over_a_checked_length(golden: Callable[[str], None]) -> None:
    p = Loops()
    a = p.array()
    p.each(lambda b, i: b.store(a, [i], b.apply("tanh", (b.load(p.x, [i]),), "float64")))
    p.b.check(p.b.apply("eq", (p.n, p.m), "bool"), "ValueError", "lengths")
    total = p.total(lambda b, i: b.load(a, [i]), p.m)
    p.b.region.yields = (total,)
    golden(before_after(hidden, p.b))


def test_nests_are_fused_on_every_level(golden: Callable[[str], None]) -> None:
    p = Loops()
    grid, row = p.b.alloc([p.n, p.m], "float64", "empty", "grid"), p.array("zeros")

    def fill(b: Builder, i: Value, j: Value) -> None:
        b.store(grid, [i, j], b.load(p.x, [i]))

    def gather(b: Builder, i: Value, j: Value) -> None:
        b.store(row, [i], b.load(grid, [i, j]), accumulate=True)

    for body in (fill, gather):
        p.each(lambda b, i, body=body: p.each(lambda b, j: body(b, i, j), p.m))  # type: ignore[misc]
    p.b.region.yields = (row,)
    golden(before_after(fuse_loops, p.b))


def test_what_stands_between_moves(golden: Callable[[str], None]) -> None:
    p = Loops()
    a, c = p.array(), p.array()
    first = p.total(lambda b, i: b.load(p.x, [i]))
    half = p.b.apply("mul", (first, p.b.const(0.5)), "float64")
    p.each(copying(a, p.y))
    second = p.total(lambda b, i: b.load(p.x, [i]))
    p.b.store(c, [p.b.int(0)], half)
    p.b.region.yields = (half, second, c, a)
    golden(before_after(hidden, p.b))


def pair(first, second, between: Callable[[Loops], None] = lambda p: None, **bounds) -> Function:
    """Two loops that both touch an array `a` of ours."""
    p = Loops()
    a = p.array("zeros")
    p.each(first(p, a))
    between(p)
    p.each(second(p, a), **{k: v(p) if callable(v) else v for k, v in bounds.items()})
    return p.function(a)


def test_a_pair_is_fused() -> None:
    fn = pair(lambda p, a: copying(a, p.x), lambda p, a: copying(p.y, a))
    assert (loops(fn), loops(hidden(fn))) == (2, 1)


def test_sums_onto_other_elements_commute_unless_order_counts() -> None:
    def first(p: Loops, a: Value):
        return lambda b, i: [adding(a, p.x, to=1)(b, i), adding(a, p.x)(b, i)]

    fn = pair(first, lambda p, a: adding(a, p.x))
    assert loops(hidden(fn)) == 1
    assert loops(hidden(fn, reassociate=False)) == 2


REFUSED = {
    "flow from a later iteration": (lambda p, a: copying(a, p.x), lambda p, a: copying(p.y, a, at=1), {}),
    "flow from an earlier iteration": (lambda p, a: copying(a, p.x, to=1), lambda p, a: copying(p.y, a), {}),
    "anti-dependence": (lambda p, a: copying(p.y, a, at=1), lambda p, a: copying(a, p.x), {}),
    "output dependence": (lambda p, a: copying(a, p.x, to=1), lambda p, a: copying(a, p.x), {}),
    "sum and read": (lambda p, a: adding(a, p.x, to=1), lambda p, a: copying(p.y, a), {}),
    "an index that may wrap": (
        lambda p, a: copying(a, p.x, to=-1),
        lambda p, a: copying(p.y, a, at=-1),
        {},
    ),
    "another length": (lambda p, a: copying(a, p.x), lambda p, a: copying(p.y, a), {"length": lambda p: p.m}),
    "another start": (lambda p, a: copying(a, p.x), lambda p, a: copying(p.y, a), {"low": 1}),
    "another step": (lambda p, a: copying(a, p.x), lambda p, a: copying(p.y, a), {"step": 2}),
    "nothing in common": (lambda p, a: copying(a, p.x), lambda p, a: copying(p.y, p.y), {}),
    "one element for all": (
        lambda p, a: copying(a, p.x),
        lambda p, a: lambda b, i: b.store(p.y, [i], b.load(a, [b.int(0)])),
        {},
    ),
    "prints in both": (
        lambda p, a: lambda b, i: [copying(a, p.x)(b, i), b.print("{0}", (i,))],
        lambda p, a: lambda b, i: [copying(p.y, a)(b, i), b.print("{0}", (i,))],
        {},
    ),
    "checks in both": (
        lambda p, a: lambda b, i: [copying(a, p.x)(b, i), b.check(below(b, i, p.m), "ValueError", "")],
        lambda p, a: lambda b, i: [copying(p.y, a)(b, i), b.check(below(b, i, p.n), "ValueError", "")],
        {},
    ),
}


def below(b: Builder, i: Value, n: Value) -> Value:
    """i < n."""
    return b.apply("lt", (i, n), "bool")


@pytest.mark.parametrize("case", REFUSED)
def test_refused(case: str) -> None:
    first, second, bounds = REFUSED[case]
    fn = pair(first, second, **bounds)
    verify(fn, PRIMS)
    assert hidden(fn) is fn


def test_a_range_below_zero_meets_elements_twice() -> None:
    """range(-1, n) begins and ends with the last element: the second loop reads what was stored last."""
    p = Loops()
    a = p.array()
    p.each(lambda b, i: b.store(a, [i], b.apply("cast", (i,), "float64")), low=-1)
    p.each(copying(p.y, a), low=-1)
    fn = p.function()
    assert hidden(fn) is fn
    y = np.zeros(3)
    run(Module(fn), [y, y, 3, 3])
    np.testing.assert_array_equal(y, [0.0, 1.0, 2.0])


def test_a_store_between_keeps_them_apart() -> None:
    fn = pair(
        lambda p, a: adding(a, p.x),
        lambda p, a: adding(a, p.x),
        lambda p: p.b.store(p.x, [p.b.int(0)], p.b.const(1.0)),
    )
    assert hidden(fn) is fn


def test_a_result_of_the_first_keeps_them_apart() -> None:
    p = Loops()
    total = p.total(lambda b, i: b.load(p.x, [i]))
    p.each(lambda b, i: b.store(p.y, [i], b.apply("mul", (b.load(p.x, [i]), total), "float64")))
    fn = p.function()
    assert hidden(fn) is fn


def test_a_check_that_reads_a_result_keeps_them_apart() -> None:
    p = Loops()
    total = p.total(lambda b, i: b.load(p.x, [i]))
    p.b.check(p.b.apply("lt", (total, p.b.const(1.0)), "bool"), "ValueError", "")
    fn = p.function(total, p.total(lambda b, i: b.load(p.x, [i])))
    assert hidden(fn) is fn


def test_what_the_caller_sees_keeps_its_order() -> None:
    """A failed check, or an index out of range, leaves the caller's arrays as the program left them."""

    def build(check: bool) -> Function:
        p = Loops()
        p.each(copying(p.y, p.x))
        if check:
            p.b.check(below(p.b, p.n, p.m), "ValueError", "")
        return p.function(p.total(lambda b, i: b.load(p.y, [i])))

    for check in (True, False):
        assert loops(hidden(build(check))) == 1
        assert loops(fuse_loops(build(check))) == 2


def test_parameters_of_other_functions_may_overlap() -> None:
    p = Loops()
    p.each(lambda b, i: [copying(p.y, p.x)(b, i)])
    fn = p.function(p.total(lambda b, i: b.load(p.x, [i])))
    assert loops(hidden(fn)) == 1
    assert hidden(fn, distinct_params=False) is fn


def test_views_of_one_array_overlap() -> None:
    p = Loops()
    a = p.array("zeros")
    view = p.b.view(a, "slice", ("s",), (p.b.int(1), p.n, p.b.int(1)), 1)
    p.each(copying(a, p.x))
    p.each(lambda b, i: [b.store(p.y, [i], b.apply("add", (b.load(view, [i]), b.load(p.x, [i])), "float64"))])
    fn = p.function()
    assert hidden(fn) is fn


def test_carried_references_overlap_with_what_they_may_mean() -> None:
    p = Loops()
    a, c = p.array("zeros"), p.array("zeros")
    i, one, other = Value(INT, "i"), Value(a.type, "one"), Value(a.type, "other")
    lo, by = p.b.int(0), p.b.int(1)
    p.b.open((i, one, other))
    p.each(copying(one, p.x))
    p.each(lambda b, k: [copying(other, p.x)(b, k), copying(p.y, a)(b, k)])
    p.b.for_(lo, p.n, by, (a, c), p.b.close((other, one)))
    fn = p.function(a)
    assert hidden(fn) is fn


def test_stacks_keep_their_order() -> None:
    p = Loops()
    stack = p.b.list_new(p.b.const(0.0).type, "stack")
    for _ in range(2):
        p.each(lambda b, i: b.push(stack, b.load(p.x, [i])))
    last = p.b.pop(stack)
    fn = p.function(last)
    assert isinstance(stack.type, List) and hidden(fn) is fn


def test_loops_that_stop_or_count_stay() -> None:
    for stops, counted in ((True, False), (False, True)):
        p = Loops()
        lo, by = p.b.int(0), p.b.int(1)
        for _ in range(2):
            i = Value(INT, "i")
            p.b.open((i,))
            found = p.b.apply("lt", (p.b.load(p.x, [i]), p.b.const(0.0)), "bool")
            p.b.for_(lo, p.n, by, (), p.b.close((found,) if stops else ()), stops=stops, counted=counted)
        fn = p.function()
        assert hidden(fn) is fn


def test_a_recurrence_does_not_join_what_can_be_vectorised() -> None:
    p = Loops()
    a = p.array()
    p.each(copying(a, p.x))
    p.each(lambda b, i: b.store(p.y, [i], b.apply("mul", (b.load(a, [i]), b.load(p.y, [i])), "float64")))
    assert loops(hidden(p.function())) == 1

    p = Loops()
    a = p.array()
    p.each(copying(a, p.x), low=1)
    previous = lambda b, i: b.load(p.y, [b.apply("sub", (i, b.int(1)), "int64")])  # noqa: E731
    p.each(lambda b, i: b.store(p.y, [i], b.apply("mul", (b.load(a, [i]), previous(b, i)), "float64")), low=1)
    assert loops(hidden(p.function())) == 2


@pytest.mark.parametrize(("to", "left"), [(0, 1), (1, 2)])
def test_what_gather_has_parted_stays_apart(to: int, left: int) -> None:
    p = Loops()
    p.each(adding(p.y, p.x))
    p.each(adding(p.y, p.x, to=to))
    fn = p.function()
    assert loops(hidden(fn)) == 1
    assert loops(fuse_gathered(fn, visible=False)) == left


def test_zero_trips() -> None:
    fn = pair(lambda p, a: copying(a, p.x), lambda p, a: copying(p.y, a))
    fused = hidden(fn)
    y = np.arange(3.0)
    run(Module(fused), [np.empty(0), y, 0, 0])
    np.testing.assert_array_equal(y, np.arange(3.0))
    assert isinstance(fused.body.ops[-1], For) and isinstance(fused.params[0].type, Array)
