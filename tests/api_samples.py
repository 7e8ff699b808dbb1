"""Functions for the tests of the API, in an importable module of its own."""

from __future__ import annotations

import numpy as np

import pullback as pb

RATE = 2.0
COUNT = 3
WEIGHTS = np.array([1.0, 2.0, 3.0])


class OutOfRange(Exception):
    """The user's own exception."""


def helper(x):
    return x * RATE


def product(x, y):
    return x * y


def squares(x):
    s = 0.0
    for i in range(len(x)):
        s += x[i] * x[i]
    return s


def uses_globals(x):
    s = 0.0
    for _ in range(COUNT):
        s += helper(x)
    return s


def weighted(x):
    return np.sum(WEIGHTS * x * x)


def saves(x):
    s = x[0]
    for i in range(1, len(x)):
        s = np.sin(s) * x[i]
    return s


def mutates(x):
    x[0] = x[0] * x[1]
    return x[0]


def mutates_one(x, y):
    x[0] = y[0] * y[1]
    return x[0]


def picks(x, i):
    return x[i] * 2.0


def raises(x):
    if x < 0.0:
        raise ValueError(f"x is {x}")
    if x > 100.0:
        raise OutOfRange("too large")
    return x * x


def adds(x, y):
    return np.sum(x + y)


def endless(x):
    return endless(x) * x


def descends(x, n):
    if n == 0:
        return x
    return descends(x * 1.0, n + 1)


def with_aux(x):
    return np.sum(x * x), {"twice": 2.0 * x, "n": len(x)}


def vector(x):
    return np.sin(x) * x[0]


def returns_int(x):
    return len(x)


def generator(x):
    yield x


def keyworded(x, scale=2.0, *, power=2):
    return scale * x**power


@pb.grad
def decorated(x):
    return x * x


@pb.differentiable
def offered(x):
    return np.sum(x**3)


class Model:
    def __init__(self, k):
        self.k = k

    @pb.grad
    def force(self, q):
        return 0.5 * self.k * q * q

    @pb.differentiable
    def energy(self, q):
        return 0.5 * self.k * q * q
