"""Mutation and aliasing: what is written, when, and through which name."""

import numpy as np
from programs.registry import program


@program(args=lambda rng: (rng.standard_normal(3),))
def alias_then_write(x):
    y = x
    y[0] = 5.0 * x[1] * x[2]
    return x[0] * x[0]


@program(args=lambda rng: (rng.standard_normal(4),))
def alias_chain_and_copy(x):
    a = x
    b = a
    c = b.copy()
    b[1] = a[0] * c[2]
    c[3] = b[1] * c[3]
    a[2] *= c[3]
    return np.sum(x * x) + np.sum(c * c)


@program(args=lambda rng: (rng.standard_normal(3), rng.standard_normal(3), True), argnums=(0, 1))
def conditional_alias(x, y, first):
    b = x if first else y
    b[1] = b[0] * y[1]
    return np.sum(x * x) + np.sum(y * y * y)


@program(args=lambda rng: (rng.standard_normal(3), rng.standard_normal(3)), argnums=(0, 1))
def alias_chosen_by_value(x, y):
    # Which array is written is known only at run time.
    if x[0] * y[0] > 0.05:
        b = x
        c = y
    else:
        b = y
        c = x
    for i in range(3):
        b[i] = b[i] * c[i - 1]
    return np.sum(x * x) + np.sum(y) * y[0]


@program(args=lambda rng: (rng.standard_normal(4),))
def argument_overwritten_after_use(x):
    s = 0.0
    for i in range(4):
        s += x[i] ** 3
        x[i] = 0.0
    return s + np.sum(x)


@program(args=lambda rng: (rng.standard_normal(4), rng.standard_normal(4)), argnums=(0, 1))
def two_arguments_mutated(x, y):
    for i in range(4):
        x[i], y[i] = y[i] * x[i], x[i] + y[i - 1]
    return np.sum(x * y)


@program(args=lambda rng: (rng.standard_normal(4),))
def in_place_chain(y):
    for i in range(1, 4):
        y[i] = y[i] * y[i - 1]
    for i in range(1, 4):
        y[i] *= y[i - 1]
    return y[3] + y[2]


@program(args=lambda rng: (rng.standard_normal(4),))
def square_in_place_repeatedly(x):
    for _ in range(3):
        for i in range(4):
            x[i] = x[i] * x[i] + x[i]
    return x[0] * x[1] + x[2] - x[3]


@program(args=lambda rng: (rng.standard_normal(5), rng.standard_normal(5)), argnums=(0, 1))
def swap_buffers(u, f):
    v = np.zeros(5)
    for _ in range(3):
        for i in range(1, 4):
            v[i] = 0.5 * (u[i - 1] + u[i + 1]) + f[i] * u[i] ** 2
        u, v = v, u
    return np.sum(u * u) + v[2]


@program(args=lambda rng: (rng.standard_normal(3),))
def swap_buffers_odd_exit(u):
    # After a run-time number of swaps, either name can stand for either buffer.
    v = u.copy()
    while np.sum(u * u) < 10.0:
        for i in range(3):
            v[i] = 1.4 * u[i] + 0.1 * u[i - 1] * u[i]
        t = u
        u = v
        v = t
    return u[0] * u[1] + v[2]


@program(args=lambda rng: (rng.standard_normal(3), rng.standard_normal((3, 3))), argnums=(0, 1))
def rebind_array_in_loop(x, a):
    for k in range(3):
        x = x + 0.1 * (a @ x) * k
        y = x
        x = x * x
    return np.sum(x) + np.sum(y)


@program(args=lambda rng: (rng.standard_normal(3),))
def rebind_keeps_the_old_alive(x):
    first = x
    for _ in range(2):
        x = x * 0.5 + 1.0
    first[0] = first[1] * x[2]
    return np.sum(first * x)


