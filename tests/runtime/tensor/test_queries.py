"""Questions about dtypes and objects."""

from __future__ import annotations

import pytest
from tensor_checks import torch


@pytest.mark.parametrize(
    ("one", "two", "expected"),
    [
        ("int32", "float32", "float32"), ("int64", "float16", "float16"), ("uint8", "int8", "int16"),
        ("bool", "uint8", "uint8"), ("float32", "float64", "float64"), ("float64", "complex64", "complex128"),
        ("float16", "complex64", "complex64"),
    ],
)  # fmt: skip
def test_promotion(one, two, expected):
    assert torch.promote_types(getattr(torch, one), getattr(torch, two)) is getattr(torch, expected)
    assert torch.promote_types(getattr(torch, two), getattr(torch, one)) is getattr(torch, expected)


def test_result_type():
    assert torch.result_type(torch.tensor([1]), 1.5) is torch.float32
    assert torch.result_type(torch.tensor([1], dtype=torch.int8), 300) is torch.int8
    assert torch.result_type(torch.tensor([1.0], dtype=torch.float16), torch.tensor(1.0)) is torch.float16
    assert torch.result_type(torch.tensor([1]), torch.tensor(1.0, dtype=torch.float64)) is torch.float64


@pytest.mark.parametrize(
    ("one", "two", "expected"),
    [
        ("float32", "int32", False), ("int64", "float16", True), ("float64", "float16", True),
        ("int8", "uint8", True), ("int8", "bool", False), ("complex64", "float32", False),
    ],
)  # fmt: skip
def test_can_cast(one, two, expected):
    assert torch.can_cast(getattr(torch, one), getattr(torch, two)) is expected


def test_objects():
    assert torch.is_tensor(torch.ones(1))
    assert not torch.is_tensor([1])
    assert torch.is_floating_point(torch.ones(1))
    assert torch.is_complex(torch.tensor(1j))
    assert torch.numel(torch.ones(2, 3)) == 6
    assert torch.is_nonzero(torch.ones(1))
    with pytest.raises(RuntimeError, match="Boolean value of Tensor with more than one value is ambiguous"):
        torch.is_nonzero(torch.ones(2))


def test_limits():
    info = torch.finfo(torch.float32)
    assert (info.bits, info.eps, info.tiny) == (32, 2**-23, 2**-126)
    assert torch.finfo().dtype == "float32"
    assert torch.iinfo(torch.int8).min == -128
    assert "max=127" in repr(torch.iinfo(torch.int8))
    assert repr(info).startswith("finfo(resolution=1e-06, min=-3.40282e+38, max=3.40282e+38, eps=1.19209e-07")
    with pytest.raises(TypeError, match="floating point input type"):
        torch.finfo(torch.int8)
    with pytest.raises(TypeError, match="integer input type"):
        torch.iinfo(torch.float32)


def test_there_is_one_layout():
    assert torch.ones(2).layout is torch.strided and repr(torch.strided) == "pullback.strided"
