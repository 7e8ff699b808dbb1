"""The loops over a block of iterations and their products of matrices: see `transform/blocks.py`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

from ..analysis.updates import FORWARD, OUTER, SUM, Rows, Update
from ..ir.build import Builder
from ..ir.nodes import Alloc, Check, Const, Dim, For, Load, Op, Region, Store, Value
from ..ir.types import INT, Array
from ..ir.walk import walk
from ..prims.prim import emit

SMALLEST = 64
"""Elements of a matrix that are worth a call of the library."""
FEWEST_ROWS = 8
"""Iterations that are worth making a matrix for them."""
SPARSEST = 2
"""How many elements a matrix may have for each that the nest names."""

Now = dict[Value, Value]
Action = Callable[[Now], None]


def used(ops: Iterable[Op]) -> dict[Value, None]:
    """What ops and those inside of them read."""
    found: dict[Value, None] = {}
    for op in walk(Region((), list(ops))):
        found.update((v, None) for v in (*op.args, *(v for r in op.regions for v in r.yields)))
    return found


class Block:
    """Builds the loop over blocks; `wide` has scratch memory with a row for each iteration, `strips` the
    numbers that several loops over the block read.
    """

    def __init__(
        self,
        loop: For,
        rows: Value,
        wide: Now,
        strips: Now,
        differing: set[Value],
        definition: Mapping[Value, Op],
    ) -> None:
        self.loop = loop
        self.wide = wide
        self.strips = strips
        self.differing = differing
        self.now: Now = {}  # what values of the loop are, where they are the same for the block
        self.before = Builder()
        self.before.src = loop.src
        self._definition = definition
        self.b = Builder()
        self.b.src = loop.src
        self.b.defs.update((v, op) for v, op in definition.items() if isinstance(op, Const))
        self.most = rows
        self.zero, self.one = self.b.int(0), self.b.int(1)
        self._sums = {p: Value(p.type, p.name) for p in loop.carried}
        self._first = Value(INT, "first")
        self.b.open((self._first, *self._sums.values()))
        rest = emit(self.b, "sub", loop.hi, self._first)
        self.count = emit(self.b, "pymin", rest, rows)
        self.count.name = "count"

    def done(self) -> list[Op]:
        """The ops that stand for the loop."""
        loop = self.loop
        body = self.b.close([self._sums[p] for p in loop.carried])
        args = (loop.lo, loop.hi, self.most, *loop.inits)
        self.b.add(For(args, loop.outs, (body,), (False, False, 0), loop.src))
        return [*self.before.region.ops, *self.b.region.ops]

    # -- ops of the loop
    def once(self, op: Op) -> None:
        """An op that is the same for the block."""
        self.b.src = op.src
        self.b.add(self.copy(op, self.now))

    def open(self, loop: For) -> None:
        """Start a loop around loops over the block."""
        self.now[loop.index] = index = Value(INT, loop.index.name)
        self.b.open((index,))

    def close(self, loop: For) -> None:
        """End it."""
        body = self.b.close()
        lo, hi, step = (self.now.get(a, a) for a in loop.args)
        self.b.src = loop.src
        self.b.for_(lo, hi, step, (), body)

    def each(self, ops: list[Op], carried: Sequence[Value] = ()) -> None:
        """Ops for one iteration after the other."""
        params = {p: Value(p.type, p.name) for p in carried}
        k, now = self.rows(used(ops), params.values())
        now.update(params)
        for op in ops:
            self.b.add(self.copy(op, now, k))
        for op in ops:
            for out in op.outs:
                if out in self.strips:
                    self.b.store(self.strips[out], (k,), now[out])
        after = [now.get(v, v) for v in (self.loop.next[self.loop.carried.index(p)] for p in carried)]
        outs = self.end(after, [self._sums[p] for p in carried])
        self._sums.update(zip(carried, outs, strict=True))

    def rows(self, wanted: Iterable[Value], carried: Iterable[Value] = ()) -> tuple[Value, Now]:
        """Start a loop over the block: its index, and what values are in it."""
        k = Value(INT, "k")
        self.b.open((k, *carried))
        now = dict(self.now)
        now[self.loop.index] = index = emit(self.b, "add", self._first, k)
        index.name = self.loop.index.name
        for value in wanted:
            if value in self.strips:
                now[value] = self.b.load(self.strips[value], (k,), value.name)
        return k, now

    def end(self, yields: Sequence[Value] = (), inits: Sequence[Value] = ()) -> tuple[Value, ...]:
        """End a loop over the block."""
        body = self.b.close(yields)
        return self.b.for_(self.zero, self.count, self.one, inits, body)

    def copy(self, op: Op, now: Now, k: Value | None = None) -> Op:
        """A copy of an op of the loop, for row k of scratch memory."""
        args = [now.get(a, a) for a in op.args]
        attrs = op.attrs
        if isinstance(op, Load | Store | Dim) and op.args[0] in self.wide:
            args[0] = self.wide[op.args[0]]
            rank = op.args[0].rank
            if isinstance(op, Dim):
                attrs = (self.axis(op.args[0], op.axis),)
            else:
                assert k is not None
                args.insert(rank, k)
        regions = []
        for region in op.regions:
            params = tuple(self._fresh(p, now) for p in region.params)
            inner = [self.copy(o, now, k) for o in region.ops]
            regions.append(Region(params, inner, tuple(now.get(v, v) for v in region.yields)))
        outs = tuple(self._fresh(out, now) for out in op.outs)
        return type(op)(tuple(args), outs, tuple(regions), attrs, op.src)

    def axis(self, array: Value, axis: int) -> int:
        """An axis of an array, where rows stand before the last one."""
        return axis + 1 if array in self.wide and axis == array.rank - 1 else axis

    def length(self, array: Value, axis: int) -> Value:
        """The length of an axis, known before the loop."""
        alloc = self._definition.get(array)
        return alloc.args[axis] if isinstance(alloc, Alloc) else self.before.dim(array, axis)

    def _fresh(self, value: Value, now: Now) -> Value:
        now[value] = new = Value(value.type, value.name)
        return new

    def nest(self, nest: For, updates: list[Update]) -> None:
        """A nest by products of matrices if that is fast and right, else row by row."""
        self.b.src = nest.src
        products = _Products(self, nest, updates)
        cond = products.panels()
        self.b.open()
        products.emit()
        then = self.b.close()
        self.b.open()
        self.each([nest])
        self.b.if_(cond, then, self.b.close())


class _Products:
    """The products of one nest. A panel has a row of factors for each iteration of the block."""

    def __init__(self, block: Block, nest: For, updates: list[Update]) -> None:
        self.block = block
        self.b = block.b
        self.nest = nest
        self.updates = updates
        self._panels: dict[tuple[object, ...], Value] = {}
        self._length: Now = {}
        self._finite: list[Value] = []
        self._checked: set[int] = set()
        self._extracted = {id(u.op) for u in updates}

    # -- the factors
    def panels(self) -> Value:
        """Fill the panels; whether products are worthwhile, and right."""
        b = self.b
        checked: dict[Value, None] = {}
        for update in self.updates:
            for rows in update.rows:
                panel = self._panel(rows)
                if update.kind != OUTER:
                    checked[panel] = None
        filled = [r for u in self.updates for r in u.rows if r.source is not None]
        seen: set[Value] = set()
        tests = {b.apply("ge", (self.block.count, b.int(FEWEST_ROWS)), "bool"): None}
        for rows in filled:
            panel = self._panel(rows)
            if panel not in seen:
                seen.add(panel)
                spoilt = self._fill(rows, panel)
                if panel in checked:
                    tests[b.apply("eq", (spoilt, b.const(0.0, spoilt.dtype)), "bool")] = None
        for update in self.updates:
            tests[self._is_dense(update)] = None
            tests[b.apply("ge", (self._size(update), b.int(SMALLEST)), "bool")] = None
        first, *others = tests
        for test in others:
            first = b.apply("and", (first, test), "bool")
        return first

    def _panel(self, rows: Rows) -> Value:
        source, b = rows.source, self.b
        key: tuple[object, ...] = (rows.value,)
        if source is not None:
            others = tuple(None if i is rows.place else i for i in source.index)
            key = (source.array, rows.axis, *others, *rows.scalars)
        if key not in self._panels:
            n = self._now(self.nest.hi)
            if source is not None:
                n = self.block.length(source.array, rows.axis)
            panel = b.alloc(
                (self.block.most, n), rows.value.dtype, name=f"{rows.value.name or 'factor'}_panel"
            )
            self._panels[key] = panel
            self._length[panel] = n
        return self._panels[key]

    def _fill(self, rows: Rows, panel: Value) -> Value:
        """Fill a panel; a sum that is 0 unless there are infinite numbers."""
        b, block, source = self.b, self.block, rows.source
        assert source is not None
        none = b.const(0.0, panel.dtype)
        outer, inner = (Value(rows.value.type, "spoilt") for _ in range(2))
        k, now = block.rows((*source.index, *rows.scalars), (outer,))
        place = Value(INT, "j")
        b.open((place, inner))
        now[rows.place] = place
        load = block.copy(source, now, k)
        b.add(load)
        value = load.out
        for scalar in rows.scalars:
            value = b.apply("mul", (now.get(scalar, scalar), value), value.dtype)
        b.store(panel, (k, place), value)
        spoilt = b.apply("add", (inner, b.apply("mul", (value, none), value.dtype)), value.dtype)
        row = b.close([spoilt])
        (after,) = b.for_(block.zero, self._length[panel], block.one, (outer,), row)
        return block.end([after], [none])[0]

    def _now(self, value: Value) -> Value:
        return self.block.now.get(value, value)

    def _lengths(self, update: Update) -> tuple[Value, Value]:
        """The lengths of the axes of the matrix of an update."""
        rows = self._length[self._panel(update.rows[0])]
        if update.kind == OUTER:
            return rows, self._length[self._panel(update.rows[1])]
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
    def emit(self) -> None:
        """The nest, by products."""
        b = self.b
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
                product = self._dot(self._rows_of(update.rows[0]), matrices[id(update)])
                products[id(update.op)] = product
        self._rest(products)
        for update in self.updates:
            if update.kind == FORWARD:
                self._add(update, products[id(update.op)])
        drains: dict[int, Action] = {}
        for update in self.updates:
            if update.kind == OUTER:
                left, right = map(self._rows_of, update.rows)
                turned = b.view(left, "transpose", (1, 0), (), 2, left.name)
                drains[id(update.op)] = self._taken(update, self._dot(turned, right))
        if drains:
            self._same_nest(drains, checks=False)

    def _rows_of(self, rows: Rows) -> Value:
        """The rows of a panel that the block has."""
        panel = self._panel(rows)
        spec = ("s", ":")
        return self.b.view(
            panel, "slice", spec, (self.block.zero, self.block.count, self.block.one), 2, panel.name
        )

    def _dot(self, left: Value, right: Value) -> Value:
        (product,) = self.b.call("dot", (left, right), (Array(left.dtype, 2),))
        product.name = "product"
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
        made = {r.value: self._panel(r) for u in self.updates for r in u.rows if r.source is None}
        left = [op for op in walk(self.nest.body) if isinstance(op, Store) and id(op) not in self._extracted]
        if not left and not made:
            return
        k, now = block.rows(used([self.nest]))
        now[self.nest.index] = index = Value(INT, self.nest.index.name)
        b.open((index,))
        for op in self.nest.body.ops:
            if isinstance(op, For):
                self._rest_of(op, now, k, products, index)
            elif id(op) not in self._checked and id(op) not in self._extracted:
                b.add(block.copy(op, now, k))
            for out in op.outs:
                if out in made:
                    b.store(made[out], (k, index), now[out])
        self._for(self.nest, b.close(), block.now)
        block.end()

    def _rest_of(self, loop: For, now: Now, k: Value, products: dict[int, Value], index: Value) -> None:
        """An inner loop without what is a product."""
        b = self.b
        ops = [op for op in loop.body.ops if id(op) not in self._extracted and id(op) not in self._checked]
        if id(loop) in products:
            part = b.load(products[id(loop)], (k, index))
            init = now.get(loop.inits[0], loop.inits[0])
            now[loop.outs[0]] = emit(b, "add", init, part)
            (param,), (following,) = loop.carried, loop.next
            ops = [op for op in ops if following not in op.outs and param not in op.args]
            loop = For(loop.args[:3], (), (Region((loop.index,), ops),), loop.attrs, loop.src)
        else:
            loop = For(
                loop.args, loop.outs, (Region(loop.body.params, ops, loop.body.yields),), loop.attrs, loop.src
            )
        if loop.outs or any(op.regions or isinstance(op, Store | Check) for op in ops):
            b.add(self.block.copy(loop, now, k))
