"""Errors that a user meets: their type, message, and the user's line, un-jitted and through Numba."""

from __future__ import annotations

import inspect
import threading
from collections.abc import Callable
from typing import Any

import api_samples as samples
import numpy as np
import pytest

import pullback as pb

X = np.array([0.5, 1.0, 2.0])
A = np.arange(6.0).reshape(2, 3)


class Diverged(ArithmeticError):
    """An exception whose constructor wants more than a message."""

    def __init__(self, step: int, reason: str) -> None:
        super().__init__(f"{reason} in step {step}")
        self.step = step


class TooCold(Exception):
    """The user's own exception."""


def raises_builtin(x):
    for i in range(len(x)):
        if x[i] > 1.5:
            raise ValueError(f"x[{i}] = {x[i]:.1f} is too large")  # HERE
    return np.sum(x)


def raises_own(x):
    if x[0] < 1.0:
        raise TooCold("too cold: {0}")  # HERE
    return x[0]


def raises_difficult(x):
    if x[0] < 1.0:
        raise Diverged(3, "overflow")  # HERE
    return x[0]


def raises_nested(x):
    return 2.0 * raises_own(x)


def asserts(x):
    assert x[2] < 2.0, f"x[2] is {x[2]}, {len(x)} values"  # HERE
    return x[0]


def asserts_plainly(x):
    assert x[2] < 2.0  # HERE
    return x[0]


def loads_past_the_end(x):
    s = 0.0
    for i in range(len(x)):
        s += x[i] * x[i + 1]  # HERE
    return s


def loads_before_the_start(x):
    i = -len(x) - 1
    return x[0] * x[i]  # HERE


def stores_past_the_end(x):
    y = np.zeros(2)
    for i in range(len(x)):
        y[i] = x[i]  # HERE
    return np.sum(y)


def adds_past_the_end(x):
    y = np.zeros((2, 2))
    for i in range(len(x)):
        y[1, i] += x[i]  # HERE
    return np.sum(y)


def gathers_past_the_end(x):
    k = np.array([0, 2, 3])
    return np.sum(x[k])  # HERE


def scatters_past_the_end(x):
    y = np.zeros(3)
    k = np.array([0, -4, 1])
    y[k] = x  # HERE
    return np.sum(y)


def pops_an_empty_list(x):
    parts = []
    for i in range(len(x)):
        parts.append(x[i])
    s = 0.0
    for _ in range(len(x) + 1):
        s += parts.pop()  # HERE
    return s


def adds_other_lengths(x):
    y = np.ones(len(x) - 1)
    return np.sum(x + y)  # HERE


def assigns_other_lengths(x):
    y = np.ones(len(x) + 1)
    y[:] = x  # HERE
    return np.sum(y)


def multiplies_other_lengths(x):
    return np.sum(A @ x[1:])  # HERE


def solves_other_lengths(x):
    return np.sum(np.linalg.solve(np.eye(2), x))  # HERE


