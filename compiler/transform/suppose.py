"""Lengths of arguments that are supposed known are written as literals.

Before, for points of shape (n, 3) and cameras of shape (n, 11)::

    n: i64 = points.shape[1]
    m: i64 = cameras.shape[1]
    for o in range(0, count, 1) {
        length: i64 = pymin(m, 3)
        axis: f64[:] = empty(length)
        x: f64[:] = empty(n)
        …
    }

After::

    n_1: i64 = points.shape[1]
    t: bool = n_1 == 3
    check t else ValueError('this code is for 3 …')
    m: i64 = cameras.shape[1]
    t_1: bool = m >= 3
    check t_1 else ValueError('this code is for at least 3 …')
    n: i64 = 3
    for o in range(0, count, 1) {
        length: i64 = 3
        axis: f64[:] = empty(length)
        x: f64[:] = empty(n)
        …
    }

What is supposed was chosen by `analysis.short`, and a call with other lengths gets other code. The checks are
for those who call the compiled function themselves.
"""

from __future__ import annotations

from collections.abc import Sequence

from ..ir.build import Builder
from ..ir.nodes import Apply, Const, Dim, Function, Op, Region, Value
from ..ir.types import INT
from ..prims.prim import emit
from ..specs import Length

Interval = tuple[int | None, int | None]
"""The least and the greatest value; None where there is none."""


def suppose(fn: Function, lengths: Sequence[Length]) -> Function:
    """The function for arguments of these lengths, with a check of each that matters."""
    for length in lengths:
        pass_ = _Literals(fn.params[length.leaf], length)
        body = pass_.region(fn.body)
        if pass_.found:
            fn = Function(fn.name, Region(body.params, [*_check(fn, length), *body.ops], body.yields))
    return fn


def _check(fn: Function, length: Length) -> list[Op]:
    b = Builder()
    b.src = fn.body.ops[0].src
    now = b.dim(fn.params[length.leaf], length.axis)
    name = f"{fn.params[length.leaf].name}.shape[{length.axis}]"
    if length.least == length.most:
        holds, what = emit(b, "eq", now, b.int(length.least)), f"{length.least}"
    elif length.most is None:
        holds, what = emit(b, "ge", now, b.int(length.least)), f"at least {length.least}"
    else:
        above, below = (emit(b, "ge", now, b.int(length.least)), emit(b, "le", now, b.int(length.most)))
        holds, what = emit(b, "and", above, below), f"from {length.least} to {length.most}"
    b.check(holds, "ValueError", f"this code was compiled for {name} of {what}, not {{0}}", (now,))
    return b.region.ops


class _Literals:
    """Replaces what is one number for all lengths in question; `found` says whether there was any."""

    def __init__(self, param: Value, length: Length) -> None:
        self._param = param
        self._length = length
        self._known: dict[Value, Interval] = {}
        self.found = False

    def region(self, region: Region) -> Region:
        return Region(region.params, [self._op(op) for op in region.ops], region.yields)

    def _op(self, op: Op) -> Op:
        interval = self._interval(op)
        if interval is not None:
            self._known[op.out] = interval
            low, high = interval
            if low is not None and low == high and not isinstance(op, Const):
                self.found = True
                return Const((), op.outs, (), (low,), op.src)
        if op.regions:
            return op.rebuild(regions=tuple(map(self.region, op.regions)))
        return op

    def _interval(self, op: Op) -> Interval | None:
        """The values of an integer that is computed from the length."""
        if isinstance(op, Const) and op.out.type == INT:
            return int(op.value), int(op.value)
        if isinstance(op, Dim) and op.args[0] is self._param and op.axis == self._length.axis:
            return self._length.least, self._length.most
        if not isinstance(op, Apply) or op.out.type != INT or len(op.args) != 2:
            return None
        left, right = (self._known.get(a, (None, None)) for a in op.args)
        return _computed(op.prim, left, right)


def _computed(prim: str, left: Interval, right: Interval) -> Interval | None:
    (a, b), (c, d) = left, right
    if prim == "add":
        return (None if a is None or c is None else a + c), (None if b is None or d is None else b + d)
    if prim == "sub":
        return (None if a is None or d is None else a - d), (None if b is None or c is None else b - c)
    if prim == "pymin":
        return (None if a is None or c is None else min(a, c)), min(
            (x for x in (b, d) if x is not None), default=None
        )
    if prim == "pymax":
        return max((x for x in (a, c) if x is not None), default=None), (
            None if b is None or d is None else max(b, d)
        )
    return None
