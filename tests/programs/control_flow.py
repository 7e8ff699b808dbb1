"""Branches and loops: every exit, every kind of iteration, and loops that do not run."""

import math

import numba
import numpy as np
from programs.registry import program


@program(args=lambda rng: (rng.standard_normal(5),))
def if_elif_else(x):
    s = 0.0
    for i in range(len(x)):
        v = x[i]
        if v > 0.7:
            s += v**2
        elif v > 0.0:
            s += math.sin(v)
        elif v > -0.7:
            s -= 3.0 * v
        else:
            s += v * v * v
    return s


@program(args=lambda rng: (1.3, -0.4), argnums=(0, 1))
def ternary_and_chained_comparison(a, b):
    c = a * b if 0.0 < a <= 2.0 < 3.0 else a
    d = (b if b > 0.0 else -b) if not a < b < 1.0 else 0.0
    return math.exp(c) + d * a


@program(args=lambda rng: (0.8, 2.5, 3), argnums=(0, 1))
def and_or_not(a, b, n):
    if (a > 1.0 and b > 1.0) or (not a > b and n in (1, 3, 5)):
        r = a * a * b
    elif n not in [2, 4] or a == b:
        r = b
    else:
        r = a
    k = n or 7
    z = n > 2 and b > 0.0
    return r + k * a if z else r


@program(args=lambda rng: (0.0, 1.7), argnums=(1,))
def or_selects_a_value(a, b):
    # `a` is zero, so `or` hands over `b` and `and` hands over `a`.
    c = a or b
    d = b and c * b
    return c * b + d * d + (a and b)


@program(args=lambda rng: (1.5, "cube"))
def string_selects_branch(x, kind):
    if kind == "square":
        return x * x
    if kind in ("cube", "third"):
        return x * x * x
    return x


@program(args=lambda rng: (rng.standard_normal(4), None))
def none_selects_branch(x, w):
    if w is None:
        w = np.ones(4) * 0.5
    s = 0.0
    for i in range(4):
        s += w[i] * x[i] ** 2
    return s


@program(args=lambda rng: (2.0, 0), argnums=(0,))
def zero_trip_loop(x, n):
    s = x * x
    for i in range(n):
        s = s * (x + i)
    return s


@program(args=lambda rng: (1.3, np.zeros(0)), argnums=(0, 1))
def zero_trip_over_empty_array(x, y):
    # The gradient of the empty array is an empty array.
    last = x
    for v in y:
        last = last * v
    total = 0.0
    for i in range(3, 3):
        total += y[i]
    return last**2 + total


@program(args=lambda rng: (rng.standard_normal(5),))
def loop_variable_after_loop(x):
    s = 0.0
    for i in range(0, 5, 2):
        s += x[i] * x[i]
    return s * x[i - 1] + i * x[0]


@program(args=lambda rng: (rng.standard_normal(4),))
def element_variable_after_loop(x):
    s = 1.0
    for v in x:
        s = s * (2.0 + v)
    return s * v


@program(args=lambda rng: (rng.standard_normal(5), 5))
def loop_bound_changed_in_body(x, n):
    s = 0.0
    for i in range(n):
        n = n - 2
        s += x[i] * x[i] * n
    return s + n * x[0]


@program(args=lambda rng: (rng.standard_normal(6),))
def loop_variable_changed_in_body(x):
    s = 0.0
    for i in range(3):
        i = 2 * i + 1
        s += x[i] ** 2 * i
    return s


@program(args=lambda rng: (rng.standard_normal(6),))
def negative_step_ranges(x):
    y = 0.0
    for i in range(5, -1, -1):
        y = 0.5 * y + x[i] * y * 0.1 + x[i]
    for i in range(4, 0, -2):
        y = y * x[i] + x[i - 1]
    for i in range(0, 3, -1):
        y = y * 100.0
    return y


@program(args=lambda rng: (rng.standard_normal(7), 6, 0, -3))
def step_known_at_run_time(x, start, stop, step):
    p = 1.0
    for i in range(start, stop, step):
        p *= x[i] + 2.0
    return p


@program(args=lambda rng: (np.array([0.3, 0.9, 0.2, 1.4, 5.0]),))
def break_out(x):
    s = 1.0
    for i in range(len(x)):
        if x[i] > 1.0:
            break
        s = s * x[i] + 1.0
    return s + x[i] * 0.5


@program(args=lambda rng: (np.array([0.3, -0.9, 0.2, -1.4, 5.0]),))
def continue_over_negatives(x):
    s = 1.0
    for v in x:
        if v < 0.0:
            continue
        s = s * v
        if s < 0.1:
            s = s + v
            continue
        s = s * s
    return s


@program(args=lambda rng: (np.array([0.3, -0.9, 0.2]), 7.0), argnums=(0, 1))
def for_else(x, limit):
    s = 0.0
    for v in x:
        s += v * v
        if s > limit:
            s = -s
            break
    else:
        s = s * limit
    for v in x:
        if v < 0.0:
            s *= v
            break
    else:
        s = 0.0
    return s


