"""What loops over lanes read and write, cell by cell."""

from __future__ import annotations

from pullback.compiler.analysis.lane_loops import Cell, LaneLoops
from pullback.compiler.ir.build import Builder
from pullback.compiler.ir.nodes import Function, Region, Value
from pullback.compiler.ir.types import INT, Array
from pullback.compiler.prims.prim import emit


def test_sources_and_what_is_stored() -> None:
    x, w = Value(Array("float64", 2), "x_dot"), Value(Array("float64", 1), "w_dot")
    a = Value(Array("float64", 1), "a")
    b = Builder(Region((a, x, w)))
    n, lanes, zero, one = b.dim(x, 0), b.dim(x, 1), b.int(0), b.int(1)
    frame = b.alloc([n, b.int(2), lanes], "float64", "empty", "frame_dot")
    seen = b.alloc([lanes], "float64", "zeros", "seen_dot")
    lost = b.alloc([lanes], "float64", "zeros", "lost_dot")
    i, lane = Value(INT, "i"), Value(INT, "lane")
    b.open((i,))
    factor = b.load(a, [i])
    b.open((lane,))
    product = emit(b, "mul", factor, b.load(x, [i, lane]))
    b.store(frame, [i, zero, lane], emit(b, "add", product, b.load(w, [lane])))
    b.store(frame, [i, one, lane], product)
    b.store(seen, [lane], product, True)
    inner = b.close()
    b.for_(zero, lanes, one, (), inner)
    other = Value(INT, "lane")
    b.open((other,))
    b.store(seen, [other], emit(b, "add", b.load(w, [other]), factor))
    inner = b.close()
    b.for_(zero, lanes, one, (), inner)
    outer = b.close()
    b.for_(zero, n, one, (), outer)
    b.view(lost, "slice", ("n", ":"), (), 2)
    b.region.yields = (frame, seen)
    found = LaneLoops(Function("f", b.region), [x, w])
    first, second = found.loops
    assert list(found.arrays) == [frame, seen]  # whoever has a view of an array may write it
    assert (found.axes(x), found.axes(w), found.axes(frame)) == ((0,), (), (0,))
    assert first.sources == (Cell(x, (i,)), Cell(w, ()))
    assert first.stored == (Cell(frame, (i,)),) and first.added == (Cell(seen, ()),)
    assert second.sources is None and second.stored == (Cell(seen, ()),)
