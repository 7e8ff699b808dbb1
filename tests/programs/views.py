"""Views: slices with any step, transposes, reshapes; written and read through every name."""

import numpy as np
from programs.registry import program


@program(args=lambda rng: (rng.standard_normal(4),))
def view_then_write_base(x):
    v = x[0:2]
    x[0] = x[3] * x[1]
    return v[0] * v[1] + v[0] ** 2


@program(args=lambda rng: (rng.standard_normal(4),))
def write_through_view(x):
    v = x[1:3]
    v[0] = 5.0 * x[0]
    v[1] *= v[0]
    return np.sum(x * x)


@program(args=lambda rng: (rng.standard_normal(7),))
def view_of_a_view(x):
    v = x[1:]
    w = v[::2]
    u = w[1:]
    u[0] = u[1] * v[1]
    w[0] = x[3] * u[0]
    return np.sum(x**2) + u[0] * w[0]


@program(args=lambda rng: (rng.standard_normal(6), rng.standard_normal(3)), argnums=(0, 1))
def strided_slices(x, y):
    x[::2] = x[1::2] * y
    x[1::2] += y[::-1]
    x[4:1:-2] *= 2.0
    z = x[-1:-4:-1] * y
    return np.sum(z * z) + x[0] * x[4]


@program(args=lambda rng: (rng.standard_normal(5),))
def slice_bounds_out_of_range(x):
    # Slice bounds are clipped, and an empty slice takes any write.
    x[3:100] *= 2.0
    x[-100:2] = x[-2:] * x[0]
    x[4:2] = 1.0
    x[7:] = 3.0
    return np.sum(x[1:50] ** 2) + np.sum(x[3:3]) + np.sum(x[:-100:-2])


@program(args=lambda rng: (rng.standard_normal(6), 2, 5, 1))
def slice_bounds_at_run_time(x, lo, hi, step):
    s = 0.0
    for k in range(3):
        v = x[lo - k : hi : step + k]
        s += np.sum(v * v) * (k + 1)
        v[0] = s * 0.1
    return s + np.sum(x)


@program(args=lambda rng: (rng.standard_normal((3, 4)),))
def rows_and_columns(a):
    r = a[1]
    c = a[:, 2]
    r[2] = c[0] * r[0]
    c[2] = r[2] + r[3]
    a[0, :] = r * a[2]
    a[:, 0] += c
    return np.sum(a * a) + r[0] * c[1]


@program(args=lambda rng: (rng.standard_normal((4, 4)),))
def blocks(a):
    b = a[1:3, ::2]
    b[0, 1] = b[1, 0] * a[0, 0]
    b += 1.0
    b[:, 0] *= a[:2, 3]
    a[::-1, 1][0] = b[0, 0]
    a[-1, -2:] = b[1]
    return np.sum(a * a * a)


@program(args=lambda rng: (rng.standard_normal((2, 3)),))
def transpose_is_a_view(a):
    t = a.T
    t[2, 0] = t[0, 1] * a[1, 1]
    a[1, 0] = t[2, 0] ** 2
    u = np.transpose(a)
    u[1] *= 3.0
    return np.sum(t * t)


@program(args=lambda rng: (rng.standard_normal((2, 3, 2)),))
def transpose_of_three_axes(a):
    t = np.transpose(a, (2, 0, 1))
    t[1, 0] = t[0, 1] * 2.0
    s = a.transpose(1, 2, 0)
    s[0, 1, 1] = a[0, 0, 0] * t[1, 1, 2]
    return np.sum(a * a) + np.sum(t[0] * s[:, 0, :].T)


@program(args=lambda rng: (rng.standard_normal((2, 3)),))
def reshape_of_contiguous_is_a_view(a):
    f = a.reshape(6)
    f[4] = f[0] * a[0, 1]
    g = a.ravel()
    g[1] *= g[4]
    h = np.reshape(f, (3, 2))
    h[2, :] = h[0] * h[1]
    k = f.reshape((-1, 3))
    k[0] += k[1]
    return np.sum(a * a)


@program(args=lambda rng: (rng.standard_normal((2, 3)),))
def flatten_is_a_copy(a):
    f = a.flatten()
    f[0] = f[1] * a[1, 2]
    a[0, 1] = f[0] * f[5]
    g = a.T.ravel()
    g[3] = 10.0 * g[1]
    return np.sum(f * f) + np.sum(a * a) + np.sum(g * g)


