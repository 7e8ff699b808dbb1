"""Products of matrices added to something, products of several matrices, powers."""

from __future__ import annotations

import numpy as np
import pytest
from tensor_checks import check, leaf, sample, torch

FAMILY = {
    "addmm": ((2,), (3, 2), (2, 2), lambda x, z: x @ z),
    "addmv": ((3,), (3, 2), (2,), lambda x, z: x @ z),
    "addr": ((2, 3), (2,), (3,), np.outer),
    "baddbmm": ((2, 1, 2), (2, 3, 2), (2, 2, 2), lambda x, z: x @ z),
    "addbmm": ((3, 2), (2, 3, 2), (2, 2, 2), lambda x, z: (x @ z).sum(0)),
}


@pytest.mark.parametrize("name", FAMILY)
def test_products_added(name):
    *shapes, product = FAMILY[name]
    c, a, b = (sample(*shape, seed=k) for k, shape in enumerate(shapes))
    f = getattr(torch, name)
    made = f(leaf(c), leaf(a), leaf(b), beta=2, alpha=3)
    np.testing.assert_allclose(made.detach().numpy(), 2 * c + 3 * product(a, b), rtol=1e-13)
    assert made.grad_fn.name().lower() == f"{name}backward0"
    check(lambda *xs: f(*xs, beta=2, alpha=3), c, a, b)
    check(f, c, a, b)


def test_what_does_not_count_may_be_nan():
    c = torch.full((2, 2), float("nan"))
    assert torch.addmm(c, torch.eye(2), torch.eye(2), beta=0).tolist() == [[1, 0], [0, 1]]


def test_in_place():
    c = torch.ones(2, 2)
    assert c.addmm_(torch.eye(2), torch.eye(2), alpha=2) is c
    assert c.tolist() == [[3, 1], [1, 3]]


def test_shapes_that_do_not_fit():
    with pytest.raises(RuntimeError, match=r"mat1 and mat2 shapes cannot be multiplied \(2x3 and 2x3\)"):
        torch.addmm(torch.ones(2), torch.ones(2, 3), torch.ones(2, 3))
    with pytest.raises(
        RuntimeError, match=r"The expanded size of the tensor \(2\) must match the existing size \(3\)"
    ):
        torch.addmm(torch.ones(3), torch.ones(2, 3), torch.ones(3, 2))
    with pytest.raises(RuntimeError, match="size mismatch"):
        torch.addmv(torch.ones(2), torch.ones(2, 3), torch.ones(2))
    with pytest.raises(RuntimeError, match="must have 2 dimensions"):
        torch.addmm(torch.ones(2), torch.ones(3), torch.ones(3))


def test_several_matrices():
    a, b, c = sample(2, 5), sample(5, 1, seed=1), sample(1, 3, seed=2)
    expected = np.linalg.multi_dot([a, b, c])
    for f in (lambda *xs: torch.linalg.multi_dot(xs), torch.chain_matmul):
        np.testing.assert_allclose(f(leaf(a), leaf(b), leaf(c)).detach().numpy(), expected)
        check(f, a, b, c)
    v, w = sample(2), sample(3)
    check(lambda *xs: torch.linalg.multi_dot(xs), v, a, b, c, w)
    assert torch.linalg.multi_dot([torch.ones(2), torch.ones(2)]).shape == ()
    with pytest.raises(RuntimeError, match="expected at least 2 tensors but got 1"):
        torch.linalg.multi_dot([torch.ones(2)])
    with pytest.raises(RuntimeError, match="cannot be multiplied"):
        torch.linalg.multi_dot([torch.ones(2, 3), torch.ones(2, 3)])


@pytest.mark.parametrize("n", [0, 1, 2, 3, 7, -1, -2])
def test_powers(n):
    a = sample(2, 3, 3) + 2 * np.eye(3)
    expected = np.linalg.matrix_power(a, n)
    np.testing.assert_allclose(torch.matrix_power(leaf(a), n).detach().numpy(), expected, rtol=1e-12)
    check(lambda x: torch.linalg.matrix_power(x, n), a[0], rtol=1e-4)
