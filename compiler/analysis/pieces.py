"""A loop over other loops as pieces that could have a loop of their own: what its iterations share, what goes
from piece to piece, which sums are carried.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from ..ir.effects import may_raise
from ..ir.nodes import Apply, Const, For, Load, Loop, Op, Region, Value
from ..ir.walk import defined, free, walk
from .dependence import READ, Access, Dependences
from .memory import is_reference

FEWEST = 8
"""Iterations that are known to be fewer do not make an innermost loop."""


@dataclass(eq=False)
class Piece:
    """Ops without loops that stand together in the region of the pushed loop or of loops inside."""

    loops: tuple[For, ...]
    ops: list[Op] = field(default_factory=list)
    starts: list[tuple[Value, Value]] = field(default_factory=list)  # sums that begin after it, and with what
    kept: dict[Value, None] = field(default_factory=dict)  # what other pieces find in rows


@dataclass(eq=False)
class Inner:
    """A loop inside the pushed one."""

    loop: For
    parts: list[Piece | Inner]


class Nest:
    """A loop that may be pushed down, the pieces and loops of its body."""

    def __init__(self, known: Dependences, loop: For) -> None:
        self.known = known
        self.loop = loop
        self.inside = defined(loop.body)
        self.pieces: list[Piece] = []
        self.home: dict[Value, Piece] = {}
        self.made: dict[Value, Op] = {}
        self.indices: set[Value] = set()  # of the loops inside
        self.sum_of: dict[Value, Value] = {}  # what loops inside carry and give → the sum that it is
        self.partial: set[Value] = set()  # such sums that are not yet complete
        self.adds: dict[Op, Value] = {}  # what adds to a sum
        self.parts: list[Piece | Inner] | None = None
        self.written = [x for x in known.summary(loop).accesses if x.kind != READ]

    # -- may it be pushed?
    def pushable(self) -> bool:
        """Whether the loop can be pushed down; finds the pieces."""
        known, loop = self.known, self.loop
        if not self._plain(loop) or known.literal(loop.step) != 1 or not known.nonneg(loop.index):
            return False
        if not any(isinstance(op, For) for op in loop.body.ops) or self._few(loop):
            return False
        summary = known.summary(loop)
        if summary.raises or summary.prints or summary.draws or summary.opaque:
            return False
        if any(known.is_shown(x.ref) for x in self.written) or not self._independent():
            return False
        self.loop = loop = _with_own_sums(known, loop)
        self.inside = defined(loop.body)
        self.parts = self._parts(loop.body, ())
        if self.parts is None or not self._carries_in_one_piece():
            return False
        for piece in self.pieces:
            for value in self.operands(piece):
                self._need(value, piece)
        return True

    def _plain(self, loop: For) -> bool:
        if loop.stops or loop.counted or loop.parallel or loop.segments:
            return False
        return not any(map(is_reference, loop.inits))

    def _few(self, loop: For) -> bool:
        low, high = self.known.literal(loop.lo), self.known.literal(loop.hi)
        return low is not None and high is not None and high - low < FEWEST

    def _independent(self) -> bool:
        """Whether what different iterations access, not both in one piece of the body itself, is different
        or commutes.
        """
        known, index = self.known, self.loop.index
        found: list[tuple[Access, int]] = []
        piece = 0
        for op in self.loop.body.ops:
            piece += isinstance(op, Loop)
            found += [
                (access, -1 if isinstance(op, Loop) else piece) for access in known.summary(op).accesses
            ]
        return not any(
            known.conflict(w, x, index, self.inside)
            for w, place in found
            if w.kind != READ
            for x, other in found
            if place == -1 or place != other
        )

    def _parts(self, region: Region, loops: tuple[For, ...]) -> list[Piece | Inner] | None:
        """A region as pieces and loops; None if something in it must stay as it is."""
        parts: list[Piece | Inner] = []
        for op in region.ops:
            if not isinstance(op, For):
                if any(map(is_reference, op.outs)) or any(
                    isinstance(x, Loop) for x in walk(Region((), [op]))
                ):
                    return None
                self._add(parts, op, loops)
                continue
            if not self._plain(op) or not self.inside.isdisjoint(op.args[:3]):
                return None
            self.indices.add(op.index)
            for init, param, following, out in zip(op.inits, op.carried, op.next, op.outs, strict=True):
                name = self.sum_of[init] if init in self.partial else out
                if name is out:
                    self._last(parts, loops).starts.append((out, init))
                    if not self.known.is_sum(op.body, param, following):
                        return None
                self.sum_of[out] = name
                if not self._follow(op.body, param, name):
                    return None
            inner = self._parts(op.body, (*loops, op))
            if inner is None:
                return None
            parts.append(Inner(op, inner))
        return parts

    def _last(self, parts: list[Piece | Inner], loops: tuple[For, ...]) -> Piece:
        """The piece at the end of the parts so far."""
        if not parts or isinstance(parts[-1], Inner):
            parts.append(piece := Piece(loops))
            self.pieces.append(piece)
        last = parts[-1]
        assert isinstance(last, Piece)
        return last

    def _add(self, parts: list[Piece | Inner], op: Op, loops: tuple[For, ...]) -> None:
        piece = self._last(parts, loops)
        piece.ops.append(op)
        for out in op.outs:
            self.home[out] = piece
            self.made[out] = op

    def _follow(self, region: Region, param: Value, name: Value) -> bool:
        """Note the ops that add to a sum, and what else stands for it; False where a branch adds to it."""
        while True:
            self.sum_of[param] = name
            self.partial.add(param)
            if param in region.yields:
                return True
            user = next((op for op in region.ops if param in op.args), None)
            if user is None:
                return False
            if isinstance(user, For):
                param = user.outs[user.inits.index(param)]
            else:
                self.adds[user] = name
                param = user.out

    def operands(self, piece: Piece) -> Iterator[Value]:
        for op in piece.ops:
            yield from (*op.args, *free(op))
        yield from (init for _, init in piece.starts)

    def _need(self, value: Value, piece: Piece) -> None:
        if value not in self.inside or value is self.loop.index or self.home.get(value) is piece:
            return
        if value in self.home and value not in self.sum_of and not self._again(value):
            self.home[value].kept[value] = None

    def _again(self, value: Value) -> bool:
        """Whether a value can be computed again at any place in the nest that sees it."""
        if value not in self.inside or value is self.loop.index:
            return True
        op = self.made.get(value)
        if op is None or value in self.sum_of:
            return value in self.indices
        if isinstance(op, Load):
            read = Access(READ, op.array, op.index)
            if any(self.known.overlap(read, w) for w in self.written):
                return False
        elif not op.pure or may_raise(op):
            return False
        return all(map(self._again, op.args))

    def _carries_in_one_piece(self) -> bool:
        """Whether what the pushed loop carries is used and computed in one piece of its own body."""
        for param, following in zip(self.loop.carried, self.loop.next, strict=True):
            users = [p for p in self.pieces if param in self.operands(p)]
            if len(users) != 1 or users[0].loops or self.home.get(following) is not users[0]:
                return False
        return True


def _with_own_sums(known: Dependences, loop: For) -> For:
    """The loop where sums that it carries through loops inside are added up inside first: s_1 = s + (sum)."""
    ops = list(loop.body.ops)
    following = list(loop.next)
    for k, param in enumerate(loop.carried):
        place = next((n for n, op in enumerate(ops) if param in op.args), None)
        user = None if place is None else ops[place]
        if place is None or not isinstance(user, For) or not known.is_sum(loop.body, param, loop.next[k]):
            continue
        if user.outs[user.inits.index(param)] is not loop.next[k]:
            continue
        zero = Const((), (Value(param.type),), (), (np.dtype(param.dtype).type(0).item(),), user.src)
        args = tuple(zero.out if arg is param else arg for arg in user.args)
        total = Value(param.type, param.name)
        out = user.outs[user.inits.index(param)]
        ops[place : place + 1] = [
            zero,
            user.rebuild(args),
            Apply((param, out), (total,), (), ("add",), user.src),
        ]
        following[k] = total
    return For(loop.args, loop.outs, (Region(loop.body.params, ops, tuple(following)),), loop.attrs, loop.src)
