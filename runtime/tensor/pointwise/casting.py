"""Conversions to another dtype, through which gradients flow."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...tape.node import Node, Recorded
from ...tape.record import record
from ..dtypes import DTYPES, check_device, device, numpy_dtype
from ..dtypes import dtype as Dtype
from ..shape.shaping import CloneBackward0
from ..table import METHODS, function
from ..tensor import Tensor


class ToCopyBackward0(Node):
    """A cast: the engine casts the cotangent back."""

    __slots__ = ()

    def backward(self, g: Any) -> Any:
        return (g,)


def cast(x: Any, kind: np.dtype[Any], copy: bool = False) -> Any:
    """A tensor in another dtype; itself if it has this one, unless `copy`."""
    a = x._a
    if a.dtype == kind:
        return record(ToCopyBackward0, a.copy("K"), (x,)) if copy else x
    if a.dtype.kind == "c" and kind.kind != "c":
        a = a.real if kind.kind != "b" else a != 0
    elif kind.kind in "iu" and a.dtype.kind == "f":
        with np.errstate(all="ignore"):
            return record(ToCopyBackward0, a.astype(kind), (x,))
    return record(ToCopyBackward0, a.astype(kind), (x,))


@function("to", root=False)
def to(
    input: Any, *args: Any, dtype: Any = None, device: Any = None, copy: bool = False, **ignored: Any
) -> Tensor:
    """The tensor in a dtype: itself if it has that dtype.

    Parameters
    ----------
    input
        A tensor.
    args
        A dtype, a device, both, or a tensor whose dtype to take.
    dtype, device
        The same by name.
    copy
        Copy in any case.
    ignored
        `non_blocking` and `memory_format` have no effect.

    Returns
    -------
    Tensor

    Raises
    ------
    RuntimeError, TypeError
        For devices that are not the CPU, and other arguments.

    Examples
    --------
    >>> import pullback as pb
    >>> pb.tensor([1, 2]).to(pb.float64)
    tensor([1., 2.], dtype=pullback.float64)
    """
    unknown = set(ignored) - {"non_blocking", "memory_format", "other"}
    if unknown:
        raise TypeError(f"to() got an unexpected keyword argument {sorted(unknown)[0]!r}")
    if "other" in ignored:
        args = (ignored["other"], *args)
    flags = []
    for arg in args:
        if isinstance(arg, Recorded):
            dtype = arg._a.dtype
        elif isinstance(arg, (Dtype, np.dtype)) or (isinstance(arg, type) and arg is not bool):
            dtype = arg
        elif isinstance(arg, bool):
            flags.append(arg)
        elif arg is not None:
            device = arg
    if len(flags) > 1:
        copy = flags[1]
    check_device(device)
    kind = input._a.dtype if dtype is None else numpy_dtype(dtype)
    made: Tensor = cast(input, kind, copy)
    return made


@function("type_as", root=False)
def type_as(input: Any, other: Any) -> Tensor:
    """The tensor in the dtype of another.

    Parameters
    ----------
    input, other
        Tensors.

    Returns
    -------
    Tensor
    """
    made: Tensor = cast(input, other._a.dtype)
    return made


_LEGACY = {
    "FloatTensor": "float32", "DoubleTensor": "float64", "HalfTensor": "float16", "LongTensor": "int64",
    "IntTensor": "int32", "ShortTensor": "int16", "CharTensor": "int8", "ByteTensor": "uint8",
    "BoolTensor": "bool",
}  # fmt: skip


@function("type", root=False)
def type_(input: Any, dtype: Any = None, non_blocking: bool = False) -> Any:
    """The tensor in a dtype; without one, the name of its type.

    Parameters
    ----------
    input
        A tensor.
    dtype
        A dtype, or a name such as `"torch.FloatTensor"`.
    non_blocking
        Has no effect.

    Returns
    -------
    Tensor or str

    Raises
    ------
    TypeError
        If there is no such dtype.
    """
    if dtype is None:
        return input._kind()
    if isinstance(dtype, str):
        name = dtype.rpartition(".")[2]
        dtype = _LEGACY.get(name, name)
    return cast(input, numpy_dtype(dtype))


def _put_cast(name: str, kind: np.dtype[Any]) -> None:
    def converted(input: Any, memory_format: Any = None) -> Tensor:
        made: Tensor = cast(input, kind)
        return made

    converted.__name__ = converted.__qualname__ = name
    converted.__doc__ = f"The tensor in {kind.name}: itself if it has that dtype."
    METHODS[name] = converted


for _name, _kind in {
    "float": "float32", "double": "float64", "half": "float16", "int": "int32", "long": "int64",
    "short": "int16", "char": "int8", "byte": "uint8", "bool": "bool", "cfloat": "complex64",
    "cdouble": "complex128",
}.items():  # fmt: skip
    _put_cast(_name, np.dtype(_kind))

__all__ = ["DTYPES", "CloneBackward0", "cast", "device", "to", "type_", "type_as"]
