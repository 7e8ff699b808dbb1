"""Sums and means: values, gradients, dtypes, odd shapes, errors."""

from __future__ import annotations

import numpy as np
import pytest
from tensor_checks import check, leaf, sample, torch

DIMS = [None, 0, 1, -1, (0, 2), (0, 1, 2)]


@pytest.mark.parametrize("name", ["sum", "mean"])
@pytest.mark.parametrize("dim", DIMS)
@pytest.mark.parametrize("keepdim", [False, True])
def test_value_and_gradient(name, dim, keepdim):
    a = sample(2, 3, 4)
    f = getattr(torch, name)
    made = f(leaf(a), dim, keepdim)
    np.testing.assert_allclose(made.detach().numpy(), getattr(np, name)(a, axis=dim, keepdims=keepdim))
    check(lambda x: f(x, dim, keepdim), a)


def test_names():
    x = leaf(sample(2, 2))
    assert x.mean().grad_fn.name() == "MeanBackward0"
    assert x.mean(0).grad_fn.name() == "MeanBackward1"
    assert x.sum().grad_fn.name() == "SumBackward0"
    assert x.sum(0).grad_fn.name() == "SumBackward1"


def test_mean_of_odd_things():
    assert np.isnan(torch.zeros(0).mean().item())
    assert torch.zeros(0, 2).mean(1).shape == (0,)
    assert np.isnan(torch.zeros(0, 2).mean(0).numpy()).all()
    assert torch.tensor(3.0).mean(0).item() == 3.0
    half = torch.full((5000,), 20.0, dtype=torch.float16)
    assert half.mean().item() == 20.0
    assert half.mean().dtype == torch.float16
    assert torch.tensor([1, 2]).mean(dtype=torch.float64).item() == 1.5
    with pytest.raises(
        RuntimeError, match=r"Input dtype must be either a floating point or complex dtype. Got: Long"
    ):
        torch.tensor([1, 2]).mean()
    with pytest.raises(IndexError, match="Dimension out of range"):
        torch.ones(2).mean(3)
