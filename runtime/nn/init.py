"""Initial values of parameters, `pb.nn.init`: every function writes to its tensor and gives it."""

from __future__ import annotations

import math
import warnings
from typing import Any

import numpy as np

from ...compiler.later import special
from ..tape.views import written
from ..tensor.creation.distributions import check_deviation
from ..tensor.creation.random import source
from ..tensor.tensor import Tensor

_GAINS = {
    "linear": 1.0,
    "conv1d": 1.0,
    "conv2d": 1.0,
    "conv3d": 1.0,
    "conv_transpose1d": 1.0,
    "conv_transpose2d": 1.0,
    "conv_transpose3d": 1.0,
    "sigmoid": 1.0,
    "tanh": 5 / 3,
    "relu": math.sqrt(2),
    "selu": 3 / 4,
}


def calculate_gain(nonlinearity: str, param: Any = None) -> float:
    """By how much weights before a nonlinearity are to be larger.

    Parameters
    ----------
    nonlinearity
        "linear", "conv1d" …, "sigmoid", "tanh", "relu", "leaky_relu" or "selu".
    param
        The slope of "leaky_relu".

    Returns
    -------
    float

    Raises
    ------
    ValueError
        For another name.

    Examples
    --------
    >>> import pullback as pb
    >>> pb.nn.init.calculate_gain("tanh")
    1.6666666666666667
    """
    if nonlinearity == "leaky_relu":
        if param is not None and (isinstance(param, bool) or not isinstance(param, (int, float))):
            raise ValueError(f"negative_slope {param} not a valid number")
        slope = 0.01 if param is None else param
        return math.sqrt(2.0 / (1 + slope**2))
    if nonlinearity not in _GAINS:
        raise ValueError(f"Unsupported nonlinearity {nonlinearity}")
    return _GAINS[nonlinearity]


def _calculate_fan_in_and_fan_out(tensor: Tensor) -> tuple[int, int]:
    """How many numbers go into an output, and how many outputs a number goes into.

    Raises
    ------
    ValueError
        If the tensor has less than two axes.
    """
    shape = tensor._a.shape
    if len(shape) < 2:
        raise ValueError("Fan in and fan out can not be computed for tensor with fewer than 2 dimensions")
    field = math.prod(shape[2:])
    return shape[1] * field, shape[0] * field


def _filled(tensor: Tensor, values: Any) -> Tensor:
    """The tensor with these values, outside of the graph."""
    tensor._a[...] = values
    written(tensor)
    return tensor


def _even(tensor: Tensor, low: float, high: float, generator: Any) -> Tensor:
    _check_bounds(low, high)
    return _filled(tensor, source(generator).uniform(low, high, tensor._a.shape))


def _check_bounds(low: float, high: float) -> None:
    if low > high:
        raise RuntimeError(f"uniform_ expects to return a [from, to) range, but found from={low} > to={high}")


def _normal(tensor: Tensor, mean: float, std: float, generator: Any) -> Tensor:
    check_deviation(std)
    drawn = source(generator).standard_normal(tensor._a.shape)
    drawn *= std
    drawn += mean
    return _filled(tensor, drawn)


def uniform_(tensor: Tensor, a: float = 0.0, b: float = 1.0, generator: Any = None) -> Tensor:
    """Numbers evenly distributed between `a` and `b`.

    Raises
    ------
    RuntimeError
        If the bounds are in the wrong order.

    Examples
    --------
    >>> import pullback as pb
    >>> bool((pb.nn.init.uniform_(pb.empty(8), 2.0, 3.0) >= 2).all())
    True
    """
    return _even(tensor, a, b, generator)


def normal_(tensor: Tensor, mean: float = 0.0, std: float = 1.0, generator: Any = None) -> Tensor:
    """Normally distributed numbers.

    Raises
    ------
    RuntimeError
        If the deviation is negative.

    Examples
    --------
    >>> import pullback as pb
    >>> pb.nn.init.normal_(pb.empty(2), 5.0, 0.0)
    tensor([5., 5.])
    """
    return _normal(tensor, mean, std, generator)


