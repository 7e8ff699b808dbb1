"""Programs in the style of real code: a PDE stepper, a likelihood with nested loops, an array expression."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np


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


def mixture(alphas, means, factors, x):
    """Minus the log-likelihood of a Gaussian mixture; the inverse covariances are Qᵀ Q, Q is lower
    triangular, and its diagonal is given by logarithms.
    """
    n, d = x.shape
    k = len(alphas)
    scores = np.empty(k)
    centred = np.empty(d)
    total = 0.0
    for i in range(n):
        for c in range(k):
            for a in range(d):
                centred[a] = x[i, a] - means[c, a]
            squares = 0.0
            log_det = 0.0
            for a in range(d):
                z = np.exp(factors[c, a, a]) * centred[a]
                for b in range(a):
                    z += factors[c, a, b] * centred[b]
                squares += z * z
                log_det += factors[c, a, a]
            scores[c] = alphas[c] + log_det - 0.5 * squares
        top = np.max(scores)
        weight = 0.0
        for c in range(k):
            weight += np.exp(scores[c] - top)
        total += top + np.log(weight)
    top = np.max(alphas)
    return -(total - n * (top + np.log(np.sum(np.exp(alphas - top)))) - 0.5 * n * d * math.log(2.0 * math.pi))


def perceptron(w1, b1, w2, b2, x, y):
    """Mean squared error of a network with one hidden layer, as array expressions."""
    hidden = np.tanh(x @ w1 + b1)
    out = hidden @ w2 + b2
    error = out - y
    return np.mean(error**2) + 1e-4 * (np.sum(w1**2) + np.sum(w2**2))


@dataclass(frozen=True)
class Case:
    """A program, its arguments, and which of them are differentiated."""

    name: str
    fn: Callable[..., Any]
    args: tuple[Any, ...]
    argnums: tuple[int, ...]


def cases() -> list[Case]:
    """The programs with arguments of a usual size."""
    rng = np.random.default_rng(0)
    u, v = np.ones((64, 64)), np.zeros((64, 64))
    u[24:40, 24:40], v[24:40, 24:40] = 0.5, 0.25
    rates = np.log([0.16, 0.08, 0.035, 0.06])
    d, k, n = 10, 8, 500
    gmm = (
        rng.normal(size=k),
        rng.normal(size=(k, d)),
        0.1 * rng.normal(size=(k, d, d)),
        rng.normal(size=(n, d)),
    )
    w1, w2 = 0.1 * rng.normal(size=(32, 64)), 0.1 * rng.normal(size=(64, 8))
    x, y = rng.normal(size=(512, 32)), rng.normal(size=(512, 8))
    return [
        Case("reaction-diffusion 64×64, 100 steps", reaction_diffusion, (rates, u, v, 100), (0, 1, 2)),
        Case("the same with slices, 64×64, 100 steps", reaction_diffusion_slices, (u, v, 100), (0, 1)),
        Case("Gaussian mixture d=10 K=8 n=500", mixture, gmm, (0, 1, 2)),
        Case(
            "perceptron 32-64-8, 512 rows",
            perceptron,
            (w1, np.zeros(64), w2, np.zeros(8), x, y),
            (0, 1, 2, 3),
        ),
    ]
