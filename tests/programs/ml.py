"""Small networks written with loops and with arrays."""

from __future__ import annotations

import numpy as np
from programs.registry import program


def sigmoid(x):
    return 1.0 / (1.0 + np.exp(-x))


def relu(x):
    return np.maximum(x, 0.0)


@program(
    args=lambda rng: (
        rng.normal(size=(4, 3)),
        rng.normal(size=4),
        rng.normal(size=4),
        rng.normal(size=(5, 3)),
        rng.normal(size=5),
    ),
    argnums=(0, 1, 2, 3),
)
def mlp_tanh(w1, b1, w2, x, y):
    hidden = np.tanh(x @ w1.T + b1)
    return np.mean((hidden @ w2 - y) ** 2)


@program(
    args=lambda rng: (
        [(rng.normal(size=(3, 4)), rng.normal(size=4)), (rng.normal(size=(4, 2)), rng.normal(size=2))],
        rng.normal(size=(3, 3)),
    ),
    argnums=(0, 1),
)
def mlp_list_of_layers(layers, x):
    """Parameters in a list of tuples, as most NumPy networks keep them."""
    for w, b in layers[:-1]:
        x = sigmoid(x @ w + b)
    w, b = layers[-1]
    return np.sum((x @ w + b) ** 2)


@program(
    args=lambda rng: (rng.normal(size=(5, 3)), rng.normal(size=(3, 4)), rng.normal(size=4)),
    argnums=(0, 1, 2),
    second=False,
)
def relu_network_squared(x, w, v):
    return np.sum((relu(x @ w) @ v) ** 2)


@program(
    args=lambda rng: (0.5 * rng.normal(size=(3, 3)), 0.5 * rng.normal(size=(3, 2)), rng.normal(size=(4, 2))),
    argnums=(0, 1, 2),
)
def rnn_loops(w_hh, w_xh, inputs):
    n = w_hh.shape[0]
    h = np.zeros(n)
    new = np.zeros(n)
    loss = 0.0
    for t in range(inputs.shape[0]):
        for i in range(n):
            a = 0.0
            for j in range(n):
                a += w_hh[i, j] * h[j]
            for j in range(inputs.shape[1]):
                a += w_xh[i, j] * inputs[t, j]
            new[i] = np.tanh(a)
        for i in range(n):
            h[i] = new[i]
        loss += (h[0] - 0.5) ** 2
    return loss + np.sum(h**2)


@program(
    args=lambda rng: (0.5 * rng.normal(size=(8, 5)), 0.5 * rng.normal(size=8), rng.normal(size=(3, 3))),
    argnums=(0, 1, 2),
)
def lstm_arrays(w, b, inputs):
    h = np.zeros(2)
    c = np.zeros(2)
    for x in inputs:
        gates = w @ np.concatenate((x, h)) + b
        i, f = sigmoid(gates[:2]), sigmoid(gates[2:4] + 1.0)
        g, o = np.tanh(gates[4:6]), sigmoid(gates[6:])
        c = f * c + i * g
        h = o * np.tanh(c)
    return np.sum(h) + 0.1 * np.sum(c**2)


@program(
    args=lambda rng: (rng.normal(size=(2, 8)), rng.normal(size=(2, 4)), rng.normal(size=(3, 2))),
    argnums=(0, 1),
)
def lstm_diagonal_language_model(weights, state, sequence):
    """The ADBench LSTM's shape: elementwise weights, two layers, state kept in one array."""
    n = 2
    s = state.copy()
    total = 0.0
    for t in range(sequence.shape[0] - 1):
        x = sequence[t]
        for layer in range(2):
            w = weights[layer]
            hidden = s[layer, :n]
            cell = s[layer, n:]
            forget = sigmoid(x * w[0:n] + 0.1)
            ingate = sigmoid(hidden * w[n : 2 * n] + 0.1)
            outgate = sigmoid(x * w[2 * n : 3 * n])
            change = np.tanh(hidden * w[3 * n :])
            s[layer, n:] = cell * forget + ingate * change
            s[layer, :n] = outgate * np.tanh(s[layer, n:])
            x = s[layer, :n]
        logits = x - np.log(2.0 + np.sum(np.exp(x)))
        total += np.sum(sequence[t + 1] * logits)
    return -total


