"""What a loop runs over: ranges, arrays, tuples, lists, enumerate, zip; for, while, comprehensions."""

from __future__ import annotations

import ast
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from ..arrays.core import as_index
from ..arrays.indexing import subscript
from ..arrays.value import AbstractValue, Arr, Known, Num, Tup
from ..ir.nodes import Value
from ..prims.prim import emit
from .branches import block, branch
from .containers import MAX_UNROLL, append, as_items, call_method, item_at, new_list
from .loops import Header, Loop, run_loop, unroll
from .lowerer import Lowerer, expression, statement
from .operators import truth
from .source import bound_names
from .targets import assign_target
from .values import Box, ListRef, RangeVal, Scope, describe


@dataclass(frozen=True)
class Items:
    """Something to iterate over: `length` elements, `item(k)` is element k (an int when `static`)."""

    length: int | Value
    item: Callable[[int | Value], AbstractValue]
    range: RangeVal | None = None
    source: AbstractValue | None = None

    @property
    def static(self) -> bool:
        """Whether the elements are known one by one, so that the loop is unrolled."""
        return isinstance(self.length, int)


def iterate(lw: Lowerer, x: AbstractValue) -> Items:
    """The elements of a value."""
    if isinstance(x, Items):
        return x
    items = as_items(lw, x)
    if items is not None:
        found = items

        def known_item(k: int | Value) -> AbstractValue:
            assert isinstance(k, int)
            return found[k]

        return Items(len(items), known_item)
    if isinstance(x, RangeVal):
        return range_items(lw, x)
    if isinstance(x, Arr):
        if not x.rank:
            lw.mismatch("iteration over a 0-d array")
        arr = lw.bound(x)
        assert isinstance(arr, Arr)
        return Items(arr.shape[0], lambda k: subscript(lw.ctx, arr, [_index(lw, k)]))
    if isinstance(x, ListRef):
        return Items(lw.b.list_len(x.ref), lambda k: item_at(lw, x, _value(lw, k)), source=x)
    lw.mismatch(f"{describe(x)} cannot be iterated over")


def _index(lw: Lowerer, k: int | Value) -> AbstractValue:
    return Known(k) if isinstance(k, int) else Num(k, True)


def _value(lw: Lowerer, k: int | Value) -> Value:
    return lw.b.int(k) if isinstance(k, int) else k


def range_items(lw: Lowerer, r: RangeVal) -> Items:
    """A range by position."""
    lo, hi, step = (as_index(lw.ctx, v) for v in (r.lo, r.hi, r.step))
    b = lw.b
    span = emit(b, "sub", hi, lo)
    known = b.const_of(step)
    if known == 1:
        count = span
    else:
        zero = b.int(0)
        sign = emit(b, "select", emit(b, "gt", step, zero), b.int(1), b.int(-1))
        count = emit(b, "floordiv", emit(b, "sub", emit(b, "add", span, step), sign), step)
    count = emit(b, "maximum", count, b.int(0))
    lw.ctx.nonneg.add(count)

    def item(k: int | Value) -> AbstractValue:
        return Num(emit(lw.b, "add", emit(lw.b, "mul", _value(lw, k), step), lo), True)

    return Items(count, item, r)


def reversed_items(lw: Lowerer, x: AbstractValue) -> Items:
    """reversed(x)."""
    items = iterate(lw, x)
    n = items.length
    if isinstance(n, int):
        last = n - 1
        return Items(n, lambda k: items.item(last - k) if isinstance(k, int) else items.item(k))
    return Items(n, lambda k: items.item(emit(lw.b, "sub", emit(lw.b, "sub", n, lw.b.int(1)), _value(lw, k))))


def enumerate_items(lw: Lowerer, x: AbstractValue, start: AbstractValue) -> Items:
    """enumerate(x, start)."""
    items = iterate(lw, x)

    def item(k: int | Value) -> AbstractValue:
        if isinstance(k, int) and isinstance(start, Known) and isinstance(start.obj, int):
            number: AbstractValue = Known(k + start.obj)
        else:
            number = Num(emit(lw.b, "add", _value(lw, k), as_index(lw.ctx, start)), True)
        return Tup((number, items.item(k)))

    return Items(items.length, item)


