"""Singular values, eigenvalues, QR: values, gradients that do not depend on signs, errors."""

from __future__ import annotations

import numpy as np
import pytest
from tensor_checks import check, leaf, sample, torch

S = np.array([[2.0, 1.0, 0.2], [1.0, 3.0, 1.0], [0.2, 1.0, 4.5]])
N = np.array([[2.0, 1.0, 0.2], [0.3, 3.0, 1.0], [0.1, 0.7, 4.5]])
SHAPES = [(3, 2), (2, 3), (3, 3), (2, 4, 2)]


def symmetric(x):
    return (x + x.mT) / 2


@pytest.mark.parametrize("shape", SHAPES)
def test_svd(shape):
    a = sample(*shape)
    u, s, vh = torch.linalg.svd(leaf(a), full_matrices=False)
    assert u.grad_fn.name() == "LinalgSvdBackward0"
    np.testing.assert_allclose(((u * s.unsqueeze(-2)) @ vh).detach().numpy(), a)
    np.testing.assert_allclose(torch.linalg.svdvals(torch.tensor(a)).numpy(), s.detach().numpy())
    check(torch.linalg.svdvals, a)
    check(lambda x: [v * v for v in torch.linalg.svd(x, full_matrices=False)], a, rtol=1e-4)


def test_old_svd():
    a = sample(3, 2)
    u, s, v = torch.svd(leaf(a))
    np.testing.assert_allclose(((u * s) @ v.mT).detach().numpy(), a)
    assert [tuple(t.shape) for t in torch.svd(torch.tensor(a), some=False)] == [(3, 3), (2,), (2, 2)]
    assert not torch.svd(torch.tensor(a), compute_uv=False).U.numpy().any()


def test_complex_svd():
    rng = np.random.default_rng(0)
    a = rng.standard_normal((3, 2)) + 1j * rng.standard_normal((3, 2))
    x = leaf(a)
    u, s, vh = torch.linalg.svd(x, full_matrices=False)
    g = rng.standard_normal((3, 2)) + 1j * rng.standard_normal((3, 2))
    ((u * s) @ vh).backward(torch.tensor(g))
    np.testing.assert_allclose(x.grad.numpy(), g, rtol=1e-9)


def test_eigh():
    values, vectors = torch.linalg.eigh(leaf(S))
    assert values.grad_fn.name() == "LinalgEighBackward0"
    np.testing.assert_allclose(((vectors * values) @ vectors.mT).detach().numpy(), S)
    check(lambda x: [v * v for v in torch.linalg.eigh(symmetric(x))], S)
    check(lambda x: torch.linalg.eigvalsh(symmetric(x), UPLO="U"), np.stack([S, 2 * S]))
    with pytest.raises(RuntimeError, match="Expected UPLO argument to be 'L' or 'U'"):
        torch.linalg.eigh(torch.eye(2), "X")


def test_eig():
    values, vectors = torch.linalg.eig(leaf(N))
    assert values.dtype == torch.complex128
    np.testing.assert_allclose(
        (vectors.detach().numpy() * values.detach().numpy()), N @ vectors.detach().numpy()
    )
    check(lambda x: torch.linalg.eigvals(x).abs(), N)
    check(lambda x: [v.abs() for v in torch.linalg.eig(x)], N)
    with pytest.raises(RuntimeError, match="should not contain infs or NaNs"):
        torch.linalg.eigvals(torch.full((2, 2), float("nan")))


@pytest.mark.parametrize("shape", SHAPES)
def test_qr(shape):
    a = sample(*shape)
    q, r = torch.linalg.qr(leaf(a))
    assert q.grad_fn.name() == "LinalgQrBackward0"
    np.testing.assert_allclose((q @ r).detach().numpy(), a, rtol=1e-12)
    check(torch.linalg.qr, a)
    check(lambda x: torch.qr(x).R, a)


def test_modes_of_qr():
    a = sample(3, 2)
    assert [tuple(t.shape) for t in torch.linalg.qr(torch.tensor(a), "complete")] == [(3, 3), (3, 2)]
    assert torch.linalg.qr(torch.tensor(a), "r").Q.shape == (0,)
    for mode, message in (("complete", "not differentiable when mode='complete'"), ("r", "depends on Q")):
        with pytest.raises(RuntimeError, match=message):
            torch.linalg.qr(leaf(a), mode).R.sum().backward()
    with pytest.raises(RuntimeError, match="unrecognized mode"):
        torch.linalg.qr(torch.tensor(a), "x")


def test_names_of_results():
    assert torch.linalg.svd(torch.eye(2))._fields == ("U", "S", "Vh")
    assert torch.linalg.eigh(torch.eye(2))._fields == ("eigenvalues", "eigenvectors")
    assert torch.linalg.qr(torch.eye(2))._fields == ("Q", "R")
