"""Places in the graph, as values."""

from __future__ import annotations

from typing import Any, NamedTuple

from ..tape.node import Node, node_of, output_of
from ..tape.views import written


class GradientEdge(NamedTuple):
    """Where the cotangent of a tensor goes: a node, and which of its results the tensor is."""

    node: Node
    output_nr: int


def get_gradient_edge(tensor: Any) -> GradientEdge:
    """Where the cotangent of a tensor goes.

    Parameters
    ----------
    tensor
        A tensor that requires a gradient.

    Returns
    -------
    GradientEdge

    Raises
    ------
    RuntimeError
        If it does not require a gradient.

    Examples
    --------
    >>> import pullback as pb
    >>> x = pb.ones(2, requires_grad=True)
    >>> pb.autograd.graph.get_gradient_edge(x.exp()).node.name()
    'ExpBackward0'
    """
    if not tensor.requires_grad:
        raise RuntimeError(
            "It is not possible to get the gradient edge for a Tensor that does not require gradients"
        )
    if tensor._fn is None:
        return GradientEdge(tensor._accumulator(), 0)
    return GradientEdge(node_of(tensor._fn), output_of(tensor._fn))


def increment_version(tensor: Any) -> None:
    """Note that the memory of a tensor has been written to where the tape could not see it.

    Parameters
    ----------
    tensor
        A tensor, or several.

    Examples
    --------
    >>> import pullback as pb
    >>> x = pb.ones(2)
    >>> x.numpy()[0] = 5.0
    >>> pb.autograd.graph.increment_version(x)
    >>> x._version
    1
    """
    for one in tensor if isinstance(tensor, (tuple, list)) else (tensor,):
        written(one)
