"""Elements that stay in registers while a loop runs."""

from __future__ import annotations

import re

import numpy as np
import pytest
from pullback.compiler.transform.promote import promote
from randprog.passes import check_pass

import pullback as pb


def substitution(a, b):
    x = np.zeros(len(b))
    for i in range(len(b)):
        x[i] = b[i]
        for j in range(i):
            x[i] -= a[i, j] * x[j]
        x[i] /= a[i, i]
    return np.sum(x**2)


def product(a, b):
    c = np.zeros((len(b), len(b)))
    for i in range(len(b)):
        for j in range(len(b)):
            c[i, j] = b[j]
            for k in range(len(b)):
                c[i, j] += a[i, k] * a[k, j]
    return np.sum(np.sin(c))


def not_the_same_element(a, b):
    x = b.copy()
    for i in range(1, len(b)):
        x[i] = x[i] * 2.0
        for j in range(len(b)):
            x[i] += a[i, j] * x[j]
    return np.sum(x)


def perhaps_out_of_range(a, b):
    x = b.copy()
    total = 0.0
    for i in range(len(b) + 3):
        for j in range(0 if i >= len(b) else 2):
            total += x[i] * a[j, 0]
            x[i] += a[j, 1]
    return total


def single(a, b):
    c = np.zeros(2, dtype=np.float32)
    c[0] = np.float32(1.0)
    for j in range(len(b)):
        c[0] += np.float32(b[j] * a[0, j])
    return float(c[0]) * 1.0


def of_another_length(a, b):
    s = np.zeros(a.shape[1])
    for i in range(a.shape[0]):
        for j in range(a.shape[1]):
            s[j] += b[i] * a[i, j]
    return np.sum(np.sin(s))


def same_length(a, b):
    s = np.zeros(len(b))
    for i in range(len(b)):
        for j in range(len(b)):
            s[i] += b[i] * a[i, j]
    return np.sum(np.sin(s))


def point() -> tuple[np.ndarray, np.ndarray]:
    m = np.random.default_rng(3).standard_normal((6, 6))
    return 0.1 * (m @ m.T) + np.eye(6), np.arange(1.0, 7.0)


@pytest.mark.parametrize("f", [substitution, product, not_the_same_element, perhaps_out_of_range,
                               of_another_length, same_length])  # fmt: skip
def test_gradients(f) -> None:
    pb.check_grads(f, point())
    value, _ = pb.value_and_grad(f, argnums=(0, 1))(*point())
    assert value == pytest.approx(f(*point()), rel=1e-12)


def test_single_precision() -> None:
    value, (a_bar, b_bar) = pb.value_and_grad(single, argnums=(0, 1), jit=False)(*point())
    a, b = point()
    assert value == pytest.approx(single(a, b), rel=1e-6)
    np.testing.assert_allclose(a_bar[0], b, rtol=1e-6)
    np.testing.assert_allclose(b_bar, a[0], rtol=1e-6)


@pytest.mark.parametrize(("f", "array", "promoted"), [
    (substitution, "x[i] +=", True), (product, "c[i, j] +=", True), (not_the_same_element, "x[i] +=", False),
    (same_length, "s[i] +=", True),
])  # fmt: skip
def test_what_is_promoted(f, array: str, promoted: bool) -> None:
    gradient = pb.grad(f, jit=False)
    gradient(*point())
    lines = gradient.backward_source.split("# ---- reverse")[0].splitlines()
    depth = {len(line) - len(line.lstrip()) for line in lines if line.strip().startswith(array)}
    inner = max(len(line) - len(line.lstrip()) for line in lines)
    assert (inner not in depth) is promoted


def test_what_may_not_exist_is_read_under_a_condition() -> None:
    gradient = pb.value_and_grad(of_another_length, argnums=(0, 1), jit=False)
    gradient(*point())
    assert re.search(r"if \w+:\n(.*\n){0,3}.* = b\[i\]\n", gradient.backward_source)
    value, (a_bar, b_bar) = gradient(np.ones((3, 0)), np.ones(2))  # b[2] is never read
    assert (value, a_bar.shape, b_bar.tolist()) == (0.0, (3, 0), [0.0, 0.0])
    with pytest.raises(IndexError):
        gradient(np.ones((3, 2)), np.ones(2))


@pytest.mark.parametrize("seed", range(150))
def test_random_functions_mean_the_same(seed: int) -> None:
    check_pass(promote, seed)
