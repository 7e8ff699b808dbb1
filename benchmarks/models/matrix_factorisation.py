"""Matrix factorisation of ratings at scattered places, with biases."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..case import Case, Function

RANK = 16


def matrix_factorisation(users, items, user_bias, item_bias, rows, columns, ratings, decay):
    """Squared errors of the ratings, each with the penalty of the factors that it uses."""
    total = 0.0
    for r in range(len(ratings)):
        i = rows[r]
        j = columns[r]
        predicted = user_bias[i] + item_bias[j]
        size = 0.0
        for k in range(users.shape[1]):
            predicted += users[i, k] * items[j, k]
            size += users[i, k] ** 2 + items[j, k] ** 2
        total += (ratings[r] - predicted) ** 2 + decay * size
    return total / len(ratings)


def matrix_factorisation_hand(users, items, user_bias, item_bias, rows, columns, ratings, decay):
    """Each rating's gradient is added as soon as its prediction is known."""
    rank = users.shape[1]
    count = len(ratings)
    users_bar = np.zeros_like(users)
    items_bar = np.zeros_like(items)
    user_bias_bar = np.zeros_like(user_bias)
    item_bias_bar = np.zeros_like(item_bias)
    scale = 2.0 / count
    shrink = scale * decay
    total = 0.0
    for r in range(count):
        i = rows[r]
        j = columns[r]
        predicted = user_bias[i] + item_bias[j]
        size = 0.0
        for k in range(rank):
            predicted += users[i, k] * items[j, k]
            size += users[i, k] * users[i, k] + items[j, k] * items[j, k]
        error = ratings[r] - predicted
        total += error * error + decay * size
        predicted_bar = -scale * error
        user_bias_bar[i] += predicted_bar
        item_bias_bar[j] += predicted_bar
        for k in range(rank):
            users_bar[i, k] += predicted_bar * items[j, k] + shrink * users[i, k]
            items_bar[j, k] += predicted_bar * users[i, k] + shrink * items[j, k]
    return total / count, (users_bar, items_bar, user_bias_bar, item_bias_bar)


def arguments(count: int) -> tuple[Any, ...]:
    """`count` ratings of `count / 20` users for as many items."""
    rng = np.random.default_rng(0)
    n = max(count // 20, 2)
    return (
        0.3 * rng.normal(size=(n, RANK)),
        0.3 * rng.normal(size=(n, RANK)),
        0.1 * rng.normal(size=n),
        0.1 * rng.normal(size=n),
        rng.integers(0, n, size=count),
        rng.integers(0, n, size=count),
        rng.normal(size=count),
        0.02,
    )


def jax_function() -> Function:
    import jax.numpy as jnp

    def factorisation(users, items, user_bias, item_bias, rows, columns, ratings, decay):
        u, v = users[rows], items[columns]
        predicted = user_bias[rows] + item_bias[columns] + jnp.sum(u * v, axis=1)
        return jnp.mean((ratings - predicted) ** 2 + decay * (jnp.sum(u**2, axis=1) + jnp.sum(v**2, axis=1)))

    return factorisation


def jax_loops() -> Function:
    from jax import lax

    def factorisation(users, items, user_bias, item_bias, rows, columns, ratings, decay):
        def rating(r, total):
            i, j = rows[r], columns[r]

            def term(k, state):
                predicted, size = state
                u, v = users[i, k], items[j, k]
                return predicted + u * v, size + u**2 + v**2

            predicted, size = lax.fori_loop(0, users.shape[1], term, (user_bias[i] + item_bias[j], 0.0))
            return total + (ratings[r] - predicted) ** 2 + decay * size

        return lax.fori_loop(0, len(ratings), rating, 0.0) / len(ratings)

    return factorisation


def torch_function() -> Function:
    import torch

    def factorisation(users, items, user_bias, item_bias, rows, columns, ratings, decay):
        u, v = users[rows], items[columns]
        predicted = user_bias[rows] + item_bias[columns] + (u * v).sum(1)
        return torch.mean((ratings - predicted) ** 2 + decay * ((u**2).sum(1) + (v**2).sum(1)))

    return factorisation


CASES = (
    Case(
        name="matrix_factorisation",
        family="models",
        fn=matrix_factorisation,
        args=arguments,
        sizes=(100, 2000, 50000),
        argnums=(0, 1, 2, 3),
        hand=matrix_factorisation_hand,
        jax=jax_function,
        jax_loops=jax_loops,
        torch=torch_function,
        note="rank 16; size: ratings",
    ),
)
