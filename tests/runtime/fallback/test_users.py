"""Programs as users write them: right on the tape, or refused with their line; never another branch."""

from __future__ import annotations

import abc
import bisect
import collections
import dataclasses
import enum
import functools
import itertools
import math
import statistics
from typing import Any

import numpy as np
import pytest
import scipy.optimize

import pullback as pb

X = np.array([0.3, 0.8, 0.6, 0.45])
K = np.array([1.0, 2.0, 3.0, 4.0])


class Shape(abc.ABC):
    @abc.abstractmethod
    def area(self): ...


class Circle(Shape):
    def __init__(self, radius):
        self.radius = radius

    def area(self):
        return math.pi * self.radius**2 if isinstance(self.radius, float) else math.nan


class Meta(type):
    """A metaclass that changes nothing."""


class WithMeta(metaclass=Meta):
    def __init__(self, value):
        self.value = value

    def exp(self):
        return math.exp(self.value) if type(self.value) is np.float64 else -1.0


class Outer:
    class Inner:
        def __init__(self, value):
            self.value = value

        def square(self):
            return math.pow(self.value, 2) if isinstance(self.value, np.floating) else 0.0

    def __init__(self, value):
        self.inner = Outer.Inner(value)


@dataclasses.dataclass(frozen=True, slots=True)
class Point:
    a: float
    b: float


class Asking:
    __slots__ = ("value",)

    def __init__(self, value):
        self.value = value

    def get(self):
        return self.value if isinstance(self.value, np.floating) else math.nan


class Colour(enum.Enum):
    RED = 1

    def weigh(self, value):
        return value * self.value if isinstance(value, np.floating) else math.nan


class Vector:
    def __init__(self, values):
        self.values = values

    def __mul__(self, k):
        return Vector(self.values * k)

    __rmul__ = __mul__


CIRCLE = Circle(2.0)


def classes(x):
    return Circle(x[0]).area() + WithMeta(x[1]).exp() * Outer(x[2]).inner.square() + CIRCLE.area() * x[3]


def slots(x):
    p = Point(x[0], x[1])
    return p.a * p.b**2


def growing(x):
    out = [v**2 for v in x if v > 0.4]
    return np.array(out).sum() * len(out)


def parameters(x):
    hidden = {k: np.tanh(v) for k, v in {"w": x[:2], "b": x[2]}.items()}
    return sum(np.sum(v) for v in hidden.values())


def until_convergence(x):
    y = x[0]
    while True:
        z = y - (y**2 - x[1]) / (2 * y)
        if abs(z - y) < 1e-12:
            return z
        y = z


def by_key(x):
    ordered = sorted(x, key=lambda v: -v)
    return ordered[0] * 2 + ordered[1] + x[bisect.bisect([0.2, 0.5], x[0])]


def iterated(x):
    return list(itertools.accumulate(x, lambda a, b: a * b + b))[-1] * functools.reduce(lambda a, b: a + b, x)


def memo(x):
    @functools.lru_cache(None)
    def f(n):
        return x[n % 4] * (f(n - 1) if n else 1.0)

    return f(6)


def counted(x):
    totals = collections.defaultdict(float)
    for i, v in enumerate(x):
        totals["ab"[i % 2]] += v**2
    return totals["a"] * totals["b"] * len(f"{x[0]:.1f}")


def written(x):
    y = x * 1.0
    y.put([0], [x[1]])
    z = y.view()
    z[1] = x[2] ** 2
    y.flat[3] = x[0] * x[1]
    return np.sum(y * K)


def means(x):
    return statistics.fmean(x) * statistics.mean(list(x)) * np.double(x[0])


def steps_of_a_gradient(x):
    y = x[:2]
    for _ in range(3):
        y = y - 0.1 * pb.grad(lambda q: np.sum(q**2 * x[2:]))(y)
    return np.sum(y)


@pb.differentiable
def energy(x):
    try:
        return np.sum(x**3) * math.sin(x[0])
    finally:
        pass


def of_differentiable(x):
    return energy(x) * x[1] + math.exp(energy(2.0 * x))


def of_integers(x):
    return np.sum(np.eye(4, dtype=int) @ x) * np.dot(np.arange(4), x) + (Vector(x) * x[0]).values[1]


def optimum(x):
    best = scipy.optimize.minimize(lambda p: np.sum((p - 1) ** 2), np.zeros(2), jac=lambda p: 2 * (p - 1)).x
    return np.sum(best) * x[0]


RIGHT = [
    classes, slots, growing, parameters, until_convergence, by_key, iterated, memo, counted, written, means,
    steps_of_a_gradient, of_differentiable, of_integers, optimum,
]  # fmt: skip


@pytest.mark.parametrize("f", RIGHT, ids=lambda f: f.__name__)
def test_gradients(f: Any) -> None:
    steps = 1e-6 * np.eye(4)
    expected = np.array([(f(X + d) - f(X - d)) / 2e-6 for d in steps])
    np.testing.assert_allclose(pb.grad(f, fallback="tape")(X), expected, rtol=1e-5, atol=1e-8)


@pytest.mark.parametrize(
    ("f", "words"),
    [
        (lambda x: Asking(x[0]).get(), "a method of Asking asks for the class of a value .get."),
        (lambda x: Colour.RED.weigh(x[0]), "a method of Colour asks"),
        (lambda x: (x[0] * Vector(x)).values[0], "arithmetic of an array with Vector objects"),
        (lambda x: np.random.default_rng(0).normal(x[0], 1.0), "converted to a NumPy array"),
        (lambda x: {x[0]: 1.0}[x[0]], "a key of a dictionary"),
        (lambda x: np.array([x[0], 1.0], dtype=object)[0], "array of objects"),
        (lambda x: x.view(np.int64)[0], "a view of other dtype"),
    ],
)  # fmt: skip
def test_what_would_go_wrong_is_refused(f: Any, words: str) -> None:
    with pytest.raises(pb.UnsupportedError, match=words) as caught:
        pb.grad(f, fallback="tape")(X)
    assert caught.value.src is not None and caught.value.src.file == __file__ and caught.value.hint
