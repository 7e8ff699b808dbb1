"""Bounds of integers hold for every value that the integer takes."""

from __future__ import annotations

import operator
import random
from collections.abc import Callable, Iterator

import pytest
from pullback.compiler.analysis.bounds import Bounds
from pullback.compiler.analysis.total import Sum
from pullback.compiler.ir.build import Builder
from pullback.compiler.ir.nodes import Apply, Const, For, Op, Value
from pullback.compiler.ir.types import BOOL, INT, Array
from pullback.compiler.ir.walk import walk

MEANING: dict[str, Callable[..., int]] = {
    "add": operator.add,
    "sub": operator.sub,
    "pymin": min,
    "pymax": max,
    "mod": operator.mod,
    "lt": operator.lt,
    "le": operator.le,
    "gt": operator.gt,
    "ge": operator.ge,
    "eq": operator.eq,
    "ne": operator.ne,
    "select": lambda cond, yes, no: yes if cond else no,
}
RELATIONS = ("lt", "le", "gt", "ge", "eq", "ne")


class Nest:
    """Two random loops, and random integers in the inner one that are made of their indices and n."""

    def __init__(self, seed: int) -> None:
        rng = random.Random(seed)
        b = Builder()
        self.n = Value(INT, "n")
        b.region.params = (self.n,)
        i, j = Value(INT, "i"), Value(INT, "j")
        known = [self.n, b.int(0), b.int(1), b.int(2), b.apply("sub", (self.n, b.int(1)), "int64")]

        def grow(count: int) -> None:
            for _ in range(count):
                prim = rng.choice(("add", "sub", "pymin", "pymax", "mod", "select", "select", "select"))
                x, y = rng.choice(known), rng.choice(known)
                if prim == "select":
                    test = b.apply(rng.choice(RELATIONS), (rng.choice(known), rng.choice(known)), "bool")
                    known.append(b.apply(prim, (test, x, y), "int64"))
                else:
                    known.append(b.apply(prim, (x, b.int(3) if prim == "mod" else y), "int64"))

        grow(3)
        starts = [(rng.choice(known), rng.choice(known), rng.choice((1, 1, -1))) for _ in range(2)]
        steps = [b.int(step) for *_, step in starts]
        b.open([i])
        known.append(i)
        grow(2)
        b.open([j])
        known.append(j)
        grow(10)
        b.for_(starts[1][0], starts[1][1], steps[1], (), b.close())
        b.for_(starts[0][0], starts[0][1], steps[0], (), b.close())
        self.outer = next(op for op in b.region.ops if isinstance(op, For))
        self.inner = next(op for op in self.outer.body.ops if isinstance(op, For))
        self.before = b.region.ops[:-1]
        definition: dict[Value, Op] = {out: op for op in walk(b.region) for out in op.outs}
        self.bounds = Bounds(definition, {op.index: op for op in (self.outer, self.inner)})

    def values(self, n: int) -> Iterator[dict[Value, int]]:
        """All values at the end of each iteration of the inner loop."""
        env = {self.n: n}
        self._compute(self.before, env)
        for i in range(*(env[v] for v in (self.outer.lo, self.outer.hi, self.outer.step))):
            env[self.outer.index] = i
            self._compute(self.outer.body.ops[:-1], env)
            for j in range(*(env[v] for v in (self.inner.lo, self.inner.hi, self.inner.step))):
                env[self.inner.index] = j
                self._compute(self.inner.body.ops, env)
                yield env

    def _compute(self, ops: list[Op], env: dict[Value, int]) -> None:
        for op in ops:
            if isinstance(op, Const):
                env[op.out] = int(op.value)
            elif isinstance(op, Apply):
                env[op.out] = MEANING[op.prim](*(env[a] for a in op.args))


def _at(total: Sum, env: dict[Value, int]) -> int:
    return sum(env[base] for base in total.bases) + total.offset


@pytest.mark.parametrize("seed", range(300))
def test_bounds_hold(seed: int) -> None:
    nest = Nest(seed)
    inside = [v for v in (op.out for op in nest.inner.body.ops if isinstance(op, Apply)) if v.type == INT]
    bounds = {v: (nest.bounds.beneath(v, True), nest.bounds.beneath(v, False)) for v in inside}
    for n in range(5):
        for env in nest.values(n):
            for value, (low, high) in bounds.items():
                assert all(_at(s, env) <= env[value] for s in low)
                assert all(_at(s, env) >= env[value] for s in high)


def loop(make: Callable[[Builder, Value, Value], Value]) -> tuple[Bounds, Value, Value]:
    """A value in the body of `for j in range(n)`."""
    b = Builder()
    n, j = Value(INT, "n"), Value(INT, "j")
    zero, one = b.int(0), b.int(1)
    b.open([j])
    made = make(b, j, n)
    b.for_(zero, n, one, (), b.close())
    definition = {out: op for op in walk(b.region) for out in op.outs}
    return Bounds(definition, {j: next(op for op in b.region.ops if isinstance(op, For))}), made, n


