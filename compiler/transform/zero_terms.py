"""Terms that are zero, unless what they are added to is NaN anyway, are dropped.

Before::

    c: f64 = cos(x)
    s: f64 = sin(x)
    a: f64 = c * 0.0
    b: f64 = s * y_cos
    t: f64 = a + b

After::

    c: f64 = cos(x)
    s: f64 = sin(x)
    t: f64 = s * y_cos

Products of matrices with zeros in them, as of rotations, are full of `c * 0.0`, which is no zero where c is
NaN. But c is NaN only where x is, or is infinite, and then so is s. So a value made of sines and cosines is
known by what *spoils* it, inputs that make it NaN and without which it is finite, and by its `core`, a
simpler value that it equals unless it is spoilt. The core stands for it where it is spoilt by as much.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from ..ir.build import Builder
from ..ir.nodes import Apply, Const, Function, Op, Region, Value
from ..ir.types import is_float
from ..ir.walk import substitute, walk
from ..prims.prim import emit

Spoiling = frozenset[tuple[Value, str]]

BOUNDED = {"sin": ("nan", "inf"), "cos": ("nan", "inf"), "tanh": ("nan",), "erf": ("nan",)}
"""Functions within -1 and 1, and for which arguments they are NaN."""
LARGEST = 1e30
"""Values that may be larger, and so infinite, are not followed."""


def zero_terms(fn: Function) -> Function:
    """Drop terms that are zero; the function itself where there are none."""
    if not any(isinstance(op, Apply) and op.prim in BOUNDED for op in walk(fn.body)):
        return fn
    pass_ = _Terms(fn.body)
    body = pass_.region(fn.body)
    return Function(fn.name, substitute(body, pass_.now)) if pass_.now else fn


@dataclass(frozen=True)
class _Known:
    """At most `bound` and equal to `core`, unless it is NaN because of what spoils it."""

    core: Value
    bound: float
    spoiling: Spoiling


class _Terms:
    """`now` says which value stands for another one."""

    def __init__(self, body: Region) -> None:
        self._definition = {out: op for op in walk(body) for out in op.outs}
        self._found: dict[Value, _Known] = {}
        self.now: dict[Value, Value] = {}

    def region(self, region: Region) -> Region:
        """A region with the cores of its values beside them."""
        ops: list[Op] = []
        for op in region.ops:
            ops.append(op.rebuild(regions=tuple(map(self.region, op.regions))) if op.regions else op)
            if isinstance(op, Apply) and is_float(op.out.dtype):
                ops += self._cores(op)
        return Region(region.params, ops, region.yields)

    def _known(self, value: Value) -> _Known | None:
        value = self.now.get(value, value)
        op = self._definition.get(value)
        if isinstance(op, Const) and is_float(value.dtype):
            return _Known(value, abs(op.value), frozenset()) if abs(op.value) <= LARGEST else None
        return self._found.get(value)

    def _cores(self, op: Apply) -> list[Op]:
        """Learn what an op gives; the ops that compute its core."""
        args = [self._known(arg) for arg in op.args]
        if op.prim in BOUNDED:
            (arg,) = op.args
            spoiling = frozenset((self.now.get(arg, arg), how) for how in BOUNDED[op.prim])
            self._found[op.out] = _Known(op.out, 1.0, args[0].spoiling if args[0] else spoiling)
            return []
        known = [arg for arg in args if arg is not None]
        if len(known) < len(args) or op.prim not in ("add", "sub", "mul", "neg"):
            return []
        bounds = [arg.bound for arg in known]
        bound = math.prod(bounds) if op.prim == "mul" else sum(bounds)
        if bound > LARGEST:
            return []
        spoiling = _union(known)
        cores = tuple(arg.core for arg in known)
        if cores == op.args and not (op.prim == "mul" and any(map(self._is_zero, cores))):
            self._found[op.out] = _Known(op.out, bound, spoiling)
            return []
        b = Builder(src=op.src, defs=self._definition)
        core = self._computed(b, op, cores)
        core.name = core.name or op.out.name
        if self._known(core) is None:
            own = _union([found for c in cores if (found := self._known(c))])
            self._found[core] = _Known(core, bound, own)
        self._found[op.out] = _Known(core, bound, spoiling)
        of_core = self._known(core)
        if of_core is not None and spoiling <= of_core.spoiling:
            self.now[op.out] = core
        return b.region.ops

    def _computed(self, b: Builder, op: Apply, cores: tuple[Value, ...]) -> Value:
        if op.prim == "mul" and any(map(self._is_zero, cores)):
            return b.const(0.0, op.out.dtype)
        return emit(b, op.prim, *cores)

    def _is_zero(self, value: Value) -> bool:
        op = self._definition.get(value)
        return isinstance(op, Const) and op.value == 0


def _union(known: list[_Known]) -> Spoiling:
    return frozenset().union(*(k.spoiling for k in known))
