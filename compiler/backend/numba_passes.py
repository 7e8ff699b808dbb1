"""Passes of Numba's that read less of a function than Numba's own, and leave the same.

    Numba   for each variable with two assignments, rewrite all blocks; after each pass, find what lives where
    here    for each variable with two assignments, rewrite those that have it; in the end, what lives where

Generated functions have hundreds of blocks and variables, and none is a generator, for which alone Numba has
to know between passes which variables live.
"""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from numba.core import ssa, typed_passes, untyped_passes
from numba.core.analysis import compute_cfg_from_blocks
from numba.core.compiler_machinery import register_pass
from numba.core.ir import Block
from numba.core.ir_utils import build_definitions
from numba.core.rewrites import rewrite_registry


@register_pass(mutates_CFG=False, analysis_only=False)
class Rewrites(untyped_passes.GenericRewrites):  # type: ignore[misc]
    """What Numba rewrites before it knows types: `x.shape[0]` to an item known in advance, and the like."""

    _name = "pullback_rewrites"

    def run_pass(self, state: Any) -> bool:
        """Rewrite each block until nothing matches."""
        blocks = state.func_ir.blocks
        for kind in rewrite_registry.rewrites["before-inference"]:
            rewrite = kind(state)
            for label, block in blocks.items():
                while rewrite.match(state.func_ir, block, state.typemap, state.calltypes):
                    block = blocks[label] = rewrite.apply()
        return True


@register_pass(mutates_CFG=False, analysis_only=False)
class SingleAssignments(untyped_passes.ReconstructSSA):  # type: ignore[misc]
    """Static single assignment."""

    _name = "pullback_ssa"

    def run_pass(self, state: Any) -> bool:
        """Give every assignment a variable of its own."""
        state.func_ir.blocks = single_assignments(state.func_ir.blocks)
        self._patch_locals(state)
        state.func_ir._definitions = build_definitions(state.func_ir.blocks)
        return True


@register_pass(mutates_CFG=False, analysis_only=False)
class StripPhis(typed_passes.PreLowerStripPhis):  # type: ignore[misc]
    """φ becomes an assignment in each block before."""

    _name = "pullback_strip_phis"

    def run_pass(self, state: Any) -> bool:
        """Strip them."""
        state.func_ir = self._strip_phi_nodes(state.func_ir)
        state.func_ir._definitions = build_definitions(state.func_ir.blocks)
        return True


def single_assignments(blocks: dict[int, Any]) -> dict[int, Any]:
    """`ssa._run_ssa`, block for block the same."""
    graph = compute_cfg_from_blocks(blocks)
    frontiers = ssa._iterated_domfronts(graph)
    assigned: dict[str, list[Any]] = defaultdict(list)
    used: dict[str, set[int]] = defaultdict(set)
    ssa._run_block_analysis(blocks, {"defs": assigned, "uses": used}, ssa._GatherDefsHandler())
    known = ssa._CacheListVars()
    for name in _violators(assigned, used, graph.dominators()):
        has = {label for _, label in assigned[name]} | used[name]
        part = {label: block for label, block in blocks.items() if label in has}
        part, defined = ssa._fresh_vars(part, name)
        phis: dict[int, list[Any]] = defaultdict(list)
        states = {
            **ssa._make_states(part),
            "varname": name,
            "defmap": defined,
            "phimap": phis,
            "cfg": graph,
            "phi_locations": ssa._compute_phi_locations(frontiers, defined),
        }
        part = ssa._run_block_rewrite(part, states, ssa._FixSSAVars(known))
        blocks = {label: part.get(label, block) for label, block in blocks.items()}
        for label, found in phis.items():
            if found:
                blocks[label] = _led_by(found, blocks[label])
    return blocks


def _violators(assigned: dict[str, list[Any]], used: dict[str, set[int]], above: Any) -> list[str]:
    """The variables with several assignments, and those with one that is not above every use."""
    many = [name for name, places in assigned.items() if len(places) > 1]
    homes = {name: {label for _, label in assigned[name]} for name in used if len(assigned[name]) <= 1}
    return many + [
        name for name, home in homes.items() if any(home.isdisjoint(above[label]) for label in used[name])
    ]


def _led_by(phis: list[Any], block: Any) -> Any:
    led = Block(scope=block.scope, loc=block.loc)
    led.body = [*phis, *block.body]
    return led
