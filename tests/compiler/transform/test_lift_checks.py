"""Checks of what a loop does not change stand before it; the first error stays the first."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from pullback.compiler.ir.build import Builder
from pullback.compiler.ir.nodes import Check, For, Function, Value
from pullback.compiler.ir.types import INT, Array
from pullback.compiler.ir.walk import walk
from pullback.compiler.prims.interp import run
from pullback.compiler.prims.prim import emit
from pullback.compiler.transform.lift_checks import lift_checks
from randprog.irloops import LoopProgram
from randprog.passes import check_pass

import pullback as pb

X, N, M = Value(Array("float64", 1), "x"), Value(INT, "n"), Value(INT, "m")


def start() -> Builder:
    b = Builder()
    b.region.params = (X, N, M)
    return b


def check_length(b: Builder, length: Value = M) -> None:
    """check m == 3."""
    b.check(emit(b, "eq", length, b.int(3)), "ValueError", "{0} is not 3", (length,))


def loop(b: Builder, body: Callable[[Builder, Value], None], *, step: int = 1, hi: Value = N) -> None:
    i = Value(INT, "i")
    ends = (b.int(0), hi) if step > 0 else (hi, b.int(0))
    step_ = b.int(step)
    b.open((i,))
    body(b, i)
    b.for_(*ends, step_, (), b.close())


def result(fn: Function, n: int, m: int) -> Any:
    x = np.arange(3.0)
    try:
        return [*run(fn, [x, n, m]), *x]
    except (ValueError, IndexError) as error:
        return str(error)


def compare(b: Builder, *, inside: int) -> None:
    """The same in all cases; so many checks are left in loops."""
    fn = Function("f", b.region)
    made = lift_checks(fn)
    loops = [op for op in made.body.ops if isinstance(op, For)]
    assert sum(isinstance(op, Check) for outer in loops for op in walk(outer.body)) == inside
    for n in (-1, 0, 1, 3, 5):
        for m in (2, 3):
            assert result(made, n, m) == result(fn, n, m)


def add(b: Builder, i: Value) -> None:
    b.store(X, (i,), b.const(1.0), accumulate=True)


def test_out_of_two_loops() -> None:
    b = start()

    def inner(b: Builder, i: Value) -> None:
        check_length(b)
        add(b, i)

    loop(b, lambda b, i: loop(b, inner))
    compare(b, inside=0)


def test_after_other_checks_and_numbers() -> None:
    b = start()

    def body(b: Builder, i: Value) -> None:
        check_length(b, emit(b, "add", M, b.int(0)))
        half = emit(b, "add", i, b.int(1))
        check_length(b)
        b.store(X, (i,), b.apply("cast", (half,), "float64"))

    loop(b, body)
    compare(b, inside=0)


def after_a_store(b: Builder, i: Value) -> None:
    add(b, i)
    check_length(b)


def of_the_index(b: Builder, i: Value) -> None:
    check_length(b, i)
    check_length(b)


def after_a_division(b: Builder, i: Value) -> None:
    emit(b, "floordiv", i, M)
    check_length(b)


@pytest.mark.parametrize(("body", "inside"), [(after_a_store, 1), (of_the_index, 2), (after_a_division, 1)])
def test_later_checks_stay(body: Callable[[Builder, Value], None], inside: int) -> None:
    b = start()
    loop(b, body)
    compare(b, inside=inside)


def test_descending_loops_are_left() -> None:
    b = start()
    loop(b, lambda b, i: check_length(b), step=-1)
    compare(b, inside=1)


def test_branches_are_left() -> None:
    b = start()

    def body(b: Builder, i: Value) -> None:
        late = emit(b, "gt", i, b.int(3))
        b.open()
        check_length(b)
        then = b.close()
        b.open()
        b.if_(late, then, b.close())

    loop(b, body)
    compare(b, inside=1)


@pytest.mark.parametrize("seed", range(60))
def test_random_programs(seed: int) -> None:
    check_pass(lift_checks, seed, LoopProgram)


def smoothed(x, y, steps):
    total = 0.0
    for _ in range(steps):
        for _ in range(2):
            z = x * y
            w = np.sin(z) + y
            total += np.sum(w * z)
    return total


def test_lengths_are_known_in_the_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    """The statements are fused, and indices are not checked, as they would be without loops."""
    monkeypatch.setenv("PULLBACK_JIT", "0")
    x, y = np.random.default_rng(0).uniform(size=(2, 9))
    pb.check_grads(smoothed, (x, y, 3))
    gradient = pb.grad(smoothed)
    gradient(x, y, 3)
    source = gradient.backward_source
    assert "IndexError" not in source
    assert source.count("raise ValueError") == 1
    assert pb.value_and_grad(smoothed)(x, y[:4], 0)[0] == 0.0
    for steps in (1, 3):
        with pytest.raises(ValueError, match="broadcast"):
            gradient(x, y[:4], steps)
