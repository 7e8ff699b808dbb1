"""Arrays that are results lie in memory with their last axis first.

Before::

    x_bar: f64[:, :] = zeros(n, 2)
    …
    x_bar[i, 0] += t
    x_bar[i, 1] += t_1
    return x_bar

After::

    x_bar_1: f64[:, :] = zeros(2, n)
    …
    x_bar_1[0, i] += t
    x_bar_1[1, i] += t_1
    x_bar: f64[:, :] = transpose(x_bar_1, (1, 0))
    return x_bar

For a few rows of a Jacobian, whose loops over lanes are written out: nothing is gained by lanes side by side,
and each row is contiguous. Arrays stay as they are where anything but loads and stores of elements uses them.
"""

from __future__ import annotations

from ..ir.nodes import Alloc, Dim, Function, Load, Op, Region, Store, Value, View
from ..ir.walk import walk


def lanes_first(fn: Function) -> Function:
    """Put the last axis of results first."""
    made = {op.out for op in fn.body.ops if isinstance(op, Alloc) and op.out.rank > 1}
    chosen = {r: Value(r.type, r.name) for r in fn.results if r in made}
    for op in walk(fn.body):
        plain = isinstance(op, Load | Store | Dim)
        for value in (*op.args[plain:], *(y for region in op.regions for y in region.yields)):
            chosen.pop(value, None)
    if not chosen:
        return fn
    body = _region(fn.body, chosen)
    turned = [
        View((new,), (old,), (), ("transpose", (*range(1, old.rank), 0))) for old, new in chosen.items()
    ]
    return Function(fn.name, Region(body.params, [*body.ops, *turned], body.yields))


def _region(region: Region, chosen: dict[Value, Value]) -> Region:
    return Region(region.params, [_moved(op, chosen) for op in region.ops], region.yields)


def _moved(op: Op, chosen: dict[Value, Value]) -> Op:
    """An op on the array with its last axis first."""
    if isinstance(op, Alloc) and op.out in chosen:
        return op.rebuild((op.args[-1], *op.args[:-1]), (chosen[op.out],))
    if isinstance(op, Load | Store | Dim) and op.args[0] in chosen:
        array = chosen[op.args[0]]
        if isinstance(op, Dim):
            return Dim((array,), op.outs, (), ((op.axis + 1) % array.rank,), op.src)
        index = (op.index[-1], *op.index[:-1])
        return op.rebuild((array, *index, op.value) if isinstance(op, Store) else (array, *index))
    return op.rebuild(regions=tuple(_region(r, chosen) for r in op.regions)) if op.regions else op
