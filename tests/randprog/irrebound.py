"""Random IR of loops that carry arrays: made anew, passed on, chosen by branches, kept, written in place."""

from __future__ import annotations

from pullback.compiler.ir.nodes import Function, Value
from pullback.compiler.ir.types import F64, INT, List, Type

from .irprograms import LENGTH, ROW, IrProgram

MAKING = "made made made made copy load load float for for for while if view"
SPOILING = "store store keep alloc"


class ReboundProgram(IrProgram):
    """Grows one function f(a, c, x, y, n). Most arrays are only written where they are made."""

    def build(self) -> Function:
        """A float and an array come back, and the arrays a and c may have changed."""
        arrays, (x, y) = [Value(ROW, name) for name in "ac"], [Value(F64, name) for name in "xy"]
        params = *arrays, x, y, Value(INT, "n")
        self.b.region.params = params
        for array in arrays:
            fits = self.b.apply("eq", (self.b.dim(array, 0), self.b.int(LENGTH)), "bool")
            self.b.check(fits, "ValueError", "")
        self.kinds = MAKING.split() * 2 + (SPOILING.split() if self.rng.random() < 0.4 else [])
        inner = [*params, self.b.apply("lt", (x, y), "bool"), self.b.list_new(ROW, "kept")]
        scope = self.body(inner, 3, 6)
        total = self.pick(scope, F64)
        for array in [v for v in scope if v.type == ROW][-3:]:
            for k in range(LENGTH):
                total = self.b.apply("add", (total, self.b.load(array, [self.b.int(k)])), "float64")
        self.b.region.yields = (total, self.pick(scope, ROW))
        return Function("f", self.b.region)

    def body(self, scope: list[Value], depth: int, size: int) -> list[Value]:
        scope = list(scope)
        for _ in range(self.rng.randint(2, size)):
            kind = self.rng.choice(self.kinds)
            if depth == 0 and kind in ("if", "for", "while"):
                kind = "made"
            scope += getattr(self, "do_" + kind)(scope, depth) or ()
        return scope

    def some_types(self) -> list[Type]:
        return [self.rng.choice([F64, ROW, ROW, ROW]) for _ in range(self.rng.randint(1, 4))]

    def do_made(self, scope: list[Value], depth: int) -> list[Value]:
        """An array of which every element is computed from others."""
        first, second, x = self.pick(scope, ROW), self.pick(scope, ROW), self.pick(scope, F64)
        array = self.b.alloc([self.b.int(LENGTH)], "float64", self.rng.choice(["zeros", "empty"]), "r")
        i, shift = Value(INT, "i"), self.b.int(self.rng.randrange(LENGTH))
        ends = self.b.int(0), self.b.int(LENGTH), self.b.int(1)
        self.b.open((i,))
        there = self.b.apply("mod", (self.b.apply("add", (i, shift), "int64"), self.b.int(LENGTH)), "int64")
        pair = self.b.load(first, [i]), self.b.load(second, [there])
        value = self.b.apply("add", (self.b.apply("mul", pair, "float64"), x), "float64")
        self.b.store(array, [i], self.b.apply("minimum", (value, self.b.const(9.0)), "float64"))
        self.b.for_(*ends, (), self.b.close())
        return [array]

    def do_copy(self, scope: list[Value], depth: int) -> list[Value]:
        return list(self.b.call("copy", (self.pick(scope, ROW),), (ROW,)))

    def do_alloc(self, scope: list[Value], depth: int) -> list[Value]:
        return [self.b.alloc([self.b.int(LENGTH)], "float64", "zeros", "z")]

    def do_keep(self, scope: list[Value], depth: int) -> list[Value]:
        kept = self.pick(scope, List(ROW))
        self.b.push(kept, self.pick(scope, ROW))
        return [self.b.list_get(kept, self.b.int(0))]

    def do_bool(self, scope: list[Value], depth: int) -> list[Value]:
        return [self.b.apply("lt", (self.pick(scope, F64), self.pick(scope, F64)), "bool")]

    def index(self, scope: list[Value]) -> Value:
        return self.b.int(self.rng.randrange(LENGTH))
