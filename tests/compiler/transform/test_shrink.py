"""Scratch arrays lose the axes along which only one row is alive."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from pullback.compiler.frontend.lower import lower_function
from pullback.compiler.ir.verify import verify
from pullback.compiler.prims.interp import run
from pullback.compiler.prims.registry import PRIMS
from pullback.compiler.specs import ArraySpec
from pullback.compiler.transform.shrink import shrink
from randprog.irloops import LoopProgram
from randprog.passes import check_pass

import pullback as pb


def rows(x):
    t = np.empty(x.shape)
    total = 0.0
    for i in range(x.shape[0]):
        for j in range(x.shape[1]):
            t[i, j] = np.sin(x[i, j])
        for j in range(1, x.shape[1]):
            total += t[i, j] * t[i, j - 1]
    return total


def rows_of_rows(x):
    t = np.empty((2, x.shape[0], x.shape[1]))
    total = 0.0
    for k in range(2):
        for i in range(x.shape[0]):
            for j in range(x.shape[1]):
                t[k, i, j] = x[i, j] + k
            for j in range(1, x.shape[1]):
                total += t[k, i, j] * t[k, i, j - 1]
    return total


def read_by_the_next(x):
    t = np.empty(x.shape)
    for j in range(x.shape[1]):
        t[0, j] = x[0, j]
    total = 0.0
    for i in range(1, x.shape[0]):
        for j in range(x.shape[1]):
            t[i, j] = t[i - 1, j] * x[i, j]
            total += t[i, j]
    return total


def read_in_the_next_run(x):
    t = np.empty(x.shape)
    total = 0.0
    for k in range(2):
        for i in range(x.shape[0]):
            for j in range(x.shape[1]):
                if k == 0:
                    t[i, j] = x[i, j] ** 2
                else:
                    total += t[i, j]
    return total


def zeros(x):
    t = np.zeros(x.shape)
    total = 0.0
    for i in range(x.shape[0]):
        for j in range(1, x.shape[1]):
            t[i, j] += x[i, j]
            total += t[i, j] + t[i, j - 1]
    return total


def seen_whole(x):
    t = np.empty(x.shape)
    for i in range(x.shape[0]):
        for j in range(x.shape[1]):
            t[i, j] = x[i, j]
    return np.sum(t @ t.T)


def too_short(x):
    t = np.empty((2, x.shape[1]))
    total = 0.0
    for i in range(x.shape[0]):
        for j in range(x.shape[1]):
            t[i, j] = x[i, j]
        for j in range(1, x.shape[1]):
            total += t[i, j] * t[i, j - 1]
    return total


X = np.arange(1.0, 7.0).reshape(2, 3) / 5.0


@pytest.mark.parametrize(
    ("function", "shrinks"),
    [
        (rows, True),
        (rows_of_rows, True),
        (read_by_the_next, False),
        (read_in_the_next_run, False),
        (zeros, False),
        (seen_whole, False),
        (too_short, False),
    ],
)
def test_where_it_is_right(function: Callable[..., Any], shrinks: bool) -> None:
    before = lower_function(function, [ArraySpec("float64", 2)]).module.entry
    after = shrink(before)
    verify(after, PRIMS)
    assert (before is not after) is shrinks
    assert run(after, [X.copy()], print)[0] == pytest.approx(run(before, [X.copy()], print)[0], rel=1e-15)
    assert shrink(after) is after


def test_errors_stay() -> None:
    derivative = pb.value_and_grad(too_short)
    derivative(X)
    with pytest.raises(IndexError):
        derivative(np.ones((3, 3)))


def test_the_tape_of_one_iteration() -> None:
    def paths(x, scale):
        total = 0.0
        for p in range(x.shape[0]):
            s = 1.0
            for t in range(x.shape[1]):
                s *= np.exp(scale * x[p, t])
            total += s
        return total

    derivative = pb.value_and_grad(paths, argnums=1)
    value, gradient = derivative(X, 0.3)
    assert "_saved = mem.empty(x_n1)" in derivative.backward_source
    assert value == pytest.approx(paths(X, 0.3))
    assert gradient == pytest.approx((paths(X, 0.3 + 1e-6) - paths(X, 0.3 - 1e-6)) / 2e-6, rel=1e-8)


@pytest.mark.parametrize("seed", range(40))
def test_random_loops_mean_the_same(seed: int) -> None:
    check_pass(shrink, seed, LoopProgram)
