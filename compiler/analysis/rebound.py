"""Arrays that a loop replaces by a fresh one in each iteration, such as `u = new` at the end of a time step.

    for t in range(steps):
        new = empty(n)            an iteration reads `u` and writes `new`; then nobody sees what `u` was,
        …                         so two buffers could do for all of them, exchanged as in `u, new = new, u`
        u = new

Several arrays may move up, as in `before, u = u, new`: nobody sees what `before` was, and it takes three.
"""

from __future__ import annotations

from dataclasses import dataclass

from ..ir.nodes import (
    Alloc,
    Call,
    CallFn,
    Dim,
    Function,
    Load,
    Loop,
    Op,
    Print,
    Region,
    Store,
    Value,
    View,
)
from ..ir.walk import regions, walk
from .inside import Inside
from .structure import Structure


@dataclass(frozen=True)
class Rebound:
    """What is made in an iteration, and the carried places it moves through, in turn."""

    made: Alloc
    places: tuple[int, ...]


class Rebinding:
    """Finds such arrays in one function body."""

    def __init__(self, fn: Function, structure: Structure) -> None:
        self._structure = structure
        self._lengths = Inside(fn.body).lengths
        self._users: dict[Value, list[Op]] = {}
        self._yielded: dict[Value, list[Region]] = {}
        for op in walk(fn.body):
            for arg in dict.fromkeys(op.args):
                self._users.setdefault(arg, []).append(op)
        for region in regions(fn.body):
            for value in region.yields:
                self._yielded.setdefault(value, []).append(region)

    def of(self, loop: Loop) -> list[Rebound]:
        """The arrays that a loop replaces, if nothing else leads to the memory of those before."""
        found = []
        for op in loop.body.ops:
            if isinstance(op, Alloc) and op.out in loop.next:
                moves = Rebound(op, self._places(loop, op.out))
                if self._alone(loop, moves):
                    found.append(moves)
        return found

    def _places(self, loop: Loop, value: Value) -> tuple[int, ...]:
        """The places that a value moves through, until it is in none."""
        places: list[int] = []
        while value in loop.next and loop.next.index(value) not in places:
            places.append(loop.next.index(value))
            value = loop.carried[places[-1]]
        return tuple(places)

    def _alone(self, loop: Loop, moves: Rebound) -> bool:
        """Whether the arrays are alike, and nothing but the places leads to them from an iteration on."""
        made = moves.made.out
        inits = [loop.inits[k] for k in moves.places]
        inner = [made, *(loop.carried[k] for k in moves.places)]
        return (
            all(self._alike(init, made) and loop.inits.count(init) == 1 for init in inits)
            and all(self._stays(ref, loop) for ref in inner)
            and all(self._ends(init, loop) for init in inits)
        )

    def _alike(self, a: Value, b: Value) -> bool:
        same = (self._lengths.of(a, axis) == self._lengths.of(b, axis) for axis in range(a.rank))
        return a.type == b.type and all(same)

    def _stays(self, ref: Value, loop: Loop) -> bool:
        """Whether a reference of an iteration leads nowhere but to the next one, once at most."""
        for known in self._views(ref):
            regions_ = self._yielded.get(known, [])
            if any(region is not loop.body for region in regions_) or not self._only_seen(known):
                return False
            if loop.body.yields.count(known) > (known is ref):
                return False
        return True

    def _ends(self, init: Value, loop: Loop) -> bool:
        """Whether an array is made beside the loop, for it: only what comes before it uses the array."""
        region = self._structure.region_of(loop)
        made = self._structure.definition.get(init)
        is_param = made is None and region is self._structure.body
        if self._structure.home[init] is not region or not (is_param or isinstance(made, Alloc)):
            return False
        start = self._structure.position(loop)
        for known in self._views(init):
            users = [op for op in self._users.get(known, ()) if op is not loop and not isinstance(op, Dim)]
            if known in self._yielded or not self._only_seen(known, loop if known is init else None):
                return False
            if any(self._structure.common(op, loop)[1] >= start for op in users):
                return False
        return True

    def _views(self, ref: Value) -> list[Value]:
        """A reference and the views of it."""
        found = [ref]
        for known in found:
            found += [op.out for op in self._users.get(known, ()) if isinstance(op, View)]
        return found

    def _only_seen(self, ref: Value, but: Loop | None = None) -> bool:
        """Whether no op, but for one loop, gives the memory of a reference another name than a view."""
        seen = (Load, Store, View, Dim, Call, CallFn, Print)
        return all(op is but or isinstance(op, seen) for op in self._users.get(ref, ()))
