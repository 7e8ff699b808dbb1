"""Systems with a Cholesky factor."""

from __future__ import annotations

import numpy as np
import pytest

import pullback as pb


def likelihood(m, y):
    """Minus the log likelihood of a normal distribution."""
    low = np.linalg.cholesky(m @ m.T + 4.0 * np.eye(len(y)))
    white = np.linalg.solve(low, y)
    return 0.5 * np.sum(white**2) + np.sum(np.log(np.diag(low)))


def both_sides(m, y):
    low = np.linalg.cholesky(m @ m.T + 4.0 * np.eye(len(y)))
    return np.sum(np.sin(np.linalg.solve(low.T, np.linalg.solve(low, y))))


def turned_twice(m, y):
    low = np.linalg.cholesky(m @ m.T + 4.0 * np.eye(len(y)))
    return np.sum(np.linalg.solve(low.T.T, np.outer(y, y) + m) ** 2)


def a_matrix_of_columns(m, y):
    low = np.linalg.cholesky(m @ m.T + 4.0 * np.eye(len(y)))
    return np.sum(np.linalg.solve(low.T, np.linalg.solve(low, m[:, :2])) * y[0])


def inside_of_a_loop(m, y):
    total = 0.0
    for k in range(3):
        low = np.linalg.cholesky(m @ m.T + (4.0 + k) * np.eye(len(y)))
        total += np.sum(np.linalg.solve(low, y) ** 3)
    return total


SOLVED = [likelihood, both_sides, turned_twice, a_matrix_of_columns, inside_of_a_loop]


def written(m, y):
    low = np.linalg.cholesky(m @ m.T + 4.0 * np.eye(len(y)))
    low[0, 1] = y[0]
    return np.sum(np.linalg.solve(low, y))


def written_later(m, y):
    low = np.linalg.cholesky(m @ m.T + 4.0 * np.eye(len(y)))
    total = np.sum(np.linalg.solve(low, y))
    low[:, 1] = y
    return total + np.sum(low**2)


def written_through_a_view(m, y):
    low = np.linalg.cholesky(m @ m.T + 4.0 * np.eye(len(y)))
    corner = low.T
    corner[1:, 0] += y[1:]
    return np.sum(np.linalg.solve(low, y))


def a_part(m, y):
    low = np.linalg.cholesky(m @ m.T + 4.0 * np.eye(len(y)))
    return np.sum(np.linalg.solve(low[::-1, ::-1], y))


def joined(m, y):
    low = np.linalg.cholesky(m @ m.T + 4.0 * np.eye(len(y)))
    other = low if y[0] > 0.0 else m
    return np.sum(np.linalg.solve(other, y))


def another_matrix(m, y):
    low = np.linalg.cholesky(m @ m.T + 4.0 * np.eye(len(y)))
    return np.sum(np.linalg.solve(low + m, y))


GENERAL = [written, written_later, written_through_a_view, a_part, joined, another_matrix]


def arguments(n: int = 4) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(n)
    return rng.normal(size=(n, n)), rng.normal(size=n)


@pytest.mark.parametrize("f", SOLVED + GENERAL)
@pytest.mark.parametrize("n", [1, 4])
def test_means_the_same(f, n: int, monkeypatch: pytest.MonkeyPatch) -> None:
    if n == 1 and f in GENERAL[:3]:
        return
    args = arguments(n)
    monkeypatch.setenv("PULLBACK_JIT", "0")
    assert pb.value_and_grad(f, (0, 1), jit=False)(*args)[0] == pytest.approx(f(*args), rel=1e-12)
    pb.check_grads(f, args)


@pytest.mark.parametrize("f", SOLVED)
def test_is_solved_by_substitution(f) -> None:
    gradient = pb.grad(f, (0, 1), jit=False)
    gradient(*arguments())
    text = gradient.forward_source + gradient.backward_source
    assert "support.solve(" not in text
    assert "triangular.solve_" in gradient.forward_source


@pytest.mark.parametrize("f", GENERAL)
def test_is_left_alone(f) -> None:
    gradient = pb.grad(f, (0, 1), jit=False)
    gradient(*arguments())
    assert "support.solve(" in gradient.forward_source
    assert "triangular.solve_" not in gradient.forward_source


@pytest.mark.parametrize("f", [likelihood, both_sides])
def test_compiled_and_second_order(f) -> None:
    m, y = arguments(40)
    assert pb.value_and_grad(f)(m, y)[0] == pytest.approx(f(m, y), rel=1e-12)
    gradient, step, h = pb.grad(f), np.cos(m), 1e-6
    slope = (gradient(m + h * step, y) - gradient(m - h * step, y)) / (2 * h)
    np.testing.assert_allclose(pb.hvp(f, (m, y), (step, None))[0], slope, rtol=1e-5, atol=1e-6)


def test_an_indefinite_matrix_is_the_same_error() -> None:
    def f(a, y):
        return np.sum(np.linalg.solve(np.linalg.cholesky(a), y))

    with pytest.raises(np.linalg.LinAlgError):
        pb.grad(f)(-np.eye(2), np.ones(2))
