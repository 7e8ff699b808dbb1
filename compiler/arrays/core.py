"""What every lowering stands on: broadcasting, loop nests, copies, assignment.

Promotion is NumPy's own (see `promotion`); the context and the abstract values are in `context` and
re-exported here.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from ..errors import UnsupportedError
from ..ir.build import Builder
from ..ir.nodes import Apply, Value
from ..ir.types import Array, is_complex
from ..prims.prim import cast, emit
from .context import (
    Ctx,
    as_array,
    as_index,
    as_tup,
    describe,
    dtype_name,
    lift,
    nonneg,
    static,
    to_value,
)
from .promotion import emit_loop, kind_of, loop_dtypes, result_dtype
from .value import AbstractValue, Arr, Index, Memory, Num, Read, Step, Tup, may_alias, of_memory

BROADCAST = "operands could not be broadcast together"


# -- shapes
def is_one(ctx: Ctx, n: Value) -> bool:
    """Whether a length is the constant 1: only such axes are stretched."""
    return bool(ctx.b.const_of(n) == 1)


def at_most_one(ctx: Ctx, n: Value) -> bool:
    """Whether a length is that of a slice such as [:1]: 1, or 0 of an array that is too short."""
    op = ctx.b.defs.get(n)
    return isinstance(op, Apply) and op.prim == "pymin" and ctx.b.const_of(op.args[1]) == 1


def unify(ctx: Ctx, n: Value, m: Value, message: str = BROADCAST) -> Value:
    """One length for two that must be equal; checked at run time unless they are the same value."""
    if n is m:
        return n
    ctx.require(emit(ctx.b, "eq", n, m), "ValueError", message + " with lengths {0} and {1}", n, m)
    return n if ctx.b.const_of(m) is None else m


def stretch(ctx: Ctx, n: Value, m: Value, message: str = BROADCAST) -> Value:
    """The length m, to which an axis of length n is stretched if n is 1."""
    if is_one(ctx, n):
        return m
    if is_one(ctx, m) or not at_most_one(ctx, n) or at_most_one(ctx, m):
        return unify(ctx, n, m, message)
    b = ctx.b
    ok = emit(b, "or", emit(b, "eq", n, m), emit(b, "eq", n, b.int(1)))
    ctx.require(ok, "ValueError", message + " with lengths {0} and {1}", n, m)
    return m


def unify_shapes(
    ctx: Ctx, a: Sequence[Value], b: Sequence[Value], message: str = "shapes do not match"
) -> None:
    """Require equal shapes."""
    if len(a) != len(b):
        raise ctx.error(f"{message}: ranks {len(a)} and {len(b)}")
    for n, m in zip(a, b, strict=True):
        unify(ctx, n, m, message)


def broadcast_shapes(ctx: Ctx, *shapes: Sequence[Value]) -> tuple[Value, ...]:
    """NumPy's broadcast shape; only axes of the constant length 1 and slices such as [:1] are stretched."""
    rank = max((len(s) for s in shapes), default=0)
    out: list[Value] = []
    for axis in range(-rank, 0):
        length = ctx.b.int(1)
        for shape in shapes:
            if -axis <= len(shape) and not is_one(ctx, shape[axis]):
                small, large = (length, shape[axis])
                if at_most_one(ctx, large) and not is_one(ctx, small):
                    small, large = large, small
                length = stretch(ctx, small, large)
        out.append(length)
    return tuple(out)


def size_of(ctx: Ctx, shape: Sequence[Value]) -> Value:
    """The number of elements."""
    total = ctx.b.int(1)
    for n in shape:
        total = emit(ctx.b, "mul", total, n)
    return total


