"""Loops that are pushed down so that the innermost one runs along rows."""

from __future__ import annotations

import re

import numpy as np
import pytest
from pullback.compiler import pipeline
from pullback.compiler.transform.interchange import interchange
from randprog.irloops import LoopProgram
from randprog.passes import check_pass

import pullback as pb


def transposed_product(a, x):
    y = np.empty(a.shape[1])
    for j in range(a.shape[1]):
        total = 0.0
        for k in range(a.shape[0]):
            total += a[k, j] * x[k]
        y[j] = np.sin(total)
    return np.sum(y**2)


def memory_sum(a, x):
    y = np.zeros(a.shape[1])
    for j in range(a.shape[1]):
        for k in range(a.shape[0]):
            y[j] -= a[k, j] * x[k]
        y[j] *= x[0]
    return np.sum(y**2)


def carried_through(a, x):
    total = 1.0
    for j in range(a.shape[1]):
        for k in range(a.shape[0]):
            total += a[k, j] * x[k]
    return total**2


def carried_beside(a, x):
    total = 1.0
    for j in range(a.shape[1]):
        column = 0.5
        for k in range(a.shape[0]):
            column += a[k, j]
        total = total * 0.5 + np.tanh(column) * x[0]
    return total


def triangle(a, x):
    total = 0.0
    for i in range(a.shape[1]):
        for j in range(i + 1, a.shape[1]):
            dot = 0.0
            for k in range(a.shape[0]):
                dot += a[k, i] * a[k, j]
            total += dot * dot * x[0]
    return total


def several_loops(a, x):
    a = a.copy()
    for j in range(a.shape[1]):
        mean = 0.0
        for k in range(a.shape[0]):
            mean += a[k, j]
        mean /= a.shape[0]
        spread = 0.0
        for k in range(a.shape[0]):
            a[k, j] -= mean
            spread += a[k, j] ** 2 * x[k]
        if spread < 0.1:
            spread = 1.0
        for k in range(a.shape[0]):
            a[k, j] /= spread
    return np.sum(a**3)


def three_deep(a, x):
    out = np.zeros((a.shape[1], a.shape[1]))
    for j in range(a.shape[1]):
        for i in range(a.shape[1]):
            for k in range(a.shape[0]):
                out[i, j] += a[k, i] * a[k, j] * x[k]
    return np.sum(np.cos(out))


def sum_over_two_loops(a, x):
    y = np.empty(a.shape[1])
    for j in range(a.shape[1]):
        total = 0.0
        for k in range(a.shape[0]):
            for m in range(3 + k):
                total += a[k, j] * x[m % 3]
        y[j] = total
    return np.sum(y**2)


def one_after_the_other(a, x):
    y = np.empty(a.shape[1])
    for j in range(a.shape[1]):
        first = 0.0
        for k in range(a.shape[0]):
            first += a[k, j]
        second = first
        for k in range(a.shape[0]):
            second += a[k, j] * x[k]
        y[j] = first * second
    return np.sum(y)


PUSHED = [transposed_product, memory_sum, carried_through, triangle, several_loops, three_deep,
          sum_over_two_loops, one_after_the_other, carried_beside]  # fmt: skip


def along_rows(a, x):
    y = np.zeros(a.shape[0])
    for j in range(a.shape[0]):
        for k in range(a.shape[1]):
            y[j] += a[j, k] * x[0]
    return np.sum(y**2)


def wraps_around(a, x):
    y = np.zeros(a.shape[1])
    for j in range(-2, a.shape[1] - 2):
        for k in range(a.shape[0]):
            y[j] = y[j] * 0.5 + a[k, j] * x[k]
    return np.sum(y**2)


def bounds_move(a, x):
    y = np.zeros(a.shape[1])
    for j in range(a.shape[1]):
        for k in range(min(j, a.shape[0])):
            y[j] += a[k, j] * x[k]
    return np.sum(y**2)


def not_a_sum(a, x):
    total = 0.0
    for j in range(a.shape[1]):
        for k in range(a.shape[0]):
            total = 0.5 * total + a[k, j] * x[k]
    return total


def stops(a, x):
    total = 0.0
    for j in range(a.shape[1]):
        for k in range(a.shape[0]):
            if a[k, j] > 100.0:
                break
            total += a[k, j] * x[k]
    return total


