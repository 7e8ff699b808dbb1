"""The invariants of the IR, checked after every pass.

1. Every value is defined once in a function: as a parameter, a region's parameter or a result. (The two
   regions of a While may share their parameters.)
2. Every operand and every yielded value is defined before its use, in the same region or in one around it.
3. A Const holds a Python value of its dtype. An Apply names a known primitive with as many operands as
   that has; all operands have one dtype, except the condition of `select`, which is bool, and counts
   (`ipow`, `polygamma`); the dtype of the result follows from the primitive.
4. Load and Store have one int64 index per axis, Alloc int64 lengths; what is stored or pushed has the
   type of the elements; a View keeps the dtype, and its rank is what its kind and operands give.
5. If has a bool condition, and both regions yield the types of its results. A For runs over int64; its
   body's parameters are the index and the carried values; inits, carried parameters, yielded values and
   results agree in type, after a leading bool when the loop `stops`. A While agrees likewise, and its
   cond region yields one bool. One more result than there are inits is the int64 trip count.
6. A CallFn names a function of the module and agrees with its parameters and results; an Attempt names one
   that has no results, and gives a bool. Check has a bool condition.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NoReturn, Protocol

import numpy as np

from ..errors import InternalError
from . import nodes
from .nodes import Function, Module, Op, Region, Value
from .text import short_type, show_around
from .types import BOOL, INT, Array, List, Scalar, Type, complex_of, is_integer, real_of

_MIXED = ("select", "ipow", "polygamma")


class Signature(Protocol):
    """What the check needs to know of a primitive."""

    @property
    def args(self) -> tuple[str, ...]: ...

    @property
    def result(self) -> str: ...


def verify(module: Module | Function, prims: Mapping[str, Signature] | None = None) -> None:
    """Raise InternalError, with the text around the guilty op, unless the invariants hold.

    `prims` is the registry of primitives; without it their names, arity and result dtypes are not checked.
    """
    if isinstance(module, Function):
        module = Module(module)
    for name, function in module.others.items():
        if name != function.name:
            raise InternalError(f"function {function.name} is filed under {name}")
    for function in module:
        _Verifier(module, function, prims).run()


class _Verifier:
    """One function under check: what is visible where, and one method per kind of op."""

    def __init__(self, module: Module, function: Function, prims: Mapping[str, Signature] | None) -> None:
        self.module = module
        self.function = function
        self.prims = prims
        self.visible: set[Value] = set()
        self.defined: set[Value] = set()

    def run(self) -> None:
        self.region(self.function.body, None)

    def need(self, holds: bool, op: Op | None, message: str) -> None:
        """Complain unless something holds."""
        if not holds:
            self.fail(op, message)

    def fail(self, op: Op | None, message: str) -> NoReturn:
        """Complain; called directly where building the message of a check that holds would cost time."""
        kind = f"{type(op).__name__}: " if op else ""
        text = show_around(self.function, op, kind + message)
        raise InternalError(f"{kind}{message}\n{text}", op.src if op else None)

    # -- scopes
    def region(self, region: Region, owner: Op | None, shared: Iterable[Value] = ()) -> None:
        """Check a region; `shared` are values defined by a sibling region."""
        mine: list[Value] = []
        self.define(region.params, owner, mine, set(shared))
        for op in region.ops:
            for arg in op.args:
                if arg not in self.visible:
                    self.fail(op, f"operand {arg!r} is not visible here")
            self.op(op)
            self.define(op.outs, op, mine)
        for value in region.yields:
            if value not in self.visible:
                self.fail(owner, f"yielded {value!r} is not visible in its region")
        self.visible.difference_update(mine)

    def define(
        self, values: Iterable[Value], op: Op | None, mine: list[Value], shared: set[Value] | None = None
    ) -> None:
        for value in values:
            if value in self.defined and value not in (shared or ()):
                self.fail(op, f"{value!r} is defined twice")
            self.defined.add(value)
            self.visible.add(value)
            mine.append(value)

    def op(self, op: Op) -> None:
        """Check one op, inner regions included."""
        self.need(type(op) in _RULES, op, "no such kind of op")
        args, outs = _SHAPE.get(type(op), (None, None))
        if args is not None and len(op.args) != args:
            self.fail(op, f"takes {args} operands, has {len(op.args)}")
        if outs is not None and len(op.outs) != outs:
            self.fail(op, f"gives {outs} results, has {len(op.outs)}")
        _RULES[type(op)](self, op)
        for i, inner in enumerate(op.regions):
            self.region(inner, op, op.regions[0].params if i and isinstance(op, nodes.While) else ())

    def same(self, op: Op, what: str, found: Sequence[Value], expected: Sequence[Value | Type]) -> None:
        """Types agree, one by one."""
        if len(found) != len(expected):
            self.fail(op, f"{len(found)} {what}, expected {len(expected)}")
        for value, other in zip(found, expected, strict=True):
            wanted = other.type if isinstance(other, Value) else other
            if value.type is not wanted and value.type != wanted:
                self.fail(op, f"{what}: {value!r} should have type {short_type(wanted)}")

    def ints(self, op: Op, what: str, found: Sequence[Value]) -> None:
        self.same(op, what, found, [INT] * len(found))

    # -- scalars
    def const(self, op: nodes.Const) -> None:
        self.need(len(op.attrs) == 1 and isinstance(op.out.type, Scalar), op, "is one value of a scalar type")
        dtype = np.dtype(op.out.dtype)
        kinds = {"b": bool, "i": int, "u": int, "f": float, "c": complex}
        self.need(type(op.value) is kinds.get(dtype.kind), op, f"{op.value!r} is not a {dtype.name}")
        if dtype.kind in "iu":
            bounds = np.iinfo(dtype)
            self.need(
                int(bounds.min) <= op.value <= int(bounds.max), op, f"{op.value} overflows {dtype.name}"
            )

    def apply(self, op: nodes.Apply) -> None:
        for value in (*op.args, op.out):
            if not isinstance(value.type, Scalar):
                self.fail(op, f"{value!r} is not a scalar")
        dtypes = [a.dtype for a in op.args]
        alike = dtypes
        if op.prim == "select":
            self.need(dtypes[:1] == ["bool"], op, "the condition of select is bool")
            alike = dtypes[1:]
        elif op.prim in _MIXED:
            self.need(all(is_integer(d) or d == dtypes[0] for d in dtypes[1:]), op, "a count is an integer")
            alike = dtypes[:1]
        if len(set(alike)) > 1:
            self.fail(op, f"{op.prim} of different dtypes: {', '.join(dtypes)}")
        if self.prims is not None:
            if op.prim not in self.prims:
                self.fail(op, f"no primitive is called {op.prim}")
            self.signature(op, self.prims[op.prim], dtypes)

    def signature(self, op: nodes.Apply, record: Signature, dtypes: list[str]) -> None:
        """Arity, and the dtype of the result."""
        if len(dtypes) != len(record.args):
            self.fail(op, f"{op.prim} takes {len(record.args)} operands, has {len(dtypes)}")
        if op.prim == "cast":
            return
        expected = dtypes[1] if op.prim == "select" else dtypes[0]
        if record.result == "bool":
            expected = "bool"
        elif record.result in ("real", "complex"):
            expected = real_of(expected) if record.result == "real" else complex_of(expected)
        if op.out.dtype != expected:
            self.fail(op, f"{op.prim} of {', '.join(dtypes)} gives {expected}, not {op.out.dtype}")

    # -- arrays
    def array(self, op: Op, value: Value) -> Array:
        if not isinstance(value.type, Array):
            self.fail(op, f"{value!r} is not an array")
        return value.type

    def alloc(self, op: nodes.Alloc) -> None:
        self.ints(op, "lengths", op.args)
        rank = self.array(op, op.out).rank
        self.need(rank == len(op.args), op, f"{len(op.args)} lengths for rank {rank}")
        self.need(op.fill in ("zeros", "empty"), op, f"fill is {op.fill}")
        self.need(len(op.axes) == rank, op, f"{len(op.axes)} axes for rank {rank}")

    def place(self, op: Op, array: Value, index: Sequence[Value], value: Value) -> None:
        type_ = self.array(op, array)
        if len(index) != type_.rank:
            self.fail(op, f"{len(index)} indices for rank {type_.rank}")
        self.ints(op, "index", index)
        self.same(op, "element", [value], [Scalar(type_.dtype)])

    def load(self, op: nodes.Load) -> None:
        self.need(bool(op.args), op, "has no array")
        self.place(op, op.array, op.index, op.out)

    def store(self, op: nodes.Store) -> None:
        self.need(len(op.args) >= 2 and op.attrs in ((True,), (False,)), op, "is array, index…, value")
        self.place(op, op.array, op.index, op.value)

    def view(self, op: nodes.View) -> None:
        self.need(bool(op.args) and len(op.attrs) == 2, op, "is an array, a kind and a spec")
        source, result = self.array(op, op.array), self.array(op, op.out)
        self.ints(op, "operands", op.args[1:])
        self.need(source.dtype == result.dtype, op, f"{source.dtype} seen as {result.dtype}")
        counts = {entry: list(op.spec).count(entry) for entry in "is:n"}
        if op.kind == "slice":
            self.need(sum(counts.values()) == len(op.spec), op, f"unknown entries in {op.spec}")
            self.need(len(op.spec) - counts["n"] == source.rank, op, f"{op.spec} for rank {source.rank}")
            operands, rank = counts["i"] + 3 * counts["s"], len(op.spec) - counts["i"]
        elif op.kind == "transpose":
            self.need(sorted(op.spec) == list(range(source.rank)), op, f"{op.spec} is not a permutation")
            operands, rank = 0, source.rank
        else:
            self.need(op.kind == "reshape", op, f"no view is called {op.kind}")
            operands = rank = len(op.args) - 1
        self.need(len(op.args) - 1 == operands, op, f"{operands} operands expected")
        self.need(result.rank == rank, op, f"the result has rank {rank}, not {result.rank}")

    def dim(self, op: nodes.Dim) -> None:
        rank = self.array(op, op.args[0]).rank
        self.need(len(op.attrs) == 1 and 0 <= op.axis < rank, op, f"no axis {op.attrs} in rank {rank}")
        self.ints(op, "length", [op.out])

    # -- calls and lists
    def call(self, op: nodes.Call) -> None:
        self.need(bool(op.attrs) and isinstance(op.attrs[0], str), op, "has no name")

    def call_fn(self, op: nodes.CallFn) -> None:
        known = {f.name for f in self.module}
        self.need(len(op.attrs) == 1 and op.name in known, op, f"no function {op.attrs} in the module")
        target = self.module[op.name]
        self.same(op, "arguments", op.args, target.params)
        self.same(op, "results", op.outs, target.results)

    def attempt(self, op: nodes.Attempt) -> None:
        known = {f.name for f in self.module}
        self.need(len(op.attrs) == 1 and op.name in known, op, f"no function {op.attrs} in the module")
        target = self.module[op.name]
        self.same(op, "arguments", op.args, target.params)
        self.need(not target.results, op, f"{op.name} has results")
        self.same(op, "result", op.outs, [BOOL])

    def elem(self, op: Op, value: Value) -> Type:
        self.need(isinstance(value.type, List), op, f"{value!r} is not a list")
        assert isinstance(value.type, List)
        return value.type.elem

    def list_op(self, op: Op) -> None:
        """Every op on a list: its last operand or its result is an element."""
        elem = self.elem(op, op.out if isinstance(op, nodes.ListNew) else op.args[0])
        if isinstance(op, nodes.ListGet | nodes.ListSet):
            self.ints(op, "index", op.args[1:2])
        if isinstance(op, nodes.Push | nodes.ListSet):
            self.same(op, "element", op.args[-1:], [elem])
        if isinstance(op, nodes.Pop | nodes.ListGet):
            self.same(op, "element", op.outs, [elem])
        if isinstance(op, nodes.ListLen):
            self.ints(op, "length", op.outs)

    def check(self, op: nodes.Check) -> None:
        self.need(len(op.args) >= 1 and len(op.attrs) == 2, op, "is a condition, an exception and a message")
        self.same(op, "condition", op.args[:1], [BOOL])

    def print(self, op: nodes.Print) -> None:
        self.need(len(op.attrs) == 2, op, "is a template and an end")

    # -- control
    def branch(self, op: nodes.If) -> None:
        self.need(len(op.regions) == 2, op, "has two regions")
        self.same(op, "condition", op.args, [BOOL])
        for region in op.regions:
            self.need(not region.params, op, "its regions take no parameters")
            self.same(op, "yields", region.yields, op.outs)

    def for_loop(self, op: nodes.For) -> None:
        self.need(
            len(op.regions) == 1 and len(op.attrs) == 3, op, "has one region, stops, parallel, segments"
        )
        self.need(len(op.args) >= 3, op, "is lo, hi, step, inits…")
        self.ints(op, "range", op.args[:3])
        self.same(op, "parameters", op.body.params, [INT, *op.inits])
        self.same(op, "yields", op.body.yields, [*([BOOL] if op.stops else []), *op.inits])
        self.results(op)

    def while_loop(self, op: nodes.While) -> None:
        self.need(len(op.regions) == 2, op, "has two regions")
        for region in op.regions:
            self.same(op, "parameters", region.params, op.inits)
        self.same(op, "test", op.cond.yields, [BOOL])
        self.same(op, "yields", op.body.yields, op.inits)
        self.results(op)

    def results(self, op: nodes.Loop) -> None:
        self.same(op, "results", op.outs, [*op.inits, *([INT] if op.counted else [])])


_RULES: dict[type[Op], Callable[[_Verifier, Any], None]] = {
    nodes.Const: _Verifier.const,
    nodes.Undef: lambda v, op: None,
    nodes.Apply: _Verifier.apply,
    nodes.Alloc: _Verifier.alloc,
    nodes.Load: _Verifier.load,
    nodes.Store: _Verifier.store,
    nodes.View: _Verifier.view,
    nodes.Dim: _Verifier.dim,
    nodes.Call: _Verifier.call,
    nodes.CallFn: _Verifier.call_fn,
    nodes.Attempt: _Verifier.attempt,
    nodes.ListNew: _Verifier.list_op,
    nodes.Push: _Verifier.list_op,
    nodes.Pop: _Verifier.list_op,
    nodes.ListGet: _Verifier.list_op,
    nodes.ListSet: _Verifier.list_op,
    nodes.ListLen: _Verifier.list_op,
    nodes.Check: _Verifier.check,
    nodes.Print: _Verifier.print,
    nodes.If: _Verifier.branch,
    nodes.For: _Verifier.for_loop,
    nodes.While: _Verifier.while_loop,
}

# How many operands and results a kind has, where that is fixed.
_SHAPE: dict[type[Op], tuple[int | None, int | None]] = {
    nodes.Const: (0, 1),
    nodes.Undef: (0, 1),
    nodes.Apply: (None, 1),
    nodes.Alloc: (None, 1),
    nodes.Load: (None, 1),
    nodes.Store: (None, 0),
    nodes.View: (None, 1),
    nodes.Dim: (1, 1),
    nodes.ListNew: (0, 1),
    nodes.Push: (2, 0),
    nodes.Pop: (1, 1),
    nodes.ListGet: (2, 1),
    nodes.ListSet: (3, 0),
    nodes.ListLen: (1, 1),
    nodes.Check: (None, 0),
    nodes.Print: (None, 0),
    nodes.If: (1, None),
}
