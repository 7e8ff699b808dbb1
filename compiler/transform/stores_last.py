"""In innermost loops that read neighbours of an element, loads come before stores.

Before::

    for j in range(0, n, 1) {
        t: f64 = a[j]
        saved[j] = t
        k: i64 = j + 1
        u: f64 = a[k]
        s: f64 = u - t
        b[j] = s
    }

After::

    for j in range(0, n, 1) {
        t: f64 = a[j]
        k: i64 = j + 1
        u: f64 = a[k]
        s: f64 = u - t
        saved[j] = t
        b[j] = s
    }

What `a[j + 1]` is in one iteration, `a[j]` is in the next: where LLVM knows that the stores are to other
arrays, it carries the number over instead of loading it twice. Such a loop has vectors only if whatever uses
the carried number may stand behind the load of the next one, and stores may not be moved by LLVM then.
"""

from __future__ import annotations

from collections.abc import Sequence

from ..analysis.dependence import Dependences
from ..ir.nodes import Apply, Const, For, Function, Load, Op, Region, Store, Value
from ..ir.walk import walk


def stores_last(
    fn: Function, *, distinct_params: bool = True, reassociate: bool = True, visible: bool = True
) -> Function:
    """Move stores behind loads; the function itself where no loop reads neighbours."""
    if not any(isinstance(op, For) for op in walk(fn.body)):
        return fn
    known = Dependences(fn, distinct_params=distinct_params, reassociate=reassociate, visible=visible)
    loops = {id(op) for op in walk(fn.body) if isinstance(op, For) and _reads_neighbours(op, known)}
    return Function(fn.name, _ordered(fn.body, loops, known)) if loops else fn


def _ordered(region: Region, loops: set[int], known: Dependences) -> Region:
    """A region with the bodies of some loops in the new order."""
    ops: list[Op] = []
    for op in region.ops:
        if id(op) in loops:
            body = op.regions[0]
            op = op.rebuild(regions=(Region(body.params, _loads_first(body.ops, known), body.yields),))
        elif op.regions:
            op = op.rebuild(regions=tuple(_ordered(inner, loops, known) for inner in op.regions))
        ops.append(op)
    return Region(region.params, ops, region.yields)


def _reads_neighbours(loop: For, known: Dependences) -> bool:
    """Whether a loop does nothing but arithmetic on elements, of which it reads two of one row."""
    if not all(isinstance(op, Apply | Const | Load | Store) for op in loop.body.ops):
        return False
    places: dict[tuple[Value, ...], set[int]] = {}
    for op in loop.body.ops:
        if isinstance(op, Load) and op.index:
            root, offset = known.affine(op.index[-1])
            if root is loop.index:
                places.setdefault((op.array, *op.index[:-1]), set()).add(offset)
    return any(len(offsets) > 1 for offsets in places.values())


def _loads_first(ops: Sequence[Op], known: Dependences) -> list[Op]:
    """Straight-line code with every store as late as may be; stores keep their order."""
    done: list[Op] = []
    held: list[Op] = []
    for op in ops:
        if isinstance(op, Store):
            held.append(op)
            continue
        kept = [k for k, store in enumerate(held) if not known.exchangeable(store, op)]
        if kept:
            done += held[: kept[-1] + 1]
            del held[: kept[-1] + 1]
        done.append(op)
    return done + held
