"""The adjoint, its tangent and the tangent of the primal, on hand-built IR."""

from __future__ import annotations

import numpy as np
import pytest
from oracles import check_derivatives
from pullback.compiler.adjoint.build import adjoint
from pullback.compiler.errors import NoRuleError, UnsupportedError
from pullback.compiler.ir.build import Builder
from pullback.compiler.ir.nodes import Function, Module, Value
from pullback.compiler.ir.types import F64, INT, Array
from pullback.compiler.prims import registry  # noqa: F401 - fills PRIMS
from pullback.compiler.prims.interp import run
from pullback.compiler.prims.prim import PRIMS, Sym, emit
from pullback.compiler.tangent.build import tangent

VECTOR = Array("float64", 1)
sin, exp = PRIMS["sin"], PRIMS["exp"]


def start(*params: Value) -> Builder:
    b = Builder()
    b.region.params = params
    return b


def finish(b: Builder, *results: Value, **others: Function) -> Module:
    b.region.yields = results
    return Module(Function("f", b.region), others)


def test_overwritten_array_in_a_loop():
    """t = sin(x[i]); x[i] = t * t; s += x[i] * t."""
    x, i, s = Value(VECTOR, "x"), Value(INT, "i"), Value(F64, "s")
    b = start(x)
    b.open((i, s))
    t = sin(Sym(b, b.load(x, (i,)))).value
    b.store(x, (i,), emit(b, "mul", t, t))
    body = b.close((emit(b, "add", s, emit(b, "mul", b.load(x, (i,)), t)),))
    module = finish(b, *b.for_(b.int(0), b.dim(x, 0), b.int(1), (b.const(0.3),), body))
    check_derivatives(module, [np.array([0.3, 0.5, 0.9])], [0])


def swap_program() -> Module:
    """Buffers swapped in a time loop, a branch, and a triangular inner loop."""
    x, c = Value(VECTOR, "x"), Value(F64, "c")
    t, u, v, s = Value(INT, "t"), Value(VECTOR, "u"), Value(VECTOR, "v"), Value(F64, "s")
    i, s2, j, q = Value(INT, "i"), Value(F64, "s"), Value(INT, "j"), Value(F64, "q")
    b = start(x, c)
    n, zero, one = b.dim(x, 0), b.int(0), b.int(1)
    v0 = b.alloc((n,), "float64", "zeros", "v")
    b.open((t, u, v, s))
    b.open((i, s2))
    ui = Sym(b, b.load(u, (i,)))
    w = sin(ui * Sym(b, c)).value
    big = (ui > 0.5).value
    b.open()
    then = b.close((emit(b, "mul", w, w),))
    b.open()
    orelse = b.close((emit(b, "add", w, s2),))
    (z,) = b.if_(big, then, orelse)
    b.open((j, q))
    inner = b.close((sin(Sym(b, q) * Sym(b, b.load(u, (j,))) + Sym(b, z)).value,))
    (last,) = b.for_(zero, i, one, (z,), inner)
    b.store(v, (i,), last)
    (total,) = b.for_(zero, n, one, (s,), b.close((emit(b, "add", s2, last),)))
    body = b.close((v, u, total))
    u_end, _, s_end = b.for_(zero, b.int(3), one, (x, v0, b.const(0.0)), body)
    return finish(b, emit(b, "mul", s_end, b.load(u_end, (zero,))))


def test_swapped_buffers():
    check_derivatives(swap_program(), [np.array([0.3, 0.54, 0.9]), 0.7], [0, 1])


def test_zero_trips_give_zero_gradients():
    module = swap_program()
    reverse, _ = adjoint(module, [1], name="f_adjoint")
    with pytest.raises(IndexError):
        run(reverse, [np.zeros(0), 0.7])


def recursion() -> Module:
    """g(x, a, n) = x if n <= 0 else g(sin(2x), a, n - 1) * (x + a[1]), with a[0] *= x before the call."""
    x, a, n = Value(F64, "x"), Value(VECTOR, "a"), Value(INT, "n")
    b = start(x, a, n)
    done = (Sym(b, n) <= 0).value
    b.open()
    stop = b.close((x,))
    b.open()
    b.store(a, (b.int(0),), emit(b, "mul", b.load(a, (b.int(0),)), x))
    (q,) = b.call_fn("g", (sin(Sym(b, x) * 2.0).value, a, (Sym(b, n) - 1).value), (F64,))
    go = b.close((emit(b, "mul", q, emit(b, "add", x, b.load(a, (b.int(1),)))),))
    b.region.yields = b.if_(done, stop, go)
    g = Function("g", b.region)
    x, a, n = Value(F64, "x"), Value(VECTOR, "a"), Value(INT, "n")
    b = start(x, a, n)
    (q,) = b.call_fn("g", (x, a, n), (F64,))
    return finish(b, emit(b, "mul", q, b.load(a, (b.int(0),))), g=g)


