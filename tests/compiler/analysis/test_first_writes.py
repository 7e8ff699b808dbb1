"""Zeros whose first or last column is added to apart, or whose columns are written out; the other nests are
tested with `contract`.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from pullback.compiler.ir.build import Builder
from pullback.compiler.ir.nodes import Alloc, Store, Value
from pullback.compiler.ir.walk import walk
from pullback.compiler.prims.interp import run
from pullback.compiler.transform.contract import contract
from randprog.loops import Loops, moved

import pullback as pb

Step = Callable[["Rows", Builder], None]


class Rows:
    """for i in range(n): what some steps do to row i of a grid of zeros with n × m elements."""

    def __init__(self, *steps: Step) -> None:
        self.p = Loops()
        b = self.p.b
        self.last = self.p.shifted(self.p.m, -1)
        self.grid = b.alloc([self.p.n, self.p.m], "float64", "zeros", "grid")

        def row(b: Builder, i: Value) -> None:
            self.i = i
            for step in steps:
                step(self, b)

        self.p.each(row)
        self.fn = self.p.function(self.grid)

    def add(self, b: Builder, j: Value) -> None:
        b.store(self.grid, [self.i, j], b.load(self.p.x, [j]), accumulate=True)


def first(r: Rows, b: Builder) -> None:
    r.add(b, b.int(0))


def second(r: Rows, b: Builder) -> None:
    r.add(b, b.int(1))


def last(r: Rows, b: Builder) -> None:
    r.add(b, r.last)


def from_one(r: Rows, b: Builder) -> None:
    r.p.each(r.add, r.p.m, low=1)


def down_to_one(r: Rows, b: Builder) -> None:
    j = Value(b.int(0).type, "j")
    low, step = b.int(0), b.int(-1)
    b.open((j,))
    r.add(b, j)
    b.for_(r.last, low, step, (), b.close())


def but_the_last(r: Rows, b: Builder) -> None:
    r.p.each(r.add, r.last)


def middle(r: Rows, b: Builder) -> None:
    r.p.each(r.add, r.last, low=1)


def odd(r: Rows, b: Builder) -> None:
    r.p.each(r.add, r.p.m, low=1, step=2)


def shifted(r: Rows, b: Builder) -> None:
    r.p.each(lambda b, j: r.add(b, moved(b, j, 1)), r.last)


def reading(r: Rows, b: Builder) -> None:
    r.p.each(lambda b, j: b.store(r.p.y, [j], b.load(r.grid, [r.i, j])), r.p.m)


def reading_the_row_before(r: Rows, b: Builder) -> None:
    b.store(r.p.y, [r.i], b.load(r.grid, [moved(b, r.i, -1), b.int(0)]))


def reading_behind(r: Rows, b: Builder) -> None:
    def body(b: Builder, j: Value) -> None:
        r.add(b, j)
        b.store(r.p.y, [j], b.load(r.grid, [r.i, moved(b, j, -1)]))

    r.p.each(body, r.p.m, low=1)


def reading_itself(r: Rows, b: Builder) -> None:
    def body(b: Builder, j: Value) -> None:
        r.add(b, j)
        b.store(r.p.y, [j], b.load(r.grid, [r.i, j]))

    r.p.each(body, r.p.m, low=1)


WRITTEN = [
    (first, from_one),
    (from_one, first),
    (down_to_one, first),
    (last, but_the_last),
    (but_the_last, last, reading, first),
    (first, reading_itself),
]
NOT_WRITTEN = [
    (from_one,),
    (first, but_the_last),
    (last, from_one),
    (second, from_one),
    (first, middle, last),
    (first, odd),
    (first, shifted),
    (first, first, from_one),
    (first, reading, from_one),
    (reading_behind, first),
    (first, from_one, reading_the_row_before),
]


def outcome(rows: Rows, n: int, m: int, optimised: bool) -> tuple[list[float], list[float]] | type:
    """The grid and what was read of it, or the error."""
    x, y = np.arange(1.0, 9.0), np.zeros(8)
    try:
        (grid,) = run(contract(rows.fn) if optimised else rows.fn, [x, y, n, m], print)
    except IndexError as error:
        return type(error)
    return grid.tolist(), y.tolist()


def named(steps: tuple[Step, ...]) -> str:
    return "-".join(step.__name__ for step in steps)


@pytest.mark.parametrize("steps", WRITTEN + NOT_WRITTEN, ids=named)
def test_what_counts_as_written(steps: tuple[Step, ...]) -> None:
    rows = Rows(*steps)
    fn = contract(rows.fn)
    fills = [op.fill for op in walk(fn.body) if isinstance(op, Alloc)]
    assert fills == ["empty" if steps in WRITTEN else "zeros"]
    added = [op.accumulate for op in walk(fn.body) if isinstance(op, Store) and op.array is rows.grid]
    assert added[:2] == ([False, False] if steps in WRITTEN else [True] * min(len(added), 2))
    for n, m in ((3, 4), (3, 2), (3, 1), (3, 0), (0, 3), (0, 0)):
        assert outcome(rows, n, m, optimised=True) == outcome(rows, n, m, optimised=False)


WRITTEN_OUT = {
    (0, 1, 2): "empty",
    (2, 0, 1, 0): "empty",
    (0, 1): "zeros",
    (0, 1, 1): "zeros",
    (0, 1, 3): "zeros",
}


@pytest.mark.parametrize(("columns", "fill"), WRITTEN_OUT.items(), ids=str)
def test_an_axis_that_is_written_out(columns: tuple[int, ...], fill: str) -> None:
    """for i in range(n): for j in range(m): grid[i, column, j] += x[j] for some columns of three."""
    p = Loops()
    b = p.b
    grid = b.alloc([p.n, b.int(3), p.m], "float64", "zeros", "grid")
    at = [b.int(column) for column in columns]

    def row(b: Builder, i: Value) -> None:
        def element(b: Builder, j: Value) -> None:
            for column in at:
                b.store(grid, [i, column, j], b.load(p.x, [j]), accumulate=True)

        p.each(element, p.m)

    p.each(row)
    fn = contract(p.function(grid))
    assert [op.fill for op in walk(fn.body) if isinstance(op, Alloc)] == [fill]
    if max(columns) < 3:
        expected = np.zeros((2, 3, 4))
        for column in columns:
            expected[:, column] += np.arange(1.0, 5.0)
        (made,) = run(fn, [np.arange(1.0, 9.0), np.zeros(8), 2, 4], print)
        np.testing.assert_array_equal(made, expected)


def test_reading_between_columns_that_are_written_out() -> None:
    p = Loops()
    b = p.b
    grid = b.alloc([p.n, b.int(2)], "float64", "zeros", "grid")
    zero, one = b.int(0), b.int(1)

    def row(b: Builder, i: Value) -> None:
        b.store(grid, [i, zero], b.load(p.x, [i]), accumulate=True)
        b.store(p.y, [i], b.load(grid, [i, one]))
        b.store(grid, [i, one], b.load(p.x, [i]), accumulate=True)

    p.each(row)
    fn = contract(p.function(grid))
    assert [op.fill for op in walk(fn.body) if isinstance(op, Alloc)] == ["zeros"]


def test_the_shadow_of_columns_that_stand_apart() -> None:
    def f(x):
        steps = np.tanh(x)
        paths = np.empty_like(x)
        paths[:, 0] = steps[:, 0]
        for t in range(1, x.shape[1]):
            paths[:, t] = paths[:, t - 1] * steps[:, t]
        return np.sum(paths**2)

    x = np.random.default_rng(0).standard_normal((9, 12))
    pb.check_grads(f, (x,))
    gradient = pb.grad(f, jit=False)
    gradient(x)
    assert "zeros" not in gradient.backward_source
