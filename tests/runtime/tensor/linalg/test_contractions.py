"""Sums of products over chosen axes: values as NumPy's, gradients, equations that make no sense."""

from __future__ import annotations

import numpy as np
import pytest
from tensor_checks import check, leaf, sample, torch

EQUATIONS = [
    ("ij,jk->ik", (2, 3), (3, 4)),
    ("ij,jk", (2, 3), (3, 4)),
    ("i,j->", (2,), (3,)),
    ("bij,bij->b", (2, 3, 2), (2, 3, 2)),
    ("ij->ji", (2, 3)),
    ("ij->", (2, 3)),
    ("ij->i", (2, 3)),
    ("...ij,...jk->...ik", (5, 2, 3), (3, 4)),
    ("...i,ij,j...->...", (3, 2), (2, 2), (2, 3)),
    ("ij,kj,lj->ikl", (2, 3), (2, 3), (1, 3)),
    ("ij,k->ik", (2, 3), (4,)),
    (" i , i -> i ", (3,), (3,)),
]


@pytest.mark.parametrize("case", EQUATIONS, ids=lambda c: c[0])
def test_einsum(case):
    equation, *shapes = case
    arrays = [sample(*shape, seed=k) for k, shape in enumerate(shapes)]
    made = torch.einsum(equation, *[leaf(a) for a in arrays])
    np.testing.assert_allclose(made.detach().numpy(), np.einsum(equation, *arrays), rtol=1e-12)
    check(lambda *xs: torch.einsum(equation, *xs), *arrays)


@pytest.mark.parametrize("equation", ["ii", "ii->i", "iij->j"])
def test_einsum_of_diagonals(equation):
    a = sample(3, 3, 2) if "j" in equation else sample(3, 3)
    made = torch.einsum(equation, leaf(a))
    np.testing.assert_allclose(made.detach().numpy(), np.einsum(equation, a), rtol=1e-12)
    check(lambda x: torch.einsum(equation, x), a)


def test_einsum_broadcasts_lengths_of_one():
    a, b = sample(3, 2), sample(1, 2, seed=1)
    np.testing.assert_allclose(torch.einsum("ij,ij->ij", leaf(a), leaf(b)).detach().numpy(), a * b)
    check(lambda x, z: torch.einsum("ij,ij->ij", x, z), a, b)


def test_einsum_with_lists():
    a, b = torch.ones(2, 3), torch.ones(3, 2)
    assert torch.einsum(a, [0, 1], b, [1, 2], [0, 2]).tolist() == [[3, 3], [3, 3]]
    assert torch.einsum("ij,jk", [a, b]).tolist() == [[3, 3], [3, 3]]


@pytest.mark.parametrize(
    ("equation", "shapes", "message"),
    [
        ("ij,jk", ((2, 3), (2, 3)), "subscript j has size 2 for operand 1 which does not broadcast"),
        ("ijk", ((2, 3),), "the number of subscripts in the equation (3)"),
        ("ij->k", ((2, 3),), "output subscript k does not appear"),
        ("ij->ii", ((2, 3),), "output subscript i appears more than once"),
        ("ij,jk", ((2, 3),), "operands were provided than specified"),
        ("i1", ((2, 3),), "invalid subscript"),
    ],
)
def test_equations_that_make_no_sense(equation, shapes, message):
    with pytest.raises(RuntimeError) as error:
        torch.einsum(equation, *[torch.ones(s) for s in shapes])
    assert message in str(error.value)


@pytest.mark.parametrize(
    ("one", "two", "dims"),
    [((2, 3), (3, 4), 1), ((2, 3), (2, 3), 2), ((2,), (3,), 0), ((2, 3, 4), (4, 3), ([1, 2], [1, 0])),
     ((2, 3), (4, 2), ([0], [-1]))],
)  # fmt: skip
def test_tensordot(one, two, dims):
    a, b = sample(*one), sample(*two, seed=1)
    made = torch.tensordot(leaf(a), leaf(b), dims)
    np.testing.assert_allclose(made.detach().numpy(), np.tensordot(a, b, dims))
    check(lambda x, z: torch.tensordot(x, z, dims), a, b)


PAIRS = {
    "outer": ((2,), (3,)), "ger": ((2,), (3,)), "inner": ((2, 3), (4, 3)), "kron": ((2, 2), (2, 3)),
}  # fmt: skip


@pytest.mark.parametrize("name", PAIRS)
def test_pairs(name):
    a, b = (sample(*shape, seed=k) for k, shape in enumerate(PAIRS[name]))
    reference = np.outer if name == "ger" else getattr(np, name)
    made = getattr(torch, name)(leaf(a), leaf(b))
    np.testing.assert_allclose(made.detach().numpy(), reference(a, b), rtol=1e-13)
    check(getattr(torch, name), a, b)


def test_others():
    a, b = sample(2, 3), sample(2, 3, seed=1)
    np.testing.assert_allclose(torch.linalg.vecdot(leaf(a), leaf(b)).detach().numpy(), (a * b).sum(-1))
    check(torch.linalg.vecdot, a, b)
    assert torch.trace(leaf(a)).item() == np.trace(a)
    check(torch.trace, a)
    assert torch.kron(torch.tensor([[1, 2]]), torch.tensor([1, 10])).tolist() == [[1, 10, 2, 20]]
    assert torch.inner(torch.tensor([1, 2]), torch.tensor(3)).tolist() == [3, 6]
    assert torch.trace(torch.tensor([[1, 2], [3, 4]])).dtype == torch.int64


def test_shapes_that_do_not_fit():
    with pytest.raises(
        RuntimeError, match="contracted dimensions need to match, but first has size 3 in dim -1"
    ):
        torch.tensordot(torch.ones(2, 3), torch.ones(2, 3), 1)
    with pytest.raises(RuntimeError, match="expected a matrix, but got tensor with dim 1"):
        torch.trace(torch.ones(2))
    with pytest.raises(RuntimeError, match="the last dimension must match"):
        torch.inner(torch.ones(2), torch.ones(3))
    with pytest.raises(RuntimeError, match="Expected 1-D argument"):
        torch.outer(torch.ones(2, 2), torch.ones(3))
