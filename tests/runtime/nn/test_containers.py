"""Modules that hold modules or parameters."""

from __future__ import annotations

from collections import OrderedDict
from typing import Any

import numpy as np
import pytest
from pullback.runtime.nn.containers import ModuleDict, ModuleList, ParameterDict, ParameterList, Sequential
from pullback.runtime.nn.layers.activations import ReLU, Tanh
from pullback.runtime.nn.layers.linear import Identity, Linear
from pullback.runtime.nn.parameter import Parameter
from pullback.runtime.tape.node import wrap
from pullback.runtime.tensor.tensor import Tensor


def t(a: Any) -> Any:
    return wrap(Tensor, np.asarray(a, np.float32))


def test_sequential() -> None:
    a, b, c = ReLU(), Tanh(), Identity()
    net = Sequential(a, b, c)
    assert len(net) == 3
    assert list(net) == [a, b, c]
    assert net[-1] is c
    assert list(net[1:]) == [b, c]
    assert list(net[1:]._modules) == ["1", "2"]
    np.testing.assert_allclose(net(t([-1.0, 1.0]))._a, [0, np.tanh(1)], rtol=1e-6)
    net[0] = c
    assert net[0] is c
    del net[0]
    assert list(net._modules) == ["0", "1"]
    net.insert(0, a)
    net.append(a).extend([b])
    assert list(net) == [a, b, c, a, b]
    assert net.pop(3) is a
    named = Sequential(OrderedDict(first=a, second=b))
    assert named.first is a
    assert list(named + Sequential(c)) == [a, b, c]
    with pytest.raises(IndexError, match="index 9 is out of range"):
        net[9]
    with pytest.raises(TypeError, match="int is not a Module subclass"):
        Sequential(3)


def test_module_list() -> None:
    layers = ModuleList([Linear(1, 1)])
    layers += [Linear(1, 2)]
    assert len(layers + ModuleList([ReLU()])) == 3
    assert isinstance(layers[:1], ModuleList)
    assert [n for n, _ in layers.named_parameters()] == ["0.weight", "0.bias", "1.weight", "1.bias"]
    assert repr(ModuleList()) == "ModuleList()"
    with pytest.raises(NotImplementedError):
        layers(t([1.0]))


def test_module_dict() -> None:
    layers = ModuleDict({"a": ReLU(), "b": Linear(1, 1)})
    layers["c"] = Tanh()
    layers.update([("d", Identity())])
    assert list(layers) == ["a", "b", "c", "d"]
    assert "a" in layers
    assert isinstance(layers.pop("a"), ReLU)
    del layers["b"]
    assert list(layers.keys()) == ["c", "d"]
    assert [k for k, _ in layers.items()] == ["c", "d"]
    assert len(list(layers.values())) == 2
    layers.clear()
    assert len(layers) == 0


def test_parameter_list() -> None:
    values = ParameterList([t([1.0]), 3])
    values.append(t([[2.0]]))
    values += [Parameter(t([4.0]))]
    assert len(values) == 4
    assert isinstance(values[0], Parameter)
    assert values[-1].tolist() == [4]
    assert [n for n, _ in values.named_parameters()] == ["0", "2", "3"]
    assert len(values[1:]) == 3
    values[0] = t([9.0])
    assert values[0].requires_grad
    assert [v if isinstance(v, int) else v.tolist() for v in values] == [[9], 3, [[2]], [4]]
    with pytest.raises(IndexError, match="index 7 is out of range"):
        values[7]


def test_parameter_dict() -> None:
    values = ParameterDict({"a": t([1.0])})
    values["b"] = t([2.0])
    values.update({"c": 3})
    assert list(values) == ["a", "b", "c"]
    assert [n for n, _ in values.named_parameters()] == ["a", "b"]
    assert values.pop("a").tolist() == [1]
    assert "a" not in values
    assert len(values) == 2
    assert [k for k, _ in values.items()] == list(values.keys())
    assert values.values()[1] == 3
    with pytest.raises(KeyError):
        values["z"]
    assert "(b): Parameter containing: [pullback.float32 of size 1]" in repr(values)
    assert "(c): Object of type: int" in repr(values)
