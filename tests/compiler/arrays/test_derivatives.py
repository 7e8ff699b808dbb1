"""Adjoint and tangent of every array function at its own samples, against central differences.

The results are summed with random weights, so that one adjoint checks all of them.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from arrays_harness import expected, lower
from pullback.compiler.adjoint.build import adjoint
from pullback.compiler.arrays import library
from pullback.compiler.ir.build import Builder
from pullback.compiler.ir.nodes import Function, Module, Region, Value
from pullback.compiler.ir.types import Array, Scalar, is_float
from pullback.compiler.ir.verify import verify
from pullback.compiler.prims.interp import run
from pullback.compiler.prims.prim import cast, emit
from pullback.compiler.tangent.build import tangent

SMOOTH = 1e-6
"""What central differences of a smooth function may be off."""


def is_real(x: Any) -> bool:
    return isinstance(x, np.ndarray | np.generic | float) and np.asarray(x).dtype == "float64"


def candidates() -> list[Any]:
    """The samples with finite float64 arguments and a float64 result."""
    found = []
    for entry in library.entries():
        for sample in entry.samples():
            results = expected(entry, sample)
            results = results if isinstance(results, tuple | list) else (results,)
            given = [a for a in leaves(sample.args) if is_real(a)]
            if any(is_real(r) for r in results) and given and all(np.all(np.isfinite(a)) for a in given):
                name = entry.name or entry.method
                found.append(pytest.param(entry, sample, id=f"{name}({sample})"))
    return found


def leaves(args: Sequence[Any]) -> list[Any]:
    return [leaf for a in args for leaf in (leaves(a) if isinstance(a, tuple) else [a])]


def weighted(function: Function) -> Module:
    """Σ weight · element over all float results: a function of one number."""
    b = Builder(function.body)
    total = b.const(0.0)
    for number, result in enumerate(function.results):
        if not is_float(result.type.dtype) or result.type.dtype != "float64":
            continue
        if isinstance(result.type, Scalar):
            total = emit(b, "add", total, emit(b, "mul", b.const(0.7 + number), result))
        elif isinstance(result.type, Array):
            total = emit(b, "add", total, summed(b, result))
    return Module(Function("f", Region(function.body.params, b.region.ops, (total,))))


def summed(b: Builder, array: Value) -> Value:
    """Σ (1 + 0.3 i + 0.17 j + …) · array[i, j, …]."""

    def level(axis: int, index: tuple[Value, ...], weight: Value, carried: Value) -> Value:
        if axis == array.type.rank:  # type: ignore[union-attr]
            return emit(b, "add", carried, emit(b, "mul", weight, b.load(array, index)))
        zero, length, one = b.int(0), b.dim(array, axis), b.int(1)
        i, s = Value(zero.type, "i"), Value(carried.type, "s")
        b.open((i, s))
        step = emit(b, "mul", cast(b, i, "float64"), b.const(0.3 / (axis + 1) ** 2))
        inner = level(axis + 1, (*index, i), emit(b, "add", weight, step), s)
        return b.for_(zero, length, one, (carried,), b.close((inner,)))[0]

    return level(0, (), b.const(1.0), b.const(0.0))


@pytest.mark.parametrize(("entry", "sample"), candidates())
def test_adjoint_and_tangent(entry: library.Entry, sample: library.Sample) -> None:
    made = lower(entry, sample.args, sample.kwargs)
    module = weighted(made.function)
    verify(module)
    wrt = [k for k, a in enumerate(made.args) if is_real(a)]
    rng = np.random.default_rng(0)
    directions = [rng.standard_normal(np.shape(made.args[k]))[()] for k in wrt]

    def value(h: float) -> float:
        moved = copy.deepcopy(made.args)
        for k, d in zip(wrt, directions, strict=True):
            moved[k] = moved[k] + h * d
        return float(run(module, moved)[0])

    reverse, _ = adjoint(module, wrt, name="f_adjoint")
    verify(reverse)
    primal, *gradients = run(reverse, copy.deepcopy(made.args))
    np.testing.assert_allclose(primal, value(0.0), rtol=1e-13)
    exact = sum(float(np.sum(g * d)) for g, d in zip(gradients, directions, strict=True))

    forward = tangent(module, wrt, name="f_tangent")
    verify(forward)
    dot = run(forward, [*copy.deepcopy(made.args), *directions])[1]
    np.testing.assert_allclose(dot, exact, rtol=1e-9, atol=1e-11)

    coarse, fine = ((value(h) - value(-h)) / (2 * h) for h in (2e-5, 1e-5))
    scale = max(1.0, abs(exact))
    assert abs(exact - fine) <= SMOOTH * scale + 2 * abs(fine - coarse), (exact, fine)
