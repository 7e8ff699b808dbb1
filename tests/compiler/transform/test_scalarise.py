"""Small arrays become scalars unless somebody could notice that they are memory."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from pullback.compiler.ir.build import Builder
from pullback.compiler.ir.nodes import Alloc, Function, Region, Value
from pullback.compiler.ir.types import BOOL, F64, INT, Array
from pullback.compiler.ir.verify import verify
from pullback.compiler.ir.walk import walk
from pullback.compiler.prims.interp import run
from pullback.compiler.prims.registry import PRIMS
from pullback.compiler.transform.fold import fold
from pullback.compiler.transform.scalarise import scalarise
from pullback.compiler.transform.unroll import unroll
from randprog.passes import before_after, check_pass

ROW = Array("float64", 1)


@pytest.mark.parametrize("seed", range(80))
def test_random_programs(seed: int) -> None:
    check_pass(scalarise, seed)


@pytest.mark.parametrize("seed", range(40))
def test_random_programs_after_unrolling(seed: int) -> None:
    check_pass(lambda fn: scalarise(fold(unroll(fn))), seed)


class Pair:
    """A builder of f(x, y, n, c) with an array d = [x, y]."""

    def __init__(self, fill: str = "empty") -> None:
        self.x, self.y, self.n, self.c = Value(F64, "x"), Value(F64, "y"), Value(INT, "n"), Value(BOOL, "c")
        self.b = Builder(Region((self.x, self.y, self.n, self.c)))
        self.d = self.made(fill, "d")

    def made(self, fill: str = "empty", name: str = "e") -> Value:
        made = self.b.alloc([self.b.int(2)], "float64", fill, name)
        if fill == "empty":
            self.b.store(made, [self.b.int(0)], self.x)
            self.b.store(made, [self.b.int(1)], self.y)
        return made

    def at(self, ref: Value, index: int) -> Value:
        return self.b.load(ref, [self.b.int(index)])

    def put(self, ref: Value, index: int, value: Value, accumulate: bool = False) -> None:
        self.b.store(ref, [self.b.int(index)], value, accumulate)

    def function(self, *results: Value) -> Function:
        self.b.region.yields = results
        fn = Function("f", self.b.region)
        verify(fn, PRIMS)
        return fn


def arrays_left(fn: Function) -> int:
    """How many arrays the pass leaves, where the meaning is the same."""
    after = scalarise(fn)
    verify(after, PRIMS)
    for c in (True, False):
        for n in (0, 1, 3):
            for one, other in zip(run(fn, [1.5, -2.0, n, c]), run(after, [1.5, -2.0, n, c]), strict=True):
                np.testing.assert_array_equal(one, other)
    return sum(isinstance(op, Alloc) for op in walk(after.body))


def test_stores_in_a_loop_are_carried(golden: Callable[[str], None]) -> None:
    p, i = Pair(), Value(INT, "i")
    b = p.b
    b.open((i,))
    p.put(p.d, 0, p.at(p.d, 1), True)
    b.for_(b.int(0), p.n, b.int(1), [], b.close())
    fn = p.function(p.at(p.d, 0))
    assert arrays_left(fn) == 0
    golden(before_after(scalarise, b))


def test_branches_yield_what_they_store(golden: Callable[[str], None]) -> None:
    p = Pair("zeros")
    b = p.b
    b.open()
    p.put(p.d, 1, b.apply("exp", (p.x,), "float64"))
    then = b.close()
    b.open()
    b.if_(p.c, then, b.close())
    fn = p.function(p.at(p.d, 0), p.at(p.d, -1))
    assert arrays_left(fn) == 0
    golden(before_after(scalarise, b))


def test_an_array_rebound_in_a_loop(golden: Callable[[str], None]) -> None:
    p, i, v = Pair(), Value(INT, "i"), Value(ROW, "v")
    b = p.b
    b.open((i, v))
    new = b.alloc([b.int(2)], "float64", "empty", "v")
    p.put(new, 0, p.at(v, 1))
    p.put(new, 1, b.apply("add", (p.at(v, 0), p.x), "float64"))
    (last,) = b.for_(b.int(0), p.n, b.int(1), [p.d], b.close([new]))
    fn = p.function(p.at(last, 0), p.at(last, 1))
    assert arrays_left(fn) == 0
    golden(before_after(scalarise, b))


def test_views_are_other_names_of_the_elements() -> None:
    p = Pair()
    b = p.b
    back = b.view(p.d, "slice", ("s",), (b.int(1), b.int(-1), b.int(-1)), 1)
    p.put(back, 0, b.const(7.0))
    box = b.view(b.view(back, "slice", ("n", ":"), (), 2), "transpose", (1, 0), (), 2)
    flat = b.view(p.d, "reshape", (), (b.int(2), b.int(1)), 2)
    fn = p.function(b.load(box, [b.int(0), b.int(0)]), b.load(flat, [b.int(0), b.int(0)]), b.dim(box, 0))
    assert arrays_left(fn) == 0


def test_a_while_loop_carries_them() -> None:
    p = Pair()
    b = p.b
    b.open()
    cond = b.close([b.apply("lt", (p.at(p.d, 0), b.const(9.0)), "bool")])
    b.open()
    p.put(p.d, 0, b.const(2.0), True)
    b.while_([], cond, b.close())
    assert arrays_left(p.function(p.at(p.d, 0))) == 0


def test_what_is_returned_stays() -> None:
    p = Pair()
    assert arrays_left(p.function(p.d)) == 1


def test_an_argument_of_a_call_stays() -> None:
    p = Pair()
    (total,) = p.b.call("dot", [p.d, p.d], [F64])
    assert arrays_left(p.function(total)) == 1


def test_what_a_list_holds_stays() -> None:
    p = Pair()
    rows = p.b.list_new(ROW)
    p.b.push(rows, p.d)
    assert arrays_left(p.function(p.at(p.b.pop(rows), 0))) == 1


def test_an_index_known_at_run_time_only() -> None:
    p = Pair()
    index = p.b.apply("mod", (p.n, p.b.int(2)), "int64")
    assert arrays_left(p.function(p.b.load(p.d, [index]))) == 1


def test_an_index_out_of_range_is_left_to_raise() -> None:
    p = Pair()
    p.at(p.d, 2)
    assert any(isinstance(op, Alloc) for op in walk(scalarise(p.function(p.x)).body))


def test_references_that_are_swapped_and_written_stay() -> None:
    p = Pair()
    other, i, u, v = p.made(), Value(INT, "i"), Value(ROW, "u"), Value(ROW, "v")
    b = p.b
    b.open((i, u, v))
    p.put(u, 0, p.at(v, 1), True)
    outs = b.for_(b.int(0), p.n, b.int(1), [p.d, other], b.close([v, u]))
    assert arrays_left(p.function(p.at(outs[0], 0), p.at(outs[1], 0))) == 2


def test_references_that_are_swapped_and_read_do_not() -> None:
    p = Pair()
    other, i, u, v = p.made("zeros"), Value(INT, "i"), Value(ROW, "u"), Value(ROW, "v")
    b = p.b
    b.open((i, u, v))
    outs = b.for_(b.int(0), p.n, b.int(1), [p.d, other], b.close([v, u]))
    assert arrays_left(p.function(p.at(outs[0], 0), p.at(outs[1], 0))) == 0


def test_a_write_after_a_join_is_seen_through_it() -> None:
    p = Pair()
    other = p.made("zeros")
    b = p.b
    b.open()
    then = b.close([p.d])
    b.open()
    (joined,) = b.if_(p.c, then, b.close([other]))
    p.put(p.d, 0, b.const(5.0))
    assert arrays_left(p.function(p.at(joined, 0))) == 2


def test_a_write_in_the_next_iteration_is_seen_too() -> None:
    p = Pair()
    other, i, v = p.made("zeros"), Value(INT, "i"), Value(ROW, "v")
    b = p.b
    b.open((i, v))
    p.put(p.d, 0, p.at(v, 1), True)
    outs = b.for_(b.int(0), p.n, b.int(1), [other], b.close([p.d]))
    assert arrays_left(p.function(p.at(outs[0], 0))) == 2
