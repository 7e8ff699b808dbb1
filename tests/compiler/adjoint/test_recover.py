"""Arrays that a loop makes and the reverse sweep needs are rows of a tape, where their lengths are known."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

import pullback as pb

RNG = np.random.default_rng(3)
W, X = RNG.normal(size=(3, 3)), RNG.normal(size=3)


@pytest.fixture(autouse=True)
def unjitted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PULLBACK_JIT", "0")


def allocated(w, x, n):
    """The products need all of the array that an iteration makes. As the total is more than a sum, no
    iteration is reversed right after it has run.
    """
    total = 0.0
    for t in range(n):
        hidden = np.tanh(w @ x * t)
        total = np.sin(total) + np.sum((w @ hidden) ** 2)
    return total


def called(w, x, n):
    """A library call makes the array."""
    total = 0.0
    for t in range(n):
        total = np.sin(total) + np.sum(np.tanh(w @ (w @ x) * t))
    return total


def zeros(w, x, n):
    """Elements that are not written are zeros in every row."""
    total = 0.0
    for t in range(n):
        h = np.zeros(3)
        h[t % 3] = np.sin(x[t % 3] * (t + 1))
        total = np.sin(total) + np.sum((w @ h) ** 2)
    return total


def nested(w, x, n):
    total = 0.0
    for t in range(n):
        for k in range(2, t + 2):
            total = np.sin(total) + np.sum(np.sin(w @ (w @ x * k)) ** 2)
    return total


def views(w, x, n):
    """Both names lead to the row."""
    total = 0.0
    for t in range(n):
        h = np.cos(x * t)
        tail = h[1:]
        tail[0] = h[0] * x[1]
        total = np.sin(total) + np.sum((w @ h) ** 2)
    return total


def chosen(w, x, n):
    """Which of two rows an array is decides the sign; its adjoint takes the same way."""
    total = 0.0
    for t in range(n):
        a, b = np.sin(x * t), np.cos(x * t)
        c = a if a[0] > 0.3 else b
        c[1] = c[0] * x[2]
        total = np.sin(total) + np.sum((w @ c) ** 2) + a[1]
    return total


def buffers(w, x, n):
    """What is exchanged is copied into rows."""
    u, v = x.copy(), np.empty_like(x)
    for _ in range(n):
        v[:] = np.sin(w @ u)
        u, v = v, u
    return np.sum(u**2)


@pytest.mark.parametrize("f", [allocated, called, zeros, nested, views, buffers])
def test_rows(f: Callable[..., float]) -> None:
    derivative = pb.value_and_grad(f, argnums=(0, 1))
    derivative(W, X, 3)
    assert ".append(" not in derivative.backward_source
    assert "array, sized from the" in derivative.explain()
    for n in (0, 1, 4):
        pb.check_grads(f, (W, X, n), order=2)


def test_what_a_branch_chooses_is_a_row() -> None:
    derivative = pb.value_and_grad(chosen, argnums=(0, 1))
    derivative(W, X, 3)
    assert "_saved[t]" in derivative.backward_source
    pb.check_grads(chosen, (W, X, 4), order=2)


def growing(w, x, n):
    """The lengths differ between iterations."""
    total = 0.0
    for t in range(n):
        h = np.sin(x[: t % 3 + 1])
        total = np.sin(total) + np.sum((w[: t % 3 + 1, : t % 3 + 1] @ h) ** 2)
    return total


def unknown_trips(w, x, n):
    total, t = 0.0, 0
    while t < n:
        h = np.sin(x * t)
        total = np.sin(total) + np.sum((w @ h) ** 2)
        t += 1
    return total


@pytest.mark.parametrize("f", [growing, unknown_trips])
def test_lists(f: Callable[..., float]) -> None:
    derivative = pb.value_and_grad(f, argnums=(0, 1))
    derivative(W, X, 3)
    assert ".append(" in derivative.backward_source
    pb.check_grads(f, (W, X, 4), order=2)


def last(w, x, n):
    """The caller gets an array that is made in the loop, and that the adjoint of the product needs."""
    y, total = np.zeros(3), 0.0
    for t in range(n):
        y = w @ (x * t)
        total = np.sin(total) + np.sum((w @ y) ** 2)
    return total, y


def test_a_result_does_not_keep_a_tape() -> None:
    (_, y), _ = pb.value_and_grad(last, has_aux=True)(W, X, 50)
    np.testing.assert_allclose(y, W @ X * 49)
    assert y.base is None or y.base.size == 3


def test_a_length_that_no_iteration_uses_may_be_negative() -> None:
    def f(w, x, n):
        total = 0.0
        for t in range(n):
            h = np.empty(n - 1)
            for i in range(n - 1):
                h[i] = np.sin(x[i] * t)
            total = np.sin(total) + np.sum((w[: n - 1, : n - 1] @ h) ** 2)
        return total

    derivative = pb.value_and_grad(f, argnums=(0, 1))
    value, (w_bar, x_bar) = derivative(W, X, 0)
    assert value == 0.0 and not w_bar.any() and not x_bar.any()
    pb.check_grads(f, (W, X, 4))


def test_a_limit_counts_rows() -> None:
    limited = pb.value_and_grad(allocated, argnums=(0, 1), memory_limit="2 kB")
    expected = pb.value_and_grad(allocated, argnums=(0, 1))(W, X, 200)
    found = limited(W, X, 200)
    assert "plan CHECKPOINT" in limited.explain()
    for a, b in zip(found[1], expected[1], strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-12)
