"""Descending loops are turned round if their iterations may run in any order."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import pytest
from pullback.compiler.ir.build import Builder
from pullback.compiler.ir.nodes import Const, Function, Value
from pullback.compiler.ir.types import F64, INT
from pullback.compiler.ir.walk import walk
from pullback.compiler.transform.ascend import ascend
from randprog.irloops import LoopProgram
from randprog.loops import Loops, adding, copying, ranges
from randprog.passes import before_after, check_pass

hidden = partial(ascend, visible=False)


@pytest.mark.parametrize("seed", range(30))
def test_random_programs(seed: int) -> None:
    check_pass(ascend, seed)


@pytest.mark.parametrize("reassociate", [True, False])
@pytest.mark.parametrize("seed", range(60))
def test_random_loops(seed: int, reassociate: bool) -> None:
    check_pass(partial(ascend, reassociate=reassociate), seed, LoopProgram)


def turned(fn: Function, **how: bool) -> bool:
    """Whether the first loop ascends after the pass, and did not before."""

    def step(of: Function) -> object:
        literals = {op.out: op.value for op in walk(of.body) if isinstance(op, Const)}
        return literals[ranges(of)[0].step]

    assert step(fn) == -1
    return step(ascend(fn, **{"visible": False, **how})) == 1


def down(body: Callable[[Loops, Value], Callable[[Builder, Value], object]]) -> Function:
    p = Loops()
    a = p.array("zeros")
    p.down(body(p, a))  # type: ignore[arg-type]
    return p.function(a)


def test_before_and_after(golden: Callable[[str], None]) -> None:
    p = Loops()
    a = p.array("zeros")
    p.down(adding(a, p.x))
    i, s = Value(INT, "i"), Value(F64, "s")
    hi, lo, by, init = p.b.int(0), p.shifted(p.m, 1), p.b.int(-1), p.b.const(0.0)
    p.b.open((i, s))
    following = p.b.apply("sub", (s, p.b.load(p.x, [i])), "float64")
    p.b.region.yields = (a, *p.b.for_(lo, hi, by, (init,), p.b.close((following,))))
    golden(before_after(hidden, p.b))


def test_iterations_with_elements_of_their_own() -> None:
    assert turned(down(lambda p, a: copying(a, p.x)), reassociate=False)
    assert turned(down(lambda p, a: adding(a, p.x)), reassociate=False)


def test_sums_need_leave() -> None:
    fn = down(lambda p, a: lambda b, i: b.store(a, [b.int(0)], b.load(p.x, [i]), accumulate=True))
    assert turned(fn)
    assert not turned(fn, reassociate=False)


REFUSED = {
    "a recurrence": lambda p, a: copying(a, a, at=1),
    "a read of another element": lambda p, a: (
        lambda b, i: [copying(a, p.x)(b, i), copying(p.y, a, at=1)(b, i)]
    ),
    "the last write wins": lambda p, a: lambda b, i: b.store(a, [b.int(0)], b.load(p.x, [i])),
    "a sum that is read": lambda p, a: (
        lambda b, i: [
            b.store(a, [b.int(0)], b.load(p.x, [i]), accumulate=True),
            b.store(p.y, [i], b.load(a, [b.int(0)])),
        ]
    ),
    "an index that may wrap": lambda p, a: copying(a, p.x, to=-1),
    "a print": lambda p, a: lambda b, i: b.print("{0}", (i,)),
    "a check": lambda p, a: lambda b, i: b.check(b.apply("lt", (i, p.m), "bool"), "ValueError", "{0}", (i,)),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refused(case: str) -> None:
    assert not turned(down(REFUSED[case]))


def test_a_random_draw_stays() -> None:
    assert not turned(down(lambda p, a: lambda b, i: b.store(a, [i], b.call("random_normal", (), (F64,))[0])))


def test_what_the_caller_sees_of_an_exception_stays() -> None:
    assert not turned(down(lambda p, a: copying(p.y, p.x)), visible=True)


@pytest.mark.parametrize("name", ["mul", "sub"])
def test_carried_values_that_are_no_sums_stay(name: str) -> None:
    p = Loops()
    i, s = Value(INT, "i"), Value(F64, "s")
    lo, hi, by = p.shifted(p.n, -1), p.b.int(-1), p.b.int(-1)
    p.b.open((i, s))
    following = p.b.apply(name, (p.b.load(p.x, [i]), s), "float64")
    fn = p.function(*p.b.for_(lo, hi, by, (p.b.const(1.0),), p.b.close((following,))))
    assert not turned(fn)
