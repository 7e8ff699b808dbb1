"""Loop nests that scatter into neighbouring elements gather instead, which vectorises.

    for i in range(1, n - 1):                    s_near = zeros(n + 2, m + 2)
        for j in range(1, m - 1):                for i in range(1, n - 1):
            s = k * v_bar[i, j]                      for j in range(1, m - 1):
            u_bar[i - 1, j] += s          →              s_near[i + 1, j + 1] = k * v_bar[i, j]
            u_bar[i + 1, j] += s                 for i in range(0, n):
            u_bar[i, j - 1] += s                     for j in range(1, m - 1):
                                                         u_bar[i, j] += s_near[i, j + 1] + …

The adjoint of a stencil adds to an element from several iterations. What an innermost loop adds to one array
at several places (`analysis/scatter.py`) is first written to a buffer, with zeros around it, or on a ring
with what is at its other end; then one nest adds it up. The nest has those loops along which the places
differ: where they differ along the innermost only, or are two, the buffer is a row. Places that differ along
outer loops only are split where LLVM would not see that their rows are apart. A place whose values nothing
else needs stays in the first nest. Needs and gives verified IR; sums are added up in another order.
"""

from __future__ import annotations

from ..analysis.dependence import Dependences
from ..analysis.scatter import Distance, Scatters, Split, Target
from ..errors import Src
from ..ir.nodes import Alloc, Apply, Const, Dim, For, Function, Load, Op, Region, Store, Value
from ..ir.types import BOOL, INT, Array, Scalar
from ..ir.walk import walk


def gather(
    fn: Function, *, distinct_params: bool = True, reassociate: bool = True, visible: bool = True
) -> Function:
    """Split nests that add to several elements of an array; the function itself where there are none."""
    if not reassociate or not any(isinstance(op, Store) and op.accumulate for op in walk(fn.body)):
        return fn
    planner = Scatters(Dependences(fn, distinct_params=distinct_params, reassociate=True, visible=visible))
    for op in walk(fn.body):
        if isinstance(op, For):
            planner.plan(op)
    return Function(fn.name, _Splitter(planner).region(fn.body)) if planner.at else fn


