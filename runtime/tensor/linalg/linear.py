"""Products of vectors and matrices.

The nodes have the names that PyTorch prints for the last step of each product; PyTorch's `matmul` folds
axes with more nodes where this one has a single node.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ...ops.pointwise import quiet
from ...ops.promotion import promote_types
from ...tape.node import Node, Recorded
from ...tape.record import record
from ..dtypes import of as dtype_of
from ..pointwise.pointwise import into
from ..reductions.reductions import title
from ..table import METHODS, function, put
from ..tensor import Tensor, tensor_of


def adjoint(x: Any) -> Any:
    """The conjugated transpose of matrices."""
    x = np.swapaxes(x, -1, -2)
    return np.conj(x) if x.dtype.kind == "c" else x


def conj(x: Any) -> Any:
    """The complex conjugate; real numbers as they are."""
    return np.conj(x) if x.dtype.kind == "c" else x


class MmBackward0(Node):
    """A product of two matrices."""

    __slots__ = ()

    def backward(self, g: Any, x: Any, z: Any) -> Any:
        return (
            np.matmul(g, adjoint(z)) if self.edges[0] is not None else None,
            np.matmul(adjoint(x), g) if self.edges[1] is not None else None,
        )


class BmmBackward0(MmBackward0):
    """Products of matrices, one by one."""

    __slots__ = ()


class UnsafeViewBackward0(Node):
    """Products of stacks of matrices, whose leading axes are broadcast."""

    __slots__ = ()

    def backward(self, g: Any, x: Any, z: Any) -> Any:
        for_x = for_z = None
        if self.edges[0] is not None:
            for_x = np.matmul(g, adjoint(z))
        if self.edges[1] is not None:
            if len(z.shape) == 2:  # one matrix for all: one product instead of a sum of products
                x, g = np.reshape(x, (-1, x.shape[-1])), np.reshape(g, (-1, g.shape[-1]))
            for_z = np.matmul(adjoint(x), g)
        return for_x, for_z


class MvBackward0(Node):
    """A product of a matrix (or a stack of matrices) and a vector."""

    __slots__ = ()

    def backward(self, g: Any, x: Any, z: Any) -> Any:
        for_x = for_z = None
        if self.edges[0] is not None:
            for_x = np.expand_dims(g, -1) * conj(z)
        if self.edges[1] is not None:
            rows = conj(np.reshape(x, (-1, x.shape[-1])))
            for_z = np.matmul(np.reshape(g, (-1,)), rows)
        return for_x, for_z


class SqueezeBackward4(Node):
    """A product of a vector and a matrix, or a stack of matrices."""

    __slots__ = ()

    def backward(self, g: Any, x: Any, z: Any) -> Any:
        for_x = for_z = None
        if self.edges[0] is not None:
            for_x = np.sum(np.matmul(conj(z), np.expand_dims(g, -1)), axis=tuple(range(len(z.shape) - 2)))
            for_x = np.squeeze(for_x, -1)
        if self.edges[1] is not None:
            for_z = np.expand_dims(conj(x), -1) * np.expand_dims(g, -2)
        return for_x, for_z


class DotBackward0(Node):
    """A product of two vectors."""

    __slots__ = ()

    def backward(self, g: Any, x: Any, z: Any) -> Any:
        return (
            g * conj(z) if self.edges[0] is not None else None,
            g * conj(x) if self.edges[1] is not None else None,
        )


class VdotBackward0(Node):
    """A product of two vectors, the first one conjugated."""

    __slots__ = ()

    def backward(self, g: Any, x: Any, z: Any) -> Any:
        return (
            conj(g) * z if self.edges[0] is not None else None,
            g * x if self.edges[1] is not None else None,
        )


_product = quiet(np.matmul)


def multiply(a: Any, b: Any) -> Any:
    """A product of arrays; halves are added up as floats."""
    if a.dtype.itemsize == 2 and a.dtype.kind == "f":
        return _product(a.astype(np.float32), b.astype(np.float32)).astype(np.float16)
    if 0 < a.ndim < 3 and 0 < b.ndim < 3:
        return a.dot(b)  # the same product, which asks less before it begins, and never warns
    return _product(a, b)


def pair(name: str, input: Any, other: Any, message: str = "") -> tuple[Tensor, Tensor]:
    """Two operands of a product, of one dtype: a NumPy array takes part in any dtype.

    Raises
    ------
    RuntimeError, TypeError
        If both are tensors and their dtypes differ.
    """
    if isinstance(input, Tensor) and isinstance(other, Tensor) and input._a.dtype is other._a.dtype:
        return input, other
    x, z = tensor_of(input), tensor_of(other)
    if x._a.dtype != z._a.dtype:
        if isinstance(input, Recorded) and isinstance(other, Recorded):
            one, two = (_C_NAMES.get(v._a.dtype.name, v._a.dtype.name) for v in (x, z))
            message = message or f"expected m1 and m2 to have the same dtype, but got: {one} != {two}"
            raise RuntimeError(message)
        kind = dtype_of(promote_types(x._a.dtype, z._a.dtype))
        x, z = x.to(kind), z.to(kind)
    return x, z


_C_NAMES = {
    "float32": "float", "float64": "double", "float16": "c10::Half", "int64": "long long", "int32": "int",
    "int16": "short", "int8": "signed char", "uint8": "unsigned char", "complex64": "c10::complex<float>",
    "complex128": "c10::complex<double>",
}  # fmt: skip


def _fits(a: Any, b: Any) -> None:
    """Refuse shapes that cannot be multiplied, with what PyTorch says."""
    if a.ndim == 0 or b.ndim == 0:
        raise RuntimeError(
            f"both arguments to matmul need to be at least 1D, but they are {a.ndim}D and {b.ndim}D"
        )
    lead, other = a.shape[:-2], b.shape[:-2]
    for n, m in zip(reversed(lead), reversed(other), strict=False):
        if n != m and 1 not in (n, m):
            rank = max(len(lead), len(other))
            one, two = ((1,) * (rank - len(s)) + s for s in (lead, other))
            axis = next(k for k in reversed(range(rank)) if one[k] != two[k] and 1 not in (one[k], two[k]))
            raise RuntimeError(
                f"The size of tensor a ({one[axis]}) must match the size of tensor b ({two[axis]}) at "
                f"non-singleton dimension {axis}"
            )
    inner = b.shape[-2] if b.ndim > 1 else b.shape[0]
    if a.shape[-1] == inner:
        return
    if a.ndim == 1 and b.ndim == 1:
        raise RuntimeError(_INCONSISTENT.format(a.size, b.size))
    if a.ndim >= 3 and b.ndim >= 3:
        batch = int(np.prod(np.broadcast_shapes(a.shape[:-2], b.shape[:-2])))
        raise RuntimeError(
            f"Expected size for first two dimensions of batch2 tensor to be: [{batch}, {a.shape[-1]}] but "
            f"got: [{batch}, {inner}]."
        )
    if b.ndim == 1:
        rows = int(np.prod(a.shape[:-1]))
        raise RuntimeError(f"size mismatch, got input ({rows}), mat ({rows}x{a.shape[-1]}), vec ({b.size})")
    left = (1, a.size) if a.ndim == 1 else (int(np.prod(a.shape[:-1])), a.shape[-1])
    right = (int(np.prod(b.shape[:-2])) * inner, b.shape[-1]) if a.ndim == 1 else b.shape[-2:]
    raise RuntimeError(f"mat1 and mat2 shapes cannot be multiplied ({_by(left)} and {_by(right)})")


_INCONSISTENT = (
    "inconsistent tensor size, expected tensor [{0}] and src [{1}] to have the same number of elements, but "
    "got {0} and {1} elements respectively"
)


def _by(shape: Any) -> str:
    return "x".join(map(str, shape))


_NODES: dict[tuple[int, int], type[Node]] = {
    (1, 1): DotBackward0, (2, 1): MvBackward0, (1, 2): SqueezeBackward4, (2, 2): MmBackward0,
}  # fmt: skip


def _node(left: int, right: int) -> type[Node]:
    """The node of a product of arrays with so many axes."""
    if right == 1:
        return MvBackward0
    return SqueezeBackward4 if left == 1 else UnsafeViewBackward0


@function()
def matmul(input: Any, other: Any, *, out: Any = None) -> Tensor:
    """The matrix product: of vectors, matrices, and stacks of matrices, whose leading axes are broadcast.

    Parameters
    ----------
    input, other
        Tensors with one axis or more.
    out
        A tensor to write the result to.

    Returns
    -------
    Tensor

    Raises
    ------
    RuntimeError
        If the shapes do not fit, or the dtypes differ.

    Examples
    --------
    >>> import pullback as pb
    >>> a = pb.tensor([[1.0, 2.0], [3.0, 4.0]])
    >>> a @ pb.tensor([1.0, 1.0])
    tensor([3., 7.])
    """
    x, z = pair("matmul", input, other)
    a, b = x._a, z._a
    try:
        result = multiply(a, b)
    except ValueError:
        _fits(a, b)
        raise
    node = _NODES.get((a.ndim, b.ndim)) or _node(a.ndim, b.ndim)
    made: Tensor = record(node, result, (x, z), (x, z))
    return made if out is None else into(out, made)


def _operator(x: Any, z: Any) -> Any:
    return matmul(x, z) if isinstance(z, (Recorded, np.ndarray)) else NotImplemented


def _reflected(x: Any, z: Any) -> Any:
    return matmul(z, x) if isinstance(z, (Recorded, np.ndarray)) else NotImplemented


put("linalg_matmul", matmul, method=False)
METHODS.update(__matmul__=_operator, __rmatmul__=_reflected, __imatmul__=_operator)


def _matrices(name: str, x: Any, z: Any, ranks: tuple[int, int], words: tuple[str, str]) -> None:
    for value, rank, word in zip((x, z), ranks, words, strict=True):
        if value._a.ndim != rank:
            raise RuntimeError(word)


@function()
def mm(input: Any, mat2: Any, *, out: Any = None) -> Tensor:
    """The product of two matrices.

    Parameters
    ----------
    input, mat2
        Matrices.
    out
        A tensor to write the result to.

    Returns
    -------
    Tensor

    Raises
    ------
    RuntimeError
        If they are no matrices, or do not fit.

    Examples
    --------
    >>> import pullback as pb
    >>> pb.mm(pb.tensor([[1.0, 2.0]]), pb.tensor([[3.0], [4.0]]))
    tensor([[11.]])
    """
    x, z = tensor_of(input), tensor_of(mat2)
    _matrices("mm", x, z, (2, 2), ("self must be a matrix", "mat2 must be a matrix"))
    return matmul(input, mat2, out=out)


@function()
def bmm(input: Any, mat2: Any, *, out: Any = None) -> Tensor:
    """Products of the matrices of two stacks, one by one.

    Parameters
    ----------
    input, mat2
        Stacks of as many matrices, of shapes (b, n, k) and (b, k, m).
    out
        A tensor to write the result to.

    Returns
    -------
    Tensor

    Raises
    ------
    RuntimeError
        If the shapes do not fit: nothing is broadcast.

    Examples
    --------
    >>> import pullback as pb
    >>> pb.bmm(pb.ones(2, 1, 3), pb.ones(2, 3, 1)).tolist()
    [[[3.0]], [[3.0]]]
    """
    x, z = pair("bmm", input, mat2)
    a, b = x._a, z._a
    _matrices("bmm", x, z, (3, 3), ("batch1 must be a 3D tensor", "batch2 must be a 3D tensor"))
    if a.shape[0] != b.shape[0] or a.shape[2] != b.shape[1]:
        raise RuntimeError(
            f"Expected size for first two dimensions of batch2 tensor to be: [{a.shape[0]}, {a.shape[2]}] "
            f"but got: [{b.shape[0]}, {b.shape[1]}]."
        )
    return into(out, record(BmmBackward0, multiply(a, b), (x, z), (x, z)))


@function()
def mv(input: Any, vec: Any, *, out: Any = None) -> Tensor:
    """The product of a matrix and a vector.

    Parameters
    ----------
    input
        A matrix.
    vec
        A vector.
    out
        A tensor to write the result to.

    Returns
    -------
    Tensor

    Raises
    ------
    RuntimeError
        If they are none, or do not fit.

    Examples
    --------
    >>> import pullback as pb
    >>> pb.mv(pb.eye(2), pb.tensor([1.0, 2.0]))
    tensor([1., 2.])
    """
    x, z = tensor_of(input), tensor_of(vec)
    if x._a.ndim != 2 or z._a.ndim != 1:
        raise RuntimeError(f"vector + matrix @ vector expected, got 1, {x._a.ndim}, {z._a.ndim}")
    return matmul(input, vec, out=out)


def _vectors(name: str, input: Any, other: Any) -> tuple[Tensor, Tensor]:
    x, z = tensor_of(input), tensor_of(other)
    if x._a.ndim != 1 or z._a.ndim != 1:
        raise RuntimeError(f"1D tensors expected, but got {x._a.ndim}D and {z._a.ndim}D tensors")
    message = f"{name} : expected both vectors to have same dtype, but found {title(x._a.dtype)} and "
    x, z = pair(name, input, other, message + title(z._a.dtype))
    if x._a.size != z._a.size:
        raise RuntimeError(_INCONSISTENT.format(x._a.size, z._a.size))
    return x, z


@function()
def dot(input: Any, tensor: Any, *, out: Any = None) -> Tensor:
    """The product of two vectors.

    Parameters
    ----------
    input, tensor
        Vectors of one length.
    out
        A tensor to write the result to.

    Returns
    -------
    Tensor

    Raises
    ------
    RuntimeError
        If they are none, or of different lengths or dtypes.

    Examples
    --------
    >>> import pullback as pb
    >>> pb.dot(pb.tensor([2, 3]), pb.tensor([2, 1]))
    tensor(7)
    """
    x, z = _vectors("dot", input, tensor)
    return into(out, record(DotBackward0, multiply(x._a, z._a), (x, z), (x, z)))


@function()
def vdot(input: Any, other: Any, *, out: Any = None) -> Tensor:
    """The product of two vectors, the first one conjugated.

    Parameters
    ----------
    input, other
        Vectors of one length.
    out
        A tensor to write the result to.

    Returns
    -------
    Tensor

    Raises
    ------
    RuntimeError
        If they are none, or of different lengths or dtypes.

    Examples
    --------
    >>> import pullback as pb
    >>> pb.vdot(pb.tensor([2.0, 3.0]), pb.tensor([2.0, 1.0]))
    tensor(7.)
    """
    x, z = _vectors("vdot", input, other)
    return into(out, record(VdotBackward0, multiply(conj(x._a), z._a), (x, z), (x, z)))
