"""Grids, and tensors brought to a number of axes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import scipy.linalg
from tensor_checks import check, leaf, sample, torch

V, W, S = sample(3), sample(2, seed=1), np.array(0.7)

CASES: list[tuple[Any, Any, tuple[Any, ...]]] = [
    (lambda s: torch.atleast_1d(s), np.atleast_1d, (S,)),
    (lambda v: torch.atleast_2d(v), np.atleast_2d, (V,)),
    (lambda v: torch.atleast_3d(v), np.atleast_3d, (V,)),
    (lambda v, s: torch.atleast_2d(v, s)[1], lambda v, s: np.atleast_2d(s), (V, S)),
    (
        lambda v, w: torch.meshgrid(v, w, indexing="ij")[0],
        lambda v, w: np.meshgrid(v, w, indexing="ij")[0],
        (V, W),
    ),
    (lambda v, w: torch.meshgrid(v, w, indexing="xy")[1], lambda v, w: np.meshgrid(v, w)[1], (V, W)),
    (lambda v: torch.vander(v), np.vander, (V,)),
    (lambda v: torch.vander(v, 4, increasing=True), lambda v: np.vander(v, 4, True), (V,)),
    (
        lambda v, w: torch.block_diag(v, w[:, None]),
        lambda v, w: scipy.linalg.block_diag(v, w[:, None]),
        (V, W),
    ),
]


@pytest.mark.parametrize("case", range(len(CASES)))
def test_value_and_gradient(case: int) -> None:
    f, reference, arrays = CASES[case]
    np.testing.assert_allclose(f(*[leaf(a) for a in arrays])._a, reference(*arrays))
    check(lambda *xs: f(*[x * x for x in xs]), *arrays)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: torch.meshgrid(torch.ones(2), indexing="ab"), "indexing must be one of"),
        (lambda: torch.meshgrid(torch.ones(2, 2)), "Expected 0D or 1D tensor"),
        (lambda: torch.vander(torch.ones(2, 2)), "x must be a one-dimensional tensor"),
        (lambda: torch.vander(torch.ones(2), -1), "N must be non-negative"),
        (lambda: torch.block_diag(torch.ones(1, 1, 1)), "must have 2 or fewer dimensions"),
    ],
)
def test_errors(call: Any, message: str) -> None:
    with pytest.raises(RuntimeError, match=message):
        call()
