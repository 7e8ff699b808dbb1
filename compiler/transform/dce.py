"""Dead code elimination: what nobody can notice is not computed.

Before::

    b: f64[:] = empty(n)
    for i in range(0, n, 1) carry (s: f64 = 0.0, u: f64 = 1.0) {
        t: f64 = a[i]
        b[i] = t
        t_1: f64 = s + t
        t_2: f64 = u * 2.0
        yield t_1, t_2
    } -> s_1, u_1
    return s_1

After::

    for i in range(0, n, 1) carry (s: f64 = 0.0) {
        t: f64 = a[i]
        t_1: f64 = s + t
        yield t_1
    } -> s_1
    return s_1

Liveness is marked from the results, checks, prints, calls and writes to memory that somebody else sees. A
write to memory of our own is live once a live op reads that memory; a carried value is live once
something other than its own next value needs it. A loop without live content goes, even if it might not
have ended.
"""

from __future__ import annotations

from collections.abc import Iterable

from ..analysis.memory import Memory, is_reference
from ..ir.effects import is_random
from ..ir.nodes import (
    Alloc,
    Call,
    CallFn,
    Check,
    For,
    Function,
    If,
    ListGet,
    ListLen,
    ListNew,
    Load,
    Loop,
    Op,
    Pop,
    Print,
    Region,
    Undef,
    Value,
    While,
)
from ..ir.walk import walk


def dce(fn: Function) -> Function:
    """Remove dead ops, dead carried values and results, and arrays and lists that nobody reads."""
    live = Liveness(fn)
    return Function(fn.name, _sweep(fn.body, live))


class Liveness:
    """The live ops and values of a function."""

    def __init__(self, fn: Function) -> None:
        self.memory = Memory(fn)
        self.ops: set[int] = set()
        self.values: set[Value] = set()
        self.parent: dict[int, Op] = {}
        self.source: dict[Value, Op] = {}
        self.seen: set[Value] = set()  # origins of memory that is read by live ops, or by others
        self.writers: dict[Value, list[Op]] = {}
        self.todo: list[Value | Op] = []
        self._index(fn)
        self._roots(fn)
        while self.todo:
            item = self.todo.pop()
            if isinstance(item, Op):
                self._visit_op(item)
            else:
                self._visit_value(item)

    # -- set-up
    def _index(self, fn: Function) -> None:
        for op in walk(fn.body):
            for region in op.regions:
                for inner in region.ops:
                    self.parent[id(inner)] = op
                for param in region.params:
                    self.source[param] = op
            for out in op.outs:
                self.source[out] = op

    def _own(self, origin: Value) -> bool:
        """Memory that this function has made, so that nobody else sees it."""
        return isinstance(self.source.get(origin), Alloc | Call | ListNew | Undef)

    def _roots(self, fn: Function) -> None:
        for op in walk(fn.body):
            if op.writes:
                origins = self.memory.origins(op.args[0])
                if not origins or not all(self._own(o) for o in origins):
                    self._use(op)
                for origin in origins:
                    self.writers.setdefault(origin, []).append(op)
            elif isinstance(op, Check | Print | CallFn) or is_random(op):
                self._use(op)
        for result in fn.results:
            self._need(result)
            self._escape(result)

    # -- marking
    def _use(self, op: Op) -> None:
        if id(op) not in self.ops:
            self.ops.add(id(op))
            self.todo.append(op)

    def _need(self, value: Value) -> None:
        if value not in self.values:
            self.values.add(value)
            self.todo.append(value)

    def _need_all(self, values: Iterable[Value]) -> None:
        for value in values:
            self._need(value)

    def _read(self, ref: Value) -> None:
        """A live op reads the memory behind a reference: writes to it matter."""
        self._observe(self.memory.origins(ref))

    def _observe(self, origins: Iterable[Value]) -> None:
        for origin in origins:
            if origin not in self.seen:
                self.seen.add(origin)
                for op in self.writers.get(origin, ()):
                    self._use(op)

    def _escape(self, ref: Value) -> None:
        """Somebody else may read all that a reference leads to."""
        if is_reference(ref):
            for origin in self.memory.origins(ref):
                self._observe([origin, *self.memory.contents(origin)])

    def _visit_op(self, op: Op) -> None:
        """A live op: what it needs to run at all. Results and carried values are marked one by one."""
        if id(op) in self.parent:
            self._use(self.parent[id(op)])
        if isinstance(op, While):
            self._need_all(op.cond.yields)
        elif isinstance(op, For):
            self._need_all((op.lo, op.hi, op.step, *(op.body.yields[:1] if op.stops else ())))
        else:
            self._need_all(op.args)
        if isinstance(op, Load | ListGet | ListLen | Pop):
            self._read(op.args[0])
        elif isinstance(op, Call | CallFn):
            for arg in op.args:
                self._escape(arg)

    def _visit_value(self, value: Value) -> None:
        op = self.source.get(value)
        if op is None:
            return
        self._use(op)
        if isinstance(op, If):
            k = op.outs.index(value)
            self._need_all((op.then.yields[k], op.orelse.yields[k]))
        elif isinstance(op, Loop):
            self._visit_carried(op, value)

    def _visit_carried(self, op: Loop, value: Value) -> None:
        """Every face of a carried value: init, parameters, next. The index and the trip count have none."""
        for group in (op.outs, op.carried, _tested(op)):
            if value in group:
                k = group.index(value)
                if k < len(op.inits):
                    self._need_all((op.inits[k], op.carried[k], op.next[k], *_tested(op)[k : k + 1]))


def _tested(op: Loop) -> tuple[Value, ...]:
    """The parameters of the cond region, if there is one."""
    return op.cond.params if isinstance(op, While) else ()


def _sweep(region: Region, live: Liveness) -> Region:
    ops = [_keep(op, live) for op in region.ops if id(op) in live.ops]
    return Region(region.params, ops, region.yields)


def _keep(op: Op, live: Liveness) -> Op:
    """A live op without its dead results and carried values."""
    inner = [_sweep(r, live) for r in op.regions]
    if isinstance(op, If):
        kept = [k for k, out in enumerate(op.outs) if out in live.values]
        for region in inner:
            region.yields = tuple(region.yields[k] for k in kept)
        return op.rebuild(outs=tuple(op.outs[k] for k in kept), regions=tuple(inner))
    if not isinstance(op, Loop):
        return op
    kept = [k for k, param in enumerate(op.carried) if param in live.values]
    index = op.body.params[: len(op.body.params) - len(op.carried)]
    stop = op.body.yields[: len(op.body.yields) - len(op.next)]
    body = inner[-1]
    body.params = (*index, *(op.carried[k] for k in kept))
    body.yields = (*stop, *(op.next[k] for k in kept))
    if isinstance(op, While):
        inner[0].params = tuple(op.cond.params[k] for k in kept)
    trips = tuple(t for t in op.outs[len(op.inits) :] if t in live.values)
    bounds = op.args[: len(op.args) - len(op.inits)]
    return op.rebuild(
        (*bounds, *(op.inits[k] for k in kept)), (*(op.outs[k] for k in kept), *trips), tuple(inner)
    )
