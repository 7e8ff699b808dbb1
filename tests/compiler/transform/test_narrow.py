"""Minima of slice bounds that loops have already decided."""

from __future__ import annotations

import numpy as np
import pytest
from pullback.compiler.transform.narrow import narrow
from randprog.passes import check_pass

import pullback as pb


def elimination(a):
    a = a.copy()
    n = a.shape[0]
    for k in range(n - 1):
        a[k + 1 :, k] /= a[k, k]
        for i in range(k + 1, n):
            a[i, k + 1 :] -= a[i, k] * a[k, k + 1 :]
    return np.sum(np.sin(a))


def tails(a):
    total = 0.0
    for k in range(a.shape[1]):
        total += np.sum(a[k:, k] ** 2) * np.sum(a[0, k + 1 :])
    return total


def test_elimination_keeps_no_list() -> None:
    gradient = pb.grad(elimination, jit=False)
    a = np.random.default_rng(1).standard_normal((5, 5)) + 5.0 * np.eye(5)
    pb.check_grads(elimination, (a,))
    gradient(a)
    assert "growing list" not in gradient.explain()
    assert "+ min(" not in gradient.backward_source


@pytest.mark.parametrize("shape", [(4, 4), (2, 5), (5, 2), (1, 1)])
def test_slices_that_begin_behind_the_end(shape: tuple[int, int]) -> None:
    a = np.random.default_rng(2).standard_normal(shape)
    assert pb.value_and_grad(tails, jit=False)(a)[0] == pytest.approx(tails(a))
    pb.check_grads(tails, (a,))


@pytest.mark.parametrize("seed", range(150))
def test_random_functions_mean_the_same(seed: int) -> None:
    check_pass(narrow, seed)
