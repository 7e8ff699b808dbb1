"""Variances, standard deviations, covariances."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from ...ops.pointwise import quiet
from ...tape.node import Node
from ...tape.quiet import quietly
from ...tape.record import record, record_many
from ..pointwise.pointwise import into
from ..table import function
from ..tensor import Tensor, axes_of, tensor_of
from .reductions import counted, mean, restored

_TOO_FEW = (
    "{}(): degrees of freedom is <= 0. Correction should be strictly less than the reduction factor (input "
    "numel divided by output numel)."
)


def _slope(g: Any, x: Any, shape: Any, axes: Any, keepdim: bool, freedom: float) -> Any:
    """What a cotangent of variances sends to their elements."""
    deviation = x - np.mean(x, axis=axes, keepdims=True)
    return restored(g, shape, axes, keepdim) * deviation * (2 / freedom if freedom > 0 else np.nan)


class VarBackward0(Node):
    """Variances; `static` is what `_slope` needs."""

    __slots__ = ()

    def backward(self, g: Any, x: Any) -> Any:
        return (_slope(g, x, *self.static),)


class StdBackward0(Node):
    """Standard deviations; where they are zero, so is the derivative here."""

    __slots__ = ()
    saves_results = 1

    def backward(self, g: Any, x: Any, y: Any) -> Any:
        return (_slope(_of_root(g, y), x, *self.static),)


def _of_root(g: Any, y: Any) -> Any:
    flat = y == 0
    return np.where(flat, 0 * g, g / (2 * np.where(flat, 1 + 0 * y, y)))


class VarMeanBackward0(Node):
    """Variances and means."""

    __slots__ = ()

    def backward(self, g: Any, x: Any) -> Any:
        return (_with_mean(g[0], g[1], x, self.static),)


class StdMeanBackward0(Node):
    """Standard deviations and means."""

    __slots__ = ()
    saves_results = 1

    def backward(self, g: Any, x: Any, y: Any) -> Any:
        return (_with_mean(None if g[0] is None else _of_root(g[0], y), g[1], x, self.static),)


def _with_mean(for_variance: Any, for_mean: Any, x: Any, static: Any) -> Any:
    shape, axes, keepdim, _ = static
    total = None if for_variance is None else _slope(for_variance, x, *static)
    if for_mean is not None:
        part = restored(for_mean, shape, axes, keepdim) / counted(shape, axes)
        total = part if total is None else total + part
    return total


def _arguments(
    name: str, input: Any, dim: Any, args: tuple[Any, ...], unbiased: Any, correction: Any, keepdim: Any
) -> Any:
    """(x, axes, correction, keepdim) of the two signatures that each of these functions has."""
    x = tensor_of(input)
    if x._a.dtype.kind not in "fc":
        raise RuntimeError(f"{name} only support floating point and complex dtypes")
    if isinstance(dim, bool):
        dim, unbiased = None, dim
    if args:
        unbiased = args[0]
        keepdim = args[1] if len(args) > 1 else keepdim
    if unbiased is not None:
        correction = int(unbiased)
    elif correction is None:
        correction = 1
    return x, axes_of(dim, x._a.ndim) if x._a.ndim else None, correction, keepdim


_variance = quiet(lambda a, axes, keepdim, correction: _spread(a, axes, keepdim, correction))


def _spread(a: Any, axes: Any, keepdim: Any, correction: float) -> Any:
    """Variances, computed in float32 at least; NaN or infinite without degrees of freedom."""
    kind = a.real.dtype
    wide = a.astype(np.float32) if a.dtype.itemsize == 2 else a
    deviation = wide - (np.mean(wide, axis=axes, keepdims=True) if a.size else 0)
    squares = np.square(deviation) if a.dtype.kind != "c" else deviation.real**2 + deviation.imag**2
    freedom = np.float64(max(counted(a.shape, axes) - correction, 0))
    return np.asarray(np.sum(squares, axis=axes, keepdims=keepdim) / freedom).astype(kind)


def _both(name: str, given: Any) -> Any:
    """The variances, and what derivatives need."""
    x, axes, correction, keepdim = given
    a = x._a
    freedom = counted(a.shape, axes) - correction
    if freedom <= 0:
        warnings.warn(_TOO_FEW.format(name), UserWarning, stacklevel=3)
    return _variance(a, axes, keepdim, correction), (a.shape, axes, keepdim, freedom)


@function()
def var(
    input: Any,
    dim: Any = None,
    *args: Any,
    unbiased: bool | None = None,
    correction: float | None = None,
    keepdim: bool = False,
    out: Any = None,
) -> Tensor:
    """The variance of all elements or along axes.

    Parameters
    ----------
    input
        A tensor of floats or complex numbers.
    dim
        An axis, several, or None for all; a bool here is `unbiased`.
    args
        `unbiased` and `keepdim`, by position.
    unbiased
        True is `correction=1`, False 0.
    correction
        What to subtract from the number of elements to get the divisor; 1 without.
    keepdim
        Keep the axes with length 1.
    out
        A tensor to write the result to.

    Returns
    -------
    Tensor

    Raises
    ------
    IndexError, RuntimeError
        If there is no such axis, or the tensor holds integers.

    Examples
    --------
    >>> import pullback as pb
    >>> pb.var(pb.tensor([1.0, 2.0, 3.0]))
    tensor(1.)
    """
    given = _arguments("std and var", input, dim, args, unbiased, correction, keepdim)
    result, static = _both("var", given)
    return into(out, record(VarBackward0, result, (given[0],), (given[0],), static))


@function()
def std(
    input: Any,
    dim: Any = None,
    *args: Any,
    unbiased: bool | None = None,
    correction: float | None = None,
    keepdim: bool = False,
    out: Any = None,
) -> Tensor:
    """The standard deviation of all elements or along axes; its derivative is zero where it is zero.

    Parameters
    ----------
    input
        A tensor of floats or complex numbers.
    dim
        An axis, several, or None for all; a bool here is `unbiased`.
    args
        `unbiased` and `keepdim`, by position.
    unbiased
        True is `correction=1`, False 0.
    correction
        What to subtract from the number of elements to get the divisor; 1 without.
    keepdim
        Keep the axes with length 1.
    out
        A tensor to write the result to.

    Returns
    -------
    Tensor

    Raises
    ------
    IndexError, RuntimeError
        If there is no such axis, or the tensor holds integers.

    Examples
    --------
    >>> import pullback as pb
    >>> pb.std(pb.tensor([1.0, 2.0, 3.0]))
    tensor(1.)
    """
    given = _arguments("std and var", input, dim, args, unbiased, correction, keepdim)
    result, static = _both("std", given)
    return into(out, record(StdBackward0, np.sqrt(result), (given[0],), (given[0],), static))


def _and_mean(name: str, node: type[Node], root: bool, *arguments: Any) -> tuple[Tensor, Tensor]:
    """The variance, or its root, and the mean; `arguments` are those of `_arguments` after its name."""
    given = _arguments(name, *arguments)
    x, axes, _, keepdim = given
    result, static = _both(name, given)
    average = mean(x.detach(), axes, keepdim)._a
    pair: tuple[Tensor, Tensor] = record_many(
        node, (np.sqrt(result) if root else result, average), (x,), (x,), static
    )
    return pair


@function()
@quietly
def var_mean(
    input: Any,
    dim: Any = None,
    *args: Any,
    unbiased: bool | None = None,
    correction: float | None = None,
    keepdim: bool = False,
) -> tuple[Tensor, Tensor]:
    """The variance and the mean of all elements or along axes.

    Parameters
    ----------
    input
        A tensor of floats or complex numbers.
    dim
        An axis, several, or None for all; a bool here is `unbiased`.
    args
        `unbiased` and `keepdim`, by position.
    unbiased
        True is `correction=1`, False 0.
    correction
        What to subtract from the number of elements to get the divisor; 1 without.
    keepdim
        Keep the axes with length 1.

    Returns
    -------
    tuple of two Tensors

    Raises
    ------
    IndexError, RuntimeError
        If there is no such axis, or the tensor holds integers.

    Examples
    --------
    >>> import pullback as pb
    >>> pb.var_mean(pb.tensor([1.0, 2.0, 3.0]))
    (tensor(1.), tensor(2.))
    """
    given = (input, dim, args, unbiased, correction, keepdim)
    return _and_mean("var_mean", VarMeanBackward0, False, *given)


@function()
@quietly
def std_mean(
    input: Any,
    dim: Any = None,
    *args: Any,
    unbiased: bool | None = None,
    correction: float | None = None,
    keepdim: bool = False,
) -> tuple[Tensor, Tensor]:
    """The standard deviation and the mean of all elements or along axes.

    Parameters
    ----------
    input
        A tensor of floats or complex numbers.
    dim
        An axis, several, or None for all; a bool here is `unbiased`.
    args
        `unbiased` and `keepdim`, by position.
    unbiased
        True is `correction=1`, False 0.
    correction
        What to subtract from the number of elements to get the divisor; 1 without.
    keepdim
        Keep the axes with length 1.

    Returns
    -------
    tuple of two Tensors

    Raises
    ------
    IndexError, RuntimeError
        If there is no such axis, or the tensor holds integers.

    Examples
    --------
    >>> import pullback as pb
    >>> pb.std_mean(pb.tensor([1.0, 2.0, 3.0]))
    (tensor(1.), tensor(2.))
    """
    given = (input, dim, args, unbiased, correction, keepdim)
    return _and_mean("std_mean", StdMeanBackward0, True, *given)


@function()
def cov(input: Any, *, correction: int = 1, fweights: Any = None, aweights: Any = None) -> Tensor:
    """The covariance matrix of variables that are rows; the variance of a vector.

    Parameters
    ----------
    input
        A tensor.
    correction
        What to subtract from the number of observations to get the divisor.
    fweights
        How often each observation counts: integers.
    aweights
        The weight of each observation.

    Returns
    -------
    Tensor

    Raises
    ------
    RuntimeError
        If there are more than two axes, or weights do not fit.

    Examples
    --------
    >>> import pullback as pb
    >>> pb.cov(pb.tensor([[0.0, 1.0, 2.0], [2.0, 1.0, 0.0]]))
    tensor([[ 1., -1.],
            [-1.,  1.]])
    """
    x = tensor_of(input)
    if x._a.ndim > 2:
        raise RuntimeError(
            f"cov(): expected input to have two or fewer dimensions but got an input with {x._a.ndim} "
            "dimensions"
        )
    count = 1 if x._a.ndim == 0 else x._a.shape[-1]
    weights = _weights(fweights, aweights, count, x)
    rows: Any = np.reshape(x, (-1, count))
    total: Any = count if weights is None else weights.sum()
    averages = rows.mean(1, True) if weights is None else (rows * weights).sum(1, True) / total
    centred = rows - averages
    if weights is None or aweights is None or correction == 0:
        freedom = total - correction
    else:
        freedom = total - correction * (weights * tensor_of(aweights)).sum() / total
    number = freedom.item() if isinstance(freedom, Tensor) else freedom
    if number <= 0:
        message = "cov(): degrees of freedom is <= 0. Give a correction below the number of observations."
        warnings.warn(message, UserWarning, stacklevel=2)
        freedom = 0.0 * total
    weighed = centred if weights is None else centred * weights
    conjugated = np.conj(centred) if centred._a.dtype.kind == "c" else centred
    made = (weighed @ np.swapaxes(conjugated, 0, 1)) / freedom
    return made if x._a.ndim == 2 else made.reshape(())


def _weights(fweights: Any, aweights: Any, count: int, x: Tensor) -> Any:
    """The product of the weights of observations, or None."""
    total = None
    for name, given in (("fweights", fweights), ("aweights", aweights)):
        if given is None:
            continue
        w = tensor_of(given)
        if w._a.ndim > 1 or w._a.size != count:
            raise RuntimeError(f"cov(): expected {name} to have one dimension and a weight per observation")
        if w._a.size and w._a.min() < 0:
            raise RuntimeError(f"cov(): {name} cannot be negative")
        w = w.to(x.dtype)
        total = w if total is None else total * w
    return total


@function()
def corrcoef(input: Any) -> Tensor:
    """The correlation coefficients of variables that are rows.

    Parameters
    ----------
    input
        A tensor.

    Returns
    -------
    Tensor

    Raises
    ------
    RuntimeError
        If there are more than two axes.

    Examples
    --------
    >>> import pullback as pb
    >>> pb.corrcoef(pb.tensor([[0.0, 1.0, 2.0], [2.0, 1.0, 0.0]]))
    tensor([[ 1., -1.],
            [-1.,  1.]])
    """
    x = tensor_of(input)
    if x._a.ndim > 2:
        raise RuntimeError(
            f"corrcoef(): expected input to have two or fewer dimensions but got an input with {x._a.ndim} "
            "dimensions"
        )
    c: Any = cov(x)
    if c._a.ndim == 0:
        return c / c
    roots = np.sqrt(np.diagonal(c))
    made: Any = c / np.expand_dims(roots, 1) / np.expand_dims(roots, 0)
    return made if made._a.dtype.kind == "c" else made.clamp(-1, 1)
