"""Root finding, fixed points, descent, dynamic programming on graphs, quadrature and series."""

from __future__ import annotations

import math

import numpy as np
from programs.registry import program


@program(args=lambda rng: (rng.uniform(1.0, 5.0),))
def newton_square_root(a):
    x = a
    while abs(x * x - a) > 1e-13 * a:
        x = 0.5 * (x + a / x)
    return x


@program(args=lambda rng: (rng.uniform(0.1, 0.7), rng.uniform(0.5, 2.5)), argnums=(0, 1))
def kepler_equation(eccentricity, mean_anomaly):
    e_anomaly = mean_anomaly
    for _ in range(20):
        f = e_anomaly - eccentricity * math.sin(e_anomaly) - mean_anomaly
        step = f / (1 - eccentricity * math.cos(e_anomaly))
        e_anomaly -= step
        if abs(step) < 1e-12:
            return math.cos(e_anomaly) - eccentricity
    return math.cos(e_anomaly)


@program(
    args=lambda rng: (rng.uniform(1.0, 3.0), rng.uniform(0.2, 0.8)), argnums=(0, 1), rtol=1e-5, second=False
)
def secant_root(a, b):
    def f(x):
        return x**3 + a * x - b

    x0, x1 = 0.0, 0.7
    f0, f1 = f(x0), f(x1)
    for _ in range(6):
        if abs(f1) < 1e-9:
            break
        x2 = x1 - f1 * (x1 - x0) / (f1 - f0)
        x0, f0 = x1, f1
        x1, f1 = x2, f(x2)
    return x1 - f(x1) / (3 * x1**2 + a)


@program(args=lambda rng: (rng.uniform(0.5, 2.0), rng.uniform(1.0, 2.0)), argnums=(0, 1), second=False)
def bisection_then_newton(a, b):
    """Bisection only brackets the root; one Newton step carries the derivative."""
    lo, hi = 0.0, 4.0
    while hi - lo > 1e-9:
        mid = 0.5 * (lo + hi)
        if a * mid + math.sin(mid) > b:
            hi = mid
        else:
            lo = mid
    x = 0.5 * (lo + hi)
    return x - (a * x + math.sin(x) - b) / (a + math.cos(x))


@program(args=lambda rng: (0.3 * rng.normal(size=(3, 3)), rng.normal(size=3)), argnums=(0, 1), rtol=1e-5)
def fixed_point_tanh(w, b):
    z = np.zeros(3)
    for _ in range(60):
        z_new = np.tanh(w @ z + b)
        change = np.max(np.abs(z_new - z))
        z = z_new
        if change < 1e-12:
            break
    return np.sum(z**2)


@program(args=lambda rng: (rng.uniform(-0.5, 0.5, 3),))
def rosenbrock(x):
    total = 0.0
    for i in range(len(x) - 1):
        total += 100.0 * (x[i + 1] - x[i] ** 2) ** 2 + (1 - x[i]) ** 2
    return total


@program(args=lambda rng: (rng.normal(size=4),))
def ackley(x):
    n = x.size
    a = -20.0 * np.exp(-0.2 * np.sqrt(np.sum(x**2) / n))
    return a - np.exp(np.sum(np.cos(2 * np.pi * x)) / n) + 20.0 + np.e


@program(args=lambda rng: (rng.uniform(0.5, 1.5, 3), rng.uniform(-1, 1, (3, 3))), argnums=(0, 1))
def adam_on_quadratic(x0, a):
    x = x0.copy()
    m = np.zeros(3)
    v = np.zeros(3)
    h = a.T @ a + np.eye(3)
    for t in range(1, 5):
        g = h @ x
        m = 0.9 * m + 0.1 * g
        v = 0.99 * v + 0.01 * g * g
        x -= 0.1 * (m / (1 - 0.9**t)) / (np.sqrt(v / (1 - 0.99**t)) + 1e-3)
    return 0.5 * x @ h @ x


@program(
    args=lambda rng: (np.array([0.9, 1.8]) + 0.1 * rng.normal(size=2), rng.uniform(0.5, 1.5, 5)),
    argnums=(0, 1),
)
def gauss_newton_exponential_fit(start, data):
    t = np.linspace(0.0, 1.0, 5)
    p = start
    for _ in range(3):
        model = p[0] * np.exp(-p[1] * t)
        jac = np.stack((np.exp(-p[1] * t), -t * model), axis=1)
        p = p + 0.5 * np.linalg.solve(jac.T @ jac + 0.1 * np.eye(2), jac.T @ (data - model))
    return p[0] * p[1]


def backtracking(x, direction, slope, a):
    step = 1.0
    start = np.sum(a * x**4)
    while np.sum(a * (x + step * direction) ** 4) > start + 0.3 * step * slope:
        step *= 0.5
    return step


@program(args=lambda rng: (rng.uniform(0.8, 1.2, 3), rng.uniform(0.5, 1.5, 3)), argnums=(0, 1))
def descent_with_line_search(x, a):
    for _ in range(3):
        g = 4 * a * x**3
        x = x - backtracking(x, -g, -np.dot(g, g), a) * g
    return np.sum(a * x**4)


