"""Tensors overwritten with random numbers."""

from __future__ import annotations

import numpy as np
import pytest
from tensor_checks import leaf, torch

N = 20000


@pytest.mark.parametrize(
    ("name", "args", "mean", "spread"),
    [
        ("uniform_", (-1.0, 3.0), 1, 4 / 12**0.5),
        ("normal_", (2.0, 0.5), 2, 0.5),
        ("exponential_", (2.0,), 0.5, 0.5),
        ("log_normal_", (0.0, 0.25), np.exp(0.25**2 / 2), 0.2619),
        ("geometric_", (0.5,), 2, 2**0.5),
        ("bernoulli_", (0.25,), 0.25, 0.1875**0.5),
        ("random_", (2, 5), 3, (2 / 3) ** 0.5),
    ],
)
def test_moments(name, args, mean, spread):
    torch.manual_seed(0)
    x = torch.zeros(N)
    assert getattr(x, name)(*args) is x
    assert abs(x.numpy().mean() - mean) < 0.05
    assert abs(x.numpy().std() - spread) < 0.05


@pytest.mark.parametrize(
    "name", ["uniform_", "normal_", "exponential_", "bernoulli_", "cauchy_", "log_normal_"]
)
def test_nothing_flows_to_what_was_there(name):
    x = leaf([1.0, 2.0])
    y = x * 2
    getattr(y, name)()
    assert y._version == 1
    assert y.grad_fn.name().lower().startswith(name[:-1].replace("_", ""))
    y.sum().backward()
    assert x.grad.tolist() == [0, 0]
    with pytest.raises(RuntimeError, match="a leaf Variable that requires grad"):
        getattr(x, name)()


def test_integers():
    torch.manual_seed(0)
    x = torch.zeros(1000, dtype=torch.uint8).random_()
    assert x.numpy().max() > 240
    assert set(torch.zeros(100, dtype=torch.int64).random_(2).tolist()) == {0, 1}
    assert torch.zeros(3, dtype=torch.bool).random_().dtype == torch.bool
    assert torch.zeros(9).uniform_(**{"from": 2.0}, to=3.0).min().item() >= 2


@pytest.mark.parametrize(
    ("name", "args", "message"),
    [
        ("uniform_", (3, 1), "uniform_ expects to return a"),
        ("normal_", (0, -1), "normal expects std >= 0.0, but found std -1"),
        ("exponential_", (-1,), "exponential_ expects lambda > 0.0"),
        ("geometric_", (2,), "geometric_ expects p to be in"),
        ("cauchy_", (0, 0), "cauchy_ expects sigma > 0.0"),
        ("log_normal_", (0, 0), "log_normal_ expects std > 0.0"),
        ("random_", (3, 3), "random_ expects 'from' to be less than 'to'"),
    ],
)
def test_errors(name, args, message):
    with pytest.raises(RuntimeError, match=message):
        getattr(torch.zeros(2), name)(*args)
    if name in ("uniform_", "normal_"):
        with pytest.raises(NotImplementedError):
            getattr(torch.zeros(2, dtype=torch.int64), name)()
