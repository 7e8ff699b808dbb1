"""Loops over arrays, written in few words for the tests of the passes on loops."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from pullback.compiler.ir.build import Builder
from pullback.compiler.ir.nodes import For, Function, Region, Value
from pullback.compiler.ir.types import F64, INT, Array
from pullback.compiler.ir.walk import walk

Body = Callable[[Builder, Value], None]


class Loops:
    """A builder with arrays x and y of n elements as parameters, and lengths n and m."""

    def __init__(self) -> None:
        self.x, self.y = Value(Array("float64", 1), "x"), Value(Array("float64", 1), "y")
        self.n, self.m = Value(INT, "n"), Value(INT, "m")
        self.b = Builder(Region((self.x, self.y, self.n, self.m)))

    def array(self, fill: str = "empty", length: Value | None = None) -> Value:
        """An array of n elements."""
        return self.b.alloc([length or self.n], "float64", fill, "a")

    def each(self, body: Body, length: Value | None = None, low: int = 0, step: int = 1) -> None:
        """for i in range(low, n, step): body(b, i)."""
        i = Value(INT, "i")
        lo, hi, by = self.b.int(low), length or self.n, self.b.int(step)
        self.b.open((i,))
        body(self.b, i)
        self.b.for_(lo, hi, by, (), self.b.close())

    def down(self, body: Body) -> None:
        """for i in range(n - 1, -1, -1): body(b, i)."""
        i = Value(INT, "i")
        last, hi, by = self.shifted(self.n, -1), self.b.int(-1), self.b.int(-1)
        self.b.open((i,))
        body(self.b, i)
        self.b.for_(last, hi, by, (), self.b.close())

    def total(self, element: Callable[[Builder, Value], Value], length: Value | None = None) -> Value:
        """The sum of element(b, i) for i in range(n)."""
        i, s = Value(INT, "i"), Value(F64, "s")
        lo, by, init = self.b.int(0), self.b.int(1), self.b.const(0.0)
        self.b.open((i, s))
        following = self.b.apply("add", (s, element(self.b, i)), "float64")
        return self.b.for_(lo, length or self.n, by, (init,), self.b.close((following,)))[0]

    def shifted(self, value: Value, by: int) -> Value:
        """value + by."""
        return self.b.apply("add", (value, self.b.int(by)), "int64")

    def function(self, *results: Value) -> Function:
        """f(x, y, n, m)."""
        self.b.region.yields = results
        return Function("f", self.b.region)


def copying(target: Value, source: Value, to: int = 0, at: int = 0) -> Body:
    """target[i + to] = source[i + at]."""

    def body(b: Builder, i: Value) -> None:
        store(b, target, i, to, b.load(source, [moved(b, i, at)]))

    return body


def adding(target: Value, source: Value, to: int = 0, at: int = 0) -> Body:
    """target[i + to] += source[i + at]."""

    def body(b: Builder, i: Value) -> None:
        b.store(target, [moved(b, i, to)], b.load(source, [moved(b, i, at)]), accumulate=True)

    return body


def store(b: Builder, target: Value, i: Value, to: int, value: Value) -> None:
    """target[i + to] = value."""
    b.store(target, [moved(b, i, to)], value)


def moved(b: Builder, i: Value, by: int) -> Value:
    """i + by."""
    return b.apply("add", (i, b.int(by)), "int64") if by else i


def loops(fn: Function) -> int:
    """How many loops a function has."""
    return sum(isinstance(op, For) for op in walk(fn.body))


def ranges(fn: Function) -> Sequence[For]:
    """The loops of a function."""
    return [op for op in walk(fn.body) if isinstance(op, For)]
