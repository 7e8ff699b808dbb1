"""A piece of a function becomes a function of its own.

What is made of literals and lengths alone is made again there, so that passes know what it is; every other
value of the function becomes a parameter, in order of first use.
"""

from __future__ import annotations

from collections.abc import Mapping

from ..errors import Src
from .build import Builder
from .nodes import Apply, Const, Dim, Op, Region, Value, View
from .types import INT
from .walk import clone_op, clone_region

LENGTH_PRIMS = ("add", "sub", "mul", "eq", "ne", "lt", "le", "gt", "ge")


class Outline:
    """The body under construction: `b` appends to it, `args` are the values outside that it takes."""

    def __init__(self, definition: Mapping[Value, Op], src: Src) -> None:
        self.args: list[Value] = []
        self.b = Builder(Region())
        self.b.src = src
        self._definition = definition
        self._inner: dict[Value, Value] = {}

    @property
    def params(self) -> tuple[Value, ...]:
        """The parameters that stand for `args`."""
        return tuple(self._inner[a] for a in self.args)

    def take(self, value: Value) -> Value:
        """The value that stands for one outside: a parameter, or made again."""
        if value not in self._inner:
            op = self._definition.get(value)
            if op is not None and self._is_made_again(op):
                for arg in op.args:
                    self.take(arg)
                self.b.add(clone_op(op, self._inner))
            else:
                self._inner[value] = Value(value.type, value.name)
                self.args.append(value)
        return self._inner[value]

    def put(self, value: Value, inner: Value) -> None:
        """Let a value made here stand for one outside."""
        self._inner[value] = inner

    def clone(self, region: Region) -> Region:
        """A region of the function, whose outer values have been taken."""
        return clone_region(region, dict(self._inner))

    def _is_made_again(self, op: Op) -> bool:
        if isinstance(op, Const | Dim | View):
            return True
        if not isinstance(op, Apply) or op.prim not in LENGTH_PRIMS or op.args[0].type != INT:
            return False
        known = [self._definition.get(a) for a in op.args]
        return all(d is not None and self._is_made_again(d) for d in known)
