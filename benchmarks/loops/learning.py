"""Statistics and layers of networks."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np

from ..case import Case
from ..lazy import anp, jax, jnp, lax, torch


def covariance(data):
    """The covariances of the columns, as slices and loops."""
    n, m = data.shape
    data = data - np.sum(data, axis=0) / n
    cov = np.zeros((m, m))
    for i in range(m):
        for j in range(i, m):
            cov[i, j] = np.dot(data[:, i], data[:, j]) / (n - 1.0)
            cov[j, i] = cov[i, j]
    return np.sum(cov**2)


def covariance_jax(data):
    data = data - jnp.mean(data, axis=0)
    return jnp.sum((data.T @ data / (data.shape[0] - 1.0)) ** 2)


def covariance_torch(data):
    data = data - torch.mean(data, 0)
    return torch.sum((data.T @ data / (data.shape[0] - 1.0)) ** 2)


def covariance_autograd(data):
    data = data - anp.mean(data, axis=0)
    return anp.sum((data.T @ data / (data.shape[0] - 1.0)) ** 2)


def correlation(data):
    """The correlations of the columns; a column without spread keeps its scale."""
    n, m = data.shape
    data = data.copy()
    for j in range(m):
        mean = 0.0
        for i in range(n):
            mean += data[i, j]
        mean /= n
        deviation = 0.0
        for i in range(n):
            data[i, j] -= mean
            deviation += data[i, j] ** 2
        deviation = np.sqrt(deviation / n)
        if deviation <= 0.1:
            deviation = 1.0
        for i in range(n):
            data[i, j] /= np.sqrt(1.0 * n) * deviation
    total = 0.0
    for i in range(m):
        for j in range(i + 1, m):
            corr = 0.0
            for k in range(n):
                corr += data[k, i] * data[k, j]
            total += corr * corr
    return total


def correlation_jax(data):
    n = data.shape[0]
    data = data - jnp.mean(data, axis=0)
    deviation = jnp.sqrt(jnp.mean(data**2, axis=0))
    data = data / (np.sqrt(n) * jnp.where(deviation <= 0.1, 1.0, deviation))
    return jnp.sum(jnp.triu(data.T @ data, 1) ** 2)


def correlation_torch(data):
    n = data.shape[0]
    data = data - torch.mean(data, 0)
    deviation = torch.sqrt(torch.mean(data**2, 0))
    data = data / (np.sqrt(n) * torch.where(deviation <= 0.1, 1.0, deviation))
    return torch.sum(torch.triu(data.T @ data, 1) ** 2)


def softmax(x, target):
    """Cross entropy of the softmax of each row, with the maximum taken off."""
    shifted = x - np.max(x, axis=1)[:, np.newaxis]
    weights = np.exp(shifted)
    probabilities = weights / np.sum(weights, axis=1)[:, np.newaxis]
    return -np.sum(target * np.log(probabilities)) / x.shape[0]


def softmax_primal(x, target):
    """Numba 0.68 knows no `axis` of the maximum."""
    top = np.empty(x.shape[0])
    for i in range(x.shape[0]):
        top[i] = np.max(x[i])
    shifted = x - top[:, np.newaxis]
    weights = np.exp(shifted)
    probabilities = weights / np.sum(weights, axis=1)[:, np.newaxis]
    return -np.sum(target * np.log(probabilities)) / x.shape[0]


def softmax_hand(x, target):
    n, m = x.shape
    x_bar, target_bar = np.empty((n, m)), np.empty((n, m))
    value = 0.0
    for i in range(n):
        top = np.max(x[i])
        total = 0.0
        weight = 0.0
        for j in range(m):
            x_bar[i, j] = np.exp(x[i, j] - top)
            total += x_bar[i, j]
            weight += target[i, j]
        log_total = np.log(total)
        for j in range(m):
            log_probability = x[i, j] - top - log_total
            value -= target[i, j] * log_probability
            target_bar[i, j] = -log_probability / n
            x_bar[i, j] = (weight * x_bar[i, j] / total - target[i, j]) / n
    return value / n, (x_bar, target_bar)


def softmax_jax(x, target):
    return -jnp.sum(target * jax.nn.log_softmax(x, axis=1)) / x.shape[0]


def softmax_torch(x, target):
    return -torch.sum(target * torch.log_softmax(x, 1)) / x.shape[0]


def mlp(x, w1, b1, w2, b2, w3, b3, target):
    """Three layers with rectifiers and a softmax, as array expressions."""
    x = np.maximum(x @ w1 + b1, 0.0)
    x = np.maximum(x @ w2 + b2, 0.0)
    x = x @ w3 + b3
    weights = np.exp(x - np.max(x))
    probabilities = weights / np.sum(weights, axis=1).reshape(-1, 1)
    return -np.mean(target * np.log(probabilities))


def mlp_jax(x, w1, b1, w2, b2, w3, b3, target):
    x = jnp.maximum(x @ w1 + b1, 0.0)
    x = jnp.maximum(x @ w2 + b2, 0.0)
    return -jnp.mean(target * jax.nn.log_softmax(x @ w3 + b3, axis=1))


def mlp_torch(x, w1, b1, w2, b2, w3, b3, target):
    x = torch.relu(x @ w1 + b1)
    x = torch.relu(x @ w2 + b2)
    return -torch.mean(target * torch.log_softmax(x @ w3 + b3, 1))


def lstm(x, kernel, recurrent, bias):
    """A long short-term memory over a sequence, step by step."""
    hidden = recurrent.shape[0]
    h = np.zeros(hidden)
    c = np.zeros(hidden)
    total = 0.0
    for t in range(x.shape[0]):
        z = x[t] @ kernel + h @ recurrent + bias
        inwards = 1.0 / (1.0 + np.exp(-z[:hidden]))
        forget = 1.0 / (1.0 + np.exp(-z[hidden : 2 * hidden]))
        outwards = 1.0 / (1.0 + np.exp(-z[2 * hidden : 3 * hidden]))
        c = forget * c + inwards * np.tanh(z[3 * hidden :])
        h = outwards * np.tanh(c)
        total += np.sum(h**2)
    return total


def lstm_jax(x, kernel, recurrent, bias):
    hidden = recurrent.shape[0]

    def step(carry, row):
        h, c = carry
        inwards, forget, outwards, new = jnp.split(row + h @ recurrent, 4)
        c = jax.nn.sigmoid(forget) * c + jax.nn.sigmoid(inwards) * jnp.tanh(new)
        h = jax.nn.sigmoid(outwards) * jnp.tanh(c)
        return (h, c), jnp.sum(h**2)

    _, squares = lax.scan(step, (jnp.zeros(hidden), jnp.zeros(hidden)), x @ kernel + bias)
    return jnp.sum(squares)


def lstm_torch(x, kernel, recurrent, bias):
    hidden = recurrent.shape[0]
    h = torch.zeros(hidden, dtype=x.dtype)
    c = torch.zeros(hidden, dtype=x.dtype)
    total = 0.0
    for row in x @ kernel + bias:
        inwards, forget, outwards, new = torch.split(row + h @ recurrent, hidden)
        c = torch.sigmoid(forget) * c + torch.sigmoid(inwards) * torch.tanh(new)
        h = torch.sigmoid(outwards) * torch.tanh(c)
        total = total + torch.sum(h**2)
    return total


def table(size: int) -> tuple[Any, ...]:
    """Rows of a quarter as many columns."""
    return (np.random.default_rng(51).standard_normal((size, max(size // 4, 3))),)


def logits(size: int) -> tuple[Any, ...]:
    """Rows of 64 scores, and what each row should be."""
    rng = np.random.default_rng(52)
    return rng.standard_normal((size, 64)), rng.dirichlet(np.ones(64), size)


def network(size: int) -> tuple[Any, ...]:
    """A batch, three layers, and what the last should give."""
    rng = np.random.default_rng(53)
    widths = (32, 64, 48, 10)
    layers: list[Any] = []
    for before, after in pairwise(widths):
        layers += [rng.standard_normal((before, after)) / np.sqrt(before), 0.1 * rng.standard_normal(after)]
    return rng.standard_normal((size, widths[0])), *layers, rng.dirichlet(np.ones(10), size)


def sequence(size: int) -> tuple[Any, ...]:
    """A sequence of 16 numbers a step, and weights for 32 hidden ones."""
    rng = np.random.default_rng(54)
    return (
        rng.standard_normal((size, 16)),
        0.2 * rng.standard_normal((16, 128)),
        0.1 * rng.standard_normal((32, 128)),
        0.1 * rng.standard_normal(128),
    )


CASES = (
    Case(
        name="covariance",
        family="loops",
        fn=covariance,
        args=table,
        sizes=(8, 100, 240),
        argnums=(0,),
        jax=lambda: covariance_jax,
        torch=lambda: covariance_torch,
        autograd=lambda: covariance_autograd,
    ),
    Case(
        name="correlation",
        family="loops",
        fn=correlation,
        args=table,
        sizes=(8, 100, 240),
        argnums=(0,),
        jax=lambda: correlation_jax,
        torch=lambda: correlation_torch,
    ),
    Case(
        name="softmax",
        family="loops",
        fn=softmax,
        primal=softmax_primal,
        args=logits,
        sizes=(4, 100, 1000),
        argnums=(0, 1),
        hand=softmax_hand,
        jax=lambda: softmax_jax,
        torch=lambda: softmax_torch,
    ),
    Case(
        name="mlp",
        family="loops",
        fn=mlp,
        args=network,
        sizes=(8, 64, 512),
        argnums=(1, 2, 3, 4, 5, 6),
        jax=lambda: mlp_jax,
        torch=lambda: mlp_torch,
    ),
    Case(
        name="lstm",
        family="loops",
        fn=lstm,
        args=sequence,
        sizes=(4, 50, 200),
        argnums=(1, 2, 3),
        jax=lambda: lstm_jax,
        torch=lambda: lstm_torch,
    ),
)
