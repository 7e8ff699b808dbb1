"""The marginal likelihood of a Gaussian process, through a Cholesky factor."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..case import Case, Function


def gaussian_process(log_lengths, log_signal, log_noise, x, y):
    """Minus the log marginal likelihood with a squared-exponential kernel, one length scale per input."""
    n, d = x.shape
    scaled = x / np.exp(log_lengths)
    signal = np.exp(2.0 * log_signal)
    noise = np.exp(2.0 * log_noise)
    kernel = np.empty((n, n))
    for i in range(n):
        for j in range(n):
            square = 0.0
            for a in range(d):
                square += (scaled[i, a] - scaled[j, a]) ** 2
            kernel[i, j] = signal * np.exp(-0.5 * square)
        kernel[i, i] += noise
    lower = np.linalg.cholesky(kernel)
    white = np.linalg.solve(lower, y)
    return 0.5 * np.sum(white**2) + np.sum(np.log(np.diag(lower))) + 0.5 * n * math.log(2.0 * math.pi)


def gaussian_process_hand(log_lengths, log_signal, log_noise, x, y):
    """The textbook gradient: half the trace of (K⁻¹ - K⁻¹ y yᵀ K⁻¹) dK, summed over one triangle."""
    n, d = x.shape
    lengths = np.exp(-log_lengths)
    signal = math.exp(2.0 * log_signal)
    noise = math.exp(2.0 * log_noise)
    scaled = np.empty((n, d))
    for i in range(n):
        for a in range(d):
            scaled[i, a] = x[i, a] * lengths[a]
    kernel = np.empty((n, n))
    for i in range(n):
        for j in range(i):
            square = 0.0
            for a in range(d):
                square += (scaled[i, a] - scaled[j, a]) ** 2
            kernel[i, j] = signal * math.exp(-0.5 * square)
            kernel[j, i] = kernel[i, j]
        kernel[i, i] = signal + noise
    lower = np.linalg.cholesky(kernel)
    inverse = np.linalg.inv(kernel)
    alpha = inverse @ y
    log_det = 0.0
    fit = 0.0
    for i in range(n):
        log_det += math.log(lower[i, i])
        fit += y[i] * alpha[i]
    lengths_bar = np.zeros(d)
    off_diagonal = 0.0
    diagonal = 0.0
    for i in range(n):
        for j in range(i):
            weight = (inverse[i, j] - alpha[i] * alpha[j]) * kernel[i, j]
            off_diagonal += weight
            for a in range(d):
                lengths_bar[a] += weight * (scaled[i, a] - scaled[j, a]) ** 2
        diagonal += 0.5 * (inverse[i, i] - alpha[i] * alpha[i])
    signal_bar = 2.0 * (off_diagonal + signal * diagonal)
    value = 0.5 * fit + log_det + 0.5 * n * math.log(2.0 * math.pi)
    return value, (lengths_bar, signal_bar, 2.0 * noise * diagonal)


def arguments(n: int) -> tuple[Any, ...]:
    """`n` observations of a function of three inputs."""
    rng = np.random.default_rng(0)
    x = rng.uniform(-2.0, 2.0, size=(n, 3))
    y = np.sin(x[:, 0]) + 0.5 * np.cos(2.0 * x[:, 1]) + 0.1 * rng.normal(size=n)
    return np.log([1.0, 0.8, 1.5]), 0.1, -1.0, x, y


def jax_function() -> Function:
    import jax.numpy as jnp
    from jax.scipy.linalg import solve_triangular

    def likelihood(log_lengths, log_signal, log_noise, x, y):
        n = x.shape[0]
        scaled = x / jnp.exp(log_lengths)
        squares = jnp.sum((scaled[:, None, :] - scaled[None, :, :]) ** 2, axis=-1)
        kernel = jnp.exp(2.0 * log_signal - 0.5 * squares) + jnp.exp(2.0 * log_noise) * jnp.eye(n)
        lower = jnp.linalg.cholesky(kernel)
        white = solve_triangular(lower, y, lower=True)
        log_det = jnp.sum(jnp.log(jnp.diag(lower)))
        return 0.5 * jnp.sum(white**2) + log_det + 0.5 * n * math.log(2.0 * math.pi)

    return likelihood


def torch_function() -> Function:
    import torch

    def likelihood(log_lengths, log_signal, log_noise, x, y):
        n = x.shape[0]
        scaled = x / torch.exp(log_lengths)
        squares = ((scaled[:, None, :] - scaled[None, :, :]) ** 2).sum(-1)
        noise = torch.exp(2.0 * log_noise) * torch.eye(n, dtype=x.dtype)
        lower = torch.linalg.cholesky(torch.exp(2.0 * log_signal - 0.5 * squares) + noise)
        white = torch.linalg.solve_triangular(lower, y[:, None], upper=False)
        log_det = torch.log(torch.diagonal(lower)).sum()
        return 0.5 * (white**2).sum() + log_det + 0.5 * n * math.log(2.0 * math.pi)

    return likelihood


CASES = (
    Case(
        name="gaussian_process",
        family="models",
        fn=gaussian_process,
        args=arguments,
        sizes=(12, 60, 300),
        argnums=(0, 1, 2),
        hand=gaussian_process_hand,
        jax=jax_function,
        torch=torch_function,
        note="three inputs; size: observations",
    ),
)
