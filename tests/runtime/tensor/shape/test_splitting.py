"""Tensors taken apart along an axis."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from tensor_checks import check, leaf, sample, torch

X = sample(4, 6)

CASES: list[tuple[Any, Any]] = [
    (lambda x: x.split(3), lambda a: [a[:3], a[3:]]),
    (lambda x: x.split([1, 5], 1), lambda a: [a[:, :1], a[:, 1:]]),
    (lambda x: x.chunk(3), lambda a: [a[:2], a[2:]]),
    (lambda x: x.chunk(4, 1), lambda a: [a[:, :2], a[:, 2:4], a[:, 4:]]),
    (lambda x: x.tensor_split(3), lambda a: np.array_split(a, 3)),
    (lambda x: x.tensor_split((1, 4), dim=1), lambda a: np.split(a, (1, 4), 1)),
    (lambda x: x.unbind(), list),
    (lambda x: torch.unbind(x, 1), lambda a: list(a.T)),
    (lambda x: x.hsplit(2), lambda a: np.hsplit(a, 2)),
    (lambda x: x.vsplit([1]), lambda a: np.vsplit(a, [1])),
    (lambda x: x.reshape(2, 2, 6).dsplit(3), lambda a: np.dsplit(a.reshape(2, 2, 6), 3)),
    (lambda x: list(x), list),
]


@pytest.mark.parametrize("case", range(len(CASES)))
def test_value_and_gradient(case: int) -> None:
    f, reference = CASES[case]
    parts, expected = f(leaf(X)), reference(X)
    assert len(parts) == len(expected)
    for part, array in zip(parts, expected, strict=True):
        np.testing.assert_array_equal(part._a, array)
    check(lambda x: [p * p for p in f(x * x)][:-1], X)  # the last part is not used


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda x: x.split(0), RuntimeError, "split_size can only be 0 if dimension size is 0"),
        (lambda x: x.split(-1), RuntimeError, "split expects split_size be non-negative"),
        (lambda x: x.split([1, 2]), RuntimeError, "split_with_sizes expects split_sizes to sum exactly to 4"),
        (lambda x: x.chunk(0), RuntimeError, "chunk expects `chunks` to be greater than 0, got: 0"),
        (lambda x: x.tensor_split(0), RuntimeError, "number of sections must be larger than 0"),
        (lambda x: x.hsplit(4), RuntimeError, "is not divisible by the split_size 4"),
        (lambda x: x.dsplit(2), RuntimeError, "at least 3 dimensions"),
        (lambda x: x.sum().unbind(), IndexError, "tensor has no dimensions"),
        (lambda x: x.unbind(2), IndexError, "Dimension out of range"),
    ],
)
def test_errors(call: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        call(leaf(X))


def test_parts_share_memory() -> None:
    x = torch.zeros(4)
    first, second = x.split(2)
    first.fill_(1)
    x[2] = 7
    assert x.tolist() == [1.0, 1.0, 7.0, 0.0]
    assert second.tolist() == [7.0, 0.0]
