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


def ring(u, w):
    total = 0.0
    n = u.shape[0]
    for j in range(n):
        west, east = (j - 1 + n) % n, (j + 1) % n
        total += np.sin(u[west] * u[j]) * u[east] + u[j] * w[east] * w[(j - 1) % n]
    return total


@pytest.mark.parametrize("n", [0, 1, 2, 3, 6])
def test_remainders_at_an_edge(n: int) -> None:
    rng = np.random.default_rng(3)
    u, w = rng.standard_normal(n), rng.standard_normal(n)
    gradient = pb.value_and_grad(ring, argnums=(0, 1), jit=False)
    value, _ = gradient(u, w)
    assert value == pytest.approx(ring(u, w))
    pb.check_grads(ring, (u, w))
    lines = [line for line in gradient.backward_source.splitlines() if not line.lstrip().startswith("#")]
    assert not any("%" in line or "saved" in line or "ZeroDivisionError" in line for line in lines)


def shifted(u, n):
    total = 0.0
    for j in range(u.shape[0]):
        total += u[(j + 1) % n] * u[j]
    return total


@pytest.mark.parametrize("n", [1, 2, 5])
def test_remainders_by_what_is_no_length_of_the_loop_stay(n: int) -> None:
    u = np.random.default_rng(4).standard_normal(5)
    gradient = pb.value_and_grad(shifted, jit=False)
    assert gradient(u, n)[0] == pytest.approx(shifted(u, n))
    pb.check_grads(shifted, (u, n))
    assert "% n" in gradient.backward_source
    with pytest.raises(ZeroDivisionError):
        gradient(u, 0)
