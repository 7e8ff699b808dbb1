"""Parts of a tensor in place: diagonals, windows, strides."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from tensor_checks import check, leaf, sample, torch

X, SQUARE = sample(3, 4, 5), sample(3, 3)


def _embedded(a: Any) -> Any:
    out = np.zeros((3, 4, 6, 6))
    for k in range(5):
        out[:, :, k, k + 1] = a[:, :, k]
    return out


CASES: list[tuple[Any, Any, Any]] = [
    (X, lambda x: x.diagonal(), lambda a: a.diagonal()),
    (X, lambda x: x.diagonal(1, 2, 0), lambda a: a.diagonal(1, 2, 0)),
    (X, lambda x: torch.diagonal(x, -1, 1, 2), lambda a: a.diagonal(-1, 1, 2)),
    (X[0], lambda x: torch.diag(x, 1), lambda a: np.diag(a, 1)),
    (X[0, 0], lambda x: torch.diag(x, -1), lambda a: np.diag(a, -1)),
    (X, lambda x: torch.diag_embed(x, 1), _embedded),
    (X[0], lambda x: torch.diagflat(x), lambda a: np.diagflat(a)),
    (X, lambda x: x.unfold(2, 3, 1), lambda a: np.lib.stride_tricks.sliding_window_view(a, 3, 2)),
    (X, lambda x: x.unfold(1, 2, 2), lambda a: a.reshape(3, 2, 2, 5).swapaxes(2, 3)),
    (X, lambda x: x.as_strided((2, 3), (20, 2), 1), lambda a: a.reshape(-1)[[[1, 3, 5], [21, 23, 25]]]),
    (X, lambda x: x.as_strided((3, 3), (1, 1)), lambda a: a.reshape(-1)[[[0, 1, 2], [1, 2, 3], [2, 3, 4]]]),
    (X, lambda x: x.select(1, -1), lambda a: a[:, -1]),
    (X, lambda x: x.narrow(2, 1, 3), lambda a: a[:, :, 1:4]),
    (X, lambda x: x.narrow(2, -2, 2), lambda a: a[:, :, 3:]),
    (X, lambda x: x.narrow_copy(0, 1, 1), lambda a: a[1:2]),
]


@pytest.mark.parametrize("case", range(len(CASES)))
def test_value_and_gradient(case: int) -> None:
    a, f, reference = CASES[case]
    np.testing.assert_array_equal(f(leaf(a))._a, reference(a))
    check(lambda x: f(x * x) * f(x), a)


WRITES: list[Any] = [
    lambda y, v: y.diagonal().copy_(v),
    lambda y, v: y.unfold(0, 1, 1).mul_(v[0]),
    lambda y, v: y.unfold(1, 1, 2).mul_(v[0]),
    lambda y, v: y.as_strided((3,), (4,)).mul_(v),
    lambda y, v: y.t().as_strided((3,), (2,), 1).add_(v),
    lambda y, v: y.select(1, 0).sub_(v),
    lambda y, v: y.fill_diagonal_(2.0),
]


@pytest.mark.parametrize("case", range(len(WRITES)))
def test_writes_through_views(case: int) -> None:
    def f(x: Any, v: Any) -> Any:
        y = x * x
        WRITES[case](y, v * v)
        return y * y

    check(f, SQUARE, SQUARE[0])


def test_writes_through_strides_of_a_transposed_layout() -> None:
    def f(x: Any, v: Any) -> Any:
        y = x.t() * 2  # its memory is in the order of x
        y.as_strided((2,), (1,), 1).mul_(v)
        return y * y

    a, v = sample(3, 2), sample(2, seed=1)
    check(f, a, v)
    expected = a.copy().reshape(-1) * 2
    expected[1:3] *= v
    np.testing.assert_allclose(f(leaf(a), leaf(v))._a, (expected.reshape(3, 2).T) ** 2)


def test_overlapping_windows_are_not_written_to() -> None:
    for shown in (torch.zeros(4).unfold(0, 2, 1), torch.zeros(4).as_strided((2, 2), (1, 1))):
        with pytest.raises(RuntimeError, match="more than one element of the written-to tensor"):
            shown.add_(1)


SCATTERED: list[tuple[Any, Any, Any]] = [
    (lambda x, v: torch.diagonal_scatter(x, v), (np.arange(3), np.arange(3)), (3,)),
    (lambda x, v: torch.select_scatter(x, v, 1, 2), (slice(None), 2), (3,)),
    (lambda x, v: torch.slice_scatter(x, v, 1, 0, 3, 2), (slice(None), slice(0, 3, 2)), (3, 2)),
]


@pytest.mark.parametrize("case", range(len(SCATTERED)))
def test_copies_with_a_part_replaced(case: int) -> None:
    f, key, shape = SCATTERED[case]
    v = sample(*shape, seed=4)
    expected = SQUARE.copy()
    expected[key] = v
    x = leaf(SQUARE)
    np.testing.assert_array_equal(f(x, leaf(v))._a, expected)
    np.testing.assert_array_equal(x._a, SQUARE)
    check(lambda x, v: f(x * x, v * v) ** 2, SQUARE, v)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda x: x.diagonal(0, 1, 1), RuntimeError, "diagonal dimensions cannot be identical 1, 1"),
        (lambda x: torch.diag(x), RuntimeError, "Supports 1D or 2D tensors. Got 3D"),
        (
            lambda x: x.unfold(0, 4, 1),
            RuntimeError,
            "maximum size for tensor at dimension 0 is 3 but size is 4",
        ),
        (lambda x: x.unfold(0, 2, 0), RuntimeError, "step is 0 but must be > 0"),
        (lambda x: x.as_strided((61,), (1,)), RuntimeError, "are out of bounds for storage of size 480"),
        (lambda x: x.as_strided((2,), (1, 1)), RuntimeError, "mismatch in length of strides and shape"),
        (lambda x: x.as_strided((2,), (-1,)), RuntimeError, "Negative strides are not supported"),
        (lambda x: x[:, ::2].as_strided((2,), (1,)), RuntimeError, "do not lie without gaps"),
        (lambda x: x.select(0, 3), IndexError, "index 3 out of range for tensor of size"),
        (
            lambda x: x.narrow(0, 2, 2),
            RuntimeError,
            r"start \(2\) \+ length \(2\) exceeds dimension size \(3\)",
        ),
        (lambda x: x.narrow(0, 4, 0), IndexError, "start out of range"),
        (lambda x: x.fill_diagonal_(1), RuntimeError, "must be of equal length"),
        (lambda x: torch.select_scatter(x, x, 0, 0), RuntimeError, "expected src to have a size equal to"),
    ],
)
def test_errors(call: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        call(leaf(X))
