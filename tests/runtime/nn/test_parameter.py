"""Parameters and buffers."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest
from pullback.runtime.nn.parameter import Buffer, Parameter
from pullback.runtime.tape.node import wrap
from pullback.runtime.tensor.tensor import Tensor


def test_a_parameter_is_a_leaf_that_shares_memory() -> None:
    data = wrap(Tensor, np.ones(2))
    p = Parameter(data)
    assert p._a is data._a
    assert p.requires_grad
    assert p.is_leaf
    assert not Parameter(data, requires_grad=False).requires_grad
    assert type(p * 2) is Tensor
    assert Parameter()._a.size == 0
    with pytest.raises(TypeError, match="Parameter data has to be a Tensor, but got list"):
        Parameter([1.0])
    with pytest.raises(RuntimeError, match="floating point"):
        Parameter(wrap(Tensor, np.ones(2, np.int64)))


def test_text() -> None:
    data = wrap(Tensor, np.ones(2, np.float32))
    assert repr(Parameter(data)) == "Parameter containing:\ntensor([1., 1.], requires_grad=True)"
    assert repr(Parameter(data, False)) == "Parameter containing:\ntensor([1., 1.])"


def test_copies() -> None:
    p = Parameter(wrap(Tensor, np.ones(2)))
    p.note = "kept"
    (p * 3).sum().backward()
    for again in (copy.deepcopy(p), pickle.loads(pickle.dumps(p))):
        assert type(again) is Parameter
        assert again.requires_grad
        assert again.note == "kept"
        assert not np.shares_memory(again._a, p._a)
    assert copy.deepcopy(p).grad.tolist() == [3, 3]
    assert not copy.deepcopy(Buffer(wrap(Tensor, np.ones(1)), persistent=False)).persistent
