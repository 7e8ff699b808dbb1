"""The IR as text."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from pullback.compiler.ir.build import Builder
from pullback.compiler.ir.nodes import Function, Module, Region, Value
from pullback.compiler.ir.text import literal, short_type, show
from pullback.compiler.ir.types import BOOL, F64, INT, Array, List, Type
from randprog.irprograms import IrProgram


def test_every_kind_of_op(golden: Callable[[str], None]) -> None:
    a, x, n, c = Value(Array("float64", 2), "a"), Value(F64, "x"), Value(INT, "n"), Value(BOOL, "c")
    b = Builder(Region((a, x, n, c)))
    b.store(a, [n, b.int(-1)], b.apply("select", (c, x, b.undef(F64, "any")), "float64"))
    b.store(a, [n, n], b.load(a, [n, n], "element"), True)
    part = b.view(a, "slice", ("i", "s", "n"), (n, b.int(0), n, b.int(2)), 2, "part")
    turned = b.view(part, "transpose", (1, 0), (), 2, "turned")
    b.view(turned, "reshape", (), (n,), 1, "flat")
    b.alloc([n, b.dim(a, 1)], "float32", "zeros", "fresh")
    b.call("fft", [a], [Array("complex128", 2)], ("forward", 2))
    b.call_fn("f", [a, x, n, c], [])
    items = b.list_new(F64, "items")
    b.push(items, b.apply("cast", (n,), "float64"))
    b.list_set(items, b.int(0), b.list_get(items, b.int(0)))
    b.print("{0} of {1}", [b.pop(items), b.list_len(items)], end="")
    b.check(c, "IndexError", "index {0}", [n])
    golden(show(Function("f", b.region)))


def test_control(golden: Callable[[str], None]) -> None:
    x, n, c = Value(F64, "x"), Value(INT, "n"), Value(BOOL, "c")
    b = Builder(Region((x, n, c)))
    one = b.int(1)
    i, s = Value(INT, "i"), Value(F64, "s")
    b.open((i, s))
    body = b.close([c, b.apply("pow", (s, b.const(-2.0)), "float64", "s")])
    outs = b.for_(b.int(0), n, one, [x], body, stops=True, counted=True)
    b.open((Value(INT, "j"),))
    b.for_(b.int(0), n, one, [], b.close(), parallel=True)
    b.open((w := Value(F64, "w"),))
    cond = b.close([b.apply("isnan", (w,), "bool")])
    b.open((v := Value(F64, "w"),))
    outs = (*outs, *b.while_([x], cond, b.close([b.apply("neg", (v,), "float64")])))
    b.open()
    b.open()
    then = b.close([x])
    b.open()
    orelse = b.close([w])
    b.if_(c, then, orelse)
    inner = b.close()
    b.open()
    b.if_(c, inner, b.close())
    b.region.yields = outs
    golden(show(Function("f", b.region)))


@pytest.mark.parametrize(
    ("type_", "text"),
    [
        (INT, "i64"),
        (BOOL, "bool"),
        (Array("complex64", 2), "c64[:, :]"),
        (List(Array("uint8", 1)), "list[u8[:]]"),
    ],
)
def test_types_are_short(type_: Type, text: str) -> None:
    assert short_type(type_) == text


@pytest.mark.parametrize(
    ("value", "dtype", "text"),
    [
        (True, "bool", "True"),
        (-1, "int64", "(-1)"),
        (2, "int32", "i32(2)"),
        (0.5, "float32", "f32(0.5)"),
        (1j, "complex128", "1j"),
    ],
)
def test_literals_show_their_dtype(value: object, dtype: str, text: str) -> None:
    assert literal(value, dtype) == text


def test_names_are_unique_and_stable() -> None:
    x = Value(F64, "x")
    b = Builder(Region((x,)))
    first = b.apply("neg", (x,), "float64", "x")
    b.region.yields = (b.apply("neg", (first,), "float64", "x_1"), first)
    text = show(Function("f", b.region))
    assert text == "def f(x: f64) {\n    x_1: f64 = -x\n    x_1_1: f64 = -x_1\n    return x_1_1, x_1\n}"


def test_the_same_program_gives_the_same_text() -> None:
    assert show(IrProgram(3).build()) == show(IrProgram(3).build())


def test_a_module_shows_its_entry_last() -> None:
    entry, other = Function("f", Region()), Function("g", Region())
    assert show(Module(entry, {"g": other})) == "def g() {\n}\n\ndef f() {\n}"
