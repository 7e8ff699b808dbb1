"""Comparisons of indices with lengths: as few as it takes, as early as is right, and none forgotten."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from pullback.compiler.ir.text import show
from pullback.compiler.ir.verify import verify
from pullback.compiler.prims.interp import run
from pullback.compiler.prims.registry import PRIMS
from pullback.compiler.transform.check_indices import check_indices
from randprog.irloops import LoopProgram
from randprog.irprograms import IrProgram
from randprog.passes import assert_same, outcome

import pullback as pb


def checks(function: Any, *args: Any) -> list[str]:
    """The conditions of checks of indices in the gradient, each with its indentation."""
    gradient = pb.value_and_grad(function, jit=False)
    gradient(*args)
    lines = gradient.backward_source.splitlines()
    return [above for above, line in pairwise(lines) if "raise IndexError" in line]


def neighbours(x):
    total = 0.0
    for i in range(1, len(x) - 1):
        total += x[i - 1] * x[i + 1]
    return total


def triangle(a):
    total = 0.0
    for i in range(a.shape[0]):
        for j in range(i):
            for k in range(j + 1):
                total += a[i, 0] * a[j, 0] * a[k, 0]
    return total


def backwards(x):
    total = 0.0
    n = x.shape[0]
    for i in range(n):
        total = total * 0.5 + x[n - 1 - i] ** 2
    for i in range(n - 1, -1, -1):
        total = total * 0.5 + x[i] ** 2
    return total


def by_twos(x):
    total = 0.0
    for i in range(len(x) // 2):
        total += x[2 * i] * x[2 * i + 1]
    return total


def guarded(x, y):
    total = 0.0
    for i in range(len(x)):
        if i > 0 and i < len(y):
            total += x[i - 1] * y[i]
    return total


@pytest.mark.parametrize("function", [neighbours, backwards, by_twos])
def test_none_where_loops_keep_indices_in_range(function: Any) -> None:
    x = np.arange(1.0, 7.0)
    assert not checks(function, x)
    pb.check_grads(function, (x,))


def test_none_in_triangles() -> None:
    assert (
        checks(triangle, np.ones((4, 1))) == ["    if not (a_n0 <= 0 or 0 < a.shape[1]):"]
        or len(checks(triangle, np.ones((4, 1)))) <= 1
    )


def test_none_where_a_condition_keeps_indices_in_range() -> None:
    assert not checks(guarded, np.ones(4), np.ones(3))
    pb.check_grads(guarded, (np.arange(1.0, 5.0), np.arange(2.0, 5.0)))


def two_lengths(x, y):
    total = 0.0
    for _ in range(3):
        for i in range(len(x)):
            total = total * 0.5 + x[i] * y[i]
    return total


def test_one_before_the_loops() -> None:
    x, y = np.arange(1.0, 4.0), np.arange(1.0, 6.0)
    (check,) = checks(two_lengths, x, y)
    assert check.startswith("    if ")
    pb.check_grads(two_lengths, (x, y))
    with pytest.raises(IndexError, match=r"out of bounds for axis 0\n.*y\[i\]"):
        pb.grad(two_lengths, jit=False)(y, x)
    assert pb.value_and_grad(two_lengths)(np.ones(0), np.ones(0))[0] == 0.0


def gathered(x, p):
    total = 0.0
    for i in range(len(p)):
        total += x[p[i]] ** 2
    return total


@pytest.mark.parametrize("jit", [False, True])
def test_indices_that_are_data_are_checked_where_they_are_used(jit: bool) -> None:
    gradient = pb.grad(gathered, jit=jit)
    x = np.arange(1.0, 4.0)
    np.testing.assert_array_equal(gradient(x, np.array([0, -1, -3, 2])), [4.0, 0.0, 12.0])
    for wrong in (3, -4):
        with pytest.raises(IndexError, match="out of bounds"):
            gradient(x, np.array([0, wrong]))


def stops(x, n):
    total = 0.0
    for i in range(n):
        if x[i] > 2.0:
            break
        total += x[i] ** 2
    return total


def raises(x, n):
    total = 0.0
    for i in range(n):
        if x[i] > 2.0:
            raise ValueError("too large")
        total += x[i]
    return total


def sometimes(x, n):
    total = 0.0
    for i in range(n):
        if i < 2 or n < 3:
            total += x[i]
    return total


@pytest.mark.parametrize("jit", [False, True])
def test_no_error_that_the_loop_would_not_come_to(jit: bool) -> None:
    x = np.array([1.0, 2.0, 3.0])
    assert pb.value_and_grad(stops, jit=jit)(x, 10)[0] == 5.0
    assert pb.value_and_grad(sometimes, jit=jit)(x, 10)[0] == 3.0
    with pytest.raises(ValueError, match="too large"):
        pb.grad(raises, jit=jit)(x, 10)
    for function in (stops, raises):
        with pytest.raises(IndexError):
            pb.grad(function, jit=jit)(np.ones(3), 10)


def printing(x, n):
    total = 0.0
    for i in range(n):
        print(i)
        total += x[i]
    return total


def test_what_is_printed_before_the_error(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(IndexError):
        pb.grad(printing, jit=False)(np.ones(2), 5)
    assert capsys.readouterr().out.split() == ["0", "1", "2"]


def writes(x, n):
    for i in range(n):
        x[i] = 2.0 * x[i]
    return np.sum(x)


def test_values_of_functions_that_write_leave_the_comparing_to_numba() -> None:
    f = pb.differentiable(writes)
    x = np.ones(3)
    assert f(x, 3) == 6.0
    f.compile(x, 3)
    assert "boundscheck=True" in f.forward_source


def exchanged(u, steps):
    u, v = u.copy(), np.zeros_like(u)
    for _ in range(steps):
        for i in range(1, len(u) - 1):
            v[i] = np.sin(u[i - 1]) * u[i + 1]
        u, v = v, u
    return np.sum(u**2)


def twice(x, y):
    total = 0.0
    for i in range(len(x)):
        if i > 1:
            total = np.sin(total) + x[i] * y[i, i - 1]
    return total


@pytest.mark.parametrize(
    ("function", "args", "count"),
    [(exchanged, (np.arange(1.0, 6.0), 3), 0), (twice, (np.ones(4), np.ones((4, 4))), 2)],
)
def test_the_reverse_sweep_trusts_the_forward_sweep(function: Any, args: Any, count: int) -> None:
    gradient = pb.value_and_grad(function, jit=False)
    gradient(*args)
    forward, _, reverse = gradient.backward_source.partition("---- reverse")
    assert forward.count("IndexError") == count
    assert "IndexError" not in reverse
    pb.check_grads(function, args)


def pushed(x, n):
    values = []
    for i in range(n):
        values.append(x * (i + 1.0))
    total = 0.0
    for i in range(len(values)):
        total += np.sum(values[i] ** 2)
    return total


def put_back(x, n):
    values = [x * 2.0]
    total = 0.0
    for _ in range(n):
        last = values.pop()
        total += np.sum(last**2)
        values.append(last)
    return total


def test_arrays_of_lists() -> None:
    pb.check_grads(lambda x: put_back(x, 3), (np.arange(1.0, 4.0),))
    x = np.arange(1.0, 4.0)
    assert pb.value_and_grad(pushed, jit=False)(x, 3)[0] == pushed(x, 3)
    pb.check_grads(lambda x: pushed(x, 3), (x,))


@pytest.mark.parametrize("program", [IrProgram, LoopProgram])
@pytest.mark.parametrize("seed", range(200))
def test_random_functions_mean_the_same(seed: int, program: Any) -> None:
    fn = program(seed).build()
    once = check_indices(fn)
    verify(once, PRIMS)
    assert_same(outcome(fn), outcome(once), f"{show(fn)}\n\n{show(once)}")
    assert show(check_indices(fn)) == show(once)


@pytest.mark.parametrize("program", [IrProgram, LoopProgram])
@pytest.mark.parametrize("seed", range(200, 400))
def test_no_access_is_forgotten(seed: int, program: Any) -> None:
    """An index that is out of range is told by a check, never by the access."""
    fn = check_indices(program(seed).build())
    verify(fn, PRIMS)
    for size in (1, 2, 4):
        a, c = np.linspace(-1.0, 2.0, size), np.linspace(0.5, 3.0, 5 - size)
        try:
            run(fn, [a, c, 0.75, -1.5, 3], lambda text: None)
        except IndexError as error:
            assert "index is out of bounds" in str(error.args[0]), f"{error}\n{show(fn)}"
        except ValueError:
            pass
