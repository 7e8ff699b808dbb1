"""Questions about dtypes and objects: what operations give, what fits, what is a tensor."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..ops import promotion
from ..tape.node import Recorded
from ..tape.views import CATEGORY
from .dtypes import dtype, numpy_dtype
from .dtypes import of as dtype_of
from .table import function
from .tensor import Tensor, tensor_of


@function(method=False)
def result_type(tensor1: Any, tensor2: Any) -> dtype:
    """The dtype of an operation on two tensors or numbers.

    Parameters
    ----------
    tensor1, tensor2
        Tensors or numbers.

    Returns
    -------
    dtype

    Examples
    --------
    >>> import pullback as pb
    >>> pb.result_type(pb.tensor([1]), 1.5)
    pullback.float32
    """
    return dtype_of(
        promotion.result_type(*[v._a if isinstance(v, Recorded) else v for v in (tensor1, tensor2)])
    )


@function(method=False)
def promote_types(type1: Any, type2: Any) -> dtype:
    """The smallest dtype that both fit into.

    Parameters
    ----------
    type1, type2
        Dtypes.

    Returns
    -------
    dtype

    Examples
    --------
    >>> import pullback as pb
    >>> pb.promote_types(pb.int32, pb.float32)
    pullback.float32
    """
    return dtype_of(promotion.promote_types(numpy_dtype(type1), numpy_dtype(type2)))


@function(method=False)
def can_cast(from_: Any, to: Any) -> bool:
    """Whether a write may convert a dtype to another: not to a lower category.

    Parameters
    ----------
    from_, to
        Dtypes.

    Returns
    -------
    bool

    Examples
    --------
    >>> import pullback as pb
    >>> pb.can_cast(pb.int64, pb.float16), pb.can_cast(pb.float32, pb.int32)
    (True, False)
    """
    one, two = numpy_dtype(from_), numpy_dtype(to)
    return CATEGORY[one.kind] <= CATEGORY[two.kind]


@function(method=False)
def is_tensor(obj: Any) -> bool:
    """Whether an object is a tensor.

    Parameters
    ----------
    obj
        Any object.

    Returns
    -------
    bool

    Examples
    --------
    >>> import pullback as pb
    >>> pb.is_tensor(pb.ones(1))
    True
    """
    return isinstance(obj, Tensor)


@function(method=False)
def is_floating_point(input: Any) -> bool:
    """Whether a tensor holds floats.

    Parameters
    ----------
    input
        A tensor.

    Returns
    -------
    bool

    Examples
    --------
    >>> import pullback as pb
    >>> pb.is_floating_point(pb.ones(1))
    True
    """
    return tensor_of(input).is_floating_point()


@function(method=False)
def is_complex(input: Any) -> bool:
    """Whether a tensor holds complex numbers.

    Parameters
    ----------
    input
        A tensor.

    Returns
    -------
    bool

    Examples
    --------
    >>> import pullback as pb
    >>> pb.is_complex(pb.ones(1))
    False
    """
    return tensor_of(input).is_complex()


@function(method=False)
def is_nonzero(input: Any) -> bool:
    """Whether the one element of a tensor is not zero.

    Parameters
    ----------
    input
        A tensor.

    Returns
    -------
    bool

    Raises
    ------
    RuntimeError
        If it has none or several.

    Examples
    --------
    >>> import pullback as pb
    >>> pb.is_nonzero(pb.ones(1))
    True
    """
    return bool(tensor_of(input))


@function(method=False)
def numel(input: Any) -> int:
    """How many elements a tensor has.

    Parameters
    ----------
    input
        A tensor.

    Returns
    -------
    int

    Examples
    --------
    >>> import pullback as pb
    >>> pb.numel(pb.ones(2, 3))
    6
    """
    return tensor_of(input).numel()


class finfo:
    """The limits of a dtype of floats.

    Parameters
    ----------
    type
        A dtype; the default float without.

    Examples
    --------
    >>> import pullback as pb
    >>> pb.finfo(pb.float32).eps
    1.1920928955078125e-07
    """

    def __init__(self, type: Any = None) -> None:
        kind = promotion.DEFAULT["float"] if type is None else numpy_dtype(type)
        if kind.kind not in "fc":
            raise TypeError(
                f"torch.finfo() requires a floating point input type. Use torch.iinfo to handle '{kind}'"
            )
        limits = np.finfo(kind)
        self.bits, self.dtype = int(limits.bits), kind.name
        self.eps, self.max, self.min = float(limits.eps), float(limits.max), float(limits.min)
        self.tiny = self.smallest_normal = float(limits.tiny)
        self.resolution = float(limits.resolution)

    def __repr__(self) -> str:
        return (
            f"finfo(resolution={self.resolution:g}, min={self.min:g}, max={self.max:g}, eps={self.eps:g}, "
            f"smallest_normal={self.smallest_normal:g}, tiny={self.tiny:g}, dtype={self.dtype})"
        )


class iinfo:
    """The limits of a dtype of integers.

    Parameters
    ----------
    type
        A dtype.

    Examples
    --------
    >>> import pullback as pb
    >>> pb.iinfo(pb.int8).max
    127
    """

    def __init__(self, type: Any) -> None:
        kind = numpy_dtype(type)
        if kind.kind not in "iu":
            raise TypeError(
                f"torch.iinfo() requires an integer input type. Use torch.finfo to handle '{kind}'"
            )
        limits = np.iinfo(kind)
        self.bits, self.min, self.max, self.dtype = (
            int(limits.bits),
            int(limits.min),
            int(limits.max),
            kind.name,
        )

    def __repr__(self) -> str:
        return f"iinfo(min={self.min}, max={self.max}, dtype={self.dtype})"


for _limits in (finfo, iinfo):
    function(method=False)(_limits)
