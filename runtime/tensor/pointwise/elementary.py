"""Pointwise functions of several operands: bounds, interpolation, products that are added."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...ops.pointwise import mismatch, quiet
from ...ops.promotion import promoted, result_type
from ...tape.node import Node, Recorded, wrap
from ...tape.quiet import quietly
from ...tape.record import record
from ..linalg.linear import conj
from ..reductions.reductions import title
from ..table import function, put
from ..tensor import Tensor, as_tensor, tensor_of
from .pointwise import into


class ClampBackward1(Node):
    """Elements between two numbers, which are `static`; beyond them the derivative is zero."""

    __slots__ = ()

    def backward(self, g: Any, x: Any) -> Any:
        return (g * _inside(x, *self.static),)


class ClampBackward0(Node):
    """Elements between two tensors; `static` says which of the two there is."""

    __slots__ = ()

    def backward(self, g: Any, x: Any, low: Any, high: Any) -> Any:
        for_low = for_high = None
        if self.edges[1] is not None:
            below = x < low
            for_low = g * (below if high is None else below & (low < high))
        if self.edges[2] is not None:
            above = x > high
            for_high = g * (above if low is None else above | (high < low))
        return g * _inside(x, low, high), for_low, for_high


def _inside(x: Any, low: Any, high: Any) -> Any:
    if low is None:
        return x <= high
    return x >= low if high is None else (x >= low) & (x <= high)


def _bounded(a: Any, low: Any, high: Any) -> Any:
    if low is not None:
        a = np.maximum(a, low)
    return a if high is None else np.minimum(a, high)


@function("clamp", "clip", inplace=True)
def clamp(input: Any, min: Any = None, max: Any = None, *, out: Any = None) -> Tensor:
    """The elements, but none below `min` nor above `max`.

    Parameters
    ----------
    input
        A tensor.
    min, max
        Numbers, or tensors that broadcast; one may be missing.
    out
        A tensor to write the result to.

    Returns
    -------
    Tensor

    Raises
    ------
    RuntimeError
        If both are missing, or the shapes do not fit.

    Examples
    --------
    >>> import pullback as pb
    >>> pb.clamp(pb.tensor([-1.0, 0.5, 2.0]), min=0.0, max=1.0)
    tensor([0.0000, 0.5000, 1.0000])
    """
    if min is None and max is None:
        raise RuntimeError("torch.clamp: At least one of 'min' or 'max' must not be None")
    return into(out, _clamp(_CLAMP, input, min, max))


class ClampMinBackward0(ClampBackward1):
    """Elements not below a number."""

    __slots__ = ()


class ClampMaxBackward0(ClampBackward1):
    """Elements not above a number."""

    __slots__ = ()


class ClampMinBackward1(ClampBackward0):
    """Elements not below those of a tensor."""

    __slots__ = ()


class ClampMaxBackward1(ClampBackward0):
    """Elements not above those of a tensor."""

    __slots__ = ()


_CLAMP = ClampBackward1, ClampBackward0
_CLAMP_MIN = ClampMinBackward0, ClampMinBackward1
_CLAMP_MAX = ClampMaxBackward0, ClampMaxBackward1


def _clamp(nodes: tuple[Any, Any], input: Any, low: Any, high: Any) -> Tensor:
    """`clamp` with nodes for numbers and for tensors."""
    x = tensor_of(input)
    a = x._a
    if a.dtype.kind == "c":
        raise RuntimeError("clamp is not supported for complex types")
    made: Tensor
    if not isinstance(low, (Recorded, np.ndarray)) and not isinstance(high, (Recorded, np.ndarray)):
        if a.dtype.kind != "f":
            a = a.astype(result_type(a, *[v for v in (low, high) if v is not None]), copy=False)
        made = record(nodes[0], _bounded(a, low, high), (x,), (x,), (low, high))
        return made
    low, high = (None if v is None else as_tensor(v) for v in (low, high))
    arrays = promoted(*[v._a for v in (x, low, high) if v is not None])
    bounds = iter(arrays[1:])
    one, two = (None if v is None else next(bounds) for v in (low, high))
    try:
        result = _bounded(arrays[0], one, two)
    except ValueError as error:
        raise mismatch(arrays[0], arrays[-1], error) from None
    made = record(nodes[1], result, (x, low, high), (x, low, high))
    return made


def _declare_bound(name: str, argument: str, nodes: tuple[Any, Any]) -> None:
    if argument == "min":

        def bounded(input: Any, min: Any, *, out: Any = None) -> Tensor:
            return into(out, _clamp(nodes, input, min, None))
    else:

        def bounded(input: Any, max: Any, *, out: Any = None) -> Tensor:  # type: ignore[misc]
            return into(out, _clamp(nodes, input, None, max))

    bounded.__name__ = bounded.__qualname__ = name
    bounded.__doc__ = f"""The elements, but none {"below" if argument == "min" else "above"} a bound.

    Parameters
    ----------
    input
        A tensor.
    {argument}
        A number or a tensor.
    out
        A tensor to write the result to.

    Returns
    -------
    Tensor

    Examples
    --------
    >>> import pullback as pb
    >>> pb.{name}(pb.tensor([0.5]), 0.5)
    tensor([0.5000])
    """
    put(name, bounded, inplace=True)


_declare_bound("clamp_min", "min", _CLAMP_MIN)
_declare_bound("clamp_max", "max", _CLAMP_MAX)


class LerpBackward0(Node):
    """`x + w (z - x)` with a number w, which is `static`."""

    __slots__ = ()

    def backward(self, g: Any) -> Any:
        w = self.static
        return g * (1 - w), g * w


class LerpBackward1(Node):
    """`x + w (z - x)`."""

    __slots__ = ()

    def backward(self, g: Any, x: Any, z: Any, w: Any) -> Any:
        for_w = g * conj(z - x) if self.edges[2] is not None else None
        w = conj(w)
        return g * (1 - w), g * w, for_w


@function(inplace=True)
@quietly
def lerp(input: Any, end: Any, weight: Any, *, out: Any = None) -> Tensor:
    """`input + weight * (end - input)`.

    Parameters
    ----------
    input
        A tensor.
    end
        A tensor of the same dtype.
    weight
        A number or a tensor.
    out
        A tensor to write the result to.

    Returns
    -------
    Tensor

    Raises
    ------
    RuntimeError
        If the shapes do not fit, or the dtypes differ.

    Examples
    --------
    >>> import pullback as pb
    >>> pb.lerp(pb.tensor([1.0]), pb.tensor([3.0]), 0.25)
    tensor([1.5000])
    """
    x, z = tensor_of(input), tensor_of(end)
    a, b = x._a, z._a
    if a.dtype != b.dtype:
        raise RuntimeError(
            f"expected dtype {title(a.dtype).lower()} for `end` but got dtype {title(b.dtype).lower()}"
        )
    if a.dtype.kind not in "fc":
        raise NotImplementedError(f"\"lerp_kernel_scalar\" not implemented for '{title(a.dtype)}'")
    if not isinstance(weight, (Recorded, np.ndarray)):
        r = _fitting(lambda p, q: p + weight * (q - p) if weight < 0.5 else q - (q - p) * (1 - weight), a, b)
        return into(out, record(LerpBackward0, r, (x, z), None, weight))
    w = tensor_of(weight)
    if w._a.dtype != a.dtype:
        raise RuntimeError(f"expected dtype {a.dtype} for `weight` but got dtype {w._a.dtype}")
    r = _fitting(
        lambda p, q, v: np.where(np.abs(v) < 0.5, p + v * (q - p), q - (q - p) * (1 - v)), a, b, w._a
    )
    return into(out, record(LerpBackward1, r, (x, z, w), (x, z, w)))


def _fitting(compute: Any, *arrays: Any) -> Any:
    """`compute` of arrays that must fit each other."""
    try:
        return compute(*arrays)
    except ValueError as error:
        for other in arrays[1:]:
            try:
                np.broadcast_shapes(arrays[0].shape, other.shape)
            except ValueError:
                raise mismatch(arrays[0], other, error) from None
        raise


class AddcmulBackward0(Node):
    """`x + k y z` with a number k, which is `static`."""

    __slots__ = ()

    def backward(self, g: Any, y: Any, z: Any) -> Any:
        scaled = g * self.static
        return (
            g,
            scaled * conj(z) if self.edges[1] is not None else None,
            scaled * conj(y) if self.edges[2] is not None else None,
        )


class AddcdivBackward0(Node):
    """`x + k y / z` with a number k, which is `static`."""

    __slots__ = ()

    def backward(self, g: Any, y: Any, z: Any) -> Any:
        scaled = g * self.static
        return (
            g,
            scaled / conj(z) if self.edges[1] is not None else None,
            -scaled * conj(y / (z * z)) if self.edges[2] is not None else None,
        )


def _three(input: Any, tensor1: Any, tensor2: Any) -> tuple[Any, Any]:
    operands = tuple(tensor_of(v) for v in (input, tensor1, tensor2))
    return operands, promoted(*[v._a for v in operands])


@function(inplace=True)
@quietly
def addcmul(input: Any, tensor1: Any, tensor2: Any, *, value: Any = 1, out: Any = None) -> Tensor:
    """`input + value * tensor1 * tensor2`.

    Parameters
    ----------
    input
        A tensor.
    tensor1, tensor2
        Tensors; all are broadcast.
    value
        A number.
    out
        A tensor to write the result to.

    Returns
    -------
    Tensor

    Raises
    ------
    RuntimeError
        If the shapes do not fit.

    Examples
    --------
    >>> import pullback as pb
    >>> pb.addcmul(pb.tensor([1.0]), pb.tensor([2.0]), pb.tensor([3.0]), value=10)
    tensor([61.])
    """
    operands, arrays = _three(input, tensor1, tensor2)
    r = _fitting(lambda p, q, v: p + arrays[0].dtype.type(value) * q * v, *arrays)
    return into(out, record(AddcmulBackward0, r, operands, operands[1:], value))


_quotients = quiet(lambda p, q, v, k: p + k * q / v)


@function(inplace=True)
def addcdiv(input: Any, tensor1: Any, tensor2: Any, *, value: Any = 1, out: Any = None) -> Tensor:
    """`input + value * tensor1 / tensor2`.

    Parameters
    ----------
    input
        A tensor.
    tensor1, tensor2
        Tensors; all are broadcast.
    value
        A number.
    out
        A tensor to write the result to.

    Returns
    -------
    Tensor

    Raises
    ------
    RuntimeError
        If the shapes do not fit, or integers are divided.

    Examples
    --------
    >>> import pullback as pb
    >>> pb.addcdiv(pb.tensor([1.0]), pb.tensor([6.0]), pb.tensor([3.0]), value=10)
    tensor([21.])
    """
    operands, arrays = _three(input, tensor1, tensor2)
    if operands[1]._a.dtype.kind in "biu" and operands[2]._a.dtype.kind in "biu":
        raise RuntimeError(
            "Integer division with addcdiv is no longer supported: convert tensor1 or tensor2 to floats"
        )
    r = _fitting(lambda p, q, v: _quotients(p, q, v, arrays[0].dtype.type(value)), *arrays)
    return into(out, record(AddcdivBackward0, r, operands, operands[1:], value))


class ComplexBackward0(Node):
    """A complex number of its parts."""

    __slots__ = ()

    def backward(self, g: Any) -> Any:
        return np.real(g), np.imag(g)


class PolarBackward0(Node):
    """A complex number of its absolute value and angle, both saved."""

    __slots__ = ()

    def backward(self, g: Any, r: Any, angle: Any) -> Any:
        real, imag, cosine, sine = np.real(g), np.imag(g), np.cos(angle), np.sin(angle)
        return real * cosine + imag * sine, r * (imag * cosine - real * sine)


def _floats(name: str, one: Any, two: Any) -> tuple[Tensor, Tensor]:
    x, z = tensor_of(one), tensor_of(two)
    if x._a.dtype.kind != "f" or z._a.dtype.kind != "f":
        raise RuntimeError(
            f"Expected both inputs to be Half, Float or Double tensors but got {title(x._a.dtype)} and "
            f"{title(z._a.dtype)}"
        )
    if x._a.dtype != z._a.dtype:
        raise RuntimeError(
            f"Expected object of scalar type {title(x._a.dtype)} but got scalar type {title(z._a.dtype)} for "
            "second argument"
        )
    return x, z


@function("complex", method=False)
def complex_(real: Any, imag: Any, *, out: Any = None) -> Tensor:
    """Complex numbers of their parts.

    Parameters
    ----------
    real, imag
        Tensors of floats of one dtype.
    out
        A tensor to write the result to.

    Returns
    -------
    Tensor

    Raises
    ------
    RuntimeError
        If they are no floats of one dtype, or do not fit.

    Examples
    --------
    >>> import pullback as pb
    >>> pb.complex(pb.tensor([1.0]), pb.tensor([2.0]))
    tensor([1.+2.j])
    """
    x, z = _floats("complex", real, imag)
    kind = np.result_type(x._a.dtype, np.complex64)
    made = np.empty(_fitting(lambda p, q: np.broadcast_shapes(p.shape, q.shape), x._a, z._a), kind)
    made.real, made.imag = x._a, z._a
    return into(out, record(ComplexBackward0, made, (x, z)))


@function(method=False)
@quietly
def polar(abs: Any, angle: Any, *, out: Any = None) -> Tensor:
    """Complex numbers of their absolute values and angles.

    Parameters
    ----------
    abs, angle
        Tensors of floats of one dtype.
    out
        A tensor to write the result to.

    Returns
    -------
    Tensor

    Raises
    ------
    RuntimeError
        If they are no floats of one dtype, or do not fit.

    Examples
    --------
    >>> import pullback as pb
    >>> pb.polar(pb.tensor([2.0]), pb.tensor([0.0]))
    tensor([2.+0.j])
    """
    x, z = _floats("polar", abs, angle)
    made = _fitting(lambda p, q: p * np.cos(q) + 1j * (p * np.sin(q)), x._a, z._a)
    kind = np.result_type(x._a.dtype, np.complex64)
    return into(out, record(PolarBackward0, np.asarray(made).astype(kind), (x, z), (x, z)))


def _whole(name: str, compute: Any, summary: str, shown: str) -> None:
    def function_(input: Any, other: Any, *, out: Any = None) -> Tensor:
        a, b = promoted(*(as_tensor(v)._a for v in (input, other)))
        if a.dtype.kind not in "iu":
            raise NotImplementedError(f"\"{name}_cpu\" not implemented for '{title(a.dtype)}'")
        return into(out, wrap(Tensor, _fitting(compute, a, b)))

    function_.__name__ = function_.__qualname__ = name
    function_.__doc__ = f"""{summary} of integers.

    Parameters
    ----------
    input, other
        Tensors of integers that broadcast.
    out
        A tensor to write the result to.

    Returns
    -------
    Tensor

    Raises
    ------
    NotImplementedError
        If they are no integers.

    Examples
    --------
    >>> import pullback as pb
    >>> pb.{name}(pb.tensor([6, 4]), pb.tensor(4))
    {shown}
    """
    put(name, function_, inplace=True)


_whole("gcd", np.gcd, "The greatest common divisors", "tensor([2, 4])")
_whole("lcm", np.lcm, "The least common multiples", "tensor([12,  4])")
