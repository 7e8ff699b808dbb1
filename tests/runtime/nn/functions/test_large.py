"""Functions of large arrays, which are compiled loops, give what they give piece by piece."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from pullback.runtime.ops import kernels, rows

import pullback as pb

F = pb.nn.functional
NAMES = [
    "relu", "gelu", "silu", "softplus", "elu", "leaky_relu", "sigmoid", "tanh", "hardswish", "mish",
    "logsigmoid", "selu", "celu", "relu6", "hardtanh", "hardsigmoid", "hardshrink", "softshrink",
]  # fmt: skip
SETTINGS: dict[str, Any] = {
    "gelu, tanh": ("gelu", {"approximate": "tanh"}),
    "softplus, sharp": ("softplus", {"beta": 2, "threshold": 5}),
    "leaky_relu, flat": ("leaky_relu", {"negative_slope": 0.2}),
    "elu, deep": ("elu", {"alpha": 2.0}),
    "threshold": ("threshold", {"threshold": 0.3, "value": 2.0}),
}
ACTIVATIONS: dict[str, Any] = {name: (name, {}) for name in NAMES} | SETTINGS
ODD = [np.inf, -np.inf, np.nan, 0.0, -0.0, 1e4, -1e4, 100.0, -100.0, 3.0, -3.0, 6.0, 1e-30, -1e-30]


@pytest.fixture
def large(monkeypatch: pytest.MonkeyPatch) -> Callable[[bool], None]:
    """Sets whether the arrays of a test count as large."""

    def choose(wanted: bool) -> None:
        for module in (kernels, rows):
            monkeypatch.setattr(module, "LARGE", 1 if wanted else 1 << 40)

    return choose


def _run(f: Callable[..., Any], arrays: list[Any], twice: bool) -> list[Any]:
    """The value of f, the derivatives, and those of a sum of these."""
    xs = [pb.tensor(a, requires_grad=True) for a in arrays]
    y = f(*xs)
    g = pb.tensor(np.cos(np.arange(y.numel())).reshape(y.shape).astype(arrays[0].dtype))
    if not y.ndim:
        g = pb.ones((), dtype=y.dtype)
    first = pb.autograd.grad(y, xs, g, create_graph=twice)
    second: tuple[Any, ...] = ()
    if twice:
        # The squares of x make sure that there is something to derive.
        second = pb.autograd.grad(sum((t * t).sum() for t in (*first, *xs)), xs)
    return [t.detach().numpy() for t in (y, *first, *second)]


def _same(
    f: Callable[..., Any], arrays: list[Any], large: Callable[[bool], None], twice: bool = True
) -> None:
    found = []
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for wanted in (False, True):
            large(wanted)
            found.append(_run(f, arrays, False) + (_run(f, arrays, True) if twice else []))
    tolerance = 1e-5 if arrays[0].dtype == np.float32 else 1e-12
    for small, big in zip(*found, strict=True):
        assert small.dtype == big.dtype == arrays[0].dtype and small.shape == big.shape
        np.testing.assert_allclose(big, small, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("name", ACTIVATIONS)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_activations(name: str, dtype: str, large: Callable[[bool], None]) -> None:
    function, settings = ACTIVATIONS[name]
    x = np.random.default_rng(0).standard_normal((5, 7)) * 3
    _same(lambda t: getattr(F, function)(t, **settings), [x.astype(dtype)], large)
    x = np.array([*ODD, *x[0]]).astype(dtype)
    _same(lambda t: getattr(F, function)(t, **settings), [x], large, twice=False)
    _same(lambda t: getattr(F, function)(t, **settings).sum(), [x], large, twice=False)


@pytest.mark.parametrize("how", ["mean", "sum", "none"])
@pytest.mark.parametrize("name", ["mse", "smooth_l1", "smooth_l1, 0.3", "huber", "logits"])
def test_losses(name: str, how: str, large: Callable[[bool], None]) -> None:
    functions = {
        "mse": F.mse_loss, "smooth_l1": F.smooth_l1_loss, "huber": F.huber_loss,
        "smooth_l1, 0.3": lambda x, t, reduction: F.smooth_l1_loss(x, t, reduction=reduction, beta=0.3),
        "logits": F.binary_cross_entropy_with_logits,
    }  # fmt: skip
    rng = np.random.default_rng(1)
    x, t = rng.standard_normal((2, 6, 5))
    t[0] = x[0]
    _same(lambda x, t: functions[name](x, t, reduction=how), [x, t], large)


@pytest.mark.parametrize("shape", [(6, 5), (3, 4, 5), (7,), (6, 1)])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_softmax_and_its_kin(shape: tuple[int, ...], dtype: str, large: Callable[[bool], None]) -> None:
    x = (np.random.default_rng(2).standard_normal(shape) * 20).astype(dtype)
    for f in (F.softmax, F.log_softmax, F.softmin):
        for dim in range(len(shape)):
            _same(lambda t, f=f, dim=dim: f(t, dim=dim), [x], large)
    x[..., 0] = -np.inf
    _same(lambda t: F.softmax(t, dim=-1), [x], large, twice=False)
    x.flat[-1] = np.nan
    _same(lambda t: F.log_softmax(t, dim=-1), [x], large, twice=False)


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("affine", [True, False])
@pytest.mark.parametrize("shape", [(4, 3, 5, 2), (6, 3), (2, 3, 7)])
def test_batches(shape: tuple[int, ...], affine: bool, training: bool, large: Callable[[bool], None]) -> None:
    rng = np.random.default_rng(3)
    x, w, b = rng.standard_normal(shape) + 2, rng.standard_normal(3), rng.standard_normal(3)

    def f(x: Any, *given: Any) -> Any:
        mean, variance = pb.full((3,), 0.5, dtype=x.dtype), pb.full((3,), 2.0, dtype=x.dtype)
        y = F.batch_norm(x, mean, variance, *(given or (None, None)), training=training)
        return y * (mean.sum() + variance.sum())

    _same(f, [x, w, b] if affine else [x], large)


@pytest.mark.parametrize("given", [0, 1, 2])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_layers_and_groups(given: int, dtype: str, large: Callable[[bool], None]) -> None:
    rng = np.random.default_rng(4)
    x, *more = (rng.standard_normal(s).astype(dtype) for s in ((5, 4, 6), (4, 6), (4, 6)))
    _same(lambda x, *wb: F.layer_norm(x, (4, 6), *wb), [x, *more[:given]], large)
    x, *more = (rng.standard_normal(s).astype(dtype) for s in ((5, 4, 6), (4,), (4,)))
    for groups in (1, 2, 4):
        _same(lambda x, *wb, n=groups: F.group_norm(x, n, *wb), [x, *more[:given]], large)
    _same(lambda x, *wb: F.instance_norm(x, None, None, *wb), [x, *more[:given]], large)
