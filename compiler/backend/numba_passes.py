"""Passes of Numba's that read less of a function than Numba's own, and leave the same.

    Numba   for each variable with two assignments, rewrite all blocks; after each pass, find what lives where
    here    for each variable with two assignments, rewrite those that have it; in the end, what lives where
    Numba   for each `+`, ask all that is known of `+` for these types
    here    ask once

Generated functions have hundreds of blocks and variables, and none is a generator, for which alone Numba has
to know between passes which variables live.
"""

from __future__ import annotations

import contextlib
from collections import defaultdict
from collections.abc import Iterator
from typing import Any

from numba.core import ssa, typed_passes, types, untyped_passes
from numba.core.analysis import compute_cfg_from_blocks
from numba.core.compiler_machinery import register_pass
from numba.core.ir import Block
from numba.core.ir_utils import build_definitions
from numba.core.rewrites import rewrite_registry
from numba.core.types.containers import BaseTuple
from numba.core.types.misc import SliceType


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


@register_pass(mutates_CFG=True, analysis_only=False)
class Types(typed_passes.NopythonTypeInference):  # type: ignore[misc]
    """The type of every variable."""

    _name = "pullback_types"

    def run_pass(self, state: Any) -> bool:
        """Find them."""
        with remembering(state.typingctx):
            return bool(super().run_pass(state))


PLAIN = (types.Number, types.Boolean, types.Array, BaseTuple, SliceType)
"""Types that are known when they are first seen, other than lists."""


@contextlib.contextmanager
def remembering(context: Any) -> Iterator[None]:
    """Have what a call of a function with plain arguments gives looked up once."""
    before = vars(context).get("resolve_function_type")
    resolve = context.resolve_function_type
    known: dict[tuple[int, tuple[Any, ...]], tuple[Any, Any]] = {}

    def found(function: Any, args: Any, kws: Any) -> Any:
        if kws or not all(isinstance(kind, PLAIN) for kind in args):
            return resolve(function, args, kws)
        key = id(function), tuple(args)  # a function type keeps what it has found, for the lowering
        if key in known:
            return known[key][1]
        signature = resolve(function, args, kws)
        if signature is not None:
            known[key] = function, signature
        return signature

    context.resolve_function_type = found
    try:
        yield
    finally:
        del context.resolve_function_type
        if before is not None:
            context.resolve_function_type = before


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
