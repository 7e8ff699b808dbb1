"""Arrays that are zero whenever nobody looks: what is added goes on without them.

Before::

    a: f64[:] = zeros(n)
    for t in range(0, steps, 1) {
        for i in range(0, n, 1) {
            s: f64 = x[i]
            a[i] += s
            u: f64 = a[i]
            a[i] = 0.0
            y[i] += u
        }
    }

After::

    for t in range(0, steps, 1) {
        for i in range(0, n, 1) {
            s: f64 = x[i]
            y[i] += s
        }
    }

This is the shadow of scratch memory, once the loops that add to it and take it are one. The element is zero
before the sum: every visit leaves it so, or the loops since the array was made come to each element once.
(-0.0 becomes itself instead of 0.0, so it needs `reassociate`.) An index that may be out of range is an error
that must stay, unless another array is as long.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from ..analysis.dependence import Dependences
from ..ir.nodes import Alloc, Const, For, Function, If, Load, Op, Region, Store, Value
from ..ir.walk import rewrite, substitute, walk


@dataclass
class Visits:
    """An array made of zeros, and the loads and stores in one region that are all there is of it.

    `made` and `visited` are the ops around both.
    """

    alloc: Alloc
    made: tuple[Op, ...]
    visited: tuple[Op, ...] = ()
    ops: list[Load | Store] = field(default_factory=list)


def zero_between(
    fn: Function, *, distinct_params: bool = True, reassociate: bool = True, visible: bool = True
) -> Function:
    """Drop such arrays; the function itself where there are none."""
    if not reassociate:
        return fn
    constants = {op.out: op.value for op in walk(fn.body) if isinstance(op, Const)}
    found: dict[Value, Visits] = {}
    _visit(fn.body, (), found)
    candidates = [visits for visits in found.values() if _is_one_visit(visits, constants)]
    if not candidates:
        return fn
    known = Dependences(fn, distinct_params=distinct_params, reassociate=reassociate, visible=visible)
    added: dict[Value, Value] = {}
    dropped: set[int] = set()
    dropping = {visits.alloc.out for visits in candidates}
    for visits in candidates:
        if known.existing.exists(visits.alloc.out, visits.ops[0].index) or _is_asked(visits, known, dropping):
            first, *others = visits.ops
            added.update((op.outs[0], first.args[-1]) for op in others if isinstance(op, Load))
            dropped.update(map(id, (visits.alloc, *visits.ops)))
    if not dropped:
        return fn
    for out, value in added.items():
        while value in added:
            value = added[value]
        added[out] = value
    rest = rewrite(fn.body, lambda op: [] if id(op) in dropped else None)
    return Function(fn.name, substitute(rest, added))


def _visit(region: Region, around: tuple[Op, ...], found: dict[Value, Visits]) -> None:
    """Note down the arrays of a region, without those of which there is more than loads and stores in one
    region.
    """
    for op in region.ops:
        if isinstance(op, Alloc) and op.fill == "zeros":
            found[op.out] = Visits(op, around)
        for k, arg in enumerate(op.args):
            visits = found.get(arg)
            if visits is None:
                continue
            if k or not isinstance(op, Load | Store) or (visits.ops and visits.visited != around):
                del found[arg]
            else:
                visits.visited = around
                visits.ops.append(op)
        for inner in op.regions:
            _visit(inner, (*around, op), found)
    for value in region.yields:
        found.pop(value, None)


def _is_one_visit(visits: Visits, constants: dict[Value, object]) -> bool:
    """Whether one element is added to, then loaded, then set to zero if it is visited again."""
    ops = visits.ops
    if not ops or any(op.index != ops[0].index for op in ops):
        return False
    first, *loads = ops
    last = loads.pop() if loads and isinstance(loads[-1], Store) else None
    if not (isinstance(first, Store) and first.accumulate and all(isinstance(op, Load) for op in loads)):
        return False
    if last is not None:
        return isinstance(last, Store) and not last.accumulate and constants.get(last.value) == 0
    between = visits.visited[len(visits.made) :]
    return all(
        isinstance(op, If) or (isinstance(op, For) and op.index in first.index and _is_natural(op, constants))
        for op in between
    )


def _is_asked(visits: Visits, known: Dependences, dropping: set[Value]) -> bool:
    """Whether an array of the same lengths, which stays, is asked for the same element beside it."""
    first, definition = visits.ops[0], known.memory.structure.definition
    return all(map(known.nonneg, first.index)) and any(
        isinstance(op, Load | Store)
        and op.index == first.index
        and op.array not in dropping
        and isinstance(made := definition.get(op.array), Alloc)
        and made.args == visits.alloc.args
        for op in known.memory.structure.region_of(first).ops
    )


def _is_natural(loop: For, constants: dict[Value, object]) -> bool:
    """Whether the index of a loop is never negative: -1 may be the element n - 1."""
    step, low, high = (constants.get(v) for v in (loop.step, loop.lo, loop.hi))
    if not isinstance(step, int):
        return False
    return (isinstance(low, int) and low >= 0) if step > 0 else (isinstance(high, int) and high >= -1)
