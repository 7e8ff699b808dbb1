"""Gradients clipped, parameters as one vector."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from pullback.runtime.nn.parameter import Parameter
from pullback.runtime.nn.utils import (
    clip_grad_norm_,
    clip_grad_value_,
    get_total_norm,
    parameters_to_vector,
    vector_to_parameters,
)
from pullback.runtime.tape.node import wrap
from pullback.runtime.tensor.tensor import Tensor


def with_gradient(*values: float) -> Any:
    p = Parameter(wrap(Tensor, np.zeros(len(values), np.float32)))
    p.grad = wrap(Tensor, np.array(values, np.float32))
    return p


@pytest.mark.parametrize("order", [1, 2, 3, np.inf])
def test_clip_grad_norm(order: float) -> None:
    a, b, c = with_gradient(3, -4), with_gradient(12), Parameter(wrap(Tensor, np.zeros(1)))
    whole = np.linalg.norm([3, -4, 12], order)
    assert clip_grad_norm_([a, b, c], 2.0, order).item() == pytest.approx(whole)
    np.testing.assert_allclose(
        [*a.grad.tolist(), *b.grad.tolist()], np.array([3, -4, 12]) * 2 / whole, rtol=1e-6
    )
    before = a.grad.tolist()
    clip_grad_norm_(iter([a, b]), 100.0)
    assert a.grad.tolist() == before


def test_norms_that_are_not_finite() -> None:
    p = with_gradient(np.nan)
    with pytest.raises(RuntimeError, match="is non-finite, so it cannot be clipped"):
        clip_grad_norm_(p, 1.0, error_if_nonfinite=True)
    q = with_gradient(1)
    assert np.isnan(clip_grad_norm_([p, q], 1.0).item())
    assert np.isnan(q.grad.item())
    assert clip_grad_norm_([], 1.0).item() == 0


def test_norms_of_several_dtypes() -> None:
    z = Parameter(wrap(Tensor, np.zeros(1, np.complex64)))
    z.grad = wrap(Tensor, np.array([3 + 4j], np.complex64))
    w = Parameter(wrap(Tensor, np.zeros(1)))
    w.grad = wrap(Tensor, np.array([12.0]))
    norm = clip_grad_norm_([z, w], 1.3)
    assert norm._a.dtype == np.float64
    assert norm.item() == pytest.approx(13)
    assert z.grad.item() == pytest.approx(0.3 + 0.4j)
    assert w.grad.item() == pytest.approx(1.2)
    half = [wrap(Tensor, np.full(2, 300, np.float16)) for _ in range(2)]
    assert get_total_norm(half).item() == 600  # 300² is beyond float16


def test_clip_grad_value() -> None:
    p = with_gradient(3, -4, 0.5)
    clip_grad_value_(p, 1)
    assert p.grad.tolist() == [1, -1, 0.5]


def test_vectors() -> None:
    a, b = Parameter(wrap(Tensor, np.ones((2, 2)))), Parameter(wrap(Tensor, np.full(1, 5.0)))
    vector = parameters_to_vector([a, b])
    assert vector.tolist() == [1, 1, 1, 1, 5]
    (vector * vector).sum().backward()
    assert b.grad.tolist() == [10]
    vector_to_parameters(wrap(Tensor, np.arange(5.0)), [a, b])
    assert a.tolist() == [[0, 1], [2, 3]]
    assert b.tolist() == [4]
    with pytest.raises(TypeError, match="expected torch"):
        vector_to_parameters([1], [a])