def trunc_normal_(
    tensor: Tensor,
    mean: float = 0.0,
    std: float = 1.0,
    a: float = -2.0,
    b: float = 2.0,
    generator: Any = None,
) -> Tensor:
    """Normally distributed numbers, as if drawn again until they are between `a` and `b`.

    Raises
    ------
    RuntimeError
        If the bounds are in the wrong order.

    Examples
    --------
    >>> import pullback as pb
    >>> bool((pb.nn.init.trunc_normal_(pb.empty(8), a=-0.5, b=0.5).abs() <= 0.5).all())
    True
    """
    if mean < a - 2 * std or mean > b + 2 * std:
        warnings.warn(
            "mean is more than 2 std from [a, b] in nn.init.trunc_normal_. The distribution of values may be "
            "incorrect.",
            stacklevel=2,
        )
    _check_bounds(a, b)
    low, high = special.ndtr((a - mean) / std), special.ndtr((b - mean) / std)
    drawn = special.ndtri(source(generator).uniform(low, high, tensor._a.shape)) * std + mean
    return _filled(tensor, np.clip(drawn, a, b))


def constant_(tensor: Tensor, val: float) -> Tensor:
    """One number everywhere.

    Examples
    --------
    >>> import pullback as pb
    >>> pb.nn.init.constant_(pb.empty(2), 3.0)
    tensor([3., 3.])
    """
    return _filled(tensor, val)


def ones_(tensor: Tensor) -> Tensor:
    """Ones.

    Examples
    --------
    >>> import pullback as pb
    >>> pb.nn.init.ones_(pb.empty(2))
    tensor([1., 1.])
    """
    return _filled(tensor, 1)


def zeros_(tensor: Tensor) -> Tensor:
    """Zeros.

    Examples
    --------
    >>> import pullback as pb
    >>> pb.nn.init.zeros_(pb.empty(2))
    tensor([0., 0.])
    """
    return _filled(tensor, 0)


def eye_(tensor: Tensor) -> Tensor:
    """The identity matrix.

    Raises
    ------
    ValueError
        If it is no matrix.

    Examples
    --------
    >>> import pullback as pb
    >>> pb.nn.init.eye_(pb.empty(2, 2))
    tensor([[1., 0.],
            [0., 1.]])
    """
    if tensor._a.ndim != 2:
        raise ValueError("Only tensors with 2 dimensions are supported")
    return _filled(tensor, np.eye(*tensor._a.shape))


