"""Sums of products over named axes: np.einsum, and what is written with it.

    np.einsum("ij,jk,k->i", a, b, c)   →   t = Σj a[i, j] b[j, k]   →   Σk t[i, k] c[k]

Operands are contracted from left to right, each time summed over what is needed no more. The loops that
multiply matrices become calls of BLAS in `transform/products.py`, like loops of the user's own.
"""

from __future__ import annotations

import string
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from ..ir.build import Builder
from ..ir.nodes import Value
from ..prims.prim import cast
from .core import Ctx, as_array, fill, is_one, materialise, static, unify
from .elementwise import conj
from .linalg import product
from .matrices import diagonal_view
from .promotion import emit_loop, result_dtype
from .reduce import carried
from .registry import Sample, Samples, cube, lowers, mat, square_matrix, values, vec
from .shape import permute
from .value import AbstractValue, Arr, Index, Known, Num, Tup

LETTERS = set(string.ascii_letters)


@dataclass(frozen=True)
class Named:
    """An array and the names of its axes; a name that comes twice is a diagonal."""

    arr: Arr
    names: tuple[str, ...]

    def at(self, b: Builder, place: dict[str, Value]) -> Value:
        """The element at the indices of the names; axes of length 1 are stretched."""
        one = [b.const_of(n) == 1 for n in self.arr.shape]
        return self.arr.at(
            b, tuple(b.int(0) if s else place[n] for n, s in zip(self.names, one, strict=True))
        )


def contract(ctx: Ctx, operands: Sequence[Named], out: tuple[str, ...]) -> Arr | Num:
    """The sum of the products of operands over the names that the result does not have."""
    dtype = result_dtype(ctx, *[operand.arr for operand in operands])
    lengths = _lengths(ctx, operands)
    first, *rest = operands
    if not rest:
        if set(out) == set(first.names):
            return _view(ctx, first, out)
        return _sum_of_products(ctx, [first], out, lengths, dtype)
    while rest:
        second, *rest = rest
        later = set(out).union(*[operand.names for operand in rest])
        pair = [
            _alone(ctx, one, {*other.names, *later}, lengths)
            for one, other in ((first, second), (second, first))
        ]
        names = tuple(dict.fromkeys(n for n in (*pair[0].names, *pair[1].names) if n in later))
        names = names if rest else out
        made = _matrix_product(ctx, pair[0], pair[1], names) or _sum_of_products(
            ctx, pair, names, lengths, dtype
        )
        if not rest:
            return made
        first = Named(as_array(ctx, made), names)
    raise AssertionError("an operand is left")


def _view(ctx: Ctx, operand: Named, out: tuple[str, ...]) -> Arr:
    """The same memory with its axes in another order, of equal names the diagonal."""
    arr, names = operand.arr, list(operand.names)
    for name in out:
        while names.count(name) > 1:
            first = names.index(name)
            second = names.index(name, first + 1)
            arr = diagonal_view(ctx, arr, 0, (first, second))
            names = [*[n for k, n in enumerate(names) if k not in (first, second)], name]
    return permute(arr, tuple(names.index(name) for name in out))


def _lengths(ctx: Ctx, operands: Sequence[Named]) -> dict[str, Value]:
    lengths: dict[str, Value] = {}
    for operand in operands:
        for name, n in zip(operand.names, operand.arr.shape, strict=True):
            if name not in lengths or is_one(ctx, lengths[name]):
                lengths[name] = n
            elif not is_one(ctx, n):
                lengths[name] = unify(ctx, lengths[name], n, "np.einsum: the lengths of one name do not fit,")
    return lengths


def _alone(ctx: Ctx, operand: Named, needed: set[str], lengths: dict[str, Value]) -> Named:
    """Summed over names that nothing else has."""
    names = tuple(dict.fromkeys(n for n in operand.names if n in needed))
    if len(names) == len(set(operand.names)):
        return Named(operand.arr if operand.arr.cheap else materialise(ctx, operand.arr), operand.names)
    made = _sum_of_products(ctx, [operand], names, lengths, operand.arr.dtype)
    return Named(as_array(ctx, made), names)


