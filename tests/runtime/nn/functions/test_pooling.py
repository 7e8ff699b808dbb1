"""Pools and maps along axes: values by loops, gradients of both orders, errors."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import tensor_checks as checks
from pullback.runtime.nn import functional as F
from pullback.runtime.tape.node import wrap
from pullback.runtime.tensor.tensor import Tensor


def t(a: Any) -> Any:
    return wrap(Tensor, np.asarray(a))


def distinct(*shape: int) -> Any:
    """Numbers far enough apart for differences of maxima."""
    return np.random.default_rng(0).permutation(int(np.prod(shape))).reshape(shape) * 0.01


LENGTHS = (7, 6, 5)
MAX = [
    {"kernel_size": 2},
    {"kernel_size": 3, "stride": 2, "padding": 1},
    {"kernel_size": 3, "stride": 2, "ceil_mode": True},
    {"kernel_size": 2, "stride": 1, "dilation": 2},
]
AVG = [
    {"kernel_size": 2},
    {"kernel_size": 3, "stride": 2, "padding": 1, "ceil_mode": True},
    {"kernel_size": 3, "stride": 2, "padding": 1, "count_include_pad": False},
]


@pytest.mark.parametrize("rank", [1, 2, 3])
@pytest.mark.parametrize("settings", MAX, ids=str)
def test_max_pools(rank: int, settings: Any) -> None:
    f, x = getattr(F, f"max_pool{rank}d"), distinct(2, 3, *LENGTHS[:rank])
    checks.check(lambda x: f(x, **settings), x)
    y, places = f(t(x), **settings, return_indices=True)
    flat = x.reshape(2, 3, -1)
    chosen = np.take_along_axis(flat, places._a.reshape(2, 3, -1), 2).reshape(y._a.shape)
    np.testing.assert_array_equal(y._a, chosen)
    np.testing.assert_array_equal(f(t(x[0]), **settings)._a, y._a[0])


@pytest.mark.parametrize("rank", [1, 2, 3])
@pytest.mark.parametrize("settings", AVG, ids=str)
def test_avg_pools(rank: int, settings: Any) -> None:
    f, x = getattr(F, f"avg_pool{rank}d"), checks.sample(2, 3, *LENGTHS[:rank])
    checks.check(lambda x: f(x, **settings), x)
    np.testing.assert_allclose(f(t(x[0]), **settings)._a, f(t(x), **settings)._a[0])
    ones = f(t(np.ones_like(x)), **{**settings, "count_include_pad": False})._a
    np.testing.assert_allclose(ones, 1)


def test_values_of_pools() -> None:
    x = t(np.arange(16.0).reshape(1, 1, 4, 4))
    assert F.max_pool2d(x, 2)._a.tolist() == [[[[5, 7], [13, 15]]]]
    assert F.avg_pool2d(x, 2)._a.tolist() == [[[[2.5, 4.5], [10.5, 12.5]]]]
    assert F.avg_pool2d(x, 2, divisor_override=2)._a.tolist() == [[[[5, 9], [21, 25]]]]
    assert F.avg_pool2d(x, 3, 2, 1)._a[0, 0, 0, 0] == (0 + 1 + 4 + 5) / 9
    assert F.avg_pool2d(x, 3, 2, 1, count_include_pad=False)._a[0, 0, 0, 0] == 2.5
    assert F.avg_pool1d(t([[[1.0, 2, 3, 4, 5]]]), 2, ceil_mode=True)._a.tolist() == [[[1.5, 3.5, 5]]]
    np.testing.assert_allclose(F.lp_pool1d(t([[[3.0, 4.0]]]), 2.0, 2)._a, [[[5]]])
    assert F.max_pool2d(t(np.arange(16).reshape(1, 1, 4, 4)), 2)._a.dtype == np.int64


@pytest.mark.parametrize("rank", [1, 2, 3])
@pytest.mark.parametrize("size", [1, 3, 4, None])
def test_adaptive_pools(rank: int, size: Any) -> None:
    x = distinct(2, 3, *LENGTHS[:rank])
    wanted = (size,) * rank
    lengths = [n if size is None else size for n in LENGTHS[:rank]]
    means, tops = np.empty((2, 3, *lengths)), np.empty((2, 3, *lengths))
    for where in np.ndindex(*lengths):
        window = x[
            (
                slice(None),
                slice(None),
                *(
                    slice(k * n // m, -(-(k + 1) * n // m))
                    for k, n, m in zip(where, LENGTHS, lengths, strict=False)
                ),
            )
        ].reshape(2, 3, -1)
        means[(slice(None), slice(None), *where)] = window.mean(-1)
        tops[(slice(None), slice(None), *where)] = window.max(-1)
    average, largest = getattr(F, f"adaptive_avg_pool{rank}d"), getattr(F, f"adaptive_max_pool{rank}d")
    np.testing.assert_allclose(average(t(x), wanted)._a, means)
    np.testing.assert_array_equal(largest(t(x), wanted)._a, tops)
    np.testing.assert_allclose(average(t(x[0]), wanted)._a, means[0])
    checks.check(lambda x: average(x, wanted), x)
    checks.check(lambda x: largest(x, wanted), x)
    values, places = largest(t(x), wanted, True)
    np.testing.assert_array_equal(
        np.take_along_axis(x.reshape(2, 3, -1), places._a.reshape(2, 3, -1), 2).ravel(), values._a.ravel()
    )


MODES = {1: "linear", 2: "bilinear", 3: "trilinear"}


@pytest.mark.parametrize("rank", [1, 2, 3])
@pytest.mark.parametrize("mode", ["nearest", "nearest-exact", "linear", "area"])
def test_interpolate(rank: int, mode: str) -> None:
    x = checks.sample(2, 2, *LENGTHS[:rank])
    mode = MODES[rank] if mode == "linear" else mode
    for settings in ({"scale_factor": 2}, {"size": (3, 9, 5)[:rank]}, {"scale_factor": 0.6}):
        checks.check(lambda x, s=settings: F.interpolate(x, mode=mode, **s), x)
        ones = F.interpolate(t(np.ones_like(x)), mode=mode, **settings)._a
        np.testing.assert_allclose(ones, 1)


def test_values_of_interpolate() -> None:
    x = t([[[1.0, 3.0, 2.0]]])
    cases: list[tuple[dict[str, Any], list[float]]] = [
        ({"size": 6}, [1, 1, 3, 3, 2, 2]),
        ({"size": 5}, [1, 1, 3, 3, 2]),
        ({"size": 5, "mode": "nearest-exact"}, [1, 1, 3, 2, 2]),
        ({"size": 6, "mode": "linear"}, [1, 1.5, 2.5, 2.75, 2.25, 2]),
        ({"size": 5, "mode": "linear", "align_corners": True}, [1, 2, 3, 2.5, 2]),
    ]
    for settings, expected in cases:
        np.testing.assert_allclose(F.interpolate(x, **settings)._a[0, 0], expected)
    far = F.interpolate(t([[[np.inf, 1.0]]]), scale_factor=2)._a[0, 0]
    assert far.tolist() == [np.inf, np.inf, 1, 1]


def test_shuffles() -> None:
    x = np.arange(2 * 8 * 3 * 2.0).reshape(2, 8, 3, 2)
    y = F.pixel_shuffle(t(x), 2)
    assert y._a.shape == (2, 2, 6, 4)
    assert y._a[1, 1, 3, 2] == x[1, 4 + 2, 1, 1]
    np.testing.assert_array_equal(F.pixel_unshuffle(y, 2)._a, x)
    checks.check(lambda a: F.pixel_shuffle(a, 2), x[:1] / 10)
    assert F.channel_shuffle(t(x), 2)._a[0, :, 0, 0].tolist() == x[0, [0, 4, 1, 5, 2, 6, 3, 7], 0, 0].tolist()


def test_names_of_nodes() -> None:
    x = checks.leaf(distinct(1, 1, 6, 6))
    names = {
        "MaxPool2DWithIndicesBackward0": F.max_pool2d(x, 2),
        "AvgPool2DBackward0": F.avg_pool2d(x, 2),
        "AdaptiveAvgPool2DBackward0": F.adaptive_avg_pool2d(x, 4),
        "MeanBackward1": F.adaptive_avg_pool2d(x, 1),
        "AdaptiveMaxPool2DBackward0": F.adaptive_max_pool2d(x, 2),
        "UpsampleNearest2DBackward0": F.interpolate(x, scale_factor=2),
        "UpsampleBilinear2DBackward0": F.interpolate(x, scale_factor=2, mode="bilinear"),
    }
    assert {y.grad_fn.name() for y in names.values()} == set(names)


def test_what_is_refused() -> None:
    x, whole = t(np.ones((1, 1, 4, 4))), t(np.ones((1, 1, 4, 4), np.int64))
    refused: list[tuple[type[Exception], str, Any]] = [
        (
            RuntimeError,
            "pad should be at most half of effective kernel size",
            lambda: F.max_pool2d(x, 2, 2, 2),
        ),
        (RuntimeError, "Output size is too small", lambda: F.max_pool2d(x, 5)),
        (RuntimeError, "non-empty 3D or 4D", lambda: F.avg_pool2d(t(np.ones((4, 4))), 2)),
        (RuntimeError, "divisor must be not zero", lambda: F.avg_pool2d(x, 2, divisor_override=0)),
        (RuntimeError, "stride should not be zero", lambda: F.max_pool2d(x, 2, 0)),
        (ValueError, "only one of size or scale_factor", lambda: F.interpolate(x, 3, 2)),
        (ValueError, "either size or scale_factor", lambda: F.interpolate(x)),
        (ValueError, "align_corners option can only", lambda: F.interpolate(x, 3, align_corners=True)),
        (
            NotImplementedError,
            "Got 4D input, but linear mode needs 3D",
            lambda: F.interpolate(x, 3, mode="linear"),
        ),
        (NotImplementedError, "got foo", lambda: F.interpolate(x, 3, mode="foo")),
        (NotImplementedError, "bicubic", lambda: F.interpolate(x, 3, mode="bicubic")),
        (RuntimeError, "divisible by the square of upscale_factor", lambda: F.pixel_shuffle(x, 2)),
        (RuntimeError, "channel_shuffle expects input with > 2 dims", lambda: F.channel_shuffle(x[0, 0], 2)),
        *[
            (NotImplementedError, f"\"{kernel}\" not implemented for '{kind}'", call)
            for kernel, kind, call in (
                ("compute_indices_weights_linear", "Long", lambda: F.interpolate(whole, 8, mode="bilinear")),
                ("adaptive_avg_pool2d", "Long", lambda: F.adaptive_avg_pool2d(whole, 2)),
                ("adaptive_max_pool2d", "ComplexDouble", lambda: F.adaptive_max_pool2d(x * 1j, 2)),
                ("max_pool2d", "ComplexDouble", lambda: F.max_pool2d(x * 1j, 2)),
            )
        ],
    ]
    for kind, words, call in refused:
        with pytest.raises(kind, match=words):
            call()


def test_an_empty_batch() -> None:
    x = t(np.zeros((0, 3, 6, 6)))
    for y in (
        F.max_pool2d(x, 2),
        F.avg_pool2d(x, 2),
        F.adaptive_avg_pool2d(x, 3),
        F.adaptive_max_pool2d(x, 3),
        F.interpolate(x, 3),
    ):
        assert y._a.shape == (0, 3, 3, 3)
    leaf = checks.leaf(np.zeros((0, 3, 6, 6)))
    F.max_pool2d(leaf, 2).sum().backward()
    assert leaf.grad._a.shape == (0, 3, 6, 6)
