"""Lower one call into an IR function and run it on the interpreter."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
from pullback.compiler.arrays import library
from pullback.compiler.arrays.core import Ctx, from_reference, lift, reference
from pullback.compiler.arrays.value import Arr, Known, Num, Tup
from pullback.compiler.ir.build import Builder
from pullback.compiler.ir.nodes import Function, Value
from pullback.compiler.ir.types import Array, Scalar
from pullback.compiler.ir.verify import verify
from pullback.compiler.prims.interp import run
from pullback.compiler.prims.registry import PRIMS


@dataclasses.dataclass
class Lowered:
    """An IR function, the run-time arguments of the sample, and how to rebuild the result."""

    function: Function
    args: list[Any]
    result: Any

    def run(self, args: list[Any] | None = None, **mode: Any) -> Any:
        given = [a.copy() if isinstance(a, np.ndarray) else a for a in (self.args if args is None else args)]
        return _rebuilt(self.result, iter(run(self.function, given, **mode)))


def lower(call: Any, args: tuple[Any, ...], kwargs: dict[str, Any] | None = None) -> Lowered:
    """The IR of call(ctx, *args, **kwargs); arrays, floats and NumPy scalars are parameters."""
    b = Builder()
    ctx = Ctx(b)
    params: list[Value] = []
    values: list[Any] = []

    def abstract(x: Any) -> Any:
        if isinstance(x, np.ndarray):
            p = Value(Array(x.dtype.name, x.ndim), f"a{len(params)}")
            params.append(p)
            values.append(x)
            shape = tuple(b.int(1) if n == 1 else b.dim(p, k) for k, n in enumerate(x.shape))
            return from_reference(ctx, p, shape, object(), x.flags.c_contiguous)
        if isinstance(x, float | np.number) and not (isinstance(x, float) and np.isinf(x)):
            p = Value(Scalar(np.asarray(x).dtype.name), f"x{len(params)}")
            params.append(p)
            values.append(x)
            return Num(p, weak=not isinstance(x, np.generic))
        if isinstance(x, tuple) and any(isinstance(i, float | np.ndarray | tuple) for i in x):
            return Tup(tuple(abstract(i) for i in x))
        return x if isinstance(x, Known) else Known(x)

    given = [abstract(a) for a in args]
    named = {k: abstract(v) for k, v in (kwargs or {}).items()}
    out = call(ctx, *given, **named)
    results: list[Value] = []

    def collect(x: Any) -> None:
        if isinstance(x, Tup):
            for item in x.items:
                collect(item)
        elif isinstance(x, Arr):
            results.append(reference(ctx, x))
        elif isinstance(x, Num):
            results.append(x.value)

    if isinstance(out, list | tuple):
        out = Tup(tuple(out))
    if not isinstance(out, Arr | Num | Known | Tup) and out is not None:
        out = lift(ctx, out)
    collect(out)
    b.region.params = tuple(params)
    function = Function("f", b.close(results))
    verify(function, PRIMS)
    return Lowered(function, values, out)


def _rebuilt(result: Any, outs: Any) -> Any:
    if isinstance(result, Tup):
        return tuple(_rebuilt(item, outs) for item in result.items)
    if isinstance(result, Arr | Num):
        return next(outs)
    return result.obj if isinstance(result, Known) else result


def expected(entry: library.Entry, sample: library.Sample) -> Any:
    """What NumPy says."""
    with np.errstate(all="ignore"):
        if entry.functions:
            return entry.functions[0](*_copies(sample.args), **sample.kwargs)
        return getattr(sample.args[0], entry.method)(*sample.args[1:], **sample.kwargs)


def _copies(args: tuple[Any, ...]) -> tuple[Any, ...]:
    return tuple(a.copy() if isinstance(a, np.ndarray) else a for a in args)


def assert_same(got: Any, want: Any, rtol: float = 1e-12) -> None:
    """Equal value, dtype and shape, through tuples."""
    if isinstance(want, tuple | list):
        assert len(got) == len(want)
        for g, w in zip(got, want, strict=True):
            assert_same(g, w, rtol)
        return
    got, want = np.asarray(got), np.asarray(want)
    assert got.shape == want.shape
    assert got.dtype == want.dtype
    if want.dtype.kind in "fc":
        rtol = 2e-6 if want.dtype.name in ("float32", "complex64") else rtol
        np.testing.assert_allclose(got, want, rtol=rtol, atol=rtol)
    else:
        np.testing.assert_array_equal(got, want)
