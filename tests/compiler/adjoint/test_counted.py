"""Counters of loops whose trip counts are not known are not saved."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

import pullback as pb


def steps(x, first, step):
    i, s = first, 1.0
    while s < 9.0:
        s = s * x[i] + x[i] ** 2
        i += step
    return s * i


def two_counters(x, first, step):
    i, j, s = first, 12, 1.0
    while s < 9.0:
        s = s * x[i] + np.sin(x[j])
        i += 1
        j -= step
    return s


def inside_a_loop(x, first, step):
    """The counter begins, and goes on, as the outer index says."""
    total = 0.0
    for k in range(3):
        i, s = first + k, 1.0
        while s < 4.0 + k:
            s = s * x[i] + 1.0
            i += step + k
        total += np.sin(s)
    return total


def with_a_break(x, first, step):
    i, s = first, 1.0
    for _ in range(10):
        if s > 9.0:
            break
        s = s * x[i] + x[i] ** 2
        i = i + step
    return s


def one_in_the_other(x, first, step):
    i, s = first, 1.0
    while s < 20.0:
        s *= 1.1
        t, j = s, 0
        while t < 5.0:
            t = t * 1.5 + x[i + j]
            j += step
        s += t
        i += 1
    return s


def under_a_condition(x, first, step):
    i, s = first, 1.0
    while s < 9.0:
        s = s * x[i] + x[i] ** 2
        if s > 3.0:
            i += step
    return s


def that_doubles(x, first, step):
    i, s = first + 1, 1.0
    while s < 5.0:
        s = s * x[i] + x[i] ** 2 + 0.1 * step
        i += i
    return s


COUNTED = [steps, two_counters, inside_a_loop, with_a_break, one_in_the_other]
SAVED = [under_a_condition, that_doubles]


@pytest.mark.parametrize("first", [0, 2])
@pytest.mark.parametrize("step", [1, 2])
@pytest.mark.parametrize("f", COUNTED + SAVED, ids=lambda f: f.__name__)
def test_values_and_gradients(f: Callable[..., float], first: int, step: int) -> None:
    x = 1.2 + 0.1 * np.random.default_rng(first + step).standard_normal(40)
    assert pb.value_and_grad(f, jit=False)(x, first, step)[0] == pytest.approx(f(x, first, step))
    pb.check_grads(f, (x, first, step))


def tapes(f: Callable[..., float]) -> list[str]:
    gradient = pb.grad(f, jit=False)
    gradient(np.full(40, 1.2), 1, 1)
    return [line for line in gradient.backward_source.splitlines() if "_saved = " in line]


@pytest.mark.parametrize("f", COUNTED, ids=lambda f: f.__name__)
def test_no_counter_is_saved(f: Callable[..., float]) -> None:
    assert not [line for line in tapes(f) if line.strip().startswith(("i_", "j_")) or "int64" in line]


@pytest.mark.parametrize("f", SAVED, ids=lambda f: f.__name__)
def test_others_are(f: Callable[..., float]) -> None:
    assert [line for line in tapes(f) if line.strip().startswith("i_")]