LEFT = [along_rows, wraps_around, bounds_move, not_a_sum, stops]


def point() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(3)
    return rng.standard_normal((5, 4)) + 0.2, rng.standard_normal(5)


@pytest.mark.parametrize("f", PUSHED + LEFT)
def test_gradients(f) -> None:
    value, grads = pb.value_and_grad(f, argnums=(0, 1), jit=False)(*point())
    assert value == pytest.approx(f(*point()), rel=1e-12)
    rng = np.random.default_rng(1)
    steps = tuple(1e-6 * rng.standard_normal(v.shape) for v in point())
    ends = [f(*(v + sign * s for v, s in zip(point(), steps, strict=True))) for sign in (1, -1)]
    slope = sum(np.sum(g * s) for g, s in zip(grads, steps, strict=True))
    assert slope == pytest.approx((ends[0] - ends[1]) / 2, rel=1e-6)


@pytest.mark.parametrize(
    ("f", "shape"),
    [
        (f, shape)
        for f in PUSHED
        if f is not sum_over_two_loops
        for shape in [(0, 4), (4, 0), (0, 0), (1, 1)]
        if shape[0] or f is not several_loops
    ],
)
def test_without_iterations(f, shape: tuple[int, int]) -> None:
    a, x = np.ones(shape), np.ones(shape[0] + 3)
    value, (a_bar, _) = pb.value_and_grad(f, argnums=(0, 1), jit=False)(a, x)
    assert value == pytest.approx(f(a, x), rel=1e-12)
    assert a_bar.shape == shape


def strided(source: str) -> bool:
    """Whether the innermost loop of the forward sweep has an index before the last of an element."""
    lines = [line for line in source.splitlines() if not line.strip().startswith("#")]
    for at, line in enumerate(lines):
        loop = re.match(r"( *)for (\w+) in range", line)
        if loop is None:
            continue
        indent, index = len(loop[1]), loop[2]
        body = []
        for inner in lines[at + 1 :]:
            if len(inner) - len(inner.lstrip()) <= indent:
                break
            body.append(inner)
        innermost = not any(inner.lstrip().startswith("for ") for inner in body)
        if innermost and any(re.search(rf"\[{index}, ", inner) for inner in body):
            return True
    return False


@pytest.mark.parametrize(
    ("f", "pushed"), [(f, True) for f in PUSHED] + [(f, False) for f in LEFT if f is not stops]
)
def test_what_is_pushed(f, pushed: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PULLBACK_CACHE", "0")
    monkeypatch.setattr(pipeline, "blocks", lambda fn, **_: fn)  # a loop over a block is innermost there
    gradient = pb.grad(f, jit=False)
    gradient(*point())
    forward = gradient.backward_source.split("# ---- reverse")[0]
    assert strided(forward) is (not pushed and f is not along_rows)


@pytest.mark.parametrize("seed", range(40))
def test_random_functions_mean_the_same(seed: int) -> None:
    check_pass(interchange, seed)


@pytest.mark.parametrize("seed", range(40))
def test_random_loops_mean_the_same(seed: int) -> None:
    check_pass(interchange, seed, LoopProgram)
    fn = LoopProgram(seed).build()
    assert interchange(fn, reassociate=False) is fn


def sums_in_branches(a, b):
    total = 0.0
    columns = np.zeros(a.shape[1])
    for j in range(a.shape[1]):
        for i in range(a.shape[0]):
            if b[i] > 0.2:
                total += a[i, j] * b[i]
            columns[j] += a[i, j]
        if b[j] > 0.1:
            total += b[j] * b[j]
    return total + np.sum(columns * columns)


def sums_that_go_on_after_a_loop(a, b):
    total = 0.0
    columns = np.zeros(a.shape[1])
    for j in range(a.shape[1]):
        for i in range(a.shape[0]):
            total += a[i, j] * b[i]
            columns[j] += a[i, j]
        total += b[j] * b[j]
    return total + np.sum(columns * columns)


@pytest.mark.parametrize("f", [sums_in_branches, sums_that_go_on_after_a_loop])
def test_sums_of_other_forms(f) -> None:
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(12, 12)), rng.normal(size=12)
    value, _ = pb.value_and_grad(f, (0, 1), jit=False)(a, b)
    assert value == pytest.approx(f(a, b), rel=1e-13)
    pb.check_grads(f, (a, b))
