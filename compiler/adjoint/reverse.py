"""The reverse sweep: every region is reversed op by op, last op first.

`bars[v]` is the adjoint of scalar v collected so far; a missing entry is zero, and an op whose results have
no adjoint is skipped. This file alone adds adjoints up. Control flow is mirrored:

    if c: {A} else: {B}        →  if c: {A reversed} else: {B reversed}
    for i in range(n): {A}     →  for i in range(n - 1, -1, -1): {A reversed}
    while …: {A}               →  for k in range(trips - 1, -1, -1): {A reversed}

A reversed loop carries the adjoints of the loop's carried values (those to which the loop only adds have the
same adjoint in every iteration) and of the active scalars that its body takes from outside; buffers that the
loop exchanges are exchanged back.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from ..analysis.accumulators import Accumulators
from ..analysis.activity import Activity, differentiable_slots
from ..analysis.lengths import source_axis
from ..analysis.memory import is_reference
from ..errors import NoRuleError
from ..ir.build import Builder
from ..ir.nodes import (
    Alloc,
    Apply,
    Call,
    CallFn,
    For,
    If,
    ListGet,
    ListNew,
    ListSet,
    Load,
    Loop,
    Op,
    Pop,
    Push,
    Region,
    Store,
    Value,
    View,
)
from ..ir.types import INT, List, is_complex
from ..ir.walk import free
from ..prims.calls import CALLS
from ..prims.counting import iteration, trip_count
from ..prims.libcall import each_of_triangle
from ..prims.prim import PRIMS, Sym, cast, emit
from .elements import Index, add_elements
from .recover import Frame, Recover
from .shadow import bar_name


class Reverse:
    """Builds the reverse sweep of one function body.

    `given` maps references to shadows that exist before the reverse sweep; `forward_shadows` are references
    whose shadow is a value of the forward sweep.
    """

    def __init__(
        self,
        recover: Recover,
        activity: Activity,
        forward_shadows: dict[Value, Value],
        call_fn: Callable[[Reverse, CallFn, Frame], None],
        sums: Accumulators,
        fused: Callable[[Reverse, For, Frame], bool],
    ) -> None:
        self.recover = recover
        self.activity = activity
        self.forward_shadows = forward_shadows
        self._call_fn = call_fn
        self._sums = sums
        self._fused = fused

    def scoped(self, recover: Recover, fused: Callable[[Reverse, For, Frame], bool]) -> Reverse:
        """The same for the body of a loop that is reversed iteration by iteration."""
        return Reverse(recover, self.activity, self.forward_shadows, self._call_fn, self._sums, fused)

    # -- regions
    def region(self, frame: Frame) -> None:
        """Reverse all ops of a region into its frame."""
        for op in reversed(frame.region.ops):
            frame.b.src = op.src
            self._op(op, frame)

    def _nested(self, region: Region, outer: Frame, params: tuple[Value, ...] = ()) -> Frame:
        return Frame(region, outer.b.nested(params), outer)

    def add(self, value: Value, bar: Value | None, frame: Frame) -> None:
        """Accumulate into the adjoint of a scalar."""
        if bar is None or not self.activity.active(value):
            return
        old = frame.bars.get(value)
        new = bar if old is None else emit(frame.b, "add", old, bar)
        new.name = new.name or bar_name(value)
        frame.bars[value] = new

    def has_bar(self, value: Value, frame: Frame) -> bool:
        """Whether the adjoint of a result may be other than zero."""
        if is_reference(value):
            return self.activity.active(value)
        return value in frame.bars

    def take(self, value: Value, frame: Frame) -> Value:
        """The adjoint of a result that is being reversed, zero if it has none."""
        bar = frame.bars.pop(value, None)
        return frame.b.const(0, value.dtype) if bar is None else bar

    def shadow(self, ref: Value, frame: Frame) -> Value:
        """The shadow of a reference, available in `frame`."""
        if ref in self.forward_shadows:
            return self.recover.value(self.forward_shadows[ref], frame)
        at = self.recover.frame_of(self.recover.home(ref), frame)
        if ref not in at.shadows:
            op = self.recover.structure.definition.get(ref)
            if isinstance(op, ListNew):
                at.shadows[ref] = self._zero_list(ref, at)
            elif isinstance(op, View):
                operands = tuple(self.recover.value(a, at) for a in op.args[1:])
                out = Value(ref.type, bar_name(ref))
                at.b.add(op.rebuild((self.shadow(op.array, at), *operands), (out,)))
                at.shadows[ref] = out
            else:
                at.shadows[ref] = at.b.alloc(self._lengths(ref, op, at), ref.dtype, "zeros", bar_name(ref))
        return at.shadows[ref]

    def _zero_list(self, ref: Value, frame: Frame) -> Value:
        """Zeros for every element that the list has at the end of its region, where the reverse of it
        begins."""
        assert isinstance(ref.type, List)
        b = frame.b
        shadow = b.list_new(ref.type.elem, bar_name(ref))
        length = self.recover.value(self.recover.final_length(ref), frame)
        zero, one = b.int(0), b.int(1)
        b.open((Value(INT, "k"),))
        b.push(shadow, b.const(0, ref.type.elem.dtype))
        b.for_(zero, length, one, (), b.close())
        return shadow

    def _lengths(self, ref: Value, op: Op | None, frame: Frame) -> list[Value]:
        if isinstance(op, Alloc):
            return [self.recover.value(n, frame) for n in op.args]
        return [self._length(ref, axis, frame) for axis in range(ref.rank)]

    def _length(self, ref: Value, axis: int, frame: Frame) -> Value:
        """The length of an axis, from where it comes: to know that w @ x is as long as w it is not saved."""
        source = source_axis(self.recover.structure.definition, ref, axis)
        if isinstance(source, Value):
            return self.recover.value(source, frame)
        if self.recover.present(source[0]):
            ref, axis = source
        return frame.b.dim(self.recover.value(ref, frame), axis)

    # -- ops
    def _op(self, op: Op, frame: Frame) -> None:
        match op:
            case Apply():
                self._apply(op, frame)
            case Load():
                self._load(op, frame)
            case Store():
                self._store(op, frame)
            case ListGet() | ListSet() | Push() | Pop():
                self._list(op, frame)
            case Call():
                self._call(op, frame)
            case CallFn():
                self._call_fn(self, op, frame)
            case If():
                self._if(op, frame)
            case Loop():
                self._loop(op, frame)

    def _apply(self, op: Apply, frame: Frame) -> None:
        bar = frame.bars.pop(op.out, None)
        if bar is None:
            return
        b = frame.b
        if op.prim == "cast":
            (arg,) = op.args
            if self.activity.active(arg):
                self.add(arg, cast(b, bar, arg.dtype), frame)
            return
        record = PRIMS[op.prim]
        conjugate = record.holomorphic and is_complex(op.out.dtype)
        y_bar = emit(b, "conj", bar) if conjugate else bar
        for name, arg in differentiable_slots(op):
            if not self.activity.active(arg):
                continue
            primals = {n: op.out if n == "y" else op.args[record.args.index(n)] for n in record.needs(name)}
            values = {n: self.recover.value(primal, frame) for n, primal in primals.items()}
            computed = partial(self._computed, op, {values[n]: primals[n] for n in primals}, frame)
            known = {n: Sym(b, value, computed) for n, value in values.items()}
            known["y_bar"] = Sym(b, y_bar)
            result = record.rule(name, known)
            value = result.value if isinstance(result, Sym) else b.const(result, arg.dtype)
            self.add(arg, emit(b, "conj", value) if conjugate else value, frame)

    def _computed(
        self, op: Apply, had: dict[Value, Value], frame: Frame, prim: str, args: list[Value]
    ) -> Value | None:
        """What the program itself computes beside `op` by a primitive of primal values; `had` leads to them
        from those of the reverse sweep.
        """
        found = self.recover.structure.beside(op, prim, [had.get(a) for a in args])
        return None if found is None else self.recover.value(found, frame)

    def _index(self, op: Load | Store, frame: Frame) -> list[Value]:
        return [self.recover.value(i, frame) for i in op.index]

    def _load(self, op: Load, frame: Frame) -> None:
        bar = frame.bars.pop(op.out, None)
        if bar is not None and self.activity.active(op.array):
            frame.b.store(self.shadow(op.array, frame), self._index(op, frame), bar, accumulate=True)

    def _store(self, op: Store, frame: Frame) -> None:
        if not self.activity.active(op.array):
            return
        wanted = self.activity.active(op.value)
        if op.accumulate and not wanted:
            return
        shadow, index = self.shadow(op.array, frame), self._index(op, frame)
        if wanted:
            self.add(op.value, frame.b.load(shadow, index, bar_name(op.value)), frame)
        if not op.accumulate:
            frame.b.store(shadow, index, frame.b.const(0, op.value.dtype))

    def _list(self, op: Op, frame: Frame) -> None:
        """Lists of scalars; a list of references has its shadows from the forward sweep."""
        list_ = op.args[0]
        value = op.outs[0] if op.outs else op.args[-1]
        if is_reference(value) or not self.activity.active(list_):
            return
        b, shadow = frame.b, self.shadow(list_, frame)
        zero = b.const(0, value.dtype)
        match op:
            case Push():
                self.add(value, b.pop(shadow, bar_name(value)), frame)
            case Pop():
                b.push(shadow, frame.bars.pop(value, zero))
            case ListGet():
                bar = frame.bars.pop(value, None)
                if bar is not None:
                    index = self.recover.value(op.args[1], frame)
                    b.list_set(shadow, index, emit(b, "add", b.list_get(shadow, index), bar))
            case ListSet():
                index = self.recover.value(op.args[1], frame)
                self.add(value, b.list_get(shadow, index), frame)
                b.list_set(shadow, index, zero)

    # -- library calls
    def _call(self, op: Call, frame: Frame) -> None:
        record = CALLS[op.name]
        seen = any(self.has_bar(o, frame) for o in op.outs)
        wanted = any(self.activity.active(a) for a in op.args)
        if record.vjp is not None and seen and wanted:
            record.vjp(CallReverse(self, op, frame))
        elif seen and wanted:
            raise NoRuleError(f"{op.name} has no derivative rule", op.src)
        for out in op.outs:
            frame.bars.pop(out, None)

    # -- control flow
    def _if(self, op: If, frame: Frame) -> None:
        out_bars = [frame.bars.pop(out, None) for out in op.outs]
        frames = []
        for region in op.regions:
            inner = self._nested(region, frame)
            inner.bars = dict(frame.bars)
            for value, bar in zip(region.yields, out_bars, strict=True):
                self.add(value, bar, inner)
            self.region(inner)
            frames.append(inner)
        then, orelse = frames
        outside = dict.fromkeys(v for v in (*op.then.yields, *op.orelse.yields, *free(op)))
        changed = [v for v in outside if _visible(self, v, frame) and _differ(v, then, orelse, frame)]
        yields = [[f.bars.get(v) or f.b.const(0, v.dtype) for v in changed] for f in frames]
        if not changed and not then.b.region.ops and not orelse.b.region.ops:
            return
        closed = [f.b.done(y) for f, y in zip(frames, yields, strict=True)]
        outs = frame.b.if_(self.recover.value(op.cond, frame), closed[0], closed[1])
        for value, out in zip(changed, outs, strict=True):
            out.name = bar_name(value)
            frame.bars[value] = out

    def _loop(self, op: Loop, frame: Frame) -> None:
        if isinstance(op, For) and self._fused(self, op, frame):
            return
        b = frame.b
        out_bars = [frame.bars.pop(out, None) for out in op.outs[: len(op.inits)]]
        active = [k for k, p in enumerate(op.carried) if not is_reference(p) and self._carries(op, k)]
        summed = [k for k in active if self._sums.only_adds(op, k)]
        carried = [k for k in active if k not in summed]
        outside = [v for v in self.captured(op) if self.activity.active(v)]
        index = Value(INT, op.index.name if isinstance(op, For) else "k")
        entering = tuple(Value(op.carried[k].type, bar_name(op.carried[k])) for k in carried)
        sums = tuple(Value(v.type, bar_name(v)) for v in outside)
        exchanged = self.recover.exchanged(op)
        buffers = tuple(Value(op.carried[k].type, op.next[k].name) for k in exchanged)
        inner = self._nested(op.body, frame, (index, *entering, *sums, *buffers))
        inner.values.update(zip((op.next[k] for k in exchanged), buffers, strict=True))
        lo, hi, step = self._range(op, inner, index, frame)
        inner.bars = dict(zip(outside, sums, strict=True))
        for k, bar in zip(carried, entering, strict=True):
            self.add(op.next[k], bar, inner)
        for k in summed:
            self.add(op.next[k], out_bars[k], inner)
        self.region(inner)
        bars = [inner.bars.get(op.carried[k]) or inner.b.const(0, op.carried[k].dtype) for k in carried]
        body = inner.b.done(
            [*bars, *(inner.bars[v] for v in outside), *(inner.values[op.carried[k]] for k in exchanged)]
        )
        b.src = op.src
        inits = [out_bars[k] or b.const(0, op.carried[k].dtype) for k in carried]
        inits += [frame.bars.get(v) or b.const(0, v.dtype) for v in outside]
        inits += [self.recover.value(op.outs[k], frame) for k in exchanged]
        outs = b.for_(lo, hi, step, inits, body)
        for value, out in zip(outside, outs[len(carried) :], strict=False):
            frame.bars[value] = out
        for k, out in zip(carried, outs, strict=False):
            self.add(op.inits[k], out, frame)  # an init may also be among `outside`: its sum comes first
        for k in summed:
            self.add(op.inits[k], out_bars[k], frame)

    def _carries(self, op: Loop, k: int) -> bool:
        return self.activity.active(op.carried[k]) or self.activity.active(op.outs[k])

    def captured(self, op: Loop) -> list[Value]:
        """Scalars that the body takes from outside; what it yields counts as used."""
        inside = {*op.body.params}
        return [v for v in free(op) if not is_reference(v) and v not in inside]

    def _range(self, op: Loop, inner: Frame, index: Value, frame: Frame) -> tuple[Value, Value, Value]:
        """Bounds of the reversed loop; tells the body frame its primal index and its iteration number."""
        b, minus = frame.b, frame.b.int(-1)
        if isinstance(op, For):
            lo, hi, step = (self.recover.value(v, frame) for v in (op.lo, op.hi, op.step))
        if isinstance(op, For) and not op.stops:
            inner.values[op.index] = index
            inner.counter = iteration(inner.b, op, index, lo, step)
            if b.const_of(step) == 1:
                return emit(b, "sub", hi, b.int(1)), emit(b, "sub", lo, b.int(1)), minus
            if b.const_of(step) == -1:
                return emit(b, "add", hi, b.int(1)), emit(b, "add", lo, b.int(1)), b.int(1)
            count = trip_count(b, lo, hi, step)
            last = (Sym(b, lo) + (Sym(b, count) - 1) * Sym(b, step)).value
            return last, emit(b, "sub", lo, step), emit(b, "neg", step)
        trips = self.recover.value(self.recover.trips(op), frame)
        inner.counter = index
        if isinstance(op, For):
            inner.values[op.index] = (Sym(inner.b, lo) + Sym(inner.b, index) * Sym(inner.b, step)).value
        return emit(b, "sub", trips, b.int(1)), minus, minus


def _visible(reverse: Reverse, value: Value, frame: Frame) -> bool:
    """Whether a value is defined outside the branches that are being left."""
    if is_reference(value) or not reverse.activity.active(value):
        return False
    home = reverse.recover.home(value)
    at: Frame | None = frame
    while at is not None and at.region is not home:
        at = at.outer
    return at is not None


def _differ(value: Value, then: Frame, orelse: Frame, frame: Frame) -> bool:
    old = frame.bars.get(value)
    return then.bars.get(value) is not old or orelse.bars.get(value) is not old


class CallReverse:
    """What the rule of a library call sees of the reverse sweep (`prims.calls.ReverseCtx`)."""

    def __init__(self, reverse: Reverse, op: Call, frame: Frame) -> None:
        self._reverse = reverse
        self._frame = frame
        self.op: Op = op
        self.b = frame.b
        self.static = op.attrs[1:]

    def active(self, i: int) -> bool:
        """Whether argument i needs an adjoint."""
        return self._reverse.activity.active(self.op.args[i])

    def arg(self, i: int) -> Value:
        """Argument i as it was at the call."""
        return self._primal(self.op.args[i])

    def result(self, i: int) -> Value:
        """Result i as the call gave it."""
        return self._primal(self.op.outs[i])

    def _primal(self, value: Value) -> Value:
        if is_reference(value):
            return self._reverse.recover.contents(value, self.op, self._frame)
        return self._reverse.recover.value(value, self._frame)

    def bar(self, i: int) -> Value | None:
        """The cotangent of result i: a shadow reference, a scalar, or None for zero."""
        out = self.op.outs[i]
        if is_reference(out):
            return self._reverse.shadow(out, self._frame) if self._reverse.activity.active(out) else None
        return self._frame.bars.get(out)

    def add(self, i: int, contribution: Value) -> None:
        """Accumulate a scalar, or an array of the argument's shape, into the adjoint of argument i."""
        if is_reference(contribution):
            self.add_elements(i, lambda b, index: b.load(contribution, index))
        else:
            self._reverse.add(self.op.args[i], contribution, self._frame)

    def add_elements(self, i: int, element: Callable[[Builder, Index], Value]) -> None:
        """Accumulate element(b, index) into every element of the adjoint of argument i."""
        if not self.active(i):
            return
        shadow = self._reverse.shadow(self.op.args[i], self._frame)
        add_elements(self.b, shadow, element)

    def add_triangle(self, i: int, element: Callable[[Builder, Index], Value], upper: bool) -> None:
        """Accumulate into the elements of one triangle of the adjoint of argument i."""
        if not self.active(i):
            return
        b, shadow = self.b, self._reverse.shadow(self.op.args[i], self._frame)

        def add(at: Index) -> None:
            b.store(shadow, at, element(b, at), accumulate=True)

        each_of_triangle(b, b.dim(shadow, 0), upper, add)
