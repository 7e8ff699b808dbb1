"""np.einsum and its kin beyond the samples of the registry: views, calls of BLAS, refusals."""

from __future__ import annotations

import numpy as np
import pytest

import pullback as pb

RNG = np.random.default_rng(4)
A, B, C = RNG.normal(size=(3, 4)), RNG.normal(size=(4, 5)), RNG.normal(size=(2, 3, 4))


def test_diagonals_and_transposes_are_views() -> None:
    def f(a):
        a = a.copy()
        diagonal, turned = np.einsum("ii->i", a), np.einsum("ij->ji", a)
        diagonal[:] = 2.0 * diagonal
        a[0, 1] = 7.0 * a[0, 1]
        return np.sum(turned[1] ** 2) + diagonal[0]

    point = RNG.normal(size=(3, 3))
    assert pb.value_and_grad(f, jit=False)(point)[0] == pytest.approx(f(point))
    pb.check_grads(f, (point,))


@pytest.mark.parametrize(
    ("subscripts", "operands"),
    [
        ("ij,jk->ik", (A, B)),
        ("ij,jk->ki", (A, B)),
        ("ji,jk->ki", (A.T.copy(), B)),
        ("ij,kj", (A, B.T.copy())),
        ("ij,j->i", (A, B[:, 0].copy())),
        ("j,ij->i", (B[:, 0].copy(), A)),
    ],
)
def test_products_of_matrices_are_calls_in_both_sweeps(subscripts: str, operands) -> None:
    def f(x, y):
        return np.sum(np.einsum(subscripts, x, y) ** 2)

    gradient = pb.grad(f, argnums=(0, 1), jit=False)
    gradient(*operands)
    assert gradient.backward_source.count("support.") >= 2
    pb.check_grads(f, operands)


@pytest.mark.parametrize(
    ("f", "args"),
    [
        (lambda x, y: np.sum(np.einsum("bij,jk,k->bi", x, y, np.arange(5.0)) ** 3), (C, B)),
        (lambda x, y: np.sum(np.einsum("...j,jk", x, y)[0] ** 2), (C, B)),
        (lambda x, y: np.sum(np.tensordot(x, y, axes=(-1, 0)) ** 2), (C, B)),
        (lambda x, y: np.sum(np.linalg.multi_dot([x[0], y, y.T]) ** 2), (C, B)),
    ],
)
def test_gradients(f, args) -> None:
    pb.check_grads(f, args)
    compiled, plain = (pb.grad(f, argnums=(0, 1), jit=jit)(*args) for jit in (True, False))
    for one, two in zip(compiled, plain, strict=True):
        np.testing.assert_allclose(one, two, rtol=1e-11)


def test_lengths_that_do_not_fit_raise_as_in_numpy() -> None:
    def f(x, y):
        return np.sum(np.einsum("ij,jk", x, y))

    for call in (f, pb.grad(f, jit=False)):
        with pytest.raises(ValueError):
            call(A, B[:3])


@pytest.mark.parametrize(
    ("subscripts", "operands"), [("ij,j->ik", (A, A[0])), ("ijk", (A,)), ("i->ii", (A[0],)), ("ij", (A, A))]
)
def test_subscripts_that_mean_nothing_are_refused(subscripts: str, operands) -> None:
    with pytest.raises(pb.PullbackError, match=r"np\.einsum"):
        pb.grad(lambda x: np.sum(np.einsum(subscripts, x, *operands[1:])), jit=False)(operands[0])
