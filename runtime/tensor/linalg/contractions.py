"""Sums of products over chosen axes: einsum, tensordot and their kin."""

from __future__ import annotations

import string
from typing import Any

import numpy as np

from ...ops.promotion import promoted
from ...tape.node import Node
from ...tape.record import record
from ..pointwise.pointwise import QUICK, into
from ..table import function
from ..tensor import Tensor, axis_of, tensor_of
from .linear import conj, matmul


class EinsumBackward0(Node):
    """A sum of products in which each index of an operand occurs in another one or in the result.

    `static` is the subscripts of the operands and of the result. The cotangent of an operand is such a sum
    again: its subscripts and those of the result change places.
    """

    __slots__ = ()

    def backward(self, g: Any, *operands: Any) -> Any:
        inputs, output = self.static
        found: list[Any] = []
        for k, subscripts in enumerate(inputs):
            if self.edges[k] is None:
                found.append(None)
                continue
            others = [conj(v) for j, v in enumerate(operands) if j != k]
            names = [s for j, s in enumerate(inputs) if j != k]
            found.append(np.einsum(f"{','.join([output, *names])}->{subscripts}", g, *others))
        return tuple(found)


def _parsed(equation: str, ranks: list[int]) -> tuple[list[str], str]:
    """Subscripts of the operands and of the result, without dots."""
    equation = equation.replace(" ", "")
    left, arrow, right = equation.partition("->")
    inputs = left.split(",")
    if len(inputs) != len(ranks):
        word = "more" if len(inputs) < len(ranks) else "fewer"
        raise RuntimeError(f"einsum(): {word} operands were provided than specified in the equation")
    for letter in equation.replace("->", "").replace("...", "").replace(",", ""):
        if letter not in string.ascii_letters:
            raise RuntimeError(f"einsum(): invalid subscript given at index {equation.index(letter)} in the "
                               "equation string, subscripts must be in [a-zA-Z]")  # fmt: skip
    spare = [c for c in string.ascii_letters if c not in equation]
    dots = [rank - len(s.replace("...", "")) for s, rank in zip(inputs, ranks, strict=True)]
    for k, (s, count) in enumerate(zip(inputs, dots, strict=True)):
        if count < 0 or (count and "..." not in s):
            raise RuntimeError(
                f"einsum(): the number of subscripts in the equation ({len(s.replace('...', ''))}) "
                f"{'is more than' if count < 0 else 'does not match'} the number of dimensions ({ranks[k]}) "
                f"for operand {k} and no ellipsis was given"
            )
    widest = max([n for s, n in zip(inputs, dots, strict=True) if "..." in s], default=0)
    letters = "".join(spare[:widest])
    inputs = [s.replace("...", letters[widest - n :]) for s, n in zip(inputs, dots, strict=True)]
    if arrow:
        output = right.replace("...", letters)
    else:
        joined = "".join(inputs)
        output = letters + "".join(
            sorted(c for c in set(joined) if joined.count(c) == 1 and c not in letters)
        )
    for c in output:
        if not any(c in s for s in inputs):
            raise RuntimeError(
                f"einsum(): output subscript {c} does not appear in the equation for any input operand"
            )
        if output.count(c) > 1:
            raise RuntimeError(f"einsum(): output subscript {c} appears more than once in the output")
    return inputs, output


def _lengths(inputs: list[str], shapes: list[Any]) -> dict[str, int]:
    """The length of each index; 1 gives way to another one."""
    lengths: dict[str, int] = {}
    for k, (s, shape) in enumerate(zip(inputs, shapes, strict=True)):
        for c, n in zip(s, shape, strict=True):
            known = lengths.get(c, 1)
            if n not in (known, 1) and known != 1:
                raise RuntimeError(
                    f"einsum(): subscript {c} has size {n} for operand {k} which does not broadcast with "
                    f"previously seen size {known}"
                )
            lengths[c] = n if known == 1 else known
    return lengths


def _simplified(x: Any, s: str, lengths: dict[str, int], kept: set[str]) -> tuple[Any, str]:
    """An operand without indices that occur twice in it, are of length 1 where others are longer, or occur
    nowhere else."""
    for c in dict.fromkeys(s):
        while s.count(c) > 1:
            first, second = s.index(c), s.rindex(c)
            x = np.diagonal(x, 0, first, second)
            s = s[:first] + s[first + 1 : second] + s[second + 1 :] + c
    single = [k for k, c in enumerate(s) if x._a.shape[k] == 1 and lengths[c] != 1]
    if single:
        x = np.reshape(x, [n for k, n in enumerate(x._a.shape) if k not in single])
        s = "".join(c for k, c in enumerate(s) if k not in single)
    alone = tuple(k for k, c in enumerate(s) if c not in kept)
    if alone:
        x = np.sum(x, axis=alone)
        s = "".join(c for c in s if c in kept)
    return x, s


