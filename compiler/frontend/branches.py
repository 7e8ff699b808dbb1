"""If: two arms lowered from the same state, and the join of what they did. Blocks, and jumps out of them."""

from __future__ import annotations

import ast
from collections.abc import Callable, Sequence
from functools import partial

from ..arrays.value import AbstractValue, Arr, Known, Num, Tup
from ..errors import Src
from ..ir.nodes import Apply, Check, Const, Dim, Region, Value
from ..prims.prim import emit
from .containers import join_items
from .joins import Form, MaybeForm, coerce, escape_form, join, name_parts, rebuild, same_value
from .lowerer import Key, Lowerer, PathEnds, State, statement
from .operators import truth
from .reach import live_keys
from .regions import Suspended
from .values import MISSING, Maybe, Missing, Owner

Arm = Callable[[], None]


def block(lw: Lowerer, stmts: Sequence[ast.stmt]) -> None:
    """Lower statements; after one that may have jumped, the rest runs only if it did not."""
    for k, stmt in enumerate(stmts):
        try:
            if isinstance(stmt, ast.If):
                if lower_if(lw, stmt, stmts[k + 1 :]):
                    return
            else:
                lw.stmt(stmt)
        except PathEnds:
            lw.state.dead = True
        if lw.state.dead:
            return
        if jumped(lw, partial(block, lw, stmts[k + 1 :])):
            return


def flags(lw: Lowerer) -> list[str]:
    """The pseudo-variables that say that the rest of a block does not run."""
    loops = lw.frame.loops
    inner = [lw.jump_flag("break", loops[-1].node), lw.jump_flag("continue", loops[-1].node)] if loops else []
    return ["%return", *inner]


def jumped(lw: Lowerer, rest: Arm, names: Sequence[str] | None = None) -> bool:
    """Whether a jump may have happened; then the rest has been lowered already, where it runs."""
    values = {name: lw.flag(name) for name in names or flags(lw)}
    if any(isinstance(v, Known) and v.obj for v in values.values()):
        return True
    open_flags = {name: v for name, v in values.items() if isinstance(v, Num)}
    if not open_flags:
        return False
    stop = None
    for v in open_flags.values():
        stop = v.value if stop is None else emit(lw.b, "or", stop, v.value)
    assert stop is not None

    stayed: list[bool] = []

    def run() -> None:
        stays = Known(False)
        for name in open_flags:
            lw.set_flag(name, stays)
        rest()
        for name, before in open_flags.items():
            stayed.append(lw.flag(name) is stays)
            if stayed[-1]:
                lw.set_flag(name, before)

    def skip() -> None:
        if stayed == [False]:  # one flag: where the rest is left out, it is true
            lw.set_flag(next(iter(open_flags)), Known(True))

    branch(lw, emit(lw.b, "not", stop), run, skip)
    return True


def always_jumps(stmts: Sequence[ast.stmt]) -> bool:
    """Whether a block surely ends in break, continue or return (raise does not count)."""
    if not stmts:
        return False
    last = stmts[-1]
    if isinstance(last, ast.Break | ast.Continue | ast.Return):
        return True
    return isinstance(last, ast.If) and always_jumps(last.body) and always_jumps(last.orelse)


def lower_if(lw: Lowerer, node: ast.If, rest: Sequence[ast.stmt]) -> bool:
    """Lower an if statement. True when `rest` has been lowered with it, in the arm that does not jump."""
    lw.at(node.test)
    cond = truth(lw, lw.expr(node.test))
    if isinstance(cond, Known):
        block(lw, node.body if cond.obj else node.orelse)
        return False
    lw.at(node)
    takes = always_jumps(node.body), always_jumps(node.orelse)
    then, orelse = list(node.body), list(node.orelse)
    done = any(takes) and bool(rest)
    if takes[0] and not takes[1]:
        orelse += rest
    elif takes[1] and not takes[0]:
        then += rest
    branch(lw, cond.value, lambda: block(lw, then), lambda: block(lw, orelse))
    return done or all(takes)


@statement(ast.If)
def _if(lw: Lowerer, node: ast.If) -> None:
    lower_if(lw, node, ())


def run_arm(lw: Lowerer, before: State, arm: Arm) -> tuple[Suspended, State]:
    """Lower one arm in a region of its own."""
    lw.state = before.copy()
    depth = lw.b.depth
    src = lw.src
    lw.b.open()
    try:
        arm()
    except PathEnds:
        lw.state.dead = True
    assert lw.b.depth == depth + 1
    lw.src = lw.b.src = src
    return lw.b.suspend(), lw.state


