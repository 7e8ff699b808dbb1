"""New tensors of random numbers: shapes, dtypes, moments, errors."""

from __future__ import annotations

import numpy as np
import pytest
from tensor_checks import leaf, torch

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


def test_normal():
    torch.manual_seed(0)
    a = torch.normal(3.0, 2.0, (N,)).numpy()
    assert abs(a.mean() - 3) < 0.1
    assert abs(a.std() - 2) < 0.1
    assert torch.normal(torch.zeros(3), torch.ones(3)).shape == (3,)
    assert torch.normal(0.0, torch.ones(2)).shape == (2,)
    x = leaf([0.0, 1.0])
    y = torch.normal(x, 1.0)
    assert y.grad_fn.name() == "NormalBackward1"
    y.sum().backward()
    assert x.grad.tolist() == [0, 0]
    with pytest.raises(RuntimeError, match=r"normal expects std >= 0.0, but found std -1"):
        torch.normal(0.0, -1, (2,))
    with pytest.raises(RuntimeError, match="must match the size"):
        torch.normal(torch.zeros(3), torch.ones(2))


def test_bernoulli_and_poisson():
    torch.manual_seed(0)
    assert abs(torch.bernoulli(torch.full((N,), 0.3)).mean().item() - 0.3) < 0.02
    assert abs(torch.poisson(torch.full((N,), 4.0)).mean().item() - 4) < 0.1
    assert torch.bernoulli(leaf([0.5])).grad_fn.name() == "BernoulliBackward0"
    assert torch.bernoulli(torch.zeros(3, dtype=torch.int64), p=1.0).tolist() == [1, 1, 1]
    with pytest.raises(RuntimeError, match="p_in >= 0 && p_in <= 1"):
        torch.bernoulli(torch.tensor([2.0]))
    with pytest.raises(NotImplementedError):
        torch.bernoulli(torch.tensor([1]))
    with pytest.raises(RuntimeError, match="invalid Poisson rate"):
        torch.poisson(torch.tensor([-1.0]))


def test_multinomial():
    torch.manual_seed(0)
    drawn = torch.multinomial(torch.tensor([1.0, 2.0, 0.0, 1.0]), N, replacement=True).numpy()
    np.testing.assert_allclose(np.bincount(drawn, minlength=4) / N, [0.25, 0.5, 0, 0.25], atol=0.02)
    rows = torch.multinomial(torch.ones(5, 4), 4)
    assert [sorted(row) for row in rows.tolist()] == [[0, 1, 2, 3]] * 5
    first = torch.multinomial(torch.tensor([[3.0, 1.0]] * N), 1).numpy()
    assert abs((first == 0).mean() - 0.75) < 0.02
    for weights, count, message in (
        ([0.0, -1.0], 1, "probability tensor contains"),
        ([0.0, 0.0], 1, "sum of probabilities <= 0"),
        ([1.0], 2, "cannot sample n_sample > prob_dist.size"),
        ([1.0], 0, "n_sample <= 0"),
    ):
        with pytest.raises(RuntimeError, match=message):
            torch.multinomial(torch.tensor(weights), count)
