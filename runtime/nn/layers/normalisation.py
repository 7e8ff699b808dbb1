"""Normalisations as modules."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...tape.node import wrap
from ...tape.views import written
from ...tensor.tensor import Tensor
from .. import functional as F
from .. import init
from ..functions.sizes import lengths
from ..module import Module
from ..parameter import Parameter
from .new import new


class _Affine(Module):
    """A normalisation with trained factors and summands, which begin with 1 and 0."""

    weight: Any
    bias: Any

    def _trained(self, shape: tuple[int, ...], affine: bool, bias: bool, device: Any, dtype: Any) -> None:
        self.register_parameter("weight", Parameter(new(shape, device, dtype)) if affine else None)
        self.register_parameter("bias", Parameter(new(shape, device, dtype)) if affine and bias else None)

    def reset_parameters(self) -> None:
        """Begin anew."""
        if self.weight is not None:
            init.ones_(self.weight)
        if self.bias is not None:
            init.zeros_(self.bias)


class _BatchNorm(_Affine):
    """Channels with mean 0 and variance 1 over a batch.

    Parameters
    ----------
    num_features
        How many channels.
    eps
        Added to variances.
    momentum
        The share of a batch in the moving moments; None for the mean of all batches.
    affine
        Whether there are a trained factor and a trained summand for each channel.
    track_running_stats
        Whether there are moving moments, for evaluation.
    device, dtype
        The CPU; the dtype of the parameters.
    bias
        Whether there is the summand.
    """

    _ranks: tuple[int, ...]
    _version = 2

    def __init__(
        self, num_features: int, eps: float = 1e-5, momentum: float | None = 0.1, affine: bool = True,
        track_running_stats: bool = True, device: Any = None, dtype: Any = None, *, bias: bool = True,
    ) -> None:  # fmt: skip
        super().__init__()
        self.num_features, self.eps, self.momentum = num_features, eps, momentum
        self.affine, self.track_running_stats = affine, track_running_stats
        shape = (num_features,)
        self._trained(shape, affine, bias, device, dtype)
        for name in ("running_mean", "running_var"):
            self.register_buffer(name, new(shape, device, dtype) if track_running_stats else None)
        counted = wrap(Tensor, np.zeros((), np.int64)) if track_running_stats else None
        self.register_buffer("num_batches_tracked", counted)
        self.reset_parameters()

    def reset_running_stats(self) -> None:
        """Forget the batches."""
        if self.track_running_stats:
            init.zeros_(self.running_mean)
            init.ones_(self.running_var)
            init.zeros_(self.num_batches_tracked)

    def reset_parameters(self) -> None:
        """Begin anew."""
        self.reset_running_stats()
        super().reset_parameters()

    def _optional(self, name: str) -> bool:
        return name == "num_batches_tracked"

    def _check_input(self, input: Any) -> None:
        if input.dim() not in self._ranks:
            wanted = " or ".join(f"{rank}D" for rank in self._ranks)
            raise ValueError(f"expected {wanted} input (got {input.dim()}D input)")

    def forward(self, input: Any) -> Any:
        self._check_input(input)
        share = 0.0 if self.momentum is None else self.momentum
        mean, variance = self.running_mean, self.running_var
        if self.training and self.num_batches_tracked is not None:
            counted = self.num_batches_tracked
            counted._a += 1
            written(counted)
            if self.momentum is None:
                share = 1.0 / float(counted._a)
        now = self.training or (mean is None and variance is None)
        if self.training and not self.track_running_stats:
            mean = variance = None
        return F.batch_norm(input, mean, variance, self.weight, self.bias, now, share, self.eps)

    def extra_repr(self) -> str:
        return (
            f"{self.num_features}, eps={self.eps}, momentum={self.momentum}, affine={self.affine}, "
            f"bias={self.bias is not None}, track_running_stats={self.track_running_stats}"
        )


class BatchNorm1d(_BatchNorm):
    """Batch normalisation of (N, C) or (N, C, L)."""

    _ranks = (2, 3)


class BatchNorm2d(_BatchNorm):
    """Batch normalisation of (N, C, H, W).

    Parameters
    ----------
    num_features
        How many channels.
    eps
        Added to variances.
    momentum
        The share of a batch in the moving moments; None for the mean of all batches.
    affine
        Whether there are a trained factor and a trained summand for each channel.
    track_running_stats
        Whether there are moving moments, for evaluation.
    device, dtype
        The CPU; the dtype of the parameters.
    bias
        Whether there is the summand.

    Examples
    --------
    >>> import pullback as pb
    >>> pb.nn.BatchNorm2d(1)(pb.tensor([[[[1.0, 3.0]]]]))
    tensor([[[[-1.0000,  1.0000]]]], grad_fn=<NativeBatchNormBackward0>)
    """

    _ranks = (4,)


class BatchNorm3d(_BatchNorm):
    """Batch normalisation of (N, C, D, H, W)."""

    _ranks = (5,)


class _InstanceNorm(_BatchNorm):
    """Channels of each sample with mean 0 and variance 1; parameters as those of batch normalisation."""

    def __init__(
        self, num_features: int, eps: float = 1e-5, momentum: float = 0.1, affine: bool = False,
        track_running_stats: bool = False, device: Any = None, dtype: Any = None, *, bias: bool = True,
    ) -> None:  # fmt: skip
        super().__init__(num_features, eps, momentum, affine, track_running_stats, device, dtype, bias=bias)

    def forward(self, input: Any) -> Any:
        self._check_input(input)
        batched = input if input.dim() == self._ranks[-1] else input.unsqueeze(0)
        now = self.training or not self.track_running_stats
        out = F.instance_norm(
            batched,
            self.running_mean,
            self.running_var,
            self.weight,
            self.bias,
            now,
            self.momentum or 0.0,
            self.eps,
        )
        return out if batched is input else out.squeeze(0)


class InstanceNorm1d(_InstanceNorm):
    """Instance normalisation of (N, C, L) or (C, L)."""

    _ranks = (2, 3)


class InstanceNorm2d(_InstanceNorm):
    """Instance normalisation of (N, C, H, W) or (C, H, W)."""

    _ranks = (3, 4)


class InstanceNorm3d(_InstanceNorm):
    """Instance normalisation of (N, C, D, H, W) or (C, D, H, W)."""

    _ranks = (4, 5)


class LayerNorm(_Affine):
    """The last axes with mean 0 and variance 1.

    Parameters
    ----------
    normalized_shape
        Their lengths, or the length of the last one.
    eps
        Added to variances.
    elementwise_affine
        Whether there are trained factors and summands.
    bias
        Whether there are the summands.
    device, dtype
        The CPU; the dtype of the parameters.

    Examples
    --------
    >>> import pullback as pb
    >>> pb.nn.LayerNorm(2)
    LayerNorm((2,), eps=1e-05, elementwise_affine=True, bias=True)
    """

    def __init__(
        self, normalized_shape: Any, eps: float = 1e-5, elementwise_affine: bool = True, bias: bool = True,
        device: Any = None, dtype: Any = None,
    ) -> None:  # fmt: skip
        super().__init__()
        self.normalized_shape = lengths(normalized_shape)
        self.eps, self.elementwise_affine = eps, elementwise_affine
        self._trained(self.normalized_shape, elementwise_affine, bias, device, dtype)
        self.reset_parameters()

    def forward(self, input: Any) -> Any:
        return F.layer_norm(input, self.normalized_shape, self.weight, self.bias, self.eps)

    def extra_repr(self) -> str:
        return (
            f"{self.normalized_shape}, eps={self.eps}, elementwise_affine={self.elementwise_affine}, "
            f"bias={self.bias is not None}"
        )


class RMSNorm(Module):
    """The last axes over the root of the mean of their squares."""

    def __init__(
        self, normalized_shape: Any, eps: float | None = None, elementwise_affine: bool = True,
        device: Any = None, dtype: Any = None,
    ) -> None:  # fmt: skip
        super().__init__()
        self.normalized_shape = lengths(normalized_shape)
        self.eps, self.elementwise_affine = eps, elementwise_affine
        made = Parameter(new(self.normalized_shape, device, dtype)) if elementwise_affine else None
        self.register_parameter("weight", made)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Begin anew."""
        if self.weight is not None:
            init.ones_(self.weight)

    def forward(self, input: Any) -> Any:
        return F.rms_norm(input, self.normalized_shape, self.weight, self.eps)

    def extra_repr(self) -> str:
        return f"{self.normalized_shape}, eps={self.eps}, elementwise_affine={self.elementwise_affine}"


