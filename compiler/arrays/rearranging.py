"""Elements in other places: padding, quarter turns, splits into columns, elements chosen along an axis."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ..ir.build import Builder
from ..ir.nodes import Value
from ..prims.prim import cast, emit
from .core import Ctx, as_array, as_index, fill, materialise, static, to_value, unify
from .elementwise import where
from .indexing import wrap
from .joining import split
from .registry import Sample, cube, lowers, mat, values, vec
from .shape import flipped, one_axis, permute
from .value import AbstractValue, Arr, Index, Known, Tup

# -- padding
Widths = list[tuple[Value, Value]]
Place = Callable[[Builder, Value, Value], Value]
"""The index into an axis of length n of what stands at i, counted from its first element."""


def _at_edge(b: Builder, i: Value, n: Value) -> Value:
    return emit(b, "pymin", emit(b, "pymax", i, b.int(0)), emit(b, "sub", n, b.int(1)))


def _around(b: Builder, i: Value, n: Value) -> Value:
    return emit(b, "mod", i, n)


def _mirrored(edge: int) -> Place:
    """The element at the edge itself comes once more where `edge` is 1."""

    def place(b: Builder, i: Value, n: Value) -> Value:
        below = emit(b, "sub", emit(b, "neg", i), b.int(edge))
        last = emit(b, "sub", emit(b, "add", n, n), b.int(2 - edge))
        folded = emit(b, "select", emit(b, "lt", i, b.int(0)), below, i)
        return emit(b, "select", emit(b, "ge", i, n), emit(b, "sub", last, i), folded)

    return place


PLACES: dict[str, tuple[Place, int | None]] = {
    "edge": (_at_edge, None),
    "wrap": (_around, None),
    "reflect": (_mirrored(0), 1),
    "symmetric": (_mirrored(1), 0),
}
"""Of a mode the place of an element, and how much shorter than the axis its widths must be."""


def _written_out(x: AbstractValue) -> AbstractValue:
    """Known tuples and lists as tuples of known values."""
    items = x.items if isinstance(x, Tup) else x.obj if isinstance(x, Known) else None
    if not isinstance(items, tuple | list):
        return x
    return Tup(tuple(_written_out(i if isinstance(x, Tup) else Known(i)) for i in items))


def _widths(ctx: Ctx, given: AbstractValue, rank: int) -> Widths:
    """(before, after) for each axis, from NumPy's ((b0, a0), …), (b, a), (w,) or w."""

    def pair(x: AbstractValue) -> tuple[Value, Value]:
        if not isinstance(x, Tup):
            return as_index(ctx, x), as_index(ctx, x)
        ends = [as_index(ctx, item) for item in x.items]
        if len(ends) not in (1, 2):
            raise ctx.error("np.pad: the widths of an axis are one number or two")
        return ends[0], ends[-1]

    given = _written_out(given)
    nested = isinstance(given, Tup) and any(isinstance(item, Tup) for item in given.items)
    if not isinstance(given, Tup) or not nested:
        return [pair(given)] * rank
    if len(given.items) not in (1, rank):
        raise ctx.error(f"np.pad: widths for {len(given.items)} axes, and the array has {rank}")
    pairs = [pair(item) for item in given.items]
    return pairs * rank if len(pairs) == 1 else pairs


@lowers(
    np.pad,
    samples=lambda: [
        Sample(vec(), 2), Sample(mat(), ((1, 0), (2, 3))), Sample(np.arange(3), 1),
        Sample(vec(), (1, 2), "constant", constant_values=1.5), Sample(np.arange(3), 7, "wrap"),
        *[Sample(mat(), ((1, 2), (0, 2)), mode) for mode in PLACES], Sample(vec(), ((2, 1),), mode="edge"),
    ],
)  # fmt: skip
def pad(
    ctx: Ctx,
    array: AbstractValue,
    pad_width: AbstractValue,
    mode: AbstractValue = "constant",
    *,
    constant_values: AbstractValue = 0,
) -> Arr:
    """np.pad with one constant, or what is in the array."""
    arr, chosen = as_array(ctx, array), static(ctx, mode, "mode")
    arr = arr if arr.cheap else materialise(ctx, arr)
    if chosen != "constant" and chosen not in PLACES:
        raise ctx.no_rule(f"np.pad with mode={chosen!r} is not supported", "choose from " + ", ".join(PLACES))
    widths, b = _widths(ctx, pad_width, arr.rank), ctx.b
    for before, after in widths:
        for width in (before, after):
            positive = emit(b, "ge", width, b.int(0))
            ctx.require(positive, "ValueError", "index can't contain negative values")
    shape = [
        emit(b, "add", emit(b, "add", before, n), after)
        for n, (before, after) in zip(arr.shape, widths, strict=True)
    ]
    out = ctx.fresh(shape, arr.dtype)
    if chosen == "constant":
        number = cast(b, to_value(ctx, constant_values), arr.dtype)
        return fill(ctx, out, _inside_or(arr, widths, number))
    place, less = PLACES[chosen]
    for n, ends in zip(arr.shape, widths, strict=True):
        for width in ends:
            if less is not None:
                fits = emit(b, "le", emit(b, "add", width, b.int(less)), n)
                ctx.require(fits, "ValueError", f"np.pad: mode {chosen!r} needs widths shorter than the axis")
            ctx.require(emit(b, "gt", n, b.int(0)), "ValueError", "can't extend an empty axis")

    def element(b: Builder, index: Index) -> Value:
        pairs = zip(index, widths, arr.shape, strict=True)
        return arr.at(b, tuple(place(b, emit(b, "sub", i, before), n) for i, (before, _), n in pairs))

    return fill(ctx, out, element)


