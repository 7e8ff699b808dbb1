"""Products, exponential sums, sums without NaN: values, gradients, zeros, infinities."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import special
from tensor_checks import check, leaf, sample, torch

ZEROS = [
    [1.0, 2.0, 3.0], [1.0, 0.0, 3.0], [0.0, 2.0, 0.0], [0.0, 0.0, 0.0],
]  # fmt: skip


@pytest.mark.parametrize("row", ZEROS)
def test_products_with_zeros(row):
    a = np.stack([row, np.add(row, 1.0)])
    assert torch.prod(leaf(a)).item() == a.prod()
    check(torch.prod, a)
    for dim in (0, 1, -1):
        for keepdim in (False, True):
            np.testing.assert_array_equal(
                torch.prod(leaf(a), dim, keepdim).detach().numpy(), a.prod(dim, keepdims=keepdim)
            )
            check(lambda x, dim=dim, keepdim=keepdim: torch.prod(x, dim, keepdim), a)
    check(lambda x: torch.cumprod(x, 1), a)
    check(lambda x: torch.cumprod(x, 0), a)


def test_products_of_odd_things():
    assert torch.zeros(0).prod().item() == 1
    assert torch.tensor([2, 3], dtype=torch.int8).prod().dtype == torch.int64
    assert torch.tensor([2, 3]).prod(dtype=torch.float64).item() == 6.0
    x = torch.tensor(3.0, requires_grad=True)
    x.prod(0).backward()
    assert x.grad.item() == 1
    with pytest.raises(TypeError, match="dim must be an int"):
        torch.ones(2, 2).prod((0, 1))


@pytest.mark.parametrize("dim", [0, 1, (0, 1), -1])
@pytest.mark.parametrize("keepdim", [False, True])
def test_logsumexp(dim, keepdim):
    a = sample(2, 3)
    made = torch.logsumexp(leaf(a), dim, keepdim)
    np.testing.assert_allclose(made.detach().numpy(), special.logsumexp(a, axis=dim, keepdims=keepdim))
    check(lambda x: torch.logsumexp(x, dim, keepdim), a)


def test_logsumexp_of_extremes():
    assert torch.logsumexp(torch.tensor([1000.0, 1000.0]), 0).item() == pytest.approx(1000.6931)
    assert torch.logsumexp(torch.tensor([-np.inf, -np.inf]), 0).item() == -np.inf
    assert torch.logsumexp(torch.tensor([np.inf, 1.0]), 0).item() == np.inf
    assert torch.logsumexp(torch.tensor([1, 2]), 0).dtype == torch.float32
    assert torch.logsumexp(torch.zeros(0, 2), 0).tolist() == [-np.inf] * 2
    x = leaf([-np.inf, 0.0])
    torch.logsumexp(x, 0).backward()
    assert x.grad.tolist() == [0, 1]


@pytest.mark.parametrize("name", ["nansum", "nanmean"])
@pytest.mark.parametrize("dim", [None, 0, 1, (0, 1)])
def test_without_nan(name, dim):
    a = sample(3, 2)
    a[1, 0] = np.nan
    f = getattr(torch, name)
    np.testing.assert_allclose(f(leaf(a), dim).detach().numpy(), getattr(np, name)(a, axis=dim))
    x = leaf(a)
    f(x, dim).sum().backward()
    assert x.grad.numpy()[1, 0] == 0
    full = sample(3, 2)
    check(lambda v: f(v, dim, keepdim=True), full)


def test_errors():
    with pytest.raises(
        RuntimeError, match="expected input to have floating point or complex dtype but got Long"
    ):
        torch.nanmean(torch.tensor([1, 2]))
    with pytest.raises(RuntimeError, match="complex"):
        torch.nansum(torch.tensor([1j]))
    assert torch.nansum(torch.tensor([1, 2])).dtype == torch.int64
    assert np.isnan(torch.nanmean(torch.tensor([np.nan])).item())


def test_count_nonzero():
    a = torch.tensor([[0, 1], [2, 3]])
    assert torch.count_nonzero(a).item() == 3
    assert torch.count_nonzero(a, 0).tolist() == [1, 2]
    assert torch.count_nonzero(a, (0, 1)).dtype == torch.int64
