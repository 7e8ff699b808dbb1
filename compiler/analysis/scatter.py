"""Nests that add to neighbouring elements of an array from several iterations, as adjoints of stencils do.

    for i in range(1, n - 1):
        for j in range(1, m - 1):
            u_bar[i - 1, j] += s          the places that a target is added to, by their distances from
            u_bar[i + 1, j] += s          the indices: (-1, 0), (1, 0), (0, -1)
            u_bar[i, j - 1] += s

Indices may also be those of neighbours on a ring (`analysis/ring.py`). What is found is split by
`transform/gather.py`.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from ..ir.nodes import For, Loop, Store, Value
from ..ir.walk import defined
from .dependence import ADD, Dependences

FEWEST = 8
"""Iterations of an innermost loop that are known to be fewer are left as they are."""

Distance = tuple[int, ...]
"""How far an element is from the indices of the loops of a nest."""

Kept = tuple[Value, frozenset[int]]
"""A value of all iterations, and the loops along which its buffer is a ring."""


@dataclass
class Target:
    """What a nest adds to one array: for each axis the number of a loop of the nest, or a fixed index.

    `rings` has the loops along which the places are neighbours on a ring.
    """

    ref: Value
    axes: tuple[int | Value, ...]
    key: tuple[object, ...]
    rings: frozenset[int]
    terms: list[tuple[Distance, Store]] = field(default_factory=list)


@dataclass
class Split:
    """A nest, what is taken out of it, and the buffers that it writes instead."""

    nest: tuple[For, ...]
    place: int
    targets: list[Target] = field(default_factory=list)
    ranges: list[tuple[Value, Value]] = field(default_factory=list)
    buffers: dict[Kept, Value] = field(default_factory=dict)

    @property
    def kept(self) -> list[Kept]:
        """What the buffers keep, in the order of the program."""
        terms = ((op.value, target.rings) for target in self.targets for _, op in target.terms)
        return list(dict.fromkeys(terms))

    def reach(self, d: int) -> int:
        """The most that two places of one target are apart along a loop, and 1 at least on a ring."""
        ways = [[distance[d] for distance, _ in target.terms] for target in self.targets]
        ring = any(d in target.rings for target in self.targets)
        return max(int(ring), *(max(way) - min(way) for way in ways))


class Scatters:
    """Decides what to split. `at` has the splits of each loop: those that start there."""

    def __init__(self, known: Dependences) -> None:
        self.known = known
        self.structure = known.memory.structure
        self.at: dict[int, list[Split]] = {}

    def plan(self, loop: For) -> None:
        """Splits for the arrays to which an innermost loop adds at more than one place."""
        if not is_innermost(loop, self.known):
            return
        chain = nest_of(loop, self.known)
        adds = [op for op in loop.body.ops if isinstance(op, Store) and op.accumulate]
        for ref in dict.fromkeys(op.array for op in adds):
            stores = [op for op in adds if op.array is ref]
            rows = self._taken((loop,), stores)
            if len({distance for _, distance in _places(rows)}) < 2 and not self._confused(chain, rows):
                continue
            for k in range(len(chain)):
                split = self._split(chain[k:], ref, stores, rows)
                if split is not None:
                    self._join(split)
                    break

    def _confused(self, chain: tuple[For, ...], rows: list[Target]) -> bool:
        """Whether LLVM takes two rows of an array for the same memory, which leaves the loop scalar.

        It compares what an innermost loop touches in all iterations of the loop around it, where the rows i
        and i + 1 meet. It need not compare where it sees that the loop ends within the row.
        """
        if len(chain) < 2 or not rows:
            return False
        array, around = rows[0].ref, chain[-2].index
        if self.known.existing.fits(chain[-1].hi, array, array.rank - 1):
            return False
        fixed = {tuple(around if isinstance(a, tuple) and a[0] is around else a for a in t.key) for t in rows}
        return len(fixed) < len(rows)

    def _split(
        self, nest: tuple[For, ...], ref: Value, stores: list[Store], rows: list[Target]
    ) -> Split | None:
        """How an array is gathered by a nest, if that is right and better than by a shorter nest."""
        place = self._place(nest)
        if place is None or not only_added(ref, nest[0], self.known):
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
        rings = self._rings(nest, stores)
        for op in stores:
            if op.array in inside:
                continue
            roots = [self.known.affine(i) for i in op.index]
            axes: list[int | Value] = []
            distance: dict[int, int] = {}
            for i in op.index:
                d, offset, on_ring = along(nest, i, self.known)
                if d is not None and d not in distance and (offset == 0 or on_ring == (d in rings)):
                    axes.append(d)
                    distance[d] = offset
                elif i not in inside:
                    axes.append(i)
            alongside = bool(axes) and axes[-1] == len(nest) - 1  # else the elements are far apart in memory
            if alongside and len(axes) == len(op.index) and len(distance) == len(nest):
                key = tuple(a if isinstance(a, int) else r for a, r in zip(axes, roots, strict=True))
                target = found.setdefault(key, Target(op.array, tuple(axes), key, rings))
                target.terms.append((tuple(distance[d] for d in range(len(nest))), op))
        return list(found.values())

    def _rings(self, nest: tuple[For, ...], stores: list[Store]) -> frozenset[int]:
        """The loops along which stores go to neighbours on a ring."""
        places = [along(nest, i, self.known) for op in stores for i in op.index]
        return frozenset(d for d, _, on_ring in places if on_ring and d is not None)

    def _kept(self, targets: list[Target]) -> tuple[object, Distance] | None:
        """A place whose values go nowhere else, so that without it there are fewer buffers.

        Neighbours on a ring are not kept: adding to them does not vectorise.
        """
        values: dict[tuple[object, Distance], list[Value]] = {}
        for target in targets:
            for distance, op in target.terms:
                values.setdefault((target.key, distance), []).append(op.value)
        terms = [(t, distance) for t in targets for distance, _ in t.terms]
        turning = {(t.key, distance) for t, distance in terms if any(distance[d] for d in t.rings)}
        for place, own in values.items():
            if place not in turning and not any(
                v in others for p, others in values.items() for v in own if p != place
            ):
                return place
        return None

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


def is_innermost(loop: For, known: Dependences) -> bool:
    """Whether a loop counts up by one, is worth a buffer, and has neither loops nor branches."""
    return _is_plain(loop, known) and is_long(loop, known) and not any(op.regions for op in loop.body.ops)


def _is_plain(loop: Loop, known: Dependences) -> bool:
    return isinstance(loop, For) and not loop.stops and known.literal(loop.step) == 1


def nest_of(loop: For, known: Dependences) -> tuple[For, ...]:
    """The loops around an innermost one that run one inside the other, outermost first, and itself."""
    chain, structure = [loop], known.memory.structure
    while True:
        owner = structure.owner.get(id(structure.region_of(chain[0])))
        if not isinstance(owner, For) or not _is_plain(owner, known):
            return tuple(chain)
        chain.insert(0, owner)


def along(nest: tuple[For, ...], index: Value, known: Dependences) -> tuple[int | None, int, bool]:
    """The loop of a nest that an index is along, how far from it, and whether on a ring."""
    root, offset = known.affine(index)
    near = known.neighbour(index)
    if near is not None:
        root, offset = near.loop.index, near.step
    found = next((d for d, loop in enumerate(nest) if loop.index is root), None)
    return (found if known.nonneg(index) else None), offset, near is not None


def only_added(ref: Value, loop: For, known: Dependences) -> bool:
    """Whether a loop neither reads nor sets what it adds to."""
    summary = known.summary(loop)
    added = all(x.kind == ADD or known.memory.apart(x.ref, ref) for x in summary.accesses)
    return added and not summary.opaque


def is_long(loop: For, known: Dependences) -> bool:
    """Whether a loop is worth a buffer: it is not known to have few iterations."""
    low, high = known.literal(loop.lo), known.literal(loop.hi)
    return low is None or high is None or high - low >= FEWEST


def _places(targets: list[Target]) -> list[tuple[object, Distance]]:
    return list(dict.fromkeys((target.key, distance) for target in targets for distance, _ in target.terms))
