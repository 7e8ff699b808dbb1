"""Recompute or save: how a primal value is had again in the reverse sweep.

The unit is an addition. A value that the reverse sweep asks for is on the tape, which costs what writing and
reading it does; or it is computed again, which costs its op and asks for the operands; or it is loaded from
where the program itself keeps it. What is still there (values of the top level, loop indices) costs nothing.

The cheapest choice for all values together is a minimal cut. Every value v is two nodes, "v is had" and "v is
computed again":

    source ─∞─▶ had(asked)      had(v) ─ to save v ─▶ again(v) ─ its op ─▶ sink
                                                      again(v) ─∞─▶ had(operand)

What is had but not computed again, on either side of the cut, is saved. A load from a copy of its array
(`versions.py`) asks for that copy, which costs what saving its elements does. Costs inside of loops count
several times (`WEIGHT` for each loop), and what many values need is paid once, as the reverse sweep computes
it once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from ..analysis.final import Final
from ..analysis.memory import Memory
from ..analysis.permutation import permutation
from ..ir.nodes import Apply, Const, Dim, For, ListGet, Load, Loop, Op, Region, Store, Undef, Value, View
from ..ir.types import List
from ..ir.walk import walk
from ..prims.prim import PRIMS
from .counted import Counted, counted
from .mincut import INFINITE, Network
from .versions import Version, versions

SAVE, SAVE_TRUTH = 12, 8
"""Additions that cost about as much as writing a number to the tape and reading it again, or a truth value,
which takes an eighth of the room."""
LOAD = 1
COUNT = 2
"""A counter is had by a product and a sum."""
WEIGHT = 16
"""How often a loop runs, where nothing is known."""


class Costs:
    """The ways to have the values of one scope again, and the cheapest of them."""

    def __init__(self, memory: Memory, body: Region, present: Callable[[Value], bool]) -> None:
        self._memory = memory
        self._structure = memory.structure
        self._body = body
        self._present = present
        self._at_hand = {op.carried[k] for op in body.ops if isinstance(op, Loop) for k in permutation(op)}
        self._final = Final(memory)
        self._stores = self._kept_values()
        self._counted = counted(memory.structure, body)
        self.versions = versions(memory, body, self._final, self._before_loops)

    def source(self, value: Value) -> Op | None:
        """The op that gives a value in the reverse sweep: a store of it, whose element is loaded, the op
        that made it, or how it is counted; None if it can only be saved.
        """
        if value in self._counted:
            return self._counted[value]
        op = self._structure.definition.get(value)
        if op is not None and not self._may_repeat(op):
            op = None
        store = self._stores.get(value)
        return store if store is not None and (op is None or _cost(op) >= LOAD) else op

    def choose(self, wanted: Iterable[Value]) -> frozenset[Value]:
        """What to save, so that all that is wanted costs least; the rest is had from its `source`."""
        network = Network()
        nodes: dict[Value, tuple[int, int]] = {}
        copies: dict[Version, int] = {}
        waiting: list[Value] = []

        def node(value: Value) -> int:
            if value not in nodes:
                nodes[value] = network.node(), network.node()
                waiting.append(value)
            return nodes[value][0]

        def copy(version: Version) -> int:
            if version not in copies:
                copies[version] = network.node()
                loops = len(self._structure.loops(self._structure.region_of(version.at), self._body))
                network.edge(copies[version], network.SINK, SAVE * WEIGHT ** (loops + version.ref.rank))
            return copies[version]

        for value in wanted:
            if not self._free(value):
                network.edge(network.SOURCE, node(value), INFINITE)
        while waiting:
            value = waiting.pop()
            had, again = nodes[value]
            weight = WEIGHT ** len(self._structure.loops(self._structure.home[value], self._body))
            network.edge(had, again, _tape_cost(value) * weight)
            op = self.source(value)
            network.edge(again, network.SINK, INFINITE if op is None else _cost(op) * weight)
            for operand in () if op is None else _operands(op):
                if not self._free(operand):
                    network.edge(again, node(operand), INFINITE)
            if isinstance(op, Load) and value in self.versions:
                network.edge(again, copy(self.versions[value]), INFINITE)
        side = network.source_side()
        return frozenset(v for v, (had, again) in nodes.items() if had in side and again not in side)

    def _free(self, value: Value) -> bool:
        """Whether a value is at hand in the reverse sweep."""
        if self._present(value) or value in self._at_hand:
            return True
        owner = self._structure.owner.get(id(self._structure.home.get(value)))
        return isinstance(owner, For) and owner.index is value

    def _before_loops(self, value: Value) -> bool:
        """Whether a value is a literal or known before all loops of the scope."""
        return self._present(value) or isinstance(self._structure.definition.get(value), Const)

    def _may_repeat(self, op: Op) -> bool:
        """Whether an op can run again, and gives what it gave."""
        if any(isinstance(a.type, List) and not self._has_list(a) for a in op.args):
            return False
        if isinstance(op, Load | ListGet):
            stable = self._memory.stable_after(self._memory.origins(op.args[0]), op)
            return stable or op.out in self.versions or (isinstance(op, Load) and self._final.stays(op))
        return isinstance(op, Apply | Dim | View | Const | Undef)

    def _has_list(self, list_: Value) -> bool:
        """Whether a list, which is never saved, can be had."""
        op = self._structure.definition.get(list_)
        return self._free(list_) or (op is not None and self._may_repeat(op))

    # -- values that the program itself keeps in an array
    def _kept_values(self) -> dict[Value, Store]:
        """value → a store of it, beside its definition, to an element that nothing overwrites."""
        kept: dict[Value, Store] = {}
        for op in walk(self._body):
            if not isinstance(op, Store) or op.accumulate or op.value in kept:
                continue
            beside = self._structure.home.get(op.value) is self._structure.region_of(op)
            if not beside or any(self._depends(i, op.value) for i in op.index):
                continue
            if self._final.stays(op):
                kept[op.value] = op
        return kept

    def _depends(self, value: Value, on: Value) -> bool:
        """Whether computing a value again would need `on`."""
        op = self._structure.definition.get(value)
        return value is on or (
            op is not None and not op.regions and any(self._depends(a, on) for a in op.args)
        )


def _tape_cost(value: Value) -> int:
    """What it costs to save a value."""
    if isinstance(value.type, List):
        return INFINITE
    return SAVE_TRUTH if value.dtype == "bool" else SAVE


def _cost(op: Op) -> int:
    """What it costs to have the value of an op again, its operands at hand."""
    if isinstance(op, Apply):
        return PRIMS[op.prim].cost
    if isinstance(op, Counted):
        return COUNT
    return LOAD if isinstance(op, Load | ListGet | Store) else 0


def _operands(op: Op) -> tuple[Value, ...]:
    return op.args[:-1] if isinstance(op, Store) else op.args
