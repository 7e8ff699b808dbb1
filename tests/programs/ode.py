"""Ordinary differential equations: fixed and adaptive steppers, and the systems they are used on."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from programs.registry import program

GRAVITY = 9.81


@program(args=lambda rng: (rng.uniform(0.5, 1.5), rng.uniform(0.5, 2.0), 8), argnums=(0, 1))
def euler_decay(y0, rate, steps):
    dt = 0.1
    y = y0
    for _ in range(steps):
        y += dt * (-rate * y)
    return y


@program(args=lambda rng: (rng.uniform(0.2, 1.0), rng.uniform(0.5, 1.5)), argnums=(0, 1))
def midpoint_logistic(y0, capacity):
    y = y0
    t = 0.0
    dt = 0.2
    while t < 1.5:
        half = y + 0.5 * dt * y * (1 - y / capacity)
        y = y + dt * half * (1 - half / capacity)
        t += dt
    return y**2


def lotka_volterra_rhs(state, alpha, beta, delta, gamma):
    prey, predator = state
    return np.array([alpha * prey - beta * prey * predator, delta * prey * predator - gamma * predator])


def rk4_step(rhs, y, dt, *params):
    k1 = rhs(y, *params)
    k2 = rhs(y + 0.5 * dt * k1, *params)
    k3 = rhs(y + 0.5 * dt * k2, *params)
    k4 = rhs(y + dt * k3, *params)
    return y + dt / 6.0 * (k1 + 2 * k2 + 2 * k3 + k4)


@program(args=lambda rng: (rng.uniform(0.8, 1.6, 2), rng.uniform(0.4, 1.2, 4)), argnums=(0, 1))
def lotka_volterra_fit(y0, params):
    """Misfit of the predator-prey trajectory to a target level."""
    alpha, beta, delta, gamma = params
    y = y0
    loss = 0.0
    for _ in range(6):
        y = rk4_step(lotka_volterra_rhs, y, 0.15, alpha, beta, delta, gamma)
        loss += np.sum((y - 1.0) ** 2)
    return loss


@program(
    args=lambda rng: (rng.normal(size=3) + np.array([1.0, 1.0, 20.0]), 10.0, 28.0, 8.0 / 3.0),
    argnums=(0, 1, 2, 3),
)
def lorenz_rk4(xyz, sigma, rho, beta):
    def rhs(s):
        ds = np.empty(3)
        ds[0] = sigma * (s[1] - s[0])
        ds[1] = s[0] * (rho - s[2]) - s[1]
        ds[2] = s[0] * s[1] - beta * s[2]
        return ds

    s = xyz.copy()
    dt = 0.02
    for _ in range(8):
        k1 = rhs(s)
        k2 = rhs(s + dt / 2 * k1)
        k3 = rhs(s + dt / 2 * k2)
        k4 = rhs(s + dt * k3)
        s += dt / 6 * (k1 + 2 * k2 + 2 * k3 + k4)
    return s[0] + 0.5 * s[2]


@program(
    args=lambda rng: (rng.uniform(0.3, 0.6), rng.uniform(0.05, 0.15), rng.uniform(1.0, 3.0, 8)),
    argnums=(0, 1),
)
def sir_poisson_nll(beta, gamma, cases):
    """Negative Poisson log likelihood of weekly cases under an SIR model, several substeps a week."""
    s, i, r = 99.0, 1.0, 0.0
    nll = 0.0
    for week in range(len(cases)):
        new = 0.0
        for _ in range(3):
            infections = beta * s * i / (s + i + r) * 0.5
            recoveries = gamma * i * 0.5
            s -= infections
            i += infections - recoveries
            r += recoveries
            new += infections
        nll += new - cases[week] * math.log(new + 1e-3)
    return nll


@program(args=lambda rng: (rng.uniform(0.2, 0.9, 3), np.array([0.9, 0.05, 0.04, 0.01])), argnums=(0, 1))
def seir_peak_smooth(rates, initial):
    """Log-sum-exp of the infected share over time."""
    beta, sigma, gamma = rates
    n = 10
    traj = np.zeros((n + 1, 4))
    traj[0] = initial
    flow = np.zeros(3)
    for t in range(n):
        s, e, i, _ = traj[t]
        flow[0] = beta * s * i
        flow[1] = sigma * e
        flow[2] = gamma * i
        traj[t + 1] = traj[t]
        traj[t + 1, :-1] -= flow
        traj[t + 1, 1:] += flow
    return np.log(np.sum(np.exp(20.0 * traj[:, 2]))) / 20.0


@program(
    args=lambda rng: (rng.uniform(0.3, 1.2), rng.uniform(-0.5, 0.5), rng.uniform(0.8, 1.5)), argnums=(0, 1, 2)
)
def pendulum_symplectic(theta, omega, length):
    dt = 0.05
    for _ in range(12):
        omega -= dt * GRAVITY / length * math.sin(theta)
        theta += dt * omega
    energy = 0.5 * (length * omega) ** 2 + GRAVITY * length * (1 - math.cos(theta))
    return energy + theta


@program(
    args=lambda rng: (rng.normal(size=4) + np.array([1.0, 0, 0, 1.0]), rng.uniform(0.8, 1.2)), argnums=(0, 1)
)
def verlet_kepler(state, mu):
    pos = state[:2].copy()
    vel = state[2:].copy()
    dt = 0.05
    acc = -mu * pos / (np.dot(pos, pos) + 0.1) ** 1.5
    for _ in range(8):
        vel += 0.5 * dt * acc
        pos += dt * vel
        acc = -mu * pos / (np.dot(pos, pos) + 0.1) ** 1.5
        vel += 0.5 * dt * acc
    return np.sum(pos**2) + pos[0] * vel[1] - pos[1] * vel[0]


@program(args=lambda rng: (rng.uniform(0.5, 1.5, 2), rng.uniform(0.8, 1.4)), argnums=(0, 1), rtol=1e-5)
def rk45_adaptive_van_der_pol(y0, mu):
    """Bogacki-Shampine pair; a rejected step is tried again with the next smaller size of a table."""
    steps = (0.4, 0.2, 0.1)
    level = 0
    t, t_end = 0.0, 1.2
    y = y0
    while t < t_end - 1e-12:
        h = min(steps[level], t_end - t)
        k1 = np.array([y[1], mu * (1 - y[0] ** 2) * y[1] - y[0]])
        ya = y + 0.5 * h * k1
        k2 = np.array([ya[1], mu * (1 - ya[0] ** 2) * ya[1] - ya[0]])
        yb = y + 0.75 * h * k2
        k3 = np.array([yb[1], mu * (1 - yb[0] ** 2) * yb[1] - yb[0]])
        new = y + h * (2 * k1 + 3 * k2 + 4 * k3) / 9
        k4 = np.array([new[1], mu * (1 - new[0] ** 2) * new[1] - new[0]])
        err = np.linalg.norm(h * (-5 * k1 / 72 + k2 / 12 + k3 / 9 - k4 / 8))
        if err > 2e-3 and level < len(steps) - 1:
            level += 1
            continue
        t += h
        y = new
    return y[0] * y[1] + np.sum(y)


@program(args=lambda rng: (rng.uniform(0.8, 1.2), rng.uniform(1.0, 2.0)), argnums=(0, 1), rtol=1e-5)
def rk12_adaptive_step(y0, rate):
    """Heun with an embedded Euler error; the step size is differentiated with the rest."""
    t, h, y = 0.0, 0.1, y0
    tol = 1e-2
    count = 0
    while t < 1.0:
        k1 = -rate * y * y
        k2 = -rate * (y + h * k1) ** 2
        err = abs(0.5 * h * (k2 - k1))
        factor = 0.9 * math.sqrt(tol / err)
        if err <= tol:
            t += h
            y += 0.5 * h * (k1 + k2)
        h *= min(1.5, max(0.5, factor))
        count += 1
        if count >= 25:
            break
    return y + 0.1 * t


@program(args=lambda rng: (rng.uniform(0.5, 1.5, 3), np.array([0.04, 3.0, 1.5])), argnums=(0, 1))
def robertson_backward_euler(y0, k):
    """Implicit Euler for a stiff reaction, Newton steps with a 3 by 3 solve."""
    dt = 0.1
    y = y0
    for _ in range(3):
        z = y.copy()
        for _ in range(3):
            r1, r2, r3 = k[0] * z[0], k[1] * z[1] * z[2], k[2] * z[1] ** 2
            res = z - y - dt * np.array([-r1 + r2, r1 - r2 - r3, r3])
            jac = np.eye(3)
            jac[0, 0] += dt * k[0]
            jac[0, 1] -= dt * k[1] * z[2]
            jac[0, 2] -= dt * k[1] * z[1]
            jac[1, 0] -= dt * k[0]
            jac[1, 1] += dt * (k[1] * z[2] + 2 * k[2] * z[1])
            jac[1, 2] += dt * k[1] * z[1]
            jac[2, 1] -= 2 * dt * k[2] * z[1]
            z = z - np.linalg.solve(jac, res)
        y = z
    return y[0] * y[2] + y[1]


@program(args=lambda rng: (rng.uniform(0.1, 0.9, 2), rng.uniform(0.2, 0.6)), argnums=(0, 1))
def fitzhugh_nagumo_adams_bashforth(state, current):
    v, w = state
    dv_old, dw_old = 0.0, 0.0
    dt = 0.1
    for step in range(10):
        dv = v - v**3 / 3 - w + current
        dw = 0.08 * (v + 0.7 - 0.8 * w)
        if step == 0:
            v, w = v + dt * dv, w + dt * dw
        else:
            v, w = v + dt * (1.5 * dv - 0.5 * dv_old), w + dt * (1.5 * dw - 0.5 * dw_old)
        dv_old, dw_old = dv, dw
    return v * v + w


@program(args=lambda rng: (rng.uniform(0.5, 2.0, 4), rng.uniform(0.1, 0.8, 3)), argnums=(0, 1))
def chemical_kinetics(conc, rates):
    """A + B -> C, 2 C -> D, D -> A by mass action from a stoichiometry table."""
    stoich = np.array([[-1, -1, 1, 0], [0, 0, -2, 1], [1, 0, 0, -1]])
    orders = [[0, 1], [2, 2], [3]]
    c = conc.copy()
    for _ in range(6):
        change = np.zeros_like(c)
        for r in range(3):
            speed = rates[r]
            for species in orders[r]:
                speed *= c[species]
            change += speed * stoich[r]
        c += 0.1 * change
    return np.sum(c * np.arange(1.0, 5.0))


CASH_KARP = np.array(
    [
        [0.0, 0.0, 0.0, 0.0, 0.0],
        [1 / 5, 0.0, 0.0, 0.0, 0.0],
        [3 / 40, 9 / 40, 0.0, 0.0, 0.0],
        [3 / 10, -9 / 10, 6 / 5, 0.0, 0.0],
        [-11 / 54, 5 / 2, -70 / 27, 35 / 27, 0.0],
        [1631 / 55296, 175 / 512, 575 / 13824, 44275 / 110592, 253 / 4096],
    ]
)
ORDER_5 = np.array([37 / 378, 0.0, 250 / 621, 125 / 594, 0.0, 512 / 1771])
ORDER_4 = np.array([2825 / 27648, 0.0, 18575 / 48384, 13525 / 55296, 277 / 14336, 1 / 4])


@program(args=lambda rng: (rng.uniform(0.5, 1.0, 2), rng.uniform(1.0, 2.0)), argnums=(0, 1), rtol=1e-5)
def cash_karp_adaptive_duffing(y0, stiffness):
    """RK45 with tableau loops; rejected steps are repeated, the step size follows the error."""

    def rhs(y):
        return np.array([y[1], -stiffness * y[0] - y[0] ** 3 - 0.1 * y[1]])

    t, h = 0.0, 0.9
    y = y0.copy()
    k = np.zeros((6, 2))
    for _ in range(30):
        if t >= 1.5:
            break
        for s in range(6):
            k[s] = rhs(y + h * (CASH_KARP[s, :s] @ k[:s]))
        error = h * (ORDER_5 - ORDER_4) @ k
        norm = np.sqrt(np.mean(error**2)) / 1e-3
        if norm > 1.0:
            h *= 0.9 * norm**-0.25
            continue
        y += h * (ORDER_5 @ k)
        t += h
        h *= min(2.0, 0.9 * norm**-0.2)
    return y @ y + 0.2 * t


class Oscillator(NamedTuple):
    position: float
    velocity: float
    friction: float


def kick_drift(state: Oscillator, dt):
    velocity = state.velocity - dt * (state.position + state.friction * state.velocity)
    return state._replace(position=state.position + dt * velocity, velocity=velocity)


@program(
    args=lambda rng: (Oscillator(rng.uniform(0.5, 1.5), rng.normal(), rng.uniform(0.1, 0.4)), 0.1),
    argnums=(0, 1),
)
def oscillator_named_tuple(state, dt):
    path = []
    for _ in range(6):
        state = kick_drift(state, dt)
        path.append(state.position)
    return sum([p * p for p in path]) + state.velocity
