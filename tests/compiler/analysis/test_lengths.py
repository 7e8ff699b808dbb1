"""The length of an axis is followed to where it comes from."""

from __future__ import annotations

import pytest
from pullback.compiler.analysis.lengths import source_axis
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
