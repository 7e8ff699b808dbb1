"""Elements chosen or replaced by conditions."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from tensor_checks import check, leaf, sample, torch

X, Z, S = sample(3, 4), sample(4, seed=1), np.array(0.8)
MASK = X > 1.0
M = torch.from_numpy(MASK)
COUNT = int(MASK.sum())


def _scattered(a: Any, z: Any) -> Any:
    out = a.copy()
    out[MASK] = z.reshape(-1)[:COUNT]
    return out


CASES: list[tuple[Any, Any, tuple[Any, ...]]] = [
    (lambda x, z: torch.where(M, x, z), lambda x, z: np.where(MASK, x, z), (X, Z)),
    (lambda x, s: torch.where(M, s, x), lambda x, s: np.where(MASK, s, x), (X, S)),
    (lambda x: torch.where(M, x, 2.0), lambda x: np.where(MASK, x, 2.0), (X,)),
    (lambda x: torch.where(M, 2.0, x), lambda x: np.where(MASK, 2.0, x), (X,)),
    (lambda x, z: x.where(M, z), lambda x, z: np.where(MASK, x, z), (X, Z)),
    (lambda z: torch.where(M, z, 0.0), lambda z: np.where(MASK, z, 0.0), (Z,)),
    (lambda x: x.masked_fill(M, 2.0), lambda x: np.where(MASK, 2.0, x), (X,)),
    (lambda x, s: x.masked_fill(M, s), lambda x, s: np.where(MASK, s, x), (X, S)),
    (lambda z: z.masked_fill(M, 2.0), lambda z: np.where(MASK, 2.0, z), (Z,)),
    (lambda x, z: x.masked_scatter(M, z), _scattered, (X, sample(3, 4, seed=2))),
]


@pytest.mark.parametrize("case", range(len(CASES)))
def test_value_and_gradient(case: int) -> None:
    f, reference, arrays = CASES[case]
    np.testing.assert_array_equal(f(*[leaf(a) for a in arrays])._a, reference(*arrays))
    check(lambda *xs: f(*[x * x for x in xs]) ** 2, *arrays)


@pytest.mark.parametrize(
    "write",
    [
        lambda y, z: y.masked_fill_(M[:2], 2.0),
        lambda y, z: y.masked_scatter_(M[:2], z),
        lambda y, z: y.masked_fill_(M[:2], z[0, 0]),
    ],
)
def test_in_place(write: Any) -> None:
    def f(x: Any, z: Any) -> Any:
        y = x * x
        write(y[:2], z * z)
        return y * y

    check(f, X, sample(3, 4, seed=5))


def test_nothing_flows_where_a_choice_was_not_made() -> None:
    x = torch.tensor([0.0, 4.0], requires_grad=True)
    torch.where(x > 0, x.sqrt(), 0.0).sum().backward()
    assert np.isnan(x.grad._a[0])  # as in PyTorch: 0 times infinity
    y = torch.tensor([float("inf"), 1.0], requires_grad=True)
    torch.where(y > 2, 0.0, y * 2).sum().backward()
    assert y.grad.tolist() == [0.0, 2.0]


def test_dtypes() -> None:
    assert torch.where(M, 1, 2).dtype is torch.int64
    assert torch.where(M, 1.0, torch.tensor(1)).dtype is torch.float32
    assert [t.tolist() for t in torch.where(torch.tensor([False, True]))] == [[1]]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda x: torch.where(x, x, x), "expected condition to be a boolean tensor"),
        (lambda x: torch.where(M[:2], x, x), "The size of tensor a"),
        (lambda x: x.masked_fill(x, 1.0), "only supports boolean masks"),
        (lambda x: x.masked_fill(M, x), "only supports a 0-dimensional value tensor"),
        (lambda x: x.masked_scatter(M, x[0, :1]), "Number of elements of source < number of ones in mask"),
    ],
)
def test_errors(call: Any, message: str) -> None:
    with pytest.raises(RuntimeError, match=message):
        call(leaf(X))
