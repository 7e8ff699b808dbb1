"""Vector functions run over strips of iterations where their loop has no vectors."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from pullback.compiler import pipeline
from pullback.compiler.analysis import parts
from pullback.compiler.ir.nodes import Apply, Op
from pullback.compiler.ir.text import show
from pullback.compiler.ir.verify import verify
from pullback.compiler.prims.registry import PRIMS
from pullback.compiler.transform import strips as module
from pullback.compiler.transform.strips import strips
from randprog.irloops import LoopProgram
from randprog.passes import assert_same, outcome

import pullback as pb


@pytest.fixture(autouse=True)
def unjitted(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is tested is the text; Numba would take minutes. The disk cache does not know of short strips."""
    monkeypatch.setenv("PULLBACK_JIT", "0")
    monkeypatch.setenv("PULLBACK_CACHE", "0")


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    """Strips of three iterations, so that loops have some, and no blocks for products of matrices."""
    monkeypatch.setattr(module, "STRIP", 3)
    monkeypatch.setattr(pipeline, "blocks", lambda fn, **_: fn)


def logistic(w, x):
    """Inner loops before and after."""
    total = 0.0
    for i in range(x.shape[0]):
        z = w[0]
        for j in range(x.shape[1]):
            z += w[j] * x[i, j]
        total += np.logaddexp(0.0, z) - 0.5 * z
    return total


def path(w, x):
    """A product that each iteration multiplies, of factors that do not wait for it."""
    total, s = 0.0, 1.0
    for i in range(x.shape[0]):
        s *= np.exp(w[0] * x[i, 0])
        total += s
    return total


def kernel(w, x):
    """Elements that are written with the vector function; the distance is handed on."""
    n = x.shape[0]
    k = np.zeros((n, n))
    for i in range(n):
        for j in range(1, n):
            square = 0.0
            for a in range(x.shape[1]):
                square += w[a] * (x[i, a] - x[j, a]) ** 2
            k[i, j] = np.exp(-0.5 * square)
    return np.sum(k * k[::-1])


def previous(w, x):
    """What the iteration before has computed is carried, and read by a later part."""
    total, s, before = 0.0, 1.0, 0.3
    for i in range(x.shape[0]):
        h = np.tanh(x[i, 0] * w[0])
        s = s * w[1] * before + h
        total += s * before
        before = h
    return total


def states(w, x):
    """A recurrence in memory, of what the function gives."""
    s = np.zeros(x.shape[0] + 1)
    for i in range(x.shape[0]):
        s[i + 1] = s[i] * w[0] + np.tanh(x[i, 0] * w[1])
    return np.sum(s[1:] ** 2)


CUT = [logistic, path, kernel, previous, states]


def waits(w, x):
    """A recurrence through the function itself."""
    h = 0.1
    for i in range(x.shape[0]):
        h = np.tanh(w[0] * h + x[i, 0])
    return h


def plain(w, x):
    """LLVM vectorises this as it is."""
    total = 0.0
    for i in range(x.shape[0]):
        total += np.sin(w[0] * x[i, 0])
    return total


def through_memory(w, x):
    """A later part writes what the first one reads in the next iteration."""
    state = w.copy()
    total = 0.0
    for i in range(x.shape[0]):
        z = 0.0
        for j in range(len(w)):
            z += state[j] * x[i, j]
        h = np.tanh(z)
        for j in range(len(w)):
            state[j] = 0.5 * state[j] + h
        total += h
    return total


def few(w, x):
    total = 0.0
    for i in range(5):
        z = 0.0
        for j in range(len(w)):
            z += w[j] * x[i, j]
        total += np.tanh(z)
    return total


def nested(w, x):
    """Inner loops that take longer than the function."""
    total = 0.0
    for i in range(x.shape[0]):
        z = 0.0
        for j in range(len(w)):
            for k in range(len(w)):
                z += w[j] * x[i, j] * w[k] * x[i, k]
        total += np.tanh(z)
    return total


LEFT = [waits, plain, through_memory, few, nested]


