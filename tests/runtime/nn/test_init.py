"""Initial values: their moments and shapes."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from pullback.runtime.nn import init
from pullback.runtime.nn.parameter import Parameter
from pullback.runtime.tape.node import wrap
from pullback.runtime.tensor.tensor import Tensor


def weight(*shape: int) -> Any:
    return Parameter(wrap(Tensor, np.full(shape, np.nan, np.float32)))


@pytest.mark.parametrize(
    ("f", "settings", "deviation", "bound"),
    [
        (init.uniform_, {"a": -2.0, "b": 2.0}, 2 / math.sqrt(3), 2),
        (init.normal_, {"std": 0.5}, 0.5, None),
        (init.trunc_normal_, {}, 0.8796, 2),
        (init.xavier_uniform_, {"gain": 2.0}, 2 * math.sqrt(2 / (80 * 5 + 50 * 5)), None),
        (init.xavier_normal_, {}, math.sqrt(2 / (80 * 5 + 50 * 5)), None),
        (init.kaiming_uniform_, {"a": math.sqrt(5)}, math.sqrt(1 / 3 / 400), 1 / math.sqrt(400)),
        (init.kaiming_normal_, {"mode": "fan_out", "nonlinearity": "relu"}, math.sqrt(2 / 250), None),
    ],
)
def test_moments(f: Any, settings: Any, deviation: float, bound: float | None) -> None:
    w = weight(50, 80, 5)
    assert f(w, **settings) is w
    assert w._version == 1
    assert w.is_leaf
    assert w._a.mean() == pytest.approx(0, abs=5 * deviation / math.sqrt(20000))
    assert w._a.std() == pytest.approx(deviation, rel=0.03)
    if bound is not None:
        assert abs(w._a).max() <= bound
        assert abs(w._a).max() > 0.98 * bound


def test_constants() -> None:
    assert init.constant_(weight(2), 3.0).tolist() == [3, 3]
    assert init.ones_(weight(2)).tolist() == [1, 1]
    assert init.zeros_(weight(2)).tolist() == [0, 0]
    assert init.eye_(weight(2, 3)).tolist() == [[1, 0, 0], [0, 1, 0]]
    kernels = init.dirac_(weight(4, 1, 3), groups=2)
    assert kernels._a[:, 0, 1].tolist() == [1, 0, 1, 0]
    assert kernels._a.sum() == 2


@pytest.mark.parametrize("shape", [(4, 7), (7, 4), (3, 2, 5)])
def test_orthogonal(shape: Any) -> None:
    m = init.orthogonal_(weight(*shape), gain=2)._a.reshape(shape[0], -1)
    square = m @ m.T if m.shape[0] < m.shape[1] else m.T @ m
    np.testing.assert_allclose(square, 4 * np.eye(len(square)), atol=1e-5)


def test_sparse() -> None:
    m = init.sparse_(weight(10, 6), 0.25, std=1.0)._a
    assert ((m == 0).sum(0) == 3).all()


def test_gains_and_fans() -> None:
    assert init.calculate_gain("tanh") == 5 / 3
    assert init.calculate_gain("relu") == math.sqrt(2)
    assert init.calculate_gain("leaky_relu", 0.2) == math.sqrt(2 / 1.04)
    assert init._calculate_fan_in_and_fan_out(weight(3, 4, 2, 5)) == (40, 30)


def test_what_is_refused() -> None:
    refused: list[tuple[str, Any]] = [
        ("Unsupported nonlinearity foo", lambda: init.calculate_gain("foo")),
        ("not a valid number", lambda: init.calculate_gain("leaky_relu", "x")),
        ("fewer than 2 dimensions", lambda: init.xavier_normal_(weight(2))),
        (r"Mode x not supported, please use one of \['fan_in', 'fan_out'\]",
         lambda: init.kaiming_normal_(weight(2, 2), mode="x")),
        ("Only tensors with 2 dimensions", lambda: init.eye_(weight(2))),
        ("Only tensors with 2 or more dimensions", lambda: init.orthogonal_(weight(2))),
        ("Only tensors with 3, 4, or 5 dimensions", lambda: init.dirac_(weight(2, 2))),
    ]  # fmt: skip
    for words, call in refused:
        with pytest.raises(ValueError, match=words):
            call()
    for f in (init.uniform_, init.trunc_normal_):
        with pytest.raises(RuntimeError, match=r"a \[from, to\) range, but found from=2.0 > to=1.0"):
            f(weight(2), a=2.0, b=1.0)
    with pytest.raises(RuntimeError, match=r"normal expects std >= 0\.0, but found std -1"):
        init.normal_(weight(2), std=-1)
    with pytest.warns(UserWarning, match="no-op"):
        init.kaiming_normal_(weight(0, 2))
