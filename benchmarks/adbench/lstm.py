"""ADBench's LSTM: diagonal weights, two layers, the likelihood of a text of one-hot characters."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..case import Case, Function

CHARACTERS = 14
LAYERS = 2


def sigmoid(x):
    return 1.0 / (1.0 + np.exp(-x))


def lstm_layer(weight, bias, hidden, cell, x):
    """The new hidden and cell state; the gates in the rows of `weight` are forget, in, out and change."""
    forget = sigmoid(x * weight[0] + bias[0])
    ingate = sigmoid(hidden * weight[1] + bias[1])
    outgate = sigmoid(x * weight[2] + bias[2])
    change = np.tanh(hidden * weight[3] + bias[3])
    cell = cell * forget + ingate * change
    return outgate * np.tanh(cell), cell


def lstm(main, extra, state, sequence):
    """Minus the mean log-likelihood of each character after the one before it.

    `main` is layers × (weights, biases) × gates × characters, `extra` three rows: the scale of the input, the
    scale and the bias of the output; `state` is layers × (hidden, cell) × characters.
    """
    layers = main.shape[0]
    steps, d = sequence.shape
    state = state.copy()
    total = 0.0
    for t in range(steps - 1):
        x = sequence[t] * extra[0]
        for layer in range(layers):
            hidden, cell = lstm_layer(main[layer, 0], main[layer, 1], state[layer, 0], state[layer, 1], x)
            state[layer, 0] = hidden
            state[layer, 1] = cell
            x = hidden
        predicted = x * extra[1] + extra[2]
        normalised = predicted - np.log(np.sum(np.exp(predicted)) + 2.0)
        total += np.sum(sequence[t + 1] * normalised)
    return -total / ((steps - 1) * d)


def lstm_primal(main, extra, state, sequence):
    """`lstm` with its helpers written out, for Numba."""
    layers = main.shape[0]
    steps, d = sequence.shape
    state = state.copy()
    total = 0.0
    for t in range(steps - 1):
        x = sequence[t] * extra[0]
        for layer in range(layers):
            weight, bias = main[layer, 0], main[layer, 1]
            hidden, cell = state[layer, 0], state[layer, 1]
            forget = 1.0 / (1.0 + np.exp(-(x * weight[0] + bias[0])))
            ingate = 1.0 / (1.0 + np.exp(-(hidden * weight[1] + bias[1])))
            outgate = 1.0 / (1.0 + np.exp(-(x * weight[2] + bias[2])))
            change = np.tanh(hidden * weight[3] + bias[3])
            new_cell = cell * forget + ingate * change
            x = outgate * np.tanh(new_cell)
            state[layer, 0] = x
            state[layer, 1] = new_cell
        predicted = x * extra[1] + extra[2]
        normalised = predicted - np.log(np.sum(np.exp(predicted)) + 2.0)
        total += np.sum(sequence[t + 1] * normalised)
    return -total / ((steps - 1) * d)


def lstm_hand(main, extra, state, sequence):
    """Scalar loops over characters; each gate, tanh and state is computed once and kept in one array."""
    layers = main.shape[0]
    steps, d = sequence.shape
    # forget, in, out, change, tanh(cell), hidden, cell
    kept = np.empty((steps, layers, 7, d))
    for layer in range(layers):
        for a in range(d):
            kept[0, layer, 5, a] = state[layer, 0, a]
            kept[0, layer, 6, a] = state[layer, 1, a]
    errors = np.empty((steps, d))
    scale = -1.0 / ((steps - 1) * d)
    total = 0.0
    x = np.empty(d)
    for t in range(1, steps):
        for a in range(d):
            x[a] = sequence[t - 1, a] * extra[0, a]
        for layer in range(layers):
            w = main[layer, 0]
            b = main[layer, 1]
            last = kept[t - 1, layer]
            now = kept[t, layer]
            for a in range(d):
                forget = 1.0 / (1.0 + np.exp(-(x[a] * w[0, a] + b[0, a])))
                ingate = 1.0 / (1.0 + np.exp(-(last[5, a] * w[1, a] + b[1, a])))
                outgate = 1.0 / (1.0 + np.exp(-(x[a] * w[2, a] + b[2, a])))
                change = np.tanh(last[5, a] * w[3, a] + b[3, a])
                cell = last[6, a] * forget + ingate * change
                squashed = np.tanh(cell)
                hidden = outgate * squashed
                now[0, a] = forget
                now[1, a] = ingate
                now[2, a] = outgate
                now[3, a] = change
                now[4, a] = squashed
                now[5, a] = hidden
                now[6, a] = cell
                x[a] = hidden
        weight = 2.0
        fit = 0.0
        hits = 0.0
        for a in range(d):
            predicted = x[a] * extra[1, a] + extra[2, a]
            e = np.exp(predicted)
            errors[t, a] = e
            weight += e
            fit += sequence[t, a] * predicted
            hits += sequence[t, a]
        total += fit - hits * np.log(weight)
        for a in range(d):
            errors[t, a] = scale * (sequence[t, a] - hits / weight * errors[t, a])
    main_bar = np.zeros_like(main)
    extra_bar = np.zeros_like(extra)
    state_bar = np.zeros_like(state)
    x_bar = np.empty(d)
    for t in range(steps - 1, 0, -1):
        top = kept[t, layers - 1]
        for a in range(d):
            error = errors[t, a]
            extra_bar[1, a] += error * top[5, a]
            extra_bar[2, a] += error
            x_bar[a] = error * extra[1, a]
        for layer in range(layers - 1, -1, -1):
            w = main[layer, 0]
            w_bar = main_bar[layer, 0]
            b_bar = main_bar[layer, 1]
            last = kept[t - 1, layer]
            now = kept[t, layer]
            s_bar = state_bar[layer]
            for a in range(d):
                x_in = kept[t, layer - 1, 5, a] if layer > 0 else sequence[t - 1, a] * extra[0, a]
                forget = now[0, a]
                ingate = now[1, a]
                outgate = now[2, a]
                change = now[3, a]
                squashed = now[4, a]
                hidden_bar = s_bar[0, a] + x_bar[a]
                cell_bar = s_bar[1, a] + hidden_bar * outgate * (1.0 - squashed * squashed)
                f_bar = cell_bar * last[6, a] * forget * (1.0 - forget)
                i_bar = cell_bar * change * ingate * (1.0 - ingate)
                o_bar = hidden_bar * squashed * outgate * (1.0 - outgate)
                c_bar = cell_bar * ingate * (1.0 - change * change)
                w_bar[0, a] += f_bar * x_in
                w_bar[1, a] += i_bar * last[5, a]
                w_bar[2, a] += o_bar * x_in
                w_bar[3, a] += c_bar * last[5, a]
                b_bar[0, a] += f_bar
                b_bar[1, a] += i_bar
                b_bar[2, a] += o_bar
                b_bar[3, a] += c_bar
                s_bar[0, a] = i_bar * w[1, a] + c_bar * w[3, a]
                s_bar[1, a] = cell_bar * forget
                x_bar[a] = f_bar * w[0, a] + o_bar * w[2, a]
        for a in range(d):
            extra_bar[0, a] += x_bar[a] * sequence[t - 1, a]
    return total * scale, (main_bar, extra_bar)


def arguments(steps: int) -> tuple[Any, ...]:
    """Two layers and a text of `steps` characters out of 14."""
    rng = np.random.default_rng(0)
    d = CHARACTERS
    return (
        rng.uniform(-1.0, 1.0, size=(LAYERS, 2, 4, d)),
        rng.uniform(-1.0, 1.0, size=(3, d)),
        rng.uniform(-1.0, 1.0, size=(LAYERS, 2, d)),
        np.eye(d)[rng.integers(0, d, size=steps)],
    )


def jax_function() -> Function:
    import jax
    import jax.numpy as jnp
    from jax import lax

    def objective(main, extra, state, sequence):
        def step(states, x):
            x = x * extra[0]
            following = []
            for layer in range(main.shape[0]):
                (weight, bias), (hidden, cell) = main[layer], states[layer]
                forget = jax.nn.sigmoid(x * weight[0] + bias[0])
                ingate = jax.nn.sigmoid(hidden * weight[1] + bias[1])
                outgate = jax.nn.sigmoid(x * weight[2] + bias[2])
                change = jnp.tanh(hidden * weight[3] + bias[3])
                cell = cell * forget + ingate * change
                x = outgate * jnp.tanh(cell)
                following.append(jnp.stack([x, cell]))
            return jnp.stack(following), x

        _, tops = lax.scan(step, state, sequence[:-1])
        predicted = tops * extra[1] + extra[2]
        normalised = predicted - jnp.log(jnp.sum(jnp.exp(predicted), axis=1, keepdims=True) + 2.0)
        return -jnp.mean(sequence[1:] * normalised)

    return objective


def torch_function() -> Function:
    import torch

    def objective(main, extra, state, sequence):
        states = [tuple(layer) for layer in state]
        tops = []
        for x in sequence[:-1] * extra[0]:
            for layer in range(main.shape[0]):
                (weight, bias), (hidden, cell) = main[layer], states[layer]
                forget = torch.sigmoid(x * weight[0] + bias[0])
                ingate = torch.sigmoid(hidden * weight[1] + bias[1])
                outgate = torch.sigmoid(x * weight[2] + bias[2])
                change = torch.tanh(hidden * weight[3] + bias[3])
                cell = cell * forget + ingate * change
                x = outgate * torch.tanh(cell)
                states[layer] = (x, cell)
            tops.append(x)
        predicted = torch.stack(tops) * extra[1] + extra[2]
        normalised = predicted - torch.log(torch.exp(predicted).sum(1, keepdim=True) + 2.0)
        return -(sequence[1:] * normalised).mean()

    return objective


CASES = (
    Case(
        name="lstm",
        family="adbench",
        fn=lstm,
        primal=lstm_primal,
        args=arguments,
        sizes=(8, 256, 512, 1024, 4096),
        argnums=(0, 1),
        hand=lstm_hand,
        jax=jax_function,
        torch=torch_function,
        note="two layers, 14 characters; size: length of the text",
    ),
)
