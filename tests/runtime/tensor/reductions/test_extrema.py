"""Largest and smallest elements: values, indices, shares of ties, names of nodes, errors."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
from tensor_checks import check, leaf, sample, torch


@pytest.mark.parametrize("name", ["max", "min"])
@pytest.mark.parametrize("dim", [None, 0, 1, -1])
@pytest.mark.parametrize("keepdim", [False, True])
def test_value_and_gradient(name, dim, keepdim):
    a = sample(3, 4)
    f = getattr(torch, name)
    if dim is None:
        made = f(leaf(a))
        assert made.item() == getattr(a, name)()
        assert made.grad_fn.name() == f"{name.title()}Backward1"
        check(f, a)
        return
    values, indices = f(leaf(a), dim, keepdim)
    np.testing.assert_array_equal(values.detach().numpy(), getattr(a, name)(axis=dim, keepdims=keepdim))
    np.testing.assert_array_equal(indices.numpy(), getattr(np, f"arg{name}")(a, axis=dim, keepdims=keepdim))
    assert values.grad_fn.name() == f"{name.title()}Backward0"
    assert not indices.requires_grad
    check(lambda x: f(x, dim, keepdim=keepdim).values, a)


@pytest.mark.parametrize("name", ["amax", "amin"])
@pytest.mark.parametrize("dim", [(), 0, (0, 2), -1])
def test_amax(name, dim):
    a = sample(2, 3, 4)
    f = getattr(torch, name)
    expected = getattr(np, name)(a, axis=None if dim == () else dim)
    np.testing.assert_array_equal(f(leaf(a), dim).detach().numpy(), expected)
    check(lambda x: f(x, dim, keepdim=True), a)
    check(lambda x: f(x, dim), a)


@pytest.mark.parametrize("dim", [None, 0, -1])
def test_aminmax(dim):
    a = sample(3, 4)
    low, high = torch.aminmax(leaf(a), dim=dim)
    np.testing.assert_array_equal(low.detach().numpy(), a.min(axis=dim))
    np.testing.assert_array_equal(high.detach().numpy(), a.max(axis=dim))
    check(lambda x: torch.aminmax(x, dim=dim), a)


def test_ties():
    a = [[1.0, 3.0, 3.0], [3.0, 0.0, 0.0]]
    x = leaf(a)
    x.max().backward()
    assert x.grad.tolist() == [[0, 1 / 3, 1 / 3], [1 / 3, 0, 0]]
    x = leaf(a)
    x.max(1).values.sum().backward()
    assert x.grad.tolist() == [[0, 1, 0], [1, 0, 0]]
    x = leaf(a)
    x.amax(1).sum().backward()
    assert x.grad.tolist() == [[0, 0.5, 0.5], [1, 0, 0]]


def test_nan_is_the_largest_and_gets_the_gradient():
    x = leaf([1.0, np.nan, 3.0])
    y = x.max()
    assert np.isnan(y.item())
    y.backward()
    assert x.grad.tolist() == [0, 1, 0]
    assert torch.argmax(x).item() == 1
    assert torch.max(x, 0).indices.item() == 1


def test_pointwise_and_out():
    a, b = torch.tensor([1, 5]), torch.tensor([3, 2])
    assert torch.max(a, b).tolist() == [3, 5]
    assert torch.min(a, other=b).tolist() == [1, 2]
    values, indices = torch.empty(0), torch.empty(0, dtype=torch.int64)
    torch.max(torch.tensor([[1.0, 2.0]]), 1, out=(values, indices))
    assert (values.tolist(), indices.tolist()) == ([2.0], [1])


def test_named_tuples():
    made = torch.max(torch.tensor([[1.0, 2.0]]), 1)
    assert repr(made) == "torch.return_types.max(\nvalues=tensor([2.]),\nindices=tensor([1]))"
    assert type(pickle.loads(pickle.dumps(made))) is type(made)


def test_without_axes():
    made = torch.max(torch.tensor(3.0, requires_grad=True), 0)
    assert (made.values.item(), made.indices.item()) == (3.0, 0)
    made.values.backward()
    assert torch.tensor(3.0).amax(-1).item() == 3.0
    assert torch.argmax(torch.tensor(1.0), 0).item() == 0
    with pytest.raises(IndexError, match="Dimension out of range"):
        torch.max(torch.tensor(3.0), 1)


def test_nothing_to_choose_from():
    empty = torch.zeros(0, 3)
    with pytest.raises(
        RuntimeError, match=r"max\(\): Expected reduction dim to be specified for input.numel\(\) == 0"
    ):
        torch.max(empty)
    with pytest.raises(IndexError, match="Expected reduction dim 0 to have non-zero size"):
        torch.max(empty, 0)
    with pytest.raises(RuntimeError, match=r"amax\(\): Expected reduction dim to be specified"):
        torch.amax(empty)
    with pytest.raises(RuntimeError, match="cannot compute aminmax over an empty dimension"):
        torch.aminmax(empty)
    with pytest.raises(IndexError):
        torch.argmax(empty)
    assert torch.max(empty, 1).values.shape == (0,)


def test_all_and_any():
    a = torch.tensor([[True, False], [True, True]])
    assert torch.all(a, 1).tolist() == [False, True]
    assert torch.any(a, (0, 1)).item() is True
    assert a.all().item() is False
    assert torch.all(torch.zeros(0)).item() is True
    assert torch.any(torch.zeros(0, 2), 0).tolist() == [False, False]
    assert torch.any(torch.tensor([0, 2], dtype=torch.uint8)).dtype == torch.uint8
    assert a.all(dim=1, keepdim=True).shape == (2, 1)


def test_argmax():
    a = torch.tensor([[1, 5, 5], [7, 2, 7]])
    assert torch.argmax(a).item() == 3
    assert torch.argmax(a, 1).tolist() == [1, 0]
    assert torch.argmin(a, 0, keepdim=True).tolist() == [[0, 1, 0]]
    with pytest.raises(RuntimeError, match="does not support bool input"):
        torch.argmax(a > 1)


@pytest.mark.parametrize(
    "name", ["max", "min", "amax", "amin", "argmax", "argmin", "median", "cummax", "mode"]
)
def test_complex_numbers_have_no_order(name):
    with pytest.raises((RuntimeError, NotImplementedError), match=r"complex input|for 'ComplexFloat'"):
        getattr(torch, name)(torch.tensor([1j, 2.0]), 0)


@pytest.mark.parametrize("name", ["argmax", "argmin", "median", "cummax", "mode", "cumsum", "logcumsumexp"])
def test_one_axis_at_a_time(name):
    with pytest.raises(TypeError, match=r"argument 'dim' \(position 2\) must be int, not tuple"):
        getattr(torch, name)(torch.ones(2, 2), (0, 1))
