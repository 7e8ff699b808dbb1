"""Option pricing, rates and risk. Random draws are passed in."""

from __future__ import annotations

import math

import numpy as np
from programs.registry import program


def normal_cdf(x):
    return 0.5 * (1.0 + math.erf(x / math.sqrt(2.0)))


@program(
    args=lambda rng: (rng.uniform(90, 110), 100.0, rng.uniform(0.01, 0.05), rng.uniform(0.1, 0.4), 1.5),
    argnums=(0, 1, 2, 3, 4),
)
def black_scholes_call(spot, strike, rate, vol, maturity):
    d1 = (math.log(spot / strike) + (rate + 0.5 * vol**2) * maturity) / (vol * math.sqrt(maturity))
    d2 = d1 - vol * math.sqrt(maturity)
    return spot * normal_cdf(d1) - strike * math.exp(-rate * maturity) * normal_cdf(d2)


@program(args=lambda rng: (rng.uniform(0.15, 0.35, 4), rng.uniform(0.9, 1.1)), argnums=(0, 1))
def implied_surface_misfit(vols, spot):
    """Squared price errors over calls and puts, chosen by a string per quote."""
    strikes = [0.9, 1.0, 1.1, 1.2]
    kinds = ["call", "put", "call", "put"]
    loss = 0.0
    for vol, strike, kind in zip(vols, strikes, kinds):
        d1 = (math.log(spot / strike) + 0.5 * vol * vol) / vol
        price = spot * normal_cdf(d1) - strike * normal_cdf(d1 - vol)
        if kind == "put":
            price += strike - spot
        loss += (price - 0.1) ** 2
    return loss


@program(
    args=lambda rng: (1.02, 0.03, rng.uniform(0.2, 0.4), rng.normal(size=(4, 5))),
    argnums=(0, 1, 2),
    second=False,
)
def monte_carlo_call(spot, rate, vol, draws):
    paths, steps = draws.shape
    dt = 1.0 / steps
    payoff = 0.0
    for p in range(paths):
        s = spot
        for t in range(steps):
            s *= math.exp((rate - 0.5 * vol**2) * dt + vol * math.sqrt(dt) * draws[p, t])
        payoff += max(s - 0.9, 0.0)
    return math.exp(-rate) * payoff / paths


@program(args=lambda rng: (1.0, rng.uniform(0.2, 0.4), rng.normal(size=(3, 6))), argnums=(0, 1))
def asian_option_smooth(spot, vol, draws):
    """Arithmetic average with a softplus payoff, whole paths by cumsum."""
    steps = draws.shape[1]
    dt = 1.0 / steps
    log_paths = np.cumsum(-0.5 * vol**2 * dt + vol * np.sqrt(dt) * draws, axis=1)
    average = spot * np.mean(np.exp(log_paths), axis=1)
    return np.mean(np.log1p(np.exp(20.0 * (average - 1.0)))) / 20.0


@program(
    args=lambda rng: (100.0, rng.uniform(0.02, 0.05), rng.uniform(0.2, 0.4)), argnums=(0, 1, 2), second=False
)
def binomial_american_put(spot, rate, vol):
    n = 6
    dt = 1.0 / n
    up = math.exp(vol * math.sqrt(dt))
    down = 1.0 / up
    prob = (math.exp(rate * dt) - down) / (up - down)
    disc = math.exp(-rate * dt)
    values = np.zeros(n + 1)
    for i in range(n + 1):
        values[i] = max(103.0 - spot * up**i * down ** (n - i), 0.0)
    for step in range(n - 1, -1, -1):
        for i in range(step + 1):
            hold = disc * (prob * values[i + 1] + (1.0 - prob) * values[i])
            exercise = 103.0 - spot * up**i * down ** (step - i)
            values[i] = hold if hold > exercise else exercise
    return values[0]