def remap(
    arr: Arr,
    shape: Sequence[Value],
    fn: Callable[[Builder, Index], Index],
    tag: object,
    step: Step | tuple[Step, ...] | None = None,
    writeable: bool = True,
    direct: Sequence[bool] | None = None,
) -> Arr:
    """The array whose element `index` is element `fn(b, index)` of arr: a view where arr is memory.

    `tag` stands for fn: equal tags mean equal maps.
    """
    place = arr.place

    def at(b: Builder, index: Index) -> Value:
        return arr.at(b, fn(b, index))

    def new_place(b: Builder, index: Index) -> Index:
        assert place is not None
        return place(b, fn(b, index))

    steps = None
    if step is not None and arr.steps is not None:
        steps = arr.steps + ((step,) if step and isinstance(step[0], str) else step)
    reads = tuple(Read(r.memory, (tag, r.key)) for r in arr.reads)
    key = (tag, arr.map_key)
    return replace(
        arr,
        shape=tuple(shape),
        at=at,
        place=new_place if place else None,
        map_key=key,
        whole=False,
        reads=reads,
        writeable=arr.writeable and writeable,
        steps=steps,
        direct=tuple(direct) if direct is not None and place else None,
    )


def broadcast_to(ctx: Ctx, arr: Arr, shape: Sequence[Value]) -> Arr:
    """The array stretched to a shape that it is known to fit; expensive elements are computed once."""
    shape = tuple(shape)
    extra = len(shape) - arr.rank
    stretched = [
        (is_one(ctx, n) and not is_one(ctx, m)) or (at_most_one(ctx, n) and not at_most_one(ctx, m))
        for n, m in zip(arr.shape, shape[extra:], strict=True)
    ]
    if not extra and not any(stretched):
        return arr
    if not arr.cheap:
        arr = materialise(ctx, arr)
    zero = ctx.b.int(0)

    def fn(b: Builder, index: Index) -> Index:
        return tuple(zero if s else i for s, i in zip(stretched, index[extra:], strict=True))

    return remap(arr, shape, fn, ("broadcast", extra, *stretched), writeable=False)


# -- loops
def nest(ctx: Ctx, shape: Sequence[Value], body: Callable[[Builder, Index], None]) -> None:
    """A nest of loops over all indices of a shape."""

    def each(b: Builder, index: Index, carried: tuple[Value, ...]) -> tuple[Value, ...]:
        body(b, index)
        return ()

    reduce_nest(ctx, shape, (), each)


def reduce_nest(
    ctx: Ctx,
    shape: Sequence[Value],
    inits: Sequence[Value],
    body: Callable[[Builder, Index, tuple[Value, ...]], Sequence[Value]],
) -> tuple[Value, ...]:
    """A nest of loops that carries scalars; body gives their next values."""
    b = ctx.b
    zero, one = b.int(0), b.int(1)

    def level(axis: int, index: Index, carried: tuple[Value, ...]) -> tuple[Value, ...]:
        if axis == len(shape):
            return tuple(body(b, index, carried))
        if is_one(ctx, shape[axis]):
            return level(axis + 1, (*index, zero), carried)
        i = Value(one.type, "ijklmnpq"[len(index)] if len(index) < 8 else "i")
        ctx.nonneg.add(i)
        params = tuple(Value(c.type, c.name) for c in carried)
        b.open((i, *params))
        following = level(axis + 1, (*index, i), params)
        return b.for_(zero, shape[axis], one, carried, b.close(following))

    return level(0, (), tuple(inits))


def fill(ctx: Ctx, target: Arr, element: Callable[[Builder, Index], Value]) -> Arr:
    """Store element(b, index) everywhere in target, which must be memory."""
    assert target.memory is not None and target.place is not None
    ref, place = target.memory.ref, target.place
    nest(
        ctx,
        target.shape,
        lambda b, index: b.store(ref, place(b, index), cast(b, element(b, index), ref.dtype)),
    )
    return target


# -- memory
def copy(ctx: Ctx, arr: Arr, dtype: str | None = None, name: str = "") -> Arr:
    """A fresh contiguous array with the elements of arr."""
    return fill(ctx, ctx.fresh(arr.shape, dtype or arr.dtype, name=name), arr.at)


