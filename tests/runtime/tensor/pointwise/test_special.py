"""Special functions of two arguments or with parameters."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import special
from tensor_checks import check, leaf, sample, torch

PAIRS = {
    "xlogy": (torch.xlogy, special.xlogy),
    "xlog1py": (torch.special.xlog1py, special.xlog1py),
}


@pytest.mark.parametrize("name", PAIRS)
def test_pairs(name):
    f, reference = PAIRS[name]
    a, b = sample(3, 2), sample(2, seed=1)
    np.testing.assert_allclose(f(leaf(a), leaf(b)).detach().numpy(), reference(a, b), rtol=1e-13)
    check(f, a, b)
    check(lambda x: f(x, 2.0), a)
    check(lambda x: f(2.0, x), a)


def test_zero_times_a_logarithm():
    x, z = leaf([0.0, 0.0]), leaf([0.0, 2.0])
    y = torch.xlogy(x, z)
    assert y.tolist() == [0, 0]
    (y.sum()).backward()
    assert x.grad.tolist() == [0, np.log(2)]
    assert torch.xlogy(torch.tensor([1]), 2).dtype == torch.float32
    assert torch.xlogy(leaf([1.0]), 2.0).grad_fn.name() == "XlogyBackward2"
    assert torch.xlogy(2.0, leaf([1.0])).grad_fn.name() == "XlogyBackward1"


@pytest.mark.parametrize("name", ["gammainc", "gammaincc"])
def test_incomplete_gamma(name):
    f = getattr(torch.special, name)
    a, x = sample(3, low=0.5, high=2.0), sample(3, seed=1)
    np.testing.assert_allclose(f(torch.tensor(a), leaf(x)).detach().numpy(), getattr(special, name)(a, x))
    check(lambda z: f(torch.tensor(a), z), x)
    with pytest.raises(NotImplementedError, match="input' is not implemented"):
        f(leaf(a), leaf(x)).sum().backward()


def test_zeta():
    x = sample(3)
    np.testing.assert_allclose(
        torch.special.zeta(torch.tensor(2.0), leaf(x)).detach().numpy(), special.zeta(2, x)
    )
    check(lambda q: torch.special.zeta(torch.tensor(2.0), q), x)
    with pytest.raises(NotImplementedError, match="special_zeta"):
        torch.special.zeta(leaf([2.0]), leaf([1.0])).sum().backward()


@pytest.mark.parametrize("n", [0, 1, 2, 3])
def test_polygamma(n):
    a = sample(3, low=0.5, high=3.0)
    np.testing.assert_allclose(torch.polygamma(n, leaf(a)).detach().numpy(), special.polygamma(n, a))
    np.testing.assert_allclose(leaf(a).polygamma(n).detach().numpy(), special.polygamma(n, a))
    check(lambda x: torch.polygamma(n, x), a, rtol=1e-4)


def test_polygamma_and_mvlgamma():
    assert torch.polygamma(1, torch.tensor([1.0])).dtype == torch.float32
    with pytest.raises(RuntimeError, match="does not support negative n"):
        torch.polygamma(-1, torch.ones(1))
    a = sample(3, low=2.0, high=4.0)
    for p in (1, 2, 3):
        expected = special.multigammaln(a[0], p), special.multigammaln(a[1], p), special.multigammaln(a[2], p)
        np.testing.assert_allclose(torch.mvlgamma(leaf(a), p).detach().numpy(), expected)
    check(lambda x: torch.special.multigammaln(x, 2), a)
    with pytest.raises(RuntimeError, match="p has to be greater"):
        torch.mvlgamma(torch.ones(1), 0)


def test_other_names():
    x = torch.tensor([0.25])
    pairs = {"expit": "sigmoid", "gammaln": "lgamma", "psi": "digamma", "erf": "erf", "log1p": "log1p"}
    for name, target in pairs.items():
        assert getattr(torch.special, name)(x).tolist() == getattr(torch, target)(x).tolist()
