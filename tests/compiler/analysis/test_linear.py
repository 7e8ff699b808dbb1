"""Integers as sums of others times literals."""

from __future__ import annotations

from pullback.compiler.analysis.linear import Linear, linear
from pullback.compiler.ir.build import Builder
from pullback.compiler.ir.nodes import Const, Value
from pullback.compiler.ir.types import INT
from pullback.compiler.prims import registry as registry  # fills the table of primitives
from pullback.compiler.prims.prim import Sym

A, B = Value(INT, "a"), Value(INT, "b")


def test_what_a_value_is() -> None:
    b = Builder()
    i, j = Sym(b, A), Sym(b, B)
    assert linear(b.defs, ((i + j) * 2 - (j - 3)).value) == Linear(((A, 2), (B, 1)), 3)
    assert linear(b.defs, (-(i - j) + i).value) == Linear(((B, 1),))
    product = (i * j).value
    assert linear(b.defs, product) == Linear(((product, 1),))


def test_only_what_is_opened() -> None:
    b = Builder()
    outer = (Sym(b, A) + 1).value
    total = (Sym(b, outer) + Sym(b, B)).value
    assert linear(b.defs, total, lambda value: value is total) == Linear(((outer, 1), (B, 1)))


def test_sums_and_replacements() -> None:
    first = Linear(((A, 2), (B, -1)), 4)
    assert first.plus(Linear(((A, 1),), 1), -2) == Linear(((B, -1),), 2)
    assert first.replaced(A, Linear(((B, 1),), 5)) == Linear(((B, 1),), 14)
    assert (first.factor(A), first.factor(Value(INT))) == (2, 0)


def test_built_again() -> None:
    b = Builder()
    for total in (Linear(((B, 3), (A, -1)), -2), Linear((), 7), Linear(((A, -2),))):
        assert linear(b.defs, total.build(b).value) == total
    made = b.defs[Linear((), 7).build(b).value]
    assert isinstance(made, Const) and made.value == 7
