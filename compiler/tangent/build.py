"""Function → forward-mode tangent function, both IR.

    f(x…) -> y…        f_tangent(x…, x_dot…) -> y…, y_dot…

Every active scalar gets a tangent beside it, every shadowed array a shadow array beside it, in program order.
Scalar rules are the adjoint's (they are linear in `y_bar`). Applied to an adjoint it gives Hessian-vector
products.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ..analysis.activity import Activity, differentiable_slots
from ..analysis.memory import Memory, is_reference, written_params
from ..errors import NoRuleError
from ..ir.build import Builder
from ..ir.nodes import (
    Alloc,
    Apply,
    Call,
    CallFn,
    For,
    Function,
    If,
    ListGet,
    ListNew,
    ListSet,
    Load,
    Loop,
    Module,
    Op,
    Pop,
    Push,
    Region,
    Store,
    Undef,
    Value,
    View,
    While,
)
from ..ir.types import carries_derivative
from ..ir.walk import clone_region
from ..prims.calls import CALLS
from ..prims.prim import PRIMS, Sym, cast, emit


def dot_name(value: Value) -> str:
    """The name of a tangent: x → x_dot."""
    return f"{value.name}_dot" if value.name else ""


def tangent(module: Module, wrt: Sequence[int], *, name: str) -> Module:
    """The tangent of the entry function with respect to the parameters at positions `wrt`.

    The new function takes one more parameter per entry of `wrt` and gives one more result per differentiable
    result.
    Arrays that the function writes, and their tangents, are copied on entry.
    """
    build = _Tangent(module)
    entry = build.function(module.entry, name, list(wrt), protect=True)
    return replace(module, entry=entry, others=build.functions)


class _Tangent:
    def __init__(self, module: Module) -> None:
        self._module = module
        self.functions = dict(module.others)
        self._writers = written_params(module)

    def function(self, fn: Function, name: str, wrt: list[int], *, protect: bool) -> Function:
        """The tangent of one function."""
        body = clone_region(fn.body, {})
        memory = Memory(Function(name, body), distinct_params=protect, writers=self._writers)
        seen = body.yields if protect else (*body.yields, *filter(is_reference, body.params))
        activity = Activity(memory, [body.params[k] for k in wrt], seen)
        dots = [Value(body.params[k].type, dot_name(body.params[k])) for k in wrt]
        walker = Walker(self, memory, activity)
        b = walker.b
        walker.enter(body.params, dict(zip((body.params[k] for k in wrt), dots, strict=True)), protect)
        walker.ops(body)
        results = [walker.primal(r) for r in body.yields]
        tangents = [walker.dense(r) for r in body.yields if carries_derivative(r.type)]
        return Function(name, Region((*body.params, *dots), b.region.ops, (*results, *tangents)))

    def called(self, name: str) -> str:
        """The name of the tangent of a called function: name_tangent(params…, tangents…) -> results…,
        tangents…."""
        if name in self._module.custom:
            raise NoRuleError(
                f"{name} has a custom_vjp, which gives no forward-mode derivative",
                hint="use reverse mode (grad, vjp, jacrev), or Hessians, which differentiate the custom rule",
            )
        new = f"{name}_tangent"
        if new not in self.functions:
            self.functions[new] = Function(new, Region())
            fn = self._module[name]
            wrt = [k for k, p in enumerate(fn.params) if carries_derivative(p.type)]
            self.functions[new].body = self.function(fn, new, wrt, protect=False).body
        return new


class Walker:
    """Rebuilds a body op by op, tangents beside primals. `dots` maps a value or reference to its tangent."""

    def __init__(self, build: _Tangent, memory: Memory, activity: Activity) -> None:
        self._build = build
        self._memory = memory
        self._activity = activity
        self.b = Builder()
        self.dots: dict[Value, Value] = {}
        self._renamed: dict[Value, Value] = {}

    # -- tangents
    def primal(self, value: Value) -> Value:
        """The primal value in the new function (written parameters are copies)."""
        return self._renamed.get(value, value)

    def active(self, value: Value) -> bool:
        """Whether a value has a tangent."""
        return self._activity.active(value)

    def dot(self, value: Value) -> Value | None:
        """The tangent of a value, or None when it is zero."""
        return self.dots.get(value)

    def dense(self, value: Value) -> Value:
        """The tangent of a value, zeros when it has none."""
        found = self.dot(value)
        if found is not None:
            return found
        if not is_reference(value):
            return self.b.const(0, value.dtype)
        ref = self.primal(value)
        return self.b.alloc(
            [self.b.dim(ref, k) for k in range(ref.rank)], ref.dtype, "zeros", dot_name(value)
        )

    def enter(self, params: tuple[Value, ...], given: dict[Value, Value], protect: bool) -> None:
        """Copies of written parameters, shadows of parameters that need one."""
        written = self._memory.written() if protect else frozenset()
        for param in params:
            if is_reference(param) and param in written:
                (copy,) = self.b.call("copy", (param,), (param.type,))
                copy.name = param.name
                self._renamed[param] = copy
            if not self.active(param):
                continue
            dot = given.get(param)
            if dot is None:
                dot = self.dense(param)
            elif param in written:
                (dot,) = self.b.call("copy", (dot,), (dot.type,))
                dot.name = dot_name(param)
            self.dots[param] = dot

    def _new(self, value: Value) -> Value:
        self.dots[value] = dot = Value(value.type, dot_name(value))
        return dot

    # -- ops
    def ops(self, region: Region) -> None:
        """All ops of a region."""
        for op in region.ops:
            self.b.src = op.src
            args = tuple(self.primal(a) for a in op.args)
            self._op(op.rebuild(args) if args != op.args else op, op)

    def _op(self, op: Op, old: Op) -> None:
        match op:
            case If():
                self._if(op)
            case Loop():
                self._loop(op, old)
            case Apply():
                self.b.add(op)
                self._apply(op)
            case Call():
                self.b.add(op)
                self._call(op, old)
            case CallFn():
                self._call_fn(op, old)
            case Store() | Push() | ListSet():
                self._write(op, old)
            case _:
                self.b.add(op)
                self._mirror(op, old)

    def _mirror(self, op: Op, old: Op) -> None:
        """Ops that only move references or values: the same op on the shadows."""
        if not op.outs or (
            not self.active(op.outs[0]) and not (isinstance(op, Pop) and self.active(old.args[0]))
        ):
            return
        match op:
            case Alloc():
                dot = self.b.alloc(op.args, op.out.dtype, "zeros", dot_name(op.out))
                self.dots[op.out] = dot
            case ListNew() | Undef() if is_reference(op.out):
                self.b.add(op.rebuild(outs=(self._new(op.out),)))
            case View() | Load() | ListGet() | Pop():
                self.b.add(op.rebuild((self.dots[old.args[0]], *op.args[1:]), (self._new(op.out),)))

    def _write(self, op: Op, old: Op) -> None:
        self.b.add(op)
        target, value = old.args[0], old.args[-1]
        if not self.active(target):
            return
        dot = self.dot(value)
        if isinstance(op, Store) and op.accumulate and dot is None:
            return
        self.b.add(op.rebuild((self.dots[target], *op.args[1:-1], self.dense(value) if dot is None else dot)))

    def _apply(self, op: Apply) -> None:
        if not self.active(op.out):
            return
        b, total = self.b, None
        for name, arg in differentiable_slots(op):
            dot = self.dot(arg)
            if dot is None:
                continue
            part = cast(b, dot, op.out.dtype) if op.prim == "cast" else partial(b, op, name, dot)
            total = part if total is None else emit(b, "add", total, part)
        if total is not None:
            total.name = total.name or dot_name(op.out)
            self.dots[op.out] = total

    # -- calls
    def _call(self, op: Call, old: Op) -> None:
        record = CALLS[op.name]
        if record.vjp is None or not any(self.active(a) for a in old.args):
            self._zeros(op)
            return
        if not any(self.active(o) for o in op.outs):
            return
        if record.jvp is None:
            raise NoRuleError(f"{op.name} has no forward-mode rule", op.src)
        for out, dot in zip(op.outs, record.jvp(CallForward(self, op, old)), strict=True):
            if dot is not None and self.active(out):
                self.dots[out] = dot
            elif self.active(out) and is_reference(out):
                self.dots[out] = self.dense(out)

    def _zeros(self, op: Call) -> None:
        """Zero tangents for arrays that do not depend on anything active yet, but are written to later."""
        for out in op.outs:
            if is_reference(out) and self.active(out):
                self.dots[out] = self.dense(out)

    def _call_fn(self, op: CallFn, old: Op) -> None:
        if not any(self.active(v) for v in (*op.outs, *old.args)):
            self.b.add(op)
            return
        name = self._build.called(op.name)
        dots = tuple(self.dense(a) for a in old.args if carries_derivative(a.type))
        outs = tuple(self._new(o) for o in op.outs if carries_derivative(o.type))
        self.b.add(CallFn((*op.args, *dots), (*op.outs, *outs), (), (name,), op.src))

    # -- control flow
    def _region(self, region: Region, params: tuple[Value, ...], wanted: list[int]) -> Region:
        self.b.open(params)
        self.ops(region)
        yields = tuple(self.primal(y) for y in region.yields)
        return self.b.close((*yields, *(self.dense(region.yields[k]) for k in wanted)))

    def _if(self, op: If) -> None:
        wanted = [k for k, o in enumerate(op.outs) if self.active(o)]
        before = dict(self.dots)
        regions = []
        for region in op.regions:
            regions.append(self._region(region, (), wanted))
            self.dots = dict(before)
        self.b.src = op.src
        outs = tuple(self._new(op.outs[k]) for k in wanted)
        self.b.add(op.rebuild(outs=(*op.outs, *outs), regions=tuple(regions)))

    def _loop(self, op: Loop, old: Op) -> None:
        assert isinstance(old, Loop)
        wanted = [k for k, p in enumerate(op.carried) if self.active(p) or self.active(op.outs[k])]
        inits = tuple(self.dense(old.inits[k]) for k in wanted)
        regions = []
        if isinstance(op, While):
            extra = tuple(self._new(op.cond.params[k]) for k in wanted)
            regions.append(self._region(op.cond, (*op.cond.params, *extra), []))
        extra = tuple(self._new(op.carried[k]) for k in wanted)
        offset = 1 if isinstance(op, For) and op.stops else 0
        regions.append(self._region(op.body, (*op.body.params, *extra), [k + offset for k in wanted]))
        self._close_loop(op, inits, regions, wanted)

    def _close_loop(
        self, op: Loop, inits: tuple[Value, ...], regions: list[Region], wanted: list[int]
    ) -> None:
        """Add the loop with tangents carried besides: `inits` are those before it."""
        self.b.src = op.src
        outs = tuple(self._new(op.outs[k]) for k in wanted)
        carried, rest = op.outs[: len(op.inits)], op.outs[len(op.inits) :]
        new = op.rebuild((*op.args, *inits), (*carried, *outs, *rest), tuple(regions))
        if isinstance(new, For):
            new.attrs = (new.stops, False, 0)
        self.b.add(new)


def partial(b: Builder, op: Apply, name: str, dot: Value) -> Value:
    """The part of a primitive's tangent that comes from the tangent of one operand."""
    record = PRIMS[op.prim]
    known = {"y_bar": Sym(b, dot)}
    for need in record.needs(name, tangent=True):
        known[need] = Sym(b, op.out if need == "y" else op.args[record.args.index(need)])
    result = record.rule(name, known, tangent=True)
    return result.value if isinstance(result, Sym) else b.const(result, op.out.dtype)


class CallForward:
    """What the rule of a library call sees of the tangent sweep (`prims.calls.ForwardCtx`)."""

    def __init__(self, walker: Walker, op: Call, old: Op) -> None:
        self._walker = walker
        self._old = old
        self.op: Op = op
        self.b = walker.b
        self.static = op.attrs[1:]

    def arg(self, i: int) -> Value:
        """Argument i."""
        return self.op.args[i]

    def result(self, i: int) -> Value:
        """Result i."""
        return self.op.outs[i]

    def dot(self, i: int) -> Value | None:
        """The tangent of argument i, or None for zero."""
        return self._walker.dot(self._old.args[i])


__all__ = ["tangent"]
