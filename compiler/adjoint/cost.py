"""Recompute or save: what it costs to have a primal value again in the reverse sweep.

The unit is an addition. What is still there (values of the top level, loop indices) costs nothing; a load
that gives the same again costs one; a value that must come from the tape costs what writing and reading it
does. The choice goes through the values that the reverse sweep asks for in the order of the program, so that
what is cheap to get from a value that is saved anyway is not saved as well.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from ..analysis.final import Final
from ..analysis.memory import Memory, is_reference
from ..analysis.permutation import permutation
from ..ir.nodes import Apply, Const, Dim, For, ListGet, Load, Loop, Op, Region, Store, Undef, Value, View
from ..ir.types import List
from ..ir.walk import walk
from ..prims.prim import PRIMS
from .versions import versions

RECOMPUTE_LIMIT = 8
"""Additions that cost about as much as writing a value to the tape and reading it again."""
SAVED, TO_SAVE, NEVER = 1, 4, RECOMPUTE_LIMIT + 1


class Costs:
    """Prices of the values of one scope; `saved` are those known to be on the tape."""

    def __init__(self, memory: Memory, body: Region, present: Callable[[Value], bool]) -> None:
        self.saved: set[Value] = set()
        self._memory = memory
        self._structure = memory.structure
        self._body = body
        self._present = present
        self._at_hand = {op.carried[k] for op in body.ops if isinstance(op, Loop) for k in permutation(op)}
        self._final = Final(memory)
        self._stores = self._kept_values()
        self.versions = versions(memory, body, self._final)

    def kept(self, value: Value) -> Store | None:
        """The store by which the program itself keeps a value, if loading it from there is cheap."""
        return self._stores[value] if self._price_kept(value, RECOMPUTE_LIMIT) < NEVER else None

    def repeats(self, value: Value) -> bool:
        """Whether a value is recomputed."""
        op = self._structure.definition.get(value)
        if op is None or value in self.saved or not self._may_repeat(op):
            return False
        price = self._price_again(op, RECOMPUTE_LIMIT)
        return price < NEVER and price < self._price_kept(value, RECOMPUTE_LIMIT)

    def choose(self, wanted: Iterable[Value]) -> frozenset[Value]:
        """Which of the wanted values to save; `saved` grows as the choice goes on."""
        asked = set(wanted)
        for value in self._in_order():
            if value not in asked or self._free(value):
                continue
            if not self.repeats(value) and self.kept(value) is None:
                self.saved.add(value)
            self._at_hand.add(value)
        return frozenset(self.saved)

    def _in_order(self) -> list[Value]:
        found: list[Value] = []

        def visit(region: Region) -> None:
            found.extend(region.params)
            for op in region.ops:
                for inner in op.regions:
                    visit(inner)
                found.extend(op.outs)

        visit(self._body)
        return found

    # -- prices
    def _free(self, value: Value) -> bool:
        if self._present(value):
            return True
        owner = self._structure.owner.get(id(self._structure.home.get(value)))
        return isinstance(owner, For) and owner.index is value

    def _price(self, value: Value, budget: int) -> int:
        """The price of a value; NEVER or more when it is not to be had."""
        if self._free(value) or value in self._at_hand:
            return 0
        if value in self.saved:
            return SAVED
        op = self._structure.definition.get(value)
        if op is None or not self._may_repeat(op):
            if isinstance(value.type, List):
                return NEVER
            again = SAVED if is_reference(value) else TO_SAVE
        else:
            again = self._price_again(op, budget)
        return min(again, self._price_kept(value, budget))

    def _price_again(self, op: Op, budget: int) -> int:
        price = 0
        if isinstance(op, Apply):
            price = PRIMS[op.prim].cost
        elif isinstance(op, Load | ListGet):
            price = 1
        return self._with_args(op.args, price, budget)

    def _price_kept(self, value: Value, budget: int) -> int:
        store = self._stores.get(value)
        return NEVER if store is None else self._with_args(store.args[:-1], 1, budget)

    def _with_args(self, args: tuple[Value, ...], price: int, budget: int) -> int:
        for arg in args:
            if price > budget:
                return NEVER
            price += self._price(arg, budget - price)
        return price if price <= budget else NEVER

    def _may_repeat(self, op: Op) -> bool:
        if isinstance(op, Load | ListGet):
            stable = self._memory.stable_after(self._memory.origins(op.args[0]), op)
            return stable or op.out in self.versions or (isinstance(op, Load) and self._final.stays(op))
        return isinstance(op, Apply | Dim | View | Const | Undef)

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
