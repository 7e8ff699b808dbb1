"""Distances and similarities of vectors."""

from __future__ import annotations

from typing import Any

from ...tensor.pointwise.pointwise import into
from ...tensor.reductions.norms import NormBackward1, vector_norms
from ...tensor.tensor import Tensor
from .operands import tensor_of


def cosine_similarity(x1: Any, x2: Any, dim: int = 1, eps: float = 1e-8) -> Tensor:
    """The cosine of the angle between vectors.

    Parameters
    ----------
    x1, x2
        Tensors of vectors.
    dim
        The axis of their components.
    eps
        The smallest norm.

    Returns
    -------
    Tensor

    Examples
    --------
    >>> import pullback as pb
    >>> pb.nn.functional.cosine_similarity(pb.tensor([[3.0, 4.0]]), pb.tensor([[4.0, 3.0]]))
    tensor([0.9600])
    """
    x, z = tensor_of(x1), tensor_of(x2)
    one = x.norm(dim=dim, keepdim=True).clamp_min(eps)
    two = z.norm(dim=dim, keepdim=True).clamp_min(eps)
    made: Tensor = ((x / one) * (z / two)).sum(dim)
    return made


def pairwise_distance(x1: Any, x2: Any, p: float = 2.0, eps: float = 1e-6, keepdim: bool = False) -> Tensor:
    """The p-norm of `x1 - x2 + eps` along the last axis.

    Parameters
    ----------
    x1, x2
        Tensors of vectors.
    p
        Which norm.
    eps
        Added to differences.
    keepdim
        Keep the last axis with length 1.

    Returns
    -------
    Tensor

    Examples
    --------
    >>> import pullback as pb
    >>> pb.nn.functional.pairwise_distance(pb.tensor([[3.0, 4.0]]), pb.zeros(1, 2))
    tensor([5.0000])
    """
    return vector_norms(tensor_of(x1) - tensor_of(x2) + eps, p, -1, keepdim, NormBackward1)


def normalize(input: Any, p: float = 2.0, dim: Any = 1, eps: float = 1e-12, out: Any = None) -> Tensor:
    """The input over its p-norm along an axis.

    Parameters
    ----------
    input
        A tensor.
    p
        Which norm.
    dim
        The axis, or several.
    eps
        The smallest norm.
    out
        A tensor to write the result to.

    Returns
    -------
    Tensor

    Examples
    --------
    >>> import pullback as pb
    >>> pb.nn.functional.normalize(pb.tensor([[3.0, 4.0]]))
    tensor([[0.6000, 0.8000]])
    """

    x = tensor_of(input)
    made: Tensor = into(out, x / x.norm(p, dim, True).clamp_min(eps))
    return made
