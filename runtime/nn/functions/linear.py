"""Linear maps, and embeddings, which are linear maps of unit vectors."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...tape.mode import mode
from ...tape.node import Node, Recorded, wrap
from ...tape.record import edge, like, record
from ...tape.views import written
from ...tensor.linalg.linear import MmBackward0
from ...tensor.tensor import Tensor
from .operands import tensor_of


class TBackward0(Node):
    """The transpose of a matrix."""

    __slots__ = ()

    def backward(self, g: Any) -> Any:
        whole = getattr(g, "base", None)
        if type(whole) is np.ndarray and whole.shape == g.shape[::-1] and whole.T.strides == g.strides:
            return (whole,)  # g is the transpose of what was computed: that itself, which nobody else has
        return (np.transpose(g),)


class AddmmBackward0(Node):
    """bias + x @ w."""

    __slots__ = ()

    def backward(self, g: Any, x: Any, w: Any) -> Any:
        return (
            g if self.wants(0) else None,
            np.matmul(g, w) if self.wants(1) else None,
            np.transpose(np.matmul(np.transpose(g), x)) if self.wants(2) else None,
        )


class LinearMmBackward0(Node):
    """x @ w."""

    __slots__ = ()

    def name(self) -> str:
        return MmBackward0.__name__

    def backward(self, g: Any, x: Any, w: Any) -> Any:
        return (
            np.matmul(g, w) if self.wants(0) else None,
            np.transpose(np.matmul(np.transpose(g), x)) if self.wants(1) else None,
        )


def _transposed_edge(w: Tensor) -> Any:
    """Where the cotangent of the transposed weight goes."""
    target = edge(w)
    if target is None or not mode.enabled:
        return None
    made = TBackward0((target,))
    made.shape, made.dtype = w._a.shape[::-1], w._a.dtype
    return made


def _matrices(x: Tensor, w: Tensor, bias: Any) -> Any:
    """x @ w.T + bias for a matrix x."""
    if x._a.dtype != w._a.dtype:
        one, two = (v._kind().removeprefix("torch.").removesuffix("Tensor") for v in (x, w))
        if bias is None:
            raise RuntimeError(
                f"expected m1 and m2 to have the same dtype, but got: {one.lower()} != {two.lower()}"
            )
        raise RuntimeError(f"mat1 and mat2 must have the same dtype, but got {one} and {two}")
    if x._a.shape[1] != w._a.shape[1]:
        raise RuntimeError(
            f"mat1 and mat2 shapes cannot be multiplied ({x._a.shape[0]}x{x._a.shape[1]} and "
            f"{w._a.shape[1]}x{w._a.shape[0]})"
        )
    result = np.dot(x._a, w._a.T)
    if bias is None:
        return _remember(LinearMmBackward0, result, (x,), x, w)
    if bias._a.shape not in ((w._a.shape[0],), (1,), ()):
        raise RuntimeError(
            f"The expanded size of the tensor ({w._a.shape[0]}) must match the existing size "
            f"({bias._a.shape[-1]}) at non-singleton dimension 1.  Target sizes: {list(result.shape)}.  "
            f"Tensor sizes: {list(bias._a.shape)}"
        )
    result += bias._a
    return _remember(AddmmBackward0, result, (bias, x), x, w)


def _remember(node: type[Node], result: Any, operands: tuple[Any, ...], x: Tensor, w: Tensor) -> Any:
    """The result of a product with the transpose of w, which is a node of its own."""
    through = _transposed_edge(w)
    out = record(node, result, operands if through is None else (*operands, w), (x, w))
    made = out._fn
    if made is not None:
        made.edges = (*made.edges[: len(operands)], through)
    return out


def linear(input: Any, weight: Any, bias: Any = None) -> Tensor:
    """`input @ weight.T + bias`.

    Parameters
    ----------
    input
        (…, in).
    weight
        (out, in), or (in).
    bias
        (out), or None.

    Returns
    -------
    Tensor

    Raises
    ------
    RuntimeError
        If shapes or dtypes do not fit.

    Examples
    --------
    >>> import pullback as pb
    >>> pb.nn.functional.linear(pb.ones(1, 2), pb.tensor([[1.0, 2.0]]), pb.tensor([0.5]))
    tensor([[3.5000]])
    """
    x, w = tensor_of(input), tensor_of(weight)
    if w._a.ndim == 1:
        if bias is not None:
            raise RuntimeError("mat2 must be a matrix, got 1-D tensor")
        vector: Tensor = x.matmul(w)
        return vector
    if w._a.ndim != 2:
        raise RuntimeError(f"linear(): weight must be a matrix or a vector, got {w._a.ndim}-D tensor")
    offset = None if bias is None else tensor_of(bias)
    if x._a.ndim == 2:
        made: Tensor = _matrices(x, w, offset)
        return made
    if x._a.ndim == 0:
        raise RuntimeError("both arguments to linear need to be at least 1D, but they are 0D and 2D")
    rows = x.reshape(int(np.prod(x._a.shape[:-1], dtype=int)), x._a.shape[-1])
    made = _matrices(rows, w, offset).view(*x._a.shape[:-1], w._a.shape[0])
    return made


def bilinear(input1: Any, input2: Any, weight: Any, bias: Any = None) -> Tensor:
    """`input1 @ weight[k] @ input2 + bias[k]` for each k.

    Parameters
    ----------
    input1, input2
        (…, n) and (…, m).
    weight
        (out, n, m).
    bias
        (out), or None.

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
    >>> pb.nn.functional.bilinear(pb.ones(1, 2), pb.ones(1, 3), pb.ones(1, 2, 3))
    tensor([[6.]])
    """
    x, z, w = tensor_of(input1), tensor_of(input2), tensor_of(weight)
    _check_bilinear(x._a.shape, z._a.shape, w._a.shape, None if bias is None else tensor_of(bias)._a.shape)
    out, n, m = w._a.shape
    mixed = x.matmul(w.permute(1, 0, 2).reshape(n, out * m)).reshape(*x._a.shape[:-1], out, m)
    made: Tensor = (mixed * z.unsqueeze(-2)).sum(-1)
    return made if bias is None else made + tensor_of(bias)


def _check_bilinear(x: Any, z: Any, w: Any, bias: Any) -> None:
    if len(x) != len(z):
        raise RuntimeError(f"bilinear(): input dimensions do not match: got {len(x)} and {len(z)}")
    for k, (n, m) in enumerate(zip(x[:-1], z[:-1], strict=True)):
        if n != m:
            raise RuntimeError(f"bilinear(): input batch dimensions do not match at dim {k}: got {n} and {m}")
    for name, shape, n in (("input1", x, w[1]), ("input2", z, w[2]), ("bias", bias, w[0])):
        if shape is not None and shape[-1] != n:
            raise RuntimeError(
                f"bilinear(): {name} size does not match weight size: got {shape[-1]} but expected {n}"
            )


# ---- embeddings
class EmbeddingBackward0(Node):
    """Rows of a matrix; `static` is its shape and the row that is not trained."""

    __slots__ = ()

    def backward(self, g: Any, rows: Any) -> Any:
        return (scattered(g, rows, *self.static),)


class EmbeddingDenseBackwardBackward0(Node):
    """Rows added up in a matrix: the derivative of an embedding."""

    __slots__ = ()

    def backward(self, g: Any, rows: Any) -> Any:
        padding = self.static[1]
        kept = looked_up(g, rows, padding) if isinstance(g, Recorded) else g[rows]
        if padding >= 0:
            kept = kept * like((rows != padding)[..., None], g)
        return (kept,)


def scattered(g: Any, rows: Any, shape: tuple[int, ...], padding: int) -> Any:
    """Cotangents of rows added up where the rows are in the matrix."""
    a = g._a if isinstance(g, Recorded) else g
    out = np.zeros(shape, a.dtype)
    flat, parts = rows.reshape(-1), a.reshape(-1, *shape[1:])
    if padding >= 0:
        keep = flat != padding
        flat, parts = flat[keep], parts[keep]
    # Sorted, rows that occur several times lie together and are added at the speed of memory.
    order = np.argsort(flat, kind="stable")
    if flat.size:
        places, starts = np.unique(flat[order], return_index=True)
        out[places] = np.add.reduceat(parts[order], starts, axis=0)
    if isinstance(g, Recorded):
        return record(EmbeddingDenseBackwardBackward0, out, (g,), (rows,), (shape, padding))
    return out


def looked_up(weight: Any, rows: Any, padding: int) -> Any:
    """Rows of a matrix."""
    return record(EmbeddingBackward0, weight._a[rows], (weight,), (rows,), (weight._a.shape, padding))


def embedding(
    input: Any, weight: Any, padding_idx: int | None = None, max_norm: float | None = None,
    norm_type: float = 2.0, scale_grad_by_freq: bool = False, sparse: bool = False,
) -> Tensor:  # fmt: skip
    """Rows of a matrix by their numbers.

    Parameters
    ----------
    input
        Integers.
    weight
        The matrix, (rows, length).
    padding_idx
        A row that gets no gradient.
    max_norm
        Rows that are looked up and longer are shortened first, in place.
    norm_type
        Which norm that is.
    scale_grad_by_freq, sparse
        Not supported.

    Returns
    -------
    Tensor

    Raises
    ------
    IndexError
        If there is no such row.
    RuntimeError
        If the input has other dtypes, or the weight is no matrix.

    Examples
    --------
    >>> import pullback as pb
    >>> pb.nn.functional.embedding(pb.tensor([1, 0]), pb.tensor([[1.0], [2.0]]))
    tensor([[2.],
            [1.]])
    """
    x, w = tensor_of(input), tensor_of(weight)
    if sparse or scale_grad_by_freq:
        raise NotImplementedError(
            "embedding: sparse=True and scale_grad_by_freq=True are not supported; gradients are dense"
        )
    if x._a.dtype not in (np.int64, np.int32):
        raise RuntimeError(
            "Expected tensor for argument #1 'indices' to have one of the following scalar types: Long, "
            f"Int; but got {x._kind()} instead (while checking arguments for embedding)"
        )
    if w._a.ndim != 2:
        raise RuntimeError("'weight' must be 2-D")
    count = w._a.shape[0]
    if padding_idx is not None and not -count <= padding_idx < count:
        raise AssertionError("Padding_idx must be within num_embeddings")
    padding = -1 if padding_idx is None else padding_idx % count
    rows = np.array(x._a, np.int64)
    if ((rows < 0) | (rows >= count)).any():
        raise IndexError("index out of range in self")
    if max_norm is not None:
        _shorten(w, rows, max_norm, norm_type)
    made: Tensor = looked_up(w, rows, padding)
    return made


def _shorten(w: Tensor, rows: Any, longest: float, order: float) -> None:
    """Scale rows that are too long, in place."""

    used = np.unique(rows)
    norms = np.linalg.norm(w._a[used], order, axis=1)
    far = norms > longest
    if far.any():
        w._a[used[far]] *= (longest / (norms[far] + 1e-7))[:, None].astype(w._a.dtype)
        written(w)


def one_hot(tensor: Any, num_classes: int = -1) -> Tensor:
    """A one at the place of each class, and zeros.

    Parameters
    ----------
    tensor
        Classes: integers of int64.
    num_classes
        How many there are; -1 for as many as are needed.

    Returns
    -------
    Tensor
        Of int64, with an axis more.

    Raises
    ------
    RuntimeError
        If a class does not exist, or the dtype is another.

    Examples
    --------
    >>> import pullback as pb
    >>> pb.nn.functional.one_hot(pb.tensor([0, 2]))
    tensor([[1, 0, 0],
            [0, 0, 1]])
    """

    classes = tensor_of(tensor)._a
    if classes.dtype != np.int64:
        raise RuntimeError("one_hot is only applicable to index tensor of type LongTensor.")
    if not classes.size and num_classes <= 0:
        raise RuntimeError("Can not infer total number of classes from empty tensor.")
    if classes.size and classes.min() < 0:
        raise RuntimeError("Class values must be non-negative.")
    if num_classes == -1:
        num_classes = int(classes.max()) + 1
    elif classes.size and classes.max() >= num_classes:
        raise RuntimeError("Class values must be smaller than num_classes.")
    made: Tensor = wrap(Tensor, (classes[..., None] == np.arange(num_classes)).astype(np.int64))
    return made
