"""From a function and a recipe to the text of its derivative: what runs when.

    function ─lower─► IR ─PRIMAL─► optimised ─adjoint─► ─tangent…─► ─CLEANUP─► final ─emit─► Python text

What is made of a function is a `Recipe`: at most one adjoint, then any number of tangents, the last of them
along one direction or along many at once. The parameters of the final function are the leaves of the
arguments, the captured values, the cotangents of the results (seeded adjoints), and one tangent per entry
of every tangent step. Its results are those of the primal (if they are wanted), the gradients, and the
tangents.
"""

from __future__ import annotations

import sys
import time
import types
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial

from .adjoint.build import Plan, adjoint
from .analysis.shapes import result_shapes
from .analysis.short import wanted
from .backend.emit import EmitMeta, Emitted, emit
from .code import Code, Recipe
from .frontend.lower import lower_function
from .frontend.values import Lowered
from .ir.calls import is_recursive
from .ir.nodes import Function, Module, Op, Region, Value
from .ir.types import Array, carries_derivative
from .ir.walk import walk
from .options import Options
from .outputs import check_output, with_constant_value
from .passes import FUSION, LANES, NESTS, PRIMAL, PRIMAL_CLEANUP, REVERSED
from .runner import Runner, each
from .specs import Length, ParamSpec
from .tangent.build import tangent
from .tangent.lanes import LanesRefused, lane_tangent
from .transform.blocks import blocks
from .transform.dce import dce
from .transform.from_zero import from_zero
from .transform.guard import guard
from .transform.into import into
from .transform.lane_ranges import lane_ranges
from .transform.lanes_first import lanes_first
from .transform.name_steps import name_steps
from .transform.parallel import Decision, parallel
from .transform.reuse import reuse
from .transform.settle import settle
from .transform.shrink import shrink
from .transform.stores_last import stores_last
from .transform.strips import strips
from .transform.suppose import suppose
from .transform.unroll import unroll_tiny

Sweeps = tuple[frozenset[object], frozenset[object]]


@dataclass
class Compiled:
    """A compiled derivative with all its stages."""

    code: Code
    module: Module
    stages: dict[str, Module]
    meta: EmitMeta
    optimised: Module
    plan: Plan | None
    seconds: dict[str, float]
    decisions: list[Decision]

    def tracked(self) -> Emitted:
        """The same code, which always tells the user's line that runs."""
        return emit(self.module, replace(self.meta, track=True))


def _written_out(runner: Runner, module: Module, first: int, width: int) -> Module:
    """Loops over few lanes, as many as the last axis of parameter `first` has, are written out."""
    seed = module.entry.params[first]
    known = partial(suppose, lengths=[Length(first, seed.rank - 1, width, width)])
    module = runner.run("suppose", lambda: replace(module, entry=known(module.entry)), module)
    return runner.clean(module, LANES)


def _into(module: Module, count: int) -> Module:
    """The last results become parameters, those that are arrays."""
    results = module.entry.results
    chosen = [k for k in range(len(results) - count, len(results)) if isinstance(results[k].type, Array)]
    return replace(module, entry=into(module.entry, chosen))


def _ranged(module: Module, count: int) -> Module:
    """Loops over lanes run over some of them; the last parameters are the directions."""
    params = module.entry.params
    return replace(module, entry=lane_ranges(module.entry, params[len(params) - count :]))


def _in_threads(module: Module, reassociate: bool, decisions: list[Decision]) -> Module:
    module, made = parallel(module, reassociate=reassociate)
    decisions += made
    return module


def _with_parts(sweep: frozenset[object], decisions: list[Decision]) -> frozenset[object]:
    """The members of a sweep, with what its loops have been replaced by."""
    made = [d.made for d in decisions if _members([d.loop]) & sweep]
    return sweep.union(*made)


