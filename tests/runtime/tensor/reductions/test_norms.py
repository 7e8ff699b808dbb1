"""Norms: values as NumPy's, gradients, corners, errors."""

from __future__ import annotations

import numpy as np
import pytest
from tensor_checks import check, leaf, sample, torch

INF = float("inf")
ORDERS = [0, 0.5, 1, 1.5, 2, 3, INF, -INF, -1]


@pytest.mark.parametrize("p", ORDERS)
@pytest.mark.parametrize("dim", [None, 0, 1])
def test_norms_of_vectors(p, dim):
    a = sample(3, 4) - 1
    expected = np.linalg.vector_norm(a, ord=p, axis=dim)
    for f in (torch.linalg.vector_norm, torch.norm):
        made = f(leaf(a), p, dim)
        np.testing.assert_allclose(made.detach().numpy(), expected)
        assert made.grad_fn.name() == "LinalgVectorNormBackward0"
    check(lambda x: torch.linalg.vector_norm(x, p, dim, keepdim=True), a)
    check(lambda x: torch.norm(x, p, dim), a)


@pytest.mark.parametrize("p", ["fro", "nuc", 1, -1, 2, -2, INF, -INF])
def test_norms_of_matrices(p):
    a = sample(3, 4) - 1
    np.testing.assert_allclose(torch.linalg.matrix_norm(leaf(a), p).item(), np.linalg.norm(a, p))
    np.testing.assert_allclose(torch.linalg.norm(leaf(a), p).item(), np.linalg.norm(a, p))
    check(lambda x: torch.linalg.matrix_norm(x, p), a, rtol=1e-4)
    stack = sample(3, 2, 4) - 1
    made = torch.linalg.matrix_norm(leaf(stack), p, dim=(0, 2), keepdim=True)
    np.testing.assert_allclose(made.detach().numpy(), np.linalg.norm(stack, p, axis=(0, 2), keepdims=True))


@pytest.mark.parametrize(("p", "slope"), [(2, 0), (1, 0), (3, 0), (INF, 0), (0, 0), (1.5, 0)])
def test_the_gradient_at_zero_is_zero(p, slope):
    x = leaf([0.0, 0.0])
    torch.norm(x, p).backward()
    assert x.grad.tolist() == [slope, slope] if p else x.grad is None


def test_ties_share():
    x = leaf([1.0, -1.0, 0.5])
    torch.norm(x, INF).backward()
    assert x.grad.tolist() == [0.5, -0.5, 0]


def test_complex():
    a = np.array([3 + 4j, 1j])
    x = leaf(a)
    y = torch.linalg.vector_norm(x)
    assert y.dtype == torch.float64
    y.backward()
    np.testing.assert_allclose(x.grad.numpy(), a / np.sqrt(26))


@pytest.mark.parametrize("p", [0, 1, 2, 3, INF])
def test_distances(p):
    a, b = sample(2, 3), sample(3, seed=1)
    np.testing.assert_allclose(torch.dist(leaf(a), leaf(b), p).item(), np.linalg.norm((a - b).ravel(), p))
    assert torch.dist(leaf(a), leaf(b), p).grad_fn.name() == "DistBackward0"
    check(lambda x, z: torch.dist(x, z, p), a, b)


def test_renorm():
    x = torch.tensor([[3.0, 4.0], [0.0, 0.5]])
    np.testing.assert_allclose(torch.renorm(x, 2, 0, 1.0).numpy(), [[0.6, 0.8], [0, 0.5]], rtol=1e-6)
    with pytest.raises(RuntimeError, match="renorm: input needs at least 2 dimensions, got 1 dimensions"):
        torch.ones(2).renorm(2, 0, 1.0)


@pytest.mark.parametrize(
    ("f", "message"),
    [
        (
            lambda: torch.tensor([1, 2]).norm(),
            "Expected a floating point or complex tensor as input. Got Long",
        ),
        (lambda: torch.linalg.norm(torch.ones(2, 2, 2), 2), "the input must be 1D or 2D. Got 3D"),
        (lambda: torch.linalg.matrix_norm(torch.ones(2)), "must have at least 2 dimensions"),
        (lambda: torch.linalg.norm(torch.ones(2, 2), 3), "Order 3 not supported"),
        (
            lambda: torch.linalg.vector_norm(torch.ones(0), INF),
            "cannot compute the inf norm on an empty tensor",
        ),
        (lambda: torch.dist(torch.ones(2), torch.ones(3)), "must match the size of tensor b"),
    ],
)
def test_errors(f, message):
    with pytest.raises(RuntimeError, match=message):
        f()
    assert torch.linalg.vector_norm(torch.ones(0)).item() == 0
