"""Equal things are computed once; memory is forgotten when it is written."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from pullback.compiler.ir.build import Builder
from pullback.compiler.ir.nodes import Apply, Function, If, Load, Region, Store, Value
from pullback.compiler.ir.types import BOOL, F64, INT, Array
from pullback.compiler.ir.walk import walk
from pullback.compiler.transform.cse import cse
from randprog.passes import before_after, check_pass

ROW = Array("float64", 1)


@pytest.mark.parametrize("seed", range(40))
def test_random_programs(seed: int) -> None:
    check_pass(cse, seed)


def loads(fn: Function) -> int:
    return sum(isinstance(op, Load) for op in walk(fn.body))


def test_pure_ops_lengths_and_stored_values(golden: Callable[[str], None]) -> None:
    x, y, n, i = Value(F64, "x"), Value(F64, "y"), Value(INT, "n"), Value(INT, "i")
    b = Builder(Region((x, y, n, i)))
    array = b.alloc([n], "float64", name="b")
    both = b.view(array, "slice", (":", "n"), (), 2)
    lengths = [b.dim(array, 0), b.dim(both, 0), b.dim(both, 1)]
    product = b.apply("mul", (x, y), "float64")
    b.store(array, [i], product)
    again = b.add(Apply((y, x), (Value(F64),), (), ("mul",))).out
    b.region.yields = (*lengths, b.apply("add", (again, b.load(array, [i])), "float64"))
    golden(before_after(cse, b))


def test_memory_is_forgotten_where_it_may_change(golden: Callable[[str], None]) -> None:
    a, c, n = Value(ROW, "a"), Value(BOOL, "c"), Value(INT, "n")
    b = Builder(Region((a, c, n)))
    first = b.load(a, [b.int(0)])
    b.open()
    inside = b.load(a, [b.int(0)])
    b.store(a, [b.int(1)], inside)
    then = b.close()
    b.open()
    b.if_(c, then, b.close())
    after = b.load(a, [b.int(0)])
    b.open((Value(INT, "i"),))
    b.store(a, [n], b.load(a, [b.int(0)]))
    body = b.close()
    b.for_(b.int(0), n, b.int(1), [], body)
    b.region.yields = (first, after, b.load(a, [b.int(0)]))
    golden(before_after(cse, b))


def test_what_memory_holds_is_not_stored_again() -> None:
    a, x, i, j = Value(ROW, "a"), Value(F64, "x"), Value(INT, "i"), Value(INT, "j")
    b = Builder(Region((a, x, i, j)))
    b.store(a, [i], b.load(a, [i]))
    b.store(a, [j], x)
    b.store(a, [i], x)
    b.store(a, [j], x)  # i may be j, but both hold x
    b.store(a, [i], x, accumulate=True)
    fn = cse(Function("f", b.region))
    assert sum(isinstance(op, Store) for op in fn.body.ops) == 4


@pytest.mark.parametrize(("distinct", "left"), [(True, 1), (False, 2)])
def test_parameters_overlap_only_if_they_may(distinct: bool, left: int) -> None:
    a, c, x = Value(ROW, "a"), Value(ROW, "c"), Value(F64, "x")
    b = Builder(Region((a, c, x)))
    first = b.load(a, [b.int(0)])
    b.store(c, [b.int(0)], x)
    b.region.yields = (first, b.load(a, [b.int(0)]))
    assert loads(cse(Function("f", b.region), distinct_params=distinct)) == left


def test_elements_of_one_array_differ_by_their_literal_index() -> None:
    a, x = Value(ROW, "a"), Value(F64, "x")
    b = Builder(Region((a, x)))
    first = b.load(a, [b.int(0)])
    b.store(a, [b.int(1)], x)
    same = b.load(a, [b.int(0)])
    b.store(a, [b.int(-1)], x)
    b.region.yields = (first, same, b.load(a, [b.int(0)]))
    assert loads(cse(Function("f", b.region))) == 2


def branch(b: Builder, c: Value, prims: list[str], x: Value, shown: list[int]) -> tuple[Value, ...]:
    """if c: a chain of primitives, of which some results are yielded; else zeros."""
    b.open()
    chain = [x]
    for prim in prims:
        chain.append(b.apply(prim, (chain[min(len(chain) - 1, 1)],), "float64"))
    then = b.close([chain[1 + k] for k in shown])
    b.open()
    orelse = b.close([b.const(0.0) for _ in shown])
    return b.if_(c, then, orelse)


def test_what_an_earlier_branch_has_computed(golden: Callable[[str], None]) -> None:
    x, c = Value(F64, "x"), Value(BOOL, "c")
    b = Builder(Region((x, c)))
    sine, cosine = branch(b, c, ["sqrt", "sin", "cos"], x, [1, 2])
    again = branch(b, c, ["sqrt", "cos", "sin", "exp"], x, [0, 1, 2, 3])
    b.region.yields = (sine, cosine, *again)
    golden(before_after(cse, b))


@pytest.mark.parametrize("other", ["another condition", "the other side", "around"])
def test_branches_that_may_not_have_run(other: str) -> None:
    x, c, d = Value(F64, "x"), Value(BOOL, "c"), Value(BOOL, "d")
    b = Builder(Region((x, c, d)))
    if other == "around":
        b.open()
        inner = branch(b, c, ["sin"], x, [0])
        then = b.close(inner)
        b.open()
        first = b.if_(d, then, b.close([b.const(0.0)]))
    else:
        first = branch(b, c, ["sin"], x, [0])
    if other == "the other side":
        b.open()
        then = b.close([b.const(0.0)])
        b.open()
        second = b.if_(c, then, b.close([b.apply("sin", (x,), "float64")]))
    else:
        second = branch(b, d if other == "another condition" else c, ["sin"], x, [0])
    b.region.yields = (*first, *second)
    after = cse(Function("f", b.region))
    assert sum(isinstance(op, Apply) and op.prim == "sin" for op in walk(after.body)) == 2


def test_a_value_computed_since_then_is_read() -> None:
    x, c = Value(F64, "x"), Value(BOOL, "c")
    b = Builder(Region((x, c)))
    first = branch(b, c, ["sin", "exp"], x, [1])
    outside = b.apply("sin", (x,), "float64")
    second = branch(b, c, ["sin", "exp"], x, [0, 1])
    b.region.yields = (*first, outside, *second)
    *_, last = (op for op in cse(Function("f", b.region)).body.ops if isinstance(op, If))
    assert last.then.ops == [] and last.then.yields == (outside, *first)
