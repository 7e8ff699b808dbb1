"""Inverses, solutions, determinants: values, gradients, singular matrices, errors."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.linalg
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


SINGULAR = [
    np.array([[1.0, 2.0, 3.0], [2.0, 4.0, 6.0], [0.0, 1.0, 1.0]]),
    np.diag([1.0, 0.0, 0.0]),
    np.zeros((3, 3)),
    np.array([[0.0, 0.0], [0.0, 1.0]]),
    np.stack([A, np.diag([1.0, 2.0, 0.0])]),
    np.zeros((1, 1)),
]


@pytest.mark.parametrize("a", [A, STACK, *SINGULAR])
def test_determinants(a):
    np.testing.assert_allclose(torch.det(leaf(a)).detach().numpy(), np.linalg.det(a), atol=1e-14)
    check(torch.linalg.det, a)


def test_cofactors_of_a_singular_matrix():
    x = torch.tensor([[0.0, 0.0], [0.0, 1.0]], requires_grad=True)
    torch.det(x).backward()
    assert x.grad.tolist() == [[1, 0], [0, 0]]


def test_logarithms_of_determinants():
    sign, logarithm = torch.slogdet(leaf(STACK))
    expected = np.linalg.slogdet(STACK)
    np.testing.assert_allclose(sign.detach().numpy(), expected[0])
    np.testing.assert_allclose(logarithm.detach().numpy(), expected[1])
    check(lambda x: torch.linalg.slogdet(x).logabsdet, STACK)
    check(torch.logdet, A)
    assert np.isnan(torch.logdet(torch.tensor([[0.0, 1.0], [1.0, 0.0]])).item())
    assert torch.slogdet(torch.zeros(2, 2)).logabsdet.item() == -np.inf
    x = leaf(A)
    torch.slogdet(x).sign.backward()
    assert x.grad is None or not x.grad.numpy().any()


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


@pytest.mark.parametrize("a", [A / 3, STACK / 3], ids=["one", "stack"])
def test_exponentials(a):
    np.testing.assert_allclose(torch.matrix_exp(leaf(a)).detach().numpy(), scipy.linalg.expm(a))
    check(torch.linalg.matrix_exp, a)


def test_complex():
    rng = np.random.default_rng(0)
    a = rng.standard_normal((3, 3)) + 1j * rng.standard_normal((3, 3))
    for f, reference in (
        (torch.linalg.inv, np.linalg.inv),
        (torch.linalg.det, np.linalg.det),
        (lambda x: torch.slogdet(x)[0], lambda m: np.linalg.slogdet(m)[0]),
        (lambda x: torch.slogdet(x)[1], lambda m: np.linalg.slogdet(m)[1]),
        (torch.matrix_exp, scipy.linalg.expm),
    ):
        x = leaf(a)
        y = f(x)
        g = rng.standard_normal(y.shape) + (1j * rng.standard_normal(y.shape) if y.is_complex() else 0)
        y.backward(torch.tensor(g))
        d = rng.standard_normal((3, 3)) + 1j * rng.standard_normal((3, 3))
        moved = (np.asarray(reference(a + 1e-6 * d)) - np.asarray(reference(a - 1e-6 * d))) / 2e-6
        assert np.isclose(np.sum(np.real(np.conj(g) * moved)), np.sum(np.real(np.conj(x.grad.numpy()) * d)))


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
        (
            lambda: torch.linalg.inv(torch.ones(2, 3)),
            "A must be batches of square matrices, but they are 2 by 3",
        ),
        (lambda: torch.linalg.inv(torch.ones(2)), "must have at least 2 dimensions"),
        (
            lambda: torch.det(torch.ones(2, 2, dtype=torch.int64)),
            "Expected a floating point or complex tensor",
        ),
        (
            lambda: torch.linalg.inv(torch.ones(2, 2, dtype=torch.float16)),
            "Low precision dtypes not supported",
        ),
        (lambda: torch.linalg.solve(torch.eye(2), torch.ones(3)), "Incompatible shapes of A and B"),
        (lambda: torch.linalg.solve(torch.eye(2), torch.ones(2, dtype=torch.float64)), "the same dtype"),
        (
            lambda: torch.linalg.solve_triangular(torch.eye(2), torch.ones(3, 1), upper=True),
            "Incompatible shapes of A and B for the equation AX = B",
        ),
    ],
)
def test_errors(f, message):
    with pytest.raises(RuntimeError, match=message):
        f()


def test_empty():
    assert torch.det(torch.zeros(0, 0)).item() == 1
    assert torch.linalg.inv(torch.zeros(0, 2, 2)).shape == (0, 2, 2)
