"""Integers that loops count with are formulas of the indices."""

from __future__ import annotations

import re
from collections.abc import Callable

import numpy as np
import pytest
from pullback.compiler.transform.counters import counters
from randprog.irloops import LoopProgram
from randprog.passes import check_pass

import pullback as pb


def strict_triangle(x, n):
    total, position = 0.0, 0
    for b in range(n):
        for a in range(b + 1, n):
            total += np.sin(x[position]) * (a + 2 * b)
            position += 1
    return total + position


def triangle_by_rows(x, n):
    total, position = 0.0, 0
    for i in range(n):
        for j in range(i + 1):
            total += x[position] ** 2 * (i - j + 1)
            position += 1
    return total


def offsets(x, n):
    total, offset = 0.0, 0
    for i in range(1, n):
        total += x[offset] * x[offset + i - 1] ** 2
        offset += i
    return total * offset


def downwards(x, n):
    total, position, drop = 0.0, 0, n * n
    for i in range(n - 1, -1, -1):
        position += 2 * i + 1
        drop -= 2
        total += np.cos(x[position % len(x)]) * drop
    return total + position


def of_each_other(x, n):
    total, first, second = 0.0, 1, 0
    for _ in range(n):
        first += 2
        second += first
        total += np.exp(x[second % len(x)]) * first
    return total * second


def strides(x, n):
    total, row = 0.0, 0
    width = max(n, 1)
    for _ in range(n):
        for j in range(width):
            total += x[(row + j) % len(x)] ** 3
        row += width
    return total + row


def ends_before_it_starts(x, n):
    total, position = 0.0, 1
    for i in range(n):
        for _ in range(3, i):
            position += 2
        total += x[position % len(x)] ** 2 * position
    return total


def under_a_condition(x, n):
    total, position = 0.0, 0
    for i in range(n):
        if x[i] > 0:
            position += 1
        total += x[position] ** 2
    return total


def until(x, n):
    total, position = 0.0, 0
    for i in range(n):
        total += x[position] ** 2
        position += 2
        if position > 5 * i + 3:
            break
    return total + position


def doubling(x, n):
    total, position = 0.0, 1
    for _ in range(n):
        total += x[position % len(x)] ** 2
        position += position
    return total


FORMULAS = [
    strict_triangle,
    triangle_by_rows,
    offsets,
    downwards,
    of_each_other,
    strides,
]
CARRIED = [ends_before_it_starts, under_a_condition, until, doubling]


@pytest.mark.parametrize("n", [0, 1, 2, 3, 7])
@pytest.mark.parametrize("f", FORMULAS + CARRIED, ids=lambda f: f.__name__)
def test_values_and_gradients(f: Callable[..., float], n: int) -> None:
    x = np.random.default_rng(n).standard_normal(40)
    value, _ = pb.value_and_grad(f, jit=False)(x, n)
    assert value == pytest.approx(f(x, n), rel=1e-13)
    pb.check_grads(f, (x, n))


def carried_integers(f: Callable[..., float]) -> list[str]:
    gradient = pb.value_and_grad(f, jit=False)
    gradient(np.ones(40), 5)
    return re.findall(r"\w+: i64 = \w+[,)]", "".join(re.findall(r"carry .*", gradient.ir("optimised"))))


@pytest.mark.parametrize("f", FORMULAS, ids=lambda f: f.__name__)
def test_nothing_is_carried(f: Callable[..., float]) -> None:
    assert not carried_integers(f)


@pytest.mark.parametrize("f", CARRIED, ids=lambda f: f.__name__)
def test_other_counters_stay(f: Callable[..., float]) -> None:
    assert carried_integers(f)


@pytest.mark.parametrize("f", [strict_triangle, triangle_by_rows, offsets], ids=lambda f: f.__name__)
def test_no_counter_is_saved(f: Callable[..., float]) -> None:
    gradient = pb.grad(f, jit=False)
    gradient(np.ones(40), 5)
    assert "saved" not in gradient.backward_source


@pytest.mark.parametrize("seed", range(60))
@pytest.mark.parametrize("program", [None, LoopProgram], ids=["any", "loops"])
def test_random_functions_mean_the_same(seed: int, program: type[LoopProgram] | None) -> None:
    if program is None:
        check_pass(counters, seed)
    else:
        check_pass(counters, seed, program)
