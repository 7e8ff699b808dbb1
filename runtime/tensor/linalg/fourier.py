"""Discrete Fourier transforms: `pb.fft`, and NumPy's `np.fft` on tensors.

A transform is linear; its adjoint is the transform in the other direction with the other normalisation, cut
or padded to the length of the operand.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ...tape.node import Node, Recorded
from ...tape.record import array_of, like, record
from ..protocols import handles
from ..table import put
from ..tensor import Tensor, axis_of, tensor_of

_OTHER: dict[str, Any] = {"backward": "forward", "forward": "backward", "ortho": "ortho"}
SPACE: dict[str, Any] = {}  # what `pb.fft` has


def _checked(norm: str | None) -> str:
    found = "backward" if norm is None else norm
    if found not in _OTHER:
        raise RuntimeError(
            f"Invalid normalization mode: {norm!r}; choose from 'backward', 'ortho', 'forward'"
        )
    return found


def resized(x: Any, n: int, axis: int) -> Any:
    """x cut to n elements along an axis, or with zeros behind it."""
    length = x.shape[axis]
    if length == n:
        return x
    if length > n:
        return x[(slice(None),) * axis + (slice(0, n),)]
    shape = list(x.shape)
    shape[axis] = n - length
    return np.concatenate([x, like(np.zeros(shape, array_of(x).dtype), x)], axis=axis)


class FftC2CBackward0(Node):
    """A transform of complex numbers; `static` is its direction, axis, normalisation and length."""

    __slots__ = ()

    def backward(self, g: Any) -> Any:
        forward, axis, norm, length = self.static
        other: Any = np.fft.ifft if forward else np.fft.fft
        return (resized(other(g, axis=axis, norm=_OTHER[norm]), length, axis),)


class FftR2CBackward0(Node):
    """A half spectrum; `static` is the axis, normalisation, count, and the operand's length."""

    __slots__ = ()

    def backward(self, g: Any) -> Any:
        axis, norm, n, length = self.static
        whole = np.fft.ifft(resized(g, n, axis), axis=axis, norm=_OTHER[norm])
        return (resized(np.real(whole), length, axis),)


