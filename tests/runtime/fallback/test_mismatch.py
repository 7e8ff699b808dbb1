"""Programs whose types do not fit for the compiler: on the tape if they are Python, else refused."""

# ruff: noqa: UP031 (texts made with % are what is tested)

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest

import pullback as pb


def formatted(x):
    text = "%.3f" % x[0]
    return x[0] * x[1] * len(text)


def tuple_or_float(x):
    pair = x[0]
    if x[0] > 0.0:
        pair = (x[0], x[1])
    return pair[0] * 2.0 * pair[1] if isinstance(pair, tuple) else pair


def array_or_none(x):
    found = None
    if x[0] > 0.5:
        found = x * x
    return 0.0 if found is None else np.sum(found * x)


def array_or_list(x):
    parts = x * 2.0 if x[1] < 0.0 else [x[0] ** 2, x[1]]
    return sum(parts) * x[2]


def integers_or_floats(x):
    weights = np.arange(3) if x[0] > 0.0 else x / 2.0
    return np.sum(weights * x)


def list_of_changing_types(x):
    parts = [x[0], x]
    for k in range(2):
        parts[k] = np.sum(parts[k] ** 2) * parts[0]
    return parts[0] * parts[1]


def helper(value):
    if value > 0.0:
        return value, 2.0
    return value


def results_by_branch(x):
    total = 0.0
    for value in x:
        made = helper(value)
        total += made[0] * made[1] if isinstance(made, tuple) else made**2
    return total


def ranks_in_a_loop(x):
    y = x
    for _ in range(2):
        y = np.outer(y, x)
    return np.sum(y)


def numbers_that_become_arrays(x):
    total = 0.0
    for i in range(3):
        total = total + x * i
    return np.sum(total * x)


RUN = (
    formatted,
    tuple_or_float,
    array_or_none,
    array_or_list,
    integers_or_floats,
    list_of_changing_types,
    results_by_branch,
    ranks_in_a_loop,
    numbers_that_become_arrays,
)


def slopes(f: Any, x: np.ndarray, step: float = 1e-6) -> np.ndarray:
    return np.array([(f(x + d) - f(x - d)) / (2 * step) for d in step * np.eye(x.size)])


@pytest.mark.parametrize("f", RUN, ids=lambda f: f.__name__)
@pytest.mark.parametrize("x", ([0.7, 1.3, -0.4], [-0.7, -1.3, 0.4]), ids=("up", "down"))
def test_what_python_runs(f: Any, x: list[float]) -> None:
    x = np.array(x)
    with pytest.warns(pb.FallbackWarning, match=r"test_mismatch\.py:\d+") as told:
        found = pb.grad(f)(x)
    np.testing.assert_allclose(found, slopes(f, x), rtol=1e-6, atol=1e-8)
    assert len(told) == 1 and "\nhint: " in str(told[0].message)
    with pytest.raises(pb.PullbackError, match=r"test_mismatch\.py:\d+"):
        pb.grad(f, fallback="error")(x)


X, V = np.array([0.7, 1.3, -0.4]), np.array([1.0, -2.0, 0.5])


@pytest.mark.filterwarnings("ignore::pullback.FallbackWarning")
@pytest.mark.parametrize("f", (formatted, tuple_or_float, results_by_branch), ids=lambda f: f.__name__)
def test_every_kind_of_derivative(f: Any) -> None:
    slope = slopes(f, X)
    d = pb.differentiable(f)
    for value, gradient in (pb.value_and_grad(f)(X), d.value_and_grad(X)):
        np.testing.assert_allclose(value, f(X))
        np.testing.assert_allclose(gradient, slope, rtol=1e-6)
    for made in (pb.jacobian, pb.jacrev, pb.jacfwd):
        np.testing.assert_allclose(made(f)(X), slope, rtol=1e-6)
    for gradient in (d.grad(X), d.jacobian(X), pb.vjp(f, X)[1](1.0)[0], d.vjp(X)[1](1.0)[0]):
        np.testing.assert_allclose(gradient, slope, rtol=1e-6)
    for _, tangent in (pb.jvp(f, (X,), (V,)), d.jvp((X,), (V,))):
        np.testing.assert_allclose(tangent, slope @ V, rtol=1e-6)
    hessian = np.array([(pb.grad(f)(X + e) - pb.grad(f)(X - e)) / 2e-5 for e in 1e-5 * np.eye(3)])
    for matrix in (pb.hessian(f)(X), d.hessian(X), pb.jacobian(pb.grad(f))(X)):
        np.testing.assert_allclose(matrix, hessian, atol=1e-7)
    for product in (pb.hvp(f, X, V), d.hvp(X, V), pb.grad(lambda x: pb.grad(f)(x) @ V)(X)):
        np.testing.assert_allclose(product, hessian @ V, atol=1e-7)
    np.testing.assert_allclose(pb.grad(pb.grad(lambda t: f(t * X)))(1.0), X @ hessian @ X, rtol=1e-6)


def text_and_number(x):
    return x[0] + "1.0"


def shapes_that_differ(x):
    return np.concatenate((x, np.outer(x, x)))[0]


def an_array_or_a_float(x):
    if x[0] > 0.0:
        return x * 2.0
    return 0.0


def nothing(x):
    x * 2.0


def an_integer(x):
    return int(x[0])


def a_condition(x):
    return x[0] > 0.0


def formatted_condition(x):
    text = "%.3f" % x[0]
    return x[0] > len(text)


def formatted_array(x):
    text = "%.3f" % x[0]
    return x * len(text)


def formatted_complex(x):
    text = "%.3f" % x[0]
    return x[0] * 1j * len(text)


WRONG = (
    text_and_number,
    shapes_that_differ,
    an_array_or_a_float,
    nothing,
    an_integer,
    a_condition,
    formatted_condition,
    formatted_array,
    formatted_complex,
)


@pytest.mark.parametrize("f", WRONG, ids=lambda f: f.__name__)
def test_what_is_wrong_is_refused_in_the_compilers_words(f: Any) -> None:
    with pytest.raises(pb.TypeMismatchError) as strict:
        pb.grad(f, fallback="error")(X)
    with (
        warnings.catch_warnings(),
        pytest.raises(pb.TypeMismatchError, match=r"test_mismatch\.py:\d+") as found,
    ):
        warnings.simplefilter("error")
        pb.grad(f)(X)
    assert str(found.value) == str(strict.value)


def test_errors_of_the_program_stay() -> None:
    def checked(x):
        if x[0] < 0.0:
            raise ValueError("x must be positive")
        return x[0] * len("%.3f" % x[0])

    def divided(x):
        return len("%.3f" % x[0]) / float(x[1] > 5.0)

    for f, x, kind in ((checked, -X, ValueError), (divided, X, ZeroDivisionError)):
        with warnings.catch_warnings(), pytest.raises(kind) as found:
            warnings.simplefilter("error")
            pb.grad(f)(x)
        assert not isinstance(found.value, pb.PullbackError)


def test_what_neither_can_do_says_both() -> None:
    def f(x):
        text = "%.3f" % x[0]
        return np.frompyfunc(abs, 1, 1)(x)[0] * len(text)

    with pytest.raises(pb.TypeMismatchError, match=r"%") as found:
        pb.grad(f)(X)
    assert found.value.__cause__ is not None