def _matrix_product(ctx: Ctx, a: Named, c: Named, out: tuple[str, ...]) -> Arr | None:
    """The product of two matrices, or of a matrix and a vector, whatever the order of their axes."""
    shared = set(a.names) & set(c.names)
    ranks = sorted((a.arr.rank, c.arr.rank))
    plain = all(
        len(set(x.names)) == x.arr.rank and not any(is_one(ctx, n) for n in x.arr.shape) for x in (a, c)
    )
    if ranks not in ([1, 2], [2, 2]) or len(shared) != 1 or not plain or len(out) != sum(ranks) - 2:
        return None
    if shared & set(out):
        return None
    if a.arr.rank == 1 or (a.arr.rank == c.arr.rank and out[0] in c.names):
        a, c = c, a
    left = a.arr if a.names[1] in shared else permute(a.arr, (1, 0))
    right = c.arr if c.names[0] in shared else permute(c.arr, (1, 0))
    return as_array(ctx, product(ctx, left, right))


def _sum_of_products(
    ctx: Ctx, operands: Sequence[Named], out: tuple[str, ...], lengths: dict[str, Value], dtype: str
) -> Arr | Num:
    inner = tuple(dict.fromkeys(n for operand in operands for n in operand.names if n not in out))

    def element(outer: Index) -> Value:
        fixed = dict(zip(out, outer, strict=True))

        def term(b: Builder, index: Index) -> Value:
            place = {**fixed, **dict(zip(inner, index, strict=True))}
            value, *more = [cast(b, operand.at(b, place), dtype) for operand in operands]
            for factor in more:
                value = emit_loop(b, "mul", [value, factor], dtype)
            return value

        if not inner:
            return term(ctx.b, ())
        shape = [lengths[n] for n in inner]
        zero = ctx.b.const(0, dtype)
        return carried(ctx, shape, zero, lambda b, c, i: emit_loop(b, "add", [c, term(b, i)], dtype))

    if not out:
        return Num(element(()))
    return fill(ctx, ctx.fresh([lengths[n] for n in out], dtype), lambda b, outer: element(outer))


# -- einsum
_EINSUMS = lambda: [  # noqa: E731
    Sample("ij,jk->ik", mat(), values(4, 2)), Sample("ij,kj", mat(), values(2, 4)),
    Sample("ij,ij->", mat(), mat(5)), Sample("ijk,ilk->jl", cube(), cube(5)),
    Sample("i,j->ji", vec(), vec(2)),
    Sample("ii", square_matrix()), Sample("ii->i", square_matrix()), Sample("iji->ji", cube()[:, :, :2]),
    Sample("ijk->ki", cube()), Sample("ij,kj->ki", mat(), values(2, 4)), Sample("j,ij->i", values(4), mat()),
    Sample("ij,ik->jk", mat(), mat(5)),
    Sample("...ij,jk->...ik", cube(), values(4, 2)), Sample("b...,b...", values(2, 3), values(2, 3, seed=9)),
    Sample("ij, jk, k -> i", mat(), values(4, 2), values(2)), Sample("ij,k->i", mat(), vec()),
    Sample("ij,ij->ij", mat(), values(1, 4)), Sample("i,i->", np.arange(3), np.arange(3)),
    Sample("ij,jk->ik", mat().astype("float32"), values(4, 2).astype("float32")),
    Sample("ij,j->i", mat() + 1j, values(4), optimize=True),
]  # fmt: skip


@lowers(np.einsum, samples=_EINSUMS)
def einsum(
    ctx: Ctx, subscripts: AbstractValue, *operands: AbstractValue, optimize: AbstractValue = False
) -> Arr | Num:
    """np.einsum; its order of contraction is from left to right, whatever `optimize` says."""
    text = static(ctx, subscripts, "the subscripts of np.einsum")
    if not isinstance(text, str):
        raise ctx.no_rule("np.einsum with lists of axes is not supported", "write the subscripts as a text")
    arrays = [as_array(ctx, x) for x in operands]
    inputs, arrow, output = text.replace(" ", "").partition("->")
    terms = inputs.split(",")
    if len(terms) != len(arrays):
        raise ctx.error(f"np.einsum: {len(terms)} subscripts for {len(arrays)} operands")
    dots = [arr.rank - len(term.replace("...", "")) for term, arr in zip(terms, arrays, strict=True)]
    most = max([d for d, term in zip(dots, terms, strict=True) if "..." in term], default=0)
    named = []
    for term, arr, count in zip(terms, arrays, dots, strict=True):
        names = _names(ctx, term, count, most)
        if len(names) != arr.rank or count < 0:
            raise ctx.error(f"np.einsum: the subscripts {term!r} do not fit an array of rank {arr.rank}")
        named.append(Named(arr, names))
    every = [name for operand in named for name in operand.names]
    if arrow:
        out = _names(ctx, output, most, most)
    else:
        single = sorted(n for n in set(every) if every.count(n) == 1 and n in LETTERS)
        out = (*[str(k) for k in range(most)], *single)
    if len(set(out)) != len(out) or not set(out) <= set(every):
        raise ctx.error(f"np.einsum: the subscripts of the result, {output!r}, are not those of the operands")
    return contract(ctx, named, out)


