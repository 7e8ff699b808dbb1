"""Folding: which values are written inside the expression that uses them instead of getting a variable.

Literals always are. A scalar that is computed once and used once joins its use when the expression stays
short, its name is not one of the user's, and nothing changes its meaning on the way: what reads memory
moves only within its region and never past an effect, and nothing but a length moves into a loop.
"""

from __future__ import annotations

import re
import string
from dataclasses import dataclass

from ..ir.nodes import (
    Alloc,
    Apply,
    Call,
    CallFn,
    Check,
    Const,
    Dim,
    For,
    Function,
    If,
    ListGet,
    ListLen,
    Load,
    Loop,
    Op,
    Push,
    Region,
    Undef,
    Value,
    View,
    While,
)
from ..ir.types import Scalar
from ..prims.prim import PRIMS

READS = (Load, ListGet, ListLen, View)
LAZY = ("and", "or", "select")
WIDTH = 84
STEP = re.compile(r".*_1(_bar|_dot)*")  # a step towards a variable, see transform/name_steps.py
TERNARY = 12


@dataclass(frozen=True, slots=True)
class Use:
    """A place where a value is used: an operand of an op, or (op None) a yield of the region."""

    region: Region
    position: int
    op: Op | None
    slot: int


class Folding:
    """The decision for one function; `forced` are yielded values to be computed where their region ends."""

    def __init__(self, function: Function, forced: frozenset[Value] = frozenset()) -> None:
        self.function = function
        self.forced = forced
        self.defs: dict[Value, Op] = {}
        self.uses: dict[Value, list[Use]] = {}
        self.parent: dict[Region, tuple[Region, Op]] = {}
        self.folded: set[Value] = set()
        self._home: dict[Value, tuple[Region, int]] = {}
        self._site: dict[Value, tuple[Region, int]] = {}
        self._lazy: set[Value] = set()
        self._left: dict[tuple[Region, int], int] = {}
        self._barriers: dict[Region, list[int]] = {}
        self._repeats: dict[str, set[int]] = {}
        self._ternary: set[Region] = set()
        self._index(function.body)
        self._decide(function.body)

    # -- questions
    def used(self, value: Value) -> bool:
        """Whether anything that is printed reads the value."""
        return bool(self.uses.get(value))

    def skipped(self, op: Op) -> bool:
        """Whether the op prints nothing of its own: it is folded, or pure and unused."""
        if op.outs and all(out in self.folded for out in op.outs):
            return True
        return op.pure and not any(self.used(out) for out in op.outs)

    def leaves(self, value: Value) -> set[Value]:
        """The variables that the expression of a value reads."""
        if value not in self.folded:
            return {value}
        found: set[Value] = set()
        for arg in self.defs[value].args:
            found |= self.leaves(arg)
        return found

    def is_ternary(self, op: If) -> bool:
        """Whether the branches of an If are single folded expressions."""
        return op.then in self._ternary

    # -- the tables
    def _index(self, region: Region) -> None:
        """Uses by printed ops only; reversed, so that a use is seen before its definition."""
        for slot, value in enumerate(region.yields):
            self.uses.setdefault(value, []).append(Use(region, len(region.ops), None, slot))
        for position in range(len(region.ops) - 1, -1, -1):
            op = region.ops[position]
            for out in op.outs:
                self.defs[out] = op
                self._home[out] = (region, position)
            if op.pure and not any(out in self.uses for out in op.outs):
                continue
            for inner in reversed(op.regions):
                self.parent[inner] = (region, op)
                self._index(inner)
            for slot, arg in enumerate(op.args):
                self.uses.setdefault(arg, []).append(Use(region, position, op, slot))
        counts = [0]
        for op in region.ops:
            counts.append(counts[-1] + _is_barrier(op))
        self._barriers[region] = counts

    # -- the decision
    def _decide(self, region: Region) -> None:
        for op in reversed(region.ops):
            if isinstance(op, If) and self._selects(op):
                self._ternary.update(op.regions)
            for inner in reversed(op.regions):
                self._decide(inner)
            if len(op.outs) == 1 and self._folds(op, op.out):
                self.folded.add(op.out)

    def _folds(self, op: Op, value: Value) -> bool:
        uses = self.uses.get(value, [])
        if not uses:
            return False
        if isinstance(op, Const | Undef):
            return True
        if isinstance(op, Dim) and len(uses) <= 3 and not value.name:
            return all(self._fits(op, value, use, share=False) for use in uses)
        if len(uses) > 1 or not isinstance(op, (Apply, Dim, *READS)):
            return False
        if isinstance(value.type, Scalar) == isinstance(op, View):
            return False
        return self._allowed(op, value, uses[0]) and self._fits(op, value, uses[0])

    def _allowed(self, op: Op, value: Value, use: Use) -> bool:
        if use.op is None:
            if not self._yield_folds(value, use.region, use.slot):
                return False
        elif isinstance(op, View) and not isinstance(use.op, Call | CallFn | Push):
            return False
        elif isinstance(use.op, Loop):
            carried = use.slot >= len(use.op.args) - len(use.op.inits)
            return not carried and not self._keeps_name(op, value, use)
        return not self._keeps_name(op, value, use)

    def _yield_folds(self, value: Value, region: Region, slot: int) -> bool:
        if region is self.function.body or region in self._ternary or value in self.forced:
            return True
        _, owner = self.parent[region]
        if isinstance(owner, For):
            return owner.stops and slot == 0 and self._settled(value, owner)
        return isinstance(owner, While) and region is owner.cond

    def _settled(self, value: Value, loop: For) -> bool:
        """Whether a stop flag can be computed after the carried values have changed."""
        if value in loop.carried:
            return False
        op = self.defs.get(value)
        if op is None or len(self.uses.get(value, [])) > 1 or op.regions:
            return True
        return all(self._settled(arg, loop) for arg in op.args)

    def _keeps_name(self, op: Op, value: Value, use: Use) -> bool:
        """The user's names stay, unless the value is only a step towards another value of that name."""
        if (
            not value.name
            or STEP.fullmatch(value.name)
            or value in self.forced
            or use.region in self._ternary
        ):
            return False
        if isinstance(op, Apply) and op.prim == "cast":
            return False
        step = use.op is not None and use.op.src.line == op.src.line and len(use.op.outs) == 1
        return not (step and use.op is not None and use.op.out.name == value.name)

    def _fits(self, op: Op, value: Value, use: Use, share: bool = True) -> bool:
        """Whether the value may move to the statement that its use is printed in; books the width."""
        user = use.op.outs[0] if use.op is not None and len(use.op.outs) == 1 else None
        inner = user is not None and user in self.folded and not isinstance(use.op, Dim)
        site = self._site.get(user, self._home[user]) if inner and user else (use.region, use.position)
        lazy = (inner and user in self._lazy) or _is_lazy(use)
        if isinstance(op, READS) and (lazy or not self._unchanged(value, site)):
            return False
        if not isinstance(op, Dim) and not self._is_bound(op, use) and not self._reachable(value, site[0]):
            return False
        if isinstance(use.op, Apply) and use.slot in self._repeated(use.op.prim):
            return False
        width = _width(op)
        left = self._left.setdefault(site, WIDTH - self._base(site))
        if width > left:
            return False
        self._left[site] = left - width
        if share:
            self._site[value] = site
            if lazy:
                self._lazy.add(value)
        return True

    def _base(self, site: tuple[Region, int]) -> int:
        region, position = site
        args = region.yields if position == len(region.ops) else region.ops[position].args
        return sum(4 + len(arg.name) for arg in args)

    def _unchanged(self, value: Value, site: tuple[Region, int]) -> bool:
        region, position = self._home[value]
        counts = self._barriers[region]
        return site[0] is region and counts[site[1]] == counts[position + 1]

    def _is_bound(self, op: Op, use: Use) -> bool:
        """`n - 1` as the bound of a loop stands there, although it was moved out of the loops around it."""
        offset = isinstance(op, Apply) and op.prim == "add" and isinstance(self.defs.get(op.args[1]), Const)
        return offset and isinstance(use.op, For) and use.slot < 3

    def _reachable(self, value: Value, region: Region) -> bool:
        home = self._home[value][0]
        while region is not home:
            region, owner = self.parent[region]
            if isinstance(owner, Loop):
                return False
        return True

    def _repeated(self, prim: str) -> set[int]:
        if prim not in self._repeats and prim in PRIMS:
            fields = [f for _, f, _, _ in string.Formatter().parse(PRIMS[prim].emit) if f]
            self._repeats[prim] = {int(f) for f in fields if fields.count(f) > 1}
        return self._repeats.get(prim, set())

    def _selects(self, op: If) -> bool:
        """One result, and branches that are one short pure expression each."""
        ops = [inner for region in op.regions for inner in region.ops]
        if len(op.outs) != 1 or not isinstance(op.outs[0].type, Scalar) or len(ops) > TERNARY:
            return False
        applied = [inner for inner in ops if isinstance(inner, Apply)]
        pure = all(isinstance(inner, Const | Apply) for inner in ops)
        single = all(len(self.uses.get(inner.out, [])) <= 1 for inner in applied)
        cheap = all(PRIMS[inner.prim].cost <= 3 for inner in applied if inner.prim in PRIMS)
        return pure and single and cheap and sum(_width(inner) for inner in ops) <= WIDTH // 2


def _is_barrier(op: Op) -> bool:
    if op.regions:
        return any(_is_barrier(inner) for region in op.regions for inner in region.ops)
    return not (op.pure or isinstance(op, (Alloc, *READS)))


def _is_lazy(use: Use) -> bool:
    """Whether Python may skip the operand."""
    if isinstance(use.op, Apply):
        return use.op.prim in LAZY and use.slot > 0
    return isinstance(use.op, Check) and use.slot > 0


def _width(op: Op) -> int:
    """An estimate of the characters that an op adds to an expression."""
    own = len(PRIMS[op.prim].emit) - 3 * len(op.args) if isinstance(op, Apply) and op.prim in PRIMS else 6
    return max(own, 1) + sum(2 + len(arg.name) for arg in op.args)
