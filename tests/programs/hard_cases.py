"""Points where derivative tools are known to be silently wrong, one program each."""

import math

import numpy as np
from programs.registry import program


@program(args=lambda rng: (np.array([0.5, 0.0, -2.0]),))
def where_with_infinite_branch(x):
    # 1/x and log(x) are infinite or NaN where they are not taken; the gradient stays finite.
    with_log = np.where(x > 0.1, np.log(np.where(x > 0.1, x, 1.0)), x * x)
    positive = x > 0.1
    safe = np.where(positive, x, 2.0)
    return np.sum(with_log) + np.sum(np.where(positive, 1.0 / safe, 3.0 * x))


@program(args=lambda rng: (np.array([0.5, 1.0, 4.0, 0.0]),))
def where_square_root_at_zero(x):
    # sqrt has an infinite slope at the last element, which takes the other branch.
    return np.sum(np.where(np.arange(4) < 3, np.sqrt(np.abs(x)), x * x + x))


@program(args=lambda rng: (np.array([2.0, 0.0, -1.0, 0.5]),))
def product_loop_through_zero(x):
    p = 1.0
    for v in x:
        p *= v
    q = np.ones(4)
    q[0] = x[0]
    for i in range(1, 4):
        q[i] = q[i - 1] * x[i]
    return p + np.sum(q * x)


@program(args=lambda rng: (np.array([2.0, 0.0, 0.0]),))
def product_through_two_zeros(x):
    # With two zeros every partial derivative of the product vanishes.
    return np.prod(x) + np.prod(x[1:] + x[0])


@program(args=lambda rng: (np.array([1.5, -0.5]), np.array([0.3, 0.9, -0.4])), argnums=(0, 1))
def gradient_through_dead_stores(x, y):
    # The last store decides; the first ones must not leave a contribution.
    out = np.zeros(2)
    out[0] = x[0] * y[0]
    out[0] = y[1]
    out[:] = x * y[2]
    out[1] = out[0]
    out[1] = out[1] * 2.0
    y[:2] = 0.0
    return np.sum(out) + np.sum(y * y)


@program(args=lambda rng: (np.array([0.4, 1.2, -0.7, 0.9]),))
def max_with_memory_of_position(x):
    best = x[0]
    at = 0
    for i in range(1, 4):
        if x[i] > best:
            best = x[i]
            at = i
        x[i] = 0.5 * x[i]
    return best * x[at] + x[at - 1]


@program(args=lambda rng: (np.array([0.9, 0.1, 0.5, 0.3]),))
def bubble_sort(x):
    for i in range(4):
        for j in range(3 - i):
            if x[j] > x[j + 1]:
                x[j], x[j + 1] = x[j + 1], x[j]
    return x[0] + 2.0 * x[1] * x[2] + x[3] ** 2


@program(args=lambda rng: (np.array([3.0, 1.0, 2.0]), 4), argnums=(0,))
def prefix_overwritten_many_times(x, n):
    for k in range(n):
        for i in range(3):
            x[i] = math.sin(x[i]) * x[i - 1] + k
        if k == 1:
            continue
        x[k % 3] = x[k % 3] ** 2 * 0.1
    return np.sum(x)


@program(args=lambda rng: (rng.uniform(0.5, 1.0, (3, 3)),))
def lu_in_place(a):
    n = 3
    for k in range(n):
        a[k, k] += 3.0
    for k in range(n):
        for i in range(k + 1, n):
            a[i, k] /= a[k, k]
            for j in range(k + 1, n):
                a[i, j] -= a[i, k] * a[k, j]
    return math.log(a[0, 0]) + math.log(a[1, 1]) + math.log(a[2, 2])


@program(args=lambda rng: (rng.uniform(0.2, 0.9, 4), np.array([2, 0, 3, 1])), argnums=(0,))
def pointer_chasing(x, nxt):
    # The index read next depends on data that the loop changes.
    i = 0
    s = 0.0
    for _ in range(6):
        s += x[i] * x[i]
        x[i] = x[i] * s
        nxt[i], i = i, nxt[i]
    return s


