"""Methods, containers, default arguments and questions about classes see what the tape needs."""

from __future__ import annotations

import copy
import functools
import math
import numbers
from typing import Any

import numpy as np
import pytest

import pullback as pb

X = np.array([0.3, 0.8, 0.6])


def differences(f: Any, x: np.ndarray, step: float = 1e-6) -> np.ndarray:
    """The gradient by central differences."""
    steps = step * np.eye(len(x))
    return np.array([(f(x + d) - f(x - d)) / (2 * step) for d in steps])


class Base:
    scale = 2.0

    def value(self, x):
        return math.sin(x) * self.scale


class Derived(Base):
    def __init__(self, size):
        self.buffer = np.zeros(size)
        self.seen = 0

    def value(self, x):
        self.seen += 1
        return super().value(x) + self.square(x) + self.half

    @staticmethod
    def square(x):
        return math.pow(x, 2.0)

    @classmethod
    def zeros(cls, n):
        return np.zeros(n) if cls is Derived else None

    @property
    def half(self):
        return math.sqrt(0.25)

    def put(self, place, x):
        self.buffer[place] = x


def new_object(x):
    one = Derived(3)
    copied = one.zeros(2)
    for i in range(3):
        one.put(i, x[i] ** 2)
    copied[0] = x[1]
    return np.sum(one.buffer * X) + one.value(x[0]) + copied[0] * isinstance(one, Derived)


MODEL = Derived(3)


def known_object(x):
    return MODEL.value(x[0]) * x[1] * isinstance(MODEL, Base)


FUNCTIONS = [lambda v: math.exp(v), math.sin, {"f": lambda v: math.cos(v)}]


def functions_in_containers(x):
    return FUNCTIONS[0](x[0]) + FUNCTIONS[1](x[1]) * FUNCTIONS[2]["f"](x[2])


def default_argument(x, f=math.sin, *, g=math.cos):
    return f(x[0]) * g(x[1])


PARTIAL = functools.partial(lambda a, b: math.atan2(a, b), 2.0)


def of_partial(x):
    return PARTIAL(x[1])


@functools.lru_cache
def cached(n):
    return math.sqrt(n)


def of_cache(x):
    return cached(4) * math.sin(x[0])


def imports(x):
    import math as m

    import numpy as n

    return m.sin(x[0]) + n.sum(n.array([x[1], 1.0]))


def classes_of_values(x):
    total = 0.0
    total += x[0] if isinstance(x, np.ndarray) and type(x) is np.ndarray else math.nan
    total += x[1] if isinstance(x[1], np.floating) and type(x[1]) is np.float64 else math.nan
    number = float(x[2])
    total += number if isinstance(number, float) and type(number) is float else math.nan
    total += number if isinstance(number, numbers.Number) and np.isscalar(x[0]) else math.nan
    total *= 2.0 if not hasattr(number, "shape") and not hasattr(x[0], "__len__") else math.nan
    return total * (3.0 if not isinstance(number, (int, np.ndarray)) and hasattr(x, "shape") else math.nan)


def deep_copies(x):
    first, second = copy.deepcopy([x, x[0]]), copy.copy(x)
    first[0][2] = 0.5
    second[0] = x[1]
    return np.sum(first[0] ** 2) * first[1] + np.sum(second * x)


def writers(x):
    y = np.zeros((3, 3))
    np.fill_diagonal(y, x)
    z = np.zeros(3)
    np.copyto(z, x)
    np.put(z, [0, -1], [x[1], 2.0])
    w = np.ones(3)
    np.putmask(w, x > 0.5, x**2)
    np.copyto(w, 3.0 * x, where=x < 0.5)
    v = np.ones(4)
    np.place(v, [True, False, True, True], x)
    return np.sum(y @ x) + np.sum(z * w * x) + np.prod(v)


def vectorized(x):
    return np.sum(np.vectorize(lambda a: a * a if a > 0.5 else math.sin(a))(x) * X)


def parts_of_numbers(x):
    part, _ = math.modf(x[0] + 1.0)
    return x[1] * part * math.ldexp(x[2], 2) if math.isclose(x[1], 0.8, abs_tol=1e-3) else math.nan


def close(x):
    return x[0] * 2.0 if np.allclose(x, X, atol=1e-3) and np.isclose(x[0], 0.3, atol=1e-3) else math.nan


@pytest.mark.parametrize(
    "f",
    [
        new_object, known_object, functions_in_containers, default_argument, of_partial, of_cache, imports,
        classes_of_values, deep_copies, writers, vectorized, parts_of_numbers, close,
    ],
    ids=lambda f: f.__name__,
)  # fmt: skip
def test_gradients(f: Any) -> None:
    expected = f(X)
    for _ in range(2):  # the second run finds nothing of the first one
        value, gradient = pb.value_and_grad(f, fallback="tape")(X)
        np.testing.assert_allclose(value, expected, rtol=1e-12)
        np.testing.assert_allclose(gradient, differences(f, X), rtol=1e-6, atol=1e-8)


def test_objects_given_as_arguments_and_results() -> None:
    class Layer:
        def __init__(self, weight):
            self.weight = weight

        def apply(self, x):
            return math.tanh(self.weight * x)

    def f(layer, x):
        return layer.apply(x), Layer(2.0)

    layer = Layer(0.5)
    gradient, aux = pb.grad(f, has_aux=True, fallback="tape")(layer, 0.7)
    assert type(gradient) is Layer and type(aux) is Layer and type(layer) is Layer
    np.testing.assert_allclose(gradient.weight, 0.7 * (1.0 - math.tanh(0.35) ** 2))


def test_what_the_object_is_told_stays() -> None:
    before = MODEL.seen
    pb.grad(known_object, fallback="tape")(X)
    assert MODEL.seen == before + 1


def test_a_cache_forgets_values_of_another_run() -> None:
    @functools.cache
    def power(x, n):
        return 1.0 if n == 0 else x * power(x, n - 1)

    derivative = pb.grad(lambda x: power(x, 3), fallback="tape")
    assert [round(derivative(2.0), 9), round(derivative(2.0), 9)] == [12.0, 12.0]


def test_writers_that_are_not_known_are_refused() -> None:
    def f(x):
        y = np.zeros((1, 3))
        np.put_along_axis(y, np.array([[1]]), x[:1], axis=1)
        return np.sum(y)

    with pytest.raises(pb.UnsupportedError, match=r"test_classes.py:\d+: np.put_along_axis"):
        pb.grad(f, fallback="tape")(X)


def test_values_as_keys_are_refused() -> None:
    with pytest.raises(pb.UnsupportedError, match="key of a dictionary or set"):
        pb.grad(lambda x: sum({x[0], x[0], x[1]}), fallback="tape")(X)
