"""Arrays that are updated in place after a stencil has read them get a second buffer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from pullback.compiler.transform.double_buffer import double_buffer
from randprog.irloops import LoopProgram
from randprog.passes import check_pass

import pullback as pb


@pytest.fixture(autouse=True)
def unjitted(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is tested is the text; Numba would take minutes."""
    monkeypatch.setenv("PULLBACK_JIT", "0")


def ring(u0, k, steps):
    """Two arrays, all of them."""
    u, v = u0.copy(), u0**2
    n, m = u.shape
    du, dv = np.empty_like(u), np.empty_like(u)
    for _ in range(steps):
        for i in range(n):
            for j in range(m):
                beside = u[i, (j - 1) % m] + u[(i + 1) % n, j] * v[i, (j + 1) % m]
                du[i, j] = k * beside - u[i, j]
                dv[i, j] = 0.1 * beside * v[(i - 1) % n, j]
        for i in range(n):
            for j in range(m):
                u[i, j] += du[i, j]
                v[i, j] += dv[i, j]
    return np.sum(u * v)


def walls(u0, k, steps):
    """The elements at the walls are those of the start."""
    u = u0.copy()
    for _ in range(steps):
        around = u[:-2, 1:-1] + u[2:, 1:-1] + u[1:-1, :-2] * u[1:-1, 2:]
        u[1:-1, 1:-1] += k * around - u[1:-1, 1:-1] ** 2
    return np.sum(u**2)


def damped(u0, k, steps):
    """Twice in one iteration, not only added to, and read again behind it."""
    u = u0[0].copy()
    n, total = u.shape[0], 0.0
    du = np.zeros(n)
    for _ in range(steps):
        for i in range(1, n):
            du[i] = k * np.sin(u[i - 1]) * u[i]
        for i in range(1, n):
            u[i] = 0.5 * u[i] + du[i]
            u[i] *= 1.1
        total += u[n - 1] * u[0]
    return np.sum(u) + total


def shifted(u0, k, steps):
    """The element updated is the next one."""
    u = u0[0].copy()
    n = u.shape[0]
    du = np.zeros(n)
    for _ in range(steps):
        for i in range(n - 1):
            du[i] = k * u[i] * u[i + 1]
        for i in range(n - 1):
            u[i + 1] += du[i]
    return np.sum(u**2)


def renamed(u0, k, steps):
    """What is read behind the update has another name, and its axes another order."""
    u = u0.copy()
    w = u.T
    du = np.zeros(u.shape)
    for _ in range(steps):
        for i in range(1, u.shape[0]):
            for j in range(u.shape[1]):
                du[i, j] = k * u[i - 1, j]
        for i in range(1, u.shape[0]):
            for j in range(u.shape[1]):
                u[i, j] += du[i, j]
        du[0, 0] += np.linalg.norm(w)
    return np.sum(u**2) + du[0, 0]


DOUBLED = [ring, walls, damped, shifted, renamed]


@pytest.mark.parametrize("f", DOUBLED, ids=lambda f: f.__name__)
def test_doubled(f: Callable[..., float]) -> None:
    derivative = pb.value_and_grad(f, argnums=(0, 1))
    derivative(*arguments((5, 9), 3))
    assert "_next = mem.empty" in derivative.backward_source
    for shape, steps in (((5, 9), 3), ((5, 9), 2), ((5, 9), 0), ((3, 3), 2), ((2, 2), 3)):
        args = arguments(shape, steps)
        assert derivative(*args)[0] == pytest.approx(f(*args), rel=1e-12)
        pb.check_grads(f, args, order=2)


def growing(u0, k, steps):
    """Every iteration updates more elements: the other buffer would be behind."""
    u = u0[0].copy()
    n = u.shape[0]
    du = np.zeros(n)
    for t in range(steps):
        for i in range(1, t + 2):
            du[i] = k * u[i - 1] * u[i]
        for i in range(1, t + 2):
            u[i] += du[i]
    return np.sum(u**2)


def sometimes(u0, k, steps):
    """Some iterations update nothing."""
    u = u0[0].copy()
    n = u.shape[0]
    du = np.zeros(n)
    for t in range(steps):
        for i in range(1, n):
            du[i] = k * u[i - 1] * u[i]
        if t != 1:
            for i in range(1, n):
                u[i] += du[i]
    return np.sum(u**2)


def boundary(u0, k, steps):
    """The loop sets another element itself."""
    u = u0[0].copy()
    n = u.shape[0]
    du = np.zeros(n)
    for t in range(steps):
        u[0] = np.sin(k * t)
        for i in range(1, n):
            du[i] = k * u[i - 1] * u[i]
        for i in range(1, n):
            u[i] += du[i]
    return np.sum(u**2)


def called(u0, k, steps):
    """A library call reads the array."""
    u, total = u0[:, :5].copy(), 0.0
    du = np.zeros(u.shape)
    for _ in range(steps):
        for i in range(1, u.shape[0]):
            for j in range(u.shape[1]):
                du[i, j] = k * u[i - 1, j]
        for i in range(1, u.shape[0]):
            for j in range(u.shape[1]):
                u[i, j] += du[i, j]
        total += np.linalg.det(u)
    return np.sum(u**2) + total


def other_range(u0, k, steps):
    """The nests do not fuse."""
    u = u0[0].copy()
    n = u.shape[0]
    du = np.zeros(n)
    for _ in range(steps):
        for i in range(2, n):
            du[i] = k * u[i - 1] * u[i]
        for i in range(1, n):
            u[i] += du[i]
    return np.sum(u**2)


def both_neighbours(u0, k, steps):
    """The nest in between needs all that the first one makes."""
    u = u0[0].copy()
    n = u.shape[0]
    du = np.zeros(n)
    for _ in range(steps):
        for i in range(1, n - 1):
            du[i] = k * u[i - 1] * u[i + 1]
        for i in range(1, n - 1):
            u[i] += du[i - 1] * du[i + 1]
    return np.sum(u**2)


LEFT = [growing, sometimes, boundary, called, other_range, both_neighbours]


@pytest.mark.parametrize("f", LEFT, ids=lambda f: f.__name__)
def test_left_as_it_is(f: Callable[..., float]) -> None:
    args = arguments((5, 9), 3)
    derivative = pb.value_and_grad(f, argnums=(0, 1))
    assert derivative(*args)[0] == pytest.approx(f(*args), rel=1e-12)
    assert "_next" not in derivative.backward_source
    pb.check_grads(f, args, order=2)


def test_one_sweep_is_left() -> None:
    derivative = pb.value_and_grad(walls)
    derivative(*arguments((5, 9), 3))
    forward = derivative.backward_source.split("# ---- reverse")[0]
    steps = forward[forward.rindex("in range(steps):") :]
    assert steps.count("for i in range(") == 1 and "around = mem" not in forward


def arguments(shape: tuple[int, ...], steps: int) -> tuple[Any, ...]:
    return np.random.default_rng(1).uniform(0.2, 0.9, size=shape), 0.4, steps


@pytest.mark.parametrize("seed", range(40))
def test_random_loops(seed: int) -> None:
    check_pass(double_buffer, seed, LoopProgram)
