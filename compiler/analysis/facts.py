"""Integers that are known to be equal where a Check has passed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from ..ir.nodes import Apply, Check, Const, For, Op, Value
from ..ir.types import INT


def pinned(test: Value, definition: Mapping[Value, Op]) -> tuple[Value, int] | None:
    """An integer and the literal that it equals if a test holds."""
    op = definition.get(test)
    if isinstance(op, Apply) and op.prim == "eq" and op.args[0].type == INT:
        for value, other in (op.args, op.args[::-1]):
            literal = definition.get(other)
            if isinstance(literal, Const):
                return value, int(literal.value)
    return None


class Equalities:
    """Classes of equal int64 values; `definition` tells how values are made."""

    def __init__(self, definition: Mapping[Value, Op], outer: Equalities | None = None) -> None:
        self._definition = definition
        self._parent: dict[Value, Value] = {} if outer is None else dict(outer._parent)
        self._later: list[tuple[Value, Value, Value]] = [] if outer is None else list(outer._later)

    def learn(self, ops: Iterable[Op]) -> Equalities:
        """Add what holds after these ops; gives itself."""
        for op in ops:
            if isinstance(op, Check):
                self._assume(op.args[0])
        return self

    def within(self, op: Op) -> Equalities:
        """What is known in the regions of an op: a check before a loop may say something if the loop runs."""
        inner = Equalities(self._definition, self)
        for lo, hi, cond in self._later:
            if isinstance(op, For) and self.same(lo, op.lo) and self.same(hi, op.hi):
                inner._assume(cond)
        return inner

    def _assume(self, cond: Value) -> None:
        op = self._definition.get(cond)
        if not isinstance(op, Apply):
            return
        if op.prim == "and":
            for arg in op.args:
                self._assume(arg)
        elif op.prim == "or":
            idle = self._definition.get(op.args[0])
            if isinstance(idle, Apply) and idle.prim == "le":
                self._later.append((idle.args[1], idle.args[0], op.args[1]))
        elif op.prim == "eq" and op.args[0].type == INT:
            first, second = map(self._root, op.args)
            if first is not second:
                self._parent[second] = first

    def _root(self, value: Value) -> Value:
        while value in self._parent:
            value = self._parent[value]
        return value

    def same(self, a: Value, b: Value) -> bool:
        """Whether two integers are certainly equal."""
        a, b = self._root(a), self._root(b)
        if a is b:
            return True
        first, second = self._definition.get(a), self._definition.get(b)
        return isinstance(first, Const) and isinstance(second, Const) and first.value == second.value
