"""Loops that scatter into neighbouring elements gather instead, which vectorises.

    for j in range(1, n - 1):                    s_row = zeros(n + 2)
        s = k * v_bar[j]                         for j in range(1, n - 1):
        u_bar[j - 1] += s                 →          s_row[j + 1] = k * v_bar[j]
        u_bar[j + 1] += s                        for j in range(0, n):
                                                     u_bar[j] += s_row[j] + s_row[j + 2]

The adjoint of a stencil adds to an element from several iterations. What an innermost loop adds to one array
at several places is first written to rows, with zeros around them; one loop for each row of the array adds
them up. Needs and gives verified IR; sums are added up in another order.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from ..analysis.dependence import ADD, Dependences
from ..errors import Src
from ..ir.nodes import Alloc, Apply, Const, For, Function, Load, Loop, Op, Region, Store, Value
from ..ir.types import BOOL, INT, Array

FEWEST = 8
"""Iterations that are known to be fewer are left as they are."""


@dataclass
class Row:
    """All that a loop adds to one row of an array: (distance of the element from the loop index, value)."""

    ref: Value
    index: tuple[Value, ...]
    terms: list[tuple[int, Value]] = field(default_factory=list)


def gather(
    fn: Function, *, distinct_params: bool = True, reassociate: bool = True, visible: bool = True
) -> Function:
    """Split loops that add to several elements of an array; the function itself where there are none."""
    if not reassociate:
        return fn
    known = Dependences(fn, distinct_params=distinct_params, reassociate=True, visible=visible)
    gatherer = _Gatherer(known)
    body = gatherer.region(fn.body)
    return Function(fn.name, body) if gatherer.changed else fn


class _Gatherer:
    def __init__(self, known: Dependences) -> None:
        self.known = known
        self.changed = False
        self._around: list[tuple[Region, list[Op]]] = []  # regions being rebuilt, outermost first
        self._src = Src("", 0)

    def region(self, region: Region) -> Region:
        """Rebuild a region."""
        ops: list[Op] = []
        self._around.append((region, ops))
        for op in region.ops:
            if op.regions:
                op = op.rebuild(regions=tuple(self.region(r) for r in op.regions))
            rows = self._rows(op) if isinstance(op, For) else []
            place = self._place(op) if rows and isinstance(op, For) else None
            if place is None or not isinstance(op, For):
                ops.append(op)
            else:
                self.changed = True
                self._split(op, rows, place)
        self._around.pop()
        return Region(region.params, ops, region.yields)

    # -- what to split
    def _rows(self, loop: For) -> list[Row]:
        """The rows to which a loop adds, for arrays with several distances; none if it must stay."""
        ops = loop.body.ops
        if loop.stops or self.known.literal(loop.step) != 1 or any(op.regions for op in ops):
            return []
        low, high = self.known.literal(loop.lo), self.known.literal(loop.hi)
        if low is not None and high is not None and high - low < FEWEST:
            return []
        rows: dict[tuple[object, ...], Row] = {}
        for op in ops:
            if isinstance(op, Store) and op.accumulate and self._scatters(op, loop):
                _, distance = self.known.affine(op.index[-1])
                key = (op.array, *(self.known.affine(i) for i in op.index[:-1]))
                row = rows.setdefault(key, Row(op.array, op.index[:-1]))
                row.terms.append((distance, op.value))
        reach: dict[Value, set[int]] = {}
        for row in rows.values():
            reach.setdefault(row.ref, set()).update(distance for distance, _ in row.terms)
        return [r for r in rows.values() if len(reach[r.ref]) > 1 and self._only_added(r.ref, loop)]

    def _scatters(self, op: Store, loop: For) -> bool:
        """Whether a store adds to an element of a row that stays the same, at a distance from the index."""
        if not op.index or self.known.affine(op.index[-1])[0] is not loop.index:
            return False
        inside = {out for inner in loop.body.ops for out in inner.outs} | set(loop.body.params)
        fixed = all(i not in inside for i in op.index[:-1])
        return fixed and op.array not in inside and self.known.nonneg(op.index[-1])

    def _only_added(self, ref: Value, loop: For) -> bool:
        """Whether a loop neither reads nor sets what it adds to."""
        accesses = self.known.summary(loop).accesses
        return all(x.kind == ADD or self.known.memory.apart(x.ref, ref) for x in accesses)

    def _place(self, loop: For) -> int | None:
        """The outermost region in which the rows can be made: outside of the next loop, if there is one."""
        structure = self.known.memory.structure
        bounds = [root for v in (loop.lo, loop.hi) if (root := self.known.affine(v)[0]) is not None]
        homes = [structure.home.get(root) for root in bounds]
        depth = next(
            (k for k in range(len(self._around)) if all(self._sees(k, home) for home in homes)), None
        )
        inner = [k for k, (region, _) in enumerate(self._around) if self._is_loop(region)]
        return None if depth is None or (inner and depth >= inner[-1]) else depth

    def _sees(self, depth: int, home: Region | None) -> bool:
        return any(region is home for region, _ in self._around[: depth + 1])

    def _is_loop(self, region: Region) -> bool:
        return isinstance(self.known.memory.structure.owner.get(id(region)), Loop)

    # -- splitting
    def _split(self, loop: For, rows: Sequence[Row], place: int) -> None:
        ops = self._around[-1][1]
        self._src = loop.src
        arrays = {row.ref for row in rows}
        taken = {id(op) for op in loop.body.ops if isinstance(op, Store) and self._taken(op, arrays, loop)}
        values = list(dict.fromkeys(value for row in rows for _, value in row.terms))
        reach = max(abs(d - e) for row in rows for d, _ in row.terms for e, _ in row.terms)
        made = {value: self._buffer(loop, value, reach, self._around[place][1]) for value in values}
        start = reach - self._constant(loop.lo)
        body = [op for op in loop.body.ops if id(op) not in taken]
        at = self._moved(loop.index, start, loop.lo, body)
        body += [Store((made[v], at, v), (), (), (False,), self._src) for v in values]
        ops.append(loop.rebuild(regions=(Region(loop.body.params, body, loop.body.yields),)))
        for row in rows:
            self._add_up(loop, row, made, start, ops)

    def _taken(self, op: Store, arrays: set[Value], loop: For) -> bool:
        return op.accumulate and op.array in arrays and self._scatters(op, loop)

    def _buffer(self, loop: For, value: Value, reach: int, ops: list[Op]) -> Value:
        """A row of zeros with room for the values of all iterations and `reach` zeros on both sides."""
        high, low = (self._rebuilt(v, ops) for v in (loop.hi, loop.lo))
        trips = self._apply("sub", high, low, ops)
        trips = self._apply("pymax", trips, self._number(0, ops), ops)
        length = self._apply("add", trips, self._number(2 * reach, ops), ops)
        row = Value(Array(value.dtype, 1), f"{value.name or 't'}_row")
        ops.append(Alloc((length,), (row,), (), ("zeros",), self._src))
        return row

    def _rebuilt(self, value: Value, ops: list[Op]) -> Value:
        """A bound, where perhaps only its root is visible."""
        root, offset = self.known.affine(value)
        number = self._number(offset, ops)
        return number if root is None else self._apply("add", root, number, ops)

    def _constant(self, low: Value) -> int:
        return self.known.literal(low) or 0

    def _moved(self, index: Value, distance: int, low: Value, ops: list[Op]) -> Value:
        """index + distance, less the first index if that is not a literal."""
        at = self._apply("add", index, self._number(distance, ops), ops) if distance else index
        return at if self.known.literal(low) is not None else self._apply("sub", at, low, ops)

    def _add_up(self, loop: For, row: Row, made: dict[Value, Value], start: int, ops: list[Op]) -> None:
        """One loop over all elements of a row that are added to."""
        first = min(distance for distance, _ in row.terms)
        last = max(distance for distance, _ in row.terms)
        low = self._apply("add", loop.lo, self._number(first, ops), ops)
        end = self._apply("add", loop.hi, self._number(last, ops), ops)
        if first != last:  # without iterations there is nothing between the first place and the last
            runs = self._apply("gt", loop.hi, loop.lo, ops, Value(BOOL))
            ops.append(Apply((runs, end, low), (Value(INT),), (), ("select",), self._src))
            end = ops[-1].out
        index = Value(INT, loop.index.name)
        body: list[Op] = []
        total: Value | None = None
        for distance, value in row.terms:
            at = self._moved(index, start - distance, loop.lo, body)
            term = Value(value.type, value.name)
            body.append(Load((made[value], at), (term,), (), (), self._src))
            total = term if total is None else self._apply("add", total, term, body, Value(value.type))
        assert total is not None
        body.append(Store((row.ref, *row.index, index, total), (), (), (True,), self._src))
        ops.append(For((low, end, loop.step), (), (Region((index,), body),), (False, False, 0), self._src))

    def _number(self, number: int, ops: list[Op]) -> Value:
        ops.append(Const((), (Value(INT),), (), (number,), self._src))
        return ops[-1].out

    def _apply(self, prim: str, a: Value, b: Value, ops: list[Op], out: Value | None = None) -> Value:
        ops.append(Apply((a, b), (out or Value(INT),), (), (prim,), self._src))
        return ops[-1].out
