"""Systems with triangular matrices."""

from __future__ import annotations

import numpy as np
import pytest
from tensor_checks import check, leaf, sample, torch

A = np.array([[2.0, 1.0, 0.2], [1.0, 3.0, 1.0], [0.0, 1.0, 4.0]])
STACK = np.stack([A, A.T * 0.5 + np.eye(3)])


@pytest.mark.parametrize("upper", [False, True])
@pytest.mark.parametrize("left", [False, True])
@pytest.mark.parametrize("unit", [False, True])
def test_triangles(upper, left, unit):
    b = sample(3, 2) if left else sample(2, 3)
    full = np.triu(A) if upper else np.tril(A)
    if unit:
        full = full - np.diag(np.diag(full)) + np.eye(3)
    expected = np.linalg.solve(full, b) if left else b @ np.linalg.inv(full)

    def f(x, z):
        return torch.linalg.solve_triangular(x, z, upper=upper, left=left, unitriangular=unit)

    np.testing.assert_allclose(f(leaf(A), leaf(b)).detach().numpy(), expected, rtol=1e-12)
    check(f, A, b)
    check(f, STACK, b)


@pytest.mark.parametrize("upper", [False, True])
@pytest.mark.parametrize("transpose", [False, True])
@pytest.mark.parametrize("unit", [False, True])
def test_the_old_function(upper, transpose, unit):
    b = sample(3, 2)
    full = np.triu(A) if upper else np.tril(A)
    if unit:
        full = full - np.diag(np.diag(full)) + np.eye(3)
    expected = np.linalg.solve(full.T if transpose else full, b)

    def f(z, x):
        return torch.triangular_solve(z, x, upper, transpose, unit)

    found = f(leaf(b), leaf(A))
    np.testing.assert_allclose(found.solution.detach().numpy(), expected, rtol=1e-12)
    np.testing.assert_array_equal(found.cloned_coefficient.detach().numpy(), A)
    check(f, b, A)
    check(f, b, STACK)


@pytest.mark.parametrize(
    ("f", "message"),
    [
        (
            lambda: torch.linalg.solve_triangular(torch.eye(2), torch.ones(3, 1), upper=True),
            "Incompatible shapes of A and B for the equation AX = B",
        ),
        (lambda: torch.triangular_solve(torch.ones(3, 2), torch.eye(2)), "each A matrix is 2 by 2 but"),
        (lambda: torch.triangular_solve(torch.ones(2), torch.eye(2)), "Expected b to have at least 2"),
        (
            lambda: torch.triangular_solve(torch.ones(2, 2), torch.eye(2, dtype=torch.float64)),
            "found b of type Float and A of type Double",
        ),
    ],
)
def test_errors(f, message):
    with pytest.raises(RuntimeError, match=message):
        f()
