"""Scratch arrays that every visit leaves zero start with a store.

Before::

    a: f64[:] = zeros(n)
    for t in range(0, steps, 1) {
        for i in range(0, n, 1) {
            a[i] += x[i]
        }
        …
        for i in range(0, n, 1) {
            y[i] += a[i]
            a[i] = 0.0
        }
    }

After::

    a: f64[:] = empty(n)
    for t in range(0, steps, 1) {
        for i in range(0, n, 1) {
            a[i] = x[i]
        }
        …
        for i in range(0, n, 1) {
            y[i] += a[i]
        }
    }

All that touches the array lies in one region; the first nest there adds to every element, the last one resets
every element, and each reads what it resets before (`analysis/resets.py`). (-0.0 becomes itself instead of
0.0, so it needs `reassociate`.)
"""

from __future__ import annotations

from ..analysis.dependence import Dependences
from ..analysis.resets import visits
from ..ir.nodes import Alloc, For, Function, Op, Store
from ..ir.walk import rewrite, walk
from .contract import aliased


def restart(
    fn: Function, *, distinct_params: bool = True, reassociate: bool = True, visible: bool = True
) -> Function:
    """Store what is added first, and drop the zeros; the function itself where there are no such arrays."""
    zeros = [op for op in walk(fn.body) if isinstance(op, Alloc) and op.fill == "zeros"]
    if not reassociate or not zeros:
        return fn
    known = Dependences(fn, distinct_params=distinct_params, reassociate=reassociate, visible=visible)
    shared = aliased(fn)
    changes: dict[int, list[Op]] = {}
    for alloc in zeros:
        if alloc.out not in shared and alloc.out not in fn.results:
            changes.update(_changes(known, alloc))
    return Function(fn.name, rewrite(fn.body, lambda op: changes.get(id(op)))) if changes else fn


def _changes(known: Dependences, alloc: Alloc) -> dict[int, list[Op]]:
    """What becomes of the allocation, of the first sums and of the resets; nothing if it must stay."""
    found = visits(known, alloc)
    starts = found.writes.stores(found.first) if found is not None and isinstance(found.first, For) else []
    if found is None or not starts:
        return {}
    changes: dict[int, list[Op]] = {id(store): [] for store in found.resets}
    changes |= {id(s): [Store(s.args, (), (), (False,), s.src)] for s in starts}
    changes[id(alloc)] = [Alloc(alloc.args, alloc.outs, (), ("empty", *alloc.attrs[1:]), alloc.src)]
    return changes
