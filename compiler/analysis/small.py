"""Small arrays that nobody can tell from a few scalars: which they are, and which element an index means.

An array is small if it has at most `MOST` elements, as many in every run. It stays memory if more than loads,
stores, lengths and views of it could be noticed: if it is a result or an argument of a call, is held by a
list, or is indexed by what is not known.

A reference that control flow joins (`a if c else d`, an array rebound in a loop) stands for copies of the
elements. That is the same as shared memory if nobody writes through the joined reference, nor to any of the
joined arrays after the join.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

import numpy as np
import numpy.typing as npt

from ..ir.nodes import (
    Alloc,
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
from ..ir.types import INT, Array
from ..ir.walk import walk
from .structure import Structure

MOST = 16
"""Elements of the largest array that is small."""

Cells = npt.NDArray[np.intp]


class SmallArrays:
    """The small arrays of a function that need not be memory.

    `cells` gives, for every reference to one, the number of the element behind each index, and `root` the
    array: the result of its Alloc, or the joined reference. `later` says of an index that is no literal
    whether it will be one in range, once loops are unrolled.
    """

    def __init__(
        self, fn: Function, later: Callable[[Value, int], bool] = lambda index, length: False
    ) -> None:
        self.fn = fn
        self.later = later
        self.literals = {
            op.out: op.value for op in walk(fn.body) if isinstance(op, Const) and op.out.type == INT
        }
        self.undefined = {op.out for op in walk(fn.body) if isinstance(op, Undef)}
        self.cells: dict[Value, Cells] = {}
        self.root: dict[Value, Value] = {}
        self._allocated = {
            op.out for op in walk(fn.body) if isinstance(op, Alloc) and self.shape(op.args) is not None
        }
        if self._allocated:
            self._find()

    def __bool__(self) -> bool:
        return bool(self.root)

    def cell(self, ref: Value, index: tuple[Value, ...]) -> int:
        """The number of an element."""
        return int(self.cells[ref][tuple(self.literals[i] for i in index)])

    def shape(self, lengths: tuple[Value, ...]) -> tuple[int, ...] | None:
        """The shape that these lengths give a small array."""
        shape = tuple(self.literals.get(n, 0) for n in lengths)
        return shape if min(shape, default=1) > 0 and math.prod(shape) <= MOST else None

    def _find(self) -> None:
        known = -1
        while len(self.cells) != known:  # what flows around a loop may get its shape in the second round
            known = len(self.cells)
            self._region(self.fn.body)
        memory = self._memory()
        self.root = {ref: root for ref, root in self.root.items() if root not in memory}
        self.cells = {ref: self.cells[ref] for ref in self.root}

    # -- references and their elements
    def _region(self, region: Region) -> None:
        for op in region.ops:
            if isinstance(op, Loop):
                self._join(op)
            for inner in op.regions:
                self._region(inner)
            if isinstance(op, Loop | If):
                self._join(op)
            elif isinstance(op, Alloc) and op.out in self._allocated:
                self._name((op.out,), self.shape(op.args) or ())
            elif isinstance(op, View) and op.array in self.cells:
                cells = self._seen(op)
                if cells is not None:
                    self.cells[op.out], self.root[op.out] = cells, self.root[op.array]

    def _name(self, refs: tuple[Value, ...], shape: tuple[int, ...]) -> None:
        for ref in refs:
            self.cells[ref], self.root[ref] = np.arange(math.prod(shape)).reshape(shape), refs[0]

    def _join(self, op: Op) -> None:
        """Joined references have the shape of what flows into them."""
        for refs, sources in joins(op):
            known = [s for s in sources if s in self.cells]
            if known and refs[0] not in self.cells:
                self._name(refs, self.cells[known[0]].shape)

    def _seen(self, op: View) -> Cells | None:
        """The elements that a view shows, if that is known."""
        cells = self.cells[op.array]
        if op.kind == "transpose":
            return cells.transpose(op.spec)
        if any(v not in self.literals for v in op.args[1:]):
            return None
        operands = [self.literals[v] for v in op.args[1:]]
        if op.kind == "reshape":
            return cells.reshape(operands) if math.prod(operands) == cells.size else None
        return _sliced(cells, op.spec, operands)

    # -- what stays memory
    def _memory(self) -> set[Value]:
        """The roots that stay memory."""
        memory: set[Value] = {self.root[r] for r in self.fn.results if r in self.root}
        joined: list[tuple[Value | None, Value]] = []
        for op in walk(self.fn.body):
            memory.update(
                self.root[a] for k, a in enumerate(op.args) if a in self.root and not self._fits(op, k)
            )
            for refs, sources in joins(op):
                joined.extend(self._flows(refs, sources))
        memory |= self._written_after_a_join()
        count = -1
        while count != len(memory):  # what is joined with memory is memory
            count = len(memory)
            for source, target in joined:
                if source is None or source in memory or target in memory:
                    memory.update(v for v in (source, target) if v is not None)
        return memory

    def _flows(
        self, refs: tuple[Value, ...], sources: tuple[Value, ...]
    ) -> Iterator[tuple[Value | None, Value]]:
        """(array, joined reference) wherever one flows into the other; None stands for other memory."""
        target = self.root.get(refs[0])
        for source in sources:
            root = self.root.get(source)
            if target is None:
                if root is not None:
                    yield None, root
            elif root is None:
                if source not in self.undefined:
                    yield None, target
            elif self.cells[source].shape != self.cells[refs[0]].shape:
                yield from ((None, root), (None, target))
            else:
                yield root, target

    def _fits(self, op: Op, position: int) -> bool:
        """Whether scalars can stand for the array in one use of a reference."""
        if isinstance(op, Dim) or (isinstance(op, View) and op.out in self.root):
            return True
        if isinstance(op, Loop):
            return op.args[position] in op.inits and position >= len(op.args) - len(op.inits)
        if position or not isinstance(op, Load | Store):
            return False
        if isinstance(op, Store) and (self.root[op.array] not in self._allocated or op.array.dtype == "bool"):
            return False
        shape = self.cells[op.array].shape
        return all(self._in_range(i, n) for i, n in zip(op.index, shape, strict=True))

    def _in_range(self, index: Value, length: int) -> bool:
        literal = self.literals.get(index)
        return self.later(index, length) if literal is None else -length <= literal < length

    def _written_after_a_join(self) -> set[Value]:
        """Arrays that are written to where a joined reference already shows their elements, or from where
        scalars cannot be carried on."""
        found: set[Value] = set()
        at, flowing = Structure(self.fn.body), self._flowing()
        for op in walk(self.fn.body):
            if not isinstance(op, Store) or op.array not in self.root:
                continue
            root = self.root[op.array]
            home = at.home[root]
            around = [loop for loop in at.loops(at.region_of(op)) if not at.contains(loop.body, home)]
            if any(not _carries(at, loop, op) for loop in around):
                found.add(root)
            for join, enters in flowing.get(root, ()):
                region, write, read = at.common(op, join)
                again = any(not at.contains(loop.body, home) for loop in at.loops(region))
                inside = isinstance(join, If) or (not enters and at.contains(join.regions[-1], home))
                if again or write > read or (write == read and not inside):
                    found.add(root)
        return found

    def _flowing(self) -> dict[Value, list[tuple[Op, bool]]]:
        """Where references to an array are joined: (op, whether that is on entry to a loop)."""
        found: dict[Value, list[tuple[Op, bool]]] = {}
        for op in walk(self.fn.body):
            for _, sources in joins(op):
                for k, source in enumerate(sources):
                    if source in self.root:
                        found.setdefault(self.root[source], []).append((op, k == 0 and isinstance(op, Loop)))
        return found


def joins(op: Op) -> Iterator[tuple[tuple[Value, ...], tuple[Value, ...]]]:
    """(joined references, what flows into them) of a branch or a loop; a loop's init comes first."""
    if isinstance(op, If):
        for k, out in enumerate(op.outs):
            if isinstance(out.type, Array):
                yield (out,), (op.then.yields[k], op.orelse.yields[k])
    elif isinstance(op, Loop):
        for k, init in enumerate(op.inits):
            if isinstance(init.type, Array):
                tested = (op.cond.params[k],) if isinstance(op, While) else ()
                yield (op.carried[k], *tested, op.outs[k]), (init, op.next[k])


def _carries(at: Structure, loop: Loop, store: Store) -> bool:
    """Whether what a store in a loop leaves can become a carried value."""
    return not isinstance(loop, While) or at.contains(loop.body, at.region_of(store))


def _sliced(cells: Cells, spec: tuple[str, ...], operands: list[int]) -> Cells | None:
    """The elements behind a slice view; None if an index is out of range."""
    rest = iter(operands)
    index: list[int | slice | None] = []
    for entry in spec:
        if entry == "i":
            index.append(next(rest))
        elif entry == "s":
            start, stop, step = next(rest), next(rest), next(rest)
            index.append(slice(start, None if step < 0 and stop < 0 else stop, step))
        else:
            index.append(None if entry == "n" else slice(None))
    try:
        return cells[(*index, ...)]
    except IndexError:
        return None
