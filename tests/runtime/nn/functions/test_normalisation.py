"""Normalisations: values by formulas, gradients of both orders, moving moments, errors."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import tensor_checks as checks
from pullback.runtime.nn import functional as F
from pullback.runtime.tape.mode import no_grad
from pullback.runtime.tape.node import wrap
from pullback.runtime.tensor.tensor import Tensor

EPS = 1e-5


def t(a: Any) -> Any:
    return wrap(Tensor, np.array(a))


def unit(x: Any, axes: Any) -> Any:
    return (x - x.mean(axes, keepdims=True)) / np.sqrt(x.var(axes, keepdims=True) + EPS)


SHAPES = [(6, 4), (3, 4, 5), (2, 4, 3, 2)]
W, B = checks.sample(4, seed=1), checks.sample(4, seed=2)


def along(w: Any, x: Any) -> Any:
    return w.reshape(-1, *(1,) * (x.ndim - 2))


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_batch_norm_in_training(shape: Any) -> None:
    x = checks.sample(*shape)
    mean, var = t(np.zeros(4)), t(np.ones(4))
    axes = (0, *range(2, x.ndim))
    got = F.batch_norm(t(x), mean, var, t(W), t(B), training=True, momentum=0.2)
    np.testing.assert_allclose(got._a, unit(x, axes) * along(W, x) + along(B, x))
    np.testing.assert_allclose(mean._a, 0.2 * x.mean(axes))
    np.testing.assert_allclose(var._a, 0.8 + 0.2 * x.var(axes, ddof=1))
    assert mean._version == var._version == 1
    checks.check(lambda x, w, b: F.batch_norm(x, None, None, w, b, training=True), x, W, B)
    checks.check(lambda x: F.batch_norm(x, None, None, training=True), x)


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_batch_norm_in_evaluation(shape: Any) -> None:
    x, mean, var = checks.sample(*shape), checks.sample(4, seed=3), checks.sample(4, seed=4)

    def f(x: Any, w: Any = None, b: Any = None) -> Any:
        return F.batch_norm(x, t(mean), t(var), w, b)

    expected = (x - along(mean, x)) / np.sqrt(along(var, x) + EPS)
    np.testing.assert_allclose(f(t(x))._a, expected)
    np.testing.assert_allclose(f(t(x), t(W), t(B))._a, expected * along(W, x) + along(B, x))
    checks.check(f, x, W, B)
    checks.check(f, x)


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_layer_norm(shape: Any) -> None:
    x = checks.sample(*shape)
    last = shape[1:]
    w, b = checks.sample(*last, seed=1), checks.sample(*last, seed=2)
    axes = tuple(range(1, x.ndim))
    np.testing.assert_allclose(F.layer_norm(t(x), last, t(w), t(b))._a, unit(x, axes) * w + b)
    np.testing.assert_allclose(F.layer_norm(t(x), shape[-1:])._a, unit(x, -1))
    checks.check(lambda x, w, b: F.layer_norm(x, last, w, b), x, w, b)
    checks.check(lambda x, b: F.layer_norm(x, last, None, b), x, b)
    checks.check(lambda x, w: F.rms_norm(x, last, w, 1e-3), x, w)
    np.testing.assert_allclose(
        F.rms_norm(t(x), last, eps=1e-3)._a, x / np.sqrt((x**2).mean(axes, keepdims=True) + 1e-3)
    )


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("groups", [1, 2, 4])
def test_group_norm(shape: Any, groups: int) -> None:
    if groups == 4 and len(shape) == 2:
        return  # one value a group
    x = checks.sample(*shape)
    grouped = x.reshape(shape[0], groups, -1)
    expected = unit(grouped, 2).reshape(shape) * along(W, x) + along(B, x)
    np.testing.assert_allclose(F.group_norm(t(x), groups, t(W), t(B))._a, expected)
    checks.check(lambda x, w, b: F.group_norm(x, groups, w, b), x, W, B)


@pytest.mark.parametrize("shape", SHAPES[1:], ids=str)
def test_instance_norm(shape: Any) -> None:
    x = checks.sample(*shape)
    axes = tuple(range(2, x.ndim))
    mean, var = t(np.zeros(4)), t(np.ones(4))
    got = F.instance_norm(t(x), mean, var, t(W), t(B), momentum=0.2)
    np.testing.assert_allclose(got._a, unit(x, axes) * along(W, x) + along(B, x))
    np.testing.assert_allclose(mean._a, 0.2 * x.mean(axes).mean(0))
    np.testing.assert_allclose(var._a, 0.8 + 0.2 * x.var(axes, ddof=1).mean(0))
    checks.check(lambda x, w, b: F.instance_norm(x, weight=w, bias=b), x, W, B)


def test_local_response_norm() -> None:
    x = checks.sample(2, 5, 3)
    squares = np.pad(x**2, ((0, 0), (1, 1), (0, 0)))
    means = (squares[:, :-2] + squares[:, 1:-1] + squares[:, 2:]) / 3
    expected = x / (2 + 0.1 * means) ** 0.75
    np.testing.assert_allclose(F.local_response_norm(t(x), 3, 0.1, 0.75, 2.0)._a, expected)
    checks.check(lambda x: F.local_response_norm(x, 3, 0.1, 0.75, 2.0), x)


def test_float32_is_as_good_as_it_can_be() -> None:
    x = (1000 + np.random.default_rng(0).standard_normal((64, 3, 8, 8))).astype(np.float32)
    got = F.batch_norm(t(x), None, None, training=True)._a
    assert got.dtype == np.float32
    np.testing.assert_allclose(got, unit(x.astype(np.float64), (0, 2, 3)), atol=1e-3)


def test_an_empty_batch_gives_gradients_of_zero() -> None:
    w, b = checks.leaf(W), checks.leaf(B)
    F.layer_norm(t(np.ones((0, 4))), (4,), w, b).sum().backward()
    assert w.grad.tolist() == b.grad.tolist() == [0, 0, 0, 0]


@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize("place", [0, 1])
def test_moving_moments_have_no_derivative(place: int, training: bool) -> None:
    moments = [t(np.ones(4)), t(np.ones(4))]
    moments[place].requires_grad_()
    name = ("running_mean", "running_var")[place]
    with pytest.raises(RuntimeError, match=f"not differentiable with respect to argument '{name}'"):
        F.batch_norm(t(checks.sample(3, 4)), *moments, training=training)
    with no_grad():
        assert F.batch_norm(t(checks.sample(3, 4)), *moments, training=training).shape == (3, 4)


def test_names_of_nodes() -> None:
    x = checks.leaf(checks.sample(2, 4, 3))
    assert F.batch_norm(x, None, None, training=True).grad_fn.name() == "NativeBatchNormBackward0"
    assert F.batch_norm(x, t(W), t(B)).grad_fn.name() == "NativeBatchNormBackward0"
    assert F.layer_norm(x, (3,)).grad_fn.name() == "NativeLayerNormBackward0"
    assert F.group_norm(x, 2).grad_fn.name() == "NativeGroupNormBackward0"


def test_what_is_refused() -> None:
    x = t(np.ones((2, 4)))
    refused: list[tuple[type[Exception], str, Any]] = [
        (
            ValueError,
            "Expected more than 1 value per channel when training",
            lambda: F.batch_norm(t(np.ones((1, 4))), None, None, training=True),
        ),
        (
            RuntimeError,
            "running_mean must be defined in evaluation mode",
            lambda: F.batch_norm(x, None, None),
        ),
        (
            RuntimeError,
            "running_mean should contain 4 elements not 3",
            lambda: F.batch_norm(x, t(np.ones(3)), t(np.ones(3))),
        ),
        (
            RuntimeError,
            r"Given normalized_shape=\[3\], expected input with shape \[\*, 3\]",
            lambda: F.layer_norm(x, (3,)),
        ),
        (RuntimeError, "at least 1-dimensional", lambda: F.layer_norm(x, ())),
        (RuntimeError, "at least 1-dimensional", lambda: F.rms_norm(x, ())),
        (
            RuntimeError,
            "Expected weight to be of same shape",
            lambda: F.rms_norm(x, (4,), t(np.ones((2, 1)))),
        ),
        (RuntimeError, "Expected weight to be of same shape", lambda: F.layer_norm(x, (4,), t(np.ones(3)))),
        (RuntimeError, "to be divisible by num_groups", lambda: F.group_norm(x, 3)),
        (ValueError, "Expected more than 1 spatial element", lambda: F.instance_norm(t(np.ones((2, 4, 1))))),
        (ValueError, "Expected 3D or higher", lambda: F.local_response_norm(x, 2)),
    ]
    for kind, words, call in refused:
        with pytest.raises(kind, match=words):
            call()
