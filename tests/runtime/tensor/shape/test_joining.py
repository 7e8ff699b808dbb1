"""Tensors put together along an axis."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from tensor_checks import check, leaf, sample, torch

A, B, V = sample(2, 3), sample(2, 3, seed=1), sample(3, seed=2)

CASES: list[tuple[Any, Any, tuple[Any, ...]]] = [
    (lambda a, b: torch.cat([a, b]), lambda a, b: np.concatenate([a, b]), (A, B)),
    (lambda a, b: torch.cat((a, b), dim=-1), lambda a, b: np.concatenate([a, b], 1), (A, B)),
    (lambda a, b: torch.concat([a, b, a], 1), lambda a, b: np.concatenate([a, b, a], 1), (A, B)),
    (lambda a: torch.cat([a, torch.from_numpy(B), a], -2), lambda a: np.concatenate([a, B, a]), (A,)),
    (lambda a, b: torch.cat([a.T[:1], b.T], -2), lambda a, b: np.concatenate([a.T[:1], b.T]), (A, B)),
    (lambda a, b: torch.stack([a, b]), lambda a, b: np.stack([a, b]), (A, B)),
    (lambda a, b: torch.stack([a, b], -1), lambda a, b: np.stack([a, b], -1), (A, B)),
    (lambda a, b: torch.hstack([a, b]), lambda a, b: np.hstack([a, b]), (A, B)),
    (lambda a: torch.hstack([a, a]), lambda a: np.hstack([a, a]), (V,)),
    (lambda a, v: torch.vstack([a, v]), lambda a, v: np.vstack([a, v]), (A, V)),
    (lambda a, b: torch.dstack([a, b]), lambda a, b: np.dstack([a, b]), (A, B)),
    (lambda a: torch.dstack([a, a]), lambda a: np.dstack([a, a]), (V,)),
    (lambda a, v: torch.column_stack([a.T, v]), lambda a, v: np.column_stack([a.T, v]), (A, V)),
]


@pytest.mark.parametrize("case", range(len(CASES)))
def test_value_and_gradient(case: int) -> None:
    f, reference, arrays = CASES[case]
    np.testing.assert_array_equal(f(*[leaf(a) for a in arrays])._a, reference(*arrays))
    check(lambda *xs: f(*[x * x for x in xs]), *arrays)


def test_dtypes_are_promoted_and_gradients_cast_back() -> None:
    x = torch.ones(2, requires_grad=True)
    y = torch.cat([x, torch.ones(1, dtype=torch.float64)])
    assert y.dtype is torch.float64
    y.sum().backward()
    assert x.grad.dtype is torch.float32
    assert torch.stack([torch.tensor(1), torch.tensor(2.5)]).dtype is torch.float32


@pytest.mark.parametrize(
    ("kinds", "expected"),
    [
        (("int64", "float32"), "float32"), (("float32", "int64"), "float32"), (("uint8", "int8"), "int16"),
        (("bool", "int8"), "int8"), (("float16", "int64"), "float16"), (("float64", "bool"), "float64"),
        (("float32", "float16"), "float32"), (("complex64", "float64"), "complex128"),
    ],
)  # fmt: skip
def test_dtypes(kinds: tuple[str, str], expected: str) -> None:
    tensors = [torch.ones(2, dtype=getattr(torch, kind)) for kind in kinds]
    assert torch.cat(tensors).dtype is getattr(torch, expected)
    assert torch.stack(tensors).dtype is getattr(torch, expected)


def test_empty_vectors_are_skipped() -> None:
    x = leaf(A)
    assert torch.cat([torch.zeros(0), x]).shape == (2, 3)
    (torch.cat([torch.zeros(0), x, x]) * 2).sum().backward()
    np.testing.assert_array_equal(x.grad._a, np.full((2, 3), 4.0))
    assert torch.cat([torch.zeros(0), torch.zeros(0)]).shape == (0,)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: torch.cat([]), ValueError, "expected a non-empty list of Tensors"),
        (lambda: torch.cat(torch.zeros(2)), TypeError, "must be tuple of Tensors, not Tensor"),
        (
            lambda: torch.cat([torch.zeros(2, 3), torch.zeros(2, 2)]),
            RuntimeError,
            "Expected size 3 but got size 2",
        ),
        (lambda: torch.cat([torch.zeros(2, 3), torch.zeros(2)]), RuntimeError, "got 2 and 1"),
        (lambda: torch.cat([torch.tensor(1.0)]), RuntimeError, "zero-dimensional tensor"),
        (lambda: torch.cat([torch.zeros(2), 1.0]), TypeError, "expected a Tensor"),
        (lambda: torch.cat([torch.zeros(2)], 1), IndexError, "Dimension out of range"),
        (lambda: torch.stack([]), RuntimeError, "stack expects a non-empty TensorList"),
        (
            lambda: torch.stack([torch.zeros(2), torch.zeros(3)]),
            RuntimeError,
            "expects each tensor to be equal size",
        ),
    ],
)
def test_errors(call: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        call()