@program(
    args=lambda rng: (0.04, rng.uniform(1.0, 2.0), 0.05, 0.3, -0.6, rng.normal(size=(2, 3, 5))),
    argnums=(0, 1, 2, 3, 4),
)
def heston_log_variance(v0, kappa, theta, xi, rho, draws):
    """Euler paths of the Heston model; the payoff is a smooth function of the final price."""
    z1 = draws[0]
    z2 = rho * z1 + math.sqrt(1 - rho**2) * draws[1]
    dt = 0.05
    x = np.zeros(z1.shape[0])
    v = np.full(z1.shape[0], v0)
    for t in range(z1.shape[1]):
        root = np.sqrt(v + 1e-2)
        x += -0.5 * v * dt + root * np.sqrt(dt) * z1[:, t]
        v = v + kappa * (theta - v) * dt + xi * root * np.sqrt(dt) * z2[:, t] * 0.2
    return np.mean(np.exp(x) ** 2) + np.sum(v)


@program(args=lambda rng: (rng.uniform(0.01, 0.05, 5),))
def par_swap_rate(forwards):
    tau = 0.5
    discount = 1.0
    annuity = 0.0
    floating = 0.0
    for f in forwards:
        discount /= 1.0 + tau * f
        annuity += tau * discount
        floating += tau * f * discount
    return floating / annuity


@program(args=lambda rng: (rng.uniform(0.02, 0.05, 4), rng.normal(size=4)), argnums=(0,), rtol=1e-5)
def libor_market_model(forwards, z):
    """One path of forward rates updated in place, later rates depend on the earlier ones' drift."""
    rates = forwards.copy()
    n = len(rates)
    tau, vol = 0.25, 0.2
    for step in range(3):
        drift = 0.0
        for i in range(step, n):
            drift += tau * vol * vol * rates[i] / (1 + tau * rates[i])
            rates[i] *= math.exp((drift - 0.5 * vol * vol) * tau + vol * math.sqrt(tau) * z[step])
    value = 1.0
    for i in range(n):
        value /= 1 + tau * rates[i]
    return 100.0 * value


@program(
    args=lambda rng: (rng.normal(size=4), np.eye(4) + 0.1 * np.ones((4, 4)), 0.05 * rng.normal(size=4) + 0.1),
    argnums=(0, 1, 2),
)
def sharpe_ratio_softmax_weights(scores, cov, mean):
    w = np.exp(scores - np.max(scores))
    w /= np.sum(w)
    return (w @ mean) / np.sqrt(w @ cov @ w)


@program(args=lambda rng: (rng.uniform(95, 105), rng.uniform(0.2, 0.3)), argnums=(0, 1), rtol=1e-5)
def explicit_option_grid(spot, vol):
    """Explicit Black-Scholes grid in log price, read off by linear interpolation."""
    n = 9
    grid = np.linspace(-1.0, 1.0, n)
    dx = grid[1] - grid[0]
    value = np.log1p(np.exp(4.0 * (np.exp(grid) - 1.0))) / 4.0
    dt = 0.1
    for _ in range(5):
        second = (value[2:] - 2 * value[1:-1] + value[:-2]) / dx**2
        first = (value[2:] - value[:-2]) / (2 * dx)
        value[1:-1] += dt * 0.5 * vol**2 * (second - first)
    x = np.log(spot / 100.0 * 1.1)
    i = 0
    while grid[i + 1] < x:
        i += 1
    w = (x - grid[i]) / dx
    return (1 - w) * value[i] + w * value[i + 1]


@program(args=lambda rng: (rng.uniform(0.05, 0.15), np.array([-100.0, 20.0, 35.0, 45.0, 40.0])), argnums=(1,))
def internal_rate_of_return(guess, cash):
    """Newton iteration; the result hardly depends on the guess any more."""
    r = guess
    for _ in range(12):
        value = 0.0
        slope = 0.0
        for k in range(len(cash)):
            value += cash[k] / (1 + r) ** k
            slope -= k * cash[k] / (1 + r) ** (k + 1)
        step = value / slope
        r -= step
        if abs(step) < 1e-13:
            break
    return 100.0 * r
