"""Every kind of derivative on the tape: as compiled code gives it, and of what compiled code refuses."""

from __future__ import annotations

import math
import warnings
from typing import Any

import numpy as np
import pytest

import pullback as pb

X = np.array([0.3, 0.8, 0.6])
POINT = {"a": 2.0, "b": [3.0, X], "n": 2}


def number(x):
    return np.sum(np.sin(x) * x[0] ** 2)


def scaled(x, k):
    return x * k + x[0] ** 2


def several(x, k=2.0):
    return np.array([x[0] * x[1] * k, math.sin(x[2])]), {"s": np.sum(x) ** 2, "n": 3, "t": (x, 1.0 * k)}


def of_containers(p):
    return p["a"] * p["b"][0] ** 2 * np.sum(p["b"][1])


def complex_result(x):
    return np.exp(1j * x) * (2 + 1j)


def norms(x):
    z = x[0] + 1j * x[1]
    return np.abs(z) ** 3 * x[2] + np.sin(z).imag * x[1] + np.sum(np.abs(np.fft.fft(x)) ** 2)


CASES: dict[str, Any] = {
    "hessian": lambda **how: pb.hessian(number, **how)(X),
    "hessian of two": lambda **how: pb.hessian(lambda a, b: np.sum(a) ** 2 * b**2, (0, 1), **how)(X, 2.0),
    "hessian of numbers": lambda **how: pb.hessian(lambda a, b: a * b**3, (0, 1), **how)(1.5, 2.0),
    "hessian of a container": lambda **how: pb.hessian(of_containers, **how)(POINT),
    "hessian in float32": lambda **how: pb.hessian(number, **how)(X.astype(np.float32)),
    "hessian with complex numbers": lambda **how: pb.hessian(norms, **how)(X),
    "hvp": lambda **how: pb.hvp(number, X, X[::-1], **how),
    "hvp of a tuple": lambda **how: pb.hvp(of_containers, (POINT,), (POINT,), **how),
    "hvp with a fixed one": lambda **how: pb.hvp(lambda a, b: np.sum(a) * b**2, (X, 2.0), (X, None), **how),
    "jvp": lambda **how: pb.jvp(several, (X, 3.0), (X, 1.0), **how),
    "jvp with a fixed one": lambda **how: pb.jvp(scaled, (X, 2.0), (None, 3.0), **how),
    "jvp with aux": lambda **how: pb.jvp(several, (X,), (X,), has_aux=True, **how),
    "jvp of a gradient": lambda **how: pb.jvp(pb.grad(number), (X,), (X,), **how),
    "jvp of complex results": lambda **how: pb.jvp(complex_result, (X,), (X,), **how),
    "vjp of a gradient": lambda **how: pulled(pb.vjp(pb.grad(number), X, **how), X),
    "vjp of complex results": lambda **how: pulled(pb.vjp(complex_result, X, **how), 1j * X),
    "vjp without cotangents": lambda **how: pulled(pb.vjp(scaled, X, 2.0, **how), None),
    "vjp with aux": lambda **how: pulled(pb.vjp(several, X, has_aux=True, **how), np.array([1.0, 2.0])),
    "jacobian of a gradient": lambda **how: pb.jacobian(pb.grad(number), **how)(X),
    "jacobian of a container": lambda **how: pb.jacobian(of_containers, **how)(POINT),
    "gradient of a gradient": lambda **how: pb.grad(pb.grad(lambda x: x**4), **how)(2.0),
    "third": lambda **how: pb.grad(pb.grad(pb.grad(lambda x: x**4)), **how)(2.0),
    "mixed": lambda **how: pb.grad(pb.grad(lambda x, y: x**3 * y**2), 1, **how)(2.0, 3.0),
    "value and second": lambda **how: pb.value_and_grad(pb.grad(lambda x: x**4), **how)(2.0),
}
for _name, _kind in {"jacobian": pb.jacobian, "jacrev": pb.jacrev, "jacfwd": pb.jacfwd}.items():
    for _argnums in (0, 1, (1, 0)):
        for _k in (2.0, np.float64(2.0), np.array(2.0)):
            CASES[f"{_name} {_argnums} {type(_k).__name__}"] = (
                lambda kind=_kind, argnums=_argnums, k=_k, **how: kind(scaled, argnums, **how)(X, k)
            )
    CASES[f"{_name} of several"] = lambda kind=_kind, **how: kind(several, (0, 1), **how)(X, 2.0)