def derived(f: Callable[..., float], n: int = 8) -> tuple[str, tuple[Any, ...]]:
    rng = np.random.default_rng(3)
    args = rng.uniform(0.2, 0.6, size=3), rng.uniform(0.1, 0.6, size=(n, 3))
    derivative = pb.value_and_grad(f, argnums=(0, 1))
    value, _ = derivative(*args)
    assert value == pytest.approx(f(*args), rel=1e-12)
    return derivative.backward_source, args


@pytest.mark.parametrize("f", CUT, ids=lambda f: f.__name__)
@pytest.mark.usefixtures("short")
def test_cut(f: Callable[..., float]) -> None:
    text, args = derived(f)
    assert "count = min(" in text and "_strip = mem.empty(3)" in text
    pb.check_grads(f, args, order=2)


@pytest.mark.parametrize("f", LEFT, ids=lambda f: f.__name__)
@pytest.mark.usefixtures("short")
def test_left_as_it_is(f: Callable[..., float]) -> None:
    text, args = derived(f)
    assert "count = min(" not in text
    pb.check_grads(f, args)


@pytest.mark.usefixtures("short")
def test_much_else_keeps_a_loop_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    """How much, depends on the number of functions."""
    monkeypatch.setattr(parts, "MOST_OPS", 1)
    assert "count = min(" in derived(previous)[0]
    monkeypatch.setattr(parts, "MOST_EACH", 1)
    text = derived(lambda w, x: previous(w, x))[0]
    assert "count = min(" not in text


@pytest.mark.parametrize("n", [0, 2, 3, 4, 6])
@pytest.mark.parametrize("f", CUT, ids=lambda f: f.__name__)
@pytest.mark.usefixtures("short")
def test_the_last_strip_is_shorter(f: Callable[..., float], n: int) -> None:
    """And a loop without iterations has no strips."""
    derivative = pb.value_and_grad(f, argnums=(0, 1))
    w, x = np.array([0.3, 0.5, 0.2]), np.random.default_rng(n).uniform(0.1, 0.6, size=(n, 3))
    value, (w_bar, _) = derivative(w, x)
    assert value == pytest.approx(f(w, x), rel=1e-12)
    step = 1e-6 * np.array([1.0, -2.0, 3.0])
    assert w_bar @ step == pytest.approx(0.5 * (f(w + step, x) - f(w - step, x)), rel=1e-5, abs=1e-12)


@pytest.mark.usefixtures("short")
def test_functions_stand_in_a_loop_of_their_own() -> None:
    """The innermost loop with the function has no loop inside, and nothing carried but the sum."""
    text, _ = derived(logistic)
    lines = [line.strip() for line in text.splitlines() if not line.strip().startswith("#")]
    at = next(k for k, line in enumerate(lines) if "vm.logaddexp" in line)
    start = max(k for k in range(at) if lines[k].startswith("for "))
    assert lines[start] == "for k in range(count):" and lines[start + 1] == "z = z_strip[k]"


def test_threads_cut_whole_loops() -> None:
    derivative = pb.value_and_grad(logistic, argnums=(0, 1), parallel=True)
    derivative(np.ones(3), np.ones((8, 3)))
    assert "_strip" not in derivative.backward_source


def every_product(op: Op) -> bool:
    return isinstance(op, Apply) and op.prim == "mul"


@pytest.mark.usefixtures("short")
def test_random_loops(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if products were vector functions, sums recurrences, and every loop with parts worth cutting."""
    monkeypatch.setattr(module, "FEWEST", 2)
    monkeypatch.setattr(parts, "is_dear", every_product)
    monkeypatch.setattr(parts.Parts, "_is_reduction", lambda self, group: False)
    monkeypatch.setattr(parts.Parts, "_gains", lambda self: len(self.levels) > 1)
    changed = 0
    for seed in range(200):
        fn = LoopProgram(seed).build()
        cut = strips(fn, visible=False)
        verify(cut, PRIMS)
        assert_same(outcome(fn), outcome(cut), f"seed {seed}:\n{show(fn)}\n\n{show(cut)}")
        changed += cut is not fn
    assert changed >= 20
