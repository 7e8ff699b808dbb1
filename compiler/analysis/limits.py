"""What an integer is at least, or at most, by what makes it: a loop, a minimum, a choice, a counter.

j in range(k, n)                     at least k, at most n - 1
max(a, b)                            at least a, and at least b
n - 1 if j == 0 else j - 1           at least 0, at most n - 1, as each of them is where it is chosen
k += i in each iteration             at least what it begins with
k - 1, made in a branch of k > 0     at least 0

A bound is a sum of values and a number.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from typing import TYPE_CHECKING

from ..ir.nodes import Apply, For, If, Loop, Value
from ..ir.types import INT
from ..prims.logic import MIRRORED, NEGATED
from .ring import neighbour
from .total import ONE, Sum

if TYPE_CHECKING:
    from .bounds import Bounds


class Limits:
    """The limits of single values; `bounds` follows them from one value to the next."""

    def __init__(self, bounds: Bounds) -> None:
        self._bounds = bounds
        self._choices: dict[tuple[Value, bool], list[Sum]] = {}
        self._carried: dict[Value, tuple[Loop, int]] | None = None
        self._asked: set[Value] = set()

    def of(self, base: Value, low: bool) -> list[Sum]:
        """What a value is at least (or else at most)."""
        op, loop = self._bounds.definition.get(base), self._bounds.loops.get(base)
        if loop is not None and (step := self._bounds.step(loop)):
            if low:
                return [self._bounds.sum(loop.lo) if step > 0 else self._bounds.sum(loop.hi).plus(ONE)]
            return [self._bounds.reached(loop).plus(Sum((), -1))]
        if isinstance(op, Apply) and op.prim in (("pymax", "maximum") if low else ("pymin", "minimum")):
            return [self._bounds.sum(a) for a in op.args]
        if isinstance(op, Apply) and op.prim in ("select", "mod"):
            if (base, low) not in self._choices:
                self._choices[base, low] = self._chosen(op, low)
            return self._choices[base, low]
        if low and isinstance(op, Apply) and op.prim == "mul" and all(map(self._bounds.nonnegative, op.args)):
            return [Sum((), 0)]
        if isinstance(op, Apply) and op.prim == "sub":
            return self._difference(op.args[0], op.args[1], low)
        if not low and isinstance(op, For) and op.counted and base is op.outs[-1]:
            return self._trips(op)
        return self._begun(base) if low else []

    def _trips(self, loop: For) -> list[Sum]:
        """What the trip count of a loop from 0 to a length is at most."""
        from_zero = self._bounds.sum(loop.lo) == Sum((), 0) and self._bounds.step(loop) == 1
        return [self._bounds.sum(loop.hi)] if from_zero and self._bounds.is_length(loop.hi) else []

    def _difference(self, left: Value, right: Value, low: bool) -> list[Sum]:
        """Of j in range(k + 1, n), k + 1 less: at least 0; where k is not negative, at most n - 2."""
        if low:
            less = self._bounds.sum(right)
            return [
                Sum((), bound.offset - less.offset)
                for bound in self._bounds.beneath(left, True)
                if bound.apart_by(less) is not None
            ]
        numbers = [bound for bound in self._bounds.beneath(right, True) if not bound.bases]
        return [
            Sum(high.bases, high.offset - number.offset)
            for high in self._bounds.beneath(left, False)
            for number in numbers
        ]

    def _begun(self, base: Value) -> list[Sum]:
        """What a counter begins with, which no iteration makes less."""
        if self._carried is None:
            loops = {id(op): op for op in self._bounds.definition.values() if isinstance(op, Loop)}
            self._carried = {v: (op, k) for op in loops.values() for k, v in enumerate(op.carried)}
            self._carried |= {
                v: (op, k) for op in loops.values() for k, v in enumerate(op.outs[: len(op.inits)])
            }
        loop, k = self._carried.get(base, (None, 0))
        if loop is None or base.type != INT or base in self._asked:
            return []
        self._asked.add(base)
        grows = self._grows(loop.next[k], loop.carried[k])
        self._asked.remove(base)
        return [self._bounds.sum(loop.inits[k])] if grows else []

    def _grows(self, value: Value, first: Value) -> bool:
        """Whether a value is surely at least another that it is made of."""
        total = self._bounds.sum(value)
        if first in total.bases:
            rest = total.without(first)
            return rest.offset >= 0 and all(map(self._bounds.nonnegative, rest.bases))
        op = self._bounds.definition.get(value)
        if isinstance(op, If):
            k = op.outs.index(value)
            return all(self._grows(region.yields[k], first) for region in op.regions)
        if isinstance(op, Loop) and value in op.outs[: len(op.inits)]:
            k = op.outs.index(value)
            return self._grows(op.next[k], op.carried[k]) and self._grows(op.inits[k], first)
        return False

    def _chosen(self, op: Apply, low: bool) -> list[Sum]:
        """What a remainder, or one of two values, is at least (or else at most)."""
        around = neighbour(op.out, self._bounds)
        if around is not None:
            return [Sum((), 0) if low else around.length.plus(Sum((), -1))]
        if op.prim == "mod":
            n = self._bounds.sum(op.args[1])
            return [Sum((), 0) if low else n.plus(Sum((), -1))] if not n.bases and n.offset > 0 else []
        arms = []
        for arm, chosen in zip(op.args[1:], (True, False), strict=True):
            bounds = dict.fromkeys(self._bounds.beneath(arm, low))
            bounds.update(dict.fromkeys(self.in_branches(arm, [(op.args[0], chosen)], low)))
            arms.append(bounds)
        found = [
            a if (gap <= 0) is low else b for a, b in product(*arms) if (gap := a.apart_by(b)) is not None
        ]
        return list(dict.fromkeys(found))

    def in_branches(self, value: Value, conditions: list[tuple[Value, bool]], low: bool) -> Iterator[Sum]:
        """What a value is at least (or else at most) where conditions hold, or do not."""
        for name, holds in conditions:
            cond = self._bounds.definition.get(name)
            if isinstance(cond, Apply) and cond.prim in NEGATED and cond.args[0].type == value.type:
                x, y = cond.args
                relation = cond.prim if holds else NEGATED[cond.prim]
                yield from self._where(value, x, relation, y, low)
                yield from self._where(value, y, MIRRORED[relation], x, low)

    def _where(self, value: Value, x: Value, relation: str, y: Value, low: bool) -> Iterator[Sum]:
        """What a value is at least (or else at most) where x < y, or as the relation is."""
        total, side = self._bounds.sum(value), 1 if low else -1
        near, far = self._bounds.beneath(x, low), self._bounds.beneath(x, not low)
        gap = total.apart_by(self._bounds.sum(x))
        if gap is not None:
            limit = self._bounds.sum(y)
            if relation == ("gt" if low else "lt") or (relation == "ne" and limit in near):
                yield limit.plus(Sum((), side + gap))
            elif relation in ("eq", "ge" if low else "le"):
                yield limit.plus(Sum((), gap))
        for end in far:  # there is an x between its bounds
            gap = total.apart_by(end)
            if gap is not None:
                yield from (limit.plus(Sum((), gap)) for limit in near)
