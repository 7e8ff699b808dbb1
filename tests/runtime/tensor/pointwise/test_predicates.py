"""Questions about numbers."""

from __future__ import annotations

import numpy as np
import pytest
from tensor_checks import torch

INF, NAN = float("inf"), float("nan")
VALUES = [0.0, -0.0, 1.0, NAN, INF, -INF]
ANSWERS = {
    "isnan": [0, 0, 0, 1, 0, 0], "isinf": [0, 0, 0, 0, 1, 1], "isfinite": [1, 1, 1, 0, 0, 0],
    "isposinf": [0, 0, 0, 0, 1, 0], "isneginf": [0, 0, 0, 0, 0, 1], "isreal": [1] * 6,
    "signbit": [0, 1, 0, 0, 0, 1],
}  # fmt: skip


@pytest.mark.parametrize("name", ANSWERS)
def test_questions(name):
    f = getattr(torch, name)
    for dtype in (torch.float16, torch.float32, torch.float64):
        made = f(torch.tensor(VALUES, dtype=dtype))
        assert made.dtype == torch.bool
        assert made.tolist() == [bool(v) for v in ANSWERS[name]]
    whole = f(torch.tensor([1, 0]))
    assert whole.dtype == torch.bool
    assert whole.tolist() == [name in ("isfinite", "isreal")] * 2
    assert f(torch.tensor([True])).tolist() == [name in ("isfinite", "isreal")]
    assert f(torch.tensor(1.0)).shape == ()


def test_complex_questions():
    a = torch.tensor([1 + 0j, complex(NAN, 1), complex(1, INF)])
    assert torch.isreal(a).tolist() == [True, False, False]
    assert torch.isnan(a).tolist() == [False, True, False]
    assert torch.isfinite(a).tolist() == [True, False, False]
    with pytest.raises(RuntimeError, match="does not support complex inputs"):
        torch.isposinf(a)


def test_negations():
    assert torch.logical_not(torch.tensor([0.0, 2.0])).tolist() == [True, False]
    assert torch.bitwise_not(torch.tensor([0, 5])).tolist() == [-1, -6]
    assert (~torch.tensor([True])).tolist() == [False]
    with pytest.raises(TypeError, match="only implemented on integer and Boolean-type tensors"):
        ~torch.tensor([1.0])
    with pytest.raises(NotImplementedError, match="not implemented for 'Float'"):
        torch.tensor([1.0]).bitwise_not()
    x = torch.ones(2)
    assert torch.positive(x) is x
    with pytest.raises(RuntimeError, match="on a bool tensor is not supported"):
        torch.positive(torch.tensor([True]))


def test_closeness():
    a, b = torch.tensor([1.0, 2.0, NAN]), torch.tensor([1.0 + 1e-6, 2.1, NAN])
    assert torch.isclose(a, b).tolist() == [True, False, False]
    assert torch.isclose(a, b, equal_nan=True).tolist() == [True, False, True]
    assert torch.isclose(a, b, rtol=0.1).tolist() == [True, True, False]
    assert torch.allclose(a[:1], b[:1])
    assert not torch.allclose(a, b)
    with pytest.raises(RuntimeError, match="Float did not match Double"):
        torch.isclose(a, b.to(torch.float64))
    with pytest.raises(RuntimeError, match="rtol must be greater than or equal to zero"):
        torch.isclose(a, b, rtol=-1)
    with pytest.raises(RuntimeError, match="must match the size"):
        torch.isclose(a, b[:2])


def test_equality():
    assert torch.equal(torch.tensor([1.0]), torch.tensor([1]))
    assert not torch.equal(torch.tensor([1.0]), torch.tensor([1.0, 1.0]))
    assert not torch.equal(torch.tensor([NAN]), torch.tensor([NAN]))
    assert torch.equal(torch.zeros(0), torch.zeros(0))
    assert np.asarray(torch.isnan(torch.zeros(0))).size == 0
