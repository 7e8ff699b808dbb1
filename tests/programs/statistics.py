"""Likelihoods, filters and latent-variable models."""

from __future__ import annotations

import math

import numpy as np
from programs.registry import program

LOG_2PI = math.log(2.0 * math.pi)


@program(args=lambda rng: (rng.normal(size=6), rng.normal(), rng.uniform(0.5, 2.0)), argnums=(0, 1, 2))
def gaussian_loglik(x, mu, sigma):
    n = len(x)
    total = -n * math.log(sigma) - 0.5 * n * LOG_2PI
    for i in range(n):
        total -= 0.5 * ((x[i] - mu) / sigma) ** 2
    return total


@program(
    args=lambda rng: (
        rng.normal(size=8),
        rng.uniform(0.1, 1.0),
        rng.uniform(0.1, 1.0),
        rng.uniform(0.5, 1.0),
    ),
    argnums=(0, 1, 2, 3),
)
def kalman_scalar(y, q, r, phi):
    """Negative log likelihood of a noisy AR(1) by the Kalman filter."""
    m, p = 0.0, 1.0
    nll = 0.0
    for t in range(y.shape[0]):
        m_pred = phi * m
        p_pred = phi * phi * p + q
        s = p_pred + r
        innovation = y[t] - m_pred
        nll += 0.5 * (np.log(2 * np.pi * s) + innovation**2 / s)
        gain = p_pred / s
        m = m_pred + gain * innovation
        p = (1 - gain) * p_pred
    return nll


@program(
    args=lambda rng: (
        np.eye(2) + 0.2 * rng.normal(size=(2, 2)),
        rng.normal(size=(2, 2)),
        0.3 * np.eye(2),
        rng.normal(size=(4, 2)),
    ),
    argnums=(0, 1, 2, 3),
)
def kalman_matrix(transition, emission, noise, observations):
    dim = transition.shape[0]
    mean = np.zeros(dim)
    cov = np.eye(dim)
    loglik = 0.0
    for obs in observations:
        mean = transition @ mean
        cov = transition @ cov @ transition.T + 0.1 * np.eye(dim)
        s = emission @ cov @ emission.T + noise @ noise.T + 0.5 * np.eye(2)
        residual = obs - emission @ mean
        gain = np.linalg.solve(s.T, emission @ cov.T).T
        loglik -= 0.5 * (residual @ np.linalg.solve(s, residual) + np.linalg.slogdet(s)[1])
        mean = mean + gain @ residual
        cov = (np.eye(dim) - gain @ emission) @ cov
    return loglik


def logsumexp(a):
    top = np.max(a)
    return top + np.log(np.sum(np.exp(a - top)))


@program(
    args=lambda rng: (
        rng.normal(size=3),
        rng.normal(size=(3, 3)),
        rng.normal(size=(3, 4)),
        np.array([0, 3, 1, 1, 2]),
    ),
    argnums=(0, 1, 2),
)
def hmm_forward(initial, transition, emission, symbols):
    """Log likelihood of a hidden Markov model from unnormalised log parameters."""
    states = len(initial)
    log_pi = initial - logsumexp(initial)
    log_a = np.empty_like(transition)
    log_b = np.empty_like(emission)
    for s in range(states):
        log_a[s] = transition[s] - logsumexp(transition[s])
        log_b[s] = emission[s] - logsumexp(emission[s])
    alpha = log_pi + log_b[:, symbols[0]]
    new = np.zeros(states)
    for t in range(1, len(symbols)):
        for j in range(states):
            new[j] = logsumexp(alpha + log_a[:, j]) + log_b[j, symbols[t]]
        alpha[:] = new
    return logsumexp(alpha)


@program(args=lambda rng: (rng.normal(size=(5, 3)), rng.normal(size=(3, 3))), argnums=(0, 1), second=False)
def viterbi_score(emission, transition):
    steps, states = emission.shape
    best = emission[0].copy()
    for t in range(1, steps):
        previous = best.copy()
        for j in range(states):
            k = np.argmax(previous + transition[:, j])
            best[j] = previous[k] + transition[k, j] + emission[t, j]
    return np.max(best)


