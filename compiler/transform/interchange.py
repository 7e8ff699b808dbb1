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
strided, and the whole is cheaper (`analysis/strides.py`).
"""

from __future__ import annotations

from ..analysis.dependence import Dependences
from ..analysis.pieces import Inner, Nest, Piece
from ..analysis.strides import Strides
from ..ir.nodes import Alloc, Apply, Const, For, Function, Load, Op, Region, Store, Value
from ..ir.types import INT, Array
from ..ir.walk import clone_op, free, walk


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
            nest = _Pushed(self.known, op) if isinstance(op, For) and not self.changed else None
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


class _Pushed(Nest):
    """A nest whose outer loop is pushed down; `rows` are the arrays for sums and for what is kept."""

    def __init__(self, known: Dependences, loop: For) -> None:
        super().__init__(known, loop)
        self.rows: dict[Value, Value] = {}

    def worthwhile(self) -> bool:
        """Whether fewer accesses of the innermost loops are strided, and all of them cost less."""
        deepest = max(len(piece.loops) for piece in self.pieces)
        before, after = Strides(self.known), Strides(self.known)
        for piece in self.pieces:
            if len(piece.loops) == deepest:
                before.add(piece.ops, piece.loops[-1])
                after.add(piece.ops, self.loop)
                after.total += 2 * sum(op in self.adds for op in piece.ops)
                kept = {v for v in self.operands(piece) if v in self.home and v in self.home[v].kept}
                after.total += sum(self.home[v] is not piece for v in kept)
        return after.better_than(before)

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
            k for k, p in enumerate(loop.carried) if not piece.loops and p in set(self.operands(piece))
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
