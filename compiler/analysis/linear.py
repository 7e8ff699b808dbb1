"""Integers of a function as linear sums: i + 2n - 1."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import gcd

from ..ir.nodes import (
    Apply,
    Const,
    Dim,
    For,
    ListGet,
    ListLen,
    ListNew,
    Loop,
    Op,
    Pop,
    Push,
    Region,
    Value,
    View,
)
from ..ir.types import INT, Array
from ..ir.walk import regions, walk
from .lengths import source_axis
from .permutation import cycle, permutation
from .structure import Structure


@dataclass(frozen=True)
class Linear:
    """Values times numbers, plus a number. No factor is zero."""

    terms: Mapping[Value, int]
    number: int

    def plus(self, other: Linear, times: int = 1) -> Linear:
        """The sum with a multiple of another."""
        terms = dict(self.terms)
        for base, factor in other.terms.items():
            terms[base] = terms.get(base, 0) + times * factor
        return Linear({b: c for b, c in terms.items() if c}, self.number + times * other.number)

    def moved(self, number: int) -> Linear:
        """The sum and a number."""
        return Linear(self.terms, self.number + number)

    def replaced(self, base: Value, by: Linear) -> Linear:
        """The sum with something else in place of one of its values."""
        factor = self.terms.get(base, 0)
        return self.plus(Linear({base: 1}, 0), -factor).plus(by, factor)

    @property
    def tight(self) -> Linear:
        """The same for integers, without a common factor: 2n - 1 is not negative where n - 1 is not."""
        common = gcd(*self.terms.values())
        if common < 2:
            return self
        return Linear({b: c // common for b, c in self.terms.items()}, self.number // common)

    @property
    def key(self) -> tuple[frozenset[tuple[Value, int]], int]:
        """The same for equal sums."""
        return frozenset(self.terms.items()), self.number


class Sums:
    """Integers of a function body as linear sums. Equal lengths of arrays are one value."""

    def __init__(self, body: Region) -> None:
        self._structure = Structure(body)
        self._definition = self._structure.definition
        self._lengths: dict[tuple[Value, int], Value] = {}
        self._known: dict[Value, Linear] = {}
        self._alike: dict[Value, list[Value]] = {}
        self._asked: set[Value] = set()
        self.axis: dict[Value, tuple[Value, int]] = {}
        self.choices: list[Value] = []
        for op in walk(body):
            if isinstance(op, Loop):
                self._exchange(op)
                self.choices += op.outs[len(op.inits) :]
            elif isinstance(op, Apply) and op.prim in ("pymax", "select") and op.out.type == INT:
                self.choices.append(op.out)
        self._collect(body)

    def _exchange(self, loop: Loop) -> None:
        """Arrays that a loop only exchanges are in turn what it starts with."""
        places = permutation(loop)
        for k in places:
            inits = [loop.inits[j] for j in cycle(places, k)]
            self._alike[loop.carried[k]] = self._alike[loop.outs[k]] = inits

    def _collect(self, body: Region) -> None:
        """What is taken from a list is one of the arrays that were put there."""
        pushed: dict[Value, list[Value]] = {}
        taken: list[Op] = []
        for op in walk(body):
            if isinstance(op, ListNew):
                pushed[op.out] = []
        for part in regions(body):
            for op in part.ops:
                if isinstance(op, Push) and op.args[0] in pushed:
                    pushed[op.args[0]].append(op.args[1])
                elif isinstance(op, Pop | ListGet | ListLen):
                    taken.append(op)
                else:
                    for arg in op.args:
                        pushed.pop(arg, None)
            for value in part.yields:
                pushed.pop(value, None)
        for op in taken:
            if isinstance(op.out.type, Array) and (arrays := pushed.get(op.args[0])):
                self._alike[op.out] = arrays

    def of(self, value: Value) -> Linear:
        """An integer."""
        if value not in self._known:
            self._known[value] = self._made(value)
        return self._known[value]

    def _made(self, value: Value) -> Linear:
        op = self._definition.get(value)
        if isinstance(op, Const) and value.type == INT:
            return Linear({}, int(op.value))
        if isinstance(op, Dim):
            return self.length(op.args[0], op.axis)
        if isinstance(op, Apply) and value.type == INT and all(a.type == INT for a in op.args):
            args = [self.of(a) for a in op.args]
            if op.prim in ("add", "sub"):
                return args[0].plus(args[1], 1 if op.prim == "add" else -1)
            if op.prim == "neg":
                return Linear({}, 0).plus(args[0], -1)
            if op.prim == "mul":
                for one, other in (args, args[::-1]):
                    if not one.terms:
                        return Linear({}, 0).plus(other, one.number)
        return Linear({value: 1}, 0)

    def length(self, array: Value, axis: int) -> Linear:
        """The length of an axis."""
        found = source_axis(self._definition, array, axis)
        if isinstance(found, Value):
            return self.of(found)
        array, axis = found
        op = self._definition.get(array)
        if isinstance(op, View) and op.kind == "reshape":
            return self.of(op.args[1 + axis])
        if array in self._alike and array not in self._asked:
            self._asked.add(array)  # what is taken from a list may be put there again
            first, *others = [self.length(other, axis) for other in self._alike[array]]
            self._asked.remove(array)
            if all(other.key == first.key for other in others) and self._known_at(first, array):
                return first
        if found not in self._lengths:
            self._lengths[found] = base = Value(INT, f"{array.name}_n{axis}")
            self.axis[base] = found
        return Linear({self._lengths[found]: 1}, 0)

    def _known_at(self, length: Linear, array: Value) -> bool:
        """Whether a length is the same for all arrays of a list: known where the list is made."""
        op = self._definition.get(array)
        if not isinstance(op, Pop | ListGet):
            return True
        home = self._structure.home
        bases = [self.axis.get(base, (base, 0))[0] for base in length.terms]
        return all(self._structure.contains(home[base], home[op.args[0]]) for base in bases)

    def is_length(self, base: Value) -> bool:
        """Whether a value is surely not negative."""
        return base in self.axis or isinstance(self._definition.get(base), ListLen)

    def step(self, loop: For) -> int:
        """The step of a loop; 0 if it is not known."""
        step = self.of(loop.step)
        return 0 if step.terms else step.number

    def ends(self, loop: For) -> tuple[Linear, Linear] | None:
        """The least and the greatest index, where the body runs; they are reached if the step is 1 or -1."""
        step, lo, hi = self.step(loop), self.of(loop.lo), self.of(loop.hi)
        top = self._definition.get(loop.hi)
        if step > 0 and isinstance(top, Apply) and top.prim == "pymax":
            n, floor = map(self.of, top.args)
            if not lo.terms and not floor.terms and floor.number <= lo.number:
                hi = n  # range(0, max(n, 0)) is range(0, n)
        if step > 0:
            return lo, hi.moved(-1)
        return (hi.moved(1), lo) if step < 0 else None

    def implied(self, base: Value) -> Iterator[Linear]:
        """What is not negative because of how a value is made."""
        op = self._definition.get(base)
        if not isinstance(op, Apply) or base.type != INT or any(a.type != INT for a in op.args):
            return
        this, args = Linear({base: 1}, 0), [self.of(a) for a in op.args]
        if op.prim in ("pymax", "maximum"):
            yield from (this.plus(a, -1) for a in args)
        elif op.prim in ("pymin", "minimum"):
            yield from (a.plus(this, -1) for a in args)
        elif op.prim in ("mod", "floordiv") and not args[1].terms and args[1].number > 0:
            divisor = args[1].number
            rest = this if op.prim == "mod" else args[0].plus(this, -divisor)
            yield rest
            yield Linear({}, divisor - 1).plus(rest, -1)

    def decided(self, choice: Value) -> tuple[Linear, list[Linear]] | None:
        """Where the first sum is not negative, a maximum, a selection or a number of trips is not the number
        that it may be; and what else is not negative then.
        """
        op, this = self._definition[choice], Linear({choice: 1}, 0)
        if isinstance(op, For) and self.step(op) == 1:
            return this.moved(-1), [self.of(op.hi).plus(self.of(op.lo), -1).plus(this, -1)]
        if not isinstance(op, Apply):
            return None
        a, b = map(self.of, op.args[-2:])
        selected = op.prim == "select"
        if b.terms and not selected:
            a, b = b, a
        if b.terms or not a.terms:
            return None
        told = [a.plus(this, -1), this.plus(a, -1)]
        if selected:
            told += self.said(op.args[0], True)
        return this.plus(b, -1).moved(-1), told

    def said(self, cond: Value, truth: bool) -> Iterator[Linear]:
        """What is not negative where a condition has this truth."""
        op = self._definition.get(cond)
        if not isinstance(op, Apply):
            return
        if op.prim == "not":
            yield from self.said(op.args[0], not truth)
        elif op.prim == "select" and truth and self._is_false(op.args[2]):  # a and b
            yield from self.said(op.args[0], True)
            yield from self.said(op.args[1], True)
        elif op.prim == ("and" if truth else "or"):
            for arg in op.args:
                yield from self.said(arg, truth)
        elif op.prim in _NEGATED and all(a.type == INT for a in op.args):
            a, b = (self.of(arg) for arg in op.args)
            prim = op.prim if truth else _NEGATED[op.prim]
            if prim in ("lt", "le", "eq"):
                yield b.plus(a, -1).moved(-1 if prim == "lt" else 0)
            if prim in ("gt", "ge", "eq"):
                yield a.plus(b, -1).moved(-1 if prim == "gt" else 0)

    def _is_false(self, cond: Value) -> bool:
        op = self._definition.get(cond)
        return isinstance(op, Const) and not op.value


_NEGATED = {"lt": "ge", "ge": "lt", "gt": "le", "le": "gt", "eq": "ne", "ne": "eq"}
