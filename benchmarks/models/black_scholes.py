"""Monte Carlo price of an Asian call in the Black–Scholes model, as loops and as array expressions."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..case import Case, Function

STEPS = 64
MATURITY = 1.0


def asian_call_loops(spot, strike, rate, vol, draws):
    """The discounted mean payoff; `draws` holds a path's normal numbers in each row."""
    paths, steps = draws.shape
    dt = MATURITY / steps
    drift = (rate - 0.5 * vol**2) * dt
    scale = vol * math.sqrt(dt)
    payoff = 0.0
    for p in range(paths):
        s = spot
        average = 0.0
        for t in range(steps):
            s *= np.exp(drift + scale * draws[p, t])
            average += s
        payoff += max(average / steps - strike, 0.0)
    return np.exp(-rate * MATURITY) * payoff / paths


def asian_call_arrays(spot, strike, rate, vol, draws):
    """The same by whole arrays."""
    steps = draws.shape[1]
    dt = MATURITY / steps
    log_steps = (rate - 0.5 * vol**2) * dt + vol * math.sqrt(dt) * draws
    log_paths = np.empty_like(draws)
    log_paths[:, 0] = log_steps[:, 0]
    for t in range(1, steps):
        log_paths[:, t] = log_paths[:, t - 1] + log_steps[:, t]
    average = spot * np.sum(np.exp(log_paths), axis=1) / steps
    return np.exp(-rate * MATURITY) * np.mean(np.maximum(average - strike, 0.0))


def asian_call_hand(spot, strike, rate, vol, draws):
    """Sums per path beside the average give the pathwise derivatives: nothing is kept, nothing reversed."""
    paths, steps = draws.shape
    dt = MATURITY / steps
    root = math.sqrt(dt)
    drift = (rate - 0.5 * vol * vol) * dt
    scale = vol * root
    payoff = 0.0
    in_money = 0
    spot_bar = 0.0
    rate_bar = 0.0
    vol_bar = 0.0
    for p in range(paths):
        x = 0.0
        w = 0.0
        average = 0.0
        by_rate = 0.0
        by_vol = 0.0
        for t in range(steps):
            z = draws[p, t]
            x += drift + scale * z
            w += root * z - vol * dt
            s = np.exp(x)
            average += s
            by_rate += s * (t + 1)
            by_vol += s * w
        mean = spot * average / steps
        if mean > strike:
            payoff += mean - strike
            in_money += 1
            spot_bar += average
            rate_bar += by_rate
            vol_bar += by_vol
    factor = math.exp(-rate * MATURITY) / paths
    value = factor * payoff
    gradient = (
        factor * spot_bar / steps,
        -factor * in_money,
        factor * rate_bar * spot * dt / steps - MATURITY * value,
        factor * vol_bar * spot / steps,
    )
    return value, gradient


def arguments(paths: int) -> tuple[Any, ...]:
    """`paths` paths of 64 steps."""
    rng = np.random.default_rng(0)
    return 100.0, 101.0, 0.03, 0.2, rng.normal(size=(paths, STEPS))


def jax_function() -> Function:
    import jax.numpy as jnp

    def price(spot, strike, rate, vol, draws):
        steps = draws.shape[1]
        dt = MATURITY / steps
        logs = jnp.cumsum((rate - 0.5 * vol**2) * dt + vol * jnp.sqrt(dt) * draws, axis=1)
        average = spot * jnp.mean(jnp.exp(logs), axis=1)
        return jnp.exp(-rate * MATURITY) * jnp.mean(jnp.maximum(average - strike, 0.0))

    return price


def jax_loops() -> Function:
    import jax.numpy as jnp
    from jax import lax

    def price(spot, strike, rate, vol, draws):
        paths, steps = draws.shape
        dt = MATURITY / steps
        drift, scale = (rate - 0.5 * vol**2) * dt, vol * jnp.sqrt(dt)

        def path(p, payoff):
            def step(t, state):
                s = state[0] * jnp.exp(drift + scale * draws[p, t])
                return s, state[1] + s

            _, average = lax.fori_loop(0, steps, step, (spot, 0.0))
            return payoff + jnp.maximum(average / steps - strike, 0.0)

        return jnp.exp(-rate * MATURITY) * lax.fori_loop(0, paths, path, 0.0) / paths

    return price


def torch_function() -> Function:
    import torch

    def price(spot, strike, rate, vol, draws):
        steps = draws.shape[1]
        dt = MATURITY / steps
        logs = torch.cumsum((rate - 0.5 * vol**2) * dt + vol * math.sqrt(dt) * draws, 1)
        average = spot * torch.exp(logs).mean(1)
        return torch.exp(-rate * MATURITY) * torch.relu(average - strike).mean()

    return price


COMMON: dict[str, Any] = {
    "family": "models",
    "args": arguments,
    "sizes": (20, 1000, 20000),
    "argnums": (0, 1, 2, 3),
    "hand": asian_call_hand,
    "jax": jax_function,
    "torch": torch_function,
    "note": "64 steps; size: paths",
}
CASES = (
    Case(name="asian_call_loops", fn=asian_call_loops, jax_loops=jax_loops, **COMMON),
    Case(name="asian_call_arrays", fn=asian_call_arrays, **COMMON),
)
