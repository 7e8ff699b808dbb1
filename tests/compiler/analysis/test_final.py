"""Elements that stay or are still untouched: what `Final` says is true in all runs of random loop nests, and
it is said often enough."""

from __future__ import annotations

import operator
import random

import numpy as np
import pytest
from pullback.compiler.analysis.final import Final
from pullback.compiler.analysis.memory import Memory
from pullback.compiler.ir.build import Builder
from pullback.compiler.ir.nodes import Function, Load, Op, Store, Value
from pullback.compiler.ir.types import INT, Array
from pullback.compiler.ir.walk import walk
from pullback.compiler.prims import registry  # noqa: F401 - fills PRIMS
from pullback.compiler.prims.prim import emit

import pullback as pb

SIZE = 5


class Nest:
    """A random loop nest over one array: as IR, and run element by element."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.rank = self.random.choice((1, 2))
        self.x, self.n = Value(Array("float64", self.rank), "x"), Value(INT, "n")
        self.b = Builder()
        self.b.region.params = (self.x, self.n)
        self.ops: dict[int, Op] = {}
        self.run_body = self.block([], 0)
        self.trace: list[tuple[Op, tuple[int, ...]]] = []
        self.touched: set[tuple[int, int]] = set()
        """Loads of what a loop around them has written since it began, as ids of both."""

    def number(self, indices: list[Value], spread: int = 1):
        """An integer expression: as a Value, and as a function of the values of indices and n."""
        kinds = ["const", "n", *["index"] * (2 * len(indices))]
        kind, offset = self.random.choice(kinds), self.random.randint(-spread, spread)
        if len(indices) > 1 and self.random.random() < 0.2:
            first, second = self.random.sample(indices, 2)
            prim = self.random.choice(("add", "pymin", "pymax"))
            meaning = {"add": lambda a, c: a + c, "pymin": min, "pymax": max}[prim]
            base, value = emit(self.b, prim, first, second), lambda at: meaning(at[first], at[second])
        elif kind == "const":
            number = self.random.randint(0, 3)
            return self.b.int(number), lambda at: number
        elif kind == "n":
            base, value = self.n, lambda at: SIZE
        else:
            index = self.random.choice(indices)
            base, value = index, lambda at: at[index]
        if not offset:
            return base, value
        return emit(self.b, "add", base, self.b.int(offset)), lambda at: value(at) + offset

    def block(self, indices: list[Value], depth: int):
        parts = []
        for _ in range(self.random.randint(1, 3)):
            loop = depth < 3 and self.random.random() < (0.9 if depth == 0 else 0.5)
            if not loop and depth < 4 and self.random.random() < 0.3:
                parts.append(self.branch(indices, depth))
            else:
                parts.append(self.loop(indices, depth) if loop else self.access(indices))

        def run(at) -> None:
            for part in parts:
                part(at)

        return run

    def loop(self, indices: list[Value], depth: int):
        (lo, low), (hi, high) = self.number(indices), self.number(indices)
        step = self.random.choice((1, 1, 1, -1, 2))
        index, stride = Value(INT, f"i{depth}"), self.b.int(step)
        self.b.open((index,))
        body = self.block([*indices, index], depth + 1)
        self.b.for_(lo, hi, stride, (), self.b.close())
        loop = self.b.region.ops[-1]

        def run(at) -> None:
            start = len(self.trace)
            for k in range(low(at), high(at), step):
                body({**at, index: k})
            written = set()
            for op, places in self.trace[start:]:
                element = tuple(k % SIZE for k in places)
                if isinstance(op, Store):
                    written.add(element)
                elif element in written:
                    self.touched.add((id(op), id(loop)))

        return run

    def branch(self, indices: list[Value], depth: int):
        (x, left), (y, right) = self.number(indices), self.number(indices)
        relation = self.random.choice(("lt", "le", "gt", "ge", "eq", "ne"))
        cond = emit(self.b, relation, x, y)
        bodies, regions = [], []
        for _ in range(2):
            self.b.open()
            bodies.append(self.block(indices, depth + 1))
            regions.append(self.b.close())
        self.b.if_(cond, *regions)

        def run(at) -> None:
            bodies[0 if getattr(operator, relation)(left(at), right(at)) else 1](at)

        return run

    def access(self, indices: list[Value]):
        index = [self.number(indices) for _ in range(self.rank)]
        places = [place for place, _ in index]
        if self.random.random() < 0.5:
            self.b.load(self.x, places)
        else:
            self.b.store(self.x, places, self.b.const(1.0), accumulate=self.random.random() < 0.3)
        op = self.b.region.ops[-1]

        def run(at) -> None:
            self.trace.append((op, tuple(value(at) for _, value in index)))

        return run

    def overwritten(self) -> set[int] | None:
        """The accesses whose element is written later; None if an index is out of range."""
        self.run_body({})
        if any(not -SIZE <= k < SIZE for _, index in self.trace for k in index):
            return None
        found: set[int] = set()
        later: set[tuple[int, ...]] = set()
        for op, index in reversed(self.trace):
            element = tuple(k % SIZE for k in index)
            if element in later:
                found.add(id(op))
            if isinstance(op, Store):
                later.add(element)
        return found


@pytest.mark.parametrize("block", range(20))
def test_what_stays_is_not_written_again(block: int) -> None:
    said = 0
    for seed in range(100 * block, 100 * (block + 1)):
        nest = Nest(seed)
        overwritten = nest.overwritten()
        if overwritten is None or len(nest.trace) > 2000:
            continue
        final = Final(Memory(Function("f", nest.b.region)))
        for op in walk(nest.b.region):
            if isinstance(op, Load | Store) and final.stays(op):
                said += 1
                assert id(op) not in overwritten, seed
    assert said > 10


@pytest.mark.parametrize("block", range(20))
def test_what_is_untouched_has_not_been_written(block: int) -> None:
    said = 0
    for seed in range(100 * block, 100 * (block + 1)):
        nest = Nest(seed)
        if nest.overwritten() is None or len(nest.trace) > 2000:
            continue
        memory = Memory(Function("f", nest.b.region))
        final, structure = Final(memory), memory.structure
        for op in walk(nest.b.region):
            for loop in structure.loops(structure.region_of(op)) if isinstance(op, Load) else ():
                if not any(structure.inside(write, loop) for write, _ in memory.writes):
                    continue
                if final.untouched(op, loop):
                    said += 1
                    assert (id(op), id(loop)) not in nest.touched, seed
    assert said > 10


def substitution(a, b):
    x = np.zeros(len(b))
    for i in range(len(b)):
        x[i] = b[i]
        for j in range(i):
            x[i] -= a[i, j] * x[j]
        x[i] /= a[i, i]
    return np.sum(x**2)


def factorisation(a, b):
    a = a.copy()
    n = len(b)
    for i in range(n):
        for j in range(i):
            for k in range(j):
                a[i, j] -= a[i, k] * a[j, k]
            a[i, j] /= a[j, j]
        for k in range(i):
            a[i, i] -= a[i, k] ** 2
        a[i, i] = np.sqrt(a[i, i])
    return np.sum(a)


def backwards(a, b):
    x = b.copy()
    for i in range(len(b) - 1, -1, -1):
        for j in range(i + 1, len(b)):
            x[i] -= a[i, j] * x[j]
        x[i] = np.sin(x[i])
    return np.sum(x)


def table(a, b):
    best = np.zeros(len(b) + 1)
    for i in range(len(b)):
        best[i + 1] = best[i] * a[i, 0] + b[i]
    return best[-1]


def after_the_first(a, b):
    x = np.zeros(len(b))
    for i in range(len(b)):
        x[i] = b[i]
        if i > 0:
            x[i] -= a[i, 0] * x[i - 1] ** 2
        x[i] /= a[i, i]
    return np.sum(x**2)


def before_the_last(a, b):
    x = b.copy()
    for i in range(len(b) - 1, -1, -1):
        if i == len(b) - 1:
            x[i] = np.sin(b[i])
        else:
            x[i] = b[i] - a[i, 0] * x[i + 1] ** 2
    return np.sum(x**2)


@pytest.mark.parametrize("f", [substitution, factorisation, table, after_the_first, before_the_last])
def test_no_tape(f) -> None:
    m = np.random.default_rng(3).standard_normal((6, 6))
    a, b = m @ m.T + 6.0 * np.eye(6), np.arange(1.0, 7.0)
    gradient = pb.value_and_grad(f, argnums=(0, 1), jit=False)
    gradient(a, b)
    assert "none: no tape" in gradient.explain()
    pb.check_grads(f, (a, b))


def test_a_negative_index_counts_from_the_end() -> None:
    def f(a, b):
        x = b.copy()
        for i in range(len(b)):
            x[i] = np.sin(x[i - 1]) * x[i]
        return np.sum(x)

    pb.check_grads(lambda b: f(None, b), (np.array([0.3, 0.8, 1.2]),))


def test_a_condition_that_leaves_a_negative_index() -> None:
    def f(b):
        x = b.copy()
        for i in range(len(b)):
            if i > -1:
                x[i] = np.sin(x[i - 1]) * x[i]
        return np.sum(x)

    pb.check_grads(f, (np.array([0.3, 0.8, 1.2]),))
    gradient = pb.grad(f, jit=False)
    gradient(np.array([0.3, 0.8, 1.2]))
    assert "none: no tape" not in gradient.explain()
