"""A Builder whose regions can be left and entered again: branches are joined once all of them are lowered."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..ir.build import Builder
from ..ir.nodes import Const, Dim, Op, Region, Value
from ..ir.types import INT, Array

Suspended = tuple[Region, dict[Any, Value]]


class RegionBuilder(Builder):
    """Builder with `suspend` and `resume`, which knows in which region a value is defined."""

    def __init__(self) -> None:
        super().__init__()
        self.home: dict[Value, Region] = {}

    def open(self, params: Sequence[Value] = ()) -> Region:
        """Start a nested region."""
        region = super().open(params)
        for param in params:
            self.home[param] = region
        return region

    def add(self, op: Op) -> Op:
        """Append an op."""
        for out in op.outs:
            self.home[out] = self.region
        return super().add(op)

    def visible(self, value: Value) -> bool:
        """Whether ops appended now may use the value."""
        home = self.home.get(value)
        return any(region is home for region in self._open)

    def suspend(self) -> Suspended:
        """Leave the innermost region without yields."""
        return self._open.pop(), self._known.pop()

    def resume(self, left: Suspended) -> None:
        """Enter a region that was left."""
        self._open.append(left[0])
        self._known.append(left[1])

    def finish(self, left: Suspended, yields: Sequence[Value]) -> Region:
        """Close a region that was left."""
        left[0].yields = tuple(yields)
        return left[0]

    def param(self, value: Value) -> Value:
        """Add a parameter to the function itself; the lengths of an array are read at its top."""
        root = self._open[0]
        root.params = (*root.params, value)
        self.home[value] = root
        if isinstance(value.type, Array):
            for axis in range(value.type.rank):
                out = Value(INT, "")
                op = Dim((value,), (out,), (), (axis,), self.src)
                root.ops.insert(0, op)
                self.home[out], self.defs[out] = root, op
                self._known[0][(Dim, (value,), INT, ((int, repr(axis)),))] = out
        return value

    def one_at_top(self) -> Value:
        """The literal 1, defined at the top of the function."""
        key = (Const, (), INT, ((int, "1"),))
        root = self._open[0]
        if key not in self._known[0]:
            out = Value(INT, "")
            op = Const((), (out,), (), (1,), self.src)
            root.ops.insert(0, op)
            self.home[out], self.defs[out] = root, op
            self._known[0][key] = out
        return self._known[0][key]
