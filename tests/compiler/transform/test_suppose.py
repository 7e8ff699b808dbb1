"""Lengths that are supposed known become literals, and are checked."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from pullback.compiler.ir.build import Builder
from pullback.compiler.ir.nodes import Alloc, Check, Const, Function, Region, Value
from pullback.compiler.ir.types import Array
from pullback.compiler.ir.walk import walk
from pullback.compiler.prims.interp import run
from pullback.compiler.specs import Length
from pullback.compiler.transform.suppose import suppose
from randprog.passes import before_after

A = Value(Array("float64", 2), "a")


def temporaries() -> Builder:
    """An array as long as the second axis, and one as long as the slice [1:3] of it."""
    b = Builder(Region((A,)))
    n, zero = b.dim(A, 1), b.int(0)
    least = b.apply("pymax", (b.apply("sub", (n, b.int(1)), "int64"), zero), "int64")
    part = b.apply("pymin", (least, b.int(2)), "int64")
    x, y = b.alloc([n], "float64", "zeros", "x"), b.alloc([part], "float64", "zeros", "y")
    b.region.yields = (x, y)
    return b


def lengths(fn: Function) -> list[int | None]:
    known: dict[Value, Any] = {op.out: op.value for op in walk(fn.body) if isinstance(op, Const)}
    return [known.get(op.args[0]) for op in walk(fn.body) if isinstance(op, Alloc)]


def test_an_exact_length(golden: Callable[[str], None]) -> None:
    golden(before_after(lambda fn: suppose(fn, [Length(0, 1, 3, 3)]), temporaries()))


@pytest.mark.parametrize(
    ("length", "expected", "allowed", "refused"),
    [
        (Length(0, 1, 3, 3), [3, 2], [3], [2, 4]),
        (Length(0, 1, 3), [None, 2], [3, 9], [0, 2]),
        (Length(0, 1, 3, 5), [None, 2], [3, 5], [2, 6]),
        (Length(0, 1, 0, 1), [None, 0], [0, 1], [2]),
    ],
)
def test_what_is_known_and_checked(
    length: Length, expected: list[int | None], allowed: list[int], refused: list[int]
) -> None:
    before = Function("f", temporaries().region)
    after = suppose(before, [length])
    assert lengths(after) == expected
    for n in allowed:
        one, other = (run(fn, [np.ones((2, n))], print) for fn in (before, after))
        assert [x.shape for x in one] == [x.shape for x in other]
    for n in refused:
        with pytest.raises(ValueError, match=r"compiled for a.shape\[1\] of"):
            run(after, [np.ones((2, n))], print)


@pytest.mark.parametrize("length", [Length(0, 1, 2), Length(0, 0, 2, 2)])
def test_what_does_not_help_is_not_checked(length: Length) -> None:
    after = suppose(Function("f", temporaries().region), [length])
    assert not any(isinstance(op, Check) for op in walk(after.body))
