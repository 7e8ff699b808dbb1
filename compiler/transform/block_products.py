"""Products of matrices for the iterations of a block: see `transform/blocks.py`."""

from __future__ import annotations

from collections.abc import Callable

from ..analysis.updates import FORWARD, OUTER, SUM, Update, without_sum
from ..ir.nodes import Check, For, Op, Region, Store, Value
from ..ir.types import INT, Array
from ..ir.walk import walk
from ..prims.prim import emit
from .panels import Panels
from .row_block import Block, Now, used

SMALLEST = 64
"""Elements of a matrix that are worth a call of the library."""
FEWEST_ROWS = 64
"""Iterations that are worth making a matrix for them."""
SPARSEST = 2
"""How many elements a matrix may have for each that the nest names."""

Action = Callable[[Now], None]


class Products:
    """A nest by products of matrices if that is fast and right, else for one iteration after the other."""

    def __init__(self, block: Block, nest: For, updates: list[Update]) -> None:
        self.block = block
        self.b = block.b
        self.nest = nest
        self.updates = updates
        self._panels = Panels(block, nest)
        self._checked: set[int] = set()
        self._extracted = {id(u.op) for u in updates}
        self.b.src = nest.src
        worthwhile = self._test()
        self.b.open()
        self._emit()
        then = self.b.close()
        self.b.open()
        block.each([nest])
        self.b.if_(worthwhile, then, self.b.close())

    # -- whether it is worthwhile
    def _test(self) -> Value:
        """Whether products are fast, and right."""
        b = self.b
        tests = {b.apply("ge", (self.block.count, b.int(FEWEST_ROWS)), "bool"): None}
        for update in self.updates:
            tests[self._is_dense(update)] = None
            tests[b.apply("ge", (self._size(update), b.int(SMALLEST)), "bool")] = None
            if update.kind != OUTER:
                tests[self._panels.finite(update.rows[0])] = None
        first, *others = tests
        for test in others:
            first = b.apply("and", (first, test), "bool")
        return first

    def _now(self, value: Value) -> Value:
        return self.block.now.get(value, value)

    def _lengths(self, update: Update) -> tuple[Value, Value]:
        """The lengths of the axes of the matrix of an update."""
        rows = self._panels.width(update.rows[0])
        if update.kind == OUTER:
            return rows, self._panels.width(update.rows[1])
        if update.kind == SUM:
            return rows, self._now(self.nest.hi)
        assert isinstance(update.op, Store)
        return rows, self.block.length(update.op.array, update.axis)

    def _size(self, update: Update) -> Value:
        rows, columns = self._lengths(update)
        return emit(self.b, "mul", rows, columns)

    def _is_dense(self, update: Update) -> Value:
        """Whether the nest names enough of the elements, by the first and the last trip of its outer loop."""
        b = self.b
        lo, hi = self._now(self.nest.lo), self._now(self.nest.hi)
        trips = emit(b, "sub", hi, lo)
        total = b.int(0)
        for index in (lo, emit(b, "sub", hi, b.int(1))):
            now = {**self.block.now, self.nest.index: index}
            for op in update.trips:
                b.add(self.block.copy(op, now))
            first, last = (now.get(a, a) for a in (update.inner.lo, update.inner.hi))
            total = emit(b, "add", total, emit(b, "sub", last, first))
        named = emit(b, "mul", emit(b, "mul", trips, total), b.int(SPARSEST))
        return b.apply("ge", (named, self._size(update)), "bool")

    # -- the products
    def _emit(self) -> None:
        """The nest, by products."""
        b = self.b
        for update in self.updates:
            for rows in update.rows:
                self._panels.prepare(rows)
        matrices: dict[int, Value] = {}
        actions: dict[int, Action] = {}
        for update in self.updates:
            if update.kind != OUTER:
                matrix = b.alloc(self._lengths(update), update.rows[0].value.dtype, "zeros", "matrix")
                matrices[id(update)] = matrix
                actions[id(update.op)] = self._entry(update, matrix)
        self._same_nest(actions, checks=True)
        products: dict[int, Value] = {}
        for update in self.updates:
            if update.kind != OUTER:
                product = self._dot(self._panels.rows(update.rows[0]), matrices[id(update)])
                products[id(update.op)] = product
        self._rest(products)
        for update in self.updates:
            if update.kind == FORWARD:
                self._add(update, products[id(update.op)])
        drains: dict[int, Action] = {}
        for update in self.updates:
            if update.kind == OUTER:
                left, right = map(self._panels.rows, update.rows)
                turned = b.view(left, "transpose", (1, 0), (), 2, left.name)
                drains[id(update.op)] = self._taken(update, self._dot(turned, right))
        if drains:
            self._same_nest(drains, checks=False)

    def _dot(self, left: Value, right: Value) -> Value:
        (product,) = self.b.call("dot", (left, right), (Array(left.dtype, 2),))
        product.name = "sums"
        return product

    def _for(self, loop: For, body: Region, now: Now) -> None:
        lo, hi, step = (now.get(a, a) for a in loop.args[:3])
        self.b.for_(lo, hi, step, (), body)

    def _add(self, update: Update, product: Value) -> None:
        """Add a product to scratch memory."""
        b, block, op = self.b, self.block, update.op
        assert isinstance(op, Store)
        k, now = block.rows(())
        place = Value(INT, "j")
        b.open((place,))
        index = [place if axis == update.axis else now.get(i, i) for axis, i in enumerate(op.index)]
        index.insert(op.array.rank - 1, k)
        b.store(block.wide[op.array], index, b.load(product, (k, place)), accumulate=True)
        columns = self._lengths(update)[1]
        b.for_(block.zero, columns, block.one, (), b.close())
        block.end()

    def _weighed(self, update: Update, now: Now, value: Value | None) -> Value:
        """A value times the factors that are the same for all iterations, with the sign."""
        b, dtype = self.b, update.rows[0].value.dtype
        for factor in update.same:
            other = now.get(factor, factor)
            value = other if value is None else b.apply("mul", (value, other), dtype)
        value = b.const(1.0, dtype) if value is None else value
        return b.apply("neg", (value,), dtype) if update.negative else value

    def _entry(self, update: Update, matrix: Value) -> Action:
        def action(now: Now) -> None:
            places = [now.get(v, v) for v in (update.rows[0].place, update.place)]
            self.b.store(matrix, places, self._weighed(update, now, None), accumulate=True)

        return action

    def _taken(self, update: Update, product: Value) -> Action:
        def action(now: Now) -> None:
            assert isinstance(update.op, Store)
            element = self.b.load(product, [now.get(r.place, r.place) for r in update.rows])
            index = [now.get(i, i) for i in update.op.index]
            self.b.store(update.op.array, index, self._weighed(update, now, element), accumulate=True)

        return action

    def _same_nest(self, actions: dict[int, Action], *, checks: bool) -> None:
        """The nest once for the block: what is the same for all iterations, and the actions."""
        b, block = self.b, self.block
        inner_loops = {id(u.inner) for u in self.updates}
        now = dict(block.now)
        now[self.nest.index] = index = Value(INT, self.nest.index.name)
        b.open((index,))
        for op in self.nest.body.ops:
            if id(op) not in inner_loops:
                self._same(op, now, checks)
                continue
            assert isinstance(op, For)
            now[op.index] = place = Value(INT, op.index.name)
            b.open((place,))
            for inner in op.body.ops:
                self._same(inner, now, checks)
                if id(inner) in actions:
                    actions[id(inner)](now)
            if id(op) in actions:
                actions[id(op)](now)
            self._for(op, b.close(), now)
        self._for(self.nest, b.close(), block.now)

    def _same(self, op: Op, now: Now, checks: bool) -> None:
        """An op that is the same for all iterations."""
        differing = self.block.differing
        if op.regions or isinstance(op, Store) or not differing.isdisjoint((*op.args, *op.outs)):
            return
        if isinstance(op, Check):
            if not checks:
                return
            self._checked.add(id(op))
        self.b.src = op.src
        self.b.add(self.block.copy(op, now))

    # -- what is left
    def _rest(self, products: dict[int, Value]) -> None:
        """The nest for one iteration after the other, without what is a product."""
        b, block = self.b, self.block
        made = {r.value: self._panels.panel(r) for u in self.updates for r in u.rows if r.source is None}
        left = [op for op in walk(self.nest.body) if isinstance(op, Store) and id(op) not in self._extracted]
        if not left and not made and not self.nest.inits:
            return
        k, now = block.rows(used([self.nest]))
        lo, hi, step, *inits = (now.get(a, a) for a in self.nest.args)
        carried = [Value(p.type, p.name) for p in self.nest.carried]
        now.update(zip(self.nest.carried, carried, strict=True))
        now[self.nest.index] = index = Value(INT, self.nest.index.name)
        b.open((index, *carried))
        for op in self.nest.body.ops:
            if isinstance(op, For):
                self._rest_of(op, now, k, products, index)
            elif id(op) not in self._checked and id(op) not in self._extracted:
                b.add(block.copy(op, now, k))
            for out in op.outs:
                if out in made:
                    b.store(made[out], (k, index), now[out])
        body = b.close([now.get(v, v) for v in self.nest.next])
        for out, after in zip(self.nest.outs, b.for_(lo, hi, step, inits, body), strict=True):
            if out in block.strips:
                b.store(block.strips[out], (k,), after)
        block.end()

    def _rest_of(self, loop: For, now: Now, k: Value, products: dict[int, Value], index: Value) -> None:
        """An inner loop without what is a product."""
        b = self.b
        ops = [op for op in loop.body.ops if id(op) not in self._extracted and id(op) not in self._checked]
        if id(loop) in products:
            part = b.load(products[id(loop)], (k, index))
            init = now.get(loop.inits[0], loop.inits[0])
            now[loop.outs[0]] = emit(b, "add", init, part)
            loop = without_sum(loop)
            ops = [op for op in ops if op in loop.body.ops]
        body = Region(loop.body.params, ops, loop.body.yields)
        loop = For(loop.args, loop.outs, (body,), loop.attrs, loop.src)
        if loop.outs or any(op.regions or isinstance(op, Store | Check) for op in ops):
            b.add(self.block.copy(loop, now, k))
