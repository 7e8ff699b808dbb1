"""Loops over points multiply matrices by blocks of points.

Before::

    for i in range(0, n, 1) {
        for a in range(0, d, 1) { v[a] = x[i, a] - c[a];  y[a] = 0.0 }
        for b in range(0, d, 1) {
            for a in range(b, d, 1) { y[a] += m[b, a] * v[b] }
        }
        …
    }

After::

    for first in range(0, n, 256) {
        count: i64 = pymin(n - first, 256)
        for k in range(0, count, 1) {
            for a in range(0, d, 1) { v_rows[k, a] = x[first + k, a] - c[a];  y_rows[k, a] = 0.0 }
        }
        matrix: f64[:, :] = zeros(d, d)
        for b in range(0, d, 1) {
            for a in range(b, d, 1) { matrix[b, a] += m[b, a] }
        }
        sums: f64[:, :] = dot(v_rows[:count], matrix)
        for k in range(0, count, 1) {
            for a in range(0, d, 1) { y_rows[k, a] += sums[k, a] }
        }
        …
    }

The library computes a product of matrices five times as fast as vectors one by one. Iterations must be
independent but for sums (`analysis/races.py`), so those of a block may take turns: scratch memory gets a row
for each, and loops that are the same for all stand around the loop over the block. `analysis/updates.py` says
what is a product. It is computed so where the nest names a good part of the matrix and no factor is infinite
(zero times that would spoil other elements), else as it was: that is decided for each block.
"""

from __future__ import annotations

from dataclasses import dataclass

from ..analysis.dependence import Dependences
from ..analysis.races import Races
from ..analysis.updates import OUTER, Update, is_shared, updates_of
from ..ir.build import Builder
from ..ir.nodes import Alloc, Check, Const, For, Function, Op, Region, Store, Value
from ..ir.types import Scalar
from ..prims.prim import emit
from .block_products import Products
from .own_sums import own_sums
from .reuse import reuse
from .row_block import Block, used
from .through_views import through_views

BLOCK = 256
"""Iterations of a block at most: making the matrix takes little time beside so many rows."""
BUDGET = 1 << 18
"""Elements of scratch memory for a block, 2 MB: if an iteration has much, there are fewer in a block."""
FEWEST = 32
"""Iterations that are known to be fewer stay as they are."""


@dataclass(eq=False)
class Each:
    """Ops that run for one iteration of a block after the other."""

    ops: list[Op]


@dataclass(eq=False)
class Once:
    """An op that is the same for all iterations."""

    op: Op


@dataclass(eq=False)
class Around:
    """A loop that is the same for all iterations."""

    loop: For
    items: list[Item]


@dataclass(eq=False)
class Nest:
    """A loop nest with products of matrices."""

    loop: For
    updates: list[Update]


Item = Each | Once | Around | Nest


def blocks(
    fn: Function, *, distinct_params: bool = True, reassociate: bool = True, visible: bool = False
) -> Function:
    """Cut loops into blocks; the function itself where no loop has products."""
    if visible or not reassociate or not any(isinstance(op, For) for op in fn.body.ops):
        return fn
    plain = own_sums(through_views(reuse(fn, calls=False)))
    known = Dependences(plain, distinct_params=distinct_params, reassociate=True, visible=visible)
    races = Races(plain, distinct_params=distinct_params, reassociate=True)
    ops: list[Op] = []
    for op in plain.body.ops:
        cut = _Cut(known, races, op) if isinstance(op, For) else None
        ops += cut.made() if cut is not None and cut.worthwhile else [op]
    changed = len(ops) != len(plain.body.ops)
    return Function(fn.name, Region(fn.body.params, ops, fn.body.yields)) if changed else fn


