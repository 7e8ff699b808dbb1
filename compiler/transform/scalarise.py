"""Small arrays of our own become scalars, one for each element.

Before::

    d: f64[:] = empty(2)
    d[0] = x
    d[1] = y
    for i in range(0, n, 1) carry (s: f64 = 0.0) {
        t: f64 = d[1]
        d[0] += t
        t_1: f64 = s + t
        yield t_1
    } -> s_1
    t_2: f64 = d[0]

After::

    for i in range(0, n, 1) carry (s: f64 = 0.0, d0: f64 = x) {
        d0_1: f64 = d0 + y
        t_1: f64 = s + y
        yield t_1, d0_1
    } -> s_1, d0_2

What branches and loops store they yield and carry. Which arrays may be replaced is told by
`analysis.small`; their indices must be literals, which `unroll` sees to. A load of an element of "empty"
memory that was never stored gives an undefined scalar.
"""

from __future__ import annotations

import numpy as np

from ..analysis.small import SmallArrays, joins
from ..ir.nodes import (
    Alloc,
    Apply,
    Const,
    Dim,
    Function,
    If,
    Load,
    Loop,
    Op,
    Region,
    Store,
    Undef,
    Value,
    View,
    While,
)
from ..ir.types import Scalar
from ..ir.walk import mapped, walk

Elements = dict[Value, list[Value]]


def scalarise(fn: Function) -> Function:
    """Replace small arrays by scalars, until none is left that can be replaced."""
    while small := SmallArrays(fn):
        fn = Function(fn.name, _Scalariser(fn, small).function())
    return fn