def _inside_or(arr: Arr, widths: Widths, number: Value) -> Callable[[Builder, Index], Value]:
    """The element that stands at an index, or a number around the array."""

    def element(b: Builder, index: Index) -> Value:
        at, inside = [], b.const(True)
        for i, (before, _), n in zip(index, widths, arr.shape, strict=True):
            at.append(emit(b, "sub", i, before))
            here = emit(b, "and", emit(b, "ge", at[-1], b.int(0)), emit(b, "lt", at[-1], n))
            inside = emit(b, "and", inside, here)
        b.open()
        then = b.close((arr.at(b, tuple(at)),))
        b.open()
        return b.if_(inside, then, b.close((number,)))[0]

    return element


# -- turns and splits
@lowers(
    np.rot90,
    samples=lambda: [*[Sample(mat(), k) for k in (0, 1, 2, -1)], Sample(cube(), axes=(1, 2))],
)
def rot90(ctx: Ctx, m: AbstractValue, k: AbstractValue = 1, axes: AbstractValue = (0, 1)) -> Arr:
    """np.rot90, a view."""
    arr, turns = as_array(ctx, m), static(ctx, k, "k") % 4
    first, second = (a % arr.rank for a in static(ctx, axes, "axes"))
    swapped = list(range(arr.rank))
    swapped[first], swapped[second] = second, first
    if turns == 0:
        return arr
    if turns == 2:
        return flipped(ctx, arr, (first, second))
    if turns == 1:
        return permute(flipped(ctx, arr, (second,)), tuple(swapped))
    return flipped(ctx, permute(arr, tuple(swapped)), (second,))


def _split_along(axis: int) -> Callable[..., AbstractValue]:
    def lower(ctx: Ctx, ary: AbstractValue, indices_or_sections: AbstractValue) -> AbstractValue:
        arr = as_array(ctx, ary)
        return split(ctx, arr, indices_or_sections, Known(0 if arr.rank == 1 else axis))

    return lower


for _axis, _function in enumerate((np.vsplit, np.hsplit, np.dsplit)):
    lowers(_function, samples=lambda: [Sample(values(2, 4, 6), 2)])(_split_along(_axis))


# -- choices
@lowers(
    np.select,
    samples=lambda: [
        Sample((vec() > 0.5, vec() > 0.0), (vec(2), vec(3)), 1.5),
        Sample((np.array([True, False, True]),), (values(3),)),
    ],
)
def select(
    ctx: Ctx, condlist: AbstractValue, choicelist: AbstractValue, default: AbstractValue = 0
) -> AbstractValue:
    """np.select: the choice of the first condition that holds."""
    lists = [x.items if isinstance(x, Tup) else None for x in (condlist, choicelist)]
    conditions, choices = lists
    if not conditions or not choices or len(conditions) != len(choices):
        raise ctx.no_rule("np.select takes two lists of one length, which are written out")
    made = default
    for condition, choice in zip(reversed(conditions), reversed(choices), strict=True):
        made = where(ctx, condition, choice, made)
    return made


@lowers(
    np.take_along_axis,
    samples=lambda: [
        Sample(mat(), np.array([[0, -1, 2, 1], [1, 1, 0, 0]]), 0),
        Sample(mat(), np.array([[3], [0], [-2]]), axis=1),
        Sample(vec(), np.array([2, 0]), 0),
    ],
)
def take_along_axis(ctx: Ctx, arr: AbstractValue, indices: AbstractValue, axis: AbstractValue = -1) -> Arr:
    """np.take_along_axis."""
    source, places = as_array(ctx, arr), as_array(ctx, indices)
    source, places = (x if x.cheap else materialise(ctx, x) for x in (source, places))
    if source.rank != places.rank:
        raise ctx.error("np.take_along_axis: `indices` and `arr` must have the same number of dimensions")
    k = one_axis(ctx, axis, source.rank)
    for a, (n, m) in enumerate(zip(source.shape, places.shape, strict=True)):
        if a != k:
            unify(ctx, n, m, "np.take_along_axis: the shapes do not fit,")

    def element(b: Builder, index: Index) -> Value:
        at = wrap(ctx, b, cast(b, places.at(b, index), "int64"), source.shape[k])
        return source.at(b, (*index[:k], at, *index[k + 1 :]))

    return fill(ctx, ctx.fresh(places.shape, source.dtype), element)
