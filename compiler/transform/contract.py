"""Memory that is written more than it need be: zeros that are overwritten, sums onto what was just stored,
stores that nobody reads.

Before::

    a: f64[:] = zeros(n)
    for i in range(0, n, 1) {
        t: f64 = x[i]
        a[i] += t
        a[i] += 1.0
        u: f64 = a[i]
        y[i] = u
        a[i] = 0.0
    }

After::

    a: f64[:] = empty(n)
    for i in range(0, n, 1) {
        t: f64 = x[i]
        s: f64 = t + 1.0
        a[i] = s
        u: f64 = a[i]
        y[i] = u
    }

The first touch of zeros is a loop nest that covers every element once (`analysis/first_writes.py`): what it
adds is stored (which turns -0.0 into itself instead of 0.0, so it needs `reassociate`). Values on their way
through memory are forwarded by `cse`, and memory that is only written goes with `dce`.
"""

from __future__ import annotations

from ..analysis.dependence import ADD, READ, Access, Dependences
from ..analysis.facts import Equalities
from ..analysis.first_writes import FirstWrites
from ..analysis.lengths import source_axis
from ..analysis.memory import is_reference
from ..ir.nodes import Alloc, Apply, Call, Dim, For, Function, Load, Op, Region, Store, Value
from ..ir.types import INT
from ..ir.walk import substitute, walk

IN_ORDER = ("copy", "dot", "solve_lower", "solve_upper", "cholesky_adjoint")
"""Library calls whose results certainly lie in C order, as what is allocated does."""


def contract(
    fn: Function, *, distinct_params: bool = True, reassociate: bool = True, visible: bool = True
) -> Function:
    """Drop needless zeros and stores; the function itself where there are no arrays of its own."""
    if not any(isinstance(op, Alloc) for op in walk(fn.body)):
        return fn
    while True:
        known = Dependences(fn, distinct_params=distinct_params, reassociate=reassociate, visible=visible)
        pass_ = _Pass(known, fn)
        body = pass_.region(fn.body, Equalities(known.definition))
        if not pass_.changed:
            return fn
        fn = Function(fn.name, body)


