"""Writes of whole tensors."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from tensor_checks import check, leaf, sample, torch


def _written(name: str, *wanted: Any) -> Any:
    def f(x: Any, *others: Any) -> Any:
        y = x * x
        part = y[1:]
        getattr(part, name)(*[o * o for o in others], *wanted)
        return y * y + part.sum()

    return f


@pytest.mark.parametrize(
    ("f", "arrays"),
    [
        (_written("copy_"), (sample(3, 2), sample(2, 2, seed=1))),
        (_written("copy_"), (sample(3, 2), sample(2, seed=1))),
        (_written("fill_"), (sample(3, 2), np.array(0.7))),
        (_written("fill_", 3.0), (sample(3, 2),)),
        (_written("zero_"), (sample(3, 2),)),
    ],
)
def test_gradient(f: Any, arrays: Any) -> None:
    check(f, *arrays)


def test_values_and_casts() -> None:
    y = torch.zeros(3, dtype=torch.int32)
    y.copy_(torch.tensor([1.7, 2.0, -1.5]))
    assert y.tolist() == [1, 2, -1]
    assert y.fill_(2.5).tolist() == [2, 2, 2]
    assert torch.zeros(2).copy_(torch.tensor([1j, 2 + 1j])).tolist() == [0.0, 2.0]
    assert y.zero_() is y


@pytest.mark.parametrize(
    ("name", "node"), [("zero_", "ZeroBackward0"), ("fill_", "FillBackward2"), ("copy_", "CopyBackwards")]
)
def test_names(name: str, node: str) -> None:
    y = torch.ones(2, requires_grad=True) * 1
    argument: Any = {"zero_": (), "fill_": (2,), "copy_": (torch.zeros(2),)}[name]
    getattr(y, name)(*argument)
    assert y.grad_fn.name() == node


def test_what_was_overwritten_gets_zero() -> None:
    x = torch.ones(2, requires_grad=True)
    (x * 1).zero_().sum().backward()
    assert x.grad.tolist() == [0.0, 0.0]


def test_errors() -> None:
    y = leaf(sample(3)) * 1
    with pytest.raises(RuntimeError, match="fill_ only supports 0-dimension value tensor"):
        y.fill_(torch.zeros(2))
    with pytest.raises(RuntimeError, match="must match the existing size"):
        y.copy_(torch.zeros(2))
    with pytest.raises(RuntimeError, match="keeps its memory"):
        torch.zeros(3).resize_(5)
    with pytest.raises(RuntimeError, match="cannot resize variables that require grad"):
        y.resize_(5)
    assert y.resize_(3) is y
