"""Rounding and parts of numbers."""

from __future__ import annotations

import numpy as np
import pytest
from tensor_checks import check, leaf, sample, torch

INF, NAN = float("inf"), float("nan")


def test_round():
    assert torch.round(torch.tensor([0.5, 1.5, 2.5, -0.5])).tolist() == [0, 2, 2, 0]
    assert torch.round(torch.tensor([1.25, 0.55]), decimals=1).numpy() == pytest.approx([1.2, 0.6], abs=0.06)
    assert torch.round(torch.tensor([1234.0]), decimals=-2).item() == 1200
    assert torch.round(torch.tensor([3])).tolist() == [3]
    x = leaf([1.3])
    y = x.round()
    assert y.grad_fn.name() == "RoundBackward0"
    y.backward()
    assert x.grad.tolist() == [0]
    with pytest.raises(NotImplementedError, match="not implemented for 'Long'"):
        torch.round(torch.tensor([1]), decimals=1)


def test_parts():
    a = np.array([-1.5, 2.25])
    assert torch.frac(leaf(a)).tolist() == [-0.5, 0.25]
    check(torch.frac, a)
    with pytest.raises(NotImplementedError):
        torch.frac(torch.tensor([1]))
    mantissa, exponent = torch.frexp(leaf([3.0, 0.0, -0.3]))
    assert (mantissa.tolist(), exponent.tolist()) == ([0.75, 0, -0.6], [2, 0, -1])
    assert exponent.dtype == torch.int32
    check(lambda x: torch.frexp(x).mantissa, a)
    assert torch.ldexp(torch.tensor([3.0]), torch.tensor([2, -1])).tolist() == [12, 1.5]
    check(lambda x: torch.ldexp(x, torch.tensor([3, 1])), a)


def test_signs():
    assert torch.sgn(torch.tensor([-2.0, 0.0])).tolist() == [-1, 0]
    assert torch.sgn(torch.tensor([3 + 4j, 0j])).numpy() == pytest.approx([0.6 + 0.8j, 0])
    a, g = np.array([3 + 4j, 1 - 2j]), np.array([1 + 1j, 2 - 1j])
    x = leaf(a)
    torch.sgn(x).backward(torch.tensor(g))
    for d in (1.0, 1j):
        step = 1e-6 * d
        moved = ((a + step) / np.abs(a + step) - (a - step) / np.abs(a - step)) / 2e-6
        np.testing.assert_allclose(
            np.real(np.conj(g) * moved), np.real(np.conj(x.grad.numpy()) * d), rtol=1e-6
        )


def test_angles():
    assert torch.angle(torch.tensor([1.0, -1.0])).numpy() == pytest.approx([0, np.pi])
    a = np.array([1 + 2j, -3 + 0.5j])
    x = leaf(a)
    y = torch.angle(x)
    assert y.dtype == torch.float64
    np.testing.assert_allclose(y.detach().numpy(), np.angle(a))
    y.sum().backward()
    for d in (1.0, 1j):
        moved = (np.angle(a + 1e-6 * d) - np.angle(a - 1e-6 * d)) / 2e-6
        np.testing.assert_allclose(moved, np.real(np.conj(x.grad.numpy()) * d), rtol=1e-6)


def test_nan_to_num():
    x = leaf([NAN, INF, -INF, 1.0])
    y = torch.nan_to_num(x, nan=2.0, posinf=3.0, neginf=-3.0)
    assert y.tolist() == [2, 3, -3, 1]
    y.sum().backward()
    assert x.grad.tolist() == [0, 0, 0, 1]
    assert torch.nan_to_num(torch.tensor([INF])).item() == np.finfo(np.float32).max
    assert torch.nan_to_num(torch.tensor([1])).tolist() == [1]


def test_heaviside():
    assert torch.heaviside(torch.tensor([-1.0, 0.0, 2.0]), torch.tensor(0.5)).tolist() == [0, 0.5, 1]
    with pytest.raises(RuntimeError, match="derivative for aten::heaviside is not implemented"):
        torch.heaviside(leaf([1.0]), leaf([1.0])).backward()
    with pytest.raises(RuntimeError, match="different dtypes"):
        torch.heaviside(torch.tensor([1.0]), torch.tensor([1]))


def test_float_power():
    assert torch.float_power(torch.tensor([2]), 0.5).dtype == torch.float64
    assert torch.float_power(2, torch.tensor([3.0])).tolist() == [8]
    assert torch.float_power(torch.tensor([1j]), 2).dtype == torch.complex128
    check(lambda x: torch.float_power(x, 1.5), sample(3))
    check(torch.float_power, sample(3), sample(3, seed=1))
