"""LLVM is told which elements lie in different rows of one array, and nothing that is not so."""

from __future__ import annotations

import re
from collections.abc import Callable

import numpy as np
import pytest
from pullback.compiler.backend.numba_pipeline import njit


def exchange(x):
    """Reads both rows, writes both."""
    for i in range(x.shape[1]):
        first = x[0, i]
        x[0, i] = x[1, i]
        x[1, i] = 2.0 * first
    return x[0, 0]


def gates(x):
    """Literals on two axes."""
    y = np.zeros((2, 2, x.shape[1]))
    for i in range(x.shape[1]):
        y[0, 1, i] = x[0, i]
        y[1, 1, i] = x[1, i] + y[0, 1, i]
        y[1, 0, i] = y[1, 1, i] * x[2, i]
    return y


def one_row(x):
    """A row that is always the same, and rows that are not known."""
    for i in range(1, x.shape[0]):
        x[i, 1] = x[i - 1, 1] + x[0, 1]
    return x.copy()


def from_the_end(x):
    """-1 and 2 may be one row."""
    for i in range(x.shape[1]):
        x[-1, i] += x[2, i]
        x[2, i] += x[-1, i]
    return x.copy()


def moving(x):
    """Row 1 of one view is row 0 of the next."""
    for k in range(x.shape[0] - 1):
        window = x[k : k + 2]
        for i in range(x.shape[1]):
            window[1, i] += window[0, i]
    return x.copy()


def read_only(x):
    total = 0.0
    for i in range(x.shape[1]):
        total += x[0, i] * x[1, i]
    return total


def compiled(f: Callable[..., object], x: np.ndarray) -> str:
    """LLVM's text; the result is right."""
    made = njit(error_model="numpy")(f)
    expected, given = x.copy(), x.copy()
    np.testing.assert_array_equal(made(given), f(expected))
    np.testing.assert_array_equal(given, expected)
    (text,) = made.inspect_llvm().values()
    return text


@pytest.mark.parametrize("f", [exchange, gates], ids=lambda f: f.__name__)
def test_told(f: Callable[..., object]) -> None:
    assert '!"rows of ' in compiled(f, np.arange(30.0).reshape(3, 10))


@pytest.mark.parametrize("f", [one_row, from_the_end, moving, read_only], ids=lambda f: f.__name__)
def test_not_told(f: Callable[..., object]) -> None:
    assert '!"rows of ' not in compiled(f, np.arange(30.0).reshape(3, 10))


def test_not_told_of_a_layout_that_may_repeat_rows() -> None:
    """Stride 0: all rows are one."""
    x = np.lib.stride_tricks.as_strided(np.arange(10.0), (2, 10), (0, 8))
    made = njit(error_model="numpy")(exchange)
    made(x)
    (text,) = made.inspect_llvm().values()
    assert '!"rows of ' not in text


def test_too_many_rows() -> None:
    lines = "\n".join(f"        x[{k}, i] = x[{k + 1}, i]" for k in range(20))
    space: dict[str, Callable[..., object]] = {}
    exec(f"def shift(x):\n    for i in range(x.shape[1]):\n{lines}\n    return x[0, 0]\n", space)
    assert '!"rows of ' not in compiled(space["shift"], np.arange(63.0).reshape(21, 3))


def test_an_axis_is_apart_by_itself() -> None:
    """Elements that differ on one axis and agree on another are apart."""
    text = compiled(gates, np.arange(30.0).reshape(3, 10))
    assert set(re.findall(r'!"rows of [^"]*axis (\d)', text)) == {"0", "1"}
