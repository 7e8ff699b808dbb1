"""Which ops of a loop run before those that vector functions compute, which with them, which after.

    for i in range(n):
        for j in range(d): z = z + w[j] * x[i, j]     HEADS: what vector functions wait for
        h = tanh(z)                                   VECTOR: they, and plain steps with them
        for j in range(d): w_bar[j] += h * x[i, j]    TAILS: what waits for them

An op that LLVM keeps from vectorising its loop is heavy: a loop, a branch, a recurrence. It stands before all
vector functions, or after the first ones. The parts become loops of their own, so iterations must not meet in
memory in different parts.
"""

from __future__ import annotations

from ..ir.nodes import Apply, Const, Dim, For, Load, Op, Store, Value, While
from ..ir.types import Scalar, is_float
from ..ir.walk import defined, walk
from ..prims.prim import PRIMS
from .dependence import READ, Access, Dependences

HEADS, VECTOR, TAILS = 0, 1, 2
DEAR = 20
"""Additions that a function costs at least which is worth a loop of its own."""
CHEAP = 5
"""Additions that a value costs at most which parts compute again instead of handing it on."""
MOST_OPS, MOST_EACH = 100, 30
"""Ops of a loop at most, or for each of its functions: where there is much else, they are a small part of its
time.
"""


class Parts:
    """The parts of one loop. `worthwhile`: there are several, and a vector function gains by it."""

    def __init__(self, known: Dependences, loop: For) -> None:
        self.loop = loop
        self._known = known
        self._ops = loop.body.ops
        self._again: dict[Value, Op] = {}
        self._cost: dict[Value, int] = {}
        self.worthwhile = self._is_candidate() and self._is_plain_loop()
        if not self.worthwhile:
            return
        self._inside = defined(loop.body)
        self._find_again()
        self._kept = [op for op in self._ops if not any(out in self._again for out in op.outs)]
        self._number = {out: k for k, op in enumerate(self._kept) for out in op.outs}
        ends = zip(loop.carried, loop.next, strict=True)
        self._maker = {p: self._number.get(v) for p, v in ends}
        self.worthwhile = None not in self._maker.values()
        if self.worthwhile:
            self._number.update((p, k) for p, k in self._maker.items() if k is not None)
            self._arrange()
            self.worthwhile = (
                self._gains() and self._may_part() and all(isinstance(v.type, Scalar) for v in self.crossing)
            )

    # -- what the parts have
    @property
    def levels(self) -> list[int]:
        """The parts that there are, in order."""
        return sorted(set(self._level))

    def ops(self, level: int) -> list[Op]:
        """The ops of a part."""
        return [op for op, at in zip(self._kept, self._level, strict=True) if at == level]

    def level_of(self, value: Value) -> int:
        """The part that computes a value, or that carries it."""
        return self._level[self._number[value]]

    def is_used(self, value: Value, level: int) -> bool:
        """Whether a part reads a value."""
        return value in self._used(level)

    def again(self, ops: list[Op]) -> list[Op]:
        """What is computed again for some ops."""
        wanted = {v for op in ops for v in self._known.summary(op).used}
        found: list[Op] = []
        for op in reversed(list(self._again.values())):
            if op.out in wanted:
                found.append(op)
                wanted.update(op.args)
        return found[::-1]

    @property
    def crossing(self) -> list[Value]:
        """Values that one part computes and a later one reads."""
        used = {level: self._used(level) for level in self.levels}
        return [v for v in self._number if any(v in used[k] for k in self.levels if k > self.level_of(v))]

    def _used(self, level: int) -> set[Value]:
        ops = self.ops(level)
        return {v for op in (*ops, *self.again(ops)) for v in self._known.summary(op).used}

    # -- whether it may be done
    def _is_plain_loop(self) -> bool:
        loop = self.loop
        most = max(MOST_OPS, MOST_EACH * sum(map(is_dear, self._ops)))
        if loop.stops or loop.counted or loop.parallel or len(self._ops) > most:
            return False
        does = self._known.summary(loop)
        shown = any(a.kind != READ and self._known.is_shown(a.ref) for a in does.accesses)
        return not (shown or does.raises or does.prints or does.draws or does.opaque)

    def _is_candidate(self) -> bool:
        """Whether there are dear functions here, and inner loops are simple and have none."""
        if not any(map(is_dear, self._ops)):
            return False
        inner = [op for around in self._ops for region in around.regions for op in walk(region)]
        return not any(isinstance(op, For | While) or is_dear(op) for op in inner)

    def _gains(self) -> bool:
        """Whether most dear functions are with the plain steps, which are apart from what has no vectors."""
        parted = zip(self._kept, self._level, strict=True)
        apart = any(
            level != VECTOR and (k in self._chained or isinstance(op, For | While))
            for k, (op, level) in enumerate(parted)
        )
        gained = sum(map(is_dear, self.ops(VECTOR)))
        return apart and gained > 0 and 2 * gained >= sum(map(is_dear, self._ops))

    def _may_part(self) -> bool:
        """Whether iterations meet in memory in no two parts."""
        known, index = self._known, self.loop.index
        touched = {k: [a for op in self.ops(k) for a in known.summary(op).accesses] for k in self.levels}
        return not any(
            known.conflict(a, b, index, self._inside)
            for k in self.levels
            for later in self.levels
            if k < later
            for a in touched[k]
            for b in touched[later]
        )

    # -- what is computed again
    def _find_again(self) -> None:
        """Values that cost little and wait for nothing but the index."""
        writes = [a for a in self._known.summary(self.loop).accesses if a.kind != READ]
        for op in self._ops:
            if not isinstance(op, Apply | Const | Dim | Load) or op.out in self.loop.next:
                continue
            reads = self._known.summary(op).accesses
            if any(self._known.overlap(a, w) for a in reads for w in writes):
                continue
            own = PRIMS[op.prim].cost if isinstance(op, Apply) else int(isinstance(op, Load))
            inner = [a for a in op.args if a in self._inside and a is not self.loop.index]
            cost = own + sum(self._cost.get(a, CHEAP) for a in inner)
            if cost <= CHEAP and all(a in self._again for a in inner):
                self._again[op.out] = op
                self._cost[op.out] = cost

    # -- the levels
    def _arrange(self) -> None:
        """Give every op its part."""
        waits = [self._waits(k, op) for k, op in enumerate(self._kept)]
        for j, k in self._recurring():
            waits[j].add(k)
            waits[k].add(j)
        reach = _closure(waits)
        groups = [
            {j for j in reach[k] if k in reach[j]} if k in reach[k] else set() for k in range(len(reach))
        ]
        self._chained = {k for k, g in enumerate(groups) if g and not self._is_reduction(g)}
        level = [HEADS] * len(waits)
        before: list[int] | None = None
        while level != before:
            before = list(level)
            for k, op in enumerate(self._kept):
                need = max((level[j] for j in (*waits[k], *groups[k])), default=HEADS)
                if self._is_heavy(op) or k in self._chained:
                    level[k] = max(level[k], TAILS if need >= VECTOR else HEADS)
                else:
                    level[k] = max(level[k], need, VECTOR if is_dear(op) else HEADS)
        self._level = level
        self._sink(waits, groups)

    def _waits(self, k: int, op: Op) -> set[int]:
        """The ops whose part is not after that of an op: it reads what they compute, or write."""
        known, does = self._known, self._known.summary(op)
        used = does.used | {v for a in self.again([op]) for v in a.args}
        found = {self._number[v] for v in used if v in self._number}
        for j, earlier in enumerate(self._kept[:k]):
            pairs = ((a, b) for a in known.summary(earlier).accesses for b in does.accesses)
            if any(known.matters(a, b) and known.overlap(a, b) and not known.apart(a, b) for a, b in pairs):
                found.add(j)
        return found

    def _recurring(self) -> list[tuple[int, int]]:
        """Loads `x[i]` and stores `x[i + 1]`, of which an iteration reads what one before has written: they
        stay in one part.
        """
        touched = [(k, a) for k, op in enumerate(self._kept) for a in self._known.summary(op).accesses]
        writing = [(k, a) for k, a in touched if a.kind != READ]
        return [(j, k) for j, a in touched for k, w in writing if j != k and self._is_behind(a, w)]

    def _is_behind(self, access: Access, written: Access) -> bool:
        """Whether an access comes to an element some iterations after one that writes it."""
        if access.ref is not written.ref or access.index is None or written.index is None:
            return False
        affine = self._known.affine
        pairs = [(affine(i), affine(j)) for i, j in zip(access.index, written.index, strict=True)]
        return any(i is j is self.loop.index and here < there for (i, here), (j, there) in pairs)

    def _is_heavy(self, op: Op) -> bool:
        plain = isinstance(op, Apply | Const | Dim | Load) or (isinstance(op, Store) and not op.accumulate)
        return not plain

    def _is_reduction(self, group: set[int]) -> bool:
        """Whether ops that wait for each other are one sum, or one extremum, which has vectors."""
        ops = [self._kept[k] for k in sorted(group)]
        carried = [
            (p, v) for p, v in zip(self.loop.carried, self.loop.next, strict=True) if self._maker[p] in group
        ]
        if len(carried) != 1 or not all(isinstance(op, Apply) for op in ops):
            return False
        extremum = len(ops) == 1 and ops[0].attrs[0] in ("maximum", "minimum")
        return extremum or self._known.is_sum(self.loop.body, *carried[0])

    def _sink(self, waits: list[set[int]], groups: list[set[int]]) -> None:
        """Steps before the vector functions that only these wait for stand with them."""
        for k in reversed(range(len(waits))):
            users = [self._level[j] for j, found in enumerate(waits) if k in found]
            op = self._kept[k]
            if users and isinstance(op, Apply) and not groups[k] and op.out not in self.loop.next:
                self._level[k] = max(self._level[k], min(min(users), VECTOR))


def is_dear(op: Op) -> bool:
    """Whether an op is a function of floats that has vector variants."""
    if not isinstance(op, Apply) or not is_float(op.out.dtype):
        return False
    prim = PRIMS[op.prim]
    return prim.cost >= DEAR and prim.template(op.out.dtype).startswith("vm.")


def _closure(waits: list[set[int]]) -> list[set[int]]:
    """For each op those that it waits for, also through others."""
    reach = [set(found) for found in waits]
    for middle in range(len(reach)):
        for found in reach:
            if middle in found:
                found |= reach[middle]
    return reach
