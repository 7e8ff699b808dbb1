"""Particles, springs, rigid bodies, robots and population dynamics."""

from __future__ import annotations

import math

import numpy as np
from programs.registry import program


@program(args=lambda rng: (rng.normal(size=(3, 2)), rng.uniform(0.5, 1.5, 3)), argnums=(0, 1))
def gravity_potential_2d(pos, mass):
    n = len(mass)
    energy = 0.0
    for i in range(n):
        for j in range(i + 1, n):
            dx = pos[i, 0] - pos[j, 0]
            dy = pos[i, 1] - pos[j, 1]
            energy -= mass[i] * mass[j] / math.sqrt(dx * dx + dy * dy + 0.05)
    return energy


def accelerations(pos, mass):
    n = pos.shape[0]
    acc = np.zeros_like(pos)
    for i in range(n):
        for j in range(n):
            if i != j:
                d = pos[j] - pos[i]
                r2 = np.sum(d**2) + 0.1
                acc[i] += mass[j] * d / r2**1.5
    return acc


@program(
    args=lambda rng: (rng.normal(size=(3, 3)), 0.3 * rng.normal(size=(3, 3)), rng.uniform(0.5, 1.5, 3)),
    argnums=(0, 1, 2),
)
def n_body_3d_leapfrog(pos0, vel0, mass):
    pos, vel = pos0.copy(), vel0.copy()
    dt = 0.05
    acc = accelerations(pos, mass)
    for _ in range(3):
        vel += 0.5 * dt * acc
        pos += dt * vel
        acc = accelerations(pos, mass)
        vel += 0.5 * dt * acc
    return np.sum(pos[0] ** 2) + 0.5 * np.sum(mass * np.sum(vel**2, axis=1))


@program(
    args=lambda rng: (np.arange(4.0) * 1.2 + 0.1 * rng.normal(size=4), rng.uniform(0.8, 1.2), 1.0),
    argnums=(0, 1, 2),
)
def lennard_jones_chain(x, epsilon, sigma):
    energy = 0.0
    for i in range(len(x)):
        for j in range(i):
            r = abs(x[i] - x[j])
            if r > 2.9:
                continue
            s6 = (sigma / r) ** 6
            energy += 4.0 * epsilon * (s6 * s6 - s6)
    return energy


@program(
    args=lambda rng: (rng.uniform(5, 20, 4), rng.uniform(0.1, 0.5), rng.normal(size=4)), argnums=(0, 1, 2)
)
def spring_chain_damped(stiffness, damping, x0):
    n = len(x0)
    x = x0.copy()
    v = np.zeros(n)
    force = np.zeros(n)
    dt = 0.02
    for _ in range(8):
        force[:] = -damping * v
        force[0] -= stiffness[0] * x[0]
        for i in range(1, n):
            f = stiffness[i] * (x[i] - x[i - 1])
            force[i] -= f
            force[i - 1] += f
        v += dt * force
        x += dt * v
    return np.sum(x**2) + np.dot(v, v)


@program(
    args=lambda rng: (rng.normal(size=(5, 2)) + np.arange(10.0).reshape(5, 2), rng.uniform(1, 2, 6)),
    argnums=(0, 1),
)
def spring_network_energy(pos, stiffness):
    edges = np.array([[0, 1], [1, 2], [2, 3], [3, 4], [4, 0], [1, 3]])
    energy = 0.0
    for e in range(edges.shape[0]):
        i, j = edges[e]
        length = np.linalg.norm(pos[i] - pos[j])
        energy += 0.5 * stiffness[e] * (length - 1.0) ** 2
    return energy


@program(
    args=lambda rng: (rng.uniform(0.2, 1.0, 3), rng.uniform(0.5, 1.5, 3), rng.normal(size=2)),
    argnums=(0, 1, 2),
)
def robot_arm_reach(angles, lengths, target):
    x = y = heading = 0.0
    for q, link in zip(angles, lengths):
        heading += q
        x += link * math.cos(heading)
        y += link * math.sin(heading)
    return (x - target[0]) ** 2 + (y - target[1]) ** 2


def dh_transform(theta, d, a, alpha):
    ct, st = np.cos(theta), np.sin(theta)
    ca, sa = np.cos(alpha), np.sin(alpha)
    return np.array(
        [
            [ct, -st * ca, st * sa, a * ct],
            [st, ct * ca, -ct * sa, a * st],
            [0.0, sa, ca, d],
            [0.0, 0.0, 0.0, 1.0],
        ]
    )


@program(args=lambda rng: (rng.uniform(-1, 1, 3), rng.uniform(0.2, 1.0, (3, 3))), argnums=(0, 1))
def denavit_hartenberg_arm(joints, table):
    pose = np.eye(4)
    for i in range(3):
        d, a, alpha = table[i]
        pose = pose @ dh_transform(joints[i], d, a, alpha)
    return np.sum(pose[:3, 3] ** 2) + pose[0, 0]