class _Scalariser:
    """Rebuilds a function. `now` is what stands for a scalar; the elements of each array where we are are
    handed around."""

    def __init__(self, fn: Function, small: SmallArrays) -> None:
        self.fn = fn
        self.small = small
        self.now: dict[Value, Value] = {}
        self.names: dict[Value, str] = {}
        for op in walk(fn.body):
            if isinstance(op, Store) and op.array in small.root and not op.value.name:
                name = self.name(small.root[op.array], small.cell(op.array, op.index))
                self.names.setdefault(op.value, name)

    def function(self) -> Region:
        ops = self.ops(self.fn.body, {})
        return Region(self.fn.params, ops, mapped(self.fn.results, self.now))

    # -- elements
    def name(self, root: Value, cell: int) -> str:
        """d0, R01: the array and the index."""
        shape = self.small.cells[root].shape
        if not root.name or not shape:
            return root.name
        index = np.unravel_index(cell, shape)
        digits = ("_" if max(shape) > 10 else "").join(str(i) for i in index)
        return f"{root.name}_{digits}" if root.name[-1].isdigit() else f"{root.name}{digits}"

    def fresh(self, root: Value, cell: int) -> Value:
        return Value(Scalar(root.dtype), self.name(root, cell))

    def elements(self, ref: Value, env: Elements, joined: Value, ops: list[Op]) -> list[Value]:
        """The elements behind a reference, in C order, that flow into a joined one."""
        if ref in self.small.root:
            return [env[self.small.root[ref]][k] for k in self.small.cells[ref].flat]
        undefined = Value(Scalar(joined.dtype))
        ops.append(Undef((), (undefined,)))
        return [undefined] * self.small.cells[joined].size

    def stored(self, op: Op, env: Elements) -> list[tuple[Value, int]]:
        """The elements, of arrays that are there before an op, that are stored inside it."""
        found = {
            (root, self.small.cell(inner.array, inner.index))
            for inner in walk(Region((), [op]))
            if isinstance(inner, Store)
            and (root := self.small.root.get(inner.array)) in env
            and root is not None
        }
        return [(root, cell) for root in env for cell in range(len(env[root])) if (root, cell) in found]

    # -- ops
    def ops(self, region: Region, env: Elements) -> list[Op]:
        """The new ops of a region; `env` becomes what holds at its end."""
        ops: list[Op] = []
        for op in region.ops:
            if isinstance(op, If):
                self.branch(op, env, ops)
            elif isinstance(op, Loop):
                self.loop(op, env, ops)
            elif any(v in self.small.root for v in (*op.args[:1], *op.outs)):
                self.access(op, env, ops)
            else:
                ops.append(op.rebuild(mapped(op.args, self.now), self.renamed(op.outs)))
        return ops

    def renamed(self, outs: tuple[Value, ...]) -> tuple[Value, ...]:
        """Results, with the name of the element that they are stored to."""
        for out in outs:
            if out in self.names:
                self.now[out] = Value(out.type, self.names[out])
        return mapped(outs, self.now)

    def access(self, op: Op, env: Elements, ops: list[Op]) -> None:
        """An op on a small array."""
        if isinstance(op, Alloc):
            first = Value(Scalar(op.out.dtype))
            if op.fill == "zeros":
                zero = np.dtype(op.out.dtype).type(0).item()
                ops.append(Const((), (first,), (), (zero,), op.src))
            else:
                ops.append(Undef((), (first,), (), (), op.src))
            env[op.out] = [first] * self.small.cells[op.out].size
        elif isinstance(op, Dim):
            ops.append(Const((), op.outs, (), (self.small.cells[op.args[0]].shape[op.axis],), op.src))
        elif isinstance(op, Load):
            self.now[op.out] = env[self.small.root[op.array]][self.small.cell(op.array, op.index)]
        elif isinstance(op, Store):
            root, cell = self.small.root[op.array], self.small.cell(op.array, op.index)
            (value,) = mapped((op.value,), self.now)
            if op.accumulate:
                total = self.fresh(root, cell)
                ops.append(Apply((env[root][cell], value), (total,), (), ("add",), op.src))
                value = total
            env[root][cell] = value
        else:
            assert isinstance(op, View)

    # -- control flow
    def slots(self, op: Op) -> dict[int, Value]:
        """The joined references among the values that an op yields or carries, by position."""
        outs = op.outs
        return {outs.index(refs[-1]): refs[0] for refs, _ in joins(op) if refs[0] in self.small.root}

    def spread(
        self, values: tuple[Value, ...], slots: dict[int, Value], env: Elements, ops: list[Op]
    ) -> list[Value]:
        """What is yielded or carried, with the elements of small arrays in place of references."""
        found: list[Value] = []
        for k, value in enumerate(values):
            if k in slots:
                found.extend(self.elements(value, env, slots[k], ops))
            else:
                found.append(self.now.get(value, value))
        return found

    def receive(
        self,
        values: tuple[Value, ...],
        slots: dict[int, Value],
        stored: list[tuple[Value, int]],
        env: Elements,
    ) -> tuple[Value, ...]:
        """Fresh scalars for joined references and stored elements, known in `env`, among the other values."""
        found: list[Value] = []
        for k, value in enumerate(values):
            if k in slots:
                root = slots[k]
                env[root] = [self.fresh(root, cell) for cell in range(self.small.cells[root].size)]
                found.extend(env[root])
            else:
                found.append(value)
        for root, cell in stored:
            env[root][cell] = self.fresh(root, cell)
            found.append(env[root][cell])
        return tuple(found)

    def branch(self, op: If, env: Elements, ops: list[Op]) -> None:
        slots = self.slots(op)
        inner = [_copy(env), _copy(env)]
        parts = [self.ops(region, known) for region, known in zip(op.regions, inner, strict=True)]
        stored = [(r, c) for r, c in self.stored(op, env) if inner[0][r][c] is not inner[1][r][c]]
        regions = []
        for region, known, part in zip(op.regions, inner, parts, strict=True):
            yields = self.spread(region.yields, slots, known, part)
            regions.append(Region((), part, (*yields, *(known[r][c] for r, c in stored))))
        for root in env:
            env[root] = list(inner[0][root])
        outs = self.receive(self.renamed(op.outs), slots, stored, env)
        ops.append(op.rebuild(mapped(op.args, self.now), outs, tuple(regions)))

    def loop(self, op: Loop, env: Elements, ops: list[Op]) -> None:
        slots, stored = self.slots(op), self.stored(op, env)
        inits = self.spread(op.inits, slots, env, ops) + [env[r][c] for r, c in stored]
        regions = []
        for region in op.regions:
            tested = isinstance(op, While) and region is op.cond
            carried = op.cond.params if isinstance(op, While) and tested else op.carried
            known = _copy(env)
            index = region.params[: len(region.params) - len(carried)]
            params = (*index, *self.receive(carried, slots, stored, known))
            part = self.ops(region, known)
            first = len(region.yields) if tested else len(region.yields) - len(carried)
            yields = [
                *mapped(region.yields[:first], self.now),
                *self.spread(region.yields[first:], slots, known, part),
            ]
            after = () if tested else tuple(known[r][c] for r, c in stored)
            regions.append(Region(params, part, (*yields, *after)))
        count = len(op.inits)
        outs = self.receive(self.renamed(op.outs[:count]), slots, stored, env)
        bounds = mapped(op.args[: len(op.args) - count], self.now)
        ops.append(op.rebuild((*bounds, *inits), (*outs, *op.outs[count:]), tuple(regions)))


def _copy(env: Elements) -> Elements:
    return {root: list(elements) for root, elements in env.items()}