@program(
    args=lambda rng: (
        {"z": rng.normal(size=(2, 5)), "r": rng.normal(size=(2, 5)), "n": rng.normal(size=(2, 5))},
        rng.normal(size=(3, 3)),
    ),
    argnums=(0, 1),
)
def gru_dict_params(params, inputs):
    h = np.zeros(2)
    for t in range(len(inputs)):
        joined = np.hstack((inputs[t], h))
        z = sigmoid(params["z"] @ joined)
        r = sigmoid(params["r"] @ joined)
        candidate = np.tanh(params["n"] @ np.hstack((inputs[t], r * h)))
        h = (1 - z) * h + z * candidate
    return np.sum(h**3)


@program(
    args=lambda rng: (
        rng.normal(size=(4, 3)),
        rng.normal(size=(3, 3)),
        rng.normal(size=(3, 3)),
        rng.normal(size=(3, 3)),
    ),
    argnums=(0, 1, 2, 3),
)
def causal_attention(x, wq, wk, wv):
    q, k, v = x @ wq, x @ wk, x @ wv
    scores = q @ k.T / np.sqrt(k.shape[1])
    mask = np.tril(np.ones(scores.shape)) > 0
    scores = np.where(mask, scores, -1e9)
    scores = np.exp(scores - np.max(scores, axis=-1, keepdims=True))
    attention = scores / np.sum(scores, axis=-1, keepdims=True)
    return np.sum((attention @ v) ** 2)


@program(args=lambda rng: (rng.normal(size=8), rng.normal(size=3), rng.normal()), argnums=(0, 1, 2))
def conv1d_loops(signal, kernel, bias):
    n, k = len(signal), len(kernel)
    out = np.zeros(n - k + 1)
    for i in range(n - k + 1):
        acc = bias
        for j in range(k):
            acc += kernel[j] * signal[i + j]
        out[i] = acc
    return np.sum(np.tanh(out))


@program(
    args=lambda rng: (rng.normal(size=(2, 5, 5)), rng.normal(size=(2, 2, 2, 2))), argnums=(0, 1), second=False
)
def conv2d_relu_max_pool(image, kernels):
    channels, height, width = image.shape
    filters, _, kh, kw = kernels.shape
    out = np.zeros((filters, height - kh + 1, width - kw + 1))
    for f in range(filters):
        for i in range(out.shape[1]):
            for j in range(out.shape[2]):
                out[f, i, j] = np.sum(kernels[f] * image[:, i : i + kh, j : j + kw])
    out = relu(out)
    pooled = 0.0
    for f in range(filters):
        for i in range(0, 4, 2):
            for j in range(0, 4, 2):
                best = out[f, i, j]
                for di in range(2):
                    for dj in range(2):
                        if out[f, i + di, j + dj] > best:
                            best = out[f, i + di, j + dj]
                pooled += best**2
    return pooled


@program(
    args=lambda rng: (rng.normal(size=(4, 3)), rng.uniform(0.5, 1.5, 3), rng.normal(size=3)),
    argnums=(0, 1, 2),
)
def batch_norm_train(x, gamma, beta):
    mean = np.mean(x, axis=0)
    var = np.var(x, axis=0)
    normed = (x - mean) / np.sqrt(var + 1e-3)
    return np.sum(np.sin(gamma * normed + beta))


@program(args=lambda rng: (rng.normal(size=(3, 4)), rng.uniform(0.5, 1.5, 4)), argnums=(0, 1))
def layer_norm_gelu(x, scale):
    total = 0.0
    for row in x:
        normed = scale * (row - row.mean()) / (row.std() + 1e-2)
        total += np.sum(0.5 * normed * (1 + np.tanh(0.79788456 * (normed + 0.044715 * normed**3))))
    return total