@function(method=False)
def einsum(*args: Any) -> Tensor:
    """Sums of products of the elements of tensors, over indices that an equation names.

    Parameters
    ----------
    args
        An equation such as "ij,jk->ik" and the operands (also as one list); or each operand followed by its
        list of index numbers, and perhaps the list of the result.

    Returns
    -------
    Tensor

    Raises
    ------
    RuntimeError
        If the equation does not fit the operands.

    Examples
    --------
    >>> import pullback as pb
    >>> a = pb.tensor([[1.0, 2.0], [3.0, 4.0]])
    >>> pb.einsum("ij,j->i", a, pb.tensor([1.0, 1.0]))
    tensor([3., 7.])
    """
    equation, given = _equation(args)
    tensors = [tensor_of(v) for v in given]
    kinds = promoted(*[v._a for v in tensors])[0].dtype
    if any(v._a.dtype != kinds for v in tensors):
        raise RuntimeError("einsum(): expected operands of one dtype")
    inputs, output = _parsed(equation, [v._a.ndim for v in tensors])
    lengths = _lengths(inputs, [v._a.shape for v in tensors])
    operands, names = [], []
    for k, (x, s) in enumerate(zip(tensors, inputs, strict=True)):
        others = set("".join(q for j, q in enumerate(inputs) if j != k)) | set(output)
        x, s = _simplified(x, s, lengths, others)
        operands.append(x)
        names.append(s)
    if len(operands) == 1:  # what is left is an order of the axes
        alone: Any = operands[0]
        if names[0] != output:
            alone = np.transpose(alone, [names[0].index(c) for c in output])
        made: Tensor = alone.clone() if alone is tensors[0] else alone
        return made
    return contracted(operands, names, output)


def _equation(args: tuple[Any, ...]) -> tuple[str, list[Any]]:
    if not args:
        raise ValueError("einsum(): must specify the equation string and at least one operand")
    if isinstance(args[0], str):
        operands = args[1] if len(args) == 2 and isinstance(args[1], (list, tuple)) else args[1:]
        return args[0], list(operands)
    lists = [*args[1::2], *([args[-1]] if len(args) % 2 else [])]
    names = [
        "".join("..." if k is Ellipsis else string.ascii_letters[k] for k in numbers) for numbers in lists
    ]
    count = len(args) // 2
    equation = ",".join(names[:count]) + ("->" + names[-1] if len(args) % 2 else "")
    return equation, list(args[: 2 * count : 2])


def contracted(operands: list[Any], names: list[str], output: str) -> Tensor:
    """A sum of products of tensors, as one node."""
    equation = f"{','.join(names)}->{output}"
    arrays = [v._a for v in operands]
    many = len(arrays) > 1 and arrays[0].dtype.kind in "fc"
    result = np.einsum(equation, *arrays, optimize=many)
    saved = tuple(operands)
    made: Tensor = record(
        EinsumBackward0, np.asarray(result, order="C"), saved, saved, (tuple(names), output)
    )
    return made


@function(method=False)
def tensordot(a: Any, b: Any, dims: Any = 2, out: Any = None) -> Tensor:
    """The sum of products over the last axes of one tensor and the first of the other, or over given pairs.

    Parameters
    ----------
    a, b
        Tensors.
    dims
        How many axes; or a list of axes of `a` and one of those of `b`.
    out
        A tensor to write the result to.

    Returns
    -------
    Tensor

    Raises
    ------
    RuntimeError
        If lengths differ.

    Examples
    --------
    >>> import pullback as pb
    >>> pb.tensordot(pb.ones(2, 3), pb.ones(3, 2), dims=1)
    tensor([[3., 3.],
            [3., 3.]])
    """
    x, z = tensor_of(a), tensor_of(b)
    n, m = x._a.ndim, z._a.ndim
    if isinstance(dims, Tensor):
        dims = dims.tolist()
    if isinstance(dims, int):
        if dims < 0:
            raise RuntimeError(f"tensordot expects dims >= 0, but got dims={dims}")
        if dims > min(n, m):
            raise RuntimeError(f"tensordot expects dims < ndim_a or ndim_b, but got dims={dims}")
        one, two = list(range(n - dims, n)), list(range(dims))
    else:
        one, two = ([axis_of(int(k), r) for k in ks] for ks, r in zip(dims, (n, m), strict=True))
    for i, j in zip(one, two, strict=True):
        if x._a.shape[i] != z._a.shape[j]:
            raise RuntimeError(
                f"contracted dimensions need to match, but first has size {x._a.shape[i]} in dim {i - n} and "
                f"second has size {z._a.shape[j]} in dim {j}"
            )
    first = string.ascii_letters[:n]
    second = list(string.ascii_letters[n : n + m])
    for i, j in zip(one, two, strict=True):
        second[j] = first[i]
    summed = {first[i] for i in one}
    output = "".join(c for c in (*first, *second) if c not in summed)
    return into(out, contracted([x, z], [first, "".join(second)], output))


