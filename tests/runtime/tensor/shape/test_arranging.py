"""Elements in another order or several times over."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from tensor_checks import check, leaf, sample, torch

X = sample(3, 4)
COUNTS = np.array([2, 0, 1])

CASES: list[tuple[Any, Any]] = [
    (lambda x: x.flip(0), lambda a: np.flip(a, 0)),
    (lambda x: torch.flip(x, (0, -1)), lambda a: np.flip(a)),
    (lambda x: x.fliplr(), np.fliplr),
    (lambda x: x.flipud(), np.flipud),
    (lambda x: x.roll(2), lambda a: np.roll(a, 2)),
    (lambda x: x.roll(-1, 1), lambda a: np.roll(a, -1, 1)),
    (lambda x: torch.roll(x, (1, 2), (0, 1)), lambda a: np.roll(a, (1, 2), (0, 1))),
    (lambda x: x.rot90(), np.rot90),
    (lambda x: torch.rot90(x, -1, (1, 0)), lambda a: np.rot90(a, -1, (1, 0))),
    (lambda x: x.tril(), np.tril),
    (lambda x: x.triu(1), lambda a: np.triu(a, 1)),
    (lambda x: x.repeat(2, 3), lambda a: np.tile(a, (2, 3))),
    (lambda x: x.repeat(2, 1, 2), lambda a: np.tile(a, (2, 1, 2))),
    (lambda x: x.tile((2,)), lambda a: np.tile(a, 2)),
    (lambda x: torch.tile(x, (2, 1, 1)), lambda a: np.tile(a, (2, 1, 1))),
    (lambda x: x.repeat_interleave(2), lambda a: np.repeat(a, 2)),
    (lambda x: x.repeat_interleave(3, dim=1), lambda a: np.repeat(a, 3, 1)),
    (lambda x: x.repeat_interleave(torch.from_numpy(COUNTS), 0), lambda a: np.repeat(a, COUNTS, 0)),
]


@pytest.mark.parametrize("case", range(len(CASES)))
def test_value_and_gradient(case: int) -> None:
    f, reference = CASES[case]
    np.testing.assert_array_equal(f(leaf(X))._a, reference(X))
    check(lambda x: f(x * x) * f(x), X)


def test_all_give_copies() -> None:
    x = torch.ones(2, 2)
    for y in (x.flip(0), x.roll(0), x.rot90(), x.tril(), x.repeat(1, 1)):
        y.zero_()
    assert x.tolist() == [[1.0, 1.0], [1.0, 1.0]]


def test_triangles_in_place() -> None:
    def f(x: Any) -> Any:
        y = x * x
        y[:, 1:].tril_()
        return y * y

    check(f, X)


def test_repeats_of_places() -> None:
    assert torch.repeat_interleave(torch.tensor([1, 0, 2])).tolist() == [0, 2, 2]
    assert torch.tensor([5]).repeat(0).shape == (0,)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda x: x.flip(0, 0), "dim 0 appears multiple times in the list of dims"),
        (lambda x: x[0].fliplr(), "Input must be >= 2-d"),
        (lambda x: x.roll((1, 2), 0), "shifts and dimensions must align"),
        (lambda x: x.rot90(1, (0, 0)), "expected rotation dims to be different"),
        (lambda x: x[0].tril(), "tril: input tensor must have at least 2 dimensions"),
        (lambda x: x.repeat(2), "Number of dimensions of repeat dims can not be smaller"),
        (lambda x: x.repeat_interleave(torch.tensor([1, 2]), 0), "repeats must have the same size as input"),
        (lambda x: x.repeat_interleave(-1), "repeats can not be negative"),
    ],
)
def test_errors(call: Any, message: str) -> None:
    with pytest.raises(RuntimeError, match=message):
        call(leaf(X))
