"""Results that the caller has memory for become parameters.

    x_bar = empty(n)                              (parameter x_bar)
    for i in range(0, n, 1) {                     for i in range(0, n, 1) {
        x_bar[i] = 2.0                       →        x_bar[i] = 2.0
    }                                             }
    return result, x_bar                          return result

Needs and gives verified IR, and relies on the caller: the new parameters have the shapes of the results and
overlap nothing. Comes after `settle`, which knows the zeros that need not be written. A result that is not an
array of the function's own, or is one twice, is copied at the end.
"""

from __future__ import annotations

from collections.abc import Sequence

from ..ir.build import Builder
from ..ir.nodes import Alloc, Function, Op, Region, Value
from ..ir.types import Array
from ..ir.walk import substitute
from ..prims.libcall import each


def into(fn: Function, chosen: Sequence[int]) -> Function:
    """Make the array results of these numbers parameters, in this order."""
    results = fn.results
    given = {k: Value(results[k].type, results[k].name) for k in chosen}
    owner = {op.out: op for op in fn.body.ops if isinstance(op, Alloc)}
    first: dict[Value, int] = {}
    for k in chosen:
        if results[k] in owner:
            first.setdefault(results[k], k)
    ops: list[Op] = []
    for op in fn.body.ops:
        if not isinstance(op, Alloc) or op.out not in first:
            ops.append(op)
        elif op.fill == "zeros":
            ops += _filled(op)
    b = Builder(Region(fn.params, ops))
    for k in chosen:
        if first.get(results[k]) != k:
            _copied(b, results[k], given[k])
    b.region.yields = tuple(r for k, r in enumerate(results) if k not in given)
    body = substitute(b.region, {value: given[k] for value, k in first.items()})
    return Function(fn.name, Region((*fn.params, *given.values()), body.ops, body.yields))


def _filled(op: Alloc) -> list[Op]:
    b = Builder()
    dtype = op.out.dtype
    zero = b.const(False if dtype == "bool" else 0j if dtype.startswith("complex") else 0.0, dtype)
    each(b, list(op.args), lambda index: b.store(op.out, index, zero))
    return b.region.ops


def _copied(b: Builder, result: Value, target: Value) -> None:
    assert isinstance(target.type, Array)
    lengths = [b.dim(result, axis) for axis in range(target.type.rank)]
    each(b, lengths, lambda index: b.store(target, index, b.load(result, index)))
