"""`Parameter` and `Buffer`: tensors that a module takes for its own when they are assigned to it."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..ops import promotion
from ..tape.node import wrap
from ..tensor import namespace  # noqa: F401 (puts the methods on Tensor)
from ..tensor.tensor import Tensor


def _of(kind: type, data: Any) -> Any:
    """A tensor of class `kind` that shares the memory of `data`."""
    if data is None:
        return wrap(kind, np.empty(0, promotion.DEFAULT["float"]))
    if not isinstance(data, Tensor):
        raise TypeError(f"{kind.__name__} data has to be a Tensor, but got {type(data).__name__}")
    return wrap(kind, data._a)


class Parameter(Tensor):
    """A tensor that a module lists in `parameters()`, and that requires a gradient.

    Parameters
    ----------
    data
        A tensor, whose memory is shared.
    requires_grad
        Record operations on it.

    Examples
    --------
    >>> import pullback as pb
    >>> pb.nn.Parameter(pb.zeros(2))
    Parameter containing:
    tensor([0., 0.], requires_grad=True)
    """

    def __new__(cls, data: Any = None, requires_grad: bool = True) -> Any:
        made = _of(cls, data)
        if requires_grad:
            made.requires_grad_(True)
        return made

    def __repr__(self, **contents: Any) -> str:  # type: ignore[override]
        return "Parameter containing:\n" + super().__repr__()


class Buffer(Tensor):
    """A tensor that a module lists in `buffers()`: it belongs to its state and is not trained.

    Parameters
    ----------
    data
        A tensor, whose memory is shared.
    persistent
        Whether `state_dict` has it.

    Examples
    --------
    >>> import pullback as pb
    >>> module = pb.nn.Module()
    >>> module.mean = pb.nn.Buffer(pb.zeros(2))
    >>> list(module.state_dict())
    ['mean']
    """

    persistent: bool

    def __new__(cls, data: Any = None, *, persistent: bool = True) -> Any:
        made = _of(cls, data)
        made.persistent = persistent
        return made


Parameter.__module__ = "pullback.nn.parameter"  # as it is printed; where users find it
