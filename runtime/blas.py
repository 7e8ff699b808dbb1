"""Products of matrices, and systems of equations, by one call of BLAS or LAPACK.

Numba's `np.dot` and `np.linalg.solve` are chains of functions around that call, which take 0.5 and 4 s to
compile for each combination of layouts, and `np.dot` copies what is not contiguous, where BLAS asks only
for rows, or columns, without gaps in them. Here a product is the call and its checks, 0.1 s. What may never
be called is compiled when it is: loops for small matrices, for which a call of BLAS takes longer, and copies
of what has gaps.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic, overload
from numba.np.arrayobj import make_array
from numba.np.linalg import F_INT_nptype, ensure_lapack, get_blas_kind

from . import memory as mem
from .jitted import fast, jit
from .shared import call, lend, shared

FEW_VECTOR, FEW_MATRIX = 1024, 512
"""Up to how many multiplications loops are faster than a call of BLAS."""
MOST = 2**31 - 1
"""BLAS counts in C's int."""

_CHAR, _INT, _WORD = ir.IntType(8), ir.IntType(32), ir.IntType(64)
_NORMAL, _TURNED = _CHAR(ord("n")), _CHAR(ord("t"))


# -- operands


class _Operand(NamedTuple):
    """An array as BLAS wants it: columns without gaps, or rows, which are columns of the transpose."""

    shape: list[Any]
    data: Any
    turned: Any  # the letter for a matrix in rows as that of its transpose: BLAS knows columns only
    step: Any  # from one row, or column, to the next
    whole: Any  # whether there are no gaps


def _operand(context: Any, builder: Any, kind: Any, value: Any) -> _Operand:
    array = make_array(kind)(context, builder, value)
    shape, strides = cgutils.unpack_tuple(builder, array.shape), cgutils.unpack_tuple(builder, array.strides)
    data = builder.bitcast(array.data, cgutils.voidptr_t)
    if kind.layout == "C":
        return _Operand(shape, data, _NORMAL, shape[-1], cgutils.true_bit)
    if kind.layout == "F":
        return _Operand(shape, data, _TURNED, shape[0], cgutils.true_bit)
    if kind.ndim == 1:
        whole = builder.icmp_signed("==", strides[0], array.itemsize)
        return _Operand(shape, data, _NORMAL, _WORD(1), whole)
    in_rows = builder.icmp_signed("==", strides[1], array.itemsize)
    in_columns = builder.icmp_signed("==", strides[0], array.itemsize)
    stride, length, count = (
        builder.select(in_rows, x, y)
        for x, y in ((strides[0], strides[1]), (shape[1], shape[0]), (shape[0], shape[1]))
    )
    step = builder.sdiv(stride, array.itemsize)
    # A single row may have any stride.
    single, apart = builder.icmp_signed("<=", count, _WORD(1)), builder.icmp_signed(">=", step, length)
    whole = builder.and_(builder.or_(in_rows, in_columns), builder.or_(single, apart))
    step = builder.select(apart, step, length)
    return _Operand(shape, data, builder.select(in_rows, _NORMAL, _TURNED), step, whole)


# -- calls


def _library(builder: Any, name: str, dtype: Any, given: list[Any]) -> Any:
    """Call one of Numba's functions around BLAS and LAPACK; what it answers."""
    ensure_lapack()
    letter = _CHAR(ord(get_blas_kind(dtype)))
    kinds = ir.FunctionType(_INT, [_CHAR, *(value.type for value in given)])
    return builder.call(cgutils.get_or_insert_function(builder.module, kinds, name), [letter, *given])


def _factor(context: Any, builder: Any, dtype: Any, value: float) -> Any:
    """The address of a factor."""
    constant = context.cast(builder, context.get_constant(types.float64, value), types.float64, dtype)
    return builder.bitcast(cgutils.alloca_once_value(builder, constant), cgutils.voidptr_t)


def _gemm(
    context: Any, builder: Any, dtype: Any, a: _Operand, b: _Operand, out: _Operand,
    factors: tuple[float, float],
) -> None:  # fmt: skip
    """out = alpha a @ b + beta out, where `out` is in rows: outᵀ = bᵀ @ aᵀ."""
    alpha, beta = (_factor(context, builder, dtype, value) for value in factors)
    (m, k), n = a.shape, b.shape[1]
    sizes = [b.turned, a.turned, n, m, k]
    _library(
        builder, "numba_xxgemm", dtype,
        [*sizes, alpha, b.data, b.step, a.data, a.step, beta, out.data, out.step],
    )  # fmt: skip


