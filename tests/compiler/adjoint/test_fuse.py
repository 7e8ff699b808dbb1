"""The plan FUSE, and copies of overwritten memory: where they apply, where they must not, and gradients."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import pullback as pb


def mean_square(w, x):
    total = 0.0
    for i in range(x.shape[0]):
        p = 0.0
        for j in range(w.shape[0]):
            p += w[j] * x[i, j]
        total += np.sin(p) ** 2
    return total / x.shape[0]


def scratch(w, x):
    """The buffer is written before it is read in every iteration."""
    buffer = np.empty(w.shape[0])
    total = 0.0
    for i in range(x.shape[0]):
        for j in range(w.shape[0]):
            buffer[j] = w[j] * x[i, j]
        for j in range(w.shape[0]):
            for k in range(j):
                total += np.sin(buffer[k]) * buffer[j]
    return total


def branches(w, x):
    total = 0.0
    for i in range(x.shape[0]):
        if x[i, 0] > 0.0:
            total += np.exp(w[0] * x[i, 0])
        else:
            total -= w[1] * w[0]
    return -2.0 * total


def two_sums(w, x):
    first = second = 0.0
    for i in range(x.shape[0]):
        first += w[0] * x[i, 0] ** 2
        second -= np.cos(w[1] * x[i, 1])
    return first + 3.0 * second


def summed_after_updates(w, x):
    """The loop reads what an earlier loop overwrote."""
    y = x.copy()
    for i in range(1, y.shape[0]):
        y[i, 0] = np.sin(y[i - 1, 0] * w[0])
    total = 0.0
    for i in range(y.shape[0]):
        total += y[i, 0] ** 2 * w[1]
    return total


FUSED = [mean_square, scratch, branches, two_sums, summed_after_updates]


def squared_sum(w, x):
    """The adjoint of the sum depends on the sum."""
    total = 0.0
    for i in range(x.shape[0]):
        total += w[0] * x[i, 0]
    return total * total


def carried_buffer(w, x):
    """An iteration reads what the one before has written."""
    buffer = np.ones(w.shape[0])
    total = 0.0
    for i in range(x.shape[0]):
        for j in range(w.shape[0]):
            total += buffer[j] * w[j]
            buffer[j] = np.sin(w[j] * x[i, j])
    return total


def partly_written(w, x):
    """The second half of the buffer lives on."""
    buffer = np.ones(w.shape[0])
    total = 0.0
    for i in range(x.shape[0]):
        for j in range(2):
            buffer[j] = w[j] * x[i, j]
        for j in range(w.shape[0]):
            total += buffer[j] ** 2
        buffer[w.shape[0] - 1] = total * 0.0 + w[0]
    return total


def written_under_condition(w, x):
    buffer = np.ones(1)
    total = 0.0
    for i in range(x.shape[0]):
        if x[i, 0] > 0.0:
            buffer[0] = w[0] * x[i, 0]
        total += buffer[0] ** 2
    return total


def read_afterwards(w, x):
    last = np.zeros(1)
    total = 0.0
    for i in range(x.shape[0]):
        last[0] = w[0] * x[i, 0]
        total += np.sin(last[0])
    return total + last[0]


def input_overwritten_afterwards(w, x):
    y = w * 2.0
    total = 0.0
    for i in range(x.shape[0]):
        total += np.sin(y[0] * x[i, 0])
    y[0] = w[1]
    return total + np.sum(y)


def recurrence(w, x):
    total = 1.0
    for i in range(x.shape[0]):
        total = total * w[0] + x[i, 0]
    return total


def sum_used_inside(w, x):
    total = 0.0
    for i in range(x.shape[0]):
        total += np.sin(w[0] * x[i, 0] + 0.1 * total)
    return total


def sum_stored(w, x):
    out = np.zeros(2)
    total = 0.0
    for i in range(x.shape[0]):
        total += w[0] * x[i, 0]
    out[1] = total
    return np.sum(out * w[:2])


NOT_FUSED = [
    squared_sum,
    carried_buffer,
    partly_written,
    written_under_condition,
    read_afterwards,
    input_overwritten_afterwards,
    recurrence,
    sum_used_inside,
    sum_stored,
]


def derived(f: Callable[..., float], rows: int = 4) -> tuple[Any, tuple[np.ndarray, np.ndarray]]:
    rng = np.random.default_rng(3)
    args = (rng.normal(size=3), rng.normal(size=(rows, 3)))
    derivative = pb.value_and_grad(f, argnums=(0, 1), jit=False)
    value, _ = derivative(*args)
    assert value == pytest.approx(f(*args), rel=1e-12)
    return derivative, args


@pytest.fixture(autouse=True)
def unjitted(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is tested is the text; Numba would take minutes."""
    monkeypatch.setenv("PULLBACK_JIT", "0")


def plans(derivative: Any) -> list[str]:
    """The lines about the loops over i."""
    return [line for line in derivative.explain().splitlines() if "for i in range" in line]


@pytest.mark.parametrize("f", FUSED, ids=lambda f: f.__name__)
def test_fused(f: Callable[..., float]) -> None:
    derivative, args = derived(f)
    assert "plan FUSE" in plans(derivative)[-1]
    pb.check_grads(f, args, order=2)


@pytest.mark.parametrize("f", NOT_FUSED, ids=lambda f: f.__name__)
def test_not_fused(f: Callable[..., float]) -> None:
    derivative, args = derived(f)
    assert not any("plan FUSE" in line for line in plans(derivative))
    pb.check_grads(f, args, order=2)


@pytest.mark.parametrize("f", FUSED, ids=lambda f: f.__name__)
def test_no_iterations(f: Callable[..., float]) -> None:
    derivative, args = derived(f)
    value, (w_bar, x_bar) = derivative(args[0], np.zeros((0, 3)))
    assert value == 0.0 or f is mean_square
    assert not np.any(w_bar) or f is mean_square
    assert x_bar.shape == (0, 3)


def stepper(u0, k, steps):
    """Every step overwrites what a nest of the step before has read."""
    u = u0.copy()
    n = u.shape[0]
    new = np.empty(n)
    for _ in range(steps):
        for i in range(1, n - 1):
            new[i] = u[i] + k * u[i] * (u[i + 1] - u[i - 1])
        for i in range(1, n - 1):
            u[i] = new[i]
    return np.sum(u**2)


def window(u0, k, steps):
    """Each step reads a few numbers of a long array."""
    u = np.zeros(u0.shape[0] + steps)
    u[: u0.shape[0]] = u0
    for t in range(u0.shape[0], u0.shape[0] + steps):
        s = 0.0
        for j in range(1, 3):
            s += np.sin(u[t - j] * u[t - j - 1]) * k
        u[t] = s
    return np.sum(u**2)


def test_overwritten_memory_is_copied_once() -> None:
    u = np.random.default_rng(0).normal(size=7)
    derivative = pb.value_and_grad(stepper, argnums=(0, 1), jit=False)
    derivative(u, 0.3, 5)
    assert "copies of u" in derivative.explain()
    pb.check_grads(stepper, (u, 0.3, 5), order=2)


def test_a_short_window_is_not_worth_a_copy() -> None:
    u = np.random.default_rng(0).normal(size=4)
    derivative = pb.value_and_grad(window, argnums=(0, 1), jit=False)
    derivative(u, 0.3, 5)
    assert "copies of" not in derivative.explain()
    pb.check_grads(window, (u, 0.3, 5), order=2)
