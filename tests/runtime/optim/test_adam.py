"""Steps of Adam and AdamW against the formulas, small arrays and large ones."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
from pullback.runtime.nn.parameter import Parameter
from pullback.runtime.optim import steps
from pullback.runtime.optim.adam import Adam, AdamW
from pullback.runtime.tape.node import wrap
from pullback.runtime.tensor.tensor import Tensor


def stepped(p: Any, gradients: Any, decay: float, amsgrad: bool, maximize: bool, decoupled: bool) -> Any:
    lr, one, two, eps = 0.1, 0.8, 0.95, 1e-3
    m = v = top = np.zeros_like(p)
    for k, g in enumerate(gradients, 1):
        g = -g if maximize else g
        if decoupled:
            p = p * (1 - lr * decay)
        else:
            g = g + decay * p
        m, v = one * m + (1 - one) * g, two * v + (1 - two) * g * g
        top = np.maximum(top, v)
        scale = np.sqrt((top if amsgrad else v) / (1 - two**k)) + eps
        p = p - lr * m / (1 - one**k) / scale
    return p, m, v


@pytest.mark.parametrize("compiled", [False, True])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(
    ("kind", "decay", "amsgrad", "maximize"),
    list(itertools.product([Adam, AdamW], [0, 0.1], [False, True], [False, True])),
)
def test_steps(
    kind: Any, decay: float, amsgrad: bool, maximize: bool, dtype: str, compiled: bool, monkeypatch: Any
) -> None:
    monkeypatch.setattr(steps, "COMPILED", 0 if compiled else 1 << 60)
    rng = np.random.default_rng(0)
    start = rng.standard_normal((3, 4)).astype(dtype)
    gradients = rng.standard_normal((4, 3, 4)).astype(dtype)
    w = Parameter(wrap(Tensor, start.copy()))
    optimizer = kind([w], 0.1, (0.8, 0.95), 1e-3, decay, amsgrad, maximize=maximize)
    for g in gradients:
        w.grad = wrap(Tensor, g.copy())
        optimizer.step()
        np.testing.assert_array_equal(w.grad._a, g)
    p, m, v = stepped(start, gradients, decay, amsgrad, maximize, kind is AdamW)
    rtol = 1e-4 if dtype == "float32" else 1e-12
    state = optimizer.state[w]
    np.testing.assert_allclose(w._a, p, rtol=rtol, atol=rtol)
    np.testing.assert_allclose(state["exp_avg"]._a, m, rtol=rtol, atol=rtol)
    np.testing.assert_allclose(state["exp_avg_sq"]._a, v, rtol=rtol, atol=rtol)
    assert ("max_exp_avg_sq" in state) == amsgrad
    assert float(state["step"]) == 4


def test_both_ways_round_alike(monkeypatch: pytest.MonkeyPatch) -> None:
    results = []
    for limit in (0, 1 << 60):
        monkeypatch.setattr(steps, "COMPILED", limit)
        rng = np.random.default_rng(1)
        w = Parameter(wrap(Tensor, rng.standard_normal(100).astype(np.float32)))
        optimizer = AdamW([w], 0.1, amsgrad=True)
        for _ in range(3):
            w.grad = wrap(Tensor, rng.standard_normal(100).astype(np.float32))
            optimizer.step()
        results.append(w._a)
    np.testing.assert_allclose(*results, rtol=3e-7)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"lr": -1}, "Invalid learning rate: -1"),
        ({"eps": -1}, "Invalid epsilon value: -1"),
        ({"betas": (1.0, 0.9)}, "Invalid beta parameter at index 0: 1.0"),
        ({"betas": (0.1, 1.9)}, "Invalid beta parameter at index 1: 1.9"),
        ({"weight_decay": -1}, "Invalid weight_decay value: -1"),
    ],
)
def test_bad_settings(settings: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        Adam([Parameter(wrap(Tensor, np.ones(1)))], **settings)
