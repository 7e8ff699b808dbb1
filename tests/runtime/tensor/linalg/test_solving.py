"""Inverses and solutions: values, gradients, singular matrices, errors."""

from __future__ import annotations

import numpy as np
import pytest
from tensor_checks import check, leaf, sample, torch

A = np.array([[2.0, 1.0, 0.2], [1.0, 3.0, 1.0], [0.0, 1.0, 4.0]])
STACK = np.stack([A, A.T * 0.5 + np.eye(3)])


@pytest.mark.parametrize("a", [A, STACK], ids=["one", "stack"])
def test_inverses(a):
    np.testing.assert_allclose(torch.linalg.inv(leaf(a)).detach().numpy(), np.linalg.inv(a))
    check(torch.linalg.inv, a)
    assert torch.inverse(leaf(a)).grad_fn.name() == "LinalgInvExBackward0"


@pytest.mark.parametrize("shape", [(3,), (3, 2), (2, 3, 2)])
@pytest.mark.parametrize("a", [A, STACK], ids=["one", "stack"])
def test_solutions(a, shape):
    b = sample(*shape)
    made = torch.linalg.solve(leaf(a), leaf(b))
    expected = np.linalg.inv(a) @ b
    np.testing.assert_allclose(made.detach().numpy(), expected, rtol=1e-12)
    check(torch.linalg.solve, a, b)


def test_solutions_from_the_right_and_of_vectors_in_stacks():
    b = sample(2, 3)
    made = torch.linalg.solve(leaf(A), leaf(b), left=False)
    np.testing.assert_allclose(made.detach().numpy(), b @ np.linalg.inv(A))
    check(lambda x, z: torch.linalg.solve(x, z, left=False), A, b)
    made = torch.linalg.solve(leaf(STACK), leaf(b))
    np.testing.assert_allclose(made.detach().numpy(), np.einsum("bij,bj->bi", np.linalg.inv(STACK), b))
    check(torch.linalg.solve, STACK, b)


@pytest.mark.parametrize(
    ("f", "message"),
    [
        (
            lambda: torch.linalg.inv(torch.zeros(2, 2)),
            "linalg.inv: The diagonal element 1 is zero, the inversion",
        ),
        (
            lambda: torch.linalg.inv(torch.zeros(3, 2, 2)),
            r"linalg.inv: \(Batch element 0\): The diagonal element 1",
        ),
        (
            lambda: torch.linalg.solve(torch.zeros(2, 2), torch.ones(2)),
            "torch.linalg.solve: The solver failed",
        ),
    ],
)
def test_singular_matrices(f, message):
    with pytest.raises(torch.linalg.LinAlgError, match=message):
        f()
    with pytest.raises(RuntimeError):
        f()
    with pytest.raises(np.linalg.LinAlgError):
        f()


@pytest.mark.parametrize(
    ("f", "message"),
    [
        (lambda: torch.linalg.solve(torch.eye(2), torch.ones(3)), "Incompatible shapes of A and B"),
        (lambda: torch.linalg.solve(torch.eye(2), torch.ones(2, dtype=torch.float64)), "the same dtype"),
        (lambda: torch.linalg.inv_ex(torch.zeros(2, 2), check_errors=True), "linalg.inv_ex: The diagonal"),
        (lambda: torch.linalg.inv_ex(torch.zeros(3, 2)), "linalg.inv: A must be batches of square"),
        (
            lambda: torch.linalg.solve_ex(torch.zeros(1, 1), torch.ones(1), check_errors=True),
            "torch.linalg.solve_ex: The solver failed",
        ),
        (lambda: torch.linalg.tensorinv(torch.eye(4), 0), "a strictly positive integer for 'ind', but got 0"),
        (lambda: torch.linalg.tensorinv(torch.ones(2, 3), 1), "prod.*, but got 3 != 2"),
        (lambda: torch.linalg.tensorsolve(torch.ones(2, 3), torch.ones(2)), "prod.*, but got 3 != 2"),
    ],
)
def test_errors(f, message):
    with pytest.raises(RuntimeError, match=message):
        f()


def test_singular_matrices_are_told():
    stack = torch.tensor([[[0.0, 0.0], [0.0, 1.0]], [[2.0, 0.0], [0.0, 4.0]]])
    found = torch.linalg.inv_ex(stack)
    assert found.info.tolist() == [1, 0]
    assert found.inverse[1].tolist() == [[0.5, 0], [0, 0.25]]
    found = torch.linalg.solve_ex(stack, torch.ones(2, 2))
    assert found.info.tolist() == [1, 0]
    assert found.result[1].tolist() == [0.5, 0.25]
    check(lambda x: torch.linalg.inv_ex(x).inverse, STACK)
    check(lambda x, z: torch.linalg.solve_ex(x, z).result, A, sample(3, 2))


def test_maps_of_tensors():
    a, b = sample(2, 3, 6) + np.eye(6).reshape(2, 3, 6), sample(2, 3)
    np.testing.assert_allclose(
        torch.linalg.tensorinv(leaf(a)).detach().numpy(), np.linalg.tensorinv(a), rtol=1e-10
    )
    np.testing.assert_allclose(
        torch.linalg.tensorsolve(leaf(a), leaf(b)).detach().numpy(), np.linalg.tensorsolve(a, b), rtol=1e-10
    )
    turned = np.moveaxis(a, 2, 1)
    np.testing.assert_allclose(
        torch.linalg.tensorsolve(leaf(turned), leaf(b), dims=(1,)).detach().numpy(),
        np.linalg.tensorsolve(a, b), rtol=1e-10,
    )  # fmt: skip
    check(torch.linalg.tensorinv, a)
    check(torch.linalg.tensorsolve, a, b)


def test_results_lie_in_memory_column_after_column():
    assert torch.linalg.inv(leaf(A)).stride() == (1, 3)
    assert torch.linalg.solve(leaf(A), leaf(A)).stride() == (1, 3)
    assert torch.linalg.solve(leaf(A), leaf(A), left=False).stride() == (3, 1)
