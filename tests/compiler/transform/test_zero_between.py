"""Arrays that are zero between their visits go; where somebody could tell, they stay."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
import pytest
from pullback.compiler.ir.build import Builder
from pullback.compiler.ir.nodes import Alloc, Function, Module, Value
from pullback.compiler.ir.types import INT, Array
from pullback.compiler.ir.verify import verify
from pullback.compiler.ir.walk import walk
from pullback.compiler.prims.interp import run
from pullback.compiler.prims.registry import PRIMS
from pullback.compiler.transform.zero_between import zero_between
from randprog.irloops import LoopProgram
from randprog.passes import check_pass

import pullback as pb

X, Y, N = Value(Array("float64", 1), "x"), Value(Array("float64", 1), "y"), Value(INT, "n")
Body = Callable[[Builder, Value, Value], None]


def program(
    body: Body,
    *,
    low: int = 0,
    high: int = 3,
    again: bool = True,
    after: bool = False,
    known: bool = True,
) -> Function:
    """for t: for i: body(a, i), where the array of zeros is made before both loops or in the outer one."""
    b = Builder()
    b.region.params = (X, Y, N)
    zero, one, two, start, end = map(b.int, (0, 1, 2, low, high))
    t, i = Value(INT, "t"), Value(INT, "i")
    length = end if known else N
    a = b.alloc((length,), "float64", "zeros", "a") if again else None
    b.open((t,))
    a = a or b.alloc((length,), "float64", "zeros", "a")
    b.open((i,))
    body(b, a, i)
    b.for_(start, end, one, (), b.close())
    b.for_(zero, two, one, (), b.close())
    if after:
        b.store(Y, (zero,), b.load(a, (zero,)))
    return Function("f", b.region)


def visit(b: Builder, a: Value, i: Value, *, reset: bool = True, sums: int = 1) -> None:
    """y[i] += (a[i] += x[i])."""
    for _ in range(sums):
        b.store(a, (i,), b.load(X, (i,)), accumulate=True)
    b.store(Y, (i,), b.load(a, (i,)), accumulate=True)
    if reset:
        b.store(a, (i,), b.const(0.0))


def shifted(b: Builder, a: Value, i: Value) -> None:
    """Another element is taken."""
    b.store(a, (i,), b.load(X, (i,)), accumulate=True)
    b.store(Y, (i,), b.load(a, (b.int(0),)), accumulate=True)
    b.store(a, (i,), b.const(0.0))


def to_one(b: Builder, a: Value, i: Value) -> None:
    b.store(a, (i,), b.load(X, (i,)), accumulate=True)
    b.store(Y, (i,), b.load(a, (i,)), accumulate=True)
    b.store(a, (i,), b.const(1.0))


def in_branch(b: Builder, a: Value, i: Value) -> None:
    """What is added is taken in some iterations only."""
    b.store(a, (i,), b.load(X, (i,)), accumulate=True)
    first = b.apply("lt", (i, b.int(1)), "bool")
    b.open()
    b.store(Y, (i,), b.load(a, (i,)), accumulate=True)
    b.store(a, (i,), b.const(0.0))
    then = b.close()
    b.open()
    b.if_(first, then, b.close())


def all_in_branch(b: Builder, a: Value, i: Value) -> None:
    some = b.apply("lt", (i, b.int(2)), "bool")
    b.open()
    visit(b, a, i)
    then = b.close()
    b.open()
    b.if_(some, then, b.close())


def at_first(b: Builder, a: Value, i: Value) -> None:
    """All iterations visit one element, and leave it as it is."""
    visit(b, a, b.int(0), reset=False)


once = partial(visit, reset=False)
twice = partial(visit, sums=2)


def check(fn: Function, *, goes: bool) -> None:
    verify(Module(fn, {}), PRIMS)
    made = zero_between(fn)
    verify(Module(made, {}), PRIMS)
    assert any(isinstance(op, Alloc) for op in walk(made.body)) is not goes
    assert (made is fn) is not goes
    assert zero_between(fn, reassociate=False) is fn
    y, other = np.array([1.0, 2.0, 3.0]), np.array([1.0, 2.0, 3.0])
    run(fn, [np.array([0.5, 0.25, 4.0]), y, 3])
    run(made, [np.array([0.5, 0.25, 4.0]), other, 3])
    np.testing.assert_array_equal(y, other)


@pytest.mark.parametrize("body", [visit, all_in_branch])
@pytest.mark.parametrize("again", [True, False])
def test_what_is_added_is_passed_on(body: Body, again: bool) -> None:
    check(program(body, again=again), goes=True)


@pytest.mark.parametrize("body", [shifted, to_one, in_branch, at_first, once, twice])
def test_what_is_seen_stays(body: Body) -> None:
    check(program(body), goes=False)


def test_elements_that_are_visited_once_need_not_be_zero_again() -> None:
    check(program(once, again=False), goes=True)
    check(program(at_first, again=False), goes=False)
    check(program(once, again=False, low=-3), goes=False)  # -3 is element 0


def test_arrays_that_somebody_else_reads_stay() -> None:
    check(program(visit, after=True), goes=False)
    fn = program(visit)
    a = next(op.out for op in fn.body.ops if isinstance(op, Alloc))
    fn.body.yields = (a,)
    assert zero_between(fn) is fn


def test_arrays_that_may_be_too_short_stay() -> None:
    check(program(visit, known=False), goes=False)

    def f(x, n):
        total, sums = 0.0, np.zeros(n)
        for i in range(len(x)):
            sums[i] += x[i] * x[i]
            total += sums[i]
            sums[i] = 0.0
        return total

    for call in (f, pb.grad(f, jit=False)):
        with pytest.raises(IndexError):
            call(np.ones(4), 3)


def test_one_array_feeds_another() -> None:
    b = Builder()
    b.region.params = (X, Y, N)
    first, second = (b.alloc((b.int(1),), "float64", "zeros", name) for name in "ab")
    i = b.int(0)
    value = b.load(X, (i,))
    for a in (first, second):
        b.store(a, (i,), value, accumulate=True)
        value = b.load(a, (i,))
        b.store(a, (i,), b.const(0.0))
    b.store(Y, (i,), value)
    check(Function("f", b.region), goes=True)


@pytest.mark.parametrize("seed", range(20))
def test_random_programs(seed: int) -> None:
    check_pass(zero_between, seed)
    check_pass(zero_between, seed, LoopProgram)


def steps(u0, k):
    """Increments in scratch memory that the program keeps."""
    u = u0.copy()
    n = len(u)
    du = np.empty(n)
    for _ in range(3):
        for i in range(n):
            du[i] = k * (u[i - 1 if i > 0 else n - 1] - np.sin(u[i]))
        for i in range(n):
            u[i] += du[i]
    return np.sum(u**2)


def test_the_shadow_of_increments_goes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PULLBACK_JIT", "0")
    args = np.linspace(0.1, 1.0, 7), 0.3
    derivative = pb.value_and_grad(steps, argnums=(0, 1))
    derivative(*args)
    assert "du_bar[" not in derivative.backward_source
    pb.check_grads(steps, args, order=2)


def test_arrays_as_long_as_another_one_go(monkeypatch: pytest.MonkeyPatch) -> None:
    """The loops run over the length of one argument, and the arrays have that of another."""
    monkeypatch.setenv("PULLBACK_JIT", "0")

    def f(u0, v0, k):
        v, n = v0.copy(), len(u0)
        dv = np.empty(len(v0))
        for _ in range(3):
            for i in range(n):
                dv[i] = k * np.sin(v[i - 1 if i > 0 else n - 1]) - u0[i] * v[i]
            for i in range(n):
                v[i] += dv[i]
        return np.sum(v**2)

    derivative = pb.value_and_grad(f, argnums=(0, 1, 2))
    derivative(np.linspace(0.1, 1.0, 7), np.linspace(0.5, 1.0, 9), 0.3)
    assert "dv_bar[" not in derivative.backward_source
    pb.check_grads(f, (np.linspace(0.1, 1.0, 7), np.linspace(0.5, 1.0, 9), 0.3), order=2)
    with pytest.raises(IndexError):
        derivative(np.linspace(0.1, 1.0, 9), np.linspace(0.5, 1.0, 7), 0.3)