def dirac_(tensor: Tensor, groups: int = 1) -> Tensor:
    """Kernels of a convolution that hands its input through.

    Parameters
    ----------
    tensor
        Kernels with three to five axes.
    groups
        The groups of the convolution.

    Raises
    ------
    ValueError
        If there are other axes, or the groups do not divide the channels.

    Examples
    --------
    >>> import pullback as pb
    >>> pb.nn.init.dirac_(pb.empty(1, 1, 3))
    tensor([[[0., 1., 0.]]])
    """
    shape = tensor._a.shape
    if len(shape) not in (3, 4, 5):
        raise ValueError("Only tensors with 3, 4, or 5 dimensions are supported")
    if shape[0] % groups:
        raise ValueError("dim 0 must be divisible by groups")
    values = np.zeros(shape)
    each = shape[0] // groups
    middle = tuple(n // 2 for n in shape[2:])
    for group in range(groups):
        for d in range(min(each, shape[1])):
            values[(group * each + d, d, *middle)] = 1
    return _filled(tensor, values)


def xavier_uniform_(tensor: Tensor, gain: float = 1.0, generator: Any = None) -> Tensor:
    """Evenly distributed numbers whose variance fits both fans (Glorot and Bengio, 2010).

    Raises
    ------
    ValueError
        If there are less than two axes.

    Examples
    --------
    >>> import pullback as pb
    >>> bool((pb.nn.init.xavier_uniform_(pb.empty(3, 3)).abs() <= 1).all())
    True
    """
    ins, outs = _calculate_fan_in_and_fan_out(tensor)
    bound = math.sqrt(3.0) * gain * math.sqrt(2.0 / float(ins + outs))
    return _even(tensor, -bound, bound, generator)


def xavier_normal_(tensor: Tensor, gain: float = 1.0, generator: Any = None) -> Tensor:
    """Normally distributed numbers whose variance fits both fans (Glorot and Bengio, 2010).

    Raises
    ------
    ValueError
        If there are less than two axes.

    Examples
    --------
    >>> import pullback as pb
    >>> pb.nn.init.xavier_normal_(pb.empty(3, 5)).shape
    pullback.Size([3, 5])
    """
    ins, outs = _calculate_fan_in_and_fan_out(tensor)
    return _normal(tensor, 0.0, gain * math.sqrt(2.0 / float(ins + outs)), generator)


def _kaiming(tensor: Tensor, a: float, mode: str, nonlinearity: str) -> float:
    """The deviation of He initialisation.

    Raises
    ------
    ValueError
        If there are less than two axes, or the mode or the nonlinearity is another.
    """
    mode = mode.lower()
    if mode not in ("fan_in", "fan_out"):
        raise ValueError(f"Mode {mode} not supported, please use one of ['fan_in', 'fan_out']")
    fan = _calculate_fan_in_and_fan_out(tensor)[mode == "fan_out"]
    return calculate_gain(nonlinearity, a) / math.sqrt(fan)


def _empty(tensor: Tensor) -> bool:
    if 0 in tensor._a.shape:
        warnings.warn("Initializing zero-element tensors is a no-op", stacklevel=3)
        return True
    return False


def kaiming_uniform_(
    tensor: Tensor,
    a: float = 0,
    mode: str = "fan_in",
    nonlinearity: str = "leaky_relu",
    generator: Any = None,
) -> Tensor:
    """Evenly distributed numbers whose variance fits one fan (He et al., 2015).

    Parameters
    ----------
    tensor
        The weights.
    a
        The slope of "leaky_relu".
    mode
        "fan_in" or "fan_out".
    nonlinearity
        What follows.
    generator
        Where random numbers come from.

    Raises
    ------
    ValueError
        If there are less than two axes, or the mode or the nonlinearity is another.

    Examples
    --------
    >>> import pullback as pb
    >>> bool((pb.nn.init.kaiming_uniform_(pb.empty(3, 6)).abs() <= 1).all())
    True
    """
    if _empty(tensor):
        return tensor
    bound = math.sqrt(3.0) * _kaiming(tensor, a, mode, nonlinearity)
    return _even(tensor, -bound, bound, generator)


def kaiming_normal_(
    tensor: Tensor,
    a: float = 0,
    mode: str = "fan_in",
    nonlinearity: str = "leaky_relu",
    generator: Any = None,
) -> Tensor:
    """Normally distributed numbers whose variance fits one fan (He et al., 2015).

    Parameters
    ----------
    tensor
        The weights.
    a
        The slope of "leaky_relu".
    mode
        "fan_in" or "fan_out".
    nonlinearity
        What follows.
    generator
        Where random numbers come from.

    Raises
    ------
    ValueError
        If there are less than two axes, or the mode or the nonlinearity is another.

    Examples
    --------
    >>> import pullback as pb
    >>> pb.nn.init.kaiming_normal_(pb.empty(3, 6)).shape
    pullback.Size([3, 6])
    """
    if _empty(tensor):
        return tensor
    return _normal(tensor, 0.0, _kaiming(tensor, a, mode, nonlinearity), generator)


def orthogonal_(tensor: Tensor, gain: float = 1, generator: Any = None) -> Tensor:
    """A random orthogonal matrix, of rows of all other axes (Saxe et al., 2013).

    Raises
    ------
    ValueError
        If there are less than two axes.

    Examples
    --------
    >>> import pullback as pb
    >>> w = pb.nn.init.orthogonal_(pb.empty(2, 3))
    >>> pb.allclose(w @ w.T, pb.eye(2), atol=1e-5)
    True
    """
    if tensor._a.ndim < 2:
        raise ValueError("Only tensors with 2 or more dimensions are supported")
    if not tensor._a.size:
        return tensor
    rows = tensor._a.shape[0]
    columns = tensor._a.size // rows
    drawn = source(generator).standard_normal((max(rows, columns), min(rows, columns)))
    q, r = np.linalg.qr(drawn)
    q *= np.sign(np.diagonal(r))
    return _filled(tensor, gain * (q.T if rows < columns else q).reshape(tensor._a.shape))


def sparse_(tensor: Tensor, sparsity: float, std: float = 0.01, generator: Any = None) -> Tensor:
    """Normally distributed numbers of which a share in each column is zero.

    Raises
    ------
    ValueError
        If it is no matrix.

    Examples
    --------
    >>> import pullback as pb
    >>> (pb.nn.init.sparse_(pb.empty(4, 3), 0.5) == 0).sum(0)
    tensor([2, 2, 2])
    """
    if tensor._a.ndim != 2:
        raise ValueError("Only tensors with 2 dimensions are supported")
    rows, columns = tensor._a.shape
    rng = source(generator)
    drawn = rng.standard_normal((rows, columns)) * std
    for k in range(columns):
        drawn[rng.permutation(rows)[: math.ceil(sparsity * rows)], k] = 0
    return _filled(tensor, drawn)
