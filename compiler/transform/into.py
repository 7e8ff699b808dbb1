"""Results that the caller has memory for become parameters.

    x_bar = zeros(n)                              (parameter x_bar)
    for i in range(0, n, 1) {                     for i in range(0, n, 1) {
        t = x[i] * 2.0                       →        t = x[i] * 2.0
        x_bar[i] += t                                 x_bar[i] = t
    }                                             }
    return result, x_bar                          return result

Needs and gives verified IR, and relies on the caller: the new parameters have the shapes of the results and
overlap nothing. Where the first thing that happens to an array of zeros is that a loop adds to each element
once, the zeros are not written at all. A result that is not an array of the function's own, or is one twice,
is copied at the end.
"""

from __future__ import annotations

from collections.abc import Sequence

from ..ir.build import Builder
from ..ir.nodes import Alloc, Apply, Const, For, Function, Op, Region, Store, Value
from ..ir.types import Array
from ..ir.walk import free, substitute, walk
from ..prims.libcall import each


def into(fn: Function, chosen: Sequence[int]) -> Function:
    """Make the array results of these numbers parameters, in this order."""
    results = fn.results
    given = {k: Value(results[k].type, results[k].name) for k in chosen}
    owner = {op.out: op for op in fn.body.ops if isinstance(op, Alloc)}
    first: dict[Value, int] = {}
    for k in chosen:
        if results[k] in owner:
            first.setdefault(results[k], k)
    defs = {out: op for op in walk(fn.body) for out in op.outs}
    ops: list[Op] = []
    rest = list(fn.body.ops)
    while rest:
        op = rest.pop(0)
        if isinstance(op, Alloc) and op.out in first:
            if op.fill == "zeros" and not _written_first(op, rest, defs):
                ops += _filled(op)
        else:
            ops.append(op)
    b = Builder(Region(fn.params, ops))
    for k in chosen:
        if first.get(results[k]) != k:
            _copied(b, results[k], given[k])
    b.region.yields = tuple(r for k, r in enumerate(results) if k not in given)
    body = substitute(b.region, {value: given[k] for value, k in first.items()})
    return Function(fn.name, Region((*fn.params, *given.values()), body.ops, body.yields))


def _filled(op: Alloc) -> list[Op]:
    b = Builder()
    dtype = op.out.dtype
    zero = b.const(False if dtype == "bool" else 0j if dtype.startswith("complex") else 0.0, dtype)
    each(b, list(op.args), lambda index: b.store(op.out, index, zero))
    return b.region.ops


def _copied(b: Builder, result: Value, target: Value) -> None:
    assert isinstance(target.type, Array)
    lengths = [b.dim(result, axis) for axis in range(target.type.rank)]
    each(b, lengths, lambda index: b.store(target, index, b.load(result, index)))


def _mentions(op: Op, array: Value) -> bool:
    return array in op.args or (bool(op.regions) and array in free(op))


def _written_first(op: Alloc, rest: list[Op], defs: dict[Value, Op]) -> bool:
    """Let the first loop that adds to the array write it, if it reaches every element once."""
    array = op.out
    at = next((k for k, other in enumerate(rest) if _mentions(other, array)), None)
    if at is None:
        return False
    made = _storing(rest[at], array, list(op.args), (), defs)
    if made is None:
        return False
    rest[at] = made
    return True


def _storing(
    op: Op, array: Value, lengths: list[Value], outer: tuple[Value, ...], defs: dict[Value, Op]
) -> Op | None:
    """The op with a plain store in place of its one `+=`; None where it may not reach every element once."""
    if not lengths:
        adds = isinstance(op, Store) and op.attrs[0] and op.args[0] is array and op.args[1:-1] == outer
        return Store(op.args, (), (), (False,), op.src) if adds else None
    if not isinstance(op, For) or op.attrs[0] or array in op.args or not _all_of(op, lengths[0], defs):
        return None
    (body,) = op.regions
    at = [k for k, inner in enumerate(body.ops) if _mentions(inner, array)]
    if len(at) != 1 or array in body.yields:
        return None
    made = _storing(body.ops[at[0]], array, lengths[1:], (*outer, body.params[0]), defs)
    if made is None:
        return None
    ops = [made if k == at[0] else inner for k, inner in enumerate(body.ops)]
    return op.rebuild(regions=(Region(body.params, ops, body.yields),))


def _all_of(op: For, length: Value, defs: dict[Value, Op]) -> bool:
    """Whether a loop runs over 0 … length - 1, in either direction."""
    lo, hi, step = op.args[:3]
    if hi is length:
        return _constant(lo, defs) == 0 and _constant(step, defs) == 1
    last = defs.get(lo)
    return (
        isinstance(last, Apply)
        and last.prim == "add"
        and last.args[0] is length
        and _constant(last.args[1], defs) == -1
        and _constant(hi, defs) == -1
        and _constant(step, defs) == -1
    )


def _constant(value: Value, defs: dict[Value, Op]) -> object:
    op = defs.get(value)
    return op.value if isinstance(op, Const) else None
