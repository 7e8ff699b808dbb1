"""Loop nests whose innermost loop runs across rows: an outer loop becomes the innermost one.

Before::

    for j in range(0, n, 1) {
        for k in range(0, m, 1) carry (s: f64 = 0.0) {
            t: f64 = a[k, j]
            u: f64 = x[k]
            p: f64 = t * u
            s_1: f64 = s + p
            yield s_1
        } -> total
        y[j] = total
    }

After::

    s_row: f64[:] = empty(n)
    for j in range(0, n, 1) {
        s_row[j] = 0.0
    }
    for k in range(0, m, 1) {
        for j in range(0, n, 1) {
            t: f64 = a[k, j]
            u: f64 = x[k]
            p: f64 = t * u
            s_row[j] += p
        }
    }
    for j in range(0, n, 1) {
        total: f64 = s_row[j]
        y[j] = total
    }

The outer loop is pushed down: the straight pieces of its body become loops of their own, each loop inside
keeps its place and gets the pushed loop inside. What goes from piece to piece is computed again if that takes
no memory, else it has an element of a row. Iterations of the pushed loop must not depend on each other, but
for sums, and inside of one piece that stays directly in it. Done if fewer accesses of the innermost loops are
strided, and the whole is cheaper (`_Cost`).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from ..analysis.dependence import READ, Access, Dependences
from ..analysis.memory import is_reference
from ..ir.effects import may_raise
from ..ir.nodes import Alloc, Apply, Const, For, Function, Load, Loop, Op, Region, Store, Value
from ..ir.types import INT, Array
from ..ir.walk import clone_op, defined, free, walk

STRIDED = 4
"""The cost of an access across rows; one along a row costs 1, one of the same element nothing."""
FEWEST = 8
"""Iterations that are known to be fewer do not make an innermost loop."""


def interchange(
    fn: Function, *, distinct_params: bool = True, reassociate: bool = True, visible: bool = True
) -> Function:
    """Push loops down; the function itself where there are none to be."""
    if not reassociate:
        return fn
    while True:
        known = Dependences(fn, distinct_params=distinct_params, reassociate=True, visible=visible)
        pass_ = _Pass(known)
        body = pass_.region(fn.body)
        if not pass_.changed:
            return fn
        fn = Function(fn.name, body)


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


class _Pass:
    """Goes through the regions, the inner ones first; after one change the rest waits for the next round."""

    def __init__(self, known: Dependences) -> None:
        self.known = known
        self.changed = False
        self._around: list[tuple[Region, list[Op]]] = []

    def region(self, region: Region) -> Region:
        ops: list[Op] = []
        self._around.append((region, ops))
        for op in region.ops:
            if op.regions and not self.changed:
                op = op.rebuild(regions=tuple(self.region(r) for r in op.regions))
            nest = _Nest(self.known, op) if isinstance(op, For) and not self.changed else None
            if nest is not None and nest.pushable() and nest.worthwhile():
                self.changed = True
                self._outermost(nest.loop.hi).extend(nest.allocations())
                ops += nest.pushed()
            else:
                ops.append(op)
        self._around.pop()
        return Region(region.params, ops, region.yields)

    def _outermost(self, length: Value) -> list[Op]:
        """The ops, so far, of the region that computes a value."""
        home = self.known.memory.structure.home.get(length)
        return next((ops for region, ops in self._around if region is home), self._around[-1][1])


class _Nest:
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
        self.rows: dict[Value, Value] = {}  # what is kept in a row
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
            for value in self._operands(piece):
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
            known.matters(w, x)
            and known.overlap(w, x)
            and not known.same_pass_only(w, x, index, index)
            and not known.never_meet(w, x, self.inside)
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
                self._follow(op.body, param, name)
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

    def _follow(self, region: Region, param: Value, name: Value) -> None:
        """Note the ops that add to a sum, and what else stands for it."""
        while True:
            self.sum_of[param] = name
            self.partial.add(param)
            if param in region.yields:
                return
            user = next(op for op in region.ops if param in op.args)
            if isinstance(user, For):
                param = user.outs[user.inits.index(param)]
            else:
                self.adds[user] = name
                param = user.out

    def _operands(self, piece: Piece) -> Iterator[Value]:
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
            users = [p for p in self.pieces if param in self._operands(p)]
            if len(users) != 1 or users[0].loops or self.home.get(following) is not users[0]:
                return False
        return True

    # -- is it worth it?
    def worthwhile(self) -> bool:
        """Whether fewer accesses of the innermost loops are strided, and all of them cost less."""
        deepest = max(len(piece.loops) for piece in self.pieces)
        before, after = _Cost(self.known), _Cost(self.known)
        for piece in self.pieces:
            if len(piece.loops) == deepest:
                before.add(piece, piece.loops[-1])
                after.add(piece, self.loop)
                after.total += 2 * sum(op in self.adds for op in piece.ops)
                kept = {v for v in self._operands(piece) if v in self.home and v in self.home[v].kept}
                after.total += sum(self.home[v] is not piece for v in kept)
        return after.strided < before.strided and after.total < before.total

    # -- pushing
    def allocations(self) -> list[Op]:
        """Rows for sums and for what is kept."""
        ops: list[Op] = []
        length, src = self.loop.hi, self.loop.src
        if not self.known.nonneg(length):
            zero, most = Value(INT), Value(INT)
            ops += [
                Const((), (zero,), (), (0,), src),
                Apply((length, zero), (most,), (), ("pymax",), src),
            ]
            length = most
        for piece in self.pieces:
            for value in (*(name for name, _ in piece.starts), *piece.kept):
                row = self.rows[value] = Value(Array(value.dtype, 1), f"{value.name or 't'}_row")
                ops.append(Alloc((length,), (row,), (), ("empty",), src))
        return ops

    def pushed(self) -> list[Op]:
        """The ops that stand for the nest."""
        return self._emit(self.parts or [])

    def _emit(self, parts: list[Piece | Inner]) -> list[Op]:
        ops: list[Op] = []
        for part in parts:
            if isinstance(part, Piece):
                ops += self._looped(part)
            else:
                body = Region((part.loop.index,), self._emit(part.parts), ())
                ops.append(For(part.loop.args[:3], (), (body,), part.loop.attrs, part.loop.src))
        return ops

    def _looped(self, piece: Piece) -> list[Op]:
        """A piece in a loop of its own."""
        loop = self.loop
        index = Value(loop.index.type, loop.index.name)
        carried = [
            k for k, p in enumerate(loop.carried) if not piece.loops and p in set(self._operands(piece))
        ]
        mapping = {loop.index: index}
        params = [Value(loop.carried[k].type, loop.carried[k].name) for k in carried]
        mapping.update(zip((loop.carried[k] for k in carried), params, strict=True))
        ops: list[Op] = []
        for op in piece.ops:
            row = self.rows.get(self.adds.get(op, index))
            if row is None or not isinstance(op, Apply):
                for value in (*op.args, *free(op)):
                    self._fetch(value, mapping, ops)
                ops.append(clone_op(op, mapping))
            else:
                first, second = op.args
                term = second if first in self.sum_of else first
                self._fetch(term, mapping, ops)
                added = mapping.get(term, term)
                if op.prim == "sub":
                    ops.append(
                        negated := Apply((added,), (Value(added.type, added.name),), (), ("neg",), op.src)
                    )
                    added = negated.out
                ops.append(Store((row, index, added), (), (), (True,), op.src))
        for value, init in (*((v, v) for v in piece.kept), *piece.starts):
            self._fetch(init, mapping, ops)
            ops.append(Store((self.rows[value], index, mapping.get(init, init)), (), (), (False,), loop.src))
        if not carried and not any(isinstance(op, Store) for op in walk(Region((), ops))):
            return []
        yields = tuple(mapping[loop.next[k]] for k in carried)
        body = Region((index, *params), ops, yields)
        args = (*loop.args[:3], *(loop.inits[k] for k in carried))
        return [For(args, tuple(loop.outs[k] for k in carried), (body,), loop.attrs, loop.src)]

    def _fetch(self, value: Value, mapping: dict[Value, Value], ops: list[Op]) -> None:
        """Make a value of another piece available: from its row, or computed again."""
        if value in mapping or value not in self.inside:
            return
        row = self.rows.get(self.sum_of.get(value, value))
        if row is not None:
            mapping[value] = out = Value(value.type, value.name)
            ops.append(Load((row, mapping[self.loop.index]), (out,), (), (), self.loop.src))
        elif value in self.made:
            op = self.made[value]
            for arg in op.args:
                self._fetch(arg, mapping, ops)
            ops.append(clone_op(op, mapping))


class _Cost:
    """What the accesses of pieces cost with one loop as the innermost one."""

    def __init__(self, known: Dependences) -> None:
        self._known = known
        self.strided = 0
        self.total = 0

    def add(self, piece: Piece, loop: For) -> None:
        """Count the accesses of a piece inside of a loop."""
        moving = {loop.index, *loop.carried}
        for op in walk(loop.body):
            if not moving.isdisjoint(op.args):
                moving.update(op.outs)
                moving.update(v for region in op.regions for v in region.params)
        for op in walk(Region((), piece.ops)):
            if isinstance(op, Load | Store) and (moves := [i in moving for i in op.index]) and any(moves):
                along = (
                    moves.count(True) == 1 and moves[-1] and self._known.affine(op.index[-1])[0] is loop.index
                )
                times = 2 if isinstance(op, Store) and op.accumulate else 1
                self.strided += times * (not along)
                self.total += times * (1 if along else STRIDED)


def _with_own_sums(known: Dependences, loop: For) -> For:
    """The loop where sums that it carries through loops inside are added up inside first: s_1 = s + (sum)."""
    ops = list(loop.body.ops)
    following = list(loop.next)
    for k, param in enumerate(loop.carried):
        place = next((n for n, op in enumerate(ops) if param in op.args), None)
        user = None if place is None else ops[place]
        if place is None or not isinstance(user, For) or not known.is_sum(loop.body, param, loop.next[k]):
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
