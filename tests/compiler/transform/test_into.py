"""Results become parameters: random programs keep their meaning."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
import pytest
from pullback.compiler.ir.build import Builder
from pullback.compiler.ir.nodes import Alloc, Function, Region, Value
from pullback.compiler.ir.types import INT, Array
from pullback.compiler.ir.verify import verify
from pullback.compiler.prims.interp import run
from pullback.compiler.prims.prim import PRIMS
from pullback.compiler.transform.into import into
from randprog.irprograms import IrProgram
from randprog.passes import before_after

ROW = Array("float64", 1)


@pytest.mark.parametrize("seed", range(40))
def test_random_programs(seed: int) -> None:
    fn = IrProgram(seed).build()
    arrays = [op.out for op in fn.body.ops if isinstance(op, Alloc)]
    results = (*fn.results, *arrays, fn.params[0])
    fn = Function("f", Region(fn.params, fn.body.ops, results))
    chosen = [k for k, r in enumerate(results) if isinstance(r.type, Array)]
    made = into(fn, chosen)
    verify(made, PRIMS)

    def given() -> list[object]:
        return [np.array([0.5, -1.25, 2.0, 0.75]), np.array([1.5, 0.25, -0.5, 3.0]), 0.75, -1.5, 3]

    try:
        expected = run(fn, given())
    except (ValueError, IndexError) as error:
        outs = [np.full((4,) * results[k].rank, 7, results[k].dtype) for k in chosen]
        with pytest.raises(type(error)):
            run(made, [*given(), *outs])
        return
    outs = [np.full_like(expected[k], np.nan) for k in chosen]  # what the interpreter's `empty` holds
    rest = iter(run(made, [*given(), *outs]))
    full = dict(zip(chosen, outs, strict=True))
    for k, want in enumerate(expected):
        np.testing.assert_array_equal(full[k] if k in full else next(rest), want)


@pytest.mark.parametrize("fill", ["empty", "zeros"])
def test_an_array_of_the_functions_own(fill: str, golden: Callable[[str], None]) -> None:
    x, n, i = Value(ROW, "x"), Value(INT, "n"), Value(INT, "i")
    b = Builder(Region((x, n)))
    bar = b.alloc([n], "float64", fill, "x_bar")
    b.open((i,))
    b.store(bar, [i], b.load(x, [i]), fill == "zeros")
    body = b.close()
    b.for_(b.int(0), n, b.int(1), (), body)
    b.region.yields = (b.const(1.0), bar)
    golden(before_after(partial(into, chosen=[1]), b))


def test_a_parameter_and_one_array_twice_are_copied() -> None:
    x, n = Value(ROW, "x"), Value(INT, "n")
    b = Builder(Region((x, n)))
    made = b.alloc([n], "float64", "zeros", "made")
    b.store(made, [b.int(0)], b.const(5.0))
    b.region.yields = (made, x, made, b.load(x, [b.int(1)]))
    outs = [np.full(2, np.nan) for _ in range(3)]
    rest = run(into(Function("f", b.region), [0, 1, 2]), [np.array([1.0, 2.0]), 2, *outs])
    assert [o.tolist() for o in outs] == [[5.0, 0.0], [1.0, 2.0], [5.0, 0.0]] and rest == (2.0,)