def test_recursion_that_writes_its_argument():
    check_derivatives(recursion(), [0.7, np.array([0.4, 0.9]), 3], [0, 1])


def test_list_break_and_while():
    """Squares pushed until a running value passes a bound; then popped and folded."""
    x, i, acc = Value(VECTOR, "x"), Value(INT, "i"), Value(F64, "acc")
    b = start(x)
    xs = b.list_new(F64, "xs")
    b.open((i, acc))
    v = sin(Sym(b, b.load(x, (i,)))).value
    b.push(xs, emit(b, "mul", v, v))
    grown = emit(b, "add", emit(b, "mul", acc, v), v)
    body = b.close(((Sym(b, grown) > 1.5).value, grown))
    (end,) = b.for_(b.int(0), b.dim(x, 0), b.int(1), (b.const(0.3),), body, stops=True)
    t, k, t1, k1 = Value(F64, "t"), Value(INT, "k"), Value(F64, "t"), Value(INT, "k")
    b.open((t1, k1))
    cond = b.close(((Sym(b, k1) > 0).value,))
    b.open((t, k))
    p = b.pop(xs, "p")
    folded = sin(Sym(b, t) * Sym(b, p) + Sym(b, t)).value
    loop = b.close((folded, (Sym(b, k) - 1).value))
    result, _ = b.while_((end, b.list_len(xs)), cond, loop)
    module = finish(b, result)
    check_derivatives(module, [np.array([0.4, 0.9, 0.7, 1.2, 0.3])], [0])


def nested_branches() -> Module:
    """Values that only a branch of a branch computes, read by its reverse."""
    x, y = Value(F64, "x"), Value(F64, "y")
    b = start(x, y)
    positive = (Sym(b, y) > 0.0).value
    b.open()
    e = exp(Sym(b, x)).value
    large = (Sym(b, e) > 1.0).value
    b.open()
    e2 = exp(Sym(b, e) * 0.1).value
    then = b.close((emit(b, "mul", e2, e2),))
    b.open()
    (w,) = b.if_(large, then, b.close((x,)))
    inside = b.close((emit(b, "mul", w, e),))
    b.open()
    (o,) = b.if_(positive, inside, b.close((y,)))
    return finish(b, emit(b, "mul", o, y))


@pytest.mark.parametrize("point", [(0.5, 0.7), (-0.5, 0.7), (0.5, -0.7)])
def test_values_of_branches(point):
    check_derivatives(nested_branches(), list(point), [0, 1])


def test_custom_rule_is_used_and_differentiated_again():
    """backward gives 3 r y_bar although the primal is sin: the rule of the user wins; its own derivative is 3
    y_bar."""
    x = Value(F64, "x")
    b = start(x)
    b.region.yields = (sin(Sym(b, x)).value,)
    g = Function("g", b.region)
    x = Value(F64, "x")
    b = start(x)
    b.region.yields = (sin(Sym(b, x)).value, x)
    forward = Function("g_forward", b.region)
    r, bar = Value(F64, "r"), Value(F64, "bar")
    b = start(r, bar)
    b.region.yields = (emit(b, "mul", emit(b, "mul", r, b.const(3.0)), bar),)
    backward = Function("g_backward", b.region)
    x = Value(F64, "x")
    b = start(x)
    (y,) = b.call_fn("g", (x,), (F64,))
    module = finish(b, y, g=g, g_forward=forward, g_backward=backward)
    module.custom["g"] = ("g_forward", "g_backward")
    reverse, _ = adjoint(module, [0], name="f_adjoint")
    value, gradient = run(reverse, [0.7])
    assert value == np.sin(0.7)
    assert gradient == pytest.approx(2.1)
    assert run(tangent(reverse, [0], name="f_hvp"), [0.7, 1.0])[-1] == pytest.approx(3.0)
    with pytest.raises(NoRuleError, match="custom_vjp"):
        tangent(module, [0], name="f_tangent")


def test_recursion_with_aliased_written_arguments_is_refused():
    a, c, n = Value(VECTOR, "a"), Value(VECTOR, "c"), Value(INT, "n")
    b = start(a, c, n)
    b.store(a, (b.int(0),), b.load(c, (b.int(0),)))
    b.region.yields = (b.load(a, (b.int(0),)),)
    g = Function("g", b.region)
    x = Value(VECTOR, "x")
    b = start(x)
    (y,) = b.call_fn("g", (x, x, b.int(1)), (F64,))
    with pytest.raises(UnsupportedError, match="share memory"):
        adjoint(finish(b, y, g=g), [0], name="f_adjoint")
