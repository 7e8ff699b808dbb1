"""Every library call with a derivative: reverse, forward and second order, found from the registry."""

from __future__ import annotations

import numpy as np
import pytest
from oracles import check_derivatives
from pullback.compiler.ir.build import Builder
from pullback.compiler.ir.nodes import Function, Module, Value
from pullback.compiler.ir.types import F64, INT, Array, Scalar, is_complex
from pullback.compiler.prims import registry  # noqa: F401 - fills PRIMS
from pullback.compiler.prims.calls import CALLS
from pullback.compiler.prims.prim import PRIMS, Sym, emit

CASES = [
    (name, k) for name, record in sorted(CALLS.items()) if record.vjp for k in range(len(record.samples))
]


def nest(b: Builder, lengths: list[Value], body) -> Value:
    """Sum of body(index) over a loop nest."""

    def level(index: tuple[Value, ...], total: Value) -> Value:
        if len(index) == len(lengths):
            return emit(b, "add", total, body(index))
        i, carried = Value(INT, "i"), Value(F64, "s")
        b.open((i, carried))
        region = b.close((level((*index, i), carried),))
        (out,) = b.for_(b.int(0), lengths[len(index)], b.int(1), (total,), region)
        return out

    return level((), b.const(0.0))


def weight(b: Builder, index: tuple[Value, ...]) -> Sym:
    """A smooth weight that differs for every element."""
    t = Sym(b, b.const(0.4))
    for i in index:
        t = t * 1.3 + Sym(b, b.apply("cast", (i,), "float64"))
    return PRIMS["cos"](t)


def scalar_of(b: Builder, value: Value, index: tuple[Value, ...]) -> Value:
    """A non-linear function of one element, so that second derivatives show."""
    parts = [value]
    if is_complex(value.dtype):
        parts = [emit(b, "real", value), emit(b, "imag", value)]
    total = Sym(b, b.const(0.0))
    for part in parts:
        x = Sym(b, part)
        total = total + weight(b, index) * (x + 0.1 * x * x)
    return total.value


def complex_from(b: Builder, pairs: Value) -> Value:
    """A complex array from real and imaginary parts along the last axis."""
    lengths = [b.dim(pairs, axis) for axis in range(pairs.rank - 1)]
    z = b.alloc(lengths, "complex128", "empty", "z")

    def element(index: tuple[Value, ...]) -> Value:
        re, im = (b.load(pairs, (*index, b.int(k))) for k in (0, 1))
        b.store(z, index, emit(b, "complex", re, im))
        return b.const(0.0)

    nest(b, lengths, element)
    return z


@pytest.mark.parametrize(("name", "k"), CASES, ids=lambda v: str(v))
def test_rule(name, k):
    record = CALLS[name]
    sample = record.samples[k](np.random.default_rng(k))
    b, params, args, operands = Builder(), [], [], []
    for arg in sample:
        array = np.asarray(arg)
        if np.iscomplexobj(array):
            array = np.stack([array.real, array.imag], axis=-1)
        type_ = Array(array.dtype.name, array.ndim) if array.ndim else Scalar(array.dtype.name)
        params.append(Value(type_, "a"))
        args.append(array if array.ndim else array[()])
    b.region.params = tuple(params)
    for param, arg in zip(params, sample, strict=True):
        operands.append(complex_from(b, param) if np.iscomplexobj(arg) else param)
    outs = b.call(name, operands, record.types([o.type for o in operands], ()))
    total = Sym(b, b.const(0.0))
    for out in outs:
        if isinstance(out.type, Array):
            lengths = [b.dim(out, axis) for axis in range(out.rank)]
            part = nest(b, lengths, lambda index, out=out: scalar_of(b, b.load(out, index), index))
        else:
            part = scalar_of(b, out, ())
        total = total + Sym(b, part)
    b.region.yields = (total.value,)
    wrt = [i for i, arg in enumerate(args) if np.asarray(arg).dtype.kind == "f"]
    # Their second derivatives invert the matrix: NumPy raises where it is singular.
    singular = name in ("det", "cofactor") and np.linalg.matrix_rank(sample[0]) < len(sample[0])
    check_derivatives(Module(Function("f", b.region)), args, wrt, analytic=False, second=not singular)