def _gemv(
    context: Any, builder: Any, dtype: Any, a: _Operand, x: _Operand, out: _Operand, *, turn: bool
) -> None:
    """out = a @ x, or aᵀ @ x."""
    one, zero = (_factor(context, builder, dtype, value) for value in (1.0, 0.0))
    in_rows = builder.icmp_signed("==", a.turned, _NORMAL)
    m, n = builder.select(in_rows, a.shape[1], a.shape[0]), builder.select(in_rows, a.shape[0], a.shape[1])
    letter = builder.select(in_rows, *((_NORMAL, _TURNED) if turn else (_TURNED, _NORMAL)))
    _library(builder, "numba_xxgemv", dtype, [letter, m, n, one, a.data, a.step, x.data, zero, out.data])


def _require(context: Any, builder: Any, holds: Any, message: str) -> None:
    with cgutils.if_unlikely(builder, builder.not_(holds)):
        context.call_conv.return_user_exc(builder, ValueError, (message,))


# -- products


def dot(a: Any, b: Any) -> Any:
    """`np.dot`."""
    return np.dot(a, b)


def dot_into(a: Any, b: Any, out: Any) -> Any:
    """`np.dot` with an array in C order for the result."""
    return np.dot(a, b, out)


@shared
@fast
def few_matrix_matrix(a: Any, b: Any, out: Any) -> None:
    """`dot_into` of small matrices, and of those without elements."""
    for i in range(out.shape[0]):
        for j in range(out.shape[1]):
            out[i, j] = 0
            total = out[i, j]
            for k in range(a.shape[1]):
                total += a[i, k] * b[k, j]
            out[i, j] = total


@shared
@fast
def few_matrix_vector(a: Any, b: Any, out: Any) -> None:
    """The same with a vector."""
    m, n = a.shape
    for i in range(m):
        out[i] = 0
    if a.strides[1] <= a.strides[0]:
        for i in range(m):
            total = out[i]
            for k in range(n):
                total += a[i, k] * b[k]
            out[i] = total
    else:
        for k in range(n):
            for i in range(m):
                out[i] += a[i, k] * b[k]


@shared
@fast
def few_vector_matrix(a: Any, b: Any, out: Any) -> None:
    """The same with a vector first."""
    few_matrix_vector(b.T, a, out)


@shared
@jit
def with_gaps(a: Any, b: Any, out: Any) -> None:
    """`dot_into` of arrays that must be copied."""
    np.dot(np.ascontiguousarray(a), np.ascontiguousarray(b), out)


_FEW = {
    (2, 2): (FEW_MATRIX, few_matrix_matrix),
    (2, 1): (FEW_VECTOR, few_matrix_vector),
    (1, 2): (FEW_VECTOR, few_vector_matrix),
}


@intrinsic  # type: ignore[untyped-decorator]
def _product(typing: Any, a: Any, b: Any, out: Any) -> Any:
    """out = a @ b."""

    def generate(context: Any, builder: Any, kind: Any, args: Any) -> Any:
        _lower_product(context, builder, kind.args, args)
        return context.get_dummy_value()

    return types.none(a, b, out), generate


@jit
def _matrix_matrix(a: Any, b: Any) -> Any:
    out = mem.empty((a.shape[0], b.shape[1]), a.dtype)
    _product(a, b, out)
    return out


@jit
def _matrix_vector(a: Any, b: Any) -> Any:
    out = mem.empty(a.shape[0], a.dtype)
    _product(a, b, out)
    return out


@jit
def _vector_matrix(a: Any, b: Any) -> Any:
    out = mem.empty(b.shape[1], a.dtype)
    _product(a, b, out)
    return out


@jit
def _vector_vector(a: Any, b: Any) -> Any:
    return np.dot(a, b)


@jit
def _into(a: Any, b: Any, out: Any) -> Any:
    _product(a, b, out)
    return out


_BY_RANKS = {
    (2, 2): _matrix_matrix, (2, 1): _matrix_vector, (1, 2): _vector_matrix, (1, 1): _vector_vector,
}  # fmt: skip

lend(dot, lambda kinds: _BY_RANKS[kinds[0].ndim, kinds[1].ndim])
lend(dot_into, lambda kinds: _into)


