"""Least squares, pseudoinverses, ranks and condition numbers."""

from __future__ import annotations

import numpy as np
import pytest
from tensor_checks import check, leaf, sample, torch


@pytest.mark.parametrize("shape", [(3, 2), (2, 3), (3, 3), (2, 3, 2)])
def test_pseudoinverses(shape):
    a = sample(*shape)
    np.testing.assert_allclose(torch.linalg.pinv(leaf(a)).detach().numpy(), np.linalg.pinv(a), rtol=1e-10)
    check(torch.pinverse, a, rtol=1e-4)


def test_pseudoinverse_of_a_matrix_without_full_rank():
    a = np.outer([1.0, 2.0, 3.0], [1.0, 1.0])
    np.testing.assert_allclose(torch.linalg.pinv(torch.tensor(a)).numpy(), np.linalg.pinv(a), atol=1e-15)
    assert torch.linalg.matrix_rank(torch.tensor(a)).item() == 1
    assert torch.linalg.matrix_rank(torch.eye(3), tol=2.0).item() == 0
    assert torch.linalg.pinv(torch.zeros(0, 3)).shape == (3, 0)


def test_least_squares():
    a, b = sample(4, 2), sample(4, 3, seed=1)
    made = torch.linalg.lstsq(leaf(a), leaf(b), driver="gelsd")
    expected = np.linalg.lstsq(a, b)
    np.testing.assert_allclose(made.solution.detach().numpy(), expected[0])
    np.testing.assert_allclose(made.residuals.numpy(), expected[1])
    assert made.rank.item() == 2
    np.testing.assert_allclose(made.singular_values.numpy(), expected[3])
    check(lambda x, z: torch.linalg.lstsq(x, z).solution, a, b)
    check(lambda x, z: torch.linalg.lstsq(x, z).solution, a, b[:, 0])
    with pytest.raises(RuntimeError, match="should match"):
        torch.linalg.lstsq(torch.ones(3, 2), torch.ones(2, 1))


@pytest.mark.parametrize("p", [None, 2, -2, 1, -1, np.inf, "fro", "nuc"])
def test_condition_numbers(p):
    a = sample(3, 3) + np.diag([3.0, 1.0, 2.0])
    expected = np.linalg.cond(a, p)
    np.testing.assert_allclose(torch.linalg.cond(leaf(a), p).item(), expected)
    check(lambda x: torch.linalg.cond(x, p), a, rtol=1e-4)


def test_condition_of_singular_matrices():
    assert torch.linalg.cond(torch.zeros(2, 2), 1).item() == np.inf
    assert torch.linalg.cond(torch.stack([torch.eye(2), torch.zeros(2, 2)]), 1).tolist() == [1, np.inf]
