"""Checks that passed make lengths equal."""

from __future__ import annotations

from pullback.compiler.analysis.facts import Equalities
from pullback.compiler.ir.build import Builder
from pullback.compiler.ir.nodes import Region, Value
from pullback.compiler.ir.types import INT


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