def _names(ctx: Ctx, term: str, dots: int, most: int) -> tuple[str, ...]:
    """One name per axis; those of an ellipsis are numbers, the last of which is the last axis."""
    before, ellipsis, after = term.partition("...")
    if not set(before + after) <= LETTERS:
        raise ctx.error(f"np.einsum: {term!r} is not a subscript")
    middle = [str(k) for k in range(most - dots, most)] if ellipsis else []
    return (*before, *middle, *after)


# -- written with names
@lowers(
    np.tensordot,
    samples=lambda: [
        Sample(cube(), cube(5)[:, :, 0].T.copy(), axes=((0, 1), (1, 0))),
        Sample(cube(), values(3, 4, 2)),
        Sample(mat(), values(4, 3), 1),
        Sample(vec(), vec(2), 0),
        Sample(cube(), values(5, 4), axes=(-1, 1)),
    ],
)
def tensordot(ctx: Ctx, a: AbstractValue, b: AbstractValue, axes: AbstractValue = 2) -> Arr | Num:
    """np.tensordot."""
    x, y = as_array(ctx, a), as_array(ctx, b)
    known = static(ctx, axes, "axes")
    if isinstance(known, int):
        pairs = [(x.rank - known + k, k) for k in range(known)]
    else:
        first, second = ([k] if isinstance(k, int) else list(k) for k in known)
        if len(first) != len(second):
            raise ctx.error("np.tensordot: axes must be as many for both operands")
        pairs = [(i % x.rank, j % y.rank) for i, j in zip(first, second, strict=True)]
    left = [f"a{k}" for k in range(x.rank)]
    right = [f"b{k}" for k in range(y.rank)]
    for i, j in pairs:
        right[j] = left[i]
    summed = {left[i] for i, _ in pairs}
    out = tuple(n for n in (*left, *right) if n not in summed)
    return contract(ctx, [Named(x, tuple(left)), Named(y, tuple(right))], out)


def _by_einsum(subscripts: str, conjugate: bool) -> Callable[..., AbstractValue]:
    def lower(ctx: Ctx, x1: AbstractValue, x2: AbstractValue) -> AbstractValue:
        made: AbstractValue = einsum(ctx, Known(subscripts), conj(ctx, x1) if conjugate else x1, x2)
        return made

    return lower


def _two_samples(first: tuple[int, ...], second: tuple[int, ...]) -> Samples:
    return lambda: [Sample(values(*first), values(*second) + 0.5)]


for _name, _subscripts, _conjugate, _shapes in (
    ("vecdot", "...i,...i", True, ((2, 3), (2, 3))),
    ("matvec", "...ij,...j", False, ((2, 3, 4), (2, 4))),
    ("vecmat", "...i,...ij", True, ((3,), (2, 3, 4))),
):
    if hasattr(np, _name):  # NumPy 2.2
        lowers(getattr(np, _name), samples=_two_samples(*_shapes))(_by_einsum(_subscripts, _conjugate))


@lowers(
    np.linalg.multi_dot,
    samples=lambda: [Sample((mat(), values(4, 2), values(2))), Sample((mat(), vec()[:4]))],
)
def multi_dot(ctx: Ctx, arrays: AbstractValue) -> AbstractValue:
    """np.linalg.multi_dot, from left to right."""
    if not isinstance(arrays, Tup) or len(arrays.items) < 2:
        raise ctx.no_rule("np.linalg.multi_dot takes a tuple or list of two or more arrays")
    made, *rest = [as_array(ctx, x) for x in arrays.items]
    for arr in rest:
        made = as_array(ctx, product(ctx, made, arr))
    return made if made.rank else Num(made.at(ctx.b, ()))
