"""Evenly spaced numbers and tensors of indices."""

from __future__ import annotations

import math

import numpy as np
import pytest
from tensor_checks import check, leaf, sample, torch


@pytest.mark.parametrize(
    ("args", "expected", "dtype"),
    [
        ((3,), [0, 1, 2], "int64"),
        ((1, 4), [1, 2, 3], "int64"),
        ((5, 0, -2), [5, 3, 1], "int64"),
        ((1, 2.5, 0.5), [1, 1.5, 2], "float32"),
        ((3.0,), [0, 1, 2], "float32"),
        ((0,), [], "int64"),
    ],
)
def test_arange(args, expected, dtype):
    made = torch.arange(*args)
    assert made.tolist() == expected
    assert made.dtype == getattr(torch, dtype)


def test_arange_by_name_and_tensors():
    assert torch.arange(start=1, end=3).tolist() == [1, 2]
    assert torch.arange(2, step=1, dtype=torch.float64).tolist() == [0.0, 1.0]
    assert torch.arange(torch.tensor(3)).tolist() == [0, 1, 2]
    assert torch.arange(1, 3, requires_grad=True, dtype=torch.float32).requires_grad
    with pytest.raises(RuntimeError, match="step must be nonzero"):
        torch.arange(0, 1, 0)
    with pytest.raises(RuntimeError, match="upper bound and lower bound inconsistent with step sign"):
        torch.arange(5, 0)
    with pytest.raises(TypeError, match="end"):
        torch.arange()


def test_linspace_counts_from_both_ends_with_one_rounding():
    # The float32 numbers that PyTorch gives.
    made = torch.linspace(0.0, 2.0 * math.pi, steps=25)
    bits = made.numpy().view(np.uint32)
    expected = [
        0x00000000, 0x3E860A92, 0x3F060A92, 0x3F490FDB, 0x3F860A92, 0x3FA78D36, 0x3FC90FDB, 0x3FEA9280,
        0x40060A92, 0x4016CBE4, 0x40278D36, 0x40384E89, 0x40490FDB, 0x4059D12D, 0x406A9280, 0x407B53D2,
        0x40860A92, 0x408E6B3B, 0x4096CBE4, 0x409F2C8D, 0x40A78D36, 0x40AFEDE0, 0x40B84E89, 0x40C0AF32,
        0x40C90FDB,
    ]  # fmt: skip
    assert [hex(b) for b in bits] == [hex(b) for b in expected]


def test_linspace():
    assert torch.linspace(0, 1, 1).tolist() == [0.0]
    assert torch.linspace(0, 1, 0).tolist() == []
    assert torch.linspace(0, 10, 4, dtype=torch.int64).tolist() == [0, 3, 6, 10]
    np.testing.assert_allclose(torch.linspace(-3, 8, 17, dtype=torch.float64).numpy(), np.linspace(-3, 8, 17))
    made = torch.linspace(0, 1 + 1j, 3)
    assert made.tolist() == [0, 0.5 + 0.5j, 1 + 1j]
    with pytest.raises(RuntimeError, match="number of steps must be non-negative"):
        torch.linspace(0, 1, -1)


def test_logspace_and_eye():
    assert torch.logspace(0, 2, 3).tolist() == [1, 10, 100]
    assert torch.logspace(0, 3, 4, base=2).tolist() == [1, 2, 4, 8]
    assert torch.eye(2, 3).tolist() == [[1, 0, 0], [0, 1, 0]]
    assert torch.eye(0).shape == (0, 0)
    with pytest.raises(RuntimeError, match="n must be greater or equal to 0, got -1"):
        torch.eye(-1)


def test_indices_of_triangles():
    for row, col, offset in ((3, 3, 0), (2, 4, 1), (4, 2, -1), (0, 3, 0)):
        for name in ("tril_indices", "triu_indices"):
            expected = np.stack(getattr(np, name)(row, offset, col))
            np.testing.assert_array_equal(getattr(torch, name)(row, col, offset).numpy(), expected)


def test_choices():
    a, b = sample(2), sample(3)
    made = torch.cartesian_prod(leaf(a), leaf(b)).detach().numpy()
    np.testing.assert_array_equal(made, [[x, z] for x in a for z in b])
    assert torch.combinations(torch.tensor([1, 2, 3])).tolist() == [[1, 2], [1, 3], [2, 3]]
    assert torch.combinations(torch.tensor([1, 2]), with_replacement=True).tolist() == [
        [1, 1],
        [1, 2],
        [2, 2],
    ]


def test_gradients_of_choices():
    check(torch.cartesian_prod, sample(2), sample(3))
    check(torch.combinations, sample(3))
