"""Indices are compared with lengths before the loops, and not at all where loops and checks keep them in
range.

Before: Numba would compare each index of each access.

    for i in range(0, n, 1) {
        t: f64 = x[i]                 n is the length of x
        u: f64 = y[i + 1]
        v: f64 = z[p[i]]

After: it need not compare any.

    check n < y.shape[0] or n <= 0    else IndexError
    check n <= p.shape[0]             else IndexError
    for i in range(0, n, 1) {
        t: f64 = x[i]
        u: f64 = y[i + 1]
        q: i64 = p[i]
        check q < z.shape[0]          else IndexError
        check q >= -z.shape[0]        else IndexError
        v: f64 = z[q]

A check leaves a loop only if the loop would come to the same error: the access runs in every iteration, the
greatest index is known, and nothing in the loop raises, prints or ends it. What a loop has checked need not
be checked again in a later loop over the same indices: the reverse sweep has few checks of its own. Negative
indices count from the end, as ever. Last of the passes, for no other one need know of these checks.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import product

from ..analysis.linear import Linear, Sums
from ..analysis.nonnegative import Facts, Lesson
from ..errors import Src
from ..ir.build import Builder
from ..ir.effects import may_raise
from ..ir.nodes import (
    Call,
    CallFn,
    Check,
    Dim,
    For,
    Function,
    If,
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
from ..ir.walk import walk

MOST_INDICES = 2
MESSAGE = "index is out of bounds for axis {axis}"
NOTICED = (Call, CallFn, Check, Print, While, Pop, ListGet, ListSet)


def check_indices(fn: Function) -> Function:
    """Make every comparison of an index with a length that may fail an op of its own."""
    return Function(fn.name, _Checker(fn.body).function(fn.body))


class _Scope:
    """A region while it is rebuilt, in which the sums `inside` are not negative.

    It is the body of a loop over `index`, before which checks may move if `loop` is given. Where no sum of
    `runs` is negative, it has run; None for what is not known.
    """

    def __init__(
        self,
        facts: Facts,
        inside: Sequence[Linear] = (),
        runs: Sequence[Linear] | None = None,
        index: Value | None = None,
        loop: For | None = None,
    ) -> None:
        self.facts = facts.learn(inside)
        self.inside = inside
        self.runs = runs
        self.index = index
        self.loop = loop
        self.ops: list[Op] = []
        self.visible: set[Value] = set()
        self.lengths: dict[tuple[Value, int], Value] = {}
        self.made: set[object] = set()
        self.lessons: dict[object, Lesson] = {}
        self.recalled = -1  # how many lessons there were when their conclusions were drawn last

    def add(self, op: Op) -> None:
        """Append an op."""
        self.ops.append(op)
        self.visible.update(op.outs)
        if isinstance(op, Dim):
            self.lengths.setdefault((op.args[0], op.axis), op.out)

    def learn(self, facts: Iterable[Linear]) -> None:
        """Add what has been checked."""
        for fact in facts:
            self.facts.learn([fact])
            self.teach(Lesson((), (), fact))

    def teach(self, lesson: Lesson) -> None:
        """Add a lesson, once."""
        key = frozenset(sum_.key for sum_ in lesson.premises), lesson.conclusion.key
        self.lessons.setdefault(key, lesson)


class _Checker:
    def __init__(self, body: Region) -> None:
        self._sums = Sums(body)
        self._scopes: list[_Scope] = []

    def function(self, body: Region) -> Region:
        return self._region(body, _Scope(Facts(self._sums)))

    def _region(self, region: Region, scope: _Scope) -> Region:
        scope.visible.update(region.params)
        self._scopes.append(scope)
        for op in region.ops:
            for array, axis, index in _accesses(op):
                self._require(array, axis, index, op.src)
            scope.add(op.rebuild(regions=tuple(self._inner(op))) if op.regions else op)
            if isinstance(op, Check):
                scope.learn(self._sums.said(op.args[0], True))
        self._scopes.pop()
        if scope.runs is not None:
            for lesson in scope.lessons.values():
                self._pass_on(lesson.behind(scope.index, scope.inside, scope.runs))
        return Region(region.params, scope.ops, region.yields)

    def _pass_on(self, lesson: Lesson) -> None:
        bases = {base for sum_ in (*lesson.premises, lesson.conclusion) for base in sum_.terms}
        depth = len(self._scopes) - 1
        if len(lesson.about) <= MOST_INDICES and all(
            base in lesson.about or self._sees(depth, base) for base in bases
        ):
            self._scopes[-1].teach(lesson)

    def _inner(self, op: Op) -> Iterator[Region]:
        outer, sums = self._scopes[-1].facts, self._sums
        if isinstance(op, For) and (ends := sums.ends(op)) is not None:
            index, run = sums.of(op.index), ends[1].plus(ends[0], -1)
            inside = [index.plus(ends[0], -1), ends[1].plus(index, -1)]
            quiet = not op.stops and not any(isinstance(o, NOTICED) or may_raise(o) for o in walk(op.body))
            facts = Facts(sums, outer)
            loop = op if quiet else None
            yield self._region(op.body, _Scope(facts, inside, None if op.stops else [run], op.index, loop))
        elif isinstance(op, If):
            for region, truth in ((op.then, True), (op.orelse, False)):
                said = list(sums.said(op.cond, truth))
                yield self._region(region, _Scope(Facts(sums, outer), said, said if said else None))
        else:
            for region in op.regions:
                yield self._region(region, _Scope(Facts(sums, outer)))

    def _recall(self) -> None:
        """Learn which operands maxima are here, and what all lessons say of the indices here."""
        facts = self._scopes[-1].facts
        for choice in self._sums.choices:
            decided = self._sums.decided(choice)
            if decided is not None and facts.hold(decided[0]):
                facts.learn(decided[1])
        here = [self._sums.of(s.index) for s in self._scopes if s.index is not None]
        for lesson in [lesson for scope in self._scopes for lesson in scope.lessons.values()]:
            for values in product(here, repeat=len(lesson.about)):
                *premises, conclusion = lesson.of(values)
                if all(map(facts.hold, premises)):
                    facts.learn([conclusion])

    def _require(self, array: Value, axis: int, index: Value, src: Src) -> None:
        """-length <= index < length."""
        length, at = self._sums.length(array, axis), self._sums.of(index)
        above = length.plus(at, -1).moved(-1)
        for goals in ((above,), (at, at.plus(length))):
            if not self._hold(goals):
                self._check(goals[-1], axis, src)

    def _hold(self, goals: Sequence[Linear]) -> bool:
        """Whether one of the sums is surely not negative."""
        scope = self._scopes[-1]
        if any(map(scope.facts.hold, goals)):
            return True
        known = sum(len(scope.lessons) for scope in self._scopes)
        if known == scope.recalled:
            return False
        scope.recalled = known
        self._recall()
        return any(map(scope.facts.hold, goals))

    def _check(self, goal: Linear, axis: int, src: Src) -> None:
        """Raise if a sum is negative, as early as is right."""
        depth = len(self._scopes) - 1
        runs: list[Linear] = []
        while (out := self._outside(depth, goal, runs)) is not None:
            goal, run = out
            runs.append(run)
            depth -= 1
        goal = goal.tight
        scope = self._scopes[depth]
        needed = [run for run in runs if not self._follows(scope.facts, goal, run)]
        key = goal.key, frozenset(run.key for run in needed)
        if not any(key in outer.made for outer in self._scopes[: depth + 1]):
            scope.made.add(key)
            b = Builder()
            b.src = src
            ok = self._compared(b, goal, depth)
            for run in needed:
                idle = Linear({}, -1).plus(run, -1)
                ok = b.apply("or", [self._compared(b, idle, depth), ok], "bool")
            b.check(ok, "IndexError", MESSAGE.format(axis=axis))
            for op in b.region.ops:
                scope.add(op)
        (self._scopes[-1] if needed else scope).learn([goal])

    def _outside(self, depth: int, goal: Linear, runs: list[Linear]) -> tuple[Linear, Linear] | None:
        """What stands for the goal before the loop around it, and what is not negative if the loop runs."""
        loop = self._scopes[depth].loop
        ends = None if loop is None else self._sums.ends(loop)
        if loop is None or ends is None:
            return None
        factor = goal.terms.get(loop.index, 0)
        if factor and abs(self._sums.step(loop)) != 1:
            return None
        goal = goal.replaced(loop.index, ends[0] if factor > 0 else ends[1])
        run = ends[1].plus(ends[0], -1)
        inner = [base for sum_ in (goal, run, *runs) for base in sum_.terms]
        return (goal, run) if all(self._sees(depth - 1, base) for base in inner) else None

    def _sees(self, depth: int, base: Value) -> bool:
        value, _ = self._sums.axis.get(base, (base, 0))
        return any(value in scope.visible for scope in self._scopes[: depth + 1])

    def _follows(self, facts: Facts, goal: Linear, run: Linear) -> bool:
        """Whether the loop surely runs, or the goal holds where it does not."""
        idle = Linear({}, -1).plus(run, -1)
        return facts.hold(run) or Facts(self._sums, facts).learn([idle]).hold(goal)

    # -- in the IR
    def _compared(self, b: Builder, goal: Linear, depth: int) -> Value:
        """The sum is not negative: as a comparison of two sums without minus signs."""
        left = Linear({v: c for v, c in goal.terms.items() if c > 0}, max(goal.number, 0))
        right = Linear({v: -c for v, c in goal.terms.items() if c < 0}, max(-goal.number, 0))
        strict = right.number == 1
        sides = [self._written(b, side, depth) for side in (right.moved(-1) if strict else right, left)]
        return b.apply("lt" if strict else "le", sides, "bool")

    def _written(self, b: Builder, sum_: Linear, depth: int) -> Value:
        total: Value | None = None
        for base, factor in sum_.terms.items():
            term = self._length(b, base, depth)
            if factor != 1:
                term = b.apply("mul", [term, b.int(factor)], "int64")
            total = term if total is None else b.apply("add", [total, term], "int64")
        if total is None:
            return b.int(sum_.number)
        return b.apply("add", [total, b.int(sum_.number)], "int64") if sum_.number else total

    def _length(self, b: Builder, base: Value, depth: int) -> Value:
        """A value, or the length that it stands for, which may be at hand."""
        if base not in self._sums.axis:
            return base
        axis = self._sums.axis[base]
        for scope in self._scopes[depth::-1]:
            if axis in scope.lengths:
                return scope.lengths[axis]
        return b.dim(*axis)


def _accesses(op: Op) -> Iterator[tuple[Value, int, Value]]:
    """(array, axis, index) of all that is taken by an index."""
    if isinstance(op, Load | Store):
        for axis, index in enumerate(op.index):
            yield op.array, axis, index
    elif isinstance(op, View) and op.kind == "slice":
        operands, axis = iter(op.args[1:]), 0
        for entry in op.spec:
            if entry == "i":
                yield op.array, axis, next(operands)
            elif entry == "s":
                for _ in range(3):
                    next(operands)
            axis += entry != "n"