@program(args=lambda rng: (rng.uniform(0.5, 3.0, (4, 4)), 0.5), argnums=(0, 1))
def soft_floyd_warshall(weights, temperature):
    n = weights.shape[0]
    dist = weights.copy()
    for k in range(n):
        for i in range(n):
            for j in range(n):
                if i == j or i == k or j == k:
                    continue
                direct, via = dist[i, j], dist[i, k] + dist[k, j]
                dist[i, j] = -temperature * np.log(np.exp(-direct / temperature) + np.exp(-via / temperature))
    return dist[0, 3] + dist[2, 1] ** 2


@program(args=lambda rng: (rng.uniform(0.5, 3.0, (4, 4)),), second=False)
def bellman_ford_hard(weights):
    n = weights.shape[0]
    dist = np.full(n, 1e6)
    dist[0] = 0.0
    for _ in range(n - 1):
        for i in range(n):
            for j in range(n):
                if i != j and dist[i] + weights[i, j] < dist[j]:
                    dist[j] = dist[i] + weights[i, j]
    return np.sum(dist**2)


@program(
    args=lambda rng: (rng.uniform(0, 1, (3, 2)), rng.normal(size=(3, 2, 3)), rng.uniform(0.5, 0.9)),
    argnums=(0, 1, 2),
)
def soft_value_iteration(reward, logits, discount):
    states, actions = reward.shape
    p = np.exp(logits)
    p = p / np.sum(p, axis=2, keepdims=True)
    value = np.zeros(states)
    for _ in range(4):
        q = np.empty((states, actions))
        for s in range(states):
            for a in range(actions):
                q[s, a] = reward[s, a] + discount * np.dot(p[s, a], value)
        value = np.log(np.exp(q).sum(axis=1))
    return value[0] - value[2] ** 2


@program(args=lambda rng: (rng.uniform(0, 2, (3, 4)), rng.uniform(0.5, 1.5, 3)), argnums=(0, 1))
def sinkhorn_transport(cost, source):
    kernel = np.exp(-cost / 0.7)
    a = source / np.sum(source)
    b = np.full(4, 0.25)
    v = np.ones(4)
    for _ in range(5):
        u = a / (kernel @ v)
        v = b / (kernel.T @ u)
    plan = u[:, None] * kernel * v[None, :]
    return np.sum(plan * cost)


@program(args=lambda rng: (rng.uniform(0.5, 1.5), rng.uniform(0.2, 1.0)), argnums=(0, 1))
def simpson_gaussian(width, upper):
    n = 8
    h = upper / n
    total = 0.0
    for i in range(n + 1):
        x = i * h
        w = 1.0 if i in (0, n) else 4.0 if i % 2 else 2.0
        total += w * math.exp(-((x / width) ** 2))
    return total * h / 3.0


@program(args=lambda rng: (rng.normal(size=7), np.cumsum(rng.uniform(0.2, 1.0, 7))), argnums=(0, 1))
def trapezoid_uneven(y, x):
    area = np.sum(0.5 * (y[1:] + y[:-1]) * np.diff(x))
    return area**2


GAUSS_NODES = ((-0.7745966692414834, 5 / 9), (0.0, 8 / 9), (0.7745966692414834, 5 / 9))


@program(
    args=lambda rng: (rng.uniform(0.0, 0.5), rng.uniform(1.0, 2.0), rng.uniform(0.5, 2.0)), argnums=(0, 1, 2)
)
def gauss_quadrature_closure(lower, upper, power):
    def integrate(f, a, b):
        mid, half = 0.5 * (a + b), 0.5 * (b - a)
        total = 0.0
        for node, weight in GAUSS_NODES:
            total += weight * f(mid + half * node)
        return half * total

    return integrate(lambda x: x**power * math.cos(x), lower, upper)


@program(args=lambda rng: (rng.normal(size=5), rng.uniform(-1, 1)), argnums=(0, 1))
def horner(coefficients, x):
    p = 0.0
    for c in coefficients[::-1]:
        p = p * x + c
    return p


@program(args=lambda rng: (rng.normal(size=6), rng.uniform(-0.8, 0.8)), argnums=(0, 1))
def chebyshev_clenshaw(c, x):
    b1 = b2 = 0.0
    for k in range(len(c) - 1, 0, -1):
        b1, b2 = 2.0 * x * b1 - b2 + c[k], b1
    return c[0] + x * b1 - b2


@program(args=lambda rng: (rng.normal(size=5), rng.uniform(-0.9, 0.9, 4)), argnums=(0, 1))
def legendre_series(c, x):
    p = np.empty((len(c), len(x)))
    p[0] = 1.0
    p[1] = x
    for n in range(1, len(c) - 1):
        p[n + 1] = ((2 * n + 1) * x * p[n] - n * p[n - 1]) / (n + 1)
    return np.sum((c @ p) ** 2)


@program(args=lambda rng: (rng.uniform(0.2, 2.0),))
def bessel_j0_series(x):
    term = total = 1.0
    k = 0
    while abs(term) > 1e-14:
        k += 1
        term *= -((x / 2) ** 2) / k**2
        total += term
    return total