@program(args=lambda rng: (rng.standard_normal(3), rng.standard_normal(3)), argnums=(0, 1))
def augmented_assignment_on_names(x, dx):
    # On arrays `+=` writes into the array; `x = x + dx` makes a new one.
    y = x
    x += dx
    x *= dx
    x -= 0.5
    x /= 2.0
    z = y
    y = y + dx
    y **= 2
    return np.sum(z * y) + np.sum(x)


@program(args=lambda rng: (1.3, 0.4), argnums=(0, 1))
def augmented_assignment_on_scalars(x, dx):
    y = x
    x += dx
    x *= x
    x -= y
    x /= dx
    x **= 2
    x %= 1000.0
    n = 7
    n //= 2
    n <<= 1
    return x * y * n


@program(args=lambda rng: (rng.standard_normal((3, 4)),))
def scratch_reused_per_iteration(a):
    tmp = np.empty(4)
    s = 0.0
    for i in range(3):
        for j in range(4):
            tmp[j] = np.sin(a[i, j])
        for j in range(1, 4):
            tmp[j] = tmp[j] * tmp[j - 1]
        s += tmp[3] ** 2 + tmp[1]
    return s


@program(args=lambda rng: (rng.standard_normal((3, 3)),))
def scratch_partly_kept(a):
    # tmp[0] carries a value from one iteration to the next, tmp[1:] does not.
    tmp = np.ones(3)
    for i in range(3):
        tmp[1] = a[i, 0] * tmp[0]
        tmp[2] = a[i, 1] + tmp[1] ** 2
        tmp[0] = tmp[0] + tmp[2] * a[i, 2]
    return tmp[0]


@program(args=lambda rng: (rng.standard_normal(4),))
def overwritten_value_needed_later(x):
    y = np.exp(x)
    s = np.sum(y * y)
    y[1:3] = 0.0
    s += np.sum(y * x)
    y[:] = x * x
    s *= y[1]
    y[...] = 2.0
    return s + np.sum(y * x)


@program(args=lambda rng: (rng.standard_normal(3), rng.standard_normal(3)), argnums=(0, 1))
def constant_buffer_overwritten(x, y):
    c = np.array([1.0, 2.0, 3.0])
    s = np.sum(c * x)
    c[:] = 5.0
    s += np.sum(c * x * y)
    c[0] = x[1]
    return s * np.sum(c * y)


@program(args=lambda rng: (rng.standard_normal(5),))
def overlapping_slice_updates(a):
    # NumPy reads the whole right side before it writes.
    a[1:] += a[:-1]
    a[:-1] *= a[1:]
    a[1:4] = a[:3] * a[2:]
    a[:] = a[::-1] + 0.5 * a
    return np.sum(a * a)


@program(args=lambda rng: (rng.standard_normal((3, 3)),))
def overlap_with_own_transpose(a):
    a += a.T
    a[:, 0] = a[0, :] * a[1, :]
    a[0] -= a[:, 1]
    return np.sum(a * a)


@program(args=lambda rng: (rng.standard_normal(3),))
def element_swap(x):
    x[0], x[2] = x[2], x[0]
    x[1], x[0] = x[0] * x[1], x[1] + x[2]
    return x[0] ** 2 + x[1] * x[2]


@program(args=lambda rng: (rng.standard_normal(4), 1), argnums=(0,))
def index_changed_in_tuple_assignment(x, i):
    # Targets are assigned from left to right: the second one uses the new i.
    i, x[i] = 2, x[0] * x[1]
    return x[2] * x[3] + x[1] * x[i]


@program(args=lambda rng: (rng.standard_normal(3),))
def chained_assignment(x):
    a = b = x[0] * x[1]
    y = z = np.zeros(3)
    y[0] = z[1] = a + x[2]
    z[2] = y[0] * b
    return np.sum(y * z)


@program(args=lambda rng: (rng.standard_normal((2, 3)),))
def array_returned_by_helper_is_an_alias(a):
    def row(m, i):
        return m[i]

    r = row(a, 1)
    r[0] = r[1] * a[0, 2]
    row(a, 0)[1] = 3.0 * a[1, 0]
    return np.sum(a * a)
