"""Small programs whose IR and generated source are pinned by golden files."""

from __future__ import annotations

import math

import numpy as np


def logistic(w, x, y):
    total = 0.0
    for i in range(x.shape[0]):
        p = 1.0 / (1.0 + np.exp(-(w @ x[i])))
        total += (p - y[i]) ** 2
    return total


def recurrence(y):
    y = y.copy()
    for i in range(1, len(y)):
        y[i] *= y[i - 1]
    return y[-1]


def swapped_buffers(u, steps):
    v = np.empty_like(u)
    for _ in range(steps):
        for i in range(1, len(u)):
            v[i] = math.sin(u[i - 1])
        v[0] = u[0]
        u, v = v, u
    return u.sum()


def newton(a, x):
    while abs(x * x - a) > 1e-10:
        x = 0.5 * (x + a / x)
    return x


def first_above(x, limit):
    for v in x:
        if v > limit:
            return v * v
    return limit


def array_expression(x, y):
    return np.sum(np.tanh(x * y) * np.exp(-(x**2)))


PROGRAMS = {
    "logistic": (logistic, (np.ones(2), np.ones((3, 2)), np.ones(3)), (0,)),
    "recurrence": (recurrence, (np.full(3, 1.5),), (0,)),
    "swapped_buffers": (swapped_buffers, (np.ones(3), 2), (0,)),
    "newton": (newton, (2.0, 1.0), (0,)),
    "first_above": (first_above, (np.arange(3.0), 0.5), (0, 1)),
    "array_expression": (array_expression, (np.ones((2, 3)), np.ones((2, 3))), (0, 1)),
}
