"""Code for short lengths runs for these lengths only, and all lengths have right gradients."""

from __future__ import annotations

from pathlib import Path

import numba
import numpy as np
import pytest
from pullback.compiler.call.quick import MISS

import pullback as pb


def springs(x):
    total = 0.0
    for i in range(len(x) - 1):
        d = x[i + 1] - x[i]
        total += np.sqrt(d @ d)
    return total


def windows(cams, points):
    total = 0.0
    for o in range(len(points)):
        a = cams[o, :3] * 2.0
        b = np.sin(cams[o, 3:6])
        total += np.sum(a * a) + np.sum(b) * points[o, 0]
    return total


def pendulum(start, steps):
    state = start.copy()
    for _ in range(steps):
        rate = np.empty_like(state)
        rate[0] = state[1]
        rate[1] = -np.sin(state[0])
        state = state + 0.1 * rate
    return np.sum(state**2)


def positions(*shape: int) -> np.ndarray:
    return np.random.default_rng(0).normal(size=shape)


@pytest.mark.parametrize("jit", [True, False])
def test_all_lengths_are_right_in_any_order(jit: bool) -> None:
    g = pb.grad(springs, jit=jit)
    for n in (3, 7, 2, 1, 3, 0, 9, 2):
        x = positions(5, n)
        d = np.diff(x, axis=0)
        ends = d / np.sqrt(np.sum(d**2, axis=1, keepdims=True))
        zero = np.zeros((1, n))
        np.testing.assert_allclose(g(x), np.vstack([zero, ends]) - np.vstack([ends, zero]), atol=1e-12)
    assert len(g.signatures) == 5  # 0, 1, 2, 3, and the others


@pytest.mark.parametrize("columns", [2, 3, 4, 5, 6, 11, 4, 6])
def test_slices_that_are_cut_short(columns: int) -> None:
    args = positions(4, columns), positions(4, 3)
    value, (cams, points) = pb.value_and_grad(windows, (0, 1), jit=False)(*args)
    assert value == pytest.approx(windows(*args))
    a, b = args[0][:, :3], args[0][:, 3:6]
    expected = np.hstack([8.0 * a, np.cos(b) * args[1][:, :1], np.zeros((4, max(columns - 6, 0)))])
    np.testing.assert_allclose(cams, expected, rtol=1e-12)
    np.testing.assert_allclose(points[:, 0], np.sum(np.sin(b), axis=1), rtol=1e-12)


def test_small_states_are_scalars() -> None:
    g = pb.grad(pendulum)
    pb.check_grads(pendulum, (np.array([0.5, 1.0]), 5))
    g(np.array([0.5, 1.0]), 5)
    assert "state1" in g.backward_source and "if start.shape[0] != 2:" in g.backward_source


def test_the_fast_path_asks_for_lengths() -> None:
    g = pb.grad(springs)
    for _ in range(3):
        g(positions(5, 3))
    assert g._quick((positions(9, 3),)) is not MISS
    assert g._quick((positions(5, 2),)) is MISS
    assert g(positions(5, 2)).shape == (5, 2)


def test_the_compiled_function_refuses_other_lengths() -> None:
    compiled = pb.value_and_grad(springs).dispatcher_for(positions(5, 3))

    @numba.njit
    def own(x):
        return compiled(x)[0]

    assert own(positions(7, 3)) == pytest.approx(springs(positions(7, 3)))
    with pytest.raises(ValueError, match="compiled for"):
        own(positions(7, 2))


def test_the_disk_cache_tells_them_apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PULLBACK_CACHE_DIR", str(tmp_path))
    loaded = []
    for n in (3, 2, 3, 6, 7):

        def again(x):
            return springs(x)

        g = pb.grad(again)
        g.compile(positions(5, n))
        np.testing.assert_array_equal(g(positions(5, n)), pb.grad(springs)(positions(5, n)))
        (found,) = g._dispatcher().all
        loaded.append(found.was_loaded)
        assert ("shape[1] != " in found.compiled().code.text) == (n < 5)
    assert loaded == [False, False, True, False, True]
