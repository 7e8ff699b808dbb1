"""Results lie in memory with their last axis first, and are the same."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from pullback.compiler.ir.build import Builder
from pullback.compiler.ir.nodes import Function, Region, Value
from pullback.compiler.ir.types import F64, INT
from pullback.compiler.prims.interp import run
from pullback.compiler.transform.lanes_first import lanes_first
from randprog.passes import before_after


def built(rank: int, use: str) -> Builder:
    """An array of shape (n, 2) or (n, n, 2), of which a column is filled; something else may use it."""
    n, x, i = Value(INT, "n"), Value(F64, "x"), Value(INT, "i")
    b = Builder(Region((n, x)))
    made = b.alloc([*[n] * (rank - 1), b.int(2)], "float64", "zeros", "made")
    b.open((i,))
    index = [i, *[b.int(0)] * (rank - 2), b.int(1)]
    b.store(made, index, x, True)
    b.store(made, index, b.load(made, index), True)
    body = b.close()
    b.for_(b.int(0), b.dim(made, 0), b.int(1), [], body)
    last = b.dim(made, rank - 1)
    if use == "view":
        b.view(made, "slice", ("i", *":" * (rank - 1)), (b.int(0),), rank - 1)
    b.region.yields = (made, last)
    return b


def test_a_result(golden: Callable[[str], None]) -> None:
    golden(before_after(lanes_first, built(3, "")))


@pytest.mark.parametrize("rank", [2, 3])
def test_it_is_the_same_array_in_another_order(rank: int) -> None:
    before = Function("f", built(rank, "").region)
    after = lanes_first(before)
    (one, n), (other, m) = (run(fn, [3, 1.5], print) for fn in (before, after))
    np.testing.assert_array_equal(one, other)
    assert n == m == 2
    assert np.moveaxis(other, -1, 0).flags.c_contiguous and not np.moveaxis(one, -1, 0).flags.c_contiguous


def test_others_stay() -> None:
    seen = Function("f", built(2, "view").region)
    assert lanes_first(seen) is seen
    b = built(2, "")
    b.region.yields = b.region.yields[1:]
    kept = Function("f", b.region)
    assert lanes_first(kept) is kept
