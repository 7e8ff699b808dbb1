"""Functions that the compiler refuses: on the tape, with the right gradient and one warning."""

from __future__ import annotations

import dataclasses
import gc
import math
import warnings
import weakref
from collections import deque
from typing import Any

import numba
import numpy as np
import pytest
from pullback.runtime.fallback import library

import pullback as pb


def differences(f: Any, x: np.ndarray, step: float = 1e-6) -> np.ndarray:
    """The gradient by central differences."""
    slopes = np.zeros_like(x)
    for place in np.ndindex(x.shape):
        moved = np.zeros_like(x)
        moved[place] = step
        slopes[place] = (f(x + moved) - f(x - moved)) / (2 * step)
    return slopes


def with_try(x):
    total = 0.0
    for value in x:
        try:
            if value < 0.5:
                raise ValueError
            total += math.log(value)
        except ValueError:
            total += value**2
    return total


def with_dictionary(x):
    groups = {}
    for i in range(len(x)):
        groups.setdefault(f"group {i % 2}", []).append(x[i] * math.sin(x[i]))
    return sum((k + 1) * sum(values) for k, values in enumerate(groups.values()))


def with_set(x):
    seen = set()
    total = 0.0
    for i in [0, 1, 1, 2, 0]:
        if i not in seen:
            seen.add(i)
            total += np.exp(x[i])
    return total


def with_generator(x):
    def powers(value):
        term = 1.0
        while True:
            term = term * value
            yield term

    total = 0.0
    for k, term in enumerate(powers(x[0] + x[1])):
        total += term / (k + 1)
        if k == 5:
            return total * x[2]


class Spring:
    def __init__(self, stiffness):
        self.stiffness = stiffness
        self.energy = 0.0

    def stretch(self, length):
        self.energy += 0.5 * self.stiffness * length**2


def with_objects(x):
    springs = [Spring(k) for k in (1.0, 2.0, 3.0)]
    for spring, length in zip(springs, x, strict=True):
        spring.stretch(length)
    return sum(s.energy for s in springs)


def with_queue(x):
    queue = deque([(0, 1.0)])
    total = 0.0
    while queue:
        depth, weight = queue.popleft()
        total += weight * np.sin(x[depth])
        if depth < 2:
            queue.append((depth + 1, weight * 0.5))
            queue.append((depth + 1, weight * x[depth]))
    return total


def with_writes(x):
    try:
        y = np.zeros(5)
        y[:3] = x
        y[3] = x[0] * x[1]
        y[1:4] *= 2.0
        y[[0, 4]] += x[2]
        z = y[::-1]
        z[0] = y[1] ** 2
        y -= 0.5 * y.sum()
    finally:
        pass
    return np.sum(y * y) + np.max(y) * float(y[2])


def with_numbers(x):
    try:
        s = x[0] * 1.0
        t = s
        s += x[1]
        t *= 3.0
        first = x[2]
        y = x.copy()
        y[2] = 7.0
    finally:
        pass
    return s * t + first * y[1]


def with_linear_algebra(x):
    try:
        a = np.array([[2.0 + x[0], x[1]], [x[1], 3.0]])
        b = np.stack([x[2], x[0]])
        solution = np.linalg.solve(a, b)
    except np.linalg.LinAlgError:
        return 0.0
    return solution @ b + np.log(np.linalg.det(a)) + np.einsum("ij,j->", a, b)


@numba.njit
def cubes(x):
    total = 0.0
    for i in range(x.shape[0]):
        total += x[i] ** 3
    return total


def helper(x):
    return math.sqrt(x[0] * x[0] + x[1] * x[1])


def with_callees(x):
    try:
        return cubes(x) + helper(x[1:])
    finally:
        pass


def with_string(x):
    return sum(np.cos(x[int(c)]) for c in ["0", "1", "1", "2"])


def with_library(x):
    try:
        return np.interp(x[0], np.array([0.0, 1.0]), np.array([1.0, 3.0])) + np.sum(np.gradient(x) ** 2)
    finally:
        pass


REFUSED = [
    with_try, with_dictionary, with_set, with_generator, with_objects, with_queue, with_writes, with_numbers,
    with_linear_algebra, with_callees, with_string, with_library,
]  # fmt: skip
X = np.array([0.3, 0.8, 0.6])


@pytest.mark.parametrize("f", REFUSED, ids=lambda f: f.__name__)
def test_gradients_of_refused_functions(f: Any) -> None:
    kept = X.copy()
    with pytest.warns(pb.FallbackWarning):
        value, gradient = pb.value_and_grad(f)(X)
    np.testing.assert_allclose(value, f(X), rtol=1e-12)
    np.testing.assert_allclose(gradient, differences(f, X), rtol=1e-6, atol=1e-8)
    assert (kept == X).all()


@pytest.mark.parametrize("f", REFUSED, ids=lambda f: f.__name__)
def test_they_are_refused_if_wanted(f: Any) -> None:
    with pytest.raises(pb.UnsupportedError):
        pb.grad(f, fallback="error")(X)


def test_the_warning_tells_where_and_why_once() -> None:
    gradient = pb.grad(with_try)
    with pytest.warns(pb.FallbackWarning) as told:
        gradient(X)
        gradient(X)
    (warning,) = told
    text = str(warning.message)
    assert f"{__file__}:" in text and "try:" in text and "`try` cannot be compiled" in text
    assert "hint" in text and warning.filename == __file__


