"""Sums of what one branch gives go into it; nothing moves past memory that it may not pass."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from pullback.compiler.ir.build import Builder
from pullback.compiler.ir.nodes import Function, If, Value
from pullback.compiler.ir.types import BOOL, INT, Array
from pullback.compiler.ir.walk import walk
from pullback.compiler.prims.interp import run
from pullback.compiler.prims.prim import emit
from pullback.compiler.transform.sink import sink
from randprog.irloops import LoopProgram
from randprog.passes import check_pass

import pullback as pb

X, Y, C, K = (
    Value(type_, name)
    for type_, name in ((Array("float64", 1), "x"), (Array("float64", 1), "y"), (BOOL, "c"), (INT, "k"))
)


def branch(b: Builder, *, zero: float = 0.0, turned: bool = False, writes: bool = True) -> Value:
    """if c: take y[k], which becomes 0."""
    b.open()
    taken = b.load(Y, (K,))
    if writes:
        b.store(Y, (K,), b.const(0.0))
    then = b.close((taken,))
    b.open()
    orelse = b.close((b.const(zero),))
    (out,) = b.if_(C, *((orelse, then) if turned else (then, orelse)))
    return out


def start() -> Builder:
    b = Builder()
    b.region.params = (X, Y, C, K)
    return b


def done(b: Builder, *results: Value) -> Function:
    b.region.yields = results
    return Function("f", b.region)


def check(fn: Function, *, moved: bool) -> None:
    made = sink(fn)
    assert (made is not fn) is moved
    (op,) = (op for op in walk(made.body) if isinstance(op, If))
    assert (op.outs == ()) is moved
    for c in (True, False):
        arrays = [[np.array([1.0, 2.0, 3.0]), np.array([0.5, 0.25, 4.0])] for _ in range(2)]
        assert run(fn, [*arrays[0], c, 1]) == run(made, [*arrays[1], c, 1])
        np.testing.assert_array_equal(arrays[0], arrays[1])
    assert sink(made) is made


@pytest.mark.parametrize("turned", [False, True])
def test_sums_go_into_the_branch(turned: bool) -> None:
    b = start()
    out = branch(b, turned=turned)
    b.store(X, (K,), out, accumulate=True)
    scaled = emit(b, "mul", emit(b, "neg", out), b.load(X, (b.int(0),)))
    b.store(Y, (b.int(2),), scaled, accumulate=True)
    check(done(b), moved=False)  # x[0] may be what has just been added to
    b = start()
    out = branch(b, turned=turned)
    b.store(Y, (b.int(0),), out, accumulate=True)
    scaled = emit(b, "mul", emit(b, "neg", out), b.load(X, (b.int(0),)))
    b.store(Y, (b.int(2),), scaled, accumulate=True)
    check(done(b), moved=True)


def _returned(b: Builder, out: Value) -> list[Value]:
    b.store(X, (K,), out, accumulate=True)
    return [out]


def _stored(b: Builder, out: Value) -> list[Value]:
    b.store(X, (K,), out)
    return []


def _not_linear(b: Builder, out: Value) -> list[Value]:
    b.store(X, (K,), emit(b, "add", out, b.const(1.0)), accumulate=True)
    return []


def _divided_by(b: Builder, out: Value) -> list[Value]:
    b.store(X, (K,), emit(b, "div", b.const(1.0), out), accumulate=True)
    return []


def _after_a_store(b: Builder, out: Value) -> list[Value]:
    b.store(X, (b.int(0),), b.const(5.0))
    b.store(X, (K,), out, accumulate=True)
    return []


@pytest.mark.parametrize("use", [_returned, _stored, _not_linear, _after_a_store])
def test_left(use: Callable[[Builder, Value], list[Value]]) -> None:
    b = start()
    out = branch(b)
    check(done(b, *use(b, out)), moved=False)


def test_divided_by_what_may_be_zero_is_left() -> None:
    b = start()
    _divided_by(b, branch(b))
    fn = done(b)
    assert sink(fn) is fn


@pytest.mark.parametrize("options", [{"zero": 1.0}, {"writes": False}])
def test_other_branches_are_left(options: dict[str, float]) -> None:
    b = start()
    out = branch(b, **options)  # type: ignore[arg-type]
    b.store(X, (K,), out, accumulate=True)
    check(done(b), moved=False)


def test_sums_in_order_are_left() -> None:
    b = start()
    b.store(X, (K,), branch(b), accumulate=True)
    fn = done(b)
    assert sink(fn, reassociate=False) is fn


@pytest.mark.parametrize("seed", range(60))
def test_random_programs(seed: int) -> None:
    check_pass(sink, seed, LoopProgram)


def test_shortest_paths() -> None:
    def f(lengths):
        path = lengths.copy()
        n = path.shape[0]
        for k in range(n):
            for i in range(n):
                for j in range(n):
                    through = path[i, k] + path[k, j]
                    if through < path[i, j]:
                        path[i, j] = through
        return np.sum(path**2)

    x = np.random.default_rng(0).uniform(0.1, 1.0, size=(6, 6))
    pb.check_grads(f, (x,))
    gradient = pb.grad(f)
    gradient(x)
    assert "else:" not in gradient.backward_source.split("# ---- reverse")[1]
