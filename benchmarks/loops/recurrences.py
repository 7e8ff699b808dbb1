"""Particles, recursive filters, shortest paths, alignments, options: sequential by nature, or nearly."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..case import Case
from ..lazy import jax, jnp, lax, torch


def nbody(position, velocity, mass, steps, dt):
    """Leapfrog with softened gravity, as loops over pairs."""
    position, velocity = position.copy(), velocity.copy()
    n = len(mass)
    for _ in range(steps):
        for i in range(n):
            for k in range(3):
                position[i, k] += 0.5 * dt * velocity[i, k]
        for i in range(n):
            for j in range(i):
                dx = position[j, 0] - position[i, 0]
                dy = position[j, 1] - position[i, 1]
                dz = position[j, 2] - position[i, 2]
                pull = dt * (dx * dx + dy * dy + dz * dz + 0.01) ** -1.5
                velocity[i, 0] += mass[j] * pull * dx
                velocity[i, 1] += mass[j] * pull * dy
                velocity[i, 2] += mass[j] * pull * dz
                velocity[j, 0] -= mass[i] * pull * dx
                velocity[j, 1] -= mass[i] * pull * dy
                velocity[j, 2] -= mass[i] * pull * dz
        for i in range(n):
            for k in range(3):
                position[i, k] += 0.5 * dt * velocity[i, k]
    return np.sum(position**2) + np.sum(velocity**2)


def nbody_jax(position, velocity, mass, steps, dt):
    def step(state, _):
        position, velocity = state
        position = position + 0.5 * dt * velocity
        apart = position[None, :, :] - position[:, None, :]
        pull = (jnp.sum(apart**2, axis=2) + 0.01) ** -1.5
        velocity = velocity + dt * jnp.einsum("ij,ijk->ik", pull * mass, apart)
        return (position + 0.5 * dt * velocity, velocity), None

    (position, velocity), _ = lax.scan(step, (position, velocity), None, length=steps)
    return jnp.sum(position**2) + jnp.sum(velocity**2)


def nbody_torch(position, velocity, mass, steps, dt):
    for _ in range(steps):
        position = position + 0.5 * dt * velocity
        apart = position[None, :, :] - position[:, None, :]
        pull = (torch.sum(apart**2, 2) + 0.01) ** -1.5
        velocity = velocity + dt * torch.einsum("ij,ijk->ik", pull * mass, apart)
        position = position + 0.5 * dt * velocity
    return torch.sum(position**2) + torch.sum(velocity**2)


def deriche(image, alpha):
    """A recursive smoothing filter: each row from both ends, then each column from both ends."""
    w, h = image.shape
    k = (1.0 - np.exp(-alpha)) ** 2 / (1.0 + 2.0 * alpha * np.exp(-alpha) - np.exp(2.0 * alpha))
    a1, a2 = k, k * np.exp(-alpha) * (alpha - 1.0)
    a3, a4 = k * np.exp(-alpha) * (alpha + 1.0), -k * np.exp(-2.0 * alpha)
    b1, b2 = 2.0 ** (-alpha), -np.exp(-2.0 * alpha)
    first = np.empty((w, h))
    second = np.empty((w, h))
    for i in range(w):
        x1, y1, y2 = 0.0, 0.0, 0.0
        for j in range(h):
            first[i, j] = a1 * image[i, j] + a2 * x1 + b1 * y1 + b2 * y2
            x1 = image[i, j]
            y2 = y1
            y1 = first[i, j]
    for i in range(w):
        x1, x2, y1, y2 = 0.0, 0.0, 0.0, 0.0
        for j in range(h - 1, -1, -1):
            second[i, j] = a3 * x1 + a4 * x2 + b1 * y1 + b2 * y2
            x2 = x1
            x1 = image[i, j]
            y2 = y1
            y1 = second[i, j]
    smooth = first + second
    for j in range(h):
        x1, y1, y2 = 0.0, 0.0, 0.0
        for i in range(w):
            first[i, j] = a1 * smooth[i, j] + a2 * x1 + b1 * y1 + b2 * y2
            x1 = smooth[i, j]
            y2 = y1
            y1 = first[i, j]
    for j in range(h):
        x1, x2, y1, y2 = 0.0, 0.0, 0.0, 0.0
        for i in range(w - 1, -1, -1):
            second[i, j] = a3 * x1 + a4 * x2 + b1 * y1 + b2 * y2
            x2 = x1
            x1 = smooth[i, j]
            y2 = y1
            y1 = second[i, j]
    return np.sum((first + second) ** 2)


def deriche_jax(image, alpha):
    k = (1.0 - jnp.exp(-alpha)) ** 2 / (1.0 + 2.0 * alpha * jnp.exp(-alpha) - jnp.exp(2.0 * alpha))
    a1, a2 = k, k * jnp.exp(-alpha) * (alpha - 1.0)
    a3, a4 = k * jnp.exp(-alpha) * (alpha + 1.0), -k * jnp.exp(-2.0 * alpha)
    b1, b2 = 2.0 ** (-alpha), -jnp.exp(-2.0 * alpha)

    def recur(carry, x):
        y1, y2 = carry
        y = x + b1 * y1 + b2 * y2
        return (y, y1), y

    def smooth(rows):
        """Along the first axis from both ends."""
        zero = jnp.zeros(rows.shape[1])
        padded = jnp.pad(rows, ((2, 2), (0, 0)))
        _, first = lax.scan(recur, (zero, zero), a1 * padded[2:-2] + a2 * padded[1:-3])
        _, second = lax.scan(recur, (zero, zero), a3 * padded[3:-1] + a4 * padded[4:], reverse=True)
        return first + second

    return jnp.sum(smooth(smooth(image.T).T) ** 2)


def floyd_warshall(lengths):
    """All shortest paths, as loops with a branch; loops have a length of their own."""
    path = lengths.copy()
    n = path.shape[0]
    for k in range(n):
        for i in range(n):
            for j in range(n):
                through = path[i, k] + path[k, j]
                if through < path[i, j]:
                    path[i, j] = through
    return np.sum(path**2)


def floyd_warshall_jax(lengths):
    def step(path, k):
        return jnp.minimum(path, path[:, k][:, None] + path[k, :]), None

    path, _ = lax.scan(step, lengths, jnp.arange(lengths.shape[0]))
    return jnp.sum(path**2)


def alignment(similarity, gap):
    """The soft score of the best alignment of two sequences: a recurrence over a table."""
    n, m = similarity.shape
    score = np.empty((n + 1, m + 1))
    for i in range(n + 1):
        score[i, 0] = -gap * i
    for j in range(m + 1):
        score[0, j] = -gap * j
    for i in range(1, n + 1):
        for j in range(1, m + 1):
            match = score[i - 1, j - 1] + similarity[i - 1, j - 1]
            down = score[i - 1, j] - gap
            right = score[i, j - 1] - gap
            top = max(match, max(down, right))
            score[i, j] = top + np.log(np.exp(match - top) + np.exp(down - top) + np.exp(right - top))
    return score[n, m]


def alignment_jax(similarity, gap):
    """Antidiagonals, whose entries do not depend on each other."""
    n, m = similarity.shape
    rows = jnp.arange(n + 1)

    def diagonal(carry, d):
        before, last = carry
        columns = d - rows
        match = (
            jnp.roll(before, 1) + similarity[jnp.clip(rows - 1, 0, n - 1), jnp.clip(columns - 1, 0, m - 1)]
        )
        inner = jax.nn.logsumexp(jnp.stack((match, jnp.roll(last, 1) - gap, last - gap)), axis=0)
        edge = (rows == 0) | (columns == 0)
        here = jnp.where(edge, -gap * d, jnp.where((columns < 0) | (columns > m), 0.0, inner))
        return (last, here), None

    start = jnp.zeros(n + 1), jnp.where(rows <= 1, -gap, 0.0)
    (_, last), _ = lax.scan(diagonal, start, jnp.arange(2, n + m + 1))
    return last[n]


def binomial_option(spot, strike, rate, volatility, steps):
    """American puts on a binomial tree, rolled back in place, one after another."""
    dt = 1.0 / steps
    total = 0.0
    for option in range(len(strike)):
        up = np.exp(volatility[option] * np.sqrt(dt))
        discount = np.exp(-rate * dt)
        q = (1.0 / discount - 1.0 / up) / (up - 1.0 / up)
        value = np.empty(steps + 1)
        for i in range(steps + 1):
            value[i] = max(strike[option] - spot * up ** (2.0 * i - steps), 0.0)
        for step in range(steps - 1, -1, -1):
            for i in range(step + 1):
                wait = discount * (q * value[i + 1] + (1.0 - q) * value[i])
                value[i] = max(wait, strike[option] - spot * up ** (2.0 * i - step))
        total += value[0]
    return total


def binomial_option_jax(spot, strike, rate, volatility, steps):
    dt = 1.0 / steps
    places = jnp.arange(steps + 1)
    up = jnp.exp(volatility * np.sqrt(dt))[:, None]
    discount = jnp.exp(-rate * dt)
    q = (1.0 / discount - 1.0 / up) / (up - 1.0 / up)
    powers = jnp.exp(jnp.log(up) * (2.0 * places))

    def back(value, step):
        wait = discount * (q * jnp.roll(value, -1, axis=1) + (1.0 - q) * value)
        now = strike[:, None] - spot * powers * up ** (-1.0 * step)
        return jnp.where(wait >= now, wait, now), None

    last = jnp.maximum(strike[:, None] - spot * powers * up ** (-1.0 * steps), 0.0)
    value, _ = lax.scan(back, last, jnp.arange(steps - 1, -1, -1))
    return jnp.sum(value[:, 0])


def arc_distance(theta_1, phi_1, theta_2, phi_2):
    """Distances on the sphere, pair by pair, as one array expression."""
    half = np.sin((theta_2 - theta_1) / 2.0) ** 2
    half = half + np.cos(theta_1) * np.cos(theta_2) * np.sin((phi_2 - phi_1) / 2.0) ** 2
    return np.sum(2.0 * np.arctan2(np.sqrt(half), np.sqrt(1.0 - half)))


def arc_distance_jax(theta_1, phi_1, theta_2, phi_2):
    half = jnp.sin((theta_2 - theta_1) / 2.0) ** 2
    half = half + jnp.cos(theta_1) * jnp.cos(theta_2) * jnp.sin((phi_2 - phi_1) / 2.0) ** 2
    return jnp.sum(2.0 * jnp.arctan2(jnp.sqrt(half), jnp.sqrt(1.0 - half)))


def arc_distance_torch(theta_1, phi_1, theta_2, phi_2):
    half = torch.sin((theta_2 - theta_1) / 2.0) ** 2
    half = half + torch.cos(theta_1) * torch.cos(theta_2) * torch.sin((phi_2 - phi_1) / 2.0) ** 2
    return torch.sum(2.0 * torch.arctan2(torch.sqrt(half), torch.sqrt(1.0 - half)))


def particles(size: int) -> tuple[Any, ...]:
    """Positions, velocities, masses."""
    rng = np.random.default_rng(61)
    return rng.standard_normal((size, 3)), rng.standard_normal((size, 3)), rng.random(size), 10, 0.01


def picture(size: int) -> tuple[Any, ...]:
    """A picture and the width of the filter."""
    return np.random.default_rng(62).random((size, size)), 0.25


def graph(size: int) -> tuple[Any, ...]:
    """A complete graph."""
    return (np.random.default_rng(63).random((size, size)) + 0.05,)


def similarities(size: int) -> tuple[Any, ...]:
    """Similarities of two sequences, and what a gap costs."""
    return np.random.default_rng(64).standard_normal((size, size + size // 4)), 0.7


def options(size: int) -> tuple[Any, ...]:
    """Eight puts and the number of steps."""
    rng = np.random.default_rng(65)
    return 100.0, 90.0 + 25.0 * rng.random(8), 0.03, 0.2 + 0.2 * rng.random(8), size


def angles(size: int) -> tuple[Any, ...]:
    """Pairs of points on a sphere."""
    rng = np.random.default_rng(66)
    return tuple(rng.random(size) for _ in range(4))


CASES = (
    Case(
        name="nbody",
        family="loops",
        fn=nbody,
        args=particles,
        sizes=(4, 20, 60),
        argnums=(0, 1, 2),
        jax=lambda: nbody_jax,
        torch=lambda: nbody_torch,
    ),
    Case(
        name="deriche",
        family="loops",
        fn=deriche,
        args=picture,
        sizes=(6, 64, 200),
        argnums=(0, 1),
        jax=lambda: deriche_jax,
    ),
    Case(
        name="floyd_warshall",
        family="loops",
        fn=floyd_warshall,
        args=graph,
        sizes=(5, 40, 100),
        argnums=(0,),
        jax=lambda: floyd_warshall_jax,
    ),
    Case(
        name="alignment",
        family="loops",
        fn=alignment,
        args=similarities,
        sizes=(5, 50, 200),
        argnums=(0, 1),
        jax=lambda: alignment_jax,
    ),
    Case(
        name="binomial_option",
        family="loops",
        fn=binomial_option,
        args=options,
        sizes=(6, 50, 200),
        argnums=(0, 1, 2, 3),
        jax=lambda: binomial_option_jax,
    ),
    Case(
        name="arc_distance",
        family="loops",
        fn=arc_distance,
        args=angles,
        sizes=(6, 1000, 20000),
        argnums=(0, 1, 2, 3),
        jax=lambda: arc_distance_jax,
        torch=lambda: arc_distance_torch,
    ),
)
