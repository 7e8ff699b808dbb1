"""Cross products along a chosen axis and along the last."""

from __future__ import annotations

import numpy as np
import pytest
from tensor_checks import check, leaf, sample, torch


def test_along_the_first_axis_of_length_three():
    a, b = sample(3, 2), sample(3, 2, seed=1)
    made = torch.cross(leaf(a), leaf(b))
    np.testing.assert_allclose(made.detach().numpy(), np.cross(a, b, axis=0), rtol=1e-13)
    check(torch.cross, a, b)


def test_along_the_last_axis():
    a, b = sample(2, 3), sample(2, 3, seed=1)
    np.testing.assert_allclose(torch.linalg.cross(leaf(a), leaf(b)).detach().numpy(), np.cross(a, b))
    check(torch.linalg.cross, a, b)


def test_other_lengths_are_refused():
    with pytest.raises(RuntimeError, match=r"must have length 3. Got 2 and 2"):
        torch.cross(torch.ones(2), torch.ones(2), dim=0)
