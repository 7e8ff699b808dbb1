"""Calls: nested functions, lambdas, closures, recursion, functions as arguments, writing helpers."""

import math

import numpy as np
from programs.registry import program

GAIN = 1.75
WEIGHTS = np.array([0.5, -1.0, 2.0, 0.25])
ORDER = 3
SHIFTS = (0.1, 0.2, 0.3)


def square(v):
    return v * v


def scaled(v, factor=2.0, *, offset=0.0):
    return v * factor + offset


def polar(r, t):
    return r * math.cos(t), r * math.sin(t)


def relax(u, rate):
    """Average the neighbours into `u`, in place."""
    for i in range(1, u.shape[0] - 1):
        u[i] = u[i] + rate * (u[i - 1] - 2.0 * u[i] + u[i + 1])


def fill_and_sum(out, x):
    s = 0.0
    for i in range(len(x)):
        out[i] = out[i] * x[i]
        s += out[i]
    return s


def first_above(x, limit):
    for i in range(len(x)):
        if x[i] > limit:
            return x[i] * i
    return -limit


def power_by_halving(x, n):
    if n == 0:
        return 1.0
    half = power_by_halving(x, n // 2)
    if n % 2 == 1:
        return half * half * x
    return half * half


def tree_sum(x, lo, hi):
    if hi - lo == 1:
        return x[lo] ** 2
    mid = (lo + hi) // 2
    left = tree_sum(x, lo, mid)
    right = tree_sum(x, mid, hi)
    return left * right + left


def scale_recursively(x, i):
    if i < len(x):
        x[i] = x[i] * x[i - 1]
        scale_recursively(x, i + 1)


def is_even_product(x, n):
    if n == 0:
        return x
    return is_odd_product(x, n - 1) * x


def is_odd_product(x, n):
    if n == 0:
        return 1.0
    return is_even_product(x, n - 1) + x


def euler(rhs, y, t, dt, steps):
    for _ in range(steps):
        y = y + dt * rhs(t, y)
        t = t + dt
    return y


def decay(t, y):
    return -y * y * (1.0 + t)


def rotate(t, y):
    return np.array([y[1], -y[0] * math.cos(t)])


@program(args=lambda rng: (1.2, 0.4), argnums=(0, 1))
def helper_twice_in_one_expression(a, b):
    return square(a + square(b)) * square(square(a) - b)


@program(args=lambda rng: (rng.standard_normal(3),))
def keyword_and_default_arguments(x):
    a = scaled(x[0])
    b = scaled(x[1], 3.0)
    c = scaled(offset=x[0], v=x[2], factor=x[1])
    return a * b + c * c


@program(args=lambda rng: (1.2,))
def default_argument_of_the_program(x, scale=3.0, power=2):
    return scale * x**power


@program(args=lambda rng: (1.2, 0.4), argnums=(0, 1))
def helper_returns_a_tuple(r, t):
    x, y = polar(r, t)
    u = polar(y, x)
    return x * u[0] + u[1] ** 2


@program(args=lambda rng: (rng.standard_normal(5), 0.3), argnums=(0, 1))
def helper_writes_its_argument(u, rate):
    relax(u, rate)
    s = u[2] * u[1]
    relax(u, rate * rate)
    return s + np.sum(u * u)


@program(args=lambda rng: (rng.standard_normal(3), rng.standard_normal(3)), argnums=(0, 1))
def writing_helper_twice_in_one_expression(out, x):
    # The second call sees what the first one wrote.
    return fill_and_sum(out, x) * fill_and_sum(out, x) + out[1]


@program(args=lambda rng: (rng.standard_normal(6), 0.2), argnums=(0, 1))
def helper_writes_a_view(u, rate):
    relax(u[1:6], rate)
    relax(u[::-1], rate)
    return np.sum(u**2)


@program(args=lambda rng: (np.array([0.2, 0.5, 1.4, 0.9]), 0.6), argnums=(0, 1))
def early_return_in_helper(x, limit):
    return first_above(x, limit) + first_above(x, 5.0 * limit) * x[0]


@program(args=lambda rng: (1.2, 11))
def scalar_recursion(x, n):
    return power_by_halving(x, n)


@program(args=lambda rng: (rng.standard_normal(5),))
def recursion_over_array(x):
    return tree_sum(x, 0, 5)


@program(args=lambda rng: (rng.uniform(0.5, 1.5, 4),))
def recursion_that_writes(x):
    scale_recursively(x, 1)
    return x[3] * x[2]


@program(args=lambda rng: (1.1, 4))
def mutual_recursion(x, n):
    return is_even_product(x, n)


@program(args=lambda rng: (0.8, decay))
def function_as_argument_scalar(y, rhs):
    return euler(rhs, y, 0.0, 0.1, 5)


@program(args=lambda rng: (rng.standard_normal(2), 0.5), argnums=(0, 1))
def function_as_argument_array(y, t):
    z = euler(rotate, y, t, 0.1, 4)
    return z[0] * z[1]


@program(args=lambda rng: (0.8, 1.3), argnums=(0, 1))
def lambda_closes_over_argument(y, rate):
    f = lambda t, v: -rate * v + math.sin(t)  # noqa: E731
    return euler(f, y, 0.0, 0.2, 3) + euler(lambda t, v: v * rate, y, 0.0, 0.2, 2)


@program(args=lambda rng: (0.8, 1.3), argnums=(0, 1))
def nested_functions(a, b):
    c = a * b

    def inner(v):
        def innermost(w):
            return w * c + a

        return innermost(v) * innermost(v * v)

    return inner(b) + inner(c)


@program(args=lambda rng: (rng.standard_normal(3),))
def closure_sees_later_assignment(x):
    # A closure holds the variable, not the value that it had at the definition.
    k = x[0]

    def f(v):
        return v * k

    first = f(x[1])
    k = x[2] * x[2]
    return first + f(x[1])


@program(args=lambda rng: (rng.standard_normal(4),))
def closure_writes_outer_array(x):
    y = np.zeros(4)

    def put(i, v):
        y[i] = y[i] + v * v

    for i in range(4):
        put(i, x[i])
        put(i // 2, x[i] * x[0])
    return np.sum(y * y)


def make_polynomial(coefficients):
    def polynomial(x):
        r = 0.0
        for c in coefficients:
            r = r * x + c
        return r

    return polynomial


cubic = program(args=lambda rng: (1.3,))(make_polynomial((2.0, -1.0, 0.5, 3.0)))


@program(args=lambda rng: (rng.standard_normal(4),))
def global_constants(x):
    s = 0.0
    for i in range(ORDER):
        s += GAIN * WEIGHTS[i] * x[i] ** 2 + SHIFTS[i] * x[3]
    return s * math.pi + np.pi * np.sum(WEIGHTS * x) + np.e


@program(args=lambda rng: (rng.standard_normal(4), 2))
def annotated_function(x: np.ndarray, n: int = 1) -> float:
    total: float = 0.0
    count: int
    count = n
    for i in range(count):
        term: float = x[i] * x[i + 1]
        total += term * term
    return total


@program(args=lambda rng: (1.2, 0.7), argnums=(0, 1))
def argument_rebound(a, b):
    a, b = b * a, a
    a = a + b
    b = math.sin(a) * b
    return a * b


@program(args=lambda rng: (0.8,))
def table_of_functions(x):
    s = x
    for f in (math.sin, math.exp, square, lambda v: v + 1.0):
        s = f(s) * x
    return s


@program(args=lambda rng: (0.8, 3))
def composition(x, n):
    def repeat(f, k):
        def g(v):
            for _ in range(k):
                v = f(v)
            return v

        return g

    return repeat(lambda v: v * math.cos(v), n)(x) + repeat(square, 2)(x)
