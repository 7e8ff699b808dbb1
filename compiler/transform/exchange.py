"""Arrays that a loop makes anew in every iteration become buffers that it writes again.

Before::

    for t in range(0, steps, 1) carry (u: f64[:] = u0) {
        new: f64[:] = empty(n)
        …
        yield new
    } -> u_1

After::

    u: f64[:] = empty(n)                   # a copy of u0, unless u0 was made for the loop
    …
    spare: f64[:] = empty(n)
    for t in range(0, steps, 1) carry (u: f64[:] = u, new: f64[:] = spare) {
        …
        yield new, u
    } -> u_1, spare_1

The derivative of the first keeps every array and the adjoint of every array; that of the second has two of
each. Where a loop around it would make the buffers again, or a library call makes the new array, there is one
buffer, and the loop ends with a copy into it. `analysis/rebound.py` says which arrays may be written again.
"""

from __future__ import annotations

from ..analysis.rebound import Rebinding, Rebound
from ..ir.build import Builder
from ..ir.nodes import Alloc, For, Function, Loop, Op, Region, Value, While
from ..ir.walk import substitute
from ..prims.libcall import fill, shape


def exchange(
    fn: Function, *, distinct_params: bool = True, reassociate: bool = True, visible: bool = True
) -> Function:
    """Give rebound arrays buffers; the function itself where there are none, or the caller sees them."""
    while not visible:
        found = Rebinding(fn, distinct_params=distinct_params).first()
        if found is None:
            break
        fn = Function(fn.name, _replaced(fn.body, found, top=True))
    return fn


def _replaced(region: Region, found: Rebound, *, top: bool = False) -> Region:
    """A region in which the loop has buffers."""
    b = Builder(Region(region.params))
    renamed: dict[Value, Value] = {}
    for op in region.ops:
        if op is not found.loop:
            b.add(op.rebuild(regions=tuple(_replaced(r, found) for r in op.regions)) if op.regions else op)
            continue
        b.src = op.src
        buffers = [
            op.inits[j] if owned else _copy(b, op.inits[j], op.carried[j].name)
            for j, owned in zip(found.places, found.owned, strict=True)
        ]
        if top and _may_exchange(found):
            b.add(_exchanging(b, found, buffers))
        else:
            b.add(_copying(found, buffers))
            renamed.update((op.outs[j], buffer) for j, buffer in zip(found.places, buffers, strict=True))
    return substitute(Region(region.params, b.region.ops, region.yields), renamed)


def _may_exchange(found: Rebound) -> bool:
    """Whether every iteration allocates the array, and no derivative keeps both buffers for each segment."""
    loop = found.loop
    allocated = any(isinstance(op, Alloc) and op.out is found.made for op in loop.body.ops)
    return allocated and not (isinstance(loop, For) and loop.segments)


def _copy(b: Builder, array: Value, name: str) -> Value:
    copy = b.alloc(shape(b, array), array.dtype, "empty", name)
    fill(b, copy, array)
    return copy


# -- two buffers
def _exchanging(b: Builder, found: Rebound, buffers: list[Value]) -> Op:
    """The loop that carries one buffer more, which is written next."""
    loop, made = found.loop, found.made
    given = b.alloc(shape(b, buffers[0]), made.dtype, "empty", made.name)
    inits = list(loop.inits)
    for j, buffer in zip(found.places, buffers, strict=True):
        inits[j] = buffer
    spare, spare_cond, last = (Value(made.type, made.name) for _ in range(3))
    conds = [Region((*r.params, spare_cond), r.ops, r.yields) for r in loop.regions[:-1]]
    ops = [inner for op in loop.body.ops for inner in (_cleared(op, spare) if made in op.outs else [op])]
    yields = (*loop.body.yields, loop.carried[found.places[-1]])
    body = substitute(Region((*loop.body.params, spare), ops, yields), {made: spare})
    count = len(loop.inits)
    return loop.rebuild(
        (*loop.args[: len(loop.args) - count], *inits, given),
        (*loop.outs[:count], last, *loop.outs[count:]),
        (*conds, body),
    )


def _cleared(alloc: Op, spare: Value) -> list[Op]:
    """What makes a buffer as the allocation would have made it."""
    b = Builder()
    b.src = alloc.src
    if alloc.attrs == ("zeros",):
        fill(b, spare, None)
    return b.region.ops


# -- one buffer
def _copying(found: Rebound, buffers: list[Value]) -> Op:
    """The loop that carries no references to arrays, but copies at its end."""
    loop, places = found.loop, found.places
    b = Builder(Region(loop.body.params, list(loop.body.ops)))
    b.src = loop.src
    sources = [found.made, *buffers[:-1]]
    for source, buffer in reversed(list(zip(sources, buffers, strict=True))):
        fill(b, buffer, source)
    mapping = {loop.carried[j]: buffer for j, buffer in zip(places, buffers, strict=True)}
    if isinstance(loop, While):
        mapping.update((loop.cond.params[j], buffer) for j, buffer in zip(places, buffers, strict=True))
    body = Region(
        _without(loop, loop.body.params, places), b.region.ops, _without(loop, loop.body.yields, places)
    )
    conds = [Region(_without(loop, r.params, places), r.ops, r.yields) for r in loop.regions[:-1]]
    return loop.rebuild(
        _without(loop, loop.args, places),
        tuple(out for k, out in enumerate(loop.outs) if k not in places),
        tuple(substitute(r, mapping) for r in (*conds, body)),
    )


def _without(loop: Loop, values: tuple[Value, ...], places: tuple[int, ...]) -> tuple[Value, ...]:
    """Values of which the last are one for each that is carried, without those in some places."""
    first = len(values) - len(loop.inits)
    return tuple(v for k, v in enumerate(values) if k - first not in places)