class _Pass:
    """Goes through the regions in order; `private` are the arrays that only loads and stores name."""

    def __init__(self, known: Dependences, fn: Function) -> None:
        self.known = known
        self.aliased = aliased(fn)
        self.private = {op.out for op in walk(fn.body) if isinstance(op, Alloc)} - self.aliased
        self.private.difference_update(fn.results)
        self.lengths = {(op.args[0], op.axis): op.out for op in walk(fn.body) if isinstance(op, Dim)}
        self.changed = False
        self.overwriting: set[int] = set()  # sums that are the first write
        self.readers: dict[Value, list[Op]] = {}
        for op in walk(fn.body):
            if isinstance(op, Load) or (isinstance(op, Store) and op.accumulate):
                self.readers.setdefault(op.args[0], []).append(op)

    def region(self, region: Region, outer: Equalities) -> Region:
        without_copy = self.adopted(region, outer)
        if without_copy is not region:
            return without_copy  # its ops are new: the next round goes on
        facts = Equalities(self.known.definition, outer)
        ops: list[Op] = []
        for at, op in enumerate(region.ops):
            facts.learn([op])
            if isinstance(op, Alloc) and op.fill == "zeros":
                op = self.first_write(op, region.ops[at + 1 :], facts)
            elif isinstance(op, Store):
                if self.unread(op):
                    self.changed = True
                    continue
                if id(op) in self.overwriting:
                    op = Store(op.args, (), (), (False,), op.src)
            elif op.regions:
                op = op.rebuild(regions=tuple(self.region(r, facts.within(op)) for r in op.regions))
            ops.append(op)
        return Region(region.params, self.merged(ops), region.yields)

    # -- copies
    def adopted(self, region: Region, outer: Equalities) -> Region:
        """The region without an array that is a copy of another one that is not used again."""
        facts = Equalities(self.known.definition, outer).learn(region.ops)
        for at, nest in enumerate(region.ops):
            found = self.copied(nest) if isinstance(nest, For) else None
            if found is None or not isinstance(nest, For):
                continue
            target, source = found
            first, second = self.known.definition.get(target), self.known.definition.get(source)
            if not isinstance(first, Alloc) or not self.lasts_until(source, second, at, region):
                continue
            if first not in region.ops or not self.covers(first, nest, second, facts):
                continue
            if any(target in self.known.summary(op).used for op in region.ops[:at]):
                continue
            self.changed = True
            source.name = source.name or target.name
            ops = [op for op in region.ops if op is not first and op is not nest]
            return substitute(Region(region.params, ops, region.yields), {target: source})
        return region

    def copied(self, nest: For) -> tuple[Value, Value] | None:
        """(target, source) if all that a loop nest does is target[i…] = source[i…]."""
        ops: list[Op] = [nest]
        while len(ops) == 1 and isinstance(ops[0], For) and not ops[0].inits:
            ops = ops[0].body.ops
        if len(ops) != 2:
            return None
        load, store = ops
        if not isinstance(load, Load) or not isinstance(store, Store) or store.accumulate:
            return None
        plain = load.out is store.value and load.index == store.index and load.array is not store.array
        return (store.array, load.array) if plain else None

    def lasts_until(self, source: Value, made: Op | None, at: int, region: Region) -> bool:
        """Whether an array is made in a region, and nobody names it after the op `at`."""
        in_order = isinstance(made, Alloc) or (isinstance(made, Call) and made.name in IN_ORDER)
        if not in_order or made not in region.ops or source in self.aliased:
            return False
        later = region.ops[at + 1 :]
        return source not in region.yields and not any(source in self.known.summary(op).used for op in later)

    def covers(self, alloc: Alloc, nest: For, made: Op | None, facts: Equalities) -> bool:
        """Whether a nest writes all of an array, of the same shape as the one that it reads."""
        if not FirstWrites(self.known, alloc.out, alloc.args, facts).stores(nest):
            return False
        assert made is not None
        return all(facts.same(self.length(made.outs[0], k), m) for k, m in enumerate(alloc.args))

    def length(self, array: Value, axis: int) -> Value:
        """A value for the length of an axis; one that equals no other where none is known."""
        found = source_axis(self.known.definition, array, axis)
        return found if isinstance(found, Value) else self.lengths.get(found, Value(INT))

    # -- zeros
    def first_write(self, alloc: Alloc, following: list[Op], facts: Equalities) -> Alloc:
        """The allocation without zeros, if the first op that touches it writes every element."""
        array = alloc.out
        for op in following:
            facts = Equalities(self.known.definition, facts).learn([op])
            if array in self.known.summary(op).used:
                first = FirstWrites(self.known, array, alloc.args, facts)
                stores = first.stores(op) if isinstance(op, For) else []
                sums = [store for store in stores if store.accumulate]
                if not stores or (sums and not self.known.reassociate):
                    return alloc
                self.overwriting.update(map(id, sums))
                self.changed = True
                return Alloc(alloc.args, alloc.outs, (), ("empty", *alloc.attrs[1:]), alloc.src)
        return alloc

    # -- stores
    def unread(self, store: Store) -> bool:
        """Whether nothing reads what a store leaves in an array of our own."""
        array = store.array
        if array not in self.private:
            return False
        return not any(
            reader is not store and self.may_follow(reader, store) for reader in self.readers.get(array, ())
        )

    def may_follow(self, reader: Op, store: Store) -> bool:
        """Whether an op may read an element after a store to it."""
        structure = self.known.memory.structure
        region, at_reader, at_store = structure.common(reader, store)
        if at_reader >= at_store:
            return True
        read = Access(READ, store.array, reader.args[1 : 1 + store.array.rank])
        written = Access(ADD, store.array, store.index)
        return any(
            not isinstance(loop, For) or not self.known.same_pass_only(read, written, loop.index, loop.index)
            for loop in structure.loops(region)
            if not self.known.memory.fresh_in(store.array, loop)
        )

    def merged(self, ops: list[Op]) -> list[Op]:
        """Straight-line code where stores to one place, that nothing reads in between, are one."""
        done: list[Op | None] = []
        last: dict[
            tuple[Value, ...], int
        ] = {}  # place → position of the store that nothing has touched since
        for op in ops:
            place = op.args[:-1] if isinstance(op, Store) else ()
            earlier = done[last[place]] if place in last else None
            if isinstance(op, Store) and isinstance(earlier, Store) and self.joins(earlier, op):
                if op.accumulate:
                    total = Apply((earlier.value, op.value), (Value(op.value.type),), (), ("add",), op.src)
                    done.append(total)
                    op = Store((*place, total.out), (), (), (earlier.accumulate,), op.src)
                done[last[place]] = None
                self.changed = True
            self.forget(op, last)
            if isinstance(op, Store) and op.array in self.private:
                last[place] = len(done)
            done.append(op)
        return [op for op in done if op is not None]

    def joins(self, earlier: Store, store: Store) -> bool:
        """Whether one store can stand for two: not for two sums whose order counts."""
        if store.value.dtype == "bool":
            return not store.accumulate
        return self.known.reassociate or not (earlier.accumulate and store.accumulate)

    def forget(self, op: Op, last: dict[tuple[Value, ...], int]) -> None:
        """Drop the stores whose element an op may touch."""
        for access in self.known.summary(op).accesses:
            for place in [p for p in last if self.known.overlap(access, Access(READ, p[0], None))]:
                if access.ref is not place[0] or not self.known.apart(
                    access, Access(READ, place[0], place[1:])
                ):
                    del last[place]


def aliased(fn: Function) -> set[Value]:
    """Arrays that something else than loads, stores, lengths and results may name."""
    found: set[Value] = set()
    for op in walk(fn.body):
        for k, arg in enumerate(op.args):
            if is_reference(arg) and not (k == 0 and isinstance(op, Load | Store | Dim)):
                found.add(arg)
        for inner in op.regions:
            found.update(v for v in inner.yields if is_reference(v))
    return found
