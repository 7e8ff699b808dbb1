"""Products of matrices added to something: `addmm` and its kin; products of several matrices, powers."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np

from ...tape.node import Node
from ...tape.record import record
from ..pointwise.pointwise import into
from ..table import function, put
from ..tensor import Tensor, tensor_of
from .linear import adjoint, conj, matmul, multiply


class AddmmBackward0(Node):
    """`beta c + alpha x @ z`; `static` is the two numbers."""

    __slots__ = ()

    def backward(self, g: Any, x: Any, z: Any) -> Any:
        beta, alpha = self.static
        scaled = g if alpha == 1 else g * alpha
        for_c = None if self.edges[0] is None else g if beta == 1 else g * beta
        return (for_c, *self.factors(scaled, x, z))

    def factors(self, g: Any, x: Any, z: Any) -> tuple[Any, Any]:
        """The cotangents of the factors."""
        return (
            np.matmul(g, adjoint(z)) if self.edges[1] is not None else None,
            np.matmul(adjoint(x), g) if self.edges[2] is not None else None,
        )


class BaddbmmBackward0(AddmmBackward0):
    """Products of stacks of matrices, added."""

    __slots__ = ()


class AddbmmBackward0(AddmmBackward0):
    """The sum of products of stacks of matrices, added."""

    __slots__ = ()


class AddmvBackward0(AddmmBackward0):
    """A product of a matrix and a vector, added."""

    __slots__ = ()

    def factors(self, g: Any, x: Any, z: Any) -> tuple[Any, Any]:
        """The cotangents of the factors."""
        return (
            np.expand_dims(g, 1) * conj(z) if self.edges[1] is not None else None,
            np.matmul(adjoint(x), g) if self.edges[2] is not None else None,
        )


class AddrBackward0(AddmmBackward0):
    """An outer product, added."""

    __slots__ = ()

    def factors(self, g: Any, x: Any, z: Any) -> tuple[Any, Any]:
        """The cotangents of the factors."""
        return (
            np.matmul(g, conj(z)) if self.edges[1] is not None else None,
            np.matmul(conj(x), g) if self.edges[2] is not None else None,
        )


def _outer(a: Any, b: Any) -> Any:
    return a[:, None] * b


# name: node, ranks of the factors, product of arrays, name of the arguments
_FAMILY: dict[str, tuple[Any, tuple[int, int], Any, tuple[str, str], str]] = {
    "addmm": (AddmmBackward0, (2, 2), multiply, ("mat1", "mat2"), "two matrices"),
    "addmv": (AddmvBackward0, (2, 1), multiply, ("mat", "vec"), "a matrix and a vector"),
    "addr": (AddrBackward0, (1, 1), _outer, ("vec1", "vec2"), "a column and a row"),
    "baddbmm": (BaddbmmBackward0, (3, 3), multiply, ("batch1", "batch2"), "each two matrices of stacks"),
    "addbmm": (AddbmmBackward0, (3, 3), lambda a, b: multiply(a, b).sum(0), ("batch1", "batch2"),
               "each two matrices of stacks, summed"),
}  # fmt: skip


def _fits(name: str, x: Any, z: Any, ranks: tuple[int, int], words: tuple[str, str]) -> None:
    for v, rank, word in zip((x, z), ranks, words, strict=True):
        if v.ndim != rank:
            raise RuntimeError(f"{name}: {word} must have {rank} dimensions, got {v.ndim}")
    if x.dtype != z.dtype:
        raise RuntimeError(f"{name}: expected factors of one dtype, but got {x.dtype} and {z.dtype}")
    if name == "addr" or x.shape[-1] == z.shape[-2 if z.ndim > 1 else 0]:
        return
    if name == "addmv":
        raise RuntimeError(
            f"size mismatch, got input ({x.shape[0]}), mat ({x.shape[0]}x{x.shape[1]}), vec ({z.shape[0]})"
        )
    one, two = ("x".join(map(str, v.shape[-2:])) for v in (x, z))
    raise RuntimeError(f"mat1 and mat2 shapes cannot be multiplied ({one} and {two})")


def _added(c: Any, product: Any, beta: Any, alpha: Any) -> Any:
    kind = product.dtype
    try:
        np.broadcast_to(c, product.shape)
    except ValueError:
        raise RuntimeError(
            f"The expanded size of the tensor ({product.shape[-1]}) must match the existing size "
            f"({c.shape[-1]}) at non-singleton dimension {product.ndim - 1}.  Target sizes: "
            f"{list(product.shape)}.  Tensor sizes: {list(c.shape)}"
        ) from None
    if alpha != 1:
        product = product * kind.type(alpha)
    if beta == 0:  # even NaN does not count
        return product
    return product + (c if beta == 1 else c * kind.type(beta))


def _declare(name: str) -> None:
    node, ranks, compute, words, what = _FAMILY[name]

    def combine(input: Any, one: Any, two: Any, beta: Any, alpha: Any, out: Any) -> Tensor:
        c, x, z = tensor_of(input), tensor_of(one), tensor_of(two)
        _fits(name, x._a, z._a, ranks, words)
        result = _added(c._a, compute(x._a, z._a), beta, alpha)
        return into(out, record(node, result, (c, x, z), (x, z), (beta, alpha)))

    code = (
        f"def {name}(input, {words[0]}, {words[1]}, *, beta=1, alpha=1, out=None):\n"
        f"    return combine(input, {words[0]}, {words[1]}, beta, alpha, out)"
    )
    made: dict[str, Any] = {"combine": combine}
    exec(code, made)  # so that the arguments have PyTorch's names
    function_ = made[name]
    shape = {1: "1", 2: "1, 1", 3: "1, 1, 1"}
    example = f"pb.ones(1), pb.ones({shape[ranks[0]]}), pb.ones({shape[ranks[1]]})"
    function_.__doc__ = f"""`beta * input` plus `alpha` times the product of {what}.

    Parameters
    ----------
    input
        A tensor that broadcasts to the product.
    {words[0]}, {words[1]}
        The factors.
    beta, alpha
        Numbers; with `beta=0`, what is in `input` does not count.
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
    >>> pb.{name}({example}, alpha=10).item()
    11.0
    """
    put(name, function_, inplace=True)


for _name in _FAMILY:
    _declare(_name)


def chain(matrices: list[Any]) -> Any:
    """The product of matrices in the order that takes the fewest multiplications."""
    sizes = [matrices[0]._a.shape[0], *[m._a.shape[1] for m in matrices]]
    n = len(matrices)
    cost = {(i, i): 0 for i in range(n)}
    cut: dict[tuple[int, int], int] = {}
    for length in range(1, n):
        for i in range(n - length):
            j = i + length
            options = [
                (cost[i, k] + cost[k + 1, j] + sizes[i] * sizes[k + 1] * sizes[j + 1], k) for k in range(i, j)
            ]
            cost[i, j], cut[i, j] = min(options)

    def product(i: int, j: int) -> Any:
        if i == j:
            return matrices[i]
        return matmul(product(i, cut[i, j]), product(cut[i, j] + 1, j))

    return product(0, n - 1)


@function("linalg_multi_dot", method=False)
def multi_dot(tensors: Any, *, out: Any = None) -> Tensor:
    """The product of several matrices, in the order that takes the fewest multiplications.

    Parameters
    ----------
    tensors
        Matrices; the first and the last may be vectors.
    out
        A tensor to write the result to.

    Returns
    -------
    Tensor

    Raises
    ------
    RuntimeError
        If there are less than two, or they do not fit.

    Examples
    --------
    >>> import pullback as pb
    >>> pb.linalg.multi_dot([pb.ones(2, 3), pb.ones(3, 1), pb.ones(1, 2)])
    tensor([[3., 3.],
            [3., 3.]])
    """
    items: list[Any] = [tensor_of(t) for t in tensors]
    if len(items) < 2:
        raise RuntimeError(f"multi_dot(): expected at least 2 tensors but got {len(items)}")
    first, last = items[0]._a.ndim == 1, items[-1]._a.ndim == 1
    if first:
        items[0] = np.expand_dims(items[0], 0)
    if last:
        items[-1] = np.expand_dims(items[-1], 1)
    for k, item in enumerate(items):
        if item._a.ndim != 2:
            raise RuntimeError(f"multi_dot(): tensor {k} must be 2D but got {item._a.ndim}D")
    for k, (x, z) in enumerate(itertools.pairwise(items)):
        if x._a.shape[1] != z._a.shape[0]:
            one, two = ("x".join(map(str, v._a.shape)) for v in (x, z))
            message = (
                f"multi_dot(): tensors {k} and {k + 1} with shapes [{one}] and [{two}] cannot be multiplied"
            )
            raise RuntimeError(message)
    made = chain(items)
    shape = made._a.shape[int(first) : 2 - int(last)]
    return into(out, made if shape == made._a.shape else np.reshape(made, shape))


@function(method=False)
def chain_matmul(*matrices: Any, out: Any = None) -> Tensor:
    """The product of several matrices, as `linalg.multi_dot`.

    Parameters
    ----------
    matrices
        Matrices.
    out
        A tensor to write the result to.

    Returns
    -------
    Tensor

    Raises
    ------
    RuntimeError
        If they do not fit.

    Examples
    --------
    >>> import pullback as pb
    >>> pb.chain_matmul(pb.ones(1, 2), pb.ones(2, 1)).item()
    2.0
    """
    items = [tensor_of(m) for m in matrices]
    return into(out, items[0] if len(items) == 1 else multi_dot(items))


@function("matrix_power", "linalg_matrix_power")
def matrix_power(input: Any, n: int, *, out: Any = None) -> Tensor:
    """A power of square matrices; negative ones are those of the inverse.

    Parameters
    ----------
    input
        A square matrix, or a stack of them.
    n
        The power.
    out
        A tensor to write the result to.

    Returns
    -------
    Tensor

    Raises
    ------
    RuntimeError
        If the matrices are not square, or singular and the power is negative.

    Examples
    --------
    >>> import pullback as pb
    >>> pb.matrix_power(pb.tensor([[1.0, 1.0], [0.0, 1.0]]), 3)
    tensor([[1., 3.],
            [0., 1.]])
    """
    from .linalg import square
    from .solving import inv

    x: Any = tensor_of(input)
    square("linalg.matrix_power", x._a)
    if n == 0:
        return into(out, x * 0 + np.eye(x._a.shape[-1], dtype=x._a.dtype))
    if n < 0:
        x, n = inv(x), -n
    made = None
    while n:
        if n & 1:
            made = x if made is None else matmul(made, x)
        n >>= 1
        if n:
            x = matmul(x, x)
    return into(out, made.clone() if made is input else made)
