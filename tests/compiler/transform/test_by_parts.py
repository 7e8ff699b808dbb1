"""Coefficients of periodic stencils have their adjoints summed where those of the stencils are gathered."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from pullback.compiler.analysis import coefficients
from pullback.compiler.transform import by_parts as module
from pullback.compiler.transform.by_parts import by_parts
from randprog.irloops import LoopProgram
from randprog.passes import check_pass

import pullback as pb


@pytest.fixture(autouse=True)
def unjitted(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is tested is the text; Numba would take minutes."""
    monkeypatch.setenv("PULLBACK_JIT", "0")


@pytest.fixture
def found(monkeypatch: pytest.MonkeyPatch) -> list[coefficients.Spread]:
    """What the pass finds while a test runs, with nothing from the disk."""
    monkeypatch.setenv("PULLBACK_CACHE", "0")
    spreads: list[coefficients.Spread] = []

    def spy(*args: Any) -> list[coefficients.Spread]:
        new = coefficients.spreads(*args)
        spreads.extend(new)
        return new

    monkeypatch.setattr(module, "spreads", spy)
    return spreads


def two_fields(rates, u0):
    """Rates are elements, two stencils each with a rest, and the fields are overwritten."""
    u, v = u0.copy(), u0**2
    n, m = u.shape
    du, dv = np.empty_like(u), np.empty_like(u)
    for _ in range(2):
        for i in range(n):
            up = i - 1 if i > 0 else n - 1
            down = i + 1 if i < n - 1 else 0
            for j in range(m):
                left = j - 1 if j > 0 else m - 1
                right = j + 1 if j < m - 1 else 0
                around_u = u[up, j] + u[down, j] + u[i, left] + u[i, right] - 4.0 * u[i, j]
                around_v = v[up, j] + v[down, j] + v[i, left] + v[i, right] - 4.0 * v[i, j]
                du[i, j] = rates[0] * around_u - u[i, j] * v[i, j] ** 2
                dv[i, j] = rates[1] * around_v + u[i, j] * v[i, j] ** 2
        for i in range(n):
            for j in range(m):
                u[i, j] += du[i, j]
                v[i, j] += dv[i, j]
    return np.sum(v**2)


def scaled(k, u0):
    """What is summed is carried, and scaled by what does not change."""
    u, n = u0[0].copy(), u0.shape[1]
    h = 1.0 + 1.0 / n
    for _ in range(3):
        v = np.empty(n)
        for j in range(n):
            v[j] = np.sin(u[j]) + 0.1 * k[0] * (u[(j - 1) % n] + u[(j + 1) % n] - 2.0 * u[j]) / h**2
        u = v
    return np.sum(u**2)


def parameter(k, u0):
    """The coefficient is a parameter of an inner function: its adjoint is a scalar."""

    def step(u, c):
        n, m = u.shape
        v = np.empty((n, m))
        for i in range(n):
            for j in range(m):
                beside = u[i, (j - 1) % m] + u[i, (j + 1) % m]
                v[i, j] = c * beside + u[i, j] ** 2
        return v

    c = k[0] * k[1]
    return np.sum(step(step(u0, c), c) ** 2)


def differences(k, u0):
    """One place is subtracted, and nothing is left of the stencil."""
    u, n = u0[0].copy(), u0.shape[1]
    for _ in range(3):
        v = np.empty(n)
        for j in range(n):
            v[j] = u[j] ** 2 - k[1] * (u[(j + 1) % n] - u[(j - 1) % n])
        u = v
    return np.sum(u**2)


def two_directions(k, u0):
    """A coefficient for each axis, and one that is common to both."""
    u = u0.copy()
    n, m = u.shape
    for _ in range(2):
        v = np.empty((n, m))
        for i in range(n):
            for j in range(m):
                across = u[(i - 1) % n, j] + u[(i + 1) % n, j] - 2.0 * u[i, j]
                beside = u[i, (j - 1) % m] + u[i, (j + 1) % m] - 2.0 * u[i, j]
                v[i, j] = u[i, j] ** 2 + k[0] * across + k[1] * beside
        u = v
    return np.sum(u**2)


def rolled(k, u0):
    u = u0
    for _ in range(2):
        around = np.roll(u, 1, 0) + np.roll(u, -1, 0) + np.roll(u, 1, 1) + np.roll(u, -1, 1) - 4.0 * u
        u = u + k[0] * around - 0.1 * u**3
    return np.sum(u**2)


FOUND = [
    (two_fields, 2, [(5, 9), (2, 9), (9, 2), (2, 2), (3, 0)]),
    (scaled, 1, [(1, 9), (1, 2), (1, 1)]),
    (parameter, 1, [(4, 9), (1, 5)]),
    (differences, 1, [(1, 9), (1, 2)]),
    (two_directions, 2, [(4, 9), (9, 1)]),
    (rolled, 1, [(4, 9), (2, 3)]),
]


