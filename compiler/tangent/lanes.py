"""Function → tangent along many directions at once (vector forward mode), both IR.

    f(x…) -> y…        f_columns(x…, x_dot…) -> y…, y_dot…

The number of directions is a run-time length: every tangent has one more axis, the last, with one *lane* per
direction. The tangent of a scalar is an array of lanes, the shadow of an array has lanes as its last axis.
The primal runs once, and what a straight piece of it does to the tangents is one loop over the lanes::

    s: f64 = sin(a)                    s: f64 = sin(a)
    y: f64 = s * b              ─►     y: f64 = s * b
                                       t: f64 = cos(a)
                                       for lane in range(0, lanes, 1) {
                                           s_dot_1: f64 = a_dot[lane] * t
                                           y_dot_1: f64 = s_dot_1 * b
                                           y_dot[lane] = y_dot_1
                                       }

Inside such a loop tangents are SSA values; its iterations are independent of each other and lie side by side
in memory, which is what LLVM makes vector instructions of. No primal op reads what the loop writes, so the
loop may gather everything up to the next branch, loop or library call.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ..analysis.activity import Activity, differentiable_slots
from ..analysis.memory import Memory, is_reference, written_params
from ..errors import UnsupportedError
from ..ir.build import Builder
from ..ir.nodes import (
    Alloc,
    Apply,
    Call,
    CallFn,
    Function,
    If,
    ListGet,
    ListNew,
    Load,
    Loop,
    Module,
    Op,
    Pop,
    Region,
    Store,
    Undef,
    Value,
    View,
    While,
)
from ..ir.types import INT, Array, List, Scalar, Type, carries_derivative
from ..ir.walk import clone_region
from ..prims.calls import CALLS
from ..prims.libcall import each, shape
from ..prims.prim import cast, emit
from .build import CallForward, Walker, dot_name, partial
from .lane_calls import LANE_RULES


class LanesRefused(UnsupportedError):
    """The function has no tangent along many directions at once; it has one along each."""


def lane_tangent(module: Module, wrt: Sequence[int], *, name: str) -> Module:
    """The tangent of the entry function with respect to the parameters at positions `wrt`, for all lanes.

    The new function takes one more parameter per entry of `wrt`, whose last axis are the lanes, and gives one
    more result with lanes per differentiable result.

    Raises
    ------
    LanesRefused
        A derivative goes through a function that is called by name (recursion, custom rules).
    """
    writers = written_params(module)
    body = clone_region(module.entry.body, {})
    memory = Memory(Function(name, body), writers=writers)
    chosen = [body.params[k] for k in wrt]
    walker = LaneWalker(memory, Activity(memory, chosen, body.yields))
    dots = [Value(lane_type(p.type), dot_name(p)) for p in chosen]
    walker.start(body.params, dict(zip(chosen, dots, strict=True)))
    walker.ops(body)
    walker.flush()
    results = [walker.primal(r) for r in body.yields]
    tangents = [walker.dense(r) for r in body.yields if carries_derivative(r.type)]
    walker.flush()
    ops = [*walker.head.region.ops, *walker.b.region.ops]
    entry = Function(name, Region((*body.params, *dots), ops, (*results, *tangents)))
    return replace(module, entry=entry)


def lane_type(type_: Type) -> Type:
    """The type of a tangent with lanes; a list of numbers has lists of arrays of lanes."""
    if isinstance(type_, List):
        elem = lane_type(type_.elem)
        assert isinstance(elem, Array)
        return List(elem)
    return Array(type_.dtype, type_.rank + 1 if isinstance(type_, Array) else 1)


class LaneWalker(Walker):
    """Rebuilds a body op by op, with a loop over lanes behind every straight piece.

    `dots` maps a scalar to the array of its lanes and a reference to its shadow; `_inside` has the tangents
    that the open loop over lanes knows as SSA values.
    """

    def __init__(self, memory: Memory, activity: Activity) -> None:
        self._memory = memory
        self._activity = activity
        self.b = Builder()
        self.head = Builder()
        self.dots: dict[Value, Value] = {}
        self._renamed: dict[Value, Value] = {}
        self._loop_b: Builder | None = None
        self._lane = Value(INT, "lane")
        self._inside: dict[Value, Value] = {}

    def start(self, params: tuple[Value, ...], given: dict[Value, Value]) -> None:
        """The number of lanes, and the tangents of the parameters."""
        first = next(iter(given.values()))
        self.lanes = self.head.dim(first, first.rank - 1)
        self._zero, self._one = self.head.int(0), self.head.int(1)
        self.enter(params, given, protect=True)

    # -- the open loop over lanes
    def inner(self) -> Builder:
        """The builder of the open loop over lanes."""
        if self._loop_b is None:
            self._lane = Value(INT, "lane")
            self._loop_b = self.b.nested((self._lane,))
            self._inside = {}
        self._loop_b.src = self.b.src
        return self._loop_b

    def flush(self) -> None:
        """Close the loop over lanes; what it knows is read from memory from now on."""
        if self._loop_b is not None:
            body, self._loop_b, self._inside = self._loop_b.done(), None, {}
            if body.ops:
                self.b.for_(self._zero, self.lanes, self._one, (), body)

    def read(self, value: Value) -> Value:
        """The tangent of a scalar in the open loop over lanes."""
        b = self.inner()
        if value not in self.dots:
            return b.const(0, value.dtype)
        if value not in self._inside:
            self._inside[value] = b.load(self.dots[value], (self._lane,), dot_name(value))
        return self._inside[value]

    def define(self, value: Value, dot: Value) -> None:
        """Give a scalar its tangent, and keep it for later loops; what nobody reads is dead code."""
        self._inside[value] = dot
        self.dots[value] = self.slot(value)
        self.inner().store(self.dots[value], (self._lane,), dot)

    def slot(self, value: Value) -> Value:
        """Memory for the lanes of a scalar, made once per call."""
        return self.head.alloc((self.lanes,), value.dtype, "empty", dot_name(value))

    def dense(self, value: Value) -> Value:
        """The shadow of a reference or the lanes of a scalar, zeros when it has none."""
        found = self.dots.get(value)
        if found is not None:
            return found
        lengths = shape(self.b, self.primal(value)) if is_reference(value) else []
        return self.b.alloc([*lengths, self.lanes], value.dtype, "zeros", dot_name(value))

    def _new(self, value: Value) -> Value:
        self.dots[value] = dot = Value(lane_type(value.type), dot_name(value))
        return dot

    # -- ops
    def _mirror(self, op: Op, old: Op) -> None:
        if isinstance(op, Pop) and self.active(old.args[0]):
            self.b.add(op.rebuild((self.dots[old.args[0]],), (self._new(op.out),)))
            return
        if not op.outs or not self.active(op.outs[0]):
            return
        match op:
            case Alloc():
                lengths = (*op.args, self.lanes)
                self.dots[op.out] = self.b.alloc(lengths, op.out.dtype, "zeros", dot_name(op.out))
            case ListNew() | Undef() if is_reference(op.out):
                self.b.add(op.rebuild(outs=(self._new(op.out),)))
            case View():
                self._view(op, self.dots[old.args[0]])
            case ListGet():
                self.b.add(op.rebuild((self.dots[old.args[0]], *op.args[1:]), (self._new(op.out),)))
            case Load():
                self.define(
                    op.out,
                    self.inner().load(self.dots[old.args[0]], (*op.index, self._lane), dot_name(op.out)),
                )

    def _view(self, op: View, shadow: Value) -> None:
        """The same view of the shadow; the lanes stay the last axis."""
        operands = op.args[1:]
        if op.kind == "slice":
            spec = (*op.spec, ":")
        elif op.kind == "transpose":
            spec = (*op.spec, len(op.spec))
        else:
            spec, operands = op.spec, (*operands, self.lanes)
        self.dots[op.out] = self.b.view(shadow, op.kind, spec, operands, op.out.rank + 1, dot_name(op.out))

    def _write(self, op: Op, old: Op) -> None:
        self.b.add(op)
        target, value = old.args[0], old.args[-1]
        if not self.active(target):
            return
        shadow = self.dots[target]
        if is_reference(value):
            self.b.add(op.rebuild((shadow, *op.args[1:-1], self.dense(value))))
        elif isinstance(op, Store):
            if op.accumulate and value not in self.dots:
                return
            dot = self.read(value)
            self.inner().store(shadow, (*op.index, self._lane), dot, op.accumulate)
        else:
            self._write_list(op, shadow, value)

    def _write_list(self, op: Op, shadow: Value, value: Value) -> None:
        """A list of numbers keeps an array of lanes per element, which is never written again."""
        fill = "empty" if value in self.dots else "zeros"
        lanes = self.b.alloc((self.lanes,), value.dtype, fill, dot_name(value))
        if value in self.dots:
            dot = self.read(value)
            self.inner().store(lanes, (self._lane,), dot)
        self.b.add(op.rebuild((shadow, *op.args[1:-1], lanes)))

    def _apply(self, op: Apply) -> None:
        if not self.active(op.out):
            return
        total = None
        for name, arg in differentiable_slots(op):
            if arg not in self.dots:
                continue
            dot, b = self.read(arg), self.inner()
            part = cast(b, dot, op.out.dtype) if op.prim == "cast" else partial(b, op, name, dot)
            total = part if total is None else emit(b, "add", total, part)
        if total is not None:
            total.name = total.name or dot_name(op.out)
            self.define(op.out, total)

    # -- calls
    def _call(self, op: Call, old: Op) -> None:
        if CALLS[op.name].vjp is None or not any(self.active(a) for a in old.args):
            self._zeros(op)
            return
        if not any(self.active(o) for o in op.outs):
            return
        self.flush()
        if op.name == "copy":
            (self.dots[op.out],) = self.b.call("copy", (self.dots[old.args[0]],), (lane_type(op.out.type),))
        else:
            rule = LANE_RULES.get(op.name)
            dots = rule(LanesForward(self, op, old)) if rule is not None else None
            if dots is None:
                self._each_lane(op, old)
                return
            self.dots[op.out] = dots
        self.dots[op.out].name = dot_name(op.out)

    def _each_lane(self, op: Call, old: Op) -> None:
        """The tangent rule of a library call, one lane after the other."""
        outs = [o for o in op.outs if self.active(o)]
        shadows = {o: self.dense(o) if is_reference(o) else self.slot(o) for o in outs}
        lane = Value(INT, "lane")
        b = self.b
        b.open((lane,))
        rule = CALLS[op.name].jvp
        assert rule is not None
        for out, dot in zip(op.outs, rule(LaneForward(self, op, old, lane)), strict=True):
            if out not in shadows or (dot is None and not is_reference(out)):
                continue
            self.dots[out] = shadows[out]
            if dot is not None:
                _put(b, shadows[out], lane, dot)
        b.for_(self._zero, self.lanes, self._one, (), b.close())

    def _call_fn(self, op: CallFn, old: Op) -> None:
        if any(self.active(v) for v in (*op.outs, *old.args)):
            raise LanesRefused(f"{op.name} has a tangent along one direction at a time", op.src)
        self.b.add(op)

    # -- control flow
    def _joined(self, values: Sequence[Value], slots: Sequence[Value]) -> None:
        """Copy the lanes of scalars to where control flow joins: all are read before one is written."""
        dots = [self.read(v) for v in values]
        for slot, dot in zip(slots, dots, strict=True):
            self.inner().store(slot, (self._lane,), dot)
        self.flush()

    def _body(
        self,
        region: Region,
        params: tuple[Value, ...],
        refs: Sequence[Value],
        scalars: Sequence[Value] = (),
        slots: Sequence[Value] = (),
    ) -> Region:
        self.b.open(params)
        self.ops(region)
        self._joined(scalars, slots)
        self.flush()
        yields = tuple(self.primal(y) for y in region.yields)
        return self.b.close((*yields, *(self.dense(r) for r in refs)))

    def _if(self, op: If) -> None:
        self.flush()
        wanted = [k for k, o in enumerate(op.outs) if self.active(o)]
        refs = [k for k in wanted if is_reference(op.outs[k])]
        scalars = [k for k in wanted if not is_reference(op.outs[k])]
        slots = [self.slot(op.outs[k]) for k in scalars]
        before = dict(self.dots)
        regions = []
        for region in op.regions:
            y = region.yields
            regions.append(self._body(region, (), [y[k] for k in refs], [y[k] for k in scalars], slots))
            self.dots = dict(before)
        self.b.src = op.src
        outs = tuple(self._new(op.outs[k]) for k in refs)
        self.dots.update(zip((op.outs[k] for k in scalars), slots, strict=True))
        self.b.add(op.rebuild(outs=(*op.outs, *outs), regions=tuple(regions)))

    def _loop(self, op: Loop, old: Op) -> None:
        assert isinstance(old, Loop)
        self.flush()
        wanted = [k for k, p in enumerate(op.carried) if self.active(p) or self.active(op.outs[k])]
        refs = [k for k in wanted if is_reference(op.carried[k])]
        scalars = [k for k in wanted if not is_reference(op.carried[k])]
        slots = [self.slot(op.carried[k]) for k in scalars]
        self._joined([old.inits[k] for k in scalars], slots)
        inits = tuple(self.dense(old.inits[k]) for k in refs)
        faces = [op.carried, op.outs, *([op.cond.params] if isinstance(op, While) else [])]
        for face in faces:
            self.dots.update(zip((face[k] for k in scalars), slots, strict=True))
        regions = []
        if isinstance(op, While):
            extra = tuple(self._new(op.cond.params[k]) for k in refs)
            regions.append(self._body(op.cond, (*op.cond.params, *extra), ()))
        extra = tuple(self._new(op.carried[k]) for k in refs)
        params = (*op.body.params, *extra)
        following = op.next
        regions.append(
            self._body(op.body, params, [following[k] for k in refs], [following[k] for k in scalars], slots)
        )
        self._close_loop(op, inits, regions, refs)


def _put(b: Builder, shadow: Value, lane: Value, dot: Value) -> None:
    """shadow[…, lane] = dot."""
    if isinstance(dot.type, Scalar):
        b.store(shadow, (lane,), dot)
    else:
        each(b, shape(b, dot), lambda at: b.store(shadow, (*at, lane), b.load(dot, at)))


class LaneForward(CallForward):
    """What the rule of a library call sees of one lane."""

    def __init__(self, walker: LaneWalker, op: Call, old: Op, lane: Value) -> None:
        super().__init__(walker, op, old)
        self._lane = lane

    def dot(self, i: int) -> Value | None:
        """One lane of the tangent of argument i: contiguous, as libraries like it; None for zero."""
        arg = self._old.args[i]
        shadow = self._walker.dots.get(arg)
        if shadow is None:
            return None
        if not is_reference(arg):
            return self.b.load(shadow, (self._lane,))
        spec = (*":" * arg.rank, "i")
        (lane,) = self.b.call(
            "copy", (self.b.view(shadow, "slice", spec, (self._lane,), arg.rank),), (arg.type,)
        )
        lane.name = dot_name(arg)
        return lane


class LanesForward(CallForward):
    """What a rule for all lanes sees (`lane_calls.LaneCtx`)."""

    def __init__(self, walker: LaneWalker, op: Call, old: Op) -> None:
        super().__init__(walker, op, old)
        self.lanes = walker.lanes

    def dots(self, i: int) -> Value | None:
        """The tangents of argument i with the lanes as last axis, contiguous; None for zero."""
        dots = self._walker.dots.get(self._old.args[i])
        if dots is None or isinstance(self.b.defs.get(dots), Alloc | Call):
            return dots
        (copy,) = self.b.call("copy", (dots,), (dots.type,))
        copy.name = dots.name
        return copy


__all__ = ["LanesRefused", "lane_tangent", "lane_type"]
