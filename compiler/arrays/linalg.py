"""Products of arrays, linear algebra, Fourier transforms: library calls on references, loops where BLAS
does not fit."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..ir.build import Builder
from ..ir.nodes import Value
from ..ir.types import Array, Scalar, Type, is_complex, is_inexact, real_of
from ..prims.prim import cast, emit
from .core import (
    Ctx,
    as_array,
    broadcast_shapes,
    broadcast_to,
    cast_to,
    contiguous,
    copy,
    elementwise,
    from_reference,
    is_contiguous,
    materialise,
    nest,
    reference,
    static,
    unify,
)
from .elementwise import strong
from .indexing import basic_view
from .matrices import eye, trace
from .promotion import emit_loop, result_dtype
from .reduce import Lines, axes_of, carried, insert_axes, reduce_lines, sum_
from .registry import Sample, cube, lowers, mat, square_matrix, values, vec
from .shape import full_range, permute, ravel
from .slicing import Int, Range
from .value import AbstractValue, Arr, Index, Known, Num, Tup

SMALL = 32
"""Products with at most this many multiplications, all lengths known, are loops."""


def call(
    ctx: Ctx, name: str, args: Sequence[Value], types: Sequence[Type], shapes: Sequence[tuple[Value, ...]]
) -> list[Any]:
    """A library call whose array results get known shapes."""
    outs = ctx.b.call(name, tuple(args), tuple(types))
    results: list[Any] = []
    for out, shape in zip(outs, shapes, strict=True):
        if isinstance(out.type, Array):
            results.append(from_reference(ctx, out, shape, object(), True))
        else:
            results.append(Num(out))
    return results


def blas_operand(ctx: Ctx, arr: Arr, dtype: str) -> Value:
    """A reference that BLAS takes without a copy of its own: contiguous, or the transpose of contiguous
    memory."""
    if arr.rank == 2 and arr.dtype == dtype and not is_contiguous(ctx, arr) and arr.memory is not None:
        turned = (
            bool(arr.steps) and arr.memory.contiguous and all(s[0] == "transpose" for s in arr.steps or ())
        )
        if turned:
            return reference(ctx, arr)
    return contiguous(ctx, arr, dtype)


# -- products
def _product_samples() -> list[Sample]:
    return [
    Sample(vec(), vec(2)), Sample(mat(), values(4)), Sample(values(3), mat()), Sample(mat(), values(4, 2)),
    Sample(mat().T, mat()), Sample(np.arange(6).reshape(2, 3), np.arange(3)),
    Sample(mat().astype("float32"), values(4, 2)),
]  # fmt: skip


def product(ctx: Ctx, a: Arr, c: Arr) -> Arr | Num:
    """Product of vectors and matrices."""
    inner = unify(ctx, a.shape[-1], c.shape[0], "matmul: the inner dimensions do not fit,")
    dtype = result_dtype(ctx, a, c)
    shape = (*a.shape[:-1], *c.shape[1:])
    sizes = [ctx.b.const_of(n) for n in (*shape, inner)]
    small = all(s is not None for s in sizes) and int(np.prod([s or 0 for s in sizes])) <= SMALL
    if a.rank == c.rank == 1:
        return Num(_line_product(ctx, inner, dtype, lambda b, i: a.at(b, i), lambda b, i: c.at(b, i)))
    if small or not is_inexact(dtype):
        return _looped(ctx, a, c, (), shape, inner, dtype)
    refs = [blas_operand(ctx, x, dtype) for x in (a, c)]
    return call(ctx, "dot", refs, [Array(dtype, len(shape))], [shape])[0]  # type: ignore[no-any-return]


def _line_product(ctx: Ctx, n: Value, dtype: str, left: Any, right: Any) -> Value:
    def step(b: Builder, c: Value, i: Index) -> Value:
        term = emit_loop(b, "mul", [cast(b, left(b, i), dtype), cast(b, right(b, i), dtype)], dtype)
        return emit_loop(b, "add", [c, term], dtype)

    return carried(ctx, (n,), ctx.b.const(0, dtype), step)


def _looped(
    ctx: Ctx, a: Arr, c: Arr, batch: tuple[Value, ...], shape: tuple[Value, ...], inner: Value, dtype: str
) -> Arr:
    """The (batched) product by loops; a and c are already broadcast over the batch axes."""
    a, c = (x if x.cheap else materialise(ctx, x) for x in (a, c))
    out = ctx.fresh((*batch, *shape), dtype)
    ref, k, rows = out.memory.ref, len(batch), a.rank - len(batch) - 1  # type: ignore[union-attr]

    def put(b: Builder, index: Index) -> None:
        head, row, column = index[:k], index[k : k + rows], index[k + rows :]
        left = lambda b, i: a.at(b, (*head, *row, *i))  # noqa: E731
        right = lambda b, i: c.at(b, (*head, *i, *column))  # noqa: E731
        b.store(ref, index, _line_product(ctx, inner, dtype, left, right))

    nest(ctx, out.shape, put)
    return out


@lowers(
    np.matmul,
    samples=lambda: [
        *_product_samples(),
        Sample(cube(), values(2, 4, 2)),
        Sample(mat()[:, :3], cube()),
        Sample(cube(), values(4)),
    ],
)
def matmul(ctx: Ctx, x1: AbstractValue, x2: AbstractValue) -> Arr | Num:
    """np.matmul."""
    a, c = as_array(ctx, x1), as_array(ctx, x2)
    if not a.rank or not c.rank:
        raise ctx.error("matmul: scalars are not allowed", "use *")
    if a.rank <= 2 and c.rank <= 2:
        return product(ctx, a, c)
    left, right = a.rank == 1, c.rank == 1
    a = insert_axes(ctx, a, (0,)) if left else a
    c = insert_axes(ctx, c, (1,)) if right else c
    batch = broadcast_shapes(ctx, a.shape[:-2], c.shape[:-2])
    inner = unify(ctx, a.shape[-1], c.shape[-2], "matmul: the inner dimensions do not fit,")
    a = broadcast_to(ctx, a, (*batch, *a.shape[-2:]))
    c = broadcast_to(ctx, c, (*batch, *c.shape[-2:]))
    out = _looped(ctx, a, c, batch, (a.shape[-2], c.shape[-1]), inner, result_dtype(ctx, a, c))
    zero = Int(ctx.b.int(0))
    items: list[Int | Range | str] = [full_range(ctx, n) for n in out.shape]
    if left:
        items[-2] = zero
    if right:
        items[-1] = zero
    return basic_view(ctx, out, items)


@lowers(np.dot, method="dot", samples=lambda: [*_product_samples(), Sample(vec(), 2.0)])
def dot(ctx: Ctx, a: AbstractValue, b: AbstractValue) -> AbstractValue:
    """np.dot."""
    x, y = as_array(ctx, a), as_array(ctx, b)
    if not x.rank or not y.rank:
        return strong(elementwise(ctx, "mul", a, b))
    if x.rank <= 2 and y.rank <= 2:
        return product(ctx, x, y)
    if y.rank == 1:
        return matmul(ctx, x, y)
    raise ctx.no_rule("np.dot of arrays of rank above 2 is not supported", "use @ for batched products")


@lowers(np.outer, samples=lambda: [Sample(vec(), values(3)), Sample(mat(), 2.0)])
def outer(ctx: Ctx, a: AbstractValue, b: AbstractValue) -> AbstractValue:
    """np.outer."""
    x, y = (ravel(ctx, _at_least_vector(ctx, v)) for v in (a, b))
    return elementwise(ctx, "mul", insert_axes(ctx, x, (1,)), insert_axes(ctx, y, (0,)))


def _at_least_vector(ctx: Ctx, x: AbstractValue) -> Arr:
    arr = as_array(ctx, x)
    return arr if arr.rank else insert_axes(ctx, arr, (0,))


@lowers(np.inner, samples=lambda: [Sample(vec(), vec(2)), Sample(mat(), mat(5)), Sample(mat(), values(4))])
def inner(ctx: Ctx, a: AbstractValue, b: AbstractValue) -> AbstractValue:
    """np.inner."""
    x, y = as_array(ctx, a), as_array(ctx, b)
    if not x.rank or not y.rank:
        return strong(elementwise(ctx, "mul", a, b))
    if x.rank > 2 or y.rank > 2:
        raise ctx.no_rule("np.inner of arrays of rank above 2 is not supported")
    return product(ctx, x, permute(y, tuple(range(y.rank))[::-1]))


@lowers(
    np.vdot, samples=lambda: [Sample(vec(), vec(2)), Sample(mat(), mat(5)), Sample(vec() + 1j, vec(2) * 1j)]
)
def vdot(ctx: Ctx, a: AbstractValue, b: AbstractValue) -> AbstractValue:
    """np.vdot."""
    x, y = (ravel(ctx, _at_least_vector(ctx, v)) for v in (a, b))
    return product(ctx, as_array(ctx, elementwise(ctx, "conj", x)) if is_complex(x.dtype) else x, y)


@lowers(np.cross, samples=lambda: [Sample(values(3), values(3, seed=1)), Sample(values(2, 3), values(3))])
def cross(ctx: Ctx, a: AbstractValue, b: AbstractValue) -> AbstractValue:
    """np.cross."""
    from .joining import stack

    x, y = as_array(ctx, a), as_array(ctx, b)
    three = ctx.b.int(3)
    for v in (x, y):
        unify(ctx, v.shape[-1], three, "np.cross takes vectors of length 3, not of")

    def part(v: Arr, k: int) -> Arr:
        return basic_view(ctx, v, [*[full_range(ctx, n) for n in v.shape[:-1]], Int(ctx.b.int(k))])

    def component(i: int, j: int) -> AbstractValue:
        products = [_two(ctx, part(x, p), part(y, q)) for p, q in ((i, j), (j, i))]
        return elementwise(ctx, "sub", *products)

    return stack(ctx, Tup((component(1, 2), component(2, 0), component(0, 1))), -1)


def _two(ctx: Ctx, a: Arr, c: Arr) -> Arr | Num:
    return elementwise(ctx, "mul", a, c)


@lowers(np.kron, samples=lambda: [Sample(values(2, 2), values(2, 3)), Sample(vec(), values(2))])
def kron(ctx: Ctx, a: AbstractValue, b: AbstractValue) -> AbstractValue:
    """np.kron."""
    from .shape import reshaped

    x, y = as_array(ctx, a), as_array(ctx, b)
    if x.rank != y.rank or x.rank not in (1, 2):
        raise ctx.no_rule("np.kron takes two vectors or two matrices")
    rank = x.rank
    spread = elementwise(
        ctx,
        "mul",
        insert_axes(ctx, x, tuple(range(1, 2 * rank, 2))),
        insert_axes(ctx, y, tuple(range(0, 2 * rank, 2))),
    )
    shape = [emit(ctx.b, "mul", n, m) for n, m in zip(x.shape, y.shape, strict=True)]
    return reshaped(ctx, as_array(ctx, spread), shape)


# -- systems
def matrix(ctx: Ctx, a: AbstractValue, name: str, square: bool = True) -> tuple[Arr, str]:
    """A matrix operand and the floating dtype that LAPACK works in."""
    arr = as_array(ctx, a)
    if arr.rank != 2:
        raise ctx.no_rule(
            f"np.linalg.{name} of an array of rank {arr.rank} is not supported", "pass one matrix"
        )
    if square:
        unify(ctx, arr.shape[0], arr.shape[1], f"np.linalg.{name}: the matrix must be square, not")
    return arr, arr.dtype if is_inexact(arr.dtype) else "float64"


@lowers(
    np.linalg.solve,
    samples=lambda: [Sample(square_matrix(), values(3)), Sample(square_matrix().T, values(3, 2))],
)
def solve(ctx: Ctx, a: AbstractValue, b: AbstractValue) -> AbstractValue:
    """np.linalg.solve."""
    arr, dtype = matrix(ctx, a, "solve")
    right = as_array(ctx, b)
    if right.rank not in (1, 2):
        raise ctx.no_rule("np.linalg.solve takes a right-hand side of rank 1 or 2")
    unify(ctx, arr.shape[0], right.shape[0], "np.linalg.solve: the sizes do not fit,")
    dtype = result_dtype(ctx, Num(ctx.b.const(0, dtype)), right)
    refs = [blas_operand(ctx, x, dtype) for x in (arr, right)]
    return call(ctx, "solve", refs, [Array(dtype, right.rank)], [right.shape])[0]


def square_call(name: str) -> Any:
    """The lowering of a library call that takes one square matrix."""

    def lower(ctx: Ctx, a: AbstractValue) -> AbstractValue:
        arr, dtype = matrix(ctx, a, name)
        ref = contiguous(ctx, arr, dtype)
        if name == "det":
            return call(ctx, name, [ref], [Scalar(dtype)], [()])[0]
        if name == "slogdet":
            return Tup(tuple(call(ctx, name, [ref], [Scalar(dtype), Scalar(real_of(dtype))], [(), ()])))
        return call(ctx, name, [ref], [Array(dtype, 2)], [arr.shape])[0]

    return lower


for _function in (np.linalg.inv, np.linalg.det, np.linalg.slogdet, np.linalg.cholesky):
    lowers(_function, samples=lambda: [Sample(square_matrix()), Sample(square_matrix().astype("float32"))])(
        square_call(_function.__name__)
    )


@lowers(np.linalg.matrix_power, samples=lambda: [Sample(square_matrix(), k) for k in (0, 1, 3, -1)])
def matrix_power(ctx: Ctx, a: AbstractValue, n: AbstractValue) -> AbstractValue:
    """np.linalg.matrix_power."""
    arr, _ = matrix(ctx, a, "matrix_power")
    power = int(static(ctx, n, "n"))
    if power == 0:
        return eye(ctx, Num(arr.shape[0], True), dtype=Known(arr.dtype))
    if power < 0:
        arr, power = square_call("inv")(ctx, arr), -power
    out: Any = copy(ctx, arr)
    for _ in range(power - 1):
        out = product(ctx, out, arr)
    return out


@lowers(np.linalg.trace, samples=lambda: [Sample(square_matrix())])
def linalg_trace(ctx: Ctx, x: AbstractValue) -> AbstractValue:
    """np.linalg.trace."""
    return trace(ctx, x)


# -- norms
_NORMS = lambda: [  # noqa: E731
    Sample(vec()), Sample(mat()), Sample(mat(), axis=0), Sample(mat(), axis=1, keepdims=True),
    Sample(vec(), 1),
    Sample(vec(), np.inf), Sample(vec(), -np.inf), Sample(vec(), 3), Sample(mat(), "fro"),
    Sample(mat(), 1), Sample(mat(), np.inf),
    Sample(vec().astype("float32")), Sample(np.arange(3)), Sample(cube(), axis=(0, 2)),
]  # fmt: skip


@lowers(np.linalg.norm, samples=_NORMS)
def norm(
    ctx: Ctx,
    x: AbstractValue,
    ord: AbstractValue | None = None,
    axis: AbstractValue | None = None,
    keepdims: AbstractValue = False,
) -> AbstractValue:
    """np.linalg.norm."""
    arr = as_array(ctx, x)
    dtype = real_of(arr.dtype) if is_inexact(arr.dtype) else "float64"
    kind = static(ctx, ord, "ord")
    axes = axes_of(ctx, axis, arr.rank)
    if (kind == 2 and len(axes) > 1) or kind in ("nuc", -2):
        raise ctx.no_rule(
            f"np.linalg.norm with ord={kind!r} of a matrix needs its singular values: not supported"
        )
    if kind is None or kind == "fro" or kind == 2:
        return reduce_lines(ctx, Lines(arr, axes), dtype, _two_norm(ctx, dtype), keepdims)
    size = as_array(
        ctx, elementwise(ctx, "abs", cast_to(ctx, arr, arr.dtype if is_inexact(arr.dtype) else dtype))
    )
    return _other_norm(ctx, size, kind, axes, keepdims)


def _two_norm(ctx: Ctx, dtype: str) -> Any:
    def line(shape: tuple[Value, ...], element: Any) -> Value:
        def step(b: Builder, c: Value, i: Index) -> Value:
            x = element(b, i)
            if is_complex(x.dtype):
                parts = [emit(b, p, x) for p in ("real", "imag")]
                return emit(b, "add", c, emit(b, "add", *[emit(b, "mul", p, p) for p in parts]))
            x = cast(b, x, dtype)
            return emit(b, "add", c, emit(b, "mul", x, x))

        return emit(ctx.b, "norm_sqrt", carried(ctx, shape, ctx.b.const(0, dtype), step))

    return line


def _other_norm(
    ctx: Ctx, size: Arr, kind: Any, axes: tuple[int, ...], keepdims: AbstractValue
) -> AbstractValue:
    from .extrema import extreme

    if len(axes) == 2 and kind in (1, -1, np.inf, -np.inf):
        first, last = (axes[0], axes[1]) if abs(kind) == 1 else (axes[1], axes[0])
        sums = sum_(ctx, size, Known(first), keepdims=True)
        best = extreme("maximum" if kind > 0 else "minimum")(ctx, sums, Known(last), keepdims=True)
        if static(ctx, keepdims):
            return best
        arr = as_array(ctx, best)
        zero = Int(ctx.b.int(0))
        found = basic_view(
            ctx, arr, [zero if k in axes else full_range(ctx, n) for k, n in enumerate(arr.shape)]
        )
        return found if found.rank else Num(found.at(ctx.b, ()))
    if len(axes) > 1:
        raise ctx.error("Invalid norm order for matrices.")
    axis = Known(axes[0])
    if kind in (np.inf, -np.inf):
        return extreme("maximum" if kind > 0 else "minimum")(ctx, size, axis, keepdims=keepdims)
    if kind == 0:
        return sum_(
            ctx, cast_to(ctx, elementwise(ctx, "ne", size, Known(0)), size.dtype), axis, keepdims=keepdims
        )
    if isinstance(kind, str):
        raise ctx.error(f"Invalid norm order {kind!r} for vectors")
    total = sum_(ctx, elementwise(ctx, "pow", size, Known(kind)), axis, keepdims=keepdims)
    return total if kind == 1 else strong(elementwise(ctx, "pow", total, Known(1.0 / kind)))
