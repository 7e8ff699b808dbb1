"""Arrays that a loop replaces by fresh ones: their shadows are exchanged where nothing else leads to them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import pullback as pb


@pytest.fixture(autouse=True)
def unjitted(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is tested is the text; Numba would take minutes."""
    monkeypatch.setenv("PULLBACK_JIT", "0")


def step(u, new, k):
    for i in range(1, u.shape[0] - 1):
        new[i] = u[i] * u[i] + k * (u[i - 1] + u[i + 1])


def copied(u0, k, steps):
    u = u0.copy()
    for _ in range(steps):
        new = u.copy()
        step(u, new, k)
        u = new
    return np.sum(u**2)


def zeros_around(u0, k, steps):
    """The edges are read, and never written."""
    u = u0.copy()
    for _ in range(steps):
        new = np.zeros_like(u)
        step(u, new, k)
        u = new
    return np.sum(u**2)


def leapfrog(u0, k, steps):
    """Three generations; two of them are used after the loop."""
    before = u0.copy()
    u = 0.5 * u0
    for _ in range(steps):
        after = np.zeros(u0.shape[0])
        for i in range(1, u.shape[0] - 1):
            after[i] = 2.0 * u[i] - before[i] + k * np.sin(u[i - 1] + u[i + 1])
        before, u = u, after
    return np.sum(u * before)


def seen_as_parts(u0, k, steps):
    u = u0.copy()
    for _ in range(steps):
        new = np.zeros_like(u)
        inner, left = new[1:-1], u[:-2]
        for i in range(inner.shape[0]):
            inner[i] = left[i] * k + np.sin(u[i + 2])
        u = new
    return np.sum(u**3)


def argument(u, k, steps):
    """What the loop starts from is an argument that nobody else reads."""
    for _ in range(steps):
        new = np.zeros(u.shape[0])
        step(u, new, k)
        u = new
    return np.sum(u**2)


def in_a_loop(u0, k, steps):
    total = 0.0
    for _ in range(2):
        u = k * u0
        for _ in range(steps):
            new = u.copy()
            step(u, new, k)
            u = new
        total += np.sum(u**2)
    return total


def with_a_branch(u0, k, steps):
    u = u0.copy()
    for t in range(steps):
        new = u.copy()
        if t % 2 == 0:
            step(u, new, k)
        else:
            new[0] = np.sin(u[1])
        u = new
    return np.sum(u**2)


def in_while(u0, k, steps):
    u = u0.copy()
    while np.sum(u**2) < 50.0 * steps:
        new = np.empty_like(u)
        for i in range(u.shape[0]):
            new[i] = u[i] * 1.5 + k * np.sin(u[i])
        u = new
    return np.sum(u**3)


EXCHANGED = (copied, zeros_around, leapfrog, seen_as_parts, argument, with_a_branch, in_while)


def kept_in_a_list(u0, k, steps):
    u = u0.copy()
    states = []
    for _ in range(steps):
        new = u.copy()
        step(u, new, k)
        u = new
        states.append(u)
    total = 0.0
    for state in states:
        total += np.sum(state**2)
    return total


def read_after_the_loop(u0, k, steps):
    first = 2.0 * u0
    u = first
    for _ in range(steps):
        new = u.copy()
        step(u, new, k)
        u = new
    return np.sum(u * first)


def read_in_the_loop(u0, k, steps):
    first = 2.0 * u0
    u = first
    for _ in range(steps):
        new = np.zeros_like(u)
        step(first, new, k)
        new[0] = u[1]
        u = new
    return np.sum(u**2)


def seen_after_the_loop(u0, k, steps):
    first = 2.0 * u0
    part = first[1:]
    u = first
    for _ in range(steps):
        new = u.copy()
        step(u, new, k)
        u = new
    return np.sum(u[1:] * part)


def in_two_places(u0, k, steps):
    u, v = u0.copy(), 2.0 * u0
    for _ in range(steps):
        new = u.copy()
        step(v, new, k)
        u = v = new
    return np.sum(u * v)


def one_start(u0, k, steps):
    before = u = 2.0 * u0
    for _ in range(steps):
        new = u.copy()
        step(before, new, k)
        before, u = u, new
    return np.sum(u * before)


def shorter(u0, k, steps):
    u = u0.copy()
    for _ in range(steps):
        new = np.empty(u.shape[0] - 1)
        for i in range(new.shape[0]):
            new[i] = u[i] * k + np.sin(u[i + 1])
        u = new
    return np.sum(u**2)


def remembered(u0, k, steps):
    """The best of all states is still there at the end."""
    u = u0.copy()
    best = 3.0 * u0
    for _ in range(steps):
        new = u.copy()
        step(u, new, k)
        if np.sum(new) > np.sum(best):
            best = new
        u = new
    return np.sum(u * best)


LEFT = (
    kept_in_a_list,
    read_after_the_loop,
    read_in_the_loop,
    seen_after_the_loop,
    in_two_places,
    one_start,
    shorter,
    remembered,
)

ARGS = (np.array([0.7, -0.3, 0.9, 0.4, -0.6, 0.2, 0.5]), 0.3)


@pytest.mark.parametrize("steps", [0, 1, 2, 5])
@pytest.mark.parametrize("fn", [*EXCHANGED, *LEFT, in_a_loop])
def test_gradients(fn: Callable[..., Any], steps: int) -> None:
    pb.check_grads(fn, (*ARGS, steps))


@pytest.mark.parametrize("fn", EXCHANGED)
def test_shadows_are_exchanged(fn: Callable[..., Any]) -> None:
    gradient = pb.grad(fn, argnums=(0, 1))
    gradient(*ARGS, 3)
    assert "_bar_saved" not in gradient.backward_source  # no list of shadows


@pytest.mark.parametrize("fn", LEFT)
def test_shadows_are_made(fn: Callable[..., Any]) -> None:
    gradient = pb.grad(fn, argnums=(0, 1))
    gradient(*ARGS, 3)
    assert "_bar_saved = [" in gradient.backward_source
