"""Common subexpression elimination, of pure ops, views, and loads from memory that has not been written
since.

Before::

    b: f64[:] = empty(n)
    m: i64 = b.shape[0]
    t: f64 = x * y
    b[i] = t
    t_1: f64 = y * x
    t_2: f64 = b[i]
    t_3: f64 = t_1 + t_2

After::

    b: f64[:] = empty(n)
    t: f64 = x * y
    b[i] = t
    t_3: f64 = t + t

A stored value is known until something may write the same memory; to store it once more is no use. What is
known before a branch or a loop is known inside it; what a branch learns is forgotten after it; a loop forgets
on entry what its body writes.

A branch knows what an earlier branch on the same condition has computed, if that is yielded: the reverse of
`if c: t = sqrt(x); y = sin(t); z = cos(t)` finds both in the results of the branch, though not t.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..analysis.lengths import result_axis, seen_axis
from ..analysis.memory import Memory, Origins
from ..ir.nodes import (
    Alloc,
    Apply,
    Call,
    CallFn,
    Const,
    Dim,
    Function,
    If,
    Load,
    Loop,
    Op,
    Region,
    Store,
    Value,
    View,
)
from ..ir.types import INT, Scalar
from ..ir.walk import walk

_COMMUTATIVE = frozenset({"add", "mul", "and", "or", "eq", "ne", "bitand", "bitor", "bitxor"})
Key = tuple[Any, ...]
Place = tuple[Value, ...]


def cse(fn: Function, *, distinct_params: bool = True) -> Function:
    """Compute equal things once; `distinct_params` says that array parameters never overlap."""
    pass_ = _Pass(Memory(fn, distinct_params=distinct_params))
    for param in fn.params:
        pass_.number(param)
    return Function(fn.name, pass_.region(fn.body, {}))


class _Pass:
    """What is known at the current place: pure values and finished branches by scope, and the contents of
    memory.

    A value inside a finished branch is known to be computed, though it is `hidden`: what it is yielded as can
    be read. `alias` leads from values that can be read to equal hidden ones.
    """

    def __init__(self, memory: Memory) -> None:
        self.memory = memory
        self.scopes: list[dict[Key, Value]] = []
        self.same: dict[Value, Value] = {}
        self.definition: dict[Value, Op] = {}
        self.numbers: dict[Value, int] = {}
        self.branches: list[dict[Value, list[If]]] = []
        self.hidden: set[Value] = set()
        self.alias: dict[Value, Value] = {}

    def number(self, value: Value) -> int:
        """A number by order of appearance, to sort operands the same way in every run."""
        return self.numbers.setdefault(value, len(self.numbers))

    def region(
        self, region: Region, contents: dict[Place, Value], earlier: Sequence[tuple[If, Region]] = ()
    ) -> Region:
        """Rebuild a region; `contents` is what memory is known to hold, and is updated. It runs only if the
        `earlier` regions have run.
        """
        for param in region.params:
            self.number(param)
        self.scopes.append(self.recalled(earlier))
        self.branches.append({})
        ops: list[Op] = []
        for old in region.ops:
            op = old.rebuild(tuple(self.same.get(a, a) for a in old.args))
            ops.extend(self.op(op, old, contents))
        self.scopes.pop()
        self.branches.pop()
        return Region(region.params, ops, tuple(self.same.get(v, v) for v in region.yields))

    def op(self, op: Op, old: Op, contents: dict[Place, Value]) -> list[Op]:
        """The ops that stand for an op."""
        for out in op.outs:
            self.definition[out] = op
            self.number(out)
        if isinstance(op, Apply | Const | Dim | View):
            return self.pure(op)
        if isinstance(op, Load):
            if op.args in contents:
                self.same[op.out] = contents[op.args]
                return []
            contents[op.args] = op.out
        elif isinstance(op, Store | CallFn):
            if isinstance(op, Store) and not op.accumulate and contents.get(op.args[:-1]) is op.value:
                return []
            self.forget(old, contents)
            if isinstance(op, Store) and not op.accumulate:
                contents[(op.array, *op.index)] = op.value
        elif op.regions:
            return [self.nested(op, old, contents)]
        return [op]

    # -- pure ops
    def pure(self, op: Op) -> list[Op]:
        if isinstance(op, Dim):
            known = self.length(op)
            if isinstance(known, Value):
                self.same[op.out] = known
                return []
            op = known
        key = self.key(op, op.args)
        found = self.found(key)
        if found is None and any(a in self.alias for a in op.args):
            found = self.found(self.key(op, tuple(self.alias.get(a, a) for a in op.args)))
        if found is not None and found not in self.hidden:
            self.same[op.out] = found
            return []
        if found is not None:
            self.alias[op.out] = found
        self.scopes[-1][key] = op.out
        self.definition[op.out] = op
        return [op]

    def found(self, key: Key) -> Value | None:
        """The value of a key; one that can be read, if there is one."""
        values = [scope[key] for scope in reversed(self.scopes) if key in scope]
        return next((v for v in values if v not in self.hidden), values[0] if values else None)

    def recalled(self, earlier: Sequence[tuple[If, Region]]) -> dict[Key, Value]:
        """What branches that have run have computed; it can be read where they yield it."""
        known: dict[Key, Value] = {}
        for op, region in earlier:
            shown = dict(zip(region.yields, op.outs, strict=True))
            for inner in region.ops:
                if isinstance(inner, Apply | Const):
                    self.hidden.add(inner.out)
                    key = self.key(inner, tuple(self.alias.get(a, a) for a in inner.args))
                    outside = self.found(key)
                    if outside is not None:
                        self.alias[inner.out] = outside
                    known[key] = inner.out if isinstance(inner, Const) else shown.get(inner.out, inner.out)
            for value, out in shown.items():
                if isinstance(out.type, Scalar):
                    self.alias[out] = self.alias.get(value, value)
        return known

    def key(self, op: Op, args: tuple[Value, ...]) -> Key:
        if isinstance(op, Apply) and op.prim in _COMMUTATIVE:
            args = tuple(sorted(args, key=self.number))
        return type(op), args, op.out.type, tuple((type(a), repr(a)) for a in op.attrs)

    def length(self, op: Dim) -> Value | Op:
        """The value that a length is, or the op that gives it most directly."""
        array, axis = op.args[0], op.axis
        while True:
            source = self.definition.get(array)
            if isinstance(source, Alloc) or (isinstance(source, View) and source.kind == "reshape"):
                return source.args[axis + isinstance(source, View)]
            if isinstance(source, Call):
                found = result_axis(source, axis)
                if found is None:
                    return Dim((array,), op.outs, (), (axis,), op.src)
                array, axis = found
                continue
            step = seen_axis(source, axis) if isinstance(source, View) else None
            if step is None:
                return Dim((array,), op.outs, (), (axis,), op.src)
            if step < 0:
                assert op.out.type == INT
                return Const((), op.outs, (), (1,), op.src)
            assert source is not None
            array, axis = source.args[0], step

    # -- memory
    def forget(self, op: Op, contents: dict[Place, Value], ahead: bool = False) -> None:
        """Drop what an op with its original operands may overwrite; `ahead` of its turn, at any index."""
        if isinstance(op, CallFn):
            contents.clear()
        elif isinstance(op, Store):
            origins = self.memory.origins(op.array)
            target = tuple(self.same.get(v, v) for v in (op.array, *op.index))
            for place in [p for p in contents if self.overlaps(p, target[:1] if ahead else target, origins)]:
                del contents[place]

    def overlaps(self, place: Place, target: Place, origins: Origins) -> bool:
        """Whether a store to `target`, memory of these origins, may change what is known of `place`."""
        mine = self.memory.origins(place[0])
        if mine and origins and not mine & origins:
            return False
        if place[0] is not target[0]:
            return True
        return not any(self.differ(i, j) for i, j in zip(place[1:], target[1:], strict=False))

    def differ(self, a: Value, b: Value) -> bool:
        """Whether two indices are literals for different elements, counted from the same end."""
        first, second = self.definition.get(a), self.definition.get(b)
        if not (isinstance(first, Const) and isinstance(second, Const)):
            return False
        return bool(first.value != second.value and (first.value < 0) == (second.value < 0))

    def nested(self, op: Op, old: Op, contents: dict[Place, Value]) -> Op:
        """An op with regions: they start from what is known, and afterwards what they write is forgotten."""
        before = dict(contents)
        for region in old.regions:
            for inner in walk(region):
                self.forget(inner, contents, ahead=True)
        start = contents if isinstance(op, Loop) else before
        if not isinstance(op, If):
            return op.rebuild(regions=tuple(self.region(r, dict(start)) for r in op.regions))
        earlier = [found for scope in self.branches for found in scope.get(op.cond, ())]
        regions = []
        for k, region in enumerate(op.regions):
            outer = dict(self.alias)
            regions.append(self.region(region, dict(start), [(e, e.regions[k]) for e in earlier]))
            self.alias = outer
        made = op.rebuild(regions=tuple(regions))
        assert isinstance(made, If)
        self.branches[-1].setdefault(op.cond, []).append(made)
        return made