def materialise(ctx: Ctx, arr: Arr, name: str = "") -> Arr:
    """arr itself where it is memory or a view of it, a fresh array where it is delayed."""
    return arr if arr.memory is not None else in_layout_of(copy(ctx, arr, name=name), arr)


def in_layout_of(made: Arr, *operands: Arr) -> Arr:
    """A fresh array as NumPy lays it out: like its operands.

    Ours lies in C order; unless theirs did too, what a reshape of NumPy's array aliases is not known.
    """
    if made.rank < 2 or made.memory is None or all(_in_c_order(x) for x in operands):
        return made
    return of_memory(replace(made.memory, contiguous=False))


def _in_c_order(arr: Arr) -> bool:
    return all(
        (read.memory.contiguous or read.memory.ref.rank < 2) and not _mentions(read.key, "transpose")
        for read in arr.reads
    )


def _mentions(key: object, word: str) -> bool:
    return key == word or (isinstance(key, tuple) and any(_mentions(part, word) for part in key))


def reference(ctx: Ctx, arr: Arr) -> Value:
    """An IR reference to the array: its memory, a view of it, or a copy where it is delayed (or no strided
    view)."""
    if arr.memory is None or arr.steps is None:
        return copy(ctx, arr).memory.ref  # type: ignore[union-attr]
    ref = arr.memory.ref
    for kind, spec, operands, rank in arr.steps:
        ref = ctx.b.view(ref, kind, spec, operands, rank)
    return ref


def contiguous(ctx: Ctx, arr: Arr, dtype: str | None = None) -> Value:
    """A reference to C-contiguous memory with the elements of arr, for library calls."""
    if is_contiguous(ctx, arr) and (dtype is None or dtype == arr.dtype):
        return reference(ctx, arr)
    return copy(ctx, arr, dtype).memory.ref  # type: ignore[union-attr]


def is_contiguous(ctx: Ctx, arr: Arr) -> bool:
    """Whether the array is memory in C order without gaps, as far as can be told when compiling."""
    if arr.memory is None or arr.steps is None or not arr.memory.contiguous:
        return False
    return all(_keeps_order(ctx, kind, spec, operands) for kind, spec, operands, _ in arr.steps)


def _keeps_order(ctx: Ctx, kind: str, spec: tuple[str, ...], operands: tuple[Value, ...]) -> bool:
    """Leading ints, then at most one slice of step 1, then whole axes."""
    if kind != "slice":
        return kind == "reshape"
    rest = "".join(spec).replace("n", "").lstrip("i")
    return not rest.strip(":") or (rest[0] == "s" and not rest[1:].strip(":") and is_one(ctx, operands[-1]))


def from_reference(
    ctx: Ctx,
    ref: Value,
    shape: Sequence[Value] | None = None,
    origin: object = None,
    contiguous: bool = False,
) -> Arr:
    """The array that is the whole of a reference; lengths that are not given are Dim ops."""
    assert isinstance(ref.type, Array)
    if shape is None:
        shape = tuple(ctx.b.dim(ref, axis) for axis in range(ref.type.rank))
    ctx.nonneg.update(shape)
    return of_memory(Memory(ref, tuple(shape), origin, contiguous))


def elementwise(ctx: Ctx, prim: str, *operands: AbstractValue) -> Arr | Num:
    """A scalar primitive on scalars (a Num, weak when all are) or on broadcast arrays (delayed)."""
    if prim == "pow":
        from .power import power

        return power(ctx, *operands)
    lifted = [lift(ctx, x) for x in operands]
    ins, out = loop_dtypes(ctx, prim, lifted)
    return map_scalars(ctx, lifted, ins, out, lambda b, values: emit_loop(b, prim, values, out), _cost(prim))


