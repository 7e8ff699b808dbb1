"""Jacobians, Hessians and their products, against derivatives by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from pullback.runtime.autograd import functional as F
from pullback.runtime.tape.mode import no_grad
from pullback.runtime.tensor.backward import grad
from pullback.runtime.tensor.namespace import NAMES

tensor, float64 = NAMES["tensor"], NAMES["float64"]
X, Y = np.array([0.5, -1.0, 2.0]), np.array([1.5, 0.25, -0.5])


def of(array: Any, wanted: bool = False) -> Any:
    return tensor(np.array(array), dtype=float64, requires_grad=wanted)


def close(actual: Any, expected: Any) -> None:
    np.testing.assert_allclose(actual.detach().numpy(), expected, rtol=1e-12, atol=1e-14)


def product(x: Any, y: Any) -> Any:
    return x * y.sin()


def number(x: Any, y: Any) -> Any:
    return (x**3 * y).sum()


def test_jacobian() -> None:
    for options in ({}, {"vectorize": True}, {"strategy": "forward-mode", "vectorize": True}):
        close(F.jacobian(lambda x: x.exp(), of(X), **options), np.diag(np.exp(X)))
        jx, jy = F.jacobian(product, (of(X), of(Y)), **options)
        close(jx, np.diag(np.sin(Y)))
        close(jy, np.diag(X * np.cos(Y)))


def test_jacobian_of_several_results() -> None:
    (a, b), (c, d) = F.jacobian(lambda x, y: (x * y, (x + 2 * y).sum()), (of(X), of(Y)))
    close(a, np.diag(Y))
    close(b, np.diag(X))
    close(c, np.ones(3))
    close(d, np.full(3, 2.0))


def test_jacobian_has_the_shapes_of_results_and_inputs() -> None:
    x = of(np.arange(6.0).reshape(2, 3))
    found = F.jacobian(lambda x: x.sum(0) ** 2, x)
    assert found.shape == (3, 2, 3)
    expected = np.einsum("ij,k->ikj", np.diag(2 * x.numpy().sum(0)), np.ones(2))
    close(found, expected)
    assert F.jacobian(lambda x: x.sum(), x).shape == (2, 3)
    assert isinstance(F.jacobian(lambda x: (x.sum(),), x), tuple)
    assert F.jacobian(lambda x: x * 2, of(np.zeros(0))).shape == (0, 0)


def test_independent_inputs_give_zeros_or_raise() -> None:
    _, jy = F.jacobian(lambda x, y: x * 2, (of(X), of(Y)))
    close(jy, np.zeros((3, 3)))
    with pytest.raises(
        RuntimeError, match="Output 0 of the user-provided function is independent of input 1"
    ):
        F.jacobian(lambda x, y: x * 2, (of(X), of(Y)), strict=True)
    with pytest.raises(
        RuntimeError, match="Output 0 of the user-provided function does not require gradients"
    ):
        F.jacobian(lambda x: of(X), of(X), strict=True)


def test_hessian() -> None:
    close(F.hessian(lambda x: (x**3).sum(), of(X)), np.diag(6 * X))
    (xx, xy), (yx, yy) = F.hessian(number, (of(X), of(Y)))
    close(xx, np.diag(6 * X * Y))
    close(xy, np.diag(3 * X**2))
    close(yx, np.diag(3 * X**2))
    close(yy, np.zeros((3, 3)))


def test_hessian_wants_one_number() -> None:
    with pytest.raises(RuntimeError, match="should contain a single element"):
        F.hessian(lambda x: x * 2, of(X))
    with pytest.raises(RuntimeError, match="should return a single Tensor"):
        F.hessian(lambda x: (x.sum(), x.sum()), of(X))
    with pytest.raises(
        RuntimeError, match="the jacobian of the user-provided function with respect to input 0"
    ):
        F.hessian(lambda x: x.sum(), of(X), strict=True)


def test_vjp() -> None:
    value, (vx, vy) = F.vjp(product, (of(X), of(Y)), of([1.0, 2.0, 3.0]))
    close(value, X * np.sin(Y))
    close(vx, np.array([1.0, 2.0, 3.0]) * np.sin(Y))
    close(vy, np.array([1.0, 2.0, 3.0]) * X * np.cos(Y))
    close(F.vjp(lambda x: (x * x).sum(), of(X))[1], 2 * X)


def test_jvp() -> None:
    v = np.array([1.0, 2.0, 3.0])
    value, moved = F.jvp(product, (of(X), of(Y)), (of(v), of(2 * v)))
    close(value, X * np.sin(Y))
    close(moved, v * np.sin(Y) + 2 * v * X * np.cos(Y))


@pytest.mark.parametrize("function", [F.vhp, F.hvp])
def test_products_with_hessians(function: Any) -> None:
    v = np.array([1.0, -2.0, 3.0])
    value, (px, py) = function(number, (of(X), of(Y)), (of(v), of(2 * v)))
    close(value, (X**3 * Y).sum())
    close(px, 6 * X * Y * v + 3 * X**2 * 2 * v)
    close(py, 3 * X**2 * v)


def test_results_are_constants_unless_asked() -> None:
    x = of(X, True)
    assert not F.jacobian(lambda x: x * x, x).requires_grad
    assert not F.vjp(lambda x: (x * x).sum(), x)[0].requires_grad
    assert x.grad is None


def test_create_graph() -> None:
    x = of(X, True)
    found = F.jacobian(lambda x: x**3, x, create_graph=True)
    close(grad(found.sum(), x)[0], 6 * X)
    curve = F.hessian(lambda x: (x**4).sum(), x, create_graph=True)
    close(grad(curve.sum(), x)[0], 24 * X)
    _, moved = F.jvp(lambda x: x**3, x, of(np.ones(3)), create_graph=True)
    close(grad(moved.sum(), x)[0], 6 * X)
    for function in (F.vhp, F.hvp):
        _, found = function(lambda x: (x**4).sum(), x, of(np.ones(3)), create_graph=True)
        close(grad(found.sum(), x)[0], 24 * X)


def test_without_recording_around() -> None:
    with no_grad():
        close(F.jacobian(lambda x: x * x, of(X)), np.diag(2 * X))
        close(F.hvp(lambda x: (x**3).sum(), of(X), of(np.ones(3)))[1], 6 * X)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (
            lambda: F.vjp(product, (of(X), 3)),
            TypeError,
            "The inputs given to vjp must be either a Tensor or a",
        ),
        (
            lambda: F.jacobian(lambda x: 3, of(X)),
            TypeError,
            "outputs of the user-provided function given to jac",
        ),
        (
            lambda: F.vjp(lambda x: x * 2, of(X)),
            RuntimeError,
            "The vector v can only be None if the user-prov",
        ),
        (lambda: F.jvp(lambda x: x * 2, of(X)), RuntimeError, "The vector v can only be None if the input"),
        (lambda: F.vjp(lambda x: x, of(X), of([1.0])), RuntimeError, "v has invalid size: should be"),
        (lambda: F.jvp(product, (of(X), of(X)), (of(X),)), RuntimeError, "v is a tuple of invalid length"),
        (lambda: F.jacobian(lambda x: x, of(X), strategy="sideways"), AssertionError, "Expected strategy"),
        (lambda: F.jacobian(lambda x: x, of(X), strict=True, vectorize=True), RuntimeError, "strict=True"),
    ],
)
def test_errors(call: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        call()


def test_strict_products() -> None:
    with pytest.raises(RuntimeError, match="is independent of input 1"):
        F.vjp(lambda x, y: x.sum(), (of(X), of(Y)), strict=True)
    with pytest.raises(RuntimeError, match="does not require gradients"):
        F.jvp(lambda x: of(X) * 1, of(X), of(X), strict=True)
    with pytest.raises(RuntimeError, match="jacobian of the user-provided function"):
        F.vhp(lambda x: x.sum(), of(X), of(X), strict=True)