def zip_items(lw: Lowerer, parts: Sequence[AbstractValue]) -> Items:
    """zip(*parts): as long as the shortest."""
    items = [iterate(lw, x) for x in parts]
    lengths = [i.length for i in items]
    static = [n for n in lengths if isinstance(n, int)]
    if not items:
        return Items(0, lambda k: Known(()))
    if static:
        shortest = min(static)
        for n in lengths:
            if not isinstance(n, int):
                ok = emit(lw.b, "ge", n, lw.b.int(shortest))
                lw.ctx.require(
                    ok, "ValueError", "zip of an array that is shorter than a tuple or list beside it"
                )
        return Items(shortest, lambda k: Tup(tuple(i.item(k) for i in items)))
    length: Value | None = None
    for n in lengths:
        assert isinstance(n, Value)
        length = n if length is None or length is n else emit(lw.b, "minimum", length, n)
    assert length is not None
    lw.ctx.nonneg.add(length)
    return Items(length, lambda k: Tup(tuple(i.item(k) for i in items)))


# -- statements
@statement(ast.For)
def for_(lw: Lowerer, node: ast.For) -> None:
    """for target in iterable: body; else: orelse."""
    x = lw.expr(node.iter)
    run_for(lw, node, x, node.target, node.body, node.orelse)


def run_for(
    lw: Lowerer,
    node: ast.For,
    x: AbstractValue,
    target: ast.expr,
    body: Sequence[ast.stmt],
    orelse: Sequence[ast.stmt],
) -> None:
    """A loop over a value; short loops over known elements are unrolled."""

    def run() -> None:
        block(lw, body)

    assigned = set().union(*[bound_names(s) for s in body]) | bound_names(target)
    for_each(lw, node, x, target, run, assigned, bool(orelse))
    after_loop(lw, node, orelse)


def for_each(
    lw: Lowerer,
    node: ast.AST,
    x: AbstractValue,
    target: ast.expr,
    body: Callable[[], None],
    assigned: set[str],
    has_else: bool,
    extent: ast.AST | None = None,
) -> None:
    """Run a body for each element; names that are read outside of `extent` are kept after the loop."""
    known = known_range(x)
    if known is not None and (node in lw.session.unrolled or not len(known)):
        unroll(lw, node, [_binder(lw, target, partial(Known, k)) for k in known], body)
        return
    items = Items(0, lambda k: Known(None)) if isinstance(x, RangeVal) else iterate(lw, x)
    if items.static and not isinstance(x, RangeVal):
        assert isinstance(items.length, int)
        each = [_binder(lw, target, partial(items.item, k)) for k in range(items.length)]
        unroll(lw, node, each, body)
        return
    targets = bound_names(target)
    header = _header(lw, x, items, target, known)
    source = lw.scope.source
    needed = needed_after(source.loads, extent or node)
    run_loop(lw, Loop(node, header, None, body, assigned, targets, needed, has_else))
    if items.source is not None and isinstance(items.source, ListRef) and isinstance(items.length, Value):
        same = emit(lw.b, "eq", lw.b.list_len(items.source.ref), items.length)
        lw.b.check(same, "RuntimeError", "list changed size during iteration")


def needed_after(loads: list[ast.Name], node: ast.AST) -> Callable[[str], bool]:
    """Which names are read outside of a loop."""
    after = getattr(node, "orelse", ())  # runs when the loop has ended
    parts = [part for part in ast.iter_child_nodes(node) if part not in after]
    inside = {id(n) for part in parts for n in ast.walk(part) if isinstance(n, ast.Name)}
    return lambda name: any(n.id == name and id(n) not in inside for n in loads)


def _binder(lw: Lowerer, target: ast.expr, value: Callable[[], AbstractValue]) -> Callable[[], None]:
    return lambda: assign_target(lw, target, value())


def known_range(x: AbstractValue) -> range | None:
    """A range of constants."""
    if not isinstance(x, RangeVal):
        return None
    parts = [v.obj for v in (x.lo, x.hi, x.step) if isinstance(v, Known) and isinstance(v.obj, int)]
    return range(*parts) if len(parts) == 3 and parts[2] != 0 else None


def _header(lw: Lowerer, x: AbstractValue, items: Items, target: ast.expr, known: range | None) -> Header:
    b = lw.b
    simple = isinstance(x, RangeVal)
    if isinstance(x, RangeVal):
        lo, hi, step = (as_index(lw.ctx, v) for v in (x.lo, x.hi, x.step))
        if b.const_of(step) is None:
            b.check(emit(b, "ne", step, b.int(0)), "ValueError", "range() arg 3 must not be zero")
        elif b.const_of(step) == 0:
            lw.fail("ValueError", "range() arg 3 must not be zero")
        segments = x.segments
    else:
        assert isinstance(items.length, Value)
        lo, hi, step, segments = b.int(0), items.length, b.int(1), 0
    first, last, stride = b.const_of(lo), b.const_of(hi), b.const_of(step)
    up = stride is not None and stride > 0 and (lo in lw.ctx.nonneg or (first is not None and first >= 0))
    down = stride is not None and stride < 0 and last is not None and last >= -1
    name = target.id if isinstance(target, ast.Name) and simple else "i"

    def bind(index: Value) -> None:
        if up or down:
            lw.ctx.nonneg.add(index)
        assign_target(lw, target, Num(index, True) if simple else items.item(index))

    return Header(lo, hi, step, segments, known, name, bind)


