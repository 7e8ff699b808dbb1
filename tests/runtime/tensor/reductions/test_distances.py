"""Distances of all pairs of rows: values, gradients, equal rows, errors."""

from __future__ import annotations

import numpy as np
import pytest
from pullback.runtime.tensor.reductions import distances
from tensor_checks import check, leaf, sample, torch

ORDERS = [0, 0.5, 1, 1.5, 2, 3, np.inf]


@pytest.mark.parametrize("p", ORDERS)
def test_pairs_of_two_matrices(p):
    a, b = sample(2, 3, 4), sample(5, 4, seed=1)
    steps = np.abs(a[:, :, None] - b)
    expected = np.linalg.norm(steps, p, axis=-1) if p != 0.5 else np.sum(steps**0.5, -1) ** 2
    np.testing.assert_allclose(torch.cdist(leaf(a), leaf(b), p).detach().numpy(), expected, rtol=1e-12)
    check(lambda x, z: torch.cdist(x, z, p), a, b)


@pytest.mark.parametrize("p", ORDERS)
def test_pairs_of_one_matrix(p):
    a = sample(4, 3)
    one, two = np.triu_indices(4, 1)
    expected = torch.cdist(leaf(a), leaf(a), p).detach().numpy()[one, two]
    np.testing.assert_array_equal(torch.pdist(leaf(a), p).detach().numpy(), expected)
    check(lambda x: torch.pdist(x, p), a)


@pytest.mark.parametrize("p", ORDERS)
def test_equal_rows_pull_at_nothing(p):
    x = leaf([[1.0, 2.0], [1.0, 2.0]])
    torch.cdist(x, x.detach(), p).sum().backward()
    assert x.grad.tolist() == [[0, 0], [0, 0]]


def test_blocks(monkeypatch):
    a, b, g = sample(7, 3), sample(4, 3, seed=1), sample(7, 4, seed=2)
    found = []
    for size in (1, 30, 1 << 20):
        monkeypatch.setattr(distances, "_BLOCK", size)
        x, z = leaf(a), leaf(b)
        torch.cdist(x, z).backward(torch.tensor(g))
        found.append(np.concatenate([x.grad.numpy(), z.grad.numpy()]))
    np.testing.assert_allclose(found[0], found[2], rtol=1e-12)
    np.testing.assert_allclose(found[1], found[2], rtol=1e-12)


def test_far_from_the_origin_no_digits_are_lost():
    x = torch.tensor([[1e4, 1e4]], requires_grad=True)
    d = torch.cdist(x, torch.tensor([[1e4 + 0.5, 1e4]]))
    d.backward()
    assert d.item() == 0.5
    assert x.grad.tolist() == [[-1, 0]]


@pytest.mark.parametrize("shapes", [((0, 2), (3, 2)), ((2, 0), (3, 0)), ((0, 0), (0, 0))])
def test_nothing(shapes):
    x, z = (leaf(np.zeros(shape)) for shape in shapes)
    made = torch.cdist(x, z)
    assert made.tolist() == np.zeros((shapes[0][0], shapes[1][0])).tolist()
    made.sum().backward()
    assert x.grad.shape == shapes[0]
    assert torch.pdist(torch.ones(1, 2)).shape == (0,)


@pytest.mark.parametrize(
    ("f", "message"),
    [
        (lambda: torch.cdist(torch.ones(2, 3), torch.ones(2, 2)), "same number of columns. X1: 3 X2: 2"),
        (lambda: torch.cdist(torch.ones(2), torch.ones(2, 2)), "at least 2D tensors, X1 got: 1D"),
        (lambda: torch.cdist(torch.ones(2, 2), torch.ones(2, 2), p=-1), "non-negative p values"),
        (lambda: torch.cdist(torch.tensor([[1]]), torch.ones(1, 1)), "floating-point dtypes, X1 got: Long"),
        (lambda: torch.pdist(torch.ones(2)), "pdist only supports 2D tensors, got: 1D"),
        (lambda: torch.pdist(torch.tensor([[1]])), "pdist only supports floating-point dtypes"),
        (lambda: torch.pdist(torch.ones(3, 2), p=-1.0), "pdist only supports non-negative p values"),
    ],
)
def test_errors(f, message):
    with pytest.raises(RuntimeError, match=message):
        f()
    with pytest.raises(ValueError, match="not a valid value for compute_mode"):
        torch.cdist(torch.ones(1, 1), torch.ones(1, 1), compute_mode="slow")
