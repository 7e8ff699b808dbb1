"""Where Numba departs from Python, compiled code does what Python does; what changes later is seen."""

from __future__ import annotations

import functools
import random
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import pullback as pb

EXECUTE = [pytest.param(False, id="python"), pytest.param(True, id="numba", marks=pytest.mark.slow)]
both = pytest.mark.parametrize("jit", EXECUTE)


def v(*values: float) -> np.ndarray:
    return np.array(values, dtype=float)


def value_and_grad(f: Callable[..., Any], *args: Any, jit: bool) -> Any:
    return pb.value_and_grad(f, jit=jit)(*args)


def overlapping(a):
    a[1:] += a[:-1]
    a[:-1] = a[1:] * a[:-1]
    return np.sum(a)


def self_overlap_backwards(a):
    a[:] = a[::-1]
    a[1:] = a[:-1]
    return a[2]


def int_power(x, n):
    return x * 2.0**n + 2**3


def int_arithmetic(x, n):
    return x * (-7 // n) + x * (-7 % n) + x * (7 // -n) + x * (7 % -n)


@both
def test_arithmetic_is_pythons(jit: bool) -> None:
    value, g = value_and_grad(overlapping, v(1, 2, 3), jit=jit)
    # a = [1, 3, 5], then [3, 15, 5]
    assert value == 23.0
    a0, a1, a2 = 1.0, 2.0, 3.0
    np.testing.assert_array_equal(g, [2 * a0 + a1 + a1 + a2, a0 + (a1 + a2) + (a0 + a1) + 1, a0 + a1 + 1])
    value, g = value_and_grad(self_overlap_backwards, v(1, 2, 3), jit=jit)
    assert value == 2.0
    np.testing.assert_array_equal(g, [0, 1, 0])
    assert value_and_grad(int_power, 3.0, -2, jit=jit) == (3.0 * 0.25 + 8, 0.25)
    assert value_and_grad(int_arithmetic, 1.0, 3, jit=jit) == (-6.0, -6.0)


def negative_power(x, n):
    return x * 2**n


def modulo(x, n):
    return x * (7 % n)


def divided(x, y):
    return x / y


def float_modulo(x, y):
    return x % y


@both
@pytest.mark.parametrize(
    ("f", "n", "error"),
    [
        pytest.param(modulo, 0, ZeroDivisionError, id="7 % 0"),
        pytest.param(divided, 0.0, ZeroDivisionError, id="1.0 / 0.0"),
        pytest.param(divided, 0, ZeroDivisionError, id="1.0 / 0"),
        pytest.param(float_modulo, 0.0, ZeroDivisionError, id="1.0 % 0.0"),
        pytest.param(negative_power, -1, ValueError, id="2 ** -1, refused: its type depends on the value"),
    ],
)
def test_zero_division_is_pythons(f: Callable[..., Any], n: Any, error: type[Exception], jit: bool) -> None:
    with pytest.raises(error, match=r"test_python_not_numba\.py"):
        value_and_grad(f, 1.0, n, jit=jit)


@both
def test_numpy_numbers_divide_by_zero(jit: bool) -> None:
    value, g = value_and_grad(divided, np.float64(1.0), np.float64(0.0), jit=jit)
    assert value == np.inf
    assert g == np.inf
    value, g = value_and_grad(lambda x: np.sum(1.0 / x), v(0.0, 2.0), jit=jit)
    assert value == np.inf
    np.testing.assert_array_equal(g, [-np.inf, -0.25])


def unassigned(x, n):
    for i in range(n):
        last = x[i]
    return last * 2.0


@both
def test_names_without_a_value(jit: bool) -> None:
    np.testing.assert_array_equal(value_and_grad(unassigned, v(1, 2), 2, jit=jit)[1], [0, 2])
    with pytest.raises(NameError, match="last"):
        value_and_grad(unassigned, v(1, 2), 0, jit=jit)


RATE = 2.0
COUNT = 2
TABLE = v(1, 10)


def uses_globals(x):
    return RATE * x**COUNT + TABLE[1] * x


def test_globals_changed_after_compilation_are_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    derivative = pb.grad(uses_globals, jit=False)
    assert derivative(3.0) == 2 * 2 * 3 + 10
    monkeypatch.setitem(globals(), "RATE", 5.0)
    assert derivative(3.0) == 5 * 2 * 3 + 10
    monkeypatch.setitem(globals(), "COUNT", 3)
    assert derivative(3.0) == 5 * 3 * 9 + 10
    TABLE[1] = 20.0
    assert derivative(3.0) == 5 * 3 * 9 + 20
    monkeypatch.setitem(globals(), "RATE", 5)
    assert derivative(3.0) == 5 * 3 * 9 + 20
    TABLE[1] = 10.0


def helper(x):
    return 2.0 * x


def uses_helper(x):
    return helper(x) * x


def test_callees_redefined_after_compilation_are_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    derivative = pb.grad(uses_helper, jit=False)
    assert derivative(3.0) == 12.0
    monkeypatch.setitem(globals(), "helper", lambda x: x * x)
    assert derivative(3.0) == 27.0


def test_closures() -> None:
    def make(k):
        def f(x):
            return k * x * x

        return f

    assert pb.grad(make(1.0), jit=False)(3.0) == 6.0
    assert pb.grad(make(2.0), jit=False)(3.0) == 12.0  # one code object, another cell
    assert pb.grad(make(2), jit=False)(3.0) == 12.0
    scale = 2.0

    def g(x):
        return scale * x * x

    derivative = pb.grad(g, jit=False)
    assert derivative(3.0) == 12.0
    scale = 5.0
    assert derivative(3.0) == 30.0


def test_two_lambdas_on_a_line() -> None:
    f, g = (lambda x: x * x), (lambda x: x * x * x)
    assert pb.grad(f, jit=False)(2.0) == 4.0
    assert pb.grad(g, jit=False)(2.0) == 12.0


def test_a_wrapped_function_is_not_its_wrapper() -> None:
    def inner(x):
        return x * x

    @functools.wraps(inner)
    def outer(x):
        return 3.0 * inner(x)

    assert pb.grad(outer, jit=False)(2.0) == 12.0


def test_defaults_are_part_of_the_meaning() -> None:
    def f(x, k=2.0, *, n=2):
        return k * x**n

    derivative = pb.grad(f, jit=False)
    assert derivative(3.0) == 12.0
    assert derivative(3.0, 1.0) == 6.0
    assert derivative(3.0, n=3) == 54.0
    f.__defaults__ = (5.0,)
    assert pb.grad(f, jit=False)(3.0) == 30.0
    f.__kwdefaults__["n"] = 1
    assert pb.grad(f, jit=False)(3.0) == 5.0


def noisy(x):
    r = np.random.standard_normal()  # noqa: NPY002
    return x * r * r


@both
def test_random_draws_are_not_repeated_in_the_reverse_sweep(jit: bool) -> None:
    for _ in range(3):
        value, g = value_and_grad(noisy, 2.0, jit=jit)
        np.testing.assert_allclose(value, 2.0 * g, rtol=1e-15)


def test_the_generator_of_the_module_is_left_alone() -> None:
    random.seed(1)
    before = random.getstate()
    pb.grad(lambda x: x * x, jit=False)(2.0)
    assert random.getstate() == before
