"""Scratch arrays that are made of zeros, and that every visit leaves zero.

    a = zeros(n)
    for t in range(steps):
        for i in range(n): a[i] += x[i]
        …
        for i in range(n): y[i] += a[i]; a[i] = 0.0

This is the shadow of scratch memory of an iteration: iterations share nothing through it.
"""

from __future__ import annotations

from dataclasses import dataclass

from ..ir.nodes import Alloc, Const, Dim, For, Load, Op, Region, Store
from ..ir.walk import walk
from .dependence import Dependences
from .facts import Equalities
from .first_writes import FirstWrites


@dataclass(eq=False)
class Visits:
    """All that touches such an array lies in one region, from `first` to the nest of the `resets`."""

    region: Region
    first: Op
    resets: list[Store]
    writes: FirstWrites


def visits(known: Dependences, alloc: Alloc) -> Visits | None:
    """Where an array is used, if it is zero before and after."""
    structure, array = known.memory.structure, alloc.out
    touching = [op for op in walk(structure.body) if array in op.args and not isinstance(op, Dim)]
    if alloc.fill != "zeros" or not touching or not all(isinstance(op, Load | Store) for op in touching):
        return None
    region, at_first, at_last = structure.common(touching[0], touching[-1])
    first, last = region.ops[at_first], region.ops[at_last]
    if first is last or region is structure.region_of(alloc) or not isinstance(last, For):
        return None
    facts = Equalities(known.definition)
    for outer, position in structure.path(first):
        facts = Equalities(known.definition, facts).learn(outer.ops[:position])
    writes = FirstWrites(known, array, alloc.args, facts)
    turned = _mirrored(last)
    assert isinstance(turned, For)
    resets = writes.stores(turned)
    if not resets or not all(_is_reset(known, store) for store in resets):
        return None
    return Visits(region, first, resets, writes)


def _is_reset(known: Dependences, store: Store) -> bool:
    value = known.definition.get(store.value)
    return not store.accumulate and isinstance(value, Const) and value.value == 0


def _mirrored(op: Op) -> Op:
    """A nest with its ops in reverse order: the last write of an element is the first one there."""
    turned = (Region(r.params, [_mirrored(inner) for inner in reversed(r.ops)], r.yields) for r in op.regions)
    return op.rebuild(regions=tuple(turned)) if op.regions else op
