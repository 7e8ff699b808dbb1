"""What the reverse sweep reads: every primal value is recomputed, or saved on a tape in the forward sweep.

Invariant: a recovered value equals what it was at the matching point of the forward sweep. A load is repeated
only where nothing can have written to its memory since (`Memory.stable_after`); everything else that memory
or control flow may have changed is saved. Values of the scope's top level, and of what is around it, are
simply still there. The scope is the function, or the body of a loop that is reversed iteration by iteration.

Tapes: inside loops whose trip counts, or the largest of them, are known before the outermost loop starts, an
array indexed by the iterations, of which an array made in the loops is a row; elsewhere a list, pushed in the
forward sweep and popped in the reverse sweep.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from ..analysis.lengths import Length, carried_axis
from ..analysis.memory import Memory, is_reference
from ..analysis.permutation import permutation
from ..ir.build import Builder
from ..ir.nodes import Alloc, Apply, Call, Const, Dim, For, Load, Loop, Op, Region, Store, Value
from ..ir.types import INT, Array, List
from ..prims.prim import emit
from .cost import Costs
from .counted import Counted
from .room import Ends, Room
from .versions import Version


@dataclass(eq=False)
class Frame:
    """The reverse of one region, being built: known primal values, shadows, and the iteration counter of a
    loop body."""

    region: Region
    b: Builder
    outer: Frame | None
    counter: Value | None = None
    values: dict[Value, Value] = field(default_factory=dict)
    shadows: dict[Value, Value] = field(default_factory=dict)
    bars: dict[Value, Value] = field(default_factory=dict)


@dataclass(eq=False)
class Slot:
    """Where one value is saved: `ref` is the tape, a Value made before the outermost loop.

    An array is a row of its tape, with these `lengths`: it is made there, or it is a copy of what the array
    `copied` holds. `ends` has those of the loop whose trip count varies, if there is one.
    """

    value: Value
    ref: Value
    home: Region
    loops: list[Loop]
    is_list: bool
    reason: str
    copied: Value | None = None
    lengths: tuple[Length, ...] = ()
    ends: dict[Loop, Ends] = field(default_factory=dict)

    @property
    def is_row(self) -> bool:
        """Whether an array of the program is made in a row of the tape."""
        return bool(self.lengths) and self.copied is None


class Recover:
    """Finds primal values for the reverse sweep, and remembers what the forward sweep must save for it."""

    def __init__(
        self,
        memory: Memory,
        body: Region,
        given: frozenset[Value],
        saved: frozenset[Value] | None,
        outer: Recover | None = None,
    ) -> None:
        self._outer = outer  # that of the scope around this one
        self.given = given  # shadows that are parameters of the adjoint
        self._around = {id(body), *(id(r) for r, _ in memory.structure.enclosing(body))}
        self.memory = memory
        self.structure = memory.structure
        self.body = body
        self.slots: dict[Value, Slot] = {}
        self.exports: dict[Value, Value] = {}  # values of top-level branches → results of their outermost If
        self._asked: dict[Value, None] = {}
        self.snapshots: dict[Version, Value] = {}
        self.snapshot_home: dict[Value, Region] = {}
        self._version_of: dict[Value, Version] = {}
        self.lengths: dict[Value, Value] = {}  # list → its length at the end of its region
        self.counts: dict[int, Value] = {}  # trip counts of loops whose end is not known before they run
        self._count_home: dict[Value, Region] = {}
        self._costs = Costs(memory, body, self.present)
        self._to_save = saved or frozenset()
        self._room: Room | None = None

    # -- looking up
    def home(self, value: Value) -> Region:
        """The region that defines a value, trip counts and snapshots included."""
        if value in self.given:
            return self.body
        found = self.structure.home.get(value) or self._count_home.get(value)
        return found or self.snapshot_home[value]

    def present(self, value: Value) -> bool:
        """Whether a value is simply still there when the reverse of the scope runs."""
        return id(self.home(value)) in self._around

    def asked(self, value: Value) -> bool:
        """Whether the reverse sweep wanted a value."""
        return value in self._asked

    def exchanged(self, loop: Loop) -> list[int]:
        """The carried buffers of a loop that only change places and are still there after it."""
        return [k for k in permutation(loop) if self.present(loop.outs[k])]

    def frame_of(self, region: Region, frame: Frame) -> Frame:
        """The frame around (or equal to) `frame` that reverses `region`."""
        at: Frame | None = frame
        while at is not None and at.region is not region:
            at = at.outer
        assert at is not None, "a value is read outside its region"
        return at

    def value(self, value: Value, frame: Frame) -> Value:
        """The primal `value`, available in `frame`."""
        self._asked[value] = None
        return self._value(value, frame)

    def chosen(self) -> frozenset[Value]:
        """What to save, now that all is known that the reverse sweep asks for."""
        return self._costs.choose(v for v in self._asked if v in self.structure.home)

    def _value(self, value: Value, frame: Frame) -> Value:
        if self.present(value):
            return value
        at = self.frame_of(self.home(value), frame)
        if value not in at.values:
            op = self.structure.definition.get(value)
            if isinstance(op, Const):
                return frame.b.const(op.value, value.dtype)
            again = self._costs.source(value) if value not in self._to_save else None
            at.values[value] = self._saved(value, at) if again is None else self._again(value, again, at)
        return at.values[value]

    def contents(self, ref: Value, op: Op, frame: Frame) -> Value:
        """A reference whose memory is what `ref` referred to when `op` ran (an argument or a result of
        it)."""
        if self.memory.stable_after(self.memory.origins(ref), op):
            return self.value(ref, frame)
        return self._snapshot(Version(ref, op), frame)

    def before(self, value: Value, op: Op, frame: Frame) -> Value:
        """An argument as it was before `op`, which may write to it."""
        if not is_reference(value):
            return self.value(value, frame)
        origins = self.memory.origins(value)
        own = any(write is op and origins & written for write, written in self.memory.writes)
        if own or not self.memory.stable_after(origins, op):
            return self._snapshot(Version(value, op), frame)
        return self.value(value, frame)

    def _snapshot(self, version: Version, frame: Frame) -> Value:
        if version not in self.snapshots:
            snapshot = Value(version.ref.type, f"{version.ref.name or 'a'}_saved")
            self.snapshots[version] = snapshot
            self.snapshot_home[snapshot] = self.structure.region_of(version.at)
            self._version_of[snapshot] = version
        return self.value(self.snapshots[version], frame)

    def final_length(self, list_: Value) -> Value:
        """The length of a list at the end of the region that made it, as a value of the forward sweep."""
        if list_ not in self.lengths:
            if self._outer is not None and self.present(list_) and self.home(list_) is not self.body:
                length = self._outer.final_length(list_)
            else:
                length = self.lengths[list_] = Value(INT, f"{list_.name}_n" if list_.name else "")
            self._count_home[length] = self.home(list_)
            return length
        return self.lengths[list_]

    def trips(self, loop: Loop) -> Value:
        """The trip count of a loop, as a value of the forward sweep."""
        if id(loop) not in self.counts:
            count = Value(INT, "trips")
            self.counts[id(loop)] = count
            self._count_home[count] = self.structure.region_of(loop)
        return self.counts[id(loop)]

    # -- recomputing
    def _again(self, value: Value, op: Op, frame: Frame) -> Value:
        """The value by the op that made it, or loaded from where a store put it."""
        b = frame.b
        if isinstance(op, Store):
            array, *index = (self._value(a, frame) for a in op.args[:-1])
            return b.load(array, index, value.name)
        args = tuple(self._value(a, frame) for a in op.args)
        match op:
            case Counted():
                assert frame.counter is not None, "the body of a loop has numbered iterations"
                value = op.build(b, args, frame.counter)
                value.name = value.name or op.out.name
                return value
            case Apply() if op.prim == "cast":
                return b.apply("cast", args, op.out.dtype, op.out.name)
            case Apply():
                value = emit(b, op.prim, *args)
                value.name = value.name or op.out.name
                return value
            case Dim():
                return b.dim(args[0], op.axis)
            case Load() if version := self._costs.versions.get(op.out):
                array = self._snapshot(version, frame)
                return b.load(array, args[1:], op.out.name)
            case Load():
                return b.load(args[0], args[1:], op.out.name)
        out = Value(op.out.type, op.out.name)
        return b.add(op.rebuild(args, (out,))).out

    # -- saving
    def _saved(self, value: Value, frame: Frame) -> Value:
        loops = self._loops(value)
        if not loops:
            return self.exports.setdefault(value, Value(value.type, value.name))
        slot = self.slots.get(value) or self._slot(value, loops)
        b = frame.b
        if slot.is_list:
            return b.pop(slot.ref, value.name)
        counters = [c for loop in loops if (c := self.frame_of(loop.body, frame).counter) is not None]
        if is_reference(value):
            spec = ("i",) * len(loops) + (":",) * value.rank
            return b.view(slot.ref, "slice", spec, counters, value.rank, value.name)
        return b.load(slot.ref, counters, value.name)

    def _loops(self, value: Value) -> list[Loop]:
        return self.structure.loops(self.home(value), self.body)

    def _slot(self, value: Value, loops: list[Loop]) -> Slot:
        version = self._version_of.get(value)
        name = value.name if version is not None else f"{value.name or 't'}_saved"
        copied = None if version is None else version.ref
        lengths = version.part if version is not None and version.part else self._lengths(value, copied)
        ends = None if lengths is None else self._ends(loops)
        if ends is not None and lengths is not None:
            ref = Value(Array(value.dtype, len(loops) + value.rank), name)
            why = "array, sized from the largest trip counts" if ends else "array, sized from the trip counts"
            slot = Slot(value, ref, self.home(value), loops, False, why, copied, lengths, ends)
        else:
            assert not isinstance(value.type, List), "a list made in a loop is not kept"
            why = (
                "the trip count is not known beforehand"
                if not is_reference(value)
                else "an array made in the loop"
                if copied is None
                else "copies of an array of changing shape"
            )
            slot = Slot(value, Value(List(value.type), name), self.home(value), loops, True, f"list: {why}")
        self.slots[value] = slot
        return slot

    def _lengths(self, value: Value, copied: Value | None) -> tuple[Length, ...] | None:
        """The lengths of a row for a value; None if it is a reference that can not be kept in one.

        An array must be copied, or made in the loop and used by the function only; its lengths must be known
        before the loop.
        """
        if not is_reference(value):
            return ()
        made = isinstance(self.structure.definition.get(value), Alloc | Call)
        if not value.rank or not (copied is not None or (made and not self._is_result(value))):
            return None
        found = tuple(carried_axis(self.structure, copied or value, axis) for axis in range(value.rank))
        known = all(self._is_known(n if isinstance(n, Value) else n[0]) for n in found)
        return found if known else None

    def _is_result(self, origin: Value) -> bool:
        """Whether the function returns a reference to what is made here: a row would keep the whole tape."""
        return any(origin in self.memory.origins(v) for v in self.memory.fn.results if is_reference(v))

    def _is_known(self, value: Value) -> bool:
        """Whether a value is a literal or known before all loops of the scope."""
        return self.present(value) or isinstance(self.structure.definition.get(value), Const)

    def _ends(self, loops: list[Loop]) -> dict[Loop, Ends] | None:
        """The ends of the one loop whose trip count varies; None if there are several, or ends unknown."""
        varying = [loop for loop in loops if not self._regular(loop)]
        if len(varying) != 1:
            return None if varying else {}
        (loop,) = varying
        if not isinstance(loop, For) or loop.stops:
            return None
        self._room = self._room or Room(self.structure, self.body, self.present)
        ends = self._room.triangle(loop, loops)
        return None if ends is None else {loop: ends}

    def _regular(self, loop: Loop) -> bool:
        if not isinstance(loop, For) or loop.stops:
            return False
        return all(map(self._is_known, (loop.lo, loop.hi, loop.step)))
