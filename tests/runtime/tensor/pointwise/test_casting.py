"""Conversions to another dtype."""

from __future__ import annotations

from typing import Any

import pytest
from tensor_checks import torch


@pytest.mark.parametrize(
    ("call", "name"),
    [
        (lambda x: x.to(torch.float64), "float64"),
        (lambda x: x.to(dtype=torch.float64), "float64"),
        (lambda x: x.to("cpu", torch.float64), "float64"),
        (lambda x: x.to(torch.zeros(1, dtype=torch.float64)), "float64"),
        (lambda x: x.double(), "float64"),
        (lambda x: x.half(), "float16"),
        (lambda x: x.type(torch.float64), "float64"),
        (lambda x: x.type("torch.DoubleTensor"), "float64"),
        (lambda x: x.type_as(torch.zeros(1, dtype=torch.float64)), "float64"),
        (lambda x: x.cfloat(), "complex64"),
        (lambda x: x.to(torch.float32, copy=True), "float32"),
    ],
)
def test_gradients_are_cast_back(call: Any, name: str) -> None:
    x = torch.tensor([1.5, -2.0], requires_grad=True)
    y = call(x)
    assert y.dtype.name == name
    assert y.grad_fn.name() == "ToCopyBackward0"
    y.backward(torch.ones(2).to(y.dtype))
    assert x.grad.dtype is torch.float32
    assert x.grad.tolist() == [1.0, 1.0]


def test_integers_have_no_history() -> None:
    x = torch.tensor([1.7, -2.7], requires_grad=True)
    for call, expected in ((x.long, [1, -2]), (x.int, [1, -2]), (x.bool, [True, True]), (x.short, [1, -2])):
        y = call()
        assert not y.requires_grad
        assert y.tolist() == expected


def test_the_same_dtype_is_the_same_tensor() -> None:
    x = torch.ones(2)
    assert x.to(torch.float32) is x and x.float() is x and x.to("cpu") is x
    assert x.to(torch.float32, copy=True) is not x
    assert x.type() == "torch.FloatTensor"


def test_errors() -> None:
    with pytest.raises(RuntimeError, match="no device 'cuda'"):
        torch.ones(1).to("cuda")
    with pytest.raises(TypeError, match="unexpected keyword"):
        torch.ones(1).to(dtpye=torch.float64)
