"""Points-to analysis: which allocation a reference may mean, and whether memory can change after a point.

The origin of memory is the value that made it: a parameter, or the result of Alloc, Call, ListNew or CallFn
(a called function that returns a reference to one of its parameters is refused by `check_results`).
Distinct parameters of the entry function never overlap (the caller checks that for parameters that are
written).
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from types import MappingProxyType

from ..errors import UnsupportedError
from ..ir.nodes import (
    Alloc,
    Call,
    CallFn,
    Function,
    If,
    ListGet,
    ListNew,
    ListSet,
    Loop,
    Module,
    Op,
    Pop,
    Push,
    Region,
    Undef,
    Value,
    View,
    While,
)
from ..ir.types import Scalar
from ..ir.walk import walk
from .permutation import permutation
from .structure import Structure

Origins = frozenset[Value]
Writers = Mapping[str, frozenset[int]]
"""Name of a function → positions of the parameters that it may write to."""


def is_reference(value: Value) -> bool:
    """Arrays and lists."""
    return not isinstance(value.type, Scalar)


class Memory:
    """Origins of every reference of one function, and its writes.

    `distinct_params` is False for functions reached by CallFn, whose arguments may alias.
    `writers` has the functions of the module that write to their parameters (`written_params`).
    """

    def __init__(
        self, fn: Function, *, distinct_params: bool = True, writers: Writers = MappingProxyType({})
    ) -> None:
        self.fn = fn
        self.scope = fn.body
        self.structure = Structure(fn.body)
        self._writers = writers
        self._origins: dict[Value, set[Value]] = {}
        self._contents: dict[Value, set[Value]] = {}
        self._changed = True
        self._stable: dict[tuple[Origins, int], bool] = {}
        params = [p for p in fn.params if is_reference(p)]
        for param in params:
            self._origins[param] = {param if distinct_params else params[0]}
        while self._changed:
            self._changed = False
            self._region(fn.body)
        self.writes: list[tuple[Op, Origins]] = [
            (op, self._written(op)) for op in walk(fn.body) if op.writes or isinstance(op, CallFn)
        ]

    def within(self, scope: Region) -> Memory:
        """The same facts about one run of a region: `stable_after` looks no further than its end."""
        narrowed = copy.copy(self)
        narrowed.scope = scope
        narrowed._stable = {}
        contains, region_of = self.structure.contains, self.structure.region_of
        narrowed.writes = [(op, o) for op, o in self.writes if contains(scope, region_of(op))]
        return narrowed

    def origins(self, ref: Value) -> Origins:
        """The allocations that a reference may point to."""
        return frozenset(self._origins.get(ref, ()))

    def contents(self, origin: Value) -> Origins:
        """The allocations whose references a list may hold."""
        return frozenset(self._contents.get(origin, ()))

    def apart(self, a: Value, b: Value) -> bool:
        """Whether two references visible at one place never lead to the same memory there."""
        if self.origins(a) and self.origins(b) and self.origins(a).isdisjoint(self.origins(b)):
            return True
        (loop, k), (other, j) = self._exchanged(a), self._exchanged(b)
        if loop is None or loop is not other or k == j:
            return False
        return self.apart(loop.inits[k], loop.inits[j])

    def _exchanged(self, ref: Value) -> tuple[Loop | None, int]:
        """The loop that exchanges a buffer with others (inside or after which it is seen), and its place."""
        definition = self.structure.definition.get(ref)
        while isinstance(definition, View):
            ref = definition.array
            definition = self.structure.definition.get(ref)
        if isinstance(definition, Loop):
            loop, places = definition, definition.outs
        else:
            owner = self.structure.owner.get(id(self.structure.home.get(ref)))
            if not isinstance(owner, Loop):
                return None, 0
            loop, places = owner, owner.carried
        k = places.index(ref) if ref in places else -1
        exchanged = permutation(loop)
        group = (
            all(i == j or self.apart(loop.inits[i], loop.inits[j]) for i in exchanged for j in exchanged)
            if k in exchanged
            else False
        )
        return (loop, k) if group else (None, 0)

    def references(self) -> list[Value]:
        """All references, in program order."""
        return list(self._origins)

    # -- points-to
    def _flow(self, target: Value, sources: set[Value] | Origins) -> None:
        known = self._origins.setdefault(target, set())
        if not known.issuperset(sources):
            known |= sources
            self._changed = True

    def _hold(self, list_: Value, value: Value) -> None:
        for origin in self.origins(list_):
            held = self._contents.setdefault(origin, set())
            if not held.issuperset(self.origins(value)):
                held |= self.origins(value)
                self._changed = True

    def _region(self, region: Region) -> None:
        for op in region.ops:
            self._op(op)

    def _op(self, op: Op) -> None:
        match op:
            case Loop():
                self._loop(op)
            case If():
                for inner in op.regions:
                    self._region(inner)
                for k, out in enumerate(op.outs):
                    if is_reference(out):
                        self._flow(out, self.origins(op.then.yields[k]) | self.origins(op.orelse.yields[k]))
            case View():
                self._flow(op.out, self.origins(op.array))
            case Push() | ListSet() if is_reference(op.args[-1]):
                self._hold(op.args[0], op.args[-1])
            case ListGet() | Pop() if is_reference(op.out):
                for origin in self.origins(op.args[0]):
                    self._flow(op.out, self.contents(origin))
            case Alloc() | Call() | CallFn() | ListNew() | Undef():
                for out in filter(is_reference, op.outs):
                    self._flow(out, {out})

    def _loop(self, op: Loop) -> None:
        if isinstance(op, While):
            pairs = [(op.cond.params[k], p) for k, p in enumerate(op.carried) if is_reference(p)]
        else:
            pairs = []
        for init, param, out in zip(op.inits, op.carried, op.outs, strict=False):
            if is_reference(param):
                self._flow(param, self.origins(init))
                self._flow(out, self.origins(init))
        for cond_param, param in pairs:
            self._flow(cond_param, self.origins(param))
        for inner in op.regions:
            self._region(inner)
        for value, param, out in zip(op.next, op.carried, op.outs, strict=False):
            if is_reference(param):
                self._flow(param, self.origins(value))
                self._flow(out, self.origins(value))

    # -- writes
    def _written(self, op: Op) -> Origins:
        if isinstance(op, CallFn):
            return frozenset().union(*(self.origins(op.args[k]) for k in self._writers.get(op.name, ())))
        return self.origins(op.args[0])

    def written(self) -> Origins:
        """Every origin that is written to."""
        return frozenset().union(*(origins for _, origins in self.writes))

    def stable_after(self, origins: Origins, op: Op) -> bool:
        """Whether nothing writes to `origins` between `op` and the end of the scope, which is the function.

        A write inside a loop around `op` runs again after it, unless the memory is made anew in every
        iteration.
        """
        key = (origins, id(op))
        if key not in self._stable:
            self._stable[key] = not any(
                self.may_follow(write, op, origins & written)
                for write, written in self.writes
                if not origins.isdisjoint(written)
            )
        return self._stable[key]

    def may_follow(self, write: Op, op: Op, shared: Origins) -> bool:
        """Whether a write to `shared` memory may run after `op`."""
        region, at_op, at_write = self.structure.common(op, write)
        if at_write > at_op:
            return True
        loops = self.structure.loops(region, self.scope)
        if write is op:
            return any(not self.fresh_in(origin, loop) for origin in shared for loop in loops)
        if at_write == at_op and not loops:
            return True
        return any(not self.fresh_in(origin, loop) for origin in shared for loop in loops)

    def fresh_in(self, origin: Value, loop: Loop) -> bool:
        """Whether every iteration of `loop` has its own memory behind `origin`."""
        home = self.structure.home.get(origin)
        if home is None or not self.structure.contains(loop.body, home):
            return False
        escapes = any(origin in self.origins(v) for v in loop.next if is_reference(v))
        held = any(
            origin in held and not self._made_inside(list_, loop) for list_, held in self._contents.items()
        )
        return not escapes and not held

    def _made_inside(self, list_: Value, loop: Loop) -> bool:
        return self.structure.contains(loop.body, self.structure.home[list_])


def written_params(module: Module) -> dict[str, frozenset[int]]:
    """The functions of a module that may write to memory that a parameter references: which parameters."""
    found: dict[str, frozenset[int]] = {}
    while True:
        before = dict(found)
        for name, fn in module.others.items():
            memory = Memory(fn, distinct_params=name in module.segments, writers=found)
            written = memory.written()
            positions = [
                k for k, p in enumerate(fn.params) if is_reference(p) and memory.origins(p) & written
            ]
            if positions:
                found[name] = frozenset(positions)
        if found == before:
            return found


def check_results(fn: Function) -> None:
    """Refuse a recursive function that returns (a view of) its own argument: its result would alias the
    caller's array."""
    memory = Memory(fn, distinct_params=False)
    params = set().union(*(memory.origins(p) for p in fn.params if is_reference(p)))
    for result in filter(is_reference, fn.results):
        if memory.origins(result) & params:
            raise UnsupportedError(
                f"the recursive function {fn.name} returns its own array argument",
                hint="return a copy: `return a.copy()`",
            )
