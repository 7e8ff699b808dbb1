"""Elements chosen along an axis, and cotangents put back."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from pullback.runtime.tensor.indexing.picking import chosen_along, extreme, flat_places, pick, place
from tensor_checks import check, sample


def test_each_is_the_adjoint_of_the_other():
    a, index = sample(3, 4), np.array([[0, 2, 2], [1, 1, 3], [3, 0, 0]])
    g = sample(3, 3, seed=1)
    there, back = np.sum(pick(a, index, 1, 4, True) * g), np.sum(place(g, index, 1, 4, True) * a)
    np.testing.assert_allclose(there, back)
    check(lambda x: pick(x, index, 1, 4, True), a)
    check(lambda x: place(x, index, 1, 4, True), g)


def test_places_that_occur_once():
    assert place(np.array([[5.0]]), np.array([[2]]), 1, 3).tolist() == [[0, 0, 5]]


PLACES = [
    ((5,), (3,), 0), ((3, 4), (2, 4), 0), ((3, 4), (3, 7), 1), ((3, 4), (1, 2), 1), ((2, 3, 4), (2, 5, 3), 1),
    ((2, 3, 4), (9, 1, 4), 0), ((2, 3, 4), (2, 3, 1), 2), ((2, 3, 4), (2, 0, 4), 1), ((80, 70), (80, 60), 0),
]  # fmt: skip


@pytest.mark.parametrize("kind", [np.int64, np.int32, np.uint32, np.uint64])
@pytest.mark.parametrize(("shape", "lengths", "axis"), PLACES)
def test_places_in_the_flat_form(shape: Any, lengths: Any, axis: int, kind: Any) -> None:
    a = np.arange(math.prod(shape)).reshape(shape)
    index = np.random.default_rng(0).integers(0, shape[axis], lengths).astype(kind)
    part = a[tuple(slice(None) if k == axis else slice(n) for k, n in enumerate(lengths))]
    expected = np.take_along_axis(part, index.astype(np.int64), axis)
    places = flat_places(index, axis, shape)
    assert places.dtype == np.int64
    np.testing.assert_array_equal(a.reshape(-1)[places], expected)
    np.testing.assert_array_equal(chosen_along(a, index, axis), expected)
    np.testing.assert_array_equal(chosen_along(np.asfortranarray(a), index, axis), expected)


def test_the_largest_of_few_and_of_many() -> None:
    for a in (np.arange(6.0).reshape(2, 3), np.arange(8000.0)):
        assert extreme(a) == a.max() and extreme(-a, largest=False) == -a.max()
        a.reshape(-1)[1] = np.nan
        assert np.isnan(extreme(a)) and np.isnan(extreme(a, largest=False))
