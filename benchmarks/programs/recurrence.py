"""A long recurrence over a state of a thousand numbers: all of it on the tape, and with checkpoints."""

from __future__ import annotations

from typing import Any

import numpy as np

import pullback as pb

from ..case import Case
from ..lazy import jnp, lax


def recurrence(u0, rates, steps):
    """All that the reverse sweep needs is saved from every step."""
    u = u0.copy()
    for _ in range(steps):
        for i in range(len(u)):
            u[i] += 1e-3 * rates[i] * np.sin(u[i])
    return np.sum(u**2)


def recurrence_checkpoints(u0, rates, steps):
    """The same in about √steps segments."""
    u = u0.copy()
    for _ in pb.checkpoint(range(steps)):
        for i in range(len(u)):
            u[i] += 1e-3 * rates[i] * np.sin(u[i])
    return np.sum(u**2)


def recurrence_jax(u0, rates, steps):
    u, _ = lax.scan(lambda u, _: (u + 1e-3 * rates * jnp.sin(u), None), u0, None, length=steps)
    return jnp.sum(u**2)


def state(steps: int) -> tuple[Any, ...]:
    """Initial state and rates, and the number of steps."""
    return np.linspace(0.1, 2.0, 1000) ** 2, np.linspace(0.2, 0.7, 1000), steps


CASES = tuple(
    Case(
        name=fn.__name__,
        family="programs",
        fn=fn,
        args=state,
        sizes=(5, 1000, 10_000),
        argnums=(0, 1),
        primal=recurrence,
        jax=lambda: recurrence_jax,
    )
    for fn in (recurrence, recurrence_checkpoints)
)