def reshapes_wrongly(x):
    return np.sum(x.reshape(2, len(x) // 2))  # HERE


def stretches_a_computed_one(x):
    y = x[x > 1.5]
    return np.sum(x * y)  # HERE


def never_ends(x, n):
    if n == 0:
        return x[0]
    return x[1] * never_ends(x, n - 1)


def never_ends_by_array(x):
    if x[0] > 1e3:
        return x[1]
    return np.sum(x) * never_ends_by_array(0.5 * x)


def line_of(fn: Callable[..., Any]) -> int:
    lines, first = inspect.getsourcelines(fn)
    return first + next(k for k, text in enumerate(lines) if text.rstrip().endswith("# HERE"))


RUN_TIME = [
    (raises_builtin, ValueError, "x[2] = 2.0 is too large"),
    (raises_own, TooCold, "too cold: {0}"),
    (raises_difficult, Diverged, "overflow"),
    (asserts, AssertionError, "x[2] is 2.0, 3 values"),
    (asserts_plainly, AssertionError, ""),
    (loads_past_the_end, IndexError, ""),
    (loads_before_the_start, IndexError, ""),
    (stores_past_the_end, IndexError, ""),
    (adds_past_the_end, IndexError, ""),
    (gathers_past_the_end, IndexError, ""),
    (scatters_past_the_end, IndexError, ""),
    (pops_an_empty_list, IndexError, ""),
    (adds_other_lengths, ValueError, "lengths 3 and 2"),
    (assigns_other_lengths, ValueError, "lengths 3 and 4"),
    (multiplies_other_lengths, ValueError, "3"),
    (solves_other_lengths, ValueError, "3"),
    (reshapes_wrongly, ValueError, "reshape"),
    (stretches_a_computed_one, ValueError, "write y[0]"),
]


@pytest.mark.parametrize("jit", [False, True])
@pytest.mark.parametrize(("fn", "error", "words"), RUN_TIME, ids=lambda v: getattr(v, "__name__", None))
def test_run_time_errors(fn: Callable[..., Any], error: type[BaseException], words: str, jit: bool) -> None:
    x = X.copy()
    with pytest.raises(error) as caught:
        pb.grad(fn, jit=jit)(x)
    assert words in str(caught.value)
    assert f"{__file__}:{line_of(fn)}" in str(caught.value)
    assert type(caught.value) is error
    np.testing.assert_array_equal(x, X)


def test_error_in_a_callee_names_the_line_in_it() -> None:
    with pytest.raises(TooCold) as caught:
        pb.grad(raises_nested)(X)
    assert f"{__file__}:{line_of(raises_own)}" in str(caught.value)


# -- recursion without end must not overflow the stack of machine code
@pytest.mark.parametrize("jit", [False, True])
@pytest.mark.parametrize("args", [(X, -1), (X, 10**7)], ids=["negative", "deep"])
def test_recursion_without_end(args: tuple[Any, ...], jit: bool) -> None:
    with pytest.raises(RecursionError, match="maximum recursion depth exceeded") as caught:
        pb.grad(never_ends, jit=jit)(*args)
    assert __file__ in str(caught.value)
    with pytest.raises(RecursionError):
        pb.grad(never_ends_by_array, jit=jit)(X)


def test_recursion_without_end_in_a_thread() -> None:
    g = pb.value_and_grad(never_ends)
    g(X, 3)
    seen: list[str] = []

    def run() -> None:
        try:
            g(X, -1)
        except RecursionError as error:
            seen.append(str(error))

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    assert len(seen) == 1


def test_recursion_as_deep_as_python_allows() -> None:
    assert pb.grad(lambda x, n: never_ends(x, n))(np.ones(2), 800)[1] == 800.0


def test_recursion_that_cannot_end_is_refused() -> None:
    with pytest.raises(pb.UnsupportedError, match="infinite recursion") as caught:
        pb.grad(samples.endless, fallback="error")(1.0)
    assert caught.value.src.line == inspect.getsourcelines(samples.endless)[1]


# -- arguments
@pytest.mark.parametrize("argument", [2, np.int64(2), np.arange(3), np.array([True, False])])
def test_integer_argument(argument: Any) -> None:
    with pytest.raises(pb.PullbackError, match="float") as caught:
        pb.grad(lambda n: np.sum(n * 2.0))(argument)
    assert isinstance(caught.value, TypeError)
    assert "'n'" in caught.value.message
    assert caught.value.hint is not None
    assert "float" in caught.value.hint


@pytest.mark.parametrize(
    ("argument", "words"),
    [
        (np.array([1.0, None]), "object"),
        (np.ones(2, np.float16), "float16"),
        (np.ones(2, ">f8"), "big-endian"),
        (np.ones(2, np.longdouble), "longdouble|float128"),
        (np.array(["a"]), "numbers"),
        (np.zeros(2, [("a", float)]), "structured"),
        (np.ma.masked_array([1.0, 2.0], [0, 1]), "subclass"),
        (np.array(["2020-01-01"], "M8[D]"), "datetime64"),
    ],
    ids=lambda v: None if isinstance(v, np.ndarray) else v,
)
def test_arrays_that_do_not_compile(argument: Any, words: str) -> None:
    with pytest.raises(pb.ArgumentError, match=words) as caught:
        pb.grad(lambda x: np.sum(x))(argument)
    assert "'x'" in str(caught.value)


# -- functions
def test_async_function() -> None:
    async def f(x):
        return x

    with pytest.raises(pb.UnsupportedSyntaxError, match="async") as caught:
        pb.grad(f, fallback="error")(1.0)
    assert caught.value.src.line == f.__code__.co_firstlineno


def test_function_made_by_exec() -> None:
    scope: dict[str, Any] = {}
    exec("def made(x):\n    return x * x\n", scope)
    with pytest.raises(pb.SourceError, match="source of 'made' is not available"):
        pb.grad(scope["made"], fallback="error")(1.0)
    with pytest.raises(pb.UnsupportedError, match=r"made cannot be compiled.*not available") as caught:
        pb.grad(lambda x: scope_call(scope["made"], x), fallback="error")(1.0)
    assert caught.value.src is not None


def scope_call(made, x):
    return made(x)


def test_wrong_count_of_arguments_inside() -> None:
    def f(x):
        return samples.product(x)  # HERE

    with pytest.raises(pb.TypeMismatchError, match=r"product\(\) misses the argument 'y'") as caught:
        pb.grad(f)(1.0)
    assert caught.value.src.line == line_of(f)


def test_generator_expression_says_what_to_write() -> None:
    with pytest.raises(pb.UnsupportedSyntaxError, match="generator expression") as caught:
        pb.grad(lambda x: sum(v * v for v in x), fallback="error")(X)
    assert "list comprehension: [...]" in caught.value.hint


def test_read_only_argument_names_the_function() -> None:
    x = np.array([2.0, 3.0])
    x.flags.writeable = False
    with pytest.raises(pb.ArgumentError, match="'x' is read-only") as caught:
        pb.grad(samples.mutates)(x)
    assert caught.value.src.line == inspect.getsourcelines(samples.mutates)[1]
    assert caught.value.hint == "pass a copy: x.copy()"
