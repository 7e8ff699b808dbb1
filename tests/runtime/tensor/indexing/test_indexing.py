"""Indices of every kind, read and written."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from tensor_checks import check, leaf, sample, torch

X = sample(3, 4, 5)
ROWS, J = np.array([2, 0, 2]), np.array([1, 3, 1])
MASK = X > 1.0

# What NumPy and PyTorch read alike.
ALIKE: list[Any] = [
    0, -1, slice(1, None), slice(None, None, 2), slice(None, None, -1), None, Ellipsis, (), True, False,
    (0, 1), (0, slice(1, 3)), (slice(None), 2), (Ellipsis, 1), (None, 1, Ellipsis, None), (slice(0, 0),),
    ROWS, (ROWS, J), (slice(None), ROWS), (Ellipsis, J), (ROWS, slice(None), J), (ROWS[:, None], J),
    (None, ROWS),
    MASK, MASK[:, 0, 0], (slice(None), MASK[0, :, 0]), (MASK[:, :, 0],), (slice(None), MASK[0]), [2, 0],
    ([0, 1], [2, 3]), (slice(1, 3), ROWS, slice(None, 2)), np.int64(1), (ROWS, 1), (0, ROWS),
]  # fmt: skip


@pytest.mark.parametrize("k", range(len(ALIKE)))
def test_reading_as_numpy(k: int) -> None:
    key = ALIKE[k]
    np.testing.assert_array_equal(leaf(X)[key]._a, X[key])
    check(lambda x: (x * x)[key] * x[key], X)


@pytest.mark.parametrize("k", range(len(ALIKE)))
def test_tensors_in_indices(k: int) -> None:
    key = ALIKE[k]
    parts = key if isinstance(key, tuple) else (key,)
    if any(isinstance(p, np.ndarray) for p in parts):
        lifted = tuple(torch.from_numpy(p) if isinstance(p, np.ndarray) else p for p in parts)
        np.testing.assert_array_equal(leaf(X)[lifted]._a, X[key])


@pytest.mark.parametrize("k", range(len(ALIKE)))
def test_writing_as_numpy(k: int) -> None:
    key = ALIKE[k]
    expected, y = X.copy(), leaf(X) * 1
    expected[key] = 7.0
    y[key] = 7.0
    np.testing.assert_array_equal(y._a, expected)
    w = sample(*X[key].shape, seed=3)

    def written(x: Any, v: Any) -> Any:
        y = x * x
        y[key] = v * v
        return y * y

    check(written, X, w)


def test_integers_give_views_before_tensors_pick() -> None:
    x = leaf(sample(2, 3, 4))
    i = torch.tensor([0, 1, 1, 0, 2])
    assert x[0, :, i].shape == (3, 5)  # NumPy: (5, 3)
    assert x[:, 0, i].shape == (2, 5)
    assert x[torch.tensor(1), :, i].shape == (3, 5)
    np.testing.assert_array_equal(x[0, :, i]._a, x._a[0][:, i._a])


def test_lists_of_lists_are_tuples() -> None:
    x = leaf(sample(3, 4))
    np.testing.assert_array_equal(x[[[0, 2], [1, 1]]]._a, x._a[[0, 2], [1, 1]])
    assert x[[[0, 1]]].shape == (2, 4)


def test_bytes_are_masks() -> None:
    x = torch.arange(3.0)
    assert x[torch.tensor([1, 0, 1], dtype=torch.uint8)].tolist() == [0.0, 2.0]


@pytest.mark.parametrize(
    ("key", "error", "message"),
    [
        (3, IndexError, "index 3 is out of bounds for dimension 0 with size 3"),
        ((0, -5), IndexError, "index -5 is out of bounds for dimension [01] with size 4"),
        ((0, 0, 0, 0), IndexError, "too many indices for tensor of dimension 3"),
        (1.0, IndexError, "only integers, slices"),
        ("a", TypeError, "invalid data type 'str'"),
        (np.array([1.0]), IndexError, "tensors used as indices must be long, int, byte or bool tensors"),
        (np.array([9]), IndexError, "index 9 is out of bounds for dimension 0 with size 3"),
        (np.ones(2, bool), IndexError, r"The shape of the mask \[2\] at index 0 does not match"),
        (([0, 1], [0, 1, 2]), IndexError, "shape mismatch: indexing tensors could not be broadcast"),
    ],
)
def test_errors(key: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        leaf(X)[key]


@pytest.mark.parametrize(
    ("key", "value", "error", "message"),
    [
        (
            0,
            np.zeros(3),
            RuntimeError,
            r"The expanded size of the tensor \(5\) must match the existing size \(3\)",
        ),
        (MASK, np.zeros(2), RuntimeError, r"shape mismatch: value tensor of shape \[2\] cannot be broadcast"),
        (0, [1.0] * 5, TypeError, "can't assign a list to a torch.DoubleTensor"),
        (0, 1j, RuntimeError, "value cannot be converted to type double without overflow"),
    ],
)
def test_errors_of_writes(key: Any, value: Any, error: type[Exception], message: str) -> None:
    y = leaf(X) * 1
    with pytest.raises(error, match=message):
        y[key] = value


def test_an_index_without_axes() -> None:
    s = torch.tensor(2.0)
    assert s[None].shape == (1,)
    assert s[...].item() == s[()].item() == s[True][0].item() == 2.0
    with pytest.raises(IndexError, match="invalid index of a 0-dim tensor"):
        s[0]
    s[...] = 5.0
    assert s.item() == 5.0


def test_numbers_must_fit() -> None:
    y = torch.zeros(2, dtype=torch.uint8)
    with pytest.raises(RuntimeError, match="value cannot be converted to type uint8_t without overflow"):
        y[0] = 300
    z = torch.zeros(2, dtype=torch.int32)
    z[0] = 2.9
    assert z.tolist() == [2, 0]


def test_of_places_written_twice_the_last_gets_the_gradient() -> None:
    v = torch.tensor([1.0, 2.0, 3.0], requires_grad=True)
    y = torch.zeros(2)
    y[torch.tensor([1, 0, 1])] = v
    assert y.tolist() == [2.0, 3.0]
    y.sum().backward()
    assert v.grad.tolist() == [0.0, 1.0, 1.0]


def test_an_index_overwritten_before_the_backward_pass_is_noticed() -> None:
    i = torch.tensor([0, 1])
    y = leaf(X)[i]
    i[0] = 2
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        y.sum().backward()


def test_a_numpy_index_changed_later_does_not_matter() -> None:
    i, x = np.array([0, 1]), leaf(X)
    y = x[i]
    i[0] = 2
    y.sum().backward()
    assert x.grad._a[0].sum() == 20 and x.grad._a[2].sum() == 0


def test_updates_through_indices() -> None:
    def f(x: Any) -> Any:
        y = x * x
        y[ROWS[:2]] += x[:2]
        y[:, 1] *= 2.0
        y[1:] = y[:-1]  # overlaps
        y[MASK] -= 1.0
        return y * y

    check(f, X)
    a = X * X
    a[ROWS[:2]] += X[:2]
    a[:, 1] *= 2.0
    a[1:] = a[:-1].copy()
    a[MASK] -= 1.0
    np.testing.assert_allclose(f(leaf(X))._a, a * a)
