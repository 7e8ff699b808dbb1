"""Scalar arithmetic: operators, builtins and the functions of `math`."""

import math

import numpy as np
from programs.registry import program


@program(args=lambda rng: (0.6, 0.3), argnums=(0, 1))
def math_trigonometric(a, b):
    s = math.sin(a) * math.cos(b) + math.tan(a * b)
    s += math.asin(a) * math.acos(b) + math.atan(a / b) + math.atan2(a, -b)
    s += math.sinh(a) + math.cosh(b) * math.tanh(a)
    return s * math.asinh(a) + math.acosh(1.0 + b) * math.atanh(a * b)


@program(args=lambda rng: (1.6, 0.7), argnums=(0, 1))
def math_exponential(a, b):
    s = math.exp(a) + math.expm1(b) * math.log(a) + math.log1p(b) * math.log2(a)
    s += math.log10(a) * math.sqrt(b) + math.hypot(a, b) ** 2 + math.pow(a, b)
    return s + math.log(a, 3.0) + math.log(8.0, a) + math.fabs(-b) * math.degrees(a * 0.1) + math.radians(b)


@program(args=lambda rng: (0.6, 2.7), argnums=(0, 1))
def math_special(a, b):
    return math.erf(a) * b + math.erfc(a * b) + math.gamma(b) * a + math.lgamma(a) * math.lgamma(b + 1.0)


@program(args=lambda rng: (2.7, -1.3), argnums=(0, 1))
def rounding_is_constant(a, b):
    s = math.floor(a) * b + math.ceil(b) * a + math.trunc(a) * b * b
    s += np.floor(a * b) * a + np.ceil(a) * b + round(a * 3.0) * b + math.copysign(a, b)
    return s + (a // 1.0) * a + math.fmod(a, 2.0) * b


@program(args=lambda rng: (7.3, 2.1), argnums=(0, 1))
def floor_division_and_remainder(a, b):
    q, r = divmod(a, b)
    s = q * b + r * r + (a % b) * (-a % b) + (a % -b)
    s += (a // b) * a + 7 // 2 * a + (-7) % 3 * b
    return s + divmod(17, 5)[1] * a


@program(args=lambda rng: (1.4, 3, 0), argnums=(0,))
def integer_powers(x, n, zero):
    s = x**2 + x**0 + x**n + x**zero + x**-1 + x**-n
    s += pow(x, 3) * 2.0**x + pow(x, -2)
    return s + (-x) ** n + 2**n * x + (n - 1) ** 2 * x


@program(args=lambda rng: (1.4, -0.6), argnums=(0, 1))
def real_powers(a, b):
    return a**b + a**0.5 * a**-1.5 + 2.0**b + 10**b + abs(b) ** a + (a * a) ** (b * b)


@program(args=lambda rng: (0.0,))
def powers_at_zero(x):
    # x**1 is the only term with a slope at zero; none of the others may produce NaN.
    return x**1 + x**2 + x**0 + x**3 + 0.0 * x


@program(args=lambda rng: (-1.3, 0.8), argnums=(0, 1))
def builtin_functions(a, b):
    s = abs(a) * b + max(a, b) * min(a, b, 3.0) + max(a * a, b, -1.0)
    s += pow(b, 2.0) + float(a) * b + sum([a, b, a * b]) + sum((a, b), 1.0)
    return s + int(b > 0.0) * a + float(True) * b + max([a, b]) + min((a * b, b)) * a


@program(args=lambda rng: (rng.standard_normal(4),))
def builtins_over_arrays(x):
    return (
        sum(x) * max(x) + min(x) ** 2 + abs(x[0]) * len(x) + sum([v * v for v in [x[0], x[1]]]) + sum(abs(x))
    )


@program(args=lambda rng: (1.3, 0.4), argnums=(0, 1))
def unary_and_parentheses(a, b):
    return -a * -b + +a - (-(-a)) ** 2 - -(a - b) * -(b + a) - -(a**2) + -(a**b)


@program(args=lambda rng: (1.3, 0.4), argnums=(0, 1))
def constant_folding_and_dead_code(a, b):
    unused = a / b * 1e3
    c = 2.0 * 3 - 6
    d = a * 0.0 + b * 1.0 + c
    unused = d
    for _ in range(2):
        dead = a * d
        dead = dead + 1.0
    nothing = 0 * unused
    return d * a + c * b + 0.0 * nothing


@program(args=lambda rng: (0.7, 0.2, 1.9), argnums=(0, 1, 2))
def bools_as_numbers(a, b, c):
    hits = (a > b) + (b > c) + (c > a)
    sign = 1 - 2 * (a > 0.5)
    return hits * a * b + sign * c * c + (a > b) * c + (not b > c) * a


@program(args=lambda rng: (13, 6, 1.2), argnums=(2,))
def integer_arithmetic(i, j, x):
    k = (i & j) + (i | j) * 2 - (i ^ j) + (i << 1) + (i >> 2) + ~j
    k += i // j + i % j + -i // j + -i % j + abs(-i) + i**2 + pow(j, 2)
    ratio = i / j
    return k * x * x + ratio * x + (i > j) * x**3 + min(i, j) * x


@program(args=lambda rng: (np.float64(1.2), 0.7), argnums=(0, 1))
def numpy_functions_of_scalars(a, b):
    s = np.sin(a) * np.exp(-b) + np.maximum(a, b) * np.sqrt(a) + np.abs(-b) + np.square(a)
    s += np.arctan2(a, b) + np.where(a > b, a, b) * np.clip(b, 0.0, 0.5) + np.tanh(a * b)
    return s + np.power(a, 2) + np.minimum(a, 5) + np.float64(b) * np.log1p(a)


@program(args=lambda rng: (0.5, 4), argnums=(0,))
def horner_and_series(x, n):
    p, q, factorial = 0.0, 1.0, 1
    for k in range(1, n + 1):
        p = p * x + 1.0 / k
        factorial *= k
        q += x**k / factorial + (-1) ** k * x ** (k - 1) * 0.5**k
    return p * q
