"""Pool kernels against loops over windows."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from pullback.runtime.ops.pooling import gather, largest, scatter, sizes, sums, sums_transposed
from pullback.runtime.ops.windows import Windows

CASES = [
    ((6,), Windows((2,), (2,), ((0, 0),), (1,))),
    ((6, 7), Windows((3, 2), (2, 1), ((1, 1), (0, 0)), (1, 1))),
    ((6, 7), Windows((2, 2), (1, 2), ((0, 0), (1, 1)), (2, 3))),
    ((4, 5, 6), Windows((2, 2, 3), (2, 2, 2), ((0, 0), (1, 1), (1, 1)), (1, 1, 1))),
]


def windows_of(x: Any, windows: Windows, fill: float) -> Any:
    """Each window's elements, by a loop."""
    padded = np.pad(x, ((0, 0), (0, 0), *windows.padding), constant_values=fill)
    count = windows.number(x.shape[2:])
    out = np.empty((*x.shape[:2], *count, int(np.prod(windows.kernel))))
    for where in np.ndindex(*count):
        for k, offset in enumerate(windows.offsets()):
            at = [
                i * s + j * d
                for i, s, j, d in zip(where, windows.stride, offset, windows.dilation, strict=True)
            ]
            out[(slice(None), slice(None), *where, k)] = padded[(slice(None), slice(None), *at)]
    return out


@pytest.mark.parametrize(("lengths", "windows"), CASES, ids=str)
def test_largest(lengths: Any, windows: Windows) -> None:
    x = np.random.default_rng(0).standard_normal((2, 3, *lengths))
    values, places = largest(x, windows, windows.number(lengths))
    np.testing.assert_array_equal(values, windows_of(x, windows, -np.inf).max(-1))
    np.testing.assert_array_equal(gather(x, places, len(lengths)), values)
    g = np.random.default_rng(1).standard_normal(values.shape)
    np.testing.assert_allclose(np.sum(scatter(g, places, lengths) * x), np.sum(g * values), rtol=1e-12)


def test_the_first_of_equals_and_nan() -> None:
    windows = Windows((2, 2), (2, 2), ((0, 0), (0, 0)), (1, 1))
    x = np.zeros((1, 1, 4, 4))
    assert largest(x, windows, (2, 2))[1].tolist() == [[[[0, 2], [8, 10]]]]
    x[0, 0, 1, 0] = np.nan
    values, places = largest(x, windows, (2, 2))
    assert np.isnan(values[0, 0, 0, 0])
    assert places[0, 0, 0, 0] == 4
    assert largest(np.array([[[[1, 5], [7, 2]]]]), windows, (1, 1))[0].tolist() == [[[[7]]]]


@pytest.mark.parametrize(("lengths", "windows"), CASES, ids=str)
def test_sums(lengths: Any, windows: Windows) -> None:
    x = np.random.default_rng(0).standard_normal((2, 3, *lengths))
    count = windows.number(lengths)
    y = sums(x, windows, count)
    np.testing.assert_allclose(y, windows_of(x, windows, 0).sum(-1), rtol=1e-12, atol=1e-12)
    g = np.random.default_rng(1).standard_normal(y.shape)
    back = sums_transposed(g, windows, count, lengths)
    np.testing.assert_allclose(np.sum(back * x), np.sum(g * y), rtol=1e-12)


def test_sizes() -> None:
    windows = Windows((3, 2), (2, 2), ((1, 1), (0, 0)), (1, 1))
    ones = np.ones((1, 1, 6, 6))
    inside = windows_of(ones, windows, 0).sum(-1)[0, 0]
    np.testing.assert_array_equal(sizes(windows, (3, 3), (6, 6), False), inside)
    np.testing.assert_array_equal(sizes(windows, (3, 3), (6, 6), True), np.full((3, 3), 6))
