"""The logistic function and reciprocal roots, whose derivatives are written by their results."""

from __future__ import annotations

from typing import Any

import numpy as np

from ....compiler.later import special
from ...ops.kernels import Kernel, fused
from ...ops.pointwise import quiet, unary
from ...ops.promotion import as_float
from ...tape.node import Node
from ...tape.record import record
from ..table import METHODS, function, put
from ..tensor import Tensor, tensor_of
from .pointwise import QUICK, into


@fused
def _sigmoid_slope(g: Any, y: Any) -> Any:
    return g * (y * (1 - y))


class SigmoidBackward0(Node):
    """1 / (1 + exp(-x)), from its result."""

    __slots__ = ()
    saves_results = 1
    operands = False

    def backward(self, g: Any, y: Any) -> Any:
        if g.dtype.kind == "c":
            return (g * np.conj(y * (1 - y)),)
        return (_sigmoid_slope(g, y),)


class RsqrtBackward0(Node):
    """1 / sqrt(x), from its result."""

    __slots__ = ()
    saves_results = 1

    def backward(self, g: Any, y: Any) -> Any:
        slope = -0.5 * (y * y * y)
        return (g * (np.conj(slope) if g.dtype.kind == "c" else slope),)


def _expit(a: Any) -> Any:
    if a.size < 256 and a.dtype.itemsize > 2 and a.dtype.kind == "f":
        return special.expit(a)  # one call; NumPy's passes are faster over many elements
    return _logistic(a)


@quiet
def _exponential(a: Any) -> Any:
    r = np.exp(-a)
    r += 1
    return np.reciprocal(r) if r.dtype.kind == "f" else 1 / r


_logistic = Kernel(lambda x: 1.0 / (1.0 + np.exp(-x)), ("x",), _exponential)
_rsqrt = quiet(lambda a: 1 / np.sqrt(a))


@function(inplace=True)
def sigmoid(input: Any, *, out: Any = None) -> Tensor:
    """`1 / (1 + exp(-input))`.

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
    >>> pb.sigmoid(pb.tensor([0.0]))
    tensor([0.5000])
    """
    made: Tensor = QUICK["sigmoid"](tensor_of(input))
    return made if out is None else into(out, made)


put("special_expit", sigmoid, method=False)
METHODS["sigmoid"] = QUICK["sigmoid"] = unary(Tensor, "sigmoid", SigmoidBackward0, _expit, True)


@function(inplace=True)
def rsqrt(input: Any, *, out: Any = None) -> Tensor:
    """`1 / sqrt(input)`.

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
    >>> pb.rsqrt(pb.tensor([4.0]))
    tensor([0.5000])
    """
    x = tensor_of(input)
    return into(out, record(RsqrtBackward0, _rsqrt(as_float(x._a)), (x,)))
