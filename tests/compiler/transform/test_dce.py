"""What nobody can notice goes; effects stay."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from pullback.compiler.ir.build import Builder
from pullback.compiler.ir.nodes import Function, Region, Value
from pullback.compiler.ir.text import show
from pullback.compiler.ir.types import BOOL, F64, INT, Array
from pullback.compiler.transform.dce import dce
from randprog.passes import before_after, check_pass

ROW = Array("float64", 1)


@pytest.mark.parametrize("seed", range(40))
def test_random_programs(seed: int) -> None:
    check_pass(dce, seed)


def test_dead_arrays_and_carried_values(golden: Callable[[str], None]) -> None:
    a, n, i = Value(ROW, "a"), Value(INT, "n"), Value(INT, "i")
    s, u = Value(F64, "s"), Value(F64, "u")
    b = Builder(Region((a, n)))
    dead = b.alloc([n], "float64", name="dead")
    seen = b.view(dead, "slice", ("s",), (b.int(1), n, b.int(1)), 1, "seen")
    b.open((i, s, u))
    element = b.load(a, [i])
    b.store(seen, [i], b.apply("add", (b.load(dead, [i]), element), "float64"), True)
    body = b.close([b.apply("add", (s, element), "float64"), b.apply("mul", (u, b.const(2.0)), "float64")])
    outs = b.for_(b.int(0), n, b.int(1), [b.const(0.0), b.const(1.0)], body, counted=True)
    b.region.yields = outs[:1]
    golden(before_after(dce, b))


def test_effects_stay(golden: Callable[[str], None]) -> None:
    a, c, n = Value(ROW, "a"), Value(BOOL, "c"), Value(INT, "n")
    b = Builder(Region((a, c, n)))
    kept = b.alloc([n], "float64", "zeros", "kept")
    b.store(kept, [b.int(0)], b.const(1.0))
    stack, unread = b.list_new(F64, "stack"), b.list_new(F64, "unread")
    b.open()
    b.push(stack, b.const(2.0))
    b.push(unread, b.load(a, [b.int(0)]))
    b.store(a, [b.int(0)], b.load(kept, [b.int(0)]))
    then = b.close([b.const(1.0)])
    b.open()
    b.check(c, "ValueError", "{0}", [n])
    b.if_(c, then, b.close([b.const(2.0)]))
    b.pop(unread)
    b.call("random_normal", [], [F64])
    b.call("dot", [a, a], [F64])
    b.print("{0}", [b.pop(stack)])
    golden(before_after(dce, b))


def test_a_while_needs_its_condition(golden: Callable[[str], None]) -> None:
    x = Value(F64, "x")
    tested, body = [Value(F64, n) for n in "ku"], [Value(F64, n) for n in "ku"]
    b = Builder(Region((x,)))
    b.open(tested)
    cond = b.close([b.apply("lt", (tested[0], b.const(9.0)), "bool")])
    b.open(body)
    inner = b.close([b.apply("add", (body[0], x), "float64"), b.apply("exp", (body[1],), "float64")])
    outs = b.while_([x, x], cond, inner, counted=True)
    b.region.yields = outs[2:]
    golden(before_after(dce, b))


def test_a_list_that_escapes_keeps_the_arrays_it_holds() -> None:
    n = Value(INT, "n")
    b = Builder(Region((n,)))
    rows = b.list_new(ROW, "rows")
    row = b.alloc([n], "float64", name="row")
    b.push(rows, row)
    b.store(row, [b.int(0)], b.const(1.0))
    b.region.yields = (rows,)
    fn = Function("f", b.region)
    assert show(dce(fn)) == show(fn)
