"""Loops as fixpoints: a body is lowered with guessed forms of what it changes, until the guess holds."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from ..arrays.value import AbstractValue, Known, Num, Tup
from ..errors import InternalError, Src
from ..ir.nodes import Value
from ..ir.types import BOOL, INT
from ..prims.prim import emit
from .branches import choose, jumped, key_name, name_value
from .containers import grow, join_items
from .joins import (
    Form,
    MaybeForm,
    NumForm,
    SameForm,
    coerce,
    escape_form,
    general_form,
    join,
    rebuild,
    same_form,
    same_value,
    types,
)
from .lowerer import Key, LoopFrame, Lowerer, PathEnds, State
from .operators import truth
from .reach import boxes_in, live_keys
from .regions import Suspended
from .values import MISSING, Maybe, Missing, Owner, Poison

MAX_ATTEMPTS = 40


@dataclass
class Header:
    """range(lo, hi, step) of a For; None in `Loop.header` makes a While."""

    lo: Value
    hi: Value
    step: Value
    segments: int
    known: range | None
    index_name: str
    bind: Callable[[Value], None]


@dataclass
class Plan:
    """Forms of what is carried into the next iteration, and of what is only carried out of the loop."""

    forms: dict[Key, Form] = field(default_factory=dict)
    outs: dict[Key, Form] = field(default_factory=dict)
    stops: bool = False

    def fits(self, other: Plan) -> bool:
        """Whether another plan is the same."""
        if self.stops != other.stops:
            return False
        for a, b in ((self.forms, other.forms), (self.outs, other.outs)):
            if a.keys() != b.keys() or not all(same_form(a[k], b[k]) for k in a):
                return False
        return True


@dataclass
class Loop:
    """One loop statement or comprehension."""

    node: ast.AST
    header: Header | None
    test: Callable[[], AbstractValue] | None
    body: Callable[[], None]
    assigned: Iterable[str]
    targets: Iterable[str]
    needed: Callable[[str], bool]
    has_else: bool = False
    endless: bool = False


@dataclass
class Trial:
    """The body lowered under a plan."""

    cond: Suspended | None
    body: Suspended
    start: dict[Key, AbstractValue]
    end: State
    stop: Value | None


def run_loop(lw: Lowerer, loop: Loop) -> None:
    """Lower a loop; afterwards `%break…` of the scope says whether it was left by break."""
    entry = lw.state
    lw.set_flag(_break(lw, loop), Known(False))
    lw.set_flag("%return", lw.flag("%return"))
    plan = _first_plan(lw, loop, entry)
    boxes = dict(lw.boxes)
    outer_reads, lw.missing_reads = lw.missing_reads, set()
    src = lw.src
    for _ in range(MAX_ATTEMPTS):
        trial = _attempt(lw, loop, entry, plan, boxes)
        lw.src = lw.b.src = src
        new = _next_plan(lw, loop, entry, plan, trial)
        if plan.fits(new):
            break
        plan = new
    else:
        raise InternalError("the types in this loop do not settle", src)
    outer_reads |= lw.missing_reads
    lw.missing_reads = outer_reads
    _finish(lw, loop, entry, plan, trial)


def _break(lw: Lowerer, loop: Loop) -> str:
    return lw.jump_flag("break", loop.node)


def _memo(lw: Lowerer, loop: Loop) -> dict[object, Form]:
    return lw.session.loops.setdefault((loop.node, lw.call_path), {})


def _first_plan(lw: Lowerer, loop: Loop, entry: State) -> Plan:
    plan = Plan()
    memo = _memo(lw, loop)
    for name in sorted(set(loop.assigned) - set(loop.targets)):
        key: Key = (lw.scope, name)
        if key not in entry.values:
            continue
        form = general_form(lw, entry.values[key])
        learnt = memo.get(name)
        if isinstance(learnt, NumForm) and isinstance(form, NumForm):
            form = learnt
        if not isinstance(form, SameForm):
            plan.forms[key] = form
    return plan


def _attempt(lw: Lowerer, loop: Loop, entry: State, plan: Plan, boxes: dict[object, int]) -> Trial:
    names = [
        (key, form, t) for part in (plan.forms, plan.outs) for key, form in part.items() for t in types(form)
    ]
    params = [Value(t, str(key[1]).lstrip("%")) for key, _, t in names]
    stop_param = [Value(BOOL, "stop")] if plan.stops and loop.header is None else []
    index = Value(INT, loop.header.index_name) if loop.header else None
    cond = _condition(lw, loop, entry, plan, [*stop_param, *params]) if loop.header is None else None
    lw.boxes = dict(boxes)
    lw.b.open(([index] if index else []) + stop_param + params)
    start = _enter(lw, loop, entry, plan, params)
    frame = LoopFrame(loop.node, loop.header.known if loop.header else None, index)
    lw.frame.loops.append(frame)
    try:
        if index is not None and loop.header is not None:
            loop.header.bind(index)
        loop.body()
    except PathEnds:
        lw.state.dead = True
    lw.frame.loops.pop()
    end = lw.state
    stop = _stop_flag(lw, loop)
    return Trial(cond, lw.b.suspend(), start, end, stop)


def _enter(
    lw: Lowerer, loop: Loop, entry: State, plan: Plan, params: list[Value]
) -> dict[Key, AbstractValue]:
    lw.state = entry.copy()
    parts = iter(params)
    for key, form in plan.forms.items():
        lw.state.values[key] = rebuild(lw, form, parts)
    for name in loop.targets:
        lw.state.values.pop((lw.scope, name), None)
    for name in (_break(lw, loop), lw.jump_flag("continue", loop.node), "%return"):
        lw.set_flag(name, Known(False))
    return dict(lw.state.values)


def _condition(lw: Lowerer, loop: Loop, entry: State, plan: Plan, params: list[Value]) -> Suspended:
    lw.b.open(params)
    start = _enter(lw, loop, entry, plan, params[1:] if plan.stops else params)
    test = loop.test
    assert test is not None
    if plan.stops:
        again = emit(lw.b, "not", params[0])
        known: AbstractValue = Num(again, True)
        if not loop.endless:
            known = choose(lw, again, lambda: truth(lw, test()), lambda: Known(False))
    else:
        known = truth(lw, test())
    for key, value in lw.state.values.items():
        if key in start and not same_value(value, start[key]):
            lw.refuse(f"the condition of a while loop changes '{key_name(key)}'", "change it in the body")
    value = lw.b.const(bool(known.obj)) if isinstance(known, Known) else lw.num(known).value
    left = lw.b.suspend()
    lw.b.finish(left, [value])
    return left


def _stop_flag(lw: Lowerer, loop: Loop) -> Value | None:
    """Whether the loop ends after this iteration: None for never."""
    stop: Value | None = None
    if lw.state.dead:
        return None
    for name in (_break(lw, loop), "%return"):
        flag = lw.flag(name)
        if isinstance(flag, Known):
            if flag.obj:
                return lw.b.const(True)
        elif isinstance(flag, Num):
            stop = flag.value if stop is None else emit(lw.b, "or", stop, flag.value)
    return stop


def _next_plan(lw: Lowerer, loop: Loop, entry: State, plan: Plan, trial: Trial) -> Plan:
    new = Plan(dict(plan.forms), dict(plan.outs), trial.stop is not None)
    if trial.end.dead:
        new.stops = plan.stops
        return new
    only_out = {"%return", "%retval", *([_break(lw, loop)] if loop.has_else else []), *loop.targets}
    for key in live_keys(lw, trial.end.values, entry.values):
        end = trial.end.values[key]
        name = str(key[1])
        local = key[0] is lw.scope
        start = trial.start.get(key, MISSING)
        if same_value(start, end) and not (local and name in loop.targets):
            continue
        if local and name.startswith("%") and name not in only_out:
            continue
        place = trial.end.where.get(key, lw.src)
        kept = name.startswith("%") or key in entry.values or (loop.needed(name) and loop.header is not None)
        if local and name in only_out and kept:
            new.outs[key] = _out_form(lw, key, entry.values.get(key, MISSING), end, place)
            continue
        if isinstance(start, Missing):
            _first_assigned(lw, loop, new, key, end)
        else:
            new.forms[key] = _join(lw, key, start, end, place)
    return new


def _out_form(lw: Lowerer, key: Key, before: AbstractValue, end: AbstractValue, place: Src) -> Form:
    if isinstance(before, Missing):
        form = escape_form(lw, end)
        return form.form if isinstance(form, MaybeForm) else form
    return _join(lw, key, before, end, place)


def _join(lw: Lowerer, key: Key, a: AbstractValue, b: AbstractValue, place: Src) -> Form:
    if key[1] == "%items" and isinstance(a, Tup) and isinstance(b, Tup) and len(a.items) != len(b.items):
        assert isinstance(key[0], Owner)
        join_items(lw, key[0].name, key[0].site, a, b, place)
    return join(lw, a, b, key_name(key), place)


def _first_assigned(lw: Lowerer, loop: Loop, new: Plan, key: Key, end: AbstractValue) -> None:
    local = isinstance(key[1], str) and not isinstance(key[0], Owner)
    if local and key[0] is not lw.scope:
        return
    read_before = key in lw.missing_reads
    if not read_before and local and not loop.needed(str(key[1])):
        return
    form = escape_form(lw, end)
    if (read_before or isinstance(form, MaybeForm) or loop.header is None) and boxes_in(end):
        for box in boxes_in(end):
            if box.kind == "list":
                grow(lw, box)
        form = SameForm(Poison(f"'{key_name(key)}' is made in a loop and used in a later iteration", lw.src))
        new.forms[key] = form
        return
    sure = loop.header is not None and not isinstance(form, MaybeForm) and not read_before
    if sure:
        new.outs[key] = form
    else:
        new.forms[key] = form if isinstance(form, MaybeForm) else MaybeForm(form)


def _finish(lw: Lowerer, loop: Loop, entry: State, plan: Plan, trial: Trial) -> None:
    b = lw.b
    carried = {**plan.forms, **plan.outs}
    b.resume(trial.body)
    yields = [p for key, f in carried.items() for p in coerce(lw, trial.end.values.get(key, MISSING), f)]
    if plan.stops:
        yields.insert(0, trial.stop or b.const(False))
    b.suspend()
    body = b.finish(trial.body, yields)
    lw.state = entry.copy()
    inits = [p for key, f in carried.items() for p in coerce(lw, entry.values.get(key, MISSING), f)]
    nonempty: bool | Value = True
    if loop.header is not None:
        h = loop.header
        nonempty = not_empty(lw, h)
        outs = b.for_(h.lo, h.hi, h.step, inits, body, stops=plan.stops, segments=h.segments)
    else:
        assert trial.cond is not None
        if plan.stops:
            inits.insert(0, b.const(False))
        outs = b.while_(inits, trial.cond[0], body)
        outs = outs[1:] if plan.stops else outs
    parts = iter(outs)
    for key, form in carried.items():
        value = rebuild(lw, form, parts)
        fresh = key in plan.outs and key not in entry.values and not str(key[1]).startswith("%")
        if fresh and nonempty is not True:
            value = Maybe(value, b.const(False) if nonempty is False else nonempty)
        lw.state.values[key] = value
        lw.state.where[key] = trial.end.where.get(key, lw.src)
        name_value(value, key)
    _after(lw, loop, plan, trial)


def _after(lw: Lowerer, loop: Loop, plan: Plan, trial: Trial) -> None:
    memo = _memo(lw, loop)
    for key, form in plan.forms.items():
        if key[0] is lw.scope and isinstance(form, NumForm):
            memo[key[1]] = form
    if not loop.has_else:
        lw.state.values.pop((lw.scope, _break(lw, loop)), None)
    broke = trial.end.values.get((lw.scope, _break(lw, loop)), Known(False))
    if loop.endless and isinstance(broke, Known) and not broke.obj:
        if plan.stops:
            lw.set_flag("%return", Known(True))
        else:
            lw.state.dead = True


def not_empty(lw: Lowerer, h: Header) -> bool | Value:
    """Whether a counted loop runs at all."""
    b = lw.b
    step = b.const_of(h.step)
    if step is not None:
        value = emit(b, "lt" if step > 0 else "gt", h.lo, h.hi)
        known = b.const_of(value)
        return value if known is None else bool(known)
    zero = b.int(0)
    up = emit(b, "and", emit(b, "gt", h.step, zero), emit(b, "lt", h.lo, h.hi))
    down = emit(b, "and", emit(b, "lt", h.step, zero), emit(b, "gt", h.lo, h.hi))
    return emit(b, "or", up, down)


def unroll(
    lw: Lowerer, node: ast.AST, items: list[Callable[[], None]], body: Callable[[], None], known: bool = True
) -> None:
    """Lower the body once per item; a jump leads around what is left."""

    def step(k: int) -> None:
        if k == len(items):
            return
        lw.set_flag(lw.jump_flag("continue", node), Known(False))
        items[k]()
        body()
        if not lw.state.dead and not jumped(lw, lambda: step(k + 1), names):
            step(k + 1)

    names = ["%return", lw.jump_flag("break", node)]
    lw.set_flag(names[1], Known(False))
    lw.frame.loops.append(LoopFrame(node))
    depth = len(lw.frame.loops)
    try:
        step(0)
    finally:
        del lw.frame.loops[depth - 1 :]
