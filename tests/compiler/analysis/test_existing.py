"""Which elements exist, and which loops run."""

from __future__ import annotations

from pullback.compiler.analysis.dependence import Dependences
from pullback.compiler.ir.build import Builder
from pullback.compiler.ir.nodes import For, Function, Value
from pullback.compiler.ir.types import INT, Array
from pullback.compiler.ir.walk import walk


def nest() -> tuple[Function, list[For], Value, Value]:
    """for i in range(n): for j in range(i + 1): for k in range(m), n the length of a."""
    b = Builder()
    a, m = Value(Array("float64", 1), "a"), Value(INT, "m")
    b.region.params = (a, m)
    n, zero, one = b.dim(a, 0), b.int(0), b.int(1)
    made = b.alloc((n, n), "float64")
    i, j, k = (Value(INT, name) for name in "ijk")
    b.open([i])
    end = b.apply("add", (i, one), "int64")
    b.open([j])
    b.open([k])
    b.store(made, (j, i), b.load(a, (k,)))
    b.for_(zero, m, one, (), b.close())
    b.for_(zero, end, one, (), b.close())
    b.for_(zero, n, one, (), b.close())
    fn = Function("f", b.region)
    return fn, [op for op in walk(fn.body) if isinstance(op, For)], a, made


def test_elements() -> None:
    fn, (outer, middle, inner), a, made = nest()
    inside = Dependences(fn).existing
    assert inside.exists(a, [outer.index])
    assert inside.exists(made, [middle.index, outer.index])  # j is at most i
    assert not inside.exists(a, [inner.index])
    assert not inside.exists(a, [middle.hi])  # i + 1
    assert not inside.exists(a, [inner.hi])


def test_loops() -> None:
    fn, (outer, middle, inner), _, _ = nest()
    inside = Dependences(fn).existing
    assert not inside.runs(outer, [])
    assert inside.runs(middle, [outer])
    assert not inside.runs(inner, [outer, middle])
    assert inside.runs(outer, [outer])  # the same range


def test_lengths() -> None:
    fn, (outer, _, inner), a, made = nest()
    inside = Dependences(fn).existing
    assert inside.is_length(a, 0, outer.hi) and inside.is_length(made, 1, outer.hi)
    assert inside.fits(outer.hi, made, 0) and not inside.fits(inner.hi, a, 0)
