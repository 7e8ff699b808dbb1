"""The forward sweep: the primal program plus what the reverse sweep asked to have saved.

for i in range(n):                 t_saved = empty(n)
    t = exp(x[i])             →    for i in range(n):
    s = s + t * t                      t = exp(x[i]);  t_saved[i] = t
                                       s = s + t * t
"""

from __future__ import annotations

from collections.abc import Collection

from ..analysis.lengths import Length
from ..ir.build import Builder
from ..ir.nodes import Alloc, Dim, For, If, ListLen, Op, Region, Value, View
from ..ir.types import List
from ..ir.walk import walk
from ..prims.counting import iteration, trip_count
from ..prims.libcall import fill
from ..prims.prim import emit
from .custom import Ruled
from .elements import for_elements
from .recover import Frame, Recover, Slot
from .room import longest
from .versions import Version


class Forward:
    """Inserts tapes, saves, snapshots, trip counts and exported branch values into the primal body.

    Ops of the top level in `without` are left out. Tapes are made in the outermost of the frames `around` a
    fused loop in which their lengths are known.
    """

    def __init__(self, recover: Recover, without: Collection[Op] = (), around: Frame | None = None) -> None:
        self._recover = recover
        self._without = {id(op) for op in without}
        self._around = around
        self._before: dict[int, list[Version]] = {}
        self._after: dict[int, list[Version]] = {}
        for version in recover.snapshots:
            place = self._after if version.ref in version.at.outs else self._before
            place.setdefault(id(version.at), []).append(version)
        self._exported: dict[int, list[tuple[Value, Value]]] = {}

    def run(self, b: Builder) -> None:
        """Append the forward sweep to `b`."""
        self._ops(self._recover.body, b, top=True)

    def _ops(self, region: Region, b: Builder, *, top: bool = False) -> None:
        for param in region.params:
            self._save(param, b)
        for op in region.ops:
            if id(op) in self._without:
                continue
            b.src = op.src
            if top and op.regions:
                self._tapes(op, b)
            for version in self._before.get(id(op), ()):
                self._snapshot(version, b)
            outs = self._op(op, b)
            for out in outs:
                self._save(out, b)
            for version in self._after.get(id(op), ()):
                self._snapshot(version, b)
        for list_, length in self._recover.lengths.items():
            if self._recover.home(list_) is region:
                b.add(ListLen((list_,), (length,), (), (), b.src))
                self._save(length, b)

    def _op(self, op: Op, b: Builder) -> tuple[Value, ...]:
        if not op.regions:
            self._plain(op.plain() if isinstance(op, Ruled) else op, b)
            return op.outs
        regions, exports = [], []
        for inner in op.regions:
            b.open(inner.params)
            self._ops(inner, b)
            regions.append(b.close(inner.yields))
            exports.append(self._exports(inner))
        outs = op.outs
        if isinstance(op, If):
            outs += self._export(op, regions, exports)
        if id(op) in self._recover.counts:
            outs += (self._recover.counts[id(op)],)
        new = op.rebuild(outs=outs, regions=tuple(regions))
        if isinstance(new, For):
            new.attrs = (new.stops, False, 0)
        b.add(new)
        return outs

    def _plain(self, op: Op, b: Builder) -> None:
        """An op without regions; arrays that it makes in rows of tapes are those rows."""
        slots = self._recover.slots
        rows = {out: slots[out] for out in op.outs if out in slots and slots[out].is_row}
        made = {out: Value(out.type, out.name) for out in rows}
        if not rows:
            b.add(op)
        elif not isinstance(op, Alloc):
            b.add(op.rebuild(outs=tuple(made.get(out, out) for out in op.outs)))
        for row, slot in rows.items():
            index = self._iterations(slot, b)
            spec = ("i",) * len(index) + (":",) * row.rank
            b.add(View((slot.ref, *index), (row,), (), ("slice", spec), b.src))
            if not isinstance(op, Alloc):
                fill(b, row, made[row])
            elif op.fill == "zeros":
                fill(b, row, None)

    # -- tapes
    def _tapes(self, op: Op, b: Builder) -> None:
        """Allocate the tapes of everything saved inside a top-level op, before it."""
        inside = {id(inner) for inner in walk(Region(ops=[op]))}
        for slot in self._recover.slots.values():
            if id(slot.loops[0]) in inside and id(op) in (id(slot.loops[0]), *self._owners(slot)):
                self._tape(slot, b)

    def _owners(self, slot: Slot) -> list[int]:
        structure = self._recover.structure
        owner = structure.owner[id(structure.region_of(slot.loops[0]))]
        found = []
        while owner is not None:
            found.append(id(owner))
            owner = structure.owner[id(structure.region_of(owner))]
        return found

    def _tape(self, slot: Slot, b: Builder) -> None:
        ends = slot.ends
        bounds = [v for loop in slot.loops if loop not in ends for v in loop.args[:3]]
        bounds += [base for pair in ends.values() for end in pair for base in end.bases]
        bounds += [n if isinstance(n, Value) else n[0] for n in slot.lengths]
        b = self._place([] if slot.is_list else bounds, b)
        if slot.is_list:
            assert isinstance(slot.ref.type, List)
            made = b.list_new(slot.ref.type.elem, slot.ref.name)
        else:
            counts = [
                longest(b, ends[loop])
                if loop in ends
                else trip_count(b, *(self._top(v, b) for v in loop.args[:3]))
                for loop in slot.loops
            ]
            counts += [self._length(n, b) for n in slot.lengths]
            made = b.alloc(counts, slot.ref.dtype, "empty", slot.ref.name)
        b.region.ops[-1].outs = (slot.ref,)
        b.defs[slot.ref] = b.defs.pop(made)

    def _length(self, length: Length, b: Builder) -> Value:
        """A length of rows, which is a negative number at most in a loop without iterations."""
        if not isinstance(length, Value):
            return b.dim(*length)
        number = self._top(length, b)
        return number if isinstance(b.defs.get(number), Dim) else emit(b, "pymax", number, b.int(0))

    def _place(self, needed: list[Value], b: Builder) -> Builder:
        """Where something can be made that needs some values."""
        homes = [self._recover.home(v) for v in needed if self._recover.present(v)]
        at, region = self._around, self._recover.body
        while at is not None and region not in homes:
            b, region, at = at.b, at.region, at.outer
        return b

    def _top(self, value: Value, b: Builder) -> Value:
        if self._recover.present(value):
            return value
        return b.const(self._recover.structure.definition[value].attrs[0], value.dtype)

    def _save(self, value: Value, b: Builder) -> None:
        slot = self._recover.slots.get(value)
        if slot is None or slot.is_row:
            return
        if slot.is_list:
            b.push(slot.ref, value)
            return
        b.store(slot.ref, self._iterations(slot, b), value)

    def _iterations(self, slot: Slot, b: Builder) -> list[Value]:
        loops = [loop for loop in slot.loops if isinstance(loop, For)]
        return [iteration(b, loop, loop.index, loop.lo, loop.step) for loop in loops]

    def _snapshot(self, version: Version, b: Builder) -> None:
        """Copy an array, or a part of it, to the tape, or to an array of its own."""
        snapshot, ref = self._recover.snapshots[version], version.ref
        slot = self._recover.slots.get(snapshot)
        if slot is not None and not slot.is_list:
            tape, before = slot.ref, self._iterations(slot, b)
            lengths = [self._top(n, b) if isinstance(n, Value) else b.dim(*n) for n in slot.lengths]
            for_elements(b, ref, lambda b, i: b.store(tape, [*before, *i], b.load(ref, i)), lengths)
            return
        lengths = [self._top(n, b) for n in version.part]
        if version.part:
            made = b.alloc([emit(b, "pymax", n, b.int(0)) for n in lengths], ref.dtype, "empty", ref.name)
            alloc = b.region.ops[-1]
            for_elements(b, ref, lambda b, i: b.store(snapshot, i, b.load(ref, i)), lengths)
        else:
            (made,) = b.call("copy", (ref,), (ref.type,))
            alloc = b.region.ops[-1]
        alloc.outs = (snapshot,)
        b.defs[snapshot] = b.defs.pop(made)
        self._save(snapshot, b)

    # -- values of top-level branches
    def _exports(self, region: Region) -> list[tuple[Value, Value]]:
        """(value in the branch, value at the top level) for what leaves a branch."""
        wanted = self._recover.exports
        here = [(v, final) for v, final in wanted.items() if self._recover.home(v) is region]
        for op in region.ops:
            here += self._exported.get(id(op), [])
        return here

    def _export(
        self, op: If, regions: list[Region], exports: list[list[tuple[Value, Value]]]
    ) -> tuple[Value, ...]:
        structure = self._recover.structure
        top = structure.region_of(op) is self._recover.body
        outs, passed_on = [], []
        for branch, found in enumerate(exports):
            for value, final in found:
                out = final if top else Value(value.type, value.name)
                other = Builder(regions[1 - branch]).undef(value.type, value.name)
                regions[branch].yields += (value,)
                regions[1 - branch].yields += (other,)
                outs.append(out)
                passed_on.append((out, final))
        if not top:
            self._exported[id(op)] = passed_on
        return tuple(outs)
