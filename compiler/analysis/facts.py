"""What Checks say that have passed: integers that are equal, lengths that are literals."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from ..ir.nodes import Apply, Check, Const, Dim, For, Op, Value
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


def pinned_lengths(ops: Iterable[Op], definition: Mapping[Value, Op]) -> dict[tuple[Value, int], int]:
    """Axes whose lengths are literals, by the checks that come before all else: `a.shape[0] == 3`."""
    found = {}
    for op in ops:
        if isinstance(op, Check):
            equal = pinned(op.args[0], definition)
            length = None if equal is None else definition.get(equal[0])
            if equal is not None and isinstance(length, Dim):
                found[length.args[0], length.axis] = equal[1]
        elif not op.pure:
            break
    return found


Range = tuple[Value, Value]
"""(lo, hi): a loop has an iteration if lo < hi."""
Equality = tuple[Value, Value, tuple[Range, ...]]
"""Two integers that are equal if some loops have an iteration."""


def equal_integers(
    test: Value, definition: Mapping[Value, Op], runs: tuple[Range, ...] = ()
) -> Iterator[Equality]:
    """What is equal if a test holds."""
    op = definition.get(test)
    if not isinstance(op, Apply):
        return
    if op.prim == "and":
        for arg in op.args:
            yield from equal_integers(arg, definition, runs)
    elif op.prim == "or":
        idle = definition.get(op.args[0])
        if isinstance(idle, Apply) and idle.prim == "le" and idle.args[0].type == INT:
            hi, lo = idle.args
            yield from equal_integers(op.args[1], definition, (*runs, (lo, hi)))
    elif op.prim == "eq" and op.args[0].type == INT:
        yield op.args[0], op.args[1], runs


class Equalities:
    """Classes of equal int64 values; `definition` tells how values are made."""

    def __init__(self, definition: Mapping[Value, Op], outer: Equalities | None = None) -> None:
        self._definition = definition
        self._parent: dict[Value, Value] = {} if outer is None else dict(outer._parent)
        self._later: list[Equality] = [] if outer is None else list(outer._later)

    def learn(self, ops: Iterable[Op]) -> Equalities:
        """Add what holds after these ops; gives itself."""
        for op in ops:
            if isinstance(op, Check):
                for pair in equal_integers(op.args[0], self._definition):
                    self._assume(*pair)
        return self

    def within(self, op: Op) -> Equalities:
        """What is known in the regions of an op: a check before a loop may say something if the loop runs."""
        inner = Equalities(self._definition, self)
        if isinstance(op, For):
            inner._later = []
            for a, b, runs in self._later:
                rest = tuple(r for r in runs if not (self.same(r[0], op.lo) and self.same(r[1], op.hi)))
                inner._assume(a, b, rest)
        return inner

    def _assume(self, a: Value, b: Value, runs: tuple[Range, ...]) -> None:
        """Two integers are equal, if some loops have an iteration."""
        if runs:
            self._later.append((a, b, runs))
            return
        first, second = self._root(a), self._root(b)
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
