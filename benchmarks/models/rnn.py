"""A recurrent network over time, as array expressions."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..case import Case, Function

BATCH, INPUTS, HIDDEN, OUTPUTS = 16, 12, 48, 6


def recurrent_network(wx, wh, bias, wo, x, y):
    """Mean squared error of the outputs at all times; `x` is times × batch × inputs."""
    steps, batch = x.shape[0], x.shape[1]
    h = np.zeros((batch, wh.shape[0]))
    total = 0.0
    for t in range(steps):
        h = np.tanh(x[t] @ wx + h @ wh + bias)
        error = h @ wo - y[t]
        total += np.sum(error**2)
    return total / (steps * batch)


def recurrent_network_hand(wx, wh, bias, wo, x, y):
    """Products with all times at once outside of the recurrence, for inputs, outputs and weights."""
    steps, batch, inputs = x.shape
    width = wh.shape[0]
    outputs = wo.shape[1]
    flat_x = x.reshape(steps * batch, inputs)
    h = np.zeros((steps + 1, batch, width))
    flat_pre = flat_x @ wx
    pre = flat_pre.reshape(steps, batch, width)
    product = np.empty((batch, width))
    for t in range(steps):
        np.dot(h[t], wh, product)
        for b in range(batch):
            for k in range(width):
                h[t + 1, b, k] = np.tanh(pre[t, b, k] + product[b, k] + bias[k])
    flat_h = h[1:].reshape(steps * batch, width)
    error = flat_h @ wo
    flat_y = y.reshape(steps * batch, outputs)
    total = 0.0
    scale = 1.0 / (steps * batch)
    for i in range(steps * batch):
        for k in range(outputs):
            difference = error[i, k] - flat_y[i, k]
            total += difference * difference
            error[i, k] = 2.0 * scale * difference
    wo_bar = flat_h.T @ error
    # The scores' memory becomes that of the adjoints of the scores.
    np.dot(error, np.ascontiguousarray(wo.T), flat_pre)
    wh_t = np.ascontiguousarray(wh.T)
    bias_bar = np.zeros(width)
    product[:] = 0.0
    for t in range(steps - 1, -1, -1):
        for b in range(batch):
            for k in range(width):
                v = h[t + 1, b, k]
                delta = (pre[t, b, k] + product[b, k]) * (1.0 - v * v)
                pre[t, b, k] = delta
                bias_bar[k] += delta
        np.dot(pre[t], wh_t, product)
    wx_bar = flat_x.T @ flat_pre
    wh_bar = h[:-1].reshape(steps * batch, width).T @ flat_pre
    return total * scale, (wx_bar, wh_bar, bias_bar, wo_bar)


def arguments(steps: int) -> tuple[Any, ...]:
    """`steps` times of a batch of 16."""
    rng = np.random.default_rng(0)
    return (
        0.3 * rng.normal(size=(INPUTS, HIDDEN)),
        0.1 * rng.normal(size=(HIDDEN, HIDDEN)),
        0.1 * rng.normal(size=HIDDEN),
        0.2 * rng.normal(size=(HIDDEN, OUTPUTS)),
        rng.normal(size=(steps, BATCH, INPUTS)),
        rng.normal(size=(steps, BATCH, OUTPUTS)),
    )


def jax_function() -> Function:
    import jax.numpy as jnp
    from jax import lax

    def network(wx, wh, bias, wo, x, y):
        def step(h, pre):
            h = jnp.tanh(pre + h @ wh)
            return h, h

        h0 = jnp.zeros((x.shape[1], wh.shape[0]))
        _, hidden = lax.scan(step, h0, x @ wx + bias)
        return jnp.sum((hidden @ wo - y) ** 2) / (x.shape[0] * x.shape[1])

    return network


def torch_function() -> Function:
    import torch

    def network(wx, wh, bias, wo, x, y):
        h = torch.zeros(x.shape[1], wh.shape[0], dtype=x.dtype)
        hidden = []
        for pre in x @ wx + bias:
            h = torch.tanh(pre + h @ wh)
            hidden.append(h)
        return ((torch.stack(hidden) @ wo - y) ** 2).sum() / (x.shape[0] * x.shape[1])

    return network


CASES = (
    Case(
        name="rnn",
        family="models",
        fn=recurrent_network,
        args=arguments,
        sizes=(3, 30, 300),
        argnums=(0, 1, 2, 3),
        hand=recurrent_network_hand,
        jax=jax_function,
        torch=torch_function,
        note="batch 16, 48 hidden, matrix products; size: times",
    ),
)
