"""Checkpoints: a long loop is cut into segments, each of them a call of one function.

Before::

    checkpointed for t in range(0, n, 1) carry (s: f64 = s0) {
        u[0] = …
        s_1: f64 = …
        yield s_1
    } -> out

After::

    for k in range(0, segments, 1) carry (s: f64 = s0) {
        first: i64 = k * length
        last: i64 = pymin(first + length, n)
        s_1: f64 = call @f_segment(first, last, u, s)
        yield s_1
    } -> out

The adjoint of a called function runs it again, on what its arguments were (`adjoint/build.py`). So the
forward sweep keeps what goes into each segment, and the reverse sweep the tape of one segment at a time: with
√n segments of √n iterations both are of that order, and the loop runs twice (the uniform scheme of two levels
of Griewank and Walther, *Evaluating Derivatives*, 2nd ed., chapter 12). Segments may be checkpointed in turn.

A segment begins with copies of the arrays that the loop rebinds. What else refers to their memory would not
see what the loop writes to it: such loops are refused.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from ..analysis.memory import Memory, Origins, Writers, is_reference, written_params
from ..errors import UnsupportedError
from ..ir.build import Builder
from ..ir.nodes import (
    Alloc,
    Call,
    For,
    Function,
    If,
    Loop,
    Module,
    Op,
    Region,
    Value,
    View,
)
from ..ir.outline import Outline
from ..ir.types import INT, List
from ..ir.walk import free, walk
from ..prims.counting import trip_count
from ..prims.prim import Sym, cast, emit

CountSegments = Callable[[Builder, For, Value], Value]
"""(builder before the loop, loop, trip count) → how many segments."""


def checkpoint(module: Module, chosen: Mapping[Value, CountSegments] | None = None) -> Module:
    """Cut the loops that ask for it, and those in `chosen`: index of a loop → its segments.

    Raises
    ------
    UnsupportedError
        A loop that asks for it cannot be cut. One that was only chosen stays whole.
    """
    chosen = chosen or {}
    if not any(_is_cut(op, chosen) for fn in module for op in walk(fn.body)):
        return module
    made: dict[str, Function] = {}
    segments = set(module.segments)
    writers = written_params(module)
    waiting = [*module.others.values(), module.entry]
    done: dict[str, Function] = {}
    while waiting:
        fn = waiting.pop()
        distinct = fn is module.entry or fn.name in segments
        cutter = _Cutter(fn, distinct, writers, chosen, {*module.others, *made, *done, module.entry.name})
        done[fn.name] = Function(fn.name, cutter.region(fn.body))
        made.update(cutter.made)
        segments |= cutter.made.keys()
        waiting += cutter.made.values()
    entry = done.pop(module.entry.name)
    return replace(module, entry=entry, others=done, segments=frozenset(segments))


def square_root(b: Builder, trips: Value) -> Value:
    """√trips segments, rounded up: the number at which segments and iterations of each are of one order."""
    return cast(b, emit(b, "ceil", emit(b, "sqrt", cast(b, trips, "float64"))), "int64")


def _is_cut(op: Op, chosen: Mapping[Value, CountSegments]) -> bool:
    return isinstance(op, For) and (op.segments != 0 or op.index in chosen)


@dataclass
class _Cutter:
    """Cuts the loops of one function, outer ones first; inner ones are cut when their segment is."""

    fn: Function
    distinct: bool
    writers: Writers
    chosen: Mapping[Value, CountSegments]
    taken: set[str]
    made: dict[str, Function] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.memory = Memory(self.fn, distinct_params=self.distinct, writers=self.writers)
        self.structure = self.memory.structure

    def region(self, region: Region) -> Region:
        """The region with segments for loops."""
        ops: list[Op] = []
        for op in region.ops:
            if isinstance(op, For) and _is_cut(op, self.chosen):
                ops += self._cut(op)
            elif op.regions:
                ops.append(op.rebuild(regions=tuple(map(self.region, op.regions))))
            else:
                ops.append(op)
        return Region(region.params, ops, region.yields)

    def _cut(self, loop: For) -> list[Op]:
        problem = _Fitness(self.memory, loop).problem()
        if problem and loop.segments:
            raise UnsupportedError(
                f"this loop cannot be checkpointed: {problem}", loop.src, "leave out pb.checkpoint()"
            )
        if problem:
            return [loop]
        segment = _Segment(self.memory, loop, self._name())
        self.made[segment.name] = segment.function()
        b = Builder(Region())
        b.src = loop.src
        b.defs.update(self.structure.definition)
        count = self._segments(b, loop)
        lo, step = Sym(b, loop.lo), Sym(b, loop.step)
        trips = trip_count(b, loop.lo, loop.hi, loop.step)
        length = emit(b, "floordiv", (Sym(b, trips) + Sym(b, count) - 1).value, count)
        length = emit(b, "pymax", length, b.int(1))
        length.name = "length"
        needed = emit(b, "floordiv", (Sym(b, trips) + Sym(b, length) - 1).value, length)
        needed.name = "segments"
        k = Value(INT, "k")
        carried = tuple(Value(p.type, p.name) for p in loop.carried)
        b.open((k, *carried))
        first = emit(b, "mul", k, length)
        last = emit(b, "pymin", emit(b, "add", first, length), trips)
        bounds = [(lo + Sym(b, v) * step).value for v in (first, last)]
        outs = b.call_fn(segment.name, (*bounds, *segment.args, *carried), [p.type for p in loop.carried])
        b.for_(b.int(0), needed, b.int(1), loop.inits, b.close(outs))
        b.region.ops[-1].outs = loop.outs
        return b.region.ops

    def _segments(self, b: Builder, loop: For) -> Value:
        trips = trip_count(b, loop.lo, loop.hi, loop.step)
        if loop.index in self.chosen:
            count = self.chosen[loop.index](b, loop, trips)
        elif loop.segments > 0:
            count = b.int(loop.segments)
        else:
            count = square_root(b, trips)
        return emit(b, "pymax", count, b.int(1))

    def _name(self) -> str:
        name, k = f"{self.fn.name}_segment", 1
        while name in self.taken or name in self.made:
            k += 1
            name = f"{self.fn.name}_segment_{k}"
        return name


class _Segment:
    """The function that runs a segment: name(first, last, args…, carried…) -> carried…."""

    def __init__(self, memory: Memory, loop: For, name: str) -> None:
        self.name = name
        self._memory = memory
        self._loop = loop
        self._outline = Outline(memory.structure.definition, loop.src)
        self._b = self._outline.b

    @property
    def args(self) -> list[Value]:
        """The values outside that the function takes."""
        return self._outline.args

    def function(self) -> Function:
        """Build it; `args` are complete then."""
        loop, b = self._loop, self._b
        bounds = tuple(Value(INT, name) for name in ("first", "last"))
        carried = tuple(Value(p.type, p.name) for p in loop.carried)
        for value in (*free(loop), loop.step):
            self._outline.take(value)
        inits = []
        for param in carried:
            if is_reference(param):
                (copied,) = b.call("copy", (param,), (param.type,))
                copied.name = param.name
                inits.append(copied)
            else:
                inits.append(param)
        first, last = bounds
        outs = b.for_(first, last, self._outline.take(loop.step), inits, self._outline.clone(loop.body))
        results = [self._fresh(k, out) for k, out in enumerate(outs)]
        return Function(
            self.name, Region((*bounds, *self._outline.params, *carried), b.region.ops, tuple(results))
        )

    def _fresh(self, k: int, out: Value) -> Value:
        """A result that shares its memory with nothing that the caller sees."""
        if not is_reference(out):
            return out
        origins = self._memory.origins(self._loop.outs[k])
        others = [a for a in self.args if is_reference(a)] + list(self._loop.outs[:k])
        if any(is_reference(o) and origins & self._memory.origins(o) for o in others):
            (out,) = self._b.call("copy", (out,), (out.type,))
        return out


class _Fitness:
    """Whether a loop means the same when its segments work on copies of what it rebinds."""

    def __init__(self, memory: Memory, loop: For) -> None:
        self._memory = memory
        self._loop = loop
        self._structure = memory.structure
        inside = [loop.body, *(r for op in walk(loop.body) for r in op.regions)]
        self._inside = {id(region) for region in inside}

    def problem(self) -> str:
        """Why the loop must stay whole; empty if it need not."""
        loop = self._loop
        taken = [*free(loop), *loop.inits]
        if loop.stops:
            return "it is left by break or return"
        if any(isinstance(v.type, List) for v in taken):
            return "it works on a list"
        roots = list(dict.fromkeys(self._root(v) for v in free(loop) if is_reference(v)))
        rebound = [p for p in loop.carried if is_reference(p)]
        for k, ref in enumerate(roots):
            if any(not self._memory.apart(ref, other) for other in roots[:k]):
                return "two of its arrays may share memory"
        written = self._written()
        for k, ref in enumerate(rebound):
            for other in (*roots, *rebound[:k]):
                shared = self._memory.origins(ref) & self._memory.origins(other) & written
                if shared and not self._memory.apart(ref, other):
                    return f"it writes to memory of {_name(ref)}, to which {_name(other)} may refer too"
        return self._seen_later()

    def _root(self, ref: Value) -> Value:
        op = self._structure.definition.get(ref)
        return self._root(op.array) if isinstance(op, View) else ref

    def _written(self) -> Origins:
        """Memory that the loop writes to, apart from what an iteration writes into what it has just made."""
        found: set[Value] = set()
        for op, origins in self._memory.writes:
            if id(self._structure.region_of(op)) not in self._inside:
                continue
            made = self._structure.definition.get(self._root(op.args[0])) if op.writes else None
            if not (isinstance(made, Alloc | Call) and id(self._structure.region_of(made)) in self._inside):
                found |= origins
        return frozenset(found)

    def _seen_later(self) -> str:
        """Whether something but the results sees memory that the loop rebinds: what the loop writes there, or
        what is written there after it."""
        outs = [o for o in self._loop.outs if is_reference(o)]
        later = [op for op in walk(self._memory.fn.body) if self._follows(op)]
        touched = [
            v for op in later for v in (*op.args, *op.outs, *(y for r in op.regions for y in r.yields))
        ]
        refs = [r for r in dict.fromkeys((*touched, *self._memory.fn.results)) if is_reference(r)]
        written, written_later = self._written(), self._written_by(later)
        for out in outs:
            origins = self._memory.origins(out)
            for ref in refs:
                if ref in outs and self._memory.apart(ref, out):
                    continue
                seen = written if not any(self._is_from(ref, o) for o in outs) else frozenset()
                if not self._is_from(ref, out):
                    seen |= written_later
                if self._memory.origins(ref) & origins & seen:
                    return f"the memory of {_name(out)} is used under another name after it"
        return ""

    def _written_by(self, ops: list[Op]) -> Origins:
        these = {id(op) for op in ops}
        return frozenset(o for op, origins in self._memory.writes if id(op) in these for o in origins)

    def _follows(self, op: Op) -> bool:
        """Whether an op outside of the loop may run after it."""
        if op is self._loop or id(self._structure.region_of(op)) in self._inside:
            return False
        region, at_loop, at_op = self._structure.common(self._loop, op)
        if isinstance(op, Loop | If) and any(
            self._structure.contains(r, self._structure.region_of(self._loop)) for r in op.regions
        ):
            return False
        return at_op > at_loop or bool(self._structure.loops(region))

    def _is_from(self, ref: Value, out: Value) -> bool:
        while ref is not out:
            op = self._structure.definition.get(ref)
            if not isinstance(op, View):
                return False
            ref = op.array
        return True


def _name(ref: Value) -> str:
    return f"'{ref.name}'" if ref.name else "an array"
