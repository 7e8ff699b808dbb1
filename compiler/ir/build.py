"""Builder: the one way to make IR.

Pure scalar ops are hash-consed: asking twice for the same thing in a scope that sees the first gives the same
value.
"""

from __future__ import annotations

import builtins
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..errors import NOWHERE, Src
from .nodes import (
    Alloc,
    Apply,
    Attempt,
    Call,
    CallFn,
    Check,
    Const,
    Dim,
    For,
    If,
    ListGet,
    ListLen,
    ListNew,
    ListSet,
    Load,
    Op,
    Pop,
    Print,
    Push,
    Region,
    Store,
    Undef,
    Value,
    View,
    While,
)
from .types import BOOL, INT, Array, List, Scalar, Type


class Builder:
    """Appends ops to the innermost open region. `src` is the position given to the ops; `defs`, which grows,
    says what made a value.
    """

    def __init__(
        self, region: Region | None = None, *, src: Src = NOWHERE, defs: dict[Value, Op] | None = None
    ) -> None:
        self.src = src
        self._open: list[Region] = [region or Region()]
        self._known: list[dict[Any, Value]] = [{}]
        self.defs: dict[Value, Op] = {} if defs is None else defs

    @property
    def region(self) -> Region:
        """The innermost open region."""
        return self._open[-1]

    @property
    def depth(self) -> builtins.int:
        """How many regions are open."""
        return len(self._open)

    def open(self, params: Sequence[Value] = ()) -> Region:
        """Start a nested region; ops go there until `close`."""
        region = Region(tuple(params))
        self._open.append(region)
        self._known.append({})
        return region

    def close(self, yields: Sequence[Value] = ()) -> Region:
        """End the innermost region and give it its yields."""
        self._known.pop()
        region = self._open.pop()
        region.yields = tuple(yields)
        return region

    def nested(self, params: Sequence[Value] = ()) -> Builder:
        """A builder for a region inside the current one; both may be appended to until the inner one is
        `done`."""
        inner = Builder(Region(tuple(params)))
        inner._known = [*self._known, {}]
        inner.defs = self.defs
        inner.src = self.src
        return inner

    def done(self, yields: Sequence[Value] = ()) -> Region:
        """The finished region of a `nested` builder."""
        self.region.yields = tuple(yields)
        return self.region

    def add(self, op: Op) -> Op:
        """Append an op as it is."""
        self.region.ops.append(op)
        for out in op.outs:
            self.defs[out] = op
        return op

    def _pure(
        self, cls: type[Op], args: tuple[Value, ...], type_: Type, attrs: tuple[Any, ...], name: str
    ) -> Value:
        key = (cls, args, type_, tuple((type(a), repr(a)) for a in attrs))
        for known in reversed(self._known):
            found: Value | None = known.get(key)
            if found is not None:
                return found
        out = Value(type_, name)
        self.add(cls(args, (out,), (), attrs, self.src))
        self._known[-1][key] = out
        return out

    # -- scalars
    def const(self, value: Any, dtype: str | None = None) -> Value:
        """A literal; the dtype defaults to that of the Python value."""
        if dtype is None:
            dtype = "bool" if isinstance(value, bool | np.bool_) else np.asarray(value).dtype.name
        plain = np.dtype(dtype).type(value).item()
        return self._pure(Const, (), Scalar(dtype), (plain,), "")

    def int(self, value: builtins.int) -> Value:
        """An int64 literal."""
        return self.const(value, "int64")

    def undef(self, type_: Type, name: str = "") -> Value:
        """A placeholder."""
        return self.add(Undef((), (Value(type_, name),), (), (), self.src)).out

    def apply(self, prim: str, args: Sequence[Value], dtype: str, name: str = "") -> Value:
        """A scalar primitive with a result of `dtype`."""
        return self._pure(Apply, tuple(args), Scalar(dtype), (prim,), name)

    def const_of(self, value: Value) -> Any:
        """The literal behind a value, or None."""
        op = self.defs.get(value)
        return op.value if isinstance(op, Const) else None

    # -- arrays
    def alloc(self, shape: Sequence[Value], dtype: str, fill: str = "empty", name: str = "") -> Value:
        """A fresh array, "zeros" or "empty"."""
        out = Value(Array(dtype, len(shape)), name)
        return self.add(Alloc(tuple(shape), (out,), (), (fill,), self.src)).out

    def load(self, array: Value, index: Sequence[Value], name: str = "") -> Value:
        """array[index…]."""
        out = Value(Scalar(array.dtype), name)
        return self.add(Load((array, *index), (out,), (), (), self.src)).out

    def store(self, array: Value, index: Sequence[Value], value: Value, accumulate: bool = False) -> None:
        """array[index…] = value, or += value."""
        self.add(Store((array, *index, value), (), (), (accumulate,), self.src))

    def dim(self, array: Value, axis: builtins.int) -> Value:
        """The length of an axis."""
        return self._pure(Dim, (array,), INT, (axis,), "")

    def view(
        self,
        array: Value,
        kind: str,
        spec: tuple[Any, ...],
        operands: Sequence[Value],
        rank: builtins.int,
        name: str = "",
    ) -> Value:
        """A view; see `nodes.View`."""
        out = Value(Array(array.dtype, rank), name)
        return self.add(View((array, *operands), (out,), (), (kind, spec), self.src)).out

    # -- calls, lists, effects
    def call(
        self, name: str, args: Sequence[Value], types: Sequence[Type], static: tuple[Any, ...] = ()
    ) -> tuple[Value, ...]:
        """A library call with results of the given types."""
        outs = tuple(Value(t) for t in types)
        return self.add(Call(tuple(args), outs, (), (name, *static), self.src)).outs

    def attempt(self, name: str, args: Sequence[Value]) -> Value:
        """Whether a call of a function of the module, which gives no results, raises."""
        return self.add(Attempt(tuple(args), (Value(BOOL, "failed"),), (), (name,), self.src)).out

    def call_fn(self, name: str, args: Sequence[Value], types: Sequence[Type]) -> tuple[Value, ...]:
        """A call of another function of the module."""
        outs = tuple(Value(t) for t in types)
        return self.add(CallFn(tuple(args), outs, (), (name,), self.src)).outs

    def list_new(self, elem: Scalar | Array, name: str = "") -> Value:
        """A fresh empty list."""
        return self.add(ListNew((), (Value(List(elem), name),), (), (), self.src)).out

    def push(self, list_: Value, value: Value) -> None:
        """Append."""
        self.add(Push((list_, value), (), (), (), self.src))

    def pop(self, list_: Value, name: str = "") -> Value:
        """Remove and give the last element."""
        return self.add(Pop((list_,), (Value(_elem(list_), name),), (), (), self.src)).out

    def list_get(self, list_: Value, index: Value, name: str = "") -> Value:
        """list[index]."""
        return self.add(ListGet((list_, index), (Value(_elem(list_), name),), (), (), self.src)).out

    def list_set(self, list_: Value, index: Value, value: Value) -> None:
        """list[index] = value."""
        self.add(ListSet((list_, index, value), (), (), (), self.src))

    def list_len(self, list_: Value) -> Value:
        """len(list)."""
        return self.add(ListLen((list_,), (Value(INT),), (), (), self.src)).out

    def check(self, cond: Value, exception: str, message: str, values: Sequence[Value] = ()) -> None:
        """Raise unless cond."""
        if self.const_of(cond) is not True:
            self.add(Check((cond, *values), (), (), (exception, message), self.src))

    def print(self, template: str, values: Sequence[Value], end: str = "\n") -> None:
        """Print once, in the forward sweep."""
        self.add(Print(tuple(values), (), (), (template, end), self.src))

    # -- control
    def if_(self, cond: Value, then: Region, orelse: Region) -> tuple[Value, ...]:
        """Join two closed regions; results have the types and names of the yields of `then`."""
        outs = tuple(Value(v.type, v.name) for v in then.yields)
        return self.add(If((cond,), outs, (then, orelse), (), self.src)).outs

    def for_(
        self,
        lo: Value,
        hi: Value,
        step: Value,
        inits: Sequence[Value],
        body: Region,
        *,
        stops: bool = False,
        parallel: bool = False,
        segments: builtins.int = 0,
        counted: bool = False,
    ) -> tuple[Value, ...]:
        """A counted loop over a closed body with params (index, carried…)."""
        outs = tuple(Value(p.type, p.name) for p in body.params[1:])
        outs += (Value(INT, "trips"),) if counted else ()
        return self.add(
            For((lo, hi, step, *inits), outs, (body,), (stops, parallel, segments), self.src)
        ).outs

    def while_(
        self, inits: Sequence[Value], cond: Region, body: Region, *, counted: bool = False
    ) -> tuple[Value, ...]:
        """A while loop over closed regions with the same parameters."""
        outs = tuple(Value(p.type, p.name) for p in body.params)
        outs += (Value(INT, "trips"),) if counted else ()
        return self.add(While(tuple(inits), outs, (cond, body), (), self.src)).outs


def _elem(list_: Value) -> Type:
    assert isinstance(list_.type, List)
    return list_.type.elem


__all__ = ["BOOL", "Builder"]
