"""Determinants and exponentials: values, gradients, singular matrices; what is no matrix."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.linalg
from tensor_checks import check, leaf, torch

A = np.array([[2.0, 1.0, 0.2], [1.0, 3.0, 1.0], [0.0, 1.0, 4.0]])
STACK = np.stack([A, A.T * 0.5 + np.eye(3)])


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
    ],
)
def test_errors(f, message):
    with pytest.raises(RuntimeError, match=message):
        f()


def test_empty():
    assert torch.det(torch.zeros(0, 0)).item() == 1
    assert torch.linalg.inv(torch.zeros(0, 2, 2)).shape == (0, 2, 2)