@program(
    args=lambda rng: (
        rng.normal(size=2),
        rng.normal(size=(2, 3)),
        rng.uniform(-0.5, 0.5, (2, 3)),
        rng.normal(size=(5, 3)),
    ),
    argnums=(0, 1, 2, 3),
)
def gmm_diagonal(weights, means, log_scales, data):
    n, d = data.shape
    k = len(weights)
    log_norm = np.log(np.sum(np.exp(weights)))
    total = 0.0
    scores = np.zeros(k)
    for i in range(n):
        for c in range(k):
            quad = 0.0
            log_det = 0.0
            for j in range(d):
                quad += ((data[i, j] - means[c, j]) / math.exp(log_scales[c, j])) ** 2
                log_det += log_scales[c, j]
            scores[c] = weights[c] - log_norm - log_det - 0.5 * quad - 0.5 * d * LOG_2PI
        largest = np.max(scores)
        total += largest + math.log(np.sum(np.exp(scores - largest)))
    return total


@program(
    args=lambda rng: (
        rng.normal(size=2),
        rng.normal(size=(2, 3)),
        0.3 * rng.normal(size=(2, 6)),
        rng.normal(size=(3, 3)),
    ),
    argnums=(0, 1, 2),
)
def gmm_full_covariance(alphas, means, icf, x):
    """The ADBench objective: packed inverse Cholesky factors, log diagonal first."""
    n, d = x.shape
    k = means.shape[0]
    qx = np.zeros(d)
    main = np.zeros(k)
    total = 0.0
    for i in range(n):
        for c in range(k):
            diff = x[i] - means[c]
            for r in range(d):
                qx[r] = np.exp(icf[c, r]) * diff[r]
            place = d
            for col in range(d):
                for row in range(col + 1, d):
                    qx[row] += icf[c, place] * diff[col]
                    place += 1
            main[c] = alphas[c] + np.sum(icf[c, :d]) - 0.5 * np.sum(qx**2)
        total += logsumexp(main)
    return total - n * logsumexp(alphas)


@program(
    args=lambda rng: (rng.normal(size=(5, 2)), rng.normal(size=5), rng.uniform(-0.5, 0.5, 3)),
    argnums=(0, 1, 2),
)
def gaussian_process_loglik(x, y, log_theta):
    amplitude, length, noise = np.exp(log_theta)
    n = x.shape[0]
    k = np.empty((n, n))
    for i in range(n):
        for j in range(n):
            k[i, j] = amplitude**2 * np.exp(-0.5 * np.sum((x[i] - x[j]) ** 2) / length**2)
        k[i, i] += noise**2
    low = np.linalg.cholesky(k)
    z = np.linalg.solve(low, y)
    return -0.5 * z @ z - np.sum(np.log(np.diag(low))) - 0.5 * n * LOG_2PI


@program(
    args=lambda rng: (
        rng.uniform(0.5, 1.5),
        rng.uniform(0.2, 0.6),
        np.sort(rng.uniform(0, 4, 6)),
        rng.normal(size=6),
    ),
    argnums=(0, 1, 3),
)
def gaussian_process_slogdet(length, noise, t, y):
    dist = np.abs(t[:, None] - t[None, :]) / length
    k = (1 + math.sqrt(3) * dist) * np.exp(-math.sqrt(3) * dist) + noise * np.eye(t.size)
    _, logdet = np.linalg.slogdet(k)
    return -0.5 * np.dot(y, np.linalg.inv(k) @ y) - 0.5 * logdet


@program(args=lambda rng: (rng.normal(size=3), rng.normal(size=(6, 3)), np.array([0.0, 1, 1, 0, 1, 0])))
def logistic_regression(w, x, y):
    loss = 0.0
    for i in range(x.shape[0]):
        z = w @ x[i]
        loss += math.log1p(math.exp(-abs(z))) + max(z, 0.0) - y[i] * z
    return loss / x.shape[0] + 0.01 * np.sum(w**2)


@program(
    args=lambda rng: (0.3 * rng.normal(size=3), rng.normal(size=(6, 3)), np.array([0, 2, 1, 5, 3, 1])),
    argnums=(0, 1),
)
def poisson_regression(w, x, counts):
    eta = x @ w
    return np.sum(np.exp(eta) - counts * eta)


@program(
    args=lambda rng: (rng.normal(size=(3, 4)), rng.normal(size=(5, 3)), np.array([0, 3, 1, 2, 0])),
    argnums=(0, 1),
)
def softmax_regression(w, x, labels):
    logits = x @ w
    logits = logits - logits.max(axis=1, keepdims=True)
    log_probs = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
    loss = 0.0
    for i in range(len(labels)):
        loss -= log_probs[i, labels[i]]
    return loss / len(labels)


