"""Sums over a periodic stencil that are the adjoint of what it is multiplied by.

    s = u[left] + u[right] - 2.0 * u[j]    a stencil: elements at the places of a spread, and a rest
    k_bar[0] += y_bar * s                  its sum, times the factor of the spread
    t = y_bar * k
    u_bar[left] += t                       a spread: places, each once per iteration, and a factor, y_bar
    u_bar[right] += t

`transform/by_parts.py` rewrites what is found.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TypeGuard

from ..ir.nodes import Apply, Const, For, Function, Load, Op, Region, Store, Value
from ..ir.walk import defined, regions, use_counts, walk
from .dependence import READ, Dependences
from .scatter import along, is_innermost, nest_of, only_added

MOST_FACTORS = 8
Axes = tuple[int | Value, ...]
"""For each axis of an array the number of a loop of the nest, or an index that the nest does not change."""
Place = tuple[Value, ...]
"""Along each loop of the nest its index, or a neighbour of it on its ring."""


@dataclass(frozen=True)
class Factors:
    """A product of values that differ between iterations, and of others that only `scale` it, by "mul" or
    "div".
    """

    sign: int = 1
    moving: tuple[Value, ...] = ()
    scale: tuple[tuple[str, Value], ...] = ()

    def times(self, other: Factors) -> Factors:
        """The product of two."""
        return Factors(self.sign * other.sign, self.moving + other.moving, self.scale + other.scale)


@dataclass(eq=False)
class Way:
    """How a stencil gets into a sum: what it is multiplied by, and the sum, an element or something that the
    nest carries.

    `first` has the ops that only multiply it, `joint` the op that adds that to something else.
    """

    factors: Factors = Factors()
    first: list[Apply] = field(default_factory=list)
    joint: Op | None = None
    to: Store | int = 0


@dataclass(eq=False)
class Stencil:
    """A sum of elements at the places of a spread, with the sign that they have there or the other.

    `rest` has the other terms, with their signs.
    """

    root: Apply
    array: Value
    axes: Axes
    sign: int
    rest: list[tuple[int, Value]]
    way: Way


@dataclass(eq=False)
class Spread:
    """What a nest adds to an array at several places, the same but for the sign."""

    nest: tuple[For, ...]
    array: Value
    axes: Axes
    factors: Factors
    places: dict[Place, int] = field(default_factory=dict)
    stores: list[Store] = field(default_factory=list)
    stencils: list[Stencil] = field(default_factory=list)

    @property
    def carried(self) -> list[int]:
        """Where the nest carries sums of the stencils."""
        return list(dict.fromkeys(s.way.to for s in self.stencils if isinstance(s.way.to, int)))


def spreads(fn: Function, known: Dependences) -> list[Spread]:
    """The spreads of a function that have stencils, in the order of the program."""
    uses = use_counts(fn.body)
    loops = [op for op in walk(fn.body) if isinstance(op, For) and spreading(op) and is_innermost(op, known)]
    return [spread for loop in loops for spread in _in_loop(loop, known, uses)]


def spreading(loop: For) -> list[Store]:
    """What a loop adds to arrays, if it adds to one of them at several places."""
    adds = [op for op in loop.body.ops if isinstance(op, Store) and op.accumulate]
    return adds if len({op.array for op in adds}) < len(adds) else []


def _in_loop(loop: For, known: Dependences, uses: dict[Value, int]) -> list[Spread]:
    """The spreads of an innermost loop, in the largest nest that has some."""
    adds, chain = spreading(loop), nest_of(loop, known)
    found = (_Finder(chain[k:], known, uses).found(adds) for k in range(len(chain)))
    return next(filter(None, found), [])


class _Finder:
    """Looks at one nest."""

    def __init__(self, nest: tuple[For, ...], known: Dependences, uses: dict[Value, int]) -> None:
        self.nest = nest
        self.known = known
        self.uses = uses
        self.inside = defined(nest[0].body)
        self.users: dict[Value, Op | Region] = {}
        self.fixed: dict[Value, bool] = {}
        self.products: dict[Value, Factors] = {}

    def found(self, adds: list[Store]) -> list[Spread]:
        """The spreads that have stencils."""
        if any(self.known.literal(loop.lo) != 0 or loop.hi in self.inside for loop in self.nest):
            return []
        spreads = self._spreads(adds)
        for region in regions(self.nest[0].body):
            self.users.update((arg, op) for op in region.ops for arg in op.args)
            self.users.update((value, region) for value in region.yields)
        joints: set[int] = set()
        for op in self.nest[-1].body.ops:
            if _is_addition(op) and self.uses[op.out] == 1 and not _is_addition(self.users[op.out]):
                self._match(op, spreads, joints)
        return [spread for spread in spreads if spread.stencils]

    # -- what is added to neighbours
    def _spreads(self, adds: list[Store]) -> list[Spread]:
        found: dict[object, Spread] = {}
        for op in adds:
            place, factors = self._place(op.index), self._factors(op.value)
            if place is None or not factors.moving or op.array in self.inside:
                continue
            axes, moved = place
            key = (op.array, axes, frozenset(Counter(factors.moving).items()), factors.scale)
            spread = found.setdefault(
                key, Spread(self.nest, op.array, axes, Factors(1, factors.moving, factors.scale))
            )
            if moved not in spread.places:
                spread.places[moved] = factors.sign
                spread.stores.append(op)
        return [
            spread
            for spread in found.values()
            if len(spread.places) > 1 and only_added(spread.array, self.nest[0], self.known)
        ]

    def _place(self, index: tuple[Value, ...]) -> tuple[Axes, Place] | None:
        """An element that is another in every iteration, so that all iterations come to all elements."""
        axes: list[int | Value] = []
        moved: dict[int, Value] = {}
        for i in index:
            d, offset, on_ring = along(self.nest, i, self.known)
            if d is not None and d not in moved and (on_ring or offset == 0):
                axes.append(d)
                moved[d] = i
            elif i not in self.inside:
                axes.append(i)
            else:
                return None
        complete = len(moved) == len(self.nest)
        return (tuple(axes), tuple(moved[d] for d in sorted(moved))) if complete else None

    def _factors(self, value: Value) -> Factors:
        """A value as a product."""
        if value not in self.products:
            found = self._product(value)
            short = len(found.moving) + len(found.scale) <= MOST_FACTORS
            self.products[value] = found if short else Factors(moving=(value,))
        return self.products[value]

    def _product(self, value: Value) -> Factors:
        op = self.known.definition.get(value)
        if self._is_fixed(value):
            return Factors(scale=(("mul", value),))
        if isinstance(op, Apply) and op.prim == "neg":
            return Factors(-1).times(self._factors(op.args[0]))
        if isinstance(op, Apply) and op.prim == "mul":
            return self._factors(op.args[0]).times(self._factors(op.args[1]))
        if isinstance(op, Apply) and op.prim == "div" and self._is_fixed(op.args[1]):
            return self._factors(op.args[0]).times(Factors(scale=(("div", op.args[1]),)))
        return Factors(moving=(value,))

    def _is_fixed(self, value: Value) -> bool:
        """Whether a value is the same in all iterations, and can be had after them."""
        if value not in self.inside:
            return True
        if value not in self.fixed:
            op = self.known.definition.get(value)
            fixed = isinstance(op, Const | Load | Apply) and all(map(self._is_fixed, op.args))
            self.fixed[value] = fixed and (not isinstance(op, Load) or self._is_only_read(op.array))
        return self.fixed[value]

    def _is_only_read(self, array: Value) -> bool:
        summary = self.known.summary(self.nest[0])
        written = (x.ref for x in summary.accesses if x.kind != READ)
        return not summary.opaque and all(self.known.memory.apart(ref, array) for ref in written)

    # -- stencils
    def _match(self, root: Apply, spreads: list[Spread], joints: set[int]) -> None:
        """Give a sum of elements to the spread that has its places and its factors."""
        terms = list(self._terms(root, 1))
        reads: dict[tuple[Value, Axes], dict[Place, tuple[int, Value]]] = {}
        for sign, value in terms:
            op = self.known.definition.get(value)
            if isinstance(op, Load) and self.uses[value] == 1 and self._is_only_read(op.array):
                place = self._place(op.index)
                if place is not None and op.array not in self.inside:
                    reads.setdefault((op.array, place[0]), {})[place[1]] = sign, value
        way = self._way(root) if reads else None
        if way is None or way.joint is None:
            return
        for spread in spreads:
            if Counter(spread.factors.moving) != Counter(way.factors.moving):
                continue
            for (array, axes), places in reads.items():
                signs = {places[p][0] * s if p in places else 0 for p, s in spread.places.items()}
                if len(signs) > 1 or 0 in signs or root.out.dtype != spread.array.dtype:
                    continue
                taken = {places[p][1] for p in spread.places}
                rest = [(sign, value) for sign, value in terms if value not in taken]
                if rest or id(way.joint) not in joints:
                    joints.update(() if rest else (id(way.joint),))
                    spread.stencils.append(Stencil(root, array, axes, signs.pop(), rest, way))
                    return

    def _terms(self, op: Apply, sign: int) -> Iterator[tuple[int, Value]]:
        """The terms of a sum, with their signs; parts that something else needs too are one term."""
        for k, arg in enumerate(op.args):
            own = -sign if k and op.prim == "sub" else sign
            part = self.known.definition.get(arg)
            if _is_addition(part) and self.uses[arg] == 1 and arg in self.inside:
                yield from self._terms(part, own)
            else:
                yield own, arg

    def _way(self, root: Apply) -> Way | None:
        """Where a value is added up, if it goes nowhere else and is only multiplied and added to."""
        way, value, level = Way(), root.out, len(self.nest) - 1
        while self.uses[value] == 1:
            user, loop = self.users[value], self.nest[level]
            if isinstance(user, Region):
                if user is not loop.body:
                    return None
                way.to = k = user.yields.index(value)
                if not self.known.is_sum(loop.body, loop.carried[k], loop.next[k]):
                    return None
                if level == 0:
                    return way
                value, level = loop.outs[k], level - 1
                continue
            if self.known.memory.structure.region_of(user) is not loop.body:
                return None
            if isinstance(user, Store):
                way.joint, way.to = way.joint or user, user
                return way if self._is_sum(user, value) else None
            factors = self._step(user, value)
            if factors is None or not isinstance(user, Apply):
                return None
            way.factors = way.factors.times(factors)
            if _is_addition(user):
                way.joint = way.joint or user
            elif way.joint is None:
                way.first.append(user)
            value = user.out
        return None

    def _step(self, user: Op, value: Value) -> Factors | None:
        """What an op on the way multiplies a value by."""
        if not isinstance(user, Apply):
            return None
        if user.prim in ("add", "sub", "neg"):
            return Factors(-1 if user.prim == "neg" or (user.prim == "sub" and user.args[1] is value) else 1)
        if user.prim == "mul":
            return self._factors(user.args[1] if user.args[0] is value else user.args[0])
        if user.prim == "div" and user.args[0] is value and self._is_fixed(user.args[1]):
            return Factors(scale=(("div", user.args[1]),))
        return None

    def _is_sum(self, store: Store, value: Value) -> bool:
        """Whether a store adds a value to an element that the nest only adds to."""
        if not store.accumulate or store.value is not value or store.array in self.inside:
            return False
        return all(map(self._is_fixed, store.index)) and only_added(store.array, self.nest[0], self.known)


def _is_addition(op: Op | Region | None) -> TypeGuard[Apply]:
    return isinstance(op, Apply) and op.prim in ("add", "sub")
