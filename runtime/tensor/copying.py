"""Copies of tensors by the module `copy`: what shares memory before shares memory afterwards."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np

from ..tape.node import wrap
from .table import METHODS


def shallow(x: Any) -> Any:
    """`copy.copy`: another tensor with the same memory, a leaf."""
    out = wrap(type(x), x._a)
    out._r = x._r
    out._version_of = x._shared_version()
    if hasattr(x, "__dict__"):
        out.__dict__.update(x.__dict__)
    return out


def deep(x: Any, memo: dict[int, Any]) -> Any:
    """`copy.deepcopy`: of a leaf, with its gradient; views of the same memory stay that.

    Raises
    ------
    RuntimeError
        If the tensor is not a leaf.
    """
    known = memo.get(id(x))
    if known is not None:
        return known
    if x._fn is not None:
        raise RuntimeError(
            "Only Tensors created explicitly by the user (graph leaves) support the deepcopy protocol at the "
            "moment.  If you were attempting to deepcopy a module, this may be because of a "
            "torch.nn.utils.weight_norm usage"
        )
    out = wrap(type(x), _copied(x._a, memo))
    out._r = x._r
    memo[id(x)] = out
    if hasattr(x, "__dict__"):
        out.__dict__.update(copy.deepcopy(x.__dict__, memo))
    out._grad = copy.deepcopy(x._grad, memo)
    return out


def _copied(a: np.ndarray[Any, Any], memo: dict[int, Any]) -> np.ndarray[Any, Any]:
    """A copy of an array: the same part of a copy of the memory that it is part of."""
    whole: Any = a
    while isinstance(whole.base, np.ndarray):
        whole = whole.base
    if whole.base is not None or not whole.flags.forc:
        return a.copy(order="K")
    twin = memo.get(id(whole))
    if twin is None:
        twin = memo[id(whole)] = whole.copy(order="K")
    if a is whole:
        return twin
    start = a.__array_interface__["data"][0] - whole.__array_interface__["data"][0]
    flat = twin.ravel(order="K").view(np.uint8)
    return np.ndarray(a.shape, a.dtype, flat, start, a.strides)


METHODS["__copy__"] = shallow
METHODS["__deepcopy__"] = deep
