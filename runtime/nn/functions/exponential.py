"""Activations that are straight above zero and exponential below: `elu`, `selu`, `celu`."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...ops.kernels import fused, fused_values
from ...tape.node import Node
from ...tape.record import record
from ...tensor.tensor import Tensor
from .pointwise import applied, floats


@fused
def _elu_slope(g: Any, x: Any, alpha: Any, scale: Any, inside: Any) -> Any:
    below = (inside * alpha * scale) * np.exp(np.minimum(x, 0) * inside)
    return g * np.where(x <= 0, below, scale)


class EluBackward0(Node):
    """scale · x, or scale · alpha · (exp(inside · x) - 1) below zero; `static` is alpha, scale, inside."""

    __slots__ = ()

    def backward(self, g: Any, x: Any) -> Any:
        return (_elu_slope(g, x, *self.static),)


class EluBackward1(EluBackward0):
    """`EluBackward0` in place."""

    __slots__ = ()


class CeluBackward0(EluBackward0):
    """`EluBackward0` with alpha inside of the exponential too."""

    __slots__ = ()


class CeluBackward1(EluBackward0):
    """`CeluBackward0` in place."""

    __slots__ = ()


@fused_values
def _elu_values(a: Any, alpha: Any, scale: Any, inside: Any) -> Any:
    return np.where(a <= 0, np.expm1(np.minimum(a, 0) * inside) * (alpha * scale), a * scale)


def _elu(x: Tensor, alpha: float, scale: float, inside: float, node: type[Node]) -> Any:
    a = floats(x, "elu_cpu")
    result = _elu_values(a, alpha, scale, inside).astype(a.dtype, copy=False)
    return record(node, result, (x,), (x,), (alpha, scale, inside))


def elu(input: Any, alpha: float = 1.0, inplace: bool = False) -> Tensor:
    """The input above zero, `alpha * (exp(input) - 1)` below.

    Parameters
    ----------
    input
        A tensor.
    alpha
        Minus the limit at minus infinity.
    inplace
        Write the result to the input.

    Returns
    -------
    Tensor

    Examples
    --------
    >>> import pullback as pb
    >>> pb.nn.functional.elu(pb.tensor([-1.0, 2.0]))
    tensor([-0.6321,  2.0000])
    """
    return applied(_elu, input, inplace, alpha, 1.0, 1.0, EluBackward1 if inplace else EluBackward0)


def elu_(input: Any, alpha: float = 1.0) -> Tensor:
    """`elu` in place."""
    return elu(input, alpha, True)


_SELU = (1.6732632423543772848170429916717, 1.0507009873554804934193349852946, 1.0)


def selu(input: Any, inplace: bool = False) -> Tensor:
    """`elu`, scaled so that layers keep mean 0 and variance 1 (Klambauer et al., 2017).

    Parameters
    ----------
    input
        A tensor.
    inplace
        Write the result to the input.

    Returns
    -------
    Tensor

    Examples
    --------
    >>> import pullback as pb
    >>> pb.nn.functional.selu(pb.tensor([-1.0, 2.0]))
    tensor([-1.1113,  2.1014])
    """
    return applied(_elu, input, inplace, *_SELU, EluBackward1 if inplace else EluBackward0)


def selu_(input: Any) -> Tensor:
    """`selu` in place."""
    return selu(input, True)


def celu(input: Any, alpha: float = 1.0, inplace: bool = False) -> Tensor:
    """The input above zero, `alpha * (exp(input / alpha) - 1)` below.

    Parameters
    ----------
    input
        A tensor.
    alpha
        Minus the limit at minus infinity, not zero.
    inplace
        Write the result to the input.

    Returns
    -------
    Tensor

    Raises
    ------
    RuntimeError
        If `alpha` is zero.

    Examples
    --------
    >>> import pullback as pb
    >>> pb.nn.functional.celu(pb.tensor([-1.0, 2.0]))
    tensor([-0.6321,  2.0000])
    """
    if alpha == 0:
        raise RuntimeError("ZeroDivisionError: alpha cannot be 0 for CELU")
    return applied(_elu, input, inplace, alpha, 1.0, 1 / alpha, CeluBackward1 if inplace else CeluBackward0)


def celu_(input: Any, alpha: float = 1.0) -> Tensor:
    """`celu` in place."""
    return celu(input, alpha, True)
