"""Slices: which indices they select, in normal form, and the kinds of items that a subscript is made of.

`u[1:-1]`, `u[2:]` and `u[:-2]` have one length value, max(n - 2, 0).
"""

from __future__ import annotations

from dataclasses import dataclass

from ..ir.nodes import Apply, Value
from ..prims.prim import Sym, emit
from .core import Ctx, as_index, nonneg
from .value import AbstractValue, Arr, Known, SliceVal


@dataclass(frozen=True, eq=False)
class Int:
    """One index, which drops its axis."""

    value: Value


@dataclass(frozen=True, eq=False)
class Range:
    """start, start + step, … (length of them); `full` is the whole axis in order."""

    start: Value
    length: Value
    step: Value
    full: bool = False


@dataclass(frozen=True, eq=False)
class Fancy:
    """An integer array on one axis; `safe` indices are known to be in range."""

    index: Arr
    safe: bool = False


NEW = "newaxis"
Item = Int | Range | Fancy | str


def _shrink(ctx: Ctx, n: Value, k: int) -> Value:
    """max(n - k, 0) in normal form, for k >= 0."""
    if k == 0:
        return n
    op = ctx.b.defs.get(n)
    if isinstance(op, Apply) and op.prim == "pymax" and ctx.b.const_of(op.args[1]) == 0:
        n = op.args[0]
    return emit(ctx.b, "pymax", emit(ctx.b, "add", n, ctx.b.int(-k)), ctx.b.int(0))


def _bound(ctx: Ctx, x: AbstractValue | None) -> int | Value | None:
    if x is None or (isinstance(x, Known) and x.obj is None):
        return None
    value = as_index(ctx, x)
    known = ctx.b.const_of(value)
    return value if known is None else int(known)


def _clamp(ctx: Ctx, n: Value, x: int | Value, lowest: int) -> Value:
    """A start or stop in range: [0, n] for lowest 0 (positive steps), [-1, n - 1] for lowest -1."""
    b = ctx.b
    top = emit(b, "add", n, b.int(lowest))
    if isinstance(x, int):
        x = b.int(x)
    known = b.const_of(x)
    if known is not None and known < 0:
        shifted = emit(b, "add", n, x)
        return _shrink(ctx, n, -known) if lowest == 0 else emit(b, "pymax", shifted, b.int(lowest))
    inside = emit(b, "pymin", x, top)
    if nonneg(ctx, x):
        return inside
    low = emit(b, "pymax", emit(b, "add", x, n), b.int(lowest))
    return emit(b, "select", emit(b, "lt", x, b.int(0)), low, inside)


def _unit(ctx: Ctx, n: Value, start: int | Value | None, stop: int | Value | None) -> tuple[Value, Value]:
    """Start and length of start:stop (step 1)."""
    b = ctx.b
    if isinstance(start, int | None) and isinstance(stop, int | None):
        lo, a = (False, -start) if start is not None and start < 0 else (True, start or 0)
        hi, z = (False, stop) if stop is not None and stop >= 0 else (True, -(stop or 0))
        first = b.int(a) if lo else _shrink(ctx, n, a)
        if lo and hi:
            return first, _shrink(ctx, n, a + z)
        if lo:
            return first, emit(b, "pymin", _shrink(ctx, n, a), b.int(z - a)) if z > a else b.int(0)
        if hi:
            return first, emit(b, "pymin", _shrink(ctx, n, z), b.int(a - z)) if a > z else b.int(0)
    first = _clamp(ctx, n, start or 0 if isinstance(start, int | None) else start, 0)
    last = n if stop is None else _clamp(ctx, n, stop, 0)
    return first, emit(b, "pymax", emit(b, "sub", last, first), b.int(0))


def slice_range(ctx: Ctx, n: Value, s: SliceVal) -> Range:
    """The indices that a slice selects of an axis of length n."""
    b = ctx.b
    start, stop, step = _bound(ctx, s.start), _bound(ctx, s.stop), _bound(ctx, s.step)
    if step is None or step == 1:
        first, length = _unit(ctx, n, start, stop)
        return Range(first, length, b.int(1), full=length is n and b.const_of(first) == 0)
    if not isinstance(step, int):
        return _dynamic(ctx, n, start, stop, step)
    if step == 0:
        ctx.require(b.const(False), "ValueError", "slice step cannot be zero")
        return Range(b.int(0), b.int(0), b.int(1))
    if step > 0:
        first, length = _unit(ctx, n, start, stop)
    else:
        first = emit(b, "sub", n, b.int(1)) if start is None else _clamp(ctx, n, start, -1)
        last = b.int(-1) if stop is None else _clamp(ctx, n, stop, -1)
        if start is None and stop is None:
            length = n
        else:
            length = emit(b, "pymax", emit(b, "sub", first, last), b.int(0))
    if abs(step) > 1:
        length = emit(b, "floordiv", emit(b, "add", length, b.int(abs(step) - 1)), b.int(abs(step)))
    return Range(first, length, b.int(step))


def _dynamic(ctx: Ctx, n: Value, start: int | Value | None, stop: int | Value | None, step: Value) -> Range:
    """A slice whose step is known only at run time."""
    b, zero = ctx.b, ctx.b.int(0)
    ctx.require(emit(b, "ne", step, zero), "ValueError", "slice step cannot be zero")
    down = emit(b, "lt", step, zero)

    def pick(negative: Value, positive: Value) -> Value:
        return emit(b, "select", down, negative, positive)

    top = emit(b, "sub", n, b.int(1))
    first = pick(top, zero) if start is None else pick(_clamp(ctx, n, start, -1), _clamp(ctx, n, start, 0))
    last = pick(b.int(-1), n) if stop is None else pick(_clamp(ctx, n, stop, -1), _clamp(ctx, n, stop, 0))
    span = Sym(b, last) - Sym(b, first) + Sym(b, step) + Sym(b, pick(b.int(1), b.int(-1)))
    return Range(first, emit(b, "pymax", (span // Sym(b, step)).value, zero), step)
