"""Plans of loops, bytes of tapes and costs, in the names of the user's program."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import pullback as pb


def recurrence(x, steps):
    total = x[0]
    for _ in range(steps):
        for i in range(1, len(x) - 1):
            total = np.sin(total * x[i]) + x[i + 1]
    return total


def sums(a):
    total = 0.0
    for i in range(a.shape[0]):
        for j in range(a.shape[1]):
            total += np.exp(a[i, j])
    return total


def linear(x, n):
    total = 0.0
    for i in range(n):
        total = 2.0 * total + x[i]
    return total


def segments(x, n):
    total = x
    for _ in pb.checkpoint(range(n)):
        total = np.sin(total * x)
    return total


def triangle(x):
    total = 1.0
    for i in range(len(x)):
        for j in range(i, len(x)):
            total = np.tanh(total * x[j])
    return total


def loops(function: Any, *args: Any) -> str:
    text = pb.grad(function, jit=False).compile(*args).explain()
    return text.partition("\nloops\n")[2]


def test_save() -> None:
    text = loops(recurrence, np.ones(5), 3)
    assert "plan SAVE: the forward sweep saves total, 8 bytes × steps × (len(x) - 2)" in text
    assert "additions an iteration and 12 for the tape" in text
    assert "an array of 8 bytes × steps × (len(x) - 2), in the loop of line" in text
    assert "in all" not in text


def test_fuse_has_a_tape_of_one_iteration() -> None:
    assert "plan FUSE: each iteration is reversed right after it has run, a tape of one" in loops(
        sums, np.ones((2, 3))
    )


def test_re_execute() -> None:
    text = loops(linear, np.ones(4), 4)
    assert "plan RE-EXECUTE, no tape" in text and "none: no tape" in text


def test_checkpoint_runs_twice() -> None:
    text = loops(segments, 0.5, 100)
    assert "plan CHECKPOINT: cut into segments" in text and "additions an iteration, twice" in text


def test_triangular_loops() -> None:
    text = loops(triangle, np.ones(4))
    assert ("bytes" in text and "trips" not in text.replace("trip counts", "")) or "trips(line" in text


@pytest.mark.parametrize("function", [recurrence, triangle])
def test_totals_of_several_tapes(function: Any) -> None:
    args = (np.ones(4), 2)[: 1 + (function is recurrence)]
    text = loops(function, *args)
    tapes = text.partition("values saved in the forward sweep\n")[2].splitlines()
    assert ("in all" in text) is (
        len([line for line in tapes if " bytes" in line and "in all" not in line]) > 1
    )
