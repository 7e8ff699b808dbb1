"""States of modules: what is in them, what is loaded, and what is said of the rest."""

from __future__ import annotations

import pickle
from collections import OrderedDict
from typing import Any

import numpy as np
import pytest
from pullback.runtime.nn.containers import Sequential
from pullback.runtime.nn.layers.activations import ReLU
from pullback.runtime.nn.layers.linear import Linear
from pullback.runtime.nn.layers.normalisation import BatchNorm1d
from pullback.runtime.nn.module import Module
from pullback.runtime.tape.node import wrap
from pullback.runtime.tensor.tensor import Tensor


def model() -> Any:
    return Sequential(Linear(2, 3), ReLU(), BatchNorm1d(3))


def test_what_a_state_holds() -> None:
    net = model()
    state = net.state_dict()
    assert isinstance(state, OrderedDict)
    assert list(state) == [
        "0.weight",
        "0.bias",
        "2.weight",
        "2.bias",
        "2.running_mean",
        "2.running_var",
        "2.num_batches_tracked",
    ]
    assert state["0.weight"]._a is net[0].weight._a
    assert not state["0.weight"].requires_grad
    assert net.state_dict(keep_vars=True)["0.weight"] is net[0].weight
    assert list(net[0].state_dict(prefix="fc.")) == ["fc.weight", "fc.bias"]
    assert state._metadata["2"] == {"version": 2}  # type: ignore[attr-defined]


def test_loading_copies() -> None:
    one, two = model(), model()
    two[0].weight.requires_grad_(False)
    weight = two[0].weight
    before = weight._version
    result = two.load_state_dict(pickle.loads(pickle.dumps(one.state_dict())))
    assert repr(result) == "<All keys matched successfully>"
    assert two[0].weight is weight
    np.testing.assert_array_equal(weight._a, one[0].weight._a)
    assert not np.shares_memory(weight._a, one[0].weight._a)
    assert weight._version == before + 1
    assert not weight.requires_grad
    arrays = {k: np.zeros_like(v._a) for k, v in one.state_dict().items()}
    two.load_state_dict(arrays)
    assert not weight._a.any()


def test_assigning_takes_the_tensors() -> None:
    one, two = model(), model()
    two.load_state_dict(one.state_dict(), assign=True)
    assert two[0].weight._a is one[0].weight._a
    assert [n for n, _ in two.named_parameters()] == [n for n, _ in one.named_parameters()]
    assert two[0].weight.requires_grad


def test_names_that_do_not_fit() -> None:
    net = model()
    state = net.state_dict()
    del state["0.bias"]
    del state["2.num_batches_tracked"]  # states of old versions do not have it
    with pytest.raises(RuntimeError) as error:
        net.load_state_dict({**state, "x": state["0.weight"], "y.z": 1})
    assert str(error.value) == (
        "Error(s) in loading state_dict for Sequential:\n"
        '\tMissing key(s) in state_dict: "0.bias". \n'
        '\tUnexpected key(s) in state_dict: "x", "y.z". '
    )
    loose = net.load_state_dict({**state, "x": 1}, strict=False)
    assert loose.missing_keys == ["0.bias"]
    assert loose.unexpected_keys == ["x"]
    assert repr(loose) == "_IncompatibleKeys(missing_keys=['0.bias'], unexpected_keys=['x'])"


def test_shapes_and_types_that_do_not_fit() -> None:
    net = model()
    state = net.state_dict()
    wrong = {**state, "0.weight": wrap(Tensor, np.zeros((3, 3))), "0.bias": [1, 2]}
    with pytest.raises(RuntimeError) as error:
        net.load_state_dict(wrong)
    text = str(error.value)
    assert "size mismatch for 0.weight: copying a param with shape" in text
    assert "from checkpoint, the shape in current model is" in text
    assert 'While copying the parameter named "0.bias", expected torch.Tensor' in text
    with pytest.raises(TypeError, match=r"Expected state_dict to be dict-like, got <class 'list'>"):
        net.load_state_dict([1])


def test_a_number_as_one_element() -> None:
    net = BatchNorm1d(2)
    state = {**net.state_dict(), "num_batches_tracked": wrap(Tensor, np.array([4]))}
    net.load_state_dict(state)
    assert net.num_batches_tracked.item() == 4


def test_extra_state() -> None:
    class Counting(Module):
        def __init__(self) -> None:
            super().__init__()
            self.count = 0

        def get_extra_state(self) -> Any:
            return {"count": self.count}

        def set_extra_state(self, state: Any) -> None:
            self.count = state["count"]

    one, two = Sequential(Counting()), Sequential(Counting())
    one[0].count = 7
    assert list(one.state_dict()) == ["0._extra_state"]
    two.load_state_dict(one.state_dict())
    assert two[0].count == 7
    with pytest.raises(RuntimeError, match="Missing key"):
        two.load_state_dict({})
