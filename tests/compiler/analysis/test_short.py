"""What is supposed of lengths: those of small arrays in loops, in parts that do not overlap."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from pullback.compiler.analysis.short import wanted
from pullback.compiler.frontend.lower import lower_function
from pullback.compiler.prims import registry as registry  # fills the table of primitives
from pullback.compiler.specs import ArraySpec, Length

Shape = tuple[int, ...]


def distances(x):
    total = 0.0
    for i in range(len(x) - 1):
        d = x[i + 1] - x[i]
        total += d @ d
    return total


def sliced(x):
    total = 0.0
    for i in range(len(x)):
        d = x[i, 2:5] * 2.0
        total += d @ d
    return total


def summed(x):
    total = 0.0
    for i in range(len(x)):
        total += np.sum(x[i, :3] ** 2)
    return total


def long_slices(x):
    total = 0.0
    for i in range(len(x)):
        d = x[i, :100] * 2.0
        total += d @ d
    return total


def once(x):
    d = 2.0 * x
    return np.sum(d * d[:3])


def computed(x):
    total = 0.0
    for i in range(len(x)):
        d = np.ones(i * x.shape[1])
        total += np.sum(d)
    return total


def turned(x, turns):
    made = np.zeros((3, 3))
    total = 0.0
    for i in range(len(x)):
        made[0] = turns[i]
        total += np.sum(made @ x[i])
    return total


def followed(w, y):
    total = 0.0
    for i in range(5):
        z = i * y
        total += np.sum(w @ z)
    return total


def compared_once(x):
    return np.sum(np.ones((3, 3)) @ x)


def chosen(fn, *shapes: Shape) -> Sequence[tuple[int, ...]]:
    specs = [ArraySpec("float64", len(s), tuple(n == 1 for n in s), "C") for s in shapes]
    found = wanted(lower_function(fn, specs).module.entry, shapes)
    return [(one.axis, one.least, one.most) for one in found]


@pytest.mark.parametrize(("n", "part"), [(2, (1, 2, 2)), (4, (1, 4, 4)), (5, (1, 5, None)), (0, (1, 0, 0))])
def test_short_lengths_each_on_their_own(n: int, part: tuple[int, ...]) -> None:
    assert chosen(distances, (100, n)) == [part]


@pytest.mark.parametrize(
    ("fn", "n", "part"),
    [
        (sliced, 5, (1, 5, None)),
        (sliced, 500, (1, 5, None)),
        (sliced, 4, (1, 4, 4)),
        (summed, 3, (1, 3, None)),
        (summed, 2, (1, 0, 2)),
        (long_slices, 100, (1, 5, None)),
        (long_slices, 3, (1, 3, 3)),
    ],
)
def test_slices_that_are_long_enough_are_alike(fn, n: int, part: tuple[int, ...]) -> None:
    assert chosen(fn, (10, n)) == [part]


@pytest.mark.parametrize("fn", [once, computed, compared_once])
def test_nothing_is_supposed_where_it_does_not_help(fn) -> None:
    assert chosen(fn, (3, 3) if fn is computed else (3,)) == []


@pytest.mark.parametrize(
    ("n", "part"), [(3, (1, 3, 3)), (2, (1, 0, 2)), (4, (1, 4, None)), (500, (1, 4, None))]
)
def test_what_a_loop_compares_with_a_literal_is_as_long_or_an_error(n: int, part: tuple[int, ...]) -> None:
    assert chosen(turned, (100, n), (100, 3)) == [part, (1, 3, 3)]


@pytest.mark.parametrize(
    ("n", "columns", "parts"),
    [
        (4, 4, [(1, 4, 4), (0, 4, 4)]),
        (4, 6, [(1, 5, None), (0, 4, 4)]),
        (9, 9, [(0, 5, None)]),
    ],
)
def test_what_is_as_long_as_a_short_axis(n: int, columns: int, parts: list[tuple[int, ...]]) -> None:
    assert chosen(followed, (7, columns), (n,)) == parts


def test_axes_of_length_one_and_unknown_shapes() -> None:
    assert chosen(distances, (100, 1)) == []
    fn = lower_function(distances, [ArraySpec("float64", 2, (False, False), "C")]).module.entry
    assert wanted(fn, ()) == wanted(fn, [None]) == ()


def test_what_a_length_holds_for() -> None:
    assert Length(0, 1, 3, 3).holds((9, 3)) and not Length(0, 1, 3, 3).holds((9, 4))
    assert Length(0, 0, 6).holds((7, 3)) and not Length(0, 0, 6).holds((5, 3))