def pulled(pair: Any, cotangent: Any) -> Any:
    value, pull, *aux = pair
    return value, pull(cotangent), aux


def same(actual: Any, expected: Any) -> None:
    """Values, structure, types and dtypes."""
    assert type(actual) is type(expected)
    if isinstance(expected, (tuple, list)):
        assert len(actual) == len(expected)
        for one, other in zip(actual, expected, strict=True):
            same(one, other)
    elif isinstance(expected, dict):
        assert list(actual) == list(expected)
        for key in expected:
            same(actual[key], expected[key])
    elif expected is not None:
        single = np.asarray(expected).dtype == np.float32
        np.testing.assert_allclose(actual, expected, rtol=1e-5 if single else 1e-10, atol=1e-13)
        assert np.asarray(actual).dtype == np.asarray(expected).dtype


@pytest.mark.parametrize("name", CASES)
def test_the_tape_gives_what_compiled_code_gives(name: str) -> None:
    run = CASES[name]
    same(run(fallback="tape"), run(fallback="error", jit=False))


def refused(x):
    try:
        return x[0] ** 2 * math.sin(x[1]) + np.sum(x**3)
    finally:
        pass


def plain(x):
    return x[0] ** 2 * math.sin(x[1]) + np.sum(x**3)


def refused_vector(x):
    try:
        return np.stack([x[0] * x[1], np.sum(x**2)])
    finally:
        pass


def vector(x):
    return np.array([x[0] * x[1], np.sum(x**2)])


PAIRS: dict[str, Any] = {
    "hessian": lambda f, v, **how: pb.hessian(f, **how)(X),
    "hvp": lambda f, v, **how: pb.hvp(f, X, X, **how),
    "jvp": lambda f, v, **how: pb.jvp(v, (X,), (X,), **how),
    "vjp": lambda f, v, **how: pulled(pb.vjp(v, X, **how), np.ones(2)),
    "jacobian": lambda f, v, **how: pb.jacobian(v, **how)(X),
    "jacrev": lambda f, v, **how: pb.jacrev(v, **how)(X),
    "jacfwd": lambda f, v, **how: pb.jacfwd(v, **how)(X),
    "jacobian of grad": lambda f, v, **how: pb.jacobian(pb.grad(f), **how)(X),
    "vjp of grad": lambda f, v, **how: pulled(pb.vjp(pb.grad(f), X, **how), X),
    "jvp of grad": lambda f, v, **how: pb.jvp(pb.grad(f), (X,), (X,), **how),
    "attribute hessian": lambda f, v, **how: pb.differentiable(f, **how).hessian(X),
    "attribute jacobian": lambda f, v, **how: pb.differentiable(v, **how).jacobian(X),
    "attribute hvp": lambda f, v, **how: pb.differentiable(f, **how).hvp(X, X),
    "attribute jvp": lambda f, v, **how: pb.differentiable(v, **how).jvp((X,), (X,)),
    "attribute vjp": lambda f, v, **how: pulled(pb.differentiable(v, **how).vjp(X), np.ones(2)),
    "attribute grad": lambda f, v, **how: pb.differentiable(f, **how).grad(X),
}


@pytest.mark.parametrize("name", PAIRS)
def test_what_is_refused_falls_back(name: str) -> None:
    run = PAIRS[name]

    def one(x):
        return refused(x)

    def many(x):
        return refused_vector(x)

    with pytest.warns(pb.FallbackWarning, match="`try` cannot be compiled") as told:
        found = run(one, many)
    assert len(told) == 1 and told[0].filename == __file__
    same(found, run(plain, vector, jit=False) if "attribute" not in name else run(plain, vector))
    with pytest.raises(pb.UnsupportedError):
        run(one, many, fallback="error")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        same(run(one, many, fallback="tape"), found)


def test_second_derivatives_of_what_is_refused() -> None:
    def f(x):
        try:
            return math.sin(x) * x**2
        finally:
            pass

    slope = 4 * 0.7 * math.cos(0.7) + (2 - 0.7**2) * math.sin(0.7)
    with pytest.warns(pb.FallbackWarning):
        assert math.isclose(pb.grad(pb.grad(f))(0.7), slope)
    with pytest.raises(pb.UnsupportedError):
        pb.grad(pb.grad(f), fallback="error")(0.7)


