"""Function → reverse-mode adjoint function, both IR.

    f(x…) -> y…        f_adjoint(x…, y_bar…) -> y…, x_bar…

The adjoint is an ordinary IR function: it can be interpreted, optimised, and differentiated again (Hessians
are the tangent of the adjoint). Steps: protect written arguments by copies; find memory, activity and forward
shadows; build the reverse sweep, which decides on demand what to save; build the forward sweep around these
decisions.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from ..analysis.accumulators import Accumulators
from ..analysis.activity import Activity
from ..analysis.memory import Memory, check_results, is_reference, written_params
from ..errors import UnsupportedError
from ..ir.build import Builder
from ..ir.nodes import CallFn, For, Function, Module, Region, Value
from ..ir.types import List, carries_derivative
from ..ir.walk import clone_region, substitute
from .again import SecondRun
from .checkpoint import checkpoint
from .custom import Ruled, reverse_ruled, shadow_or_zeros, with_forward_rules
from .elements import add_elements
from .forward import Forward
from .fuse import FusedLoops
from .limit import within
from .recover import Frame, Recover, Slot
from .reverse import Reverse
from .shadow import ForwardShadows, bar_name


@dataclass
class Plan:
    """What was decided, for `explain()`: the tape slots, the activity of each parameter, where the reverse
    sweep starts, the loops that are reversed iteration by iteration, those cut to keep within a limit."""

    slots: list[Slot] = field(default_factory=list)
    active_params: list[bool] = field(default_factory=list)
    reverse_at: int = 0
    recover: Recover | None = None
    fused: list[For] = field(default_factory=list)
    checkpointed: list[For] = field(default_factory=list)


def adjoint(
    module: Module,
    wrt: Sequence[int],
    *,
    name: str,
    seeded: bool = False,
    primal: bool = True,
    memory_limit: int = 0,
) -> tuple[Module, Plan]:
    """The reverse-mode adjoint of the entry function.

    `wrt` are positions of the differentiated parameters. Without `seeded` the first result must be a scalar,
    whose cotangent is 1; with it one parameter per differentiable result gives the cotangents. Results of the
    new function: the primal results (if `primal`), then the adjoints of `wrt` in that order. With a
    `memory_limit`, in bytes, loops are checkpointed whose tapes may be larger.
    """
    module = checkpoint(module)
    build = _Adjoint(module)
    entry = build.entry(name, list(wrt), seeded, primal)
    if memory_limit:
        slots = list(build.plan.recover.slots.values()) if build.plan.recover is not None else []
        chosen = within(memory_limit, module.entry.body, slots, build.original)
        if chosen:
            cut = checkpoint(module, chosen)
            whole = {op.index for op in cut.entry.body.ops if isinstance(op, For)}
            made, plan = adjoint(cut, wrt, name=name, seeded=seeded, primal=primal)
            loops = [op for op in module.entry.body.ops if isinstance(op, For)]
            plan.checkpointed = [op for op in loops if op.index in chosen and op.index not in whole]
            return made, plan
    made = replace(module, entry=entry, others=build.functions, segments=frozenset(build.segments))
    return made, build.plan


class _Adjoint:
    def __init__(self, module: Module) -> None:
        self.module = module
        self.plan = Plan()
        self.functions: dict[str, Function] = dict(module.others)
        self.original: dict[Value, Value] = {}
        self.writers = written_params(module)
        self.segments = set(module.segments)
        self._second_run = SecondRun(module, self.functions, self.writers)

    def entry(self, name: str, wrt: list[int], seeded: bool, primal: bool) -> Function:
        """The adjoint of the entry function."""
        body, stands_for = self._protected(self.module.entry)
        targets = [stands_for.get(body.params[k], body.params[k]) for k in wrt]
        seeds = [r for r in body.yields if carries_derivative(r.type)] if seeded else body.yields[:1]
        sweep = _Sweep(self, body, targets, seeds, {}, distinct=True)
        cotangents = [Value(r.type, bar_name(r) or "out_bar") for r in seeds] if seeded else []
        gradients = sweep.run(cotangents, targets)
        results = (*body.yields, *gradients) if primal else tuple(gradients)
        self.plan.slots = sweep.slots()
        self.plan.fused = [plan.loop for plan in sweep.fused.all()]
        self.plan.active_params = [sweep.activity.active(stands_for.get(p, p)) for p in body.params]
        self.plan.recover = sweep.recover
        whole = sweep.whole((*body.params, *cotangents), results)
        self.plan.reverse_at = sweep.reverse_at
        return Function(name, whole)

    def _protected(self, fn: Function) -> tuple[Region, dict[Value, Value]]:
        """A clone whose written array parameters are copied on entry."""
        mapping: dict[Value, Value] = {}
        body = clone_region(fn.body, mapping)
        self.original = {new: old for old, new in mapping.items()}
        written = Memory(Function(fn.name, body), writers=self.writers).written()
        stands_for: dict[Value, Value] = {}
        b = Builder(Region())
        for param in body.params:
            if is_reference(param) and param in written:
                (copy,) = b.call("copy", (param,), (param.type,))
                copy.name = param.name
                stands_for[param] = copy
                self.original[copy] = self.original[param]
        return Region(
            body.params, b.region.ops + substitute(body, stands_for).ops, substitute(body, stands_for).yields
        ), (stands_for)

    # -- functions called by name (recursion)
    def called(self, name: str) -> str:
        """The name of the adjoint of a called function; it is built on first use.

        name_adjoint(params…, shadow per array param…, cotangent or shadow per result…) -> adjoint per scalar
        param.
        It runs the primal again (joint mode), on arguments that it may overwrite, and adds into the shadows
        given.
        """
        name = self._second_run.original(name)
        adjoint_name = f"{name}_adjoint"
        if adjoint_name in self.functions:
            return adjoint_name
        fn = self.module[name]
        check_results(fn)
        self.functions[adjoint_name] = Function(adjoint_name, Region())  # a recursive call finds the name
        distinct = name in self.segments
        if distinct:
            self.segments.add(adjoint_name)
        body = self._second_run.body(fn)
        params = [p for p in body.params if carries_derivative(p.type)]
        if any(isinstance(p.type, List) for p in params):
            raise UnsupportedError(
                f"the recursive function {name} takes a list", hint="pass arrays or tuples"
            )
        given = {p: Value(p.type, bar_name(p)) for p in params if is_reference(p)}
        results = [r for r in body.yields if carries_derivative(r.type)]
        sweep = _Sweep(self, body, params, [*results, *given], given, distinct=distinct)
        bars = [Value(r.type, bar_name(r) or "out_bar") for r in results]
        gradients = sweep.run(bars, [p for p in params if not is_reference(p)])
        whole = sweep.whole((*body.params, *given.values(), *bars), tuple(gradients))
        self.functions[adjoint_name].body = whole
        return adjoint_name

    def reverse_call(self, reverse: Reverse, op: CallFn, frame: Frame) -> None:
        """x_bar += f_adjoint(x, …, y_bar)."""
        outs = [o for o in op.outs if carries_derivative(o.type)]
        written = [op.args[k] for k in self.writers.get(op.name, ())]
        if not any(reverse.has_bar(v, frame) for v in (*outs, *written)):
            return
        if isinstance(op, Ruled):
            reverse_ruled(reverse, op, frame, self.writers)
            return
        b = frame.b
        wanted = [a for a in op.args if carries_derivative(a.type)]
        self._refuse_aliases(op, reverse.recover.memory)
        args = [reverse.recover.before(a, op, frame) for a in op.args]
        shadows = [shadow_or_zeros(reverse, a, frame) for a in wanted if is_reference(a)]
        bars = [
            shadow_or_zeros(reverse, o, frame) if is_reference(o) else reverse.take(o, frame) for o in outs
        ]
        scalars = [a for a in wanted if not is_reference(a)]
        gradients = b.call_fn(self.called(op.name), (*args, *shadows, *bars), [a.type for a in scalars])
        for arg, gradient in zip(scalars, gradients, strict=True):
            reverse.add(arg, gradient, frame)

    def _refuse_aliases(self, op: CallFn, memory: Memory) -> None:
        if op.name not in self.writers or op.name in self.segments:
            return
        refs = [memory.origins(a) for a in op.args if is_reference(a)]
        if any(a & c for k, a in enumerate(refs) for c in refs[k + 1 :]):
            problem = "is recursive, writes to an argument, and gets two arguments that may share memory"
            raise UnsupportedError(f"{op.name} {problem}", op.src, "pass a copy of one of them")


class _Sweep:
    """Analyses, reverse sweep and forward sweep of one body."""

    def __init__(
        self,
        build: _Adjoint,
        body: Region,
        wrt: list[Value],
        results: Sequence[Value],
        given: dict[Value, Value],
        *,
        distinct: bool,
    ) -> None:
        writers = build.writers
        body = with_forward_rules(build.module, build.functions, body)
        fn = Function("body", body)
        memory = Memory(fn, distinct_params=distinct, writers=writers)
        shadows = ForwardShadows(memory, Activity(memory, wrt, results), given)
        body = shadows.run(body)
        self.memory = Memory(Function("body", body), distinct_params=distinct, writers=writers)
        self.activity = Activity(self.memory, wrt, results)
        self._sums = Accumulators(body)
        self.fused = FusedLoops(self.memory, self.activity, self._sums, [*body.yields, *given])
        self._seeds = [r for r in results if r not in given]
        self._body = body
        self._given = frozenset(given.values())
        self._shadows = shadows.shadows
        self._call_fn = build.reverse_call
        self.reverse_at = 0

    def run(self, cotangents: Sequence[Value], targets: Sequence[Value]) -> list[Value]:
        """Build the reverse sweep; the adjoints of `targets`.

        It is built twice: what it asks for the first time decides what is saved, which shapes the second.
        """
        self._sweep(None, cotangents, targets)
        gradients = self._sweep(self.recover.chosen(), cotangents, targets)
        return self.run(cotangents, targets) if self.fused.drop_asked(self.recover) else gradients

    def slots(self) -> list[Slot]:
        """All that is saved."""
        scopes = [self.recover, *(plan.recover for plan in self.fused.all())]
        return [slot for scope in scopes if scope is not None for slot in scope.slots.values()]

    def _sweep(
        self, saved: frozenset[Value] | None, cotangents: Sequence[Value], targets: Sequence[Value]
    ) -> list[Value]:
        self.recover = Recover(self.memory, self._body, self._given, saved)
        self._reverse = Reverse(
            self.recover, self.activity, self._shadows, self._call_fn, self._sums, self.fused.reverse
        )
        self.frame = Frame(self._body, Builder(), None)
        self.frame.b.defs.update(self.memory.structure.definition)
        for k, result in enumerate(self._seeds):
            self._seed(result, cotangents[k] if cotangents else self.frame.b.const(1, result.dtype))
        self._reverse.region(self.frame)
        return [self._gradient(t) for t in targets]

    def _seed(self, result: Value, bar: Value) -> None:
        if not self.activity.active(result):
            return
        if is_reference(result):
            shadow = self._reverse.shadow(result, self.frame)
            add_elements(self.frame.b, shadow, lambda b, index: b.load(bar, index))
        else:
            self._reverse.add(result, bar, self.frame)

    def _gradient(self, param: Value) -> Value:
        """The adjoint of a parameter: zero where nothing depends on it."""
        b = self.frame.b
        if not is_reference(param):
            bar = self.frame.bars.get(param)
            return b.const(0, param.dtype) if bar is None else bar
        if self.activity.active(param):
            return self._reverse.shadow(param, self.frame)
        lengths = [b.dim(param, axis) for axis in range(param.rank)]
        return b.alloc(lengths, param.dtype, "zeros", bar_name(param))

    def whole(self, params: tuple[Value, ...], results: tuple[Value, ...]) -> Region:
        """Forward sweep, reverse sweep, then what depends on the results of fused loops."""
        b = Builder(Region(params))
        Forward(self.recover, self.fused.moved()).run(b)
        self.reverse_at = len(b.region.ops)
        return Region(params, b.region.ops + self.frame.b.region.ops + self.fused.last(), results)
