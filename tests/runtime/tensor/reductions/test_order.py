"""Medians, modes, quantiles, histograms."""

from __future__ import annotations

import numpy as np
import pytest
from tensor_checks import check, leaf, sample, torch

NAN = float("nan")


@pytest.mark.parametrize("name", ["median", "nanmedian"])
@pytest.mark.parametrize("dim", [None, 0, 1])
def test_medians(name, dim):
    a = sample(3, 5)
    f = getattr(torch, name)
    expected = np.median(a, axis=dim)
    if dim is None:
        assert f(leaf(a)).item() == expected
        check(f, a)
    else:
        values, indices = f(leaf(a), dim)
        np.testing.assert_array_equal(values.detach().numpy(), expected)
        assert indices.dtype == torch.int64
        check(lambda x: f(x, dim).values, a)


def test_medians_of_even_counts_and_nan():
    assert torch.median(torch.tensor([1, 4, 2, 3])).item() == 2
    assert np.isnan(torch.median(torch.tensor([1.0, NAN, 2.0])).item())
    assert torch.nanmedian(torch.tensor([1.0, NAN, 2.0])).item() == 1
    assert np.isnan(torch.nanmedian(torch.tensor([NAN, NAN])).item())
    assert torch.median(torch.tensor([1.0, 1.0, NAN, NAN]), 0).indices.item() == 2
    assert np.isnan(torch.tensor([]).median().item())
    with pytest.raises(IndexError, match="Expected reduction dim 0 to have non-zero size"):
        torch.tensor([]).median(0)
    x = leaf([1.0, 1.0, 0.0, 2.0])
    torch.median(x).backward()
    assert x.grad.tolist() == [0.5, 0.5, 0, 0]
    assert torch.median(torch.tensor(2.0), 0).indices.item() == 0


def test_modes():
    made = torch.mode(torch.tensor([[2, 1, 2, 1], [4, 3, 5, 4]]))
    assert made.values.tolist() == [1, 4]
    assert made.indices.tolist() == [3, 3]
    x = leaf([2.0, 1.0, 2.0, 1.0])
    torch.mode(x, 0).values.backward()
    assert x.grad.tolist() == [0, 0, 0, 1]


@pytest.mark.parametrize("interpolation", ["linear", "lower", "higher", "midpoint", "nearest"])
@pytest.mark.parametrize("dim", [None, 0, 1])
def test_quantiles(interpolation, dim):
    a = sample(4, 5)
    for q in (0.0, 0.37, 0.5, 1.0):
        made = torch.quantile(leaf(a), q, dim, interpolation=interpolation)
        np.testing.assert_allclose(made.detach().numpy(), np.quantile(a, q, axis=dim, method=interpolation))
    check(lambda x: torch.quantile(x, 0.37, dim, interpolation=interpolation), a)


def test_several_quantiles_and_nan():
    a = sample(4, 5)
    q = np.array([0.1, 0.9])
    made = torch.quantile(leaf(a), torch.tensor(q), 1, keepdim=True)
    np.testing.assert_allclose(made.detach().numpy(), np.quantile(a, q, axis=1, keepdims=True))
    check(lambda x: torch.quantile(x, torch.tensor(q), 0), a)
    a[1, 2] = NAN
    assert np.isnan(torch.quantile(torch.tensor(a), 0.5, 1).numpy()).tolist() == [False, True, False, False]
    np.testing.assert_allclose(
        torch.nanquantile(torch.tensor(a), 0.4, 1).numpy(), np.nanquantile(a, 0.4, axis=1)
    )
    np.testing.assert_allclose(torch.nanquantile(torch.tensor(a), 0.4).item(), np.nanquantile(a, 0.4))


@pytest.mark.parametrize(
    ("f", "message"),
    [
        (
            lambda: torch.quantile(torch.tensor([1, 2]), 0.5),
            "input tensor must be either float or double dtype",
        ),
        (lambda: torch.quantile(torch.ones(2), 1.5), r"q must be in the range \[0, 1\] but got 1.5"),
        (lambda: torch.quantile(torch.ones(0), 0.5), "must be non-empty"),
        (lambda: torch.quantile(torch.ones(2), torch.ones(2, 2)), "q must be a scalar or 1D tensor"),
        (lambda: torch.quantile(torch.ones(2), 0.5, interpolation="x"), "interpolation must be one of"),
        (
            lambda: torch.bincount(torch.tensor([-1])),
            "bincount only supports 1-d non-negative integral inputs",
        ),
        (lambda: torch.bincount(torch.tensor([1]), torch.ones(2)), "weights should be 1-d"),
        (lambda: torch.histc(torch.ones(2), 0), "bins must be > 0"),
        (lambda: torch.histc(torch.ones(2), 2, 3, 1), "max must be larger than min"),
        (lambda: torch.histc(torch.tensor([NAN, 1.0]), 2), "is not finite"),
    ],
)
def test_errors(f, message):
    with pytest.raises(RuntimeError, match=message):
        f()


def test_histograms():
    assert torch.histc(torch.tensor([1.0, 2.0, 1.0]), 4, 0, 3).tolist() == [0, 2, 1, 0]
    assert torch.histc(torch.tensor([1.0, 2.0]), 3).tolist() == [1, 0, 1]
    assert torch.histc(torch.tensor([5.0, 5.0]), 2).tolist() == [0, 2]
    a = sample(100)
    np.testing.assert_array_equal(
        torch.histc(torch.tensor(a), 7, 0.5, 1.5).numpy(), np.histogram(a, 7, (0.5, 1.5))[0]
    )
    assert torch.bincount(torch.tensor([1, 1, 3])).tolist() == [0, 2, 0, 1]
    made = torch.bincount(torch.tensor([1, 1, 3]), torch.tensor([1.0, 2.0, 3.0]), minlength=6)
    assert (made.tolist(), made.dtype) == ([0, 3, 0, 3, 0, 0], torch.float32)


def test_the_mode_of_no_lanes():
    values, indices = torch.mode(torch.zeros(0, 3), 1)
    assert values.shape == indices.shape == (0,)
