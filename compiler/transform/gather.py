"""Loop nests that scatter into neighbouring elements gather instead, which vectorises.

    for i in range(1, n - 1):                    s_near = zeros(n + 2, m + 2)
        for j in range(1, m - 1):                for i in range(1, n - 1):
            s = k * v_bar[i, j]                      for j in range(1, m - 1):
            u_bar[i - 1, j] += s          →              s_near[i + 1, j + 1] = k * v_bar[i, j]
            u_bar[i + 1, j] += s                 for i in range(0, n):
            u_bar[i, j - 1] += s                     for j in range(1, m - 1):
                                                         u_bar[i, j] += s_near[i, j + 1] + …

The adjoint of a stencil adds to an element from several iterations. What an innermost loop adds to one array
at several places is first written to a buffer, with zeros around it; then one nest adds it up. The nest has
those loops along which the places differ: where they differ along the innermost only, or are two, the buffer
is a row. A place whose values nothing else needs stays in the first nest. Needs and gives verified IR; sums
are added up in another order.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from ..analysis.dependence import ADD, Dependences
from ..errors import Src
from ..ir.nodes import Alloc, Apply, Const, For, Function, Load, Loop, Op, Region, Store, Value
from ..ir.types import BOOL, INT, Array
from ..ir.walk import defined, walk

FEWEST = 8
"""Iterations of an innermost loop that are known to be fewer are left as they are."""

Distance = tuple[int, ...]
"""How far an element is from the indices of the loops of a nest."""


@dataclass
class Target:
    """What a nest adds to one array: for each axis the number of a loop of the nest, or a fixed index."""

    ref: Value
    axes: tuple[int | Value, ...]
    key: tuple[object, ...]
    terms: list[tuple[Distance, Store]] = field(default_factory=list)


@dataclass
class Split:
    """A nest, what is taken out of it, and the buffers that it writes instead."""

    nest: tuple[For, ...]
    place: int
    targets: list[Target] = field(default_factory=list)
    ranges: list[tuple[Value, Value]] = field(default_factory=list)
    buffers: dict[Value, Value] = field(default_factory=dict)

    @property
    def values(self) -> list[Value]:
        """What the buffers keep, in the order of the program."""
        return list(dict.fromkeys(op.value for target in self.targets for _, op in target.terms))

    def reach(self, d: int) -> int:
        """The most that two places of one target are apart along a loop."""
        ways = [[distance[d] for distance, _ in target.terms] for target in self.targets]
        return max(max(way) - min(way) for way in ways)


def gather(
    fn: Function, *, distinct_params: bool = True, reassociate: bool = True, visible: bool = True
) -> Function:
    """Split nests that add to several elements of an array; the function itself where there are none."""
    if not reassociate or not any(isinstance(op, Store) and op.accumulate for op in walk(fn.body)):
        return fn
    planner = _Planner(Dependences(fn, distinct_params=distinct_params, reassociate=True, visible=visible))
    for op in walk(fn.body):
        if isinstance(op, For):
            planner.plan(op)
    return Function(fn.name, _Splitter(planner).region(fn.body)) if planner.at else fn


class _Planner:
    """Decides what to split. `at` has the splits of each loop: those that start there."""

    def __init__(self, known: Dependences) -> None:
        self.known = known
        self.structure = known.memory.structure
        self.at: dict[int, list[Split]] = {}

    def plan(self, loop: For) -> None:
        """Splits for the arrays to which an innermost loop adds at more than one place."""
        if not self._innermost(loop):
            return
        chain = self._chain(loop)
        adds = [op for op in loop.body.ops if isinstance(op, Store) and op.accumulate]
        for ref in dict.fromkeys(op.array for op in adds):
            stores = [op for op in adds if op.array is ref]
            rows = self._taken((loop,), stores)
            if len({distance for _, distance in _places(rows)}) < 2:
                continue
            for k in range(len(chain)):
                split = self._split(chain[k:], ref, stores, rows)
                if split is not None:
                    self._join(split)
                    break

    def _innermost(self, loop: For) -> bool:
        low, high = self.known.literal(loop.lo), self.known.literal(loop.hi)
        few = low is not None and high is not None and high - low < FEWEST
        return self._plain(loop) and not few and not any(op.regions for op in loop.body.ops)

    def _plain(self, loop: Loop) -> bool:
        return isinstance(loop, For) and not loop.stops and self.known.literal(loop.step) == 1

    def _chain(self, loop: For) -> tuple[For, ...]:
        """The loops around an innermost one that run one inside the other, outermost first."""
        chain = [loop]
        while True:
            owner = self.structure.owner.get(id(self.structure.region_of(chain[0])))
            if not isinstance(owner, For) or not self._plain(owner):
                return tuple(chain)
            chain.insert(0, owner)

    def _split(
        self, nest: tuple[For, ...], ref: Value, stores: list[Store], rows: list[Target]
    ) -> Split | None:
        """How an array is gathered by a nest, if that is right and better than by a shorter nest."""
        place = self._place(nest)
        if place is None or not self._only_added(ref, nest[0]):
            return None
        targets = self._taken(nest, stores)
        if sum(len(t.terms) for t in targets) < sum(len(t.terms) for t in rows):
            return None
        kept = self._kept(targets)
        places = [p for p in _places(targets) if p != kept]
        if len(nest) > 1 and (len(targets) > 1 or len(places) < 2 or len({d[0] for _, d in places}) < 2):
            return None
        for target in targets:
            target.terms = [(d, op) for d, op in target.terms if (target.key, d) != kept]
        return Split(nest, place, [target for target in targets if target.terms])

    def _taken(self, nest: tuple[For, ...], stores: list[Store]) -> list[Target]:
        """The additions to elements at fixed distances from the indices of a nest."""
        inside = defined(nest[0].body)
        found: dict[tuple[object, ...], Target] = {}
        for op in stores:
            if op.array in inside:
                continue
            roots = [self.known.affine(i) for i in op.index]
            axes: list[int | Value] = []
            distance: dict[int, int] = {}
            for i, (root, offset) in zip(op.index, roots, strict=True):
                d = next((d for d, loop in enumerate(nest) if loop.index is root), None)
                if d is not None and d not in distance and self.known.nonneg(i):
                    axes.append(d)
                    distance[d] = offset
                elif i not in inside:
                    axes.append(i)
            alongside = bool(axes) and axes[-1] == len(nest) - 1  # else the elements are far apart in memory
            if alongside and len(axes) == len(op.index) and len(distance) == len(nest):
                key = tuple(a if isinstance(a, int) else r for a, r in zip(axes, roots, strict=True))
                target = found.setdefault(key, Target(op.array, tuple(axes), key))
                target.terms.append((tuple(distance[d] for d in range(len(nest))), op))
        return list(found.values())

    def _kept(self, targets: list[Target]) -> tuple[object, Distance] | None:
        """A place whose values go nowhere else, so that without it there are fewer buffers."""
        values: dict[tuple[object, Distance], list[Value]] = {}
        for target in targets:
            for distance, op in target.terms:
                values.setdefault((target.key, distance), []).append(op.value)
        for place, own in values.items():
            if not any(v in others for p, others in values.items() for v in own if p != place):
                return place
        return None

    def _only_added(self, ref: Value, loop: For) -> bool:
        """Whether a loop neither reads nor sets what it adds to."""
        summary = self.known.summary(loop)
        added = all(x.kind == ADD or self.known.memory.apart(x.ref, ref) for x in summary.accesses)
        return added and not summary.opaque

    def _place(self, nest: tuple[For, ...]) -> int | None:
        """The outermost region in which buffers can be made: outside of the next loop, if there is one."""
        around = [region for region, _ in self.structure.path(nest[0])]
        bounds = [self.known.affine(v)[0] for loop in nest for v in (loop.lo, loop.hi)]
        homes = [self.structure.home.get(root) for root in bounds if root is not None]
        if any(home not in around for home in homes):
            return None
        depth = max((around.index(home) for home in homes if home is not None), default=0)
        inner = [k for k, r in enumerate(around) if isinstance(self.structure.owner.get(id(r)), Loop)]
        return None if inner and depth >= inner[-1] else depth

    def _join(self, split: Split) -> None:
        """Splits of one nest share its buffers."""
        splits = self.at.setdefault(id(split.nest[0]), [])
        for other in splits:
            if other.nest == split.nest:
                other.targets += split.targets
                return
        splits.append(split)


def _places(targets: list[Target]) -> list[tuple[object, Distance]]:
    return list(dict.fromkeys((target.key, distance) for target in targets for distance, _ in target.terms))


class _Splitter:
    """Rebuilds a function with its nests split."""

    def __init__(self, plan: _Planner) -> None:
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
                split.buffers = {v: self._buffer(split, v, outside) for v in split.values}
            if op.regions:
                op = op.rebuild(regions=tuple(self.region(r) for r in op.regions))
            ops.append(op)
            for split in splits:
                self._src = op.src
                for target in split.targets:
                    self._add_up(split, target, ops)
        for split in self._writes.get(id(region), ()):
            self._src = split.nest[-1].src
            indices = [loop.index for loop in split.nest]
            at = self._moved(split, indices, (0,) * len(indices), ops)
            for value, buffer in split.buffers.items():
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
            body.append(Load((split.buffers[op.value], *at), (term,), (), (), self._src))
            total = term if total is None else self._apply("add", total, term, body, Value(term.type))
        assert total is not None
        element = [indices[a] if isinstance(a, int) else a for a in target.axes]
        body.append(Store((target.ref, *element, total), (), (), (True,), self._src))
        one = self._number(1, ops)
        for index, (low, end) in zip(indices[::-1], ranges[::-1], strict=True):
            body = [For((low, end, one), (), (Region((index,), body),), (False, False, 0), self._src)]
        ops += body

    def _range(self, lo: Value, hi: Value, d: int, target: Target, ops: list[Op]) -> tuple[Value, Value]:
        """From the first place to the last."""
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
