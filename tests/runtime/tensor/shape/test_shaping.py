"""The same elements in another shape."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from tensor_checks import check, leaf, sample, torch

X = sample(2, 3, 4)

CASES: list[tuple[Any, Any]] = [
    (lambda x: x.view(6, -1), lambda a: a.reshape(6, 4)),
    (lambda x: x.view((24,)), lambda a: a.reshape(24)),
    (lambda x: x.view_as(torch.zeros(4, 6)), lambda a: a.reshape(4, 6)),
    (lambda x: torch.reshape(x, (4, -1)), lambda a: a.reshape(4, 6)),
    (lambda x: x.permute(2, 0, 1).reshape(-1), lambda a: a.transpose(2, 0, 1).reshape(-1)),
    (lambda x: x.reshape_as(torch.zeros(24)), lambda a: a.reshape(24)),
    (lambda x: x.flatten(), lambda a: a.reshape(24)),
    (lambda x: x.flatten(0, 1), lambda a: a.reshape(6, 4)),
    (lambda x: x.transpose(0, 2).flatten(1), lambda a: a.swapaxes(0, 2).reshape(4, 6)),
    (lambda x: x.unflatten(2, (2, -1)), lambda a: a.reshape(2, 3, 2, 2)),
    (lambda x: x.mT.ravel(), lambda a: a.swapaxes(1, 2).ravel()),
    (lambda x: x.clone(), lambda a: a),
    (lambda x: x.mT.contiguous(), lambda a: a.swapaxes(1, 2)),
]


@pytest.mark.parametrize("case", range(len(CASES)))
def test_value_and_gradient(case: int) -> None:
    f, reference = CASES[case]
    np.testing.assert_array_equal(f(leaf(X))._a, reference(X))
    check(lambda x: f(x * x) * f(x), X)


def test_views_share_memory_and_copies_do_not() -> None:
    x = torch.arange(6.0)
    assert x.view(2, 3).data_ptr() == x.data_ptr()
    assert x.reshape(2, 3).data_ptr() == x.data_ptr()
    assert x.view(2, 3).t().reshape(6).data_ptr() != x.data_ptr()
    assert x.clone().data_ptr() != x.data_ptr()
    assert x.contiguous() is x
    assert x.view(2, 3).t().contiguous().is_contiguous()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda x: x.view(5, 5), r"shape '\[5, 5\]' is invalid for input of size 24"),
        (lambda x: x.view(-1, -1), "only one dimension can be inferred"),
        (lambda x: x.reshape(7, -1), r"shape '\[7, -1\]' is invalid for input of size 24"),
        (lambda x: x.reshape(-2, 12), "invalid shape dimension -2"),
        (lambda x: x.mT.view(24), "view size is not compatible with input tensor's size and stride"),
        (lambda x: x.flatten(2, 1), r"flatten\(\) has invalid args: start_dim cannot come after end_dim"),
        (lambda x: x.unflatten(0, (3, 2)), "unflatten: Provided sizes"),
        (lambda x: x[:0].view(-1, 0), "cannot reshape tensor of 0 elements into shape"),
    ],
)
def test_errors(call: Any, message: str) -> None:
    with pytest.raises(RuntimeError, match=message):
        call(leaf(X))


def test_shapes_must_be_integers() -> None:
    with pytest.raises(TypeError):
        leaf(X).reshape(2.0, 12)
    with pytest.raises(IndexError, match="Dimension out of range"):
        leaf(X).flatten(5)


def test_sizes_zero_and_without_axes() -> None:
    assert torch.zeros(0, 3).reshape(3, 0).shape == (3, 0)
    assert torch.zeros(0, 3).view(-1, 3).shape == (0, 3)
    assert torch.tensor(1.0).reshape(1, 1).shape == (1, 1)
    assert torch.tensor(1.0).flatten().shape == (1,)
    assert torch.ones(1, 1).reshape(()).shape == ()


def test_view_of_another_dtype_reads_the_same_bytes() -> None:
    x = torch.tensor([1.0, 2.0])
    bits = x.view(torch.int32)
    assert bits.tolist() == [1065353216, 1073741824]
    bits[0] = 0
    assert x.tolist() == [0.0, 2.0]
    assert torch.zeros(2, 4).view(torch.float64).shape == (2, 2)
    with pytest.raises(RuntimeError, match="must be divisible by 2"):
        torch.zeros(3).view(torch.float64)


def test_writes_to_bits_of_recorded_values_are_refused() -> None:
    y = torch.ones(2, requires_grad=True) * 1
    with pytest.raises(RuntimeError, match="another dtype"):
        y.view(torch.int32).zero_()
