"""Indices are checked where they may be out of range, and before loops: Numba need not check each.

Before, under `boundscheck=True`::

    for j in range(0, d, 1) {
        u: f64 = w[j]
        t: f64 = x[i, j]
        …
    }

After, where d is the length of x::

    n: i64 = w.shape[0]
    ok: bool = d <= n
    check ok, IndexError
    for j in range(0, d, 1) {
        u: f64 = w[j]
        t: f64 = x[i, j]
        …
    }

An index that the bounds of loops keep inside needs no check. One that only the last iteration takes too far
is checked before the loop, where nothing in the loop can raise first or is seen from outside. What is left,
such as `x[rows[i]]`, is checked where it stands. LLVM runs the last iterations of a vectorised loop with
further exits one by one, which are all of a short loop; the exits also take long to compile.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from ..analysis.inside import Facts, Inside, Passed, Run
from ..analysis.needs import Need, strongest
from ..analysis.ring import neighbour
from ..analysis.total import Sum
from ..errors import Src
from ..ir.build import Builder
from ..ir.effects import is_random, may_raise
from ..ir.nodes import (
    Alloc,
    Call,
    CallFn,
    Check,
    For,
    Function,
    ListGet,
    ListSet,
    Load,
    Op,
    Pop,
    Print,
    Region,
    Store,
    Value,
    View,
    While,
)
from ..ir.walk import defined, walk

MESSAGE = "index {0} is out of bounds for axis AXIS with size {1}"


def guard(fn: Function, only: frozenset[int] | None = None) -> Function:
    """The function with all the checks that indices need; nothing else has to check them.

    `only`: the ids of the ops whose indices are checked.
    """
    if not any(True for op in walk(fn.body) for _ in _indices(op)):
        return fn
    body, _ = _Guard(fn.body, only).region(fn.body, Facts([], {}), None)
    return Function(fn.name, body)


class _Guard:
    def __init__(self, body: Region, only: frozenset[int] | None) -> None:
        self._known = Inside(body)
        self._only = only

    def region(self, region: Region, facts: Facts, around: For | None) -> tuple[Region, list[Need]]:
        """A region with its checks, and what may be checked before the loop `around` it."""
        ops: list[Op] = []
        before: dict[Need, None] = {}
        first = replace(facts, passed=list(facts.passed))
        placed: list[tuple[Need, list[Op]]] = []
        inside = defined(region) if around is not None else set()
        for position, op in enumerate(region.ops):
            asked = _indices(op) if self._only is None or id(op) in self._only else ()
            needs = [n for axis in asked if (n := self._need(*axis, op.src, facts)) is not None]
            if op.regions:
                op, further = self._inner(op, facts)
                needs += further
            for need in strongest(needs):
                lifted = None if around is None else self._lifted(need, around, inside)
                if lifted is not None:
                    before.setdefault(lifted)
                elif not self._known.follows(need.low, need.high, *need.place, facts, need.runs):
                    checks = self._checks(self._widest(need, region.ops[position:]), facts)
                    placed.append((need, checks))
                    ops += checks
            if isinstance(op, Check):
                self._known.learn(op.args[0], facts)
            ops.append(op)
        for need in before:
            self._learn(need, first)
        idle = {
            id(op)
            for need, checks in placed
            if before and self._known.follows(need.low, need.high, *need.place, first, need.runs)
            for op in checks
        }
        return Region(region.params, [op for op in ops if id(op) not in idle], region.yields), list(before)

    def _inner(self, op: Op, facts: Facts) -> tuple[Op, list[Need]]:
        around = op if isinstance(op, For) and self._is_plain(op) else None
        run = self._known.run(op) if isinstance(op, For) and self._known.bounds.step(op) else None
        needs: list[Need] = []
        regions = []
        for inner in op.regions:
            known = facts.inside(run)
            made, further = self.region(inner, known, around)
            regions.append(made)
            needs += further
            if run is not None:
                self._keep(known, facts, run, defined(inner))
        return op.rebuild(regions=tuple(regions)), needs

    def _keep(self, found: Facts, facts: Facts, run: Run, inside: set[Value]) -> None:
        """After a loop, what its iterations have found out about values from outside."""

        def lasts(*totals: Sum) -> bool:
            return not any(
                self._known.lengths.origin(base) in inside for total in totals for base in total.bases
            )

        for base, total in found.same.items():
            if base not in facts.same and lasts(Sum((base,), 0), total):
                facts.later.append(((run,), base, total))
        for passed in found.passed[len(facts.passed) :]:
            if lasts(passed.limit, passed.length, *(t for pair in passed.runs for t in pair)):
                runs = passed.runs if run in passed.runs else (*passed.runs, run)
                facts.passed.append(replace(passed, runs=runs))

    def _is_plain(self, loop: For) -> bool:
        """Whether it is not seen if a loop raises before it starts."""
        return (
            not loop.stops
            and abs(self._known.bounds.step(loop)) == 1
            and not any(map(self._is_seen, walk(loop.body)))
        )

    def _is_seen(self, op: Op) -> bool:
        """Whether it is seen that an op ran though the function raises later, or it may raise or not end."""
        seen = isinstance(op, Check | Print | Call | CallFn | Pop | ListGet | ListSet | While)
        return seen or may_raise(op, self._known.definition) or is_random(op)

    # -- what an access needs
    def _need(self, array: Value, axis: int, index: Value, src: Src, facts: Facts) -> Need | None:
        total = self._known.sum(index)
        below = self._known.is_below(index, array, axis, facts)
        low = None if self._known.is_above(index, array, axis, facts, below) else total
        high = None if below else total
        return (
            None if self._known.follows(low, high, array, axis, facts) else Need(array, axis, low, high, src)
        )

    # -- checks
    def _lifted(self, need: Need, loop: For, inside: set[Value]) -> Need | None:
        """What is to be checked before the loop, if that can be said there."""
        first, last = self._known.sum(loop.lo), self._known.sum(loop.hi)
        up = self._known.bounds.step(loop) > 0
        last = last.plus(Sum((), -1 if up else 1))
        least, most = (first, last) if up else (last, first)
        low = None if need.low is None else _replaced(self._end(need.low, loop, False), loop.index, least)
        high = None if need.high is None else _replaced(self._end(need.high, loop, True), loop.index, most)
        told = [low, high, *(total for run in need.runs for total in run)]
        if need.array in inside or any(
            b in inside for total in told if total is not None for b in total.bases
        ):
            return None
        run = self._known.run(loop)
        runs = need.runs if run in need.runs else (run, *need.runs)
        return replace(need, low=low, high=high, runs=runs)

    def _end(self, total: Sum, loop: For, upper: bool) -> Sum:
        """A sum where neighbours on the ring of a loop are as large as they get, or as small."""
        for base in total.bases:
            near = neighbour(base, self._known.bounds)
            if near is not None and near.loop is loop:
                end = near.length.plus(Sum((), -1)) if upper else Sum((), 0)
                return self._end(total.replaced(base, end), loop, upper)
        return total

    def _widest(self, need: Need, following: list[Op]) -> Need:
        """The need, or that of a later access which differs in a number only and surely follows."""
        if need.runs:
            return need
        for op in following:
            for array, axis, index in _indices(op):
                if array is need.array and axis == need.axis:
                    total = self._known.sum(index)
                    if need.high is not None and (total.apart_by(need.high) or 0) > 0:
                        need = replace(need, high=total, src=op.src)
                    if need.low is not None and (total.apart_by(need.low) or 0) < 0:
                        need = replace(need, low=total, src=op.src)
            if any(map(self._is_seen, (op, *(o for r in op.regions for o in walk(r))))):
                break
        return need

    def _checks(self, need: Need, facts: Facts) -> list[Op]:
        b = Builder()
        b.src = need.src
        length = b.dim(need.array, need.axis)
        parts: list[tuple[Sum, Value, tuple[Run, ...]]] = []
        if need.low is not None:
            parts.append((need.low, _above(b, need.low, length), need.runs))
        if need.high is not None:
            runs = tuple(run for run in need.runs if not _is_idle(run, need.high))
            parts.append((need.high, _below(b, need.high, length), runs))
        self._learn(need, facts)
        if len(parts) == 2 and parts[0][0] == parts[1][0]:
            (total, low, runs), (_, high, _) = parts
            parts = [(total, b.apply("and", (low, high), "bool"), runs)]
        for total, cond, runs in parts:
            for first, last in runs[::-1]:
                idle = b.apply("le", (last.build(b), first.build(b)), "bool")
                cond = b.apply("or", (idle, cond), "bool")
            made = self._known.definition.get(need.array)
            axis = made.axes[need.axis] if isinstance(made, Alloc) else need.axis
            message = MESSAGE.replace("AXIS", str(axis))
            b.check(cond, "IndexError", message, (total.build(b), length))
        return b.region.ops

    def _learn(self, need: Need, facts: Facts) -> None:
        """The check of a need has passed. If x[-1] is inside then so is x[0], and the other way round."""
        length = self._known.lengths.of(need.array, need.axis)
        for index, upper in ((need.low, False), (need.high, True)):
            if index is None:
                continue
            runs = tuple(r for r in need.runs if not (upper and _is_idle(r, index)))
            facts.passed.append(Passed(self._known.lengths.canonical(index), length, upper, runs))
            if not index.bases:
                facts.passed.append(Passed(Sum((), -1 - index.offset), length, not upper, runs))


def _indices(op: Op) -> Iterator[tuple[Value, int, Value]]:
    """(array, axis, index) of an access; a slice never leaves its array."""
    if isinstance(op, Load | Store):
        for axis, index in enumerate(op.index):
            yield op.array, axis, index
    elif isinstance(op, View) and op.kind == "slice":
        operands = list(op.args[1:])
        axis = 0
        for entry in op.spec:
            if entry == "i":
                yield op.array, axis, operands.pop(0)
            elif entry == "s":
                operands = operands[3:]
            axis += entry != "n"


def _is_idle(run: Run, high: Sum) -> bool:
    """Whether a check passes where a loop has no iteration: n <= 0 is all that n <= len(x) needs."""
    gap = high.apart_by(run[1])
    return not run[0].bases and gap is not None and gap < 0


def _above(b: Builder, low: Sum, length: Value) -> Value:
    """-length <= low, as one would write it."""
    if not low.bases:
        return b.apply("le", (b.int(-low.offset), length), "bool")
    return b.apply("le", (b.apply("neg", (length,), "int64"), low.build(b)), "bool")


def _below(b: Builder, high: Sum, length: Value) -> Value:
    """high < length, as one would write it."""
    if not high.bases:
        return b.apply("le", (b.int(high.offset + 1), length), "bool")
    if high.offset == -1:
        return b.apply("le", (replace(high, offset=0).build(b), length), "bool")
    return b.apply("lt", (high.build(b), length), "bool")


def _replaced(total: Sum, base: Value, by: Sum) -> Sum:
    while base in total.bases:
        total = total.replaced(base, by)
    return total
