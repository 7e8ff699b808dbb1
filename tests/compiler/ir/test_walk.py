"""Traversals."""

from __future__ import annotations

import pytest
from pullback.compiler.ir.build import Builder
from pullback.compiler.ir.nodes import Apply, Const, Function, If, Op, Region, Value
from pullback.compiler.ir.text import show
from pullback.compiler.ir.types import BOOL, F64
from pullback.compiler.ir.verify import verify
from pullback.compiler.ir.walk import (
    clone_region,
    defined,
    free,
    regions,
    rewrite,
    substitute,
    use_counts,
    walk,
)
from randprog.irprograms import IrProgram

C, X = Value(BOOL, "c"), Value(F64, "x")


def branching() -> tuple[Region, If, Value]:
    b = Builder(Region((C, X)))
    outer = b.apply("neg", (X,), "float64", "outer")
    b.open()
    then = b.close([b.apply("exp", (outer,), "float64")])
    b.open()
    outs = b.if_(C, then, b.close([X]))
    b.region.yields = outs
    op = b.region.ops[-1]
    assert isinstance(op, If)
    return b.region, op, outer


def test_walk_is_in_program_order() -> None:
    region, op, _ = branching()
    assert [type(o) for o in walk(region)] == [Apply, If, Apply]
    assert list(regions(region)) == [region, op.then, op.orelse]


def test_free_values_of_an_op_are_those_from_outside() -> None:
    _, op, outer = branching()
    assert free(op) == [outer, X]


def test_defined_values_include_parameters() -> None:
    region, op, outer = branching()
    assert defined(region) == {C, X, outer, op.out, op.then.ops[0].out}


def test_uses_are_counted() -> None:
    region, op, outer = branching()
    assert use_counts(region) == {X: 2, outer: 1, C: 1, op.out: 1, op.then.ops[0].out: 1}


@pytest.mark.parametrize("seed", range(10))
def test_a_clone_is_equal_and_shares_nothing(seed: int) -> None:
    fn = IrProgram(seed).build()
    copy = Function("f", clone_region(fn.body, {}))
    verify(copy)
    assert show(copy) == show(fn)
    assert not defined(copy.body) & defined(fn.body)


def test_substitution_follows_chains() -> None:
    region, op, outer = branching()
    other = Value(F64, "other")
    changed = substitute(region, {outer: other, other: X})
    (inner,) = changed.ops[-1].regions[0].ops
    assert inner.args == (X,)
    assert op.then.ops[0].args == (outer,), "the original stays"


def test_rewrite_works_from_the_inside_outwards() -> None:
    region, _, _ = branching()
    seen: list[type[Op]] = []

    def change(op: Op) -> list[Op] | None:
        seen.append(type(op))
        return [Const((), op.outs, (), (1.0,))] if isinstance(op, Apply) and op.prim == "exp" else None

    changed = rewrite(region, change)
    assert seen == [Apply, Apply, If]
    assert isinstance(changed.ops[-1].regions[0].ops[0], Const)