def quaternion_multiply(p, q):
    w1, x1, y1, z1 = p
    w2, x2, y2, z2 = q
    return np.array(
        [
            w1 * w2 - x1 * x2 - y1 * y2 - z1 * z2,
            w1 * x2 + x1 * w2 + y1 * z2 - z1 * y2,
            w1 * y2 - x1 * z2 + y1 * w2 + z1 * x2,
            w1 * z2 + x1 * y2 - y1 * x2 + z1 * w2,
        ]
    )


@program(args=lambda rng: (rng.normal(size=3), rng.uniform(0.5, 2.0, 3)), argnums=(0, 1))
def rigid_body_attitude(omega0, inertia):
    """Euler's equations with a quaternion that is renormalised at each step."""
    q = np.array([1.0, 0.0, 0.0, 0.0])
    w = omega0.copy()
    dt = 0.1
    for _ in range(5):
        torque_free = np.array(
            [
                (inertia[1] - inertia[2]) * w[1] * w[2],
                (inertia[2] - inertia[0]) * w[2] * w[0],
                (inertia[0] - inertia[1]) * w[0] * w[1],
            ]
        )
        w = w + dt * torque_free / inertia
        q = q + 0.5 * dt * quaternion_multiply(q, np.concatenate((np.zeros(1), w)))
        q /= np.sqrt(np.sum(q**2))
    return q[0] * q[1] + q[2] - q[3] ** 2


@program(
    args=lambda rng: (rng.uniform(0.1, 0.5, (3, 3)), rng.uniform(0.5, 1.5, 3), rng.uniform(0.2, 0.8, 3)),
    argnums=(0, 1, 2),
)
def competitive_ecology(competition, growth, abundance):
    n = abundance
    for _ in range(6):
        n = n * np.exp(growth * (1 - competition @ n))
        n = np.maximum(n, 1e-6)
    shares = n / n.sum()
    return -np.sum(shares * np.log(shares))


@program(
    args=lambda rng: (rng.uniform(0.1, 0.3), rng.uniform(0.4, 0.7, 4), rng.uniform(1, 5, 5)),
    argnums=(0, 1, 2),
)
def leslie_population(fertility, survival, ages):
    n = ages.copy()
    for _ in range(5):
        births = 0.0
        for a in range(1, 5):
            births += fertility * a * n[a]
        for a in range(4, 0, -1):
            n[a] = survival[a - 1] * n[a - 1]
        n[0] = births / (1.0 + 0.01 * np.sum(n))
    return np.log(np.sum(n))


@program(
    args=lambda rng: (0.3 * rng.normal(size=(4, 4)), rng.normal(size=4), rng.uniform(0.5, 1.0)),
    argnums=(0, 1, 2),
)
def ising_mean_field(coupling, field, beta):
    m = np.zeros(4)
    sym = 0.5 * (coupling + coupling.T)
    for _ in range(6):
        m = 0.5 * m + 0.5 * np.tanh(beta * (sym @ m + field))
    return -0.5 * m @ sym @ m - field @ m


@program(
    args=lambda rng: (rng.uniform(0, 6, 5), rng.normal(size=5), rng.uniform(0.5, 2.0)), argnums=(0, 1, 2)
)
def kuramoto_order(phase, omega, coupling):
    theta = phase.copy()
    n = theta.size
    for _ in range(4):
        pull = np.sin(theta[None, :] - theta[:, None]).sum(axis=1)
        theta += 0.1 * (omega + coupling / n * pull)
    return np.cos(theta).mean() ** 2 + np.sin(theta).mean() ** 2


@program(
    args=lambda rng: (rng.uniform(0.5, 1.0), rng.uniform(1.0, 3.0), rng.uniform(0.5, 0.7)),
    argnums=(0, 1, 2),
    second=False,
)
def bouncing_ball(height, speed, restitution):
    """Explicit stepping with a reflection at the floor."""
    y, v = height, -speed
    dt = 0.1
    bounces = 0
    for _ in range(14):
        v -= 9.81 * dt
        y += v * dt
        if y < 0.0:
            y = -restitution * y
            v = -restitution * v
            bounces += 1
        if bounces == 2:
            break
    return y + 0.1 * v**2


@program(
    args=lambda rng: (rng.normal(size=2), rng.normal(size=(4, 2)), rng.uniform(0.5, 1.0, 4)),
    argnums=(0, 1, 2),
)
def cart_control_cost(state, gains, noise):
    """Rollout of a feedback policy with a time-varying gain, quadratic running cost."""
    x, v = state
    cost = 0.0
    for t in range(4):
        u = -(gains[t, 0] * x + gains[t, 1] * v)
        cost += x * x + 0.1 * u * u
        v += 0.1 * (math.tanh(u) - 0.2 * v * abs(v)) + 0.01 * noise[t]
        x += 0.1 * v
    return cost + 5.0 * x**2 + v**2


@program(args=lambda rng: (rng.uniform(0.3, 0.7), rng.uniform(2.8, 3.4)), argnums=(0, 1))
def logistic_map_lyapunov(x, r):
    total = 0.0
    for _ in range(6):
        x = r * x * (1 - x)
        total += math.log(abs(r * (1 - 2 * x)) + 0.1)
    return total / 6
