"""The log-likelihood of a Gaussian mixture with a Wishart prior, in ADBench's parameters.

`icf` holds, for each component, the logarithms of the diagonal of a lower triangular factor Q of the inverse
covariance, and then Q below its diagonal column by column.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..case import Case, Function

COMPONENTS = 10
POINTS = 1000


def gmm(alphas, means, icf, x, wishart_gamma, wishart_m):
    """The objective of ADBench, written as in its C module."""
    n, d = x.shape
    k = len(alphas)
    q_diagonal = np.exp(icf[:, :d])
    q_log_dets = np.empty(k)
    for c in range(k):
        q_log_dets[c] = np.sum(icf[c, :d])
    scores = np.empty(k)
    centred = np.empty(d)
    product = np.empty(d)
    total = 0.0
    for i in range(n):
        for c in range(k):
            for a in range(d):
                centred[a] = x[i, a] - means[c, a]
                product[a] = q_diagonal[c, a] * centred[a]
            position = d
            for b in range(d):
                for a in range(b + 1, d):
                    product[a] += icf[c, position] * centred[b]
                    position += 1
            square = 0.0
            for a in range(d):
                square += product[a] ** 2
            scores[c] = alphas[c] + q_log_dets[c] - 0.5 * square
        top = np.max(scores)
        weight = 0.0
        for c in range(k):
            weight += np.exp(scores[c] - top)
        total += top + np.log(weight)
    top = np.max(alphas)
    log_weights = top + np.log(np.sum(np.exp(alphas - top)))

    freedom = d + wishart_m + 1
    prior = 0.0
    for c in range(k):
        frobenius = np.sum(q_diagonal[c] ** 2) + np.sum(icf[c, d:] ** 2)
        prior += 0.5 * wishart_gamma**2 * frobenius - wishart_m * q_log_dets[c]
    log_gamma = 0.25 * d * (d - 1) * math.log(math.pi)
    for j in range(1, d + 1):
        log_gamma += math.lgamma(0.5 * (freedom + 1 - j))
    constant = freedom * d * (math.log(wishart_gamma) - 0.5 * math.log(2.0)) - log_gamma
    return -0.5 * n * d * math.log(2.0 * math.pi) + total - n * log_weights - (prior - k * constant)


def gmm_hand(alphas, means, icf, x, wishart_gamma, wishart_m):
    """Points in blocks, so that each product with a factor is a product of matrices.

    The adjoint of a block follows right after it, from products that are still in cache. A component's mean
    needs only a vector: the weighted sum of its products, times its factor.
    """
    n, d = x.shape
    k = len(alphas)
    lower = icf.shape[1]
    block = min(64, n)
    factors = np.zeros((k, d, d))
    transposed = np.zeros((k, d, d))
    log_dets = np.zeros(k)
    for c in range(k):
        position = d
        for b in range(d):
            factors[c, b, b] = np.exp(icf[c, b])
            log_dets[c] += icf[c, b]
            for a in range(b + 1, d):
                factors[c, a, b] = icf[c, position]
                position += 1
        transposed[c] = factors[c].T
    alphas_bar = np.zeros(k)
    product_sums = np.zeros((k, d))
    factors_bar = np.zeros((k, d, d))
    centred = np.empty((k, block, d))
    product = np.empty((k, block, d))
    scores = np.empty((block, k))
    outer = np.empty((d, d))
    total = 0.0
    for first in range(0, n, block):
        count = min(block, n - first)
        for c in range(k):
            for i in range(count):
                for a in range(d):
                    centred[c, i, a] = x[first + i, a] - means[c, a]
            np.dot(centred[c, :count], transposed[c], product[c, :count])
            for i in range(count):
                square = 0.0
                for a in range(d):
                    square += product[c, i, a] * product[c, i, a]
                scores[i, c] = alphas[c] + log_dets[c] - 0.5 * square
        for i in range(count):
            top = np.max(scores[i])
            weight = 0.0
            for c in range(k):
                scores[i, c] = np.exp(scores[i, c] - top)
                weight += scores[i, c]
            total += top + np.log(weight)
            for c in range(k):
                scores[i, c] /= weight
                alphas_bar[c] += scores[i, c]
        for c in range(k):
            for i in range(count):
                share = scores[i, c]
                for a in range(d):
                    product[c, i, a] *= share
                    product_sums[c, a] += product[c, i, a]
            np.dot(product[c, :count].T, centred[c, :count], outer)
            for a in range(d):
                for b in range(d):
                    factors_bar[c, a, b] -= outer[a, b]
    top = np.max(alphas)
    alpha_weight = 0.0
    for c in range(k):
        alpha_weight += np.exp(alphas[c] - top)
    log_weights = top + np.log(alpha_weight)
    freedom = d + wishart_m + 1
    squared = wishart_gamma * wishart_gamma
    icf_bar = np.empty((k, lower))
    means_bar = np.empty((k, d))
    prior = 0.0
    for c in range(k):
        means_bar[c] = np.dot(transposed[c], product_sums[c])
        # The weights of the points for a component sum to the adjoint of the sum of its log diagonal.
        visits = alphas_bar[c] + wishart_m
        alphas_bar[c] -= n * np.exp(alphas[c] - log_weights)
        frobenius = 0.0
        position = d
        for b in range(d):
            q = factors[c, b, b]
            frobenius += q * q
            icf_bar[c, b] = (factors_bar[c, b, b] - squared * q) * q + visits
            for a in range(b + 1, d):
                q = factors[c, a, b]
                frobenius += q * q
                icf_bar[c, position] = factors_bar[c, a, b] - squared * q
                position += 1
        prior += 0.5 * squared * frobenius - wishart_m * log_dets[c]
    log_gamma = 0.25 * d * (d - 1) * math.log(math.pi)
    for j in range(1, d + 1):
        log_gamma += math.lgamma(0.5 * (freedom + 1 - j))
    constant = freedom * d * (math.log(wishart_gamma) - 0.5 * math.log(2.0)) - log_gamma
    value = -0.5 * n * d * math.log(2.0 * math.pi) + total - n * log_weights - (prior - k * constant)
    return value, (alphas_bar, means_bar, icf_bar)


def arguments(d: int) -> tuple[Any, ...]:
    """Ten components and 1000 points (30 in two dimensions) in `d` dimensions."""
    rng = np.random.default_rng(0)
    n = POINTS if d > 2 else 30
    return (
        rng.normal(size=COMPONENTS),
        rng.uniform(size=(COMPONENTS, d)),
        0.3 * rng.normal(size=(COMPONENTS, d * (d + 1) // 2)),
        rng.normal(size=(n, d)),
        1.0,
        0,
    )


def jax_function() -> Function:
    import jax.numpy as jnp
    from jax.scipy.special import logsumexp, multigammaln

    def objective(alphas, means, icf, x, wishart_gamma, wishart_m):
        n, d = x.shape
        k = len(alphas)
        # Column by column below the diagonal is row by row above it.
        rows, columns = np.triu_indices(d, 1)
        q = jnp.zeros((k, d, d)).at[:, columns, rows].set(icf[:, d:])
        q_diagonal = jnp.exp(icf[:, :d])
        log_dets = jnp.sum(icf[:, :d], axis=1)
        q = q + jnp.eye(d) * q_diagonal[:, None, :]
        centred = x[None, :, :] - means[:, None, :]
        product = jnp.einsum("kab,knb->kna", q, centred)
        scores = (alphas + log_dets)[:, None] - 0.5 * jnp.sum(product**2, axis=2)
        total = jnp.sum(logsumexp(scores, axis=0)) - n * logsumexp(alphas)
        freedom = d + wishart_m + 1
        frobenius = jnp.sum(q_diagonal**2) + jnp.sum(icf[:, d:] ** 2)
        prior = 0.5 * wishart_gamma**2 * frobenius - wishart_m * jnp.sum(log_dets)
        constant = freedom * d * (jnp.log(wishart_gamma) - 0.5 * math.log(2.0))
        constant = constant - multigammaln(0.5 * freedom, d)
        return -0.5 * n * d * math.log(2.0 * math.pi) + total - (prior - k * constant)

    return objective


def torch_function() -> Function:
    import torch

    def objective(alphas, means, icf, x, wishart_gamma, wishart_m):
        n, d = x.shape
        k = len(alphas)
        rows, columns = np.triu_indices(d, 1)
        q_diagonal = torch.exp(icf[:, :d])
        log_dets = icf[:, :d].sum(1)
        q = torch.diag_embed(q_diagonal).clone()
        q[:, columns, rows] = icf[:, d:]
        product = (x[None, :, :] - means[:, None, :]) @ q.transpose(1, 2)
        scores = (alphas + log_dets)[:, None] - 0.5 * (product**2).sum(2)
        total = torch.logsumexp(scores, 0).sum() - n * torch.logsumexp(alphas, 0)
        freedom = d + float(wishart_m) + 1
        gamma = float(wishart_gamma)
        frobenius = (q_diagonal**2).sum() + (icf[:, d:] ** 2).sum()
        prior = 0.5 * gamma**2 * frobenius - float(wishart_m) * log_dets.sum()
        log_gamma = torch.special.multigammaln(torch.tensor(0.5 * freedom, dtype=x.dtype), d)
        constant = freedom * d * (math.log(gamma) - 0.5 * math.log(2.0)) - log_gamma
        return -0.5 * n * d * math.log(2.0 * math.pi) + total - (prior - k * constant)

    return objective


CASES = (
    Case(
        name="gmm",
        family="adbench",
        fn=gmm,
        args=arguments,
        sizes=(2, 10, 20, 32, 64),
        argnums=(0, 1, 2),
        hand=gmm_hand,
        jax=jax_function,
        torch=torch_function,
        note="10 components, 1000 points; size: dimensions",
    ),
)
