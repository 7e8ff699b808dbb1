"""Tuples, lists, comprehensions, and pytree arguments."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from programs.registry import program


class Params(NamedTuple):
    w: np.ndarray
    b: float


@dataclass
class Body:
    position: np.ndarray
    velocity: np.ndarray
    mass: float
    steps: int = 3


@program(args=lambda rng: (rng.standard_normal(3),))
def pack_and_unpack(x):
    t = (x[0], x[1] * x[2], 3.0)
    a, b, c = t
    (d, e), f = (a * b, c), t[1]
    p = t + (d,)
    return a * b * c + d * e * f + p[-1] * len(p) + sum(t)


@program(args=lambda rng: (rng.standard_normal(4),))
def starred_unpacking(x):
    first, *middle, last = (x[0], x[1] * x[0], x[2], x[3])
    *rest, tail = middle
    a, b, c, d = x
    return first * last + middle[0] * tail + rest[0] * b + a * c * d


@program(args=lambda rng: (1.3, 0.2), argnums=(0, 1))
def fibonacci_swap(a, b):
    for _ in range(6):
        a, b = b, a + 0.5 * b * b
    return a * b


@program(args=lambda rng: (rng.standard_normal(3),))
def tuple_carried_by_loop(x):
    state = (x[0], x[1])
    for i in range(4):
        state = (state[1], state[0] * 0.5 + state[1] * x[2])
    u, v = state
    return u * v


@program(args=lambda rng: (rng.standard_normal(4),))
def list_append_and_index(x):
    acc = [x[0]]
    for i in range(1, 4):
        acc.append(acc[-1] * x[i] + acc[0])
    acc[1] = acc[2] * acc[1]
    s = 0.0
    for v in acc:
        s += v * v
    return s + len(acc) * acc[3]


@program(args=lambda rng: (rng.standard_normal(4),))
def list_as_stack(x):
    stack = [x[0], x[1]]
    stack.append(x[2] * x[0])
    s = 0.0
    while len(stack) > 0:
        v = stack.pop()
        s = s * 0.5 + v * v
        if len(stack) == 1 and s < 1e6 and v != x[3]:
            stack.append(x[3])
            stack.append(v * x[3])
            x[3] = 0.0 * x[3] + v
            if s > -1.0:
                stack.pop()
                stack.pop()
    return s


@program(args=lambda rng: (rng.standard_normal(3), rng.standard_normal((3, 3))), argnums=(0, 1))
def list_of_arrays(x, a):
    history = []
    for k in range(3):
        history.append(x)
        x = a @ x * 0.5
    s = 0.0
    for k in range(3):
        s += np.sum(history[k] * history[k - 1]) * (k + 1)
    return s + np.sum(history[-1] * x)


@program(args=lambda rng: (rng.standard_normal(3),))
def list_of_aliases(x):
    views = [x, x, x[1:]]
    views[0][1] = views[1][0] * x[2]
    views[2][1] *= views[0][1]
    return np.sum(x * x)


@program(args=lambda rng: (rng.standard_normal(5),))
def list_comprehensions(x):
    squares = [v * v for v in x]
    odd = [squares[i] * x[i - 1] for i in range(5) if i % 2 == 1]
    nested = [x[i] * x[j] for i in range(2) for j in range(i, 3)]
    table = [[x[i] * (j + 1) for j in range(2)] for i in range(3)]
    return sum(squares) * sum(odd) + sum(nested) + table[2][1] * table[0][0]


@program(args=lambda rng: (rng.standard_normal(4),))
def comprehension_to_array(x):
    y = np.array([v * v + 1.0 for v in x])
    z = np.array([[x[0], x[1] * x[2]], [1.0, x[3]]])
    return np.sum(y * y) + z[0, 1] * z[1, 1] * z[0, 0]


@program(args=lambda rng: ((rng.standard_normal(3), 0.7),))
def tuple_argument(p):
    w, b = p
    return np.sum(w * w) * b + p[0][1] * p[1]


@program(args=lambda rng: ([rng.standard_normal(2), rng.standard_normal(3), 0.5],))
def list_argument(p):
    s = 0.0
    for v in p[:2]:
        s += np.sum(v * v * v)
    return s * p[2]


@program(
    args=lambda rng: (
        {"w": rng.standard_normal((2, 3)), "b": rng.standard_normal(2), "scale": 1.5},
        np.ones(3),
    )
)
def dict_argument(params, x):
    h = np.tanh(params["w"] @ x + params["b"])
    return params["scale"] * np.sum(h * h)


@program(args=lambda rng: (Params(rng.standard_normal(3), 0.4), rng.standard_normal(3)), argnums=(0, 1))
def named_tuple_argument(p, x):
    z = np.sum(p.w * x) + p.b
    q = Params(p.w * 2.0, z)
    return np.sum(q.w**2) * q.b + p[1] * p[0][0]


@program(args=lambda rng: (Body(rng.standard_normal(2), rng.standard_normal(2), 1.4),))
def dataclass_argument(body):
    x = body.position.copy()
    v = body.velocity
    for _ in range(body.steps):
        v = v - 0.1 * x / body.mass
        x = x + 0.1 * v
    return np.sum(x * x) + 0.5 * body.mass * np.sum(v * v)


@program(args=lambda rng: (Body(rng.standard_normal(2), rng.standard_normal(2), 1.4),))
def dataclass_mutated(body):
    # The fields change in place and by assignment; the gradient belongs to the values on entry.
    for _ in range(body.steps):
        body.position += 0.1 * body.velocity
        body.velocity[0] -= body.position[0] * body.mass
        body.mass *= 1.0 + 0.1 * body.velocity[1]
    body.velocity = body.velocity * body.mass
    return np.sum(body.position * body.velocity) + body.mass


@program(
    args=lambda rng: (
        [(rng.standard_normal((3, 2)), np.ones(3)), (rng.standard_normal((1, 3)), np.zeros(1))],
    )
)
def layers_of_a_network(layers):
    h = np.array([0.5, -1.0])
    for w, b in layers:
        h = np.tanh(w @ h + b)
    return h[0]


@program(args=lambda rng: ({"a": (rng.standard_normal(2), 2.0), "b": [{"c": 0.3}, rng.standard_normal(2)]},))
def nested_pytree(p):
    v, k = p["a"]
    c = p["b"][0]["c"]
    return np.sum(v**2) * k + c * c * np.sum(v * p["b"][1])


@program(args=lambda rng: ([1.0, 2.5, -0.5],))
def list_of_floats_mutated(xs):
    xs[0] = xs[1] * xs[2]
    xs.append(xs[0] * xs[0])
    total = 0.0
    for i, v in enumerate(xs):
        total += v * (i + 1)
    return total * xs[1]


@program(args=lambda rng: ({"u": 0.5, "v": 1.5},))
def dict_read_and_written(d):
    d["u"] = d["u"] * d["v"]
    d["v"] += d["u"] ** 2
    out = {"sum": d["u"] + d["v"], "product": d["u"] * d["v"]}
    return out["sum"] * out["product"]


@program(args=lambda rng: (rng.standard_normal(3), (3, 2, 1)))
def constant_tuple_drives_loop(x, weights):
    s = 0.0
    for i, w in enumerate(weights):
        s += x[i] ** w
    return s + min(weights) * x[0] * max(weights)
