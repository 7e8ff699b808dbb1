"""Which memory ops touch, and whether what they do may be exchanged or run in another order of iterations.

Two accesses are kept apart by their allocations, or by their indices: `i + 1` of two iterations of one loop
are different elements, if the index can not be negative (a negative one wraps around and may meet any other).
"""

from __future__ import annotations

from collections.abc import Container, Iterator
from dataclasses import dataclass, field

from ..ir.effects import is_random, may_raise
from ..ir.nodes import (
    Apply,
    Call,
    CallFn,
    Check,
    Const,
    For,
    Function,
    If,
    ListGet,
    ListLen,
    ListSet,
    Load,
    Loop,
    Op,
    Pop,
    Print,
    Push,
    Region,
    Store,
    Value,
)
from ..ir.walk import defined, walk
from .bounds import Bounds
from .existing import Existing
from .memory import Memory, is_reference
from .ring import Neighbour, neighbour

READ, WRITE, ADD = "read", "write", "add"
Affine = tuple[Value | None, int]


@dataclass(frozen=True, slots=True, eq=False)
class Access:
    """Memory behind `ref` is read, written or added to: at `index`, or anywhere if that is None."""

    kind: str
    ref: Value
    index: tuple[Value, ...] | None


@dataclass(slots=True, eq=False)
class Summary:
    """What an op does, all inner ops together.

    raises: something that the user must notice in its order (a Check, a library call); out of range indices
    are `touches`.
    """

    accesses: list[Access] = field(default_factory=list)
    used: set[Value] = field(default_factory=set)
    raises: bool = False
    prints: bool = False
    draws: bool = False
    opaque: bool = False

    @property
    def touches(self) -> bool:
        """Whether memory is accessed at all."""
        return bool(self.accesses)


