"""`batch_norm`, `layer_norm`, `group_norm` and their kin."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ...ops import normalisation as kernels
from ...tape.node import Node, Recorded
from ...tape.record import record
from ...tape.views import written
from ...tensor.dtypes import Size
from ...tensor.tensor import Tensor
from .avg_pools import avg_pool1d
from .operands import refuse_gradient, tensor_of
from .padding import pad
from .pointwise import floats
from .sizes import lengths


class _Normalised(Node):
    """x over its deviation along axes, times weight, plus bias.

    `static` is how x is seen, along which axes, how the weight is seen, eps, and the shape of the bias.
    Means and deviations are saved for arrays; recorded derivatives compute them again, because they depend
    on x.
    """

    __slots__ = ()

    def backward(self, g: Any, x: Any, w: Any, mean: Any, scale: Any) -> Any:
        view, axes, seen, eps, flat = self.static
        shape = x.shape
        g, x = np.reshape(g, view), np.reshape(x, view)
        weight = None if w is None else np.reshape(w, seen)
        if isinstance(g, Recorded) or isinstance(x, Recorded):
            slope, unit = _recorded(g, x, weight, axes, eps)
        elif (found := kernels.cotangents(g, x, axes, weight, mean, scale, seen)) is not None:
            return (
                np.reshape(found[0], shape),
                np.reshape(found[1], w.shape) if self.wants(1) else None,
                np.reshape(found[2], flat) if self.wants(2) else None,
            )
        elif self.wants(0):
            slope, unit = kernels.slopes(g, x, axes, weight, mean, scale)
            unit *= scale
        else:
            slope, unit = None, (x - mean) * scale
        return (
            np.reshape(slope, shape) if self.wants(0) else None,
            np.reshape(_reduced(g * unit, seen), w.shape) if self.wants(1) else None,
            np.reshape(_reduced(g, seen), flat) if self.wants(2) else None,
        )


class NativeBatchNormBackward0(_Normalised):
    """Normalisation of channels over a batch."""

    __slots__ = ()


class NativeLayerNormBackward0(_Normalised):
    """Normalisation of rows."""

    __slots__ = ()


class NativeGroupNormBackward0(_Normalised):
    """Normalisation of groups of channels."""

    __slots__ = ()


def _recorded(g: Any, x: Any, weight: Any, axes: Any, eps: float) -> tuple[Any, Any]:
    centred = x - np.mean(x, axis=axes, keepdims=True)
    scale = (np.mean(centred * centred, axis=axes, keepdims=True) + eps) ** -0.5
    unit = centred * scale
    weighed = g if weight is None else g * weight
    slope = weighed - np.mean(weighed, axis=axes, keepdims=True)
    slope = (slope - unit * np.mean(weighed * unit, axis=axes, keepdims=True)) * scale
    return slope, unit


def _reduced(a: Any, seen: tuple[int, ...]) -> Any:
    """Sums over the axes along which a weight of this shape is broadcast."""
    full = (1,) * (len(a.shape) - len(seen)) + seen
    axes = tuple([k for k, n in enumerate(full) if n == 1])
    if isinstance(a, np.ndarray) and axes and axes[-1] == a.ndim - 1:
        return kernels.total(a, axes)
    return np.sum(a, axis=axes, keepdims=True)


def _normalised(
    node: type[Node], x: Tensor, weight: Any, bias: Any, view: Any, axes: Any, seen: Any, eps: float
) -> tuple[Any, Any, Any]:
    """The result, and the means and variances of x."""
    a = x._a.reshape(view)
    w = None if weight is None else weight._a.reshape(seen).astype(a.dtype, copy=False)
    b = None if bias is None else bias._a.reshape(seen).astype(a.dtype, copy=False)
    values, mean, variance = kernels.normalised(a, axes, w, b, eps)
    scale = 1 / np.sqrt(variance + a.dtype.type(eps))
    saved = (x, weight, mean, scale)
    flat = None if bias is None else bias._a.shape
    out = record(node, values.reshape(x._a.shape), (x, weight, bias), saved, (view, axes, seen, eps, flat))
    return out, mean, variance


class _Affine(Node):
    """Normalisation with fixed means and deviations; `static` is how x and the weight are seen."""

    __slots__ = ()

    def name(self) -> str:
        return "NativeBatchNormBackward0"

    def backward(self, g: Any, x: Any, w: Any, mean: Any, scale: Any) -> Any:
        view, seen = self.static
        g, rows = np.reshape(g, view), np.reshape(x, view)
        factor = scale if w is None else np.reshape(w, seen) * scale
        for_w: Any = None
        for_b: Any = None
        if self.wants(1) or self.wants(2):
            if isinstance(g, Recorded):
                for_b, for_w = _reduced(g, seen), _reduced(g * (rows - mean), seen) * scale
            else:
                one, two = kernels.sums(g, rows, mean)
                for_b, for_w = kernels.folded(one, seen), kernels.folded(two, seen) * scale
        return (
            np.reshape(g * factor, x.shape) if self.wants(0) else None,
            np.reshape(for_w, w.shape) if self.wants(1) else None,
            np.reshape(for_b, (-1,)) if self.wants(2) else None,
        )


_OPERANDS = ("running_mean", "running_var", "weight", "bias")


def _check_channels(x: Any, operands: tuple[Any, ...], training: bool) -> None:
    """Refuse `_OPERANDS` of other lengths than there are channels.

    Raises
    ------
    ValueError, RuntimeError
        If lengths do not fit, a channel has one value in training, moments are missing otherwise, or
        require a gradient.
    """
    channels = x.shape[1]
    if training and x.size <= channels:
        raise ValueError(
            f"Expected more than 1 value per channel when training, got input size {Size(x.shape)}"
        )
    for k, tensor in enumerate(operands):
        if tensor is None:
            if k < 2 and not training:
                raise RuntimeError(f"{_OPERANDS[k]} must be defined in evaluation mode")
        elif tensor._a.size != channels:
            raise RuntimeError(f"{_OPERANDS[k]} should contain {channels} elements not {tensor._a.size}")
        elif k < 2:
            refuse_gradient("native_batch_norm", _OPERANDS[k], tensor)


def _move(moving: Any, now: Any, momentum: float) -> None:
    """Let the moment of a batch into a moving one."""
    if moving is not None:
        moving._a *= 1 - momentum
        moving._a += momentum * now.reshape(-1).astype(moving._a.dtype)
        written(moving)


def _by_moving_moments(
    x: Tensor, mean: Any, variance: Any, weight: Any, bias: Any, view: Any, seen: Any, eps: float
) -> Any:
    """Batch normalisation in evaluation: the moments are constants."""
    a = x._a
    mean = mean._a.astype(a.dtype).reshape(seen)
    scale = 1 / np.sqrt(variance._a.astype(a.dtype).reshape(seen) + a.dtype.type(eps))
    factor = scale if weight is None else scale * weight._a.reshape(seen)
    values = kernels.scaled(a.reshape(view), mean, factor, None if bias is None else bias._a.reshape(seen))
    return record(_Affine, values.reshape(a.shape), (x, weight, bias), (x, weight, mean, scale), (view, seen))


def batch_norm(
    input: Any, running_mean: Any, running_var: Any, weight: Any = None, bias: Any = None,
    training: bool = False, momentum: float = 0.1, eps: float = 1e-5,
) -> Tensor:  # fmt: skip
    """Channels with mean 0 and variance 1 over a batch (Ioffe and Szegedy, 2015).

    Parameters
    ----------
    input
        (N, C) or (N, C, …).
    running_mean, running_var
        Moving means and variances: used unless `training`, updated if; or None.
    weight, bias
        A factor and a summand for each channel, or None.
    training
        Take the moments of this batch.
    momentum
        The share of this batch in the moving ones.
    eps
        Added to variances.

    Returns
    -------
    Tensor

    Raises
    ------
    ValueError, RuntimeError
        If a channel has one value in training, lengths do not fit, or moving moments require a gradient.

    Examples
    --------
    >>> import pullback as pb
    >>> pb.nn.functional.batch_norm(pb.tensor([[1.0], [3.0]]), None, None, training=True)
    tensor([[-1.0000],
            [ 1.0000]])
    """
    x = tensor_of(input)
    a = floats(x, "batch_norm")
    _check_channels(a, (running_mean, running_var, weight, bias), training)
    samples, channels, *rest = a.shape
    view, seen = (samples, channels, math.prod(rest)), (channels, 1)
    if not training:
        made: Tensor = _by_moving_moments(x, running_mean, running_var, weight, bias, view, seen, eps)
        return made
    made, mean, variance = _normalised(NativeBatchNormBackward0, x, weight, bias, view, (0, 2), seen, eps)
    count = a.size // channels
    _move(running_mean, mean, momentum)
    _move(running_var, variance * (count / (count - 1)), momentum)
    return made


def instance_norm(
    input: Any, running_mean: Any = None, running_var: Any = None, weight: Any = None, bias: Any = None,
    use_input_stats: bool = True, momentum: float = 0.1, eps: float = 1e-5,
) -> Tensor:  # fmt: skip
    """Channels of each sample with mean 0 and variance 1.

    Parameters
    ----------
    input
        (N, C, …).
    running_mean, running_var
        Moving means and variances, or None.
    weight, bias
        A factor and a summand for each channel, or None.
    use_input_stats
        Take the moments of the input rather than the moving ones.
    momentum
        The share of this input in the moving ones.
    eps
        Added to variances.

    Returns
    -------
    Tensor

    Raises
    ------
    ValueError
        If a channel of a sample has one value.

    Examples
    --------
    >>> import pullback as pb
    >>> pb.nn.functional.instance_norm(pb.tensor([[[1.0, 3.0]]]))
    tensor([[[-1.0000,  1.0000]]])
    """
    x = tensor_of(input)
    n, c, *rest = x._a.shape
    if not use_input_stats:
        return batch_norm(x, running_mean, running_var, weight, bias, False, momentum, eps)
    if math.prod(rest) <= 1:
        raise ValueError(
            f"Expected more than 1 spatial element when training, got input size {Size(x._a.shape)}"
        )
    w, b = (None if t is None else t.repeat(n) for t in (weight, bias))
    means, variances = (None if t is None else t.repeat(n) for t in (running_mean, running_var))
    flat = x.reshape(1, n * c, *rest)
    out = batch_norm(flat, means, variances, w, b, True, momentum, eps)
    for moving, now in ((running_mean, means), (running_var, variances)):
        if moving is not None and now is not None:
            moving._a[...] = now._a.reshape(n, c).mean(0)
            written(moving)
    made: Tensor = out.view(n, c, *rest)
    return made


def _last_axes(x: Any, normalized_shape: Any, parameters: dict[str, Any]) -> tuple[int, ...]:
    """The lengths of the axes that are normalised.

    Raises
    ------
    RuntimeError
        If the input does not end with them, or a parameter has another shape.
    """
    last = lengths(normalized_shape)
    if not last:
        raise RuntimeError(
            "Expected normalized_shape to be at least 1-dimensional, i.e., containing at least one "
            "element, but got normalized_shape = []"
        )
    if x.shape[x.ndim - len(last) :] != last or x.ndim < len(last):
        raise RuntimeError(
            f"Given normalized_shape={list(last)}, expected input with shape [*, "
            f"{', '.join(map(str, last))}], but got input of size{list(x.shape)}"
        )
    for name, tensor in parameters.items():
        if tensor is not None and tensor._a.shape != last:
            raise RuntimeError(
                f"Expected {name} to be of same shape as normalized_shape, but got {name} of shape "
                f"{list(tensor._a.shape)} and normalized_shape = {list(last)}"
            )
    return last


def layer_norm(
    input: Any, normalized_shape: Any, weight: Any = None, bias: Any = None, eps: float = 1e-5
) -> Tensor:
    """The last axes with mean 0 and variance 1 (Ba et al., 2016).

    Parameters
    ----------
    input
        A tensor.
    normalized_shape
        The lengths of the last axes.
    weight, bias
        Factors and summands of that shape, or None.
    eps
        Added to variances.

    Returns
    -------
    Tensor

    Raises
    ------
    RuntimeError
        If shapes do not fit.

    Examples
    --------
    >>> import pullback as pb
    >>> pb.nn.functional.layer_norm(pb.tensor([1.0, 3.0]), (2,))
    tensor([-1.0000,  1.0000])
    """
    x = tensor_of(input)
    a = floats(x, "LayerNormKernelImpl")
    last = _last_axes(a, normalized_shape, {"weight": weight, "bias": bias})
    size = math.prod(last)
    view = (math.prod(a.shape[: a.ndim - len(last)]), size)
    if not size:
        return x * 1
    made: Tensor = _normalised(NativeLayerNormBackward0, x, weight, bias, view, (1,), (size,), eps)[0]
    return made


def group_norm(
    input: Any, num_groups: int, weight: Any = None, bias: Any = None, eps: float = 1e-5
) -> Tensor:
    """Groups of channels of each sample with mean 0 and variance 1 (Wu and He, 2018).

    Parameters
    ----------
    input
        (N, C, …).
    num_groups
        Into how many groups the channels are divided.
    weight, bias
        A factor and a summand for each channel, or None.
    eps
        Added to variances.

    Returns
    -------
    Tensor

    Raises
    ------
    RuntimeError
        If the channels cannot be divided, or lengths do not fit.

    Examples
    --------
    >>> import pullback as pb
    >>> pb.nn.functional.group_norm(pb.tensor([[1.0, 3.0]]), 1)
    tensor([[-1.0000,  1.0000]])
    """
    x = tensor_of(input)
    a = floats(x, "GroupNormKernelImpl")
    if a.ndim < 2:
        raise RuntimeError(f"Expected at least 2 dimensions for input tensor but received {a.ndim}")
    channels = a.shape[1]
    if channels % num_groups:
        raise RuntimeError(
            "Expected number of channels in input to be divisible by num_groups, but got input of shape "
            f"{list(a.shape)} and num_groups={num_groups}"
        )
    for name, tensor in (("weight", weight), ("bias", bias)):
        if tensor is not None and tensor._a.shape != (channels,):
            raise RuntimeError(
                f"Expected {name} to be a vector of size equal to the number of channels in input, but got "
                f"{name} of shape {list(tensor._a.shape)} and input of shape {list(a.shape)}"
            )
    each = channels // num_groups
    view = (a.shape[0], num_groups, each, math.prod(a.shape[2:]))
    seen = (num_groups, each, 1)
    made: Tensor = _normalised(NativeGroupNormBackward0, x, weight, bias, view, (2, 3), seen, eps)[0]
    return made


def rms_norm(input: Any, normalized_shape: Any, weight: Any = None, eps: float | None = None) -> Tensor:
    """The last axes over the root of the mean of their squares.

    Parameters
    ----------
    input
        A tensor.
    normalized_shape
        The lengths of the last axes.
    weight
        Factors of that shape, or None.
    eps
        Added to the mean; the precision of the dtype without.

    Returns
    -------
    Tensor

    Raises
    ------
    RuntimeError
        If shapes do not fit.

    Examples
    --------
    >>> import pullback as pb
    >>> pb.nn.functional.rms_norm(pb.tensor([1.0, -1.0]), (2,))
    tensor([ 1., -1.])
    """
    x = tensor_of(input)
    last = _last_axes(x._a, normalized_shape, {"weight": weight})
    small = float(np.finfo(x._a.dtype).eps) if eps is None else eps
    out: Any = x * ((x * x).mean(tuple(range(-len(last), 0)), keepdim=True) + small).rsqrt()
    made: Tensor = out if weight is None else out * tensor_of(weight)
    return made


def local_response_norm(
    input: Any, size: int, alpha: float = 1e-4, beta: float = 0.75, k: float = 1.0
) -> Tensor:
    """The input over a power of the squares of neighbouring channels (Krizhevsky et al., 2012).

    Parameters
    ----------
    input
        (N, C, …).
    size
        How many channels are neighbours.
    alpha, beta, k
        The divisor is `(k + alpha * mean of squares) ** beta`.

    Returns
    -------
    Tensor

    Raises
    ------
    ValueError
        If there are less than three axes.

    Examples
    --------
    >>> import pullback as pb
    >>> pb.nn.functional.local_response_norm(pb.ones(1, 1, 1), 1, alpha=3.0, beta=0.5)
    tensor([[[0.5000]]])
    """
    x = tensor_of(input)
    if x._a.ndim < 3:
        raise ValueError(f"Expected 3D or higher dimensionality input (got {x._a.ndim} dimensions)")
    if not x._a.size:
        return x
    n, c, *rest = x._a.shape
    # Channels last, as the axis of a pool.
    squares = (x * x).reshape(n, c, math.prod(rest)).transpose(1, 2)
    means = avg_pool1d(pad(squares, (size // 2, (size - 1) // 2)), size, 1)
    divisor = (means.transpose(1, 2).reshape(n, c, *rest) * alpha + k) ** beta
    made: Tensor = x / divisor
    return made
