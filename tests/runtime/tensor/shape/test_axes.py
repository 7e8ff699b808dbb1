"""Axes dropped, added, put in another order, broadcast."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from tensor_checks import check, leaf, sample, torch

X = sample(2, 3, 4)
ONES = sample(1, 3, 1)

CASES: list[tuple[Any, Any, Any]] = [
    (X, lambda x: x.permute(2, 0, 1), lambda a: a.transpose(2, 0, 1)),
    (X, lambda x: torch.permute(x, (-1, 0, 1)), lambda a: a.transpose(2, 0, 1)),
    (X, lambda x: x.transpose(0, -1), lambda a: a.swapaxes(0, 2)),
    (X, lambda x: x.swapaxes(0, 1), lambda a: a.swapaxes(0, 1)),
    (X, lambda x: x.movedim(0, -1), lambda a: np.moveaxis(a, 0, -1)),
    (X, lambda x: x.moveaxis((0, 1), (2, 0)), lambda a: np.moveaxis(a, (0, 1), (2, 0))),
    (X[0], lambda x: x.t(), lambda a: a.T),
    (X, lambda x: x.T, lambda a: a.T),
    (X, lambda x: x.mT, lambda a: a.swapaxes(1, 2)),
    (X[0], lambda x: x.H, lambda a: a.T),
    (X[0], lambda x: x.adjoint(), lambda a: a.T),
    (X, lambda x: x.unsqueeze(1), lambda a: a[:, None]),
    (X, lambda x: x.unsqueeze(-1), lambda a: a[..., None]),
    (ONES, lambda x: x.squeeze(), lambda a: a.squeeze()),
    (ONES, lambda x: x.squeeze(0), lambda a: a.squeeze(0)),
    (ONES, lambda x: x.squeeze(1), lambda a: a),
    (ONES, lambda x: x.squeeze((0, 2)), lambda a: a.squeeze()),
    (ONES, lambda x: x.expand(2, -1, 4), lambda a: np.broadcast_to(a, (2, 3, 4))),
    (ONES, lambda x: x.expand(5, 1, 3, 2), lambda a: np.broadcast_to(a, (5, 1, 3, 2))),
    (ONES, lambda x: x.expand_as(torch.zeros(2, 3, 2)), lambda a: np.broadcast_to(a, (2, 3, 2))),
    (ONES, lambda x: torch.broadcast_to(x, (2, 3, 4)), lambda a: np.broadcast_to(a, (2, 3, 4))),
    (ONES, lambda x: torch.broadcast_tensors(x, torch.zeros(4))[0], lambda a: np.broadcast_to(a, (1, 3, 4))),
]


@pytest.mark.parametrize("case", range(len(CASES)))
def test_value_and_gradient(case: int) -> None:
    a, f, reference = CASES[case]
    np.testing.assert_array_equal(f(leaf(a))._a, reference(a))
    check(lambda x: f(x * x) * f(x), a)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda x: x.permute(0, 0, 1), RuntimeError, "duplicate dims are not allowed"),
        (lambda x: x.permute(0, 1), RuntimeError, r"input.dim\(\) = 3 is not equal to len\(dims\) = 2"),
        (lambda x: x.transpose(0, 3), IndexError, r"range of \[-3, 2\], but got 3"),
        (lambda x: x.t(), RuntimeError, r"t\(\) expects a tensor with <= 2 dimensions, but self is 3D"),
        (lambda x: x.movedim((0, 0), (1, 2)), RuntimeError, "repeated dim in `source`"),
        (lambda x: x.movedim((0,), (1, 2)), RuntimeError, "Invalid source or destination dims"),
        (lambda x: x.unsqueeze(4), IndexError, r"range of \[-4, 3\], but got 4"),
        (lambda x: x.squeeze(3), IndexError, "Dimension out of range"),
        (lambda x: x.expand(3, 3, 4), RuntimeError, r"The expanded size of the tensor \(3\) must match"),
        (lambda x: x.expand(4), RuntimeError, r"the number of sizes provided \(1\) must be greater"),
        (lambda x: x.expand(-1, 2, 3, 4), RuntimeError, "isn't allowed in a leading, non-existing dimension"),
        (lambda x: x[0, 0].mT, RuntimeError, "only supported on matrices"),
        (lambda x: torch.broadcast_tensors(x, torch.zeros(3)), RuntimeError, "The size of tensor a"),
        (lambda x: torch.broadcast_shapes((2,), (3,)), RuntimeError, "Attempting to broadcast a dimension"),
    ],
)
def test_errors(call: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        call(leaf(X))


def test_scalars_have_the_axes_0_and_minus_1() -> None:
    s = torch.tensor(2.0, requires_grad=True)
    assert s.transpose(0, -1).shape == s.t().shape == s.squeeze(0).shape == ()
    assert s.unsqueeze(0).shape == (1,)
    s.expand(2, 3).sum().backward()
    assert float(s.grad) == 6.0


@pytest.mark.parametrize(
    ("name", "arguments", "shape"),
    [
        ("unsqueeze_", (0,), (1, 2, 1)),
        ("squeeze_", (), (2,)),
        ("t_", (), (1, 2)),
        ("transpose_", (0, 1), (1, 2)),
    ],
)
def test_in_place_twins_change_the_tensor_itself(name: str, arguments: Any, shape: Any) -> None:
    x = torch.tensor([[1.0], [2.0]], requires_grad=True)
    y = x * 3
    assert getattr(y, name)(*arguments) is y
    assert y.shape == shape
    (y * y).sum().backward()
    np.testing.assert_allclose(x.grad._a, [[18.0], [36.0]])


def test_a_view_that_changes_its_shape_still_writes_to_its_base() -> None:
    x = torch.ones(2, 3, requires_grad=True)
    y = x * 1
    row = y[0]
    row.unsqueeze_(0)
    row.mul_(5)
    y.sum().backward()
    assert x.grad.tolist() == [[5.0] * 3, [1.0] * 3]


def test_views_of_a_tensor_that_changed_its_shape_are_refused() -> None:
    y = torch.ones(2, 3, requires_grad=True) * 1
    row = y[0]
    y.t_()
    with pytest.raises(RuntimeError, match="another shape after the view was taken"):
        row.mul_(2)


def test_expanded_tensors_are_not_written_to() -> None:
    with pytest.raises(RuntimeError, match="more than one element of the written-to tensor refers to"):
        torch.ones(1).expand(3).add_(1)
