"""Creation, reshaping, joining and shifting of arrays, from 0-d to 4-d."""

import numpy as np
from programs.registry import program


@program(args=lambda rng: (rng.standard_normal(6),))
def reshape_and_transpose(x):
    a = x.reshape(2, 3) * 2.0
    b = np.reshape(x * x, (3, -1)).T
    c = (a * b).ravel()
    d = np.transpose(a) @ b
    return np.sum(c[::-1] * x) + d[2, 0] * d[1, 1] + a.T.flatten()[1]


@program(args=lambda rng: (rng.standard_normal((2, 3, 2, 2)),))
def four_dimensions(a):
    b = np.transpose(a, (3, 1, 0, 2))
    c = b.reshape(6, 4) * a.reshape((6, 4))
    s = 0.0
    for i in range(2):
        for j in range(3):
            s += a[i, j, 1, 0] * b[1, j, i, 0] ** 2
    return np.sum(c * c) + s + np.sum(a, axis=(1, 3))[0, 1]


@program(args=lambda rng: (np.array(0.8), 1.5), argnums=(0, 1))
def zero_dimensional(x, c):
    y = x * c + np.sin(x)
    z = np.array(3.0)
    z[()] = y * x
    return float(z * y) + x[()] * x.sum()


@program(args=lambda rng: (np.array(0.8),))
def zero_dimensional_mutated(x):
    y = x
    y += 1.0
    x[...] = x * y
    return float(y * x)


@program(args=lambda rng: (rng.standard_normal((1, 3)), rng.standard_normal((2, 1))), argnums=(0, 1))
def expand_squeeze_broadcast(a, b):
    c = np.broadcast_to(a, (2, 3))
    d = np.expand_dims(c * b, axis=1)
    e = np.squeeze(d, axis=1) + np.squeeze(a)
    f = b[:, 0][np.newaxis, :, None] * c
    return np.sum(e * c) + np.sum(f**2) + d[1, 0, 2] * np.squeeze(b[:1, :])


@program(args=lambda rng: (rng.standard_normal(3), rng.standard_normal(2), 0.5), argnums=(0, 1, 2))
def joins(x, y, c):
    z = np.concatenate((x, y * y, np.array([c, 1.0]), x[:1]))
    s = np.stack([x, x * c, z[:3]], axis=1)
    h = np.hstack((y, x))
    v = np.vstack((h, z[:5]))
    return np.sum(z[::2] * z[1::2]) + np.sum(s @ s) + np.sum(v[0] * v[1])


@program(args=lambda rng: (rng.standard_normal((2, 3)), rng.standard_normal((2, 2))), argnums=(0, 1))
def joins_of_matrices(a, b):
    c = np.concatenate([a, b], axis=1)
    d = np.concatenate((a, a[:1] * 2.0))
    e = np.stack((a, a**2))
    f = np.hstack([b, a])
    return np.sum(c * f) + d[2, 0] * d[1, 2] + np.sum(e[0] * e[1]) + np.vstack([b, b.T])[3, 0] ** 2


@program(args=lambda rng: (rng.standard_normal(3), rng.standard_normal((2, 2))), argnums=(0, 1))
def repetitions(x, a):
    t = np.tile(x, 2) * np.repeat(x, 2)
    u = np.tile(a, (2, 1)) * np.repeat(a, 2, axis=0)
    return np.sum(t * np.arange(6.0)) + np.sum(u[0] * u[3]) + np.sum(np.repeat(a, 2)[1::2] ** 3)


@program(args=lambda rng: (rng.standard_normal(5), rng.standard_normal((2, 3))), argnums=(0, 1))
def shifts_and_flips(x, a):
    y = np.roll(x, 1) * x + np.roll(x, -2) * np.flip(x)
    b = np.roll(a, 1, axis=1) * np.flip(a, axis=0) + a[:, ::-1]
    return np.sum(y**2) + np.sum(b * a) + np.roll(a, 2)[1, 0] * np.flip(a)[0, 0]


@program(args=lambda rng: (rng.standard_normal((3, 3)), rng.standard_normal(3)), argnums=(0, 1))
def diagonals_and_triangles(a, x):
    d = np.diag(x) @ a
    low = np.tril(a) @ np.triu(a, k=1)
    return (
        np.sum(d * low) + np.sum(np.diag(a) * x) + np.sum(np.tril(d, -1) ** 2) + np.sum(np.diag(a, 1)) * x[0]
    )


@program(args=lambda rng: (rng.standard_normal(5), rng.standard_normal((3, 4))), argnums=(0, 1))
def differences(x, a):
    d = np.diff(x)
    e = np.diff(a, axis=0)
    return np.sum(d**3) + np.sum(e * a[1:]) + np.sum(np.diff(a) ** 2) + np.sum(np.diff(x, n=2) ** 2)


@program(args=lambda rng: (rng.standard_normal(4), 0.7), argnums=(0, 1))
def creation(x, c):
    s = np.zeros(4)
    s[0] = c
    o = np.ones((2, 2)) * x[0]
    f = np.full(3, c)
    g = np.full((2, 2), 2.5)
    e = np.eye(2) * x[3]
    ramp = np.arange(4) * c + np.linspace(0.0, 1.0, 4)
    return np.sum(s * x) + np.sum(o @ (e + g)) + np.sum(f**2) + np.sum(ramp * x)


@program(args=lambda rng: (rng.standard_normal((2, 3)),))
def creation_like_an_argument(a):
    z = np.zeros_like(a)
    u = np.empty_like(a)
    for i in range(2):
        for j in range(3):
            u[i, j] = a[i, j] ** 2
            z[i, j] += u[i, j - 1] if j > 0 else a[i, j]
    w = np.full_like(a, 3.0) + np.ones_like(z)
    return np.sum(z * u * w)


@program(args=lambda rng: (1.3, 5), argnums=(0,))
def grid_with_active_ends(h, n):
    x = np.linspace(0.0, h, n)
    y = np.arange(n) * h
    s = 0.0
    for i in range(1, n):
        s += 0.5 * (x[i] - x[i - 1]) * (y[i] ** 2 + y[i - 1] ** 2)
    return s


@program(args=lambda rng: (rng.standard_normal((2, 3)),))
def shape_arithmetic(a):
    n, m = a.shape
    s = 0.0
    for k in range(a.size):
        s += a[k // m, k % m] ** 2 * (k + 1)
    if a.ndim == 2 and len(a) == n:
        s *= a[n - 1, a.shape[1] - 1]
    return s / a.size + np.sum(np.zeros(a.shape) + a)


@program(args=lambda rng: (rng.standard_normal((0, 3)), rng.standard_normal(3)), argnums=(0, 1))
def empty_arrays(a, x):
    # Sums over nothing are zero, and the gradient of `a` has its empty shape.
    b = np.concatenate((a, x.reshape(1, 3)))
    return np.sum(a @ x) + np.sum(b * b) + np.sum(np.zeros((2, 0))) * x[0]


@program(args=lambda rng: (rng.standard_normal((3, 1)), rng.standard_normal(3)), argnums=(0, 1))
def arrays_of_length_one(a, x):
    b = a[0] * x[1:2]
    c = np.sum(a[:1], axis=0, keepdims=True)
    y = x * b + c[0]
    y[:] = y + b
    return np.sum(y * y) + b[0] * c[0, 0]