@program(args=lambda rng: (rng.standard_normal((3, 3)),))
def view_rebound_in_loop(a):
    s = 1.0
    for i in range(3):
        row = a[i]
        row[i] = row[i] * s
        col = a[:, i]
        col[0] += row[2] * row[1]
        s = s + col[0] * 0.5
    return s * np.sum(a)


@program(args=lambda rng: (rng.standard_normal((2, 5)),))
def view_swapped_in_loop(a):
    new, old = a[0], a[1]
    for _ in range(3):
        for i in range(1, 4):
            new[i] = old[i - 1] * old[i + 1] + 0.5 * old[i]
        new, old = old, new
    return np.sum(a * a) + old[1]


@program(args=lambda rng: (rng.standard_normal(6), False), argnums=(0,))
def view_or_copy(x, copied):
    v = x[2:5].copy() if copied else x[2:5]
    v *= x[0]
    w = x[::2] if x[0] > 100.0 else x[1::2]
    w[0] = v[0] * w[2]
    return np.sum(x * x) + np.sum(v)


@program(args=lambda rng: (rng.standard_normal((3, 3)),))
def diagonal_read(a):
    d = np.diagonal(a)
    s = np.sum(d * d * d)
    a[1, 1] = s * a[0, 2]
    return s + np.sum(d * a[0])


@program(args=lambda rng: (rng.standard_normal((2, 3)),))
def newaxis_and_squeeze_are_views(a):
    b = a[:, None, :]
    b[1, 0, 2] = b[0, 0, 1] * a[1, 0]
    c = np.squeeze(b)
    c[0] *= 2.0
    d = np.expand_dims(a, 0)
    d[0, 0, 0] = c[1, 2] ** 2
    e = a[..., np.newaxis]
    e[0] += e[1]
    return np.sum(a * a)


@program(args=lambda rng: (rng.standard_normal((2, 3, 4)),))
def ellipsis_and_negative_axes(a):
    a[..., 0] = a[..., -1] * a[..., 1]
    a[1, ..., 2] += a[0, :, 3]
    a[:, -1] *= 0.5
    v = a[..., ::-1]
    v[0, 0, 0] = v[1, 2, 3] ** 2
    return np.sum(a * a)


@program(args=lambda rng: (np.asfortranarray(rng.standard_normal((3, 4))),))
def fortran_order_argument(a):
    f = a.T.reshape(12).copy()
    f[2] = f[0] * f[7]
    g = a.flatten()
    g[1] = 4.0 * g[2]
    for j in range(4):
        a[0, j] = a[1, j] * a[2, j - 1]
    return np.sum(a * a) + g[1] * g[5] + f[2] * f[3]


@program(args=lambda rng: (rng.standard_normal((6, 8))[::2, 1::3],))
def strided_argument(a):
    b = a.copy()
    a[1:, 0] *= a[:-1, 1]
    f = a.reshape(9) * 1.0
    f[0] = 2.0 * f[8]
    return np.sum(a * b) + np.sum(f * f) + a.ravel()[3] * a.T.reshape(9)[1]


@program(args=lambda rng: (rng.standard_normal((3, 4)),))
def flattened_argument(a):
    f = a.reshape(12)
    g = a.ravel()
    f[2] = f[0] * g[7]
    g[1] = 4.0 * f[2] * a[2, 3]
    return np.sum(a * a) + f[1] * a[0, 1]


@program(args=lambda rng: (rng.standard_normal(5)[::-1], rng.standard_normal((4, 3)).T), argnums=(0, 1))
def reversed_and_transposed_arguments(x, a):
    y = a @ x[1:]
    x[0] = y[0] * x[4]
    a[0] = x[:4]
    return np.sum(a * a) + np.dot(y, y) + x[0]


@program(args=lambda rng: (rng.standard_normal((3, 2, 2, 2)),))
def four_dimensional_views(a):
    b = a[0]
    c = b[:, 1]
    c[0, 1] = a[2, 1, 0, 0] * b[1, 1, 0]
    a[1:, 0, :, 1] = a[:-1, 1, :, 0]
    a[:, ::-1, 0, 0] += 1.0
    return np.sum(a * a * a)


@program(args=lambda rng: (rng.standard_normal((3, 2)),))
def contiguous_copy_of_a_transpose(x):
    y = np.ascontiguousarray(x.T)
    y[0, :] = 0.5  # a copy: x keeps its elements
    z = np.copy(x.T)
    z[1, 1] *= 2.0
    return np.sum(x * x) + np.sum(y * z) * x[0, 0]
