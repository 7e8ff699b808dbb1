"""Checks of indices: none where loops keep them inside, one before a loop, one where nothing is known."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import pullback as pb

PLAIN = "def njit(**options):\n    return lambda function: function\n"


def raised(source: str, *args: Any) -> BaseException | None:
    """What generated code raises as plain Python, where NumPy checks what the code does not."""
    names: dict[str, Any] = {}
    exec(compile(source.replace("from numba import njit\n", PLAIN), "<generated>", "exec"), names)
    (function,) = (value for name, value in names.items() if name.endswith("_value_and_grad"))
    try:
        function(*args)
    except Exception as error:
        return error
    return None


def compiled(function: Callable[..., Any], *args: Any, argnums: int | tuple[int, ...] = 0) -> Any:
    derivative = pb.value_and_grad(function, argnums=argnums)
    derivative.compile(*args)
    return derivative


def linear(w, x):
    total = 0.0
    for i in range(x.shape[0]):
        z = 0.0
        for j in range(x.shape[1]):
            z += w[j] * x[i, j]
        total += np.sin(z)
    return total


def own_bounds(w, x):
    y = np.empty(len(w) + 1)
    y[0] = 1.0
    for i in range(len(w)):
        y[i + 1] = y[i] * w[i]
    total = 0.0
    for i in range(len(w) - 1, 0, -1):
        total += y[i] * w[i - 1]
    return total


def gathered(w, x):
    total = 0.0
    for k in range(len(x)):
        total += w[int(x[k])] ** 2
    return total


def several(w, x):
    return w[2] * w[0] * w[4] + x[1] * w[3]


def stencil(w, x):
    total = 0.0
    for i in range(1, len(x) - 1):
        total += (w[i - 1] - 2.0 * w[i] + w[i + 1]) ** 2
    return total


def may_raise_first(w, x):
    total = 0.0
    for i in range(len(x)):
        if x[i] < 0.0:
            raise ValueError("negative")
        total += w[i] * x[i]
    return total


def in_a_branch(w, x):
    total = 0.0
    for i in range(len(x)):
        if x[i] > 0.0:
            total += w[i] * x[i]
    return total


def left_early(w, x):
    total = 0.0
    for i in range(len(x)):
        if x[i] < 0.0:
            break
        total += w[i] ** 2
    return total


def broadcast(w, x):
    return np.sum(np.sin(w) * x) + np.sum(w[1:] * x[:-1])


def from_the_end(w, x):
    total = w[-1] * w[-2]
    for i in range(len(w)):
        total += w[i] * w[i - 1]
    return total


def by_columns(w, x):
    total = 0.0
    for j in range(x.shape[1]):
        for i in range(j, len(w)):
            total += w[i] * x[i, j]
    return total


def carried(w, x):
    u = w.copy()
    for _ in range(3):
        new = np.empty(len(w))
        for i in range(len(w)):
            new[i] = u[i] * x[i]
        u = new
    return np.sum(u)


def with_while(w, x):
    total = 0.0
    k = 0
    while k < len(x) and x[k] > 0.0:
        total += w[k] * x[k]
        k += 1
    return total


def matrix(w, x):
    y = x @ w
    total = 0.0
    for i in range(len(x)):
        total += np.tanh(y[i])
    return total


VECTOR = np.array([1.0, 0.5, 2.0, 0.25, 1.5])
ROWS = np.arange(1.0, 16.0).reshape(3, 5) / 10.0
CASES = [
    (linear, VECTOR, ROWS),
    (own_bounds, VECTOR, VECTOR),
    (gathered, VECTOR, np.array([0.0, 4.0, -1.0, 2.0])),
    (several, VECTOR, VECTOR),
    (stencil, VECTOR, VECTOR),
    (may_raise_first, VECTOR, VECTOR),
    (in_a_branch, VECTOR, np.array([1.0, -1.0, 2.0])),
    (left_early, VECTOR, np.array([1.0, 1.0, -2.0])),
    (broadcast, VECTOR, VECTOR + 1.0),
    (from_the_end, VECTOR, VECTOR),
    (by_columns, VECTOR[:3], ROWS),
    (carried, VECTOR, VECTOR),
    (with_while, VECTOR, np.array([1.0, 2.0, -1.0])),
    (matrix, VECTOR, ROWS),
]


@pytest.mark.parametrize(("function", "w", "x"), CASES, ids=lambda v: getattr(v, "__name__", ""))
def test_gradients(function: Callable[..., Any], w: np.ndarray, x: np.ndarray) -> None:
    derivative = compiled(function, w, x)
    assert "boundscheck" not in derivative.backward_source
    value, gradient = derivative(w, x)
    assert value == pytest.approx(function(w, x), rel=1e-12)
    for k in range(len(w)):
        h = np.zeros(len(w))
        h[k] = 1e-6
        difference = (function(w + h, x) - function(w - h, x)) / 2e-6
        assert gradient[k] == pytest.approx(difference, rel=1e-6, abs=1e-6)


@pytest.mark.parametrize(("function", "w", "x"), CASES, ids=lambda v: getattr(v, "__name__", ""))
@pytest.mark.parametrize("cut", [0, 1, 2])
@pytest.mark.parametrize("which", [0, 1])
def test_what_is_out_of_range_is_found_by_a_check(
    function: Callable[..., Any], w: np.ndarray, x: np.ndarray, cut: int, which: int
) -> None:
    args = [w, x]
    args[which] = np.ascontiguousarray(args[which][..., :cut])
    try:
        function(*args)
        expected: type[BaseException] | None = None
    except Exception as error:
        expected = type(error)
    error = raised(compiled(function, w, x).backward_source, *args)
    assert (None if error is None else type(error)) is expected
    if isinstance(error, IndexError):
        assert len(error.args) > 1, "NumPy found it, under Numba nobody would"


def test_loops_keep_indices_inside() -> None:
    for function, w, x in ((own_bounds, VECTOR, VECTOR), (carried, VECTOR, VECTOR)):
        count = compiled(function, w, x).backward_source.count("raise IndexError")
        assert count == (1 if function is carried else 0)


def test_before_the_loop() -> None:
    source = compiled(linear, VECTOR, ROWS).backward_source
    assert source.count("raise IndexError") == 1
    assert source.index("raise IndexError") < source.index("    for first in")  # strips of i
    assert "> 0 and" in source, "a matrix without rows reads no weights"


def test_the_furthest_of_several() -> None:
    source = compiled(several, VECTOR, VECTOR).backward_source
    assert source.count("raise IndexError") == 2
    assert "if 5 > w.shape[0]:" in source
    assert compiled(stencil, VECTOR, VECTOR).backward_source.count("> w.shape[0]:") == 1


def test_where_it_stands() -> None:
    source = compiled(gathered, VECTOR, np.array([0.0, 1.0])).backward_source
    assert source.count("raise IndexError") == 1
    assert source.index("    for k in") < source.index("raise IndexError")
    assert "if not -w.shape[0] <= t_2 < w.shape[0]:" in source


@pytest.mark.parametrize("longer_first", [False, True])
def test_what_is_inside_of_an_array_is_inside_of_a_longer_one(longer_first: bool) -> None:
    def f(w, at):
        squares, sums = np.empty(len(w)), np.zeros(len(w) + 1)
        for i in range(len(w)):
            squares[i] = np.sin(w[i])
            sums[i + 1] = sums[i] + w[i] ** 2
        total = 0.0
        for k in range(len(at)):
            if longer_first:
                total += sums[at[k]] * squares[at[k]]
            else:
                total += squares[at[k]] * sums[at[k]]
        return total

    at = np.array([0, 3, -1])
    derivative = compiled(f, VECTOR, at)
    assert derivative.backward_source.count("raise IndexError") == 1 + longer_first
    assert derivative(VECTOR, at)[0] == pytest.approx(f(VECTOR, at))
    for outside in (len(VECTOR), -len(VECTOR) - 1):
        with pytest.raises(IndexError, match=f"index {outside} is out of bounds"):
            derivative(VECTOR, np.array([0, outside]))


def test_a_later_check_before_the_loop_says_enough() -> None:
    def periodic(w, x):
        total = 0.0
        for j in range(len(w)):
            total += x[(j - 1) % len(w)] * x[j] * w[j]
        return total

    source = compiled(periodic, VECTOR, VECTOR).backward_source
    assert source.count("raise IndexError") == 1
    assert source.index("raise IndexError") < source.index("    for j in")
    with pytest.raises(IndexError, match="index 4 is out of bounds for axis 0 with size 4"):
        compiled(periodic, VECTOR, VECTOR)(VECTOR, VECTOR[:-1].copy())


def test_another_error_comes_first() -> None:
    negative = np.array([1.0, -1.0, 1.0])
    derivative = compiled(may_raise_first, VECTOR, VECTOR)
    with pytest.raises(ValueError, match="negative"):
        derivative(VECTOR[:2].copy(), negative)
    with pytest.raises(
        IndexError, match=r"index 2 is out of bounds for axis 0 with size 2(.|\n)*w\[i\] \* x\[i\]"
    ):
        derivative(VECTOR[:2].copy(), np.abs(negative))


def test_the_reverse_sweep_relies_on_the_forward_sweep() -> None:
    def steps(w, x):
        u = w.copy()
        for t in range(len(x)):
            u = np.sin(u) * x[t]
        return np.sum(u)

    source = compiled(steps, VECTOR, ROWS).backward_source
    assert "raise IndexError" not in source


def test_empty_arrays() -> None:
    none = np.zeros((0, 5))
    value, gradient = compiled(linear, VECTOR, ROWS)(np.zeros(0), none)
    assert value == 0.0
    assert gradient.shape == (0,)


def test_checks_before_a_loop_count_in_its_branches() -> None:
    """One check, which is not lost on the way out."""

    def f(x, n):
        y = np.zeros(n)
        for k in range(2):
            for i in range(n):
                if x[i] > k:
                    y[i] += x[i] ** 2
        return np.sum(y)

    gradient = pb.grad(f)
    x = np.array([0.5, 1.5, -2.0])
    np.testing.assert_allclose(gradient(x, 3), [1.0, 6.0, 0.0])
    forward = gradient.backward_source.split("# ---- reverse")[0]
    assert forward.count("raise IndexError") == 1
    with pytest.raises(IndexError):
        gradient(x, 4)
    assert not gradient(x, 0).any()
