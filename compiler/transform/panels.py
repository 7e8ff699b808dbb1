"""The factors of products of matrices, a row for each iteration of a block: `transform/block_products.py`."""

from __future__ import annotations

from collections.abc import Sequence

from ..analysis.updates import Rows
from ..ir.nodes import For, Value
from ..ir.types import INT
from .row_block import Block, Now


class Panels:
    """The factors of one nest: rows of scratch memory or of an argument as they are, or copies of them."""

    def __init__(self, block: Block, nest: For) -> None:
        self._block = block
        self._nest = nest
        self._b = block.b
        self._made: dict[tuple[object, ...], Value] = {}
        self._filled: set[Value] = set()
        self._finite: dict[tuple[object, ...], Value] = {}

    def width(self, rows: Rows) -> Value:
        """The length of a row."""
        if rows.source is None:
            return self._block.now.get(self._nest.hi, self._nest.hi)
        return self._block.length(rows.source.array, rows.axis)

    def panel(self, rows: Rows) -> Value:
        """The memory of a factor that is made for it."""
        key = self._key(rows)
        if key not in self._made:
            lengths = self._block.most, self.width(rows)
            name = f"{rows.value.name or 'factor'}_panel"
            self._made[key] = self._b.alloc(lengths, rows.value.dtype, name=name)
        return self._made[key]

    def prepare(self, rows: Rows) -> None:
        """Copy a factor that does not lie in rows."""
        if rows.source is None or self._spec(rows) or self.panel(rows) in self._filled:
            return
        panel = self.panel(rows)
        self._filled.add(panel)
        k, j, now = self._open(rows)
        self._b.store(panel, (k, j), self._element(rows, k, now))
        self._close(rows)

    def finite(self, rows: Rows) -> Value:
        """Whether no element of a factor is infinite, nor nan: their products with zero are no zero."""
        key = self._key(rows)
        if key not in self._finite:
            spoilt = self._spoilt_flat(rows) if self._is_flat(rows) else self._spoilt(rows)
            zero = self._b.const(0.0, rows.value.dtype)
            self._finite[key] = self._b.apply("eq", (spoilt, zero), "bool")
        return self._finite[key]

    def _spoilt(self, rows: Rows) -> Value:
        """The sum of all elements times zero."""
        zero = self._b.const(0.0, rows.value.dtype)
        outer, inner = (Value(rows.value.type, "spoilt") for _ in range(2))
        k, _, now = self._open(rows, outer, inner)
        after = self._plus_nothing(inner, self._element(rows, k, now))
        (spoilt,) = self._close(rows, [after], [outer], [zero])
        return spoilt

    def _spoilt_flat(self, rows: Rows) -> Value:
        """The same in one loop, which has vectors however short the rows are."""
        b, block = self._b, self._block
        zero, spoilt, j = b.const(0.0, rows.value.dtype), Value(rows.value.type, "spoilt"), Value(INT, "j")
        size = b.apply("mul", (block.count, self.width(rows)), "int64", "size")
        flat = b.view(self.rows(rows), "reshape", (), (size,), 1, "flat")
        b.open((j, spoilt))
        body = b.close([self._plus_nothing(spoilt, b.load(flat, (j,)))])
        (after,) = b.for_(block.zero, size, block.one, [zero], body)
        return after

    def _is_flat(self, rows: Rows) -> bool:
        """Whether the rows lie one after the other in memory of our own."""
        return rows.source is not None and rows.source.array in self._block.wide and bool(self._spec(rows))

    def _plus_nothing(self, total: Value, element: Value) -> Value:
        b, dtype = self._b, total.dtype
        nothing = b.apply("mul", (element, b.const(0.0, dtype)), dtype)
        return b.apply("add", (total, nothing), dtype)

    def rows(self, rows: Rows) -> Value:
        """The rows of a factor that the block has."""
        b, block, source = self._b, self._block, rows.source
        if source is None or not self._spec(rows):
            span = (block.zero, block.count, block.one)
            panel = self.panel(rows)
            return b.view(panel, "slice", ("s", ":"), span, 2, panel.name)
        if source.array not in block.wide:
            end = b.apply("add", (block.first, block.count), "int64")
            return b.view(
                source.array, "slice", ("s", ":"), (block.first, end, block.one), 2, rows.value.name
            )
        wide, spec = block.wide[source.array], self._spec(rows)
        around = [block.now.get(i, i) for i in source.index[:-1]]
        return b.view(wide, "slice", spec, (*around, block.zero, block.count, block.one), 2, wide.name)

    def _open(self, rows: Rows, *carried: Value) -> tuple[Value, Value, Now]:
        """Start a nest over the elements of a factor, whose loops carry these."""
        assert rows.source is not None
        k, now = self._block.rows((*rows.source.index, *rows.scalars), carried[:1])
        now[rows.place] = j = Value(INT, "j")
        self._b.open((j, *carried[1:]))
        return k, j, now

    def _element(self, rows: Rows, k: Value, now: Now) -> Value:
        assert rows.source is not None
        load = self._b.add(self._block.copy(rows.source, now, k))
        value = load.out
        for scalar in rows.scalars:
            value = self._b.apply("mul", (now.get(scalar, scalar), value), value.dtype)
        return value

    def _close(
        self,
        rows: Rows,
        yields: Sequence[Value] = (),
        outer: Sequence[Value] = (),
        inits: Sequence[Value] = (),
    ) -> tuple[Value, ...]:
        b, block = self._b, self._block
        row = b.close(yields)
        after = b.for_(block.zero, self.width(rows), block.one, outer, row)
        return block.end(after, inits)

    def _spec(self, rows: Rows) -> tuple[str, ...]:
        """The slice of an array that has the rows one after the other; empty if they must be copied."""
        source, block = rows.source, self._block
        if source is None or rows.scalars or rows.axis != source.array.rank - 1:
            return ()
        others = source.index[:-1]
        if source.array in block.wide:
            return (*("i" * len(others)), "s", ":") if block.differing.isdisjoint(others) else ()
        return ("s", ":") if others == (block.loop.index,) else ()

    def _key(self, rows: Rows) -> tuple[object, ...]:
        if rows.source is None:
            return (rows.value,)
        others = tuple(None if i is rows.place else i for i in rows.source.index)
        return (rows.source.array, rows.axis, *others, *rows.scalars)
