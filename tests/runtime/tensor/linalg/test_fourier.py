"""Fourier transforms of tensors: values as NumPy's, gradients as finite differences say."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from tensor_checks import check, leaf, sample

import pullback as pb

ONE = ("fft", "ifft", "rfft", "irfft")
TWO = ("fft2", "ifft2", "rfft2", "irfft2")
MANY = ("fftn", "ifftn", "rfftn", "irfftn")
NORMS = (None, "backward", "ortho", "forward")


def operand(*shape: int) -> np.ndarray[Any, Any]:
    return sample(*shape, seed=3) + 1j * sample(*shape, seed=4)


@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("n", [None, 1, 3, 4, 7])
@pytest.mark.parametrize("axis", [0, -1])
@pytest.mark.parametrize("name", ONE)
def test_values(name: str, axis: int, n: int | None, norm: str | None) -> None:
    a = operand(5, 4) if name != "rfft" else sample(5, 4)
    expected = getattr(np.fft, name)(a, n, axis, norm)
    found = getattr(pb.fft, name)(leaf(a), n, axis, norm)
    np.testing.assert_allclose(found.detach().numpy(), expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("norm", NORMS[1:])
@pytest.mark.parametrize("n", [None, 3, 6, 7])
@pytest.mark.parametrize("name", ONE)
def test_gradients(name: str, n: int | None, norm: str) -> None:
    """Cut, padded, of even and odd length; complex operands as their two parts."""
    transform = getattr(pb.fft, name)
    if name == "rfft":
        check(lambda x: transform(x, n, 0, norm), sample(5, 2))
    else:
        check(lambda x, y: transform(pb.complex(x, y), n, 0, norm), sample(5, 2), sample(5, 2, seed=1))


@pytest.mark.parametrize("s", [None, (3, 4), (5, 2)])
@pytest.mark.parametrize("name", TWO + MANY)
def test_several_axes(name: str, s: tuple[int, int] | None) -> None:
    real = name.startswith("rfft")
    a = sample(2, 3, 4) if real else operand(2, 3, 4)
    axes = (-2, -1)
    transform = getattr(pb.fft, name)
    expected = getattr(np.fft, name)(a, s, axes)
    np.testing.assert_allclose(transform(leaf(a), s, axes).detach().numpy(), expected, rtol=1e-12, atol=1e-12)
    if real:
        check(lambda x: transform(x, s, axes), a)
    else:
        check(lambda x, y: transform(pb.complex(x, y), s, axes), a.real, a.imag)


@pytest.mark.parametrize("name", MANY)
def test_all_axes_without_dim(name: str) -> None:
    a = sample(2, 3, 4)
    found = getattr(pb.fft, name)(leaf(a)).detach().numpy()
    np.testing.assert_allclose(found, getattr(np.fft, name)(a), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("name", ONE + TWO + MANY)
def test_numpy_functions_are_recorded(name: str) -> None:
    x = leaf(sample(4, 4))
    out = getattr(np.fft, name)(x)
    assert isinstance(out, pb.Tensor)
    assert out.requires_grad
    expected = getattr(np.fft, name)(x.detach().numpy())
    np.testing.assert_allclose(out.detach().numpy(), expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("name", ["fftshift", "ifftshift"])
@pytest.mark.parametrize("axes", [None, 1, (0, 1)])
def test_shifts(name: str, axes: Any) -> None:
    a = sample(4, 5)
    expected = getattr(np.fft, name)(a, axes)
    np.testing.assert_array_equal(getattr(pb.fft, name)(leaf(a), axes).detach().numpy(), expected)
    np.testing.assert_array_equal(getattr(np.fft, name)(leaf(a), axes).detach().numpy(), expected)
    check(lambda x: getattr(pb.fft, name)(x, axes), a)


@pytest.mark.parametrize("n", [1, 4, 5])
def test_frequencies(n: int) -> None:
    for name in ("fftfreq", "rfftfreq"):
        expected = getattr(np.fft, name)(n, 0.5)
        np.testing.assert_allclose(getattr(pb.fft, name)(n, 0.5).numpy(), expected, rtol=1e-6)


def test_float32_stays_single() -> None:
    x = pb.ones(4)
    assert pb.fft.fft(x).dtype is pb.complex64
    assert pb.fft.rfft(x).dtype is pb.complex64
    assert pb.fft.irfft(pb.fft.rfft(x)).dtype is pb.float32


def test_node_names() -> None:
    x = leaf(sample(4))
    assert pb.fft.fft(x).grad_fn.name() == "FftC2CBackward0"
    assert pb.fft.rfft(x).grad_fn.name() == "FftR2CBackward0"
    assert pb.fft.irfft(x).grad_fn.name() == "FftC2RBackward0"


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (lambda x: pb.fft.fft(x, norm="other"), RuntimeError, "Invalid normalization mode"),
        (lambda x: pb.fft.fft(x, 0), RuntimeError, "Invalid number of data points"),
        (lambda x: pb.fft.fft(x, dim=2), IndexError, "Dimension out of range"),
        (lambda x: pb.fft.rfft(pb.complex(x, x)), RuntimeError, "rfft expects a real input"),
        (lambda x: pb.fft.fft2(x, s=(2, 2), dim=(0,)), RuntimeError, "must have the same length"),
        (lambda x: pb.fft.fftn(x, dim=(0, 0)), RuntimeError, "FFT dims must be unique"),
    ],
)
def test_errors(call: Any, error: type[Exception], text: str) -> None:
    with pytest.raises(error, match=text):
        call(leaf(sample(3, 3)))
