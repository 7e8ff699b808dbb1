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


def reaction_diffusion_hand(log_rates, u0, v0, steps):
    """Fields with a border that repeats the other side, so that inner loops have no tests.

    The states are computed where they are kept. The Laplacian is its own adjoint, so one of the adjoint field
    serves the update and the gradients of the diffusivities.
    """
    n, m = u0.shape
    rates = np.exp(log_rates)
    spread_u, spread_v, feed, kill = rates[0], rates[1], rates[2], rates[3]
    us = np.empty((steps + 1, n + 2, m + 2))
    vs = np.empty((steps + 1, n + 2, m + 2))
    us[0, 1:-1, 1:-1] = u0
    vs[0, 1:-1, 1:-1] = v0
    for t in range(steps):
        for state in (us[t], vs[t]):
            for j in range(1, m + 1):
                state[0, j] = state[n, j]
                state[n + 1, j] = state[1, j]
            for i in range(1, n + 1):
                state[i, 0] = state[i, m]
                state[i, m + 1] = state[i, 1]
        u, v = us[t], vs[t]
        for i in range(1, n + 1):
            for j in range(1, m + 1):
                around_u = u[i - 1, j] + u[i + 1, j] + u[i, j - 1] + u[i, j + 1] - 4.0 * u[i, j]
                around_v = v[i - 1, j] + v[i + 1, j] + v[i, j - 1] + v[i, j + 1] - 4.0 * v[i, j]
                reaction = u[i, j] * v[i, j] * v[i, j]
                us[t + 1, i, j] = u[i, j] + spread_u * around_u - reaction + feed * (1.0 - u[i, j])
                vs[t + 1, i, j] = v[i, j] + spread_v * around_v + reaction - (feed + kill) * v[i, j]
    value = 0.0
    u_bar = np.zeros((n + 2, m + 2))
    v_bar = np.zeros((n + 2, m + 2))
    u_new = np.empty((n + 2, m + 2))
    v_new = np.empty((n + 2, m + 2))
    for i in range(1, n + 1):
        for j in range(1, m + 1):
            value += vs[steps, i, j] * vs[steps, i, j]
            v_bar[i, j] = 2.0 * vs[steps, i, j]
    spread_u_bar = 0.0
    spread_v_bar = 0.0
    feed_bar = 0.0
    kill_bar = 0.0
    for t in range(steps - 1, -1, -1):
        for state in (u_bar, v_bar):
            for j in range(1, m + 1):
                state[0, j] = state[n, j]
                state[n + 1, j] = state[1, j]
            for i in range(1, n + 1):
                state[i, 0] = state[i, m]
                state[i, m + 1] = state[i, 1]
        u, v = us[t], vs[t]
        for i in range(1, n + 1):
            for j in range(1, m + 1):
                ub = u_bar[i, j]
                vb = v_bar[i, j]
                around_u = u_bar[i - 1, j] + u_bar[i + 1, j] + u_bar[i, j - 1] + u_bar[i, j + 1] - 4.0 * ub
                around_v = v_bar[i - 1, j] + v_bar[i + 1, j] + v_bar[i, j - 1] + v_bar[i, j + 1] - 4.0 * vb
                spread_u_bar += u[i, j] * around_u
                spread_v_bar += v[i, j] * around_v
                feed_bar += ub * (1.0 - u[i, j]) - vb * v[i, j]
                kill_bar -= vb * v[i, j]
                exchange = (vb - ub) * v[i, j]
                u_new[i, j] = (1.0 - feed) * ub + spread_u * around_u + exchange * v[i, j]
                v_new[i, j] = (1.0 - feed - kill) * vb + spread_v * around_v + 2.0 * exchange * u[i, j]
        u_bar, u_new = u_new, u_bar
        v_bar, v_new = v_new, v_bar
    rates_bar = np.empty(4)
    rates_bar[0] = spread_u_bar
    rates_bar[1] = spread_v_bar
    rates_bar[2] = feed_bar
    rates_bar[3] = kill_bar
    return value, (rates_bar * rates, u_bar[1:-1, 1:-1].copy(), v_bar[1:-1, 1:-1].copy())


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
        hand=reaction_diffusion_hand,
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
