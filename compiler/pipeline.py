"""The passes in order, and the one runner: run, verify, print if asked, take the time.

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
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial

from .adjoint.build import Plan, adjoint
from .analysis.shapes import result_shapes
from .analysis.short import wanted
from .backend.emit import EmitMeta, Emitted, emit
from .code import Code, Recipe
from .errors import InternalError, PullbackError, Src, TypeMismatchError, UnsupportedError
from .frontend.lower import lower_function
from .frontend.values import Lowered
from .ir.nodes import CallFn, Const, Function, Module, Op, Region, Value
from .ir.text import show
from .ir.types import Array, List, Scalar, carries_derivative, is_float
from .ir.verify import verify
from .ir.walk import walk
from .options import Options
from .prims import registry as registry  # fills the table of primitives
from .prims.prim import PRIMS
from .specs import ArraySpec, ConstOut, Leaf, Length, NodeOut, OutTree, ParamSpec, ScalarSpec
from .tangent.build import tangent
from .tangent.lanes import LanesRefused, lane_tangent
from .transform.ascend import ascend
from .transform.contract import contract
from .transform.counters import counters
from .transform.cse import cse
from .transform.dce import dce
from .transform.exchange import exchange
from .transform.fold import fold
from .transform.from_zero import from_zero
from .transform.fuse_loops import fuse_loops
from .transform.gather import gather
from .transform.guard import guard
from .transform.interchange import interchange
from .transform.into import into
from .transform.lanes_first import lanes_first
from .transform.licm import licm
from .transform.lift_checks import lift_checks
from .transform.name_steps import name_steps
from .transform.narrow import narrow
from .transform.parallel import Decision, parallel
from .transform.products import products
from .transform.promote import promote, promote_all
from .transform.recurrences import recurrences
from .transform.reuse import reuse
from .transform.ring_rows import ring_rows
from .transform.rings import rings
from .transform.scalarise import scalarise
from .transform.select_branches import select_branches
from .transform.settle import settle
from .transform.short_products import short_products
from .transform.shrink import shrink
from .transform.sink import sink
from .transform.substitution import substitution
from .transform.suppose import suppose
from .transform.tabulate import tabulate
from .transform.unroll import unroll, unroll_tiny

CLEANUP: tuple[Callable[..., Function], ...] = (fold, select_branches, cse, licm, dce, scalarise)
PRIMAL: tuple[Callable[..., Function], ...] = (
    narrow,
    counters,
    *CLEANUP[:2],
    rings,
    *CLEANUP[2:-1],
    lift_checks,
    substitution,
    short_products,
    unroll,
    scalarise,
)
"""Loops are written out before the adjoint only: the loops that it makes should stay readable."""
FUSION: tuple[Callable[..., Function], ...] = (fuse_loops, contract, promote)
NESTS: tuple[Callable[..., Function], ...] = (
    tabulate,
    exchange,
    products,
    interchange,
    fuse_loops,
    recurrences,
    *FUSION,
)
"""Recurrences of whole columns are one nest only once their temporaries are fused away."""
REVERSED: tuple[Callable[..., Function], ...] = (
    ascend,
    fuse_loops,
    contract,
    gather,
    ring_rows,
    promote_all,
    sink,
)
MAX_ROUNDS = 4
LANES_BUDGET = 1000
"""Ops that all trips of a loop over few lanes may have if it is written out: there may be much between two
branches of the program."""

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


class Runner:
    """Runs passes over modules; keeps every stage and the time it took."""

    def __init__(self, options: Options) -> None:
        self.options = options
        self.seconds: dict[str, float] = {}
        self.stages: dict[str, Module] = {}

    def run(self, name: str, step: Callable[[], Module], before: Module | None = None) -> Module:
        """One pass: its result is verified under PULLBACK_VERIFY, and printed if PULLBACK_DUMP names it."""
        start = time.perf_counter()
        module = step()
        if self.options.verify:
            self._verify(name, module, before)
        self.seconds[name] = self.seconds.get(name, 0.0) + time.perf_counter() - start
        if self.options.dumps(name):
            print(f"---- {name}\n{show(module)}", file=sys.stderr)
        return module

    def _verify(self, name: str, module: Module, before: Module | None = None) -> None:
        try:
            verify(module, PRIMS)
        except PullbackError as error:
            shown = "" if before is None else f"\n--- before {name}\n{show(before)}"
            raise InternalError(f"the pass '{name}' broke the IR: {error}{shown}") from error

    def fuse(self, module: Module, passes: tuple[Callable[..., Function], ...], *, visible: bool) -> Module:
        """Passes on loops over arrays, each followed by the cleanup passes. `visible`: the caller sees
        what the entry writes to its parameters.
        """
        for step in passes:
            entry = partial(step, reassociate=self.options.fastmath, visible=visible)
            other = partial(step, reassociate=self.options.fastmath, visible=True, distinct_params=False)
            before = module
            module = self.run(step.__name__, partial(_each, entry, before, other), before)
            if any(a is not b for a, b in zip(module, before, strict=False)):
                module = self.clean(module)
        return module

    def written_out(self, module: Module, first: int, width: int) -> Module:
        """Loops over few lanes, as many as the last axis of parameter `first` has, are written out."""
        seed = module.entry.params[first]
        known = partial(suppose, lengths=[Length(first, seed.rank - 1, width, width)])
        module = self.run("suppose", lambda: replace(module, entry=known(module.entry)), module)
        return self.clean(module, (*CLEANUP[:-1], unroll_lanes, scalarise))

    def keep(self, stage: str, module: Module) -> None:
        """Remember a stage for `f.ir(stage)`, and verify it; to verify every pass would take long."""
        self._verify(stage, module)
        self.stages[stage] = module

    def clean(self, module: Module, passes: tuple[Callable[..., Function], ...] = CLEANUP) -> Module:
        """The cleanup passes, until they change nothing."""
        for _ in range(MAX_ROUNDS):
            size = _size(module)
            for step in passes:
                module = self.run(step.__name__, partial(_each, step, module), module)
            if _size(module) == size:
                break
        return module


def _each(
    step: Callable[..., Function], module: Module, other: Callable[..., Function] | None = None
) -> Module:
    """A pass over every function that the entry reaches; `other` is the pass for the rest, whose array
    parameters may overlap.
    """
    other = other or (partial(cse, distinct_params=False) if step is cse else step)
    others = {
        name: (step if name in module.segments else other)(module.others[name]) for name in _reached(module)
    }
    custom = {name: rule for name, rule in module.custom.items() if name in others}
    return replace(module, entry=step(module.entry), others=others, custom=custom)


def unroll_lanes(fn: Function) -> Function:
    """Write out loops over few lanes too, which are long."""
    return unroll(fn, budget=LANES_BUDGET)


def _into(module: Module, count: int) -> Module:
    """The last results become parameters, those that are arrays."""
    results = module.entry.results
    chosen = [k for k in range(len(results) - count, len(results)) if isinstance(results[k].type, Array)]
    return replace(module, entry=into(module.entry, chosen))


def _in_threads(module: Module, reassociate: bool, decisions: list[Decision]) -> Module:
    module, made = parallel(module, reassociate=reassociate)
    decisions += made
    return module


def _with_parts(sweep: frozenset[object], decisions: list[Decision]) -> frozenset[object]:
    """The members of a sweep, with what its loops have been replaced by."""
    made = [d.made for d in decisions if _members([d.loop]) & sweep]
    return sweep.union(*made)


def is_recursive(module: Module) -> bool:
    """Whether a function can reach itself: Numba's issue 6061, machine code of such functions crashes when it
    is loaded from the disk."""
    return any(name in _reached(Module(fn, module.others)) for name, fn in module.others.items())


def _reached(module: Module) -> list[str]:
    """The functions that are called, also through custom rules, in the order of the module."""
    found: set[str] = set()
    waiting = [module.entry]
    while waiting:
        for op in walk(waiting.pop().body):
            called = op.name if isinstance(op, CallFn) else None
            for name in (called, *module.custom.get(called, ())) if called is not None else ():
                if name in module.others and name not in found:
                    found.add(name)
                    waiting.append(module.others[name])
    return [name for name in module.others if name in found]


def _size(module: Module) -> tuple[int, ...]:
    return tuple(sum(1 for _ in walk(f.body)) for f in module)


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
    module = runner.fuse(runner.clean(module, PRIMAL), NESTS, visible=visible)
    if recipe.kind != "value":
        module = runner.clean(runner.run("unroll_tiny", partial(_each, unroll_tiny, module), module))
    optimised = runner.run("name_steps", partial(_each, name_steps, module), module)
    runner.keep("optimised", optimised)
    try:
        module, plan, sweeps = _differentiate(runner, optimised, recipe, name + recipe.suffix)
    except LanesRefused:
        recipe = replace(recipe, lanes=False)
        module, plan, sweeps = _differentiate(runner, optimised, recipe, name + recipe.suffix)
    # The caller would see what a loop has written when it comes to a bad index.
    explicit = not (visible and lowered.mutated)
    module, decisions = _final(runner, module, recipe, reverse=plan is not None, explicit=explicit)
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
    runner: Runner, module: Module, recipe: Recipe, *, reverse: bool, explicit: bool
) -> tuple[Module, list[Decision]]:
    """The passes after the last derivative, and what became of loops that may be parallel.

    `reverse`: there is a reverse sweep; `explicit`: the IR checks indices itself.
    """
    module = runner.run("settle", partial(_each, settle, module), module)
    module = runner.clean(module)
    if recipe.kind != "value":
        module = runner.fuse(module, REVERSED if reverse else FUSION, visible=False)
        if recipe.kind == "vjp" and recipe.lanes and recipe.width:
            module = runner.run("lanes_first", partial(_each, lanes_first, module, lambda fn: fn), module)
        module = runner.run("shrink", partial(_each, shrink, module), module)
    if explicit:
        module = runner.run("guard", partial(_each, guard, module), module)
    if recipe.into:
        module = runner.run("into", partial(_into, module, len(recipe.wrt)), module)
    decisions: list[Decision] = []
    if recipe.parallel:
        fastmath = runner.options.fastmath
        module = runner.run("parallel", partial(_in_threads, module, fastmath, decisions), module)
    else:
        module = runner.run("reuse", partial(_each, reuse, module), module)
    if explicit:
        module = runner.run("from_zero", partial(_each, from_zero, module), module)
        module = runner.run("dce", partial(_each, dce, module), module)
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
            module = runner.written_out(module, len(module.entry.params) - len(along), recipe.width)
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


def with_constant_value(lowered: Lowered, recipe: Recipe) -> Lowered:
    """A float that does not depend on the arguments becomes a result, whose gradient is zero."""
    out = lowered.out
    aux = out.items[1:] if recipe.has_aux and isinstance(out, NodeOut) else ()
    first = out.items[0] if recipe.has_aux and isinstance(out, NodeOut) and out.items else out
    if (
        recipe.kind not in ("gradient", "hvp")
        or not isinstance(first, ConstOut)
        or type(first.obj) is not float
    ):
        return lowered
    entry = lowered.module.entry
    value = Value(Scalar("float64"))
    body = Region(
        entry.body.params, [*entry.body.ops, Const((), (value,), (), (first.obj,))], (value, *entry.results)
    )
    tree: OutTree = Leaf(0)
    if aux:
        tree = NodeOut(tuple, (tree, *map(_shifted, aux)))
    return replace(lowered, module=replace(lowered.module, entry=Function(entry.name, body)), out=tree)


def _shifted(tree: OutTree) -> OutTree:
    if isinstance(tree, Leaf):
        return Leaf(tree.index + 1)
    return (
        NodeOut(tree.type, tuple(map(_shifted, tree.items)), tree.keys) if isinstance(tree, NodeOut) else tree
    )


def check_output(lowered: Lowered, recipe: Recipe, fn: types.FunctionType) -> None:
    """Refuse outputs that the recipe cannot differentiate."""
    results = lowered.module.entry.results
    src = Src(fn.__code__.co_filename, fn.__code__.co_firstlineno, def_line=fn.__code__.co_firstlineno)
    if any(isinstance(r.type, List) for r in results):
        raise UnsupportedError("the function returns a list that grows", src, "return np.array(the list)")
    if recipe.kind in ("gradient", "hvp"):
        out = lowered.out
        if recipe.has_aux:
            if not isinstance(out, NodeOut) or out.type is not tuple or len(out.items) != 2:
                raise TypeMismatchError(
                    f"{fn.__qualname__} must return a tuple (value, aux) for has_aux=True",
                    src,
                    "return value, aux",
                )
            out = out.items[0]
        if not isinstance(out, Leaf):
            raise TypeMismatchError(
                f"a gradient needs a function that returns one number, and {fn.__qualname__} returns "
                f"{described(out)}",
                src,
                "return a float, or use has_aux=True for (value, aux), pb.vjp or pb.jacobian for the rest",
            )
        type_ = results[out.index].type
        if isinstance(type_, Array) and type_.rank:
            raise TypeMismatchError(
                f"a gradient needs a function that returns one number, and {fn.__qualname__} returns "
                f"an array of {results[out.index].dtype} with {results[out.index].rank} dimension(s)",
                src,
                "reduce it (np.sum), or use pb.jacobian or pb.vjp",
            )
        if not is_float(results[out.index].dtype):
            raise TypeMismatchError(
                f"a gradient needs a function that returns a real number, and {fn.__qualname__} returns "
                f"{results[out.index].dtype}",
                src,
                "return a float"
                if not results[out.index].dtype.startswith("complex")
                else "return its np.real or abs",
            )


def described(out: OutTree) -> str:
    """How messages call what a function returns."""
    if isinstance(out, NodeOut):
        return f"a {out.type.__name__} of {len(out.items)}"
    return "None" if not isinstance(out, ConstOut) or out.obj is None else f"the constant {out.obj!r}"


def leaf_type(spec: ScalarSpec | ArraySpec) -> str:
    """f8-style short type of a leaf, for messages."""
    return spec.dtype if isinstance(spec, ScalarSpec) else f"{spec.dtype}[{', '.join(':' * spec.rank)}]"
