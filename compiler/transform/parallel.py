"""Loops whose iterations are independent run in threads.

Before::

    for i in range(0, n, 1) carry (loss: f64 = loss_0) {
        …
        w_bar[j] += t
        yield loss_1
    } -> loss_2

After::

    if n * cost > … {
        w_bar_parts: f64[:, :] = zeros(32, m)
        loss_parts: f64[:] = zeros(32)
        call @f_parts(n, …, w_bar_parts, loss_parts, failed)
        check that none of them failed
        the sum of loss_parts → loss_2; w_bar += the sum of w_bar_parts
    } else {
        loss_parts: f64[:] = zeros(1)
        call @f_part(0, n, 0, …, w_bar, loss_parts)
    }

    f_part(first, last, part, …, w_bar, loss_parts)     the loop from first to last, alone
    f_part_fails(…)                                     whether that raises
    f_parts(n, …, w_bar_parts, loss_parts, failed)      parallel for part in range(0, 32, 1)

The number of parts does not depend on the number of threads, and sums over the parts are made in order: one
thread and twenty give the same numbers, bit by bit. Parts lie side by side, but the k-th that is handed out
comes from the front and from the back in turn, so that threads get equal shares of a triangle. Where only
neighbouring parts add to the same elements, as in the adjoint of a stencil, the even parts run before the odd
ones.

An exception that leaves the body of a parallel loop is lost in Numba. So any exception is raised when a part
has failed, and `call/specialise.py` then runs the serial code, which raises what the program raises.

`analysis/races.py` says which loops may be cut; the outermost of them are. Loops of a few operations without
a loop inside are left alone. Whether threads are worth waking is decided at run time, by lengths only.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from ..analysis.races import Races, Verdict
from ..analysis.work import Work, is_long
from ..ir.build import Builder
from ..ir.nodes import (
    Alloc,
    For,
    Function,
    If,
    Module,
    Op,
    Region,
    Value,
)
from ..ir.outline import Outline
from ..ir.types import INT, Array, Scalar
from ..ir.walk import free
from ..prims.counting import trip_count
from ..prims.libcall import each
from ..prims.prim import Sym, emit

PARTS = 32
"""Into how many parts a loop is cut: more than most machines have threads, so that they end together."""
ENOUGH = 200_000
"""Additions that are worth waking threads, which takes some ten microseconds."""
SHARE = 8
"""How often a number in the arrays of the parts is touched: made, cleared, added up, out of cache."""


@dataclass(frozen=True)
class Decision:
    """What became of a loop: the ops that replace it, and what `explain()` says."""

    loop: For
    made: tuple[Op, ...]
    text: str


def parallel(module: Module, *, reassociate: bool = True) -> tuple[Module, list[Decision]]:
    """Cut the loops of the entry and of checkpointed segments; what was decided."""
    decisions: list[Decision] = []
    others: dict[str, Function] = {}
    taken = {fn.name for fn in module}

    def cut(fn: Function) -> Function:
        races = Races(fn, distinct_params=True, reassociate=reassociate)
        cutter = _Cutter(fn, races, taken, others, decisions)
        return Function(fn.name, cutter.region(fn.body))

    kept = {name: cut(fn) if name in module.segments else fn for name, fn in module.others.items()}
    entry = cut(module.entry)
    return replace(module, entry=entry, others={**others, **kept}), decisions


@dataclass
class _Cutter:
    """Cuts the loops of one function; `made` gets the functions that run their parts."""

    fn: Function
    races: Races
    taken: set[str]
    made: dict[str, Function]
    decisions: list[Decision]

    def region(self, region: Region) -> Region:
        """The region with its outermost independent loops cut."""
        ops: list[Op] = []
        for op in region.ops:
            cut = self._cut(op) if isinstance(op, For) and is_long(op) else None
            if cut is not None:
                ops += cut
            elif op.regions:
                ops.append(op.rebuild(regions=tuple(map(self.region, op.regions))))
            else:
                ops.append(op)
        return Region(region.params, ops, region.yields)

    def _cut(self, loop: For) -> list[Op] | None:
        verdict = self.races.verdict(loop)
        if verdict.obstacle:
            self.decisions.append(Decision(loop, (), f"serial: {verdict.obstacle}"))
            return None
        parts = _Parts(loop, verdict, self.races, self._names())
        ops = parts.ops()
        self.made.update((fn.name, fn) for fn in parts.functions)
        self.decisions.append(Decision(loop, tuple(ops), parts.text()))
        return ops

    def _names(self) -> tuple[str, str, str]:
        k = 1
        while True:
            stem = f"{self.fn.name}_part" + (f"_{k}" if k > 1 else "")
            names = stem, f"{stem}_fails", f"{stem}s"
            if self.taken.isdisjoint(names):
                self.taken.update(names)
                return names
            k += 1


class _Parts:
    """One loop: the functions that run its parts, and the ops that call them."""

    def __init__(self, loop: For, verdict: Verdict, races: Races, names: tuple[str, str, str]) -> None:
        self._loop = loop
        self._arrays = verdict.shared_sums
        self._scratch = verdict.scratch
        self._reach = verdict.reach
        self._races = races
        self._name, self._fails, self._all = names
        self._sums = tuple(Value(Array(p.dtype, 1), f"{p.name or 'sum'}_parts") for p in loop.carried)
        self._args: list[Value] = []
        self.functions: list[Function] = []

    def text(self) -> str:
        """What `explain()` says."""
        own = [a.name or "an array" for a in self._arrays]
        own += [p.name or "a sum" for p in self._loop.carried]
        each_ = f"; each part adds to its own {', '.join(own)}" if own else ""
        turns = "; every other part first, as neighbours add to the same elements" if self._reach else ""
        return f"parallel: {PARTS} parts, where there is work enough for threads{each_}{turns}"

    # -- the functions
    def _functions(self) -> None:
        part = self._part()
        self.functions += [part, self._attempted(part), self._threads(part)]

    def _part(self) -> Function:
        """(first, last, part, args…, arrays to add to…, sums…): the loop from first to last."""
        loop = self._loop
        outline = Outline(self._races.definition, loop.src)
        b = outline.b
        first, last, part = (Value(INT, name) for name in ("first", "last", "part"))
        arrays = [Value(a.type, a.name) for a in self._arrays]
        for array, inner in zip(self._arrays, arrays, strict=True):
            outline.put(array, inner)
        for array in self._scratch:
            made = self._races.definition[array]
            assert isinstance(made, Alloc)
            lengths = [outline.take(length) for length in made.args]
            outline.put(array, b.alloc(lengths, array.dtype, made.fill, array.name))
        for value in (loop.step, *free(loop)):
            outline.take(value)
        sums = [Value(s.type, s.name) for s in self._sums]
        inits = [_zero(b, p.dtype) for p in loop.carried]
        outs = b.for_(first, last, outline.take(loop.step), inits, outline.clone(loop.body))
        for array, out in zip(sums, outs, strict=True):
            b.store(array, (part,), out)
        self._args = outline.args
        for param in outline.params:
            param.name = _named(param)
        return Function(
            self._name, Region((first, last, part, *outline.params, *arrays, *sums), b.region.ops)
        )

    def _attempted(self, part: Function) -> Function:
        params = tuple(Value(p.type, p.name) for p in part.params)
        b = Builder(Region(params))
        b.src = self._loop.src
        return Function(self._fails, Region(params, b.region.ops, (b.attempt(part.name, params),)))

    def _threads(self, part: Function) -> Function:
        """(lo, step, trips, args…, arrays of the parts…, sums…, failed): all parts, in threads.

        It has nothing but the parallel loop: Numba would also make a parallel loop of `np.zeros`.
        """
        lo, step, trips = (Value(INT, name) for name in ("start", "step", "trips"))
        args = [Value(a.type, _named(a)) for a in self._args]
        rows = [Value(_rows(a).type, _rows(a).name) for a in self._arrays]
        sums = [Value(s.type, s.name) for s in self._sums]
        failed = Value(Array("bool", 1), "failed")
        params = (lo, step, trips, *args, *rows, *sums, failed)
        b = Builder(Region(params))
        b.src = self._loop.src
        colour, k = Value(INT, "colour"), Value(INT, "k")
        colours = 2 if self._reach else 1
        if self._reach:
            b.open((colour,))
        b.open((k,))
        number, count = Sym(b, k), PARTS // colours
        half = number // 2
        chosen = emit(b, "select", (number % 2).equals(0).value, half.value, (-half + (count - 1)).value)
        if self._reach:
            chosen = (Sym(b, chosen) * 2 + Sym(b, colour)).value
        at = Sym(b, chosen)
        chosen.name = "part"
        bounds = []
        for name, end in (("first", at), ("last", at + 1)):
            bound = emit(b, "add", lo, (Sym(b, trips) * end // PARTS * Sym(b, step)).value)
            bound.name = name
            bounds.append(bound)
        views = [b.view(r, "slice", ("i", *":" * (r.rank - 1)), (chosen,), r.rank - 1) for r in rows]
        (bad,) = b.call_fn(self._fails, (*bounds, chosen, *args, *views, *sums), [Scalar("bool")])
        b.store(failed, (chosen,), bad)
        body = b.close()
        b.for_(b.int(0), b.int(count), b.int(1), (), body, parallel=True)
        if self._reach:
            body = b.close()
            b.for_(b.int(0), b.int(colours), b.int(1), (), body)
        return Function(self._all, Region(params, b.region.ops))

    # -- what stands in place of the loop
    def ops(self) -> list[Op]:
        """The ops that replace the loop."""
        self._functions()
        loop = self._loop
        b = Builder(Region())
        b.src = loop.src
        b.defs.update(self._races.definition)
        trips = trip_count(b, loop.lo, loop.hi, loop.step)
        work = emit(b, "mul", trips, Work(b, self._races.definition, loop).of(loop.body))
        least = b.int(ENOUGH)
        lengths = [[b.dim(a, axis) for axis in range(a.rank)] for a in self._arrays]
        for each_ in lengths:
            size = b.int(PARTS * SHARE)
            for length in each_:
                size = emit(b, "mul", size, length)
            least = emit(b, "add", least, size)
        enough = emit(b, "gt", work, least)
        if self._reach:
            enough = emit(b, "and", (Sym(b, trips) >= PARTS * self._reach).value, enough)
        then = self._branch(b, lambda: self._in_threads(b, trips, lengths))
        orelse = self._branch(b, lambda: self._alone(b))
        b.add(If((enough,), loop.outs, (then, orelse), (), loop.src))
        return b.region.ops

    def _branch(self, b: Builder, fill: Callable[[], list[Value]]) -> Region:
        b.open()
        return b.close(fill())

    def _in_threads(self, b: Builder, trips: Value, lengths: list[list[Value]]) -> list[Value]:
        loop, parts = self._loop, b.int(PARTS)
        rows = [
            b.alloc((parts, *shape), a.dtype, "zeros", _rows(a).name)
            for a, shape in zip(self._arrays, lengths, strict=True)
        ]
        sums = [b.alloc((parts,), s.dtype, "zeros", s.name) for s in self._sums]
        failed = b.alloc((parts,), "bool", "zeros", "failed")
        b.call_fn(self._all, (loop.lo, loop.step, trips, *self._args, *rows, *sums, failed), ())
        k = Value(INT, "part")
        b.open((k,))
        fine = emit(b, "not", b.load(failed, (k,)))
        b.check(fine, "RuntimeError", "an iteration of a parallel loop failed")
        _over_parts(b, (), b.close())
        totals = [self._total(b, array, init) for array, init in zip(sums, loop.inits, strict=True)]
        for array, own, shape in zip(self._arrays, rows, lengths, strict=True):

            def add(index: tuple[Value, ...], array: Value = array, own: Value = own) -> None:
                b.store(array, index[1:], b.load(own, index), accumulate=True)

            each(b, [parts, *shape], add)
        return totals

    def _total(self, b: Builder, array: Value, init: Value) -> Value:
        k, total = Value(INT, "part"), Value(init.type, init.name)
        b.open((k, total))
        following = emit(b, "add", total, b.load(array, (k,)))
        return _over_parts(b, (init,), b.close((following,)))[0]

    def _alone(self, b: Builder) -> list[Value]:
        loop, zero = self._loop, b.int(0)
        sums = [b.alloc((b.int(1),), s.dtype, "zeros", s.name) for s in self._sums]
        b.call_fn(self._name, (loop.lo, loop.hi, zero, *self._args, *self._arrays, *sums), ())
        return [
            emit(b, "add", init, b.load(array, (zero,))) for array, init in zip(sums, loop.inits, strict=True)
        ]


def _over_parts(b: Builder, inits: tuple[Value, ...], body: Region) -> tuple[Value, ...]:
    return b.for_(b.int(0), b.int(PARTS), b.int(1), inits, body)


def _named(value: Value) -> str:
    return value.name or ("n" if value.type == INT else "t")


def _rows(array: Value) -> Value:
    """The array that holds a copy of another for every part."""
    return Value(Array(array.dtype, array.rank + 1), f"{array.name or 'array'}_parts")


def _zero(b: Builder, dtype: str) -> Value:
    return b.const(np.dtype(dtype).type(0).item(), dtype)