def test_tape_says_nothing() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        np.testing.assert_allclose(pb.grad(with_try, fallback="tape")(X), differences(with_try, X), rtol=1e-6)


def test_what_compiles_can_be_run_on_the_tape() -> None:
    def f(x, y):
        for i in range(1, len(x)):
            x[i] += y * x[i - 1] ** 2
        return np.sum(x)

    kept = X.copy()
    expected = pb.value_and_grad(f, (0, 1), fallback="error", jit=False)(X, 0.5)
    actual = pb.value_and_grad(f, (0, 1), fallback="tape")(X, 0.5)
    np.testing.assert_allclose(actual[0], expected[0])
    np.testing.assert_allclose(actual[1][0], expected[1][0])
    assert type(actual[1][1]) is float and math.isclose(actual[1][1], expected[1][1])
    assert (kept == X).all()


@dataclasses.dataclass
class Weights:
    a: np.ndarray
    b: float
    steps: int = 2


def test_structures() -> None:
    def f(weights, extra):
        try:
            total = weights.b * 0.0
            for _ in range(weights.steps):
                total += np.sum(weights.a) * weights.b + extra["k"][0] * 2.0
        finally:
            pass
        return total, {"a": weights.a * 2, "n": weights.steps}

    gradient, aux = pb.grad(f, (0, 1), has_aux=True, fallback="tape")(
        Weights(np.ones(2), 3.0), {"k": [1.5, 2], "name": "x"}
    )
    assert isinstance(gradient[0], Weights) and gradient[0].steps is None
    np.testing.assert_allclose(gradient[0].a, [6.0, 6.0])
    assert gradient[0].b == 4.0 and gradient[1] == {"k": [4.0, None], "name": None}
    assert isinstance(aux["a"], np.ndarray) and aux["n"] == 2


def test_methods_and_star_arguments() -> None:
    class Model:
        def __init__(self):
            self.w = 2.0

        def loss(self, x, *rest, scale=1.0):
            try:
                return self.w * np.sum(x) * rest[0] * scale
            finally:
                pass

    gradient = pb.grad(Model().loss, (0, 1), fallback="tape")(X, 3.0, scale=2.0)
    np.testing.assert_allclose(gradient[0], [12.0, 12.0, 12.0])
    assert math.isclose(gradient[1], 4.0 * X.sum())


def test_values_kept_from_an_earlier_call_are_refused() -> None:
    kept = {}

    def f(x):
        try:
            if "y" not in kept:
                kept["y"] = np.sin(x[0])
            return kept["y"] * x[1]
        finally:
            pass

    gradient = pb.grad(f, fallback="tape")
    np.testing.assert_allclose(gradient(X), [np.cos(0.3) * 0.8, np.sin(0.3), 0.0])
    with pytest.raises(pb.UnsupportedError, match="an earlier call"):
        gradient(X)


def test_arguments_that_share_memory() -> None:
    def f(x, y):
        x[0] = 2.0 * y[1]
        return np.sum(x * y)

    base = np.array([1.0, 2.0, 3.0])
    with pytest.raises(pb.OverlapError, match="share memory"):
        pb.grad(f, fallback="tape")(base[:2], base[1:])


def test_no_number_is_refused() -> None:
    with pytest.raises(pb.TypeMismatchError, match="returns one number"):
        pb.grad(lambda x: x * 2, fallback="tape")(X)
    with pytest.raises(pb.TypeMismatchError, match=r"pass float\(x\)"):
        pb.grad(lambda x: x * 2, fallback="tape")(3)


def test_a_constant_has_gradient_zero() -> None:
    np.testing.assert_array_equal(pb.grad(lambda x: 3.0, fallback="tape")(X), np.zeros(3))


def test_errors_of_the_program_are_its_own() -> None:
    def f(x):
        try:
            return x[5]
        finally:
            pass

    with pytest.raises(IndexError):
        pb.grad(f, fallback="tape")(X)


def test_reading_and_writing_elements_takes_linear_time() -> None:
    def f(x):
        y = np.zeros(len(x))
        for i in range(len(x)):
            y[i] = x[i] * x[i]
        return np.sum(y)

    n = 3000  # 2 n arrays of n numbers would be 144 MB each way
    x = np.linspace(0.0, 1.0, n)
    np.testing.assert_allclose(pb.grad(f, fallback="tape")(x), 2 * x)


def formatted(x: Any) -> Any:
    return np.sum(x * {f"{len(x)}": 2.0}[f"{x.size}"])


def test_a_refusal_keeps_no_arrays() -> None:
    """What is told of it is text: an error would keep the frames of the call, and the arrays in them."""

    gone: list[bool] = []
    f = pb.grad(formatted)
    x = np.ones(3)
    weakref.finalize(x, gone.append, True)
    with pytest.warns(pb.FallbackWarning):
        f(x)
    del x
    gc.collect()
    assert gone == [True]


def test_a_refused_library_call_keeps_no_arrays() -> None:
    def f(x: Any) -> Any:
        return np.sum(np.unwrap(x))

    gone: list[bool] = []
    x = np.linspace(0.0, 9.0, 4)
    weakref.finalize(x, gone.append, True)
    pb.grad(f, fallback="tape")(x)
    assert any(key[0] is np.unwrap for key in library._REFUSED)
    del x
    gc.collect()
    assert gone == [True]
