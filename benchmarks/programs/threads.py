"""Programs with `prange`: with `--threads 2` the column *threads* is pullback with `parallel=True`."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numba import prange

from ..case import Case


def basket(market, weights, noise):
    """The mean pay-off of an Asian option on a basket, over random paths: independent simulations."""
    paths, steps, assets = noise.shape
    total = 0.0
    for p in prange(paths):
        price = np.ones(assets)
        mean = 0.0
        for t in range(steps):
            for k in range(assets):
                drift = market[0, k] - 0.5 * market[1, k] ** 2
                price[k] *= math.exp(drift / steps + market[1, k] * noise[p, t, k] / math.sqrt(steps))
                mean += weights[k] * price[k]
        total += max(mean / steps - 1.0, 0.0)
    return total / paths


def gravity(x, mass):
    """The energy of bodies that attract each other: a triangle of pairs, whose adjoint adds to both."""
    energy = 0.0
    for i in prange(len(mass)):
        for j in range(i):
            d = 1e-3
            for k in range(3):
                d += (x[i, k] - x[j, k]) ** 2
            energy -= mass[i] * mass[j] / math.sqrt(d)
    return energy


def diffusion(u0, c, steps):
    """Steps of a nonlinear diffusion: a stencil, whose adjoint adds to the neighbours."""
    u, v = u0.copy(), u0.copy()
    for _ in range(steps):
        for i in prange(1, u.shape[0] - 1):
            for j in range(1, u.shape[1] - 1):
                flow = u[i - 1, j] + u[i + 1, j] + u[i, j - 1] + u[i, j + 1] - 4.0 * u[i, j]
                v[i, j] = u[i, j] + c[i, j] * np.tanh(flow)
        u, v = v, u
    return np.sum(u**2)


def market_of(paths: int) -> tuple[Any, ...]:
    """Drifts and volatilities, weights, and the noise of so many paths."""
    rng = np.random.default_rng(1)
    market = np.stack([rng.uniform(0.01, 0.05, 5), rng.uniform(0.1, 0.3, 5)])
    return market, np.full(5, 0.2), rng.standard_normal((paths, 20, 5))


def bodies(n: int) -> tuple[Any, ...]:
    """Places and masses."""
    rng = np.random.default_rng(2)
    return rng.standard_normal((n, 3)), rng.uniform(0.5, 2.0, n)


def field(n: int) -> tuple[Any, ...]:
    """A field on a square of n × n points, conductivities, and ten steps."""
    rng = np.random.default_rng(3)
    return rng.standard_normal((n, n)), rng.uniform(0.05, 0.2, (n, n)), 10


CASES = (
    Case(
        name="basket", family="programs", fn=basket, args=market_of, sizes=(20, 2000, 20_000), argnums=(0, 1)
    ),
    Case(name="gravity", family="programs", fn=gravity, args=bodies, sizes=(20, 500, 2000), argnums=(0, 1)),
    Case(name="diffusion", family="programs", fn=diffusion, args=field, sizes=(12, 200, 600), argnums=(0, 1)),
)
