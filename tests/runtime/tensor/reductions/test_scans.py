"""Running sums, products and extrema; differences and integrals."""

from __future__ import annotations

import numpy as np
import pytest
from tensor_checks import check, leaf, sample, torch

INF, NAN = float("inf"), float("nan")


@pytest.mark.parametrize("name", ["cumsum", "cumprod"])
@pytest.mark.parametrize("dim", [0, 1, -1])
def test_sums_and_products(name, dim):
    a = sample(3, 4)
    f = getattr(torch, name)
    np.testing.assert_allclose(f(leaf(a), dim).detach().numpy(), getattr(np, name)(a, axis=dim))
    assert f(leaf(a), dim).grad_fn.name() == f"{name.title()}Backward0"
    check(lambda x: f(x, dim), a)


def test_dtypes_and_odd_shapes():
    assert torch.tensor([True, True]).cumsum(0).tolist() == [1, 2]
    assert torch.tensor([1, 2], dtype=torch.int8).cumprod(0).dtype == torch.int64
    assert torch.tensor([1, 2]).cumsum(0, dtype=torch.float64).dtype == torch.float64
    assert torch.tensor(2.0).cumsum(0).item() == 2.0
    x = torch.tensor(2.0, requires_grad=True)
    x.cumprod(0).backward()
    assert x.grad.item() == 1
    assert torch.zeros(0, 2).cumsum(0).shape == (0, 2)
    y = torch.tensor([1.0, 2.0])
    assert y.cumsum_(0) is y
    assert y.tolist() == [1, 3]
    with pytest.raises(IndexError, match="Dimension out of range"):
        torch.ones(2).cumsum(2)


@pytest.mark.parametrize("name", ["cummax", "cummin"])
@pytest.mark.parametrize("dim", [0, 1])
def test_extrema(name, dim):
    a = sample(4, 3)
    f = getattr(torch, name)
    best = np.maximum if name == "cummax" else np.minimum
    values, indices = f(leaf(a), dim)
    np.testing.assert_array_equal(values.detach().numpy(), best.accumulate(a, axis=dim))
    np.testing.assert_array_equal(np.take_along_axis(a, indices.numpy(), dim), values.detach().numpy())
    check(lambda x: f(x, dim).values, a)


def test_extrema_seen_last_and_nan():
    x = leaf([1.0, 1.0, 0.0, NAN, -2.0])
    made = torch.cummin(x, 0)
    assert made.indices.tolist() == [0, 1, 2, 3, 3]
    made.values.sum().backward()
    assert x.grad.tolist() == [1, 1, 1, 2, 0]
    assert torch.cummax(torch.tensor([1, 3, 3, 2]), 0).indices.tolist() == [0, 1, 2, 2]
    assert torch.cummax(torch.tensor(3.0), 0).values.item() == 3


@pytest.mark.parametrize("spread", [1.0, 100.0])
@pytest.mark.parametrize("dim", [0, 1])
def test_logcumsumexp(spread, dim):
    a = (sample(3, 4) - 1) * spread
    np.testing.assert_allclose(
        torch.logcumsumexp(leaf(a), dim).detach().numpy(), np.logaddexp.accumulate(a, axis=dim)
    )
    check(lambda x: torch.logcumsumexp(x, dim), a, rtol=1e-4)


def test_logcumsumexp_of_extremes():
    x = leaf([-INF, 1.0, 0.0])
    y = torch.logcumsumexp(x, 0)
    np.testing.assert_allclose(y.detach().numpy(), [-INF, 1, 1 + np.log1p(np.exp(-1))])
    y[1:].sum().backward()
    np.testing.assert_allclose(x.grad.numpy(), [0, 1 + 1 / (1 + np.exp(-1)), 1 / (1 + np.exp(1))])


@pytest.mark.parametrize(("n", "dim"), [(0, 0), (1, -1), (2, 0), (5, 1)])
def test_differences(n, dim):
    a = sample(4, 3)
    np.testing.assert_allclose(torch.diff(leaf(a), n, dim).detach().numpy(), np.diff(a, n, dim), atol=1e-15)
    if n < 3:
        check(lambda x: torch.diff(x, n, dim), a)


def test_differences_with_ends():
    made = torch.diff(torch.tensor([1, 2, 4]), prepend=torch.tensor([0]), append=torch.tensor([9]))
    assert made.tolist() == [1, 1, 2, 5]
    assert torch.diff(torch.tensor([True, False, False])).tolist() == [True, False]
    with pytest.raises(RuntimeError, match="order must be non-negative but got -1"):
        torch.diff(torch.ones(2), -1)
    with pytest.raises(RuntimeError, match="at least one-dimensional"):
        torch.diff(torch.tensor(1.0))


def test_integrals():
    y, x = sample(3, 4), np.array([0.0, 1.0, 1.5, 4.0])
    for f in (torch.trapezoid, torch.trapz):
        np.testing.assert_allclose(f(leaf(y)).detach().numpy(), np.trapezoid(y))
        np.testing.assert_allclose(f(leaf(y), dx=2.0).detach().numpy(), np.trapezoid(y, dx=2.0))
        np.testing.assert_allclose(f(leaf(y), leaf(x)).detach().numpy(), np.trapezoid(y, x))
    np.testing.assert_allclose(torch.trapezoid(leaf(y), dim=0).detach().numpy(), np.trapezoid(y, axis=0))
    check(torch.trapezoid, y, x)
    running = torch.cumulative_trapezoid(leaf(y), leaf(x))
    np.testing.assert_allclose(running[:, -1].detach().numpy(), np.trapezoid(y, x))
    check(torch.cumulative_trapezoid, y, x)
    with pytest.raises(RuntimeError, match="one `x` value for each sample point"):
        torch.trapezoid(torch.ones(3), torch.ones(2))