def compile_derivative(
    fn: types.FunctionType,
    specs: Sequence[ParamSpec],
    recipe: Recipe,
    options: Options,
    name: str = "f",
    lengths: tuple[Length, ...] | None = None,
    shapes: Sequence[tuple[int, ...] | None] = (),
) -> Compiled:
    """Compile a derivative of a function for arguments of the given specs.

    What is supposed of their lengths is given, or chosen for leaves of these shapes.
    """
    runner = Runner(options)
    start = time.perf_counter()
    lowered = with_constant_value(lower_function(fn, list(specs), name), recipe)
    module = runner.run("lowered", lambda: lowered.module)
    runner.seconds["lowered"] += time.perf_counter() - start
    runner.keep("lowered", module)
    check_output(lowered, recipe, fn)
    if lengths is None:
        lengths = wanted(module.entry, shapes)
    module = runner.run("suppose", lambda: replace(module, entry=suppose(module.entry, lengths)), module)
    visible = recipe.kind == "value"
    module = runner.fuse(runner.clean(module, PRIMAL), NESTS, PRIMAL_CLEANUP, visible=visible)
    if recipe.kind != "value":
        module = runner.clean(runner.run("unroll_tiny", partial(each, unroll_tiny, module), module))
    optimised = runner.run("name_steps", partial(each, name_steps, module), module)
    runner.keep("optimised", optimised)
    try:
        module, plan, sweeps = _differentiate(runner, optimised, recipe, name + recipe.suffix)
    except LanesRefused:
        recipe = replace(recipe, lanes=False)
        module, plan, sweeps = _differentiate(runner, optimised, recipe, name + recipe.suffix)
    # The caller would see what a loop has written when it comes to a bad index.
    explicit = not (visible and lowered.mutated)
    # An adjoint that has directions has as many cotangents.
    further = len(module.entry.params) - len(optimised.entry.params)
    directions = len(recipe.along[-1]) if recipe.along else further // 2
    module, decisions = _final(
        runner, module, recipe, reverse=plan is not None, explicit=explicit, directions=directions
    )
    sweeps = _with_parts(sweeps[0], decisions), _with_parts(sweeps[1], decisions)
    start = time.perf_counter()
    reverse_at, reverse_title = _reverse_start(module.entry.body, *sweeps)
    meta = EmitMeta(
        qualname=fn.__qualname__.replace("<locals>.", ""),
        wrt=tuple(lowered.module.entry.params[k].name or f"x{k}" for k in recipe.wrt),
        arg_types=tuple((p.name or f"x{k}", str(p.type)) for k, p in enumerate(module.entry.params)),
        entry_file=fn.__code__.co_filename,
        kind=recipe.header,
        fastmath=options.fastmath,
        boundscheck=not explicit,
        reverse_at=reverse_at,
        reverse_title=reverse_title,
        cache=not is_recursive(module),
    )
    emitted = emit(module, meta)
    runner.seconds["emit"] = time.perf_counter() - start
    if options.dumps("source"):
        print(f"---- source\n{emitted.text}", file=sys.stderr)
    code = _code(lowered, recipe, name + recipe.suffix, emitted, lengths)
    if recipe.kind == "value":
        code.shapes = result_shapes(optimised.entry)
    return Compiled(code, module, runner.stages, meta, optimised, plan, runner.seconds, decisions)


def _final(
    runner: Runner, module: Module, recipe: Recipe, *, reverse: bool, explicit: bool, directions: int
) -> tuple[Module, list[Decision]]:
    """The passes after the last derivative, and what became of loops that may be parallel.

    `reverse`: there is a reverse sweep; `explicit`: the IR checks indices itself; `directions`: how many of
    the last parameters are directions.
    """
    module = runner.run("settle", partial(each, settle, module), module)
    module = runner.clean(module)
    if recipe.kind != "value":
        module = runner.fuse(module, REVERSED if reverse else FUSION, visible=False)
        if recipe.kind == "vjp" and recipe.lanes and recipe.width:
            module = runner.run("lanes_first", partial(each, lanes_first, module, lambda fn: fn), module)
        module = runner.run("shrink", partial(each, shrink, module), module)
    if explicit:
        module = runner.run("guard", partial(each, guard, module), module)
    if recipe.into:
        module = runner.run("into", partial(_into, module, len(recipe.wrt)), module)
    decisions: list[Decision] = []
    if recipe.parallel:
        fastmath = runner.options.fastmath
        module = runner.run("parallel", partial(_in_threads, module, fastmath, decisions), module)
    if explicit:  # nothing raises where indices are checked before: no order of writes is seen
        # Blocks of points call BLAS, which has threads of its own.
        for pass_ in (strips, stores_last) if recipe.parallel else (blocks, strips, stores_last):
            entry = partial(pass_, reassociate=runner.options.fastmath, visible=False)
            other = partial(entry, distinct_params=False)
            module = runner.run(pass_.__name__, partial(each, entry, module, other), module)
        if recipe.lanes and not recipe.width and not recipe.parallel:
            module = runner.run("lane_ranges", partial(_ranged, module, directions), module)
    module = runner.run("reuse", partial(each, reuse, module), module)
    if explicit:
        module = runner.run("from_zero", partial(each, from_zero, module), module)
        module = runner.run("dce", partial(each, dce, module), module)
    runner.keep("final", module)
    return module, decisions