def before(b: Builder, j: Value, n: Value) -> Value:
    """`n - 1 if j == 0 else j - 1`"""
    last, x = (b.apply("sub", (v, b.int(1)), "int64") for v in (n, j))
    return b.apply("select", (b.apply("eq", (j, b.int(0)), "bool"), last, x), "int64")


def after(b: Builder, j: Value, n: Value) -> Value:
    """`j + 1 if j < n - 1 else 0`"""
    last, x = b.apply("sub", (n, b.int(1)), "int64"), b.apply("add", (j, b.int(1)), "int64")
    return b.apply("select", (b.apply("lt", (j, last), "bool"), x, b.int(0)), "int64")


@pytest.mark.parametrize("make", [before, after])
def test_neighbours_around_an_edge(make: Callable[[Builder, Value, Value], Value]) -> None:
    bounds, made, n = loop(make)
    assert Sum((), 0) in bounds.beneath(made, True)
    assert Sum((n,), -1) in bounds.beneath(made, False)


def test_the_end_where_the_body_runs() -> None:
    b = Builder()
    n, j = Value(INT, "n"), Value(INT, "j")
    less = b.apply("sub", (n, b.int(2)), "int64")
    most = b.apply("pymax", (less, b.int(0)), "int64")
    runs = b.apply("gt", (most, b.int(0)), "bool")
    end = b.apply("select", (runs, b.apply("add", (most, b.int(2)), "int64"), b.int(1)), "int64")
    one = b.int(1)
    b.open([j])
    b.for_(one, end, one, (), b.close())
    definition = {out: op for op in walk(b.region) for out in op.outs}
    bounds = Bounds(definition, {j: next(op for op in b.region.ops if isinstance(op, For))})
    assert Sum((n,), -1) in bounds.beneath(j, False)


X = Value(Array("float64", 1), "x")
COND, ANY = Value(BOOL, "cond"), Value(INT, "k")


def counter(first: int, step: str) -> tuple[Bounds, Value, Value]:
    """A counter in a loop over x, and after it."""
    b = Builder()
    n = b.dim(X, 0)
    i, p = Value(INT, "i"), Value(INT, "p")
    b.open((i, p))
    if step == "branch":
        b.open()
        then = b.close((b.apply("add", (p, n), "int64"),))
        b.open()
        after: Value = b.if_(COND, then, b.close((p,)))[0]
    elif step == "inner":
        j, q = Value(INT, "j"), Value(INT, "q")
        b.open((j, q))
        body = b.close((b.apply("add", (q, j), "int64"),))
        after = b.for_(b.int(0), n, b.int(1), (p,), body)[0]
    else:
        more = {"one": b.int(1), "less": b.int(-1), "any": ANY, "index": i}[step]
        after = b.apply("add", (p, more), "int64")
    body = b.close((after,))
    out = b.for_(b.int(0), n, b.int(1), (b.int(first),), body)[0]
    loops = {op.index: op for op in b.defs.values() if isinstance(op, For)}
    return Bounds(b.defs, loops), p, out


@pytest.mark.parametrize("step", ["one", "index", "branch", "inner"])
def test_a_counter_that_goes_up_is_no_less_than_its_beginning(step: str) -> None:
    bounds, inside, after = counter(0, step)
    assert bounds.nonnegative(inside) and bounds.nonnegative(after)
    bounds, inside, after = counter(-1, step)
    assert not bounds.nonnegative(inside) and not bounds.nonnegative(after)


@pytest.mark.parametrize("step", ["less", "any"])
def test_others_may_be_negative(step: str) -> None:
    bounds, inside, after = counter(0, step)
    assert not bounds.nonnegative(inside) and not bounds.nonnegative(after)


def test_counters_that_add_each_other_are_found_in_finite_time() -> None:
    b = Builder()
    i, p, q = (Value(INT, name) for name in "ipq")
    b.open((i, p, q))
    body = b.close((b.apply("add", (p, q), "int64"), b.apply("add", (q, p), "int64")))
    b.for_(b.int(0), b.dim(X, 0), b.int(1), (b.int(0), b.int(0)), body)
    assert not Bounds(b.defs, {}).nonnegative(p)


def test_what_is_subtracted_and_added_again() -> None:
    b = Builder()
    n, k = b.dim(X, 0), b.apply("add", (ANY, b.int(1)), "int64")
    rest = b.apply("sub", (n, k), "int64")
    bounds = Bounds(b.defs, {})
    assert bounds.nonnegative(b.apply("add", (rest, k), "int64"))
    assert bounds.nonnegative(b.apply("add", (b.apply("add", (rest, ANY), "int64"), b.int(1)), "int64"))
    assert not bounds.nonnegative(b.apply("add", (rest, ANY), "int64"))
    assert not bounds.nonnegative(rest)


def test_a_product() -> None:
    b = Builder()
    n = b.dim(X, 0)
    bounds = Bounds(b.defs, {})
    assert bounds.nonnegative(b.apply("mul", (n, b.int(3)), "int64"))
    assert not bounds.nonnegative(b.apply("mul", (n, ANY), "int64"))