class _Splitter:
    """Rebuilds a function with its nests split."""

    def __init__(self, plan: Scatters) -> None:
        self.known = plan.known
        self._at = plan.at
        splits = [split for found in plan.at.values() for split in found]
        self._taken = {id(op) for split in splits for target in split.targets for _, op in target.terms}
        self._writes: dict[int, list[Split]] = {}
        for split in splits:
            self._writes.setdefault(id(split.nest[-1].body), []).append(split)
        self._around: list[list[Op]] = []  # ops of the regions being rebuilt, outermost first
        self._src = Src("", 0)

    def region(self, region: Region) -> Region:
        """A region with its nests split."""
        ops: list[Op] = []
        self._around.append(ops)
        for op in region.ops:
            if id(op) in self._taken:
                continue
            splits = self._at.get(id(op), [])
            for split in splits:
                self._src = op.src
                outside = self._around[split.place]
                split.ranges = [
                    (self._rebuilt(loop.lo, outside), self._rebuilt(loop.hi, outside)) for loop in split.nest
                ]
                split.buffers = {kept: self._buffer(split, kept[0], outside) for kept in split.kept}
            if op.regions:
                op = op.rebuild(regions=tuple(self.region(r) for r in op.regions))
            ops.append(op)
            for split in splits:
                self._src = op.src
                for (_, rings), buffer in split.buffers.items():
                    for d in sorted(rings, reverse=True):
                        self._close(split, buffer, d, ops)
                for target in split.targets:
                    self._add_up(split, target, ops)
        for split in self._writes.get(id(region), ()):
            self._src = split.nest[-1].src
            indices = [loop.index for loop in split.nest]
            at = self._moved(split, indices, (0,) * len(indices), ops)
            for (value, _), buffer in split.buffers.items():
                ops.append(Store((buffer, *at, value), (), (), (False,), self._src))
        self._around.pop()
        return Region(region.params, ops, region.yields)

    def _buffer(self, split: Split, value: Value, ops: list[Op]) -> Value:
        """Zeros with room for the values of all iterations and as many zeros around them as are reached."""
        lengths = []
        for d, (low, high) in enumerate(split.ranges):
            trips = self._apply("sub", high, low, ops)
            trips = self._apply("pymax", trips, self._number(0, ops), ops)
            lengths.append(self._apply("add", trips, self._number(2 * split.reach(d), ops), ops))
        suffix = "row" if len(lengths) == 1 else "near"
        buffer = Value(Array(value.dtype, len(lengths)), f"{value.name or 't'}_{suffix}")
        ops.append(Alloc(tuple(lengths), (buffer,), (), ("zeros",), self._src))
        return buffer

    def _close(self, split: Split, buffer: Value, d: int, ops: list[Op]) -> None:
        """Beyond the ends of a ring, along loop `d`, stands what is at the other end."""
        zero, reach = self._number(0, ops), split.reach(d)
        trips = self._apply("pymax", split.ranges[d][1], zero, ops)
        first, before = self._number(reach, ops), self._number(reach - 1, ops)
        after, last = self._apply("add", trips, first, ops), self._apply("add", trips, before, ops)
        across = [Value(INT, loop.index.name) for loop in split.nest]
        body: list[Op] = []
        for to, from_ in ((before, last), (after, first)):
            element = Value(Scalar(buffer.dtype))
            body.append(Load((buffer, *across[:d], from_, *across[d + 1 :]), (element,), (), (), self._src))
            place = (buffer, *across[:d], to, *across[d + 1 :])
            body.append(Store((*place, element), (), (), (False,), self._src))
        others = [k for k in range(len(split.nest)) if k != d]
        ranges = []
        for other in others:
            ops.append(Dim((buffer,), (Value(INT),), (), (other,), self._src))
            ranges.append((zero, ops[-1].out))
        ops += self._loops([across[k] for k in others], ranges, body, ops)

    def _loops(
        self, indices: list[Value], ranges: list[tuple[Value, Value]], body: list[Op], ops: list[Op]
    ) -> list[Op]:
        """Ops inside of loops, the first outermost."""
        one = self._number(1, ops)
        for index, (low, end) in zip(indices[::-1], ranges[::-1], strict=True):
            body = [For((low, end, one), (), (Region((index,), body),), (False, False, 0), self._src)]
        return body

    def _rebuilt(self, value: Value, ops: list[Op]) -> Value:
        """A bound, where perhaps only its root is visible."""
        root, offset = self.known.affine(value)
        number = self._number(offset, ops)
        return number if root is None else self._apply("add", root, number, ops)

    def _moved(self, split: Split, indices: list[Value], distance: Distance, ops: list[Op]) -> list[Value]:
        """Where a buffer has the values of the iteration at a distance from the indices."""
        found = []
        for d, (loop, index) in enumerate(zip(split.nest, indices, strict=True)):
            low = self.known.literal(loop.lo)
            shift = split.reach(d) - distance[d] - (low or 0)
            at = self._apply("add", index, self._number(shift, ops), ops) if shift else index
            found.append(at if low is not None else self._apply("sub", at, split.ranges[d][0], ops))
        return found

    def _add_up(self, split: Split, target: Target, ops: list[Op]) -> None:
        """One nest over all elements that are added to."""
        ranges = [self._range(*split.ranges[d], d, target, ops) for d in range(len(split.nest))]
        indices = [Value(INT, loop.index.name) for loop in split.nest]
        body: list[Op] = []
        total: Value | None = None
        for distance, op in target.terms:
            at = self._moved(split, indices, distance, body)
            term = Value(op.value.type, op.value.name)
            body.append(Load((split.buffers[op.value, target.rings], *at), (term,), (), (), self._src))
            total = term if total is None else self._apply("add", total, term, body, Value(term.type))
        assert total is not None
        element = [indices[a] if isinstance(a, int) else a for a in target.axes]
        body.append(Store((target.ref, *element, total), (), (), (True,), self._src))
        ops += self._loops(indices, ranges, body, ops)

    def _range(self, lo: Value, hi: Value, d: int, target: Target, ops: list[Op]) -> tuple[Value, Value]:
        """From the first place to the last."""
        if d in target.rings:
            return lo, hi
        first = min(distance[d] for distance, _ in target.terms)
        last = max(distance[d] for distance, _ in target.terms)
        low = self._apply("add", lo, self._number(first, ops), ops)
        end = self._apply("add", hi, self._number(last, ops), ops)
        if first != last:  # without iterations there is nothing between the first place and the last
            runs = self._apply("gt", hi, lo, ops, Value(BOOL))
            ops.append(Apply((runs, end, low), (Value(INT),), (), ("select",), self._src))
            end = ops[-1].out
        return low, end

    def _number(self, number: int, ops: list[Op]) -> Value:
        ops.append(Const((), (Value(INT),), (), (number,), self._src))
        return ops[-1].out

    def _apply(self, prim: str, a: Value, b: Value, ops: list[Op], out: Value | None = None) -> Value:
        ops.append(Apply((a, b), (out or Value(INT),), (), (prim,), self._src))
        return ops[-1].out
