"""A neural differential equation, integrated by the classical Runge–Kutta method."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..case import Case, Function

WIDTH = 24


def field(y, w1, b1, w2, b2):
    """The right-hand side: a network with one hidden layer."""
    return w2 @ np.tanh(w1 @ y + b1) + b2


def rk4_step(y, dt, w1, b1, w2, b2):
    """One step of the classical method."""
    k1 = field(y, w1, b1, w2, b2)
    k2 = field(y + 0.5 * dt * k1, w1, b1, w2, b2)
    k3 = field(y + 0.5 * dt * k2, w1, b1, w2, b2)
    k4 = field(y + dt * k3, w1, b1, w2, b2)
    return y + dt / 6.0 * (k1 + 2.0 * k2 + 2.0 * k3 + k4)


def neural_ode(w1, b1, w2, b2, y0, observed, dt):
    """Mean squared distance of the trajectory from the observed one."""
    y = y0
    total = 0.0
    for t in range(len(observed)):
        y = rk4_step(y, dt, w1, b1, w2, b2)
        total += np.sum((y - observed[t]) ** 2)
    return total / len(observed)


def neural_ode_primal(w1, b1, w2, b2, y0, observed, dt):
    """`neural_ode` with its helpers written out."""
    y = y0
    total = 0.0
    for t in range(len(observed)):
        k1 = w2 @ np.tanh(w1 @ y + b1) + b2
        k2 = w2 @ np.tanh(w1 @ (y + 0.5 * dt * k1) + b1) + b2
        k3 = w2 @ np.tanh(w1 @ (y + 0.5 * dt * k2) + b1) + b2
        k4 = w2 @ np.tanh(w1 @ (y + dt * k3) + b1) + b2
        y = y + dt / 6.0 * (k1 + 2.0 * k2 + 2.0 * k3 + k4)
        total += np.sum((y - observed[t]) ** 2)
    return total / len(observed)


def neural_ode_hand(w1, b1, w2, b2, y0, observed, dt):
    """Keeps each stage's input and hidden layer; the reverse sweep needs nothing else."""
    steps, d = observed.shape
    width = len(b1)
    inputs = np.empty((steps, 4, d))
    hidden = np.empty((steps, 4, width))
    errors = np.empty((steps, d))
    w1_t = np.ascontiguousarray(w1.T)
    y = y0.copy()
    k = np.empty(d)
    following = np.empty(d)
    total = 0.0
    for t in range(steps):
        for a in range(d):
            following[a] = y[a]
        for stage in range(4):
            reach = 0.0 if stage == 0 else (dt if stage == 3 else 0.5 * dt)
            share = dt / 6.0 if stage in (0, 3) else dt / 3.0
            for a in range(d):
                inputs[t, stage, a] = y[a] + reach * k[a] if stage > 0 else y[a]
            for h in range(width):
                hidden[t, stage, h] = b1[h]
            for a in range(d):
                v = inputs[t, stage, a]
                for h in range(width):
                    hidden[t, stage, h] += w1_t[a, h] * v
            for h in range(width):
                hidden[t, stage, h] = np.tanh(hidden[t, stage, h])
            for a in range(d):
                s = b2[a]
                for h in range(width):
                    s += w2[a, h] * hidden[t, stage, h]
                k[a] = s
                following[a] += share * s
        for a in range(d):
            y[a] = following[a]
            errors[t, a] = y[a] - observed[t, a]
            total += errors[t, a] * errors[t, a]
    w1_bar = np.zeros((d, width))
    b1_bar = np.zeros(width)
    w2_bar = np.zeros((d, width))
    b2_bar = np.zeros(d)
    y_bar = np.zeros(d)
    k_bar = np.empty(d)
    input_bar = np.empty(d)
    before = np.empty(d)
    pre_bar = np.empty(width)
    for t in range(steps - 1, -1, -1):
        for a in range(d):
            y_bar[a] += 2.0 / steps * errors[t, a]
            before[a] = y_bar[a]
        for stage in range(3, -1, -1):
            share = dt / 6.0 if stage in (0, 3) else dt / 3.0
            reach = dt if stage == 2 else 0.5 * dt
            for a in range(d):
                k_bar[a] = share * y_bar[a]
                if stage < 3:
                    k_bar[a] += reach * input_bar[a]
                b2_bar[a] += k_bar[a]
            for h in range(width):
                pre_bar[h] = 0.0
            for a in range(d):
                v = k_bar[a]
                for h in range(width):
                    w2_bar[a, h] += v * hidden[t, stage, h]
                    pre_bar[h] += v * w2[a, h]
            for h in range(width):
                pre_bar[h] *= 1.0 - hidden[t, stage, h] * hidden[t, stage, h]
                b1_bar[h] += pre_bar[h]
            for a in range(d):
                v = inputs[t, stage, a]
                s = 0.0
                for h in range(width):
                    w1_bar[a, h] += v * pre_bar[h]
                    s += w1_t[a, h] * pre_bar[h]
                input_bar[a] = s
                before[a] += s
        for a in range(d):
            y_bar[a] = before[a]
    return total / steps, (np.ascontiguousarray(w1_bar.T), b1_bar, w2_bar, b2_bar, y_bar)


def arguments(steps: int) -> tuple[Any, ...]:
    """A trajectory of `steps` steps in four dimensions."""
    rng = np.random.default_rng(0)
    d = 4
    observed = 0.1 * np.cumsum(rng.normal(size=(steps, d)), axis=0)
    return (
        0.5 * rng.normal(size=(WIDTH, d)),
        0.1 * rng.normal(size=WIDTH),
        0.2 * rng.normal(size=(d, WIDTH)),
        0.1 * rng.normal(size=d),
        rng.normal(size=d),
        observed,
        0.05,
    )


def jax_function() -> Function:
    import jax.numpy as jnp
    from jax import lax

    def trajectory(w1, b1, w2, b2, y0, observed, dt):
        def rhs(y):
            return w2 @ jnp.tanh(w1 @ y + b1) + b2

        def step(y, target):
            k1 = rhs(y)
            k2 = rhs(y + 0.5 * dt * k1)
            k3 = rhs(y + 0.5 * dt * k2)
            k4 = rhs(y + dt * k3)
            y = y + dt / 6.0 * (k1 + 2.0 * k2 + 2.0 * k3 + k4)
            return y, jnp.sum((y - target) ** 2)

        return jnp.mean(lax.scan(step, y0, observed)[1])

    return trajectory


def torch_function() -> Function:
    import torch

    def trajectory(w1, b1, w2, b2, y0, observed, dt):
        def rhs(y):
            return w2 @ torch.tanh(w1 @ y + b1) + b2

        y, total = y0, 0.0
        for target in observed:
            k1 = rhs(y)
            k2 = rhs(y + 0.5 * dt * k1)
            k3 = rhs(y + 0.5 * dt * k2)
            k4 = rhs(y + dt * k3)
            y = y + dt / 6.0 * (k1 + 2.0 * k2 + 2.0 * k3 + k4)
            total = total + ((y - target) ** 2).sum()
        return total / len(observed)

    return trajectory


CASES = (
    Case(
        name="neural_ode",
        family="models",
        fn=neural_ode,
        primal=neural_ode_primal,
        args=arguments,
        sizes=(4, 100, 2000),
        argnums=(0, 1, 2, 3, 4),
        hand=neural_ode_hand,
        jax=jax_function,
        torch=torch_function,
        note="four dimensions, 24 hidden; size: steps of RK4",
    ),
)
