"""Programs raise for indices out of range also where nobody needs the access; others pay nothing for it."""

from __future__ import annotations

import numpy as np
import pytest
from pullback.compiler.ir.build import Builder
from pullback.compiler.ir.nodes import Check, Function, Load, Value
from pullback.compiler.ir.types import INT, Array
from pullback.compiler.ir.walk import walk
from pullback.compiler.transform.checked_dce import checked_dce
from randprog.irloops import LoopProgram
from randprog.passes import check_pass

import pullback as pb

X = np.arange(1.0, 6.0)


def through_memory(x, n):
    kept, total = np.empty(n), 0.0
    for i in range(len(x)):
        kept[i] = x[i] * x[i]
        total += kept[i]
    return total


def through_two_loops(x, n):
    kept, total = np.empty(n), 0.0
    for i in range(len(x)):
        kept[i] = x[i] * x[i]
    for i in range(len(x)):
        total += kept[i]
    return total


def nobody_reads(x, n):
    kept = np.zeros(n)
    for i in range(len(x)):
        kept[i] = x[i]
    return np.sum(x**2)


def unused_load(x, n):
    total = 0.0
    for i in range(len(x)):
        x[n + i - 5]
        total += x[i] ** 2
    return total


def before_the_first(x, n):
    kept, total = np.zeros(n), 0.0
    for i in range(len(x)):
        kept[-i - 1] += x[i] * x[i]
        total += kept[-i - 1]
    return total


PROGRAMS = [through_memory, through_two_loops, nobody_reads, before_the_first]


@pytest.mark.parametrize("jit", [False, True])
@pytest.mark.parametrize("f", PROGRAMS)
def test_indices_out_of_range_raise_as_in_numpy(f, jit: bool) -> None:
    derivative = pb.value_and_grad(f, jit=jit)
    value, gradient = derivative(X, 5)
    assert value == pytest.approx(f(X, 5))
    np.testing.assert_allclose(gradient, 2.0 * X)
    for call in (f, derivative, lambda x, n: pb.jvp(f, (x, n), (x, None), jit=jit)):
        with pytest.raises(IndexError, match="index"):
            call(X, 4)


def test_a_load_whose_value_is_not_used() -> None:
    assert pb.value_and_grad(unused_load, jit=False)(X, 5)[0] == 55.0
    for call in (unused_load, pb.grad(unused_load, jit=False)):
        with pytest.raises(IndexError):
            call(X, 7)


def test_the_line_of_the_access_is_told() -> None:
    with pytest.raises(IndexError) as caught:
        pb.grad(nobody_reads, jit=False)(X, 2)
    assert any("kept[i] = x[i]" in note for note in getattr(caught.value, "__notes__", [str(caught.value)]))


def inside(x):
    kept, total = np.empty(len(x)), 0.0
    for i in range(len(x)):
        kept[i] = x[i] * x[i]
        total += kept[i]
    return total


def test_indices_that_are_surely_inside_need_no_check() -> None:
    gradient = pb.grad(inside, jit=False)
    gradient(X)
    lines = [line for line in gradient.backward_source.splitlines() if not line.strip().startswith("#")]
    assert not any("raise" in line or "kept" in line for line in lines)


def test_only_what_is_dead_is_checked() -> None:
    x, n = Value(Array("float64", 1), "x"), Value(INT, "n")
    b = Builder()
    b.region.params = (x, n)
    live, dead = b.load(x, (b.int(7),)), b.load(x, (n,))
    for results, checks in (((live,), 1), ((live, dead), 0)):
        b.region.yields = results
        made = list(walk(checked_dce(Function("f", b.region)).body))
        assert sum(isinstance(op, Check) for op in made) == checks
        assert sum(isinstance(op, Load) for op in made) == len(results)


@pytest.mark.parametrize("seed", range(30))
def test_random_programs(seed: int) -> None:
    check_pass(checked_dce, seed)
    check_pass(checked_dce, seed, LoopProgram)
