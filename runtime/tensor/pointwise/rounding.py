"""Rounding, parts of numbers, and questions about numbers: signs, NaN, closeness."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ...tape.node import FlatBackward, Node, Recorded, wrap
from ...tape.quiet import quietly
from ...tape.record import array_of, record, record_many
from ..dtypes import of as dtype_of
from ..linalg.linear import conj
from ..reductions.reductions import title
from ..return_types import structure
from ..table import METHODS, function
from ..tensor import Tensor, as_tensor, tensor_of
from .pointwise import QUICK, into, pow, sign_of
from .smooth import choose

_frexp = structure("frexp", "mantissa", "exponent")


class RoundBackward0(FlatBackward):
    """Rounding to integers."""

    __slots__ = ()


class RoundBackward1(FlatBackward):
    """Rounding to decimals."""

    __slots__ = ()


class FracBackward0(Node):
    """What is left of numbers without their integers."""

    __slots__ = ()

    def backward(self, g: Any) -> Any:
        return (g,)


class SgnBackward0(Node):
    """Signs, of complex numbers too."""

    __slots__ = ()
    saves_results = 1

    def backward(self, g: Any, x: Any, y: Any) -> Any:
        if g.dtype.kind != "c":
            return (g * 0,)
        size = np.abs(x)
        zero = array_of(size) == 0
        safe = choose(zero, size, 1.0, size)
        turned = (g - np.real(g * np.conj(y)) * y) / safe
        return (choose(zero, g, 0.0, turned),)


class AngleBackward0(Node):
    """Angles: those of real numbers do not change."""

    __slots__ = ()

    def backward(self, g: Any, x: Any) -> Any:
        if x.dtype.kind != "c":
            return (g * 0,)
        square = np.real(x) ** 2 + np.imag(x) ** 2
        return (1j * x * (g / square),)


class NanToNumBackward0(Node):
    """Numbers in place of NaN and infinities, where the derivative is zero."""

    __slots__ = ()

    def backward(self, g: Any, x: Any) -> Any:
        return (g * np.isfinite(x),)


class FrexpBackward0(Node):
    """Mantissas; `static` is 2 to the power of minus the exponents."""

    __slots__ = ()

    def backward(self, g: Any) -> Any:
        return (g[0] * self.static,)


@function(inplace=True)
def round(input: Any, *, decimals: int = 0, out: Any = None) -> Tensor:
    """The nearest integers, the even one of two; its derivative is zero.

    Parameters
    ----------
    input
        A tensor.
    decimals
        How many decimals to keep; negative ones round to tens, hundreds …
    out
        A tensor to write the result to.

    Returns
    -------
    Tensor

    Raises
    ------
    NotImplementedError
        If integers are to be rounded to decimals.

    Examples
    --------
    >>> import pullback as pb
    >>> pb.round(pb.tensor([0.5, 1.5, 2.5]))
    tensor([0., 2., 2.])
    """
    x = tensor_of(input)
    a = x._a
    if a.dtype.kind == "c":
        raise NotImplementedError("round is not supported for complex inputs")
    if a.dtype.kind in "biu":
        if decimals or a.dtype.kind == "b":
            raise NotImplementedError(f"\"round_cpu\" not implemented for '{title(a.dtype)}'")
        return into(out, wrap(Tensor, a.copy()))
    node = RoundBackward1 if decimals else RoundBackward0
    return into(out, record(node, np.round(a, decimals), (x,)))


@function(inplace=True)
@quietly
def frac(input: Any, *, out: Any = None) -> Tensor:
    """`input - trunc(input)`.

    Parameters
    ----------
    input
        A tensor.
    out
        A tensor to write the result to.

    Returns
    -------
    Tensor

    Raises
    ------
    NotImplementedError
        If it holds integers.

    Examples
    --------
    >>> import pullback as pb
    >>> pb.frac(pb.tensor([-1.5]))
    tensor([-0.5000])
    """
    x = tensor_of(input)
    if x._a.dtype.kind != "f":
        raise NotImplementedError(f"\"frac_cpu\" not implemented for '{title(x._a.dtype)}'")
    return into(out, record(FracBackward0, x._a - np.trunc(x._a), (x,)))


@function(inplace=True)
def sgn(input: Any, *, out: Any = None) -> Tensor:
    """The signs of numbers; of complex ones, themselves divided by their absolute values.

    Parameters
    ----------
    input
        A tensor.
    out
        A tensor to write the result to.

    Returns
    -------
    Tensor

    Examples
    --------
    >>> import pullback as pb
    >>> pb.sgn(pb.tensor([3 + 4j]))
    tensor([0.6000+0.8000j])
    """
    x = tensor_of(input)
    a = x._a
    result = a.copy() if a.dtype.kind == "b" else sign_of(a)
    return into(out, record(SgnBackward0, result, (x,), (x,)))


@function()
def angle(input: Any, *, out: Any = None) -> Tensor:
    """The angles of complex numbers; of real ones, 0 or pi.

    Parameters
    ----------
    input
        A tensor.
    out
        A tensor to write the result to.

    Returns
    -------
    Tensor

    Examples
    --------
    >>> import pullback as pb
    >>> pb.angle(pb.tensor([1j, -1 + 0j]))
    tensor([1.5708, 3.1416])
    """
    x = tensor_of(input)
    a = x._a
    if a.dtype.kind in "biu":
        a = a.astype(np.float32)
    result = np.angle(a) if a.dtype.kind == "c" else np.where(np.isnan(a), a, np.where(a < 0, np.pi, 0.0))
    return into(out, record(AngleBackward0, np.asarray(result).astype(a.real.dtype), (x,), (x,)))


@function(inplace=True)
def nan_to_num(
    input: Any, nan: Any = None, posinf: Any = None, neginf: Any = None, *, out: Any = None
) -> Tensor:
    """Numbers in place of NaN (0) and infinities (the largest and the lowest number).

    Parameters
    ----------
    input
        A tensor.
    nan, posinf, neginf
        What to put in their place.
    out
        A tensor to write the result to.

    Returns
    -------
    Tensor

    Examples
    --------
    >>> import pullback as pb
    >>> pb.nan_to_num(pb.tensor([float("nan"), 2.0]))
    tensor([0., 2.])
    """
    x = tensor_of(input)
    made = np.nan_to_num(x._a, nan=0.0 if nan is None else nan, posinf=posinf, neginf=neginf)
    return into(out, record(NanToNumBackward0, np.asarray(made), (x,), (x,)))


@function()
@quietly
def frexp(input: Any, *, out: Any = None) -> Any:
    """Mantissas in (-1, -0.5] and [0.5, 1), and exponents of 2.

    Parameters
    ----------
    input
        A tensor.
    out
        A pair of tensors to write the results to.

    Returns
    -------
    named tuple (mantissa, exponent)

    Raises
    ------
    NotImplementedError
        If it holds no floats.

    Examples
    --------
    >>> import pullback as pb
    >>> pb.frexp(pb.tensor([3.0])).exponent
    tensor([2], dtype=pullback.int32)
    """
    x = tensor_of(input)
    if x._a.dtype.kind != "f":
        raise NotImplementedError("torch.frexp() only supports floating-point dtypes")
    mantissa, exponent = np.frexp(x._a)
    scale = np.ldexp(np.ones_like(x._a), -exponent)
    made = record_many(FrexpBackward0, (mantissa, exponent), (x,), None, scale, results=1)
    if out is not None:
        return _frexp(*[into(o, m) for o, m in zip(out, made, strict=True)])
    return _frexp(*made)


@function(inplace=True)
def ldexp(input: Any, other: Any, *, out: Any = None) -> Tensor:
    """`input * 2 ** other`.

    Parameters
    ----------
    input
        A tensor.
    other
        A tensor or a number.
    out
        A tensor to write the result to.

    Returns
    -------
    Tensor

    Examples
    --------
    >>> import pullback as pb
    >>> pb.ldexp(pb.tensor([3.0]), pb.tensor([2]))
    tensor([12.])
    """
    x, z = tensor_of(input), as_tensor(other)
    result = QUICK["mul"](wrap(Tensor, x._a), METHODS["__rpow__"](wrap(Tensor, z._a), 2.0))._a
    return into(out, record(LdexpBackward0, result, (x, z), (x, z)))


class LdexpBackward0(Node):
    """Numbers times powers of two."""

    __slots__ = ()

    def backward(self, g: Any, x: Any, z: Any) -> Any:
        scaled = g * np.exp2(z)
        return scaled, None if self.edges[1] is None else scaled * conj(x) * math.log(2)


class HeavisideBackward0(Node):
    """Steps: the derivative is that of the values at the steps."""

    __slots__ = ()

    def backward(self, g: Any) -> Any:
        raise RuntimeError("derivative for aten::heaviside is not implemented")


@function(inplace=True)
def heaviside(input: Any, values: Any, *, out: Any = None) -> Tensor:
    """0 for negative elements, 1 for positive ones, and `values` where they are zero.

    Parameters
    ----------
    input
        A tensor.
    values
        A tensor that broadcasts, of the same dtype.
    out
        A tensor to write the result to.

    Returns
    -------
    Tensor

    Raises
    ------
    RuntimeError
        If the dtypes differ.

    Examples
    --------
    >>> import pullback as pb
    >>> pb.heaviside(pb.tensor([-1.0, 0.0, 1.0]), pb.tensor(0.5))
    tensor([0.0000, 0.5000, 1.0000])
    """
    x, z = tensor_of(input), tensor_of(values)
    a, b = x._a, z._a
    if a.dtype != b.dtype:
        raise RuntimeError("heaviside is not yet implemented for tensors with different dtypes.")
    result = np.where(a == 0, b, (a > 0).astype(a.dtype))
    return into(out, record(HeavisideBackward0, result, (x, z)))


@function(inplace=True)
def float_power(input: Any, exponent: Any, *, out: Any = None) -> Tensor:
    """`input ** exponent` in float64 (complex128 if one is complex).

    Parameters
    ----------
    input, exponent
        Tensors or numbers, one at least a tensor.
    out
        A tensor to write the result to.

    Returns
    -------
    Tensor

    Examples
    --------
    >>> import pullback as pb
    >>> pb.float_power(pb.tensor([2]), 0.5)
    tensor([1.4142], dtype=pullback.float64)
    """
    operands = [
        v if isinstance(v, (Recorded, int, float, complex)) else tensor_of(v) for v in (input, exponent)
    ]
    kinds = [v._a.dtype.kind if isinstance(v, Recorded) else type(v).__name__[0] for v in operands]
    wide = dtype_of("complex128" if "c" in kinds else "float64")
    base, power = (v.to(wide) if isinstance(v, Recorded) else v for v in operands)  # type: ignore[attr-defined]
    return into(out, pow(base, power))
