"""Trip counts and iteration numbers of counted loops, as IR."""

from __future__ import annotations

from ..ir.build import Builder
from ..ir.nodes import Dim, For, Value
from .prim import Sym, emit


def trip_count(b: Builder, lo: Value, hi: Value, step: Value) -> Value:
    """len(range(lo, hi, step)) as IR."""
    lo_s, hi_s, step_s = (Sym(b, v) for v in (lo, hi, step))
    known = b.const_of(step)
    zero = b.int(0)
    if known == 1:
        span = (hi_s - lo_s).value
        nonneg = b.const_of(lo) == 0 and isinstance(b.defs.get(hi), Dim)
        return span if nonneg else emit(b, "pymax", span, zero)
    if known == -1:
        return emit(b, "pymax", (lo_s - hi_s).value, zero)
    up = (hi_s - lo_s + step_s - 1) // step_s
    down = (lo_s - hi_s - step_s - 1) // (-step_s)
    if known is not None:
        return emit(b, "pymax", (up if known > 0 else down).value, zero)
    chosen = emit(b, "select", (step_s > 0).value, up.value, down.value)
    return emit(b, "pymax", chosen, zero)


def iteration(b: Builder, loop: For, index: Value, lo: Value, step: Value) -> Value:
    """The 0-based number of the iteration in which the loop index is `index`."""
    if b.const_of(lo) == 0 and b.const_of(step) == 1:
        return index
    if b.const_of(step) == -1:
        return (Sym(b, lo) - Sym(b, index)).value
    return ((Sym(b, index) - Sym(b, lo)) // Sym(b, step)).value
