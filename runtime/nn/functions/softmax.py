"""`softmax` and its kin."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from ...ops import rows
from ...tape.node import Node, wrap
from ...tape.record import record
from ...tensor.creation.random import source
from ...tensor.dtypes import numpy_dtype, of
from ...tensor.tensor import Tensor, axis_of
from .operands import tensor_of
from .pointwise import floats


class SoftmaxBackward0(Node):
    """exp(x) over its sum along an axis, which `static` is; from its result."""

    __slots__ = ()
    saves_results = 1

    def backward(self, g: Any, y: Any) -> Any:
        return (rows.softmax_slope(g, y, self.static),)


class LogSoftmaxBackward0(Node):
    """The logarithm of the softmax along an axis, which `static` is; from its result."""

    __slots__ = ()
    saves_results = 1

    def backward(self, g: Any, y: Any) -> Any:
        return (rows.log_softmax_slope(g, y, self.static),)


def _axis(name: str, ndim: int) -> int:
    """The axis that old code meant, which gave none."""
    warnings.warn(
        f"Implicit dimension choice for {name} has been deprecated. Change the call to include dim=X as "
        "an argument.",
        UserWarning,
        stacklevel=4,
    )
    return 0 if ndim in (0, 1, 3) else 1


def _family(
    name: str, kernel: str, node: type[Node], compute: Any, input: Any, dim: int | None, dtype: Any
) -> Tensor:
    x = tensor_of(input)
    if dtype is not None and numpy_dtype(dtype) != x._a.dtype:
        x = x.to(of(numpy_dtype(dtype)))
    axis = axis_of(_axis(name, x._a.ndim) if dim is None else dim, x._a.ndim)
    a = floats(x, kernel)
    result = compute(a, axis) if a.ndim else compute(a.reshape(1), 0).reshape(())
    made: Tensor = record(node, result, (x,), None, axis if a.ndim else None)
    return made


def softmax(input: Any, dim: int | None = None, _stacklevel: int = 3, dtype: Any = None) -> Tensor:
    """`exp(input)` over its sum along an axis.

    Parameters
    ----------
    input
        A tensor.
    dim
        The axis.
    dtype
        The dtype to compute in.

    Returns
    -------
    Tensor

    Raises
    ------
    IndexError
        If there is no such axis.

    Examples
    --------
    >>> import pullback as pb
    >>> pb.nn.functional.softmax(pb.tensor([0.0, 0.0]), dim=0)
    tensor([0.5000, 0.5000])
    """
    return _family("softmax", "softmax_kernel_impl", SoftmaxBackward0, rows.softmax, input, dim, dtype)


def log_softmax(input: Any, dim: int | None = None, _stacklevel: int = 3, dtype: Any = None) -> Tensor:
    """The logarithm of `softmax`, computed without overflow.

    Parameters
    ----------
    input
        A tensor.
    dim
        The axis.
    dtype
        The dtype to compute in.

    Returns
    -------
    Tensor

    Raises
    ------
    IndexError
        If there is no such axis.

    Examples
    --------
    >>> import pullback as pb
    >>> pb.nn.functional.log_softmax(pb.tensor([0.0, 0.0]), dim=0)
    tensor([-0.6931, -0.6931])
    """
    node, compute = LogSoftmaxBackward0, rows.log_softmax
    return _family("log_softmax", "log_softmax_kernel_impl", node, compute, input, dim, dtype)


def softmin(input: Any, dim: int | None = None, _stacklevel: int = 3, dtype: Any = None) -> Tensor:
    """`softmax(-input)`.

    Parameters
    ----------
    input
        A tensor.
    dim
        The axis.
    dtype
        The dtype to compute in.

    Returns
    -------
    Tensor

    Raises
    ------
    IndexError
        If there is no such axis.

    Examples
    --------
    >>> import pullback as pb
    >>> pb.nn.functional.softmin(pb.tensor([0.0, 0.0]), dim=0)
    tensor([0.5000, 0.5000])
    """
    x = -tensor_of(input)
    return _family("softmin", "softmax_kernel_impl", SoftmaxBackward0, rows.softmax, x, dim, dtype)


def gumbel_softmax(
    logits: Any, tau: float = 1, hard: bool = False, eps: float = 1e-10, dim: int = -1
) -> Tensor:
    """A random draw from categories that has a derivative (Jang et al., 2017).

    Parameters
    ----------
    logits
        Logarithms of weights.
    tau
        The smaller, the nearer to a one and zeros.
    hard
        Give a one and zeros, with the derivative of the soft draw.
    eps
        Has no effect.
    dim
        The axis of the categories.

    Returns
    -------
    Tensor

    Examples
    --------
    >>> import pullback as pb
    >>> pb.nn.functional.gumbel_softmax(pb.zeros(3), hard=True).sum()
    tensor(1.)
    """
    x = tensor_of(logits)
    drawn = -np.log(source(None).standard_exponential(x._a.shape))
    soft = softmax((x + wrap(Tensor, drawn.astype(x._a.dtype))) / tau, dim)
    if not hard:
        return soft
    axis = axis_of(dim, soft._a.ndim)
    ones = np.zeros_like(soft._a)
    np.put_along_axis(ones, np.expand_dims(np.argmax(soft._a, axis), axis), 1, axis)
    made: Tensor = wrap(Tensor, ones) - soft.detach() + soft
    return made
