"""Places of numbers in sorted sequences."""

from __future__ import annotations

import pytest
from tensor_checks import torch


def test_sorted_rows() -> None:
    edges = torch.tensor([1.0, 2.0, 2.0, 5.0])
    values = torch.tensor([[0.0, 2.0], [5.0, 9.0]])
    assert torch.searchsorted(edges, values).tolist() == [[0, 1], [3, 4]]
    assert torch.searchsorted(edges, values, right=True).tolist() == [[0, 3], [4, 4]]
    assert torch.searchsorted(edges, 2.0, side="right").item() == 3
    assert torch.bucketize(values, edges, out_int32=True).dtype is torch.int32
    rows = torch.tensor([[1.0, 3.0], [6.0, 2.0]])
    order = torch.tensor([[0, 1], [1, 0]])
    assert torch.searchsorted(rows, values, sorter=order).tolist() == [[0, 1], [1, 2]]


def test_sides_that_contradict_are_refused() -> None:
    with pytest.raises(RuntimeError, match="can't be set to opposites"):
        torch.searchsorted(torch.ones(2), 1.0, right=True, side="left")