def _lower_product(context: Any, builder: Any, kinds: Any, args: Any) -> None:
    """out = a @ b."""
    a, b, out = (_operand(context, builder, kind, value) for kind, value in zip(kinds, args, strict=True))
    ranks = kinds[0].ndim, kinds[1].ndim
    what = " * ".join("matrix" if rank == 2 else "vector" for rank in ranks)
    fits = builder.icmp_signed("==", a.shape[-1], b.shape[0])
    _require(context, builder, fits, f"incompatible array sizes for np.dot(a, b) ({what})")
    for length, wanted in zip(out.shape, [*a.shape[:-1], *b.shape[1:]], strict=True):
        fits = builder.icmp_signed("==", length, wanted)
        message = f"incompatible output array size for np.dot(a, b, out) ({what})"
        _require(context, builder, fits, message)
    most, loops = _FEW[ranks]
    count = a.shape[-1]
    for length in out.shape:
        count = builder.mul(count, length)
    with builder.if_else(builder.icmp_signed("<=", count, _WORD(most))) as (small, large):
        with small:
            call(context, builder, loops, types.none(*kinds), args)
        with large, builder.if_else(builder.and_(a.whole, b.whole)) as (whole, gaps):
            with whole:
                _check_sizes(context, builder, (a, b, out))
                if ranks == (2, 2):
                    _gemm(context, builder, kinds[2].dtype, a, b, out, (1.0, 0.0))
                elif ranks == (2, 1):
                    _gemv(context, builder, kinds[2].dtype, a, b, out, turn=False)
                else:
                    _gemv(context, builder, kinds[2].dtype, b, a, out, turn=True)
            with gaps:
                call(context, builder, with_gaps, types.none(*kinds), args)


def _check_sizes(context: Any, builder: Any, operands: tuple[_Operand, ...]) -> None:
    small = cgutils.true_bit
    for operand in operands:
        for size in (*operand.shape, operand.step):
            small = builder.and_(small, builder.icmp_signed("<=", size, _WORD(MOST)))
    _require(context, builder, small, "array size too large to fit in C int")


@intrinsic  # type: ignore[untyped-decorator]
def subtract_product(typing: Any, out: Any, a: Any, b: Any) -> Any:
    """out -= a @ b for matrices that fit: rows of `out`, and rows or columns of the others, without gaps."""

    def generate(context: Any, builder: Any, kind: Any, args: Any) -> Any:
        c, x, y = (_operand(context, builder, k, v) for k, v in zip(kind.args, args, strict=True))
        some = cgutils.true_bit
        for length in (*c.shape, y.shape[0]):
            some = builder.and_(some, builder.icmp_signed(">", length, _WORD(0)))
        with builder.if_then(some):
            _check_sizes(context, builder, (c, x, y))
            _gemm(context, builder, out.dtype, x, y, c, (-1.0, 1.0))
        return context.get_dummy_value()

    return types.none(out, a, b), generate


# -- systems of equations


@intrinsic  # type: ignore[untyped-decorator]
def _gesv(typing: Any, a: Any, pivots: Any, b: Any) -> Any:
    """The rows of `b` become the solutions of aᵀ @ x = row, `a` its factors: what LAPACK answers."""

    def generate(context: Any, builder: Any, kind: Any, args: Any) -> Any:
        x, order, y = (_operand(context, builder, k, v) for k, v in zip(kind.args, args, strict=True))
        _check_sizes(context, builder, (x, y))
        n, count = x.shape[0], y.shape[0]
        return _library(builder, "numba_xgesv", a.dtype, [n, count, x.data, n, order.data, y.data, n])

    return types.int32(a, pivots, b), generate


@jit
def _finite_transpose(a: Any) -> Any:
    """aᵀ in rows; what is not finite is refused."""
    made = mem.empty((a.shape[1], a.shape[0]), a.dtype)
    for i in range(a.shape[0]):
        for j in range(a.shape[1]):
            if not np.isfinite(a[i, j]):
                raise np.linalg.LinAlgError("Array must not contain infs or NaNs.")
            made[j, i] = a[i, j]
    return made


def _as_matrix(b: Any) -> Any:
    """A vector as a column."""
    raise NotImplementedError


def _as_given(rows: Any, b: Any) -> Any:
    """The rows as columns, or as a vector as `b` is one."""
    raise NotImplementedError


@overload(_as_matrix, strict=False)  # type: ignore[untyped-decorator]
def _choose_as_matrix(b: Any) -> Any:
    if b.ndim == 2:
        return lambda b: b
    return lambda b: b.copy().reshape(b.shape[0], 1)


@overload(_as_given, strict=False)  # type: ignore[untyped-decorator]
def _choose_as_given(rows: Any, b: Any) -> Any:
    return (lambda rows, b: rows[0]) if b.ndim == 1 else (lambda rows, b: rows.T)


@shared
@jit
def solve(a: Any, b: Any) -> Any:
    """`np.linalg.solve` for a vector, or for the columns of a matrix.

    Raises
    ------
    LinAlgError
        If `a` is singular, or anything is not finite.
    """
    factors, rows = _finite_transpose(a), _finite_transpose(_as_matrix(b))
    n = a.shape[0]
    if a.shape[1] != n:
        raise np.linalg.LinAlgError("Last 2 dimensions of the array must be square.")
    if b.shape[0] != n:
        raise np.linalg.LinAlgError("Incompatible array sizes, system is not dimensionally valid.")
    if rows.size > 0 and _gesv(factors, np.empty(n, F_INT_nptype), rows) != 0:
        raise np.linalg.LinAlgError("Matrix is singular to machine precision.")
    return _as_given(rows, b)
