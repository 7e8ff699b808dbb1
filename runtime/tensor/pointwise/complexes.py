"""Complex tensors and their parts: views as pairs of reals, conjugates."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...tape.node import Node, Recorded
from ...tape.record import record
from ...tape.views import view
from ..indexing.indexing import item
from ..table import METHODS, PROPERTIES, function
from ..tensor import Tensor, tensor_of


def _pairs(x: Any) -> Any:
    """Complex numbers as pairs along a last axis; the same memory."""
    x = np.asarray(x)  # a cotangent may be a number, whose real part is no view
    kind = np.dtype(np.float64 if x.dtype.itemsize == 16 else np.float32)
    return np.lib.stride_tricks.as_strided(
        x.real, (*x.shape, 2), (*x.strides, kind.itemsize), writeable=x.flags.writeable
    )


def _joined(x: Any) -> Any:
    """Pairs along the last axis as complex numbers; the same memory."""
    kind = np.dtype(np.complex128 if x.dtype.itemsize == 8 else np.complex64)
    return x.view(kind)[..., 0]


class ViewAsRealBackward0(Node):
    """Complex numbers as pairs."""

    __slots__ = ()

    def backward(self, g: Any) -> Any:
        return (as_complex(g),)


class ViewAsComplexBackward0(Node):
    """Pairs as complex numbers."""

    __slots__ = ()

    def backward(self, g: Any) -> Any:
        return (as_pairs(g),)


class ConjBackward0(Node):
    """The conjugate."""

    __slots__ = ()

    def backward(self, g: Any) -> Any:
        return (np.conj(g),)


class ConjPhysicalBackward0(ConjBackward0):
    """The conjugate in memory of its own."""

    __slots__ = ()


def as_pairs(x: Any) -> Any:
    """Complex numbers as pairs along a last axis, of a value or an array."""
    if not isinstance(x, Recorded):
        return _pairs(x)
    return view(ViewAsRealBackward0, _pairs(x._a), x, as_pairs, ())


def as_complex(x: Any) -> Any:
    """Pairs along the last axis as complex numbers, of a value or an array."""
    if not isinstance(x, Recorded):
        return _joined(x if x.strides[-1] == x.itemsize else np.ascontiguousarray(x))
    if x._a.strides[-1] != x._a.itemsize:
        x = x.contiguous()  # type: ignore[attr-defined]
    return view(ViewAsComplexBackward0, _joined(x._a), x, as_complex, ())


@function(method=False)
def view_as_real(input: Any) -> Tensor:
    """A complex tensor as real and imaginary parts along a last axis; the same memory.

    Parameters
    ----------
    input
        A complex tensor.

    Returns
    -------
    Tensor

    Raises
    ------
    RuntimeError
        If it is not complex.

    Examples
    --------
    >>> import pullback as pb
    >>> pb.view_as_real(pb.tensor([1 + 2j]))
    tensor([[1., 2.]])
    """
    x = tensor_of(input)
    if x._a.dtype.kind != "c":
        raise RuntimeError("view_as_real is only supported for complex tensors")
    made: Tensor = as_pairs(x)
    return made


@function(method=False)
def view_as_complex(input: Any) -> Tensor:
    """A tensor of pairs as a complex tensor; the same memory.

    Parameters
    ----------
    input
        A tensor of floats whose last axis has length 2.

    Returns
    -------
    Tensor

    Raises
    ------
    RuntimeError
        If it is not that, or pairs do not lie together in memory.

    Examples
    --------
    >>> import pullback as pb
    >>> pb.view_as_complex(pb.tensor([[1.0, 2.0]]))
    tensor([1.+2.j])
    """
    x = tensor_of(input)
    a = x._a
    if a.dtype.kind != "f" or a.dtype.itemsize < 4:
        raise RuntimeError(
            "view_as_complex is only supported for half, float and double tensors, but got a tensor of "
            f"scalar type: {x._kind().removeprefix('torch.').removesuffix('Tensor')}"
        )
    if a.ndim == 0 or a.shape[-1] != 2:
        raise RuntimeError("Tensor must have a last dimension of size 2")
    if a.strides[-1] != a.itemsize:
        raise RuntimeError("Tensor must have a last dimension with stride 1")
    if any(s // a.itemsize % 2 for s in a.strides[:-1]):
        raise RuntimeError("Tensor must have a stride divisible by 2 for all but last dimension")
    made: Tensor = as_complex(x)
    return made


def _part(name: str, k: int) -> Any:
    def part(input: Any) -> Tensor:
        x = tensor_of(input)
        if x._a.dtype.kind != "c":
            if k:
                raise RuntimeError("imag is not implemented for tensors with non-complex dtypes.")
            return x
        made: Tensor = item(as_pairs(x), (..., k))
        return made

    words = ("real", "imaginary")[k]
    part.__name__ = part.__qualname__ = name
    part.__doc__ = f"""The {words} part; the same memory.

    Parameters
    ----------
    input
        A tensor.

    Returns
    -------
    Tensor

    Examples
    --------
    >>> import pullback as pb
    >>> pb.{name}(pb.tensor([1 + 2j]))
    tensor([{k + 1}.])
    """
    return part


def _put_part(name: str, k: int) -> None:
    part = _part(name, k)

    def overwrite(input: Any, value: Any) -> None:
        METHODS["copy_"](part(input), tensor_of(value))

    function(name, method=False)(part)
    PROPERTIES[name] = property(part, overwrite)


_put_part("real", 0)
_put_part("imag", 1)


@function()
def conj(input: Any) -> Tensor:
    """The complex conjugate; real tensors are what they are.

    Parameters
    ----------
    input
        A tensor.

    Returns
    -------
    Tensor

    Examples
    --------
    >>> import pullback as pb
    >>> pb.conj(pb.tensor([1 + 2j])).resolve_conj()
    tensor([1.-2.j])
    """
    x = tensor_of(input)
    if x._a.dtype.kind != "c":
        return x
    made: Tensor = record(ConjBackward0, np.conj(x._a), (x,))
    return made


@function(inplace=True)
def conj_physical(input: Any, *, out: Any = None) -> Tensor:
    """The complex conjugate, computed.

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
    >>> pb.conj_physical(pb.tensor([1 + 2j]))
    tensor([1.-2.j])
    """
    from .pointwise import into

    x = tensor_of(input)
    result: Any = x if x._a.dtype.kind != "c" else record(ConjPhysicalBackward0, np.conj(x._a), (x,))
    return into(out, result)


def _itself(name: str, words: str) -> None:
    def same(input: Any) -> Tensor:
        return tensor_of(input)

    same.__name__ = same.__qualname__ = name
    same.__doc__ = f"""The tensor: {words} are computed at once here.

    Parameters
    ----------
    input
        A tensor.

    Returns
    -------
    Tensor

    Examples
    --------
    >>> import pullback as pb
    >>> pb.{name}(pb.tensor([1.0]))
    tensor([1.])
    """
    function(name)(same)


_itself("resolve_conj", "conjugates")
_itself("resolve_neg", "negatives")


@function()
def is_conj(input: Any) -> bool:
    """False: conjugates are computed at once here.

    Parameters
    ----------
    input
        A tensor.

    Returns
    -------
    bool

    Examples
    --------
    >>> import pullback as pb
    >>> pb.is_conj(pb.tensor([1j]).conj())
    False
    """
    tensor_of(input)
    return False
