"""Arrays that a loop makes anew in every iteration, instead of those of the iteration before.

    for t in range(steps):                 for t in range(steps):
        following = f(u)                       following = f(old, u)
        u = following                          old, u = u, following

The loop carries references to memory of earlier iterations, which it only reads. Such an array may as well
be a buffer that is written again, if all of them have one shape and nothing else leads to their memory.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from ..ir.nodes import (
    Alloc,
    Call,
    CallFn,
    Check,
    Function,
    If,
    ListSet,
    Loop,
    Op,
    Push,
    Region,
    Value,
    View,
    While,
)
from ..ir.types import Array, carries_derivative
from ..ir.walk import walk
from .inside import Facts, Inside
from .memory import Memory, Origins, is_reference
from .total import Sum


@dataclass(frozen=True)
class Rebound:
    """The places of what a loop carries of the last iteration's array, of the one before, and so on.

    `made` is the array of this iteration, which becomes the first. `owned` says for each place whether the
    loop is the only one who uses what it starts with.
    """

    loop: Loop
    places: tuple[int, ...]
    made: Value
    owned: tuple[bool, ...]


class Rebinding:
    """Finds the arrays that loops of a function rebind."""

    def __init__(self, fn: Function, *, distinct_params: bool = True) -> None:
        self._memory = Memory(fn, distinct_params=distinct_params)
        self._structure = self._memory.structure
        self._inside: Inside | None = None
        self._touching: list[Op] | None = None

    def first(self) -> Rebound | None:
        """One of an innermost loop, if there is any."""
        return next(self._of(self._memory.fn.body), None)

    def _of(self, region: Region) -> Iterator[Rebound]:
        for op in region.ops:
            for inner in op.regions:
                yield from self._of(inner)
            if isinstance(op, Loop):
                yield from self._carried(op)

    def _carried(self, loop: Loop) -> Iterator[Rebound]:
        for k, made in enumerate(loop.next):
            places = self._places(loop, k) if isinstance(made.type, Array) else ()
            if not places or not carries_derivative(made.type):
                continue
            if self._is_alone(loop, places, made) and self._has_one_shape(loop, places, made):
                yield Rebound(loop, places, made, tuple(self._is_owned(loop, j) for j in places))

    def _places(self, loop: Loop, first: int) -> tuple[int, ...]:
        """Where what is in one place goes from iteration to iteration, until nobody carries it on."""
        if loop.next[first] in loop.carried:
            return ()
        places = [first]
        while following := [j for j, v in enumerate(loop.next) if v is loop.carried[places[-1]]]:
            if len(following) > 1:
                return ()
            places += following
        return tuple(places)

    # -- memory
    def _is_alone(self, loop: Loop, places: tuple[int, ...], made: Value) -> bool:
        """Whether the loop only reads what it carries, and nothing but the places leads to what it makes."""
        origins = self._memory.origins(made)
        if not origins or not all(self._is_made_in(origin, loop) for origin in origins):
            return False
        old = _aliases(loop.regions, self._carried_values(loop, places))
        new = _aliases(loop.regions, origins)
        if _are_listed(loop.regions, old | new):
            return False
        yields = [v for v in loop.next if v in old or v in new]
        if yields.count(made) != 1 or len(yields) != len(places):
            return False
        shared = frozenset().union(*(self._memory.origins(loop.carried[j]) for j in places))
        owned = all(self._is_owned(loop, j) for j in places)
        for op in self._writers(shared):
            at = self._structure.region_of(op)
            inside = any(self._structure.contains(region, at) for region in loop.regions)
            if not inside and not owned and self._memory.may_follow(op, loop, shared):
                return False
            touched = (a for a in _written(op) if not self._memory.origins(a).isdisjoint(shared))
            if inside and any(a not in new or a in old for a in touched):
                return False
        return True

    def _writers(self, origins: Origins) -> list[Op]:
        """The ops that may write to memory; called functions may write to all that they are given."""
        if self._touching is None:
            self._touching = [op for op in walk(self._memory.fn.body) if op.writes or isinstance(op, CallFn)]
        return [
            op
            for op in self._touching
            if any(not self._memory.origins(a).isdisjoint(origins) for a in _written(op))
        ]

    def _carried_values(self, loop: Loop, places: tuple[int, ...]) -> list[Value]:
        found = [loop.carried[j] for j in places]
        if isinstance(loop, While):
            found += [loop.cond.params[j] for j in places]
        return found

    def _is_made_in(self, origin: Value, loop: Loop) -> bool:
        made = isinstance(self._structure.definition.get(origin), Alloc | Call | CallFn)
        return made and self._structure.contains(loop.body, self._structure.home[origin])

    def _is_owned(self, loop: Loop, place: int) -> bool:
        """Whether a loop starts with an array that was made beside it, for it alone."""
        init = loop.inits[place]
        region = self._structure.region_of(loop)
        if not isinstance(self._structure.definition.get(init), Alloc) or init not in self._made_in(region):
            return False
        aliases = _aliases((region,), [init], without=loop)
        after = region.ops[self._structure.position(loop) + 1 :]
        uses = [*loop.inits, *region.yields, *_reads(loop.regions), *_reads((Region((), after),))]
        return sum(v in aliases for v in uses) == 1 and not _are_listed((region,), aliases)

    def _made_in(self, region: Region) -> set[Value]:
        return {out for op in region.ops for out in op.outs}

    # -- lengths
    def _has_one_shape(self, loop: Loop, places: tuple[int, ...], made: Value) -> bool:
        if any(loop.inits[j].type != made.type for j in places):
            return False
        self._inside = known = self._inside or Inside(self._memory.fn.body)
        facts = self._facts(made, known)

        def lengths(array: Value) -> list[Sum]:
            return [facts.same_as(known.lengths.of(array, axis)) for axis in range(array.rank)]

        return all(lengths(loop.inits[j]) == lengths(made) for j in places)

    def _facts(self, made: Value, known: Inside) -> Facts:
        """What the checks say that have passed where an array is made."""
        facts = Facts([], {})
        for region, position in self._structure.path(self._structure.definition[made]):
            for op in region.ops[:position]:
                if isinstance(op, Check):
                    known.learn(op.args[0], facts)
        return facts


def _aliases(regions: Iterable[Region], of: Iterable[Value], without: Loop | None = None) -> set[Value]:
    """References inside of regions that may lead to the memory of others."""
    found = set(of)
    ops = [op for region in regions for op in walk(region) if op is not without]
    size = -1
    while size != len(found):
        size = len(found)
        for op in ops:
            found.update(target for target, sources in _flows(op) if not found.isdisjoint(sources))
    return found


def _flows(op: Op) -> Iterator[tuple[Value, tuple[Value, ...]]]:
    """References that an op gives, and what they may be."""
    if isinstance(op, View):
        yield op.out, (op.array,)
    elif isinstance(op, If):
        yield from zip(op.outs, zip(op.then.yields, op.orelse.yields, strict=True), strict=True)
    elif isinstance(op, Loop):
        params = zip(*(r.params[len(r.params) - len(op.inits) :] for r in op.regions), strict=True)
        for init, following, out, inner in zip(op.inits, op.next, op.outs, params, strict=False):
            if is_reference(init):
                yield from ((target, (init, following)) for target in (out, *inner))


def _are_listed(regions: Iterable[Region], values: set[Value]) -> bool:
    ops = (op for region in regions for op in walk(region))
    return any(isinstance(op, Push | ListSet) and op.args[-1] in values for op in ops)


def _written(op: Op) -> Iterable[Value]:
    """References to memory that an op may write."""
    return op.args[:1] if op.writes else filter(is_reference, op.args)


def _reads(regions: Iterable[Region]) -> Iterator[Value]:
    for region in regions:
        for op in region.ops:
            yield from op.args
            yield from _reads(op.regions)
        yield from region.yields
