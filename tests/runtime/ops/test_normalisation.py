"""Sums over batches and rows, and normalisation with short and long rows."""

from typing import Any

import numpy as np
import pytest
from pullback.runtime.ops.normalisation import normalised, slopes, total

SHAPES: list[tuple[tuple[int, ...], tuple[int, ...]]] = [
    ((3, 4, 5), (0, 2)), ((3, 4, 40), (0, 2)), ((300, 2, 1), (0, 2)), ((0, 4, 3), (0, 2)), ((6, 7), (1,)),
    ((2, 3, 4, 5), (2, 3)), ((2, 3, 4, 5), (0, 3)), ((70,), (0,)), ((7,), (0,)),
]  # fmt: skip


@pytest.mark.parametrize("kind", [np.float32, np.float64])
@pytest.mark.parametrize(("shape", "axes"), SHAPES)
def test_total(shape: tuple[int, ...], axes: tuple[int, ...], kind: Any) -> None:
    a = np.random.default_rng(0).normal(size=shape).astype(kind)
    found = total(a, axes)
    assert found.dtype == kind
    expected = a.sum(axes, dtype=np.float64, keepdims=True)
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("length", [1, 4, 31, 32, 100])
def test_batches(length: int) -> None:
    x = np.random.default_rng(0).normal(3.0, 2.0, size=(8, 5, length))
    g = np.random.default_rng(1).normal(size=x.shape)
    out, mean, variance = normalised(x, (0, 2), None, None, 1e-5)
    np.testing.assert_allclose(mean, x.mean((0, 2))[:, None].reshape(mean.shape))
    np.testing.assert_allclose(out, (x - mean) / np.sqrt(variance + 1e-5))

    def moved(step: float) -> float:
        return float(np.sum(g * normalised(x + step * v, (0, 2), None, None, 1e-5)[0]))

    v = np.random.default_rng(2).normal(size=x.shape)
    slope, _ = slopes(g, x, (0, 2), None, mean, 1 / np.sqrt(variance + 1e-5))
    np.testing.assert_allclose(np.sum(slope * v), (moved(1e-5) - moved(-1e-5)) / 2e-5, rtol=1e-5, atol=1e-8)
