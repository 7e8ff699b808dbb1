"""Cheap choices become selects; what may cost or leak stays in its branch."""

from __future__ import annotations

import pytest
from pullback.compiler.ir.build import Builder
from pullback.compiler.ir.nodes import Function, If, Module, Value
from pullback.compiler.ir.types import BOOL, F64, INT
from pullback.compiler.ir.verify import verify
from pullback.compiler.ir.walk import walk
from pullback.compiler.prims.interp import run
from pullback.compiler.prims.prim import PRIMS, emit
from pullback.compiler.transform.select_branches import select_branches


def branches(prim: str, type_) -> Function:
    """if c: x <prim> 2 else: x."""
    c, x = Value(BOOL, "c"), Value(type_, "x")
    b = Builder()
    b.region.params = (c, x)
    two = b.const(2, type_.dtype)
    b.open()
    then = b.close((emit(b, prim, x, two),))
    b.open()
    b.region.yields = b.if_(c, then, b.close((x,)))
    return Function("f", b.region)


def ifs(fn: Function) -> int:
    return sum(isinstance(op, If) for op in walk(fn.body))


def test_integers_are_selected():
    fn = select_branches(branches("add", INT))
    verify(fn, PRIMS)
    assert ifs(fn) == 0
    assert [run(Module(fn), [c, 5])[0] for c in (True, False)] == [7, 5]


@pytest.mark.parametrize(("prim", "type_"), [("floordiv", INT), ("mul", F64), ("div", F64)])
def test_what_could_leak_stays(prim, type_):
    assert ifs(select_branches(branches(prim, type_))) == 1


def test_floats_that_exist_already_are_selected():
    c, x, y = Value(BOOL, "c"), Value(F64, "x"), Value(F64, "y")
    b = Builder()
    b.region.params = (c, x, y)
    b.open()
    then = b.close((x,))
    b.open()
    b.region.yields = b.if_(c, then, b.close((y,)))
    fn = select_branches(Function("f", b.region))
    assert ifs(fn) == 0
    assert run(Module(fn), [False, 1.0, 2.0]) == (2.0,)
