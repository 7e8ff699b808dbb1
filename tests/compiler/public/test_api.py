"""The public functions: argument numbers, errors with message and line, Jacobians, Hessians, products."""

from __future__ import annotations

import functools
import inspect
import math

import api_samples as samples
import numba
import numpy as np
import pytest

import pullback as pb


@pytest.fixture(autouse=True)
def plain_python(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PULLBACK_JIT", "0")


def line_of(fn, text: str) -> int:
    lines, first = inspect.getsourcelines(fn)
    return first + next(k for k, line in enumerate(lines) if text in line)


# -- what can be differentiated
@pytest.mark.parametrize(
    ("argnums", "expected"),
    [(None, 5.0), (1, 2.0), (-1, 2.0), ((0, 1), (5.0, 2.0)), ((1,), (2.0,)), ([1, 0], (2.0, 5.0))],
)
def test_argnums(argnums, expected) -> None:
    assert pb.grad(samples.product, argnums)(2.0, 5.0) == expected


def test_argnames() -> None:
    assert pb.grad(samples.product, argnames="y")(2.0, 5.0) == 2.0
    assert pb.grad(samples.product, argnames=("y", "x"))(2.0, 5.0) == (2.0, 5.0)
    assert pb.grad(samples.product, argnums=0, argnames="y")(2.0, 5.0) == (5.0, 2.0)


def test_keywords_and_defaults() -> None:
    g = pb.grad(samples.keyworded)
    assert (g(3.0), g(3.0, 1.0), g(3.0, power=3), g(x=3.0, scale=4.0)) == (12.0, 6.0, 54.0, 24.0)


def test_callables() -> None:
    assert pb.grad(lambda x: x * x)(3.0) == 6.0
    a = 4.0
    assert pb.grad(lambda x: a * x)(3.0) == 4.0
    assert pb.grad(numba.njit(samples.product))(3.0, 2.0) == 2.0
    assert pb.grad(functools.partial(samples.product, 7.0))(3.0) == 7.0
    assert pb.grad(functools.partial(samples.keyworded, power=3))(2.0) == 24.0

    class Scale:
        factor = 3.0

        def __init__(self) -> None:
            self.k = 5.0

        def __call__(self, x):
            return self.k * x

    assert pb.grad(Scale())(1.0) == 5.0


def test_two_lambdas_on_a_line() -> None:
    f, g = (lambda x: x * x), (lambda x: x * x * x)
    assert (pb.grad(f)(2.0), pb.grad(g)(2.0)) == (4.0, 12.0)


def test_decorators() -> None:
    assert samples.decorated(3.0) == 6.0 and samples.decorated.__name__ == "decorated"

    @pb.value_and_grad(argnums=1)
    def f(x, y):
        return x * y * y

    assert f(2.0, 3.0) == (18.0, 12.0)


def test_methods() -> None:
    model = samples.Model(2.0)
    assert model.force(3.0) == 6.0
    assert samples.Model.force(model, 3.0) == 6.0
    assert model.energy(3.0) == 9.0 and model.energy.grad(3.0) == 6.0


def test_aux_and_value() -> None:
    x = np.array([1.0, 2.0])
    gradient, aux = pb.grad(samples.with_aux, has_aux=True)(x)
    assert gradient.tolist() == [2.0, 4.0] and aux["n"] == 2 and aux["twice"].tolist() == [2.0, 4.0]
    (value, _), gradient = pb.value_and_grad(samples.with_aux, has_aux=True)(x)
    assert value == 5.0 and gradient.tolist() == [2.0, 4.0]


def test_constant_function() -> None:
    assert pb.value_and_grad(lambda x: 2.5)(1.0) == (2.5, 0.0)


# -- higher and other derivatives
def test_gradients_of_gradients() -> None:
    assert pb.grad(pb.grad(lambda x: x**4))(2.0) == pytest.approx(48.0)
    assert pb.grad(pb.grad(pb.grad(lambda x: x**4)))(2.0) == pytest.approx(48.0)
    mixed = pb.grad(pb.grad(lambda x, y: x * x * np.sum(y * y), 0), 1)(3.0, np.array([1.0, 2.0]))
    np.testing.assert_allclose(mixed, [12.0, 24.0])
    assert pb.value_and_grad(pb.grad(lambda x: x**3))(2.0) == pytest.approx((12.0, 12.0))
    with pytest.raises(pb.TypeMismatchError, match=r"pb\.hessian"):
        pb.grad(pb.grad(samples.squares))(np.ones(2))


def test_vjp_and_jvp() -> None:
    x, v = np.array([0.5, 1.5]), np.array([1.0, -2.0])
    matrix = np.diag(np.cos(x)) * x[0] + np.outer(np.sin(x), [1.0, 0.0])
    value, pull = pb.vjp(samples.vector, x)
    x[:] = 9.0  # the closure keeps what it saw
    np.testing.assert_allclose(pull(v)[0], matrix.T @ v)
    x[:] = (0.5, 1.5)
    again, dot = pb.jvp(samples.vector, (x,), (v,))
    np.testing.assert_allclose(dot, matrix @ v)
    np.testing.assert_array_equal(again, value)
    for jacobian in (pb.jacobian, pb.jacrev, pb.jacfwd):
        np.testing.assert_allclose(jacobian(samples.vector)(x), matrix)
    assert pb.jvp(samples.product, (2.0, 3.0), (1.0, None)) == (6.0, 3.0)
    with pytest.raises(pb.ArgumentError, match="shape"):
        pull(np.ones(3))
    with pytest.raises(pb.ArgumentError, match="tangent of 'x'"):
        pb.jvp(samples.vector, (x,), (np.ones(3),))


def test_hessian_and_products() -> None:
    def f(x, y):
        return np.sum(x**3) * y

    x = np.array([1.0, 2.0])
    np.testing.assert_allclose(pb.hessian(f)(x, 2.0), np.diag(12.0 * x))
    blocks = pb.hessian(f, (0, 1))(x, 2.0)
    np.testing.assert_allclose(blocks[0][1], 3 * x**2)
    np.testing.assert_allclose(blocks[1][0], 3 * x**2)
    assert blocks[1][1] == 0.0
    product = pb.hvp(f, (x, 2.0), (np.ones(2), None))
    np.testing.assert_allclose(product[0], 12.0 * x)
    assert product[1] is None
    np.testing.assert_allclose(pb.hvp(samples.squares, x, np.ones(2)), [2.0, 2.0])
    np.testing.assert_allclose(pb.jacobian(pb.grad(f))(x, 2.0), np.diag(12.0 * x))


def test_differentiable_object() -> None:
    x = np.array([1.0, 2.0])
    assert samples.offered(x) == 9.0
    value, gradient = samples.offered.value_and_grad(x)
    np.testing.assert_allclose(gradient, 3 * x**2)
    np.testing.assert_allclose(samples.offered.hessian(x), np.diag(6 * x))
    np.testing.assert_allclose(samples.offered.vjp(x)[1](2.0)[0], 6 * x**2)
    assert samples.offered.primal(x) == value
    assert "offered_value_and_grad" in samples.offered.backward_source
    assert "def offered(" in samples.offered.forward_source


def test_check_grads() -> None:
    pb.check_grads(samples.squares, (np.array([1.0, 2.0]),), order=2)
    pb.check_grads(samples.vector, (np.array([1.0, 2.0], np.float32),))
    with pytest.raises(pb.CheckError, match="with respect to 'x', forward mode"):
        pb.check_grads(lambda x: pb.stop_gradient(x) * x, (2.0,))


# -- errors of a call
def test_wrong_arguments() -> None:
    g = pb.grad(samples.product)
    with pytest.raises(pb.ArgumentError, match=r"product\(x, y\).*missing a required argument: 'y'"):
        g(1.0)
    with pytest.raises(pb.ArgumentError, match=r"product\(x, y\).*too many positional"):
        g(1.0, 2.0, 3.0)
    for argnums in (2, -3, "x", 1.5, (), (0, 0), True):
        with pytest.raises(pb.ArgumentError, match="argnums"):
            pb.grad(samples.product, argnums)
    with pytest.raises(pb.ArgumentError, match="no argument 'z'"):
        pb.grad(samples.product, argnames="z")
    with pytest.raises(pb.ArgumentError, match="fallback"):
        pb.grad(samples.product, fallback="jax")
    with pytest.raises(pb.ArgumentError, match="a function is needed"):
        pb.grad(3)


@pytest.mark.parametrize("fn", [len, math.sin, int, eval("lambda x: x * x")])
def test_missing_source(fn) -> None:
    with pytest.raises(pb.SourceError, match="not available"):
        pb.grad(fn, fallback="error")(1.0)


@pytest.mark.parametrize(
    ("fn", "words"),
    [(samples.vector, "array of float64"), (samples.returns_int, "int64"), (samples.with_aux, "tuple")],
)
def test_output_must_be_a_number(fn, words) -> None:
    with pytest.raises(pb.TypeMismatchError, match=words) as caught:
        pb.grad(fn)(np.ones(2))
    assert caught.value.src.line == inspect.getsourcelines(fn)[1]


def test_generator() -> None:
    with pytest.raises(pb.UnsupportedSyntaxError, match="yield") as caught:
        pb.grad(samples.generator, fallback="error")(1.0)
    assert caught.value.lineno == line_of(samples.generator, "yield")


@pytest.mark.parametrize("jit", [False, True])
def test_run_time_errors_have_a_place(jit: bool) -> None:
    def place(fn, text):
        return f"at {samples.__file__}:{line_of(fn, text)}: {text}"

    with pytest.raises(ValueError, match=r"x is -1\.") as caught:
        pb.grad(samples.raises, jit=jit)(-1.0)
    assert place(samples.raises, 'raise ValueError(f"x is {x}")') in str(caught.value)
    with pytest.raises(samples.OutOfRange, match="too large"):
        pb.grad(samples.raises, jit=jit)(101.0)
    with pytest.raises(IndexError) as caught:
        pb.grad(samples.picks, jit=jit)(np.ones(3), 3)
    assert place(samples.picks, "return x[i] * 2.0") in str(caught.value)
    with pytest.raises(ValueError, match="broadcast") as caught:
        pb.grad(samples.adds, jit=jit)(np.ones(3), np.ones(4))
    assert place(samples.adds, "return np.sum(x + y)") in str(caught.value)


def test_endless_recursion() -> None:
    with pytest.raises(pb.UnsupportedError, match="never returns") as caught:
        pb.grad(samples.endless, fallback="error")(1.0)
    assert caught.value.src.line == inspect.getsourcelines(samples.endless)[1]


@pytest.mark.parametrize("jit", [False, True])
@pytest.mark.parametrize("derivative", [pb.grad, pb.hessian])
def test_recursion_that_never_ends_at_run_time(jit: bool, derivative) -> None:
    with pytest.raises(RecursionError, match=r"maximum recursion depth exceeded.*\n  at .*api_samples\.py"):
        derivative(samples.descends, argnums=0, jit=jit)(1.0, 1)
    assert derivative(samples.descends, argnums=0, jit=jit)(1.0, -700) == (derivative is pb.grad)


# -- written arguments
def test_written_arguments_are_protected() -> None:
    x = np.array([2.0, 3.0])
    assert pb.grad(samples.mutates)(x).tolist() == [3.0, 2.0]
    assert pb.jvp(samples.mutates, (x,), (np.ones(2),)) == (6.0, 5.0)
    assert pb.vjp(samples.mutates, x)[0] == 6.0
    assert x.tolist() == [2.0, 3.0]


def test_read_only_and_overlap() -> None:
    x = np.array([2.0, 3.0])
    frozen = x.copy()
    frozen.flags.writeable = False
    with pytest.raises(pb.ArgumentError, match=r"'x' is read-only, and mutates writes to it"):
        pb.grad(samples.mutates)(frozen)
    assert pb.grad(samples.squares)(frozen).tolist() == [4.0, 6.0]
    with pytest.raises(pb.OverlapError, match="'x' and 'y' share memory, and mutates_one writes to 'x'"):
        pb.grad(samples.mutates_one)(x, x)
    with pytest.raises(pb.OverlapError):
        pb.grad(samples.mutates_one)(x[::-1], x)
    assert pb.grad(samples.mutates_one, (0, 1))(x, x.copy())[1].tolist() == [3.0, 2.0]


def test_differentiable_with_a_memory_limit() -> None:
    def f(x, n):
        for _ in range(n):
            x = np.sin(x) * 1.1
        return np.sum(x)

    limited = pb.differentiable(f, memory_limit=1000)
    x = np.linspace(0.1, 1.0, 20)
    np.testing.assert_allclose(limited.grad(x, 50), pb.grad(f)(x, 50), rtol=1e-13)
    assert "CHECKPOINT" in limited.explain()
