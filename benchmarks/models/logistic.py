"""Logistic regression, as an array expression and as loops."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..case import Case, Function


def logistic_regression(w, b, x, y, decay):
    """Mean cross-entropy with a ridge penalty, as an array expression."""
    z = x @ w + b
    return np.mean(np.logaddexp(0.0, z) - y * z) + 0.5 * decay * (w @ w)


def logistic_loops(w, b, x, y, decay):
    """The same as loops over samples and features."""
    n, d = x.shape
    total = 0.0
    for i in range(n):
        z = b
        for j in range(d):
            z += w[j] * x[i, j]
        total += np.logaddexp(0.0, z) - y[i] * z
    penalty = 0.0
    for j in range(d):
        penalty += w[j] ** 2
    return total / n + 0.5 * decay * penalty


def logistic_hand(w, b, x, y, decay):
    """One pass over the samples: each row is used for its score and for the gradient while it is in cache."""
    n, d = x.shape
    w_bar = np.zeros(d)
    b_bar = 0.0
    total = 0.0
    scale = 1.0 / n
    for i in range(n):
        z = b
        for j in range(d):
            z += w[j] * x[i, j]
        e = np.exp(-abs(z))
        total += max(z, 0.0) + np.log1p(e) - y[i] * z
        p = (1.0 if z >= 0.0 else e) / (1.0 + e)
        z_bar = scale * (p - y[i])
        b_bar += z_bar
        for j in range(d):
            w_bar[j] += z_bar * x[i, j]
    penalty = 0.0
    for j in range(d):
        penalty += w[j] * w[j]
        w_bar[j] += decay * w[j]
    return total * scale + 0.5 * decay * penalty, (w_bar, b_bar)


def arguments(n: int) -> tuple[Any, ...]:
    """`n` samples with 32 features."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(n, 32))
    truth = rng.normal(size=32)
    y = (x @ truth + rng.logistic(size=n) > 0.0).astype(float)
    return 0.1 * rng.normal(size=32), 0.1, x, y, 0.01


def jax_function() -> Function:
    import jax.numpy as jnp

    def logistic(w, b, x, y, decay):
        z = x @ w + b
        return jnp.mean(jnp.logaddexp(0.0, z) - y * z) + 0.5 * decay * (w @ w)

    return logistic


def jax_loops() -> Function:
    import jax.numpy as jnp
    from jax import lax

    def logistic(w, b, x, y, decay):
        n, d = x.shape

        def sample(i, total):
            z = lax.fori_loop(0, d, lambda j, z: z + w[j] * x[i, j], b)
            return total + jnp.logaddexp(0.0, z) - y[i] * z

        total = lax.fori_loop(0, n, sample, 0.0)
        penalty = lax.fori_loop(0, d, lambda j, s: s + w[j] ** 2, 0.0)
        return total / n + 0.5 * decay * penalty

    return logistic


def torch_function() -> Function:
    import torch

    def logistic(w, b, x, y, decay):
        z = x @ w + b
        return torch.mean(torch.nn.functional.softplus(z) - y * z) + 0.5 * decay * (w @ w)

    return logistic


COMMON: dict[str, Any] = {
    "family": "models",
    "args": arguments,
    "sizes": (50, 1000, 20000),
    "argnums": (0, 1),
    "hand": logistic_hand,
    "jax": jax_function,
    "torch": torch_function,
}
CASES = (
    Case(name="logistic_arrays", fn=logistic_regression, note="32 features; size: samples", **COMMON),
    Case(
        name="logistic_loops",
        fn=logistic_loops,
        jax_loops=jax_loops,
        note="32 features; size: samples",
        **COMMON,
    ),
)