@pytest.mark.parametrize(("f", "number", "shapes"), FOUND, ids=lambda v: getattr(v, "__name__", ""))
def test_found(
    f: Callable[..., float],
    number: int,
    shapes: list[tuple[int, ...]],
    found: list[coefficients.Spread],
) -> None:
    """The number is that of stencils in the code for the first shape, which others may have too."""
    derivative = pb.value_and_grad(f, argnums=(0, 1))
    derivative(*arguments(shapes[0]))
    assert len([stencil for spread in found for stencil in spread.stencils]) == number
    for shape in shapes:
        args = arguments(shape)
        assert derivative(*args)[0] == pytest.approx(f(*args), rel=1e-12)
        pb.check_grads(f, args, order=2)


def test_rings_of_any_length(found: list[coefficients.Spread]) -> None:
    def f(k, x, n):
        y = np.zeros(x.shape[0])
        for j in range(n):
            y[j] = k * (np.sin(x[(j - 1) % n]) + np.sin(x[(j + 1) % n]) - 2.0 * x[j]) + x[j]
        z = np.zeros(x.shape[0])
        for j in range(n):
            z[j] = k * (y[(j - 1) % n] + y[(j + 1) % n]) + y[j] ** 3
        return np.sum(z**2)

    for n in (5, 2, 1, 0, -1):
        args = 0.3, np.random.default_rng(1).uniform(0.2, 0.9, size=9), n
        value, _ = pb.value_and_grad(f, argnums=(0, 1))(*args)
        assert value == pytest.approx(f(*args)) and found
        pb.check_grads(f, args, order=2)


def test_squares_of_squares_are_not_taken_apart() -> None:
    """That would be 2 ** 40 factors."""

    def f(k, u0):
        u, n = u0[0].copy(), u0.shape[1]
        v = np.zeros(n)
        for j in range(n):
            x = u[j]
            for _ in range(40):
                x = x * x
            v[j] = x * (u[(j - 1) % n] + u[(j + 1) % n])
        return np.sum(v)

    args = arguments((1, 9))
    assert pb.value_and_grad(f)(*args)[0] == pytest.approx(f(*args))


def walls(k, u0):
    """No ring: corners are read by no iteration."""
    u = u0[0] ** 2
    v = np.zeros(u.shape[0])
    for j in range(1, u.shape[0] - 1):
        v[j] = k[0] * (u[j - 1] + u[j + 1]) * 0.5 + u[j] ** 3
    u[1:] = v[1:]
    return np.sum(u**2)


def needed_otherwise(k, u0):
    """The stencil is computed anyway."""
    u, n = u0[0].copy(), u0.shape[1]
    for _ in range(2):
        v = np.empty(n)
        for j in range(n):
            around = u[(j - 1) % n] + u[(j + 1) % n]
            v[j] = k[0] * around + np.sin(around * u[j])
        u = v
    return np.sum(u**2)


def neighbours_needed(k, u0):
    """One of the neighbours is read for something else."""
    u, n = u0[0].copy(), u0.shape[1]
    for _ in range(2):
        v = np.empty(n)
        for j in range(n):
            v[j] = k[0] * (u[(j - 1) % n] + u[(j + 1) % n]) + u[(j + 1) % n] ** 2
        u = v
    return np.sum(u**2)


def field_of_coefficients(k, u0):
    """Every place has a coefficient of its own."""
    u, n = u0[0].copy(), u0.shape[1]
    for _ in range(2):
        v = np.empty(n)
        for j in range(n):
            v[j] = np.sin(u0[0, j]) * (u[(j - 1) % n] + u[(j + 1) % n]) + k[0] * u[j] ** 2
        u = v
    return np.sum(u**2)


def other_weights(k, u0):
    """The neighbours do not count alike."""
    u, n = u0[0].copy(), u0.shape[1]
    for _ in range(2):
        v = np.empty(n)
        for j in range(n):
            v[j] = k[0] * (u[(j - 1) % n] + 3.0 * u[(j + 1) % n]) + u[j] ** 2
        u = v
    return np.sum(u**2)


LEFT = [walls, needed_otherwise, neighbours_needed, field_of_coefficients, other_weights]


@pytest.mark.parametrize("f", LEFT, ids=lambda f: f.__name__)
def test_left_as_it_is(f: Callable[..., float], found: list[coefficients.Spread]) -> None:
    args = arguments((2, 9))
    pb.value_and_grad(f, argnums=(0, 1))(*args)
    assert not found
    pb.check_grads(f, args, order=2)


def test_no_neighbours_are_read_again() -> None:
    derivative = pb.value_and_grad(two_fields, argnums=(0, 1))
    derivative(*arguments((5, 9)))
    reverse = derivative.backward_source.split("# ---- reverse")[1]
    assert "_around" not in reverse and "_saved_row" not in reverse


def arguments(shape: tuple[int, ...]) -> tuple[Any, ...]:
    return np.array([0.1, 0.2]), np.random.default_rng(1).uniform(0.2, 0.9, size=shape)


@pytest.mark.parametrize("seed", range(40))
def test_random_loops(seed: int) -> None:
    check_pass(by_parts, seed, LoopProgram)
