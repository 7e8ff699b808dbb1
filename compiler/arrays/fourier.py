"""Fourier transforms: library calls on one line after the other."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..ir.build import Builder
from ..ir.nodes import Value
from ..ir.types import Array
from ..prims.prim import cast, emit
from .core import (
    Ctx,
    as_array,
    cast_to,
    copy,
    materialise,
    nest,
    zip_map,
)
from .indexing import basic_view
from .linalg import call
from .registry import Sample, lowers, mat, values, vec
from .shape import full_range, one_axis
from .slicing import Int
from .value import AbstractValue, Arr, Index


def along(ctx: Ctx, arr: Arr, axis: int, length: Value, dtype: str, transform: Any) -> Arr:
    """Apply transform(line: Arr) -> Arr to every line along an axis, into a fresh array."""
    shape = (*arr.shape[:axis], length, *arr.shape[axis + 1 :])
    if arr.rank == 1:
        return transform(arr)  # type: ignore[no-any-return]
    out = ctx.fresh(shape, dtype)
    ref, n = out.memory.ref, full_range(ctx, arr.shape[axis])  # type: ignore[union-attr]

    def one(b: Builder, outer: Index) -> None:
        items: list[Any] = [Int(i) for i in outer]
        items.insert(axis, n)
        done = transform(basic_view(ctx, arr, items))

        def put(b: Builder, i: Index) -> None:
            b.store(ref, (*outer[:axis], *i, *outer[axis:]), done.at(b, i))

        nest(ctx, (length,), put)

    nest(ctx, (*arr.shape[:axis], *arr.shape[axis + 1 :]), one)
    return out


def _spectrum(ctx: Ctx, line: Arr, name: str) -> Arr:
    """fft or ifft of a line."""
    ref = copy(ctx, as_array(ctx, cast_to(ctx, line, "complex128"))).memory.ref  # type: ignore[union-attr]
    return call(ctx, name, [ref], [Array("complex128", 1)], [line.shape])[0]  # type: ignore[no-any-return]


def _transform(name: str) -> Any:
    def lower(ctx: Ctx, a: AbstractValue, *, axis: AbstractValue = -1) -> AbstractValue:
        arr = materialise(ctx, as_array(ctx, a))
        _double_only(ctx, arr, name)
        k = one_axis(ctx, axis, arr.rank)
        n = arr.shape[k]
        one, two = ctx.b.int(1), ctx.b.int(2)
        if name == "rfft":
            length = emit(ctx.b, "add", emit(ctx.b, "floordiv", n, two), one)
            return along(
                ctx, arr, k, length, "complex128", lambda line: _first(_spectrum(ctx, line, "fft"), length)
            )
        if name == "irfft":
            length = emit(ctx.b, "mul", emit(ctx.b, "sub", n, one), two)
            return along(ctx, arr, k, length, "float64", lambda line: _real_line(ctx, line, length))
        return along(ctx, arr, k, n, "complex128", lambda line: _spectrum(ctx, line, name))

    return lower


def _double_only(ctx: Ctx, arr: Arr, name: str) -> None:
    if arr.dtype in ("float32", "complex64"):
        raise ctx.no_rule(
            f"np.fft.{name} of {arr.dtype} is not supported", "convert to double precision first"
        )


def _first(line: Arr, length: Value) -> Arr:
    return remap_length(line, length)


def remap_length(line: Arr, length: Value) -> Arr:
    """The first elements of a line, as a value."""
    return Arr(line.dtype, (length,), line.at, reads=line.reads, writeable=False, steps=None)


def _real_line(ctx: Ctx, half: Arr, length: Value) -> Arr:
    """irfft: the other half of the spectrum is the conjugate of the first, and the result is real."""
    m = half.shape[0]
    edge = emit(ctx.b, "sub", m, ctx.b.int(1))

    def at(b: Builder, index: Index) -> Value:
        k = index[0]
        mirrored = emit(b, "sub", length, k)
        left = emit(b, "le", k, edge)
        x = cast(b, half.at(b, (emit(b, "select", left, k, mirrored),)), "complex128")
        ends = emit(b, "or", emit(b, "eq", k, b.int(0)), emit(b, "eq", k, edge))
        real = emit(b, "real", x)
        imag = emit(b, "imag", x)
        zero = b.const(0.0, "float64")
        imag = emit(b, "select", ends, zero, emit(b, "select", left, imag, emit(b, "neg", imag)))
        return emit(b, "complex", real, imag)

    full = Arr("complex128", (length,), at, cheap=False, reads=half.reads, writeable=False, steps=None)
    back = _spectrum(ctx, full, "ifft")
    return zip_map(ctx, (length,), [back], ["complex128"], "float64", lambda b, v: emit(b, "real", v[0]))


_LINES = lambda: [Sample(values(6)), Sample(values(3, 4), axis=0), Sample(vec() + 1j * vec(2))]  # noqa: E731
lowers(np.fft.fft, samples=_LINES)(_transform("fft"))
lowers(np.fft.ifft, samples=_LINES)(_transform("ifft"))
lowers(np.fft.rfft, samples=lambda: [Sample(values(6)), Sample(vec()), Sample(mat(), axis=0)])(
    _transform("rfft")
)
lowers(np.fft.irfft, samples=lambda: [Sample(vec() + 1j * vec(2)), Sample(values(4)), Sample(mat() + 1j)])(
    _transform("irfft")
)
