"""Groups, states, gradients set to zero, closures, hooks, text."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import numpy as np
import pytest
from pullback.runtime.nn.parameter import Parameter
from pullback.runtime.optim.adam import Adam
from pullback.runtime.optim.optimizer import Optimizer
from pullback.runtime.optim.sgd import SGD
from pullback.runtime.tape.node import wrap
from pullback.runtime.tensor.tensor import Tensor


def parameter(*values: float) -> Any:
    return Parameter(wrap(Tensor, np.array(values, np.float32)))


def test_zero_grad_writes_zeros_unless_told() -> None:
    w = parameter(1, 2)
    optimizer = SGD([w], lr=0.1)
    (w * w).sum().backward()
    held = w.grad
    optimizer.zero_grad()
    assert w.grad is held
    assert held.tolist() == [0, 0]
    optimizer.zero_grad(set_to_none=True)
    assert w.grad is None
    optimizer.zero_grad()
    assert w.grad is None


def test_zero_grad_of_a_recorded_gradient() -> None:
    w = parameter(1, 2)
    (w**3).sum().backward(create_graph=True)
    held = w.grad
    SGD([w], lr=0.1).zero_grad()
    assert w.grad.tolist() == [0, 0]
    assert held.tolist() == [3, 12]


def test_groups_have_settings_of_their_own() -> None:
    a, b, c = parameter(1), parameter(1), parameter(1)
    optimizer = SGD([{"params": [a]}, {"params": b, "lr": 1.0}], lr=0.1)
    optimizer.add_param_group({"params": [c], "lr": 10.0})
    for p in (a, b, c):
        p.grad = wrap(Tensor, np.ones(1, np.float32))
    optimizer.step()
    assert [p.item() for p in (a, b, c)] == pytest.approx([0.9, 0, -9])
    optimizer.param_groups[0]["lr"] = 1.0
    optimizer.step()
    assert a.item() == pytest.approx(-0.1)
    named = SGD([("weight", a)], lr=0.1)
    assert named.param_groups[0]["param_names"] == ["weight"]


def test_parameters_without_gradients_stay() -> None:
    a, b = parameter(1), parameter(1)
    optimizer = Adam([a, b])
    (a * 2).sum().backward()
    optimizer.step()
    assert b.item() == 1
    assert list(optimizer.state) == [a]


def test_state_goes_to_another_optimizer() -> None:
    def train(w: Any, optimizer: Any, steps: int) -> None:
        for k in range(steps):
            optimizer.zero_grad()
            ((w - k) ** 2).sum().backward()
            optimizer.step()

    for make in (lambda w: SGD([w], lr=0.1, momentum=0.9), lambda w: Adam([w], lr=0.1, amsgrad=True)):
        w = parameter(1, 2)
        optimizer = make(w)
        train(w, optimizer, 3)
        other = parameter(*w.tolist())
        again = make(other)
        again.load_state_dict(copy.deepcopy(optimizer.state_dict()))
        train(w, optimizer, 3)
        train(other, again, 3)
        assert w.tolist() == other.tolist()
        assert list(optimizer.state_dict()["state"]) == [0]
        assert optimizer.state_dict()["param_groups"][0]["params"] == [0]


def test_states_are_copied_and_cast() -> None:
    w = parameter(1, 2)
    optimizer = SGD([w], lr=0.1, momentum=0.9)
    w.sum().backward()
    optimizer.step()
    state = optimizer.state_dict()
    wide = Parameter(wrap(Tensor, np.ones(2)))
    other = SGD([wide], lr=5.0, momentum=0.9)
    other.load_state_dict(state)
    kept = other.state[wide]["momentum_buffer"]
    assert kept._a.dtype == np.float64
    kept._a[:] = 7
    assert optimizer.state[w]["momentum_buffer"].tolist() == [1, 1]
    assert other.param_groups[0]["lr"] == 0.1


def test_states_that_do_not_fit() -> None:
    w = parameter(1)
    optimizer = SGD([w], lr=0.1)
    with pytest.raises(ValueError, match="different number of parameter groups"):
        optimizer.load_state_dict(SGD([{"params": [w]}, {"params": []}], lr=1).state_dict())
    with pytest.raises(ValueError, match="doesn't match the size of optimizer's group"):
        optimizer.load_state_dict(SGD([w, parameter(2)], lr=1).state_dict())


def test_closures_hooks_and_pickles() -> None:
    w = parameter(1)
    optimizer = SGD([w], lr=0.5)
    seen: list[str] = []
    before = optimizer.register_step_pre_hook(lambda *_: seen.append("before"))
    optimizer.register_step_post_hook(lambda *_: seen.append("after"))

    def closure() -> Any:
        optimizer.zero_grad()
        loss = (w * 3).sum()
        loss.backward()
        return loss

    assert float(optimizer.step(closure)) == 3
    assert w.item() == -0.5
    before.remove()
    optimizer.step()
    assert seen == ["before", "after", "after"]
    again = pickle.loads(pickle.dumps(Adam([w], lr=0.25)))
    assert again.param_groups[0]["lr"] == 0.25
    assert again.param_groups[0]["params"][0].tolist() == w.tolist()


def test_text() -> None:
    assert repr(SGD([parameter(1)], lr=0.1)) == "\n".join(
        ["SGD (", "Parameter Group 0", "    dampening: 0", "    differentiable: False", "    foreach: None",
         "    fused: None", "    lr: 0.1", "    maximize: False", "    momentum: 0", "    nesterov: False",
         "    weight_decay: 0", ")"]
    )  # fmt: skip


def test_what_is_refused() -> None:
    w = parameter(1)
    refused: list[tuple[type[Exception], str, Any]] = [
        (ValueError, "optimizer got an empty parameter list", []),
        (TypeError, "should be an iterable of Tensors or dicts, but got torch.FloatTensor", w),
        (ValueError, "can't optimize a non-leaf Tensor", [w * 2]),
        (TypeError, "one of the params is int", [3]),
        (
            ValueError,
            "some parameters appear in more than one parameter group",
            [{"params": [w]}, {"params": [w]}],
        ),
        (TypeError, "ordered collections", [{"params": {w}}]),
    ]
    for kind, words, params in refused:
        with pytest.raises(kind, match=words):
            SGD(params, lr=0.1)
    with pytest.warns(UserWarning, match="duplicate parameters"):
        SGD([w, w], lr=0.1)
    with pytest.raises(NotImplementedError, match="does not say what a step is"):
        Optimizer([w], {}).step()