@statement(ast.While)
def while_(lw: Lowerer, node: ast.While) -> None:
    """while test: body; else: orelse."""
    assigned = set().union(*[bound_names(s) for s in node.body])
    needed = needed_after(lw.scope.source.loads, node)
    endless = isinstance(node.test, ast.Constant) and bool(node.test.value)

    def test() -> AbstractValue:
        return lw.expr(node.test)

    run_loop(
        lw,
        Loop(
            node, None, test, lambda: block(lw, node.body), assigned, (), needed, bool(node.orelse), endless
        ),
    )
    after_loop(lw, node, node.orelse)


def after_loop(lw: Lowerer, node: ast.AST, orelse: Sequence[ast.stmt]) -> None:
    """The else clause runs unless the loop was left by break."""
    name = lw.jump_flag("break", node)
    broke = lw.flag(name)
    lw.state.values.pop((lw.scope, name), None)
    lw.state.values.pop((lw.scope, lw.jump_flag("continue", node)), None)
    if not orelse or lw.state.dead:
        return
    returned = lw.flag("%return")

    def run() -> None:
        if isinstance(broke, Known):
            if not broke.obj:
                block(lw, orelse)
        else:
            branch(lw, emit(lw.b, "not", lw.num(broke).value), lambda: block(lw, orelse), lambda: None)

    if isinstance(returned, Known):
        if not returned.obj:
            run()
        return
    branch(
        lw, emit(lw.b, "not", lw.num(returned).value), lambda: _fresh_return(lw, run, returned), lambda: None
    )


def _fresh_return(lw: Lowerer, run: Callable[[], None], before: AbstractValue) -> None:
    stays = Known(False)
    lw.set_flag("%return", stays)
    run()
    if lw.flag("%return") is stays:
        lw.set_flag("%return", before)


@statement(ast.Break, ast.Continue)
def jump(lw: Lowerer, node: ast.Break | ast.Continue) -> None:
    """break, continue."""
    kind = "break" if isinstance(node, ast.Break) else "continue"
    lw.set_flag(lw.jump_flag(kind, lw.frame.loops[-1].node), Known(True))


# -- comprehensions
@expression(ast.ListComp)
def list_comp(lw: Lowerer, node: ast.ListComp) -> AbstractValue:
    """[elt for target in iter if cond …]: nested loops that append to a list."""
    names = frozenset().union(*[bound_names(g.target) for g in node.generators])
    outer = lw.frame.scope
    scope = Scope(outer.source, outer, outer.python, outer.path, names)
    result = new_list(lw, (), node)
    first = lw.expr(node.generators[0].iter)
    lw.frame.scope = scope
    loops, lw.frame.loops = lw.frame.loops, list(lw.frame.loops)
    try:
        _generate(lw, node, 0, first, result)
    finally:
        lw.frame.scope, lw.frame.loops = outer, loops
    return result


def _generate(
    lw: Lowerer, node: ast.ListComp, depth: int, x: AbstractValue | None, result: Box | ListRef
) -> None:
    generator = node.generators[depth]
    x = lw.expr(generator.iter) if x is None else x

    def inner() -> None:
        conditions(list(generator.ifs))

    def conditions(tests: list[ast.expr]) -> None:
        if tests:
            cond = truth(lw, lw.expr(tests[0]))
            if isinstance(cond, Known):
                if cond.obj:
                    conditions(tests[1:])
            else:
                branch(lw, cond.value, lambda: conditions(tests[1:]), lambda: None)
        elif depth + 1 < len(node.generators):
            _generate(lw, node, depth + 1, None, result)
        else:
            value = lw.bound(lw.expr(node.elt))
            if isinstance(result, ListRef):
                append(lw, result, value)
            else:
                call_method(lw, result, "append", [value])

    known = known_range(x)
    if known is not None and len(known) <= MAX_UNROLL and isinstance(result, Box):
        lw.session.unrolled.add(generator)
    for_each(lw, generator, x, generator.target, inner, bound_names(generator.target), False, node)
