"""Recurrences across rows that run along them."""

from __future__ import annotations

import re

import numpy as np
import pytest
from pullback.compiler.transform.recurrences import recurrences
from randprog.irloops import LoopProgram
from randprog.passes import check_pass

import pullback as pb


def running_sums(a, x):
    out = np.empty_like(a)
    out[:, 0] = a[:, 0]
    for step in range(1, a.shape[1]):
        for row in range(a.shape[0]):
            out[row, step] = out[row, step - 1] + x[row] * a[row, step]
    return np.sum(np.sin(out))


def backwards(a, x):
    out = a.copy()
    for step in range(a.shape[1] - 2, -1, -1):
        for row in range(a.shape[0]):
            out[row, step] = out[row, step] * x[row] + out[row, step + 1]
    return np.sum(np.sin(out))


def two_axes(a, x):
    u = np.empty((a.shape[0], x.size, a.shape[1]))
    for k in range(x.size):
        u[:, k] = a * x[k]
    for step in range(1, u.shape[2]):
        for row in range(u.shape[0]):
            for j in range(u.shape[1]):
                u[row, j, step] = u[row, j, step - 1] + np.tanh(u[row, j, step] * x[row])
    return np.sum(u**2)


def sums_beside(a, x):
    out = a.copy()
    total = x[0]
    for step in range(1, a.shape[1]):
        for row in range(a.shape[0]):
            out[row, step] = out[row, step] * x[row] + out[row, step - 1]
            total += out[row, step] * a[row, step - 1]
    return total**2 + np.sum(out)


def branches(a, x):
    out = a.copy()
    for step in range(1, a.shape[1]):
        for row in range(a.shape[0]):
            if x[row] > 0.0:
                out[row, step] = out[row, step - 1] * out[row, step]
    return np.sum(out * x[0])


def states(a, x):
    """One state per row: the last step counts."""
    state = x[: a.shape[0]] * 2.0
    for step in range(a.shape[1]):
        for row in range(a.shape[0]):
            state[row] = state[row] + np.cos(a[row, step])
    return np.sum(state**2)


def last_one_stays(a, x):
    last = np.zeros(a.shape[0])
    for step in range(a.shape[1]):
        for row in range(a.shape[0]):
            last[row] = a[row, step] * x[row]
    return np.sum(last**2)


TURNED = [running_sums, backwards, two_axes, sums_beside, branches, states, last_one_stays]


def waits(a, x):
    """Each step waits for the product and the quotient of the one before."""
    out = a.copy()
    for step in range(1, a.shape[1]):
        for row in range(a.shape[0]):
            out[row, step] = x[row] / (out[row, step - 1] * a[row, step] + 9.0)
    return np.sum(np.sin(out))


def rows_meet(a, x):
    out = a.copy()
    for step in range(1, a.shape[1]):
        for row in range(1, a.shape[0]):
            out[row, step] += out[row - 1, step - 1] * x[row]
    return np.sum(out**2)


def rows_meet_below(a, x):
    out = a.copy()
    for step in range(1, a.shape[1]):
        for row in range(a.shape[0] - 1):
            out[row, step] = out[row + 1, step - 1] * x[row]
    return np.sum(out**2)


def second_axis_meets(a, x):
    u = np.empty((a.shape[0], x.size, a.shape[1]))
    for k in range(x.size):
        u[:, k] = a * x[k]
    for step in range(1, u.shape[2]):
        for row in range(u.shape[0]):
            for j in range(1, u.shape[1]):
                u[row, j, step] = u[row, j - 1, step - 1] * x[row] + u[row, j, step]
    return np.sum(u**2)


def wraps_around(a, x):
    out = a.copy()
    for step in range(1, a.shape[1]):
        for row in range(-2, a.shape[0] - 2):
            out[row, step] = out[row, step - 1] * x[row] + 0.5 * out[row, step]
    return np.sum(out**2)


def rows_of_a_step(a, x):
    out = a.copy()
    for step in range(1, a.shape[1]):
        for row in range(min(step, a.shape[0])):
            out[row, step] += out[row, step - 1] * x[row]
    return np.sum(out**2)


def one_memory_for_all(a, x):
    out = a.copy()
    last = np.zeros(1)
    for step in range(1, a.shape[1]):
        for row in range(a.shape[0]):
            last[0] = 0.5 * last[0] + out[row, step - 1]
            out[row, step] = last[0] * x[row]
    return np.sum(out**2)


def carried(a, x):
    out = a.copy()
    total = 1.0
    for step in range(1, a.shape[1]):
        for row in range(a.shape[0]):
            total = 0.5 * total + out[row, step - 1] * x[row]
            out[row, step] = total
    return np.sum(out**2)


def reset_in_each_step(a, x):
    out = a.copy()
    total = 0.0
    for step in range(1, a.shape[1]):
        total = 0.0
        for row in range(a.shape[0]):
            out[row, step] += out[row, step - 1] * x[row]
            total += out[row, step]
    return total + np.sum(out**2)


