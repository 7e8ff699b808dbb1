"""The only traversals of the IR: walk, clone, free values, uses."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping

from .nodes import Op, Region, Value


def walk(region: Region) -> Iterator[Op]:
    """Every op of a region and of the regions inside it, in program order, an op before its inner ones."""
    for op in region.ops:
        yield op
        for inner in op.regions:
            yield from walk(inner)


def regions(region: Region) -> Iterator[Region]:
    """A region and all regions inside it."""
    yield region
    for op in region.ops:
        for inner in op.regions:
            yield from regions(inner)


def defined(region: Region) -> set[Value]:
    """Values defined anywhere inside a region, its parameters included."""
    found: set[Value] = set()
    for part in regions(region):
        found.update(part.params)
        for op in part.ops:
            found.update(op.outs)
    return found


def free(op: Op) -> list[Value]:
    """Values that the regions of an op take from outside, without its own args, in order of first use."""
    inside: set[Value] = set()
    for region in op.regions:
        inside |= defined(region)
    seen: dict[Value, None] = {}
    for region in op.regions:
        for part in regions(region):
            for inner in part.ops:
                for arg in inner.args:
                    if arg not in inside:
                        seen.setdefault(arg)
            for value in part.yields:
                if value not in inside:
                    seen.setdefault(value)
    return list(seen)


def mapped(values: Iterable[Value], mapping: Mapping[Value, Value]) -> tuple[Value, ...]:
    """What stands for the values; those that the mapping does not name stand for themselves."""
    return tuple([mapping.get(v, v) for v in values])


def clone_region(region: Region, mapping: dict[Value, Value]) -> Region:
    """A deep copy with fresh values; `mapping` gives replacements for outer values and learns the new
    ones."""
    params = tuple(_fresh(p, mapping) for p in region.params)
    ops = [clone_op(op, mapping) for op in region.ops]
    return Region(params, ops, mapped(region.yields, mapping))


def clone_op(op: Op, mapping: dict[Value, Value]) -> Op:
    """A deep copy of one op with fresh results."""
    args = tuple(mapping.get(a, a) for a in op.args)
    inner = tuple(clone_region(r, mapping) for r in op.regions)
    return op.rebuild(args, tuple(_fresh(o, mapping) for o in op.outs), inner)


def _fresh(value: Value, mapping: dict[Value, Value]) -> Value:
    mapping[value] = new = Value(value.type, value.name)
    return new


def substitute(region: Region, mapping: dict[Value, Value]) -> Region:
    """The region with operands replaced; definitions keep their identity."""
    if not mapping:
        return region

    def follow(value: Value) -> Value:
        while value in mapping:
            value = mapping[value]
        return value

    def rebuild(op: Op) -> Op:
        return op.rebuild(
            tuple(follow(a) for a in op.args), op.outs, tuple(substitute(r, mapping) for r in op.regions)
        )

    return Region(region.params, [rebuild(op) for op in region.ops], tuple(follow(v) for v in region.yields))


def rewrite(region: Region, change: Callable[[Op], list[Op] | None]) -> Region:
    """Rebuild a region bottom-up: `change` gives the ops that stand for an op, or None to keep it."""
    ops: list[Op] = []
    for op in region.ops:
        if op.regions:
            op = op.rebuild(regions=tuple(rewrite(r, change) for r in op.regions))
        new = change(op)
        ops.extend([op] if new is None else new)
    return Region(region.params, ops, region.yields)


def use_counts(region: Region) -> dict[Value, int]:
    """How often each value is used as an operand or yielded, anywhere inside."""
    counts: dict[Value, int] = {}
    for part in regions(region):
        for op in part.ops:
            for arg in op.args:
                counts[arg] = counts.get(arg, 0) + 1
        for value in part.yields:
            counts[value] = counts.get(value, 0) + 1
    return counts
