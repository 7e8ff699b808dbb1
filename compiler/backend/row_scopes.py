"""Tells LLVM which elements of one array lie in different rows.

    for i in range(d):
        state[layer, 0, i] = …          never the same element as
        y[i] = state[layer, 1, i]       this one, as 0 is not 1

LLVM sees two addresses in one array whose distance it does not know, and leaves the loop without vectors.
So each access is put into a *scope* for each literal among its indices, and told to lie outside of those of
other literals in that place. That is so where indices are inside their array, and the array is the same
whenever the function comes there: an argument, or made outside of loops, and contiguous.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from llvmlite import ir as llvm
from numba.core.analysis import compute_cfg_from_blocks
from numba.core.ir import Assign

MOST = 16
"""Literals in one place beyond which nothing is told: every access names the scopes of all others."""

Place = tuple[str, int]
"""An array and one of its axes."""


class RowScopes:
    """The accesses of one function to elements with literals among their indices."""

    def __init__(self, blocks: dict[int, Any]) -> None:
        repeated = set[int]().union(*(loop.body for loop in compute_cfg_from_blocks(blocks).loops().values()))
        once = (block for label, block in blocks.items() if label not in repeated)
        self._lasting = {step.target.name for block in once for step in block.find_insts(Assign)}
        self._accesses: list[tuple[Any, dict[Place, int]]] = []
        self._written: set[str] = set()

    def note(self, access: Any, array: str, index: Sequence[Any]) -> None:
        """Remember a load or a store of an element of an array."""
        if array not in self._lasting or access.opname not in ("load", "store"):
            return
        if access.opname == "store":
            self._written.add(array)
        literals = {
            (array, axis): part.constant
            for axis, part in enumerate(index)
            if isinstance(part, llvm.Constant) and isinstance(part.constant, int) and part.constant >= 0
        }
        if literals:
            self._accesses.append((access, literals))

    def tell(self, function: Any) -> None:
        """Say what was noted, once all is known."""
        known: dict[Place, dict[int, None]] = {}
        for _, literals in self._accesses:
            for place, literal in literals.items():
                if place[0] in self._written:
                    known.setdefault(place, {})[literal] = None
        scopes = {p: found for p, found in known.items() if 1 < len(found) <= MOST}
        if not scopes:
            return
        module = function.module
        named: dict[tuple[Place, int], Any] = {}
        for place, found in scopes.items():
            # To be apart in one domain is enough.
            domain = module.add_metadata([f"rows of {place[0]}, axis {place[1]}: {function.name}"])
            for literal in found:
                named[place, literal] = module.add_metadata([str(literal), domain])
        for access, literals in self._accesses:
            own = [named[p, k] for p, k in literals.items() if p in scopes]
            others = [named[p, k] for p in literals if p in scopes for k in scopes[p] if k != literals[p]]
            if own:
                access.set_metadata("alias.scope", module.add_metadata(own))
                access.set_metadata("noalias", module.add_metadata(others))
