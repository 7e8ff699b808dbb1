"""Carried integers that every iteration adds the same to are made again of the number of the iteration.

    while …:                          for turn in range(trips - 1, -1, -1):
        t = f(x[i])           →           i = first + turn * step
        i = i + step                      x_bar[i] += …

Counted loops have formulas for them before the adjoint is made (`transform/counters.py`); the iterations of
the others are numbered in the reverse sweep.
"""

from __future__ import annotations

from ..analysis.linear import Linear, added
from ..analysis.structure import Structure
from ..ir.build import Builder
from ..ir.nodes import For, Loop, Op, Region, Value
from ..ir.walk import defined, walk
from ..prims.prim import Sym


class Counted(Op):
    """What is carried into an iteration: args = (init, values that are added); attrs = (Linear of these)."""

    @property
    def more(self) -> Linear:
        """What every iteration adds."""
        found: Linear = self.attrs[0]
        return found

    def build(self, b: Builder, args: tuple[Value, ...], turn: Value) -> Value:
        """The value in an iteration, with what stands for `args` there."""
        more = self.more
        for old, new in zip(self.args[1:], args[1:], strict=True):
            more = more.replaced(old, Linear(((new, 1),)))
        return (Sym(b, args[0]) + Sym(b, turn) * more.build(b)).value


def counted(structure: Structure, body: Region) -> dict[Value, Counted]:
    """The counters of the loops in a region."""
    found: dict[Value, Counted] = {}
    for loop in walk(body):
        if isinstance(loop, Loop):
            inside = defined(loop.body)
            for k, carried in enumerate(loop.carried):
                more = added(loop, k, structure.definition, inside)
                if more is not None and not (isinstance(loop, For) and more.factor(loop.index)):
                    values = tuple(value for value, _ in more.terms)
                    found[carried] = Counted((loop.inits[k], *values), (carried,), (), (more,), loop.src)
    return found
