"""Scratch arrays are allocated before the loop, where every iteration has its own."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np
import pytest
from pullback.compiler.ir.nodes import Alloc, For, Function, Value
from pullback.compiler.ir.types import INT
from pullback.compiler.ir.walk import walk
from pullback.compiler.transform.reuse import reuse
from randprog.irloops import LoopProgram
from randprog.irrebound import ReboundProgram
from randprog.loops import Loops, copying
from randprog.passes import before_after, check_pass

import pullback as pb

A, X = np.random.default_rng(2).normal(size=(3, 3)), np.linspace(0.2, 1.0, 3)


@pytest.mark.parametrize("program", [LoopProgram, ReboundProgram])
@pytest.mark.parametrize("seed", range(60))
def test_random_programs(seed: int, program: type[LoopProgram] | type[ReboundProgram]) -> None:
    check_pass(reuse, seed, program)


def repeated(fill: str = "empty", length: Callable[[Loops, Value], Value] | None = None) -> Loops:
    """for t in range(m): a = fill(length); a[:] = x; y[:] = a."""
    p = Loops()
    t, ends = Value(INT, "t"), (p.b.int(0), p.m, p.b.int(1))
    p.b.open((t,))
    a = p.array(fill, None if length is None else length(p, t))
    p.each(copying(a, p.x))
    p.each(copying(p.y, a))
    p.b.for_(*ends, (), p.b.close())
    return p


def inside(fn: Function) -> int:
    """How many allocations are in loops."""
    return sum(
        isinstance(op, Alloc) for loop in fn.body.ops if isinstance(loop, For) for op in walk(loop.body)
    )


def test_iterations_in_threads_share_nothing() -> None:
    p = repeated()
    (loop,) = [op for op in p.b.region.ops if isinstance(op, For)]
    stops, _, segments = loop.attrs
    p.b.region.ops[p.b.region.ops.index(loop)] = dataclasses.replace(loop, attrs=(stops, True, segments))
    assert inside(reuse(Function("f", p.b.region))) == 1


def test_before_and_after(golden: Callable[[str], None]) -> None:
    golden(before_after(reuse, repeated("zeros").b))


def test_products(golden: Callable[[str], None]) -> None:
    p = Loops()
    square = p.b.alloc([p.n, p.n], "float64", "zeros", "w")
    ends = p.b.int(0), p.m, p.b.int(1)
    p.b.open((Value(INT, "t"),))
    (product,) = p.b.call("dot", (square, p.x), (p.x.type,))
    p.each(copying(p.y, product))
    p.b.for_(*ends, (), p.b.close())
    golden(before_after(reuse, p.b))


def test_lengths_that_are_not_known_before_the_loop() -> None:
    assert inside(reuse(repeated().function())) == 0
    assert inside(reuse(repeated(length=lambda p, t: p.shifted(t, 1)).function())) == 1


def test_an_array_that_the_next_iteration_sees_is_its_own() -> None:
    p = Loops()
    first, u = p.array(), Value(p.x.type, "u")
    ends = p.b.int(0), p.m, p.b.int(1)
    p.b.open((Value(INT, "t"), u))
    following = p.array()
    p.each(copying(following, u))
    p.b.region.yields = p.b.for_(*ends, (first,), p.b.close((following,)))
    fn = Function("f", p.b.region)
    assert reuse(fn) is fn


def kept(a, x, n):
    found = []
    for t in range(n):
        found.append(a @ (x * t))
    return np.sum(found[0] * found[n - 1])


def shorter(a, x, n):
    """If there is no iteration, the length of the array is negative."""
    total = 0.0
    for t in range(n):
        h = np.empty(n - 1)
        for i in range(n - 1):
            h[i] = np.sin(x[i] * t)
        total += np.sum(h * h[::-1]) ** 2
    return total


def products(a, x, n):
    total = 0.0
    for t in range(n):
        total = np.sin(total) + np.sum((a @ np.sin(a @ x * t) @ a) ** 2)
    return total


def matrices(a, x, n):
    total = 0.0
    for t in range(n):
        total = np.sin(total) + np.sum((a @ (a * t)) ** 2)
    return total


@pytest.mark.parametrize("f", [kept, products, matrices])
@pytest.mark.parametrize("jit", [True, False])
def test_gradients(f: Callable[..., float], jit: bool) -> None:
    derivative = pb.value_and_grad(f, argnums=(0, 1), jit=jit)
    assert derivative(A, X, 3)[0] == pytest.approx(f(A, X, 3), rel=1e-12)
    pb.check_grads(f, (A, X, 3), order=2)


def test_a_loop_that_does_not_run() -> None:
    assert pb.value_and_grad(shorter, argnums=1, jit=False)(A, X, 0)[0] == 0.0
    pb.check_grads(shorter, (A, X, 3))