class FftC2RBackward0(Node):
    """What has a half spectrum; `static` is the axis, normalisation, count, and the operand's length."""

    __slots__ = ()

    def backward(self, g: Any) -> Any:
        axis, norm, n, length = self.static
        half = np.fft.rfft(g, axis=axis, norm=_OTHER[norm])
        # Each but the first, and the last of an even count, stands for its conjugate too.
        weights = np.full(n // 2 + 1, 2.0, array_of(g).dtype)
        weights[0] = 1.0
        if n % 2 == 0:
            weights[-1] = 1.0
        weights = weights.reshape([-1 if k == axis else 1 for k in range(len(g.shape))])
        return (resized(half * like(weights, g), length, axis),)


def _count(n: int | None, length: int) -> int:
    count = length if n is None else int(n)
    if count < 1:
        raise RuntimeError(f"Invalid number of data points ({count}) specified")
    return count


def _operand(input: Any, dim: int, norm: str | None) -> tuple[Any, int, Any]:
    """The operand of a transform, its axis and its normalisation, checked."""
    x = input if isinstance(input, Recorded) else tensor_of(input)
    return x, axis_of(dim, x._a.ndim), _checked(norm)


def _complex(forward: bool) -> Callable[..., Any]:
    compute = np.fft.fft if forward else np.fft.ifft

    def transform(input: Any, n: int | None = None, dim: int = -1, norm: str | None = None) -> Any:
        x, axis, how = _operand(input, dim, norm)
        a = x._a
        result = compute(a, _count(n, a.shape[axis]), axis, how)
        if a.dtype in (np.float32, np.complex64):
            result = result.astype(np.complex64)
        return record(FftC2CBackward0, result, (x,), None, (forward, axis, how, a.shape[axis]))

    return transform


def _rfft(input: Any, n: int | None = None, dim: int = -1, norm: str | None = None) -> Any:
    x, axis, how = _operand(input, dim, norm)
    a = x._a
    if a.dtype.kind == "c":
        raise RuntimeError("rfft expects a real input tensor, but got complex numbers")
    count = _count(n, a.shape[axis])
    result = np.fft.rfft(a, count, axis, how)
    if a.dtype == np.float32:
        result = result.astype(np.complex64)
    return record(FftR2CBackward0, result, (x,), None, (axis, how, count, a.shape[axis]))


def _irfft(input: Any, n: int | None = None, dim: int = -1, norm: str | None = None) -> Any:
    x, axis, how = _operand(input, dim, norm)
    a = x._a
    count = _count(n, 2 * (a.shape[axis] - 1))
    result = np.fft.irfft(a, count, axis, how)
    if a.dtype in (np.complex64, np.float32):
        result = result.astype(np.float32)
    return record(FftC2RBackward0, result, (x,), None, (axis, how, count, a.shape[axis]))


def _lines(input: Any, s: Any, dim: Any, count: int | None) -> tuple[tuple[int | None, ...], tuple[int, ...]]:
    """The lengths and axes of a transform along several axes."""
    rank = tensor_of(input)._a.ndim
    if dim is None:
        last = count or (rank if s is None else len(s))
        dim = tuple(range(-last, 0))
    axes = (dim,) if isinstance(dim, int) else tuple(dim)
    lengths = (None,) * len(axes) if s is None else tuple(s)
    if len(lengths) != len(axes):
        raise RuntimeError("When given, dim and shape arguments must have the same length")
    if len({axis_of(axis, rank) for axis in axes}) != len(axes):
        raise RuntimeError("FFT dims must be unique")
    return lengths, axes


def _several(transform: Callable[..., Any], count: int | None) -> Callable[..., Any]:
    """A transform along several axes, one after the other."""

    def transforms(input: Any, s: Any = None, dim: Any = None, norm: str | None = None) -> Any:
        for n, axis in zip(*_lines(input, s, dim, count), strict=True):
            input = transform(input, n, axis, norm)
        return input

    return transforms


def _half(whole: Callable[..., Any], count: int | None, forward: bool) -> Callable[..., Any]:
    """A transform along several axes whose last one has a half spectrum."""

    def transforms(input: Any, s: Any = None, dim: Any = None, norm: str | None = None) -> Any:
        lengths, axes = _lines(input, s, dim, count)
        if not axes:
            raise RuntimeError("a transform of real numbers must be along at least one axis")
        if forward:
            input = _rfft(input, lengths[-1], axes[-1], norm)
        for n, axis in zip(lengths[:-1], axes[:-1], strict=True):
            input = whole(input, n, axis, norm)
        return input if forward else _irfft(input, lengths[-1], axes[-1], norm)

    return transforms


def fftshift(input: Any, dim: Any = None) -> Any:
    """The zero frequency in the middle.

    Parameters
    ----------
    input
        A tensor.
    dim
        An axis, several, or None for all.

    Returns
    -------
    Tensor

    Examples
    --------
    >>> import pullback as pb
    >>> pb.fft.fftshift(pb.tensor([0.0, 1.0, 2.0, -2.0, -1.0]))
    tensor([-2., -1.,  0.,  1.,  2.])
    """
    return _shifted(input, dim, 1)


def ifftshift(input: Any, dim: Any = None) -> Any:
    """The inverse of `fftshift`.

    Parameters
    ----------
    input
        A tensor.
    dim
        An axis, several, or None for all.

    Returns
    -------
    Tensor

    Examples
    --------
    >>> import pullback as pb
    >>> pb.fft.ifftshift(pb.tensor([-2.0, -1.0, 0.0, 1.0, 2.0]))
    tensor([ 0.,  1.,  2., -2., -1.])
    """
    return _shifted(input, dim, -1)


def _shifted(input: Any, dim: Any, sign: int) -> Any:
    from ..table import FUNCTIONS

    shape = tensor_of(input)._a.shape
    axes = tuple(range(len(shape))) if dim is None else (dim,) if isinstance(dim, int) else tuple(dim)
    steps = tuple(shape[k] // 2 if sign > 0 else -(shape[k] // 2) for k in axes)
    return FUNCTIONS["roll"](input, steps, axes)


def fftfreq(n: int, d: float = 1.0, *, dtype: Any = None) -> Tensor:
    """The frequencies of `fft`.

    Parameters
    ----------
    n
        The count of data points.
    d
        The step between them.
    dtype
        The dtype; the default float without.

    Returns
    -------
    Tensor

    Examples
    --------
    >>> import pullback as pb
    >>> pb.fft.fftfreq(4)
    tensor([ 0.0000,  0.2500, -0.5000, -0.2500])
    """
    from ..creation.creation import tensor

    return tensor(np.fft.fftfreq(n, d).tolist(), dtype=dtype)


def rfftfreq(n: int, d: float = 1.0, *, dtype: Any = None) -> Tensor:
    """The frequencies of `rfft`.

    Parameters
    ----------
    n
        The count of data points.
    d
        The step between them.
    dtype
        The dtype; the default float without.

    Returns
    -------
    Tensor

    Examples
    --------
    >>> import pullback as pb
    >>> pb.fft.rfftfreq(4)
    tensor([0.0000, 0.2500, 0.5000])
    """
    from ..creation.creation import tensor

    return tensor(np.fft.rfftfreq(n, d).tolist(), dtype=dtype)


_DOC = """{summary}.

Parameters
----------
input
    A tensor.
{size}
    The length to which to cut or pad the data; its own without.
dim
    The axis, or axes.
norm
    "backward" scales the inverse by 1/n, "forward" the transform, "ortho" both by 1/sqrt(n).

Returns
-------
Tensor

Raises
------
RuntimeError
    For another `norm`, or a length below 1.

Examples
--------
>>> import pullback as pb
>>> pb.fft.{name}(pb.ones(2, 2)).shape
pullback.Size([2, 2])
"""


def _declare() -> None:
    fft, ifft = _complex(True), _complex(False)
    made = {
        "fft": (fft, "The Fourier transform along an axis", "n"),
        "ifft": (ifft, "The inverse Fourier transform along an axis", "n"),
        "rfft": (_rfft, "The half of the Fourier transform of real numbers that says all", "n"),
        "irfft": (_irfft, "The real numbers of which `rfft` gives the input", "n"),
        "fft2": (_several(fft, 2), "The Fourier transform along two axes", "s"),
        "ifft2": (_several(ifft, 2), "The inverse Fourier transform along two axes", "s"),
        "fftn": (_several(fft, None), "The Fourier transform along several axes", "s"),
        "ifftn": (_several(ifft, None), "The inverse Fourier transform along several axes", "s"),
        "rfft2": (_half(fft, 2, True), "The half of `fft2` of real numbers that says all", "s"),
        "irfft2": (_half(ifft, 2, False), "The real numbers of which `rfft2` gives the input", "s"),
        "rfftn": (_half(fft, None, True), "The half of `fftn` of real numbers that says all", "s"),
        "irfftn": (_half(ifft, None, False), "The real numbers of which `rfftn` gives the input", "s"),
    }
    for name, (function, summary, size) in made.items():
        function.__name__ = function.__qualname__ = name
        function.__doc__ = _DOC.format(summary=summary, size=size, name=name)
        SPACE[name] = function
    SPACE.update(fftshift=fftshift, ifftshift=ifftshift, fftfreq=fftfreq, rfftfreq=rfftfreq)
    for name, function in SPACE.items():
        put(f"fft_{name}", function, root=False, method=False)
    for name in made:
        handles(getattr(np.fft, name))(_numpy(SPACE[name], several=name[-1] in "2n"))
    handles(np.fft.fftshift)(lambda x, axes=None: fftshift(x, axes))
    handles(np.fft.ifftshift)(lambda x, axes=None: ifftshift(x, axes))


def _numpy(function: Callable[..., Any], several: bool) -> Callable[..., Any]:
    """A transform with NumPy's arguments."""
    if several:
        return lambda a, s=None, axes=None, norm=None, out=None: function(a, s, axes, norm)
    return lambda a, n=None, axis=-1, norm=None, out=None: function(a, n, axis, norm)


_declare()
