"""Steps of SGD against the formulas, small arrays and large ones."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
from pullback.runtime.nn.parameter import Parameter
from pullback.runtime.optim import steps
from pullback.runtime.optim.adam import Adam
from pullback.runtime.optim.sgd import SGD
from pullback.runtime.tape.node import wrap
from pullback.runtime.tensor.tensor import Tensor


def stepped(
    p: Any,
    gradients: Any,
    lr: float,
    momentum: float,
    dampening: float,
    decay: float,
    nesterov: bool,
    maximize: bool,
) -> Any:
    p, b = p.copy(), None
    for g in gradients:
        g = (-g if maximize else g) + decay * p
        if momentum:
            b = g if b is None else momentum * b + (1 - dampening) * g
            g = g + momentum * b if nesterov else b
        p = p - lr * g
    return p, b


SETTINGS = [
    s
    for s in itertools.product([0, 0.9], [0, 0.3], [0, 0.1], [False, True], [False, True])
    if not s[3] or (s[0] and not s[1])
]


@pytest.mark.parametrize("compiled", [False, True])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("settings", SETTINGS, ids=str)
def test_steps(settings: Any, dtype: str, compiled: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(steps, "COMPILED", 0 if compiled else 1 << 60)
    momentum, dampening, decay, nesterov, maximize = settings
    rng = np.random.default_rng(0)
    start = rng.standard_normal((3, 4)).astype(dtype)
    gradients = rng.standard_normal((3, 3, 4)).astype(dtype)
    w = Parameter(wrap(Tensor, start.copy()))
    optimizer = SGD([w], 0.1, momentum, dampening, decay, nesterov, maximize=maximize)
    for g in gradients:
        w.grad = wrap(Tensor, g.copy())
        optimizer.step()
        np.testing.assert_array_equal(w.grad._a, g)
    expected, velocity = stepped(start, gradients, 0.1, momentum, dampening, decay, nesterov, maximize)
    np.testing.assert_allclose(w._a, expected, rtol=1e-5 if dtype == "float32" else 1e-13, atol=1e-6)
    if momentum:
        kept = optimizer.state[w]["momentum_buffer"]
        np.testing.assert_allclose(kept._a, velocity, rtol=1e-5, atol=1e-6)
        assert kept._a.dtype == dtype
    else:
        assert not optimizer.state


def test_both_ways_round_alike(monkeypatch: pytest.MonkeyPatch) -> None:
    results = []
    for limit in (0, 1 << 60):
        monkeypatch.setattr(steps, "COMPILED", limit)
        rng = np.random.default_rng(1)
        w = Parameter(wrap(Tensor, rng.standard_normal(100).astype(np.float32)))
        optimizer = SGD([w], 0.1, 0.9, 0.0, 0.01, True)
        for _ in range(3):
            w.grad = wrap(Tensor, rng.standard_normal(100).astype(np.float32))
            optimizer.step()
        results.append(w._a)
    np.testing.assert_array_equal(*results)


def test_a_gradient_with_gaps_and_a_complex_parameter(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(steps, "COMPILED", 0)
    w = Parameter(wrap(Tensor, np.zeros((2, 3))))
    w._grad = wrap(Tensor, np.arange(6.0).reshape(3, 2).T)
    SGD([w], lr=1.0).step()
    np.testing.assert_array_equal(w._a, -np.arange(6.0).reshape(3, 2).T)
    z = Parameter(wrap(Tensor, np.zeros(2, np.complex128)))
    z._grad = wrap(Tensor, np.array([1 + 2j, 3 - 1j]))
    SGD([z], lr=0.5, momentum=0.5).step()
    np.testing.assert_array_equal(z._a, [-0.5 - 1j, -1.5 + 0.5j])


@pytest.mark.parametrize("kind", [SGD, Adam])
def test_complex_parameters_of_any_layout(kind: Any) -> None:
    start, slope = np.array([[1 + 2j, 3j], [4, 5 - 1j]]), np.array([[1j, 2], [3 - 1j, 4]])
    found = []
    for values in (start, np.asfortranarray(start), np.repeat(start, 2, 1)[:, ::2]):
        z = Parameter(wrap(Tensor, values.copy("K") if values.base is None else values))
        z._grad = wrap(Tensor, slope.copy())
        optimizer = kind([z], lr=0.5)
        optimizer.step()
        optimizer.step()
        found.append(z._a)
    np.testing.assert_array_equal(found[1], found[0])
    np.testing.assert_array_equal(found[2], found[0])
    assert (abs(found[0] - start) > 0.1).all()


def test_a_step_is_a_write() -> None:
    w = Parameter(wrap(Tensor, np.ones(2)))
    loss = (w * w).sum()
    loss.backward(retain_graph=True)
    before = w._version
    SGD([w], lr=0.1).step()
    assert w._version == before + 1
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        loss.backward()


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"lr": -1}, "Invalid learning rate: -1"),
        ({"momentum": -1}, "Invalid momentum value: -1"),
        ({"weight_decay": -1}, "Invalid weight_decay value: -1"),
        ({"nesterov": True}, "Nesterov momentum requires a momentum and zero dampening"),
    ],
)
def test_bad_settings(settings: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        SGD([Parameter(wrap(Tensor, np.ones(1)))], **settings)


def test_recorded_steps_are_refused() -> None:
    with pytest.raises(NotImplementedError, match="differentiable=True is not supported"):
        SGD([Parameter(wrap(Tensor, np.ones(1)))], differentiable=True)
