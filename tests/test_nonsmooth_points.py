"""The conventions at kinks, jumps and poles: exact gradients at the exact point."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import pullback as pb

INF = math.inf


def v(*values: float) -> np.ndarray:
    return np.array(values, dtype=float)


def point(name: str, f: Callable[..., Any], args: tuple[Any, ...], *expected: Any) -> Any:
    return pytest.param(f, args, expected, id=name)


POINTS = [
    point("abs", lambda x: abs(x), (0.0,), 0.0),
    point("np.abs", lambda x: np.sum(np.abs(x)), (v(0.0, -2.0, 3.0),), v(0, -1, 1)),
    point("math.fabs", lambda x: math.fabs(x), (0.0,), 0.0),
    point("sign", lambda x: np.sign(x) * x, (0.0,), 0.0),
    point("relu by maximum", lambda x: np.maximum(x, 0.0), (0.0,), 0.5),
    point("maximum tie", lambda x, y: np.maximum(x, y), (2.0, 2.0), 0.5, 0.5),
    point("minimum tie", lambda x, y: np.minimum(x, y), (2.0, 2.0), 0.5, 0.5),
    point("fmax tie", lambda x, y: np.fmax(x, y), (2.0, 2.0), 0.5, 0.5),
    point("fmin tie", lambda x, y: np.fmin(x, y), (2.0, 2.0), 0.5, 0.5),
    point("builtin max tie", lambda x, y: max(x, y), (2.0, 2.0), 1.0, 0.0),
    point("builtin min tie", lambda x, y: min(x, y), (2.0, 2.0), 1.0, 0.0),
    point("branch tie", lambda x, y: x if x > y else y, (2.0, 2.0), 0.0, 1.0),
    point("max of array", lambda x: np.max(x), (v(1, 3, 3, 0),), v(0, 0.5, 0.5, 0)),
    point("min of array", lambda x: x.min(), (v(1, 1, 3, 1),), v(1, 1, 0, 1) / 3),
    point("max of axis", lambda a: np.sum(a.max(axis=0)), (np.ones((2, 2)),), np.full((2, 2), 0.5)),
    point("max of zeros of both signs", lambda x: np.max(x), (v(0.0, -0.0),), v(0.5, 0.5)),
    point("clip at the lower bound", lambda x: np.clip(x, 0.0, 1.0), (0.0,), 0.5),
    point("clip at the upper bound", lambda x: np.clip(x, 0.0, 1.0), (1.0,), 0.5),
    point("sqrt at zero", lambda x: np.sqrt(x), (0.0,), INF),
    point("math.sqrt at zero", lambda x: math.sqrt(x), (0.0,), INF),
    point("power one half at zero", lambda x: x**0.5, (0.0,), INF),
    point("norm at zero", lambda x: np.linalg.norm(x), (v(0, 0),), v(0, 0)),
    point("squared norm at zero", lambda x: np.linalg.norm(x) ** 2, (v(0, 0),), v(0, 0)),
    point("norm of matrix", lambda a: np.linalg.norm(a), (np.zeros((2, 2)),), np.zeros((2, 2))),
    point("norms of rows", lambda a: np.sum(np.linalg.norm(a, axis=1)), (v(0, 0, 3, 4).reshape(2, 2),),
          np.array([[0, 0], [0.6, 0.8]])),
    point("hypot at zero", lambda x, y: np.hypot(x, y), (0.0, 0.0), 0.0, 0.0),
    point("std of a constant", lambda x: np.std(x), (v(2, 2, 2),), v(0, 0, 0)),
    point("var of a constant", lambda x: np.var(x), (v(2, 2, 2),), v(0, 0, 0)),
    point("abs of complex zero", lambda x, y: abs(complex(x, y)), (0.0, 0.0), 0.0, 0.0),
    point("arctan2 at zero", lambda y, x: np.arctan2(y, x), (0.0, 0.0), 0.0, 0.0),
    point("where beside sqrt", lambda x: np.sum(np.where(x < 1.0, x, np.sqrt(x))), (v(0, 4),), v(1, 0.25)),
    point("where beside log", lambda x: np.sum(np.where(x > 0.0, np.log(x), 0.0)), (v(0, 2),), v(0, 0.5)),
    point("where beside a pole", lambda x: np.sum(np.where(x == 0.0, 0.0, 1.0 / x)), (v(0, 2),), v(0, -0.25)),
    point("where beside overflow", lambda x: np.sum(np.where(x > 1.0, 1.0, np.exp(x) * x)), (v(1000.0, 0.0),),
          v(0, 1)),
    point("ternary beside sqrt", lambda x: x if x < 1.0 else math.sqrt(x), (0.0,), 1.0),
    point("select of arrays", lambda x, y: np.sum(np.where(x > 0, x / y, y)), (v(1, -1), v(2, 0)),
          v(0.5, 0), v(-0.25, 1)),
    point("x**0 at zero", lambda x: x**0, (0.0,), 0.0),
    point("x**0.0 at zero", lambda x: x**0.0, (0.0,), 0.0),
    point("x**1 at zero", lambda x: x**1, (0.0,), 1.0),
    point("x**2 at zero", lambda x: x**2, (0.0,), 0.0),
    point("array x**2 at zero", lambda x: np.sum(x**2.0), (v(0, -3),), v(0, -6)),
    point("x**3 of negative", lambda x: x**3, (-2.0,), 12.0),
    point("x**p at zero", lambda x, p: x**p, (0.0, 2.0), 0.0, 0.0),
    point("x**p at zero, p one", lambda x, p: x**p, (0.0, 1.0), 1.0, 0.0),
    point("x**p at zero, p zero", lambda x, p: np.power(x, p), (0.0, 0.0), 0.0, 0.0),
    point("x % 1", lambda x: x % 1.0, (2.5,), 1.0),
    point("a % b", lambda a, b: a % b, (7.5, 2.0), 1.0, -3.0),
    point("negative a % b", lambda a, b: a % b, (-7.5, 2.0), 1.0, 4.0),
    point("x // 1", lambda x: x // 1.0 + x, (2.5,), 1.0),
    point("round", lambda x: round(x) * x, (2.4,), 2.0),
    point("floor and ceil", lambda x: np.floor(x) * x + math.ceil(x) * x, (2.4,), 5.0),
    point("int", lambda x: int(x) * x, (2.9,), 2.0),
    point("comparison", lambda x: (x > 1.0) * x, (2.0,), 1.0),
    point("prod through one zero", lambda x: np.prod(x), (v(0, 2, 3),), v(6, 0, 0)),
    point("prod through two zeros", lambda x: x.prod(), (v(0, 2, 0),), v(0, 0, 0)),
    point("prod along an axis", lambda a: np.sum(np.prod(a, axis=1)), (v(0, 2, 3, 4).reshape(2, 2),),
          np.array([[2.0, 0.0], [4.0, 3.0]])),
    point("cumprod through zero", lambda x: np.sum(np.cumprod(x)), (v(0, 2, 3),), v(9, 0, 0)),
    point("cumprod, zero inside", lambda x: np.sum(np.cumprod(x)), (v(2, 0, 3),), v(1, 8, 0)),
    point("det of a singular matrix", lambda a: np.linalg.det(a), (v(1, 2, 2, 4).reshape(2, 2),),
          np.array([[4.0, -2.0], [-2.0, 1.0]])),
    point("det of a matrix of zeros", lambda a: np.linalg.det(a), (np.zeros((2, 2)),), np.zeros((2, 2))),
    point("det, rank two of three", lambda a: np.linalg.det(a), (np.diag([1.0, 2.0, 0.0]),),
          np.diag([0.0, 0.0, 2.0])),
    point("log at zero", lambda x: np.log(x), (0.0,), INF),
    point("reciprocal at zero", lambda x: 1.0 / x, (np.float64(0.0),), -INF),
    point("cbrt at zero", lambda x: np.cbrt(x), (0.0,), INF),
    point("arcsin at one", lambda x: np.arcsin(x), (1.0,), INF),
    point("copysign", lambda x, y: np.copysign(x, y), (-2.0, 3.0), -1.0, 0.0),
    point("logaddexp of -inf", lambda x, y: np.logaddexp(x, y), (-INF, 1.0), 0.0, 1.0),
    point("sort with ties", lambda x: np.sort(x) @ v(1, 2, 3), (v(2, 1, 2),), None),
    point("median of an even count", lambda x: np.median(x), (v(4, 1, 3, 2),), v(0, 0, 0.5, 0.5)),
    point("argmax is constant", lambda x: x[np.argmax(x)] + np.argmax(x), (v(1, 3, 2),), v(0, 1, 0)),
    point("sinc at zero", lambda x: np.sinc(x), (0.0,), 0.0),
]  # fmt: skip
EXECUTE = [pytest.param(False, id="python"), pytest.param(True, id="numba", marks=pytest.mark.slow)]


@pytest.mark.parametrize("jit", EXECUTE)
@pytest.mark.parametrize(("f", "args", "expected"), POINTS)
def test_gradient(f: Callable[..., Any], args: tuple[Any, ...], expected: tuple[Any, ...], jit: bool) -> None:
    gradients = pb.grad(f, argnums=tuple(range(len(args))), jit=jit)(*args)
    if expected[0] is None:  # ties may be broken either way, but all weights arrive
        assert sorted(gradients[0]) == [1.0, 2.0, 3.0]
        return
    for gradient, wanted in zip(gradients, expected, strict=True):
        np.testing.assert_allclose(gradient, wanted, rtol=1e-14, atol=0)


@pytest.mark.parametrize(("f", "args", "expected"), POINTS)
def test_forward_mode_agrees(f: Callable[..., Any], args: tuple[Any, ...], expected: tuple[Any, ...]) -> None:
    """Along the axes both modes give the same, but for 0·inf of axes that are not taken."""
    for k, wanted in enumerate(expected):
        tangents = tuple(np.ones_like(a) if i == k else None for i, a in enumerate(args))
        if wanted is None or np.size(wanted) != 1:
            continue
        dot = pb.jvp(f, args, tuple(t if t is None else float(t) for t in tangents), jit=False)[1]
        np.testing.assert_allclose(dot, wanted, rtol=1e-14, atol=0)


def test_negative_base_has_no_derivative_in_its_exponent() -> None:
    gradients = pb.grad(lambda x, p: x**p, argnums=(0, 1), jit=False)(-2.0, 2.0)
    assert gradients[0] == -4.0
    assert math.isnan(gradients[1])


def test_second_derivatives_at_zero() -> None:
    assert pb.hvp(lambda x: x**2, 0.0, 1.0, jit=False) == 2.0
    assert pb.hvp(lambda x: abs(x) * x, 0.0, 1.0, jit=False) == 0.0
    np.testing.assert_array_equal(pb.hvp(lambda x: np.prod(x), v(0, 2, 0), v(1, 0, 1), jit=False), v(2, 0, 2))


@pytest.mark.parametrize("jit", EXECUTE)
def test_second_derivatives_of_a_sum_of_equal_exponentials(jit: bool) -> None:
    hessian = pb.hessian(lambda x: np.logaddexp(x[0], x[1]) + np.logaddexp(0.0, x[2]), jit=jit)
    wanted = 0.25 * np.array([[1, -1, 0], [-1, 1, 0], [0, 0, 1]])
    np.testing.assert_array_equal(hessian(v(2, 2, 0)), wanted)


@pytest.mark.parametrize("jit", EXECUTE)
@pytest.mark.parametrize("root", [np.sqrt, np.cbrt])
def test_roots_at_zero_in_many_directions(root: Callable[..., Any], jit: bool) -> None:
    x = v(0, 1, 4)
    wanted = np.diag(pb.grad(lambda x: np.sum(root(x)), jit=jit)(x))
    assert wanted[0, 0] == INF
    for jacobian in (pb.jacrev, pb.jacfwd):
        np.testing.assert_allclose(np.diag(jacobian(lambda x: root(x), jit=jit)(x)), np.diag(wanted))


def test_second_derivatives_of_an_unused_root_of_zero() -> None:
    hessian = pb.hessian(lambda x: np.sum(np.where(x > 0.0, np.sqrt(x), 0.0)), jit=False)
    np.testing.assert_allclose(hessian(v(0, 1, 4)), np.diag([0.0, -0.25, -0.03125]), rtol=1e-14)
