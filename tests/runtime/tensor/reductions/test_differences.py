"""`gradient`: the same as NumPy's."""

from __future__ import annotations

import numpy as np
import pytest
from tensor_checks import check, leaf, sample, torch

A = sample(4, 5)
PLACES = [np.array([0.0, 1.0, 3.0, 3.5]), np.array([0.0, 0.5, 2.0, 2.5, 4.0])]


@pytest.mark.parametrize("order", [1, 2])
@pytest.mark.parametrize(
    ("spacing", "dim"), [(1, None), (0.5, None), ([2, 0.5], None), (3, 1), (2.0, (0,)), (1, (1, 0)), (1, -1)]
)
def test_evenly_spaced(order, spacing, dim):
    def f(x):
        return torch.gradient(x, spacing=spacing, dim=dim, edge_order=order)

    steps = spacing if isinstance(spacing, list) else [spacing]
    expected = np.gradient(A, *steps, axis=dim, edge_order=order)
    expected = [expected] if isinstance(expected, np.ndarray) else expected
    for one, two in zip(f(leaf(A)), expected, strict=True):
        np.testing.assert_allclose(one.detach().numpy(), two, rtol=1e-12)
    check(f, A)


@pytest.mark.parametrize("order", [1, 2])
def test_at_places(order):
    def f(x, *places):
        return torch.gradient(x, spacing=places, edge_order=order)

    expected = np.gradient(A, *PLACES, edge_order=order)
    for one, two in zip(f(leaf(A), *map(leaf, PLACES)), expected, strict=True):
        np.testing.assert_allclose(one.detach().numpy(), two, rtol=1e-12)
    check(f, A, *PLACES)


def test_numbers_and_integers():
    assert torch.gradient(torch.tensor(1.0)) == ()
    assert torch.gradient(torch.arange(4))[0].tolist() == [1, 1, 1, 1]
    assert torch.gradient(torch.tensor([1.0, 3.0]), spacing=torch.tensor(2.0))[0].tolist() == [1, 1]


@pytest.mark.parametrize(
    ("arguments", "kind", "message"),
    [
        ({"dim": 5}, IndexError, "Dimension out of range"),
        ({"dim": (0, 0)}, RuntimeError, "dim 0 appears multiple times"),
        ({"edge_order": 3}, RuntimeError, "only supports edge_order=1 and edge_order=2"),
        ({"spacing": (1.0, 2.0, 3.0)}, RuntimeError, "but got a list of length 3"),
        ({"spacing": torch.tensor([0.0, 1.0])}, TypeError, "invalid combination of arguments"),
    ],
)
def test_errors(arguments, kind, message):
    with pytest.raises(kind, match=message):
        torch.gradient(leaf(A), **arguments)
    with pytest.raises(RuntimeError, match=r"at least edge_order\+1"):
        torch.gradient(torch.ones(1))
    with pytest.raises(RuntimeError, match="uint8"):
        torch.gradient(torch.tensor([1, 2], dtype=torch.uint8))
