"""New tensors of random numbers: shapes, dtypes, moments, errors."""

from __future__ import annotations

import numpy as np
import pytest
from tensor_checks import torch

N = 20000


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64", "complex64"])
def test_moments(dtype):
    torch.manual_seed(0)
    kind = getattr(torch, dtype)
    a, b = torch.rand(N, dtype=kind).numpy(), torch.randn(N, dtype=kind).numpy()
    assert a.dtype == b.dtype == np.dtype(dtype)
    a, b = a.astype(complex), b.astype(complex)
    assert abs(a.real.mean() - 0.5) < 0.02
    assert a.real.min() >= 0
    assert a.real.max() < 1
    assert abs(b.mean()) < 0.03
    assert abs(np.mean(np.abs(b) ** 2) - 1) < 0.05


def test_shapes_and_flags():
    assert torch.rand(2, 3).shape == (2, 3)
    assert torch.randn((2, 3), requires_grad=True).requires_grad
    assert torch.rand(()).shape == ()
    assert torch.rand_like(torch.zeros(2, dtype=torch.float64)).dtype == torch.float64
    assert torch.randn_like(torch.zeros(2, dtype=torch.int64), dtype=torch.float32).dtype == torch.float32
    with pytest.raises(NotImplementedError, match="not implemented for 'Long'"):
        torch.rand(2, dtype=torch.int64)
    with pytest.raises(NotImplementedError):
        torch.rand_like(torch.zeros(2, dtype=torch.int64))


def test_randint():
    torch.manual_seed(0)
    assert set(torch.randint(3, (200,)).tolist()) == {0, 1, 2}
    assert set(torch.randint(-1, 1, (200,)).tolist()) == {-1, 0}
    assert torch.randint(low=0, high=10, size=(2,), dtype=torch.float32).dtype == torch.float32
    assert torch.randint(0, 10, size=(2, 2)).shape == (2, 2)
    assert torch.randint_like(torch.zeros(3), 1).tolist() == [0.0, 0.0, 0.0]
    with pytest.raises(
        RuntimeError, match="random_ expects 'from' to be less than 'to', but got from=5 >= to=5"
    ):
        torch.randint(5, 5, (1,))
    with pytest.raises(TypeError):
        torch.randint(5)


def test_randperm():
    assert sorted(torch.randperm(6).tolist()) == list(range(6))
    assert torch.randperm(0).tolist() == []
    with pytest.raises(RuntimeError, match="negative dimension"):
        torch.randperm(-1)
