"""Fit of an epidemic: a compartment model with weekly transmission rates against daily case counts."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..case import Case, Function

SUBSTEPS = 8


def epidemic(log_beta, log_sigma, log_gamma, log_seed, cases, population):
    """Minus the Poisson log-likelihood (without constants) of the daily new cases of an SEIR model."""
    sigma = np.exp(log_sigma)
    gamma = np.exp(log_gamma)
    e = np.exp(log_seed)
    i = 0.5 * e
    s = population - e - i
    r = 0.0
    dt = 1.0 / SUBSTEPS
    total = 0.0
    for day in range(len(cases)):
        beta = np.exp(log_beta[day // 7])
        new = 0.0
        for _ in range(SUBSTEPS):
            infections = dt * beta * s * i / population
            onsets = dt * sigma * e
            recoveries = dt * gamma * i
            s -= infections
            e += infections - onsets
            i += onsets - recoveries
            r += recoveries
            new += onsets
        total += new - cases[day] * np.log(new + 1e-9)
    for week in range(1, len(log_beta)):
        total += 2.0 * (log_beta[week] - log_beta[week - 1]) ** 2
    return total


def epidemic_hand(log_beta, log_sigma, log_gamma, log_seed, cases, population):
    """Keeps the three compartments at each substep; rates are constant within a day."""
    days = len(cases)
    sigma = np.exp(log_sigma)
    gamma = np.exp(log_gamma)
    seed = np.exp(log_seed)
    dt = 1.0 / SUBSTEPS
    states = np.empty((days, SUBSTEPS, 3))
    betas = np.empty(days)
    news = np.empty(days)
    e = seed
    i = 0.5 * e
    s = population - e - i
    total = 0.0
    for day in range(days):
        beta = np.exp(log_beta[day // 7]) * dt / population
        betas[day] = beta
        new = 0.0
        for k in range(SUBSTEPS):
            states[day, k, 0] = s
            states[day, k, 1] = e
            states[day, k, 2] = i
            infections = beta * s * i
            onsets = dt * sigma * e
            s -= infections
            e += infections - onsets
            i += onsets - dt * gamma * i
            new += onsets
        news[day] = new
        total += new - cases[day] * np.log(new + 1e-9)
    log_beta_bar = np.zeros(len(log_beta))
    sigma_bar = 0.0
    gamma_bar = 0.0
    s_bar = 0.0
    e_bar = 0.0
    i_bar = 0.0
    for day in range(days - 1, -1, -1):
        new_bar = 1.0 - cases[day] / (news[day] + 1e-9)
        beta = betas[day]
        beta_bar = 0.0
        for k in range(SUBSTEPS - 1, -1, -1):
            s = states[day, k, 0]
            e = states[day, k, 1]
            i = states[day, k, 2]
            infections_bar = e_bar - s_bar
            onsets_bar = i_bar - e_bar + new_bar
            beta_bar += infections_bar * s * i
            sigma_bar += onsets_bar * e
            gamma_bar -= i_bar * i
            s_bar += infections_bar * beta * i
            e_bar += onsets_bar * dt * sigma
            i_bar += infections_bar * beta * s - i_bar * dt * gamma
        log_beta_bar[day // 7] += beta_bar * beta
    for week in range(1, len(log_beta)):
        jump = log_beta[week] - log_beta[week - 1]
        total += 2.0 * jump * jump
        log_beta_bar[week] += 4.0 * jump
        log_beta_bar[week - 1] -= 4.0 * jump
    seed_bar = seed * (e_bar + 0.5 * i_bar - 1.5 * s_bar)
    return total, (log_beta_bar, dt * sigma * sigma_bar, dt * gamma * gamma_bar, seed_bar)


def arguments(days: int) -> tuple[Any, ...]:
    """Counts of `days` days."""
    rng = np.random.default_rng(0)
    weeks = (days + 6) // 7
    cases = rng.poisson(50.0 * (1.0 + np.sin(np.arange(days) / 20.0))).astype(float)
    return -0.9 + 0.1 * rng.normal(size=weeks), -1.2, -1.6, 3.0, cases, 1e6


def jax_function() -> Function:
    import jax.numpy as jnp
    from jax import lax

    def likelihood(log_beta, log_sigma, log_gamma, log_seed, cases, population):
        sigma, gamma, e = jnp.exp(log_sigma), jnp.exp(log_gamma), jnp.exp(log_seed)
        dt = 1.0 / SUBSTEPS
        betas = jnp.exp(log_beta)[jnp.arange(len(cases)) // 7]

        def day(state, beta):
            new = 0.0
            for _ in range(SUBSTEPS):
                s, e, i = state
                infections = dt * beta * s * i / population
                onsets = dt * sigma * e
                state = (s - infections, e + infections - onsets, i + onsets - dt * gamma * i)
                new = new + onsets
            return state, new

        _, new = lax.scan(day, (population - 1.5 * e, e, 0.5 * e), betas)
        return jnp.sum(new - cases * jnp.log(new + 1e-9)) + 2.0 * jnp.sum(jnp.diff(log_beta) ** 2)

    return likelihood


def torch_function() -> Function:
    import torch

    def likelihood(log_beta, log_sigma, log_gamma, log_seed, cases, population):
        sigma, gamma, e = torch.exp(log_sigma), torch.exp(log_gamma), torch.exp(log_seed)
        i = 0.5 * e
        s = population - 1.5 * e
        dt = 1.0 / SUBSTEPS
        betas = torch.exp(log_beta)
        counts = []
        for day in range(len(cases)):
            new = 0.0
            for _ in range(SUBSTEPS):
                infections = dt * betas[day // 7] * s * i / population
                onsets = dt * sigma * e
                s, e, i = s - infections, e + infections - onsets, i + onsets - dt * gamma * i
                new = new + onsets
            counts.append(new)
        new = torch.stack(counts)
        return (new - cases * torch.log(new + 1e-9)).sum() + 2.0 * (torch.diff(log_beta) ** 2).sum()

    return likelihood


CASES = (
    Case(
        name="epidemic",
        family="models",
        fn=epidemic,
        args=arguments,
        sizes=(20, 200, 4000),
        argnums=(0, 1, 2, 3),
        hand=epidemic_hand,
        jax=jax_function,
        torch=torch_function,
        note="SEIR, 8 substeps a day, scalars carried by loops; size: days",
    ),
)