@program(
    args=lambda rng: (
        rng.normal(size=8),
        rng.uniform(0.05, 0.2),
        rng.uniform(0.1, 0.3),
        rng.uniform(0.4, 0.6),
    ),
    argnums=(0, 1, 2, 3),
)
def garch_nll(returns, omega, alpha, beta):
    var = np.var(returns)
    nll = 0.0
    for t in range(len(returns)):
        nll += 0.5 * (math.log(var) + returns[t] ** 2 / var)
        var = omega + alpha * returns[t] ** 2 + beta * var
    return nll


@program(
    args=lambda rng: (rng.uniform(-0.4, 0.4, 2), rng.uniform(-0.3, 0.3), rng.normal(size=9)),
    argnums=(0, 1, 2),
)
def arma_conditional_nll(phi, theta, x):
    n = x.shape[0]
    eps = np.zeros(n)
    for t in range(2, n):
        eps[t] = x[t] - phi[0] * x[t - 1] - phi[1] * x[t - 2] - theta * eps[t - 1]
    sigma2 = np.mean(eps[2:] ** 2)
    return 0.5 * (n - 2) * np.log(sigma2)


@program(
    args=lambda rng: (rng.normal(), rng.normal(), rng.normal(size=4), rng.uniform(0.5, 1.5, 4)),
    argnums=(0, 1, 2),
)
def eight_schools_log_density(mu, log_tau, theta, scale):
    """Hierarchical model, half-Cauchy prior on the group scale; what an MCMC sampler evaluates."""
    observed = [2.8, 0.8, -0.3, 0.7]
    tau = math.exp(log_tau)
    lp = -math.log(1.0 + (tau / 5.0) ** 2) + log_tau - 0.5 * (mu / 5.0) ** 2
    for j, y in enumerate(observed):
        lp += -0.5 * ((theta[j] - mu) / tau) ** 2 - math.log(tau)
        lp += -0.5 * ((y - theta[j]) / scale[j]) ** 2
    return lp


@program(args=lambda rng: (rng.normal(size=(6, 2)), rng.normal(size=(2, 2))), argnums=(0, 1))
def soft_k_means(points, centres):
    c = centres
    for _ in range(3):
        d2 = ((points[:, None, :] - c[None, :, :]) ** 2).sum(axis=2)
        w = np.exp(-d2)
        w = w / w.sum(axis=1, keepdims=True)
        c = (w.T @ points) / w.sum(axis=0)[:, None]
    return np.sum(c**2) + c[0, 0]


@program(args=lambda rng: (rng.uniform(0.1, 3.9, 6), rng.normal(size=6)), argnums=(0, 1), rtol=1e-5)
def weighted_histogram_entropy(samples, log_weights):
    """Linear (cloud-in-cell) binning on a grid of five nodes."""
    hist = np.zeros(5)
    for i in range(len(samples)):
        cell = int(samples[i])
        frac = samples[i] - cell
        w = np.exp(log_weights[i])
        hist[cell] += (1 - frac) * w
        hist[cell + 1] += frac * w
    p = hist / hist.sum()
    entropy = 0.0
    for b in range(5):
        if p[b] > 0:
            entropy -= p[b] * np.log(p[b])
    return entropy


@program(args=lambda rng: (rng.normal(size=(6, 3)), 0.1 * rng.normal(size=3)), argnums=(0, 1))
def multivariate_student_loglik(x, loc):
    n, d = x.shape
    nu = 4.0
    centred = x - loc
    cov = centred.T @ centred / n + 0.5 * np.eye(d)
    maha = np.sum(centred * np.linalg.solve(cov, centred.T).T, axis=1)
    return -0.5 * (nu + d) * np.sum(np.log1p(maha / nu)) - 0.5 * n * np.log(np.linalg.det(cov))


@program(
    args=lambda rng: (
        rng.normal(size=4),
        rng.normal(size=4),
        rng.permutation(6) * 1.0 + rng.uniform(0, 0.3, 6),
    ),
    argnums=(0, 1, 2),
    second=False,
)
def trimmed_spread_and_ranks(w, b, x):
    """Sorting in a statistic: a trimmed mean plus a weighted sum of order statistics."""
    s = np.sort(x)
    order = np.argsort(x)
    total = np.mean(s[1:-1] ** 2)
    for k in range(4):
        total += w[k] * math.tanh(x[order[k]] + b[k])
    return total
