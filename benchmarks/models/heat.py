"""Heat on a square plate with a conductivity that is wanted at each point."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..case import Case, Function

STEPS = 100


def heat_2d(u0, conductivity, observed, steps):
    """Explicit steps with fixed edges; the misfit at the end."""
    n, m = u0.shape
    u = u0.copy()
    for _ in range(steps):
        new = u.copy()
        for i in range(1, n - 1):
            for j in range(1, m - 1):
                around = u[i - 1, j] + u[i + 1, j] + u[i, j - 1] + u[i, j + 1] - 4.0 * u[i, j]
                new[i, j] = u[i, j] + conductivity[i, j] * around
        u = new
    return 0.5 * np.sum((u - observed) ** 2)


def heat_2d_hand(u0, conductivity, observed, steps):
    """The states are computed where they are kept; the adjoint gathers from the neighbours."""
    n, m = u0.shape
    states = np.empty((steps + 1, n, m))
    states[0] = u0
    for t in range(steps):
        u = states[t]
        new = states[t + 1]
        new[0] = u[0]
        new[n - 1] = u[n - 1]
        for i in range(1, n - 1):
            new[i, 0] = u[i, 0]
            new[i, m - 1] = u[i, m - 1]
            for j in range(1, m - 1):
                around = u[i - 1, j] + u[i + 1, j] + u[i, j - 1] + u[i, j + 1] - 4.0 * u[i, j]
                new[i, j] = u[i, j] + conductivity[i, j] * around
    value = 0.0
    bar = np.empty((n, m))
    for i in range(n):
        for j in range(m):
            bar[i, j] = states[steps, i, j] - observed[i, j]
            value += bar[i, j] * bar[i, j]
    conductivity_bar = np.zeros((n, m))
    flow = np.zeros((n, m))
    for t in range(steps - 1, -1, -1):
        u = states[t]
        for i in range(1, n - 1):
            for j in range(1, m - 1):
                around = u[i - 1, j] + u[i + 1, j] + u[i, j - 1] + u[i, j + 1] - 4.0 * u[i, j]
                conductivity_bar[i, j] += bar[i, j] * around
                flow[i, j] = conductivity[i, j] * bar[i, j]
        for i in range(1, n - 1):
            bar[i, 0] += flow[i, 1]
            bar[i, m - 1] += flow[i, m - 2]
            for j in range(1, m - 1):
                gathered = flow[i - 1, j] + flow[i + 1, j] + flow[i, j - 1] + flow[i, j + 1]
                bar[i, j] += gathered - 4.0 * flow[i, j]
        for j in range(1, m - 1):
            bar[0, j] += flow[1, j]
            bar[n - 1, j] += flow[n - 2, j]
    return 0.5 * value, (bar, conductivity_bar)


def arguments(n: int) -> tuple[Any, ...]:
    """A plate of `n` × `n` points."""
    rng = np.random.default_rng(0)
    return rng.normal(size=(n, n)), rng.uniform(0.05, 0.2, size=(n, n)), rng.normal(size=(n, n)), STEPS


def jax_function() -> Function:
    import jax.numpy as jnp
    from jax import lax

    def misfit(u0, conductivity, observed, steps):
        def step(u, _):
            around = u[:-2, 1:-1] + u[2:, 1:-1] + u[1:-1, :-2] + u[1:-1, 2:] - 4.0 * u[1:-1, 1:-1]
            return u.at[1:-1, 1:-1].add(conductivity[1:-1, 1:-1] * around), None

        u, _ = lax.scan(step, u0, None, length=steps)
        return 0.5 * jnp.sum((u - observed) ** 2)

    return misfit


def jax_loops() -> Function:
    import jax.numpy as jnp
    from jax import lax

    def misfit(u0, conductivity, observed, steps):
        n, m = u0.shape

        def step(_, u):
            def row(i, new):
                def point(j, new):
                    around = u[i - 1, j] + u[i + 1, j] + u[i, j - 1] + u[i, j + 1] - 4.0 * u[i, j]
                    return new.at[i, j].set(u[i, j] + conductivity[i, j] * around)

                return lax.fori_loop(1, m - 1, point, new)

            return lax.fori_loop(1, n - 1, row, u)

        return 0.5 * jnp.sum((lax.fori_loop(0, steps, step, u0) - observed) ** 2)

    return misfit


def torch_function() -> Function:
    import torch

    def misfit(u0, conductivity, observed, steps):
        u = u0
        inner = conductivity[1:-1, 1:-1]
        for _ in range(steps):
            around = u[:-2, 1:-1] + u[2:, 1:-1] + u[1:-1, :-2] + u[1:-1, 2:] - 4.0 * u[1:-1, 1:-1]
            u = u + torch.nn.functional.pad(inner * around, (1, 1, 1, 1))
        return 0.5 * ((u - observed) ** 2).sum()

    return misfit


CASES = (
    Case(
        name="heat_2d",
        family="models",
        fn=heat_2d,
        args=arguments,
        sizes=(6, 32, 128),
        argnums=(0, 1),
        hand=heat_2d_hand,
        jax=jax_function,
        jax_loops=jax_loops,
        torch=torch_function,
        note="100 steps; size: points along an edge",
    ),
)