def map_scalars(
    ctx: Ctx,
    operands: Sequence[Arr | Num],
    ins: Sequence[str],
    dtype: str,
    combine: Callable[[Builder, list[Value]], Value],
    cost: int = 2,
) -> Arr | Num:
    """`combine` on scalars, or delayed on every element of broadcast arrays; operands are cast to `ins`
    first."""
    if all(isinstance(x, Num) or not x.rank for x in operands):
        weak = all(isinstance(x, Num) and x.weak for x in operands)
        return Num(combine(ctx.b, [to_value(ctx, x, d) for x, d in zip(operands, ins, strict=True)]), weak)
    shape = broadcast_shapes(ctx, *[x.shape for x in operands if isinstance(x, Arr)])
    return zip_map(ctx, shape, operands, ins, dtype, combine, cost)


def zip_map(
    ctx: Ctx,
    shape: Sequence[Value],
    operands: Sequence[Arr | Num],
    ins: Sequence[str],
    dtype: str,
    combine: Callable[[Builder, list[Value]], Value],
    cost: int = 1,
) -> Arr:
    """The delayed array of `combine` on the elements of the operands, which fit `shape` and are cast to
    `ins`."""
    aligned = [broadcast_to(ctx, x, shape) if isinstance(x, Arr) else x for x in operands]
    pairs = list(zip(aligned, ins, strict=True))

    def at(b: Builder, index: Index) -> Value:
        return combine(b, [cast(b, x.at(b, index) if isinstance(x, Arr) else x.value, d) for x, d in pairs])

    arrays = [x for x in aligned if isinstance(x, Arr)]
    cheap = cost <= 1 and len(arrays) == 1 and all(x.cheap and x.memory is not None for x in arrays)
    reads = tuple(r for x in arrays for r in x.reads)
    return Arr(dtype, tuple(shape), at, cheap=cheap, reads=reads, writeable=False, steps=None)


def _cost(prim: str) -> int:
    return 1 if prim in ("add", "sub", "mul", "neg", "pos", "real", "imag", "conj", "not", "cast") else 2


def cast_to(ctx: Ctx, x: AbstractValue, dtype: str) -> Arr | Num:
    """The operand converted to dtype: delayed for arrays, complex to real refused."""
    x = lift(ctx, x)
    if is_complex(x.dtype) and not is_complex(dtype):
        raise ctx.error(f"a complex value cannot become {dtype}", "take .real, .imag or abs() of it")
    if isinstance(x, Num):
        return Num(to_value(ctx, x, dtype))
    return x if x.dtype == dtype else zip_map(ctx, x.shape, [x], [dtype], dtype, lambda b, values: values[0])


# -- assignment
READ_ONLY = "assignment destination is read-only"
READ_ONLY_HINT = """copy it first: y = y.copy()
(what reshape() and ravel() make of an array that is not C-contiguous may be a view or a copy)"""


def assign(ctx: Ctx, target: Arr, value: AbstractValue, accumulate: bool = False) -> None:
    """target[...] = value (or += value), as if the value had been computed before anything is written."""
    assert target.memory is not None and target.place is not None
    if not target.writeable:
        raise UnsupportedError(READ_ONLY, ctx.src, READ_ONLY_HINT)
    lifted = cast_to(ctx, value, target.dtype)
    ref, place = target.memory.ref, target.place
    if isinstance(lifted, Num):
        scalar = lifted.value
        nest(ctx, target.shape, lambda b, index: b.store(ref, place(b, index), scalar, accumulate))
        return
    source = fit(ctx, lifted, target.shape)
    if overlaps(target, source):
        source = copy(ctx, source)
    at = source.at
    nest(ctx, target.shape, lambda b, index: b.store(ref, place(b, index), at(b, index), accumulate))


