"""Comparisons and logic."""

from __future__ import annotations

import operator

import numpy as np
import pytest
from tensor_checks import torch


@pytest.mark.parametrize("name", ["eq", "ne", "lt", "le", "gt", "ge"])
def test_comparisons(name):
    a, b = np.array([1.0, 2.0, np.nan]), np.array([2.0, 2.0, np.nan])
    expected = getattr(operator, name)(a, b)
    x, z = torch.tensor(a), torch.tensor(b)
    for made in (getattr(torch, name)(x, z), getattr(operator, name)(x, z), getattr(x, name)(z)):
        assert made.dtype == torch.bool
        np.testing.assert_array_equal(made.numpy(), expected)
    np.testing.assert_array_equal(getattr(operator, name)(x, 2).numpy(), getattr(operator, name)(a, 2))
    np.testing.assert_array_equal(getattr(operator, name)(torch.tensor([1]), torch.tensor([1.5])).numpy(),
                                  getattr(operator, name)(np.array([1]), 1.5))  # fmt: skip


@pytest.mark.parametrize("name", ["and_", "or_", "xor", "lshift", "rshift"])
def test_bits(name):
    a, b = np.array([6, 1]), np.array([3, 2])
    made = getattr(operator, name)(torch.tensor(a), torch.tensor(b))
    np.testing.assert_array_equal(made.numpy(), getattr(operator, name)(a, b))


def test_logic_and_in_place():
    x, z = torch.tensor([True, False]), torch.tensor([1, 1])
    assert torch.logical_and(x, z).tolist() == [True, False]
    assert torch.logical_xor(x, z).tolist() == [False, True]
    x &= torch.tensor([False, True])
    assert x.tolist() == [False, False]


def test_errors():
    with pytest.raises(NotImplementedError, match="bitwise_and_cpu"):
        torch.tensor([1.0]) & torch.tensor([1.0])
    with pytest.raises(NotImplementedError, match="lt_cpu"):
        torch.lt(torch.tensor([1j]), torch.tensor([1.0]))
    with pytest.raises(TypeError):
        operator.lt(torch.tensor([1]), "a")
    with pytest.raises(RuntimeError, match="must match the size of tensor b"):
        torch.eq(torch.ones(2), torch.ones(3))
    assert (torch.tensor([1]) == None) is False  # noqa: E711


def test_a_comparison_in_place_with_a_tensor_that_requires_a_gradient():
    y = torch.tensor([1.0, 2.0])
    z = torch.tensor([1.0, 3.0], requires_grad=True)
    y.eq_(z)
    assert y.tolist() == [1.0, 0.0]
    assert y.grad_fn.name() == "EqBackward1"
    y.sum().backward()
    assert z.grad.tolist() == [0.0, 0.0]
