"""Rows that a loop reads on a ring are copied with both ends around them, so that reading them vectorises.

Before::

    for j in range(0, n, 1) {
        left: i64 = j - 1 if j > 0 else n - 1
        right: i64 = j + 1 if j < n - 1 else 0
        a: f64 = u[i, left]
        b: f64 = u[i, right]
        …

After::

    u_row: f64[:] = empty(n + 2)
    for j in range(0, n, 1) {
        u_row[j + 1] = u[i, j]
    }
    u_row[0] = u_row[n]
    u_row[n + 1] = u_row[1]
    for j in range(0, n, 1) {
        a: f64 = u_row[j]
        b: f64 = u_row[j + 2]
        …

A choice between two indices in each iteration is a gather for LLVM, at several times the price of a vector.
The innermost loop may not write to the array. `transform/reuse.py` makes the rows once.
"""

from __future__ import annotations

from ..analysis.dependence import READ, Dependences
from ..analysis.scatter import is_long
from ..ir.build import Builder
from ..ir.nodes import For, Function, Load, Op, Region, Value
from ..ir.types import INT
from ..ir.walk import defined, walk

Place = tuple[Value, ...]
"""A row: an array, and the indices of its other axes."""


def ring_rows(
    fn: Function, *, distinct_params: bool = True, reassociate: bool = True, visible: bool = True
) -> Function:
    """Copy rows that are read on rings; the function itself where there are none."""
    known = Dependences(fn, distinct_params=distinct_params, reassociate=reassociate, visible=visible)
    rows = {id(op): found for op in walk(fn.body) if isinstance(op, For) and (found := _rows(op, known))}
    return Function(fn.name, _rebuilt(fn.body, rows, known)) if rows else fn


def _rows(loop: For, known: Dependences) -> dict[int, int]:
    """The loads of an innermost loop from the rows that it reads on a ring, with the steps from its index."""
    if not is_long(loop, known) or loop.stops or any(op.regions for op in loop.body.ops):
        return {}
    if known.literal(loop.step) not in (1, -1):
        return {}
    summary, inside = known.summary(loop), defined(loop.body)
    written = [x.ref for x in summary.accesses if x.kind != READ]
    if summary.opaque:
        return {}
    found: dict[Place, dict[int, int]] = {}
    for op in loop.body.ops:
        if not isinstance(op, Load) or not inside.isdisjoint(op.args[:-1]):
            continue
        step = _step(op.index[-1], loop, known)
        if step is not None and all(known.memory.apart(array, op.array) for array in written):
            found.setdefault(op.args[:-1], {})[id(op)] = step
    return {load: step for steps in found.values() if any(steps.values()) for load, step in steps.items()}


def _step(index: Value, loop: For, known: Dependences) -> int | None:
    """How far an index is from that of a loop on its ring, if that is known."""
    if index is loop.index:
        return 0
    near = known.neighbour(index)
    return near.step if near is not None and near.loop is loop else None


def _rebuilt(region: Region, rows: dict[int, dict[int, int]], known: Dependences) -> Region:
    """A region whose loops read copies."""
    b = Builder(Region(region.params))
    for op in region.ops:
        b.src = op.src
        if isinstance(op, For) and id(op) in rows:
            _copied(b, op, rows[id(op)], known)
        else:
            inner = tuple(_rebuilt(r, rows, known) for r in op.regions)
            b.add(op.rebuild(regions=inner) if inner else op)
    return Region(region.params, b.region.ops, region.yields)


def _copied(b: Builder, loop: For, steps: dict[int, int], known: Dependences) -> None:
    """The copies, and the loop that reads them."""
    end = loop.hi if known.literal(loop.step) == 1 else b.apply("add", (loop.lo, b.int(1)), "int64")
    places = dict.fromkeys(op.args[:-1] for op in loop.body.ops if id(op) in steps)
    copies = {place: _copy(b, loop.index.name, place, end) for place in places}
    ops: list[Op] = []
    for op in loop.body.ops:
        if id(op) in steps:
            inner = Builder()
            inner.src = op.src
            step = steps[id(op)] + 1
            at = inner.apply("add", (loop.index, inner.int(step)), "int64") if step else loop.index
            ops += inner.region.ops
            op = Load((copies[op.args[:-1]], at), op.outs, (), (), op.src)
        ops.append(op)
    b.add(loop.rebuild(regions=(Region(loop.body.params, ops, loop.body.yields),)))


def _copy(b: Builder, name: str, place: Place, end: Value) -> Value:
    """The row of a place, from its last element to its first, with all of it in between."""
    one = b.int(1)
    length = b.apply("pymax", (end, b.int(0)), "int64")
    after = b.apply("add", (length, one), "int64")
    row = b.alloc((b.apply("add", (after, one), "int64"),), place[0].dtype, "empty", f"{place[0].name}_row")
    index = Value(INT, name)
    b.open((index,))
    b.store(row, (b.apply("add", (index, one), "int64"),), b.load(place[0], (*place[1:], index)))
    b.for_(b.int(0), end, one, (), b.close())
    b.store(row, (b.int(0),), b.load(row, (length,)))
    b.store(row, (after,), b.load(row, (one,)))
    return row