class Dependences:
    """Dependences between the ops of one function.

    `reassociate` says that floating-point sums may be added up in any order. `visible` says that the caller
    sees what is written to parameters even when the function raises.
    """

    def __init__(
        self,
        fn: Function,
        *,
        distinct_params: bool = True,
        reassociate: bool = True,
        visible: bool = True,
    ) -> None:
        self.memory = Memory(fn, distinct_params=distinct_params)
        self.reassociate = reassociate
        self.definition = dict(self.memory.structure.definition)
        self.index_of = {op.index: op for op in walk(fn.body) if isinstance(op, For)}
        self.stands_for: dict[Value, Value] = {}
        self._bounds = Bounds(self.definition, self.index_of)
        self.existing = Existing(fn, self.memory.structure, self._bounds)
        self._shown = frozenset(p for p in fn.params if is_reference(p)) if visible else frozenset()
        self._summaries: dict[int, tuple[Op, Summary]] = {}

    # -- indices
    def affine(self, value: Value) -> Affine:
        """A value as (root, offset); the root of a literal is None."""
        offset = 0
        while True:
            value = self.stands_for.get(value, value)
            op = self.definition.get(value)
            if isinstance(op, Const):
                return None, offset + int(op.value)
            if not isinstance(op, Apply) or op.prim not in ("add", "sub"):
                return value, offset
            first, second = op.args
            known, sign = self.literal(second), 1 if op.prim == "add" else -1
            if known is None and sign == 1:
                first, known = second, self.literal(first)
            if known is None:
                return value, offset
            value, offset = first, offset + sign * known

    def literal(self, value: Value) -> int | None:
        """The integer that a value is, if that is known."""
        op = self.definition.get(value)
        return op.value if isinstance(op, Const) and type(op.value) is int else None

    def nonneg(self, value: Value) -> bool:
        """Whether an index is certainly not negative."""
        return self._bounds.nonnegative(value)

    def neighbour(self, index: Value) -> Neighbour | None:
        """What an index is on the ring of a loop around it, if it is a neighbour there."""
        return neighbour(index, self._bounds)

    def less_than(self, index: Value) -> list[Value]:
        """Values that an index is certainly less than, by the loops around it."""
        bounds = self._bounds.beneath(index, low=False)
        return [bound.bases[0] for bound in bounds if len(bound.bases) == 1 and bound.offset == -1]

    def sums_commute(self, ref: Value) -> bool:
        """Whether what is added to an element may be added up in any order."""
        return self.reassociate or ref.dtype.startswith(("int", "uint"))

    # -- what ops do
    def summary(self, op: Op) -> Summary:
        """What an op does."""
        found = self._summaries.get(id(op))
        if found is None:
            summary = Summary()
            self._collect(op, summary)
            found = self._summaries[id(op)] = (op, summary)
        return found[1]

    def _collect(self, op: Op, into: Summary) -> None:
        into.used.update(op.args)
        for region in op.regions:
            into.used.update(region.yields)
            for inner in region.ops:
                self._collect(inner, into)
        into.accesses.extend(_accesses(op))
        into.raises |= isinstance(op, Check | Call | Pop | ListGet | ListSet) or may_raise(
            op, self.definition
        )
        into.prints |= isinstance(op, Print)
        into.draws |= is_random(op)
        into.opaque |= isinstance(op, CallFn)

    def overlap(self, a: Access, b: Access) -> bool:
        """Whether two references may lead to the same memory."""
        return not self.memory.apart(a.ref, b.ref)

    def matters(self, a: Access, b: Access) -> bool:
        """Whether the order of two accesses to one element is seen."""
        if a.kind == b.kind == READ:
            return False
        return not (a.kind == b.kind == ADD and self.sums_commute(a.ref))

    def is_shown(self, ref: Value) -> bool:
        """Whether the caller sees what is written to this memory, even when the function raises."""
        return not self._shown.isdisjoint(self.memory.origins(ref))

    def exchangeable(self, first: Op, second: Op) -> bool:
        """Whether two neighbours may run in the other order."""
        a, b = self.summary(first), self.summary(second)
        if not b.used.isdisjoint(first.outs) or not self.quiet(a, b):
            return False
        return not any(
            self.matters(x, y) and self.overlap(x, y) and not self.apart(x, y)
            for x in a.accesses
            for y in b.accesses
        )

    def quiet(self, a: Summary, b: Summary) -> bool:
        """Whether the order of two ops is not seen apart from memory."""
        if (a.opaque or b.opaque) and (_acts(a) and _acts(b)):
            return False
        if (a.raises and b.raises) or (a.draws and b.draws) or (a.prints and b.prints):
            return False
        return not (self._ends(a) and self._shows(b)) and not (self._ends(b) and self._shows(a))

    def _ends(self, a: Summary) -> bool:
        return a.raises or a.touches

    def _shows(self, a: Summary) -> bool:
        return a.prints or any(x.kind != READ and self.is_shown(x.ref) for x in a.accesses)

    def apart(self, a: Access, b: Access) -> bool:
        """Whether two accesses in one pass through their region certainly touch different elements: an
        index is the same but for a constant.
        """
        if a.ref is not b.ref or a.index is None or b.index is None:
            return False
        return any(self._differ(i, j) for i, j in zip(a.index, b.index, strict=True))

    def _differ(self, i: Value, j: Value) -> bool:
        (first, m), (second, n) = self.affine(i), self.affine(j)
        return first is second and m != n and self.nonneg(i) and self.nonneg(j)

    def same_pass_only(self, a: Access, b: Access, i: Value, j: Value) -> bool:
        """Whether two accesses meet only when the loop indices `i` (around a) and `j` (around b) are equal,
        or never.
        """
        if a.ref is not b.ref or a.index is None or b.index is None:
            return False
        for x, y in zip(a.index, b.index, strict=True):
            (root_x, m), (root_y, n) = self.affine(x), self.affine(y)
            if root_x is i and root_y is j and m == n and self.nonneg(x) and self.nonneg(y):
                return True
        return False

    def never_meet(self, a: Access, b: Access, inside: Container[Value]) -> bool:
        """Whether two accesses touch different elements, whatever the values `inside` are for each."""
        if a.ref is not b.ref or a.ref in inside or a.index is None or b.index is None:
            return False
        pairs = zip(a.index, b.index, strict=True)
        return any(self._bounds.differ(i, j, lambda base: base not in inside) for i, j in pairs)

    # -- loops
    def in_any_order(self, loop: For) -> bool:
        """Whether the iterations of a loop may run in any order."""
        made = {out for op in walk(loop.body) for out in op.outs if is_reference(out)}
        summary = self.summary(loop)
        if loop.stops or loop.counted or summary.raises or summary.prints:
            return False
        if summary.draws or summary.opaque or self._shows(summary):
            return False
        if not all(self.is_sum(loop.body, p, v) for p, v in zip(loop.carried, loop.next, strict=True)):
            return False
        shared = [x for x in summary.accesses if not self.is_own(x, made, loop)]
        writes = [x for x in shared if x.kind != READ]
        inside = defined(loop.body)
        return not any(self.conflict(w, x, loop.index, inside) for w in writes for x in shared)

    def conflict(self, a: Access, b: Access, index: Value, inside: Container[Value]) -> bool:
        """Whether it is seen in which order two iterations of a loop come to a and b."""
        if not self.matters(a, b) or not self.may_share(a.ref, b.ref, inside):
            return False
        if a.ref in inside or b.ref in inside:
            return True
        return not self.same_pass_only(a, b, index, index) and not self.never_meet(a, b, inside)

    def may_share(self, a: Value, b: Value, inside: Container[Value]) -> bool:
        """Whether two references may lead to the same memory, each in an iteration of its own. What is
        `inside` of the loop, each iteration has for itself: a buffer exchanged there may be the other one
        before.
        """
        if a in inside or b in inside:
            first, second = self.memory.origins(a), self.memory.origins(b)
            return not first or not second or not first.isdisjoint(second)
        return not self.memory.apart(a, b)

    def is_own(self, access: Access, made: set[Value], loop: Loop) -> bool:
        """Memory that every iteration makes for itself."""
        origins = self.memory.origins(access.ref)
        return bool(origins) and origins <= made and all(self.memory.fresh_in(o, loop) for o in origins)

    def is_sum(self, region: Region, param: Value, following: Value) -> bool:
        """Whether a carried value is a sum that may be added up in any order, and not used otherwise."""
        if is_reference(param) or not self.sums_commute(param):
            return False
        total: Value | None = param
        while total is not None and total is not following:
            total = self._added_to(region, total)
        return total is not None and region.yields.count(total) == 1 and not self._users(region, total)

    def _users(self, region: Region, value: Value) -> list[Op]:
        return [op for op in region.ops if value in self.summary(op).used]

    def _added_to(self, region: Region, total: Value) -> Value | None:
        """What a partial sum becomes where it is used, if that is one sum only."""
        users = self._users(region, total)
        if len(users) != 1 or total in region.yields:
            return None
        (user,) = users
        if isinstance(user, Apply):
            plain = user.prim == "add" or (user.prim == "sub" and user.args[0] is total)
            return user.out if plain and user.args.count(total) == 1 else None
        if isinstance(user, If) and total is not user.cond:
            sums = (k for k in range(len(user.outs)) if all(self._kept(r, total, k) for r in user.regions))
            return next((user.outs[k] for k in sums), None)
        if not isinstance(user, For) or user.args.count(total) != 1 or total not in user.inits:
            return None
        if any(total in self.summary(inner).used for inner in user.body.ops) or total in user.body.yields:
            return None
        k = user.inits.index(total)
        return user.outs[k] if self.is_sum(user.body, user.carried[k], user.next[k]) else None

    def _kept(self, branch: Region, total: Value, k: int) -> bool:
        """Whether a branch gives a partial sum as its k-th result, added to or as it is."""
        same = branch.yields[k] is total and branch.yields.count(total) == 1
        return self.is_sum(branch, total, branch.yields[k]) or (same and not self._users(branch, total))


def _acts(a: Summary) -> bool:
    return a.opaque or a.touches or a.raises or a.prints or a.draws


def _accesses(op: Op) -> Iterator[Access]:
    match op:
        case Load():
            yield Access(READ, op.array, op.index)
        case Store():
            yield Access(ADD if op.accumulate else WRITE, op.array, op.index)
        case Push() | Pop() | ListSet():
            yield Access(WRITE, op.args[0], None)
        case ListGet() | ListLen():
            yield Access(READ, op.args[0], None)
        case Call():
            for arg in filter(is_reference, op.args):
                yield Access(READ, arg, None)