def test_the_user_is_told_once() -> None:
    def f(x):
        return refused(x)

    with pytest.warns(pb.FallbackWarning) as told:
        for _ in range(3):
            pb.jvp(f, (X,), (X,))
            pb.hvp(f, X, X)
    assert len(told) == 1
    made = pb.differentiable(lambda x: refused(x))
    with pytest.warns(pb.FallbackWarning) as told:
        made.grad(X), made.hessian(X), made.hvp(X, X), made.vjp(X), made.jacobian(X), made.value_and_grad(X)
    assert len(told) == 1


def test_the_choice_of_a_gradient_holds_for_its_derivatives() -> None:
    inner = pb.grad(refused, fallback="tape")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        same(pb.jacobian(inner)(X), pb.hessian(plain)(X))
        same(pb.hessian(pb.differentiable(refused, fallback="tape"))(X), pb.hessian(plain)(X))


def test_modes_and_explanations() -> None:
    wide = pb.jacobian(lambda x: refused_vector(x), fallback="tape")
    assert wide.mode is None
    wide(X)
    assert wide.mode == "reverse" and "2 rows by reverse sweeps on the tape" in wide.explain()
    tall = pb.jacobian(lambda x: np.concatenate([x, x**2]), fallback="tape")
    tall(X)
    assert tall.mode == "forward" and "3 columns" in tall.explain()
    told = pb.jacobian(lambda x: refused_vector(x))
    with pytest.warns(pb.FallbackWarning):
        told(X)
    assert "`try` cannot be compiled" in told.explain()


def test_rules_of_the_users_own_have_forward_derivatives() -> None:
    @pb.custom_vjp
    def square(x):
        return x * x

    square.defvjp(lambda x: (x * x, x), lambda x, y_bar: (7.0 * y_bar * x,))

    def f(x):
        try:
            return square(x) * 2.0
        finally:
            pass

    value, tangent = pb.jvp(f, (X,), (np.ones(3),), fallback="tape")
    np.testing.assert_allclose(value, 2 * X**2)
    np.testing.assert_allclose(tangent, 14 * X)
    np.testing.assert_allclose(pb.jacfwd(f, fallback="tape")(X), np.diag(14 * X))


def test_derivatives_inside_of_functions() -> None:
    def energy(x):
        try:
            return np.sum(x**4)
        finally:
            pass

    def outer(x):
        try:
            slope = pb.grad(energy, fallback="tape")(x)
            curve = pb.hessian(energy, fallback="tape")(x)
            move = pb.jvp(lambda y: y**3 * x[0], (x,), (x,), fallback="tape")[1]
            return np.sum(slope) + curve[1, 1] + np.sum(move)
        finally:
            pass

    def by_hand(x):
        return np.sum(4 * x**3) + 12 * x[1] ** 2 + np.sum(3 * x**3) * x[0]

    same(pb.grad(outer, fallback="tape")(X), pb.grad(by_hand)(X))


def test_a_captured_value_of_the_run_around_keeps_its_derivative() -> None:
    def outer(x):
        try:
            inner = pb.grad(lambda y: y**3 * x[0], fallback="tape")
            known = pb.grad(lambda y: y**3, fallback="tape")(2.0)
            assert type(known) is float
            return inner(2.0) * x[1] + known * x[2]
        finally:
            pass

    np.testing.assert_allclose(pb.grad(outer, fallback="tape")(X), [12 * 0.8, 12 * 0.3, 12.0])


def test_tensors_are_taken_everywhere() -> None:
    x = pb.tensor(X, requires_grad=True)
    with pytest.warns(pb.FallbackWarning):
        slope = pb.grad(lambda y: refused(y))(x)
    assert type(slope) is pb.Tensor
    np.testing.assert_allclose(slope.detach().numpy(), pb.grad(plain)(X))
    curve = pb.hessian(refused, fallback="tape")(x)
    np.testing.assert_allclose(curve.detach().numpy(), pb.hessian(plain)(X), atol=1e-15)
    (third,) = pb.autograd.grad(curve[2, 2], x)
    np.testing.assert_allclose(third.numpy(), [0.0, 0.0, 6.0])


