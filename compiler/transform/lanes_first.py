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

from ..ir.axes import element_accesses, reordered
from ..ir.nodes import Alloc, Function, Region, Value, View


def lanes_first(fn: Function) -> Function:
    """Put the last axis of results first."""
    made = {op.out for op in fn.body.ops if isinstance(op, Alloc) and op.out.rank > 1}
    found = element_accesses(Region((), fn.body.ops), dict.fromkeys(r for r in fn.results if r in made))
    if not found:
        return fn
    chosen = {old: (Value(old.type, old.name), (old.rank - 1, *range(old.rank - 1))) for old in found}
    body = reordered(fn.body, chosen)
    turned = [
        View((new,), (old,), (), ("transpose", (*range(1, old.rank), 0))) for old, (new, _) in chosen.items()
    ]
    return Function(fn.name, Region(body.params, [*body.ops, *turned], body.yields))
