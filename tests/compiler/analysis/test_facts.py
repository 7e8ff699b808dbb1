"""Checks that passed make lengths equal."""

from __future__ import annotations

from pullback.compiler.analysis.facts import Equalities, pinned_lengths
from pullback.compiler.ir.build import Builder
from pullback.compiler.ir.nodes import For, Region, Value
from pullback.compiler.ir.types import INT, Array


def test_checks_make_classes_that_inner_regions_inherit() -> None:
    n, m, k, other = (Value(INT, name) for name in "nmko")
    b = Builder(Region((n, m, k, other)))
    both = b.apply("and", (b.apply("eq", (n, m), "bool"), b.apply("eq", (k, b.int(4)), "bool")), "bool")
    b.check(both, "ValueError", "")
    outer = Equalities(b.defs).learn(b.region.ops)
    inner = Equalities(b.defs, outer)
    b.check(b.apply("eq", (m, k), "bool"), "ValueError", "")
    inner.learn(b.region.ops)
    assert outer.same(n, m) and outer.same(k, b.int(4)) and not outer.same(n, k)
    assert inner.same(n, b.int(4)) and not inner.same(n, other)


def test_other_comparisons_tell_nothing() -> None:
    n, m = Value(INT, "n"), Value(INT, "m")
    b = Builder(Region((n, m)))
    b.check(
        b.apply("or", (b.apply("eq", (n, m), "bool"), b.apply("lt", (n, m), "bool")), "bool"),
        "ValueError",
        "",
    )
    facts = Equalities(b.defs).learn(b.region.ops)
    assert not facts.same(n, m) and facts.same(b.int(3), b.const(3)) and not facts.same(b.int(3), b.int(4))


def test_a_check_before_loops_says_something_inside_of_all_of_them() -> None:
    n, m, a, c = (Value(INT, name) for name in "nmac")
    b = Builder(Region((n, m, a, c)))
    zero = b.int(0)
    equal = b.apply("or", (b.apply("le", (m, zero), "bool"), b.apply("eq", (a, c), "bool")), "bool")
    b.check(b.apply("or", (b.apply("le", (n, zero), "bool"), equal), "bool"), "ValueError", "")
    for hi in (n, m):
        b.open([Value(INT)])
        b.for_(zero, hi, b.int(1), (), b.close())
    rows, columns = (op for op in b.region.ops if isinstance(op, For))
    top = Equalities(b.defs).learn(b.region.ops)
    assert not top.same(a, c) and not top.within(rows).same(a, c) and not top.within(columns).same(a, c)
    assert top.within(rows).within(columns).same(a, c)
    assert top.within(columns).within(rows).same(a, c)


def test_literal_lengths_are_those_checked_before_all_else() -> None:
    x, y, n = Value(Array("float64", 2), "x"), Value(Array("float64", 1), "y"), Value(INT, "n")
    b = Builder(Region((x, y, n)))
    for array, axis, number in ((x, 1, 3), (x, 0, None), (y, 0, 2)):
        length = n if number is None else b.int(number)
        b.check(b.apply("eq", (b.dim(array, axis), length), "bool"), "ValueError", "")
        if array is x and number is None:
            b.store(y, (b.int(0),), b.const(1.0))
    assert pinned_lengths(b.region.ops, b.defs) == {(x, 1): 3}
