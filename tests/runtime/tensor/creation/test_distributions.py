"""Tensors drawn from distributions whose parameters are tensors."""

from __future__ import annotations

import numpy as np
import pytest
from tensor_checks import leaf, torch

N = 20000


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
