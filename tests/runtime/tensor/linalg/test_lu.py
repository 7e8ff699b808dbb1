"""The decomposition into two triangles: values, gradients of matrices of all shapes, solutions, errors."""

from __future__ import annotations

import numpy as np
import pytest
from tensor_checks import check, leaf, sample, torch

SHAPES = [(3, 3), (5, 2), (2, 4), (2, 3, 3), (1, 1), (0, 2), (2, 0)]


def matrix(*shape):
    return np.random.default_rng(3).standard_normal(shape)


@pytest.mark.parametrize("shape", SHAPES)
def test_the_factors(shape):
    a = matrix(*shape)
    p, low, up = (t.detach().numpy() for t in torch.linalg.lu(leaf(a)))
    np.testing.assert_allclose(p @ low @ up, a, atol=1e-14)
    np.testing.assert_array_equal(np.tril(low), low)
    np.testing.assert_array_equal(np.triu(up), up)
    check(lambda x: torch.linalg.lu(x)[1:], a)
    check(lambda x: torch.linalg.lu(x).L, a)
    check(lambda x: torch.linalg.lu(x).U, a)


@pytest.mark.parametrize("shape", SHAPES)
def test_the_compact_form(shape):
    a = matrix(*shape)
    found = torch.linalg.lu_factor(leaf(a)) if 0 not in shape else torch.linalg.lu_factor_ex(leaf(a))
    assert found.pivots.dtype is torch.int32
    unpacked = torch.lu_unpack(found.LU, found.pivots)
    for one, two in zip(unpacked, torch.linalg.lu(leaf(a)), strict=True):
        np.testing.assert_array_equal(one.detach().numpy(), two.detach().numpy())
    check(lambda x: torch.linalg.lu_factor_ex(x).LU, a)
    check(lambda x: torch.lu_unpack(x, found.pivots)[1:], found.LU.detach().numpy())
    check(lambda x: torch.lu_unpack(x, found.pivots).L, found.LU.detach().numpy())


def test_complex_matrices():
    rng = np.random.default_rng(0)
    a, d, g = (rng.standard_normal((3, 3)) + 1j * rng.standard_normal((3, 3)) for _ in range(3))
    x = leaf(a)
    torch.linalg.lu(x).U.backward(torch.tensor(g))
    moved = [torch.linalg.lu(leaf(a + sign * 1e-6 * d)).U.detach().numpy() for sign in (1, -1)]
    expected = np.sum(np.real(np.conj(g) * (moved[0] - moved[1]))) / 2e-6
    assert np.isclose(np.sum(np.real(np.conj(x.grad.numpy()) * d)), expected)


@pytest.mark.parametrize("left", [False, True])
@pytest.mark.parametrize("turned", [False, True])
def test_solutions(left, turned):
    a, b = matrix(2, 3, 3), sample(2, 3, 3)
    full = np.swapaxes(a, -1, -2) if turned else a
    expected = np.linalg.solve(full, b) if left else b @ np.linalg.inv(full)

    def f(x, z):
        return torch.linalg.lu_solve(*torch.linalg.lu_factor(x), z, left=left, adjoint=turned)

    np.testing.assert_allclose(f(leaf(a), leaf(b)).detach().numpy(), expected, rtol=1e-9)
    check(f, a, b, rtol=1e-4)


def test_the_old_names():
    a, b = matrix(3, 3), sample(3, 2)
    compact, pivots = leaf(a).lu()
    np.testing.assert_allclose(leaf(b).lu_solve(compact, pivots).detach().numpy(), np.linalg.solve(a, b))
    assert torch.lu(torch.zeros(2, 2), get_infos=True)[2].item() == 1


@pytest.mark.parametrize(
    ("f", "kind", "message"),
    [
        (lambda: torch.linalg.lu_factor(torch.zeros(2, 2)), RuntimeError, r"lu_factor: U\[1,1\] is zero"),
        (
            lambda: torch.linalg.lu_factor(torch.stack([torch.eye(2), torch.zeros(2, 2)])),
            RuntimeError,
            r"\(Batch element 1\): U\[1,1\]",
        ),
        (lambda: torch.linalg.lu(torch.ones(2)), RuntimeError, "2 or more dimensions"),
        (lambda: torch.linalg.lu(torch.tensor([[2]])), NotImplementedError, "not implemented for 'Long'"),
        (lambda: torch.linalg.lu(torch.eye(2), pivot=False), RuntimeError, "without pivoting"),
        (
            lambda: torch.linalg.lu_solve(torch.eye(2), torch.tensor([1, 2]), torch.eye(2)),
            RuntimeError,
            "pivots should be a Tensor of scalar type torch.int32",
        ),
        (
            lambda: torch.linalg.lu_solve(*torch.linalg.lu_factor(torch.eye(2)), torch.eye(3)),
            RuntimeError,
            "Incompatible shapes of A and B",
        ),
        (lambda: torch.lu_unpack(torch.eye(2), torch.tensor([1, 2])), RuntimeError, "torch.int32 dtype"),
    ],
)
def test_errors(f, kind, message):
    with pytest.raises(kind, match=message):
        f()
