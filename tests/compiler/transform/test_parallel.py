"""Loops in threads: the same numbers from any number of threads, and the errors of the serial program."""

from __future__ import annotations

import math
import threading
from collections.abc import Iterator

import numba
import numpy as np
import pytest
from numba import njit, prange
from pullback.compiler.analysis import work
from pullback.compiler.transform import parallel
from randprog.derive import FAILED, judge
from randprog.grammar import Program

import pullback as pb

RNG = np.random.default_rng(5)


@pytest.fixture(autouse=True)
def every_loop(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Cut every loop that may be cut, however small."""
    monkeypatch.setenv("PULLBACK_CACHE", "0")
    monkeypatch.setattr(parallel, "ENOUGH", -(10**12))
    monkeypatch.setattr(work, "LEAST", 0)
    threads = numba.get_num_threads()
    yield
    numba.set_num_threads(threads)


def logistic(w, x, y):
    loss = 0.0
    for i in prange(x.shape[0]):
        z = 0.0
        for j in range(x.shape[1]):
            z += x[i, j] * w[j]
        loss += np.log1p(np.exp(-y[i] * z))
    return loss / x.shape[0]


def triangle(x, m):
    energy = 0.0
    for i in prange(x.shape[0]):
        for j in range(i):
            d = 0.1
            for k in range(x.shape[1]):
                d += (x[i, k] - x[j, k]) ** 2
            energy -= m[i] * m[j] / math.sqrt(d)
    return energy


def rows(x, w):
    out = np.zeros(len(x))
    for i in prange(len(x)):
        h = np.zeros(len(w))
        for _ in range(3):
            for k in range(len(w)):
                h[k] = np.tanh(w[k] * h[k] + x[i])
        out[i] = h[0] + h[1] * h[2]
    return np.sum(out**2)


def scratch(x, w):
    buffer = np.empty(len(w))
    total = 0.0
    for i in prange(len(x)):
        for k in range(len(w)):
            buffer[k] = np.tanh(x[i] - w[k])
        q = 1.0
        for k in range(len(w)):
            q += buffer[k] * buffer[k]
        total += math.sqrt(q)
    return total


def histogram(x, index):
    counts = np.zeros(4)
    for i in prange(len(x)):
        t = np.sin(x[i])
        counts[index[i]] += t
    return np.sum(counts**2)


def masked(x, w):
    total = 0.0
    for i in prange(len(x)):
        v = w[0] * np.exp(x[i])
        if v > 1.0:
            total += v * v
        elif v < 0.1:
            total -= v
    return total


def stencil(u, c):
    s = 0.0
    for i in prange(1, u.shape[0] - 1):
        for j in range(1, u.shape[1] - 1):
            s += c[i, j] * np.sin(u[i - 1, j] + u[i + 1, j] + u[i, j - 1] * u[i, j + 1])
    return s


def steps(u0, c):
    u, v = u0.copy(), u0.copy()
    for _ in range(3):
        for i in prange(1, u.shape[0] - 1):
            for j in range(1, u.shape[1] - 1):
                v[i, j] = u[i, j] + c[i, j] * np.sin(u[i - 1, j] + u[i + 1, j] - 2 * u[i, j])
        u, v = v, u
    return np.sum(u**2)


def arrays(x, w):
    return np.mean(np.log1p(np.exp(x @ w)) ** 2)


def backwards(x, w):
    total = 0.0
    for i in range(len(x) - 1, 0, -2):
        total += w[0] * x[i] ** 3
    return total


VECTOR, SMALL = RNG.standard_normal(70), RNG.standard_normal(3)
MATRIX, GRID = RNG.standard_normal((70, 3)), RNG.standard_normal((70, 6))
CASES = {
    logistic: (SMALL, MATRIX, np.sign(VECTOR)),
    triangle: (MATRIX, np.abs(VECTOR)),
    rows: (VECTOR, SMALL),
    scratch: (VECTOR, SMALL),
    histogram: (VECTOR, RNG.integers(-4, 4, 70)),
    masked: (VECTOR, np.abs(SMALL)),
    stencil: (GRID, GRID**2),
    steps: (GRID, 0.1 * GRID**2),
    arrays: (MATRIX, SMALL),
    backwards: (VECTOR, SMALL),
}


def numbers_of(args) -> tuple[int, ...]:
    return tuple(k for k, a in enumerate(args) if a.dtype == np.float64)


def both(f, *, jit: bool | None = None, args=None):
    args = CASES[f] if args is None else args
    numbers = numbers_of(args)
    serial = pb.value_and_grad(f, argnums=numbers, parallel=False, jit=False)
    threads = pb.value_and_grad(f, argnums=numbers, parallel=True, jit=jit)
    return serial, threads


def assert_close(first, second) -> None:
    assert first[0] == pytest.approx(second[0], rel=1e-12)
    for a, b in zip(first[1], second[1], strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-11, atol=1e-13)


def told(derivative) -> str:
    text = derivative.explain()
    return text[text.index("threads\n") : text.index("values saved")]


@pytest.mark.parametrize("f", CASES, ids=lambda f: f.__name__)
def test_the_parts_make_the_whole(f) -> None:
    """Without Numba the parts run one after the other, not in order of the iterations."""
    serial, threads = both(f, jit=False)
    assert_close(threads(*CASES[f]), serial(*CASES[f]))
    assert "parallel: 32 parts" in told(threads)
    assert "import njit, prange" in threads.backward_source
    assert "import njit, prange" not in serial.backward_source


@pytest.mark.parametrize("f", [logistic, rows, triangle, stencil, histogram], ids=lambda f: f.__name__)
def test_any_number_of_threads_gives_the_same_bits(f) -> None:
    serial, threads = both(f)
    args = CASES[f]
    numba.set_num_threads(1)
    expected = threads(*args)
    assert_close(expected, serial(*args))
    numba.set_num_threads(min(2, numba.config.NUMBA_NUM_THREADS))
    for _ in range(200):
        value, gradients = threads(*args)
        assert value == expected[0]
        for a, b in zip(gradients, expected[1], strict=True):
            np.testing.assert_array_equal(a, b)


def test_arrays_without_elements() -> None:
    serial, threads = both(logistic, args=(SMALL, MATRIX[:0], VECTOR[:0]))
    for derivative in (serial, threads):
        value, (w_bar, x_bar, _) = derivative(SMALL, MATRIX[:0], VECTOR[:0])
        assert math.isnan(value)
        assert x_bar.shape == (0, 3)
        np.testing.assert_array_equal(w_bar, 0.0)


# -- errors


def looked_up(x, index):
    total = 0.0
    for i in prange(len(index)):
        t = x[index[i]]
        if t > 100.0:
            raise ValueError(f"{t} is too large")
        total += t * t
    return total


@pytest.mark.parametrize("jit", [True, False])
def test_errors_are_those_of_the_serial_program(jit) -> None:
    derivative = pb.grad(looked_up, parallel=True, jit=jit)
    x, index = np.arange(1.0, 9.0), np.arange(8)
    np.testing.assert_array_equal(derivative(x, index), 2 * x)
    wrong = index.copy()
    wrong[6] = 20
    for _ in range(3):
        with pytest.raises(IndexError, match=r"t = x\[index\[i\]\]"):
            derivative(x, wrong)
    large = x.copy()
    large[5] = 123.0
    with pytest.raises(ValueError, match=r"123\.0 is too large"):
        derivative(large, index)
    np.testing.assert_array_equal(derivative(x, index), 2 * x)


# -- what stays serial


def recurrence(x):
    t = 1.0
    for i in range(len(x)):
        t = np.sin(t) * x[i] + np.cos(t)
    return t


def permuted(x, order):
    y = np.zeros(len(x))
    for i in prange(len(x)):
        y[order[i]] = x[i] ** 2
    total = 0.0
    for i in range(1, len(x)):
        total += y[i] * y[i - 1]
    return total


def left_early(x):
    s = 0.0
    for i in range(len(x)):
        if x[i] > 5.0:
            break
        s += x[i] ** 2
    return s


def printing(x):
    s = 0.0
    for i in prange(len(x)):
        if x[i] > 1e9:
            print(x[i])
        s += x[i] ** 2
    return s


def overwritten(x):
    y = x.copy()
    for i in prange(1, len(x)):
        y[i] = np.sin(y[i - 1]) * x[i]
    return np.sum(y)


@pytest.mark.parametrize(
    ("f", "why"),
    [
        (recurrence, "the next iteration needs t"),
        (permuted, "iterations may use the same element of y"),
        (left_early, "it is left by break or return"),
        (printing, "it prints"),
        (overwritten, "iterations may use the same element of y"),
    ],
    ids=lambda x: getattr(x, "__name__", ""),
)
def test_why_a_loop_stays_serial(f, why) -> None:
    args = (np.linspace(0.1, 2.0, 7), *([np.array([0, 2, 2, 1, 6, 5, 4])] if f is permuted else []))
    derivative = pb.value_and_grad(f, parallel=True, jit=False)
    expected = pb.value_and_grad(f, jit=False)(*args)
    value, gradient = derivative(*args)
    assert value == expected[0]
    np.testing.assert_allclose(gradient, expected[1], rtol=1e-13)
    assert f"serial: {why}" in told(derivative)


def test_sums_stay_in_order_without_fastmath(monkeypatch) -> None:
    monkeypatch.setenv("PULLBACK_FASTMATH", "0")
    derivative = pb.value_and_grad(logistic, parallel=True, jit=False)
    derivative(*CASES[logistic])
    assert "serial: the next iteration needs loss" in told(derivative)
    assert "adds to its own" not in told(derivative)


def test_parts_make_their_scratch_arrays_once() -> None:
    gradient = pb.value_and_grad(rows, parallel=True)
    gradient(RNG.normal(size=7), RNG.normal(size=20))
    parts = [text for text in gradient.backward_source.split("\n@jit") if "range(first, last)" in text]
    assert any("mem.empty(" in text for text in parts)
    for text in parts:
        assert "mem." not in text[text.index("range(first, last)") :]


def test_small_loops_wake_no_threads(monkeypatch) -> None:
    monkeypatch.setattr(parallel, "ENOUGH", 200_000)
    derivative = pb.grad(logistic, parallel=True).compile(*CASES[logistic])
    assert "> w_bar.shape[0] * 256 + 200000:" in derivative.backward_source


def moving_memory(x):
    y = np.zeros(len(x))
    for i in range(len(x)):
        y[i] = 2.0 * x[i]
    return y[0]


def test_loops_that_only_move_memory_are_left_alone(monkeypatch) -> None:
    monkeypatch.setattr(work, "LEAST", 10)
    derivative = pb.grad(moving_memory, parallel=True, jit=False)
    derivative(VECTOR)
    assert "none: no loop has work enough" in told(derivative)


# -- how it is asked for


def test_numba_functions_say_it_themselves() -> None:
    def f(w, x, y):
        return logistic(w, x, y)

    for option, asked, expected in (
        ({"parallel": True}, None, True),
        ({"parallel": True}, False, False),
        ({}, None, False),
        ({}, True, True),
    ):
        derivative = pb.grad(njit(**option)(f), parallel=asked, jit=False)
        derivative(*CASES[logistic])
        assert ("import njit, prange" in derivative.backward_source) is expected


def test_both_forms_side_by_side_on_the_disk(monkeypatch, tmp_path) -> None:
    monkeypatch.setenv("PULLBACK_CACHE", "1")
    monkeypatch.setenv("PULLBACK_CACHE_DIR", str(tmp_path))
    for _ in range(2):
        serial, threads = both(rows, jit=False)
        assert_close(threads(*CASES[rows]), serial(*CASES[rows]))
        assert "import njit, prange" in threads.backward_source
        assert "import njit, prange" not in serial.backward_source
        rows.__dict__.pop("__pullback__")


def test_gradients_into_arrays_of_the_caller() -> None:
    out = np.empty(3)
    derivative = pb.grad(logistic, parallel=True, jit=False)
    derivative.into(out, *CASES[logistic])
    np.testing.assert_allclose(out, derivative(*CASES[logistic]), rtol=1e-14)


def test_second_derivatives() -> None:
    def f(x):
        s = 0.0
        for i in range(50):
            s += np.sin(x * i) / (1 + i)
        return s

    plain = pb.grad(pb.grad(f, jit=False), jit=False)(0.3)
    second = pb.grad(pb.grad(f, jit=False), parallel=True, jit=False)
    assert second(0.3) == pytest.approx(plain, rel=1e-12)
    assert "import njit, prange" in second.backward_source


@pytest.mark.parametrize("f", CASES, ids=lambda f: f.__name__)
def test_every_derivative_takes_threads(f) -> None:
    args = CASES[f]
    rng = np.random.default_rng(7)
    dots = tuple(rng.standard_normal(a.shape) if a.dtype == np.float64 else None for a in args)
    made = []
    for threads in (False, True):
        how = {"parallel": threads, "jit": False}
        value, pull = pb.vjp(f, *args, **how)
        last = max(numbers_of(args))
        rows, columns = (kind(f, last, **how) for kind in (pb.jacrev, pb.jacfwd))
        found = [value, *pull(2.0), *pb.jvp(f, args, dots, **how), *pb.hvp(f, args, dots, **how)]
        made.append([*found, rows(*args), columns(*args)])
        assert ("threads\n" in columns.explain()) is threads
    for one, two in zip(*made, strict=True):
        assert (one is None) is (two is None)
        if one is not None:
            np.testing.assert_allclose(two, one, rtol=1e-9, atol=1e-11)


def test_hessians_and_gradients_of_gradients_inherit_threads() -> None:
    w, x, y = CASES[logistic]
    expected = pb.hessian(logistic, jit=False)(w, x, y)
    for hessian in (
        pb.hessian(logistic, parallel=True, jit=False),
        pb.jacobian(pb.grad(logistic, parallel=True, jit=False), jit=False),
        pb.differentiable(logistic, parallel=True, jit=False).hessian,
        pb.hessian(njit(parallel=True)(logistic), jit=False),
    ):
        np.testing.assert_allclose(hessian(w, x, y), expected, rtol=1e-10)
        assert "parallel: 32 parts" in hessian.explain()


def test_compiled_jacobians_in_threads() -> None:
    w, x, y = CASES[logistic]

    def margins(w, x, y):
        out = np.empty(len(y))
        for i in prange(len(y)):
            out[i] = y[i] * np.tanh(np.sum(x[i] * w))
        return out

    serial = pb.jacobian(margins, (0, 1), jit=False)(w, x, y)
    for mode in (pb.jacrev, pb.jacfwd):
        for one, two in zip(serial, mode(margins, (0, 1), parallel=True)(w, x, y), strict=True):
            np.testing.assert_allclose(two, one, rtol=1e-11, atol=1e-13)


def test_python_threads_side_by_side() -> None:
    derivative = pb.value_and_grad(logistic, parallel=True)
    expected = derivative(*CASES[logistic])
    failures: list[str] = []

    def work_() -> None:
        for _ in range(100):
            value, gradient = derivative(*CASES[logistic])
            if value != expected[0] or not np.array_equal(gradient, expected[1]):
                failures.append(f"{value}")

    pool = [threading.Thread(target=work_) for _ in range(3)]
    for thread in pool:
        thread.start()
    for thread in pool:
        thread.join()
    assert not failures


@pytest.mark.parametrize("seed", range(12))
def test_random_programs(seed) -> None:
    def derive(fn, argnums, jit):
        return pb.value_and_grad(fn, argnums=argnums, parallel=True, jit=jit)

    outcome = judge(Program(4_000_000 + seed), False, derive)
    assert outcome.status != FAILED, outcome.detail


def test_the_same_text_every_time() -> None:
    texts = set()
    for _ in range(2):
        derivative = pb.grad(steps, parallel=True, jit=False)
        derivative(*CASES[steps])
        texts.add(derivative.backward_source)
        steps.__dict__.pop("__pullback__")
    assert len(texts) == 1
