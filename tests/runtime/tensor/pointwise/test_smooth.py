"""Special functions of one number: values as SciPy's, gradients, double backward, limits."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import special
from tensor_checks import check, leaf, sample, torch

TABLE = {
    "logit": special.logit, "sinc": np.sinc, "erfinv": special.erfinv, "i0": special.i0,
    "erf": special.erf, "erfc": special.erfc, "lgamma": special.gammaln, "digamma": special.digamma,
    "deg2rad": np.deg2rad, "rad2deg": np.rad2deg, "special.i0e": special.i0e, "special.i1": special.i1,
    "special.i1e": special.i1e, "special.erfcx": special.erfcx, "special.ndtr": special.ndtr,
    "special.ndtri": special.ndtri, "special.log_ndtr": special.log_ndtr, "special.entr": special.entr,
    "special.bessel_j0": special.j0, "special.bessel_j1": special.j1, "special.bessel_y0": special.y0,
    "special.bessel_y1": special.y1,
}  # fmt: skip


def named(name):
    space, _, short = name.rpartition(".")
    return getattr(torch.special if space else torch, short)


@pytest.mark.parametrize("name", TABLE)
def test_value_and_gradient(name):
    f = named(name)
    for a in (sample(3, 2, low=0.2, high=0.8), sample(4, low=0.2, high=0.8)[::2]):
        made = f(leaf(a))
        np.testing.assert_allclose(made.detach().numpy(), TABLE[name](a), rtol=1e-12)
        check(f, a, rtol=1e-4)
    if name not in (
        "logit",
        "erfinv",
        "special.ndtri",
        "special.entr",
        "special.bessel_y0",
        "special.bessel_y1",
    ):
        check(f, np.array([-3.1, -0.7, 0.9, 2.4]), rtol=1e-4)


@pytest.mark.parametrize("name", TABLE)
def test_dtypes(name):
    f = named(name)
    assert f(torch.tensor([0.5])).dtype == torch.float32
    assert f(torch.tensor([0.5], dtype=torch.float16)).dtype == torch.float16
    assert f(torch.tensor([1])).dtype == torch.float32
    assert f(torch.tensor(0.5)).shape == ()
    assert f(torch.zeros(0)).shape == (0,)


def slope_at(f, value):
    x = leaf(value)
    f(x).backward()
    return x.grad.item()


def test_limits():
    assert slope_at(torch.sinc, 0.0) == 0
    assert slope_at(torch.special.i1, 0.0) == 0.5
    assert slope_at(torch.special.i1e, 0.0) == 0.5
    assert slope_at(torch.i0, 0.0) == 0
    assert slope_at(torch.special.bessel_j1, 0.0) == 0.5
    assert slope_at(torch.special.log_ndtr, -40.0) == pytest.approx(40.02, rel=1e-3)
    assert slope_at(torch.logit, 0.0) == np.inf
    assert np.isnan(slope_at(torch.logit, 2.0))


def test_logit_of_an_interval():
    x = leaf([0.3, 0.0, 0.05, 1.0])
    y = torch.logit(x, 0.1)
    np.testing.assert_allclose(y.detach().numpy(), special.logit([0.3, 0.1, 0.1, 0.9]))
    y.sum().backward()
    np.testing.assert_allclose(x.grad.numpy(), [1 / 0.21, 0, 0, 0])


def test_in_place_and_complex():
    x = torch.tensor([0.5])
    assert x.logit_() is x
    assert x.item() == 0
    with pytest.raises(NotImplementedError):
        torch.special.i1(torch.tensor([1j]))
