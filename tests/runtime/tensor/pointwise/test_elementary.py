"""Pointwise functions of several operands."""

from __future__ import annotations

import numpy as np
import pytest
from tensor_checks import check, leaf, sample, torch


@pytest.mark.parametrize(
    ("low", "high", "node"),
    [(0.5, 1.0, "ClampBackward1"), (0.5, None, "ClampBackward1"), (None, 1.0, "ClampBackward1")],
)
def test_clamp_between_numbers(low, high, node):
    a = sample(3, 4)
    made = torch.clamp(leaf(a), low, high)
    np.testing.assert_array_equal(made.detach().numpy(), np.clip(a, low, high))
    assert made.grad_fn.name() == node
    check(lambda x: torch.clamp(x, low, high), a)


def test_clamp_between_tensors():
    a, low, high = sample(3, 4), sample(4, seed=1), sample(3, 1, seed=2)
    made = torch.clamp(leaf(a), leaf(low), leaf(high))
    np.testing.assert_array_equal(made.detach().numpy(), np.minimum(np.maximum(a, low), high))
    assert made.grad_fn.name() == "ClampBackward0"
    check(torch.clamp, a, low, high)
    check(lambda x, z: torch.clamp(x, min=z), a, low)
    check(lambda x, z: torch.clamp(x, max=z), a, low)
    check(lambda x, z: torch.clamp_max(x, z), a, low)
    check(lambda x: torch.clamp_min(x, 0.9), a)


def test_clamp_at_the_bounds_and_in_place():
    x = leaf([0.0, 0.5, 1.0, 2.0])
    torch.clamp(x, 0.0, 1.0).sum().backward()
    assert x.grad.tolist() == [1, 1, 1, 0]
    y = torch.tensor([-1.0, 3.0])
    assert y.clamp_(0, 1) is y
    assert y.tolist() == [0, 1]
    assert torch.clip(torch.tensor([1, 5]), max=3).tolist() == [1, 3]
    assert torch.clamp(torch.tensor([1, 5]), max=2.5).tolist() == [1.0, 2.5]
    with pytest.raises(RuntimeError, match="At least one of 'min' or 'max' must not be None"):
        torch.clamp(y)


@pytest.mark.parametrize("weight", [0.25, 0.75])
def test_lerp(weight):
    a, b = sample(3, 2), sample(2, seed=1)
    np.testing.assert_allclose(torch.lerp(leaf(a), leaf(b), weight).detach().numpy(), a + weight * (b - a))
    check(lambda x, z: torch.lerp(x, z, weight), a, b)
    w = np.full((3, 1), weight)
    np.testing.assert_allclose(torch.lerp(leaf(a), leaf(b), leaf(w)).detach().numpy(), a + w * (b - a))
    check(torch.lerp, a, b, w)


@pytest.mark.parametrize("value", [1, -2.5])
def test_products_and_quotients_added(value):
    a, b, c = sample(3, 2), sample(2, seed=1), sample(3, 1, seed=2)
    np.testing.assert_allclose(
        torch.addcmul(leaf(a), leaf(b), leaf(c), value=value).detach().numpy(), a + value * b * c
    )
    np.testing.assert_allclose(
        torch.addcdiv(leaf(a), leaf(b), leaf(c), value=value).detach().numpy(), a + value * b / c
    )
    check(lambda *xs: torch.addcmul(*xs, value=value), a, b, c)
    check(lambda *xs: torch.addcdiv(*xs, value=value), a, b, c)


def test_in_place_products():
    x = torch.ones(2)
    assert x.addcmul_(torch.ones(2), torch.full((2,), 3.0), value=2) is x
    assert x.tolist() == [7, 7]
    x.lerp_(torch.zeros(2), 0.5)
    assert x.tolist() == [3.5, 3.5]


def test_errors_of_three_operands():
    with pytest.raises(RuntimeError, match="Integer division with addcdiv is no longer supported"):
        torch.addcdiv(torch.tensor([1]), torch.tensor([1]), torch.tensor([2]))
    with pytest.raises(NotImplementedError, match="not implemented for 'Long'"):
        torch.lerp(torch.tensor([1]), torch.tensor([2]), 0.5)
    with pytest.raises(RuntimeError, match="for `end` but got dtype"):
        torch.lerp(torch.tensor([1.0]), torch.tensor([2.0], dtype=torch.float64), 0.5)
    with pytest.raises(RuntimeError, match="must match the size of tensor b"):
        torch.lerp(torch.ones(2), torch.ones(3), 0.5)


def test_complex_numbers():
    r, angle = np.array([2.0, 3.0]), np.array([0.3, -1.0])
    made = torch.polar(leaf(r), leaf(angle))
    np.testing.assert_allclose(made.detach().numpy(), r * np.exp(1j * angle))
    check(torch.polar, r, angle)
    check(torch.complex, r, angle)
    assert torch.complex(torch.ones(1), torch.ones(1)).dtype == torch.complex64
    with pytest.raises(RuntimeError, match="Expected object of scalar type Float but got scalar type Double"):
        torch.complex(torch.ones(1), torch.ones(1, dtype=torch.float64))
    with pytest.raises(RuntimeError, match="Expected both inputs to be"):
        torch.polar(torch.tensor([1]), torch.tensor([1]))


def test_divisors_and_multiples():
    assert torch.gcd(torch.tensor([6, 4]), torch.tensor(4)).tolist() == [2, 4]
    assert torch.lcm(torch.tensor([6, 4]), torch.tensor(4)).tolist() == [12, 4]
    with pytest.raises(NotImplementedError):
        torch.gcd(torch.tensor([1.0]), torch.tensor([1.0]))
