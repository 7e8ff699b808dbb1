"""Copies by the module `copy`."""

from __future__ import annotations

import copy

import numpy as np
import pytest
from tensor_checks import leaf, torch


def test_what_shares_memory_still_does():
    a = torch.arange(6.0)
    made = copy.deepcopy({"a": a, "part": a[1:3], "turned": a.view(2, 3).t()})
    made["a"][1] = 9
    assert made["part"].tolist() == [9, 2]
    assert made["turned"].tolist() == [[0, 3], [9, 4], [2, 5]]
    assert a.tolist() == [0, 1, 2, 3, 4, 5]


def test_parts_alone():
    for part in (torch.arange(6.0)[1:5:2], torch.ones(2, 3).t(), torch.ones(1).expand(3), torch.zeros(0, 3)):
        made = copy.deepcopy(part)
        assert made.tolist() == part.tolist() and made.stride() == part.stride()
        assert not np.shares_memory(made.numpy(), part.numpy()) or not part.numel()


def test_leaves_keep_their_gradient_and_others_are_refused():
    x = leaf([1.0, 2.0])
    (x * x).sum().backward()
    made = copy.deepcopy([x, x])
    assert made[0] is made[1] and made[0].requires_grad
    assert made[0].grad.tolist() == [2, 4] and made[0].grad is not x.grad
    with pytest.raises(RuntimeError, match="Only Tensors created explicitly by the user"):
        copy.deepcopy(x * 2)


def test_a_shallow_copy_is_another_tensor_with_the_same_memory():
    x = leaf([1.0, 2.0])
    made = copy.copy(x)
    assert made is not x and made.requires_grad and made.is_leaf
    with_writes = copy.copy(x.detach())
    with_writes[0] = 7
    assert x.tolist() == [7, 2]


def test_a_write_to_a_shallow_copy_is_noticed():
    x = torch.ones(2)
    y = leaf([1.0, 2.0]) * x
    copy.copy(x).mul_(2)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        y.sum().backward()
