"""Dynamic time warping with a soft minimum."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..case import Case, Function


def soft_dtw(a, b, gamma):
    """The soft alignment cost of two series with vectors in their rows."""
    n, d = a.shape
    m = b.shape[0]
    cost = np.full((n + 1, m + 1), 1e10)
    cost[0, 0] = 0.0
    for i in range(1, n + 1):
        for j in range(1, m + 1):
            distance = 0.0
            for k in range(d):
                distance += (a[i - 1, k] - b[j - 1, k]) ** 2
            x = -cost[i - 1, j] / gamma
            y = -cost[i, j - 1] / gamma
            z = -cost[i - 1, j - 1] / gamma
            top = max(x, max(y, z))
            softmin = -gamma * (np.log(np.exp(x - top) + np.exp(y - top) + np.exp(z - top)) + top)
            cost[i, j] = distance + softmin
    return cost[n, m]


def soft_dtw_hand(a, b, gamma):
    """Keeps the three weights of each soft minimum, which are all that the expected path needs."""
    n, d = a.shape
    m = b.shape[0]
    above = np.full(m + 1, 1e10)
    current = np.empty(m + 1)
    above[0] = 0.0
    weights = np.empty((n, m, 3))
    inverse = 1.0 / gamma
    for i in range(n):
        current[0] = 1e10
        for j in range(m):
            distance = 0.0
            for k in range(d):
                difference = a[i, k] - b[j, k]
                distance += difference * difference
            least = min(above[j + 1], min(current[j], above[j]))
            x = np.exp((least - above[j + 1]) * inverse)
            y = np.exp((least - current[j]) * inverse)
            z = np.exp((least - above[j]) * inverse)
            total = x + y + z
            share = 1.0 / total
            weights[i, j, 0] = x * share
            weights[i, j, 1] = y * share
            weights[i, j, 2] = z * share
            current[j + 1] = distance + least - gamma * np.log(total)
        above, current = current, above
    a_bar = np.zeros_like(a)
    b_bar = np.zeros_like(b)
    row_bar = np.zeros(m + 1)
    above_bar = np.zeros(m + 1)
    row_bar[m] = 1.0
    for i in range(n - 1, -1, -1):
        above_bar[:] = 0.0
        for j in range(m - 1, -1, -1):
            e = row_bar[j + 1]
            above_bar[j + 1] += e * weights[i, j, 0]
            row_bar[j] += e * weights[i, j, 1]
            above_bar[j] += e * weights[i, j, 2]
            for k in range(d):
                pull = 2.0 * e * (a[i, k] - b[j, k])
                a_bar[i, k] += pull
                b_bar[j, k] -= pull
        row_bar, above_bar = above_bar, row_bar
    return above[m], (a_bar, b_bar)


def arguments(n: int) -> tuple[Any, ...]:
    """Series of `n` and `n + 3` vectors of length 3."""
    rng = np.random.default_rng(0)
    return rng.normal(size=(n, 3)), rng.normal(size=(n + 3, 3)), 0.5


def jax_function() -> Function:
    import jax.numpy as jnp
    from jax import lax
    from jax.scipy.special import logsumexp

    def alignment(a, b, gamma):
        """Antidiagonal by antidiagonal, each a vector indexed by the row."""
        n, m = a.shape[0], b.shape[0]
        distances = jnp.sum((a[:, None, :] - b[None, :, :]) ** 2, axis=-1)
        rows = jnp.arange(n)
        columns = jnp.arange(n + m - 1)[:, None] - rows[None, :]
        inside = (columns >= 0) & (columns < m)
        skewed = distances[rows[None, :], jnp.clip(columns, 0, m - 1)]
        far = 1e10
        corner = jnp.full(n + 1, far)

        def step(state, inputs):
            last, before = state
            distance, valid = inputs
            best = jnp.stack([last[:-1], last[1:], before[:-1]])
            cost = jnp.where(valid, distance - gamma * logsumexp(-best / gamma, axis=0), far)
            return (jnp.concatenate([jnp.array([far]), cost]), last), None

        (last, _), _ = lax.scan(step, (corner, corner.at[0].set(0.0)), (skewed, inside))
        return last[n]

    return alignment


def jax_loops() -> Function:
    import jax.numpy as jnp
    from jax import lax

    def alignment(a, b, gamma):
        n, d = a.shape
        m = b.shape[0]

        def cell(i, j, cost):
            distance = lax.fori_loop(0, d, lambda k, s: s + (a[i - 1, k] - b[j - 1, k]) ** 2, 0.0)
            x, y, z = -cost[i - 1, j] / gamma, -cost[i, j - 1] / gamma, -cost[i - 1, j - 1] / gamma
            top = jnp.maximum(x, jnp.maximum(y, z))
            softmin = -gamma * (jnp.log(jnp.exp(x - top) + jnp.exp(y - top) + jnp.exp(z - top)) + top)
            return cost.at[i, j].set(distance + softmin)

        def row(i, cost):
            return lax.fori_loop(1, m + 1, lambda j, cost: cell(i, j, cost), cost)

        cost = jnp.full((n + 1, m + 1), 1e10).at[0, 0].set(0.0)
        return lax.fori_loop(1, n + 1, row, cost)[n, m]

    return alignment


CASES = (
    Case(
        name="soft_dtw",
        family="models",
        fn=soft_dtw,
        args=arguments,
        sizes=(8, 60, 300),
        argnums=(0, 1),
        hand=soft_dtw_hand,
        jax=jax_function,
        jax_loops=jax_loops,
        note="vectors of length 3; size: length of the series",
    ),
)
