"""Softmax of few elements, with and without the shift, against its definition in float64."""

import warnings
from typing import Any

import numpy as np
import pytest
from pullback.runtime.ops import rows

SHAPES = [((1,), 0), ((5,), 0), ((4, 3), 0), ((4, 3), 1), ((2, 3, 4), 0), ((2, 3, 4), 1), ((2, 3, 4), 2)]
LAYOUTS = [np.ascontiguousarray, np.asfortranarray, lambda a: np.repeat(a, 2, axis=-1)[..., ::2]]


def shares(a: Any, axis: int) -> Any:
    a = a.astype(np.float64)
    e = np.exp(a - a.max(axis, keepdims=True))
    return e / e.sum(axis, keepdims=True)


@pytest.mark.parametrize("scale", [1.0, 35.0, 36.5, 200.0, 1e4])
@pytest.mark.parametrize("kind", [np.float32, np.float64])
@pytest.mark.parametrize(("shape", "axis"), SHAPES)
def test_softmax(shape: tuple[int, ...], axis: int, kind: Any, scale: float) -> None:
    drawn = (np.random.default_rng(0).uniform(-1, 1, shape) * scale).astype(kind)
    expected = shares(drawn, axis)
    eps = float(np.finfo(kind).eps)
    for layout in LAYOUTS:
        a = layout(drawn)
        with warnings.catch_warnings(), np.errstate(all="raise"):
            warnings.simplefilter("error")
            found, logs = rows.softmax(a, axis), rows.log_softmax(a, axis)
        assert found.dtype == logs.dtype == kind and found.shape == logs.shape == shape
        np.testing.assert_allclose(found, expected, rtol=60 * eps, atol=float(np.finfo(kind).tiny))
        np.testing.assert_allclose(np.exp(logs), found, rtol=1e3 * eps * scale, atol=1e-30)
        np.testing.assert_array_equal(a, drawn)


@pytest.mark.parametrize("value", [np.inf, -np.inf, np.nan])
def test_rows_with_other_than_numbers_do_not_touch_the_rest(value: float) -> None:
    a = np.zeros((2, 3), np.float32)
    a[0, 1] = value
    with np.errstate(all="raise"):
        found = rows.softmax(a, 1)
    np.testing.assert_allclose(found[1], 1 / 3, rtol=1e-6)
    expected = [0.5, 0.0, 0.5] if value == -np.inf else [np.nan] * 3
    np.testing.assert_array_equal(found[0], expected)


def test_one_large_element_does_not_make_others_vanish() -> None:
    a = np.array([[-200.0, -201.0], [40.0, 39.0]], np.float32)
    np.testing.assert_allclose(rows.softmax(a, 1), shares(a, 1), rtol=1e-5)


@pytest.mark.parametrize("kind", [np.float16, np.complex64])
def test_other_dtypes(kind: Any) -> None:
    found = rows.softmax(np.zeros((2, 4), kind), 1)
    assert found.dtype == kind and (found == 0.25).all()


def test_nothing() -> None:
    assert rows.softmax(np.zeros((0, 3), np.float32), 1).shape == (0, 3)
    assert rows.softmax(np.zeros((3, 0), np.float32), 1).shape == (3, 0)


@pytest.mark.parametrize(("shape", "axis"), SHAPES)
def test_slopes(shape: tuple[int, ...], axis: int) -> None:
    rng = np.random.default_rng(1)
    g, y = rng.normal(size=shape), shares(rng.normal(size=shape), axis)
    slope = y * (g - (g * y).sum(axis, keepdims=True))
    np.testing.assert_allclose(rows.softmax_slope(g, y, axis), slope, atol=1e-15)
    slope = g - y * g.sum(axis, keepdims=True)
    np.testing.assert_allclose(rows.log_softmax_slope(g, np.log(y), axis), slope, atol=1e-14)