@program(args=lambda rng: (np.array([[0.3, 2.0, 0.1], [0.6, 0.2, 0.5], [3.0, 1.0, 1.0]]),))
def nested_break_and_continue(a):
    s = 1.0
    for i in range(a.shape[0]):
        if a[i, 0] > 2.5:
            continue
        for j in range(a.shape[1]):
            if a[i, j] > 1.0:
                break
            if a[i, j] < 0.25:
                continue
            s = s * (1.0 + a[i, j])
        else:
            s = s * a[i, 1]
        s = s + a[i, 2]
    return s


@program(args=lambda rng: (np.array([[0.3, 0.2], [0.6, 1.7], [3.0, 1.0]]),))
def early_return_from_nested_loops(a):
    s = 0.0
    for i in range(3):
        for j in range(2):
            s += a[i, j] ** 2
            if s > 3.0:
                a[i, j] = s * a[0, 0]
                return a[i, j] * a[i, 0]
    return s


@program(args=lambda rng: (np.array([0.2, 0.4, 0.3]),))
def early_return_not_reached(x):
    for i in range(3):
        if x[i] > 10.0:
            return x[0]
        x[i] = x[i] * x[i - 1]
    if x[0] > 5.0:
        return -1.0
    else:
        return x[0] + x[1] * x[2]


@program(args=lambda rng: (1.1, 0.5), argnums=(0, 1))
def while_on_active_value(x, y):
    n = 0
    while x < 20.0:
        x = x * x + y
        n += 1
    return x / n


@program(args=lambda rng: (2.0,))
def while_true_newton(a):
    x = a
    steps = 0
    while True:
        new = 0.5 * (x + a / x)
        steps += 1
        if abs(new - x) < 1e-12 or steps > 30:
            break
        x = new
    return new


@program(args=lambda rng: (rng.uniform(0.5, 1.0, 6),))
def while_with_continue_and_else(x):
    i = -1
    s = 1.0
    while i < 5:
        i += 1
        if i % 2 == 1:
            continue
        s = s * x[i] + x[i - 1]
    else:
        s = s * s
    return s


@program(args=lambda rng: (rng.standard_normal((3, 2)),))
def loop_over_rows(a):
    s = 1.0
    for row in a:
        s = s * row[0] + row[1] ** 2
        for v in row:
            s += v * v * v
    return s


@program(args=lambda rng: (rng.standard_normal(4), rng.standard_normal(3)), argnums=(0, 1))
def enumerate_zip_reversed(x, y):
    s = 0.0
    for i, v in enumerate(x):
        s += (i + 1) * v**2
    for u, v in zip(x, y, strict=False):
        s = s * 0.5 + u * v
    for i, (u, v) in enumerate(zip(x[1:], y, strict=True), start=1):
        s += u * v**i
    for v in reversed(y):
        s = s * v + 1.0
    for k in reversed(range(3)):
        s = s + x[k] * s
    return s


@program(args=lambda rng: (rng.standard_normal(3),))
def loop_over_tuples_and_lists(x):
    s = 0.0
    for w in (1, 2.5, -0.5):
        s += math.sin(w * x[0])
    for w, k in [(2.0, 1), (3.0, 2)]:
        s += w * x[k] ** 2
    for v in (x[0] * x[1], x[1], x[2] ** 3):
        s = s * 0.5 + v * v
    for k in (2, 0):
        s += x[k]
    return s


@program(args=lambda rng: (rng.standard_normal(6), 0.7), argnums=(0, 1))
def prange_sum(x, w):
    s = 0.0
    for i in numba.prange(x.shape[0]):
        t = w * x[i]
        s += t * math.exp(-t)
    return s


@program(args=lambda rng: (rng.standard_normal(6),))
def prange_reads_neighbours(x):
    y = np.zeros(6)
    for i in numba.prange(1, 5):
        y[i] = x[i - 1] * x[i + 1] + x[i] ** 2
    return np.sum(y * y)


@program(args=lambda rng: (rng.standard_normal(4),))
def int_becomes_float_in_loop(x):
    s = 0
    p = 1
    for i in range(4):
        s += x[i] * p
        p *= x[i]
    return s * p


@program(args=lambda rng: (1.4, True))
def assigned_in_one_branch_only(x, flag):
    if flag:
        extra = x * x
    y = x + 1.0
    if flag:
        y = y * extra
    return y


@program(args=lambda rng: (np.array([0.5, 1.5, 0.7]),))
def assigned_in_loop_branch_only(x):
    best = 0.0
    for i in range(3):
        if x[i] > best:
            best = x[i]
            where = i
    return best * best * x[where - 1]


@program(args=lambda rng: (rng.standard_normal((4, 4)),))
def triangular_loops(a):
    s = 0.0
    for i in range(4):
        for j in range(i):
            for k in range(j + 1, i + 1):
                s += a[i, j] * a[j, k] * (k - j)
    return s


@program(args=lambda rng: (rng.uniform(0.5, 1.5, 4), 1e-3))
def assert_raise_and_docstring(x, eps):
    """A docstring, an assertion, and an exception that is not raised."""
    assert x.shape[0] == 4, "four elements"
    if eps <= 0.0:
        raise ValueError(f"eps must be positive, got {eps:.3g}")
    pass
    s = 0.0
    for v in x:
        if v < 0.0:
            raise ArithmeticError("negative element")
        s += math.log(v + eps)
    return s


@program(args=lambda rng: (1.2,))
def print_runs_once(x):
    y = x * x
    print("the value is", y)
    return y * x
