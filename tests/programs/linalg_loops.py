"""Linear algebra as people write it out by hand, next to the same things through np.linalg."""

from __future__ import annotations

import math

import numpy as np
from programs.registry import program


def spd(rng, n):
    """A well-conditioned symmetric positive definite matrix."""
    a = rng.normal(size=(n, n))
    return a @ a.T + n * np.eye(n)


def dominant(rng, n):
    """A diagonally dominant matrix, safe without pivoting."""
    return rng.uniform(-1, 1, (n, n)) + n * np.eye(n)


@program(args=lambda rng: (dominant(rng, 4),))
def lu_logdet(a):
    n = a.shape[0]
    lu = a.copy()
    for k in range(n):
        for i in range(k + 1, n):
            lu[i, k] /= lu[k, k]
            for j in range(k + 1, n):
                lu[i, j] -= lu[i, k] * lu[k, j]
    total = 0.0
    for k in range(n):
        total += math.log(abs(lu[k, k]))
    return total


@program(args=lambda rng: (rng.permutation(dominant(rng, 4)), rng.normal(size=4)), argnums=(0, 1))
def gauss_partial_pivot_solve(a, b):
    n = len(b)
    m = a.copy()
    x = b.copy()
    for k in range(n):
        pivot = k + int(np.argmax(np.abs(m[k:, k])))
        if pivot != k:
            tmp = m[k].copy()
            m[k] = m[pivot]
            m[pivot] = tmp
            x[k], x[pivot] = x[pivot], x[k]
        for i in range(k + 1, n):
            factor = m[i, k] / m[k, k]
            m[i, k:] -= factor * m[k, k:]
            x[i] -= factor * x[k]
    for i in range(n - 1, -1, -1):
        x[i] = (x[i] - np.dot(m[i, i + 1 :], x[i + 1 :])) / m[i, i]
    return np.sum(x**2)


def cholesky_loops(a):
    n = a.shape[0]
    low = np.zeros_like(a)
    for i in range(n):
        for j in range(i + 1):
            s = a[i, j]
            for k in range(j):
                s -= low[i, k] * low[j, k]
            if i == j:
                low[i, i] = math.sqrt(s)
            else:
                low[i, j] = s / low[j, j]
    return low


def forward_substitution(low, b):
    n = len(b)
    x = np.zeros(n)
    for i in range(n):
        x[i] = (b[i] - low[i, :i] @ x[:i]) / low[i, i]
    return x


@program(args=lambda rng: (spd(rng, 4), rng.normal(size=4)), argnums=(0, 1))
def cholesky_quadratic_form(a, b):
    """Log density of a Gaussian from a hand-written factorisation and triangular solve."""
    low = cholesky_loops(a)
    z = forward_substitution(low, b)
    return -0.5 * np.dot(z, z) - np.sum(np.log(np.diag(low)))


@program(args=lambda rng: (rng.normal(size=(5, 3)), rng.normal(size=5)), argnums=(0, 1))
def qr_gram_schmidt_least_squares(a, b):
    m, n = a.shape
    q = np.zeros((m, n))
    r = np.zeros((n, n))
    for j in range(n):
        v = a[:, j].copy()
        for i in range(j):
            r[i, j] = q[:, i] @ v
            v -= r[i, j] * q[:, i]
        r[j, j] = np.linalg.norm(v)
        q[:, j] = v / r[j, j]
    y = q.T @ b
    x = np.zeros(n)
    for i in range(n - 1, -1, -1):
        s = y[i]
        for j in range(i + 1, n):
            s -= r[i, j] * x[j]
        x[i] = s / r[i, i]
    residual = a @ x - b
    return np.sum(x**2) + np.sum(residual**2)


@program(args=lambda rng: (rng.normal(size=(4, 3)),))
def householder_r_trace(a):
    r = a.copy()
    m, n = r.shape
    for k in range(n):
        x = r[k:, k].copy()
        x[0] += math.copysign(1.0, x[0]) * np.sqrt(np.sum(x * x))
        v = x / np.linalg.norm(x)
        r[k:, k:] -= 2.0 * np.outer(v, v @ r[k:, k:])
    return np.sum(np.diag(r) ** 3) + r[0, 2]


@program(args=lambda rng: (dominant(rng, 4), rng.normal(size=4)), argnums=(0, 1))
def gauss_seidel(a, b):
    n = len(b)
    x = np.zeros(n)
    for _ in range(4):
        for i in range(n):
            s = 0.0
            for j in range(n):
                if j == i:
                    continue
                s += a[i, j] * x[j]
            x[i] = (b[i] - s) / a[i, i]
    return np.sum(x**2)


@program(args=lambda rng: (spd(rng, 4),))
def power_iteration(a):
    v = np.ones(a.shape[0])
    for _ in range(6):
        w = a @ v
        v = w / np.linalg.norm(w)
    return v @ a @ v


