"""What is saved: the cheapest choice of all, by trying every other one on random programs."""

from __future__ import annotations

import itertools
import random

import numpy as np
import pytest
from pullback.compiler.adjoint.cost import SAVE, WEIGHT, Costs, _cost
from pullback.compiler.analysis.memory import Memory
from pullback.compiler.ir.build import Builder
from pullback.compiler.ir.nodes import Apply, Function, Region, Value
from pullback.compiler.ir.types import INT, Scalar
from pullback.compiler.ir.walk import walk
from pullback.compiler.prims import registry  # noqa: F401 - fills PRIMS
from pullback.compiler.prims.prim import emit

import pullback as pb

FLOAT = Scalar("float64")


class Nest:
    """A loop in a loop, both carrying a number: values of the inner one depend on those of the outer."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        n, start = Value(INT, "n"), Value(FLOAT, "start")
        self.b = b = Builder(Region((n, start)))
        zero, one = b.int(0), b.int(1)
        self.values: list[Value] = []
        self.unrepeatable = [Value(FLOAT, "outer"), Value(FLOAT, "inner")]
        b.open((Value(INT, "i"), self.unrepeatable[0]))
        self.some(self.unrepeatable[:1])
        b.open((Value(INT, "j"), self.unrepeatable[1]))
        self.some(self.unrepeatable)
        (last,) = b.for_(zero, n, one, [self.values[0]], b.close([self.values[-1]]))
        (result,) = b.for_(zero, n, one, [start], b.close([last]))
        b.region.yields = (result,)
        self.costs = Costs(Memory(Function("f", b.region)), b.region, lambda v: v in (n, start))
        made = {op.out: op for op in walk(b.region) if isinstance(op, Apply)}
        self.made = {v: made[v] for v in self.values}

    def some(self, carried: list[Value]) -> None:
        for _ in range(self.random.randint(1, 4)):
            prim = self.random.choice(["add", "mul", "sin", "sqrt", "div"])
            count = 1 if prim in ("sin", "sqrt") else 2
            args = [self.random.choice([*carried, *self.values]) for _ in range(count)]
            self.values.append(emit(self.b, prim, *args))

    def price(self, wanted: list[Value], saved: frozenset[Value]) -> int:
        """What it costs to have the wanted values if these are saved, and no others can be."""
        total, done, waiting = 0, set(), list(wanted)
        while waiting:
            value = waiting.pop()
            if value in done:
                continue
            done.add(value)
            depth = len(self.costs._structure.loops(self.costs._structure.home[value]))
            if value in saved:
                total += SAVE * WEIGHT**depth
            elif value in self.unrepeatable:
                return 1 << 40
            else:
                total += _cost(self.made[value]) * WEIGHT**depth
                waiting += self.made[value].args
        return total


@pytest.mark.parametrize("seed", range(80))
def test_no_choice_is_cheaper(seed: int) -> None:
    nest = Nest(seed)
    every = [*nest.values, *nest.unrepeatable]
    wanted = nest.random.sample(every, nest.random.randint(1, len(every)))
    chosen = nest.costs.choose(wanted)
    tried = [
        nest.price(wanted, frozenset(some))
        for size in range(len(every) + 1)
        for some in itertools.combinations(every, size)
    ]
    assert nest.price(wanted, chosen) == min(tried)


def test_the_operand_that_many_share_is_saved() -> None:
    @pb.grad
    def f(x, n):
        for _ in range(n):
            y = x * 0.5
            x = y * y - (y + 1.0) * (y - 1.0) * (2.0 - y)
        return x

    x = 0.3
    f(x, 3)
    saved = f.explain().split("values saved")[1]
    assert saved.count("bytes") == 1 and "y: " in saved


def test_an_expensive_value_is_saved_and_a_cheap_one_is_not() -> None:
    @pb.grad
    def f(x, n):
        for _ in range(n):
            e = np.exp(x)
            x = x + 0.1 * e * e
        return x

    f(0.1, 3)
    saved = f.explain().split("values saved")[1]
    assert saved.count("bytes") == 1
    assert "e: " in saved or "x: " in saved


def test_what_a_rule_computes_of_primal_values_is_taken_from_the_program() -> None:
    def turns(x):
        s = 0.5
        for i in range(len(x)):
            c, d = np.cos(x[i]), np.sin(x[i])
            s = s * c + d * d
        return s

    gradient = pb.grad(turns, jit=False)
    x = np.array([0.3, -1.2, 0.8])
    wanted = pb.jvp(turns, (x,), (np.array([0.0, 1.0, 0.0]),), jit=False)[1]
    np.testing.assert_allclose(gradient(x)[1], wanted, rtol=1e-14)
    assert gradient.backward_source.count("vm.cos(") == gradient.backward_source.count("vm.sin(") == 1


def test_what_a_branch_computes_is_not_taken_outside_of_it() -> None:
    def turns(x):
        s = 0.5
        for i in range(len(x)):
            s = s * np.sin(x[i])
            if x[i] > 0.0:
                s += np.cos(x[i])
        return s

    gradient = pb.grad(turns, jit=False)
    x = np.array([0.3, -1.2, 0.8])
    for k in range(3):
        wanted = pb.jvp(turns, (x,), (np.eye(3)[k],), jit=False)[1]
        np.testing.assert_allclose(gradient(x)[k], wanted, rtol=1e-14)
