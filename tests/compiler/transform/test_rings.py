"""Neighbours on a ring become one comparison; what only looks like one stays."""

from __future__ import annotations

import numpy as np
import pytest
from pullback.compiler.ir.build import Builder
from pullback.compiler.ir.nodes import Function, Value
from pullback.compiler.ir.text import show
from pullback.compiler.ir.types import F64, INT, Array
from pullback.compiler.prims.interp import run
from pullback.compiler.prims.prim import emit
from pullback.compiler.transform.rings import rings
from randprog.irloops import LoopProgram
from randprog.passes import check_pass

import pullback as pb

X, N = Value(Array("float64", 1), "x"), Value(INT, "n")


def reading(index: str, *, lo: int = 0) -> Function:
    """The sum of x over a loop, with one of some ways to choose the index."""
    b = Builder()
    b.region.params = (X, N)
    j, total = Value(INT, "j"), Value(F64, "s")
    start, one = b.int(lo), b.int(1)
    last = emit(b, "sub", N, one)
    two = emit(b, "sub", N, b.int(2))
    init = b.const(0.0)
    b.open((j, total))

    def select(prim: str, bound: Value, yes: Value, no: Value) -> Value:
        return b.apply("select", (b.apply(prim, (j, bound), "bool"), yes, no), "int64")

    before, after, zero = emit(b, "sub", j, one), emit(b, "add", j, one), b.int(0)

    def rolled() -> Value:
        by = emit(b, "mod", b.int(-1), emit(b, "pymax", N, one))
        return select("lt", by, emit(b, "add", j, emit(b, "sub", N, by)), emit(b, "sub", j, by))

    at = {
        "before, remainder": lambda: emit(b, "mod", before, N),
        "after, remainder": lambda: emit(b, "mod", after, N),
        "before, ne": lambda: select("ne", zero, before, last),
        "before, lt": lambda: select("lt", one, last, before),
        "after, eq": lambda: select("eq", last, zero, after),
        "after, ge": lambda: select("ge", last, zero, after),
        "after, gt": lambda: select("gt", two, zero, after),
        "after, rolled": rolled,
        "other length": lambda: emit(b, "mod", before, last),
        "too far": lambda: emit(b, "mod", emit(b, "add", j, b.int(2)), N),
        "other end": lambda: select("gt", zero, before, two),
        "other bound": lambda: select("gt", one, before, last),
        "turned": lambda: select("gt", zero, last, before),
    }[index]()
    body = b.close((emit(b, "add", emit(b, "mul", total, b.const(2.0)), b.load(X, (at,))),))
    b.region.yields = b.for_(start, N, one, (init,), body)
    return Function("f", b.region)


RINGS = [
    *("before, remainder", "before, ne", "before, lt"),
    *("after, remainder", "after, eq", "after, ge", "after, gt"),
]
LEFT = ["other length", "too far", "other end", "other bound", "turned"]


@pytest.mark.parametrize("index", [*RINGS, "after, rolled"])
@pytest.mark.parametrize("n", [0, 1, 2, 5])
def test_neighbours(index: str, n: int) -> None:
    fn = reading(index)
    made = rings(fn)
    text = show(made)
    x = np.random.default_rng(0).uniform(size=max(n, 1))
    assert run(made, [x, n]) == run(fn, [x, n])
    assert f"{'j > 0' if index.startswith('before') else 'j < '}" in text
    assert "%" not in text or index == "after, rolled"
    assert show(rings(made)) == text
    assert made is not fn


@pytest.mark.parametrize("index", LEFT)
def test_left(index: str) -> None:
    fn = reading(index)
    assert rings(fn) is fn


def test_a_loop_over_a_part_is_left() -> None:
    fn = reading("after, remainder", lo=1)
    assert rings(fn) is fn


def test_the_length_is_not_zero_in_the_loop() -> None:
    def f(x, n):
        total = 0.0
        for j in range(n):
            total += x[(j + 1) % n] * x[(j - 1) % n]
        return total

    def other(x, n, m):
        total = 0.0
        for j in range(n):
            total += x[(j + 1) % m]
        return total

    x = np.arange(4.0)
    gradient = pb.grad(f)
    gradient(x, 4)
    source = "\n".join(line.split("#")[0] for line in gradient.backward_source.splitlines())
    assert "%" not in source
    assert "ZeroDivisionError" not in source
    with pytest.raises(ZeroDivisionError):
        pb.grad(other)(x, 3, 0)


@pytest.mark.parametrize("seed", range(60))
def test_random_programs(seed: int) -> None:
    check_pass(rings, seed, LoopProgram)


def ring(u, w):
    total = 0.0
    n = u.shape[0]
    for j in range(n):
        west, east = (j - 1 + n) % n, (j + 1) % n
        total += np.sin(u[west] * u[j]) * u[east] + u[j] * w[east] * w[(j - 1) % n]
    return total


@pytest.mark.parametrize("n", [0, 1, 2, 3, 6])
def test_remainders_at_an_edge(n: int) -> None:
    rng = np.random.default_rng(3)
    u, w = rng.standard_normal(n), rng.standard_normal(n)
    gradient = pb.value_and_grad(ring, argnums=(0, 1), jit=False)
    value, _ = gradient(u, w)
    assert value == pytest.approx(ring(u, w))
    pb.check_grads(ring, (u, w))
    lines = [line for line in gradient.backward_source.splitlines() if not line.lstrip().startswith("#")]
    assert not any("saved" in line or "ZeroDivisionError" in line for line in lines)
    assert n == 1 or not any("%" in line for line in lines)


def shifted(u, n):
    total = 0.0
    for j in range(u.shape[0]):
        total += u[(j + 1) % n] * u[j]
    return total


@pytest.mark.parametrize("n", [1, 2, 5])
def test_remainders_by_what_is_no_length_of_the_loop_stay(n: int) -> None:
    u = np.random.default_rng(4).standard_normal(5)
    gradient = pb.value_and_grad(shifted, jit=False)
    assert gradient(u, n)[0] == pytest.approx(shifted(u, n))
    pb.check_grads(shifted, (u, n))
    assert "% n" in gradient.backward_source
    with pytest.raises(ZeroDivisionError):
        gradient(u, 0)
