"""Arrays that are accessed element by element only, and what changes where their axes have another order."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from .nodes import Alloc, Dim, Load, Op, Region, Store, Value
from .walk import regions

Order = tuple[int, ...]
"""The axes of an array in another order, as `np.transpose` takes them."""


def element_accesses(body: Region, arrays: Iterable[Value]) -> dict[Value, list[Load | Store]]:
    """Loads and stores of those arrays that nothing else uses, but to ask for their lengths."""
    accesses: dict[Value, list[Load | Store]] = {array: [] for array in arrays}
    for region in regions(body):
        for op in region.ops:
            others = op.args
            if isinstance(op, Load | Store):
                if op.array in accesses:
                    accesses[op.array].append(op)
                others = op.args[1:]
            elif isinstance(op, Dim):
                others = ()
            for value in others:
                accesses.pop(value, None)
        for value in region.yields:
            accesses.pop(value, None)
    return accesses


def reordered(region: Region, orders: Mapping[Value, tuple[Value, Order]]) -> Region:
    """A region where other arrays, with their axes in another order, stand for arrays."""
    return Region(region.params, [_reordered(op, orders) for op in region.ops], region.yields)


def _reordered(op: Op, orders: Mapping[Value, tuple[Value, Order]]) -> Op:
    if isinstance(op, Alloc) and op.out in orders:
        array, order = orders[op.out]
        attrs = (op.fill, *(op.axes[axis] for axis in order))
        return Alloc(tuple(op.args[axis] for axis in order), (array,), (), attrs, op.src)
    if isinstance(op, Load | Store | Dim) and op.args[0] in orders:
        array, order = orders[op.args[0]]
        if isinstance(op, Dim):
            return Dim((array,), op.outs, (), (order.index(op.axis),), op.src)
        index = (op.index[axis] for axis in order)
        return op.rebuild((array, *index, *op.args[1 + array.rank :]))
    return op.rebuild(regions=tuple(reordered(r, orders) for r in op.regions)) if op.regions else op