class _Cut:
    """One loop, and whether it is cut."""

    def __init__(self, known: Dependences, races: Races, loop: For) -> None:
        self._known = known
        self._loop = loop
        self._items: list[Item] = []
        self.worthwhile = False
        updates = updates_of(known, races, loop, FEWEST)
        if updates is None:
            return
        self._updates = updates
        self._differing = updates.differing
        self._scratch = updates.scratch
        self._items, found = self._plan(loop.body.ops)
        self.worthwhile = found and all(a.rank for a in self._scratch) and self._has_whole_sums()

    # -- the plan
    def _plan(self, ops: list[Op]) -> tuple[list[Item], bool]:
        """What becomes of ops, and whether there are products among them."""
        items: list[Item] = []
        found = False
        for op in ops:
            if self._is_same(op):
                items.append(Once(op))
                continue
            item = self._nest(op) if isinstance(op, For) and is_shared(op, self._differing) else None
            found = found or item is not None
            if item is not None:
                items.append(item)
            elif items and isinstance(items[-1], Each):
                items[-1].ops.append(op)
            else:
                items.append(Each([op]))
        return items, found

    def _nest(self, loop: For) -> Item | None:
        updates = [u for u in self._updates.of(loop) if u.kind == OUTER or u.rows[0].source]
        if updates:
            return Nest(loop, updates)
        items, found = ([], False) if loop.inits else self._plan(loop.body.ops)
        return Around(loop, items) if found else None

    def _is_same(self, op: Op) -> bool:
        """Whether an op is the same for all iterations, and may as well run before."""
        if op.regions or isinstance(op, Store) or not self._differing.isdisjoint((*op.args, *op.outs)):
            return False
        return isinstance(op, Check) or bool(op.outs)

    def _has_whole_sums(self) -> bool:
        """Whether what each carried value is summed up by stands together."""
        return all(self._home(p) is not None for p in self._loop.carried)

    def _home(self, param: Value) -> Each | None:
        following = self._loop.next[self._loop.carried.index(param)]
        for item in self._items:
            if isinstance(item, Each) and any(param in used([op]) for op in item.ops):
                return item if any(following in op.outs for op in item.ops) else None
        return None

    # -- the block
    def made(self) -> list[Op]:
        """What stands for the loop."""
        before = Builder()
        before.src = self._loop.src
        before.defs.update((v, op) for v, op in self._known.definition.items() if isinstance(op, Const))
        rows = self._rows(before)
        wide = {a: self._widened(before, a, rows) for a in self._scratch}
        strips = {
            v: before.alloc([rows], v.dtype, name=f"{v.name}_strip" if v.name else "strip")
            for v in self._crossing()
        }
        block = Block(self._loop, rows, wide, strips, self._differing, self._known.definition)
        for item in self._items:
            self._emit(block, item)
        return [*before.region.ops, *block.done()]

    def _rows(self, b: Builder) -> Value:
        """The number of iterations of a block."""
        each = b.int(1)
        for array in self._scratch:
            size = b.int(1)
            for length in self._alloc(array).args:
                size = emit(b, "mul", size, length)
            each = emit(b, "add", each, size)
        trips = emit(b, "sub", self._loop.hi, self._loop.lo)
        most = emit(b, "pymin", emit(b, "floordiv", b.int(BUDGET), each), b.int(BLOCK))
        rows = emit(b, "pymax", emit(b, "pymin", most, trips), b.int(1))
        rows.name = "rows"
        return rows

    def _alloc(self, array: Value) -> Alloc:
        alloc = self._known.definition[array]
        assert isinstance(alloc, Alloc)
        return alloc

    def _widened(self, b: Builder, array: Value, rows: Value) -> Value:
        """Scratch memory with a row for each iteration of a block."""
        alloc = self._alloc(array)
        lengths = [*alloc.args[:-1], rows, alloc.args[-1]]
        return b.alloc(lengths, array.dtype, alloc.fill, f"{array.name}_rows" if array.name else "rows")

    def _emit(self, block: Block, item: Item) -> None:
        match item:
            case Once():
                block.once(item.op)
            case Each():
                block.each(item.ops, [p for p in self._loop.carried if self._home(p) is item])
            case Nest():
                Products(block, item.loop, item.updates)
            case Around():
                block.open(item.loop)
                for inner in item.items:
                    self._emit(block, inner)
                block.close(item.loop)

    def _crossing(self) -> list[Value]:
        """Numbers of an iteration that other loops over the block read than the one that computes them."""
        found: dict[Value, None] = {}
        made: dict[Value, Item] = {}
        for item in _flat(self._items):
            ops = item.ops if isinstance(item, Each) else [item.loop] if isinstance(item, Nest) else []
            found.update((v, None) for v in used(ops) if v in made and made[v] is not item)
            made.update((out, item) for op in ops for out in op.outs if isinstance(out.type, Scalar))
        return list(found)


def _flat(items: list[Item]) -> list[Item]:
    return [x for item in items for x in (_flat(item.items) if isinstance(item, Around) else [item])]
