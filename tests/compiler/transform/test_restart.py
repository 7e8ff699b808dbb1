"""Visits that leave scratch memory zero start with a store; where somebody could tell, they do not."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from pullback.compiler.ir.build import Builder
from pullback.compiler.ir.nodes import Alloc, Function, Store, Value
from pullback.compiler.ir.types import INT, Array
from pullback.compiler.ir.verify import verify
from pullback.compiler.ir.walk import walk
from pullback.compiler.prims.interp import run
from pullback.compiler.prims.registry import PRIMS
from pullback.compiler.transform.restart import restart
from randprog.irloops import LoopProgram
from randprog.passes import check_pass

import pullback as pb

X, Y = Value(Array("float64", 1), "x"), Value(Array("float64", 1), "y")
Step = Callable[[Builder, Value, Value], None]


def add(b: Builder, a: Value, i: Value) -> None:
    b.store(a, (i,), b.load(X, (i,)), accumulate=True)


def take(b: Builder, a: Value, i: Value, *, left: float = 0.0) -> None:
    b.store(Y, (i,), b.load(a, (i,)), accumulate=True)
    b.store(a, (i,), b.const(left))


def leave_one(b: Builder, a: Value, i: Value) -> None:
    take(b, a, i, left=1.0)


def take_another(b: Builder, a: Value, i: Value) -> None:
    """The element is read once more after it was reset."""
    take(b, a, i)
    b.store(Y, (i,), b.load(a, (b.int(0),)), accumulate=True)


def reset_first(b: Builder, a: Value, i: Value) -> None:
    """What is read is what the reset left."""
    b.store(a, (i,), b.const(0.0))
    b.store(Y, (i,), b.load(a, (i,)), accumulate=True)


def program(
    start: Step, end: Step, *, to: int = 3, between: Step | None = None, after: bool = False
) -> Function:
    """for t: (for i: start(a, i)), (for i: between(a, i)), (for i: end(a, i))."""
    b = Builder()
    b.region.params = (X, Y)
    zero, one, two, length, stop = map(b.int, (0, 1, 2, 3, to))
    a = b.alloc((length,), "float64", "zeros", "a")
    b.open((Value(INT, "t"),))
    for step, high in ((start, stop), (between, stop), (end, length)):
        if step is not None:
            i = Value(INT, "i")
            b.open((i,))
            step(b, a, i)
            b.for_(zero, high, one, (), b.close())
    b.for_(zero, two, one, (), b.close())
    if after:
        b.store(Y, (zero,), b.load(a, (zero,)))
    return Function("f", b.region)


def check(fn: Function, *, goes: bool) -> None:
    verify(fn, PRIMS)
    made = restart(fn)
    verify(made, PRIMS)
    assert restart(fn, reassociate=False) is fn
    assert (made is not fn) is goes
    if goes:
        a = next(op for op in walk(made.body) if isinstance(op, Alloc))
        assert a.fill == "empty"
        assert (
            sum(isinstance(op, Store) and op.array is a.out and not op.accumulate for op in walk(made.body))
            == 1
        )
    x, y, other = np.array([0.5, 0.25, 4.0]), np.array([1.0, 2.0, 3.0]), np.array([1.0, 2.0, 3.0])
    run(fn, [x, y])
    run(made, [x, other])
    np.testing.assert_array_equal(y, other)


def test_the_first_sum_is_a_store() -> None:
    check(program(add, take), goes=True)
    check(program(add, take, between=add), goes=True)


@pytest.mark.parametrize("end", [leave_one, take_another, reset_first, add])
def test_what_is_left_is_seen(end: Step) -> None:
    check(program(add, end), goes=False)


def test_every_element_must_be_written_first() -> None:
    check(program(add, take, to=2), goes=False)
    check(program(take, take), goes=False)


def test_arrays_that_somebody_reads_later_stay() -> None:
    check(program(add, take, after=True), goes=False)
    fn = program(add, take)
    fn.body.yields = (next(op.out for op in fn.body.ops if isinstance(op, Alloc)),)
    assert restart(fn) is fn


@pytest.mark.parametrize("seed", range(20))
def test_random_programs(seed: int) -> None:
    check_pass(restart, seed)
    check_pass(restart, seed, LoopProgram)


def shares(means, x):
    """Scratch memory of a point, whose shadow the adjoint takes from it again."""
    k, d = means.shape
    scores = np.empty(k)
    total = 0.0
    for i in range(len(x)):
        for c in range(k):
            score = 0.0
            for a in range(d):
                score += (means[c, a] - x[i]) ** 2
            scores[c] = score
        top = np.max(scores)
        weight = 0.0
        for c in range(k):
            weight += np.exp(scores[c] - top)
        total += top + np.log(weight)
    return total


def test_iterations_share_no_shadow(monkeypatch: pytest.MonkeyPatch) -> None:
    """So threads may share them."""
    monkeypatch.setenv("PULLBACK_JIT", "0")
    args = np.linspace(0.1, 1.0, 6).reshape(3, 2), np.linspace(0.3, 2.0, 5)
    derivative = pb.value_and_grad(shares)
    derivative(*args)
    assert "scores_bar[" in derivative.backward_source
    assert "scores_bar = mem.zeros" not in derivative.backward_source
    pb.check_grads(shares, args, order=2)
