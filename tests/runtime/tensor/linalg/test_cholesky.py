"""The Cholesky decomposition, and systems and inverses by it."""

from __future__ import annotations

import numpy as np
import pytest
from tensor_checks import check, leaf, sample, torch

S = np.array([[2.0, 1.0, 0.2], [1.0, 3.0, 1.0], [0.2, 1.0, 4.5]])
STACK = np.stack([S, 2 * S])


def symmetric(x):
    return (x + x.mT) / 2


@pytest.mark.parametrize("a", [S, STACK], ids=["one", "stack"])
def test_cholesky(a):
    low = torch.linalg.cholesky(leaf(a))
    assert low.grad_fn.name() == "LinalgCholeskyExBackward0"
    np.testing.assert_allclose(low.detach().numpy(), np.linalg.cholesky(a))
    check(lambda x: torch.linalg.cholesky(symmetric(x)), a)
    check(lambda x: torch.cholesky(symmetric(x), upper=True), a)


def test_what_is_not_positive():
    with pytest.raises(
        torch.linalg.LinAlgError, match="the leading minor of order 1 is not positive-definite"
    ):
        torch.linalg.cholesky(-torch.eye(2))
    with pytest.raises(torch.linalg.LinAlgError, match=r"\(Batch element 1\).*order 2"):
        torch.linalg.cholesky(torch.stack([torch.eye(2), torch.tensor([[1.0, 0.0], [0.0, -1.0]])]))


@pytest.mark.parametrize("upper", [False, True])
def test_solutions(upper):
    b, factor = sample(3, 2), np.linalg.cholesky(S)
    factor = factor.T if upper else factor
    made = torch.cholesky_solve(leaf(b), leaf(factor), upper)
    np.testing.assert_allclose(made.detach().numpy(), np.linalg.solve(S, b))
    check(lambda x, z: torch.cholesky_solve(z, x, upper), factor, b)
    np.testing.assert_allclose(torch.cholesky_inverse(torch.tensor(factor), upper).numpy(), np.linalg.inv(S))


def test_matrices_that_are_not_positive_are_told():
    found = torch.linalg.cholesky_ex(torch.tensor([[[4.0, 0.0], [0.0, 1.0]], [[4.0, 1.0], [1.0, -2.0]]]))
    assert found.info.tolist() == [0, 2]
    assert found.L[0].tolist() == [[2, 0], [0, 1]]
    with pytest.raises(torch.linalg.LinAlgError, match=r"\(Batch element 1\): .* order 2"):
        torch.linalg.cholesky_ex(
            torch.stack([torch.eye(2), torch.diag(torch.tensor([1.0, -1]))]), check_errors=True
        )


@pytest.mark.parametrize("upper", [False, True])
def test_all_ways_to_a_factor_have_the_same_gradient(upper):
    a = np.array([[4.0, 1.0], [1.0, 3.0]])
    check(lambda x: torch.linalg.cholesky_ex(x @ x.mT, upper=upper).L, a)
    check(lambda x: torch.cholesky(x @ x.mT, upper), a)
    check(lambda x: torch.cholesky_inverse(x, upper), a)
    check(lambda x, z: torch.cholesky_solve(z, x, upper), a, np.ones((2, 3)))
