"""Indexing by integer and boolean arrays, loads and stores, repeated indices."""

import numpy as np
from programs.registry import program


@program(args=lambda rng: (rng.standard_normal(4), np.array([0, 2, 2, 0, -1])))
def gather_with_repeats(x, idx):
    y = x[idx]
    return np.sum(y * y) + y[1] * y[2]


@program(args=lambda rng: (rng.standard_normal(4), rng.standard_normal(3)), argnums=(0, 1))
def scatter_last_write_wins(x, v):
    x[np.array([1, 3, 1])] = v
    return np.sum(x * x) + v[0] * x[1]


@program(
    args=lambda rng: (rng.standard_normal(4), rng.standard_normal(3), np.array([1, 3, 1])), argnums=(0, 1)
)
def scatter_add_keeps_last(x, v, idx):
    # `x[idx] += v` is `x[idx] = x[idx] + v`: of two equal indices only the last one counts.
    x[idx] += v
    x[idx] *= x[idx]
    return np.sum(x * x)


@program(args=lambda rng: (rng.standard_normal(5), np.array([3, 1, 1, 4, 3])))
def scatter_add_in_a_loop(x, idx):
    h = np.zeros(5)
    for k in range(5):
        h[idx[k]] += x[k] * x[k]
        h[idx[k]] *= 1.0 + x[idx[k]]
    return np.sum(h * h)


@program(args=lambda rng: (rng.standard_normal(5), np.array([True, False, True, True, False])))
def mask_load_and_store(x, mask):
    y = x[mask]
    x[mask] = y * y
    x[~mask] *= y[0]
    return np.sum(x * x) + y[2]


@program(args=lambda rng: (np.array([0.5, -1.0, 0.3, -0.2]), rng.standard_normal(4)), argnums=(0, 1))
def mask_from_active_values(x, y):
    s = np.sum(x[x > 0.0] ** 2)
    x[x < 0.0] = 0.1
    y[(x > 0.2) & (y < 100.0)] += s
    x[x < -50.0] = y[y > 1e9]
    return np.sum(x * y * y)


@program(args=lambda rng: (rng.standard_normal((3, 4)), np.array([2, 0, 2])))
def gather_rows_and_columns(a, idx):
    r = a[idx]
    c = a[:, idx]
    return np.sum(r[0] * r[2]) + np.sum(c * c) + r[1, 3] * c[1, 0]


@program(args=lambda rng: (rng.standard_normal((3, 4)), np.array([2, 0, 2]), np.array([1, 3, 1])))
def two_index_arrays(a, i, j):
    d = a[i, j]
    a[j - 1, i] = d * d
    return np.sum(a * a) + np.sum(d)


@program(args=lambda rng: (rng.standard_normal((3, 4)),))
def index_array_beside_a_scalar(a):
    v = a[1, np.array([0, 3, 3])]
    a[np.array([0, 2]), 1] = v[:2] * 2.0
    a[2, [0, 2]] += v[1:]
    return np.sum(a * a) + np.sum(v * v)


@program(args=lambda rng: (rng.standard_normal((3, 3)),))
def mask_of_two_dimensions(a):
    m = a > 0.0
    v = a[m]
    a[m] = v * v
    a[~m] = 2.0
    row = a[np.array([True, False, True])]
    return np.sum(a * a) + np.sum(v) + row[1, 0] * row[0, 1]


@program(args=lambda rng: (rng.standard_normal(5), np.array([[0, 1], [4, 1]])))
def index_array_of_two_dimensions(x, idx):
    t = x[idx]
    return np.sum(t[0] * t[1]) + t[1, 0] ** 2


@program(args=lambda rng: (rng.standard_normal(5),))
def permutation_by_argsort(x):
    order = np.argsort(x)
    y = x[order]
    z = np.empty(5)
    z[order] = y * np.arange(5.0)
    return np.sum(y[:-1] * y[1:]) + np.sum(z * x)


@program(args=lambda rng: (rng.standard_normal(5),))
def fancy_load_is_a_copy(x):
    y = x[[0, 1, 2]]
    y[0] = y[1] * x[4]
    x[1] = y[0] * y[2]
    return np.sum(x * x) + np.sum(y * y)


@program(args=lambda rng: (rng.standard_normal(4), np.array([[1, 2], [0, 3], [2, 2]])))
def mesh_connectivity_loop(x, edges):
    energy = 0.0
    force = np.zeros_like(x)
    for e in range(edges.shape[0]):
        i, j = edges[e, 0], edges[e, 1]
        d = x[i] - x[j]
        energy += d**4
        force[i] -= d
        force[j] += d * d
    for i, j in edges:
        energy += force[i] * force[j]
    return energy


@program(args=lambda rng: (rng.standard_normal(4), np.zeros(0, dtype=np.int64)))
def empty_index_array(x, idx):
    x[idx] = 7.0
    y = x[idx]
    return np.sum(y) + np.sum(x * x)


@program(args=lambda rng: (rng.standard_normal(4),))
def negative_scalar_indices(x):
    for i in range(-1, -4, -1):
        x[i] = x[i] * x[i - 1]
    return x[-4] + x[-1] * x[3]
