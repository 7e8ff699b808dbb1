"""Innermost loops count from zero where that tells LLVM something."""

from __future__ import annotations

import re
from collections.abc import Callable

import numpy as np
import pytest
from pullback.compiler.transform.from_zero import from_zero
from randprog.irloops import LoopProgram
from randprog.passes import check_pass

import pullback as pb


def triangle(x):
    n = len(x)
    total = 0.0
    for i in range(n):
        for j in range(i + 1, n):
            total += np.sin(x[i] * x[j])
    return total


def second_half(x):
    n = len(x) // 2
    total = 0.0
    for i in range(n):
        total += x[i] * x[n + i] ** 2
    return total


def tail(x, y):
    n = len(y)
    total = 0.0
    for i in range(len(x) - n):
        total += x[n + i] ** 2
    return total


def from_the_end(x):
    total = 0.0
    for i in range(-len(x), 0):
        total += x[i] ** 2 * x[0]
    return total


def plain(x):
    total = 0.0
    for i in range(1, len(x)):
        total += x[i] ** 2 * x[i - 1]
    return total


def source(f: Callable[..., float], *args: object) -> str:
    value = pb.value_and_grad(f, jit=False)
    value(*args)
    return str(value.forward_source + value.backward_source)


@pytest.mark.parametrize("n", [0, 1, 2, 5, 8])
@pytest.mark.parametrize("f", [triangle, second_half, from_the_end, plain], ids=lambda f: f.__name__)
def test_values_and_gradients(f: Callable[..., float], n: int) -> None:
    x = np.random.default_rng(n).standard_normal(n)
    assert pb.value_and_grad(f, jit=False)(x)[0] == pytest.approx(f(x))
    if n > 1:
        pb.check_grads(f, (x,))


def test_a_loop_from_an_index_counts_from_zero() -> None:
    text = source(triangle, np.ones(5))
    loops = [line.strip() for line in text.splitlines() if line.strip().startswith("for j")]
    assert loops and all(re.fullmatch(r"for j in range\(\w+ - \w+\):", line) for line in loops), loops


def test_a_length_is_said_not_to_be_negative() -> None:
    x, y = np.random.default_rng(3).standard_normal(7), np.ones(3)
    assert pb.value_and_grad(tail, jit=False)(x, y)[0] == pytest.approx(tail(x, y))
    pb.check_grads(tail, (x, y))
    assert "max(n, 0)" in source(tail, x, y)


@pytest.mark.parametrize("f", [from_the_end, plain], ids=lambda f: f.__name__)
def test_what_may_be_negative_and_what_is_known_stay(f: Callable[..., float]) -> None:
    assert "max(" not in source(f, np.ones(5))


@pytest.mark.parametrize("seed", range(60))
def test_random_loops(seed: int) -> None:
    check_pass(from_zero, seed, LoopProgram)


@pytest.mark.parametrize("seed", range(60))
def test_random_functions(seed: int) -> None:
    check_pass(from_zero, seed)


def steps(u, rates, count):
    u = u.copy()
    for _ in range(count):
        for i in range(len(u)):
            u[i] += 1e-3 * rates[i] * np.sin(u[i])
    return np.sum(u**2)


def test_the_index_of_a_descending_loop_is_said_not_to_be_negative() -> None:
    rng = np.random.default_rng(3)
    u, rates = rng.standard_normal(6), rng.standard_normal(6)
    gradient = pb.value_and_grad(steps, argnums=(0, 1), jit=False)
    gradient(u, rates, 4)
    lines = gradient.backward_source.splitlines()
    (at,) = (k for k, line in enumerate(lines) if "range(count - 1, -1, -1)" in line)
    assert lines[at + 1].strip() == "k = max(k, 0)"
    for count in (0, 1, 4):
        pb.check_grads(steps, (u, rates, count))
