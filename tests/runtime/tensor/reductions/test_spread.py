"""Variances and their kin: values, gradients, corrections, too few elements."""

from __future__ import annotations

import numpy as np
import pytest
from tensor_checks import check, leaf, sample, torch


@pytest.mark.parametrize("name", ["var", "std"])
@pytest.mark.parametrize("dim", [None, 0, (0, 2), -1])
@pytest.mark.parametrize("correction", [None, 0, 2])
def test_value_and_gradient(name, dim, correction):
    a = sample(3, 4, 5)
    kwargs = {} if correction is None else {"correction": correction}
    f = getattr(torch, name)
    expected = getattr(np, name)(a, axis=dim, ddof=1 if correction is None else correction)
    made = f(leaf(a), dim, **kwargs)
    np.testing.assert_allclose(made.detach().numpy(), expected)
    assert made.grad_fn.name() == f"{name.title()}Backward0"
    check(lambda x: f(x, dim, keepdim=True, **kwargs), a)


@pytest.mark.parametrize("name", ["var_mean", "std_mean"])
def test_with_mean(name):
    a = sample(3, 4)
    spread, mean = getattr(torch, name)(leaf(a), 1)
    np.testing.assert_allclose(spread.detach().numpy(), getattr(np, name[:3])(a, axis=1, ddof=1))
    np.testing.assert_allclose(mean.detach().numpy(), a.mean(1))
    check(lambda x: getattr(torch, name)(x, 1), a)
    check(lambda x: getattr(torch, name)(x)[0], a)
    check(lambda x: getattr(torch, name)(x)[1], a)


def test_signatures():
    a = torch.tensor([[1.0, 2.0, 4.0]])
    assert a.var(False).item() == a.var(unbiased=False).item() == a.var(correction=0).item()
    assert a.std(1, False, True).shape == (1, 1)
    assert a.var(dim=1, unbiased=True).tolist() == a.var(1).tolist()


def test_where_there_is_no_spread():
    x = leaf([2.0, 2.0])
    y = x.std()
    assert y.item() == 0
    y.backward()
    assert x.grad.tolist() == [0, 0]
    with pytest.warns(UserWarning, match="degrees of freedom is <= 0"):
        assert np.isnan(torch.tensor([1.0]).std().item())
    with pytest.warns(UserWarning, match="degrees of freedom"):
        assert np.isnan(torch.zeros(0).var().item())
    with pytest.raises(RuntimeError, match="std and var only support floating point and complex dtypes"):
        torch.tensor([1, 2]).std()


def test_complex():
    a = np.array([1 + 1j, 2.0, 3 - 2j])
    made = torch.tensor(a).var()
    assert made.dtype == torch.float64
    np.testing.assert_allclose(made.item(), np.var(a, ddof=1))
    x = leaf(a)
    x.var().backward()
    np.testing.assert_allclose(x.grad.numpy(), (a - a.mean()) * 2 / 2)


def test_covariances():
    a = sample(3, 5)
    np.testing.assert_allclose(torch.cov(leaf(a)).detach().numpy(), np.cov(a))
    np.testing.assert_allclose(torch.cov(leaf(a), correction=0).detach().numpy(), np.cov(a, ddof=0))
    f, w = np.array([1, 2, 1, 3, 1]), sample(5, seed=3)
    made = torch.cov(torch.tensor(a), fweights=torch.tensor(f), aweights=torch.tensor(w))
    np.testing.assert_allclose(made.numpy(), np.cov(a, fweights=f, aweights=w))
    np.testing.assert_allclose(torch.cov(torch.tensor(a[0])).item(), np.cov(a[0]))
    check(torch.cov, a)
    check(lambda x: torch.cov(x, fweights=torch.tensor(f)), a)
    with pytest.raises(RuntimeError, match="expected input to have two or fewer dimensions"):
        torch.cov(torch.ones(2, 2, 2))
    with pytest.raises(RuntimeError, match="fweights"):
        torch.cov(torch.ones(2, 2), fweights=torch.tensor([1]))


def test_correlations():
    a = sample(3, 5)
    np.testing.assert_allclose(torch.corrcoef(leaf(a)).detach().numpy(), np.corrcoef(a))
    check(lambda x: torch.corrcoef(x)[0, 1:], a)
    assert torch.corrcoef(torch.tensor(sample(4))).item() == pytest.approx(1)
