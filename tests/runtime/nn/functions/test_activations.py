"""Activations: values by formulas, gradients of both orders by differences, in-place twins, dtypes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import tensor_checks as checks
from pullback.runtime.nn import functional as F
from pullback.runtime.tape.node import wrap
from pullback.runtime.tensor.tensor import Tensor
from scipy import special

Case = tuple[Callable[..., Any], dict[str, Any], Callable[[Any], Any]]


def sigmoid(x: Any) -> Any:
    return 1 / (1 + np.exp(-x))


def elu(x: Any, alpha: float = 1, scale: float = 1, inside: float = 1) -> Any:
    return np.where(x > 0, scale * x, scale * alpha * np.expm1(inside * np.minimum(x, 0)))


SELU = (1.6732632423543772, 1.0507009873554805)
CASES: list[Case] = [
    (F.relu, {}, lambda x: np.maximum(x, 0)),
    (F.relu6, {}, lambda x: np.clip(x, 0, 6)),
    (F.leaky_relu, {"negative_slope": 0.2}, lambda x: np.where(x > 0, x, 0.2 * x)),
    (F.rrelu, {"lower": 0.2, "upper": 0.4}, lambda x: np.where(x > 0, x, 0.3 * x)),
    (F.hardtanh, {"min_val": -0.5, "max_val": 0.7}, lambda x: np.clip(x, -0.5, 0.7)),
    (F.hardsigmoid, {}, lambda x: np.clip(x + 3, 0, 6) / 6),
    (F.hardswish, {}, lambda x: x * np.clip(x + 3, 0, 6) / 6),
    (F.hardshrink, {"lambd": 0.3}, lambda x: np.where(abs(x) > 0.3, x, 0)),
    (F.softshrink, {"lambd": 0.3}, lambda x: np.sign(x) * np.maximum(abs(x) - 0.3, 0)),
    (F.threshold, {"threshold": 0.2, "value": 5.0}, lambda x: np.where(x > 0.2, x, 5)),
    (F.elu, {"alpha": 1.3}, lambda x: elu(x, 1.3)),
    (F.selu, {}, lambda x: elu(x, *SELU)),
    (F.celu, {"alpha": 1.4}, lambda x: elu(x, 1.4, 1, 1 / 1.4)),
    (F.gelu, {}, lambda x: x * special.ndtr(x)),
    (
        F.gelu,
        {"approximate": "tanh"},
        lambda x: 0.5 * x * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3))),
    ),
    (F.silu, {}, lambda x: x * sigmoid(x)),
    (F.mish, {}, lambda x: x * np.tanh(np.log1p(np.exp(x)))),
    (
        F.softplus,
        {"beta": 2.0, "threshold": 3.0},
        lambda x: np.where(2 * x > 3, x, np.log1p(np.exp(2 * x)) / 2),
    ),
    (F.softsign, {}, lambda x: x / (1 + abs(x))),
    (F.logsigmoid, {}, lambda x: np.log(sigmoid(x))),
    (F.tanhshrink, {}, lambda x: x - np.tanh(x)),
    (F.sigmoid, {}, sigmoid),
    (F.tanh, {}, np.tanh),
    (F.softmax, {"dim": 0}, lambda x: special.softmax(x, 0)),
    (F.log_softmax, {"dim": -1}, lambda x: special.log_softmax(x, -1)),
    (F.softmin, {"dim": 1}, lambda x: special.softmax(-x, 1)),
    (F.glu, {"dim": 1}, lambda x: x[:, :2] * sigmoid(x[:, 2:])),
]
POINTS = np.array([[-4.1, -0.41, 0.23, 1.9], [0.62, -1.3, 7.3, -0.11], [2.4, 3.3, -2.7, 0.9]])


def name_of(case: Any) -> str:
    return getattr(case, "__name__", "")


@pytest.mark.parametrize(("f", "settings", "formula"), CASES, ids=name_of)
def test_values_and_gradients(f: Any, settings: dict[str, Any], formula: Any) -> None:
    x = wrap(Tensor, POINTS)
    np.testing.assert_allclose(f(x, **settings)._a, formula(POINTS), rtol=1e-12, atol=1e-14)
    checks.check(lambda t: f(t, **settings), POINTS)


@pytest.mark.parametrize(("f", "settings", "formula"), CASES, ids=name_of)
def test_float32_stays_and_empty_arrays_work(f: Any, settings: dict[str, Any], formula: Any) -> None:
    small = wrap(Tensor, POINTS.astype(np.float32))
    got = f(small, **settings)._a
    assert got.dtype == np.float32
    np.testing.assert_allclose(got, formula(POINTS), rtol=1e-4, atol=1e-6)
    assert f(wrap(Tensor, np.zeros((0, 4))), **settings)._a.size == 0


IN_PLACE = [
    (F.relu_, F.relu, (), "ReluBackward0"),
    (F.leaky_relu_, F.leaky_relu, (0.2,), "LeakyReluBackward1"),
    (F.elu_, F.elu, (1.3,), "EluBackward1"),
    (F.selu_, F.selu, (), "EluBackward1"),
    (F.celu_, F.celu, (1.2,), "CeluBackward1"),
    (F.hardtanh_, F.hardtanh, (-1.0, 1.0), "HardtanhBackward0"),
    (F.threshold_, F.threshold, (0.2, 5.0), "ThresholdBackward1"),
    (F.rrelu_, F.rrelu, (), "RreluWithNoiseBackward0"),
]


@pytest.mark.parametrize(("f", "plain", "settings", "node"), IN_PLACE, ids=name_of)
def test_in_place(f: Any, plain: Any, settings: Any, node: str) -> None:
    x = checks.leaf(POINTS)
    y = x * 1
    out = f(y, *settings)
    assert out is y
    assert y.grad_fn.name() == node
    y.sum().backward()
    again = checks.leaf(POINTS)
    plain(again, *settings).sum().backward()
    np.testing.assert_allclose(x.grad._a, again.grad._a)
    with pytest.raises(RuntimeError, match="a leaf Variable that requires grad"):
        f(x, *settings)


def test_prelu() -> None:
    w = np.array([0.1, 0.2, 0.3])
    images = np.random.default_rng(0).standard_normal((2, 3, 4))
    y = F.prelu(wrap(Tensor, images), wrap(Tensor, w))
    np.testing.assert_allclose(y._a, np.where(images > 0, images, w[:, None] * images))
    checks.check(F.prelu, images, w)
    checks.check(F.prelu, POINTS, np.array([0.4]))
    with pytest.raises(RuntimeError, match="Mismatch of parameter numbers and input channel size"):
        F.prelu(wrap(Tensor, images), wrap(Tensor, w[:2]))


def test_random_slopes_and_draws() -> None:
    x = checks.leaf(-np.ones(1000))
    y = F.rrelu(x, 0.2, 0.4, training=True)
    assert (y._a >= -0.4).all()
    assert (y._a <= -0.2).all()
    assert y._a.std() > 0.01
    y.sum().backward()
    np.testing.assert_allclose(x.grad._a, -y._a)
    draws = F.gumbel_softmax(wrap(Tensor, np.log(np.tile([0.7, 0.2, 0.1], (4000, 1)))), hard=True)._a
    assert set(np.unique(draws)) <= {0.0, 1.0}
    np.testing.assert_allclose(draws.mean(0), [0.7, 0.2, 0.1], atol=0.05)
    soft = F.gumbel_softmax(checks.leaf(POINTS), tau=0.5)
    np.testing.assert_allclose(soft._a.sum(-1), 1)
    assert soft.requires_grad


def test_large_numbers_do_not_overflow() -> None:
    x = wrap(Tensor, np.array([-1000.0, 0.0, 1000.0]))
    assert F.softmax(x, 0)._a.tolist() == [0, 0, 1]
    assert F.logsigmoid(x)._a[[0, 2]].tolist() == [-1000, 0]
    assert F.softplus(x)._a.tolist() == [0, np.log(2), 1000]
    assert F.sigmoid(x)._a.tolist() == [0, 0.5, 1]


def test_integers_are_refused_in_pytorchs_words() -> None:
    ones = wrap(Tensor, np.ones(2, np.int64))
    for f, kernel in (
        (F.gelu, "GeluKernelImpl"),
        (F.leaky_relu, "leaky_relu_cpu"),
        (F.elu, "elu_cpu"),
        (F.hardswish, "hardswish_cpu"),
        (F.logsigmoid, "log_sigmoid_cpu"),
    ):
        with pytest.raises(NotImplementedError, match=f"\"{kernel}\" not implemented for 'Long'"):
            f(ones)
    with pytest.raises(NotImplementedError, match="softmax_kernel_impl"):
        F.softmin(ones, 0)
    assert F.relu(ones)._a.dtype == np.int64


@pytest.mark.parametrize(
    "name",
    [
        "relu", "relu6", "hardtanh", "leaky_relu", "rrelu", "hardsigmoid", "hardswish", "hardshrink",
        "softshrink", "elu", "selu", "celu", "gelu", "mish", "softplus", "logsigmoid", "glu",
    ],
)  # fmt: skip
def test_complex_numbers_are_refused(name: str) -> None:
    with pytest.raises(NotImplementedError, match=r"not implemented for 'ComplexDouble'|clamp is not"):
        getattr(F, name)(wrap(Tensor, np.ones(2) * (1 + 1j)))


def test_silu_of_complex_numbers() -> None:
    z = np.array([1 + 1j, -0.5 + 2j])
    np.testing.assert_allclose(F.silu(wrap(Tensor, z))._a, z / (1 + np.exp(-z)))
    with pytest.raises(RuntimeError, match="silu does not support automatic differentiation"):
        F.silu(checks.leaf(z))


def test_softmin_of_integers_in_another_dtype() -> None:
    got = F.softmin(wrap(Tensor, np.array([1, 2])), 0, dtype="float64")
    np.testing.assert_allclose(got._a, special.softmax([-1.0, -2.0]))


def test_bad_arguments() -> None:
    x = wrap(Tensor, POINTS)
    with pytest.raises(RuntimeError, match="approximate argument must be either none or tanh"):
        F.gelu(x, approximate="no")
    with pytest.raises(RuntimeError, match="Halving dimension must be even, but dimension 0 is size 3"):
        F.glu(x, 0)
    with pytest.raises(ValueError, match="min_val cannot be greater"):
        F.hardtanh(x, 2, 1)
    with pytest.raises(IndexError, match="Dimension out of range"):
        F.softmax(x, 2)
    with pytest.raises(RuntimeError, match="lambda must be greater or equal to 0"):
        F.softshrink(x, -1)
    with pytest.raises(RuntimeError, match="scalar or 1D tensor, but got: ndim = 2"):
        F.prelu(x, wrap(Tensor, np.ones((4, 1))))
    with pytest.raises(RuntimeError, match=r"Type promoting not supported\. Got Double and Float"):
        F.prelu(x, wrap(Tensor, np.ones(4, np.float32)))
    with pytest.warns(UserWarning, match="Implicit dimension choice for softmax"):
        assert F.softmax(x)._a.sum() == pytest.approx(3)
