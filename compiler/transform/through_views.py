"""What loops read and write through rows of arrays, they read and write in the arrays.

Before::

    for i in range(0, n, 1) {
        row: f64[:] = a[i, :]
        for j in range(0, d, 1) { row[j] = x[i, j] }
    }

After::

    for i in range(0, n, 1) {
        for j in range(0, d, 1) { a[i, j] = x[i, j] }
    }

So `transform/blocks.py` and `transform/sum_first.py`, which look for the same array in different loops, see
the rows of a tape, which an array is that a loop makes. Views that anything else is done with stay, as do
rows that may not exist.
"""

from __future__ import annotations

from functools import partial

from ..analysis.dependence import Dependences
from ..analysis.races import behind
from ..ir.nodes import Dim, For, Function, Load, Op, Store, Value, View
from ..ir.walk import regions, rewrite, walk


def through_views(fn: Function) -> Function:
    """Drop views of rows that loops at the top make; the function itself where there are none."""
    while found := _rows(fn):
        fn = Function(fn.name, rewrite(fn.body, partial(_seen, found)))
    return fn


def _rows(fn: Function) -> dict[Value, View]:
    """The views that may go, of which no others are taken."""
    loops = [op for op in fn.body.ops if isinstance(op, For)]
    found = {op.out: op for loop in loops for op in walk(loop.body) if isinstance(op, View) and _is_row(op)}
    for region in regions(fn.body) if found else ():
        used = {v for op in region.ops for v in op.args if not _is_access(op)}
        for value in (*used, *region.yields):
            found.pop(value, None)
    if not found:
        return found
    existing = Dependences(fn).existing
    places = {v: list(zip(_axes(view, "i"), view.args[1:], strict=True)) for v, view in found.items()}
    return {
        v: view
        for v, view in found.items()
        if all(existing.lies_in(view.array, axis, index) for axis, index in places[v])
    }


def _is_row(view: View) -> bool:
    return view.kind == "slice" and set(view.spec) == {"i", ":"}


def _axes(view: View, kind: str) -> list[int]:
    """The axes of the array with an entry of a kind."""
    return [axis for axis, entry in enumerate(view.spec) if entry == kind]


def _is_access(op: Op) -> bool:
    return isinstance(op, Load | Store | Dim)


def _seen(found: dict[Value, View], op: Op) -> list[Op] | None:
    """An op, on the array behind a view."""
    if isinstance(op, View) and op.out in found:
        return []
    view = found.get(op.args[0]) if isinstance(op, Load | Store | Dim) else None
    if view is None:
        return None
    if isinstance(op, Dim):
        return [Dim((view.array,), op.outs, (), (_axes(view, ":")[op.axis],), op.src)]
    assert isinstance(op, Load | Store)
    index = tuple(i for i in behind(view, op.index) or () if i is not None)
    rest = op.args[1 + len(op.index) :]
    return [op.rebuild((view.array, *index, *rest))]
