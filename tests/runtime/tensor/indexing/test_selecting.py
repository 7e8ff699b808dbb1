"""Elements picked along an axis; where elements are."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from tensor_checks import check, leaf, sample, torch

X = sample(3, 4)
ROW = np.array([[2, 0, 2, 1]])
ORDER = np.array([[1, 3, 0, 1], [0, 0, 0, 2]])
PICKS = np.array([3, 0, 3])
MASK = X > 1.0


def _t(array: Any) -> Any:
    return torch.from_numpy(array)


CASES: list[tuple[Any, Any]] = [
    (lambda x: x.gather(0, _t(ROW)), lambda a: np.take_along_axis(a, ROW, 0)),
    (lambda x: torch.gather(x, 1, _t(ORDER)), lambda a: np.take_along_axis(a[:2], ORDER, 1)),
    (lambda x: x.gather(-1, _t(ORDER[:, :2])), lambda a: np.take_along_axis(a[:2], ORDER[:, :2], 1)),
    (lambda x: x.T.gather(0, _t(ORDER.T)), lambda a: np.take_along_axis(a.T[:, :2], ORDER.T, 0)),
    (lambda x: x[:, ::2].gather(1, _t(ORDER % 2)), lambda a: np.take_along_axis(a[:2, ::2], ORDER % 2, 1)),
    (lambda x: x[0].gather(0, _t(PICKS)), lambda a: a[0][PICKS]),
    (lambda x: x[0].gather(0, torch.tensor(2)), lambda a: a[0][2]),
    (lambda x: x[0, 1].gather(0, torch.tensor([0])), lambda a: a[0, 1:2]),
    (lambda x: x.gather(0, torch.zeros(0, dtype=torch.int64)), lambda a: a[0, :0]),
    (lambda x: x.take_along_dim(_t(ROW), 0), lambda a: np.take_along_axis(a, ROW, 0)),
    (lambda x: x.take_along_dim(_t(PICKS[:, None]), 1), lambda a: np.take_along_axis(a, PICKS[:, None], 1)),
    (lambda x: x.take_along_dim(_t(PICKS)), lambda a: a.reshape(-1)[PICKS]),
    (lambda x: x.index_select(1, _t(PICKS)), lambda a: a[:, PICKS]),
    (lambda x: torch.index_select(x, 0, _t(PICKS[1:2])), lambda a: a[PICKS[1:2]]),
    (lambda x: x.take(_t(ORDER - 2)), lambda a: np.take(a, ORDER - 2)),
    (lambda x: x.masked_select(_t(MASK)), lambda a: a[MASK]),
    (lambda x: x.masked_select(_t(MASK[0])), lambda a: a[:, MASK[0]].reshape(-1)),
    (lambda x: x[0].masked_select(_t(MASK)), lambda a: np.broadcast_to(a[0], (3, 4))[MASK]),
]


@pytest.mark.parametrize("case", range(len(CASES)))
def test_value_and_gradient(case: int) -> None:
    f, reference = CASES[case]
    np.testing.assert_array_equal(f(leaf(X))._a, reference(X))
    check(lambda x: f(x * x) * f(x), X)


def test_where_elements_are() -> None:
    x = _t(np.array([[0, 3], [4, 0]]))
    assert x.nonzero().tolist() == torch.argwhere(x).tolist() == [[0, 1], [1, 0]]
    rows, columns = torch.nonzero(x, as_tuple=True)
    assert (rows.tolist(), columns.tolist()) == ([0, 1], [1, 0])


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (
            lambda x: x.gather(0, _t(ROW * 9)),
            RuntimeError,
            "index 18 is out of bounds for dimension 0 with size 3",
        ),
        (lambda x: x.gather(0, _t(-ROW)), RuntimeError, "index -2 is out of bounds"),
        (lambda x: x.gather(0, _t(PICKS % 2)), RuntimeError, "same number of dimensions as input tensor"),
        (lambda x: x.gather(0, x), RuntimeError, "Expected dtype int64 for index"),
        (
            lambda x: x.gather(0, torch.zeros(1, 5, dtype=torch.int64)),
            RuntimeError,
            "Size does not match at dimension 1",
        ),
        (lambda x: x.index_select(0, _t(PICKS)), IndexError, "index out of range in self"),
        (lambda x: x.index_select(0, _t(ORDER)), IndexError, "Index is supposed to be a vector"),
        (lambda x: x.take(_t(PICKS * 9)), IndexError, "out of range"),
        (lambda x: x.masked_select(x), RuntimeError, "expected BoolTensor for mask"),
        (lambda x: x.masked_select(_t(MASK[:2])), RuntimeError, "The size of tensor a"),
    ],
)
def test_errors(call: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        call(leaf(X))
