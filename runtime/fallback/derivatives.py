"""Derivatives of functions that run on the tape: what `pb.grad`, `pb.jvp`, `pb.hessian` … fall back to.

Each runs the function once. Forward derivatives are backward passes through a backward pass: the cotangents
of the arguments are linear in those of the results, u ↦ uᵀJ, so their derivative along v is Jv.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from ...compiler.call.dispatch import Places
from ...compiler.call.signature import Target
from ...compiler.errors import NoDerivativeError, UnsupportedError
from ..tape.mode import enable_grad
from ..tape.node import Recorded, wrap
from ..tape.record import edge
from ..tensor.tensor import Tensor
from .array import Array
from .code import raised_by_user as raised_by_user
from .recording import Recording, pull
from .trees import (
    by_leaf,
    by_result,
    cotangents_of,
    faced,
    leaves_of,
    plain,
    results_of,
    tangents_of,
    typed,
)  # fmt: skip

Inner = tuple[Places, bool] | None
"""The arguments of which a gradient is taken first, and whether they are a single one."""


def gradients(
    target: Target, params: Sequence[Any], chain: Sequence[Places], has_aux: bool
) -> tuple[Any, list[Any]]:
    """The value of a function, and its gradients for some of its arguments.

    Parameters
    ----------
    target
        The function.
    params
        A value for each of its parameters, *args as a tuple; they are not changed.
    chain
        What to differentiate: parameters, or items of *args. Of several the innermost come first: each is
        the gradient of the one before.
    has_aux
        Whether the function returns (value, auxiliary data).

    Returns
    -------
    value, gradients
        The value, with the auxiliary data if there is any; a gradient for each of the last places.

    Raises
    ------
    NoDerivativeError
        If the function does not return one real number, or an argument holds no floats.
    OverlapError
        If arguments share memory and the function writes to one of them.
    """
    made = Recording(target, params, _union(*chain), has_aux)
    for places in chain[:-1]:
        made.differentiate(places, single=True)
    made.number()
    one = [np.ones((), part.dtype) for part in map(_array, results_of(made.value))]
    found = made.gradients(one, chain[-1], record=made.nested)
    shown = _shown(made, made.value)
    return ((shown, _shown(made, made.aux)) if has_aux else shown), _outer(made, found)


def vjp(
    target: Target, params: Sequence[Any], places: Places, inner: Inner = None, has_aux: bool = False
) -> tuple[Any, Callable[[Any], list[Any]], Any]:
    """The value, the function from a cotangent of it to a gradient for each place, the auxiliary data."""
    made = _made(target, params, places, inner, has_aux)

    def vjp_fn(cotangent: Any) -> list[Any]:
        parts = list(cotangents_of(made.value, cotangent))
        record = made.nested or any(isinstance(part, Recorded) for part in parts)
        return _outer(made, made.gradients(parts, places, record=record))

    return _shown(made, made.value), vjp_fn, _shown(made, made.aux)


def hvp(target: Target, params: Sequence[Any], places: Places, vectors: Sequence[Any]) -> list[Any]:
    """The Hessian times a vector: for each place the gradient of the gradient along it."""
    made = _made(target, params, places, (places, False), False)
    moves = _tangents(made, places, vectors)
    return _outer(made, made.gradients(moves, places, record=made.nested))


def jvp(
    target: Target,
    params: Sequence[Any],
    places: Places,
    tangents: Sequence[Any],
    inner: Inner = None,
    has_aux: bool = False,
) -> tuple[Any, Any, Any]:
    """The value, its derivative along a tangent for each place, the auxiliary data."""
    made = _made(target, params, places, inner, has_aux)
    moves = _tangents(made, places, tangents)
    results, leaves = list(results_of(made.value)), made.leaves(places)
    push = _pusher(made, results, leaves)
    if push is not None:
        found = push(moves, made.nested)
    else:
        found = [_along(row, moves, result) for result, row in _rows(made, results, leaves)]
    parts = [_number_like(t, result) for t, result in zip(found, results, strict=True)]
    tangent = by_result(made.value, iter(parts))
    return _shown(made, made.value), _shown(made, tangent), _shown(made, made.aux)


def matrix(
    target: Target, params: Sequence[Any], places: Places, single: bool, inner: Inner, mode: str
) -> tuple[Any, str, int]:
    """A Jacobian, the direction of the sweeps ("forward", "reverse"), and how many there were.

    Parameters
    ----------
    target, params, places
        The function, a value for each of its parameters, what to differentiate.
    single
        Whether the places are a single one, so that blocks by argument are no tuples.
    inner
        As for a Hessian: the arguments of the gradient whose Jacobian it is.
    mode
        "reverse" makes rows, "forward" columns, "either" whichever are fewer.
    """
    made = _made(target, params, places, inner, False)
    results, leaves = list(results_of(made.value)), made.leaves(places)
    arrays = list(map(_array, results))
    if any(a.dtype.kind == "c" for a in arrays):
        raise NoDerivativeError(
            "a Jacobian of complex results", target.src, "return their np.real and np.imag"
        )
    rows, columns = sum(a.size for a in arrays), sum(leaf._a.size for leaf in leaves)
    push = None
    if mode == "forward" or (mode == "either" and columns < rows):
        push = _pusher(made, results, leaves)
    if push is not None:
        blocks = _columns(push, results, leaves, made.nested)
    else:
        blocks = [row for _, row in _rows(made, results, leaves)]
    trees = [_by_argument(made, places, single, iter(block)) for block in blocks]
    tree = by_result(made.value, iter(trees))
    chosen = ("reverse", rows) if push is None else ("forward", columns)
    return (_shown(made, tree) if made.nested else tree), *chosen


# ---- what they are made of
def _made(target: Target, params: Sequence[Any], places: Places, inner: Inner, has_aux: bool) -> Recording:
    if inner is None:
        return Recording(target, params, places, has_aux)
    made = Recording(target, params, _union(inner[0], places), has_aux)
    made.differentiate(*inner)
    return made


def _union(*chain: Places) -> Places:
    return tuple(dict.fromkeys([place for places in chain for place in places]))


def _array(value: Any) -> Any:
    return value._a if isinstance(value, Recorded) else np.asarray(value)


def _tangents(made: Recording, places: Places, tangents: Sequence[Any]) -> list[Any]:
    names = list(made.target.signature.parameters)
    return [
        part
        for place, tangent in zip(places, tangents, strict=True)
        for part in tangents_of(made.given[place], tangent, f"the tangent of '{names[place[0]]}'")
    ]


def _pusher(made: Recording, results: list[Any], leaves: list[Any]) -> Any:
    """A function from tangents of the leaves to those of the results; None if that cannot be recorded."""
    with enable_grad():
        dummies = [wrap(Array, np.zeros_like(_array(r))) for r in results]
        for dummy in dummies:
            dummy._r = True
        try:
            slopes = made.pulled(dummies, leaves, record=True)
        except UnsupportedError:  # a rule of the user's own, which gives arrays
            return None
        starts = [edge(slope) for slope in slopes]

    def push(moves: Sequence[Any], record: bool) -> list[Any]:
        pairs = [(start, t) for start, t in zip(starts, moves, strict=True) if start is not None]
        record = record or any(isinstance(t, Recorded) for t in moves)
        return pull(pairs, dummies, record=record)

    return push


def _rows(made: Recording, results: list[Any], leaves: list[Any]) -> list[tuple[Any, list[Any]]]:
    """For each result its derivatives by every leaf, of shape result.shape + leaf.shape."""
    found = []
    zeros = [np.zeros_like(_array(r)) for r in results]
    for k, result in enumerate(results):
        shape = zeros[k].shape
        rows = []
        for index in np.ndindex(shape):
            cotangents = list(zeros)
            cotangents[k] = zeros[k].copy()
            cotangents[k][index] = 1
            rows.append(made.pulled(cotangents, leaves, record=made.nested))
        found.append((result, [_stack([r[j] for r in rows], leaf, shape) for j, leaf in enumerate(leaves)]))
    return found


def _stack(rows: list[Any], leaf: Any, shape: tuple[int, ...]) -> Any:
    """Rows as one array, with the axes of the result first."""
    if not rows:
        return np.zeros(shape + leaf._a.shape, leaf._a.dtype)
    return np.reshape(np.stack(rows), shape + leaf._a.shape)


def _columns(push: Any, results: list[Any], leaves: list[Any], record: bool) -> list[list[Any]]:
    """As `_rows`, by one derivative along each element of a leaf."""
    blocks: list[list[Any]] = [[] for _ in results]
    zeros = [np.zeros_like(leaf._a) for leaf in leaves]
    for k, leaf in enumerate(leaves):
        columns = []
        for index in np.ndindex(leaf._a.shape):
            moves = list(zeros)
            moves[k] = zeros[k].copy()
            moves[k][index] = 1
            columns.append(push(moves, record))
        for i, result in enumerate(results):
            shape = _array(result).shape
            if columns:
                whole = np.stack([c[i] for c in columns], axis=len(shape))
                blocks[i].append(np.reshape(whole, shape + leaf._a.shape))
            else:
                blocks[i].append(np.zeros(shape + leaf._a.shape, _array(result).dtype))
    return blocks


def _along(row: list[Any], moves: list[Any], result: Any) -> Any:
    """The derivatives of a result by every leaf, along a tangent."""
    rank = _array(result).ndim
    return sum(
        np.tensordot(block, move, axes=block.ndim - rank) for block, move in zip(row, moves, strict=True)
    )


def _number_like(tangent: Any, result: Any) -> Any:
    """A tangent of the type of its result."""
    if isinstance(tangent, Recorded):
        return tangent
    shown, array = plain(result), np.asarray(tangent)
    if isinstance(shown, np.ndarray):
        return array
    return complex(array) if type(shown) is complex else typed(array, shown)


def _by_argument(made: Recording, places: Places, single: bool, blocks: Iterator[Any]) -> Any:
    """Matrices in the trees of the arguments; one without axes is a number."""
    numbers = map(_number, blocks)
    trees = [by_leaf(made.given[place], numbers) for place in places]
    return trees[0] if single else tuple(trees)


def _number(block: Any) -> Any:
    if isinstance(block, Recorded) or block.ndim:
        return block
    return float(block) if block.dtype == np.float64 else block.dtype.type(block)


def _shown(made: Recording, value: Any) -> Any:
    """A result as the user of this run gets it: plain, unless that is another run or has Tensors."""
    if not made.nested:
        return plain(value)
    return _outer(made, value)


def _outer(made: Recording, value: Any) -> Any:
    """Recorded values in the class that the caller computes with."""
    if not made.nested:
        return value
    given = [leaf for v in made.given.values() for leaf in leaves_of(v)]
    return faced(value, Tensor) if any(type(leaf) is Tensor for leaf in given) else value
