"""Arrays that a nest updates in place get a second buffer where the nest fuses with what reads neighbours.

Before::

    u: f64[:] = empty(n)
    …
    for t in range(0, steps, 1) {
        for i in range(1, m, 1) {
            du[i] = u[i - 1] - u[i + 1]
        }
        for i in range(1, m, 1) {
            s: f64 = du[i]
            u[i] += s
        }
    }

After::

    u_next: f64[:] = empty(n)               # a copy of u
    for t in range(0, steps, 1) carry (old: f64[:] = u, new: f64[:] = u_next) {
        for i in range(1, m, 1) {
            du[i] = old[i - 1] - old[i + 1]
            s: f64 = du[i]
            a: f64 = old[i]
            b: f64 = a + s
            new[i] = b
        }
        yield new, old
    } -> u_1, u_2

Then du is dropped, and one sweep through memory less is made. The nest must update the same elements in every
iteration: all others are the same in both buffers. Done once derivatives are made, as shadows of exchanged
buffers cost more. Where no loops fuse, nothing is changed.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from ..analysis.dependence import Dependences
from ..ir.build import Builder
from ..ir.nodes import Alloc, Dim, For, Function, Load, Op, Region, Store, Value
from ..ir.walk import defined, regions, substitute, use_counts, walk
from ..prims.libcall import fill, shape
from .fuse_loops import fuse_loops


@dataclass(eq=False)
class Update:
    """A nest in the body of a loop, and the arrays that it updates in its innermost loop."""

    loop: For
    nest: list[For]
    arrays: list[Value] = field(default_factory=list)


def double_buffer(
    fn: Function, *, distinct_params: bool = True, reassociate: bool = True, visible: bool = True
) -> Function:
    """Make second buffers, and fuse; the function itself where that is of no use."""
    if not any(isinstance(op, For) and _nests(op) > 1 for op in walk(fn.body)):
        return fn
    passed = 0
    while True:
        known = Dependences(fn, distinct_params=distinct_params, reassociate=reassociate, visible=visible)
        updates = _Updates(fn, known).found()
        if passed == len(updates):
            return fn
        update = updates[passed]
        doubled = _Doubled(update)
        fused = fuse_loops(
            Function(fn.name, doubled.region(fn.body)),
            distinct_params=distinct_params,
            reassociate=reassociate,
            visible=visible,
        )
        after = next((op for op in walk(fused.body) if doubled.outs[0] in op.outs), None)
        if after is not None and _nests(after) < _nests(update.loop):
            fn = fused
        else:
            passed += 1


def _nests(loop: Op) -> int:
    return sum(isinstance(op, For) for op in loop.regions[-1].ops)


class _Updates:
    """Looks for updates."""

    def __init__(self, fn: Function, known: Dependences) -> None:
        self.fn = fn
        self.known = known
        self.structure = known.memory.structure
        self.yielded = {value for region in regions(fn.body) for value in region.yields}

    def found(self) -> list[Update]:
        """The updates of a function, in the order of the program."""
        loops = [op for op in walk(self.fn.body) if isinstance(op, For) and _nests(op) > 1]
        return [update for loop in loops if _is_plain(loop) for update in self._of(loop)]

    def _of(self, loop: For) -> list[Update]:
        """The updates by nests in the body of a loop."""
        region = self.structure.region_of(loop)
        before = region.ops[: self.structure.position(loop)]
        found: dict[int, Update] = {}
        for op in before:
            if isinstance(op, Alloc) and op.out not in self.yielded:
                nest = self._nest(loop, op.out, before)
                if nest:
                    found.setdefault(id(nest[0]), Update(loop, nest)).arrays.append(op.out)
        return list(found.values())

    def _nest(self, loop: For, array: Value, before: list[Op]) -> list[For]:
        """The nest that updates an array, one element in each iteration, from the outside inwards; empty if
        there is no such nest, or more happens to the array in the loop or before it.
        """
        early = [op for op in walk(Region((), before)) if array in op.args and array not in op.outs]
        inside = [op for op in walk(loop.body) if array in op.args]
        stores = [op for op in inside if isinstance(op, Store)]
        if not stores or not all(_is_access(op, array) for op in (*early, *inside)):
            return []
        home = self.structure.region_of(stores[0])
        nest = self._loops(home, loop)
        if not nest or not self._is_updated(stores[0], nest):
            return []
        place = [self.known.affine(i) for i in stores[0].index]
        own = [op for op in walk(nest[0].body) if op in inside and not isinstance(op, Dim)]
        for op in own:
            same = isinstance(op, Load | Store) and [self.known.affine(i) for i in op.index] == place
            if not same or self.structure.region_of(op) is not home:
                return []
        if any(op not in own for op in stores):
            return []
        earlier = loop.body.ops[: self.structure.position(nest[0])]
        return nest if array in use_counts(Region((), earlier)) else []

    def _loops(self, home: Region, loop: For) -> list[For]:
        """The loops from the body of one to a region inside, if each runs over the same range in all its
        iterations, whatever happens.
        """
        nest: list[For] = []
        inside = defined(loop.body)
        while home is not loop.body:
            owner = self.structure.owner[id(home)]
            if not isinstance(owner, For) or not _is_plain(owner) or not inside.isdisjoint(owner.args[:3]):
                return []
            nest.insert(0, owner)
            home = self.structure.region_of(owner)
        return nest

    def _is_updated(self, store: Store, nest: list[For]) -> bool:
        """Whether each iteration of a nest stores an element of its own."""
        roots = [self.known.affine(i)[0] for i in store.index]
        indices = {loop.index for loop in nest}
        return len(roots) == len(nest) and set(roots) == indices and all(map(self.known.nonneg, store.index))


def _is_plain(loop: For) -> bool:
    return not (loop.stops or loop.counted or loop.parallel or loop.segments)


def _is_access(op: Op, array: Value) -> bool:
    """Whether an op only loads or stores elements of an array, or asks for its lengths."""
    return isinstance(op, Load | Store | Dim) and op.args[0] is array and array not in op.args[1:]


class _Doubled:
    """Rebuilds a function with the second buffers. `outs` has those that were written last."""

    def __init__(self, update: Update) -> None:
        self.update = update
        self.old = {a: Value(a.type, a.name) for a in update.arrays}
        self.new = {a: Value(a.type, f"{a.name}_next") for a in update.arrays}
        self.outs = [Value(a.type, a.name) for a in update.arrays]

    def region(self, region: Region) -> Region:
        """A region rebuilt."""
        loop = self.update.loop
        at = next((k for k, op in enumerate(region.ops) if op is loop), None)
        if at is None:
            ops = [op.rebuild(regions=tuple(map(self.region, op.regions))) for op in region.ops]
            return Region(region.params, ops, region.yields)
        b = Builder(Region(region.params, region.ops[:at]))
        b.src = loop.src
        self._loop(b)
        after = substitute(Region((), region.ops[at + 1 :], region.yields), self._named(self.outs))
        return Region(region.params, [*b.region.ops, *after.ops], after.yields)

    def _named(self, values: list[Value]) -> dict[Value, Value]:
        return dict(zip(self.update.arrays, values, strict=True))

    def _loop(self, b: Builder) -> None:
        """The copies, and the loop that carries both buffers."""
        loop, arrays = self.update.loop, self.update.arrays
        copies: list[Value] = []
        for array in arrays:
            copies.append(b.alloc(shape(b, array), array.dtype, "empty", f"{array.name}_next"))
            fill(b, copies[-1], array)
        old, new = list(self.old.values()), list(self.new.values())
        at = loop.body.ops.index(self.update.nest[0])
        before = substitute(Region((), loop.body.ops[:at]), self.old)
        nest = self._nest(self.update.nest[0])
        after = substitute(Region((), loop.body.ops[at + 1 :], loop.body.yields), self.new)
        body = Region(
            (*loop.body.params, *old, *new),
            [*before.ops, nest, *after.ops],
            (*after.yields, *new, *old),
        )
        spare = [Value(value.type, value.name) for value in new]
        b.add(loop.rebuild((*loop.args, *arrays, *copies), (*loop.outs, *self.outs, *spare), (body,)))

    def _nest(self, loop: For) -> For:
        """A loop of the nest, whose innermost one reads one buffer and writes the other."""
        inner = self.update.nest[-1]
        b = Builder(Region(loop.body.params))
        written: set[Value] = set()
        for op in loop.body.ops:
            b.src = op.src
            if op in self.update.nest and isinstance(op, For):
                b.add(self._nest(op))
            elif loop is inner and isinstance(op, Store) and op.array in self.new:
                value = op.value
                if op.accumulate:
                    array = self._at(op.array, written)
                    value = b.apply("add", (b.load(array, op.index), value), value.dtype)
                b.store(self.new[op.array], op.index, value)
                written.add(op.array)
            elif isinstance(op, Load) and op.array in self.new:
                b.add(op.rebuild((self._at(op.array, written), *op.index)))
            else:
                b.add(substitute(Region((), [op]), self.old).ops[0])
        return For(
            loop.args,
            loop.outs,
            (Region(loop.body.params, b.region.ops, loop.body.yields),),
            loop.attrs,
            loop.src,
        )

    def _at(self, array: Value, written: set[Value]) -> Value:
        return (self.new if array in written else self.old)[array]
