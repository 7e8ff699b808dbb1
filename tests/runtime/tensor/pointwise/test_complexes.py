"""Complex tensors and their parts."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from tensor_checks import check, leaf, sample, torch

import pullback as pb

RE, IM = sample(2, 3), sample(2, 3, seed=1)


def _complex(re: Any, im: Any) -> Any:
    return torch.view_as_complex(torch.stack([re, im], -1))


CASES: list[Any] = [
    lambda z: z.real,
    lambda z: torch.imag(z),
    lambda z: torch.view_as_real(z),
    lambda z: torch.view_as_real(z.mT),
    lambda z: z.conj(),
    lambda z: z.conj_physical() * z,
    lambda z: z.resolve_conj() * z.conj(),
    lambda z: z.H,
    lambda z: z.adjoint() * 2,
    lambda z: z.mT.real[0],
]


@pytest.mark.parametrize("case", range(len(CASES)))
def test_gradient(case: int) -> None:
    check(lambda re, im: CASES[case](_complex(re * re, im)), RE, IM)


def test_values() -> None:
    z = RE + 1j * IM
    t = torch.from_numpy(z)
    np.testing.assert_array_equal(t.real._a, RE)
    np.testing.assert_array_equal(t.imag._a, IM)
    np.testing.assert_array_equal(torch.view_as_real(t)._a, np.stack([RE, IM], -1))
    np.testing.assert_array_equal(torch.view_as_real(t.T)._a, np.stack([RE.T, IM.T], -1))
    np.testing.assert_array_equal(t.H._a, z.conj().T)
    assert torch.ones(1).conj() is not None and not t.is_conj()


@pytest.mark.parametrize("write", [lambda z, v: z.real.mul_(v), lambda z, v: z.imag.copy_(v)])
def test_writes_through_parts(write: Any) -> None:
    def f(re: Any, im: Any) -> Any:
        z = _complex(re, im * im) * 1
        write(z, re * im)
        return z * z

    check(f, RE, IM)


def test_parts_can_be_assigned() -> None:
    z = torch.zeros(2, dtype=torch.complex64)
    z.real = torch.ones(2)
    z.imag = torch.tensor(3.0)
    assert z.tolist() == [1 + 3j, 1 + 3j]


def test_errors() -> None:
    with pytest.raises(RuntimeError, match="imag is not implemented for tensors with non-complex dtypes"):
        torch.imag(leaf(RE))
    with pytest.raises(RuntimeError, match="view_as_real is only supported for complex tensors"):
        torch.view_as_real(leaf(RE))
    with pytest.raises(RuntimeError, match="Tensor must have a last dimension of size 2"):
        torch.view_as_complex(leaf(RE))
    with pytest.raises(RuntimeError, match="Tensor must have a last dimension with stride 1"):
        torch.view_as_complex(leaf(RE).T)


def test_second_derivatives_through_parts_of_numbers() -> None:
    x = torch.tensor([0.3, 0.8], dtype=torch.float64, requires_grad=True)
    y = torch.complex(x[0], x[1]).sin().imag * x[1]  # y = x1 cos(x0) sinh(x1)
    (slope,) = pb.autograd.grad(y, x, create_graph=True)
    (second,) = pb.autograd.grad(slope[1], x)
    c, s, ch, sh = np.cos(0.3), np.sin(0.3), np.cosh(0.8), np.sinh(0.8)
    np.testing.assert_allclose(second.numpy(), [-s * (sh + 0.8 * ch), c * (2 * ch + 0.8 * sh)])