def fit(ctx: Ctx, arr: Arr, shape: Sequence[Value]) -> Arr:
    """The array broadcast into a shape that must not grow."""
    extra = arr.rank - len(shape)
    if extra > 0:
        if not all(is_one(ctx, n) for n in arr.shape[:extra]):
            raise ctx.error(f"could not broadcast an array of rank {arr.rank} into one of rank {len(shape)}")
        zeros = (ctx.b.int(0),) * extra
        arr = remap(arr, arr.shape[extra:], lambda b, index: zeros + index, ("drop", extra))
    for n, m in zip(arr.shape[::-1], tuple(shape)[::-1], strict=False):
        if not is_one(ctx, n):
            stretch(ctx, n, m, "could not broadcast input array")
    return broadcast_to(ctx, arr, shape)


def touches(target: Arr, source: Arr) -> bool:
    """Whether source may read any memory that writing to target changes."""
    return target.memory is not None and any(may_alias(r.memory, target.memory) for r in source.reads)


def overlaps(target: Arr, source: Arr) -> bool:
    """Whether writing element i of target may change another element of source than element i."""
    assert target.memory is not None
    return any(
        may_alias(read.memory, target.memory)
        and not (read.memory.ref is target.memory.ref and read.key == target.map_key)
        for read in source.reads
    )


# -- literals
def from_nest(ctx: Ctx, tup: Tup, dtype: str | None = None) -> Arr:
    """The array of a nested literal, stored element by element."""
    tup = as_tup(tup.items)
    shape = _nest_shape(ctx, tup)
    leaves: list[tuple[Index, Arr | Num]] = []
    _leaves(ctx, tup, (), leaves)
    dtype = dtype or (result_dtype(ctx, *[leaf for _, leaf in leaves]) if leaves else "float64")
    out = ctx.fresh(shape, dtype)
    for prefix, leaf in leaves:
        if isinstance(leaf, Num):
            ctx.b.store(out.memory.ref, prefix, to_value(ctx, leaf, dtype))  # type: ignore[union-attr]
            continue
        unify_shapes(ctx, shape[len(prefix) :], leaf.shape)

        def put(b: Builder, index: Index, prefix: Index = prefix, leaf: Arr = leaf) -> None:
            b.store(out.memory.ref, prefix + index, cast(b, leaf.at(b, index), dtype))  # type: ignore[union-attr]

        nest(ctx, leaf.shape, put)
    return out


def _nest_shape(ctx: Ctx, x: AbstractValue) -> tuple[Value, ...]:
    if isinstance(x, Tup):
        inner = [_nest_shape(ctx, item) for item in x.items]
        if any(len(s) != len(inner[0]) for s in inner):
            raise ctx.error("the nested sequence is ragged", "give every row the same length")
        return (ctx.b.int(len(x.items)), *(inner[0] if inner else ()))
    return x.shape if isinstance(x, Arr) else ()


def _leaves(ctx: Ctx, x: AbstractValue, prefix: Index, out: list[tuple[Index, Arr | Num]]) -> None:
    if isinstance(x, Tup):
        lengths = {len(i.items) for i in x.items if isinstance(i, Tup)}
        if len(lengths) > 1:
            raise ctx.error("the nested sequence is ragged", "give every row the same length")
        for k, item in enumerate(x.items):
            _leaves(ctx, item, (*prefix, ctx.b.int(k)), out)
    else:
        out.append((prefix, lift(ctx, x)))


__all__ = [
    "Ctx",
    "as_array",
    "as_index",
    "as_tup",
    "assign",
    "at_most_one",
    "broadcast_shapes",
    "broadcast_to",
    "cast_to",
    "contiguous",
    "copy",
    "describe",
    "dtype_name",
    "elementwise",
    "fill",
    "fit",
    "from_nest",
    "from_reference",
    "in_layout_of",
    "is_contiguous",
    "is_one",
    "kind_of",
    "lift",
    "map_scalars",
    "materialise",
    "nest",
    "nonneg",
    "overlaps",
    "reduce_nest",
    "reference",
    "remap",
    "result_dtype",
    "size_of",
    "static",
    "stretch",
    "to_value",
    "touches",
    "unify",
    "unify_shapes",
    "zip_map",
]
