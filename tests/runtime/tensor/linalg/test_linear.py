"""Products of vectors and matrices: values, gradients, double backward, names of nodes, errors."""

from __future__ import annotations

import numpy as np
import pytest
from tensor_checks import check, grad, leaf, sample, torch

SHAPES = [
    ((3,), (3,), "DotBackward0"),
    ((2, 3), (3,), "MvBackward0"),
    ((3,), (3, 4), "SqueezeBackward4"),
    ((2, 3), (3, 4), "MmBackward0"),
    ((5, 2, 3), (3, 4), "UnsafeViewBackward0"),
    ((2, 3), (5, 3, 4), "UnsafeViewBackward0"),
    ((5, 2, 3), (5, 3, 4), "UnsafeViewBackward0"),
    ((5, 1, 2, 3), (4, 3, 2), "UnsafeViewBackward0"),
    ((5, 2, 3), (3,), "MvBackward0"),
    ((3,), (5, 3, 4), "SqueezeBackward4"),
]


@pytest.mark.parametrize(("one", "two", "node"), SHAPES)
def test_matmul(one, two, node):
    a, b = sample(*one, seed=1), sample(*two, seed=2)
    made = torch.matmul(leaf(a), leaf(b))
    np.testing.assert_allclose(made.detach().numpy(), a @ b, rtol=1e-14)
    assert made.grad_fn.name() == node
    check(torch.matmul, a, b)


@pytest.mark.parametrize(("one", "two", "node"), SHAPES)
def test_complex_matmul(one, two, node):
    a, b = sample(*one, seed=1) + 1j * sample(*one, seed=3), sample(*two, seed=2) - 2j * sample(*two, seed=4)
    x, z = leaf(a), leaf(b)
    g = np.asarray(sample(*(a @ b).shape) * (1 + 2j))
    torch.matmul(x, z).backward(torch.tensor(g))
    for tensor, array, move in ((x, a, lambda d: (a + d) @ b), (z, b, lambda d: a @ (b + d))):
        for unit in (1, 1j):
            d = np.random.default_rng(0).standard_normal(array.shape) * unit
            expected = np.sum(np.real(np.conj(g) * (move(d * 0.5) - move(-d * 0.5))))
            assert np.isclose(np.sum(np.real(np.conj(tensor.grad.numpy()) * d)), expected)


def test_operator_and_numpy_operands():
    a, b = sample(2, 3), sample(3, 2)
    x = leaf(a)
    for made in (x @ b, x @ leaf(b), x.matmul(torch.tensor(b))):
        np.testing.assert_allclose(made.detach().numpy(), a @ b)
    np.testing.assert_allclose((b @ x).detach().numpy(), b @ a)
    with pytest.raises(TypeError):
        x @ 3


@pytest.mark.parametrize("name", ["mm", "bmm", "mv", "dot", "vdot"])
def test_named_products(name):
    shapes = {"mm": ((2, 3), (3, 4)), "bmm": ((5, 2, 3), (5, 3, 4)), "mv": ((2, 3), (3,))}.get(
        name, ((3,), (3,))
    )
    a, b = sample(*shapes[0]), sample(*shapes[1], seed=5)
    made = getattr(torch, name)(leaf(a), leaf(b))
    np.testing.assert_allclose(made.detach().numpy(), a @ b)
    assert made.grad_fn.name().lower() == f"{name}backward0"
    check(getattr(torch, name), a, b)


@pytest.mark.parametrize(
    ("name", "one", "two", "message"),
    [
        ("matmul", (3, 4), (3, 4), "mat1 and mat2 shapes cannot be multiplied (3x4 and 3x4)"),
        ("matmul", (3, 4), (3,), "size mismatch, got input (3), mat (3x4), vec (3)"),
        ("matmul", (4,), (3,), "inconsistent tensor size, expected tensor [4] and src [3]"),
        ("matmul", (), (3,), "both arguments to matmul need to be at least 1D, but they are 0D and 1D"),
        (
            "matmul",
            (2, 3, 4),
            (2, 3, 4),
            "Expected size for first two dimensions of batch2 tensor to be: [2, 4]",
        ),
        ("matmul", (2, 3, 4), (5, 4, 3), "The size of tensor a (2) must match the size of tensor b (5)"),
        ("mm", (3, 4), (4,), "mat2 must be a matrix"),
        ("bmm", (3, 4), (4, 3), "batch1 must be a 3D tensor"),
        ("dot", (3, 4), (3, 4), "1D tensors expected, but got 2D and 2D tensors"),
        ("mv", (3,), (3,), "vector + matrix @ vector expected, got 1, 1, 1"),
    ],
)
def test_shapes_that_do_not_fit(name, one, two, message):
    with pytest.raises(RuntimeError) as error:
        getattr(torch, name)(torch.zeros(one), torch.zeros(two))
    assert str(error.value).startswith(message)


def test_dtypes():
    a = torch.ones(2, 2)
    with pytest.raises(
        RuntimeError, match="expected m1 and m2 to have the same dtype, but got: float != double"
    ):
        a @ torch.ones(2, 2, dtype=torch.float64)
    assert (a @ np.ones((2, 2))).dtype == torch.float64
    assert (torch.ones(2, 2, dtype=torch.int64) @ torch.ones(2, dtype=torch.int64)).tolist() == [2, 2]
    half = torch.full((1, 4096), 1.0, dtype=torch.float16)
    assert (half @ half.mT).item() == 4096


def test_empty():
    x, z = leaf(np.zeros((0, 3))), leaf(np.zeros((3, 2)))
    (x @ z).sum().backward()
    assert x.grad.shape == (0, 3)
    assert z.grad.tolist() == [[0, 0]] * 3
    assert (torch.zeros(2, 0) @ torch.zeros(0, 2)).tolist() == [[0, 0], [0, 0]]


def test_gradients_of_gradients_of_two_dtypes():
    x, z = (
        torch.tensor([3.0], requires_grad=True),
        torch.tensor([2.0], dtype=torch.float64, requires_grad=True),
    )
    (slope,) = grad((x * z * x).sum(), x, create_graph=True)
    assert slope.dtype == torch.float32
    (curve,) = grad(slope, z)
    assert (curve.item(), curve.dtype) == (6.0, torch.float64)


def test_stacks_that_do_not_fit_are_told_before_their_matrices() -> None:
    for shapes in (((3, 1, 3), (2, 2, 2)), ((3, 2, 3), (2, 3, 2))):
        x, z = (torch.tensor(np.ones(s).tolist()) for s in shapes)
        with pytest.raises(
            RuntimeError, match=r"size of tensor a \(3\) must match the size of tensor b \(2\)"
        ):
            torch.matmul(x, z)
