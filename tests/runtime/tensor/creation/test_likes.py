"""Tensors of one value, of the shape of others, and tensors that share memory."""

from __future__ import annotations

import numpy as np
import pytest
from tensor_checks import torch


def test_full():
    assert torch.full((2,), 1).dtype == torch.int64
    assert torch.full((2,), 1.5).dtype == torch.float32
    assert torch.full((2,), True).dtype == torch.bool
    assert torch.full((1,), 1j).dtype == torch.complex64
    assert torch.full((), 2.0, requires_grad=True).requires_grad
    with pytest.raises(TypeError, match="must be tuple of ints, not int"):
        torch.full(2, 1)


@pytest.mark.parametrize(("name", "value"), [("zeros", 0), ("ones", 1), ("empty", None), ("full", 7)])
def test_like(name, value):
    x = torch.tensor([[1, 2]])
    extra = (7,) if name == "full" else ()
    made = getattr(torch, f"{name}_like")(x, *extra)
    assert made.dtype == torch.int64
    assert made.shape == (1, 2)
    assert value is None or made.tolist() == [[value] * 2]
    made = getattr(torch, f"{name}_like")(x, *extra, dtype=torch.float64, requires_grad=True)
    assert made.dtype == torch.float64
    assert made.requires_grad
    assert made.is_leaf


def test_new():
    x = torch.zeros(2, dtype=torch.int32)
    assert x.new_zeros(2, 2).tolist() == [[0, 0], [0, 0]]
    assert x.new_ones((3,)).dtype == torch.int32
    assert x.new_full((2,), 1.5).tolist() == [1, 1]
    assert x.new_tensor([1, 2]).dtype == torch.int32
    assert x.new_empty(3, dtype=torch.float64).dtype == torch.float64


def test_sharing_memory():
    a = np.zeros(2)
    t = torch.as_tensor(a)
    t[0] = 1.0
    assert a.tolist() == [1.0, 0.0]
    assert torch.as_tensor(t) is t
    assert torch.as_tensor(a, dtype=torch.float32).dtype == torch.float32
    assert torch.as_tensor([1, 2]).dtype == torch.int64
    assert torch.asarray(a).data_ptr() == t.data_ptr()
    assert torch.asarray(a, copy=True).data_ptr() != t.data_ptr()
    with pytest.raises(ValueError, match="alias"):
        torch.asarray([1.0], copy=False)
    assert torch.asarray([1.0], requires_grad=True).requires_grad
    assert torch.scalar_tensor(2).tolist() == 2.0


def test_negative_lengths():
    with pytest.raises(RuntimeError, match="Trying to create tensor with negative dimension -1"):
        torch.empty(2, -1)
