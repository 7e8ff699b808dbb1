"""What activations have in common: their checks, their in-place twins, and functions that NumPy lacks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ....compiler.prims.registry import PRIMS
from ...ops.kernels import Name
from ...ops.pointwise import quiet
from ...tape.node import Node, Recorded
from ...tape.record import record
from ...tape.views import write
from ...tensor.reductions.reductions import title
from ...tensor.tensor import Tensor
from .operands import tensor_of


def applied(operation: Any, input: Any, inplace: bool, *settings: Any) -> Tensor:
    """`operation(x, *settings)`, written to the input itself if `inplace`."""
    x = tensor_of(input)
    made: Any = write(x, operation, *settings) if inplace else operation(x, *settings)
    return made


def elementwise(node: type[Node], kernel: str, values: Callable[[Any], Any]) -> Callable[[Tensor], Any]:
    """An activation without settings: its node, how messages call it, and what it computes of an array."""

    def operation(x: Tensor) -> Any:
        return record(node, values(floats(x, kernel)), (x,), (x,))

    return operation


def floats(x: Tensor, kernel: str, kinds: str = "f") -> Any:
    """The array of a tensor of floats; with `kinds="fc"` also of complex numbers.

    Raises
    ------
    NotImplementedError
        If it has others: PyTorch's words, with the name of its kernel.
    """
    a = x._a
    if a.dtype.kind not in kinds:
        raise NotImplementedError(f"\"{kernel}\" not implemented for '{title(a.dtype)}'")
    return a


def comparable(a: Any) -> Any:
    """An array whose elements have an order.

    Raises
    ------
    NotImplementedError
        If it is complex.
    """
    if a.dtype.kind == "c":
        raise NotImplementedError("clamp is not supported for complex types")
    return a


def _expit(a: Any) -> Any:
    out = np.negative(a)
    np.exp(out, out=out)
    out += 1
    return np.reciprocal(out, out=out)


_sigmoid = quiet(_expit)
_erf = PRIMS["erf"].ref


def zero_where(mask: Any, g: Any) -> Any:
    """0 where a mask holds, g elsewhere, even if that is infinite or NaN there.

    Of arrays by their bits: `np.where` takes ten times as long where the mask is irregular.
    """
    if isinstance(g, (Recorded, Name)):
        chosen: Any = np.where
        return chosen(mask, 0, g)
    bits = np.asarray(mask).astype(f"i{g.dtype.itemsize}")
    bits -= 1
    bits &= np.asarray(g).view(bits.dtype)
    return bits.view(g.dtype)


def sigmoid_of(x: Any) -> Any:
    """1 / (1 + exp(-x)) of an array or a recorded value."""
    if isinstance(x, (Recorded, Name)):
        return x.sigmoid()  # type: ignore[union-attr]
    return _sigmoid(x) if np.ndim(x) else np.asarray(_sigmoid(np.atleast_1d(x)))[0]


def erf_of(x: Any) -> Any:
    """The error function of an array or a recorded value."""
    if isinstance(x, (Recorded, Name)):
        return x.erf()  # type: ignore[union-attr]
    return _erf(x).astype(x.dtype, copy=False)
