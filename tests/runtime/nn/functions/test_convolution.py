"""Convolutions of tensors: gradients of both orders, transposes, dtypes, errors."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import tensor_checks as checks
from pullback.runtime.nn import functional as F
from pullback.runtime.tape.node import wrap
from pullback.runtime.tensor.tensor import Tensor
from scipy import signal


def t(a: Any) -> Any:
    return wrap(Tensor, np.asarray(a))


def normal(*shape: int, seed: int = 0) -> Any:
    return np.random.default_rng(seed).standard_normal(shape)


LENGTHS, KERNEL = (6, 5, 4), (3, 2, 2)


@pytest.mark.parametrize("rank", [1, 2, 3])
@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"stride": 2, "padding": 1},
        {"dilation": 2, "padding": 2, "groups": 2},
        {"padding": "same"},
        {"padding": "valid", "stride": 2},
    ],
    ids=str,
)
@pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel lengths")
def test_gradients(rank: int, settings: dict[str, Any]) -> None:
    f = getattr(F, f"conv{rank}d")
    x, w = normal(2, 4, *LENGTHS[:rank]), normal(6, 4 // settings.get("groups", 1), *KERNEL[:rank], seed=1)
    checks.check(lambda x, w, b: f(x, w, b, **settings), x, w, normal(6, seed=2))
    if settings.get("padding") == "same":
        assert f(t(x), t(w), **settings)._a.shape[2:] == x.shape[2:]


@pytest.mark.parametrize("rank", [1, 2, 3])
def test_values(rank: int) -> None:
    x, w = normal(1, 1, *LENGTHS[:rank]), normal(1, 1, *KERNEL[:rank], seed=1)
    got = getattr(F, f"conv{rank}d")(t(x), t(w), t([0.5]))
    np.testing.assert_allclose(got._a[0, 0], signal.correlate(x[0, 0], w[0, 0], "valid") + 0.5)
    full = getattr(F, f"conv_transpose{rank}d")(t(x), t(w))
    np.testing.assert_allclose(full._a[0, 0], signal.convolve(x[0, 0], w[0, 0], "full"))


@pytest.mark.parametrize("rank", [1, 2, 3])
@pytest.mark.parametrize(
    "settings",
    [{}, {"stride": 2, "padding": 1, "output_padding": 1, "groups": 2}, {"dilation": 2, "output_padding": 1}],
    ids=str,
)
def test_transposed(rank: int, settings: dict[str, Any]) -> None:
    f, groups = getattr(F, f"conv_transpose{rank}d"), settings.get("groups", 1)
    x, w = normal(2, 4, *(3, 4, 2)[:rank]), normal(4, 6 // groups, *KERNEL[:rank], seed=1)
    checks.check(lambda x, w, b: f(x, w, b, **settings), x, w, normal(6, seed=2))
    # It is the transpose of the convolution with the same settings.
    y = f(t(x), t(w), **settings)
    rest = {k: v for k, v in settings.items() if k != "output_padding"}
    z = normal(*y._a.shape, seed=3)
    back = getattr(F, f"conv{rank}d")(t(z), t(w), **rest)._a
    part = tuple(slice(n) for n in x.shape)
    np.testing.assert_allclose(np.sum(back[part] * x), np.sum(z * y._a), rtol=1e-10)


def test_without_a_batch_and_with_an_empty_one() -> None:
    x, w = normal(3, 5, 5), normal(2, 3, 2, 2, seed=1)
    np.testing.assert_allclose(F.conv2d(t(x), t(w))._a, F.conv2d(t(x[None]), t(w))._a[0])
    assert F.conv_transpose2d(t(x), t(normal(3, 2, 2, 2)))._a.shape == (2, 6, 6)
    leaf = checks.leaf(w)
    F.conv2d(t(np.zeros((0, 3, 5, 5))), leaf).sum().backward()
    assert not leaf.grad._a.any()


def test_dtypes_and_names() -> None:
    for dtype in (np.float16, np.float32, np.float64):
        x, w = t(normal(1, 2, 4, 4).astype(dtype)), t(normal(1, 2, 2, 2).astype(dtype)).requires_grad_()
        y = F.conv2d(x, w)
        assert y._a.dtype == dtype
        y.sum().backward()
        assert w.grad._a.dtype == dtype
        assert y.grad_fn.name() == "ConvolutionBackward0"
    assert (
        F.conv_transpose2d(x, t(normal(2, 1, 2, 2)).requires_grad_()).grad_fn.name() == "ConvolutionBackward0"
    )


def test_only_what_is_wanted_is_computed(monkeypatch: pytest.MonkeyPatch) -> None:
    from pullback.runtime.nn.functions import correlation

    def refuse(*args: Any) -> Any:
        raise AssertionError("not wanted")

    monkeypatch.setattr(correlation.kernels, "correlate_input", refuse)
    w = checks.leaf(normal(2, 3, 2, 2))
    F.conv2d(t(normal(1, 3, 4, 4)), w).sum().backward()
    assert w.grad is not None


def test_a_view_that_is_not_contiguous() -> None:
    x, w = normal(2, 5, 4, 3), normal(2, 3, 2, 2)
    np.testing.assert_allclose(
        F.conv2d(t(x.transpose(0, 3, 1, 2)), t(w[:, :, ::-1]))._a,
        F.conv2d(t(x.transpose(0, 3, 1, 2).copy()), t(w[:, :, ::-1].copy()))._a,
    )


X, W = (2, 4, 8, 8), (6, 4, 3, 3)
REFUSED: list[tuple[Any, Any, dict[str, Any], str]] = [
    ((2, 3, 8, 8), W, {}, "expected input.* to have 4 channels, but got 3 channels instead"),
    ((2, 8), W, {}, r"Expected 3D \(unbatched\) or 4D \(batched\) input to conv2d"),
    ((2, 4, 2, 2), W, {}, "Kernel size can't be greater than actual input size"),
    (X, W, {"bias": t(np.ones(3))}, "expected bias to be 1-dimensional with 6 elements"),
    (X, (5, 2, 3, 3), {"groups": 2}, "expected weight to be divisible by 2 at dimension 0"),
    (X, W, {"stride": 0}, "non-positive stride is not supported"),
    (X, W, {"padding": -1}, "negative padding is not supported"),
    (X, W, {"padding": "same", "stride": 2}, "padding='same' is not supported for strided convolutions"),
    (X, W, {"padding": "wide"}, "Invalid padding string"),
    (X, W, {"stride": (1, 1, 1)}, "expected stride to be a single integer value or a list of 2 values"),
]


@pytest.mark.parametrize(("x", "w", "settings", "words"), REFUSED, ids=str)
def test_what_is_refused(x: Any, w: Any, settings: Any, words: str) -> None:
    with pytest.raises(RuntimeError, match=words):
        F.conv2d(t(np.ones(x)), t(np.ones(w)), **settings)


def test_what_else_is_refused() -> None:
    with pytest.raises(RuntimeError, match="expected scalar type Double but found Float"):
        F.conv2d(t(np.ones(X)), t(np.ones(W, np.float32)))
    with pytest.raises(RuntimeError, match="output padding must be smaller than either stride or dilation"):
        F.conv_transpose2d(t(np.ones(X)), t(np.ones((4, 2, 3, 3))), output_padding=1)
    with pytest.raises(RuntimeError, match="of complex tensors is not supported"):
        F.conv2d(t(np.ones(X, complex)), t(np.ones(W, complex)))
