"""Forward shadows: references whose shadow must be chosen while the program runs forward.

A shadow mirrors the aliasing of its primal: the adjoint of a view is the same view of the adjoint. For most
references that can be decided in the reverse sweep. Where control flow joins references (`b = a if c else d`,
buffers swapped or rebound in a loop, lists of arrays), the shadow has to take the same path as the primal, so
it is made beside it:

    x = alloc(n)                     x = alloc(n);  x_bar = zeros(n)
    for … carry (u = x, v = y)   →   for … carry (u = x, v = y, u_bar = x_bar, v_bar = y_bar)
        yield v, u                       yield v, u, v_bar, u_bar

Needs: verified IR. Gives: the same program with the extra references, and the map from reference to shadow.
"""

from __future__ import annotations

from ..analysis.activity import Activity
from ..analysis.memory import Memory, is_reference
from ..ir.build import Builder
from ..ir.nodes import (
    Alloc,
    Call,
    CallFn,
    If,
    ListGet,
    ListNew,
    ListSet,
    Loop,
    Op,
    Pop,
    Push,
    Region,
    Undef,
    Value,
    View,
    While,
)
from ..ir.types import Array, List
from ..ir.walk import walk


def bar_name(value: Value) -> str:
    """The name of an adjoint: x → x_bar."""
    return f"{value.name}_bar" if value.name else ""


def zeros_like(b: Builder, ref: Value) -> Value:
    """A fresh array of zeros with the shape and dtype of `ref`."""
    shape = [b.dim(ref, axis) for axis in range(ref.rank)]
    return b.alloc(shape, ref.dtype, "zeros", bar_name(ref))


def joined_origins(memory: Memory, activity: Activity) -> frozenset[Value]:
    """Shadowed origins that some join of references, or a list, may hold."""
    joined: set[Value] = set()
    for op in walk(memory.fn.body):
        refs: list[Value] = []
        if isinstance(op, Loop):
            refs = [*op.inits, *op.carried, *op.next]
        elif isinstance(op, If):
            refs = [*op.then.yields, *op.orelse.yields]
        elif isinstance(op, Push | ListSet | Pop | ListGet) and _holds_arrays(op.args[0]):
            refs = [*op.args, *op.outs]
        for ref in filter(is_reference, refs):
            for origin in memory.origins(ref):
                joined |= {origin, *memory.contents(origin)}
    return frozenset(joined & activity.shadowed)


def _holds_arrays(list_: Value) -> bool:
    return isinstance(list_.type, List) and isinstance(list_.type.elem, Array)


class ForwardShadows:
    """Rewrites a function body in place of values: `shadows` maps each joined reference to its shadow."""

    def __init__(self, memory: Memory, activity: Activity, given: dict[Value, Value]) -> None:
        self._memory = memory
        self._activity = activity
        self._joined = joined_origins(memory, activity)
        self.shadows: dict[Value, Value] = dict(given)

    def wanted(self, ref: Value) -> bool:
        """Whether a reference gets its shadow in the forward sweep."""
        return is_reference(ref) and not self._joined.isdisjoint(self._memory.origins(ref))

    def run(self, body: Region) -> Region:
        """The augmented body."""
        b = Builder(Region(body.params))
        for param in body.params:
            if self.wanted(param) and param not in self.shadows:
                self.shadows[param] = zeros_like(b, param)
        self._ops(body, b)
        return Region(body.params, b.region.ops, body.yields)

    def _ops(self, region: Region, b: Builder) -> None:
        for op in region.ops:
            b.src = op.src
            self._op(op, b)

    def _region(self, region: Region, b: Builder, extra_params: tuple[Value, ...] = ()) -> Region:
        b.open(region.params + extra_params)
        self._ops(region, b)
        shadows = tuple(self.shadows[v] for v in region.yields if self.wanted(v))
        return b.close(region.yields + shadows)

    def _new(self, ref: Value) -> Value:
        self.shadows[ref] = shadow = Value(ref.type, bar_name(ref))
        return shadow

    def _op(self, op: Op, b: Builder) -> None:
        match op:
            case If():
                self._if(op, b)
            case Loop():
                self._loop(op, b)
            case View() if self.wanted(op.out):
                b.add(op)
                b.add(op.rebuild((self.shadows[op.array], *op.args[1:]), (self._new(op.out),)))
            case ListNew() | Undef() if self.wanted(op.outs[0]):
                b.add(op)
                b.add(op.rebuild(outs=(self._new(op.out),)))
            case Push() | ListSet() if self.wanted(op.args[0]):
                b.add(op)
                self._into_list(op, b)
            case Pop() | ListGet() if self.wanted(op.args[0]):
                b.add(op)
                if is_reference(op.out) or isinstance(op, Pop):
                    b.add(op.rebuild((self.shadows[op.args[0]], *op.args[1:]), (self._new(op.out),)))
            case Alloc() | Call() | CallFn():
                b.add(op)
                for out in op.outs:
                    if self.wanted(out):
                        self.shadows[out] = zeros_like(b, out)
            case _:
                b.add(op)

    def _into_list(self, op: Op, b: Builder) -> None:
        list_, value = op.args[0], op.args[-1]
        assert isinstance(list_.type, List)
        if isinstance(list_.type.elem, Array):
            b.add(op.rebuild((self.shadows[list_], *op.args[1:-1], self.shadows[value])))
        elif isinstance(op, Push):
            b.push(self.shadows[list_], b.const(0, value.dtype))

    def _if(self, op: If, b: Builder) -> None:
        regions = tuple(self._region(r, b) for r in op.regions)
        b.add(
            op.rebuild(outs=op.outs + tuple(self._new(o) for o in op.outs if self.wanted(o)), regions=regions)
        )

    def _loop(self, op: Loop, b: Builder) -> None:
        chosen = [k for k, p in enumerate(op.carried) if self.wanted(p)]
        params = tuple(self._new(op.carried[k]) for k in chosen)
        regions = []
        if isinstance(op, While):
            b.open(op.cond.params + tuple(Value(p.type, p.name) for p in params))
            for inner in op.cond.ops:
                b.add(inner)
            regions.append(b.close(op.cond.yields))
        regions.append(self._region(op.body, b, params))
        inits = tuple(self.shadows[op.inits[k]] for k in chosen)
        outs = tuple(self._new(op.outs[k]) for k in chosen)
        b.add(op.rebuild(op.args + inits, op.outs + outs, tuple(regions)))