@program(args=lambda rng: (spd(rng, 4), rng.normal(size=4)), argnums=(0, 1))
def conjugate_gradient(a, b):
    x = np.zeros_like(b)
    r = b - a @ x
    p = r.copy()
    rs = r @ r
    for _ in range(3):
        ap = a @ p
        alpha = rs / (p @ ap)
        x += alpha * p
        r -= alpha * ap
        rs_new = r @ r
        if rs_new < 1e-20:
            break
        p = r + (rs_new / rs) * p
        rs = rs_new
    return np.dot(x, np.arange(1.0, 5.0)) + rs


@program(
    args=lambda rng: (
        rng.uniform(2.5, 3.5, 6),
        rng.uniform(-1, 1, 5),
        rng.uniform(-1, 1, 5),
        rng.normal(size=6),
    ),
    argnums=(0, 1, 2, 3),
)
def thomas_tridiagonal(diag, lower, upper, rhs):
    n = len(diag)
    d = diag.copy()
    x = rhs.copy()
    for i in range(1, n):
        w = lower[i - 1] / d[i - 1]
        d[i] -= w * upper[i - 1]
        x[i] -= w * x[i - 1]
    x[n - 1] /= d[n - 1]
    for i in reversed(range(n - 1)):
        x[i] = (x[i] - upper[i] * x[i + 1]) / d[i]
    return np.sum(np.sin(x))


@program(args=lambda rng: (0.5 * rng.normal(size=(3, 3)), rng.normal(size=3)), argnums=(0, 1))
def matrix_exponential_series(a, v):
    term = np.eye(3)
    total = np.eye(3)
    for k in range(1, 9):
        term = term @ a / k
        total += term
    return np.sum((total @ v) ** 2)


@program(args=lambda rng: (0.3 * rng.normal(size=(3, 3)),))
def expm_scaling_squaring(a):
    s = 2
    x = a / 2**s
    e = np.eye(3) + x + x @ x / 2 + x @ x @ x / 6
    for _ in range(s):
        e = e @ e
    return np.log(np.linalg.det(e)) + e[0, 1] * e[1, 2]


@program(args=lambda rng: (dominant(rng, 3),))
def newton_schulz_inverse(a):
    x = a.T / (np.sum(np.abs(a), axis=0).max() * np.sum(np.abs(a), axis=1).max())
    two = 2.0 * np.eye(3)
    for _ in range(5):
        x = x @ (two - a @ x)
    return np.sum(x * x)


@program(args=lambda rng: (rng.normal(size=(4, 4)), rng.normal(size=(4, 4))), argnums=(0, 1))
def matmul_triple_loop(a, b):
    n = a.shape[0]
    c = np.zeros((n, n))
    for i in range(n):
        for k in range(n):
            aik = a[i, k]
            for j in range(n):
                c[i, j] += aik * b[k, j]
    return np.sum(np.tanh(c) * np.tril(np.ones((n, n))))


@program(args=lambda rng: (spd(rng, 3), rng.normal(size=(3, 2)), spd(rng, 2)), argnums=(0, 1, 2))
def schur_complement_logdet(a, b, d):
    schur = d + b.T @ np.linalg.solve(a, b)
    sign, logdet = np.linalg.slogdet(schur)
    return sign * logdet + np.sum(np.linalg.inv(a) ** 2)


@program(
    args=lambda rng: (np.array([[4.0, 1.0, 0.5], [1.0, 2.0, 0.3], [0.5, 0.3, 1.0]]) + 0.05 * rng.normal(),)
)
def jacobi_rotation_eigenvalues(a):
    """Two sweeps of Jacobi rotations, then a weighted sum of the eigenvalue estimates."""
    m = a.copy()
    n = m.shape[0]
    for _ in range(2):
        for p in range(n - 1):
            for q in range(p + 1, n):
                theta = 0.5 * math.atan2(2 * m[p, q], m[q, q] - m[p, p])
                c, s = math.cos(theta), math.sin(theta)
                rot = np.eye(n)
                rot[p, p] = rot[q, q] = c
                rot[p, q] = s
                rot[q, p] = -s
                m = rot.T @ m @ rot
    return m[0, 0] + 2.0 * m[1, 1] ** 2 + 0.5 * m[2, 2]


@program(args=lambda rng: (rng.uniform(0.1, 1.0, (4, 4)),))
def pagerank(links):
    n = links.shape[0]
    transition = links / np.sum(links, axis=0)
    rank = np.full(n, 1.0 / n)
    for _ in range(6):
        rank = 0.15 / n + 0.85 * (transition @ rank)
    return rank[0] + 3.0 * rank[2] ** 2
