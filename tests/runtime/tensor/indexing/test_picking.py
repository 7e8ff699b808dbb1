"""Elements chosen along an axis, and cotangents put back."""

from __future__ import annotations

import numpy as np
from pullback.runtime.tensor.indexing.picking import pick, place
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
