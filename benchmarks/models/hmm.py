"""A hidden Markov model: the forward algorithm, scaled at each step."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..case import Case, Function

STATES = 12
SYMBOLS = 20


def hidden_markov(initial, transition, emission, symbols):
    """Minus the log-likelihood of the symbols; the arguments are logits of the rows' probabilities."""
    k = len(initial)
    start = np.exp(initial) / np.sum(np.exp(initial))
    move = np.empty_like(transition)
    emit = np.empty_like(emission)
    for i in range(k):
        weights = np.exp(transition[i])
        move[i] = weights / np.sum(weights)
        weights = np.exp(emission[i])
        emit[i] = weights / np.sum(weights)
    belief = start * emit[:, symbols[0]]
    log_likelihood = 0.0
    for t in range(1, len(symbols)):
        scale = np.sum(belief)
        log_likelihood += np.log(scale)
        belief = belief / scale
        following = np.zeros(k)
        for i in range(k):
            for j in range(k):
                following[j] += belief[i] * move[i, j]
        belief = following * emit[:, symbols[t]]
    return -(log_likelihood + np.log(np.sum(belief)))


def hidden_markov_hand(initial, transition, emission, symbols):
    """Baum–Welch: the forward pass keeps the normalised beliefs, the backward pass adds up expected counts.

    The gradient with respect to a row's logits is its probabilities times the expected visits, minus the
    expected counts.
    """
    k = len(initial)
    symbol_count = emission.shape[1]
    steps = len(symbols)
    start = np.exp(initial)
    start /= np.sum(start)
    move = np.exp(transition)
    moved = np.empty((k, k))
    emit = np.empty((symbol_count, k))
    for i in range(k):
        move[i] /= np.sum(move[i])
        for j in range(k):
            moved[j, i] = move[i, j]
        total = 0.0
        for s in range(symbol_count):
            emit[s, i] = np.exp(emission[i, s])
            total += emit[s, i]
        for s in range(symbol_count):
            emit[s, i] /= total
    beliefs = np.empty((steps, k))
    scales = np.empty(steps)
    following = np.empty(k)
    log_likelihood = 0.0
    for t in range(steps):
        if t == 0:
            following[:] = start
        else:
            following[:] = 0.0
            for i in range(k):
                b = beliefs[t - 1, i]
                for j in range(k):
                    following[j] += b * move[i, j]
        scale = 0.0
        row = symbols[t]
        for j in range(k):
            beliefs[t, j] = following[j] * emit[row, j]
            scale += beliefs[t, j]
        scales[t] = 1.0 / scale
        for j in range(k):
            beliefs[t, j] *= scales[t]
        log_likelihood += np.log(scale)
    pairs = np.zeros((k, k))
    visits = np.zeros((symbol_count, k))
    beta = np.ones(k)
    weighted = np.empty(k)
    for t in range(steps - 1, -1, -1):
        row = symbols[t]
        for j in range(k):
            visits[row, j] += beliefs[t, j] * beta[j]
            weighted[j] = beta[j] * emit[row, j] * scales[t]
        if t > 0:
            beta[:] = 0.0
            for i in range(k):
                b = beliefs[t - 1, i]
                for j in range(k):
                    pairs[i, j] += b * weighted[j]
            for j in range(k):
                w = weighted[j]
                for i in range(k):
                    beta[i] += moved[j, i] * w
    initial_bar = np.empty(k)
    transition_bar = np.empty((k, k))
    emission_bar = np.empty((k, symbol_count))
    for i in range(k):
        initial_bar[i] = start[i] * (1.0 - weighted[i])
        out = 0.0
        for j in range(k):
            transition_bar[i, j] = pairs[i, j] * move[i, j]
            out += transition_bar[i, j]
        for j in range(k):
            transition_bar[i, j] = move[i, j] * out - transition_bar[i, j]
        out = 0.0
        for s in range(symbol_count):
            out += visits[s, i]
        for s in range(symbol_count):
            emission_bar[i, s] = emit[s, i] * out - visits[s, i]
    return -log_likelihood, (initial_bar, transition_bar, emission_bar)


def arguments(steps: int) -> tuple[Any, ...]:
    """`steps` symbols."""
    rng = np.random.default_rng(0)
    return (
        rng.normal(size=STATES),
        rng.normal(size=(STATES, STATES)),
        rng.normal(size=(STATES, SYMBOLS)),
        rng.integers(0, SYMBOLS, size=steps),
    )


def jax_function() -> Function:
    import jax
    import jax.numpy as jnp
    from jax import lax

    def likelihood(initial, transition, emission, symbols):
        move = jax.nn.softmax(transition, axis=1)
        seen = jax.nn.softmax(emission, axis=1).T[symbols]

        def step(belief, emitted):
            scale = jnp.sum(belief)
            return (belief / scale) @ move * emitted, jnp.log(scale)

        belief, logs = lax.scan(step, jax.nn.softmax(initial) * seen[0], seen[1:])
        return -(jnp.sum(logs) + jnp.log(jnp.sum(belief)))

    return likelihood


def jax_loops() -> Function:
    import jax.numpy as jnp
    from jax import lax

    def likelihood(initial, transition, emission, symbols):
        k = len(initial)
        start = jnp.exp(initial) / jnp.sum(jnp.exp(initial))

        def row(i, tables):
            move, emit = tables
            weights, shown = jnp.exp(transition[i]), jnp.exp(emission[i])
            return move.at[i].set(weights / jnp.sum(weights)), emit.at[i].set(shown / jnp.sum(shown))

        move, emit = lax.fori_loop(0, k, row, (jnp.empty_like(transition), jnp.empty_like(emission)))

        def step(t, state):
            belief, log_likelihood = state
            scale = jnp.sum(belief)
            belief = belief / scale

            def add(i, following):
                return lax.fori_loop(0, k, lambda j, f: f.at[j].add(belief[i] * move[i, j]), following)

            following = lax.fori_loop(0, k, add, jnp.zeros(k))
            return following * emit[:, symbols[t]], log_likelihood + jnp.log(scale)

        first = (start * emit[:, symbols[0]], 0.0)
        belief, log_likelihood = lax.fori_loop(1, len(symbols), step, first)
        return -(log_likelihood + jnp.log(jnp.sum(belief)))

    return likelihood


def torch_function() -> Function:
    import torch

    def likelihood(initial, transition, emission, symbols):
        move = torch.softmax(transition, 1)
        seen = torch.softmax(emission, 1).T[symbols]
        belief = torch.softmax(initial, 0) * seen[0]
        log_likelihood = 0.0
        for emitted in seen[1:]:
            scale = belief.sum()
            log_likelihood = log_likelihood + torch.log(scale)
            belief = (belief / scale) @ move * emitted
        return -(log_likelihood + torch.log(belief.sum()))

    return likelihood


CASES = (
    Case(
        name="hidden_markov",
        family="models",
        fn=hidden_markov,
        args=arguments,
        sizes=(10, 200, 5000),
        argnums=(0, 1, 2),
        hand=hidden_markov_hand,
        jax=jax_function,
        jax_loops=jax_loops,
        torch=torch_function,
        note="12 states, 20 symbols; size: observations",
    ),
)
