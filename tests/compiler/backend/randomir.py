"""Random structured programs over a few floats, integers and one array, for text against interpreter."""

from __future__ import annotations

import random

from pullback.compiler.errors import Src
from pullback.compiler.ir.build import Builder
from pullback.compiler.ir.nodes import Function, Module, Value
from pullback.compiler.ir.types import F64, INT, Array, Scalar
from pullback.compiler.prims.prim import emit as prim

NAMES = ["", "", "x", "y", "total"]


class RandomProgram:
    """Grows one function; every value in scope may be used anywhere below, so that live ranges cross."""

    def __init__(self, seed: int) -> None:
        self.rng = random.Random(seed)
        self.b = Builder()
        self.array = Value(Array("float64", 1), "a")
        self.line = 1

    def build(self) -> Module:
        """f(a, x, y, n) -> several floats and one integer; writes to a."""
        params = (self.array, Value(F64, "x"), Value(F64, "y"), Value(INT, "n"))
        self.b.region.params = params
        floats, ints = self.body(list(params[1:3]), [params[3]], 3, 6)
        results = [self.pick(floats) for _ in range(3)] + [self.pick(ints)]
        self.b.region.yields = tuple(results)
        return Module(Function("f", self.b.region))

    def pick(self, values: list[Value]) -> Value:
        return self.rng.choice(values[-5:]) if self.rng.random() < 0.7 else self.rng.choice(values)

    def index(self, ints: list[Value]) -> Value:
        return prim(self.b, "mod", self.pick(ints), self.b.int(4))

    def body(
        self, floats: list[Value], ints: list[Value], depth: int, size: int
    ) -> tuple[list[Value], list[Value]]:
        floats, ints = list(floats), list(ints)
        for _ in range(self.rng.randint(1, size)):
            self.line += 1
            self.b.src = Src("<random>", self.line)
            kind = self.rng.choice(["float", "float", "int", "load", "store", "if", "for", "while"])
            if depth == 0 and kind in ("if", "for", "while"):
                kind = "float"
            getattr(self, "do_" + kind)(floats, ints, depth)
        return floats, ints

    def do_float(self, floats: list[Value], ints: list[Value], depth: int) -> None:
        x, z = self.pick(floats), self.pick(floats)
        name = self.rng.choice(["add", "sub", "maximum", "minimum", "half"])
        if name == "half":
            out = self.b.apply("mul", (x, self.b.const(0.5)), "float64", self.rng.choice(NAMES))
        else:
            out = self.b.apply(name, (x, z), "float64", self.rng.choice(NAMES))
        floats.append(out)

    def do_int(self, floats: list[Value], ints: list[Value], depth: int) -> None:
        total = prim(self.b, "add", self.pick(ints), self.pick(ints))
        ints.append(
            self.b.apply("mod", (total, self.b.int(self.rng.randint(2, 7))), "int64", self.rng.choice(NAMES))
        )

    def do_load(self, floats: list[Value], ints: list[Value], depth: int) -> None:
        floats.append(self.b.load(self.array, [self.index(ints)], self.rng.choice(NAMES)))

    def do_store(self, floats: list[Value], ints: list[Value], depth: int) -> None:
        self.b.store(self.array, [self.index(ints)], self.pick(floats), self.rng.random() < 0.4)

    def cond(self, floats: list[Value], ints: list[Value]) -> Value:
        if self.rng.random() < 0.5:
            return prim(self.b, "lt", self.pick(floats), self.pick(floats))
        return prim(self.b, "lt", self.index(ints), self.b.int(2))

    def do_if(self, floats: list[Value], ints: list[Value], depth: int) -> None:
        cond = self.cond(floats, ints)
        kinds = [self.rng.random() < 0.7 for _ in range(self.rng.randint(0, 3))]
        regions = []
        for _ in range(2):
            self.b.open()
            size = self.rng.choice([0, 0, 1, 3])
            f, i = self.body(floats, ints, depth - 1, size) if size else (floats, ints)
            regions.append(self.b.close([self.pick(f if k else i) for k in kinds]))
        outs = self.b.if_(cond, *regions)
        self.rename(outs)
        self.keep(outs, floats, ints)

    def carried(self, floats: list[Value], ints: list[Value]) -> list[tuple[Value, Value]]:
        kinds = [self.rng.random() < 0.7 for _ in range(self.rng.randint(0, 4))]
        inits = [self.pick(floats if k else ints) for k in kinds]
        return [(init, Value(init.type, self.rng.choice(NAMES))) for init in inits]

    def yields(self, pairs: list[tuple[Value, Value]], floats: list[Value], ints: list[Value]) -> list[Value]:
        """Often a permutation of the parameters: swaps and lost copies."""
        found = []
        for _, param in pairs:
            same = [p for _, p in pairs if p.type == param.type]
            wide = floats if param.type == F64 else ints
            found.append(self.rng.choice(same) if self.rng.random() < 0.4 else self.pick(wide))
        return found

    def keep(self, outs: tuple[Value, ...], floats: list[Value], ints: list[Value]) -> None:
        for out in outs:
            assert isinstance(out.type, Scalar)
            (floats if out.type == F64 else ints).append(out)

    def rename(self, outs: tuple[Value, ...]) -> None:
        for out in outs:
            out.name = self.rng.choice(NAMES)

    def do_for(self, floats: list[Value], ints: list[Value], depth: int) -> None:
        pairs = self.carried(floats, ints)
        hi = self.index(ints)
        stops, counted = self.rng.random() < 0.4, self.rng.random() < 0.3
        index = Value(INT, self.rng.choice(["i", "j", "x"]))
        params = [p for _, p in pairs]
        self.b.open((index, *params))
        f, i = self.body(
            floats + [p for p in params if p.type == F64],
            [*ints, index] + [p for p in params if p.type == INT],
            depth - 1,
            4,
        )
        stop = [self.cond(f, i)] if stops else []
        region = self.b.close(stop + self.yields(pairs, f, i))
        lo, step = self.b.int(self.rng.choice([0, 0, 1])), self.b.int(self.rng.choice([1, 1, 2]))
        outs = self.b.for_(lo, hi, step, [x for x, _ in pairs], region, stops=stops, counted=counted)
        self.keep(outs, floats, ints)

    def do_while(self, floats: list[Value], ints: list[Value], depth: int) -> None:
        """A countdown guards against loops without end."""
        pairs = [(self.b.int(self.rng.randint(0, 4)), Value(INT, "k")), *self.carried(floats, ints)]
        before = [Value(p.type, p.name) for _, p in pairs]
        after = [p for _, p in pairs]
        self.b.open(before)
        f, i = floats + [p for p in before if p.type == F64], ints + [p for p in before if p.type == INT]
        if self.rng.random() < 0.5:
            f, i = self.body(f, i, 0, 2)
        test = prim(self.b, "and", prim(self.b, "gt", before[0], self.b.int(0)), self.cond(f, i))
        cond = self.b.close([test])
        self.b.open(after)
        f, i = floats + [p for p in after if p.type == F64], ints + [p for p in after if p.type == INT]
        f, i = self.body(f, i, depth - 1, 4)
        left = prim(self.b, "sub", after[0], self.b.int(1))
        region = self.b.close([left, *self.yields(pairs[1:], f, i)])
        outs = self.b.while_([x for x, _ in pairs], cond, region, counted=self.rng.random() < 0.4)
        self.keep(outs, floats, ints)