def _code(
    lowered: Lowered, recipe: Recipe, entry: str, emitted: Emitted, lengths: tuple[Length, ...]
) -> Code:
    primal = lowered.module.entry
    count = len(primal.params) - len(lowered.captures)
    names = lowered.leaf_names or [p.name for p in primal.params]
    return Code(
        recipe=recipe,
        entry=entry,
        text=emitted.text,
        param_names=list(lowered.param_names),
        leaf_names=list(names[:count]),
        leaves=[p.type for p in primal.params[:count]],
        results=[r.type for r in primal.results],
        captures=list(lowered.captures),
        guards=list(lowered.guards),
        out=lowered.out,
        mutated=frozenset(lowered.mutated),
        checks=emitted.checks,
        source_map=emitted.source_map,
        lengths=lengths,
        custom=dict(lowered.custom),
    )


def _differentiate(
    runner: Runner, primal: Module, recipe: Recipe, entry: str
) -> tuple[Module, Plan | None, Sweeps]:
    """The adjoint and tangents of a recipe; what in the result belongs to its two sweeps."""
    sweeps: Sweeps = (frozenset(), frozenset())
    if recipe.kind == "value":
        body = primal.entry.body
        return replace(primal, entry=Function(entry, body)), None, sweeps
    module, plan = primal, None
    if recipe.kind != "jvp":
        plans: list[Plan] = []

        def reversed_() -> Module:
            made, plan = adjoint(
                primal,
                recipe.wrt,
                name=entry,
                seeded=recipe.kind == "vjp",
                primal=True,
                memory_limit=recipe.memory_limit,
            )
            plans.append(plan)
            return made

        module = runner.run("adjoint", reversed_, primal)
        plan = plans[0]
        runner.keep("adjoint", module)
        ops = module.entry.body.ops
        sweeps = _members(ops[: plan.reverse_at]), _members(ops[plan.reverse_at :])
    steps = recipe.along
    if recipe.lanes and recipe.kind == "vjp":
        count = len(primal.entry.params)
        steps = (tuple(range(count, len(module.entry.params))),)
    for step, along in enumerate(steps):
        before, last = module, step == len(steps) - 1
        if step or recipe.kind != "jvp":
            module = runner.clean(module)
        inner = list(module.entry.results)
        transform = lane_tangent if recipe.lanes and last else tangent
        module = runner.run(transform.__name__, partial(transform, module, along, name=entry), before)
        module = _selected(module, recipe, inner, last)
        if recipe.width and recipe.lanes and last:
            module = _written_out(runner, module, len(module.entry.params) - len(along), recipe.width)
        runner.keep("tangent", module)
        sweeps = (frozenset(), frozenset())
    return module, plan, sweeps


def _selected(module: Module, recipe: Recipe, inner: list[Value], last: bool) -> Module:
    """The module with the results that a recipe wants: of an adjoint only the tangents of the
    gradients are new.
    """
    entry = module.entry
    tangents = entry.results[len(inner) :]
    if recipe.kind != "jvp":
        active = [k for k, r in enumerate(inner) if carries_derivative(r.type)]
        first = len(inner) - len(recipe.wrt)
        tangents = tuple(t for k, t in zip(active, tangents, strict=True) if k >= first)
    kept = entry.results[: len(inner)] if last and not recipe.lanes else ()
    if recipe.kind == "jvp" and not recipe.lanes:
        return module
    body = Region(entry.body.params, entry.body.ops, (*kept, *tangents))
    return replace(module, entry=Function(entry.name, body))


def _members(ops: Sequence[Op]) -> frozenset[object]:
    found: set[object] = set()
    for op in walk(Region((), list(ops))):
        found.add(op)
        found.update(op.outs)
    return frozenset(found)


def _reverse_start(
    body: Region, forward: frozenset[object], reverse: frozenset[object]
) -> tuple[int | None, str]:
    """The index of the first top-level op that came from the reverse sweep and has an effect or a loop, and
    what starts there: loops of the forward sweep may be fused with it.
    """
    for index, op in enumerate(body.ops):
        inner = _members([op])
        if not op.pure and inner & reverse:
            start = index
            while start and body.ops[start - 1].pure and _members([body.ops[start - 1]]) & reverse:
                start -= 1
            mixed = any(op.regions and _members([op]) & forward for op in body.ops[start:])
            return start, "forward and reverse" if mixed else "reverse"
    return None, "reverse"
