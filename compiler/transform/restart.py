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

This is the shadow of scratch memory of an iteration. All that touches the array lies in one region; the first
nest there adds to every element, the last one resets every element, and each reads what it resets before.
Iterations share nothing through the array then. (-0.0 becomes itself instead of 0.0, so it needs
`reassociate`.)
"""

from __future__ import annotations

from ..analysis.dependence import Dependences
from ..analysis.facts import Equalities
from ..analysis.first_writes import FirstWrites
from ..ir.nodes import Alloc, Const, Dim, For, Function, Op, Region, Store
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
    structure, array = known.memory.structure, alloc.out
    touching = [op for op in walk(structure.body) if array in op.args and not isinstance(op, Dim)]
    if not touching:
        return {}
    region, at_first, at_last = structure.common(touching[0], touching[-1])
    first, last = region.ops[at_first], region.ops[at_last]
    if first is last or region is structure.region_of(alloc):
        return {}
    if not isinstance(first, For) or not isinstance(last, For):
        return {}
    facts = Equalities(known.definition)
    for outer, position in structure.path(first):
        facts = Equalities(known.definition, facts).learn(outer.ops[:position])
    writes = FirstWrites(known, array, alloc.args, facts)
    turned = _mirrored(last)
    assert isinstance(turned, For)
    starts, resets = writes.stores(first), writes.stores(turned)
    if not starts or not resets or not all(_is_reset(known, store) for store in resets):
        return {}
    found: dict[int, list[Op]] = {id(store): [] for store in resets}
    found |= {id(s): [Store(s.args, (), (), (False,), s.src)] for s in starts}
    found[id(alloc)] = [Alloc(alloc.args, alloc.outs, (), ("empty", *alloc.attrs[1:]), alloc.src)]
    return found


def _is_reset(known: Dependences, store: Store) -> bool:
    value = known.definition.get(store.value)
    return not store.accumulate and isinstance(value, Const) and value.value == 0


def _mirrored(op: Op) -> Op:
    """A nest with its ops in reverse order: the last write of an element is the first one there."""
    turned = (Region(r.params, [_mirrored(inner) for inner in reversed(r.ops)], r.yields) for r in op.regions)
    return op.rebuild(regions=tuple(turned)) if op.regions else op
