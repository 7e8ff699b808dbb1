"""Loops see the arrays behind rows, if nothing else is done with the rows and they exist."""

from __future__ import annotations

import numpy as np
import pytest
from pullback.compiler.ir.build import Builder
from pullback.compiler.ir.nodes import Function, Value
from pullback.compiler.ir.text import show
from pullback.compiler.ir.types import Array
from pullback.compiler.ir.verify import verify
from pullback.compiler.prims.interp import run
from pullback.compiler.prims.registry import PRIMS
from pullback.compiler.transform.through_views import through_views
from randprog.irloops import LoopProgram
from randprog.passes import check_pass

ROW, PLANE = ("i", ":"), ("i", ":", ":")


def program(kind: str) -> Function:
    """a[i, k, j] = 2 x[i, k, j] + d, through rows of rows; something else if `kind` says so."""
    x = Value(Array("float64", 3), "x")
    b = Builder()
    b.open((x,))
    zero, one = b.int(0), b.int(1)
    n, m, d = (b.dim(x, axis) for axis in range(3))
    a = b.alloc([n, m, d], "float64", "zeros", "a")
    i, k, j = (Value(n.type, name) for name in "ikj")
    last = b.apply("sub", (n, one), "int64") if kind == "next" else n
    b.open((i,))
    plane = b.view(a, "slice", ("n", *PLANE) if kind == "new axis" else PLANE, (i,), 2 + (kind == "new axis"))
    from_x = b.view(
        x, "slice", PLANE, (b.apply("add", (i, one), "int64") if kind in ("next", "beyond") else i,), 2
    )
    b.open((k,))
    index = (zero,) if kind == "new axis" else ()
    row = plane if kind == "new axis" else b.view(plane, "slice", ROW, (k,), 1)
    length = b.apply("cast", (b.dim(row, len(index) * 2),), "float64")
    b.open((j,))
    place = (zero, k, j) if kind == "new axis" else (j,)
    double = b.apply("add", (b.load(from_x, (k, j)), b.load(from_x, (k, j))), "float64")
    b.store(row, place, b.apply("add", (double, length), "float64"))
    if kind == "call":
        b.call("dot", (row, row), (double.type,))
    b.for_(zero, d, one, (), b.close())
    b.for_(zero, m, one, (), b.close())
    b.for_(zero, last, one, (), b.close())
    body = b.close((a,))
    return Function("f", body)


@pytest.mark.parametrize(
    ("kind", "views"),
    [("plain", 0), ("next", 0), ("new axis", 1), ("call", 2), ("beyond", 1)],
    ids=lambda x: str(x),
)
def test_rows(kind: str, views: int) -> None:
    before = program(kind)
    after = through_views(before)
    verify(after, PRIMS)
    text = show(after)
    assert text.count("= view ") == views, text
    x = np.arange(24.0).reshape(2, 3, 4)
    if kind == "beyond":
        with pytest.raises(IndexError):
            run(after, [x])
        return
    np.testing.assert_array_equal(run(after, [x])[0], run(before, [x])[0])


@pytest.mark.parametrize("seed", range(20))
def test_keeps_the_meaning_of_random_loops(seed: int) -> None:
    check_pass(through_views, seed, LoopProgram)
