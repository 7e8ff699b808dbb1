"""The log-likelihood of a linear Gaussian state space model by the Kalman filter."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..case import Case, Function


def kalman(transition, emission, log_drift, log_noise, y):
    """Minus the log-likelihood of the observations `y`, one row per time."""
    n = transition.shape[0]
    m = emission.shape[0]
    mean = np.zeros(n)
    cov = np.eye(n)
    drift = np.diag(np.exp(2.0 * log_drift))
    noise = np.diag(np.exp(2.0 * log_noise))
    total = 0.5 * len(y) * m * math.log(2.0 * math.pi)
    for t in range(len(y)):
        mean = transition @ mean
        cov = transition @ cov @ transition.T + drift
        innovation = y[t] - emission @ mean
        spread = emission @ cov @ emission.T + noise
        gain = np.linalg.solve(spread, emission @ cov).T
        total += 0.5 * np.dot(innovation, np.linalg.solve(spread, innovation))
        total += 0.5 * np.log(np.linalg.det(spread))
        mean = mean + gain @ innovation
        cov = cov - gain @ emission @ cov
    return total


def arguments(steps: int) -> tuple[Any, ...]:
    """`steps` observations of two of four states: two positions with velocities."""
    rng = np.random.default_rng(0)
    transition = np.eye(4) * 0.98
    transition[0, 2] = transition[1, 3] = 0.1
    emission = np.zeros((2, 4))
    emission[0, 0] = emission[1, 1] = 1.0
    y = 0.1 * np.cumsum(rng.normal(size=(steps, 2)), axis=0)
    return transition, emission, np.full(4, -1.5), np.full(2, -1.0), y


def jax_function() -> Function:
    import jax.numpy as jnp
    from jax import lax

    def likelihood(transition, emission, log_drift, log_noise, y):
        n, m = transition.shape[0], emission.shape[0]
        drift = jnp.diag(jnp.exp(2.0 * log_drift))
        noise = jnp.diag(jnp.exp(2.0 * log_noise))

        def step(state, observed):
            mean, cov = state
            mean = transition @ mean
            cov = transition @ cov @ transition.T + drift
            innovation = observed - emission @ mean
            spread = emission @ cov @ emission.T + noise
            gain = jnp.linalg.solve(spread, emission @ cov).T
            fit = innovation @ jnp.linalg.solve(spread, innovation)
            fit = fit + jnp.log(jnp.linalg.det(spread))
            return (mean + gain @ innovation, cov - gain @ emission @ cov), 0.5 * fit

        _, terms = lax.scan(step, (jnp.zeros(n), jnp.eye(n)), y)
        return jnp.sum(terms) + 0.5 * len(y) * m * math.log(2.0 * math.pi)

    return likelihood


def torch_function() -> Function:
    import torch

    def likelihood(transition, emission, log_drift, log_noise, y):
        mean = torch.zeros(transition.shape[0], dtype=y.dtype)
        cov = torch.eye(transition.shape[0], dtype=y.dtype)
        drift = torch.diag(torch.exp(2.0 * log_drift))
        noise = torch.diag(torch.exp(2.0 * log_noise))
        total = 0.5 * y.shape[0] * y.shape[1] * math.log(2.0 * math.pi)
        for observed in y:
            mean = transition @ mean
            cov = transition @ cov @ transition.T + drift
            innovation = observed - emission @ mean
            spread = emission @ cov @ emission.T + noise
            gain = torch.linalg.solve(spread, emission @ cov).T
            fit = innovation @ torch.linalg.solve(spread, innovation)
            total = total + 0.5 * (fit + torch.log(torch.linalg.det(spread)))
            mean = mean + gain @ innovation
            cov = cov - gain @ emission @ cov
        return total

    return likelihood


CASES = (
    Case(
        name="kalman",
        family="models",
        fn=kalman,
        args=arguments,
        sizes=(5, 100, 2000),
        argnums=(0, 1, 2, 3),
        jax=jax_function,
        torch=torch_function,
        note="four states, two observed, matrix expressions; size: times",
    ),
)