@function()
def inner(input: Any, other: Any, *, out: Any = None) -> Tensor:
    """The sum of products over the last axes of both.

    Parameters
    ----------
    input
        A tensor.
    other
        A tensor whose last axis is as long.
    out
        A tensor to write the result to.

    Returns
    -------
    Tensor

    Raises
    ------
    RuntimeError
        If the lengths differ.

    Examples
    --------
    >>> import pullback as pb
    >>> pb.inner(pb.tensor([1.0, 2.0]), pb.tensor([3.0, 4.0]))
    tensor(11.)
    """
    x, z = tensor_of(input), tensor_of(other)
    if x._a.ndim == 0 or z._a.ndim == 0:
        return into(out, QUICK["mul"](x, z))
    if x._a.shape[-1] != z._a.shape[-1]:
        raise RuntimeError(
            "inner() the last dimension must match on both input tensors but got shapes "
            f"{list(x._a.shape)} and {list(z._a.shape)}"
        )
    if x._a.ndim == z._a.ndim == 1:
        return matmul(x, z, out=out)
    return tensordot(x, z, ([-1], [-1]), out=out)


@function("outer", "ger")
def outer(input: Any, vec2: Any, *, out: Any = None) -> Tensor:
    """The products of all elements of one vector with all of another.

    Parameters
    ----------
    input, vec2
        Vectors.
    out
        A tensor to write the result to.

    Returns
    -------
    Tensor

    Raises
    ------
    RuntimeError
        If they are none.

    Examples
    --------
    >>> import pullback as pb
    >>> pb.outer(pb.tensor([1.0, 2.0]), pb.tensor([3.0, 4.0]))
    tensor([[3., 4.],
            [6., 8.]])
    """
    x, z = tensor_of(input), tensor_of(vec2)
    for name, v in (("self", x), ("vec2", z)):
        if v._a.ndim != 1:
            raise RuntimeError(f"outer: Expected 1-D argument {name}, but got {v._a.ndim}-D")
    return into(out, QUICK["mul"](np.expand_dims(x, 1), z))


@function()
def kron(input: Any, other: Any, *, out: Any = None) -> Tensor:
    """The Kronecker product: all products of the elements, in blocks.

    Parameters
    ----------
    input
        A tensor.
    other
        A tensor.
    out
        A tensor to write the result to.

    Returns
    -------
    Tensor

    Examples
    --------
    >>> import pullback as pb
    >>> pb.kron(pb.tensor([1.0, 2.0]), pb.tensor([1.0, 10.0]))
    tensor([ 1., 10.,  2., 20.])
    """
    x, z = tensor_of(input), tensor_of(other)
    rank = max(x._a.ndim, z._a.ndim)
    one, two = ((1,) * (rank - v._a.ndim) + v._a.shape for v in (x, z))
    spread = np.reshape(x, [k for n in one for k in (n, 1)])
    across = np.reshape(z, [k for n in two for k in (1, n)])
    shape = [n * m for n, m in zip(one, two, strict=True)]
    return into(out, np.reshape(QUICK["mul"](spread, across), shape))


@function("linalg_vecdot", method=False)
def vecdot(x: Any, y: Any, *, dim: int = -1, out: Any = None) -> Tensor:
    """Products of vectors along an axis, the first ones conjugated.

    Parameters
    ----------
    x, y
        Tensors that broadcast.
    dim
        An axis.
    out
        A tensor to write the result to.

    Returns
    -------
    Tensor

    Raises
    ------
    IndexError
        If there is no such axis.

    Examples
    --------
    >>> import pullback as pb
    >>> pb.linalg.vecdot(pb.tensor([[1.0, 2.0], [3.0, 4.0]]), pb.tensor([1.0, 1.0]))
    tensor([3., 7.])
    """
    one, two = tensor_of(x), tensor_of(y)
    return into(out, QUICK["mul"](conj(one), two).sum(dim))


class TraceBackward0(Node):
    """The sum of a diagonal; `static` is the shape."""

    __slots__ = ()

    def backward(self, g: Any) -> Any:
        return (g * np.eye(*self.static, dtype=self.dtype),)


@function()
def trace(input: Any) -> Tensor:
    """The sum of the diagonal of a matrix.

    Parameters
    ----------
    input
        A tensor.

    Returns
    -------
    Tensor

    Raises
    ------
    RuntimeError
        If it is no matrix.

    Examples
    --------
    >>> import pullback as pb
    >>> pb.trace(pb.tensor([[1.0, 2.0], [3.0, 4.0]]))
    tensor(5.)
    """
    x = tensor_of(input)
    if x._a.ndim != 2:
        raise RuntimeError(f"trace: expected a matrix, but got tensor with dim {x._a.ndim}")
    kind = np.dtype(np.int64) if x._a.dtype.kind in "biu" else x._a.dtype
    made: Tensor = record(TraceBackward0, np.trace(x._a, dtype=kind), (x,), None, x._a.shape)
    return made
