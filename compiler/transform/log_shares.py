"""The derivative of log(exp(z) / s) is that of z - log(s): nothing is divided by small numbers.

Before::

    for j in range(0, m, 1) carry (…) {
        z: f64 = x[i, j] - top
        w: f64 = exp(z)
        weights[i, j] = w
        …
    } -> s
    for j_1 in range(0, m, 1) carry (…) {
        w_1: f64 = weights[i, j_1]
        p: f64 = w_1 / s
        l: f64 = log(p)
        …

After, where the value is what it was::

        l_1: f64 = log(p)
        z_1: f64 = x[i, j_1] - top
        d: f64 = z_1 - log(s)
        l: f64 = attach(l_1, d)

So is the derivative of log(exp(z)). The softmax whose logarithm is taken consists of such shares. Where exp
gives zero, 0 / 0 would be the derivative of the logarithm; that of z - log(s) is right there too. What comes
from memory must have been stored by a loop over the same range before, and be computed of little. What only
the derivative needs, dead code elimination drops after the last.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from ..analysis.dependence import Dependences
from ..analysis.facts import Equalities
from ..ir.build import Builder
from ..ir.effects import may_raise
from ..ir.nodes import Alloc, Apply, Const, Dim, For, Function, Load, Op, Region, Store, Value
from ..ir.types import is_float
from ..ir.walk import rewrite, walk
from ..prims.prim import PRIMS, emit

CHEAP = 4
"""Additions that z and s cost at most to be computed again: their derivatives are taken twice."""


@dataclass(frozen=True)
class Seen:
    """A value as loops have computed it that stored it: `now` has the indices that it is loaded with."""

    value: Value
    loops: tuple[For, ...] = ()
    now: dict[Value, Value] = field(default_factory=dict)

    def part(self, value: Value) -> Seen:
        """Another value, computed there too."""
        return Seen(value, self.loops, self.now)


def log_shares(
    fn: Function, *, distinct_params: bool = True, reassociate: bool = True, visible: bool = True
) -> Function:
    """Attach such derivatives; the function itself where there is no such logarithm."""
    if not {"exp", "log"} <= {op.prim for op in walk(fn.body) if isinstance(op, Apply)}:
        return fn
    known = Dependences(fn, distinct_params=distinct_params, reassociate=reassociate, visible=visible)
    pass_ = _Logs(known)
    body = rewrite(fn.body, pass_.attached)
    return Function(fn.name, body) if pass_.changed else fn


class _Logs:
    def __init__(self, known: Dependences) -> None:
        self._known = known
        self._memory = known.memory
        self._structure = known.memory.structure
        ops = list(walk(known.memory.scope))
        self._done = {op.args[0] for op in ops if isinstance(op, Apply) and op.prim == "attach"}
        self.changed = False

    def attached(self, op: Op) -> list[Op] | None:
        """What stands for an op, if it is a logarithm of a share."""
        if (
            not isinstance(op, Apply)
            or op.prim != "log"
            or not is_float(op.out.dtype)
            or op.out in self._done
        ):
            return None
        share = self._share(Seen(op.args[0]))
        if share is None:
            return None
        b = Builder()
        b.src = op.src
        found = [self._again(part, b) for part in share]
        parts = [value for value, _ in found if value is not None]
        if len(parts) < len(share) or sum(cost for _, cost in found) > CHEAP:
            return None
        total = parts[0]
        for divisor in parts[1:]:
            total = emit(b, "sub", total, emit(b, "log", divisor))
        self.changed = True
        value = Value(op.out.type, op.out.name)
        made = Apply((value, total), op.outs, (), ("attach",), op.src)
        return [op.rebuild(outs=(value,)), *b.region.ops, made]

    def _share(self, seen: Seen) -> list[Seen] | None:
        """z and the divisors of exp(z) / divisor / …"""
        op = self._structure.definition.get(seen.value)
        if isinstance(op, Load):
            stored = self._stored(op, seen)
            return None if stored is None else self._share(stored)
        if not isinstance(op, Apply) or not is_float(op.args[0].dtype):
            return None
        if op.prim == "exp":
            return [seen.part(op.args[0])]
        above = self._share(seen.part(op.args[0])) if op.prim == "div" else None
        return None if above is None else [*above, seen.part(op.args[1])]

    def _stored(self, load: Load, seen: Seen) -> Seen | None:
        """What an element holds, as the loops that stored it have computed it."""
        array, origins = load.array, self._memory.origins(load.array)
        writers = [op for op, found in self._memory.writes if not origins.isdisjoint(found)]
        if seen.loops or not isinstance(self._structure.definition.get(array), Alloc) or len(writers) != 1:
            return None
        (store,) = writers
        if not isinstance(store, Store) or store.accumulate or store.array is not array:
            return None
        region, first, second = self._structure.common(store, load)
        stores, loads = self._nest(store, region), self._nest(load, region)
        if first >= second or stores is None or loads is None or len(stores) != len(loads):
            return None
        now = {w.index: r.index for w, r in zip(stores, loads, strict=True)}
        facts = Equalities(self._structure.definition)
        facts.learn(self._memory.scope.ops[: self._structure.path(load)[0][1]])
        alike = all(
            now.get(i, i) is j or facts.same(i, j)
            for w, r in zip(stores, loads, strict=True)
            for i, j in zip(w.args[:3], r.args[:3], strict=True)
        )
        same = all(now.get(i, i) is j for i, j in zip(store.index, load.index, strict=True))
        once = all(w.index in store.index and self._known.nonneg(w.index) for w in stores)
        return Seen(store.value, tuple(stores), now) if alike and same and once else None

    def _nest(self, op: Op, region: Region) -> list[For] | None:
        """The loops around an op inside of a region, if all of their iterations come to it."""
        around = self._structure.loops(self._structure.region_of(op), region)
        levels = [place for place, _ in self._structure.path(op)]
        loops = [loop for loop in around if isinstance(loop, For) and not loop.stops]
        return loops if len(levels) - levels.index(region) - 1 == len(loops) > 0 else None

    def _again(self, seen: Seen, b: Builder) -> tuple[Value | None, int]:
        """A value computed where it is loaded, and what that costs; None if it can not be computed."""
        value = seen.now.get(seen.value, seen.value)
        if value is not seen.value or not self._is_inside(value, seen.loops):
            return value, 0
        op = self._structure.definition.get(value)
        if not isinstance(op, Apply | Const | Dim | Load) or may_raise(op, self._structure.definition):
            return None, 0
        if isinstance(op, Load) and self._is_written(op.array):
            return None, 0
        found = [self._again(seen.part(a), b) for a in op.args]
        args = [arg for arg, _ in found if arg is not None]
        cost = sum(cost for _, cost in found) + (PRIMS[op.prim].cost if isinstance(op, Apply) else 0)
        if len(args) < len(op.args):
            return None, 0
        again = op.rebuild(tuple(args), (Value(op.out.type, op.out.name),))
        return b.add(again).out, cost

    def _is_written(self, array: Value) -> bool:
        origins = self._memory.origins(array)
        return any(not origins.isdisjoint(found) for _, found in self._memory.writes)

    def _is_inside(self, value: Value, loops: tuple[For, ...]) -> bool:
        home = self._structure.home[value]
        return any(self._structure.contains(loop.body, home) for loop in loops)
