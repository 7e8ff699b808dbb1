"""A likelihood with nested loops, and a small network as an array expression."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..case import Case
from ..lazy import anp, jax, jnp, torch


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


def mixture_hand(alphas, means, factors, x):
    """The responsibilities of each point weigh the derivatives of its scores, which are made again."""
    n, d = x.shape
    k = len(alphas)
    scores, centred, z, z_bar = np.empty(k), np.empty((k, d)), np.empty((k, d)), np.empty(d)
    alphas_bar, means_bar, factors_bar = np.zeros(k), np.zeros((k, d)), np.zeros((k, d, d))
    scales, log_dets = np.empty((k, d)), np.zeros(k)
    for c in range(k):
        for a in range(d):
            scales[c, a] = np.exp(factors[c, a, a])
            log_dets[c] += factors[c, a, a]
    total = 0.0
    for i in range(n):
        for c in range(k):
            squares = 0.0
            for a in range(d):
                centred[c, a] = x[i, a] - means[c, a]
            for a in range(d):
                sum_ = scales[c, a] * centred[c, a]
                for b in range(a):
                    sum_ += factors[c, a, b] * centred[c, b]
                z[c, a] = sum_
                squares += sum_ * sum_
            scores[c] = alphas[c] + log_dets[c] - 0.5 * squares
        top = np.max(scores)
        weight = 0.0
        for c in range(k):
            scores[c] = np.exp(scores[c] - top)
            weight += scores[c]
        total += top + np.log(weight)
        for c in range(k):
            share = -scores[c] / weight
            alphas_bar[c] += share
            for a in range(d):
                z_bar[a] = -share * z[c, a]
                factors_bar[c, a, a] += share + z_bar[a] * scales[c, a] * centred[c, a]
                means_bar[c, a] -= z_bar[a] * scales[c, a]
                for b in range(a):
                    factors_bar[c, a, b] += z_bar[a] * centred[c, b]
                    means_bar[c, b] -= z_bar[a] * factors[c, a, b]
    top = np.max(alphas)
    weights = np.exp(alphas - top)
    weight = np.sum(weights)
    value = -(total - n * (top + np.log(weight)) - 0.5 * n * d * math.log(2.0 * math.pi))
    return value, (alphas_bar + n * weights / weight, means_bar, factors_bar)


def mixture_jax(alphas, means, factors, x):
    n, d = x.shape
    logs = jnp.diagonal(factors, axis1=1, axis2=2)
    q = jnp.tril(factors, -1) + jnp.exp(logs)[:, :, None] * jnp.eye(d)
    z = jnp.einsum("kab,nkb->nka", q, x[:, None, :] - means)
    scores = alphas + logs.sum(1) - 0.5 * jnp.sum(z * z, 2)
    total = jnp.sum(jax.nn.logsumexp(scores, axis=1))
    return -(total - n * jax.nn.logsumexp(alphas) - 0.5 * n * d * math.log(2.0 * math.pi))


def mixture_torch(alphas, means, factors, x):
    n, d = x.shape
    logs = torch.diagonal(factors, dim1=1, dim2=2)
    q = torch.tril(factors, -1) + torch.diag_embed(torch.exp(logs))
    z = torch.einsum("kab,nkb->nka", q, x[:, None, :] - means)
    scores = alphas + logs.sum(1) - 0.5 * torch.sum(z * z, 2)
    total = torch.sum(torch.logsumexp(scores, 1))
    return -(total - n * torch.logsumexp(alphas, 0) - 0.5 * n * d * math.log(2.0 * math.pi))


def perceptron(w1, b1, w2, b2, x, y):
    """Mean squared error of a network with one hidden layer, as array expressions."""
    hidden = np.tanh(x @ w1 + b1)
    out = hidden @ w2 + b2
    error = out - y
    return np.mean(error**2) + 1e-4 * (np.sum(w1**2) + np.sum(w2**2))


def perceptron_hand(w1, b1, w2, b2, x, y):
    hidden = np.tanh(x @ w1 + b1)
    error = hidden @ w2 + b2 - y
    value = np.mean(error**2) + 1e-4 * (np.sum(w1**2) + np.sum(w2**2))
    out_bar = error * (2.0 / error.size)
    inner_bar = out_bar @ w2.T * (1.0 - hidden * hidden)
    w1_bar = x.T @ inner_bar + 2e-4 * w1
    w2_bar = hidden.T @ out_bar + 2e-4 * w2
    return value, (w1_bar, np.sum(inner_bar, axis=0), w2_bar, np.sum(out_bar, axis=0))


def perceptron_jax(w1, b1, w2, b2, x, y):
    out = jnp.tanh(x @ w1 + b1) @ w2 + b2
    return jnp.mean((out - y) ** 2) + 1e-4 * (jnp.sum(w1**2) + jnp.sum(w2**2))


def perceptron_torch(w1, b1, w2, b2, x, y):
    out = torch.tanh(x @ w1 + b1) @ w2 + b2
    return torch.mean((out - y) ** 2) + 1e-4 * (torch.sum(w1**2) + torch.sum(w2**2))


def perceptron_autograd(w1, b1, w2, b2, x, y):
    out = anp.tanh(x @ w1 + b1) @ w2 + b2
    return anp.mean((out - y) ** 2) + 1e-4 * (anp.sum(w1**2) + anp.sum(w2**2))


def mixture_data(size: int) -> tuple[Any, ...]:
    """Ten dimensions, eight clusters, `size` points."""
    rng = np.random.default_rng(0)
    d, k = 10, 8
    means, factors = rng.normal(size=(k, d)), 0.1 * rng.normal(size=(k, d, d))
    return rng.normal(size=k), means, factors, rng.normal(size=(size, d))


def perceptron_data(size: int) -> tuple[Any, ...]:
    """32 inputs, 64 hidden units, 8 outputs, `size` rows."""
    rng = np.random.default_rng(0)
    w1, w2 = 0.1 * rng.normal(size=(32, 64)), 0.1 * rng.normal(size=(64, 8))
    return w1, np.zeros(64), w2, np.zeros(8), rng.normal(size=(size, 32)), rng.normal(size=(size, 8))


CASES = (
    Case(
        name="mixture",
        family="programs",
        fn=mixture,
        args=mixture_data,
        sizes=(10, 100, 500),
        argnums=(0, 1, 2),
        hand=mixture_hand,
        jax=lambda: mixture_jax,
        torch=lambda: mixture_torch,
    ),
    Case(
        name="perceptron",
        family="programs",
        fn=perceptron,
        args=perceptron_data,
        sizes=(16, 128, 512),
        argnums=(0, 1, 2, 3),
        hand=perceptron_hand,
        jax=lambda: perceptron_jax,
        torch=lambda: perceptron_torch,
        autograd=lambda: perceptron_autograd,
    ),
)
