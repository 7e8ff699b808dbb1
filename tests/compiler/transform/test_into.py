"""Results become parameters: random programs keep their meaning, and only safe zeros are left out."""

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
    outs = [np.full_like(expected[k], 7) for k in chosen]
    rest = iter(run(made, [*given(), *outs]))
    full = dict(zip(chosen, outs, strict=True))
    for k, want in enumerate(expected):
        np.testing.assert_array_equal(full[k] if k in full else next(rest), want)


def summed(*, twice: bool = False, short: bool = False, reads: bool = False) -> Builder:
    """x_bar = zeros(n); for i in range(n): x_bar[i] += 2 x[i]; and what makes the zeros necessary."""
    x, n, i = Value(ROW, "x"), Value(INT, "n"), Value(INT, "i")
    b = Builder(Region((x, n)))
    bar = b.alloc([n], "float64", "zeros", "x_bar")
    first = b.load(bar, [b.int(0)], "first") if reads else None
    b.open((i,))
    value = b.apply("mul", (b.load(x, [i]), b.const(2.0)), "float64")
    b.store(bar, [i], value, True)
    if twice:
        b.store(bar, [b.int(0)], value, True)
    b.for_(b.int(1 if short else 0), n, b.int(1), (), b.close())
    b.region.yields = (bar,) if first is None else (bar, first)
    return b


def test_a_loop_that_reaches_every_element(golden: Callable[[str], None]) -> None:
    golden(before_after(partial(into, chosen=[0]), summed()))


@pytest.mark.parametrize("how", [{"twice": True}, {"short": True}, {"reads": True}])
def test_zeros_that_are_needed(how: dict[str, bool]) -> None:
    b = summed(**how)
    fn = Function("f", b.region)
    x, out = np.array([1.0, 2.0, 3.0]), np.full(3, np.nan)
    expected = run(fn, [x, 3])
    rest = run(into(fn, [0]), [x, 3, out])
    assert out.tolist() == expected[0].tolist() and list(rest) == list(expected[1:])


def test_a_parameter_and_one_array_twice_are_copied() -> None:
    x, n = Value(ROW, "x"), Value(INT, "n")
    b = Builder(Region((x, n)))
    made = b.alloc([n], "float64", "zeros", "made")
    b.store(made, [b.int(0)], b.const(5.0))
    b.region.yields = (made, x, made, b.load(x, [b.int(1)]))
    outs = [np.full(2, np.nan) for _ in range(3)]
    rest = run(into(Function("f", b.region), [0, 1, 2]), [np.array([1.0, 2.0]), 2, *outs])
    assert [o.tolist() for o in outs] == [[5.0, 0.0], [1.0, 2.0], [5.0, 0.0]] and rest == (2.0,)