def looked_up(a, x):
    out = a.copy()
    places = np.array([0, 1, 1, 0, 3])
    for step in range(1, a.shape[1]):
        for row in range(a.shape[0]):
            out[places[row], step] = out[places[row], step - 1] * x[row]
    return np.sum(out**2)


def already_along(a, x):
    out = a.copy()
    for step in range(1, a.shape[0]):
        for row in range(a.shape[1]):
            out[step, row] += out[step - 1, row] * x[step]
    return np.sum(out**2)


def stops(a, x):
    out = a.copy()
    for step in range(1, a.shape[1]):
        for row in range(a.shape[0]):
            if out[row, step - 1] > 1.5:
                break
            out[row, step] += out[row, step - 1] * x[row]
    return np.sum(out**2)


LEFT = [waits, rows_meet, rows_meet_below, second_axis_meets, wraps_around, rows_of_a_step,
        one_memory_for_all, carried, reset_in_each_step, looked_up, already_along, stops]  # fmt: skip


def point() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(3)
    return rng.standard_normal((5, 6)) + 0.2, rng.standard_normal(5)


def innermost(f) -> str:
    """Which of the loops over `step` and `row` is inside of the other, before the adjoint is made."""
    gradient = pb.grad(f, argnums=(0, 1), jit=False)
    gradient(*point())
    found = re.findall(r"^( *)for (step|row)\w* in", gradient.ir("optimised"), re.MULTILINE)
    return max(found)[1]


@pytest.mark.parametrize("f", TURNED)
def test_steps_move_inside(f) -> None:
    assert innermost(f) == "step"


@pytest.mark.parametrize("f", LEFT)
def test_what_is_left(f) -> None:
    assert innermost(f) == "row"


@pytest.mark.parametrize("f", TURNED + LEFT)
def test_gradients(f) -> None:
    value, grads = pb.value_and_grad(f, argnums=(0, 1), jit=False)(*point())
    assert value == pytest.approx(f(*point()), rel=1e-12)
    rng = np.random.default_rng(1)
    steps = tuple(1e-6 * rng.standard_normal(v.shape) for v in point())
    ends = [f(*(v + sign * s for v, s in zip(point(), steps, strict=True))) for sign in (1, -1)]
    slope = sum(np.sum(g * s) for g, s in zip(grads, steps, strict=True))
    assert slope == pytest.approx((ends[0] - ends[1]) / 2, rel=1e-6)


@pytest.mark.parametrize("f", [backwards, sums_beside, branches, states])
@pytest.mark.parametrize("shape", [(0, 4), (4, 0), (0, 0), (1, 1)])
def test_without_iterations(f, shape: tuple[int, int]) -> None:
    a, x = np.ones(shape), np.ones(shape[0] + 1)
    value, (a_bar, _) = pb.value_and_grad(f, argnums=(0, 1), jit=False)(a, x)
    assert value == pytest.approx(f(a, x), rel=1e-12)
    assert a_bar.shape == shape


def test_columns_of_arrays_leave_rows_only() -> None:
    """Statements on whole columns become a loop over the rows, and of the paths one row is kept."""

    def f(draws, scale):
        paths = np.empty_like(draws)
        paths[:, 0] = scale * draws[:, 0]
        for t in range(1, draws.shape[1]):
            paths[:, t] = paths[:, t - 1] + scale * draws[:, t]
        return np.sum(np.maximum(np.sum(np.exp(paths), axis=1) - 2.0, 0.0))

    gradient = pb.grad(f, argnums=1, jit=False)
    draws = np.random.default_rng(0).standard_normal((7, 4))
    pb.check_grads(lambda scale: f(draws, scale), (0.3,))
    gradient(draws, 0.3)
    assert re.findall(r"paths = mem\.\w+\((.*)\)", gradient.backward_source) == ["draws_n1"]


def test_an_order_that_the_caller_sees_stays() -> None:
    """What an argument holds after an index out of range was written in the order of the program."""

    def f(out, a):
        for step in range(1, out.shape[1]):
            for row in range(out.shape[0]):
                out[row, step] = out[row, step - 1] + a[row, step]

    expected, found = np.ones((3, 4)), np.ones((3, 4))
    for function, array in ((f, expected), (pb.differentiable(f), found)):
        with pytest.raises(IndexError):
            function(array, np.ones((3, 2)))
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("seed", range(40))
def test_random_functions_mean_the_same(seed: int) -> None:
    check_pass(recurrences, seed)


@pytest.mark.parametrize("seed", range(40))
def test_random_loops_mean_the_same(seed: int) -> None:
    check_pass(recurrences, seed, LoopProgram)
    fn = LoopProgram(seed).build()
    assert recurrences(fn, reassociate=False) is fn
