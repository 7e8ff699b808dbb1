"""Integers as sums of others times literals: 2 i - j + 3."""

from __future__ import annotations

from collections.abc import Callable, Container, Mapping
from dataclasses import dataclass

from ..ir.build import Builder
from ..ir.nodes import Apply, Const, For, If, Loop, Op, Value
from ..ir.types import INT
from ..prims.prim import Sym


@dataclass(frozen=True)
class Linear:
    """Values with what they are multiplied by, never zero, and a number."""

    terms: tuple[tuple[Value, int], ...] = ()
    offset: int = 0

    def factor(self, value: Value) -> int:
        """What a value is multiplied by."""
        return dict(self.terms).get(value, 0)

    def plus(self, other: Linear, times: int = 1) -> Linear:
        """The sum with some times another."""
        factors = dict(self.terms)
        for value, factor in other.terms:
            factors[value] = factors.get(value, 0) + factor * times
        terms = tuple((value, factor) for value, factor in factors.items() if factor)
        return Linear(terms, self.offset + other.offset * times)

    def without(self, value: Value) -> Linear:
        """The sum less the term of one value."""
        return Linear(tuple(term for term in self.terms if term[0] is not value), self.offset)

    def replaced(self, value: Value, by: Linear) -> Linear:
        """The sum with one of its values replaced."""
        return self.without(value).plus(by, self.factor(value))

    def build(self, b: Builder) -> Sym:
        """The sum as IR, what is added first."""
        total: Sym | None = None
        for value, factor in sorted(self.terms, key=lambda term: term[1] < 0):
            part = Sym(b, value) if abs(factor) == 1 else Sym(b, value) * abs(factor)
            if total is None:
                total = part if factor > 0 else -part
            else:
                total = total + part if factor > 0 else total - part
        return Sym(b, b.int(self.offset)) if total is None else total + self.offset


def linear(
    definition: Mapping[Value, Op], value: Value, opened: Callable[[Value], bool] = lambda value: True
) -> Linear:
    """An integer as such a sum; values that are not `opened` stand for themselves."""
    op = definition.get(value)
    if isinstance(op, Const):
        return Linear((), int(op.value))
    if isinstance(op, Apply) and op.out.type == INT and opened(value):
        if op.prim in ("add", "sub"):
            left, right = (linear(definition, a, opened) for a in op.args)
            return left.plus(right, 1 if op.prim == "add" else -1)
        if op.prim == "neg":
            return Linear().plus(linear(definition, op.args[0], opened), -1)
        if op.prim == "mul":
            left, right = (linear(definition, a, opened) for a in op.args)
            if not left.terms or not right.terms:
                return (
                    Linear().plus(left, right.offset)
                    if not right.terms
                    else Linear().plus(right, left.offset)
                )
    return Linear(((value, 1),))


def added(loop: Loop, k: int, definition: Mapping[Value, Op], inside: Container[Value]) -> Linear | None:
    """What an iteration adds to a carried integer, made of the index and of values not `inside` the loop."""
    after = linear(definition, _following(loop, k, definition), inside.__contains__)
    if loop.carried[k].type != INT or after.factor(loop.carried[k]) != 1:
        return None
    found = after.without(loop.carried[k])
    index = loop.index if isinstance(loop, For) else None
    return None if any(v in inside and v is not index for v, _ in found.terms) else found


def _following(loop: Loop, k: int, definition: Mapping[Value, Op]) -> Value:
    """What is carried into the next iteration, if there is one: of a `break` the other branch."""
    value = loop.next[k]
    op = definition.get(value)
    if isinstance(loop, For) and loop.stops and isinstance(op, If) and op.cond is loop.body.yields[0]:
        return op.orelse.yields[op.outs.index(value)]
    return value
