"""Nests have sums of their own; what is no sum goes on from nest to nest."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from pullback.compiler.frontend.lower import lower_function
from pullback.compiler.ir.text import show
from pullback.compiler.ir.verify import verify
from pullback.compiler.prims.interp import run
from pullback.compiler.prims.registry import PRIMS
from pullback.compiler.specs import ArraySpec
from pullback.compiler.transform.own_sums import own_sums
from randprog.irloops import LoopProgram
from randprog.passes import check_pass


def two_nests(x):
    total = 1.0
    for i in range(x.shape[0]):
        for j in range(x.shape[1]):
            total += np.sin(x[i, j])
        total += 0.5
        for j in range(x.shape[1] - 1):
            total -= x[i, j] * x[i, j + 1]
    return total


def in_a_branch(x):
    total = 0.0
    for i in range(x.shape[0]):
        for j in range(x.shape[1]):
            total += x[i, j]
        if x[i, 0] > 0.0:
            total += 1.0
    return total


def product(x):
    total = 1.0
    for i in range(x.shape[0]):
        for j in range(x.shape[1]):
            total *= x[i, j]
    return total


def read_between(x):
    total, seen = 0.0, 0.0
    for i in range(x.shape[0]):
        for j in range(x.shape[1]):
            total += x[i, j]
        seen += np.tanh(total)
    return total + seen


def counted(x):
    count = 0
    for i in range(x.shape[0]):
        for j in range(i):
            count += j
    return count * x[0, 0]


def made(f: Callable[..., float]) -> tuple[str, str]:
    """The texts before and after; the value is the same."""
    before = lower_function(f, [ArraySpec("float64", 2)], "f").module.entry
    after = own_sums(before)
    verify(after, PRIMS)
    for shape in ((3, 4), (0, 4), (2, 1)):
        x = np.random.default_rng(0).uniform(-1.0, 1.0, size=shape)
        if x.size or f is not counted:
            np.testing.assert_allclose(run(after, [x])[0], run(before, [x])[0], rtol=1e-13)
    return show(before), show(after)


@pytest.mark.parametrize(("f", "count"), [(two_nests, 2), (in_a_branch, 1)], ids=["two_nests", "in_a_branch"])
def test_split(f: Callable[..., float], count: int) -> None:
    _, text = made(f)
    assert text.count("-> own") == count


@pytest.mark.parametrize("f", [product, read_between, counted], ids=lambda f: f.__name__)
def test_left_as_it_is(f: Callable[..., float]) -> None:
    before, after = made(f)
    assert before == after


def test_not_in_the_order_of_the_program() -> None:
    entry = lower_function(two_nests, [ArraySpec("float64", 2)], "f").module.entry
    assert own_sums(entry, reassociate=False) is entry


@pytest.mark.parametrize("seed", range(20))
def test_keeps_the_meaning_of_random_loops(seed: int) -> None:
    check_pass(own_sums, seed, LoopProgram)