class GroupNorm(_Affine):
    """Groups of channels of each sample with mean 0 and variance 1.

    Parameters
    ----------
    num_groups, num_channels
        Into how many groups how many channels are divided.
    eps
        Added to variances.
    affine
        Whether there are a trained factor and a trained summand for each channel.
    device, dtype
        The CPU; the dtype of the parameters.
    bias
        Whether there is the summand.

    Raises
    ------
    ValueError
        If the channels cannot be divided.
    """

    def __init__(
        self, num_groups: int, num_channels: int, eps: float = 1e-5, affine: bool = True, device: Any = None,
        dtype: Any = None, *, bias: bool = True,
    ) -> None:  # fmt: skip
        super().__init__()
        if num_channels % num_groups:
            raise ValueError(f"num_channels ({num_channels}) must be divisible by num_groups ({num_groups})")
        self.num_groups, self.num_channels, self.eps, self.affine = num_groups, num_channels, eps, affine
        self._trained((num_channels,), affine, bias, device, dtype)
        self.reset_parameters()

    def forward(self, input: Any) -> Any:
        return F.group_norm(input, self.num_groups, self.weight, self.bias, self.eps)

    def extra_repr(self) -> str:
        return (
            f"{self.num_groups}, {self.num_channels}, eps={self.eps}, affine={self.affine}, "
            f"bias={self.bias is not None}"
        )


class LocalResponseNorm(Module):
    """The input over a power of the squares of neighbouring channels."""

    def __init__(self, size: int, alpha: float = 1e-4, beta: float = 0.75, k: float = 1.0) -> None:
        super().__init__()
        self.size, self.alpha, self.beta, self.k = size, alpha, beta, k

    def forward(self, input: Any) -> Any:
        return F.local_response_norm(input, self.size, self.alpha, self.beta, self.k)

    def extra_repr(self) -> str:
        return f"{self.size}, alpha={self.alpha}, beta={self.beta}, k={self.k}"
