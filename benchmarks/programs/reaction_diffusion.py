"""Gray–Scott: two fields on a square, by explicit Euler, as loops and as slices."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..case import Case
from ..lazy import jnp, lax, torch


def reaction_diffusion(log_rates, u0, v0, steps):
    """Gray–Scott on a periodic square, explicit Euler, both fields updated in place."""
    rates = np.exp(log_rates)
    u = u0.copy()
    v = v0.copy()
    n, m = u.shape
    du = np.empty_like(u)
    dv = np.empty_like(v)
    for _ in range(steps):
        for i in range(n):
            up = i - 1 if i > 0 else n - 1
            down = i + 1 if i < n - 1 else 0
            for j in range(m):
                left = j - 1 if j > 0 else m - 1
                right = j + 1 if j < m - 1 else 0
                around_u = u[up, j] + u[down, j] + u[i, left] + u[i, right] - 4.0 * u[i, j]
                around_v = v[up, j] + v[down, j] + v[i, left] + v[i, right] - 4.0 * v[i, j]
                reaction = u[i, j] * v[i, j] ** 2
                du[i, j] = rates[0] * around_u - reaction + rates[2] * (1.0 - u[i, j])
                dv[i, j] = rates[1] * around_v + reaction - (rates[2] + rates[3]) * v[i, j]
        for i in range(n):
            for j in range(m):
                u[i, j] += du[i, j]
                v[i, j] += dv[i, j]
    return np.sum(v**2)


def reaction_diffusion_jax(log_rates, u0, v0, steps):
    rates = jnp.exp(log_rates)

    def around(f):
        return jnp.roll(f, 1, 0) + jnp.roll(f, -1, 0) + jnp.roll(f, 1, 1) + jnp.roll(f, -1, 1) - 4.0 * f

    def step(fields, _):
        u, v = fields
        reaction = u * v**2
        du = rates[0] * around(u) - reaction + rates[2] * (1.0 - u)
        dv = rates[1] * around(v) + reaction - (rates[2] + rates[3]) * v
        return (u + du, v + dv), None

    (_, v), _ = lax.scan(step, (u0, v0), None, length=steps)
    return jnp.sum(v**2)


def reaction_diffusion_torch(log_rates, u, v, steps):
    rates = torch.exp(log_rates)

    def around(f):
        return f.roll(1, 0) + f.roll(-1, 0) + f.roll(1, 1) + f.roll(-1, 1) - 4.0 * f

    for _ in range(steps):
        reaction = u * v**2
        du = rates[0] * around(u) - reaction + rates[2] * (1.0 - u)
        dv = rates[1] * around(v) + reaction - (rates[2] + rates[3]) * v
        u, v = u + du, v + dv
    return torch.sum(v**2)


def reaction_diffusion_slices(u0, v0, steps):
    """Gray–Scott with fixed edges, as array codes write it: slices and temporaries."""
    u, v = u0.copy(), v0.copy()
    for _ in range(steps):
        around_u = u[:-2, 1:-1] + u[2:, 1:-1] + u[1:-1, :-2] + u[1:-1, 2:] - 4 * u[1:-1, 1:-1]
        around_v = v[:-2, 1:-1] + v[2:, 1:-1] + v[1:-1, :-2] + v[1:-1, 2:] - 4 * v[1:-1, 1:-1]
        reaction = u[1:-1, 1:-1] * v[1:-1, 1:-1] ** 2
        u[1:-1, 1:-1] += 0.16 * around_u - reaction + 0.035 * (1 - u[1:-1, 1:-1])
        v[1:-1, 1:-1] += 0.08 * around_v + reaction - 0.1 * v[1:-1, 1:-1]
    return np.sum(v**2)


def reaction_diffusion_slices_jax(u0, v0, steps):
    def step(fields, _):
        u, v = fields
        around_u = u[:-2, 1:-1] + u[2:, 1:-1] + u[1:-1, :-2] + u[1:-1, 2:] - 4 * u[1:-1, 1:-1]
        around_v = v[:-2, 1:-1] + v[2:, 1:-1] + v[1:-1, :-2] + v[1:-1, 2:] - 4 * v[1:-1, 1:-1]
        reaction = u[1:-1, 1:-1] * v[1:-1, 1:-1] ** 2
        u = u.at[1:-1, 1:-1].add(0.16 * around_u - reaction + 0.035 * (1 - u[1:-1, 1:-1]))
        v = v.at[1:-1, 1:-1].add(0.08 * around_v + reaction - 0.1 * v[1:-1, 1:-1])
        return (u, v), None

    (_, v), _ = lax.scan(step, (u0, v0), None, length=steps)
    return jnp.sum(v**2)


def fields(size: int) -> tuple[Any, ...]:
    """A square of the second substance in the middle of the first, and the number of steps."""
    u, v = np.ones((size, size)), np.zeros((size, size))
    middle = slice(3 * size // 8, 5 * size // 8)
    u[middle, middle], v[middle, middle] = 0.5, 0.25
    return u, v, 100 if size > 8 else 3


def with_rates(size: int) -> tuple[Any, ...]:
    """The same with the logarithms of the four rates."""
    return np.log([0.16, 0.08, 0.035, 0.06]), *fields(size)


CASES = (
    Case(
        name="reaction_diffusion",
        family="programs",
        fn=reaction_diffusion,
        args=with_rates,
        sizes=(8, 32, 64),
        argnums=(0, 1, 2),
        jax=lambda: reaction_diffusion_jax,
        torch=lambda: reaction_diffusion_torch,
    ),
    Case(
        name="reaction_diffusion_slices",
        family="programs",
        fn=reaction_diffusion_slices,
        args=fields,
        sizes=(8, 32, 64),
        argnums=(0, 1),
        jax=lambda: reaction_diffusion_slices_jax,
        note="Numba's own code for slices is slow, see the strict cost",
    ),
)
