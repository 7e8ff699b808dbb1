"""Functions of networks as `pb.<name>` and as methods."""

from __future__ import annotations

import numpy as np
import tensor_checks as checks
from pullback.runtime.nn import functional as F
from pullback.runtime.nn.methods import NAMES


def test_methods() -> None:
    x = checks.leaf([[-1.0, 2.0]])
    assert x.relu().tolist() == [[0, 2]]
    y = x * 1
    assert y.relu_() is y
    np.testing.assert_array_equal(x.softmax(1)._a, F.softmax(x, 1)._a)
    np.testing.assert_array_equal(x.log_softmax(-1)._a, F.log_softmax(x, 1)._a)
    assert x.softmax(1, dtype="float32")._a.dtype == np.float32
    assert x.hardshrink(1.5).tolist() == [[0, 2]]


def test_names() -> None:
    assert NAMES["conv2d"] is F.conv2d
    assert NAMES["softmax"] is not F.softmax  # without its argument `_stacklevel`
