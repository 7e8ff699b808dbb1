"""Random IR of array loops: neighbours with arrays in common, of which some may be fused and some not."""

from __future__ import annotations

import random

from pullback.compiler.ir.build import Builder
from pullback.compiler.ir.nodes import Function, Value
from pullback.compiler.ir.types import F64, INT, Array

ROW, GRID = Array("float64", 1), Array("float64", 2)
LENGTH = 4
BETWEEN = "loop loop loop loop loop loop alloc alloc alloc scalar store load check view print"


class LoopProgram:
    """Grows one function f(a, c, x, y, n) for arrays of four elements.

    All numbers are short binary fractions, so that sums are exact in any order.
    """

    def __init__(self, seed: int) -> None:
        self.rng = random.Random(seed)
        self.b = Builder()
        self.rows: list[Value] = []
        self.grids: list[Value] = []
        self.numbers: list[Value] = []

    def build(self) -> Function:
        """Floats, an integer and an array come back, and the arrays a and c may have changed."""
        a, c, x, y, n = Value(ROW, "a"), Value(ROW, "c"), Value(F64, "x"), Value(F64, "y"), Value(INT, "n")
        self.b.region.params = (a, c, x, y, n)
        self.rows, self.numbers = [a, c], [x, y]
        self.lengths = [self.b.dim(a, 0), self.b.dim(c, 0), self.b.int(LENGTH)]
        self.steady = self.rng.random() < 0.7  # few ranges and few shifted indices
        for _ in range(3):
            self.alloc()
        for length in self.lengths[1:] if self.rng.random() < 0.6 else ():
            self.b.check(self.b.apply("eq", (self.lengths[0], length), "bool"), "ValueError", "lengths")
        for _ in range(self.rng.randint(4, 12)):
            getattr(self, self.rng.choice(BETWEEN.split()))()
        results = (self.rng.choice(self.numbers), self.numbers[-1], n, self.rng.choice(self.rows))
        self.b.region.yields = results
        return Function("f", self.b.region)

    # -- between loops
    def alloc(self) -> None:
        rank = self.rng.choice([1, 1, 2])
        lengths = [self.rng.choice(self.lengths) for _ in range(rank)]
        array = self.b.alloc(lengths, "float64", self.rng.choice(["zeros", "zeros", "empty"]), "b")
        (self.rows if rank == 1 else self.grids).append(array)

    def scalar(self) -> None:
        self.numbers.append(self.combined(self.numbers))

    def store(self) -> None:
        at = self.b.int(self.rng.randrange(-LENGTH, LENGTH))
        self.b.store(self.rng.choice(self.rows), [at], self.rng.choice(self.numbers), self.rng.random() < 0.5)

    def load(self) -> None:
        at = self.b.int(self.rng.randrange(-LENGTH, LENGTH))
        self.numbers.append(self.b.load(self.rng.choice(self.rows), [at]))

    def check(self) -> None:
        m, k = self.rng.choice(self.lengths), self.rng.choice(self.lengths)
        self.b.check(self.b.apply("eq", (m, k), "bool"), "ValueError", "lengths")

    def view(self) -> None:
        array = self.rng.choice(self.rows)
        at = self.b.int
        operands = self.rng.choice([(0, LENGTH, 1), (LENGTH - 1, -1, -1)])
        self.rows.append(self.b.view(array, "slice", ("s",), tuple(map(at, operands)), 1))

    def print(self) -> None:
        if self.rng.random() < 0.3:
            self.b.print("{0}", [self.rng.choice(self.numbers)])

    def combined(self, numbers: list[Value]) -> Value:
        x, z = self.rng.choice(numbers[-4:]), self.rng.choice(numbers)
        name = self.rng.choice(["add", "sub", "maximum", "neg", "half"])
        if name == "half":
            return self.b.apply("mul", (x, self.b.const(0.5)), "float64")
        return self.b.apply(name, (x,) if name == "neg" else (x, z), "float64")

    # -- loops
    def loop(self) -> None:
        """One loop or a nest of two, with up to two carried numbers."""
        inits = [self.b.const(0.0) for _ in range(self.rng.choice([0, 0, 1, 1, 2]))]
        nested = self.rng.random() < 0.6
        known = self.numbers[:2] if self.rng.random() < 0.8 else self.numbers
        self.numbers += self.one(inits, [], nested, known)

    def one(self, inits: list[Value], indices: list[Value], nested: bool, known: list[Value]) -> list[Value]:
        lo, hi, step = self.range()
        index = Value(INT, "ij"[len(indices)])
        params = [Value(F64, "s") for _ in inits]
        self.b.open((index, *params))
        indices, numbers = [*indices, index], [*known]
        if nested and self.rng.random() < 0.4:
            self.statements(indices, numbers)
        following = [self.sum(p, indices, numbers) for p in params]
        if nested:
            inner = self.one(following[:1] or [self.b.const(0.0)], indices, False, numbers)
            following[:1] = inner if following else []
            numbers += inner
        if not nested or self.rng.random() < 0.4:
            self.statements(indices, numbers)
        outs = self.b.for_(lo, hi, step, inits, self.b.close(following))
        return list(outs)

    def range(self) -> tuple[Value, Value, Value]:
        kind = self.rng.choice(
            ["whole", "whole", "down"] if self.steady else ["whole", "part", "down", "none"]
        )
        length, at = self.rng.choice(self.lengths), self.b.int
        if kind == "whole":
            return at(0), length, at(1)
        if kind == "part":
            return at(self.rng.choice([0, 1])), at(self.rng.choice([2, 3])), at(1)
        if kind == "none":
            return at(2), at(2), at(1)
        return self.b.apply("add", (length, at(-1)), "int64"), at(-1), at(-1)

    def sum(self, param: Value, indices: list[Value], numbers: list[Value]) -> Value:
        if self.rng.random() < 0.7:
            return self.b.apply("add", (param, self.element(indices)), "float64")
        numbers.append(param)
        return self.combined(numbers)

    def statements(self, indices: list[Value], numbers: list[Value]) -> None:
        for _ in range(self.rng.randint(1, 4)):
            if self.rng.random() < 0.5:
                numbers.append(self.element(indices))
            else:
                array, place = self.place(indices)
                self.b.store(array, place, self.combined(numbers), self.rng.random() < 0.5)

    def element(self, indices: list[Value]) -> Value:
        array, place = self.place(indices)
        return self.b.load(array, place)

    def place(self, indices: list[Value]) -> tuple[Value, list[Value]]:
        array = self.rng.choice(self.grids if self.grids and self.rng.random() < 0.5 else self.rows[-4:])
        straight = indices[-array.rank :] if len(indices) >= array.rank else [*indices, indices[0]]
        if self.rng.random() < (0.95 if self.steady else 0.6):
            return array, straight
        return array, [self.index(indices) for _ in range(array.rank)]

    def index(self, indices: list[Value]) -> Value:
        if self.rng.random() < 0.3:
            return self.b.int(self.rng.randrange(LENGTH))
        shift = self.b.int(self.rng.choice([-2, -1, -1, 0, 0, -LENGTH]))
        return self.b.apply("add", (self.rng.choice(indices), shift), "int64")
