"""What references may point to, and where memory can change."""

from __future__ import annotations

from pullback.compiler.analysis.activity import Activity
from pullback.compiler.analysis.memory import Memory, written_params
from pullback.compiler.ir.build import Builder
from pullback.compiler.ir.nodes import Function, Load, Module, Region, Value
from pullback.compiler.ir.types import BOOL, F64, INT, Array
from pullback.compiler.ir.walk import walk

VECTOR = Array("float64", 1)


def start(*params: Value) -> Builder:
    b = Builder()
    b.region.params = params
    return b


def ops(b: Builder, kind: type) -> list:
    return [op for op in walk(b.region) if isinstance(op, kind)]


def test_a_join_may_mean_both():
    x, y, c = Value(VECTOR, "x"), Value(VECTOR, "y"), Value(BOOL, "c")
    b = start(x, y, c)
    b.open()
    then = b.close((x,))
    b.open()
    (z,) = b.if_(c, then, b.close((y,)))
    memory = Memory(Function("f", b.region))
    assert memory.origins(z) == {x, y}


def test_swapped_references_mean_both():
    x, y = Value(VECTOR, "x"), Value(VECTOR, "y")
    b = start(x, y)
    u, v, i = Value(VECTOR, "u"), Value(VECTOR, "v"), Value(INT, "i")
    bounds = (b.int(0), b.int(3), b.int(1))
    b.open((i, u, v))
    out, _ = b.for_(*bounds, (x, y), b.close((v, u)))
    assert Memory(Function("f", b.region)).origins(out) == {x, y}


def test_a_view_is_its_array_and_a_list_holds_references():
    x = Value(VECTOR, "x")
    b = start(x)
    view = b.view(x, "reshape", (), (b.int(2), b.int(2)), 2)
    xs = b.list_new(VECTOR, "xs")
    b.push(xs, x)
    got = b.list_get(xs, b.int(0))
    memory = Memory(Function("f", b.region))
    assert memory.origins(view) == memory.origins(got) == {x}


def test_a_load_is_stable_only_without_a_later_write():
    x = Value(VECTOR, "x")
    b = start(x)
    before = b.load(x, (b.int(0),))
    b.store(x, (b.int(1),), before)
    b.load(x, (b.int(0),))
    memory = Memory(Function("f", b.region))
    first, last = ops(b, Load)
    assert not memory.stable_after(frozenset({x}), first)
    assert memory.stable_after(frozenset({x}), last)


def test_a_write_earlier_in_a_loop_runs_again():
    x, i = Value(VECTOR, "x"), Value(INT, "i")
    b = start(x)
    bounds = (b.int(0), b.int(3), b.int(1))
    b.open((i,))
    b.store(x, (i,), b.const(1.0))
    b.load(x, (i,))
    b.for_(*bounds, (), b.close())
    (load,) = ops(b, Load)
    assert not Memory(Function("f", b.region)).stable_after(frozenset({x}), load)


def test_memory_made_in_the_iteration_is_its_own():
    b, i = start(), Value(INT, "i")
    bounds = (b.int(0), b.int(3), b.int(1))
    b.open((i,))
    a = b.alloc((b.int(2),), "float64", "zeros")
    b.store(a, (b.int(0),), b.const(1.0))
    b.load(a, (b.int(0),))
    b.for_(*bounds, (), b.close())
    (load,) = ops(b, Load)
    assert Memory(Function("f", b.region)).stable_after(frozenset({a}), load)


def test_memory_that_reaches_the_next_iteration_is_not():
    x, i, u = Value(VECTOR, "x"), Value(INT, "i"), Value(VECTOR, "u")
    b = start(x)
    bounds = (b.int(0), b.int(3), b.int(1))
    b.open((i, u))
    b.store(u, (b.int(0),), b.const(1.0))
    a = b.alloc((b.int(2),), "float64", "zeros")
    b.load(a, (b.int(0),))
    b.for_(*bounds, (x,), b.close((a,)))
    (load,) = ops(b, Load)
    assert not Memory(Function("f", b.region)).stable_after(frozenset({a}), load)


def test_writes_through_views_are_writes_to_parameters():
    y, x = Value(VECTOR, "y"), Value(VECTOR, "x")
    b = start(y, x)
    view = b.view(x, "reshape", (), (b.int(2), b.int(2)), 2)
    b.store(view, (b.int(0), b.int(0)), b.const(1.0))
    others = {"f": Function("f", b.region)}
    assert written_params(Module(Function("entry", Region()), others)) == {
        "f": frozenset((0, 1))
    }  # they may overlap
    module = Module(Function("entry", Region()), others, segments=frozenset(("f",)))
    assert written_params(module) == {"f": frozenset((1,))}


def test_what_a_callee_writes_is_written():
    x, z = Value(VECTOR, "x"), Value(VECTOR, "z")
    writer, caller = start(x), start(z)
    writer.store(x, (writer.int(0),), writer.const(1.0))
    caller.call_fn("writer", (z,), ())
    others = {"caller": Function("caller", caller.region), "writer": Function("writer", writer.region)}
    found = written_params(Module(Function("entry", Region()), others))
    assert found == {"writer": frozenset((0,)), "caller": frozenset((0,))}


def test_active_is_varied_and_useful():
    x, y = Value(VECTOR, "x"), Value(F64, "y")
    b = start(x, y)
    a = b.alloc((b.int(2),), "float64", "zeros")
    dead = b.alloc((b.int(2),), "float64", "zeros")
    value = b.load(x, (b.int(0),))
    b.store(a, (b.int(0),), value)
    b.store(dead, (b.int(0),), value)
    out = b.load(a, (b.int(0),))
    b.region.yields = (out,)
    activity = Activity(Memory(Function("f", b.region)), [x], [out])
    assert activity.active(value) and activity.active(a) and activity.active(x)
    assert not activity.active(dead)
    assert not activity.active(y)