@pytest.mark.parametrize(
    ("run", "error", "words"),
    [
        (lambda **how: pb.vjp(scaled, X, 2.0, **how)[1](np.ones(2)), pb.ArgumentError, r"shape \(2,\)"),
        (lambda **how: pb.vjp(several, X, **how)[1](X), pb.ArgumentError, "a tuple of 2"),
        (lambda **how: pb.jvp(scaled, (X, 2.0), (X, X), **how), pb.ArgumentError, "must be a number"),
        (lambda **how: pb.jvp(of_containers, (POINT,), ({"a": 1},), **how), pb.ArgumentError, "the keys"),
        (lambda **how: pb.jacobian(complex_result, **how)(X), pb.TypeMismatchError, "complex results"),
        (lambda **how: pb.hessian(scaled, **how)(X, 2.0), pb.TypeMismatchError, "reduce it"),
        (lambda **how: pb.hvp(scaled, (X, 2.0), (X, 1.0), **how), pb.TypeMismatchError, "reduce it"),
        (lambda **how: pb.grad(lambda x: (x[0],), **how)(X), pb.TypeMismatchError, "a tuple of 1"),
        (lambda **how: pb.grad(lambda x: 1j * x[0], **how)(X), pb.TypeMismatchError, "real number"),
        (lambda **how: pb.grad(scaled, 1, **how)(X, 3), pb.TypeMismatchError, r"pass float\(k\)"),
        (lambda **how: pb.grad(lambda x: x[0], has_aux=True, **how)(X), pb.TypeMismatchError, "value, aux"),
        (lambda **how: pb.grad(pb.grad(number), **how)(X), pb.TypeMismatchError, "use pb.hessian or pb.hvp"),
    ],
)  # fmt: skip
def test_errors_are_those_of_compiled_code(run: Any, error: type[Exception], words: str) -> None:
    for how in ("tape", "error"):
        with pytest.raises(error, match=words):
            run(fallback=how)


@pytest.mark.parametrize("make", [pb.jacobian, pb.jacrev, pb.jacfwd, pb.hessian, pb.grad, pb.differentiable])
def test_unknown_choices_are_refused(make: Any) -> None:
    with pytest.raises(pb.ArgumentError, match="fallback='jax'"):
        make(number, fallback="jax")


def test_gradients_into_arrays() -> None:
    def f(x, rest, n):
        try:
            return np.sum(x**n) * rest["s"] + rest["w"] @ x
        finally:
            pass

    x, rest = np.array([1.0, 2.0]), {"s": 3.0, "w": np.array([0.5, -1.0])}
    g = pb.value_and_grad(f, (0, 1))
    out = (np.empty(2), {"s": None, "w": np.empty(2)})
    with pytest.warns(pb.FallbackWarning, match="try"):
        value, gradients = g.into(out, x, rest, {2}.pop())
    assert value == f(x, rest, 2) and gradients[0] is out[0] and gradients[1]["w"] is out[1]["w"]
    np.testing.assert_allclose(out[0], 6.0 * x + rest["w"])
    assert gradients[1]["s"] == 5.0 and out[1]["w"].tolist() == [1.0, 2.0]
    assert repr(g.into(None, x, rest, 2)) == repr(g(x, rest, 2))
    with pytest.raises(pb.OverlapError, match="out shares memory with 'x'"):
        g.into((x, None), x, rest, 2)
    with pytest.raises(pb.ArgumentError, match=r"out for 'x' has shape \(3,\)"):
        g.into((np.empty(3), None), x, rest, 2)
    with pytest.raises(pb.UnsupportedError, match="try"):
        pb.grad(f, fallback="error").into(np.empty(2), x, rest, 2)
    out = np.empty(2)
    assert pb.grad(lambda *a: np.sum(a[1] ** 2), 1, fallback="tape").into(out, 1.0, x) is out
    assert out.tolist() == [2.0, 4.0]


@pytest.mark.filterwarnings("ignore::pullback.FallbackWarning")
def test_arrays_without_axes_are_numbers() -> None:
    def f(x):
        made = np.array(x[0] * x[1])
        made += x[2]
        return made

    np.testing.assert_allclose(pb.grad(f)(X), [X[1], X[0], 1.0])
    np.testing.assert_allclose(pb.hvp(f, X, X), [X[1], X[0], 0.0])
    np.testing.assert_allclose(pb.grad(pb.grad(lambda t: np.array(t**3)))(2.0), 12.0)
    for how in ("tape", "error"):
        value, tangent = pb.jvp(f, (X,), (X,), fallback=how)
        assert isinstance(value, np.ndarray) and isinstance(tangent, np.ndarray)
