"""The length of an axis is followed to where it comes from."""

from __future__ import annotations

import pytest
from pullback.compiler.analysis.bounds import Sum
from pullback.compiler.analysis.inside import Inside
from pullback.compiler.analysis.lengths import carried_axis, source_axis
from pullback.compiler.analysis.structure import Structure
from pullback.compiler.ir.build import Builder
from pullback.compiler.ir.nodes import Region, Value
from pullback.compiler.ir.types import INT, Array

A, B, X = (Value(Array("float64", rank), name) for rank, name in ((2, "a"), (2, "b"), (1, "x")))


@pytest.mark.parametrize(
    ("args", "rank", "expected"),
    [((A, B), 2, [(A, 0), (B, 1)]), ((A, X), 1, [(A, 0)]), ((X, B), 1, [(B, 1)])],
)
def test_products(args: tuple[Value, Value], rank: int, expected: list[tuple[Value, int]]) -> None:
    b = Builder(Region((A, B, X)))
    (out,) = b.call("dot", args, (Array("float64", rank),))
    assert [source_axis(b.defs, out, axis) for axis in range(rank)] == expected


def test_views_copies_and_allocations() -> None:
    n = Value(INT, "n")
    b = Builder(Region((A, n)))
    turned = b.view(A, "transpose", (1, 0), (), 2)
    (copy,) = b.call("copy", (turned,), (turned.type,))
    assert source_axis(b.defs, copy, 0) == (A, 1)
    assert source_axis(b.defs, b.alloc([n, n], "float64"), 1) is n
    part = b.view(A, "slice", ("s", ":"), (n, n, n), 2)
    assert (source_axis(b.defs, part, 0), source_axis(b.defs, part, 1)) == ((part, 0), (A, 1))
    (inverse,) = b.call("inv", (A,), (A.type,))
    assert source_axis(b.defs, inverse, 0) == (A, 0)
    (decomposed,) = b.call("svdvals", (A,), (X.type,))
    assert source_axis(b.defs, decomposed, 0) == (decomposed, 0)


def exchanging(b: Builder, first: Value, second: Value) -> tuple[Value, Value]:
    """The buffers in and after a loop that exchanges them."""
    u, v = Value(X.type, "u"), Value(X.type, "v")
    ends = b.int(0), b.int(3), b.int(1)
    b.open((Value(INT, "t"), u, v))
    after = b.for_(*ends, (first, second), b.close((v, u)))
    return u, after[1]


def test_exchanged_buffers_of_one_shape() -> None:
    b = Builder(Region((X,)))
    n = b.dim(X, 0)
    found = exchanging(b, b.alloc([n], "float64"), b.alloc([n], "float64"))
    structure = Structure(b.region)
    assert [carried_axis(structure, u, 0) for u in found] == [n, n]


def test_exchanged_buffers_of_two_shapes() -> None:
    b = Builder(Region((X, A)))
    inside, after = exchanging(b, b.alloc([b.dim(X, 0)], "float64"), b.alloc([b.dim(A, 0)], "float64"))
    structure = Structure(b.region)
    assert carried_axis(structure, inside, 0) == (inside, 0)
    assert carried_axis(structure, after, 0) == (after, 0)


def test_what_is_copied_in_a_loop_is_as_long_as_the_first() -> None:
    b = Builder(Region((X,)))
    u, ends = Value(X.type, "u"), (b.int(0), b.int(3), b.int(1))
    b.open((Value(INT, "t"), u))
    (copy,) = b.call("copy", (u,), (X.type,))
    b.for_(*ends, (X,), b.close((copy,)))
    lengths = Inside(b.region).lengths
    assert lengths.of(copy, 0) == lengths.of(u, 0) == lengths.of(X, 0)


def test_what_is_checked_first_is_known() -> None:
    b = Builder(Region((X, A)))
    b.check(b.apply("eq", (b.dim(X, 0), b.int(3)), "bool"), "ValueError", "")
    array = b.alloc([b.int(3)], "float64")
    b.store(array, [b.int(0)], b.const(1.0))
    b.check(b.apply("eq", (b.dim(A, 0), b.int(3)), "bool"), "ValueError", "")
    lengths = Inside(b.region).lengths
    assert lengths.of(X, 0) == lengths.of(array, 0) == Sum((), 3)
    assert lengths.of(A, 0) != Sum((), 3)
