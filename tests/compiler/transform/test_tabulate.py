"""What is dear and the same in every iteration is computed before the loop."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pytest
from pullback.compiler.ir.build import Builder
from pullback.compiler.ir.nodes import Function, Value
from pullback.compiler.ir.types import INT, Array
from pullback.compiler.transform.tabulate import tabulate
from randprog.irloops import LoopProgram
from randprog.passes import check_pass

import pullback as pb


def scaled_distances(logs, x):
    """A table over two inner indices, of which one loop counts down from the end."""
    total = 0.0
    for i in range(x.shape[0]):
        for c in range(logs.shape[0]):
            for a in range(1, logs.shape[1]):
                total += (np.exp(2.0 * logs[c, a] + 1.0) ** 2 * x[i, a]) ** 2
    return total


def scalar(theta, x):
    total = 0.0
    for i in range(len(x)):
        total += np.sin(x[i] * np.exp(theta[2])) * np.tanh(theta[0])
    return total


def two_loops_deep(theta, x):
    """The inner loop, which is none of the indices, must run as well."""
    total = 0.0
    for i in range(len(x)):
        for _ in range(2, len(x)):
            total += x[i] * np.log(theta[0] ** 2 + 1.0)
    return total


def partly(theta, x):
    """exp(theta[c]) has a table, times x[i] it has none; x[c] is as large."""
    total = 0.0
    for i in range(len(x)):
        for c in range(len(theta)):
            total += np.sqrt(np.exp(theta[c]) * x[i] ** 2 + 1.0) * np.exp(theta[c])
    return total


def in_a_branch(theta, x):
    total = 0.0
    for i in range(len(x)):
        if x[i] > 0.0:
            total += x[i] * np.exp(theta[5])
    return total


def until_found(theta, x):
    total = 0.0
    for i in range(len(x)):
        for c in range(len(theta) + 1):
            if c == 2:
                break
            total += x[i] * np.exp(theta[c])
    return total


def of_indices_only(theta, x):
    total = 0.0
    for i in range(len(x)):
        for c in range(len(theta)):
            total += x[i] * np.cos(0.1 * c) * theta[0]
    return total


def of_two_arrays(theta, x):
    total = 0.0
    for _ in range(len(x)):
        for c in range(len(theta)):
            for a in range(len(x)):
                total += np.exp(theta[c] * x[a])
    return total


def overwritten(theta, x):
    theta = theta.copy()
    total = 0.0
    for i in range(len(x)):
        for c in range(len(theta)):
            total += x[i] * np.exp(theta[c])
        theta[0] += 0.1 * x[i]
    return total


def printing(theta, x):
    total = 0.0
    for i in range(len(x)):
        print("row", i)
        total += x[i] * np.exp(theta[0])
    return total


def triangle(theta, x):
    total = 0.0
    for i in range(len(x)):
        for c in range(i % 3):
            total += x[i] * np.exp(theta[c])
    return total


TABLES = [scalar, two_loops_deep, partly]
NONE = [in_a_branch, until_found, of_indices_only, of_two_arrays, overwritten, printing, triangle]


def values(n: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(n)
    return 0.5 * rng.standard_normal(6), rng.standard_normal(n)


def primal(f: Callable[..., float], *args: Any) -> str:
    gradient = pb.value_and_grad(f, argnums=(0, 1), jit=False)
    gradient(*args)
    return str(gradient.ir("optimised"))


@pytest.mark.parametrize("n", [0, 2, 5])
@pytest.mark.parametrize("f", TABLES + NONE, ids=lambda f: f.__name__)
def test_values_and_gradients(f: Callable[..., float], n: int) -> None:
    theta, x = values(n)
    assert pb.value_and_grad(f, jit=False)(theta, x)[0] == pytest.approx(f(theta, x))
    if n:
        pb.check_grads(f, (theta, x))


@pytest.mark.parametrize("f", TABLES, ids=lambda f: f.__name__)
def test_dear_ops_leave_the_loop(f: Callable[..., float]) -> None:
    text = primal(f, *values(5))
    before = text[: text.index("for i in")]
    assert "exp(" in before or "log(" in before
    assert "exp(" not in text[len(before) :] and "log(" not in text[len(before) :]


@pytest.mark.parametrize("f", NONE, ids=lambda f: f.__name__)
def test_what_stays(f: Callable[..., float]) -> None:
    text = primal(f, *values(5))
    before = text[: text.index("for ")]
    assert "table" not in text
    assert "exp(" not in before and "cos(" not in before


def test_a_table_of_two_axes() -> None:
    rng = np.random.default_rng(4)
    logs, x = 0.3 * rng.standard_normal((2, 4)), rng.standard_normal((5, 4))
    pb.check_grads(scaled_distances, (logs, x))
    text = primal(scaled_distances, logs, x)
    assert text.count("exp(") == 1 and text.index("exp(") < text.index("for i in")
    gradient = pb.grad(scaled_distances, jit=False)
    gradient(logs, x)
    assert gradient.backward_source.count("vm.exp(") == 1


@pytest.mark.parametrize("f", [scalar, two_loops_deep])
def test_nothing_is_read_for_loops_that_do_not_run(f: Callable[..., float]) -> None:
    assert pb.value_and_grad(f, jit=False)(np.empty(0), np.empty(0))[0] == 0.0
    assert pb.value_and_grad(f, jit=False)(np.ones(3), np.empty(0))[0] == 0.0
    with pytest.raises(IndexError):
        pb.value_and_grad(f, jit=False)(np.empty(0), np.ones(4))


def test_an_inner_loop_that_does_not_run() -> None:
    value, gradient = pb.value_and_grad(two_loops_deep, jit=False)(np.empty(0), np.ones(2))
    assert value == 0.0 and gradient.shape == (0,)


def test_prints_come_before_an_error(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(IndexError):
        pb.value_and_grad(printing, jit=False)(np.empty(0), np.ones(2))
    assert capsys.readouterr().out == "row 0\n"


@pytest.mark.parametrize("visible", [True, False])
@pytest.mark.parametrize("seed", range(60))
def test_random_loops(seed: int, visible: bool) -> None:
    check_pass(partial(tabulate, visible=visible), seed, LoopProgram)


@pytest.mark.parametrize("seed", range(60))
def test_random_functions(seed: int) -> None:
    check_pass(tabulate, seed)


def test_what_nobody_uses_needs_no_table() -> None:
    b = Builder()
    x, n = Value(Array("float64", 1), "x"), Value(INT, "n")
    b.region.params = (x, n)
    b.open([Value(INT, "i")])
    b.apply("exp", (b.load(x, (b.int(0),)),), "float64")
    b.for_(b.int(0), n, b.int(1), (), b.close())
    fn = Function("f", b.region)
    assert tabulate(fn) is fn
