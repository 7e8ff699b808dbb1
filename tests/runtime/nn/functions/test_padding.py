"""Frames, windows as columns, dropout."""

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


NUMPY = {"constant": "constant", "reflect": "reflect", "replicate": "edge", "circular": "wrap"}


@pytest.mark.parametrize("rank", [1, 2, 3])
@pytest.mark.parametrize("mode", NUMPY)
def test_pad(mode: str, rank: int) -> None:
    x = checks.sample(2, 2, *(4, 5, 3)[:rank])
    widths = [(1, 2), (0, 1), (2, 1)][:rank]
    flat = [w for pair in reversed(widths) for w in pair]
    expected = np.pad(x, [(0, 0), (0, 0), *widths], NUMPY[mode])  # type: ignore[call-overload]
    np.testing.assert_array_equal(F.pad(t(x), flat, mode)._a, expected)
    checks.check(lambda x: F.pad(x, flat, mode), x)


def test_negative_widths_and_values() -> None:
    x = checks.sample(2, 5)
    assert F.pad(t(x), (-1, 2), value=7.0)._a[0].tolist() == [*x[0, 1:], 7, 7]
    checks.check(lambda x: F.pad(x, (-1, 2, 1, -1), value=7.0) ** 2, x)
    assert F.pad(checks.leaf(x), (1, 1)).grad_fn.name() == "ConstantPadNdBackward0"
    assert F.pad(t([True]), (1, 0))._a.tolist() == [False, True]


@pytest.mark.parametrize(
    "settings",
    [{"kernel_size": 2}, {"kernel_size": (2, 3), "dilation": 2, "padding": 1, "stride": 2}],
    ids=str,
)
def test_unfold_and_fold(settings: Any) -> None:
    x = checks.sample(2, 3, 5, 6)
    cols = F.unfold(t(x), **settings)
    checks.check(lambda x: F.unfold(x, **settings), x)
    checks.check(lambda c: F.fold(c, (5, 6), **settings), cols._a)
    g = np.random.default_rng(0).standard_normal(cols._a.shape)
    folded = F.fold(t(g), (5, 6), **settings)._a
    np.testing.assert_allclose(np.sum(folded * x), np.sum(g * cols._a))
    np.testing.assert_array_equal(F.unfold(t(x[0]), **settings)._a, cols._a[0])


def test_values_of_unfold() -> None:
    x = np.arange(9.0).reshape(1, 1, 3, 3)
    assert F.unfold(t(x), 2)._a.tolist() == [[[0, 1, 3, 4], [1, 2, 4, 5], [3, 4, 6, 7], [4, 5, 7, 8]]]


def test_dropout() -> None:
    x = checks.leaf(np.ones((200, 50)))
    y = F.dropout(x, 0.25)
    kept = y._a != 0
    assert kept.mean() == pytest.approx(0.75, abs=0.03)
    np.testing.assert_allclose(y._a[kept], 1 / 0.75)
    y.sum().backward()
    np.testing.assert_allclose(x.grad._a, y._a)
    assert F.dropout(x, 0.0) is x
    assert F.dropout(x, 0.5, training=False) is x
    assert not F.dropout(x, 1.0)._a.any()
    z = x * 1
    assert F.dropout(z, 0.5, inplace=True) is z
    assert set(np.unique(z._a)) == {0.0, 2.0}


def test_dropout_of_channels() -> None:
    images = t(np.ones((20, 10, 3, 3)))
    planes = F.dropout2d(images)._a.reshape(200, 9)
    assert ((planes == 0).all(1) | (planes == 2).all(1)).all()
    assert 0 < (planes == 0).mean() < 1
    assert F.dropout1d(t(np.ones((10, 3))))._a.shape == (10, 3)
    with pytest.warns(UserWarning, match="Received a 3D input to dropout2d"):
        F.dropout2d(t(np.ones((2, 3, 4))))


def test_alpha_dropout_keeps_the_moments() -> None:
    x = t(np.random.default_rng(0).standard_normal((400, 100)))
    y = F.alpha_dropout(x, 0.3, training=True)._a
    assert y.mean() == pytest.approx(0, abs=0.03)
    assert y.std() == pytest.approx(1, abs=0.03)
    planes = F.feature_alpha_dropout(t(np.zeros((20, 10, 4))), 0.5, training=True)._a.reshape(200, 4)
    assert (planes == planes[:, :1]).all()


def test_what_is_refused() -> None:
    x = t(np.ones((2, 4, 3)))
    refused: list[tuple[type[Exception], str, Any]] = [
        (RuntimeError, "Padding length must be divisible by 2", lambda: F.pad(x, (1,))),
        (RuntimeError, "less than or equal to two times the input dimension", lambda: F.pad(x, (1,) * 8)),
        (RuntimeError, "Padding size should be less than", lambda: F.pad(x, (3, 1), "reflect")),
        (RuntimeError, "wrapping around more than once", lambda: F.pad(x, (4, 1), "circular")),
        (RuntimeError, "doesn't take in value argument", lambda: F.pad(x, (1, 1), "reflect", 1.0)),
        (NotImplementedError, "is not supported for 1D input", lambda: F.pad(x[0, 0], (1, 1), "reflect")),
        (RuntimeError, "negative output size", lambda: F.pad(x, (-2, -2))),
        (ValueError, "dropout probability has to be between 0 and 1, but got 2", lambda: F.dropout(x, 2.0)),
        (
            RuntimeError,
            "divisible by the product of kernel_size",
            lambda: F.fold(t(np.ones((1, 3, 4))), 3, 2),
        ),
        (RuntimeError, "expected size of input's dimension 2", lambda: F.fold(t(np.ones((1, 4, 3))), 3, 2)),
        (RuntimeError, "sliding blocks", lambda: F.unfold(x, 5)),
        (RuntimeError, r"but got: \[4\]", lambda: F.fold(t(np.ones(4)), 2, 2)),
        (RuntimeError, "can't be cast to the desired output type Long", lambda: F.dropout(t([1, 2]), 0.1)),
        (RuntimeError, "can't be cast to", lambda: F.alpha_dropout(t([1, 2]), 0.1, training=True)),
        (RuntimeError, "at least 2 dimensions", lambda: F.feature_alpha_dropout(x[0, 0], training=True)),
    ]
    for kind, words, call in refused:
        with pytest.raises(kind, match=words):
            call()
