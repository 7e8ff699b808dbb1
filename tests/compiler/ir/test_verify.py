"""Broken IR is found, and the complaint shows the place."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from pullback.compiler.errors import InternalError, Src
from pullback.compiler.ir import nodes
from pullback.compiler.ir.build import Builder
from pullback.compiler.ir.nodes import Function, Module, Op, Region, Value
from pullback.compiler.ir.types import BOOL, F64, INT, Array, List, Scalar
from pullback.compiler.ir.verify import verify
from pullback.compiler.prims.registry import PRIMS
from randprog.irprograms import IrProgram

ROW, SINGLE = Array("float64", 1), Scalar("float32")
A, X, N, C = Value(ROW, "a"), Value(F64, "x"), Value(INT, "n"), Value(BOOL, "c")
L = Value(List(F64), "items")


@pytest.mark.parametrize("seed", range(10))
def test_random_programs_are_valid(seed: int) -> None:
    verify(IrProgram(seed).build(), PRIMS)


def new(type_: object = F64) -> tuple[Value]:
    return (Value(type_, "new"),)  # type: ignore[arg-type]


BROKEN: list[tuple[Op, str]] = [
    (nodes.Apply((Value(F64, "lost"), X), new(), (), ("add",)), "operand %lost:float64 is not visible"),
    (nodes.Apply((X, X), (X,), (), ("add",)), "%x:float64 is defined twice"),
    (nodes.Apply((X, N), new(), (), ("add",)), "add of different dtypes: float64, int64"),
    (nodes.Apply((X,), new(), (), ("add",)), "add takes 2 operands, has 1"),
    (nodes.Apply((X, X), new(SINGLE), (), ("add",)), "add of float64, float64 gives float64, not float32"),
    (nodes.Apply((X, X), new(), (), ("lt",)), "gives bool"),
    (nodes.Apply((X,), new(), (), ("sinn",)), "no primitive is called sinn"),
    (nodes.Apply((X, X, X), new(), (), ("select",)), "condition of select is bool"),
    (nodes.Apply((A,), new(), (), ("sin",)), "is not a scalar"),
    (nodes.Const((), new(), (), (1,)), "1 is not a float64"),
    (nodes.Const((), new(Scalar("uint8")), (), (256,)), "256 overflows uint8"),
    (nodes.Load((A, N, N), new()), "2 indices for rank 1"),
    (nodes.Load((A, X), new()), "should have type i64"),
    (nodes.Load((X, N), new()), "is not an array"),
    (nodes.Store((A, N, N), (), (), (False,)), "should have type f64"),
    (nodes.Alloc((N,), new(Array("float64", 2)), (), ("zeros",)), "1 lengths for rank 2"),
    (nodes.Alloc((N,), new(ROW), (), ("full",)), "fill"),
    (nodes.Dim((A,), new(INT), (), (1,)), "no axis (1,) in rank 1"),
    (nodes.View((A,), new(Array("float64", 2)), (), ("slice", (":",))), "has rank 1, not 2"),
    (nodes.View((A,), new(ROW), (), ("transpose", (1,))), "not a permutation"),
    (nodes.View((A, N), new(ROW), (), ("slice", ("s",))), "3 operands expected"),
    (nodes.View((A,), new(ROW), (), ("rolled", ())), "no view is called rolled"),
    (nodes.View((A, N), new(Array("float32", 1)), (), ("reshape", ())), "float64 seen as float32"),
    (nodes.Push((L, N)), "should have type f64"),
    (nodes.Pop((A,), new()), "is not a list"),
    (nodes.ListGet((L, X), new()), "should have type i64"),
    (nodes.CallFn((X,), new(), (), ("g",)), "no function ('g',)"),
    (nodes.CallFn((X,), (), (), ("f",)), "1 arguments, expected 5"),
    (nodes.Attempt((A, X, N, C, L), new(BOOL), (), ("g",)), "no function ('g',)"),
    (nodes.Attempt((A, X, N, C, L), new(), (), ("f",)), "should have type bool"),
    (nodes.Check((X,), (), (), ("ValueError", "")), "should have type bool"),
    (nodes.If((C,), new(), (Region(), Region()), ()), "0 yields, expected 1"),
    (nodes.If((X,), (), (Region(), Region()), ()), "should have type bool"),
    (nodes.For((N, N), (), (Region(),), (False, False, 0)), "lo, hi, step"),
    (nodes.For((N, N, N), (), (Region(new(F64)),), (False, False, 0)), "parameters: %new:float64"),
    (nodes.For((N, N, N), (), (Region(new(INT)),), (True, False, 0)), "0 yields, expected 1"),
    (nodes.For((N, N, N, X), (), (Region((*new(INT), *new()), [], (X,)),), (False, False, 0)), "0 results"),
    (nodes.While((), (), (Region((), [], (X,)), Region())), "test: %x:float64 should have type bool"),
    (Op(), "no such kind of op"),
]


@pytest.mark.parametrize(("op", "message"), BROKEN, ids=[m for _, m in BROKEN])
def test_broken_ops_are_found(op: Op, message: str) -> None:
    fn = Function("f", Region((A, X, N, C, L), [op]))
    with pytest.raises(InternalError, match=re.escape(message)):
        verify(Module(fn), PRIMS)


def test_values_of_an_inner_region_are_not_seen_outside() -> None:
    b = Builder(Region((C, X)))
    b.open()
    inner = b.apply("neg", (X,), "float64")
    then = b.close()
    b.open()
    b.if_(C, then, b.close())
    b.region.yields = (inner,)
    with pytest.raises(InternalError, match="not visible in its region"):
        verify(Function("f", b.region))


def test_the_complaint_shows_the_place(golden: Callable[[str], None]) -> None:
    b = Builder(Region((A, X, N)))
    b.src = Src("model.py", 12)
    for k in range(9):
        b.store(A, [b.int(k)], X)
    b.add(nodes.Store((A, X), (), (), (False,), b.src))
    for k in range(9):
        b.store(A, [b.int(k)], X)
    with pytest.raises(InternalError) as caught:
        verify(Function("f", b.region))
    golden(str(caught.value))


def test_functions_are_filed_under_their_names() -> None:
    with pytest.raises(InternalError, match="filed under h"):
        verify(Module(Function("f", Region()), {"h": Function("g", Region())}))