def branch(lw: Lowerer, cond: Value, then: Arm, orelse: Arm) -> None:
    """Lower both arms and join their states."""
    known = lw.b.const_of(cond)
    if known is not None:
        (then if known else orelse)()
        return
    before = lw.state
    left, first = run_arm(lw, before, then)
    right, second = run_arm(lw, before, orelse)
    if _becomes_check(lw, cond, left[0], first, right[0], second, before):
        return
    lw.state = State({}, {}, first.dead and second.dead)
    forms = join_states(lw, before, first, second)
    keys = list(forms)
    yields = []
    for arm, state, other in ((left, first, second), (right, second, first)):
        lw.b.resume(arm)
        source = other if state.dead and not other.dead else state
        parts: list[Value] = []
        for key in keys:
            value = MISSING if source is not state else state.values.get(key, MISSING)
            found = coerce(lw, value, forms[key])
            name_parts(key_name(key), found) if value is MISSING else None
            parts += found
        lw.b.suspend()
        yields.append(parts)
    regions = [lw.b.finish(left, yields[0]), lw.b.finish(right, yields[1])]
    if not yields[0] and not regions[0].ops and not regions[1].ops:
        outs: tuple[Value, ...] = ()
    else:
        outs = lw.b.if_(cond, regions[0], regions[1])
    parts_left = iter(outs)
    for key in keys:
        value = rebuild(lw, forms[key], parts_left)
        lw.state.values[key] = value
        name_value(value, key)


def join_states(lw: Lowerer, before: State, first: State, second: State) -> dict[Key, Form]:
    """Start lw.state with what both arms share; the forms of the rest."""
    forms: dict[Key, Form] = {}
    live = [s for s in (first, second) if not s.dead] or [first]
    keys = dict.fromkeys(key for s in live for key in live_keys(lw, s.values, before.values))
    for key in keys:
        values = [s.values.get(key, MISSING) for s in live]
        places = [s.where.get(key, lw.src) for s in live]
        changed = [
            p for s, p in zip(live, places, strict=True) if s.where.get(key) is not before.where.get(key)
        ]
        lw.state.where[key] = place = max(changed or places, key=lambda p: p.line)
        kept = before.values.get(key, MISSING)
        if all(v is kept for v in values):
            lw.state.values[key] = kept
        elif len(values) == 1:
            forms[key] = escape_form(lw, values[0])
        else:
            forms[key] = join_key(lw, key, values, place)
    return forms


def join_key(lw: Lowerer, key: Key, values: list[AbstractValue | Missing], place: Src) -> Form:
    """The form of a key in two states; pseudo-variables carry no flag."""
    name = key_name(key)
    if name.startswith("%") and any(v is MISSING for v in values):
        form = escape_form(lw, next(v for v in values if v is not MISSING))
        return form.form if isinstance(form, MaybeForm) else form
    a, b = values
    if key[1] == "%items" and isinstance(a, Tup) and isinstance(b, Tup) and len(a.items) != len(b.items):
        assert isinstance(key[0], Owner)
        join_items(lw, key[0].name, key[0].site, a, b, place)
    return join(lw, a, b, name, place)


def key_name(key: Key) -> str:
    """What messages call a variable or field."""
    name = str(key[1])
    if isinstance(key[0], Owner):
        return key[0].name if name.startswith("%") else f"{key[0].name}.{name}"
    return name


def name_value(value: AbstractValue, key: Key) -> None:
    """Name a joined scalar or reference after its variable."""
    name = str(key[1]).lstrip("%")
    if isinstance(value, Maybe):
        value.flag.name = f"has_{name}"
        value = value.value
    if isinstance(value, Num):
        value.value.name = name
    elif isinstance(value, Arr) and value.memory is not None:
        value.memory.ref.name = name


def _becomes_check(
    lw: Lowerer, cond: Value, left: Region, first: State, right: Region, second: State, before: State
) -> bool:
    """`if cond: raise` without anything else is a single Check."""
    for region, dead, other, live, sign in (
        (left, first, right, second, True),
        (right, second, left, first, False),
    ):
        if not dead.dead or live.dead or not region.ops or other.ops:
            continue
        *pure, last = region.ops
        simple = all(isinstance(op, Const | Apply | Dim) for op in pure)
        if not simple or not isinstance(last, Check) or lw.b.const_of(last.args[0]) is not False:
            continue
        if any(not same_value(v, before.values.get(k, MISSING)) for k, v in live.values.items()):
            continue
        for op in pure:
            lw.b.add(op)
        ok = emit(lw.b, "not", cond) if sign else cond
        lw.b.add(last.rebuild(args=(ok, *last.args[1:])))
        lw.state = live
        return True
    return False


def choose(
    lw: Lowerer, cond: Value, then: Callable[[], AbstractValue], orelse: Callable[[], AbstractValue]
) -> AbstractValue:
    """The value of one of two expressions."""
    key: Key = (object(), "%value")

    def arm(value: Callable[[], AbstractValue]) -> Arm:
        return lambda: lw.set(key, value())

    branch(lw, cond, arm(then), arm(orelse))
    if lw.state.dead:
        raise PathEnds
    result = lw.get(key, "value")
    del lw.state.values[key]
    lw.state.where.pop(key, None)
    return result
