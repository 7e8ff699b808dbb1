"""Which parameters of a function have their memory written."""

from __future__ import annotations

from ..ir.nodes import CallFn, Function, If, Loop, Module, Store, Value, View
from ..ir.types import List
from ..ir.walk import walk


def mutated_params(module: Module) -> frozenset[int]:
    """Indices of the entry's parameters whose memory may be written, through views, joins and calls too."""
    written: dict[str, frozenset[int]] = {fn.name: frozenset() for fn in module}
    while True:
        before = dict(written)
        for fn in module:
            written[fn.name] = _written(fn, written)
        if written == before:
            return written[module.entry.name]


def _written(fn: Function, written: dict[str, frozenset[int]]) -> frozenset[int]:
    parents: dict[Value, list[Value]] = {}
    targets: list[Value] = []
    for op in walk(fn.body):
        if isinstance(op, View):
            parents[op.out] = [op.array]
        elif isinstance(op, If):
            for k, out in enumerate(op.outs):
                parents.setdefault(out, []).extend([op.then.yields[k], op.orelse.yields[k]])
        elif isinstance(op, Loop):
            for k, (param, init, following) in enumerate(zip(op.carried, op.inits, op.next, strict=True)):
                parents.setdefault(param, []).extend([init, following])
                parents.setdefault(op.outs[k], []).extend([init, following])
        elif isinstance(op, CallFn):
            for out in op.outs:
                parents.setdefault(out, []).extend(op.args)
            targets += [op.args[k] for k in written.get(op.name, ())]
        elif op.writes:
            targets.append(op.args[0])
            if not isinstance(op, Store) and op.args[-1].rank:  # a list holds the reference
                parents.setdefault(op.args[0], []).append(op.args[-1])
        else:
            for out in op.outs:
                if out.rank and op.args and isinstance(op.args[0].type, List):
                    parents[out] = [op.args[0]]
    roots = _reach(targets, parents)
    return frozenset(k for k, param in enumerate(fn.params) if param in roots)


def _reach(targets: list[Value], parents: dict[Value, list[Value]]) -> set[Value]:
    seen: set[Value] = set()
    todo = list(targets)
    while todo:
        value = todo.pop()
        if value not in seen:
            seen.add(value)
            todo += parents.get(value, [])
    return seen
