"""Order."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from tensor_checks import check, leaf, sample, torch

X = np.random.default_rng(0).permutation(24).reshape(4, 6) / 7.0
TIES = np.array([[2.0, 1.0, 2.0, 1.0], [0.0, 0.0, 3.0, 3.0]])

CASES: list[tuple[Any, Any]] = [
    (lambda x: x.sort().values, lambda a: np.sort(a)),
    (lambda x: torch.sort(x, 0, descending=True)[0], lambda a: -np.sort(-a, 0)),
    (lambda x: x.msort(), lambda a: np.sort(a, 0)),
    (lambda x: x.topk(2).values, lambda a: -np.sort(-a)[:, :2]),
    (lambda x: x.topk(3, 0, largest=False)[0], lambda a: np.sort(a, 0)[:3]),
    (lambda x: x.kthvalue(2).values, lambda a: np.sort(a)[:, 1]),
    (lambda x: x.kthvalue(4, 0, keepdim=True)[0], lambda a: np.sort(a, 0)[3:]),
]


@pytest.mark.parametrize("case", range(len(CASES)))
def test_value_and_gradient(case: int) -> None:
    f, reference = CASES[case]
    np.testing.assert_array_equal(f(leaf(X))._a, reference(X))
    check(lambda x: f(x * x) * f(x), X)


def test_indices() -> None:
    x = leaf(X)
    for result in (x.sort(1), x.topk(3, 1)):
        np.testing.assert_array_equal(result.values._a, np.take_along_axis(X, result.indices._a, 1))
    np.testing.assert_array_equal(x.argsort(0, descending=True)._a, np.argsort(-X, 0))
    assert not x.sort().indices.requires_grad


def test_equal_elements_keep_their_order() -> None:
    assert torch.from_numpy(TIES).argsort().tolist() == [[1, 3, 0, 2], [0, 1, 2, 3]]
    assert torch.from_numpy(TIES).argsort(descending=True).tolist() == [[0, 2, 1, 3], [2, 3, 0, 1]]


def test_nan_is_the_largest() -> None:
    x = torch.tensor([1.0, float("nan"), 0.0])
    assert x.argsort().tolist() == [2, 0, 1]
    assert x.argsort(descending=True).tolist() == [1, 0, 2]


def test_without_axes() -> None:
    s = torch.tensor(2.0, requires_grad=True)
    values, indices = s.sort()
    assert (values.item(), indices.item()) == (2.0, 0)
    (values * s.topk(1).values).backward()
    assert s.grad.item() == 4.0


def test_unique() -> None:
    x = torch.from_numpy(TIES)
    values, inverse, counts = torch.unique(x, return_inverse=True, return_counts=True)
    assert values.tolist() == [0.0, 1.0, 2.0, 3.0]
    np.testing.assert_array_equal(values._a[inverse._a], TIES)
    assert counts.tolist() == [2, 2, 2, 2]
    assert torch.unique(torch.from_numpy(TIES[:, [0, 2, 1]]), dim=1).shape == (2, 3)
    values, inverse, counts = torch.unique_consecutive(x, return_inverse=True, return_counts=True)
    assert values.tolist() == [2.0, 1.0, 2.0, 1.0, 0.0, 3.0]
    assert counts.tolist() == [1, 1, 1, 1, 2, 2]
    np.testing.assert_array_equal(values._a[inverse._a], TIES)
    assert torch.unique_consecutive(torch.tensor([[1, 1, 2], [3, 3, 3]]), dim=1).tolist() == [[1, 2], [3, 3]]


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda x: x.topk(7), RuntimeError, "selected index k out of range"),
        (lambda x: x.kthvalue(0), RuntimeError, "selected number k out of range"),
        (lambda x: x.sort(2), IndexError, "Dimension out of range"),
        (lambda x: x.to(torch.complex128).sort(), RuntimeError, "Sort does not support complex dtypes"),
    ],
)
def test_errors(call: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        call(leaf(sample(4, 6)))