@program(args=lambda rng: (np.array([0.3, 0.6, 0.2, 0.8, 0.5]), 1.0), argnums=(0, 1))
def two_pointers(x, target):
    i = 0
    j = 4
    s = target
    while i < j:
        if x[i] + x[j] > target:
            s *= x[j]
            j -= 1
        else:
            s += x[i] * x[j]
            i += 1
    return s * x[i]


@program(args=lambda rng: (0.3, 0.8), argnums=(0, 1))
def bisection_stops_on_condition(a, c):
    # The bracket holds constants; the derivative enters through the last Newton step only.
    lo, hi = 0.0, 4.0
    while hi - lo > 0.1:
        mid = 0.5 * (lo + hi)
        if mid**3 + a * mid > c:
            hi = mid
        else:
            lo = mid
    x = 0.5 * (lo + hi)
    for _ in range(5):
        x = x - (x**3 + a * x - c) / (3.0 * x * x + a)
    return x


@program(args=lambda rng: (rng.standard_normal((2, 3)), rng.standard_normal(3)), argnums=(0, 1))
def buffer_returned_and_reused(a, x):
    # The same buffer is read by two products before it is overwritten.
    buf = np.zeros(3)
    total = 0.0
    for i in range(2):
        buf[:] = a[i] * x
        p = buf * buf
        q = buf
        buf = np.sin(buf)
        q[0] = p[1]
        total += np.sum(p * q * buf)
    return total


@program(args=lambda rng: (1.1, 0.9), argnums=(0, 1))
def shadowed_names(x, y):
    # Names that the generated code might like to use itself.
    x_bar = x * y
    np_sum = x_bar + 1.0
    tape = np_sum * x
    lambda_ = tape * y
    sin = math.sin(lambda_)
    grad, primal, i, _ = sin * x, y, 2, 0.0
    return grad * primal + i * x_bar + np_sum * tape + _


@program(args=lambda rng: (0.7, 1.9), argnums=(0, 1))
def unused_result_of_domain_error(x, y):
    # The square root of a negative number would be NaN; it is never evaluated.
    r = math.sqrt(x - y) if x > y else math.sqrt(y - x)
    s = math.log(x) if x > 0.0 else 0.0
    return r * s + (1.0 / (x - y) if x != y else 0.0)


@program(args=lambda rng: (rng.standard_normal(3), 2.0), argnums=(0, 1))
def argument_used_as_buffer_and_result(x, c):
    x *= c
    c = np.sum(x)
    x /= c * c + 1.0
    x **= 2
    return c * np.sum(x)


@program(args=lambda rng: (np.array([0.2, 0.7]), np.zeros(4)), argnums=(0, 1))
def output_array_argument(x, out):
    # `out` is overwritten in part: only the elements that survive have a gradient.
    out[0] = x[0] * x[1]
    out[2] = out[0] + x[1]
    out[1:3] *= 2.0
    return np.sum(out * np.array([1.0, 2.0, 3.0, 4.0])) + out[3] ** 2


@program(args=lambda rng: (rng.standard_normal(4), 3), argnums=(0,))
def inactive_loop_between_active_ones(x, n):
    weights = np.zeros(4)
    for i in range(n):
        weights[i] = i * i + 1
    s = 0.0
    for i in range(4):
        s += weights[i] * x[i] ** 2
    weights[0] = s
    for i in range(n, 0, -1):
        weights[i] = weights[i - 1] * 0.5
    return np.sum(weights * x)


@program(args=lambda rng: (rng.standard_normal(3),), second=False)
def constant_result(x):
    # The result does not depend on x: the gradient is exactly zero.
    y = x * 2.0
    y[:] = 1.0
    return np.sum(y) + 0.0 * len(x)


@program(args=lambda rng: (1.3,))
def identity(x):
    return x


@program(args=lambda rng: (np.array([2.0, 3.0]),))
def element_of_argument(x):
    return x[1]


@program(args=lambda rng: (np.array([2.0, 0.5, 1.5]),))
def saturated_functions(x):
    # Slopes underflow to zero without becoming NaN.
    z = x * 400.0
    return np.sum(np.tanh(z) * x) + np.sum(1.0 / (1.0 + np.exp(-z))) + np.sum(np.exp(-z * z) + x**3)