@program(
    args=lambda rng: (rng.normal(size=(5, 3)), np.array([0, 2, 2, 4]), rng.normal(size=3)), argnums=(0, 2)
)
def embedding_mean_classifier(table, tokens, w):
    """Rows gathered with a repeated index."""
    vectors = table[tokens]
    return np.log1p(np.exp(-np.mean(vectors, axis=0) @ w)) + 0.1 * np.sum(vectors**2)


@program(
    args=lambda rng: (rng.normal(size=(4, 2)), rng.normal(size=(2, 3)), rng.normal(size=(3, 2))),
    argnums=(0, 1, 2),
)
def graph_convolution(features, w1, w2):
    adjacency = np.array([[0, 1, 0, 1], [1, 0, 1, 0], [0, 1, 0, 1], [1, 0, 1, 0]]) + np.eye(4)
    degree = adjacency.sum(axis=1)
    norm = adjacency / np.sqrt(np.outer(degree, degree))
    h = np.tanh(norm @ features @ w1)
    return np.sum((norm @ h @ w2) ** 2)


@program(
    args=lambda rng: (
        rng.normal(size=3),
        rng.uniform(0.05, 0.2),
        rng.normal(size=(5, 3)),
        rng.normal(size=5),
    ),
    argnums=(0, 1, 2),
)
def loss_after_gradient_descent(w0, rate, x, y):
    """Training differentiated as a whole: the gradient of the inner loss is written out by hand."""
    w = w0.copy()
    velocity = np.zeros_like(w)
    for _ in range(4):
        grad = 2.0 * x.T @ (x @ w - y) / len(y)
        velocity = 0.9 * velocity + grad
        w -= rate * velocity
    return np.mean((x @ w - y) ** 2)


@program(args=lambda rng: (rng.normal(size=(3, 2)), rng.normal(size=(3, 2))), argnums=(0, 1))
def contrastive_cosine(a, b):
    n = a.shape[0]
    loss = 0.0
    for i in range(n):
        sims = np.zeros(n)
        for j in range(n):
            sims[j] = a[i] @ b[j] / (np.linalg.norm(a[i]) * np.linalg.norm(b[j]))
        loss += np.log(np.sum(np.exp(sims / 0.5))) - sims[i] / 0.5
    return loss / n


@program(
    args=lambda rng: (rng.normal(size=(3, 4)), rng.normal(size=(3, 4)), rng.normal(size=3)),
    argnums=(0, 1, 2),
    second=False,
)
def clipped_policy_objective(logits, old_logits, advantage):
    """Proximal policy optimisation: the ratio is clipped to a trust region."""
    actions = np.array([0, 2, 3])
    rows = np.arange(3)
    log_p = logits - np.log(np.sum(np.exp(logits), axis=1, keepdims=True))
    old = old_logits - np.log(np.sum(np.exp(old_logits), axis=1, keepdims=True))
    ratio = np.exp(log_p[rows, actions] - old[rows, actions])
    surrogate = np.minimum(ratio * advantage, np.clip(ratio, 0.8, 1.2) * advantage)
    return np.mean(surrogate) - 0.01 * np.sum(np.exp(log_p) * log_p)


@program(
    args=lambda rng: (
        rng.normal(size=(4, 4)),
        rng.normal(size=(2, 4)),
        rng.uniform(0.2, 0.8, 4),
        rng.normal(size=2),
    ),
    argnums=(0, 1, 2),
)
def variational_autoencoder_bound(encoder, decoder, x, noise):
    code = encoder @ x
    mean, log_var = code[:2], code[2:]
    z = mean + np.exp(0.5 * log_var) * noise
    p = sigmoid(z @ decoder)
    reconstruction = np.sum(x * np.log(p) + (1 - x) * np.log(1 - p))
    return reconstruction + 0.5 * np.sum(1 + log_var - mean**2 - np.exp(log_var))
